//! Outbreaks as a district meets them in a browser: the signal of the demonstration, its page with curve, clusters and cases, the steps of
//! its life, a rule that is confirmed, and the report that names nobody without a legal basis.

use hyper::StatusCode;
use salus_domains::demo::{self, Size};
use salus_testkit::{Caller, TestApp};

async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn after<'a>(page: &'a str, start: &str) -> &'a str {
    page.split(start).nth(1).unwrap_or_else(|| panic!("no {start} in {page}")).split('"').next().unwrap()
}

#[tokio::test]
async fn a_supervisor_finds_the_class_goes_through_its_life_and_reports_it() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let lead = app.session("larkspur", tenant, "nurse_supervisor").await;
    let page = lead.get("/outbreaks").await.text();
    for shown in [
        "OB-",
        "Vomiting or diarrhea",
        "Room 1 · Larkspur Elementary",
        "Hard rule",
        "not confirmed",
        "New signal",
        "alerts per 100 school days",
        "Measles",
        "Look now",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let address = format!("/outbreaks/{}", after(&page, "href=\"/outbreaks/"));
    let one = lead.get(&address).await.text();
    for shown in [
        "Epidemic curve",
        "class=\"bar\"",
        "class=\"limit\"",
        "Where the cases stand together",
        "Room 1",
        "Begin the review",
        "Clean the room",
        "Vomiting, Stomach ache",
        "Suspected",
    ] {
        assert!(one.contains(shown), "{shown}");
    }
    let csrf = token(&lead, &address).await;
    decided(&lead, &address, (&one, &csrf)).await;
    let step = async |fields: &[(&str, &str)]| {
        let page = lead.get(&address).await.text();
        let version = after(&page, "name=\"version\" value=\"").to_owned();
        let mut all = vec![("_csrf", csrf.as_str()), ("version", &version)];
        all.extend_from_slice(fields);
        lead.submit(&format!("{address}/state"), &all).await
    };
    assert_eq!(step(&[("state", "UNDER_REVIEW")]).await.status, StatusCode::SEE_OTHER);
    let refused = step(&[("state", "DISMISSED")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("Say why: DUPLICATE"), "{}", refused.text());
    let wrong = step(&[("state", "CLOSED")]).await;
    assert_eq!(wrong.status, StatusCode::CONFLICT);
    assert_eq!(step(&[("state", "CLUSTER")]).await.status, StatusCode::SEE_OTHER);
    let page = lead.get(&address).await.text();
    assert!(page.contains("Declare an outbreak") && page.contains("Under review"), "what was decided stands there");
    reports(&lead, &address, &csrf).await;

    let board = lead.get("/outbreaks").await.text();
    let rule =
        board.split("action=\"").map(|rest| rest.split('"').next().unwrap()).find(|a| a.ends_with("/confirm")).unwrap();
    let confirmed = lead.submit(rule, &[("_csrf", &csrf)]).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
    assert!(lead.get("/outbreaks").await.text().contains("Confirmed"));
    absences(&app, &lead, &csrf).await;
    let asked = lead.submit("/outbreaks/detect", &[("_csrf", &csrf)]).await;
    assert_eq!((asked.status, asked.header("location")), (StatusCode::SEE_OTHER, "/outbreaks?asked=1"));
}

/// What a case is, by who looked into it: with a reason, and one that is ruled out is none any more.
async fn decided(lead: &Caller, address: &str, (one, csrf): (&str, &str)) {
    let options = one.split("name=\"case\"").nth(1).unwrap().split("value=\"").skip(1);
    let case = options.map(|rest| rest.split('"').next().unwrap()).find(|value| value.len() == 36).unwrap().to_owned();
    let decide = async |class: &str, why: &str| {
        let all = [("_csrf", csrf), ("case", &case), ("case_class", class), ("decision", why)];
        lead.submit(&format!("{address}/case"), &all).await
    };
    assert_eq!(decide("RULED_OUT", "").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = decide("RULED_OUT", "Ate too much").await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, format!("{address}#cases").as_str()));
    assert!(!lead.get(address).await.text().contains(&case), "no case any more");
    assert_eq!(decide("CONFIRMED", "Another child vomited too").await.status, StatusCode::SEE_OTHER);
    assert!(lead.get(address).await.text().contains("Confirmed"));
}

/// How many are absent, written down on the page.
async fn absences(app: &TestApp, lead: &Caller, csrf: &str) {
    let page = lead.get("/outbreaks").await.text();
    assert!(page.contains("Nothing was written down in the last four weeks"));
    let choices = page.split("name=\"school\"").nth(1).unwrap().split("<option value=\"");
    let school = choices.map(|rest| rest.split('"').next().unwrap()).find(|id| id.len() == 36).unwrap().to_owned();
    let admin = app.database.connect("salus_admin").await;
    let day = "SELECT max(day)::text FROM school.calendar_days WHERE is_instructional AND day < current_date";
    let day: String = admin.query_one(day, &[]).await.unwrap().get(0);
    let send = async |fields: &[(&str, &str)]| {
        let mut all = vec![("_csrf", csrf), ("school", school.as_str()), ("day", day.as_str())];
        all.extend_from_slice(fields);
        lead.submit("/outbreaks/absences", &all).await
    };
    let wrong = send(&[("absent", "many")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("Is a whole number") && wrong.text().contains("value=\"many\""), "{}", wrong.text());
    let wrong = send(&[("absent", "99"), ("enrolled", "20")]).await;
    assert!(wrong.text().contains("Is 0 to 20, those who are enrolled"), "{}", wrong.text());
    assert_eq!(send(&[("absent", "7"), ("enrolled", "20")]).await.status, StatusCode::SEE_OTHER);
    assert!(lead.get("/outbreaks").await.text().contains("7 of 20"));
}

async fn reports(lead: &Caller, address: &str, csrf: &str) {
    let report = async |fields: &[(&str, &str)]| {
        let mut all = vec![("_csrf", csrf)];
        all.extend_from_slice(fields);
        lead.submit(&format!("{address}/report"), &all).await
    };
    let plain = report(&[("format", "list_csv")]).await;
    assert_eq!((plain.status, plain.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert!(
        plain.header("content-disposition").ends_with("-cases.csv\"") && plain.header("cache-control") == "no-store"
    );
    let text = plain.text();
    assert!(text.starts_with("row,age,grade,onset_on,symptoms") && text.lines().count() == 8, "seven cases: {text}");
    let document = report(&[("format", "pdf"), ("measures", "The room was cleaned")]).await;
    assert_eq!((document.status, document.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert!(document.body.starts_with(b"%PDF-") && document.header("content-disposition").contains("filename=\"OB-"));
    let refused = report(&[("format", "list_csv"), ("identified", "true"), ("recipient", "An invented county")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("needs its legal basis") && refused.text().contains("An invented county"));
    let fields = [
        ("format", "list_csv"),
        ("identified", "true"),
        ("recipient", "An invented county"),
        ("basis", "STATE_REPORTING_LAW"),
        ("basis_text", "An invented law"),
    ];
    let named = report(&fields).await;
    let text = named.text();
    let has_name = |line: &str| line.split(',').nth(7).is_some_and(|name| !name.is_empty());
    assert!(text.lines().count() == 8 && text.lines().skip(1).all(has_name), "{text}");
    let book = report(&[("format", "list_xlsx")]).await;
    assert_eq!(book.header("content-type"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let letters = lead.submit(&format!("{address}/letters"), &[("_csrf", csrf), ("signed", "The nurse")]).await;
    assert_eq!((letters.status, letters.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert!(lead.get(address).await.text().contains("Made last, classes: 1 ("), "it stands on the page");
    assert!(book.body.starts_with(b"PK") && book.header("content-disposition").ends_with("-cases.xlsx\""));
}

#[tokio::test]
async fn a_nurse_sees_and_does_not_decide_and_others_see_nothing() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let nurse = app.session("larkspur", tenant, "school_nurse").await;
    let page = nurse.get("/outbreaks").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("href=\"/outbreaks\"") && !page.text().contains("Look now"));
    for method in ["Space-time scan", "Noufaily", "Too little history"] {
        assert!(page.text().contains(method), "{method}");
    }
    let office = app.session("larkspur", tenant, "sis_coordinator").await;
    assert_eq!(office.get("/outbreaks").await.status, StatusCode::FORBIDDEN);
    assert!(!office.get("/").await.text().contains("href=\"/outbreaks\""));
}
