//! The medication of a month: every time of an order stands there with its outcome, and what is not known is not left out
//! (acceptance of section 5.3 of the specification).

use crate::{
    clinic::School,
    medication::{NOON, at_noon, given},
    world::at,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::Error;
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::macros::datetime;

async fn month(s: &School, student: &str, query: &[(&str, &str)]) -> Result<Value, Error> {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    match s.world.call("school.medication_report.month", Call { query, ..at(student) }).await?.body {
        Body::Json(told) => Ok(told),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_time_of_the_month_stands_there_with_its_outcome() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.in_force(&student, json!({"times": ["12:00", "14:00"]})).await;
    s.clock(datetime!(2026-03-02 20:05 UTC));
    s.dose(at_noon(&order, NOON)).await.unwrap();
    // The afternoon's is refused, Tuesday's first is missed; of Wednesday nothing was made due; Thursday was no school day.
    s.clock(datetime!(2026-03-02 22:05 UTC));
    let refused = json!({"order_id": order, "scheduled_for": "2026-03-02T22:00:00Z", "outcome": "REFUSED", "reason": "Felt sick"});
    s.dose(refused).await.unwrap();
    s.clock(datetime!(2026-03-03 17:00 UTC));
    s.job("school.make_doses_due").await;
    s.clock(datetime!(2026-03-03 21:00 UTC));
    s.job("school.mark_missed_doses").await;
    let day = json!({"school_id": s.id, "day": "2026-03-05", "is_instructional": false});
    s.world.create("school.calendar_day.create", day).await;
    let needed = s.as_needed(&student, json!({})).await;
    s.dose(given(&needed, "2026-03-03T21:00:00Z")).await.unwrap();
    s.clock(datetime!(2026-03-06 16:00 UTC));

    let told = month(&s, &student, &[("month", "2026-03")]).await.unwrap();
    assert_eq!(told["orders"].as_array().unwrap().len(), 1, "{told}");
    let slots: Vec<Value> = told["orders"][0]["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| json!([slot["day"], slot["due"], slot["outcome"]]))
        .collect();
    let expected = [
        json!(["2026-03-02", "12:00", "GIVEN"]),
        json!(["2026-03-02", "14:00", "REFUSED"]),
        json!(["2026-03-03", "12:00", "MISSED"]),
        json!(["2026-03-03", "14:00", "OPEN"]),
        json!(["2026-03-04", "12:00", "NO_RECORD"]),
        json!(["2026-03-04", "14:00", "NO_RECORD"]),
    ];
    assert_eq!(slots, expected);
    let first = &told["orders"][0]["slots"][0];
    assert_eq!((&first["given_at"], &first["dose_given"]), (&json!("12:00"), &json!("1")));
    assert_eq!(told["orders"][0]["slots"][1]["reason"], "Felt sick");
    assert_eq!(told["totals"]["NO_RECORD"], json!(2));
    let needed = &told["as_needed"][0];
    assert_eq!((&needed["medication"], &needed["given_at"]), (&json!("Ibuprofen 200 mg"), &json!("13:00")));

    // An order that was ended asks for nothing after its last dose.
    s.to(&order, "discontinue", json!({"reason": "over"})).await.unwrap();
    let told = month(&s, &student, &[("format", "pdf"), ("language", "es")]).await.unwrap();
    assert_eq!(told["orders"][0]["slots"].as_array().unwrap().len(), 4, "{told}");
    assert!(STANDARD.decode(told["pdf"].as_str().unwrap()).unwrap().starts_with(b"%PDF-"));
    let other = month(&s, &student, &[("month", "2026-01")]).await.unwrap();
    assert_eq!((&other["orders"], &other["as_needed"], &other["pdf"]), (&json!([]), &json!([]), &Value::Null));

    for (query, field) in
        [(("month", "March"), "month"), (("format", "paper"), "format"), (("language", "la"), "language")]
    {
        let refused = month(&s, &student, &[query]).await.unwrap_err();
        assert!(matches!(&refused, Error::Invalid(fields) if fields[0].pointer.ends_with(field)), "{refused}");
    }
    let elsewhere = month(&s, "01900000-0000-7000-8000-000000000000", &[]).await;
    assert!(matches!(elsewhere, Err(Error::NotFound)));
}
