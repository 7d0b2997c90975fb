//! The demonstration district: the same from one seed on every day of loading, and a district as it is.

use crate::world;
use salus_core::{Ctx, Env};
use salus_domains::demo::{self, Size};
use salus_store::Db;
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use time::macros::datetime;
use uuid::Uuid;

async fn load() -> (TestDb, Db, Uuid) {
    let database = TestDb::new().await;
    let db = world::open(database.config("salus_app"), Env::fixed(datetime!(2026-03-02 19:00 UTC))).await;
    let tenant = demo::load_sized(&db, "larkspur", Size::Small).await.unwrap().id;
    (database, db, tenant)
}

async fn rows(db: &Db, tenant: Uuid, table: &str, fields: &[&str]) -> Vec<Value> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await.unwrap();
    let found = tx.select(table, fields, "true ORDER BY t.id", &[]).await.unwrap();
    tx.finish_unrecorded().await.unwrap();
    found.iter().map(|r| json!(r)).collect()
}

/// Rows with their ids numbered as they first appear: which ids are given depends on how often keys were read meanwhile.
fn numbered(rows: Vec<Value>, known: &mut HashMap<Uuid, usize>) -> Vec<Value> {
    let number = |value: Value, known: &mut HashMap<Uuid, usize>| match value.as_str().map(Uuid::parse_str) {
        Some(Ok(id)) => {
            let next = known.len();
            json!(*known.entry(id).or_insert(next))
        }
        _ => value,
    };
    let row = |row: Value| match row {
        Value::Object(all) => all.into_iter().map(|(name, value)| (name, number(value, known))).collect(),
        other => other,
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn the_district_is_whole_and_the_same_every_time() {
    let (_one, db, tenant) = load().await;
    let (_two, other, twin) = load().await;
    let (mut known, mut also_known) = (HashMap::new(), HashMap::new());
    let visits = [
        "id",
        "student_id",
        "visit_on",
        "check_in_at",
        "chief_complaint_code",
        "disposition",
        "class_minutes_missed",
        "status",
    ];
    for (table, fields) in [
        ("school.student_profiles", &["id", "patient_id", "grade", "student_number", "school_id"][..]),
        ("medical.patients", &["id", "family_name", "given_names", "birth_date"][..]),
        ("school.clinic_visits", &visits[..]),
        ("school.medication_administrations", &["id", "student_id", "scheduled_for", "outcome"][..]),
        ("school.medication_inventory", &["id", "order_id", "balance"][..]),
        ("records.immunizations", &["id", "patient_id", "cvx", "given_on"][..]),
        ("school.immunization_exemptions", &["id", "student_id", "kind", "status"][..]),
    ] {
        let (one, two) = (rows(&db, tenant, table, fields).await, rows(&other, twin, table, fields).await);
        assert_eq!(numbered(one, &mut known), numbered(two, &mut also_known), "{table}");
    }
    let students = rows(&db, tenant, "school.student_profiles", &["patient_id", "grade"]).await;
    let enrolled = rows(&db, tenant, "school.student_enrollments", &["patient_id"]).await;
    assert_eq!((students.len(), enrolled.len()), (120, 120));
    assert_eq!(students.iter().map(|s| s["grade"].to_string()).collect::<BTreeSet<_>>().len(), 14, "every grade");
    assert_eq!(rows(&db, tenant, "medical.patient_contacts", &["id"]).await.len(), 240, "two guardians each");
    let doses = rows(&db, tenant, "records.immunizations", &["patient_id"]).await;
    let vaccinated: BTreeSet<String> = doses.iter().map(|d| d["patient_id"].to_string()).collect();
    assert!(
        doses.len() > 1500 && (110..120).contains(&vaccinated.len()),
        "{} doses of {}",
        doses.len(),
        vaccinated.len()
    );
    let all = rows(&db, tenant, "school.clinic_visits", &visits).await;
    let open: Vec<&Value> = all.iter().filter(|v| v["status"] == "OPEN").collect();
    assert_eq!(open.len(), 8, "two in each clinic");
    assert!(all.len() > 100, "{} visits", all.len());
    let back = all.iter().filter(|v| v["disposition"] == "RETURN_TO_CLASS");
    for visit in back {
        let missed = visit["class_minutes_missed"].as_i64().unwrap();
        assert!((0..=35).contains(&missed), "{visit}");
    }
    let doses = rows(&db, tenant, "school.medication_administrations", &["outcome"]).await;
    assert_eq!(doses.len(), 20, "five in each school, around eleven in the morning");
    assert_eq!(doses.iter().filter(|d| d["outcome"].is_null()).count(), 16, "and something to do");
    let supplies = rows(&db, tenant, "school.medication_inventory", &["balance"]).await;
    assert_eq!(supplies.iter().filter(|s| s["balance"] == "29").count(), 4, "{supplies:?}");
    let named: BTreeSet<String> = students.iter().map(|s| s["patient_id"].to_string()).collect();
    assert!(all.iter().all(|v| named.contains(&v["student_id"].to_string())));
}
