//! The patients' search: its answer has an address that says nothing, and only to the one who searched.

use hyper::StatusCode;
use salus_testkit::{Caller, TestApp};

async fn token(caller: &Caller) -> String {
    let page = caller.get("/patients").await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn family_name(doctor: &Caller) -> String {
    let page = doctor.get("/api/v1/medical/patients?limit=1&fields=family_name").await.json();
    page["data"][0]["family_name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_answer_has_an_address_that_says_nothing() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let (csrf, name) = (token(&doctor).await, family_name(&doctor).await);
    let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    let address = sent.header("location").to_owned();
    assert!(address.starts_with("/patients?found="), "{address}");
    let word: String = name.split([' ', '-', '\'']).next().unwrap().to_lowercase();
    assert!(!address.to_lowercase().contains(&word), "{address} holds {word}");
    let again = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    assert_ne!(again.header("location"), address, "two searches for the same cannot be told to be the same");
    let short = doctor.submit("/patients", &[("_csrf", &csrf), ("q", "a")]).await;
    assert_eq!(short.header("location").len(), address.len(), "nor does the length tell");

    for _ in 0..2 {
        let page = doctor.get(&address).await.text();
        let escaped = name.replace('\'', "&#39;");
        assert!(page.contains(&name) || page.contains(&escaped), "{name} is found, and again on reload");
        assert!(!page.contains("search is over"));
    }
}

#[tokio::test]
async fn a_handle_serves_nobody_else() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let (csrf, name) = (token(&doctor).await, family_name(&doctor).await);
    let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    let address = sent.header("location").to_owned();
    let colleague = app.session("valley", app.valley, "DOCTOR").await;
    let stranger = app.session("austa", app.austa, "nurse").await;
    for (who, other) in [("a colleague", &colleague), ("another tenant", &stranger)] {
        let page = other.get(&address).await;
        assert_eq!(page.status, StatusCode::OK);
        let page = page.text();
        assert!(page.contains("search is over"), "{who} is told that there is nothing");
        assert!(!page.contains(&format!("value=\"{name}\"")), "{who} does not learn what was searched for");
    }
    let broken = doctor.get(&format!("{address}A")).await.text();
    assert!(broken.contains("search is over"));
    assert_eq!(app.stranger().get(&address).await.status, StatusCode::SEE_OTHER, "nobody is sent to the door");
    let cursor = doctor.get("/api/v1/medical/patients?limit=1").await.json()["next"].as_str().unwrap().to_owned();
    let as_handle = doctor.get(&format!("/patients?found={cursor}")).await.text();
    assert!(as_handle.contains("search is over"), "a cursor is no handle");
}
