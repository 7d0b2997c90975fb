//! The medication round and the register as nurses meet them, over the demonstration district at eleven in the morning.

use hyper::StatusCode;
use salus_core::Env;
use salus_domains::demo::{self, Size};
use salus_testkit::{Caller, TestApp};
use salus_web::http::Limits;
use time::macros::datetime;
use uuid::Uuid;

struct District {
    app: TestApp,
    id: Uuid,
    nurse: Caller,
    csrf: String,
}

async fn token(caller: &Caller) -> String {
    let page = caller.get("/medications").await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The value of a hidden field.
fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    html.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap()
}

impl District {
    async fn new() -> Self {
        // Later than the clock of the database, by which roles are given.
        let app = TestApp::with(Limits::default(), Env::fixed(datetime!(2027-03-01 19:00 UTC))).await;
        let id = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
        let nurse = app.session("larkspur", id, "nurse_supervisor").await;
        let csrf = token(&nurse).await;
        Self { app, id, nurse, csrf }
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.nurse.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.text()
    }

    /// The dose to be given that shows this.
    async fn dose(&self, holds: &str) -> String {
        let page = self.page("/medications").await;
        let open = page.split("id=\"done\"").next().unwrap();
        let found = open.split("<article").skip(1).find(|dose| dose.contains(holds));
        found.unwrap_or_else(|| panic!("no dose holds {holds}: {open}")).to_owned()
    }

    async fn give(&self, dose: &str, outcome: &str, reason: &str) -> (StatusCode, String) {
        let id = hidden(dose, "dose");
        let why = format!("reason-{id}");
        let fields = [
            ("_csrf", self.csrf.as_str()),
            ("dose", id),
            ("school", hidden(dose, "school")),
            ("order_id", hidden(dose, "order_id")),
            ("scheduled_for", hidden(dose, "scheduled_for")),
            ("client_ref", hidden(dose, "client_ref")),
            ("scanned", hidden(dose, "scanned")),
            ("outcome", outcome),
            (&why, reason),
        ];
        let answer = self.nurse.submit("/medications/give", &fields).await;
        (answer.status, answer.text())
    }
}

#[tokio::test]
async fn a_dose_is_given_by_one_tap_and_a_late_one_with_a_reason() {
    let d = District::new().await;
    let due = d.dose("Cetirizine").await;
    for unknown in ["REFUSD", ""] {
        assert_eq!(
            d.give(&due, unknown, "x").await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "no dose is given by {unknown}"
        );
    }
    for right in ["Student", "Medicine", "Dose", "Route", "Time"] {
        assert!(due.contains(&format!("<dt>{right}</dt>")), "{right}: {due}");
    }
    assert_eq!(d.give(&due, "GIVEN", "").await.0, StatusCode::SEE_OTHER);
    assert_eq!(d.give(&due, "GIVEN", "").await.0, StatusCode::SEE_OTHER, "sent twice, it is one dose");
    let late = d.dose("Amoxicillin").await;
    let (status, page) = d.give(&late, "GIVEN", "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Say why it is given more than 30 minutes from its time"), "{page}");
    assert_eq!(d.give(&late, "GIVEN", "Fire drill").await.0, StatusCode::SEE_OTHER);
    let later = d.dose("Levetiracetam").await;
    assert!(later.contains("Why it is given early"));
    assert_eq!(d.give(&later, "REFUSED", "").await.0, StatusCode::UNPROCESSABLE_ENTITY, "a refusal has a reason");
    assert_eq!(d.give(&later, "REFUSED", "Feels sick").await.0, StatusCode::SEE_OTHER);

    let page = d.page("/medications").await;
    let done = page.split("id=\"done\"").nth(1).unwrap();
    assert!(done.contains("Refused") && done.matches("Cetirizine").count() >= 1, "{done}");
    let row = done.split("<tr").find(|row| row.contains("Cetirizine")).unwrap();
    let address = row.split("href=\"/medications/doses/").nth(1).unwrap().split('"').next().unwrap();
    let address = format!("/medications/doses/{address}");
    let fields = [("_csrf", d.csrf.as_str()), ("reason", "")];
    let told = d.nurse.submit(&format!("{address}/error"), &fields).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("_csrf", d.csrf.as_str()), ("reason", "Wrong button")];
    let told = d.nurse.submit(&format!("{address}/error"), &fields).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let page = d.page(&address).await;
    assert!(page.contains("Not recorded") && page.contains("Wrong button"), "{page}");
    assert!(d.dose("Cetirizine").await.contains("Corrected"));
}

#[tokio::test]
async fn an_order_is_drafted_completed_put_in_force_and_stopped() {
    let d = District::new().await;
    let student = d.dose("Cetirizine").await;
    let student = student.split("/medications/students/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let base = format!("/medications/students/{student}");
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let all = [&[("_csrf", d.csrf.as_str())][..], fields].concat();
        let answer = d.nurse.submit(&format!("{base}{path}"), &all).await;
        (answer.status, answer.text())
    };
    let mut draft = vec![
        ("medication", "Loratadine 10 mg"),
        ("kind", "SCHEDULED"),
        ("dose_qty", "0,5"),
        ("dose_unit", "tablet"),
        ("route", "ORAL"),
        ("valid_from", "2027-03-01"),
    ];
    let (status, page) = send("/orders", &draft).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("A scheduled order names its times") && page.contains("Loratadine"), "nothing typed is lost");
    draft.push(("times", "11:15, 13:00"));
    let (status, page) = send("/orders", &draft).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let page = d.page(&base).await;
    let row = page.split("<tr").find(|row| row.contains("Loratadine")).unwrap();
    assert!(
        row.contains("Lacks the prescriber") && row.contains("0.5 tablet") && row.contains("11:15, 13:00"),
        "{row}"
    );
    let order = row.split("/orders/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let (status, page) = send(&format!("/orders/{order}/activate"), &[]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Needs the prescriber&#39;s order") || page.contains("Needs the prescriber's order"));
    let (ordered, consented) = (format!("prescriber_order-{order}"), format!("guardian_consent-{order}"));
    let papers = [(ordered.as_str(), "Binder 3"), (consented.as_str(), "Binder 3"), ("row_version", "1")];
    let (status, page) = send(&format!("/orders/{order}/documents"), &papers).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let (status, page) = send(&format!("/orders/{order}/activate"), &[("row_version", "2")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    assert!(d.dose("Loratadine").await.contains("Due now"), "it is in the round");
    let why = format!("reason-{order}");
    let stop = format!("/orders/{order}/stop");
    assert_eq!(
        send(&stop, &[(&why, "PRESCRIBER"), ("verb", "end")]).await.0,
        StatusCode::NOT_FOUND,
        "nothing by default"
    );
    let (status, page) = send(&stop, &[(&why, "PRESCRIBER"), ("verb", "suspend")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let page = d.page("/medications").await;
    assert!(!page.split("id=\"done\"").next().unwrap().contains("Loratadine"), "a suspended order gives nothing to do");
}

#[tokio::test]
async fn a_count_is_begun_by_one_nurse_and_confirmed_by_another() {
    let d = District::new().await;
    let other = d.app.session("larkspur", d.id, "nurse_supervisor").await;
    let page = d.page("/medications/register").await;
    let supply = page.split("href=\"/medications/register/").nth(1).unwrap().split('"').next().unwrap();
    let address = format!("/medications/register/{supply}");
    let fields = [("_csrf", d.csrf.as_str()), ("found", "28")];
    let told = d.nurse.submit(&format!("{address}/count"), &fields).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    assert!(d.page(&address).await.contains("Waits for a second person"));
    let theirs = other.get(&address).await.text();
    let count = hidden(&theirs, "count").to_owned();
    let csrf = token(&other).await;
    let confirm = async |found: &str| {
        let name = format!("found-{count}");
        other.submit(&format!("{address}/confirm"), &[("_csrf", &csrf), ("count", &count), (&name, found)]).await
    };
    let told = confirm("27").await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text().contains("found different numbers"));
    assert_eq!(confirm("28").await.status, StatusCode::SEE_OTHER);
    let page = d.page(&address).await;
    assert!(page.contains("28 tablet") && page.contains("Counted"), "{page}");
    let witness = page
        .split("name=\"witness_id\"")
        .nth(1)
        .unwrap()
        .split("<option value=\"")
        .find_map(|o| o.split('"').next().filter(|id| id.len() == 36));
    for (verb, what) in [("gone", "lost"), ("burn", "waste")] {
        let fields = [
            ("_csrf", d.csrf.as_str()),
            ("verb", what),
            ("quantity", "1"),
            ("reason", "x"),
            ("witness_id", witness.unwrap()),
        ];
        let told = d.nurse.submit(&format!("{address}/{verb}"), &fields).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{verb} {what}");
    }
    assert!(d.page(&address).await.contains("28 tablet"), "nothing was taken");
}

/// The doses to be given on a page.
fn doses(page: &str) -> Vec<String> {
    let open = page.split("id=\"done\"").next().unwrap();
    open.split("<article").skip(1).map(str::to_owned).collect()
}

fn student_of(dose: &str) -> &str {
    dose.split("/medications/students/").nth(1).unwrap().split('"').next().unwrap()
}

#[tokio::test]
async fn a_dose_says_what_was_scanned_before_it() {
    let d = District::new().await;
    let due = d.dose("Cetirizine").await;
    let (student, order) = (student_of(&due).to_owned(), hidden(&due, "order_id").to_owned());
    let others = doses(&d.page("/medications").await);
    let other = others.iter().find(|dose| student_of(dose) != student).unwrap();
    let office = d.app.key(d.id, d.app.role_of_everything(d.id).await).await;
    let found = office.get(&format!("/api/v1/school/students?patient_id={student}&fields=student_number")).await.json();
    let number = found["data"][0]["student_number"].as_str().unwrap().to_owned();
    let scan = async |code: &str, scanned: &str| {
        let fields = [("_csrf", &*d.csrf), ("school", hidden(&due, "school")), ("scanned", scanned), ("code", code)];
        d.nurse.submit("/medications/scan", &fields).await
    };
    let told = scan(&order, "").await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "a package says nothing before a badge");
    assert!(told.text().contains("Scan the student's badge first"), "{}", told.text());
    let told = scan(&number, "").await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let address = told.header("location").to_owned();
    assert!(!address.contains(&number) && !address.contains(&student), "{address}");
    let page = d.page(&address).await;
    let shown = doses(&page);
    assert!(!shown.is_empty() && shown.iter().all(|dose| student_of(dose) == student), "{page}");
    assert!(shown.iter().all(|dose| dose.matches(">scanned<").count() + dose.matches("scanned</span>").count() > 0));

    let badge = hidden(&shown[0], "scanned").to_owned();
    let told = scan(hidden(other, "order_id"), &badge).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text().contains("none of this student's orders"), "{}", told.text());
    assert_eq!(scan("999999999", &badge).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = other.replace("name=\"scanned\" value=\"", &format!("name=\"scanned\" value=\"{badge}"));
    let (status, page) = d.give(&wrong, "GIVEN", "x").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "the dose of somebody else");
    assert!(page.contains("Is not that of the order"), "{page}");

    let told = scan(&order, &badge).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let shown = doses(&d.page(told.header("location")).await);
    let both = shown.iter().find(|dose| hidden(dose, "order_id") == order).unwrap();
    assert_eq!(d.give(both, "GIVEN", "Fire drill").await.0, StatusCode::SEE_OTHER);
    let admin = d.app.database.connect("salus_admin").await;
    let sql = "SELECT rights FROM school.medication_administrations WHERE order_id = $1::text::uuid AND outcome = 'GIVEN' AND rights <> '{}' \
               ORDER BY administered_at DESC LIMIT 1";
    let rights: serde_json::Value = admin.query_one(sql, &[&order]).await.unwrap().get(0);
    let how = ["student", "medicine", "dose", "time"].map(|right| rights[right].as_str().unwrap().to_owned());
    assert_eq!(how, ["BARCODE", "BARCODE", "EYE", "EYE"], "{rights}");

    // What one person scanned is nothing to another.
    let second = d.app.session("larkspur", d.id, "nurse_supervisor").await;
    let page = second.get(&address).await.text();
    assert!(doses(&page).iter().any(|dose| student_of(dose) != student), "{page}");
}
