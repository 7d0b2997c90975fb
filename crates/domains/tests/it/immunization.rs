//! Immunization at school, through the door: the schedule is imported whole or not at all, doses are judged by it with the
//! reason, requirements and exemptions count once approved, and schools show how they stand. Section 5.4 of the specification.

use crate::{
    clinic::{School, code, id, row},
    world::{World, at},
};
use salus_core::{ActorKind, Ctx, Error};
use salus_domains::{
    auth::{self, NewUser},
    school::immunization::{activate, import_requirements, import_schedule},
};
use salus_store::{
    Act, Body, Call,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
    perform,
};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

const RELEASE: &str = "cdsi/supporting-data-4.64/XML";

/// The files of the supporting data.
fn supporting_data() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(RELEASE);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|e| panic!("the reference data are missing: {}: {e}", folder.display()));
    let paths = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "xml"));
    paths.map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(p).unwrap())).collect()
}

async fn import(world: &World, files: Vec<(String, Vec<u8>)>, authority: &str, version: &str) -> Result<Value, Error> {
    let act = Act {
        name: "school.schedule.import".into(),
        target: "school.schedule_releases",
        permission: "school.immunization.write",
        read_only: false,
        row: None,
    };
    let (authority, version) = (authority.to_owned(), version.to_owned());
    perform(&world.db, act, world.operator(), move |tx| {
        Box::pin(async move { import_schedule(tx, &files, &authority, &version).await })
    })
    .await
}

async fn count(world: &World, table: &str) -> i64 {
    let admin = world.database.connect("salus_admin").await;
    admin.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

fn told(body: Body) -> Value {
    let Body::Json(value) = body else { panic!("no JSON") };
    value
}

/// A student who was born on a day.
pub async fn student(s: &School, number: &str, birth: &str, grade: &str) -> String {
    let body = json!({"family_name": "Quillfeather", "birth_date": birth, "sex": "F"});
    let patient = id(&s.world.create("medical.patient.create", body).await);
    let body = json!({"patient_id": patient, "student_number": number, "school_id": s.id, "grade": grade});
    s.world.create("school.student.create", body).await;
    let body = json!({"patient_id": patient, "school_id": s.id, "grade": grade, "enrolled_on": "2025-08-18"});
    s.world.create("school.enrollment.create", body).await;
    patient
}

async fn dose(s: &School, student: &str, cvx: &str, on: &str) -> String {
    let body = json!({"patient_id": student, "status": "COMPLETED", "verification": "IMPORTED", "source_kind": "MANUAL",
                      "code": cvx, "code_system": "CVX", "cvx": cvx, "given_on": on, "given_precision": "DAY"});
    id(&s.world.create("records.immunization.create", body).await)
}

async fn show(s: &School, student: &str) -> Value {
    told(s.world.call("school.immunization.show", at(student)).await.unwrap().body)
}

async fn forecast(s: &School, student: &str, body: Value) -> Result<Value, Error> {
    let call = Call { body, ..at(student) };
    s.world.call("school.immunization.forecast", call).await.map(|reply| told(reply.body))
}

/// The verdict on a dose for an antigen: status and the code of the first reason.
fn verdict(shown: &Value, dose: &str, antigen: &str) -> (String, Value) {
    let dose = shown["doses"].as_array().unwrap().iter().find(|d| d["id"] == dose).unwrap();
    let all = dose["verdicts"].as_array().unwrap();
    let found = all.iter().find(|v| v["antigen"] == antigen).unwrap_or_else(|| panic!("{antigen}: {dose}"));
    (found["status"].as_str().unwrap().to_owned(), found["reasons"][0].clone())
}

fn group<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let all = shown["forecasts"].as_array().unwrap();
    all.iter().find(|f| f["vaccine_group"] == name).unwrap_or_else(|| panic!("no forecast of {name}: {shown}"))
}

/// Enters requirements as a person imports them; how many.
pub async fn enter(s: &School, list: Value) -> Result<usize, Error> {
    let act = Act {
        name: "school.requirement.import".into(),
        target: "school.school_immunization_requirements",
        permission: "school.immunization.write",
        read_only: false,
        row: None,
    };
    perform(&s.world.db, act, s.world.operator(), move |tx| Box::pin(import_requirements(tx, list))).await
}

/// Two requirements of an invented state for grade 4, approved.
pub async fn requirements(s: &School) {
    let list = json!([
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "MMR",
         "rule": {"any": [{"doses": 2, "each_on_or_after": "12m"}], "grace_days": 4, "contains_measles": true},
         "exemption_kinds": ["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY"], "conditional_policy": {"days": 30},
         "source_citation": "Invented for this test"},
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "Varicella",
         "rule": {"any": [{"doses": 2}]}, "exemption_kinds": ["MEDICAL_PERMANENT"], "source_citation": "Invented for this test"},
    ]);
    assert_eq!(enter(s, list).await.unwrap(), 2);
}

/// A person of the district who signed in.
pub async fn supervisor(s: &School) -> Ctx {
    let mut tx = s.world.db.begin(s.world.operator(), false).await.unwrap();
    let new = NewUser { email: "lead@north.example".into(), display_name: "Lead".into(), roles: vec![] };
    let user = auth::invite(&mut tx, &new).await.unwrap().user;
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let mut ctx = s.world.operator();
    ctx.actor.kind = ActorKind::User;
    ctx.actor.id = user;
    ctx
}

pub async fn approve_requirements(s: &School, by: &Ctx) {
    let listed = s.world.call("school.requirement.list", Call::default()).await.unwrap();
    let Body::Page(page) = listed.body else { panic!("no page") };
    for row in page.rows {
        s.world.call_as(by.clone(), "school.requirement.approve", at(row.text("id"))).await.unwrap();
    }
}

/// A school with the release in use.
pub async fn school() -> School {
    let s = School::new().await;
    import(&s.world, supporting_data(), "ACIP_CDC", "4.64").await.unwrap();
    s
}

#[tokio::test]
async fn a_schedule_is_imported_whole_or_not_at_all() {
    let world = World::new().await;
    let files = supporting_data();
    let mut broken = files.clone();
    let at = broken.iter().position(|(name, _)| name.contains("Measles")).unwrap();
    broken[at].1.truncate(4000);
    let refused = import(&world, broken, "ACIP_CDC", "4.64").await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(_)) && refused.to_string().contains("Measles"), "{refused}");
    for table in ["school.schedule_releases", "school.schedule_files", "school.vaccination_schedules"] {
        assert_eq!(count(&world, table).await, 0, "{table}");
    }
    let missing: Vec<_> = files.iter().filter(|(name, _)| !name.contains("Rubella")).cloned().collect();
    let refused = import(&world, missing, "ACIP_CDC", "4.64").await.unwrap_err().to_string();
    assert!(refused.contains("no file describes the antigen Rubella"), "{refused}");
    let refused = import(&world, files.clone(), "WIZARDS", "4.64").await.unwrap_err().to_string();
    assert!(refused.contains("ACIP_CDC"), "{refused}");

    let done = import(&world, files.clone(), "ACIP_CDC", "4.64").await.unwrap();
    assert_eq!((&done["new"], &done["files"]), (&json!(true), &json!(files.len())));
    assert_eq!(count(&world, "school.schedule_files").await, i64::try_from(files.len()).unwrap());
    let page =
        world.call("school.schedule_dose.list", query(&[("antigen", "Measles"), ("total", "true")])).await.unwrap();
    let Body::Page(page) = page.body else { panic!("no page") };
    assert!(page.rows.iter().any(|r| r.text("series_type") == "STANDARD"), "{page:?}");

    let again = import(&world, files.clone(), "ACIP_CDC", "4.64").await.unwrap();
    assert_eq!(again["new"], json!(false), "the same release is there once");
    let mut other = files;
    other.retain(|(name, _)| !name.contains("Chikungunya"));
    let same = import(&world, other.clone(), "ACIP_CDC", "4.64").await;
    assert!(same.is_err(), "other content under the same version: {same:?}");
}

fn query(pairs: &[(&str, &str)]) -> Call {
    Call { query: pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), ..Call::default() }
}

#[tokio::test]
async fn without_a_schedule_doses_are_shown_and_nothing_is_said_of_them() {
    let s = School::new().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let given = dose(&s, &child, "03", "2017-03-01").await;
    let shown = show(&s, &child).await;
    assert_eq!(
        (&shown["problem"], &shown["schedule"], &shown["compliance"]),
        (&json!("NO_SCHEDULE"), &Value::Null, &Value::Null)
    );
    assert_eq!((&shown["doses"][0]["id"], &shown["doses"][0]["verdicts"]), (&json!(given), &json!([])));
    let body = json!({"school_id": s.id});
    let call = Call { body, ..Call::default() };
    let done = told(s.world.call("school.immunization.evaluate", call).await.unwrap().body);
    assert_eq!((&done["evaluated"], &done["problem"]), (&json!(0), &json!("NO_SCHEDULE")));
    let elsewhere = "01900000-0000-7000-8000-000000000000";
    assert!(matches!(s.world.call("school.immunization.show", at(elsewhere)).await, Err(Error::NotFound)));
}

/// B1 and B2 of the specification, at a day of that childhood.
#[tokio::test]
async fn a_dose_is_judged_with_the_reason_and_the_next_one_forecast() {
    let s = school().await;
    let child = student(&s, "A-1", "2011-02-26", "9").await;
    let (first, second) = (dose(&s, &child, "20", "2011-04-06").await, dose(&s, &child, "20", "2011-05-02").await);
    let then = forecast(&s, &child, json!({"on": "2011-05-20"})).await.unwrap();
    assert_eq!(then["schedule"]["version"], "4.64");
    assert_eq!(verdict(&then, &first, "Pertussis").0, "VALID");
    let (status, why) = verdict(&then, &second, "Pertussis");
    assert_eq!((status.as_str(), &why["code"], &why["on"]), ("NOT_VALID", &json!("TOO_YOUNG"), &json!("2011-05-03")));
    assert_eq!(why["words"], "Given too young: at the earliest it counts from 2011-05-03");
    let next = group(&then, "DTaP/Tdap/Td");
    let dates = ["earliest_on", "recommended_on", "overdue_on"].map(|n| next[n].as_str().unwrap().to_owned());
    assert_eq!(dates, ["2011-05-30", "2011-06-26", "2011-08-22"]);
    assert_eq!((&next["next_dose"], &next["status"]), (&json!(2), &json!("NOT_COMPLETE")));

    let other = student(&s, "A-2", "2011-02-26", "9").await;
    let body = json!({"on": "2011-05-20", "doses": [{"cvx": "20", "given_on": "2011-04-09"}, {"cvx": "20", "given_on": "2011-05-03"}]});
    let then = forecast(&s, &other, body).await.unwrap();
    let next = group(&then, "DTaP/Tdap/Td");
    let dates = ["earliest_on", "recommended_on", "overdue_on"].map(|n| next[n].as_str().unwrap().to_owned());
    assert_eq!(dates, ["2011-06-04", "2011-08-26", "2011-10-23"]);
    assert_eq!(show(&s, &other).await["doses"], json!([]), "a what-if leaves nothing behind");

    // Today the second dose is still not valid, and the series goes on from the first.
    let now = show(&s, &child).await;
    assert_eq!((&now["on"], verdict(&now, &second, "Pertussis").0.as_str()), (&json!("2026-03-02"), "NOT_VALID"));
}

/// B3 to B5: the grace of four days, the interval, and the conflict of live vaccines.
#[tokio::test]
async fn live_vaccines_keep_their_distance() {
    let s = school().await;
    let child = student(&s, "A-1", "2020-09-14", "K").await;
    let early = student(&s, "A-2", "2020-09-14", "K").await;
    let (mmr, too_early) = (dose(&s, &child, "03", "2021-09-10").await, dose(&s, &early, "03", "2021-09-09").await);
    let shown = show(&s, &child).await;
    let (status, why) = verdict(&shown, &mmr, "Measles");
    assert_eq!((status.as_str(), &why["code"]), ("VALID", &json!("AGE_GRACE")));
    let (status, why) = verdict(&show(&s, &early).await, &too_early, "Measles");
    assert_eq!((status.as_str(), &why["code"]), ("NOT_VALID", &json!("TOO_YOUNG")));

    let soon = student(&s, "A-3", "2020-09-14", "K").await;
    dose(&s, &soon, "03", "2021-10-01").await;
    let second = dose(&s, &soon, "03", "2021-10-24").await;
    let (status, why) = verdict(&show(&s, &soon).await, &second, "Measles");
    assert_eq!(status, "NOT_VALID");
    assert_eq!((&why["days"], &why["until"]), (&json!(23), &json!("2021-10-25")), "{why}");

    let near = student(&s, "A-4", "2020-09-14", "K").await;
    dose(&s, &near, "21", "2021-10-01").await;
    let mmr = dose(&s, &near, "03", "2021-10-28").await;
    let (status, why) = verdict(&show(&s, &near).await, &mmr, "Measles");
    assert_eq!(
        (status.as_str(), &why["code"], &why["with_cvx"], &why["until"]),
        ("NOT_VALID", &json!("CONFLICT"), &json!("21"), &json!("2021-10-29"))
    );
}

#[tokio::test]
async fn what_is_not_known_exactly_is_shown_and_not_judged() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let body = json!({"patient_id": child, "status": "COMPLETED", "verification": "PATIENT_REPORTED", "source_kind": "MANUAL",
                      "code": "03", "code_system": "CVX", "cvx": "03", "given_on": "2017-03-01", "given_precision": "MONTH"});
    let month = id(&s.world.create("records.immunization.create", body).await);
    let body = json!({"patient_id": child, "status": "COMPLETED", "verification": "PATIENT_REPORTED", "source_kind": "MANUAL",
                      "original_display": "A vaccine from abroad", "given_on": "2018-03-01", "given_precision": "DAY"});
    let uncoded = id(&s.world.create("records.immunization.create", body).await);
    let unknown = dose(&s, &child, "998", "2019-03-01").await;
    let shown = show(&s, &child).await;
    let of = |id: &str| shown["doses"].as_array().unwrap().iter().find(|d| d["id"] == id).unwrap()["problem"].clone();
    assert_eq!(
        [of(&month), of(&uncoded), of(&unknown)],
        ["DAY_NOT_KNOWN", "NO_VACCINE_CODE", "VACCINE_NOT_IN_SCHEDULE"]
    );
    let newborn = id(&s.world.create("medical.patient.create", json!({"family_name": "Undated"})).await);
    assert_eq!(show(&s, &newborn).await["problem"], "NO_BIRTH_DATE");
}

/// Submits exemptions of a student, wrongly and rightly, and has one approved.
async fn exempted(s: &School, person: &Ctx, exempt: &str) {
    // An exemption: a kind the law does not know is refused, one without a document cannot be approved.
    let submit = async |body: Value| row(s.world.call("school.exemption.submit", Call { body, ..at(exempt) }).await);
    let body = json!({"kind": "PERSONAL", "issuer": "Parent", "valid_from": "2025-08-01"});
    assert_eq!(code(submit(body).await), "kind_not_allowed_in_state");
    let mut body = json!({"kind": "MEDICAL_PERMANENT", "issuer": "Dr. Invented", "valid_from": "2025-08-01"});
    body["vaccine_groups"] = json!(["Measles and so on"]);
    assert_eq!(code(submit(body.clone()).await), "not_allowed");
    body.as_object_mut().unwrap().remove("vaccine_groups");
    let bare = id(&submit(body.clone()).await.unwrap());
    let decide = async |verb: &str, id: &str, body: Value| {
        row(s.world.call_as(person.clone(), &format!("school.exemption.{verb}"), Call { body, ..at(id) }).await)
    };
    assert_eq!(code(decide("approve", &bare, Value::Null).await), "document_required");
    assert_eq!(code(decide("reject", &bare, json!({"reason": " "})).await), "required");
    assert_eq!(decide("reject", &bare, json!({"reason": "No form"})).await.unwrap().text("status"), "REJECTED");
    body["number"] = json!("XX-17");
    let good = id(&submit(body).await.unwrap());
    assert_eq!(show(s, exempt).await["compliance"]["status"], "NO_RECORD", "submitted is not approved");
    assert_eq!(decide("approve", &good, Value::Null).await.unwrap().text("status"), "APPROVED");
    assert_eq!(show(s, exempt).await["compliance"]["status"], "EXEMPT_MEDICAL_PERM");
}

#[tokio::test]
async fn requirements_and_exemptions_count_once_approved_and_schools_show_it() {
    let s = school().await;
    let whole = student(&s, "A-1", "2016-02-26", "4").await;
    for (cvx, on) in [("03", "2017-03-01"), ("21", "2017-03-01"), ("03", "2020-03-01"), ("21", "2020-03-01")] {
        dose(&s, &whole, cvx, on).await;
    }
    let half = student(&s, "A-2", "2016-02-26", "4").await;
    dose(&s, &half, "03", "2017-03-01").await;
    let none = student(&s, "A-3", "2016-02-26", "4").await;
    let exempt = student(&s, "A-4", "2016-02-26", "4").await;
    requirements(&s).await;
    assert_eq!(show(&s, &half).await["compliance"]["status"], "NOT_APPLICABLE", "nothing was approved");
    let person = supervisor(&s).await;
    let dashboard = told(s.world.call("school.immunization.dashboard", Call::default()).await.unwrap().body);
    assert_eq!((&dashboard["requirements_in_force"], &dashboard["requirements_waiting"]), (&json!(0), &json!(2)));
    approve_requirements(&s, &person).await;

    let shown = show(&s, &half).await;
    assert_eq!(
        (&shown["compliance"]["status"], &shown["compliance"]["score"]),
        (&json!("NONCOMPLIANT"), &json!(100.0 / 3.0))
    );
    let of = |shown: &Value, name: &str| {
        shown["compliance"]["requirements"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["vaccine_group"] == name)
            .unwrap()
            .clone()
    };
    let mmr = of(&shown, "MMR");
    assert_eq!((&mmr["status"], &mmr["counted"], &mmr["required"]), (&json!("NONCOMPLIANT"), &json!(1), &json!(2)));
    assert_eq!(show(&s, &whole).await["compliance"]["status"], "COMPLIANT");

    exempted(&s, &person, &exempt).await;

    let body = json!({"school_id": s.id});
    let done = told(s.world.call("school.immunization.evaluate", Call { body, ..Call::default() }).await.unwrap().body);
    assert_eq!((&done["evaluated"], &done["without_birth_date"]), (&json!(4), &json!(0)));
    let again = told(
        s.world
            .call("school.immunization.evaluate", Call { body: json!({"school_id": s.id}), ..Call::default() })
            .await
            .unwrap()
            .body,
    );
    assert_eq!(again["evaluated"], json!(4), "a student has one row, which is replaced");
    assert_eq!(count(&s.world, "school.immunization_evaluations").await, 4);
    schools_show(&s, &none).await;
}

/// What the dashboard and the list of students say of the four.
async fn schools_show(s: &School, none: &str) {
    let dashboard = told(s.world.call("school.immunization.dashboard", Call::default()).await.unwrap().body);
    let here = &dashboard["schools"][0];
    for (name, expected) in
        [("enrolled", 4), ("compliant", 1), ("exempt", 1), ("no_record", 1), ("overdue", 1), ("not_evaluated", 0)]
    {
        assert_eq!(here[name], json!(expected), "{name}: {here}");
    }
    assert_eq!((&here["up_to_date_percent"], &here["in_compliance_percent"]), (&json!(25.0), &json!(50.0)));
    // The score of the one who is exempt from all is none: (100 + 33.3 + 0) / 3.
    assert_eq!((&here["compliance_score"], &here["measles_at_risk"]), (&json!(44.4), &json!(false)));
    let list = async |pairs: &[(&str, &str)]| {
        told(s.world.call("school.immunization.compliance", query(pairs)).await.unwrap().body)
    };
    let late = list(&[("school_id", &s.id), ("kind", "no_record")]).await;
    assert_eq!(
        (&late["total"], &late["data"][0]["student_id"]),
        (&json!(1), &json!(none)),
        "of the other a dose is known"
    );
    assert_eq!(late["data"][0]["family_name"], "Quillfeather");
    assert_eq!(list(&[("vaccine_group", "MMR"), ("kind", "exempt")]).await["total"], json!(1));
    let wrong = s.world.call("school.immunization.compliance", query(&[("kind", "late")])).await;
    assert!(wrong.unwrap_err().to_string().contains("no_record"));
}

/// A fact of the record, as another program or an import writes it.
async fn fact(s: &School, student: &str, cvx: &str, (on, precision): (&str, &str)) {
    let body = json!({"patient_id": student, "status": "COMPLETED", "verification": "IMPORTED", "source_kind": "MANUAL", "code": cvx,
                      "code_system": "CVX", "cvx": cvx, "given_on": on, "given_precision": precision});
    s.world.create("records.immunization.create", body).await;
}

#[tokio::test]
async fn what_cannot_be_judged_fulfils_nothing_and_what_is_written_down_elsewhere_is_judged_soon() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let free = student(&s, "A-2", "2016-02-26", "5").await;
    requirements(&s).await;
    let lead = supervisor(&s).await;
    approve_requirements(&s, &lead).await;
    let evaluate = async || {
        let call = Call { body: json!({"school_id": s.id}), ..Call::default() };
        s.world.call("school.immunization.evaluate", call).await.unwrap();
    };
    evaluate().await;
    let new = student(&s, "A-3", "2016-02-26", "4").await;
    let list = async |pairs: &[(&str, &str)]| -> Vec<Value> {
        let told = told(s.world.call("school.immunization.compliance", query(pairs)).await.unwrap().body);
        told["data"].as_array().unwrap().iter().map(|d| d["student_id"].clone()).collect()
    };
    // Who is in danger in an outbreak: also of a grade that is asked for nothing, and who was not judged.
    assert_eq!(list(&[("vaccine_group", "MMR")]).await, [json!(child)]);
    assert_eq!(list(&[("susceptible_to", "MMR")]).await.len(), 3);

    // Of three doses only the month is known: they count for the school where they would on each day of it.
    fact(&s, &child, "03", ("2017-03-01", "MONTH")).await;
    fact(&s, &child, "03", ("2020-03-01", "DAY")).await;
    fact(&s, &child, "21", ("2017-03-01", "MONTH")).await;
    fact(&s, &child, "21", ("2020-01-01", "YEAR")).await;
    for on in ["2017-03-01", "2020-03-01"] {
        fact(&s, &free, "03", (on, "DAY")).await;
    }
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(s.world.db.clone(), Arc::new(jobs), Pace::default());
    for _ in 0..2 {
        let sql = "UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'school.evaluate_changed'";
        s.world.admin(sql).await;
        dispatcher.drain(s.world.tenant).await.unwrap();
    }
    assert_eq!(list(&[("kind", "compliant")]).await, [json!(child)], "without anybody asking for it");
    assert_eq!(list(&[("susceptible_to", "MMR")]).await, [json!(new)]);
    let dashboard = told(s.world.call("school.immunization.dashboard", Call::default()).await.unwrap().body);
    let here = &dashboard["schools"][0];
    assert_eq!(
        (&here["not_applicable"], &here["in_compliance_percent"]),
        (&json!(1), &json!(33.3)),
        "of three: {here}"
    );
    assert_eq!(here["grades"][1]["in_compliance_percent"], Value::Null, "of grade 5 nothing is asked");

    unknown_group(&s, &child, lead).await;
}

/// A group that the schedule does not have is not approved, and if it was, nobody complies with it.
async fn unknown_group(s: &School, child: &str, lead: Ctx) {
    let odd = json!([{"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "vaccine_group": "Wizardry",
                      "rule": {"any": [{"doses": 1}]}, "source_citation": "Invented for this test"}]);
    enter(s, odd).await.unwrap();
    let listed = s.world.call("school.requirement.list", query(&[("vaccine_group", "Wizardry")])).await.unwrap();
    let Body::Page(page) = listed.body else { panic!("no page") };
    let refused = s.world.call_as(lead, "school.requirement.approve", at(page.rows[0].text("id"))).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("Wizardry is no vaccine group") && refused.contains("MMR"), "{refused}");
    s.world
        .admin(
            "UPDATE school.school_immunization_requirements SET approved_at = now(), approved_by = (SELECT id FROM auth.users LIMIT 1) \
             WHERE vaccine_group = 'Wizardry'",
        )
        .await;
    let stands = show(s, child).await["compliance"].clone();
    assert_eq!(
        (&stands["status"], &stands["unknown_groups"]),
        (&json!("NONCOMPLIANT"), &json!(["Wizardry"])),
        "{stands}"
    );
    let odd =
        stands["requirements"].as_array().unwrap().iter().find(|r| r["vaccine_group"] == "Wizardry").unwrap().clone();
    assert_eq!(odd["missing"][0]["code"], "UNKNOWN_GROUP");
}

/// B10: another release in use changes what is said, and what is said names its release.
#[tokio::test]
async fn the_release_in_use_decides_and_is_named() {
    let s = school().await;
    let child = student(&s, "A-1", "2012-02-26", "8").await;
    let due = show(&s, &child).await;
    assert_eq!(group(&due, "Meningococcal")["status"], "NOT_COMPLETE");
    // A release that recommends the vaccine to those at risk only.
    let mut files = supporting_data();
    let at = files.iter().position(|(name, _)| name.contains("Meningococcal-508")).unwrap();
    let text = String::from_utf8(files[at].1.clone()).unwrap();
    let changed = text.replace("<seriesType>Standard</seriesType>", "<seriesType>Evaluation Only</seriesType>");
    assert_ne!(text, changed);
    files[at].1 = changed.into_bytes();
    import(&s.world, files, "STATE", "1.0").await.unwrap();
    let now = show(&s, &child).await;
    assert_eq!((&now["schedule"]["authority"], &now["schedule"]["version"]), (&json!("STATE"), &json!("1.0")));
    let told = now["forecasts"].as_array().unwrap().iter().find(|f| f["vaccine_group"] == "Meningococcal");
    assert!(told.is_none_or(|f| f["status"] != "NOT_COMPLETE"), "{told:?}");
    let asked = forecast(&s, &child, json!({"authority": "ACIP_CDC", "version": "4.64"})).await.unwrap();
    assert_eq!(group(&asked, "Meningococcal")["status"], "NOT_COMPLETE", "the other one can be asked");
    let mut tx = s.world.db.begin(s.world.operator(), false).await.unwrap();
    activate(&mut tx, "ACIP_CDC", "4.64").await.unwrap();
    tx.commit("school.schedule.activate", "school.schedule_releases").await.unwrap();
    assert_eq!(show(&s, &child).await["schedule"]["version"], "4.64");
    let wrong = forecast(&s, &child, json!({"authority": "AAP", "version": "1"})).await.unwrap_err();
    assert!(wrong.to_string().contains("was not imported"), "{wrong}");
}

/// B10 with a condition: what is recommended to those at risk only is due for a child without a spleen, and for no other.
#[tokio::test]
async fn a_vaccine_for_those_at_risk_is_due_for_who_has_the_condition() {
    let s = school().await;
    let mut files = supporting_data();
    let at_risk = files.iter().position(|(name, _)| name.contains("Meningococcal-508")).unwrap();
    let text = String::from_utf8(files[at_risk].1.clone()).unwrap();
    let changed = text.replace("<seriesType>Standard</seriesType>", "<seriesType>Evaluation Only</seriesType>");
    files[at_risk].1 = changed.into_bytes();
    import(&s.world, files, "STATE", "1.0").await.unwrap();
    let (well, ill) = (student(&s, "A-1", "2012-02-26", "8").await, student(&s, "A-2", "2012-02-26", "8").await);
    // Asplenia, by the code that the supporting data name.
    let body = json!({"patient_id": ill, "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL", "code": "707147002",
                      "code_system": "http://snomed.info/sct", "clinical_status": "ACTIVE", "category": "PROBLEM_LIST"});
    s.world.create("records.diagnosis.create", body).await;
    let told = async |child: &str| {
        let shown = show(&s, child).await;
        let all = shown["forecasts"].as_array().unwrap().clone();
        let group = all.into_iter().find(|f| f["vaccine_group"] == "Meningococcal").unwrap_or_default();
        (group["status"].clone(), shown["schedule"]["authority"].clone())
    };
    assert_eq!(told(&ill).await, (json!("NOT_COMPLETE"), json!("STATE")));
    assert_ne!(told(&well).await.0, json!("NOT_COMPLETE"));
    let asked = forecast(&s, &well, json!({"authority": "STATE", "version": "1.0"})).await.unwrap();
    assert!(
        asked["forecasts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|f| f["vaccine_group"] != "Meningococcal" || f["status"] != "NOT_COMPLETE")
    );
}

#[tokio::test]
async fn altered_files_are_noticed() {
    let s = School::new().await;
    let mut files = supporting_data();
    // Content of its own, so that no other test has it in memory.
    let place = files.iter().position(|(name, _)| name.starts_with("Schedule")).unwrap();
    files[place].1.extend_from_slice(b"<!-- of this test -->");
    import(&s.world, files, "ACIP_CDC", "4.64").await.unwrap();
    s.world.admin("UPDATE school.schedule_files SET body = body || ' '::bytea WHERE name LIKE '%Measles%'").await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let told = s.world.call("school.immunization.show", at(&child)).await;
    assert!(matches!(&told, Err(Error::Internal(why)) if why.contains("not those that were imported")), "{told:?}");
}

#[tokio::test]
async fn every_school_is_judged_when_a_schedule_comes_into_use() {
    let s = School::new().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    dose(&s, &child, "03", "2017-03-01").await;
    import(&s.world, supporting_data(), "ACIP_CDC", "4.64").await.unwrap();
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(s.world.db.clone(), Arc::new(jobs), Pace::default());
    dispatcher.drain(s.world.tenant).await.unwrap();
    dispatcher.drain(s.world.tenant).await.unwrap();
    assert_eq!(count(&s.world, "school.immunization_evaluations").await, 1);
}

pub async fn add(s: &School, student: &str, body: Value) -> Result<Value, Error> {
    let call = Call { body, ..at(student) };
    row(s.world.call("school.immunization.add", call).await).map(|made| json!(made))
}

async fn correct(s: &School, student: &str, dose: &str, body: Value) -> Result<Value, Error> {
    let path = vec![("id".to_owned(), student.to_owned()), ("dose".to_owned(), dose.to_owned())];
    let call = Call { path, body, if_match: None, ..Call::default() };
    row(s.world.call("school.immunization.correct", call).await).map(|made| json!(made))
}

/// Endpoints 54 and 55: what a card says goes into the record and is judged at once.
/// What is sent twice is written once, and told twice.
async fn enter_twice(s: &School, child: &str) {
    let once = || Call {
        body: json!({"cvx": "03", "given_on": "2017-01-22"}),
        idempotency_key: Some("dose".into()),
        ..at(child)
    };
    let first = row(s.world.call("school.immunization.add", once()).await).unwrap();
    let again = row(s.world.call("school.immunization.add", once()).await).unwrap();
    assert_eq!(first.id(), again.id());
}

#[tokio::test]
async fn a_dose_is_written_down_corrected_and_taken_back() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let kept = async |name: &str| -> Value {
        let admin = s.world.database.connect("salus_admin").await;
        let sql = format!("SELECT to_jsonb({name}) FROM school.immunization_evaluations WHERE student_id = $1");
        admin.query_one(&sql, &[&child.parse::<uuid::Uuid>().unwrap()]).await.unwrap().get(0)
    };
    let first = add(&s, &child, json!({"cvx": "3", "given_on": "2017-02-22", "lot": " K123 "})).await.unwrap();
    assert_eq!(
        (&first["cvx"], &first["lot"], &first["information_source"]),
        (&json!("03"), &json!("K123"), &json!("01"))
    );
    let shown = show(&s, &child).await;
    assert_eq!(verdict(&shown, first["id"].as_str().unwrap(), "Measles").0, "VALID");
    assert_eq!(kept("doses").await.as_array().unwrap().len(), 1, "lists know it at once");

    let told = |refused: Result<Value, Error>| match refused.unwrap_err() {
        Error::Invalid(fields) => format!("{} {}", fields[0].pointer.trim_start_matches('/'), fields[0].code),
        Error::Conflict { code, .. } => code.to_owned(),
        other => format!("{other:?}"),
    };
    for (body, expected) in [
        (json!({"cvx": "03"}), "given_on required"),
        (json!({"given_on": "2017-02-22"}), "cvx required"),
        (json!({"cvx": "MMR", "given_on": "2017-02-22"}), "cvx wrong_type"),
        (json!({"cvx": "997", "given_on": "2017-02-22"}), "cvx unknown_cvx"),
        (json!({"cvx": "03", "given_on": "22/02/2017"}), "given_on wrong_type"),
        (json!({"cvx": "03", "given_on": "2016-02-25"}), "given_on before_birth"),
        (json!({"cvx": "03", "given_on": "2015"}), "given_on before_birth"),
        (json!({"cvx": "03", "given_on": "2026-03-03"}), "given_on future_date"),
        (json!({"cvx": "03", "given_on": "2020-05", "information_source": "00"}), "given_on date_imprecise"),
        (json!({"cvx": "03", "given_on": "2020-05-01", "lot": "x".repeat(31)}), "lot too_long"),
        (json!({"cvx": "03", "given_on": "2017-02-22", "lot": "other"}), "duplicate_dose"),
    ] {
        assert_eq!(told(add(&s, &child, body.clone()).await), expected, "{body}");
    }
    // A partial date is kept as what it is, and is not judged.
    let partial = add(&s, &child, json!({"cvx": "21", "given_on": "2017-05"})).await.unwrap();
    assert_eq!((&partial["given_on"], &partial["given_precision"]), (&json!("2017-05-01"), &json!("MONTH")));
    let shown = show(&s, &child).await;
    let unjudged = shown["doses"].as_array().unwrap().iter().find(|d| d["id"] == partial["id"]).unwrap();
    assert_eq!(unjudged["problem"], "DAY_NOT_KNOWN");

    let id = first["id"].as_str().unwrap();
    let corrected = correct(&s, &child, id, json!({"given_on": "2017-01-22"})).await.unwrap();
    assert_eq!(corrected["given_on"], "2017-01-22");
    assert_eq!(verdict(&show(&s, &child).await, id, "Measles").0, "NOT_VALID", "36 days before the first birthday");
    let partial_id = partial["id"].as_str().unwrap();
    let both = json!({"cvx": "03", "given_on": "2017-01-22"});
    assert_eq!(told(correct(&s, &child, partial_id, both).await), "duplicate_dose");
    let mixed = json!({"entered_in_error_reason": "twice", "cvx": "21"});
    assert_eq!(told(correct(&s, &child, id, mixed).await), "entered_in_error_reason not_allowed");
    assert_eq!(kept("doses").await.as_array().unwrap().len(), 2);
    let other = student(&s, "A-2", "2016-02-26", "4").await;
    let error = json!({"entered_in_error_reason": "another child's card"});
    assert!(matches!(correct(&s, &other, id, error.clone()).await, Err(Error::NotFound)), "the dose is not theirs");
    let gone = correct(&s, &child, id, error.clone()).await.unwrap();
    assert_eq!(gone["status"], "ENTERED_IN_ERROR");
    assert!(show(&s, &child).await["doses"].as_array().unwrap().iter().all(|d| d["id"] != first["id"]));
    assert_eq!(kept("doses").await.as_array().unwrap().len(), 1, "and lists know that too");
    assert_eq!(told(correct(&s, &child, id, error).await), "state_conflict");
    enter_twice(&s, &child).await;
}
