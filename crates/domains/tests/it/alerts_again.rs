//! Alerts read once more: who is told, storms, what has ended, and what nobody hears.

use crate::{
    alerts::Place,
    clinic::{NOW, code, row},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_domains::auth::Simulator;
use salus_store::{Call, Record};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Duration, macros::datetime};
use uuid::Uuid;

async fn place() -> Place {
    Place::with(Box::new(Simulator)).await
}

async fn define(p: &Place, code: &str, more: Value) {
    let mut body = json!({"code": code, "name": "A sensor is silent", "category": "OPERATIONS", "severity": "MEDIUM", "source": "MANUAL"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row(p.s.world.call("alerts.definition.save", Call { body, ..Call::default() }).await).unwrap();
}

async fn told(p: &Place, alert: Uuid) -> BTreeSet<String> {
    let sql =
        format!("SELECT DISTINCT recipient_id::text FROM alerts.alert_delivery_log WHERE instance_id = '{alert}'");
    p.ask(&sql).await.into_iter().collect()
}

fn ids(who: &[&Ctx]) -> BTreeSet<String> {
    who.iter().map(|ctx| ctx.actor.id.to_string()).collect()
}

#[tokio::test]
async fn one_who_subscribed_keeps_nobody_from_being_told_and_a_mute_holds_back_nothing_critical() {
    let p = place().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let ben = p.user("ben", "admin", &[], None).await;
    p.subscribe(&ada, json!({"channels": ["IN_APP", "EMAIL"]})).await.unwrap();
    let alert = p.raise("freezer:1", "MEDIUM", None).await;
    assert_eq!(told(&p, alert).await, ids(&[&ada, &ben]));

    // Ada is named by nobody: she hears of it because she subscribed, muted or not.
    define(&p, "fire", json!({"audience": {"targets": [{"user": ben.actor.id}]}})).await;
    let muted = json!({"channels": ["IN_APP"], "muted_until": "2026-03-09T00:00:00Z"});
    p.subscribe(&ada, muted).await.unwrap();
    let less = p.raise("fire:1", "HIGH", None).await;
    let most = p.raise("fire:2", "CRITICAL", None).await;
    assert_eq!((told(&p, less).await, told(&p, most).await), (ids(&[&ben]), ids(&[&ada, &ben])));

    // What each chooses for themselves nobody chooses for a role.
    let operator = p.s.world.operator();
    for (field, value) in [
        ("channels", json!(["IN_APP", "EMAIL"])),
        ("quiet_hours", json!({"from": "21:00", "to": "06:00", "timezone": "UTC"})),
        ("digest", json!("DAILY")),
    ] {
        for of in ["role", "on_call_list"] {
            let mut body = json!({"channels": ["IN_APP"]});
            body[of] = json!("admin");
            body[field] = value.clone();
            assert_eq!(code(p.subscribe(&operator, body).await), "own_choice", "{of}: {field}");
        }
    }
    p.subscribe(&operator, json!({"channels": ["IN_APP"], "role": "admin"})).await.unwrap();
}

#[tokio::test]
async fn a_storm_is_of_one_school_and_as_urgent_as_the_worst_in_it() {
    let p = place().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let nurse = p.user("nurse", "school_nurse", &[&p.s.unit], None).await;
    define(
        &p,
        "sensor",
        json!({"escalation": [{"after_s": 600, "targets": [{"user": ada.actor.id}]}], "channels": ["IN_APP"]}),
    )
    .await;
    let school: Uuid = p.s.id.parse().unwrap();
    for n in 0..20 {
        p.raise(&format!("sensor:here:{n}"), "MEDIUM", Some(school)).await;
        p.raise(&format!("sensor:no:{n}"), "MEDIUM", None).await;
    }
    let storms = "SELECT count(*)::text FROM alerts.alert_instances WHERE dedupe_key LIKE 'storm:%'";
    assert_eq!(p.ask(storms).await, ["0"], "40 of two places are no storm");
    let first: Uuid = p.ask("SELECT id::text FROM alerts.alert_instances WHERE dedupe_key = 'sensor:here:0'").await[0]
        .parse()
        .unwrap();
    p.act(&ada, "alerts.alert.resolve", first, json!({"action": "snooze", "minutes": 10})).await.unwrap();
    for n in 20..29 {
        p.raise(&format!("sensor:here:{n}"), "MEDIUM", Some(school)).await;
    }
    p.raise("sensor:here:29", "HIGH", Some(school)).await;
    p.raise("sensor:here:30", "LOW", Some(school)).await;
    let parent = format!(
        "SELECT severity || ' ' || occurrences || ' ' || (school_id = '{school}') || ' ' || (definition_id IS NOT NULL) || ' ' || \
           (next_escalation_at = first_seen + interval '600 seconds') FROM alerts.alert_instances WHERE dedupe_key LIKE 'storm:%'"
    );
    assert_eq!(
        p.ask(&parent).await,
        ["HIGH 31 true true true"],
        "the worst of them, its school, and the chain of the definition"
    );
    let storm: Uuid =
        p.ask("SELECT id::text FROM alerts.alert_instances WHERE dedupe_key LIKE 'storm:%'").await[0].parse().unwrap();
    assert!(told(&p, storm).await.contains(&nurse.actor.id.to_string()), "who works there sees it");
    let mails = format!(
        "SELECT count(*)::text FROM alerts.alert_delivery_log WHERE instance_id = '{storm}' AND channel <> 'IN_APP'"
    );
    assert_eq!(p.ask(&mails).await, ["0"], "by the ways of the definition");

    // One that was put off before does not come back by itself.
    p.act(&ada, "alerts.alert.acknowledge", storm, json!({})).await.unwrap();
    p.clock(NOW + Duration::minutes(11));
    p.sweep().await;
    let status = format!("SELECT status::text FROM alerts.alert_instances WHERE id = '{first}'");
    assert_eq!(p.ask(&status).await, ["SNOOZED"]);
    // A more urgent one, of those that are in it or new, is told by the storm.
    let of_storm = format!("SELECT severity || ' ' || status FROM alerts.alert_instances WHERE id = '{storm}'");
    assert_eq!(p.ask(&of_storm).await, ["HIGH ACKNOWLEDGED"]);
    p.raise("sensor:here:5", "CRITICAL", Some(school)).await;
    assert_eq!(p.ask(&of_storm).await, ["CRITICAL ACTIVE"]);
}

#[tokio::test]
async fn what_has_ended_stays_so_and_nobody_writes_over_what_another_decided() {
    let p = place().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let id = p.raise("freezer:1", "HIGH", None).await;
    p.act(&ada, "alerts.alert.resolve", id, json!({"action": "escalate"})).await.unwrap();
    p.act(&ada, "alerts.alert.resolve", id, json!({})).await.unwrap();
    p.drain().await;
    let state = format!("SELECT status || ' ' || escalation_level FROM alerts.alert_instances WHERE id = '{id}'");
    assert_eq!(p.ask(&state).await, ["RESOLVED 1"], "the next level was asked for before it was resolved");

    let id = p.raise("freezer:2", "HIGH", None).await;
    let act = async |op: &str, body: Value, version: i32| -> Result<Record, Error> {
        let call = Call { body, if_match: Some(version), ..at(&id.to_string()) };
        row(p.s.world.call_as(ada.clone(), op, call).await)
    };
    let read = p.told(&ada, "alerts.alert.show", at(&id.to_string())).await;
    let version = i32::try_from(read["row_version"].as_i64().unwrap()).unwrap();
    p.raise("freezer:2", "HIGH", None).await;
    for body in [
        json!({}),
        json!({"action": "escalate"}),
        json!({"action": "assign"}),
        json!({"action": "snooze", "minutes": 5}),
    ] {
        let told = act("alerts.alert.resolve", body.clone(), version).await;
        assert!(matches!(told, Err(Error::Stale)), "{body}: {told:?}");
    }
    act("alerts.alert.resolve", json!({}), version + 1).await.unwrap();
    // Without If-Match what was read counts: who is later is told that it stands otherwise by now.
    let id = p.raise("freezer:3", "HIGH", None).await;
    let other = p.s.world.database.connect("salus_admin").await;
    let change = format!("BEGIN; UPDATE alerts.alert_instances SET occurrences = occurrences + 1 WHERE id = '{id}'");
    other.batch_execute(&change).await.unwrap();
    let commit = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (told, ()) = tokio::join!(p.act(&ada, "alerts.alert.acknowledge", id, json!({})), commit);
    assert!(matches!(told, Err(Error::Stale)), "{told:?}");
}

#[tokio::test]
async fn a_level_that_reaches_nobody_is_an_alert_of_its_own() {
    let p = place().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let id = p.raise("freezer:1", "HIGH", None).await;
    assert!(told(&p, id).await.contains(&ada.actor.id.to_string()));
    p.clock(NOW + Duration::minutes(60));
    p.sweep().await;
    let nobody = "SELECT severity || ' ' || (subject_ref LIKE '%' || (SELECT id::text FROM alerts.alert_instances WHERE dedupe_key = 'freezer:1')) \
                  FROM alerts.alert_instances WHERE dedupe_key LIKE 'nobody:%'";
    assert_eq!(p.ask(nobody).await, ["CRITICAL true"], "the list backup has nobody");
}

#[tokio::test]
async fn a_digest_does_not_come_in_quiet_hours() {
    let p = place().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let quiet = json!({"from": "21:00", "to": "08:00", "timezone": "America/Los_Angeles"});
    p.subscribe(&ada, json!({"channels": ["IN_APP", "EMAIL"], "quiet_hours": quiet, "digest": "DAILY"})).await.unwrap();
    // Eight in the evening: the digest would be at seven, the night ends at eight.
    p.clock(datetime!(2026-03-03 04:00 UTC));
    p.raise("freezer:1", "MEDIUM", None).await;
    let due = "SELECT (due_at = '2026-03-03T16:00:00Z')::text FROM alerts.alert_delivery_log WHERE channel = 'EMAIL'";
    assert_eq!(p.ask(due).await, ["true"]);
}

#[tokio::test]
async fn definitions_that_another_is_making_are_waited_for_and_not_made_twice() {
    let p = place().await;
    p.sweep().await;
    let tenant = p.s.world.tenant;
    let made = "SELECT count(*)::text FROM alerts.alert_definitions";
    let all = p.ask(made).await;
    assert_ne!(all, ["0"]);
    p.s.world
        .admin(&format!(
            "CREATE TABLE public.made AS SELECT * FROM alerts.alert_definitions; DELETE FROM alerts.alert_definitions; \
             INSERT INTO kernel.outbox (tenant_id, id, event) VALUES ('{tenant}', gen_random_uuid(), 'medical.patient.created')"
        ))
        .await;
    // Another has begun to make them.
    let other = p.s.world.database.connect("salus_admin").await;
    let begun = format!(
        "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('alerts.alert_definitions', 0) # hashtextextended('{tenant}', 0)); \
         INSERT INTO alerts.alert_definitions SELECT * FROM public.made"
    );
    other.batch_execute(&begun).await.unwrap();
    let commit = async {
        let waits = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while p.ask(waits).await == ["0"] {
            tokio::task::yield_now().await;
        }
        other.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(p.drain(), commit);
    assert_eq!(p.ask(made).await, all, "each is there once");
}
