//! The server behind a real `PgBouncer` in transaction mode, with fewer connections to PostgreSQL than it has itself, so
//! that two statements of one connection seldom reach the same server process.

use super::{
    WRITERS,
    caller::{Caller, PATIENTS},
    check,
    installation::Installation,
    seed,
    writer::Writers,
};
use serde_json::json;
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// A running pooler.
struct Pooler {
    folder: PathBuf,
    child: Child,
}

impl Pooler {
    /// Before the PostgreSQL of this socket, run by the account that owns it, whom PostgreSQL lets in as `salus_app`.
    async fn begin(socket: &Path, folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "[databases]\nsalus = host={0} port=5432 dbname=salus user=salus_app\n[pgbouncer]\nlisten_addr =\n\
             unix_socket_dir = {1}\nunix_socket_mode = 0777\nlisten_port = 5432\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 3\nmax_client_conn = 100\nlogfile = {1}/log\npidfile = {1}/pid\n",
            socket.display(),
            folder.display(),
        );
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        let owner = fs::metadata(socket).unwrap();
        let mut command = Command::new(program());
        command.arg("--quiet").arg(&file).current_dir("/").stdin(Stdio::null());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let pooler = Self { child: command.spawn().unwrap(), folder };
        for _ in 0..500 {
            if pooler.folder.join(".s.PGSQL.5432").exists() {
                return pooler;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("PgBouncer does not start: {}", fs::read_to_string(pooler.folder.join("log")).unwrap_or_default());
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program() -> PathBuf {
    let known = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].map(PathBuf::from);
    known.into_iter().find(|path| path.exists()).expect("PgBouncer is not installed: run script/setup test")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_behind_a_pooler_that_shares_connections() {
    let _turn = super::turn().await;
    let seed = seed();
    let mut place = tokio::task::block_in_place(Installation::new);
    tokio::task::block_in_place(|| place.pause());
    let cluster = place.cluster();
    let pooler = Pooler::begin(cluster.socket_dir(), place.home.join("pooler")).await;
    place.settings = Installation::own_database(cluster.socket_dir(), &pooler.folder);
    place.settings.push(("SALUS_DATABASE_POOLED", "true".into()));
    tokio::task::block_in_place(|| place.start());
    let caller = Caller::new(place.address, &place.key);
    let mut made = representative(&caller).await;

    let writers = Arc::new(Writers::new(place.address, &place.key, seed));
    let mut running = JoinSet::new();
    for n in 0..WRITERS {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    writers.more_than(15 * WRITERS, &format!("seed {seed}, behind a pooler")).await;
    writers.tell_to_end();
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    made.extend(writers.ids());
    // Commands and proofs go the same way.
    for arguments in [&["tenant", "list"][..], &["keys", "doctor"], &["keys", "status"], &["db", "verify"]] {
        tokio::task::block_in_place(|| place.done(arguments));
    }
    tokio::task::block_in_place(|| place.pause());
    // Without the administrator's address a server compares the schema through the pooler too.
    let admin = place.settings.iter().position(|(name, _)| *name == "DATABASE_ADMIN_URL").unwrap();
    place.settings.remove(admin);
    tokio::task::block_in_place(|| {
        place.start();
        place.pause();
    });
    place.settings.clear();
    check::all(&place, &made, &format!("seed {seed}, behind a pooler")).await;
    drop(pooler);
}

/// One of each kind of request: create, read, change, list, search, filter, refuse, repeat, clinical facts.
async fn representative(caller: &Caller) -> Vec<uuid::Uuid> {
    let person = json!({"family_name": "Pooled", "given_names": "Ada Maria", "mrn": "P1", "birth_date": "1980-02-03"})
        .to_string();
    let (status, row) = caller.post(PATIENTS, "pooled", person.clone()).await.unwrap();
    assert_eq!(status, 201, "{row}");
    let id = row["id"].as_str().unwrap().to_owned();
    let (status, again) = caller.post(PATIENTS, "pooled", person.clone()).await.unwrap();
    assert_eq!((status, again["id"].as_str()), (201, Some(&*id)), "{again}");
    let (status, refused) = caller.post(PATIENTS, "other", person).await.unwrap();
    assert_eq!((status, &refused["code"]), (409, &json!("duplicate")), "{refused}");
    let path = format!("{PATIENTS}/{id}");
    let (status, changed) = caller.patch(&path, 1, json!({"given_names": "Ada"}).to_string()).await.unwrap();
    assert_eq!((status, &changed["given_names"]), (200, &json!("Ada")), "{changed}");
    let (status, stale) = caller.patch(&path, 1, json!({"given_names": "Eva"}).to_string()).await.unwrap();
    assert_eq!(status, 412, "{stale}");
    for query in ["mrn=P1", "name=pooled ada", "name=Puled", "birth_date=1980-02-03", "sort=-created_at&total=true"] {
        let (status, found) = caller.get(&format!("{PATIENTS}?{}", query.replace(' ', "%20"))).await.unwrap();
        assert_eq!((status, found["data"].as_array().map(Vec::len)), (200, Some(1)), "{query}: {found}");
    }
    let allergy = json!({"patient_id": id, "code": "91935009", "code_system": "http://snomed.info/sct", "display": "Peanut", "verification": "CLINICIAN_ENTERED", "source_kind": "API"});
    let (status, fact) = caller.post("/api/v1/records/allergies", "allergy", allergy.to_string()).await.unwrap();
    assert_eq!(status, 201, "{fact}");
    let (status, facts) = caller.get(&format!("/api/v1/records/allergies?patient_id={id}")).await.unwrap();
    assert_eq!((status, facts["data"].as_array().map(Vec::len)), (200, Some(1)), "{facts}");
    let (status, missing) = caller.get(&format!("{PATIENTS}/00000000-0000-7000-8000-000000000000")).await.unwrap();
    assert_eq!(status, 404, "{missing}");
    vec![id.parse().unwrap()]
}
