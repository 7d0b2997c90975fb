//! Immunization as a nurse meets it in a browser: what to do when no schedule is there, a school judged, a student found
//! among those who lack doses, the reason of each verdict, and an exemption from its form to its approval.

use hyper::StatusCode;
use salus_core::Ctx;
use salus_domains::{
    demo::{self, Size},
    school::immunization::import_schedule,
};
use salus_testkit::{Caller, TestApp};
use std::{fs, path::Path};
use uuid::Uuid;

pub async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

pub async fn import(app: &TestApp, tenant: Uuid) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cdsi/supporting-data-4.64/XML");
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|e| panic!("the reference data are missing: {}: {e}", folder.display()));
    let paths = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "xml"));
    let files: Vec<(String, Vec<u8>)> =
        paths.map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(p).unwrap())).collect();
    let mut tx = app.db.begin(Ctx::operator(app.db.env(), tenant), false).await.unwrap();
    import_schedule(&mut tx, &files, "ACIP_CDC", "4.64").await.unwrap();
    tx.commit("school.schedule.import", "school.schedule_releases").await.unwrap();
}

/// The addresses of a page's links that begin so.
pub fn links<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    let all = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    all.filter(|href| href.starts_with(start)).collect()
}

#[tokio::test]
async fn a_nurse_sees_who_lacks_doses_and_why_and_approves_an_exemption() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    let before = nurse.get("/immunizations").await.text();
    assert!(
        before.contains("No vaccination schedule is in use") && before.contains("salus immunization import-schedule")
    );
    assert!(before.contains("href=\"/immunizations\""), "the navigation leads there");

    import(&app, tenant).await;
    let page = nurse.get("/immunizations").await.text();
    assert!(page.contains("Judged by CDC (ACIP) 4.64") && page.contains("Larkspur Elementary"), "{page}");
    let school = links(&page, "/immunizations/students?school=")[0].replace("&amp;", "&");
    let id = school.split("school=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let csrf = token(&nurse, "/immunizations").await;
    let judged = nurse.submit("/immunizations/evaluate", &[("_csrf", &csrf), ("school", &id)]).await;
    assert_eq!(judged.status, StatusCode::SEE_OTHER, "{}", judged.text());
    assert_eq!(judged.header("location"), "/immunizations?judged=30");
    assert!(nurse.get("/immunizations?judged=30").await.text().contains("30 students were judged"));

    let overdue = nurse.get(&format!("/immunizations/students?school={id}&kind=overdue")).await.text();
    let all = nurse.get(&format!("/immunizations/students?school={id}&kind=")).await.text();
    let cards =
        |page| links(page, "/students/").into_iter().filter(|a| a.ends_with("/immunizations")).collect::<Vec<_>>();
    let students = cards(&all);
    assert_eq!(students.len(), 30);
    let late = cards(&overdue);
    assert!(!late.is_empty() && late.len() < 30, "{} lack doses", late.len());
    let address = late[0];
    let student = nurse.get(address).await.text();
    for shown in ["Doses are missing", "Judged by CDC (ACIP) 4.64", "against Measles", "more needed", "What is next"] {
        assert!(student.contains(shown), "{shown}");
    }

    remind(&nurse, &id, &csrf).await;
    write_down(&nurse, address, &csrf).await;
    exempt(&nurse, address, &csrf).await;
    let list = nurse.get(&format!("/immunizations/students?school={id}&kind=exempt")).await.text();
    assert!(links(&list, address).len() == 1, "the list knows of it at once");

    let api = app.key(tenant, "nurse_supervisor").await;
    let dashboard = api.get(&format!("/api/v1/immunizations/dashboard?school_id={id}")).await.json();
    let here = &dashboard["schools"][0];
    assert_eq!((here["enrolled"].as_u64(), here["not_evaluated"].as_u64()), (Some(30), Some(0)));
    assert!(here["compliance_score"].as_f64().unwrap() > 50.0, "{here}");
    // Who has no permission is refused, and does not see the page in the navigation.
    let office = app.session("larkspur", tenant, "sis_coordinator").await;
    assert_eq!(office.get("/immunizations").await.status, StatusCode::FORBIDDEN);
    assert!(!office.get("/").await.text().contains("href=\"/immunizations\""));
}

/// Looks at what reminders would be sent, arranges them, and calls them off.
async fn remind(nurse: &Caller, school: &str, csrf: &str) {
    let address = format!("/immunizations/reminders?school={school}");
    assert!(
        nurse.get(&format!("/immunizations/students?school={school}")).await.text().contains(&address),
        "the list leads there"
    );
    let page = nurse.get(&address).await.text();
    for shown in [
        "families would be told",
        "a health record notice waits",
        "Arrange these reminders",
        "No reminder was arranged",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let fields = |action| [("_csrf", csrf), ("school", school), ("action", action)];
    assert_eq!(nurse.submit("/immunizations/reminders", &fields("create")).await.status, StatusCode::SEE_OTHER);
    let page = nurse.get(&address).await.text();
    assert!(
        page.contains("Waits for its day") && page.contains("Call off what waits") && !page.contains("Arrange these"),
        "{page}"
    );
    assert_eq!(nurse.submit("/immunizations/reminders", &fields("cancel")).await.status, StatusCode::SEE_OTHER);
    assert!(nurse.get(&address).await.text().contains("Called off"));
    assert_eq!(
        nurse.submit("/immunizations/reminders", &fields("shout")).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(nurse.get("/immunizations/reminders?school=nowhere").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Writes down a dose from a card, wrongly and rightly, corrects it and takes it back.
async fn write_down(nurse: &Caller, address: &str, csrf: &str) {
    let wrong = [("_csrf", csrf), ("cvx", "03"), ("given_on", "14/09/2024"), ("lot", "K123")];
    let refused = nurse.submit(address, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("Is a day such as 2024-09-14") && refused.text().contains("value=\"K123\""));
    let right = [("_csrf", csrf), ("cvx", "115"), ("given_on", "2025-12-01"), ("information_source", "03")];
    assert_eq!(nurse.submit(address, &right).await.status, StatusCode::SEE_OTHER);
    let again = nurse.submit(address, &right).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("already"));
    let page = nurse.get(address).await.text();
    let of = |page: &str, verb: &str| -> Vec<String> {
        let forms = page.split("action=\"").map(|rest| rest.split('"').next().unwrap().to_owned());
        forms.filter(|a| a.ends_with(verb)).collect()
    };
    // The newest dose stands first.
    let (correct, error) = (of(&page, "/correct")[0].clone(), of(&page, "/error")[0].clone());
    let fields = [("_csrf", csrf), ("cvx", "115"), ("given_on", "2025-12")];
    assert_eq!(nurse.submit(&correct, &fields).await.status, StatusCode::SEE_OTHER);
    assert!(nurse.get(address).await.text().contains("value=\"2025-12\""), "as much of the day as is known");
    let taken = nurse.submit(&error, &[("_csrf", csrf), ("entered_in_error_reason", "of a sibling")]).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER);
    assert_eq!(of(&nurse.get(address).await.text(), "/error").len(), of(&page, "/error").len() - 1);
    assert_eq!(
        nurse.submit(&error, &[("_csrf", csrf), ("entered_in_error_reason", "x")]).await.status,
        StatusCode::CONFLICT
    );
    let unknown = nurse.submit(&error.replace("/error", "/vanish"), &[("_csrf", csrf)]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

/// Submits an exemption of a student, wrongly and rightly, and approves it.
async fn exempt(nurse: &Caller, address: &str, csrf: &str) {
    // An exemption that the law does not know is refused beside its field, and what was typed stays.
    let exemptions = address.replace("/immunizations", "/exemptions");
    let fields = [("_csrf", csrf), ("kind", "PERSONAL"), ("issuer", "A parent"), ("valid_from", "2026-01-10")];
    let refused = nurse.submit(&exemptions, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("accepts this kind of exemption") && refused.text().contains("A parent"));
    let fields = [
        ("_csrf", csrf),
        ("kind", "MEDICAL_PERMANENT"),
        ("issuer", "Dr. Invented"),
        ("number", "XX-17"),
        ("valid_from", "2026-01-10"),
    ];
    assert_eq!(nurse.submit(&exemptions, &fields).await.status, StatusCode::SEE_OTHER);
    let page = nurse.get(address).await.text();
    assert!(page.contains("Submitted") && page.contains("XX-17") && page.contains("Doses are missing"));
    let approve = page.split("action=\"").map(|rest| rest.split('"').next().unwrap()).find(|a| a.ends_with("/approve"));
    let approve = approve.unwrap().to_owned();
    assert_eq!(nurse.submit(&approve, &[("_csrf", csrf)]).await.status, StatusCode::SEE_OTHER);
    let page = nurse.get(address).await.text();
    assert!(page.contains("Approved") && page.contains("Medical exemption"), "{page}");
    let again = nurse.submit(&approve, &[("_csrf", csrf)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text().contains("This exemption is APPROVED"));
}
