//! The pass of a visit: who, when and where to, on the school's clock and in words that say nothing of health; for who reaches the
//! student, and of no visit that was taken back.

use hyper::StatusCode;
use salus_core::Env;
use salus_domains::demo::{self, Size};
use salus_testkit::{Caller, TestApp};
use salus_web::http::Limits;
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

/// What the visits of these tests are about, in no word of which a pass may speak.
const CANARY: &str = "Zzyzxcanary";

/// A student with no open visit: patient, school and the unit of the school.
pub async fn student(app: &TestApp) -> [String; 3] {
    let admin = app.database.connect("salus_admin").await;
    let sql = "SELECT p.patient_id::text, p.school_id::text, s.organization_id::text FROM school.student_profiles p \
               JOIN school.schools s ON s.id = p.school_id WHERE p.enrollment_status = 'ENROLLED' AND NOT EXISTS ( \
               SELECT FROM school.clinic_visits v WHERE v.student_id = p.patient_id AND v.check_in_at > '2027-02-20') ORDER BY p.id LIMIT 1";
    let found = admin.query_one(sql, &[]).await.unwrap();
    std::array::from_fn(|at| found.get(at))
}

/// The newest user of the tenant works at a unit.
pub async fn in_unit(app: &TestApp, tenant: Uuid, unit: &str) {
    let admin = app.database.connect("salus_admin").await;
    let sql = format!(
        "INSERT INTO auth.user_units (tenant_id, id, user_id, organization_id, valid_from) \
         SELECT '{tenant}', gen_random_uuid(), u.id, '{unit}', DATE '2020-01-01' FROM auth.users u \
         WHERE u.tenant_id = '{tenant}' ORDER BY u.created_at DESC LIMIT 1"
    );
    admin.batch_execute(&sql).await.unwrap();
}

/// The pass itself, without the frame of the page.
async fn pass(caller: &Caller, address: &str) -> String {
    let answer = caller.get(address).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let page = answer.text();
    assert!(page.contains("data-print"), "{page}");
    for word in ["MENSTRUAL", "Menstrual", "REFERRED", "ounselor", CANARY] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    page.split("class=\"card pass\"").nth(1).unwrap().split("</section>").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_pass_says_who_and_when_and_nothing_of_why() {
    // Later than the clock of the database, by which roles are given: eleven in the morning at the school.
    let app = TestApp::with(Limits::default(), Env::fixed(datetime!(2027-03-01 19:00 UTC))).await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let [student, school, unit] = student(&app).await;
    let office = app.key(tenant, app.role_of_everything(tenant).await).await;
    let body = json!({"student_id": student, "school_id": school, "chief_complaint_code": "MENSTRUAL", "complaint_note": CANARY,
                      "check_in_at": "2027-03-01T18:20:00Z"});
    let visit = office.post("/api/v1/clinic/visits/check-in", &body).await;
    assert_eq!(visit.status, StatusCode::CREATED, "{}", visit.text());
    let visit = format!("/clinic/visits/{}", visit.json()["id"].as_str().unwrap());
    let address = format!("{visit}/pass");

    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    assert!(nurse.get(&visit).await.text().contains(&format!("href=\"{address}\"")));
    let open = pass(&nurse, &address).await;
    assert!(open.contains(">10:20<") && open.contains("A nurse_supervisor") && open.contains("Mar 1, 2027"), "{open}");
    assert_eq!(open.matches("class=\"blank\"").count(), 2, "when and where to is written by hand: {open}");

    let ended = json!({"disposition": "REFERRED_COUNSELOR", "disposition_note": CANARY, "assessment": CANARY,
                       "check_out_at": "2027-03-01T18:50:00Z"});
    let told = office.post(&format!("/api/v1{visit}/check-out"), &ended).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    let closed = pass(&nurse, &address).await;
    assert!(closed.contains(">10:50<") && closed.contains("Stays with school staff"), "{closed}");
    assert!(!closed.contains("class=\"blank\""), "{closed}");
    let board = nurse.get(&format!("/clinic?school={school}")).await.text();
    assert!(board.contains(&format!("href=\"{address}\"")), "{board}");
    // The operation reads no more than it tells.
    let told = office.get(&format!("/api/v1{address}")).await.json();
    let told: Vec<&String> = told.as_object().unwrap().keys().collect();
    let said =
        ["arrived_at", "by", "day", "homeroom", "id", "left_at", "periods", "school", "student", "student_number"];
    assert_eq!(told, [&said[..], &["timezone", "way"]].concat());

    let aide = app.session("larkspur", tenant, "health_aide").await;
    assert_eq!(aide.get(&address).await.status, StatusCode::NOT_FOUND, "an aide of another school");
    in_unit(&app, tenant, &unit).await;
    assert!(pass(&aide, &address).await.contains("Stays with school staff"));

    let version = office.get(&format!("/api/v1{visit}")).await.json()["row_version"].as_i64().unwrap();
    let back = json!({"status": "VOIDED", "amended_reason": "Another student"});
    let told = office.patch(&format!("/api/v1{visit}"), i32::try_from(version).unwrap(), &back).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    assert_eq!(nurse.get(&address).await.status, StatusCode::CONFLICT, "nothing is signed for what did not happen");
}
