//! pgBackRest takes the backups: what it does not keep lies beside, they come back, and what it does not hold any more is
//! told. Where it is not installed, that is said.

use super::{
    backup::{Folder, client, command, done, hold, names, prepare, refused, text},
    told,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::{fs::MetadataExt as _, fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

/// A home whose settings name a stanza; the stanza is not made yet, and the log goes nowhere.
struct Place {
    folder: Folder,
    home: PathBuf,
    recovery: PathBuf,
    config: PathBuf,
    owner: (u32, u32),
}

impl Place {
    fn new() -> Option<Self> {
        if Command::new("pgbackrest").arg("version").output().is_err() {
            // Not through the test's own output, which is shown only when it fails.
            let said = "SKIPPED backups by pgBackRest: it is not installed (script/setup test)\n";
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        }
        let folder = Folder::new("pgbackrest");
        let (home, recovery) = prepare(&folder);
        let data = home.join("cluster/data");
        let meta = fs::metadata(&data).unwrap();
        let (config, owner) = (folder.path("pgbackrest.conf"), (meta.uid(), meta.gid()));
        let own = ["repo", "lock", "log", "spool"].map(|name| folder.path(name));
        for dir in &own {
            fs::create_dir(dir).unwrap();
            chown(dir, Some(owner.0), Some(owner.1)).unwrap();
        }
        let [repo, lock, log, spool] = own.map(|dir| text(&dir).to_owned());
        let (data, run) = (data.display(), home.join("cluster/run"));
        let settings = format!(
            "[global]\nrepo1-path={repo}\nrepo1-retention-full=2\nlock-path={lock}\nlog-path={log}\nspool-path={spool}\n\
             start-fast=y\nprocess-max=1\narchive-timeout=60\n\n[salus]\npg1-path={data}\npg1-socket-path={}\n\
             pg1-user=salus_admin\n",
            run.display()
        );
        fs::write(&config, settings).unwrap();
        let out = folder.path("out");
        let (out, file) = (out.display(), config.display());
        let toml = format!("backup_dir = '{out}'\npgbackrest_stanza = 'salus'\npgbackrest_file = '{file}'\n");
        fs::write(home.join("salus.toml"), toml).unwrap();
        Some(Self { folder, home, recovery, config, owner })
    }

    /// pgBackRest by itself, as its own operator runs it.
    fn tool(&self, arguments: &[&str]) {
        let mut command = Command::new("pgbackrest");
        command.arg("--stanza=salus").arg(format!("--config={}", text(&self.config))).args(arguments).current_dir("/");
        if fs::metadata("/proc/self").unwrap().uid() != self.owner.0 {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }

    fn out(&self) -> PathBuf {
        self.folder.path("out")
    }

    /// Both things that its operator does once: neither is done for them, and what is missing is said.
    async fn set_up(&self, source: &tokio_postgres::Client) {
        let said = refused(&self.home, &["backup"]);
        assert!(said.contains("archive-push") && said.contains("operator.conf"), "{said}");
        let push =
            format!("archive_command = 'pgbackrest --stanza=salus --config={} archive-push %p'\n", text(&self.config));
        fs::write(self.home.join("cluster/data/operator.conf"), push).unwrap();
        chown(self.home.join("cluster/data/operator.conf"), Some(self.owner.0), Some(self.owner.1)).unwrap();
        source.batch_execute("SELECT pg_reload_conf(); SELECT pg_sleep(0.5)").await.unwrap();
        assert!(refused(&self.home, &["backup"]).contains("stanza-create"));
        self.tool(&["stanza-create"]);
        assert!(!command(&self.home, &["doctor", "backups"]).output().unwrap().status.success(), "there is no backup");
    }

    fn drill(&self, arguments: &[&str]) -> Value {
        let scratch = ["--scratch", text(&self.folder.0)];
        let drill = done(&self.home, &[&["drill"], arguments, &scratch[..]].concat());
        assert_eq!((&drill["problems"], &drill["signed"]), (&json!([]), &Value::Bool(true)));
        assert!(drill["pgbackrest"]["label"].is_string() && drill["pg_verifybackup"].is_null(), "{drill}");
        assert!(!names(&self.folder.0).iter().any(|name| name.starts_with("salus-drill")));
        drill
    }
}

fn label(backup: &Value) -> &str {
    backup["manifest"]["pgbackrest"]["label"].as_str().unwrap()
}

async fn slugs(client: &tokio_postgres::Client) -> BTreeSet<String> {
    let sql = "SELECT slug::text FROM kernel.tenants WHERE slug IN ('one', 'two')";
    client.query(sql, &[]).await.unwrap().iter().map(|r| r.get(0)).collect()
}

/// What the database knows of backups: how many are there, and how many are gone.
async fn known(client: &tokio_postgres::Client) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE gone_at IS NULL), count(gone_at) FROM kernel.backups";
    let row = client.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbackrest_takes_backups_that_come_back_with_the_keys_beside_them() {
    let Some(place) = Place::new() else { return };
    let cluster = hold(&place.home);
    let source = client(&cluster).await;
    place.set_up(&source).await;
    done(&place.home, &["tenant", "create", "one", "--name", "One"]);
    done(&place.home, &["audit", "seal"]);
    let first = done(&place.home, &["backup"]);
    let beside = PathBuf::from(first["path"].as_str().unwrap());
    assert_eq!(
        names(&beside).into_iter().collect::<BTreeSet<_>>(),
        ["manifest.json", "manifest.mac", "root.age"].map(str::to_owned).into()
    );
    assert!(label(&first).ends_with('F') && first["manifest"]["rows"].as_object().unwrap().len() > 50, "{first}");

    let moment = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let moment: String = source.query_one(moment, &[]).await.unwrap().get(0);
    done(&place.home, &["tenant", "create", "two", "--name", "Two"]);
    done(&place.home, &["audit", "seal"]);
    let tables = place.drill(&["restore", "--from", text(&beside)]);
    assert!(tables["tables_counted"].as_u64().unwrap() > 50, "{tables}");
    let second = done(&place.home, &["backup"]);
    assert!(label(&second).ends_with('I') && label(&second).starts_with(label(&first)), "{second}");
    place.drill(&["pitr", "--to", "latest"]);
    let listed = done(&place.home, &["backup", "list"]);
    assert_eq!(listed["backups"].as_array().unwrap().len(), 2);
    assert!(listed["backups"][0]["reach"].as_str().unwrap().len() == 24, "{listed}");
    let doctor = done(&place.home, &["doctor", "backups"]);
    assert_eq!(doctor["problems"], json!([]));
    assert!(doctor["notes"].to_string().contains("not encrypted"), "{doctor}");
    assert_eq!(known(&source).await, (2, 0));
    assert!(refused(&place.home, &["backup", "prune", "--keep", "1"]).contains("repo1-retention-full"));

    elsewhere(&place, &beside, &moment).await;
    expiry(&place, &source, (&first, &beside)).await;
}

/// On what could be another machine, as of the moment, with nothing of the first home.
async fn elsewhere(place: &Place, beside: &Path, moment: &str) {
    let again = place.folder.path("again");
    let arguments = ["restore", "--from", text(beside), "--to", moment, "--identity", text(&place.recovery)];
    let output = command(&again, &arguments).env("SALUS_PGBACKREST_FILE", &place.config).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let cluster = hold(&again);
    let restored = client(&cluster).await;
    assert_eq!(slugs(&restored).await, BTreeSet::from(["one".to_owned()]));
}

/// What pgBackRest's own operator takes and removes is seen.
async fn expiry(place: &Place, source: &tokio_postgres::Client, (first, beside): (&Value, &Path)) {
    place.tool(&["--type=full", "backup"]);
    place.tool(&[&format!("--set={}", label(first)), "expire"]);
    let listed = command(&place.home, &["backup", "list"]).output().unwrap();
    assert!(!listed.status.success() && told(&listed).contains("does not hold backup"), "{}", told(&listed));
    let target = place.folder.path("target");
    let arguments = ["restore", "--from", text(beside), "--identity", text(&place.recovery)];
    let output = command(&target, &arguments).env("SALUS_PGBACKREST_FILE", &place.config).output().unwrap();
    let said = told(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("does not hold any more"), "{said}");
    done(&place.home, &["backup"]);
    assert!(!beside.exists(), "the folder of a backup that is gone goes");
    assert_eq!(names(&place.out()).iter().filter(|name| name.starts_with("salus-")).count(), 1);
    // One taken by others counts for whoever was erased since.
    assert_eq!(known(source).await, (2, 2));
    let doctor = done(&place.home, &["doctor", "backups"]);
    assert!(doctor["notes"].to_string().contains("without a folder beside it"), "{doctor}");
}
