//! Identity providers and webhooks on their pages, and what is wrong with a field in the language of the page.

use hyper::{Method, StatusCode};
use salus_testkit::{Caller, TestApp};

async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_provider_is_added_changed_and_given_its_secret() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let csrf = token(&owner, "/identity-providers").await;
    let new = [("_csrf", csrf.as_str()), ("name", "Sampleton"), ("client_id", "salus")];
    let wrong = owner.submit("/identity-providers", &[&new[..], &[("issuer", "http://id.example.org")]].concat()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("Must be an https address") && wrong.text().contains("value=\"Sampleton\""));
    let made = owner.submit("/identity-providers", &[&new[..], &[("issuer", "https://id.example.org")]].concat()).await;
    assert!(made.status == StatusCode::OK && made.text().contains("Saved."), "{}", made.text());
    let page = made.text();
    let id = page.split("href=\"/identity-providers/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/identity-providers/{id}");
    let edit = owner.get(&path).await.text();
    assert!(edit.contains("/sign-in/provider/back") && edit.contains("https://id.example.org"), "{edit}");
    let change = [
        ("_csrf", csrf.as_str()),
        ("row_version", "1"),
        ("name", "Sampleton accounts"),
        ("client_id", "salus"),
        ("issuer", "https://id.example.org"),
        ("links_by_email", "true"),
    ];
    assert!(owner.submit(&path, &change).await.text().contains("Not in use"), "an unticked box takes it out of use");
    let stale = owner.submit(&path, &change).await;
    assert!(stale.text().contains("has changed since it was read"), "{}", stale.text());
    let fields = [("_csrf", csrf.as_str()), ("client_secret", "invented")];
    let set = owner.submit(&format!("{path}/secret"), &fields).await.text();
    assert!(set.contains("The secret was set.") && !set.contains("invented"), "nobody reads it back");
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/identity-providers").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_system_is_told_of_events_and_paused() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let csrf = token(&owner, "/webhooks").await;
    let new = [("_csrf", csrf.as_str()), ("name", "Feed"), ("event.medical.patient.created", "true")];
    let wrong = owner.submit("/webhooks", &[&new[..], &[("url", "https://10.0.0.1/in")]].concat()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text());
    let made = owner.submit("/webhooks", &[&new[..], &[("url", "https://hooks.example.org/in")]].concat()).await.text();
    assert!(made.contains("Calls are signed by this secret") && made.contains("medical.patient.created"), "{made}");
    let id = made.split("action=\"/webhooks/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let pause = owner.submit(&format!("/webhooks/{id}"), &[("_csrf", &csrf), ("is_active", "false")]).await;
    assert_eq!(pause.status, StatusCode::SEE_OTHER);
    let page = owner.get("/webhooks").await.text();
    assert!(page.contains("Not in use") && !page.contains("whsec_"), "a secret is shown once");
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_said_in_the_language_of_the_page() {
    let app = TestApp::new().await;
    for (language, says) in
        [("en", "Is an e-mail address"), ("es", "Debe ser una dirección"), ("pt-BR", "Deve ser um endereço")]
    {
        let owner = app.session("valley", app.valley, "OWNER").await;
        let csrf = token(&owner, "/users").await;
        let body = format!("_csrf={csrf}&email=nobody&display_name=Nobody");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("accept-language", language),
        ];
        let answer = owner.send(Method::POST, "/users", &headers, Some(body)).await.text();
        assert!(answer.contains(says), "{language}: {answer}");
    }
}
