//! Registers of compliance: who signs is who calls, what was counted is the server's, and two persons make an incident
//! no breach.

use crate::world::{World, at};
use salus_core::{Ctx, Result};
use salus_domains::auth::{self, NewUser};
use salus_store::{
    Body, Call,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

async fn post(world: &World, ctx: &Ctx, op: &str, id: &str, body: Value) -> Result<Value> {
    let call = if id.is_empty() { Call { body, ..Call::default() } } else { Call { body, ..at(id) } };
    let Body::Row(row) = world.call_as(ctx.clone(), op, call).await?.body else { panic!("{op} answers no row") };
    Ok(row.names.iter().cloned().zip(row.values).collect())
}

fn code<T: std::fmt::Debug>(told: Result<T>) -> &'static str {
    told.expect_err("is refused").code()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_incident_is_no_breach_only_when_two_persons_say_so() {
    let world = World::new().await;
    let (one, two) = (world.somebody(), world.somebody());
    let body = json!({"number": "2026-001", "title": "Letter to a wrong address", "discovered_on": "2026-03-02",
        "regime": "HIPAA", "kind": "MISDIRECTED", "location": "PAPER"});
    let incident = text(&post(&world, &one, "compliance.breach.create", "", body).await.unwrap()["id"]);
    let to =
        async |ctx: &Ctx, to: &str| post(&world, ctx, "compliance.breach.advance", &incident, json!({"to": to})).await;
    assert_eq!(code(to(&one, "CLOSED").await), "state_conflict");
    assert_eq!(to(&one, "INVESTIGATING").await.unwrap()["state"], "INVESTIGATING");
    assert_eq!(code(to(&one, "RISK_ASSESSED").await), "assessment_incomplete");
    let factors = |conclusion: &str| {
        json!({"incident_id": incident, "nature": "LOW", "nature_why": "A name", "recipient": "LOW", "recipient_why": "A neighbour",
            "acquired": "LOW", "acquired_why": "Unopened", "mitigation": "LOW", "mitigation_why": "Given back", "conclusion": conclusion})
    };
    let sign = "compliance.breach_assessment.sign";
    let mut forged = factors("LOW_PROBABILITY");
    forged["countersigned_by"] = json!(Uuid::max());
    assert_eq!(code(post(&world, &one, sign, "", forged).await), "validation_failed", "nobody signs for another");
    let first = post(&world, &one, sign, "", factors("LOW_PROBABILITY")).await.unwrap();
    assert_eq!(first["signed_by"], json!(one.actor.id));
    assert_eq!(code(to(&one, "RISK_ASSESSED").await), "assessment_incomplete", "one signature is none");
    let counter = "compliance.breach_assessment.countersign";
    let id = text(&first["id"]);
    assert_eq!(code(post(&world, &one, counter, &id, Value::Null).await), "two_person_required");
    post(&world, &two, counter, &id, Value::Null).await.unwrap();
    assert_eq!(code(post(&world, &two, counter, &id, Value::Null).await), "already_signed");
    to(&one, "RISK_ASSESSED").await.unwrap();
    // A newer one that says breach rules.
    let newer = post(&world, &two, sign, "", factors("BREACH")).await.unwrap();
    post(&world, &one, counter, &text(&newer["id"]), Value::Null).await.unwrap();
    assert_eq!(code(to(&one, "NOT_A_BREACH").await), "assessed_as_breach");
    for state in ["NOTIFYING", "REMEDIATING", "CLOSED"] {
        to(&one, state).await.unwrap();
    }
    let closed = world.call("compliance.breach.get", at(&incident)).await.unwrap();
    let Body::Row(row) = closed.body else { panic!("no row") };
    assert!(row.get("closed_at").is_some_and(Value::is_string), "{row:?}");
}

#[tokio::test]
async fn what_a_review_looked_at_is_counted_by_the_server_and_never_changed() {
    let world = World::new().await;
    let one = world.somebody();
    let sign = "compliance.activity_review.sign";
    let today = world.db.env().now().date().to_string();
    let body = |activity: &str, more: Value| {
        let mut body =
            json!({"activity": activity, "period_from": "2026-01-01", "period_to": today, "outcome": "NO_FINDINGS"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        body
    };
    world.create("medical.patient.create", json!({"family_name": "Seen", "given_names": "Ana"})).await;
    assert_eq!(
        code(post(&world, &one, sign, "", body("AUDIT_LOG", json!({"counted": {}}))).await),
        "validation_failed"
    );
    assert_eq!(
        code(
            post(
                &world,
                &one,
                sign,
                "",
                body("AUDIT_LOG", json!({"period_from": "2999-01-01", "period_to": "2999-01-02"}))
            )
            .await
        ),
        "validation_failed"
    );
    assert_eq!(
        code(post(&world, &one, sign, "", body("AUDIT_LOG", json!({"outcome": "FINDINGS"}))).await),
        "validation_failed"
    );
    let signed = post(&world, &one, sign, "", body("AUDIT_LOG", Value::Null)).await.unwrap();
    assert!(signed["counted"]["events"]["success"].as_i64().unwrap() > 0, "{signed}");
    assert_eq!(signed["signed_by"], json!(one.actor.id));
    let rights = post(&world, &one, sign, "", body("ACCESS_RIGHTS", Value::Null)).await.unwrap();
    assert_eq!(rights["counted"]["role_holdings_sha256"].as_str().unwrap().len(), 64);
    let app = world.database.connect("salus_app").await;
    for sql in
        ["UPDATE compliance.activity_reviews SET outcome = 'FINDINGS'", "DELETE FROM compliance.activity_reviews"]
    {
        assert!(app.execute(sql, &[]).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn accesses_to_a_marked_record_are_queued_once_and_reviewed_by_another() {
    let world = World::new().await;
    let person = world
        .create("medical.patient.create", json!({"family_name": "Known", "given_names": "Ana"}))
        .await
        .id()
        .unwrap();
    world.create("compliance.sensitivity_label.create", json!({"patient_id": person, "label": "VIP"})).await;
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let new = NewUser { email: "nurse@users.example".into(), display_name: "Nurse".into(), roles: Vec::new() };
    let user = auth::invite(&mut tx, &new).await.unwrap().user;
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let mut nurse = world.somebody();
    nurse.actor.id = user;
    world.call_as(nurse.clone(), "medical.patient.get", at(&person.to_string())).await.unwrap();
    let outbound = Outbound::new(Rules::default()).unwrap();
    let jobs = salus_domains::jobs(&Arc::default(), &outbound).unwrap();
    let dispatcher = Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default());
    for _ in 0..3 {
        // The first round only writes down when what comes back is due.
        dispatcher.drain(world.tenant).await.unwrap();
        world.admin("UPDATE kernel.schedules SET next_run_at = clock_timestamp() - interval '1 second' WHERE job = 'compliance.queue_access_reviews'").await;
    }
    let admin = world.database.connect("salus_admin").await;
    let rows = admin.query("SELECT id, user_id, reason::text FROM compliance.access_reviews", &[]).await.unwrap();
    let (id, who, why): (Uuid, Uuid, String) = (rows[0].get(0), rows[0].get(1), rows[0].get(2));
    assert_eq!((rows.len(), who, why.as_str()), (1, user, "VIP"));
    let review = "compliance.access_review.review";
    let body = json!({"outcome": "JUSTIFIED", "note": "On duty"});
    assert_eq!(code(post(&world, &nurse, review, &id.to_string(), body.clone()).await), "own_review");
    post(&world, &world.somebody(), review, &id.to_string(), body.clone()).await.unwrap();
    assert_eq!(code(post(&world, &world.somebody(), review, &id.to_string(), body).await), "already_reviewed");
}
