//! Backups of the private cluster by the program itself: they come back the same, and what must be refused is.

use super::told;
use salus_store::cluster::{Cluster, DATABASE, Settings};
use serde_json::Value;
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A folder for one test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("salus-backup-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        // The account that runs PostgreSQL passes through.
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        Self(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

pub fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salus"));
    command.arg("--json").arg("--home").arg(home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
    for name in [
        "DATABASE_URL",
        "DATABASE_ADMIN_URL",
        "SALUS_HOME",
        "SALUS_OPERATOR_KEY",
        "SALUS_BACKUP_DIR",
        "SALUS_AUDIT_WITNESS",
        "SALUS_AUDIT_WITNESS_KEY",
    ] {
        command.env_remove(name);
    }
    command
}

pub fn run(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().unwrap()
}

pub fn done(home: &Path, arguments: &[&str]) -> Value {
    let output = run(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn refused(home: &Path, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert!(!output.status.success(), "{arguments:?} was not refused: {}", told(&output));
    told(&output)
}

/// Keeps the cluster running, so that each command need not start it.
pub fn hold(home: &Path) -> Cluster {
    Cluster::open(home, Settings { guard: env!("CARGO_BIN_EXE_salus").into(), ..Settings::default() }).unwrap()
}

pub async fn client(cluster: &Cluster) -> tokio_postgres::Client {
    let (client, connection) = cluster.config("salus_admin", DATABASE).connect(tokio_postgres::NoTls).await.unwrap();
    salus_store::runtime::spawn(async move {
        connection.await.ok();
    });
    client
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The names in a directory that are not hidden.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().into_string().unwrap()).filter(|name| !name.starts_with('.')).collect()
}

/// A migrated cluster with keys; the recovery identity in a file.
pub fn prepare(folder: &Folder) -> (PathBuf, PathBuf) {
    let (home, recovery) = (folder.path("home"), folder.path("recovery.key"));
    let keys = done(&home, &["keys", "init"]);
    fs::write(&recovery, keys["recovery_identity"].as_str().unwrap()).unwrap();
    done(&home, &["db", "init"]);
    done(&home, &["db", "migrate"]);
    (home, recovery)
}

/// What the whole table is, in one number.
async fn print(client: &tokio_postgres::Client, table: &str) -> (i64, Option<String>) {
    let sql = format!("SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
    let row = client.query_one(&sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// The report is signed, and no forged one is.
fn report_holds(folder: &Folder, home: &Path, (drill, backup): (&Value, &Value)) {
    let report = drill["report"].as_str().unwrap();
    let said = done(home, &["drill", "verify", report]);
    assert_eq!(
        (&said["report"]["ok"], &said["report"]["rows"]["medical.patients"]),
        (&Value::Bool(true), &backup["manifest"]["rows"]["medical.patients"])
    );
    let verify = |file: &Path, key: &str| {
        let arguments = [text(file), "--key", key];
        Command::new(env!("CARGO_BIN_EXE_salus-verify")).args(arguments).output().unwrap().status.code()
    };
    let key = drill["audit_log"]["key"].as_str().unwrap();
    assert_eq!(verify(Path::new(report), key), Some(0));
    let forged = folder.path("forged.note");
    fs::write(&forged, fs::read_to_string(report).unwrap().replacen("true", "null", 1)).unwrap();
    assert_eq!(verify(&forged, key), Some(3));
    assert!(refused(home, &["drill", "verify", text(&forged)]).contains("signature"));
}

/// Every file of a backup is named when it is changed, cut short or gone. `restore` is refused, and says why.
pub fn each_file_is_held(backup: &Path, data: &str, restore: impl Fn() -> String) {
    for name in [data, "root.age", "manifest.json", "manifest.mac"] {
        let path = backup.join(name);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for changed in [flipped.as_slice(), &whole[..whole.len() - 1]] {
            fs::write(&path, changed).unwrap();
            let said = restore();
            assert!(said.contains(name), "{name}: {said}");
        }
        fs::remove_file(&path).unwrap();
        assert!(restore().contains(name), "{name}");
        fs::write(&path, whole).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_the_same_and_its_sealed_values_open() {
    let folder = Folder::new("round");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["demo", "load", "valley"]);
    done(&home, &["audit", "seal"]);
    let backup = done(&home, &["backup", "--out", text(&folder.path("out"))]);
    let from = PathBuf::from(backup["path"].as_str().unwrap());
    assert!(backup["manifest"]["rows"]["medical.patients"].as_i64().unwrap() > 0, "{backup}");
    assert!(fs::read(from.join("base.tar.zst.age")).unwrap().starts_with(b"age-encryption.org/v1\n"));
    let source = client(&cluster).await;
    // How often a key has sealed goes on; the keys are the same.
    let keys = "(SELECT tenant_id, key_no, state, wrapped, canary FROM kernel.keys)";
    let tables = ["medical.patients", keys, "audit.activity_logs"];
    let mut before = Vec::new();
    for table in tables {
        before.push(print(&source, table).await);
    }
    let clear = folder.path("clear");
    done(&home, &["export", "fhir", "--tenant", "valley", "--out", text(&clear)]);
    let drill = done(&home, &["drill", "restore", "--from", text(&from), "--scratch", text(&folder.0)]);
    assert_eq!(drill["problems"], serde_json::json!([]));
    assert!(drill["tables_counted"].as_u64().unwrap() > 50, "{drill}");
    assert_eq!((&drill["ok"], &drill["scratch_removed"]), (&Value::Bool(true), &Value::Bool(true)));
    assert!(drill["audit_log"]["size"].as_u64().unwrap() > 0 && drill["signed"] == true, "{drill}");
    let without =
        drill["steps"].as_array().unwrap().iter().find(|s| s["step"] == "refuse an identity that is not its own");
    assert!(without.is_some_and(|step| step["ms"].is_u64()), "how fast it is refused without the key: {drill}");
    report_holds(&folder, &home, (&drill, &backup));
    assert_eq!(names(&home.join("drills")).len(), 1);
    assert!(!names(&folder.0).iter().any(|name| name.starts_with("salus-drill")));
    drop((source, cluster));

    // On what could be another machine: nothing of the first home is used.
    fs::remove_dir_all(&home).unwrap();
    let again = folder.path("again");
    let report = done(&again, &["restore", "--from", text(&from), "--identity", text(&recovery)]);
    assert!(report["keys"]["canaries"].as_u64().unwrap() > 0, "{report}");
    assert!(!again.join("keys/operator.key").exists());
    let cluster = hold(&again);
    let restored = client(&cluster).await;
    // That it was restored is on the record; nothing else is new.
    let sql = "DELETE FROM audit.activity_logs WHERE action = 'kernel.database.restore'";
    let sql = format!("SET session_replication_role = replica; {sql}");
    restored.batch_execute(&sql).await.unwrap();
    for (table, (rows, print_of)) in tables.iter().zip(before) {
        assert_eq!(print(&restored, table).await, (rows, print_of), "{table}");
    }
    let opened = folder.path("opened");
    let export = ["export", "fhir", "--tenant", "valley", "--out", text(&opened)];
    let output = command(&again, &export).env("SALUS_OPERATOR_KEY", &recovery).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let patients = |dir: &Path| fs::read(dir.join("Patient.000.ndjson")).unwrap();
    assert!(patients(&opened).len() > 1000);
    assert!(patients(&opened) == patients(&clear), "names and identifiers open to what they were");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_restored_is_refused_by_name_before_anything_is_written() {
    let folder = Folder::new("refuse");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    let out = folder.path("out");
    let from = PathBuf::from(done(&home, &["backup", "--out", text(&out)])["path"].as_str().unwrap());
    let operator = home.join("keys/operator.key");
    let target = folder.path("target");
    let restore = |identity: &Path| {
        let said = refused(&target, &["restore", "--from", text(&from), "--identity", text(identity)]);
        assert!(!target.exists(), "nothing is written: {said}");
        said
    };
    assert!(restore(&folder.path("missing.key")).contains("missing.key"));
    let other = folder.path("other");
    done(&other, &["keys", "init"]);
    assert!(restore(&other.join("keys/operator.key")).contains("does not open the root key"));
    let said = refused(&target, &["restore", "--from", text(&from)]);
    assert!(said.contains("--identity FILE") && !target.exists(), "{said}");
    each_file_is_held(&from, "base.tar.zst.age", || restore(&operator));
    // Somebody else's whole backup under the first one's manifest, and an honest-looking manifest, are no better.
    let manifest = from.join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    let schema = whole.replace("\"format\": 3", "\"format\": 5");
    fs::write(&manifest, schema).unwrap();
    assert!(restore(&operator).contains("format 5"));
    fs::write(&manifest, whole.replace("\"changing\": []", "\"changing\": [\"a\"]")).unwrap();
    assert!(restore(&operator).contains("manifest.json"));
    fs::write(&manifest, whole).unwrap();
    fs::create_dir(&target).unwrap();
    fs::write(target.join("note"), "mine").unwrap();
    let said = refused(&target, &["restore", "--from", text(&from), "--identity", text(&operator)]);
    assert!(said.contains("not empty"), "{said}");
    assert_eq!(names(&target), ["note"]);
    fs::remove_dir_all(&target).unwrap();

    let client = client(&cluster).await;
    let sql = "INSERT INTO kernel.migrations (version, name, checksum, state) VALUES (90000, 'later', 'x', 'applied')";
    client.execute(sql, &[]).await.unwrap();
    let later = folder.path("later");
    let from = done(&home, &["backup", "--out", text(&later)]);
    let from = from["path"].as_str().unwrap();
    let said = refused(&target, &["restore", "--from", from, "--identity", text(&operator)]);
    assert!(said.contains("schema 90000") && !target.exists(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_ends_half_way_has_no_final_name() {
    let folder = Folder::new("half");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    let out = folder.path("out");
    let archive = || {
        let dirs = fs::read_dir(&out).into_iter().flatten().flatten();
        dirs.filter_map(|dir| fs::metadata(dir.path().join("base.tar.zst.age")).ok()).any(|m| m.len() > 100_000)
    };
    let mut tries = 0;
    loop {
        let mut backup = command(&home, &["backup", "--out", text(&out)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !archive() && backup.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        backup.kill().unwrap();
        if backup.wait().unwrap().signal() == Some(9) {
            break;
        }
        // It was done before it could be killed.
        tries += 1;
        assert!(tries < 20, "never killed half-way");
        fs::remove_dir_all(&out).unwrap();
    }
    assert_eq!(names(&out), Vec::<String>::new());

    // One that fails by itself leaves nothing at all: the server ends the sessions that send the archive.
    let failed = folder.path("failed");
    let client = client(&cluster).await;
    let child = command(&home, &["backup", "--out", text(&failed)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'walsender'";
    let since = Instant::now();
    while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(since.elapsed() < Duration::from_mins(1), "no session sends an archive");
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && told(&output).contains("pg_basebackup failed"), "{}", told(&output));
    assert_eq!(fs::read_dir(&failed).into_iter().flatten().count(), 0);
    let slots = client.query_one("SELECT count(*) FROM pg_replication_slots", &[]).await.unwrap();
    assert_eq!(slots.get::<_, i64>(0), 0, "no slot keeps the log of a backup that is gone");
    done(&home, &["backup", "--out", text(&out)]);
    assert_eq!(names(&out).len(), 1);
}
