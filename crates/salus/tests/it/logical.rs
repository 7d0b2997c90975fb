//! Logical backups by the program itself, of the private cluster and of a server of one's own: they come back the same, and
//! what must be refused is.

use super::{
    Place,
    backup::{Folder, client, command, done, each_file_is_held, hold, names, prepare, refused, text},
    told,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Output,
};

/// What the tables are whose rows and digests must come back, each in one number.
async fn prints(client: &tokio_postgres::Client) -> Vec<(i64, Option<String>)> {
    let keys = "(SELECT tenant_id, key_no, state, wrapped, canary FROM kernel.keys)";
    let events = "(SELECT * FROM audit.activity_logs WHERE action <> 'kernel.database.restore')";
    let mut found = Vec::new();
    for table in [keys, events, "audit.leaves", "audit.tiles", "kernel.tenants", "auth.organizations"] {
        let sql = format!("SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
        let row = client.query_one(&sql, &[]).await.unwrap();
        found.push((row.get(0), row.get(1)));
    }
    found
}

/// Every file is refused by its name when it was changed or is missing, and so is what a dump cannot give.
fn refusals(folder: &Folder, from: &Path, recovery: &Path) {
    let target = folder.path("target");
    let restore = |more: &[&str]| {
        let said = refused(&target, &[&["restore", "--from", text(from)], more].concat());
        assert!(!target.exists(), "nothing is written: {said}");
        said
    };
    let identity = ["--identity", text(recovery)];
    assert!(restore(&[]).contains("--identity FILE"));
    assert!(restore(&["--identity", text(recovery), "--to", "latest"]).contains("no log goes on"));
    let other = folder.path("other");
    done(&other, &["keys", "init"]);
    assert!(restore(&["--identity", text(&other.join("keys/operator.key"))]).contains("does not open the root key"));
    each_file_is_held(from, "dump.zst.age", || restore(&identity));
    // A manifest that calls itself a base backup is another one.
    let manifest = from.join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, whole.replace("\"format\": 4", "\"format\": 3")).unwrap();
    assert!(restore(&identity).contains("manifest.json"));
    fs::write(&manifest, whole).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logical_backup_comes_back_the_same_in_another_cluster() {
    let folder = Folder::new("logical");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "one", "--name", "One"]);
    done(&home, &["audit", "seal"]);
    let out = folder.path("out");
    let backup = done(&home, &["backup", "--logical", "--out", text(&out)]);
    let from = PathBuf::from(backup["path"].as_str().unwrap());
    let manifest = &backup["manifest"];
    assert_eq!((&manifest["kind"], &manifest["format"]), (&json!("logical"), &json!(4)));
    assert_eq!(manifest["changing"], json!([]), "one snapshot: every number is exact");
    assert!(manifest["rows"]["kernel.keys"].as_i64().unwrap() > 0, "{backup}");
    assert!(fs::read(from.join("dump.zst.age")).unwrap().starts_with(b"age-encryption.org/v1\n"));
    let source = client(&cluster).await;
    let before = prints(&source).await;
    done(&home, &["tenant", "create", "two", "--name", "Two"]);
    half_way(&folder, &home, &source).await;
    drop((source, cluster));
    refusals(&folder, &from, &recovery);

    // On what could be another machine: only the evidence of the first home is used.
    let again = folder.path("again");
    let report = done(&again, &["restore", "--from", text(&from), "--identity", text(&recovery)]);
    assert_eq!((&report["problems"], &report["kind"]), (&json!([]), &json!("logical")));
    assert!(report["keys"]["canaries"].as_i64().unwrap() > 0, "what is sealed opens: {report}");
    assert!(!again.join("keys/operator.key").exists());
    let cluster = hold(&again);
    let restored = client(&cluster).await;
    assert_eq!(prints(&restored).await, before);
    let (anchor, receipts) = (home.join("audit/anchor"), home.join("audit/receipts"));
    let with = |arguments: &[&str]| -> Output {
        let mut command = command(&again, arguments);
        command.env("SALUS_OPERATOR_KEY", &recovery);
        command.env("SALUS_AUDIT_ANCHOR", &anchor).env("SALUS_AUDIT_RECEIPTS", &receipts).output().unwrap()
    };
    let well = |arguments: &[&str]| -> Value {
        let output = with(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert!(told(&with(&["audit", "seal"])).contains("another cluster"));
    let begun = well(&["audit", "new-epoch", "--reason", "moved by a logical backup"]);
    assert!(!begun["begun"]["lost"].as_array().unwrap().is_empty(), "the second tenant came after the backup: {begun}");
    well(&["audit", "seal"]);
    assert_eq!(well(&["audit", "verify", "--rows"])["report"]["epochs"].as_array().unwrap().len(), 2);
}

/// One that is killed has no final name, and one whose program fails leaves nothing at all.
async fn half_way(folder: &Folder, home: &Path, client: &tokio_postgres::Client) {
    let out = folder.path("half");
    let backup = ["backup", "--logical", "--out", text(&out)];
    let killed = command(home, &backup).env("SALUS_FAULT_POINT", "backup.written").output().unwrap();
    assert_eq!(killed.status.signal(), Some(6), "{}", told(&killed));
    assert_eq!(
        (names(&out).len(), fs::read_dir(&out).unwrap().count()),
        (0, 1),
        "all of it is written, and has no name"
    );
    fs::remove_dir_all(&out).unwrap();
    client.batch_execute("SELECT lo_create(424242)").await.unwrap();
    let said = refused(home, &backup);
    assert!(said.contains("pg_dump failed") && said.contains("large object"), "{said}");
    assert_eq!(fs::read_dir(&out).into_iter().flatten().count(), 0);
    client.batch_execute("SELECT lo_unlink(424242)").await.unwrap();
}

/// A server of one's own: a database of the tests' cluster, reached by addresses alone.
struct Own {
    place: Place,
    settings: Vec<(&'static str, String)>,
}

impl Own {
    async fn new(backups: &Path) -> Self {
        let place = Place::new().await;
        let urls = [("DATABASE_URL", "salus_app"), ("DATABASE_ADMIN_URL", "salus_admin")];
        let more = [("DATABASE_SEALER_URL", "salus_sealer"), ("DATABASE_BACKUP_URL", "salus_backup")];
        let mut settings: Vec<_> = urls.into_iter().chain(more).map(|(name, role)| (name, place.url(role))).collect();
        settings.push(("SALUS_BACKUP_DIR", text(backups).to_owned()));
        Self { place, settings }
    }

    fn run(&self, without: &str, arguments: &[&str]) -> Output {
        let set =
            self.settings.iter().filter(|(name, _)| *name != without).map(|(name, value)| (*name, value.as_str()));
        self.place.run(&set.collect::<Vec<_>>(), &[&["--json"], arguments].concat())
    }

    fn done(&self, arguments: &[&str]) -> Value {
        let output = self.run("", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn said(&self, without: &str, arguments: &[&str]) -> String {
        let output = self.run(without, arguments);
        assert!(!output.status.success(), "{arguments:?} was not refused: {}", told(&output));
        told(&output)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_is_backed_up_looked_after_and_restored() {
    let folder = Folder::new("own");
    let out = folder.path("out");
    let own = Own::new(&out).await;
    own.done(&["keys", "init"]);
    own.done(&["tenant", "create", "north", "--name", "North"]);
    own.done(&["audit", "seal"]);
    assert!(own.said("DATABASE_BACKUP_URL", &["backup"]).contains("database_backup_url"));
    assert!(own.said("DATABASE_BACKUP_URL", &["doctor", "backups"]).contains("database_backup_url"));
    assert!(own.said("", &["backup", "log"]).contains("server of your own"));
    let backup = own.done(&["backup"]);
    let from = backup["path"].as_str().unwrap();
    assert_eq!(backup["manifest"]["kind"], "logical", "there is no other kind");
    let listed = own.done(&["backup", "list"]);
    assert_eq!((listed["backups"].as_array().unwrap().len(), &listed["ok"]), (1, &json!(true)), "{listed}");
    assert!(own.said("", &["doctor", "backups"]).contains("no signed drill"));
    let drill = own.done(&["drill", "restore", "--scratch", text(&folder.0)]);
    assert_eq!((&drill["problems"], &drill["signed"]), (&json!([]), &json!(true)));
    let doctor = own.done(&["doctor", "backups"]);
    assert!(doctor["notes"].to_string().contains("The newest backup is"), "{doctor}");
    let proof = own.done(&["prove", "backups"]);
    assert!(proof.to_string().contains("HOLDS"), "{proof}");
    assert_eq!(own.done(&["backup", "prune", "--keep", "1"])["removed"], json!([]));

    // Into an empty database of the same server; not over one that holds anything.
    let target = folder.path("target");
    let restore = |settings: &[(&'static str, String)]| {
        let mut restore = command(&target, &["restore", "--from", from]);
        restore.env("SALUS_OPERATOR_KEY", own.place.home.join("keys/operator.key"));
        restore.envs(settings.iter().map(|(name, value)| (*name, value.as_str()))).output().unwrap()
    };
    let output = restore(&own.settings);
    assert!(told(&output).contains("is not empty") && !target.exists(), "{}", told(&output));
    let empty = Empty::new(&own.place).await;
    let settings: Vec<_> = own
        .settings
        .iter()
        .map(|(name, value)| (*name, value.replace(own.place.database.name(), &empty.name)))
        .collect();
    let mut init = command(&target, &["db", "init"]);
    let output = init.envs(settings.iter().map(|(name, value)| (*name, value.as_str()))).output().unwrap();
    assert!(output.status.success() && !target.exists(), "the roles, and no directory: {}", told(&output));
    let output = restore(&settings);
    assert!(output.status.success(), "{}", told(&output));
    assert!(target.join("keys/root.age").exists() && !target.join("cluster").exists());
    let restored = empty.connect(&own.place).await;
    let sql = "SELECT array_agg(slug::text ORDER BY slug) FROM kernel.tenants";
    let slugs: Vec<String> = restored.query_one(sql, &[]).await.unwrap().get(0);
    assert!(slugs.contains(&"north".to_owned()), "{slugs:?}");
    empty.end().await;
}

/// An empty database beside that of a place.
struct Empty {
    name: String,
    admin: tokio_postgres::Client,
}

impl Empty {
    async fn new(place: &Place) -> Self {
        // As databases of tests are called, so that the next run removes what a killed one left.
        let name = format!("{}_empty", place.database.name());
        let admin = place.database.connect("salus_admin").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self { name, admin }
    }

    async fn connect(&self, place: &Place) -> tokio_postgres::Client {
        let mut config = place.database.config("salus_admin");
        let (client, connection) = config.dbname(&self.name).connect(tokio_postgres::NoTls).await.unwrap();
        salus_store::runtime::spawn(async move {
            connection.await.ok();
        });
        client
    }

    async fn end(self) {
        self.admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }
}
