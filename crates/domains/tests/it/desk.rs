//! What waits for a nurse: counted and listed at their schools, by the minute, and at no other.

use crate::{
    clinic::{NOW, School, id, nurse, row},
    medication::given,
    world::at,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

async fn ask(s: &School, who: &Ctx, op: &str, school: &str) -> Result<Value, Error> {
    let query = if school.is_empty() { Vec::new() } else { vec![("school_id".to_owned(), school.to_owned())] };
    let reply = s.world.call_as(who.clone(), op, Call { query, ..Call::default() }).await?;
    let Body::Json(told) = reply.body else { panic!("no JSON") };
    Ok(told)
}

/// A second school with a student of its own.
async fn elsewhere(s: &School) -> (String, String) {
    let unit = id(&s.world.create("auth.organization.create", json!({"kind": "school", "name": "Other"})).await);
    let body = json!({"organization_id": unit, "name": "Other", "timezone": "America/Los_Angeles"});
    let school = id(&s.world.create("school.school.create", body).await);
    let student = id(&s.world.create("medical.patient.create", json!({"family_name": "Elsewhere"})).await);
    let body = json!({"patient_id": student, "student_number": "B-1", "school_id": school, "grade": "4"});
    s.world.create("school.student.create", body).await;
    let body = json!({"patient_id": student, "school_id": school, "grade": "4", "enrolled_on": "2025-08-18"});
    s.world.create("school.enrollment.create", body).await;
    (school, student)
}

fn waits(told: &Value) -> Vec<(String, String)> {
    let text = |dose: &Value, name: &str| dose[name].as_str().unwrap_or_default().to_owned();
    told["doses"].as_array().unwrap().iter().map(|d| (text(d, "medication"), text(d, "waits"))).collect()
}

#[tokio::test]
async fn who_is_in_the_clinic_is_told_of_all_of_a_nurses_schools_and_of_no_other() {
    let s = School::new().await;
    let mine = s.student("A-1").await;
    let (other, theirs) = elsewhere(&s).await;
    for (student, school, since) in [(&mine, &s.id, "2026-03-02T18:20:00Z"), (&theirs, &other, "2026-03-02T18:50:00Z")]
    {
        let body = json!({"student_id": student, "school_id": school, "chief_complaint_code": "HEADACHE", "check_in_at": since});
        row(s.world.call("school.visit.check_in", Call { body, ..Call::default() }).await).unwrap();
    }
    let all = ask(&s, &s.world.operator(), "school.clinic.now", "").await.unwrap();
    let minutes: Vec<i64> = all["open"].as_array().unwrap().iter().map(|v| v["minutes"].as_i64().unwrap()).collect();
    assert_eq!((all["total"].clone(), minutes), (json!(2), vec![40, 10]), "the longest first");
    let dana = nurse(&s, &[&s.unit]).await;
    let told = ask(&s, &dana, "school.clinic.now", "").await.unwrap();
    assert_eq!((told["total"].clone(), told["schools"].as_array().unwrap().len()), (json!(1), 1));
    assert_eq!(told["open"][0]["student"]["family_name"], json!("Quillfeather"));
    assert_eq!(told["mine"], json!([{"id": s.id, "name": "Invented"}]));
    for op in ["school.clinic.now", "school.medication_round.waiting", "school.immunization.waiting"] {
        let Err(Error::Invalid(fields)) = ask(&s, &dana, op, &other).await else { panic!("{op} of another school") };
        assert_eq!(fields[0].pointer.trim_start_matches('/'), "school_id", "{op}");
    }
    let counted = ask(&s, &dana, "school.immunization.waiting", "").await.unwrap();
    assert_eq!(counted["schools"][0]["students"], json!(1));
    assert_eq!(counted["schools"][0]["not_evaluated"], json!(1), "of whom nothing was judged nothing is said");
    assert_eq!(counted["schools"][0]["overdue"], json!(0));
}

#[tokio::test]
async fn a_dose_waits_from_two_hours_before_its_time_until_somebody_says_what_came_of_it() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let (other, theirs) = elsewhere(&s).await;
    let order = s.in_force(&student, json!({"valid_to": "2026-03-16"})).await;
    s.in_force(&theirs, json!({"medication": "Cetirizine 10 mg", "valid_to": "2026-03-17"})).await;
    let dana = nurse(&s, &[&s.unit]).await;
    let told = async |school: &str| ask(&s, &dana, "school.medication_round.waiting", school).await.unwrap();
    let of = |state: &str| vec![("Methylphenidate 10 mg".to_owned(), state.to_owned())];

    s.job("school.make_doses_due").await;
    // 11:00, for noon.
    let first = told("").await;
    assert_eq!(waits(&first), of("soon"));
    assert_eq!(first["schools"][0]["soon"], json!(1));
    assert_eq!(first["doses"][0]["student"]["family_name"], json!("Quillfeather"));
    assert_eq!(
        (first["orders_total"].clone(), first["orders"][0]["until"].clone()),
        (json!(1), json!("2026-03-16")),
        "14 days"
    );
    let all = ask(&s, &s.world.operator(), "school.medication_round.waiting", "").await.unwrap();
    assert_eq!(waits(&all).len(), 2, "the other school's dose waits there");
    let there = ask(&s, &s.world.operator(), "school.medication_round.waiting", &other).await.unwrap();
    assert_eq!((waits(&there).len(), there["orders_total"].clone()), (1, json!(0)), "15 days");

    s.clock(datetime!(2026-03-02 17:59 UTC));
    assert_eq!(waits(&told("").await), [], "more than two hours before");
    s.clock(datetime!(2026-03-02 18:00 UTC));
    assert_eq!(waits(&told("").await), of("soon"));
    s.clock(datetime!(2026-03-02 19:30 UTC));
    assert_eq!(waits(&told("").await), of("due"));
    s.clock(datetime!(2026-03-02 20:31 UTC));
    assert_eq!(waits(&told("").await), of("late"));
    s.clock(datetime!(2026-03-02 20:46 UTC));
    s.job("school.mark_missed_doses").await;
    assert_eq!(waits(&told("").await), of("missed"));
    let mut body = given(&order, "2026-03-02T20:40:00Z");
    (body["scheduled_for"], body["reason"]) = (json!("2026-03-02T20:00:00Z"), json!("Fire drill"));
    s.dose(body).await.unwrap();
    assert_eq!(waits(&told("").await), [], "it was given after all");
}

#[tokio::test]
async fn what_a_dose_given_as_needed_did_is_asked_after_half_an_hour_until_it_is_said() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.as_needed(&student, json!({})).await;
    let dose = id(&s.dose(given(&order, "2026-03-02T19:00:00Z")).await.unwrap());
    let dana = nurse(&s, &[&s.unit]).await;
    let effects = async || {
        let told = ask(&s, &dana, "school.medication_round.waiting", "").await.unwrap();
        (told["effects"].as_array().unwrap().len(), told["schools"][0]["effect"].as_u64().unwrap())
    };
    assert_eq!(effects().await, (0, 0), "at once");
    s.clock(NOW + Duration::minutes(30));
    assert_eq!(effects().await, (1, 1));
    let body = json!({"prn_effect": "RELIEVED"});
    row(s.world.call("school.administration.effect", Call { body, ..at(&dose) }).await).unwrap();
    assert_eq!(effects().await, (0, 0));
}
