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

#[tokio::test]
async fn a_family_sees_health_at_school_and_submits_an_exemption() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let admin = app.database.connect("salus_admin").await;
    let sql = "SELECT a.student_id::text, a.medication::text, (SELECT p.patient_id::text FROM school.student_profiles p \
                 WHERE p.patient_id <> a.student_id LIMIT 1) FROM school.medication_administrations a \
               WHERE a.outcome = 'GIVEN' AND a.administered_at < now() ORDER BY a.administered_at DESC LIMIT 1";
    let found = admin.query_one(sql, &[]).await.unwrap();
    let [child, medication, other]: [String; 3] = std::array::from_fn(|at| found.get(at));
    let kin = app.session("larkspur", tenant, "guardian").await;
    let link = format!(
        "INSERT INTO auth.user_person_links (tenant_id, id, user_id, patient_id, relation, proof, valid_from, valid_to) \
         SELECT '{tenant}', gen_random_uuid(), u.id, '{child}', 'parent', 'BIRTH_CERTIFICATE', DATE '2020-01-01', current_date + 30 FROM auth.users u \
         WHERE u.tenant_id = '{tenant}' ORDER BY u.created_at DESC LIMIT 1"
    );
    admin.batch_execute(&link).await.unwrap();
    let address = format!("/students/{child}/family");
    let chart = kin.get(&format!("/patients/{child}")).await.text();
    assert!(chart.contains(&format!("href=\"{address}\"")), "{chart}");
    let page = kin.get(&address).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let page = page.text();
    assert!(page.contains(&medication) && page.contains("Given") && page.contains("No exemption"), "{page}");
    assert_eq!(kin.get(&format!("/students/{other}/family")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(kin.get(&format!("/medications/students/{child}")).await.status, StatusCode::FORBIDDEN);
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = |until: &'static str| {
        vec![
            ("_csrf", csrf.clone()),
            ("kind", "MEDICAL_TEMPORARY".to_owned()),
            ("issuer", "Dr. Invented".to_owned()),
            ("valid_from", "2026-03-02".to_owned()),
            ("valid_until", until.to_owned()),
        ]
    };
    let send = async |until: &'static str| {
        let fields = form(until);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        kin.submit(&format!("{address}/exemptions"), &fields).await
    };
    let refused = send("soon").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("value=\"Dr. Invented\""), "what was typed stands there still: {}", refused.text());
    assert_eq!(send("2099-06-30").await.status, StatusCode::SEE_OTHER);
    let page = kin.get(&address).await.text();
    assert!(page.contains("Submitted") && page.contains("Dr. Invented"), "{page}");
    // Somebody of the school sees it, and what is missing is asked for.
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    let page = nurse.get(&format!("/students/{child}/immunizations")).await.text();
    assert!(page.contains("Dr. Invented") && page.contains("name=\"number\" required"), "{page}");
}
