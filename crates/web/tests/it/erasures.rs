//! The page of erasures, as two privacy officers use it.

use hyper::StatusCode;
use salus_store::erase::Ledger;
use salus_testkit::{Caller, TestApp};
use serde_json::json;

async fn token(caller: &Caller) -> String {
    let page = caller.get("/erasures").await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn two_owners_erase_a_person_on_the_page_and_one_alone_does_not() {
    let app = TestApp::new().await;
    let ledger = std::env::temp_dir().join(format!("salus-page-{}", app.database.name()));
    app.db.keep_erasures(Ledger::new(ledger.clone()));
    let doctor = app.key(app.valley, "DOCTOR").await;
    let person =
        doctor.get("/api/v1/medical/patients?limit=1").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let (one, two) =
        (app.session("valley", app.valley, "OWNER").await, app.session("valley", app.valley, "OWNER").await);
    let (csrf, other) = (token(&one).await, token(&two).await);
    let wrong = one.submit("/erasures", &[("_csrf", &csrf), ("person_id", "Ana"), ("reason", "legal_order")]).await;
    assert!(wrong.status == StatusCode::OK && wrong.text().contains("Is the number of a patient"), "{}", wrong.text());
    let fields =
        [("_csrf", csrf.as_str()), ("person_id", &person), ("reason", "subject_request"), ("note", "A letter")];
    assert_eq!(one.submit("/erasures", &fields).await.status, StatusCode::SEE_OTHER);
    let again = one.submit("/erasures", &fields).await.text();
    assert!(again.contains("waits for another person already"), "{again}");
    let page = one.get("/erasures").await.text();
    assert!(page.contains("You asked for this") && !page.contains("/confirm\""), "no button for who asked");
    let page = two.get("/erasures").await.text();
    assert!(page.contains("A letter") && page.contains(&person));
    let id = page.split("/erasures/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let (confirm, field) = (format!("/erasures/{id}/confirm"), format!("confirm-{id}"));
    let alone = one.submit(&confirm, &[("_csrf", &csrf), (&field, &person)]).await.text();
    assert!(alone.contains("You asked for this: another person decides it"), "{alone}");
    let mistyped = two.submit(&confirm, &[("_csrf", &other), (&field, "someone")]).await.text();
    assert!(mistyped.contains("Repeats the id of the person"), "{mistyped}");
    assert!(!ledger.exists(), "nobody was erased yet");
    let done = two.submit(&confirm, &[("_csrf", &other), (&field, &person)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert!(std::fs::read_to_string(&ledger).unwrap().contains(&person));
    let read = doctor.get(&format!("/api/v1/medical/patients/{person}")).await.json();
    assert_eq!(read["family_name"], json!(null));
    let page = two.get("/erasures").await.text();
    let certificate = page.split("href=\"/erasures/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let shown = two.get(&format!("/erasures/{certificate}")).await;
    assert!(
        shown.status == StatusCode::OK && shown.text().contains("Other tools take the backups"),
        "{}",
        shown.text()
    );
    std::fs::remove_file(ledger).unwrap();
}

#[tokio::test]
async fn who_may_not_erase_has_no_page_of_it() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/erasures").await.status, StatusCode::FORBIDDEN);
    assert!(!doctor.get("/").await.text().contains("href=\"/erasures\""));
}
