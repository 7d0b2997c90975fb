//! The tablet at the clinic's door: its session reaches one page and one operation, and the page shows nothing of anybody but the first
//! letter of a name, for ten seconds.

use crate::pass::{in_unit, student};
use hyper::{Method, StatusCode};
use salus_core::Env;
use salus_domains::demo::{self, Size};
use salus_testkit::{Caller, TestApp};
use salus_web::http::Limits;
use time::macros::datetime;
use uuid::Uuid;

fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    html.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .unwrap_or_else(|| panic!("no {name} in {html}"))
        .split('"')
        .next()
        .unwrap()
}

/// A tablet at a school, and a student who is not in its clinic.
struct Door {
    app: TestApp,
    tenant: Uuid,
    school: String,
    tablet: Caller,
    /// Patient, number, family name, given names and date of birth.
    student: [String; 5],
}

impl Door {
    async fn new() -> Self {
        let app = TestApp::with(Limits::default(), Env::fixed(datetime!(2027-03-01 19:00 UTC))).await;
        let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
        let [patient, school, unit] = student(&app).await;
        let office = app.key(tenant, app.role_of_everything(tenant).await).await;
        let address = format!("/api/v1/school/students?patient_id={patient}&fields=student_number");
        let number = office.get(&address).await.json()["data"][0]["student_number"].as_str().unwrap().to_owned();
        let person = office.get(&format!("/api/v1/medical/patients/{patient}")).await.json();
        let [family, given, born] =
            ["family_name", "given_names", "birth_date"].map(|name| person[name].as_str().unwrap().to_owned());
        let tablet = app.session("larkspur", tenant, "kiosk").await;
        in_unit(&app, tenant, &unit).await;
        Self { app, tenant, school, tablet, student: [patient, number, family, given, born] }
    }

    /// The page says nothing of the student.
    fn silent(&self, page: &str) {
        for word in &self.student {
            assert!(!page.contains(word), "{word}: {page}");
        }
    }
}

#[tokio::test]
async fn a_tablet_reaches_its_page_and_nothing_else() {
    let d = Door::new().await;
    for page in ["/", "/clinic", "/patients", "/account", "/browse", "/medications"] {
        let told = d.tablet.get(page).await;
        assert_eq!((told.status, told.header("location")), (StatusCode::SEE_OTHER, "/kiosk"), "{page}");
    }
    for read in ["clinic/board", "clinic/visits", "school/students", "medical/patients", "school/medication-orders"] {
        assert_eq!(d.tablet.get(&format!("/api/v1/{read}")).await.status, StatusCode::FORBIDDEN, "{read}");
    }
    let page = d.tablet.get("/kiosk").await.text();
    let begins = page.contains("data-idle=\"/kiosk\"") && !page.contains("data-begun");
    assert!(page.contains("Who are you?") && begins, "{page}");
    assert!(!page.contains("class=\"side\"") && !page.contains("href=\"/\""), "nothing leads away: {page}");
    let spanish = d.tablet.send(Method::GET, "/kiosk", &[("accept-language", "es")], None).await.text();
    assert!(spanish.contains("¿Quién eres?"), "{spanish}");
    let nurse = d.app.session("larkspur", d.tenant, "nurse_supervisor").await;
    assert_eq!(nurse.get("/kiosk").await.status, StatusCode::OK, "a nurse may look at it");
    let office = d.app.session("larkspur", d.tenant, "sis_coordinator").await;
    assert_eq!(office.get("/kiosk").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_student_is_on_the_list_and_the_tablet_shows_nothing_of_anybody() {
    let d = Door::new().await;
    let [_, number, family, given, born] = &d.student;
    let csrf = hidden(&d.tablet.get("/kiosk").await.text(), "_csrf").to_owned();
    let send =
        async |fields: &[(&str, &str)]| d.tablet.submit("/kiosk", &[&[("_csrf", &*csrf)], fields].concat()).await;
    let (month, day) = (&born[5..7], &born[8..10]);
    let wrong = if month == "01" { "02" } else { "01" };
    for nobody in [
        vec![("badge", "999999")],
        vec![("name", &**family), ("month", wrong), ("day", day)],
        vec![("who", "forged"), ("reason", "HEADACHE")],
    ] {
        let told = send(&nobody).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{}", told.text());
        assert!(told.text().contains("Not found. Try again") && !told.text().contains("999999"), "{}", told.text());
        d.silent(&told.text());
    }
    let found =
        send(&[("name", &format!("{given} {family}")), ("month", month.trim_start_matches('0')), ("day", day)]).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    let found = found.text();
    d.silent(&found);
    assert!(
        found.contains("Why did you come?") && found.contains("data-begun") && !found.contains("enstrual"),
        "{found}"
    );
    let chosen = [("who", hidden(&found, "who")), ("client_ref", hidden(&found, "client_ref")), ("reason", "HEADACHE")];
    let listed = send(&chosen).await;
    assert_eq!((listed.status, listed.header("refresh")), (StatusCode::OK, "10;url=/kiosk"), "{}", listed.text());
    d.silent(&listed.text());
    assert!(
        listed.text().contains("You are on the list<") && listed.text().contains("class=\"initial\""),
        "{}",
        listed.text()
    );
    let again = send(&[("badge", number)]).await.text();
    assert!(again.contains("You are on the list already"), "{again}");

    let nurse = d.app.session("larkspur", d.tenant, "nurse_supervisor").await;
    let board = nurse.get(&format!("/clinic?school={}", d.school)).await.text();
    let waiting = board.split("id=\"waiting\"").nth(1).unwrap().split("id=\"seen\"").next().unwrap();
    assert!(waiting.contains(family) && waiting.contains("Headache"), "{waiting}");
}
