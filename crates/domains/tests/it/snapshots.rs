//! How schools stood is kept each week and on the days of the state's report, once, and is not changed by what comes later
//! (section 5.4.2 of the specification).

use crate::{
    background::dispatcher,
    clinic::{NOW, School},
    immunization::{add, school, student},
    school_entry::strict,
};
use salus_core::Error;
use salus_domains::auth::Carriers;
use salus_store::{Body, Call, jobs::Dispatcher};
use serde_json::{Value, json};
use time::Duration;

async fn trend(s: &School, query: &[(&str, &str)]) -> Result<Value, Error> {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    match s.world.call("school.immunization.trend", Call { query, ..Call::default() }).await?.body {
        Body::Json(told) => Ok(told["schools"][0]["points"].clone()),
        other => panic!("{other:?}"),
    }
}

async fn morning(s: &School, dispatcher: &Dispatcher) {
    for _ in 0..2 {
        let sql =
            "UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'school.snapshot_compliance'";
        s.world.admin(sql).await;
        dispatcher.drain(s.world.tenant).await.unwrap();
    }
}

fn of(point: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| point[name].clone()).collect()
}

#[tokio::test]
async fn each_week_has_one_snapshot_that_later_doses_do_not_change() {
    let s = school().await;
    let dispatcher = dispatcher(&s.world, Carriers::default());
    let whole = student(&s, "A-1", "2016-02-26", "4").await;
    let late = student(&s, "A-2", "2016-02-26", "4").await;
    student(&s, "A-3", "2016-02-26", "5").await;
    for (cvx, on) in [("03", "2017-03-01"), ("03", "2020-03-01"), ("21", "2017-03-01")] {
        add(&s, &whole, json!({"cvx": cvx, "given_on": on})).await.unwrap();
    }
    morning(&s, &dispatcher).await;
    assert_eq!(trend(&s, &[]).await.unwrap(), json!([]), "without a requirement in force nothing can be said");

    strict(&s).await;
    morning(&s, &dispatcher).await;
    morning(&s, &dispatcher).await;
    let told = trend(&s, &[]).await.unwrap();
    assert_eq!(told.as_array().unwrap().len(), 1, "asked twice, taken once: {told}");
    let names =
        ["kind", "period_on", "taken_on", "enrolled", "excluded", "up_to_date_percent", "in_compliance_percent"];
    let expected = json!(["WEEKLY", "2026-03-02", "2026-03-02", 3, 1, 33.3, 33.3]);
    assert_eq!(json!(of(&told[0], &names)), expected, "one of grade 5 is asked for nothing");
    assert_eq!(told[0]["compliance_score"], json!(50.0));
    assert_eq!(told[0]["measles_protected_percent"], json!(33.3));

    // The doses of the second student come; this week stays as it was.
    for (cvx, on) in [("03", "2017-03-01"), ("03", "2020-03-01"), ("21", "2017-03-01")] {
        add(&s, &late, json!({"cvx": cvx, "given_on": on})).await.unwrap();
    }
    s.world.db.env().clock.set(NOW + Duration::days(3));
    morning(&s, &dispatcher).await;
    assert_eq!(trend(&s, &[]).await.unwrap(), told);
    // Of the next week nobody asked until Wednesday: it is taken then, for its Monday.
    s.world.db.env().clock.set(NOW + Duration::days(9));
    morning(&s, &dispatcher).await;
    let told = trend(&s, &[("school_id", &s.id), ("grade", "4")]).await.unwrap();
    let names = ["period_on", "taken_on", "enrolled", "up_to_date_percent"];
    assert_eq!(json!(of(&told[0], &names)), json!(["2026-03-02", "2026-03-02", 2, 50.0]));
    assert_eq!(json!(of(&told[1], &names)), json!(["2026-03-09", "2026-03-11", 2, 100.0]));
    let elsewhere = trend(&s, &[("school_id", "01900000-0000-7000-8000-000000000000")]).await.unwrap_err();
    assert!(elsewhere.to_string().contains("within your reach"), "{elsewhere}");
}

#[tokio::test]
async fn the_days_of_the_states_report_are_those_of_the_setting() {
    let s = school().await;
    let dispatcher = dispatcher(&s.world, Carriers::default());
    student(&s, "A-1", "2016-02-26", "4").await;
    strict(&s).await;
    let set = async |value: &str| {
        let sql = format!(
            "DELETE FROM kernel.settings WHERE name = 'school.immunization'; \
             INSERT INTO kernel.settings (tenant_id, id, name, value) VALUES ('{}', gen_random_uuid(), 'school.immunization', '{value}')",
            s.world.tenant
        );
        s.world.admin(&sql).await;
    };
    // The first lies too far back, the third ahead.
    set(r#"{"report_dates": ["02-10", "02-25", "03-15"]}"#).await;
    morning(&s, &dispatcher).await;
    let told = trend(&s, &[]).await.unwrap();
    let told: Vec<Value> =
        told.as_array().unwrap().iter().map(|p| json!([p["kind"], p["period_on"], p["taken_on"]])).collect();
    let expected = [json!(["REPORT", "2026-02-25", "2026-03-02"]), json!(["WEEKLY", "2026-03-02", "2026-03-02"])];
    assert_eq!(told, expected);

    // A setting that is not understood stops the work, and says so; nothing is guessed.
    set(r#"{"report_dates": ["31-12"]}"#).await;
    s.world.db.env().clock.set(NOW + Duration::days(7));
    morning(&s, &dispatcher).await;
    assert_eq!(trend(&s, &[]).await.unwrap().as_array().unwrap().len(), 2);
    let admin = s.world.database.connect("salus_admin").await;
    let sql = "SELECT count(*) FROM kernel.jobs WHERE job = 'school.snapshot_school' AND error_class = 'setting_wrong'";
    assert!(admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0);
}
