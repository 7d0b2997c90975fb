//! Alerts at set times: once each, on the clocks of the organization, also on the nights on which they change.

use crate::alerts::Place;
use salus_core::{Ctx, Error};
use salus_domains::auth::Simulator;
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

const ALL: &str = "SELECT dedupe_key::text FROM alerts.alert_instances ORDER BY dedupe_key";

async fn place() -> (Place, Ctx) {
    let p = Place::with(Box::new(Simulator)).await;
    let tenant = p.s.world.tenant;
    let own = format!(
        "INSERT INTO auth.organizations (tenant_id, id, kind, name, timezone) VALUES ('{tenant}', '{tenant}', 'school_district', 'North', 'America/Los_Angeles')"
    );
    p.s.world.admin(&own).await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    (p, ada)
}

async fn save(p: &Place, who: &Ctx, more: Value) -> Result<Value, Error> {
    let mut body = json!({"code": "fridge", "name": "Read the thermometer of the vaccine fridge", "category": "OPERATIONS",
                          "severity": "LOW", "source": "SCHEDULE", "condition": {"schedule": "30 2 * * *"}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let query = body.as_object_mut().unwrap().remove("test").map(|_| ("test".to_owned(), "true".to_owned()));
    let call = Call { body, query: query.into_iter().collect(), ..Call::default() };
    match p.s.world.call_as(who.clone(), "alerts.definition.save", call).await?.body {
        Body::Row(row) => Ok(json!(row)),
        Body::Json(value) => Ok(value),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_set_time_comes_once_also_on_the_night_that_skips_it_and_on_the_one_that_has_it_twice() {
    let (p, ada) = place().await;
    p.clock(datetime!(2026-03-07 20:00 UTC));
    save(&p, &ada, json!({})).await.unwrap();
    p.sweep().await;
    assert!(p.ask(ALL).await.is_empty(), "not before its time");
    // On 8 March there is no half past two: it is done at three o'clock, summer time.
    p.clock(datetime!(2026-03-08 09:59:59 UTC));
    p.sweep().await;
    assert!(p.ask(ALL).await.is_empty());
    p.clock(datetime!(2026-03-08 10:00 UTC));
    p.sweep().await;
    p.sweep().await;
    assert_eq!(p.ask(ALL).await, ["fridge:2026-03-08T10:00:00Z"]);
    p.clock(datetime!(2026-03-09 09:30 UTC));
    p.sweep().await;
    assert_eq!(p.ask(ALL).await.len(), 2, "the next day at half past two, summer time");
    assert_eq!(
        p.ask("SELECT title FROM alerts.alert_instances LIMIT 1").await,
        ["Read the thermometer of the vaccine fridge"]
    );
    // On 1 November half past one comes twice.
    save(&p, &ada, json!({"condition": {"schedule": "30 1 * * *"}})).await.unwrap();
    p.clock(datetime!(2026-11-01 07:00 UTC));
    p.sweep().await;
    let before = p.ask(ALL).await.len();
    for at in [datetime!(2026-11-01 08:30 UTC), datetime!(2026-11-01 09:30 UTC), datetime!(2026-11-01 10:00 UTC)] {
        p.clock(at);
        p.sweep().await;
    }
    assert_eq!(p.ask(ALL).await.len(), before + 1, "the first of the two");
}

#[tokio::test]
async fn times_that_were_missed_are_made_up_for_once_and_what_was_switched_off_for_none() {
    let (p, ada) = place().await;
    p.clock(datetime!(2026-03-02 20:00 UTC));
    save(&p, &ada, json!({})).await.unwrap();
    p.sweep().await;
    p.clock(datetime!(2026-03-06 20:00 UTC));
    p.sweep().await;
    assert_eq!(p.ask(ALL).await, ["fridge:2026-03-03T10:30:00Z"], "of four nights");
    save(&p, &ada, json!({"enabled": false})).await.unwrap();
    p.sweep().await;
    assert_eq!(p.ask("SELECT count(*)::text FROM alerts.alert_schedules").await, ["0"]);
    p.clock(datetime!(2026-03-09 20:00 UTC));
    save(&p, &ada, json!({})).await.unwrap();
    p.sweep().await;
    assert_eq!(p.ask(ALL).await.len(), 1);
    // Another zone is another time.
    p.s.world.admin("UPDATE auth.organizations SET timezone = 'UTC'").await;
    p.sweep().await;
    let next = "SELECT (next_due_at AT TIME ZONE 'UTC')::text FROM alerts.alert_schedules";
    assert_eq!(p.ask(next).await, ["2026-03-10 02:30:00"]);
}

#[tokio::test]
async fn what_else_is_asked_at_the_set_time_decides_and_two_sweeps_at_once_raise_one() {
    let (p, ada) = place().await;
    let now = datetime!(2026-03-02 20:00 UTC);
    p.clock(now);
    let dead = json!({"all": [{"schedule": "0 13 * * *"}, {"metric": "kernel.jobs_dead", "gt": 0}]});
    save(&p, &ada, json!({"code": "dead", "condition": dead})).await.unwrap();
    save(&p, &ada, json!({"condition": {"schedule": "0 13 * * *"}})).await.unwrap();
    p.sweep().await;
    p.clock(now + Duration::hours(1));
    let again = "UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'alerts.sweep'";
    for _ in 0..3 {
        p.s.world.admin(again).await;
        tokio::join!(p.drain(), p.drain(), p.drain());
    }
    assert_eq!(p.ask(ALL).await, ["fridge:2026-03-02T21:00:00Z"], "no job is dead");
}

#[tokio::test]
async fn a_set_time_is_tested_before_it_is_saved() {
    let (p, ada) = place().await;
    p.clock(datetime!(2026-03-02 20:00 UTC));
    let tested = save(&p, &ada, json!({"test": true})).await.unwrap();
    assert_eq!((&tested["fired"], &tested["most_a_day"]), (&json!(7), &json!(1)));
    assert_eq!(tested["next"][0], "2026-03-03T10:30:00Z");
    assert_eq!(tested["next"][4], "2026-03-07T10:30:00Z");
    let many = save(&p, &ada, json!({"condition": {"schedule": "*/5 * * * *"}})).await;
    assert!(many.unwrap_err().to_string().contains("288 times"));
    assert!(save(&p, &ada, json!({"condition": {"schedule": "*/5 * * * *"}, "confirm": true})).await.is_ok());
    let never = save(&p, &ada, json!({"condition": {"schedule": "0 0 30 2 *"}})).await;
    assert!(never.unwrap_err().to_string().contains("never comes"));
}
