//! Errors with medication: how far they went, who was told, and when they may be closed (section 5.3 of the specification).

use crate::{
    clinic::{School, code, id, row},
    medication::{NOON, at_noon},
    world::at,
};
use salus_core::Error;
use salus_store::{Call, Record};
use serde_json::{Value, json};
use time::macros::datetime;

async fn report(s: &School, body: Value) -> Result<Record, Error> {
    row(s.world.call_as(s.aide().await, "school.medication_error.submit", Call { body, ..Call::default() }).await)
}

async fn notice(s: &School, error: &str, body: Value) -> Result<Record, Error> {
    row(s.world.call_as(s.aide().await, "school.medication_error.notice", Call { body, ..at(error) }).await)
}

async fn close(s: &School, error: &str, review: &str) -> Result<Record, Error> {
    row(s.world.call("school.medication_error.close", Call { body: json!({ "review": review }), ..at(error) }).await)
}

#[tokio::test]
async fn what_reached_the_student_is_closed_after_family_and_prescriber_were_told() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.in_force(&student, json!({})).await;
    s.clock(datetime!(2026-03-02 20:05 UTC));
    let dose = id(&s.dose(at_noon(&order, NOON)).await.unwrap());
    s.clock(datetime!(2026-03-02 21:00 UTC));

    let whole = json!({"administration_id": dose, "kind": "WRONG_DOSE", "severity": "D", "description": "Two tablets instead of one",
                       "action_taken": "Watched for an hour"});
    for (name, value, expected) in [
        ("severity", json!("J"), "not_allowed"),
        ("kind", json!("CLUMSY"), "not_allowed"),
        ("description", json!(" "), "required"),
        ("happened_at", json!("2026-03-03T20:00:00Z"), "future_date"),
        ("happened_at", json!("2020-03-03T20:00:00Z"), "too_old"),
        ("administration_id", json!("01900000-0000-7000-8000-000000000000"), "no_such_record"),
        ("student_id", json!("01900000-0000-7000-8000-000000000000"), "mismatch"),
    ] {
        let mut wrong = whole.clone();
        wrong[name] = value;
        assert_eq!(code(report(&s, wrong).await), expected, "{name}");
    }
    let nobody = json!({"kind": "OMITTED", "severity": "C", "description": "Forgotten"});
    assert_eq!(code(report(&s, nobody).await), "required", "neither dose nor student");
    let made = report(&s, whole).await.unwrap();
    assert_eq!((made.text("student_id"), made.text("happened_at")), (student.as_str(), "2026-03-02T20:00:00Z"));
    let error = id(&made);

    assert_eq!(code(close(&s, &error, "Labels were alike").await), "notice_missing");
    assert_eq!(code(notice(&s, &error, json!({"who": "TEACHER"})).await), "not_allowed");
    let early = json!({"who": "GUARDIAN", "told_at": "2026-03-02T19:00:00Z"});
    assert_eq!(code(notice(&s, &error, early).await), "time_order");
    notice(&s, &error, json!({"who": "GUARDIAN", "said": "Thanked us"})).await.unwrap();
    assert_eq!(code(notice(&s, &error, json!({"who": "GUARDIAN"})).await), "told_already");
    assert_eq!(code(close(&s, &error, "Labels were alike").await), "notice_missing", "the prescriber was not told");
    let told = notice(&s, &error, json!({"who": "PRESCRIBER", "said": "Leave out the next dose"})).await.unwrap();
    assert_eq!((told.text("guardian_said"), told.text("prescriber_said")), ("Thanked us", "Leave out the next dose"));
    let call = Call { body: json!({"review": "Labels were alike"}), ..at(&error) };
    let refused = s.world.call_as(s.aide().await, "school.medication_error.close", call).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "a nurse closes it: {refused:?}");
    assert_eq!(code(close(&s, &error, " ").await), "required");
    assert_eq!(close(&s, &error, "Labels were alike").await.unwrap().text("review"), "Labels were alike");
    assert_eq!(code(close(&s, &error, "Again").await), "state_conflict");
    assert_eq!(code(notice(&s, &error, json!({"who": "GUARDIAN"})).await), "state_conflict");

    // One that reached nobody needs no notice.
    let near = json!({"student_id": student, "kind": "DOCUMENTATION", "severity": "B", "description": "Wrong sheet"});
    let near = id(&report(&s, near).await.unwrap());
    close(&s, &near, "Sheets have a photo now").await.unwrap();
    // Nor does another program get past that.
    let sql = format!(
        "DO $$ BEGIN UPDATE school.medication_errors SET severity = 'C', guardian_told_at = NULL WHERE id = '{near}'; \
         RAISE EXCEPTION 'closed without notice'; EXCEPTION WHEN check_violation THEN NULL; END $$"
    );
    s.world.admin(&sql).await;
}

#[tokio::test]
async fn an_error_that_did_harm_is_told_to_the_nurses_of_the_school() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let (nurse, _) = crate::background::user(&s.world, "nurse@north.example").await;
    let body = json!({"school_id": s.id, "user_id": nurse, "position": "NURSE_RN", "started_on": "2025-08-01"});
    s.world.create("school.staff.create", body).await;
    let notices = "SELECT title_key FROM auth.notifications WHERE title_key = 'school.medication_error'";
    for (severity, count) in [("D", 0), ("E", 1)] {
        let body = json!({"student_id": student, "kind": "WRONG_MEDICINE", "severity": severity, "description": "Another child's tablet"});
        report(&s, body).await.unwrap();
        s.job("school.mark_missed_doses").await;
        assert_eq!(crate::background::ask(&s.world, notices).await.len(), count, "{severity}");
    }
}
