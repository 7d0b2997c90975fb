//! Absence through illness: counts as the attendance office sends them, and when they raise an alert.

use crate::outbreak::{Rooms, TODAY, code, count, told, weekdays};
use salus_core::{Error, Permissions};
use salus_store::Call;
use serde_json::{Value, json};
use std::sync::Arc;
use time::{Date, Duration};

async fn send(s: &Rooms, day: Date, counts: Value) -> Result<Value, Error> {
    let body = json!({"school_id": s.school.id, "day": day.to_string(), "counts": counts});
    let call = Call { body, ..Call::default() };
    s.world().call("school.absence.record", call).await.map(|reply| told(reply.body))
}

async fn rooms() -> Rooms {
    Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await
}

#[tokio::test]
async fn a_tenth_of_a_school_or_a_fifth_of_a_class_raises_one_alert() {
    let s = rooms().await;
    let quiet = send(&s, TODAY, json!([{"absent": 4}, {"homeroom_id": s.rooms[0].0, "absent": 4}])).await.unwrap();
    assert_eq!(quiet, json!({"recorded": 2, "changed": 0}));
    s.detect().await;
    assert_eq!(s.board().await, Vec::<Value>::new(), "8 % of the school and 17 % of the class");
    let more = send(&s, TODAY, json!([{"absent": 6}, {"homeroom_id": s.rooms[0].0, "absent": 5}])).await.unwrap();
    assert_eq!(more, json!({"recorded": 0, "changed": 2}), "what was sent before is replaced");
    s.detect().await;
    s.detect().await;
    let board = s.board().await;
    assert_eq!(board.len(), 1, "once, whatever is run again: {board:?}");
    let alert = &board[0];
    // Five of the six are of one class: it is about the class.
    assert_eq!((&alert["method"], &alert["level"], &alert["name"]), (&json!("ABSENCE"), &json!("CLASS"), &json!("12")));
    assert_eq!((&alert["observed"], &alert["row_version"]), (&json!(5), &json!(1)));
    let number = |name: &str| alert[name].as_f64().unwrap();
    assert!((number("statistic") - 20.8).abs() < 1e-9 && (number("threshold") - 20.0).abs() < 1e-9, "5 of 24");
    let raised = "alerts.alert_instances WHERE category = 'OUTBREAK' AND title LIKE 'Many are absent%'";
    assert_eq!(count(s.world(), raised).await, 1);
    send(&s, TODAY, json!([{"absent": 20}])).await.unwrap();
    s.detect().await;
    let board = s.board().await;
    assert_eq!(
        (board.len(), &board[0]["level"], &board[0]["observed"]),
        (1, &json!("SCHOOL"), &json!(20)),
        "the same alert grows"
    );
    let told = "SELECT d.code || ' ' || i.status FROM alerts.alert_instances i \
                JOIN alerts.alert_definitions d ON d.id = i.definition_id WHERE i.category = 'OUTBREAK' ORDER BY i.id";
    assert_eq!(crate::background::ask(s.world(), told).await, ["outbreak ACTIVE"], "by its definition");
    // It is looked at and decided as any, and does not come back with as many as were known.
    s.step(alert, json!({"state": "UNDER_REVIEW"})).await.unwrap();
    s.school.job("alerts.sweep").await;
    assert_eq!(crate::background::ask(s.world(), told).await, ["outbreak RESOLVED"], "somebody sees to it");
    s.step(alert, json!({"state": "DISMISSED", "reason": "KNOWN_EVENT"})).await.unwrap();
    s.detect().await;
    assert_eq!(s.board().await.len(), 1);
    send(&s, TODAY, json!([{"absent": 30}])).await.unwrap();
    s.detect().await;
    assert_eq!(s.board().await.len(), 2, "more than who decided knew");
}

#[tokio::test]
async fn far_more_than_on_the_same_weekday_before_is_too_many() {
    let s = rooms().await;
    for week in 1..=8 {
        let day = TODAY - Duration::weeks(week);
        send(&s, day, json!([{"enrolled": 400, "absent": 4 + week % 3}])).await.unwrap();
    }
    send(&s, TODAY, json!([{"enrolled": 400, "absent": 7}])).await.unwrap();
    s.detect().await;
    assert_eq!(s.board().await, Vec::<Value>::new(), "five a week, more or less");
    send(&s, TODAY, json!([{"enrolled": 400, "absent": 9}])).await.unwrap();
    s.detect().await;
    let board = s.board().await;
    assert_eq!((board.len(), &board[0]["level"], &board[0]["observed"]), (1, &json!("SCHOOL"), &json!(9)), "{board:?}");
    assert!((board[0]["expected"].as_f64().unwrap() - 5.125).abs() < 1e-9, "4 to 6 of the weeks before");
}

#[tokio::test]
async fn counts_that_cannot_be_are_refused_by_their_place() {
    let s = rooms().await;
    let refused = async |day: Date, counts: Value| code(send(&s, day, counts).await);
    assert_eq!(refused(TODAY, json!([{"absent": 50}])).await, "out_of_range", "49 are enrolled");
    assert_eq!(refused(TODAY, json!([{"absent": 1}, {"absent": 2}])).await, "duplicate");
    assert_eq!(refused(TODAY, json!([{"grade": "17", "absent": 1}])).await, "no_such_record");
    assert_eq!(refused(TODAY, json!([{"homeroom_id": s.school.id, "absent": 1}])).await, "no_such_record");
    assert_eq!(refused(TODAY, json!([{"homeroom_id": s.rooms[0].0, "grade": "4", "absent": 1}])).await, "not_allowed");
    assert_eq!(refused(TODAY + Duration::days(1), json!([{"absent": 1}])).await, "not_allowed");
    assert_eq!(refused(TODAY - Duration::days(1), json!([{"absent": 1}])).await, "no_school", "a Sunday");
    assert_eq!(refused(TODAY, json!([])).await, "not_allowed");
    assert_eq!(count(s.world(), "school.absence_counts").await, 0);
}

#[tokio::test]
async fn small_counts_of_absence_are_for_who_may_open_records() {
    let s = rooms().await;
    send(&s, TODAY, json!([{"absent": 6}, {"homeroom_id": s.rooms[0].0, "absent": 2}])).await.unwrap();
    let query = vec![("school_id".to_owned(), s.school.id.clone())];
    let call = || Call { query: query.clone(), ..Call::default() };
    let all = s.json("school.absence.counts", call()).await;
    let shown =
        |told: &Value| told["counts"].as_array().unwrap().iter().map(|c| c["absent"].clone()).collect::<Vec<_>>();
    assert_eq!(shown(&all), [json!(6), json!(2)]);
    assert_eq!(all["counts"][1]["homeroom"], "12");
    let mut blind = s.world().operator();
    blind.permissions = Arc::new(Permissions::new(["school.outbreak.*", "school.place.read"]));
    let told = told(s.world().call_as(blind, "school.absence.counts", call()).await.unwrap().body);
    assert_eq!(shown(&told), [json!(6), Value::Null]);
    let far = vec![("from".to_owned(), "2025-01-01".to_owned()), ("school_id".to_owned(), s.school.id.clone())];
    let refused = s.world().call("school.absence.counts", Call { query: far, ..Call::default() }).await;
    assert!(refused.unwrap_err().to_string().contains("at most 100 days"));
}
