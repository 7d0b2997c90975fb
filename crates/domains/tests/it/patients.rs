//! A patient's life through the door: created, found, read, changed, refused.

use salus_core::{Ctx, Env, Error, Permissions};
use salus_domains::operations;
use salus_store::{Body, Call, Db, Op, Options, Record, Reply, dispatch, seal::RootKey};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

struct World {
    _database: TestDb,
    db: Db,
    ops: Vec<Arc<Op>>,
    tenant: Uuid,
}

impl World {
    async fn new() -> Self {
        let database = TestDb::new().await;
        let options = Options {
            config: database.config("salus_app"),
            connections: 4,
            root: RootKey::ephemeral().unwrap(),
            env: Env::default(),
            allow_old_postgres: true,
        };
        let db = Db::open(options).await.unwrap();
        let ops = operations(db.catalog()).unwrap();
        let tenant = db.create_tenant("north", true).await.unwrap();
        Self { _database: database, db, ops, tenant }
    }

    async fn call(&self, op: &str, call: Call) -> Result<Reply, Error> {
        self.call_as(Ctx::operator(self.db.env(), self.tenant), op, call).await
    }

    async fn call_as(&self, ctx: Ctx, op: &str, call: Call) -> Result<Reply, Error> {
        let op = self.ops.iter().find(|o| o.name == op).unwrap_or_else(|| panic!("no operation {op}"));
        dispatch(&self.db, op, ctx, call).await
    }

    async fn create(&self, body: Value) -> Record {
        let reply = self.call("medical.patient.create", Call { body, ..Call::default() }).await.unwrap();
        let Body::Row(row) = reply.body else { panic!("no row") };
        row
    }

    async fn find(&self, query: &[(&str, &str)]) -> Vec<String> {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let reply = self.call("medical.patient.list", Call { query, ..Call::default() }).await.unwrap();
        let Body::Page(page) = reply.body else { panic!("no page") };
        page.rows.iter().map(|r| r.text("given_names").to_owned()).collect()
    }
}

fn at(id: &str) -> Call {
    Call { path: vec![("id".into(), id.to_owned())], ..Call::default() }
}

#[tokio::test]
async fn a_patient_is_created_found_read_and_changed() {
    let world = World::new().await;
    let made = world
        .create(json!({"family_name": "Conceição", "given_names": "João Pedro", "birth_date": "1980-02-29", "mrn": "a-100", "sex": "M"}))
        .await;
    world
        .create(json!({"family_name": "Conde", "given_names": "Petra", "birth_date": "1981-01-01", "mrn": "a-101"}))
        .await;
    let id = made.text("id").to_owned();
    assert_eq!(made.text("family_name"), "Conceição");
    assert_eq!(made.text("birth_month"), "1980-02-01");
    assert!(made.text("pseudonym").starts_with("P-"));

    assert_eq!(world.find(&[("name", "conceicao joao")]).await, ["João Pedro"]);
    assert_eq!(world.find(&[("name", "CON")]).await.len(), 2);
    assert_eq!(world.find(&[("name", "ped")]).await, ["João Pedro"]);
    assert_eq!(world.find(&[("name", "zzz")]).await.len(), 0);
    assert_eq!(world.find(&[("mrn", "A100")]).await, ["João Pedro"]);
    assert_eq!(world.find(&[("birth_date", "1981-01-01")]).await, ["Petra"]);

    let mut change = at(&id);
    change.body = json!({"family_name": "Silva"});
    assert!(matches!(world.call("medical.patient.change", change.clone()).await, Err(Error::VersionRequired)));
    change.if_match = Some(1);
    let changed = world.call("medical.patient.change", change.clone()).await.unwrap();
    assert_eq!(changed.version(), Some(2));
    assert!(matches!(world.call("medical.patient.change", change).await, Err(Error::Stale)));
    assert_eq!(world.find(&[("name", "silva")]).await, ["João Pedro"]);
    assert_eq!(world.find(&[("name", "conceicao")]).await.len(), 0);

    let Body::Row(row) = world.call("medical.patient.get", at(&id)).await.unwrap().body else { panic!() };
    assert_eq!((row.text("family_name"), row.text("birth_date")), ("Silva", "1980-02-29"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let world = World::new().await;
    let create = |body: Value| world.call("medical.patient.create", Call { body, ..Call::default() });
    let pointers = |r: Result<Reply, Error>| match r {
        Err(Error::Invalid(errors)) => {
            errors.into_iter().map(|e| format!("{} {}", e.pointer, e.code)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(pointers(create(json!({"sex": "Q"})).await), ["/sex not_allowed"]);
    assert_eq!(pointers(create(json!({"tenant_id": "x", "nme": "y", "status": "MERGED"})).await).len(), 3);
    assert_eq!(pointers(create(json!({"birth_date": "2080-01-01"})).await), ["/birth_date implausible"]);
    assert_eq!(pointers(create(json!({"family_name": 7})).await), ["/family_name wrong_type"]);
    assert_eq!(pointers(create(json!({"family_name": "a\u{0}b"})).await), ["/family_name control_character"]);
    assert_eq!(pointers(create(json!({"birth_order": 99})).await), ["/birth_order not_allowed"]);
    world.create(json!({"mrn": "1"})).await;
    assert!(matches!(create(json!({"mrn": " 1 "})).await, Err(Error::Conflict { code: "duplicate", .. })));
    assert!(matches!(create(json!([])).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_key_is_spent_once() {
    let world = World::new().await;
    let call = |mrn: &str| Call { body: json!({"mrn": mrn}), idempotency_key: Some("k-1".into()), ..Call::default() };
    let first = serde_json::to_value(world.call("medical.patient.create", call("1")).await.unwrap().body).unwrap();
    let again = world.call("medical.patient.create", call("1")).await.unwrap();
    assert_eq!(again.status, 201);
    assert_eq!(serde_json::to_value(again.body).unwrap(), first);
    let other = world.call("medical.patient.create", call("2")).await;
    assert!(matches!(other, Err(Error::Conflict { code: "idempotency_mismatch", .. })));
}

#[tokio::test]
async fn another_tenant_and_a_lesser_caller_see_nothing() {
    let world = World::new().await;
    let id = world.create(json!({"family_name": "Hidden", "mrn": "7"})).await.text("id").to_owned();
    let south = world.db.create_tenant("south", true).await.unwrap();
    let foreign = Ctx::operator(world.db.env(), south);
    assert!(matches!(world.call_as(foreign.clone(), "medical.patient.get", at(&id)).await, Err(Error::NotFound)));
    let Body::Page(page) = world.call_as(foreign, "medical.patient.list", Call::default()).await.unwrap().body else {
        panic!()
    };
    assert!(page.rows.is_empty());

    let mut lesser = Ctx::operator(world.db.env(), world.tenant);
    lesser.permissions = Arc::new(Permissions::new(["medical.patient.read"]));
    let Body::Row(row) = world.call_as(lesser.clone(), "medical.patient.get", at(&id)).await.unwrap().body else {
        panic!()
    };
    assert_eq!(row.get("family_name"), Some(&Value::Null));
    assert!(row.text("pseudonym").starts_with("P-"));
    assert!(matches!(world.call_as(lesser, "medical.patient.create", Call::default()).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_name_changed_by_one_who_may_not_read_names_is_found_and_the_old_one_is_not() {
    let world = World::new().await;
    let made = world.create(json!({"family_name": "Okafor", "given_names": "Ada"})).await;
    let mut blind = Ctx::operator(world.db.env(), world.tenant);
    blind.permissions = Arc::new(Permissions::new(["medical.patient.write"]));
    let change = Call { body: json!({"family_name": "Brown"}), if_match: Some(1), ..at(made.text("id")) };
    let Body::Row(row) = world.call_as(blind, "medical.patient.change", change).await.unwrap().body else { panic!() };
    assert_eq!(row.get("family_name"), Some(&Value::Null), "the change discloses nothing");
    assert_eq!(world.find(&[("name", "brown")]).await, ["Ada"]);
    assert_eq!(world.find(&[("name", "ada brown")]).await, ["Ada"]);
    assert!(world.find(&[("name", "okafor")]).await.is_empty());
}

#[tokio::test]
async fn every_access_is_on_the_record() {
    let world = World::new().await;
    let id = world.create(json!({"family_name": "Seen", "mrn": "7"})).await.text("id").to_owned();
    world.call("medical.patient.get", at(&id)).await.unwrap();
    world.find(&[("name", "seen")]).await;
    let reply = world.call("audit.log.accesses", at(&id)).await.unwrap();
    let Body::Json(seen) = reply.body else { panic!() };
    let events = seen["data"].as_array().unwrap();
    let actions: Vec<_> = events.iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["medical.patient.list", "medical.patient.get", "medical.patient.create"]);
    assert!(events[1]["columns"].as_array().unwrap().contains(&json!("medical.patients.family_name")));
    assert!(!events.iter().any(|e| e.to_string().contains("Seen")));
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let world = World::new().await;
    for i in 0..7 {
        world.create(json!({"given_names": format!("n{i}"), "family_name": "Same"})).await;
    }
    for filter in [None, Some(("name", "same")), Some(("sort", "created_at"))] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let mut query = vec![("limit".to_owned(), "3".to_owned())];
            query.extend(filter.map(|(n, v)| (n.to_owned(), v.to_owned())));
            query.extend(cursor.take().map(|c| ("cursor".to_owned(), c)));
            let reply = world.call("medical.patient.list", Call { query, ..Call::default() }).await.unwrap();
            let Body::Page(page) = reply.body else { panic!() };
            seen.extend(page.rows.iter().map(|r| r.text("given_names").to_owned()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        seen.sort();
        assert_eq!(seen, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"], "{filter:?}");
    }
}
