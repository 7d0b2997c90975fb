//! A student at a glance: for the nurse of the school, for one of another school, and for who sees less.

use crate::nurse::role;
use hyper::StatusCode;
use salus_domains::demo::{self, Size};
use salus_testkit::TestApp;
use serde_json::json;

#[tokio::test]
async fn a_student_at_a_glance_is_for_who_reaches_the_student() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let admin = app.database.connect("salus_admin").await;
    let sql = "SELECT v.student_id::text, s.organization_id::text, s.id::text, current_date::text FROM school.clinic_visits v \
               JOIN school.student_medication_orders o ON o.student_id = v.student_id AND o.status = 'ACTIVE' \
               JOIN school.schools s ON s.id = v.school_id ORDER BY v.check_in_at DESC LIMIT 1";
    let found = admin.query_one(sql, &[]).await.unwrap();
    let [student, unit, school, today]: [String; 4] = std::array::from_fn(|at| found.get(at));
    let address = format!("/students/{student}");

    let office = app.key(tenant, "sis_coordinator").await;
    let body = json!({"school_id": school, "source": "SIS", "absences": [
        {"student_id": student, "day": today, "starts_at": "13:00", "reason": "APPOINTMENT"}]});
    let sent = office.post("/api/v1/school/absences", &body).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.text());
    let sent = sent.json();

    let supervisor = app.session("larkspur", tenant, "nurse_supervisor").await;
    let page = supervisor.get(&address).await.text();
    for shown in [
        "Student health summary",
        "At a glance",
        "Last visits",
        "Whom to call",
        "Symptoms of late",
        "in 90 days",
        "Next dose",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(page.contains("Absences") && page.contains(&format!("href=\"/patients/{student}\"")), "{page}");
    assert_eq!(page.contains("from 13:00"), sent["recorded"] == json!(1), "{sent}");
    assert_eq!(sent["recorded"], json!(1), "{sent}");

    // A nurse reaches the students of their own schools.
    let nurse = app.session("larkspur", tenant, "school_nurse").await;
    assert_eq!(nurse.get(&address).await.status, StatusCode::NOT_FOUND);
    let sql = format!(
        "INSERT INTO auth.user_units (tenant_id, id, user_id, organization_id, valid_from) \
         SELECT '{tenant}', gen_random_uuid(), u.id, '{unit}', DATE '2020-01-01' FROM auth.users u \
         WHERE u.tenant_id = '{tenant}' ORDER BY u.created_at DESC LIMIT 1"
    );
    admin.batch_execute(&sql).await.unwrap();
    assert_eq!(nurse.get(&address).await.status, StatusCode::OK);

    // A part that somebody may not see is not there.
    role(&app, tenant, "board", &["school.visit.read", "kernel.phi.read"]).await;
    let page = app.session("larkspur", tenant, "board").await.get(&address).await.text();
    assert!(page.contains("Last visits"), "{page}");
    for absent in ["Whom to call", "Next dose", "Absences", "/patients/"] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
    let coordinator = app.session("larkspur", tenant, "sis_coordinator").await;
    assert_eq!(coordinator.get(&address).await.status, StatusCode::FORBIDDEN);
}
