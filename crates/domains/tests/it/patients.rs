//! A patient's life through the door: created, found, read, changed, refused.

use crate::world::{World, at};
use salus_core::{Ctx, Error, Permissions};
use salus_store::{Body, Call, Method, Op, Reply, Tx, dispatch, run};
use serde_json::{Value, json};
use std::sync::Arc;

const CREATE: &str = "medical.patient.create";

async fn find(world: &World, query: &[(&str, &str)]) -> Vec<String> {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let reply = world.call("medical.patient.list", Call { query, ..Call::default() }).await.unwrap();
    let Body::Page(page) = reply.body else { panic!("no page") };
    page.rows.iter().map(|r| r.text("given_names").to_owned()).collect()
}

/// A caller of the tenant who may do this much.
fn lesser(world: &World, permissions: &[&str]) -> Ctx {
    Ctx { permissions: Arc::new(Permissions::new(permissions.iter().copied())), ..world.operator() }
}

#[tokio::test]
async fn a_patient_is_created_found_read_and_changed() {
    let world = World::new().await;
    let made = world
        .create(CREATE, json!({"family_name": "Conceição", "given_names": "João Pedro", "birth_date": "1980-02-29", "mrn": "a-100", "sex": "M"}))
        .await;
    world
        .create(
            CREATE,
            json!({"family_name": "Conde", "given_names": "Petra", "birth_date": "1981-01-01", "mrn": "a-101"}),
        )
        .await;
    let id = made.text("id").to_owned();
    assert_eq!(made.text("family_name"), "Conceição");
    assert_eq!(made.text("birth_month"), "1980-02-01");
    assert!(made.text("pseudonym").starts_with("P-"));

    assert_eq!(find(&world, &[("name", "conceicao joao")]).await, ["João Pedro"]);
    assert_eq!(find(&world, &[("name", "CON")]).await.len(), 2);
    assert_eq!(find(&world, &[("name", "ped")]).await, ["João Pedro"]);
    assert_eq!(find(&world, &[("name", "zzz")]).await.len(), 0);
    assert_eq!(find(&world, &[("mrn", "A100")]).await, ["João Pedro"]);
    assert_eq!(find(&world, &[("birth_date", "1981-01-01")]).await, ["Petra"]);

    let mut change = at(&id);
    change.body = json!({"family_name": "Silva"});
    assert!(matches!(world.call("medical.patient.change", change.clone()).await, Err(Error::VersionRequired)));
    change.if_match = Some(1);
    let changed = world.call("medical.patient.change", change.clone()).await.unwrap();
    assert_eq!(changed.version(), Some(2));
    assert!(matches!(world.call("medical.patient.change", change).await, Err(Error::Stale)));
    assert_eq!(find(&world, &[("name", "silva")]).await, ["João Pedro"]);
    assert_eq!(find(&world, &[("name", "conceicao")]).await.len(), 0);

    let Body::Row(row) = world.call("medical.patient.get", at(&id)).await.unwrap().body else { panic!() };
    assert_eq!((row.text("family_name"), row.text("birth_date")), ("Silva", "1980-02-29"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let world = World::new().await;
    let create = |mut body: Value| {
        if let Value::Object(members) = &mut body {
            members.entry("given_names").or_insert_with(|| json!("Some"));
        }
        world.call(CREATE, Call { body, ..Call::default() })
    };
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
    world.create(CREATE, json!({"mrn": "1", "family_name": "One"})).await;
    assert!(matches!(create(json!({"mrn": " 1 "})).await, Err(Error::Conflict { code: "duplicate", .. })));
    assert!(matches!(create(json!([])).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_patient_has_a_name_or_a_reason_for_none() {
    let world = World::new().await;
    let create = |body: Value| world.call(CREATE, Call { body, ..Call::default() });
    for nameless in [json!({}), json!({"mrn": "1"}), json!({"family_name": " ", "given_names": null})] {
        let Err(Error::Invalid(errors)) = create(nameless.clone()).await else { panic!("{nameless}") };
        assert_eq!((errors[0].pointer.as_str(), errors[0].code.as_str()), ("/family_name", "required"));
        assert!(errors[0].message.contains("name_absence"));
    }
    let Err(Error::Invalid(errors)) = create(json!({"sex": "Q", "name_absence": "LOST"})).await else { panic!() };
    assert_eq!(errors.len(), 2, "{errors:?}");
    let Err(Error::Invalid(errors)) = create(json!({"sex": "Q"})).await else { panic!() };
    assert_eq!(errors.len(), 2, "what else is wrong is told with it: {errors:?}");
    create(json!({"given_names": "Pelé"})).await.unwrap();
    let unknown = world.create(CREATE, json!({"name_absence": "UNKNOWN"})).await;

    let change = |version: i32, body: Value| Call { body, if_match: Some(version), ..at(unknown.text("id")) };
    let take = world.call("medical.patient.change", change(1, json!({"name_absence": null}))).await;
    assert!(matches!(take, Err(Error::Invalid(_))), "{take:?}");
    let named = json!({"name_absence": null, "family_name": "Found"});
    world.call("medical.patient.change", change(1, named)).await.unwrap();
    let taken = world.call("medical.patient.change", change(2, json!({"family_name": ""}))).await;
    assert!(matches!(taken, Err(Error::Invalid(_))), "{taken:?}");
    world.call("medical.patient.change", change(2, json!({"sex": "F"}))).await.unwrap();
}

#[tokio::test]
async fn everything_that_is_missing_is_told_at_once() {
    let world = World::new().await;
    let mut several = 0;
    for op in world.ops.iter().filter(|o| o.name.ends_with(".create")) {
        let required = op.input.as_ref().and_then(|schema| schema["required"].as_array()).into_iter().flatten();
        let mut required: Vec<String> = required.map(|name| format!("/{} required", name.as_str().unwrap())).collect();
        let told = world.call(&op.name, Call { body: json!({}), ..Call::default() }).await;
        if required.is_empty() {
            continue;
        }
        let Err(Error::Invalid(errors)) = told else { panic!("{}: {told:?}", op.name) };
        let mut told: Vec<String> = errors.iter().map(|e| format!("{} {}", e.pointer, e.code)).collect();
        required.sort();
        told.sort();
        assert_eq!(told, required, "{}", op.name);
        several += usize::from(told.len() > 2);
    }
    assert!(several > 5, "{several}");
    let made = world.create("medical.provider.create", json!({"kind": "individual", "name": "A"})).await;
    let empty = Call { body: json!({"kind": null, "name": null}), if_match: Some(1), ..at(made.text("id")) };
    let Err(Error::Invalid(errors)) = world.call("medical.provider.change", empty).await else { panic!() };
    assert_eq!(errors.iter().map(|e| e.pointer.as_str()).collect::<Vec<_>>(), ["/kind", "/name"]);
}

#[tokio::test]
async fn a_key_is_spent_once() {
    let world = World::new().await;
    let call = |mrn: &str| Call {
        body: json!({"mrn": mrn, "family_name": "Once"}),
        idempotency_key: Some("k-1".into()),
        ..Call::default()
    };
    let first = serde_json::to_value(world.call(CREATE, call("1")).await.unwrap().body).unwrap();
    let again = world.call(CREATE, call("1")).await.unwrap();
    assert_eq!(again.status, 201);
    assert_eq!(serde_json::to_value(again.body).unwrap(), first);
    let other = world.call(CREATE, call("2")).await;
    assert!(matches!(other, Err(Error::Conflict { code: "idempotency_mismatch", .. })));
}

/// What the latest event of an action says.
async fn told(world: &World, action: &str) -> Value {
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT convert_from(l.header, 'UTF8')::jsonb || jsonb_build_object('subjects', \
               (SELECT jsonb_agg(s) FROM audit.header_subjects(l.header) s)) \
               FROM audit.activity_logs l WHERE l.action = $1 ORDER BY l.writer_seq DESC LIMIT 1";
    admin.query_one(sql, &[&action]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_second_answer_is_recorded_as_a_disclosure_and_shows_what_the_caller_may_see_now() {
    let world = World::new().await;
    let body = json!({"family_name": "Again", "mrn": "1"});
    let call = || Call { body: body.clone(), idempotency_key: Some("k".into()), ..Call::default() };
    let Body::Row(made) = world.call(CREATE, call()).await.unwrap().body else { panic!() };
    world.call(CREATE, call()).await.unwrap();
    let event = told(&world, CREATE).await;
    let columns: Vec<&str> = event["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert!(columns.contains(&"medical.patients.family_name"), "{event}");
    assert_eq!((&event["subjects"], &event["row"]), (&json!([made.text("id")]), &json!(made.text("id"))), "{event}");

    let Body::Row(blind) =
        world.call_as(lesser(&world, &["medical.patient.write"]), CREATE, call()).await.unwrap().body
    else {
        panic!()
    };
    assert_eq!(blind.get("family_name"), Some(&Value::Null), "names may not be opened any more");
    let event = told(&world, CREATE).await;
    assert!(!event["columns"].to_string().contains("family_name"), "{event}");
    let refused = world.call_as(lesser(&world, &["medical.patient.read"]), CREATE, call()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    assert_eq!(find(&world, &[("name", "again")]).await.len(), 1, "and nothing was made twice");
}

/// An operation that answers with something else than a row of its table.
fn opens(tx: &mut Tx, call: Call) -> futures_util::future::BoxFuture<'_, Result<Reply, Error>> {
    Box::pin(async move {
        let id = call.body["id"].as_str().unwrap().parse().unwrap();
        let row = tx.get("medical.patients", id, &["family_name"]).await?;
        Ok(Reply::json(json!({"called": row.text("family_name")})))
    })
}

#[tokio::test]
async fn a_kept_reply_is_given_out_only_to_who_may_open_what_it_holds() {
    let world = World::new().await;
    let made = world.create(CREATE, json!({"family_name": "Kept"})).await;
    let op = Arc::new(Op {
        method: Method::Post,
        path: "/api/v1/named".into(),
        name: "medical.patient.name".into(),
        permission: "medical.patient.read",
        summary: String::new(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({}),
        run: run(opens),
    });
    let call = || Call { body: json!({"id": made.text("id")}), idempotency_key: Some("k".into()), ..Call::default() };
    for _ in 0..2 {
        let reply = dispatch(&world.db, &op, world.operator(), call()).await.unwrap();
        assert_eq!(json!(reply.body), json!({"called": "Kept"}));
        let event = told(&world, "medical.patient.name").await;
        assert!(event["columns"].to_string().contains("medical.patients.family_name"), "{event}");
        assert_eq!(event["subjects"], json!([made.text("id")]));
    }
    let refused = dispatch(&world.db, &op, lesser(&world, &["medical.patient.read"]), call()).await;
    assert!(matches!(refused, Err(Error::Forbidden(name)) if name == "kernel.phi.read"));
}

#[tokio::test]
async fn another_tenant_and_a_lesser_caller_see_nothing() {
    let world = World::new().await;
    let id = world.create(CREATE, json!({"family_name": "Hidden", "mrn": "7"})).await.text("id").to_owned();
    let south = world.db.create_tenant("south", true).await.unwrap();
    let foreign = Ctx::operator(world.db.env(), south);
    assert!(matches!(world.call_as(foreign.clone(), "medical.patient.get", at(&id)).await, Err(Error::NotFound)));
    let Body::Page(page) = world.call_as(foreign, "medical.patient.list", Call::default()).await.unwrap().body else {
        panic!()
    };
    assert!(page.rows.is_empty());

    let lesser = lesser(&world, &["medical.patient.read"]);
    let Body::Row(row) = world.call_as(lesser.clone(), "medical.patient.get", at(&id)).await.unwrap().body else {
        panic!()
    };
    assert_eq!(row.get("family_name"), Some(&Value::Null));
    assert!(row.text("pseudonym").starts_with("P-"));
    for (name, value) in [("name", "hidden"), ("mrn", "7"), ("birth_date", "2015-04-01"), ("sort", "-family_name")] {
        let call = Call { query: vec![(name.into(), value.into())], ..Call::default() };
        let told = world.call_as(lesser.clone(), "medical.patient.list", call).await.unwrap_err();
        let Error::Invalid(wrong) = &told else { panic!("{name}: {told:?}") };
        assert_eq!(wrong[0].code, "field_masked", "who could look for what they may not read would guess: {name}");
    }
    assert!(matches!(world.call_as(lesser, CREATE, Call::default()).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_name_changed_by_one_who_may_not_read_names_is_found_and_the_old_one_is_not() {
    let world = World::new().await;
    let made = world.create(CREATE, json!({"family_name": "Okafor", "given_names": "Ada"})).await;
    let blind = lesser(&world, &["medical.patient.write"]);
    let change = Call { body: json!({"family_name": "Brown"}), if_match: Some(1), ..at(made.text("id")) };
    let Body::Row(row) = world.call_as(blind, "medical.patient.change", change).await.unwrap().body else { panic!() };
    assert_eq!(row.get("family_name"), Some(&Value::Null), "the change discloses nothing");
    assert_eq!(find(&world, &[("name", "brown")]).await, ["Ada"]);
    assert_eq!(find(&world, &[("name", "ada brown")]).await, ["Ada"]);
    assert!(find(&world, &[("name", "okafor")]).await.is_empty());
}

#[tokio::test]
async fn every_access_is_on_the_record() {
    let world = World::new().await;
    let id = world.create(CREATE, json!({"family_name": "Seen", "mrn": "7"})).await.text("id").to_owned();
    world.call("medical.patient.get", at(&id)).await.unwrap();
    find(&world, &[("name", "seen")]).await;
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
        world.create(CREATE, json!({"given_names": format!("n{i}"), "family_name": "Same"})).await;
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
