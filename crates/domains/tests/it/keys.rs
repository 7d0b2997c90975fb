//! Keys that are exchanged while requests run: nothing fails, nothing stays behind, and who is killed goes on.

use crate::world::{World, at};
use salus_core::{Ctx, Env, Error};
use salus_domains::operations;
use salus_store::{
    Body, Call, Db, Options, Record, dispatch,
    erase::Ledger,
    rotate::{Pace, Rotated, RotationRules, Turn},
    seal::{KeyClass, RootFile},
};
use salus_testkit::TestDb;
use serde_json::json;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// Servers with a root key file between them.
struct Keyed {
    world: World,
    file: RootFile,
    home: PathBuf,
}

/// What a test waits for another process: all of them are told at once here.
const FAST: Pace = Pace { settle: Duration::from_millis(40), batch: 7, rest: 0 };

impl Keyed {
    async fn new() -> Self {
        let database = TestDb::new().await;
        let home = std::env::temp_dir().join(format!("salus-keys-{}", database.name()));
        let file = RootFile::at(&home, None);
        file.init(&[]).unwrap();
        let db = server(&database, &file).await;
        let ops = operations(db.catalog()).unwrap();
        let tenant = db.create_tenant("north", true).await.unwrap();
        Self { world: World { database, db, ops, tenant }, file, home }
    }

    async fn another(&self) -> Db {
        server(&self.world.database, &self.file).await
    }

    fn operator(&self) -> Ctx {
        self.world.operator()
    }

    async fn patient(&self, n: usize) -> Record {
        let body = json!({"family_name": format!("Family{n}"), "given_names": "Ana Maria", "mrn": format!("MRN-{n:05}"),
                          "birth_date": "1980-02-03"});
        self.world.create("medical.patient.create", body).await
    }

    /// Column by column, how many values lie under keys of this class that are not the one in use.
    async fn behind(&self, class: &str) -> i64 {
        let active: Vec<i64> = self
            .world
            .db
            .key_inventory()
            .await
            .unwrap()
            .iter()
            .filter(|k| k.state == "active" && k.class.as_deref() == Some(class))
            .map(|k| k.key_no)
            .collect();
        let counts = self.world.db.count_sealed(self.world.tenant).await.unwrap();
        counts.iter().filter(|c| c.class == class && !active.contains(&c.key_no)).map(|c| c.values).sum()
    }

    async fn states(&self, kind: &str, class: Option<&str>) -> Vec<String> {
        let inventory = self.world.db.key_inventory().await.unwrap();
        let of = inventory.iter().filter(|k| k.tenant == "north" && k.kind == kind && k.class.as_deref() == class);
        of.map(|k| format!("{} {}", k.generation, k.state)).collect()
    }

    /// The family names on the first page of a server, in order.
    async fn listed(&self, db: &Db) -> Vec<String> {
        let op = self.world.op("medical.patient.list");
        let reply = dispatch(db, op, self.operator(), Call::default()).await.unwrap();
        let Body::Page(page) = reply.body else { panic!("no page") };
        let mut names: Vec<_> = page.rows.iter().map(|row| row.text("family_name").to_owned()).collect();
        names.sort();
        names
    }

    async fn found(&self, query: &[(&str, &str)]) -> usize {
        let query = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let reply = self.world.call("medical.patient.list", Call { query, ..Call::default() }).await.unwrap();
        let Body::Page(page) = reply.body else { panic!("no page") };
        page.rows.len()
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.home).ok();
    }
}

async fn server(database: &TestDb, file: &RootFile) -> Db {
    let options = Options {
        address: database.config("salus_app").into(),
        connections: 8,
        root: file.unlock().unwrap(),
        env: Env::default(),
        allow_old_postgres: true,
    };
    Db::open(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_key_is_exchanged_while_requests_run() {
    let keyed = Arc::new(Keyed::new().await);
    let mut patients = Vec::new();
    for n in 0..40 {
        patients.push(keyed.patient(n).await);
    }
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..3)
        .map(|worker| {
            let (keyed, stop, served) = (keyed.clone(), stop.clone(), served.clone());
            let mine: Vec<Uuid> = patients.iter().skip(1 + worker).step_by(3).filter_map(Record::id).collect();
            salus_store::runtime::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // Read the version, then change that version: a rotation in between must not make it stale.
                    let id = mine[n % mine.len()].to_string();
                    let reply = keyed.world.call("medical.patient.get", at(&id)).await.unwrap();
                    let if_match = reply.version().and_then(|v| i32::try_from(v).ok());
                    let body = json!({"family_name": format!("Changed{worker}x{n}")});
                    keyed.world.call("medical.patient.change", Call { body, if_match, ..at(&id) }).await.unwrap();
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let db = &keyed.world.db;
    let what = Rotated::Class(KeyClass::Identity);
    db.begin_rotation(keyed.operator(), what, "manual").await.unwrap();
    let again = db.begin_rotation(keyed.operator(), what, "manual").await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    let left = db.run_rotations(keyed.world.tenant, &FAST, |_| ()).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    assert!(served.load(Ordering::Relaxed) > 0);
    assert_eq!(keyed.behind("identity").await, 0);
    assert_eq!(keyed.states("class", Some("identity")).await, ["1 retired", "2 active"]);
    // The first patient was changed by nobody: version and author are what they were, and it opens.
    let untouched = patients[0].id().unwrap().to_string();
    let reply = keyed.world.call("medical.patient.get", at(&untouched)).await.unwrap();
    let Body::Row(row) = reply.body else { panic!("no row") };
    for name in ["row_version", "updated_at", "updated_by", "family_name", "mrn", "birth_date"] {
        assert_eq!(row.get(name), patients[0].get(name), "{name}");
    }
    let history = db.rotations(keyed.world.tenant, false).await.unwrap();
    assert_eq!(history.len(), 1);
    assert!(history[0].rows_done >= 40 && history[0].clean_passes >= 2 && history[0].rows_failed == 0, "{history:?}");
    assert_eq!(
        db.find_row_faults(keyed.world.tenant, None).await.unwrap().faults,
        [],
        "an exchange of keys is no tampering"
    );
    let event =
        "SELECT string_agg(action, ' ' ORDER BY recorded_at) FROM audit.activity_logs WHERE action LIKE 'kernel.key.%'";
    let told: String = keyed.world.database.connect("salus_admin").await.query_one(event, &[]).await.unwrap().get(0);
    assert_eq!(told, "kernel.key.rotate kernel.key.rotate kernel.key.activate kernel.key.retire");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_is_cut_off_anywhere_goes_on_and_ends() {
    let keyed = Keyed::new().await;
    for n in 0..30 {
        keyed.patient(n).await;
    }
    let tenant = keyed.world.tenant;
    keyed.world.db.begin_rotation(keyed.operator(), Rotated::Class(KeyClass::Identity), "compromise").await.unwrap();
    let pace = Pace { batch: 3, ..FAST };
    for n in 0..40u64 {
        // A process of its own each time, which ends without a word in the middle of what it does.
        let db = keyed.another().await;
        let cut = tokio::time::timeout(Duration::from_micros(1500 * n), db.run_rotations(tenant, &pace, |_| ())).await;
        if cut.is_ok() {
            break;
        }
    }
    assert!(keyed.world.db.run_rotations(tenant, &pace, |_| ()).await.unwrap().is_empty());
    assert_eq!(keyed.behind("identity").await, 0);
    assert_eq!(keyed.found(&[("limit", "200")]).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_does_not_open_keeps_its_key_and_is_told() {
    let keyed = Keyed::new().await;
    let broken = keyed.patient(1).await.id().unwrap();
    keyed.patient(2).await;
    keyed
        .world
        .admin(&format!(
            "UPDATE medical.patients SET mrn = set_byte(mrn, 40, get_byte(mrn, 40) # 1) WHERE id = '{broken}'"
        ))
        .await;
    let (db, tenant) = (&keyed.world.db, keyed.world.tenant);
    let id = db.begin_rotation(keyed.operator(), Rotated::Class(KeyClass::Identity), "manual").await.unwrap();
    let left = db.run_rotations(tenant, &FAST, |_| ()).await.unwrap();
    assert_eq!((left.len(), left[0].id), (1, id));
    assert_eq!(keyed.states("class", Some("identity")).await, ["1 decrypt_only", "2 active"]);
    assert!(keyed.behind("identity").await > 0);
    // Repaired, it goes on to its end.
    keyed
        .world
        .admin(&format!(
            "UPDATE medical.patients SET mrn = set_byte(mrn, 40, get_byte(mrn, 40) # 1) WHERE id = '{broken}'"
        ))
        .await;
    assert!(db.run_rotations(tenant, &FAST, |_| ()).await.unwrap().is_empty());
    assert_eq!(keyed.behind("identity").await, 0);
    assert_eq!(db.turn_rotation(tenant, id, &FAST).await.unwrap(), Turn::Finished);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_numbers_are_found_while_their_index_key_is_exchanged() {
    let keyed = Keyed::new().await;
    for n in 0..25 {
        keyed.patient(n).await;
    }
    let (db, tenant) = (&keyed.world.db, keyed.world.tenant);
    let id = db.begin_rotation(keyed.operator(), Rotated::Index, "manual").await.unwrap();
    let pace = Pace { batch: 4, ..FAST };
    let mut turns = 0;
    let mut added = 25;
    loop {
        let turn = db.turn_rotation(tenant, id, &pace).await.unwrap();
        assert_eq!(keyed.found(&[("name", "mar"), ("limit", "200")]).await, added, "turn {turns}");
        assert_eq!(keyed.found(&[("mrn", "MRN-00003")]).await, 1, "turn {turns}");
        if turns == 6 {
            // A new row, and one whose number is there under the older key or the newer.
            keyed.patient(100).await;
            added += 1;
            for n in [0, 24] {
                let body = json!({"family_name": "Twin", "given_names": "X", "mrn": format!("mrn-{n:05}")});
                let twin = keyed.world.call("medical.patient.create", Call { body, ..Call::default() }).await;
                assert!(matches!(twin, Err(Error::Conflict { .. })), "{n}: {twin:?}");
            }
        }
        match turn {
            Turn::Finished => break,
            Turn::Stuck => panic!("stuck"),
            Turn::Waits => tokio::time::sleep(Duration::from_millis(10)).await,
            Turn::Worked => {}
        }
        turns += 1;
    }
    assert!(turns > 14, "{turns}");
    assert_eq!(keyed.states("index", None).await, ["1 retired", "2 active"]);
    assert_eq!(keyed.found(&[("name", "mar"), ("limit", "200")]).await, added);
    // Nothing of the older key is left among the tokens: as many as a new tenant has for the same names.
    let admin = keyed.world.database.connect("salus_admin").await;
    let count = "SELECT count(*) FROM kernel.search_tokens WHERE tenant_id = $1";
    let before: i64 = admin.query_one(count, &[&tenant]).await.unwrap().get(0);
    let other = db.create_tenant("south", true).await.unwrap();
    for n in (0..25).chain([100]) {
        let body = json!({"family_name": format!("Family{n}"), "given_names": "Ana Maria"});
        let ctx = Ctx::operator(db.env(), other);
        keyed.world.call_as(ctx, "medical.patient.create", Call { body, ..Call::default() }).await.unwrap();
    }
    let fresh: i64 = admin.query_one(count, &[&other]).await.unwrap().get(0);
    assert_eq!(before, fresh);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_were_indexed_in_another_way_are_indexed_anew() {
    let keyed = Keyed::new().await;
    let mut ids = Vec::new();
    for family in ["Nguyễn", "王小明"] {
        let body = json!({"family_name": family, "given_names": "Thị"});
        ids.push(keyed.world.create("medical.patient.create", body).await.id().unwrap());
    }
    // As an older build left them: found by none of the tokens that are looked up now.
    let admin = keyed.world.database.connect("salus_admin").await;
    admin.execute("DELETE FROM kernel.search_tokens WHERE id = ANY($1)", &[&ids]).await.unwrap();
    assert_eq!(keyed.found(&[("name", "nguyen")]).await, 0);
    // A name that is changed is indexed whole, not only in what changed.
    let change = Call { body: json!({"given_names": "Ngọc"}), if_match: Some(1), ..at(&ids[0].to_string()) };
    keyed.world.call("medical.patient.change", change).await.unwrap();
    assert_eq!(keyed.found(&[("name", "nguyen ngoc")]).await, 1);
    assert_eq!(keyed.found(&[("name", "小明")]).await, 0);
    let (db, tenant) = (&keyed.world.db, keyed.world.tenant);
    db.begin_rotation(keyed.operator(), Rotated::Index, "manual").await.unwrap();
    assert!(db.run_rotations(tenant, &FAST, |_| ()).await.unwrap().is_empty());
    for name in ["nguyen", "小明", "王小明", "thi"] {
        assert_eq!(keyed.found(&[("name", name)]).await, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_and_root_keys_are_exchanged_and_the_older_versions_given_up() {
    let keyed = Keyed::new().await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(keyed.patient(n).await.id().unwrap().to_string());
    }
    let (db, tenant) = (&keyed.world.db, keyed.world.tenant);
    db.begin_rotation(keyed.operator(), Rotated::Tenant, "manual").await.unwrap();
    assert!(db.run_rotations(tenant, &FAST, |_| ()).await.unwrap().is_empty());
    assert_eq!(keyed.states("tenant", None).await, ["1 retired", "2 active"]);
    let admin = keyed.world.database.connect("salus_admin").await;
    // Without the older tenant key everything still opens.
    keyed.world.admin("UPDATE kernel.keys SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE kind = 'tenant' AND state = 'retired'").await;
    let second = keyed.another().await;
    assert!(second.check_keys().await.unwrap().problems.is_empty());
    let old = keyed.file.unlock().unwrap();
    let done = second.rewrap_root(&keyed.file, &admin).await.unwrap();
    assert_eq!((done.version, done.given_up), (2, 1));
    assert_eq!(keyed.file.unlock().unwrap().versions(), 1);
    // A server that began before goes on, also with a tenant that it has not met and with one that it makes.
    let south = db.create_tenant("south", true).await.unwrap();
    assert!(db.check_keys().await.unwrap().problems.is_empty());
    second.begin(Ctx::operator(db.env(), south), true).await.unwrap();
    for id in &ids {
        let reply = keyed.world.call("medical.patient.get", at(id)).await.unwrap();
        let Body::Row(row) = reply.body else { panic!("no row") };
        assert!(row.text("family_name").starts_with("Family"));
    }
    let fresh = keyed.another().await;
    let report = fresh.check_keys().await.unwrap();
    assert!(report.problems.is_empty() && report.notes.is_empty(), "{report:?}");
    // Who only has the older version opens nothing.
    let late = Options {
        address: keyed.world.database.config("salus_app").into(),
        connections: 2,
        root: old,
        env: Env::default(),
        allow_old_postgres: true,
    };
    std::fs::remove_file(&keyed.file.root).unwrap();
    assert!(Db::open(late).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_was_erased_stays_erased_when_an_older_database_comes_back() {
    let keyed = Keyed::new().await;
    let (db, tenant) = (&keyed.world.db, keyed.world.tenant);
    let (gone, stays) = (keyed.patient(1).await.id().unwrap(), keyed.patient(2).await.id().unwrap());
    let ledger = Ledger::new(keyed.home.join("elsewhere/erasures"));
    // What a backup of now would bring back.
    let kept = format!("CREATE TABLE kept AS SELECT wrapped FROM kernel.subject_keys WHERE id = '{gone}'");
    keyed.world.admin(&kept).await;
    db.keep_erasures(ledger.clone());
    let erase = async |person: Uuid, reason: &str| {
        let mut tx = db.begin(keyed.operator(), false).await.unwrap();
        tx.erase_person(person, reason).await?;
        tx.commit("kernel.person.erase", "kernel.subject_keys").await
    };
    let wrong = erase(gone, "because").await;
    assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
    let nobody = erase(db.env().id(), "subject_request").await;
    assert!(matches!(nobody, Err(Error::NotFound)), "{nobody:?}");
    assert!(!ledger.path().exists(), "nothing was erased");

    erase(gone, "subject_request").await.unwrap();
    let again = erase(gone, "subject_request").await;
    assert!(matches!(again, Err(Error::Conflict { code: "erased", .. })), "{again:?}");
    let unreadable = async |db: &Db| {
        let get = |id: Uuid| at(&id.to_string());
        let op = keyed.world.op("medical.patient.get");
        let Body::Row(row) = dispatch(db, op, keyed.operator(), get(gone)).await.unwrap().body else {
            panic!("no row")
        };
        assert_eq!(row.get("family_name"), Some(&serde_json::Value::Null));
        let Body::Row(row) = dispatch(db, op, keyed.operator(), get(stays)).await.unwrap().body else {
            panic!("no row")
        };
        assert_eq!(row.text("family_name"), "Family2");
    };
    unreadable(db).await;
    assert_eq!(keyed.found(&[("name", "family1")]).await, 0);
    assert_eq!(keyed.found(&[("mrn", "MRN-00001")]).await, 0);
    assert_eq!(keyed.found(&[("mrn", "MRN-00002")]).await, 1);

    // The older database: the key is there, and nothing in it says that it should not be.
    keyed
        .world
        .admin(&format!(
            "DELETE FROM kernel.erasures; UPDATE kernel.subject_keys SET destroyed_at = NULL, wrapped = (SELECT wrapped FROM kept) WHERE id = '{gone}'"
        ))
        .await;
    let restored = keyed.another().await;
    let replayed = restored.replay_erasures(&ledger).await.unwrap();
    assert_eq!((replayed.listed, replayed.erased_again, replayed.unknown), (1, 1, 0));
    unreadable(&restored).await;
    assert_eq!(restored.replay_erasures(&ledger).await.unwrap().erased_again, 0);
    // A ledger that was lost is made again from the database.
    std::fs::remove_file(ledger.path()).unwrap();
    assert_eq!(restored.complete_ledger(&ledger).await.unwrap(), 1);
    assert_eq!(restored.complete_ledger(&ledger).await.unwrap(), 0);
    // Keys are exchanged although nobody can open those values any more.
    for what in [Rotated::Class(KeyClass::Identity), Rotated::Index, Rotated::Tenant] {
        db.begin_rotation(keyed.operator(), what, "manual").await.unwrap();
        assert!(db.run_rotations(tenant, &FAST, |_| ()).await.unwrap().is_empty(), "{what:?}");
    }
    assert_eq!(keyed.behind("identity").await, 0);
    unreadable(db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_remembered_opens_nothing_once_its_person_was_erased() {
    let keyed = Keyed::new().await;
    let (db, elsewhere) = (&keyed.world.db, keyed.another().await);
    let gone = keyed.patient(1).await.id().unwrap();
    keyed.patient(2).await;
    for server in [db, &elsewhere, db, &elsewhere] {
        assert_eq!(keyed.listed(server).await, ["Family1", "Family2"]);
    }
    db.keep_erasures(Ledger::new(keyed.home.join("elsewhere/erasures")));
    let mut tx = db.begin(keyed.operator(), false).await.unwrap();
    tx.erase_person(gone, "subject_request").await.unwrap();
    tx.commit("kernel.person.erase", "kernel.subject_keys").await.unwrap();
    for server in [db, &elsewhere] {
        assert_eq!(keyed.listed(server).await, ["", "Family2"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_has_sealed_enough_is_due_and_one_that_has_sealed_too_much_stops() {
    let keyed = Keyed::new().await;
    let id = keyed.patient(1).await.id().unwrap().to_string();
    let fill =
        |n: i64| format!("UPDATE kernel.keys SET seal_count = {n} WHERE key_class = 'identity' AND state = 'active'");
    keyed.world.admin(&fill(1 << 30)).await;
    let due = async |class: &str| {
        let inventory = keyed.world.db.key_inventory().await.unwrap();
        let key =
            inventory.iter().find(|k| k.tenant == "north" && k.class.as_deref() == Some(class) && k.state == "active");
        key.unwrap().advice(keyed.world.db.env().now(), RotationRules::default()).is_some()
    };
    assert!(due("identity").await && !due("clinical").await);
    keyed.world.admin(&fill(1 << 31)).await;
    // Another process has no seals left over: it writes nothing under this key, and reads on.
    let late = keyed.another().await;
    let body = json!({"family_name": "Late", "given_names": "X"});
    let create = keyed.world.op("medical.patient.create");
    let refused = dispatch(&late, create, keyed.operator(), Call { body: body.clone(), ..Call::default() }).await;
    let Err(Error::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("salus keys rotate --class identity"), "{why}");
    dispatch(&late, keyed.world.op("medical.patient.get"), keyed.operator(), at(&id)).await.unwrap();
    // What the advice says helps.
    late.begin_rotation(keyed.operator(), Rotated::Class(KeyClass::Identity), "limit").await.unwrap();
    assert!(late.run_rotations(keyed.world.tenant, &FAST, |_| ()).await.unwrap().is_empty());
    dispatch(&late, create, keyed.operator(), Call { body, ..Call::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_due_are_exchanged_by_the_server_where_the_setting_says_so() {
    let keyed = Keyed::new().await;
    keyed.patient(1).await;
    let old =
        "UPDATE kernel.keys SET activated_at = now() - interval '91 days' WHERE key_class IN ('identity', 'claims')";
    keyed.world.admin(old).await;
    assert_eq!(keyed.world.db.keep_keys(&FAST).await.unwrap(), 0, "nobody asked for it");
    let value = json!({"automatic": true});
    keyed.world.create("kernel.setting.create", json!({"name": RotationRules::NAME, "value": value})).await;
    assert_eq!(keyed.world.db.keep_keys(&FAST).await.unwrap(), 2);
    assert_eq!(keyed.states("class", Some("identity")).await, ["1 retired", "2 active"]);
    assert_eq!(keyed.states("class", Some("clinical")).await, ["1 active"]);
    assert_eq!(keyed.world.db.keep_keys(&FAST).await.unwrap(), 0);
}
