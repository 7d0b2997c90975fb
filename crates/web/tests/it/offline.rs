//! Visits that a browser kept while there was no connection (specification 5.2): fifty come once each however often they are sent,
//! only for who kept them, and what is refused is told with what was written down. The browser's own part is in `live.mjs`.

use crate::nurse::role;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use hyper::StatusCode;
use salus_core::Env;
use salus_domains::demo::{self, Size};
use salus_testkit::{Answer, Caller, TestApp};
use salus_web::http::Limits;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

/// What today's clinic gives a browser.
struct Device {
    key: Vec<u8>,
    handle: String,
    csrf: String,
}

fn attribute(page: &str, start: &str) -> String {
    page.split(start).nth(1).unwrap_or_else(|| panic!("no {start} in {page}")).split('"').next().unwrap().to_owned()
}

impl Device {
    async fn of(nurse: &Caller) -> Self {
        let page = nurse.get("/clinic").await.text();
        Self {
            key: URL_SAFE_NO_PAD.decode(attribute(&page, "data-keeping=\"")).unwrap(),
            handle: attribute(&page, "data-handle=\""),
            csrf: attribute(&page, "name=\"_csrf\" value=\""),
        }
    }

    /// As `salus-offline.js` seals.
    fn seal(&self, visit: &Value, reference: &str) -> String {
        let own = PrivateKey::generate(&ECDH_P256).unwrap();
        let both = agree(&own, UnparsedPublicKey::new(&ECDH_P256, &self.key), (), |s| Ok(s.to_vec())).unwrap();
        let made = Salt::new(HKDF_SHA256, &[]).extract(&both);
        let key = UnboundKey::from(made.expand(&[b"salus clinic offline v1"], &AES_256_GCM).unwrap());
        let mut bytes = format!("{:768}", visit.to_string()).into_bytes();
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(reference), &mut bytes).unwrap();
        URL_SAFE_NO_PAD.encode([own.compute_public_key().unwrap().as_ref(), &bytes].concat())
    }

    async fn send(&self, nurse: &Caller, reference: &str, sealed: &str) -> Answer {
        let fields = [("_csrf", &*self.csrf), ("client_ref", reference), ("handle", &self.handle), ("sealed", sealed)];
        nurse.submit("/clinic/kept", &fields).await
    }
}

/// What is written down of one who came with a headache.
fn visit((school, number): &(String, String), came: &str, left: Option<&str>) -> Value {
    json!({"school": school, "student_number": number, "reason": "HEADACHE", "came_at": came, "left_at": left})
}

async fn district(now: time::OffsetDateTime) -> (TestApp, Uuid) {
    let app = TestApp::with(Limits::default(), Env::fixed(now)).await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    (app, tenant)
}

/// School and number of students who were not in the clinic today.
async fn students(app: &TestApp, tenant: Uuid) -> Vec<(String, String)> {
    let admin = app.database.connect("salus_admin").await;
    let sql = "SELECT DISTINCT student_id::text FROM school.clinic_visits WHERE check_in_at > '2027-03-01'";
    let seen: Vec<String> = admin.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let office = app.key(tenant, app.role_of_everything(tenant).await).await;
    let path =
        "/api/v1/school/students?enrollment_status=ENROLLED&limit=200&fields=patient_id,school_id,student_number";
    let told = office.get(path).await.json();
    let students = told["data"].as_array().unwrap().iter();
    let absent = students.filter(|s| !seen.iter().any(|id| s["patient_id"] == **id));
    let word = |s: &Value, name: &str| s[name].as_str().unwrap().to_owned();
    absent.map(|s| (word(s, "school_id"), word(s, "student_number"))).collect()
}

async fn visits(app: &TestApp) -> i64 {
    let admin = app.database.connect("salus_admin").await;
    admin.query_one("SELECT count(*) FROM school.clinic_visits", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn fifty_visits_that_were_kept_come_once_each() {
    let (app, tenant) = district(datetime!(2027-03-01 19:00 UTC)).await;
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    let device = Device::of(&nurse).await;
    let students = students(&app, tenant).await;
    let kept: Vec<(String, String)> = students[..50]
        .iter()
        .enumerate()
        .map(|(n, student)| {
            let reference = Uuid::from_u128(n as u128 + 1).to_string();
            let left = (n % 2 == 0).then_some("2027-03-01T17:40:00.000Z");
            (reference.clone(), device.seal(&visit(student, "2027-03-01T17:20:00.000Z", left), &reference))
        })
        .collect();
    let before = visits(&app).await;
    // Twice at the same time, and once more.
    let twice = kept.iter().chain(&kept).map(|(reference, sealed)| device.send(&nurse, reference, sealed));
    for answer in join_all(twice).await {
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"sent": true})), "{}", answer.text());
    }
    assert_eq!(device.send(&nurse, &kept[0].0, &kept[0].1).await.json(), json!({"sent": true}));
    assert_eq!(visits(&app).await - before, 50);
    let admin = app.database.connect("salus_admin").await;
    let sql = "SELECT count(*) FILTER (WHERE status = 'CLOSED' AND disposition = 'RETURN_TO_CLASS'), count(*) FILTER (WHERE status = 'OPEN') \
               FROM school.clinic_visits WHERE client_ref IS NOT NULL AND check_in_at = '2027-03-01T17:20:00Z'";
    let row = admin.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (25, 25), "who went back to class has left");
}

#[tokio::test]
async fn a_kept_visit_is_opened_for_who_kept_it_and_refused_in_words() {
    let (app, tenant) = district(datetime!(2027-03-01 19:00 UTC)).await;
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    let device = Device::of(&nurse).await;
    let student = students(&app, tenant).await.swap_remove(0);
    let (one, other) = (Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string());
    let sealed = device.seal(&visit(&student, "2027-03-01T17:20:00.000Z", None), &one);
    let before = visits(&app).await;

    let refused = async |caller: &Caller, device: &Device, reference: &str, sealed: &str, why: &str| {
        let answer = device.send(caller, reference, sealed).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
        let told = answer.json();
        assert!(told["said"].as_str().unwrap().contains(why), "{why}: {told}");
        told
    };
    refused(&nurse, &device, &other, &sealed, "was changed").await;
    let mut changed = sealed.clone();
    changed.replace_range(120..121, if &sealed[120..121] == "A" { "B" } else { "A" });
    for wrong in [&*changed, "", "AAAA", "no base64!"] {
        assert!(refused(&nurse, &device, &one, wrong, "was changed").await.get("student_number").is_none());
    }
    role(&app, tenant, "second_nurse", &["school.*.*", "medical.*.*", "records.*.*"]).await;
    let second = app.session("larkspur", tenant, "second_nurse").await;
    let theirs =
        Device { csrf: Device::of(&second).await.csrf, handle: device.handle.clone(), ..Device::of(&nurse).await };
    refused(&second, &theirs, &one, &sealed, "somebody else").await;
    let told = refused(
        &nurse,
        &device,
        &one,
        &device.seal(&visit(&(student.0.clone(), "999999".into()), "2027-03-01T17:20:00.000Z", None), &one),
        "No student of this school",
    )
    .await;
    assert_eq!((&told["student_number"], &told["came_at"]), (&json!("999999"), &json!("2027-03-01T17:20:00.000Z")));
    let later = device.seal(&visit(&student, "2027-03-01T21:00:00.000Z", None), &one);
    refused(&nurse, &device, &one, &later, "future").await;
    assert_eq!(visits(&app).await, before, "nothing of it was recorded");

    assert_eq!(device.send(&nurse, &one, &sealed).await.json(), json!({"sent": true}));
    assert_eq!(visits(&app).await, before + 1);
    let page = app.stranger().get("/clinic/offline").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains("Larkspur"), "the page that is kept holds nothing of anybody");
}
