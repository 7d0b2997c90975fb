//! The verification suite passes on a good database, and each check fails where what it checks is broken.

use crate::world::World;
use salus_domains::{
    demo,
    verify::{Outcome, Report, verify},
};
use serde_json::json;

fn failed(report: &Report) -> Vec<String> {
    let failed = report.checks.iter().filter(|c| c.outcome == Outcome::Failed);
    failed.map(|c| format!("{}: {}", c.name, c.message)).collect()
}

async fn patients(world: &World) -> i64 {
    let admin = world.database.connect("salus_admin").await;
    admin.query_one("SELECT count(*) FROM medical.patients", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn everything_passes_and_nothing_is_left() {
    let world = World::new().await;
    demo::load(&world.db, "austa").await.unwrap();
    let before = patients(&world).await;
    let report = verify(&world.db).await;
    for c in &report.checks {
        eprintln!("{:30} {:8} {:8.2} ms  {}", c.name, format!("{:?}", c.outcome), c.milliseconds, c.message);
    }
    assert_eq!(failed(&report), Vec::<String>::new());
    assert!(report.holds());
    assert_eq!(report.checks.len(), 12);
    assert_eq!(patients(&world).await, before);
}

#[tokio::test]
async fn what_is_broken_is_named() {
    let world = World::new().await;
    let patient = world.create("medical.patient.create", json!({"family_name": "Lost"})).await.text("id").to_owned();
    let body = json!({"patient_id": patient, "use": "USUAL", "family_name": "Orphan"});
    world.create("medical.patient_name.create", body).await;
    world
        .admin(&format!(
            "SET session_replication_role = replica; DELETE FROM medical.patients WHERE id = '{patient}'; \
             RESET session_replication_role; \
             DROP EXTENSION pg_trgm; \
             ALTER TABLE records.vital_signs DISABLE ROW LEVEL SECURITY; \
             ALTER TABLE records.allergies DISABLE TRIGGER ALL; \
             REVOKE INSERT ON audit.activity_logs FROM salus_reader; \
             REVOKE USAGE ON SCHEMA ai FROM salus_app, salus_reader; \
             REVOKE DELETE ON medical.patients FROM salus_app"
        ))
        .await;
    let report = verify(&world.db).await;
    assert!(!report.holds());
    let told = failed(&report);
    for named in [
        "no orphans: rows without the row they refer to: medical.patient_names patient_names_patient_fk has 1",
        "extensions: pg_trgm missing",
        "tenancy rules: refusing to serve: tenants are not kept apart. T02 records.vital_signs",
        "foreign keys: switched off: records.allergies allergies_",
        "schemas: missing or closed to this role: ai",
        "create, read, update, delete: database error 42501",
        "audit trail: the audit log cannot be written",
    ] {
        assert!(told.iter().any(|t| t.starts_with(named)), "{named}\n{told:#?}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
}
