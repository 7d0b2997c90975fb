//! The weekly methods through the door: RKI, Farrington and Noufaily speak where there are years to compare with, and say how much is
//! missing where there are not. The space-time scan over schools is tested with the demonstration district.

use crate::outbreak::Rooms;
use salus_store::Call;
use serde_json::{Value, json};
use time::{Date, Duration, macros::date};

/// The Monday of the last whole week before the second of March 2026.
const LAST: Date = date!(2026 - 02 - 23);

/// One or two ill in each of so many weeks, and nine in the last.
async fn school(weeks: i64) -> Rooms {
    let s = Rooms::new(&[("12", 24)], &[]).await;
    let mut cases = Vec::new();
    for (n, back) in (1..=weeks).rev().enumerate() {
        let monday = LAST - Duration::weeks(back);
        cases.extend((0..=n % 2).map(|k| (s.student(0, (n + k * 5) % 24), monday + Duration::days(1))));
    }
    cases.extend((0..9).map(|k| (s.student(0, k), LAST + Duration::days(2))));
    s.ill("RESP", &cases).await;
    s
}

fn of<'a>(told: &'a Value, method: &str) -> &'a Value {
    told["methods"].as_array().unwrap().iter().find(|m| m["method"] == method).unwrap()
}

#[tokio::test]
async fn weekly_methods_speak_where_there_are_years_to_compare_with() {
    let s = school(230).await;
    let told = s.json("school.outbreak.methods", Call::default()).await;
    assert_eq!(told["week_of"], "2026-02-23");
    for method in ["RKI1", "RKI2", "RKI3", "FARRINGTON", "NOUFAILY"] {
        let one = of(&told, method);
        assert_eq!(one["has"], 230, "{method}");
        let alarms = one["alarms"].as_array().unwrap();
        assert_eq!(alarms.len(), 1, "{method}: one school, and no district of one: {alarms:?}");
        assert_eq!((&alarms[0]["syndrome"], &alarms[0]["level"]), (&json!("RESP"), &json!("SCHOOL")));
        let upper = alarms[0]["upper"].as_f64().unwrap();
        assert!(alarms[0]["observed"] == 9 && upper > 2.0 && upper < 9.0, "{method}: {upper}");
    }
    let query = |id: &str| Call { query: vec![("school_id".into(), id.into())], ..Call::default() };
    let own = s.json("school.outbreak.methods", query(&s.school.id)).await;
    assert_eq!(own["methods"], told["methods"], "the only school there is");
    let unknown = s.world().call("school.outbreak.methods", query("01900000-0000-7000-8000-000000000000")).await;
    assert!(unknown.is_err(), "no school within reach");
    let scan = of(&told, "SPACETIME");
    assert_eq!(scan["schools"], json!({"needs": 2, "has": 0}), "this school has no place");
}

#[tokio::test]
async fn a_year_is_too_little_for_what_compares_with_four_and_a_usual_week_is_none_of_note() {
    let s = school(60).await;
    let told = s.json("school.outbreak.methods", Call::default()).await;
    for (method, speaks) in
        [("RKI1", true), ("RKI2", true), ("RKI3", false), ("FARRINGTON", false), ("NOUFAILY", false)]
    {
        let one = of(&told, method);
        let enough = one["has"].as_u64() >= one["needs"].as_u64();
        assert_eq!((enough, one["alarms"] == json!([])), (speaks, !speaks), "{method}: {one}");
    }
    s.world().db.env().clock.set(time::macros::datetime!(2026-02-23 20:00 UTC));
    let told = s.json("school.outbreak.methods", Call::default()).await;
    assert_eq!(
        (&told["week_of"], &of(&told, "RKI1")["alarms"]),
        (&json!("2026-02-16"), &json!([])),
        "one or two, as usual"
    );
}
