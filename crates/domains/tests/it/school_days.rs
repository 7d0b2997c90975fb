//! Days of a school that are not as others: the clocks change, school begins two hours later, a student has two schools, nobody ends a
//! visit; and a dose a day too early for what California asks (B9 of the specification).

use crate::{
    background::ask,
    clinic::{School, id, row},
    immunization::{add, approve_requirements, enter, school, student, supervisor},
    world::at,
};
use salus_core::Error;
use salus_store::{Body, Call, Record};
use serde_json::{Value, json};
use time::macros::datetime;

impl School {
    /// A day of instruction with one lesson.
    async fn lesson(&self, school: &str, day: &str, (starts, ends): (&str, &str)) {
        let schedule = json!({"school_id": school, "name": format!("{day} {starts}")});
        let schedule = id(&self.world.create("school.bell_schedule.create", schedule).await);
        let period =
            json!({"schedule_id": schedule, "name": "1", "kind": "CLASS", "starts_at": starts, "ends_at": ends});
        self.world.create("school.bell_period.create", period).await;
        let day = json!({"school_id": school, "day": day, "is_instructional": true, "schedule_id": schedule});
        self.world.create("school.calendar_day.create", day).await;
    }

    /// A visit between two moments, ended.
    async fn seen(&self, (student, school): (&str, &str), from: &str, to: &str) -> Record {
        let body = json!({"student_id": student, "school_id": school, "chief_complaint_code": "HEADACHE", "check_in_at": from});
        let visit = id(&self.check_in(body).await.unwrap());
        self.check_out(&visit, json!({"disposition": "RETURN_TO_CLASS", "check_out_at": to})).await.unwrap()
    }
}

#[tokio::test]
async fn class_is_as_long_as_the_clocks_make_it_and_later_when_school_begins_late() {
    let s = School::new().await;
    let child = s.student("A-1").await;
    let here = s.id.clone();
    s.clock(datetime!(2026-03-08 11:00 UTC));
    // From half past one until half past three there is one hour when the clocks go forward at two.
    s.lesson(&here, "2026-03-08", ("01:30", "03:30")).await;
    let visit = s.seen((&child, &here), "2026-03-08T09:30:00Z", "2026-03-08T10:45:00Z").await;
    assert_eq!(
        (visit.get("class_minutes_missed"), visit.get("minutes_estimated")),
        (Some(&json!(60)), Some(&json!(false)))
    );

    // The same visit from 9:50 to 10:25 on a day of the regular bells takes 30 minutes (5.2); two hours later school has not begun.
    s.clock(datetime!(2026-03-09 19:00 UTC));
    s.lesson(&here, "2026-03-09", ("11:00", "11:55")).await;
    let visit = s.seen((&child, &here), "2026-03-09T16:50:00Z", "2026-03-09T17:25:00Z").await;
    assert_eq!(
        (visit.get("class_minutes_missed"), visit.get("minutes_estimated")),
        (Some(&json!(0)), Some(&json!(false)))
    );
}

#[tokio::test]
async fn a_student_of_two_schools_is_one_patient_with_two_enrolments() {
    let s = School::new().await;
    let child = s.student("A-1").await;
    let here = s.id.clone();
    let there = s.second().await;
    let body = json!({"patient_id": child, "school_id": there, "grade": "4", "enrolled_on": "2025-08-18"});
    s.world.create("school.enrollment.create", body).await;
    s.lesson(&there, "2026-03-02", ("10:00", "10:30")).await;
    let first = s.seen((&child, &here), "2026-03-02T17:10:00Z", "2026-03-02T17:30:00Z").await;
    let second = s.seen((&child, &there), "2026-03-02T18:10:00Z", "2026-03-02T18:55:00Z").await;
    assert_eq!(
        (first.get("visit_number"), second.get("visit_number")),
        (Some(&json!(1)), Some(&json!(1))),
        "each school counts its own"
    );
    assert_eq!(
        (first.get("class_minutes_missed"), second.get("class_minutes_missed")),
        (Some(&json!(20)), Some(&json!(20))),
        "by its own bells"
    );
    let told = s.world.call("school.clinic.summary", at(&child)).await.unwrap();
    let Body::Json(told) = told.body else { panic!("no JSON") };
    assert_eq!(told["student"]["schools"].as_array().unwrap().len(), 2);
    assert_eq!((&told["counted"]["visits"], &told["counted"]["class_minutes_missed"]), (&json!(2), &json!(40)));
    assert_eq!(told["visits"][0]["school"], json!("Other"), "the latest first");
}

#[tokio::test]
async fn a_visit_that_nobody_ended_says_that_it_is_to_be_verified() {
    let s = School::new().await;
    let child = s.student("A-1").await;
    let visit = id(&s.check_in(s.visit(&child, "2026-03-02T18:00:00Z")).await.unwrap());
    s.clock(datetime!(2026-03-02 21:30 UTC));
    s.job("school.watch_visits").await;
    let visit = row(s.world.call("school.visit.get", at(&visit)).await).unwrap();
    assert_eq!((visit.text("disposition"), visit.text("status")), ("STAYED_IN_CLINIC", "CLOSED"));
    assert_eq!(visit.text("disposition_note"), "auto-closed, verify");
}

#[tokio::test]
async fn california_wants_tdap_from_the_seventh_birthday_on() {
    let s = school().await;
    let list: Value = serde_json::from_str(include_str!("../../../../db/requirements/california.json")).unwrap();
    enter(&s, list).await.unwrap();
    approve_requirements(&s, &supervisor(&s).await).await;
    let mut told = Vec::new();
    // 364 days after the sixth birthday, and the next day: the seventh.
    for (number, day) in [("A-1", "2019-09-13"), ("A-2", "2019-09-14")] {
        let child = student(&s, number, "2012-09-14", "7").await;
        add(&s, &child, json!({"cvx": "115", "given_on": day})).await.unwrap();
        let shown = s.world.call("school.immunization.show", at(&child)).await.unwrap();
        let Body::Json(shown) = shown.body else { panic!("no JSON") };
        let all = shown["compliance"]["requirements"].as_array().unwrap().clone();
        let tdap =
            all.into_iter().find(|r| r["checkpoint"] == "GRADE_7_ADVANCE" && r["vaccine_group"] == "DTaP/Tdap/Td");
        told.push(tdap.unwrap()["status"].clone());
    }
    assert_eq!(told, ["NONCOMPLIANT", "COMPLIANT"]);
}

#[tokio::test]
async fn a_year_rolls_over_without_touching_a_chart() {
    let s = School::new().await;
    let year = |name: &str, from: &str, to: &str| json!({"name": name, "starts_on": from, "ends_on": to});
    let old = id(&s.world.create("school.school_year.create", year("2025-26", "2025-08-18", "2026-06-05")).await);
    let new = id(&s.world.create("school.school_year.create", year("2026-27", "2026-08-17", "2027-06-04")).await);
    let next = s.second().await;
    s.world.admin("UPDATE school.schools SET grades = '{TK,K,1,2,3,4,5}' WHERE name = 'Invented'").await;
    s.world.admin("UPDATE school.schools SET grades = '{6,7,8,9,10,11,12}' WHERE name = 'Other'").await;
    let (up, stays, leaves) = (s.student("A-1").await, s.student("A-2").await, s.student("A-3").await);
    s.world.admin(&format!("UPDATE school.student_profiles SET grade = '5' WHERE patient_id = '{leaves}'")).await;
    let body = json!({"school_id": s.id, "school_year_id": old, "kind": "HOMEROOM", "name": "12", "grade": "4"});
    let room = id(&s.world.create("school.class_group.create", body).await);
    for student in [&up, &stays, &leaves] {
        let body = json!({"patient_id": student, "class_group_id": room, "joined_on": "2025-08-18"});
        s.world.create("school.class_membership.create", body).await;
    }
    let visit = s.seen((&up, &s.id), "2026-03-02T17:50:00Z", "2026-03-02T18:25:00Z").await;
    let order = s.in_force(&up, json!({})).await;
    let roll = |more: Value| {
        let mut body = json!({"school_id": s.id, "school_year_id": new, "retained": [stays]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        s.world.call("school.enrollment.roll_over", Call { body, ..Call::default() })
    };
    let told = roll(json!({})).await;
    assert!(matches!(&told, Err(Error::Invalid(fields)) if fields[0].message.contains("1 to grade 6")), "{told:?}");
    let dry = json!(roll(json!({"next_school_id": next, "dry_run": true})).await.unwrap().body);
    assert_eq!((&dry["students"], &dry["memberships_closed"]), (&json!(3), &json!(0)));
    let told = json!(roll(json!({"next_school_id": next})).await.unwrap().body);
    let counts = ["students", "retained", "graduated", "to_next_school", "memberships_closed"].map(|n| told[n].clone());
    assert_eq!(counts, [3, 1, 0, 1, 3].map(|n| json!(n)), "{told}");
    let again = json!(roll(json!({"next_school_id": next})).await.unwrap().body);
    assert_eq!(again["students"], json!(0), "nobody moves twice");
    // The eighth graders of the next school do not take those with them who came from here.
    let body = json!({"school_id": next, "school_year_id": new});
    let theirs = s.world.call("school.enrollment.roll_over", Call { body, ..Call::default() }).await.unwrap();
    assert_eq!(json!(theirs.body)["students"], json!(0));

    let stand = "SELECT p.grade || ' ' || s.name || ' ' || (SELECT string_agg(e.enrolled_on || '/' || coalesce(e.exited_on::text, '') || ' ' || e.grade, ', ' \
                   ORDER BY e.enrolled_on) FROM school.student_enrollments e WHERE e.patient_id = p.patient_id) \
                 FROM school.student_profiles p JOIN school.schools s ON s.id = p.school_id ORDER BY p.created_at";
    assert_eq!(
        ask(&s.world, stand).await,
        [
            "5 Invented 2025-08-18/2026-08-16 4, 2026-08-17/ 5",
            "4 Invented 2025-08-18/2026-08-16 4, 2026-08-17/ 4",
            "6 Other 2025-08-18/2026-08-16 4, 2026-08-17/ 6",
        ]
    );
    assert_eq!(ask(&s.world, "SELECT DISTINCT left_on::text FROM school.class_memberships").await, ["2026-06-05"]);
    let units = format!(
        "SELECT valid_from || '/' || coalesce(valid_to::text, '') FROM auth.person_units WHERE patient_id = '{leaves}' ORDER BY 1"
    );
    assert_eq!(
        ask(&s.world, &units).await,
        ["2025-08-18/2026-08-16", "2026-08-17/"],
        "each school reaches its own days"
    );
    let same = row(s.world.call("school.visit.get", at(&id(&visit))).await).unwrap();
    assert_eq!((same.get("row_version"), same.text("school_id")), (visit.get("row_version"), s.id.as_str()));
    assert_eq!(row(s.world.call("school.medication_order.get", at(&order)).await).unwrap().text("status"), "ACTIVE");
}
