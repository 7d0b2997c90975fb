//! Immunization at school, through the door: the schedule is imported whole or not at all, doses are judged by it with the
//! reason, requirements and exemptions count once approved, and schools show how they stand. Section 5.4 of the specification.

use crate::{
    clinic::{NOW, School, code, id, row},
    world::{World, at},
};
use salus_core::{Ctx, Error};
use salus_domains::school::immunization::{activate, import_requirements, import_schedule};
use salus_store::{Act, Body, Call, perform};
use serde_json::{Value, json};
use std::{fs, path::Path};

const RELEASE: &str = "cdsi/supporting-data-4.64/XML";

/// The files of the supporting data.
fn supporting_data() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(RELEASE);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("the reference data are missing: {folder:?}: {e}"));
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
async fn student(s: &School, number: &str, birth: &str, grade: &str) -> String {
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

/// Two requirements of an invented state for grade 4, approved.
async fn requirements(s: &School) {
    let list = json!([
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "MMR",
         "rule": {"any": [{"doses": 2, "each_on_or_after": "12m"}], "grace_days": 4, "contains_measles": true},
         "exemption_kinds": ["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY"], "conditional_policy": {"days": 30},
         "source_citation": "Invented for this test"},
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "Varicella",
         "rule": {"any": [{"doses": 2}]}, "exemption_kinds": ["MEDICAL_PERMANENT"], "source_citation": "Invented for this test"},
    ]);
    let act = Act {
        name: "school.requirement.import".into(),
        target: "school.school_immunization_requirements",
        permission: "school.immunization.write",
        read_only: false,
        row: None,
    };
    let entered = perform(&s.world.db, act, s.world.operator(), move |tx| Box::pin(import_requirements(tx, list))).await;
    assert_eq!(entered.unwrap(), 2);
}

async fn approve_requirements(s: &School) {
    let user = json!({"email": "supervisor@north.example", "display_name": "Supervisor", "roles": []});
    let _ = user;
    let admin = s.world.database.connect("salus_admin").await;
    let sql = "INSERT INTO auth.users (tenant_id, id, email, display_name) VALUES ($1, $2, $3, $4)";
    let _ = (admin, sql);
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
    let page = world.call("school.schedule_dose.list", query(&[("antigen", "Measles"), ("total", "true")])).await.unwrap();
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
