//! Visits and medication read once more: allergies of the chart, doses told late, alerts that end, last days.

use crate::{
    background::ask,
    clinic::{School, changed, code, id, row},
    medication::{NOON, at_noon, given},
    world::at,
};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

async fn allergy(s: &School, student: &str, substance: &str) {
    let body = json!({"patient_id": student, "verification": "PATIENT_REPORTED", "source_kind": "MANUAL", "substance": substance});
    s.world.create("records.allergy.create", body).await;
}

/// The alerts of a definition, with how they stand.
pub async fn alerts(s: &School, definition: &str) -> Vec<String> {
    let sql = format!(
        "SELECT i.status::text FROM alerts.alert_instances i JOIN alerts.alert_definitions d ON d.id = i.definition_id \
         WHERE d.code = '{definition}' ORDER BY i.id"
    );
    ask(&s.world, &sql).await
}

#[tokio::test]
async fn an_allergy_in_the_chart_stops_a_drug_that_it_names_and_asks_about_any_other() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    allergy(&s, &student, "Penicillin").await;
    let draft = async |over: Value| id(&s.order(s.draft(&student, over).await).await.unwrap());
    let amoxicillin = draft(json!({"medication": "Amoxicillin 250 mg"})).await;
    let reviewed = json!({"allergies_reviewed": true});
    assert_eq!(code(s.to(&amoxicillin, "activate", reviewed.clone()).await), "allergy_conflict");
    let other = draft(json!({})).await;
    assert_eq!(code(s.to(&other, "activate", json!({})).await), "allergies_unchecked", "words say nothing of another");
    s.to(&other, "activate", reviewed.clone()).await.unwrap();
    allergy(&s, &student, "methylphenidate (rash)").await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    assert_eq!(code(s.dose(at_noon(&other, NOON)).await), "allergy_conflict", "one that came later stops the dose");
    let shown = s.world.call("school.medication_round.student", at(&student)).await.unwrap();
    let Body::Json(shown) = shown.body else { panic!("no JSON") };
    let flagged: Vec<&Value> = shown["orders"].as_array().unwrap().iter().map(|order| &order["allergy"]).collect();
    assert_eq!(flagged, [&json!(true), &json!(true)], "{shown}");

    // Coded on both sides nobody is asked.
    let coded = s.student("A-2").await;
    let drug = s.allergic(&s.student("A-3").await).await;
    let body = json!({"patient_id": coded, "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL", "display": "Latex",
                      "substance": "Latex",
                      "class_code": "LATEX"});
    s.world.create("records.allergy.create", body).await;
    let over = json!({"medication": "Amoxicillin 250 mg", "drug_catalog_id": drug});
    let order = id(&s.order(s.draft(&coded, over).await).await.unwrap());
    s.to(&order, "activate", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_dose_is_judged_by_its_order_as_it_was_when_it_was_given() {
    let s = School::new().await;
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    let (one, held) = (s.in_force(&one, json!({})).await, s.in_force(&two, json!({})).await);
    s.clock(datetime!(2026-03-02 19:50 UTC));
    s.to(&held, "suspend", json!({"reason": "PRESCRIBER"})).await.unwrap();
    s.clock(datetime!(2026-03-02 20:40 UTC));
    s.to(&one, "discontinue", json!({"reason": "PRESCRIBER"})).await.unwrap();
    s.clock(datetime!(2026-03-02 20:45 UTC));
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&held).await, [(NOON.to_owned(), "HELD".to_owned())], "nobody said anything");
    assert_eq!(s.doses(&one).await, [(NOON.to_owned(), "MISSED".to_owned())], "its order was in force at noon");
    assert_eq!(
        code(s.dose(at_noon(&held, "2026-03-02T19:55:00Z")).await),
        "order_not_in_force",
        "after it was stopped"
    );
    let dose = s.dose(at_noon(&held, "2026-03-02T19:45:00Z")).await.unwrap();
    assert_eq!((dose.text("outcome"), dose.get("override")), ("GIVEN", Some(&json!({"was": "HELD"}))));
    assert_eq!(s.dose(at_noon(&one, "2026-03-02T20:05:00Z")).await.unwrap().text("outcome"), "GIVEN");
    // What a person held stays held.
    let third = s.in_force(&s.student("A-3").await, json!({})).await;
    let body = json!({"order_id": third, "scheduled_for": NOON, "outcome": "HELD", "reason": "Fever"});
    s.dose(body).await.unwrap();
    assert_eq!(code(s.dose(at_noon(&third, "2026-03-02T20:10:00Z")).await), "already_recorded");

    // A reference of a device is of one dose.
    let (five, six) = (s.student("A-5").await, s.student("A-6").await);
    let (five, six) = (s.as_needed(&five, json!({})).await, s.as_needed(&six, json!({})).await);
    let sent = |order: &str| {
        let mut body = given(order, "2026-03-02T20:40:00Z");
        body["client_ref"] = json!(Uuid::from_u128(9));
        s.dose(body)
    };
    let first = id(&sent(&five).await.unwrap());
    assert_eq!(id(&sent(&five).await.unwrap()), first, "sent again");
    assert_eq!(code(sent(&six).await), "client_ref_used", "the dose of the second child is not lost silently");
}

#[tokio::test]
async fn only_what_a_school_keeps_in_stock_needs_no_order() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let bare = |medication: &str| json!({"student_id": student, "medication": medication, "outcome": "GIVEN", "dose_given": "1", "dose_unit": "dose"});
    for own in ["Diazepam 2 mg", "Midazolam", "Lorazepam 1 mg", "Glucagon"] {
        assert_eq!(code(s.dose(bare(own)).await), "required", "{own}");
        let standing = json!({"medication": own, "kind": "STOCK_STANDING_ORDER", "times": [], "guardian_consent_id": null,
                              "prescriber_order_id": null});
        let order = id(&s.order(s.draft(&student, standing).await).await.unwrap());
        assert_eq!(code(s.to(&order, "activate", json!({})).await), "prescriber_order_missing", "{own}");
    }
    s.dose(bare("Kloxxado 8 mg")).await.unwrap();
    // A rescue medicine by its brand is not held up, with the order of the student.
    let draft = s.draft(&student, json!({"medication": "Nayzilam 5 mg", "kind": "PRN", "times": []})).await;
    let order = id(&s.order(draft).await.unwrap());
    let dose = s.dose(json!({"order_id": order, "outcome": "GIVEN"})).await.unwrap();
    assert_eq!(dose.get("override"), Some(&json!({"order_not_in_force": true})));
}

#[tokio::test]
async fn alerts_end_with_what_they_are_about_and_a_call_to_911_is_never_told_to_nobody() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.in_force(&student, json!({})).await;
    s.clock(datetime!(2026-03-02 20:45 UTC));
    s.job("school.mark_missed_doses").await;
    assert_eq!(alerts(&s, "dose_missed").await, ["ACTIVE"]);
    let dose = s.dose(at_noon(&order, "2026-03-02T20:05:00Z")).await.unwrap();
    s.job("school.mark_missed_doses").await;
    assert_eq!(alerts(&s, "dose_missed").await, ["RESOLVED"], "it was recorded after all");
    // Marked as an error it waits for what is right before it counts as missed again.
    let body = json!({"reason": "Another child's"});
    row(s.world.call("school.administration.error", Call { body, ..at(dose.text("id")) }).await).unwrap();
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&order).await, [(NOON.to_owned(), String::new())]);
    let later = "SET session_replication_role = replica; \
                 UPDATE school.medication_administrations SET updated_at = now() - interval '16 minutes'";
    s.world.admin(later).await;
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&order).await, [(NOON.to_owned(), "MISSED".to_owned())]);

    let visit = id(&s.check_in(s.visit(&student, "2026-03-02T18:00:00Z")).await.unwrap());
    s.job("school.watch_visits").await;
    assert_eq!(alerts(&s, "visit_long").await, ["ACTIVE"]);
    changed(&s, &visit, json!({"status": "VOIDED", "amended_reason": "Wrong child"})).await.unwrap();
    s.job("alerts.sweep").await;
    assert_eq!(alerts(&s, "visit_long").await, ["RESOLVED"], "taken back while it was open");

    let visit = id(&s.check_in(s.visit(&student, "2026-03-02T20:10:00Z")).await.unwrap());
    let out = json!({"disposition": "EMERGENCY_SERVICES_911", "emergency_called_at": "2026-03-02T20:20:00Z"});
    s.check_out(&visit, out).await.unwrap();
    s.job("alerts.sweep").await;
    assert_eq!(alerts(&s, "emergency_call").await, ["ACTIVE"]);
    assert_eq!(alerts(&s, "nobody").await, ["ACTIVE"], "a school without a principal: that itself is an alert");
}

#[tokio::test]
async fn doses_are_made_due_of_who_is_enrolled_also_those_whose_time_the_server_was_away() {
    let s = School::new().await;
    let (stays, leaves) = (s.student("A-1").await, s.student("A-2").await);
    s.clock(datetime!(2026-02-27 19:00 UTC));
    let since = json!({"valid_from": "2026-03-02", "times": ["08:00", "12:00"]});
    let (stays, gone) = (s.in_force(&stays, since.clone()).await, s.in_force(&leaves, since.clone()).await);
    let found =
        ask(&s.world, &format!("SELECT id::text FROM school.student_enrollments WHERE patient_id = '{leaves}'")).await;
    let body = json!({"exited_on": "2026-02-27"});
    row(s.world.call("school.enrollment.end", Call { body, ..at(&found[0]) }).await).unwrap();
    // The server comes back at eleven.
    s.clock(datetime!(2026-03-02 19:00 UTC));
    s.job("school.make_doses_due").await;
    let times: Vec<String> = s.doses(&stays).await.into_iter().map(|(slot, _)| slot).collect();
    assert_eq!(times, ["2026-03-02T16:00:00Z", NOON], "the morning's too: somebody must say what came of it");
    assert_eq!(s.doses(&gone).await, [], "who has left gets none");
    // An order of today has no dose before it was in force.
    let new = s.in_force(&s.student("A-3").await, since).await;
    s.job("school.make_doses_due").await;
    assert_eq!(s.doses(&new).await, [(NOON.to_owned(), String::new())]);
}

#[tokio::test]
async fn a_last_day_counts_and_a_student_is_at_one_visit_at_a_time() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let found = ask(&s.world, "SELECT id::text FROM school.student_enrollments").await;
    let body = json!({"exited_on": "2026-03-02"});
    row(s.world.call("school.enrollment.end", Call { body, ..at(&found[0]) }).await).unwrap();
    // Six in the evening of that day; in UTC it is the next.
    s.clock(datetime!(2026-03-03 02:00 UTC));
    let query = vec![("ids".to_owned(), student.clone())];
    let shown = async |query: Vec<(String, String)>| {
        let reply = s.world.call("school.clinic.students", Call { query, ..Call::default() }).await.unwrap();
        let Body::Json(shown) = reply.body else { panic!("no JSON") };
        shown["data"][0]["schools"].clone()
    };
    assert_eq!(shown(query.clone()).await, json!([s.id]), "the last day");
    let (principal, _) = crate::background::user(&s.world, "principal@north.example").await;
    let staff = json!({"school_id": s.id, "user_id": principal, "position": "PRINCIPAL", "started_on": "2025-08-01",
                       "ended_on": "2026-03-02"});
    s.world.create("school.staff.create", staff).await;
    let visit = id(&s.check_in(s.visit(&student, "2026-03-03T01:00:00Z")).await.unwrap());
    let out = json!({"disposition": "EMERGENCY_SERVICES_911", "emergency_called_at": "2026-03-03T01:10:00Z"});
    s.check_out(&visit, out).await.unwrap();
    s.job("alerts.sweep").await;
    let told = "SELECT user_id::text FROM auth.notifications WHERE title_key = 'school.emergency'";
    assert_eq!(ask(&s.world, told).await, [principal.to_string()], "on the last day of the principal");
    s.clock(datetime!(2026-03-03 08:00 UTC));
    assert_eq!(shown(query).await, json!([]), "the day after");

    s.clock(datetime!(2026-03-02 19:00 UTC));
    let first = id(&s.check_in(s.visit(&student, "2026-03-02T17:00:00Z")).await.unwrap());
    s.check_out(&first, json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-03-02T17:30:00Z"}))
        .await
        .unwrap();
    assert_eq!(code(s.check_in(s.visit(&student, "2026-03-02T17:29:00Z")).await), "visits_overlap");
    let second = id(&s.check_in(s.visit(&student, "2026-03-02T16:00:00Z")).await.unwrap());
    let out = |at: &str| json!({"disposition": "RETURN_TO_CLASS", "check_out_at": at});
    assert_eq!(code(s.check_out(&second, out("2026-03-02T17:01:00Z")).await), "visits_overlap");
    s.check_out(&second, out("2026-03-02T17:00:00Z")).await.unwrap();
    let longer = json!({"check_out_at": "2026-03-02T17:10:00Z", "amended_reason": "Later"});
    assert_eq!(code(changed(&s, &second, longer).await), "visits_overlap", "nor by an amendment");
}
