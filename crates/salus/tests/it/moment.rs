//! Restores as of a moment, by the program itself: exactly what was committed by then comes back; a gap, a change or a
//! time that the archived log does not reach is refused; the audit log goes on in a new epoch that lists what is lost.

use super::{
    backup::{Folder, client, command, done, hold, names, prepare, refused, text},
    told,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Runs the program with these settings as well.
fn with(home: &Path, settings: &[(&str, &Path)], arguments: &[&str]) -> (bool, Value, String) {
    let output = command(home, arguments).envs(settings.iter().copied()).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.success(), json, told(&output))
}

#[track_caller]
fn well(home: &Path, settings: &[(&str, &Path)], arguments: &[&str]) -> Value {
    let (ok, json, told) = with(home, settings, arguments);
    assert!(ok, "{arguments:?}: {told}");
    json
}

async fn slugs(client: &tokio_postgres::Client) -> BTreeSet<String> {
    let rows =
        client.query("SELECT slug::text FROM kernel.tenants WHERE slug IN ('one', 'two', 'three')", &[]).await.unwrap();
    rows.iter().map(|r| r.get(0)).collect()
}

async fn ids(client: &tokio_postgres::Client) -> BTreeSet<String> {
    let rows = client.query("SELECT id::text FROM audit.activity_logs", &[]).await.unwrap();
    rows.iter().map(|r| r.get(0)).collect()
}

/// A home with an archived log: one tenant before the moment, two after it.
struct Past {
    folder: Folder,
    home: PathBuf,
    recovery: PathBuf,
    out: PathBuf,
    base: PathBuf,
    moment: String,
    at_moment: BTreeSet<String>,
    after: BTreeSet<String>,
    source: tokio_postgres::Client,
    _cluster: salus_store::cluster::Cluster,
}

impl Past {
    async fn new() -> Self {
        let folder = Folder::new("moment");
        let (home, recovery) = prepare(&folder);
        let out = folder.path("out");
        let place: [(&str, &Path); 1] = [("SALUS_BACKUP_DIR", &out)];
        let cluster = hold(&home);
        let source = client(&cluster).await;
        let tenant = |slug: &str| well(&home, &place, &["tenant", "create", slug, "--name", slug]);
        let seal = || ["seal", "anchor"].map(|word| well(&home, &place, &["audit", word]));
        well(&home, &place, &["backup", "log"]);
        let base = PathBuf::from(well(&home, &place, &["backup"])["path"].as_str().unwrap());
        tenant("one");
        seal();
        let moment = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
        let moment: String = source.query_one(moment, &[]).await.unwrap().get(0);
        let at_moment = ids(&source).await;
        tenant("two");
        seal();
        tenant("three");
        let after = ids(&source).await;
        assert!(well(&home, &place, &["backup", "log"])["files"].as_u64().unwrap() >= 1);
        assert_eq!(
            names(&home.join("cluster/archive")),
            Vec::<String>::new(),
            "what was archived is not kept in clear"
        );
        Self { folder, home, recovery, out, base, moment, at_moment, after, source, _cluster: cluster }
    }

    fn place(&self) -> [(&str, &Path); 1] {
        [("SALUS_BACKUP_DIR", &self.out)]
    }

    fn restore(&self, home: &Path, to: &str) -> Value {
        let from = text(&self.base);
        done(home, &["restore", "--from", from, "--to", to, "--identity", text(&self.recovery)])
    }

    fn refused(&self, to: &str) -> String {
        let target = self.folder.path("target");
        let from = text(&self.base);
        let said = refused(&target, &["restore", "--from", from, "--to", to, "--identity", text(&self.recovery)]);
        fs::remove_dir_all(&target).ok();
        said
    }

    /// What the log does not reach, what is before the backup, a file that was changed, and one that is missing.
    async fn refusals(&self) {
        assert!(self.refused("2020-01-01T00:00:00Z").contains("take an earlier backup"));
        assert!(self.refused("2999-01-01T00:00:00Z").contains("holds no change that was committed after"));
        let wal = names(&self.out).into_iter().find(|name| name.starts_with("wal-")).unwrap();
        let wal = self.out.join(wal);
        let mut files: Vec<String> =
            names(&wal).into_iter().filter(|n| n.ends_with(".gz.age") && n.len() == 31).collect();
        files.sort_unstable();
        let name = files.last().unwrap();
        let path = wal.join(name);
        let mut flipped = fs::read(&path).unwrap();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(self.refused("latest").contains(name.as_str()));
        fs::remove_file(&path).unwrap();
        let newest = "SELECT to_char(max(recorded_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM audit.activity_logs";
        let newest: String = self.source.query_one(newest, &[]).await.unwrap().get(0);
        assert!(self.refused(&newest).contains("holds no change"), "a gap is not passed over");
    }

    /// The list tells how far a restore goes; the doctor asks for a drill, and is content after one.
    fn drill(&self) {
        let listed = well(&self.home, &self.place(), &["backup", "list"]);
        assert!(listed["backups"][0]["reach"].is_string() && listed["archive_lag_seconds"].is_number(), "{listed}");
        assert!(!with(&self.home, &self.place(), &["doctor", "backups"]).0);
        let arguments = ["drill", "pitr", "--to", &self.moment, "--scratch", text(&self.folder.0)];
        let drill = well(&self.home, &self.place(), &arguments);
        assert_eq!((&drill["signed"], &drill["problems"]), (&Value::Bool(true), &serde_json::json!([])));
        let rows = drill["rows"]["audit.activity_logs_default"].as_u64().unwrap_or(0) + parts(&drill);
        assert_eq!(rows, self.at_moment.len() as u64);
        assert!(well(&self.home, &self.place(), &["doctor", "backups"])["ok"] == true);
        assert!(!names(&self.folder.0).iter().any(|name| name.starts_with("salus-drill")));
    }
}

/// So many megabytes more, which nothing makes smaller.
async fn fill(source: &tokio_postgres::Client, megabytes: i64) {
    let sql = "INSERT INTO kernel.settings (tenant_id, id, name, value) \
               SELECT t.id, gen_random_uuid(), 'much.' || translate(replace(gen_random_uuid()::text, '-', ''), '0123456789', 'ghijklmnop'), \
                 to_jsonb((SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 8192) i)) \
               FROM kernel.tenants t, generate_series(1, $1::bigint) n WHERE t.slug = 'one'";
    source.batch_execute("SET session_replication_role = replica").await.unwrap();
    source.execute(sql, &[&(megabytes * 4)]).await.unwrap();
}

#[allow(clippy::disallowed_methods, reason = "script/chaos says how much; a test has no configuration file")]
fn megabytes() -> i64 {
    std::env::var("SALUS_CHAOS_ROUNDS").map_or(4, |text| text.parse().expect("a number of megabytes"))
}

/// `spec` A57, with as much as `script/chaos pitr` says: half of it in the backup and half in the archived log.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_of_much_data_comes_back_in_a_drill_and_its_time_is_told() {
    let folder = Folder::new("much");
    let (home, _) = prepare(&folder);
    let out = folder.path("out");
    let place: [(&str, &Path); 1] = [("SALUS_BACKUP_DIR", &out)];
    let cluster = hold(&home);
    let source = client(&cluster).await;
    well(&home, &place, &["tenant", "create", "one", "--name", "One"]);
    fill(&source, megabytes() / 2).await;
    well(&home, &place, &["backup", "log"]);
    well(&home, &place, &["backup"]);
    fill(&source, megabytes() / 2).await;
    well(&home, &place, &["audit", "seal"]);
    // A whole second between what is wanted and what is not.
    let count = async || -> i64 { source.query_one("SELECT count(*) FROM kernel.settings", &[]).await.unwrap().get(0) };
    let wanted = count().await;
    let second =
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM pg_sleep(1.1)";
    let second: String = source.query_one(second, &[]).await.unwrap().get(0);
    fill(&source, 1).await;
    assert!(count().await > wanted);
    well(&home, &place, &["backup", "log"]);
    let drill = well(&home, &place, &["drill", "pitr", "--to", &second, "--scratch", text(&folder.0)]);
    assert_eq!((&drill["signed"], &drill["problems"]), (&Value::Bool(true), &serde_json::json!([])));
    assert_eq!(drill["rows"]["kernel.settings"].as_i64(), Some(wanted), "as of {second}");
    let steps = drill["steps"].as_array().unwrap();
    let took: u64 = steps.iter().map(|step| step["ms"].as_u64().unwrap()).sum();
    eprintln!("{} MB as of {second} in {took} ms (A57: 10 GB in 600,000 ms): {}", megabytes(), drill["steps"]);
    assert!(
        took > 0
            && well(&home, &place, &["drill", "verify", drill["report"].as_str().unwrap()])["report"]["ok"] == true
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_comes_back_exactly_and_the_audit_log_goes_on() {
    let past = Past::new().await;
    past.drill();
    // A restore on what could be another machine, with the evidence of the first.
    let again = past.folder.path("again");
    let (anchor, receipts) = (past.home.join("audit/anchor"), past.home.join("audit/receipts"));
    let evidence: [(&str, &Path); 3] =
        [("SALUS_OPERATOR_KEY", &past.recovery), ("SALUS_AUDIT_ANCHOR", &anchor), ("SALUS_AUDIT_RECEIPTS", &receipts)];
    assert_eq!(past.restore(&again, &past.moment)["problems"], serde_json::json!([]));
    assert!(!again.join("cluster/wal").exists(), "no clear log stays");
    let cluster = hold(&again);
    let restored = client(&cluster).await;
    assert_eq!(slugs(&restored).await, BTreeSet::from(["one".to_owned()]));
    let back = ids(&restored).await;
    assert!(past.at_moment.is_subset(&back), "what was committed by then is there");
    let gone: BTreeSet<String> = past.after.difference(&back).cloned().collect();
    assert!(!gone.is_empty());
    let said = refused_with(&again, &evidence, &["audit", "seal"]);
    assert!(said.contains("rolled back") && said.contains("new-epoch"), "{said}");
    let begun = well(&again, &evidence, &["audit", "new-epoch", "--reason", "restored to a moment"]);
    let listed: BTreeSet<String> =
        begun["begun"]["lost"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, gone, "exactly what is lost");
    well(&again, &evidence, &["audit", "seal"]);
    let verified = well(&again, &evidence, &["audit", "verify"]);
    assert_eq!(verified["report"]["epochs"].as_array().unwrap().len(), 2);
    drop((restored, cluster));

    let latest = past.folder.path("latest");
    past.restore(&latest, "latest");
    let cluster = hold(&latest);
    assert_eq!(slugs(&client(&cluster).await).await.len(), 3);
    drop(cluster);
    past.refusals().await;
}

/// Rows of the monthly partitions of the log.
fn parts(drill: &Value) -> u64 {
    let rows = drill["rows"].as_object().unwrap();
    rows.iter().filter(|(t, _)| t.starts_with("audit.activity_logs_2")).map(|(_, n)| n.as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pruned_is_what_no_backup_needs() {
    let folder = Folder::new("prune");
    let (home, recovery) = prepare(&folder);
    let out = folder.path("out");
    let place: [(&str, &Path); 1] = [("SALUS_BACKUP_DIR", &out)];
    let cluster = hold(&home);
    let log = || well(&home, &place, &["backup", "log"]);
    log();
    let mut bases = Vec::new();
    for slug in ["one", "two", "three"] {
        bases.push(well(&home, &place, &["backup"])["path"].as_str().unwrap().to_owned());
        well(&home, &place, &["tenant", "create", slug, "--name", slug]);
        log();
        // Directories are named by the second.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    assert!(refused(&home, &["backup", "prune", "--keep", "0", "--out", text(&out)]).contains("at least 1"));
    let before = with(&home, &place, &["backup", "prune", "--keep", "5"]).1;
    assert_eq!(before["removed"], serde_json::json!([]));
    let pruned = well(&home, &place, &["backup", "prune", "--keep", "2"]);
    assert_eq!(pruned["removed"], serde_json::json!([bases[0]]));
    assert!(pruned["log_files"].as_u64().unwrap() >= 1, "{pruned}");
    assert_eq!(well(&home, &place, &["backup", "list"])["backups"].as_array().unwrap().len(), 2);
    // Each that is left comes back with all that followed.
    for (number, base) in bases[1..].iter().enumerate() {
        let again = folder.path(&format!("again-{number}"));
        done(&again, &["restore", "--from", base, "--to", "latest", "--identity", text(&recovery)]);
        let restored = hold(&again);
        assert_eq!(slugs(&client(&restored).await).await.len(), 3, "{base}");
    }
    // Under a new root key another archive begins. What was taken before still opens, and its log goes with the last backup of it.
    let archives = || names(&out).into_iter().filter(|name| name.starts_with("wal-")).count();
    well(&home, &place, &["keys", "rewrap"]);
    log();
    assert_eq!(archives(), 2);
    let listed = well(&home, &place, &["backup", "list"]);
    let opens = |b: &Value| b["problem"].is_null() && b["reach"].is_string();
    assert!(listed["backups"].as_array().unwrap().iter().all(opens), "{listed}");
    let newest = well(&home, &place, &["backup"])["path"].as_str().unwrap().to_owned();
    well(&home, &place, &["tenant", "create", "four", "--name", "four"]);
    log();
    let again = folder.path("again-newest");
    done(&again, &["restore", "--from", &newest, "--to", "latest", "--identity", text(&recovery)]);
    let pruned = well(&home, &place, &["backup", "prune", "--keep", "1"]);
    assert_eq!(pruned["removed"], serde_json::json!([bases[1], bases[2]]));
    assert_eq!(archives(), 1);
    // With a backup that cannot be read none of the log goes.
    fs::write(Path::new(&newest).join("manifest.mac"), "00").unwrap();
    let pruned = with(&home, &place, &["backup", "prune", "--keep", "1"]).1;
    assert_eq!((&pruned["removed"], &pruned["log_files"]), (&serde_json::json!([]), &serde_json::json!(0)));
    drop(cluster);
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let since = std::time::Instant::now();
    while !so() {
        assert!(since.elapsed() < std::time::Duration::from_mins(10), "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// A program that runs until the test ends; its first lines.
struct Running(std::process::Child);

impl Running {
    fn start(mut command: std::process::Command) -> (Self, String) {
        use std::io::BufRead as _;
        let mut child =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        std::process::Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_backups_by_itself() {
    let folder = Folder::new("serve");
    let (home, _) = prepare(&folder);
    let out = folder.path("out");
    let _cluster = hold(&home);
    let mut serve = command(&home, &["serve", "--port", "0"]);
    serve.env("SALUS_BACKUP_DIR", &out).env("SALUS_DRILL_DIR", folder.path("drills"));
    let (server, _) = Running::start(serve);
    let bases = || names(&out).into_iter().filter(|name| name.starts_with("salus-")).count();
    until("no backup is taken", || bases() == 1).await;
    let place: [(&str, &Path); 1] = [("SALUS_BACKUP_DIR", &out)];
    well(&home, &place, &["backup", "log"]);
    // A drill of all that is archived follows by itself, and leaves nothing but its report.
    let reports = || names(&home.join("drills")).len();
    until("no drill is done", || reports() == 1).await;
    until("the drill leaves its database", || names(&folder.path("drills/salus-scheduled-drills")).is_empty()).await;
    drop(server);
    // What was committed up to the stop is archived, and one backup is enough for a day.
    let listed = well(&home, &place, &["backup", "list"]);
    assert!(listed["backups"][0]["reach"].is_string(), "{listed}");
    assert_eq!(bases(), 1);
    let seen = well(&home, &place, &["doctor", "backups"]);
    assert!(seen["notes"].to_string().contains("The last drill was well"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_remembers_what_the_database_forgot() {
    let folder = Folder::new("witness");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "one", "--name", "one"]);
    done(&home, &["audit", "seal"]);
    let key = done(&home, &["audit", "verify"])["report"]["key"].as_str().unwrap().to_owned();
    let (_witness, said) =
        Running::start(command(&folder.path("other"), &["witness", "--listen", "127.0.0.1:0", "--log", &key]));
    let said: Value = serde_json::from_str(&said).unwrap();
    let (address, its_key) = (said["address"].as_str().unwrap().to_owned(), said["key"].as_str().unwrap().to_owned());
    let settings: [(&str, &Path); 2] =
        [("SALUS_AUDIT_WITNESS", Path::new(&address)), ("SALUS_AUDIT_WITNESS_KEY", Path::new(&its_key))];
    let first = well(&home, &settings, &["audit", "anchor"]);
    assert_eq!(first["anchors"].as_array().unwrap().len(), 2, "{first}");
    done(&home, &["tenant", "create", "two", "--name", "two"]);
    let size = done(&home, &["audit", "seal"])["size"].as_u64().unwrap();
    assert_eq!(well(&home, &settings, &["audit", "anchor"])["size"], size);
    assert!(well(&home, &settings, &["audit", "verify"])["report"]["anchored"].as_u64().unwrap() >= 3);
    assert!(refused_with(&home, &settings[..1], &["audit", "anchor"]).contains("audit_witness_key"));

    // Back to the first head, with the file that remembers it, and on from there: another history.
    let back = first["size"].as_u64().unwrap();
    let admin = client(&cluster).await;
    let cut = format!(
        "SET session_replication_role = replica; \
         DELETE FROM audit.activity_logs WHERE id IN (SELECT event_id FROM audit.leaves WHERE leaf_index >= {back}); \
         DELETE FROM audit.leaves WHERE leaf_index >= {back}; DELETE FROM audit.checkpoints WHERE size > {back}; \
         UPDATE audit.tiles SET hashes = substr(hashes, 1, 32 * {back}); UPDATE audit.tree_states SET size = {back}, \
           root = (SELECT decode(split_part(note, E'\\n', 3), 'base64') FROM audit.checkpoints WHERE size = {back})"
    );
    admin.batch_execute(&cut).await.unwrap();
    fs::remove_file(home.join("audit/anchor")).unwrap();
    fs::remove_dir_all(home.join("audit/receipts")).unwrap();
    for slug in ["three", "four"] {
        done(&home, &["tenant", "create", slug, "--name", slug]);
    }
    assert!(done(&home, &["audit", "seal"])["size"].as_u64().unwrap() >= size, "without the witness nobody knows");
    let said = refused_with(&home, &settings, &["audit", "anchor"]);
    assert!(said.contains("is not the one that was anchored"), "{said}");
    let said = refused_with(&home, &settings, &["audit", "verify"]);
    assert!(said.contains("anchor_fork"), "{said}");
}

#[track_caller]
fn refused_with(home: &Path, settings: &[(&str, &Path)], arguments: &[&str]) -> String {
    let (ok, _, told) = with(home, settings, arguments);
    assert!(!ok, "{arguments:?} was not refused: {told}");
    told
}
