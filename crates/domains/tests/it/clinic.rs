//! Visits to the clinic: the acceptance of section 5.2 of the specification, through the door.

use crate::world::{World, at, open};
use salus_core::{Channel, Ctx, Env, Error, Grant, Permissions, Purpose, Scope};
use salus_domains::operations;
use salus_store::{
    Body, Call, Record,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// 11:00 in Los Angeles.
pub const NOW: OffsetDateTime = datetime!(2026-03-02 19:00 UTC);

pub struct School {
    pub world: World,
    pub unit: String,
    pub id: String,
}

impl School {
    pub async fn new() -> Self {
        let database = TestDb::new().await;
        let db = open(database.config("salus_app"), Env::fixed(NOW)).await;
        let ops = operations(db.catalog()).unwrap();
        let tenant = db.create_tenant("north", true).await.unwrap();
        let world = World { database, db, ops, tenant };
        let unit = id(&world.create("auth.organization.create", json!({"kind": "school", "name": "Invented"})).await);
        let body = json!({"organization_id": unit, "name": "Invented", "timezone": "America/Los_Angeles"});
        let school = id(&world.create("school.school.create", body).await);
        let body = json!({"school_id": school, "name": "Regular"});
        let schedule = id(&world.create("school.bell_schedule.create", body).await);
        for (name, kind, starts, ends) in [
            ("1", "CLASS", "09:00", "09:55"),
            ("way", "PASSING", "09:55", "10:00"),
            ("2", "CLASS", "10:00", "10:55"),
            ("lunch", "LUNCH", "11:00", "11:40"),
            ("3", "CLASS", "12:00", "12:55"),
        ] {
            let body =
                json!({"schedule_id": schedule, "name": name, "kind": kind, "starts_at": starts, "ends_at": ends});
            world.create("school.bell_period.create", body).await;
        }
        let day = json!({"school_id": school, "day": "2026-03-02", "is_instructional": true, "schedule_id": schedule});
        world.create("school.calendar_day.create", day).await;
        Self { world, unit, id: school }
    }

    pub async fn student(&self, number: &str) -> String {
        let patient = id(&self.world.create("medical.patient.create", json!({"family_name": "Quillfeather"})).await);
        let body = json!({"patient_id": patient, "student_number": number, "school_id": self.id, "grade": "4"});
        self.world.create("school.student.create", body).await;
        let body = json!({"patient_id": patient, "school_id": self.id, "grade": "4", "enrolled_on": "2025-08-18"});
        self.world.create("school.enrollment.create", body).await;
        patient
    }

    pub async fn check_in(&self, body: Value) -> Result<Record, Error> {
        row(self.world.call("school.visit.check_in", Call { body, ..Call::default() }).await)
    }

    pub async fn check_out(&self, visit: &str, body: Value) -> Result<Record, Error> {
        row(self.world.call("school.visit.check_out", Call { body, ..at(visit) }).await)
    }

    pub fn visit(&self, student: &str, since: &str) -> Value {
        json!({"student_id": student, "school_id": self.id, "chief_complaint_code": "HEADACHE", "check_in_at": since})
    }
}

pub fn row(reply: Result<salus_store::Reply, Error>) -> Result<Record, Error> {
    match reply?.body {
        Body::Row(row) => Ok(row),
        _ => panic!("no row"),
    }
}

pub fn id(row: &Record) -> String {
    row.text("id").to_owned()
}

pub fn code(told: Result<Record, Error>) -> String {
    match told {
        Err(Error::Invalid(fields)) => fields[0].code.clone(),
        Err(Error::Conflict { code, .. } | Error::Refused { code, .. }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_visit_takes_the_class_that_the_bells_say() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let visit = s.check_in(s.visit(&student, "2026-03-02T17:50:00Z")).await.unwrap();
    assert_eq!((visit.text("visit_on"), visit.get("visit_number")), ("2026-03-02", Some(&json!(1))));
    let out = json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-03-02T18:25:00Z"});
    let ended = s.check_out(&id(&visit), out).await.unwrap();
    assert_eq!(ended.get("class_minutes_missed"), Some(&json!(30)), "5 of one lesson and 25 of the next, not 35");
    assert_eq!(ended.get("periods_missed"), Some(&json!([{"name": "1", "minutes": 5}, {"name": "2", "minutes": 25}])));
    assert_eq!((ended.text("status"), ended.get("minutes_estimated")), ("CLOSED", Some(&json!(false))));

    let home = s.check_in(s.visit(&student, "2026-03-02T18:30:00Z")).await.unwrap();
    let out = json!({"disposition": "SENT_HOME", "check_out_at": "2026-03-02T18:45:00Z"});
    let home = s.check_out(&id(&home), out).await.unwrap();
    assert_eq!(home.get("class_minutes_missed"), Some(&json!(25 + 55)), "to the end of the last lesson");

    let mut before = s.visit(&student, "2026-02-27T18:00:00Z");
    before["backdated_reason"] = json!("The clinic was without power");
    let before = id(&s.check_in(before).await.unwrap());
    let out = json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-02-27T18:20:00Z"});
    let before = s.check_out(&before, out).await.unwrap();
    let told = (before.get("class_minutes_missed"), before.get("minutes_estimated"));
    assert_eq!(told, (Some(&json!(20)), Some(&json!(true))), "of that day nothing is known");
}

#[tokio::test]
async fn two_aides_at_the_same_second_make_one_visit() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let body = s.visit(&student, "2026-03-02T18:00:00Z");
    let (one, two) = tokio::join!(s.check_in(body.clone()), s.check_in(body));
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    made.unwrap();
    assert_eq!(code(refused), "open_visit_exists");
}

#[tokio::test]
async fn visits_taken_off_line_are_entered_once_and_numbered_one_by_one() {
    let s = School::new().await;
    let mut bodies = Vec::new();
    for n in 0..12 {
        let mut body = s.visit(&s.student(&format!("A-{n}")).await, "2026-03-02T18:00:00Z");
        body["client_ref"] = json!(Uuid::from_u128(n));
        bodies.push(body);
    }
    let twice = bodies.iter().chain(&bodies).map(|body| s.check_in(body.clone()));
    let all = futures_util::future::join_all(twice).await;
    let ids: BTreeSet<String> = all.iter().map(|told| id(told.as_ref().unwrap())).collect();
    assert_eq!(ids.len(), 12);
    let page = s.world.call("school.visit.list", Call::default()).await.unwrap();
    let Body::Page(page) = page.body else { panic!("no page") };
    let numbers: BTreeSet<i64> = page.rows.iter().map(|r| r.get("visit_number").unwrap().as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=12).collect());
}

#[tokio::test]
async fn a_visit_that_is_closed_to_the_caller_keeps_its_number() {
    let s = School::new().await;
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    let first = s.check_in(s.visit(&one, "2026-03-02T18:00:00Z")).await.unwrap();
    let label = json!({"patient_id": one, "label": "PART2"});
    s.world.create("compliance.sensitivity_label.create", label).await;
    let nurse = nurse(&s, &[&s.unit]).await;
    let told = s.world.call_as(nurse.clone(), "school.visit.get", at(first.text("id"))).await;
    assert!(matches!(told, Err(Error::NotFound)), "{told:?}");
    let body = s.visit(&two, "2026-03-02T18:10:00Z");
    let second = s.world.call_as(nurse, "school.visit.check_in", Call { body, ..Call::default() }).await;
    assert_eq!(row(second).unwrap().get("visit_number"), Some(&json!(2)));
}

#[tokio::test]
async fn what_a_visit_must_say_is_asked_for() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let stranger = id(&s.world.create("medical.patient.create", json!({"family_name": "Elsewhere"})).await);
    assert_eq!(code(s.check_in(s.visit(&stranger, "2026-03-02T18:00:00Z")).await), "not_enrolled");
    assert_eq!(code(s.check_in(s.visit(&student, "2026-03-02T20:00:00Z")).await), "time_order");
    assert_eq!(code(s.check_in(s.visit(&student, "2026-02-27T18:00:00Z")).await), "required");

    let mut body = s.visit(&student, "2026-03-02T18:00:00Z");
    body["head_injury"] = json!(true);
    let visit = id(&s.check_in(body).await.unwrap());
    let mut out = json!({"disposition": "RETURN_TO_CLASS"});
    assert_eq!(code(s.check_out(&visit, out.clone()).await), "concussion_form_missing");
    out["concussion_checklist"] = json!({"CONFUSION": false});
    assert_eq!(code(s.check_out(&visit, out.clone()).await), "concussion_form_missing");
    out["guardian_contact"] = json!({});
    assert_eq!(code(s.check_out(&visit, out.clone()).await), "concussion_form_missing", "an empty form is none");
    out["guardian_contact"] = json!({"who": "aunt", "when": "2026-03-02T18:15:00Z", "reached": true});
    let mut empty = out.clone();
    empty["concussion_checklist"] = json!({});
    assert_eq!(code(s.check_out(&visit, empty).await), "concussion_form_missing");
    out["check_out_at"] = json!("2026-03-02T17:00:00Z");
    assert_eq!(code(s.check_out(&visit, out.clone()).await), "time_order");
    out["check_out_at"] = json!("2026-03-02T18:30:00Z");
    out["disposition"] = json!("EMERGENCY_SERVICES_911");
    assert_eq!(code(s.check_out(&visit, out.clone()).await), "required");
    for called in ["2026-03-01T18:20:00Z", "2026-03-02T19:20:00Z"] {
        out["emergency_called_at"] = json!(called);
        assert_eq!(
            code(s.check_out(&visit, out.clone()).await),
            "time_order",
            "{called}: the day before, or still to come"
        );
    }
    out["emergency_called_at"] = json!("2026-03-02T18:20:00Z");
    s.check_out(&visit, out.clone()).await.unwrap();
    assert_eq!(code(s.check_out(&visit, out).await), "state_conflict");
}

#[tokio::test]
async fn an_amended_visit_keeps_what_it_said() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let visit = id(&s.check_in(s.visit(&student, "2026-03-02T17:50:00Z")).await.unwrap());
    let out = json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-03-02T18:25:00Z", "assessment": "Rested"});
    let ended = s.check_out(&visit, out).await.unwrap();
    let version = i32::try_from(ended.get("row_version").unwrap().as_i64().unwrap()).unwrap();
    let change = |body: Value| Call { body, if_match: Some(version), ..at(&visit) };
    let told = row(s.world.call("school.visit.change", change(json!({"assessment": "Slept"}))).await);
    assert_eq!(code(told), "required", "a change says why");
    let body = json!({"check_out_at": "2026-03-02T18:05:00Z", "amended_reason": "Wrong time"});
    let amended = row(s.world.call("school.visit.change", change(body)).await).unwrap();
    assert_eq!((amended.text("status"), amended.get("class_minutes_missed")), ("AMENDED", Some(&json!(10))));
    let again = s.world.call("school.visit.change", change(json!({"amended_reason": "Late"}))).await;
    assert!(matches!(again, Err(Error::Stale)), "{again:?}");
    let query = vec![("visit_id".to_owned(), visit.clone())];
    let kept = s.world.call("school.visit_version.list", Call { query, ..Call::default() }).await.unwrap();
    let Body::Page(kept) = kept.body else { panic!("no page") };
    let body = kept.rows[0].get("body").unwrap();
    assert_eq!(
        (kept.rows.len(), &body["assessment"], &body["class_minutes_missed"]),
        (1, &json!("Rested"), &json!(30))
    );
}

/// The cases of surveillance.
async fn cases(s: &School) -> Vec<Value> {
    let Body::Json(told) = s.world.call("school.symptom.counts", Call::default()).await.unwrap().body else {
        panic!("no JSON")
    };
    told["cases"].as_array().unwrap().clone()
}

#[tokio::test]
async fn fever_with_a_cough_is_counted_once_as_influenza_like() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let mut body = s.visit(&student, "2026-03-02T18:00:00Z");
    body["temperature"] = json!("37.8");
    body["symptoms"] = json!(["COUGH"]);
    let visit = id(&s.check_in(body).await.unwrap());
    s.check_out(&visit, json!({"disposition": "SENT_HOME", "symptoms": ["COUGH", "HEADACHE"]})).await.unwrap();
    let seen = cases(&s).await;
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0]["syndrome"], &seen[0]["onset_on"]), (&json!("ILI"), &json!("2026-03-02")));
    assert_eq!(seen[0]["symptoms"], json!(["COUGH", "HEADACHE"]), "as the visit says at its end");
    let mut body = s.visit(&student, "2026-03-02T19:00:00Z");
    body["symptoms"] = json!(["CURSED"]);
    assert_eq!(code(s.check_in(body).await), "not_allowed");
}

/// A nurse of some units.
pub async fn nurse(s: &School, units: &[&str]) -> Ctx {
    let mut tx = s.world.db.begin(s.world.operator(), false).await.unwrap();
    let user = salus_domains::auth::create_service(&mut tx, "Nurse", &[]).await.unwrap();
    tx.commit("auth.user.create_service", "auth.users").await.unwrap();
    for unit in units {
        let sql = format!(
            "INSERT INTO auth.user_units (tenant_id, id, user_id, organization_id, valid_from) \
             VALUES ('{}', gen_random_uuid(), '{user}', '{unit}', '2025-08-01')",
            s.world.tenant
        );
        s.world.admin(&sql).await;
    }
    let grant = Grant {
        role: "school_nurse".into(),
        permissions: Permissions::new(["school.*.*", "medical.*.read", "records.*.*", "kernel.phi.read"]),
        scope: Scope::School,
        purposes: BTreeSet::from([Purpose::from_code("TREAT").unwrap()]),
        masks: Vec::new(),
    };
    let mut ctx = Ctx { grants: Arc::from([grant]), channel: Channel::Api, ..s.world.operator() };
    ctx.actor.kind = salus_core::ActorKind::User;
    ctx.actor.id = user;
    ctx.for_purpose(Purpose::from_code("TREAT").unwrap())
}

#[tokio::test]
async fn a_nurse_works_with_the_students_of_her_schools_and_no_others() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let allergy = json!({"patient_id": student, "verification": "PATIENT_REPORTED", "source_kind": "MANUAL", "substance": "Peanut"});
    s.world.create("records.allergy.create", allergy).await;
    let own = nurse(&s, &[&s.unit]).await;
    let body = s.visit(&student, "2026-03-02T18:00:00Z");
    let made =
        row(s.world.call_as(own.clone(), "school.visit.check_in", Call { body, ..Call::default() }).await).unwrap();
    let board = s.world.call_as(own, "school.clinic.board", Call::default()).await.unwrap();
    let Body::Json(board) = board.body else { panic!("no JSON") };
    let shown = &board["open"][0]["student"];
    assert_eq!((&shown["family_name"], &shown["allergies"]), (&json!("Quillfeather"), &json!(["Peanut"])));
    assert_eq!((&board["open"][0]["minutes"], board["schools"].as_array().unwrap().len()), (&json!(60), 1));

    let other = nurse(&s, &[]).await;
    let told = s.world.call_as(other.clone(), "school.visit.get", at(made.text("id"))).await;
    assert!(matches!(told, Err(Error::NotFound)), "{told:?}");
    let body = s.visit(&student, "2026-03-02T18:30:00Z");
    let told = row(s.world.call_as(other, "school.visit.check_in", Call { body, ..Call::default() }).await);
    assert_eq!(code(told), "not_enrolled", "a student who is not reached is not there");
}

#[tokio::test]
async fn the_numbers_are_those_of_the_visits() {
    let s = School::new().await;
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    for (student, from, to, ends) in [
        (&one, "2026-03-02T17:00:00Z", "2026-03-02T17:10:00Z", "RETURN_TO_CLASS"),
        (&one, "2026-03-02T17:20:00Z", "2026-03-02T17:40:00Z", "RETURN_TO_CLASS"),
        (&one, "2026-03-02T18:00:00Z", "2026-03-02T18:30:00Z", "SENT_HOME"),
        (&two, "2026-03-02T18:00:00Z", "2026-03-02T18:40:00Z", "RETURN_TO_CLASS"),
    ] {
        let visit = id(&s.check_in(s.visit(student, from)).await.unwrap());
        s.check_out(&visit, json!({"disposition": ends, "check_out_at": to})).await.unwrap();
    }
    let told = s.world.call("school.visit.analytics", Call::default()).await.unwrap();
    let Body::Json(told) = told.body else { panic!("no JSON") };
    assert_eq!((&told["visits"], &told["students"], &told["enrolled"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!(told["return_to_class_percent"], json!(75.0));
    assert_eq!((&told["median_minutes"], &told["p90_minutes"]), (&json!(25.0), &json!(37.0)));
    assert_eq!(told["groups"]["month"], json!([{"value": "2026-03", "visits": 4, "per_100_students": 200.0}]));
    let hours = json!([{"value": "09", "visits": 2, "per_100_students": 100.0}, {"value": "10", "visits": 2, "per_100_students": 100.0}]);
    assert_eq!(told["groups"]["hour"], hours);
    assert_eq!(told["groups"]["school"], json!([{"value": s.id, "visits": 4, "per_100_students": 200.0}]));
    assert_eq!(told["frequent_visitors"], json!([{"student_id": one, "visits": 3, "why": ["THREE_IN_A_WEEK"]}]));
    let blind = {
        let mut ctx = s.world.operator();
        ctx.permissions = Arc::new(Permissions::new(["school.visit.read"]));
        ctx
    };
    let told = s.world.call_as(blind, "school.visit.analytics", Call::default()).await.unwrap();
    let Body::Json(told) = told.body else { panic!("no JSON") };
    assert_eq!((&told["visits"], &told["frequent_visitors"]), (&Value::Null, &json!([])));
    for telling in ["students", "median_minutes", "p90_minutes", "class_minutes_missed", "return_to_class_percent"] {
        assert_eq!(told[telling], Value::Null, "{telling}");
    }
}

pub async fn changed(s: &School, visit: &str, body: Value) -> Result<Record, Error> {
    let now = row(s.world.call("school.visit.get", at(visit)).await)?;
    let version = now.get("row_version").and_then(Value::as_i64).and_then(|v| i32::try_from(v).ok());
    row(s.world.call("school.visit.change", Call { body, if_match: version, ..at(visit) }).await)
}

#[tokio::test]
async fn a_visit_that_is_taken_back_is_no_case_and_none_moves_to_another_day() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let mut body = s.visit(&student, "2026-03-02T18:00:00Z");
    body["temperature"] = json!("38.2");
    body["symptoms"] = json!(["COUGH"]);
    let visit = id(&s.check_in(body).await.unwrap());
    for at in ["2026-03-01T18:00:00Z", "2026-03-02T20:30:00Z"] {
        assert_eq!(code(changed(&s, &visit, json!({"check_in_at": at})).await), "time_order", "{at}");
    }
    changed(&s, &visit, json!({"check_in_at": "2026-03-02T17:58:00Z"})).await.unwrap();
    s.check_out(&visit, json!({"disposition": "SENT_HOME"})).await.unwrap();
    let class = async || -> Vec<String> {
        cases(&s).await.iter().map(|c| c["case_class"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(class().await, ["SUSPECT"]);
    changed(&s, &visit, json!({"symptoms": [], "amended_reason": "Another child's"})).await.unwrap();
    assert_eq!(class().await, ["RULED_OUT"], "without a cough it is no influenza-like illness");
    changed(&s, &visit, json!({"symptoms": ["COUGH"], "amended_reason": "It was this child's"})).await.unwrap();
    assert_eq!(class().await, ["SUSPECT"]);
    changed(&s, &visit, json!({"temperature": "38.9", "amended_reason": "Read again"})).await.unwrap();
    assert_eq!(
        cases(&s).await[0]["temperature"].to_string().trim_matches('"'),
        "38.9",
        "the case says what the visit says"
    );
    // What a person decided is not turned back by the visit, until that is taken back.
    let case = cases(&s).await[0]["id"].as_str().unwrap().to_owned();
    let decide = async |ctx: Ctx, class: &str, reason: &str| {
        let body = json!({"case_class": class, "disease_code": "INFLUENZA", "reason": reason});
        row(s.world.call_as(ctx, "school.symptom.decide", Call { body, ..at(&case) }).await)
    };
    let lead = crate::immunization::supervisor(&s).await;
    assert_eq!(code(decide(s.world.operator(), "RULED_OUT", "Asthma").await), "person_required");
    assert_eq!(code(decide(lead.clone(), "MAYBE", "Asthma").await), "not_allowed");
    assert_eq!(code(decide(lead.clone(), "RULED_OUT", " ").await), "required");
    let decided = decide(lead.clone(), "RULED_OUT", "Asthma").await.unwrap();
    assert_eq!((decided.text("decision_reason"), decided.text("disease_code")), ("Asthma", "INFLUENZA"));
    changed(&s, &visit, json!({"symptoms": ["COUGH", "HEADACHE"], "amended_reason": "Said so"})).await.unwrap();
    assert_eq!(class().await, ["RULED_OUT"]);
    decide(lead, "CONFIRMED", "The laboratory").await.unwrap();
    changed(&s, &visit, json!({"symptoms": [], "amended_reason": "Not said"})).await.unwrap();
    assert_eq!(class().await, ["CONFIRMED"]);
    changed(&s, &visit, json!({"status": "VOIDED", "amended_reason": "Wrong child"})).await.unwrap();
    assert_eq!(class().await, ["RULED_OUT"]);
}

#[tokio::test]
async fn a_reference_of_a_device_is_of_one_visit_and_a_late_call_to_911_is_told_as_well() {
    let s = School::new().await;
    let (one, other) = (s.student("A-1").await, s.student("A-2").await);
    let mut body = s.visit(&one, "2026-03-02T18:00:00Z");
    body["client_ref"] = json!(Uuid::from_u128(7));
    let visit = id(&s.check_in(body.clone()).await.unwrap());
    assert_eq!(id(&s.check_in(body.clone()).await.unwrap()), visit, "sent again");
    body["student_id"] = json!(other);
    assert_eq!(code(s.check_in(body).await), "client_ref_used", "the second child is not lost silently");
    s.check_out(&visit, json!({"disposition": "SENT_HOME"})).await.unwrap();
    let body = json!({"disposition": "EMERGENCY_SERVICES_911", "emergency_called_at": "2026-03-02T18:20:00Z",
        "amended_reason": "911 was called from the bus"});
    changed(&s, &visit, body).await.unwrap();
    let admin = s.world.database.connect("salus_admin").await;
    let told = "SELECT count(*) FROM kernel.outbox WHERE event = 'school.visit.emergency'";
    assert_eq!(admin.query_one(told, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn an_erased_student_holds_up_nobodys_forgotten_visit() {
    let s = School::new().await;
    let (gone, stays) = (s.student("A-1").await, s.student("A-2").await);
    for student in [&gone, &stays] {
        let mut body = s.visit(student, "2026-02-27T18:00:00Z");
        body["backdated_reason"] = json!("The clinic was without power");
        s.check_in(body).await.unwrap();
    }
    let admin = s.world.database.connect("salus_admin").await;
    let erase = format!("UPDATE kernel.subject_keys SET wrapped = NULL, destroyed_at = now() WHERE id = '{gone}'");
    admin.batch_execute(&erase).await.unwrap();
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(s.world.db.clone(), Arc::new(jobs), Pace::default());
    admin.batch_execute("UPDATE kernel.schedules SET next_run_at = clock_timestamp()").await.unwrap();
    dispatcher.drain(s.world.tenant).await.unwrap();
    admin.batch_execute("UPDATE kernel.schedules SET next_run_at = clock_timestamp()").await.unwrap();
    dispatcher.drain(s.world.tenant).await.unwrap();
    let open = "SELECT count(*) FROM school.clinic_visits WHERE status = 'OPEN'";
    assert_eq!(admin.query_one(open, &[]).await.unwrap().get::<_, i64>(0), 0, "both are closed");
}

#[tokio::test]
async fn a_visit_after_school_is_not_taken_for_a_forgotten_one() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let env = s.world.db.env();
    env.clock.set(datetime!(2026-03-03 04:00 UTC));
    s.check_in(s.visit(&student, "2026-03-03T03:50:00Z")).await.unwrap();
    let admin = s.world.database.connect("salus_admin").await;
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(s.world.db.clone(), Arc::new(jobs), Pace::default());
    for (later, open) in [(Duration::minutes(40), 1), (Duration::hours(8), 0)] {
        env.clock.set(env.now() + later);
        admin.batch_execute("UPDATE kernel.schedules SET next_run_at = clock_timestamp()").await.unwrap();
        dispatcher.drain(s.world.tenant).await.unwrap();
        let sql = "SELECT count(*) FROM school.clinic_visits WHERE status = 'OPEN'";
        assert_eq!(admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), open, "{later} later");
    }
}

#[tokio::test]
async fn a_school_reaches_a_student_on_the_days_of_all_enrolments() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let admin = s.world.database.connect("salus_admin").await;
    let days = async || -> Vec<String> {
        let sql =
            "SELECT valid_from || '..' || coalesce(valid_to::text, '') FROM auth.person_units ORDER BY valid_from";
        admin.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(days().await, ["2025-08-18.."]);
    let found = s.world.call("school.enrollment.list", Call::default()).await.unwrap();
    let Body::Page(found) = found.body else { panic!("no page") };
    let first = id(&found.rows[0]);
    let end = async |day: &str| {
        let body = json!({"exited_on": day});
        row(s.world.call("school.enrollment.end", Call { body, ..at(&first) }).await).unwrap();
    };
    end("2025-12-19").await;
    let body = json!({"patient_id": student, "school_id": s.id, "grade": "4", "enrolled_on": "2026-01-12"});
    s.world.create("school.enrollment.create", body).await;
    assert_eq!(days().await, ["2025-08-18..2025-12-19", "2026-01-12.."]);
    end("2025-12-12").await;
    assert_eq!(
        days().await,
        ["2025-08-18..2025-12-12", "2026-01-12.."],
        "a correction of the past takes nothing of today"
    );
}
