//! Second factors on the pages: set up by who must, asked for at the next sign-in, and tokens for clients beside them.

use hyper::{Method, StatusCode};
use salus_core::Ctx;
use salus_domains::auth::{self, NewUser};
use salus_testkit::{Answer, PASSWORD, TestApp, code_at};
use serde_json::json;

async fn link(app: &TestApp, email: &str, role: &str) -> String {
    let mut tx = app.db.begin(Ctx::operator(app.db.env(), app.valley), false).await.unwrap();
    let new = NewUser { email: email.into(), display_name: "Nova".into(), roles: vec![role.into()] };
    let made = auth::invite(&mut tx, &new).await.unwrap();
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    format!("/setup/{}", made.token)
}

fn cookie_of(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok());
    all.filter_map(|v| v.split(';').next()).find(|v| v.starts_with(name)).map(str::to_owned)
}

fn field(page: &str, name: &str) -> String {
    let at = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {page}"));
    at.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_must_sets_one_up_and_is_asked_for_it() {
    let app = TestApp::new().await;
    let (stranger, email) = (app.stranger(), "owner2@valley.example");
    let link = link(&app, email, "OWNER").await;
    let set = stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(set.header("location"), "/account/security", "nothing else is open yet");
    assert_eq!(cookie_of(&set, "salus_device"), None);
    let session = cookie_of(&set, "salus_session").unwrap();
    let get = async |path: &str| stranger.send(Method::GET, path, &[("cookie", &session)], None).await;
    for path in ["/", "/patients", "/account", "/audit"] {
        assert_eq!(get(path).await.header("location"), "/account/security", "{path}");
    }
    assert_eq!(get("/api/v1/auth/users").await.status, StatusCode::FORBIDDEN);
    let page = get("/account/security").await.text();
    assert!(page.contains("<h1>One more step: a second proof</h1>"), "{page}");
    assert!(!page.contains("href=\"/audit\"") && !page.contains("id=\"history\""), "only the ways to one: {page}");
    let csrf = field(&page, "_csrf");
    let post = async |path: &str, fields: &str| {
        let headers = [
            ("cookie", &*session),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        stranger.send(Method::POST, path, &headers, Some(format!("_csrf={csrf}&{fields}"))).await
    };
    assert_eq!(post("/account/security/authenticator", "").await.status, StatusCode::SEE_OTHER);
    let page = get("/account/security").await.text();
    assert!(page.contains("<svg class=\"qr\""), "the code to scan is there");
    let secret = page.split("code class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let wrong = post("/account/security/authenticator/confirm", "code=000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let code = code_at(&secret, app.db.env().now());
    let page = post("/account/security/authenticator/confirm", &format!("code={code}")).await.text();
    assert_eq!(page.matches("<li><code class=\"secret\">").count(), 10, "{page}");
    assert_eq!(get("/").await.status, StatusCode::OK, "the rest is open at once");
    let recovery = page.split("<li><code class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();

    let fields = [("organization", "valley"), ("email", email), ("password", PASSWORD), ("return_to", "/audit")];
    let asked = stranger.submit("/sign-in", &fields).await;
    assert_eq!((asked.status, cookie_of(&asked, "salus_session")), (StatusCode::OK, None));
    let token = field(&asked.text(), "token");
    let give = async |code: &str| {
        let fields = [("token", &*token), ("organization", "valley"), ("return_to", "/audit"), ("code", code)];
        stranger.submit("/sign-in/code", &fields).await
    };
    assert_eq!(give("12345").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let signed = give(&recovery).await;
    assert_eq!((signed.status, signed.header("location")), (StatusCode::SEE_OTHER, "/audit"));
    assert!(cookie_of(&signed, "salus_session").is_some() && cookie_of(&signed, "salus_device").is_some());
    assert_eq!(give(&recovery).await.status, StatusCode::UNAUTHORIZED, "the question is answered once");
}

#[tokio::test]
async fn clients_get_tokens_for_json() {
    let app = TestApp::new().await;
    let (stranger, email) = (app.stranger(), "client@valley.example");
    let link = link(&app, email, "PATIENT").await;
    stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let with = |password: &str| json!({"organization": "valley", "email": email, "password": password});
    assert_eq!(stranger.post("/api/auth/token", &with("wrong")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stranger.post("/api/auth/token", &json!({"email": 1})).await.status, StatusCode::BAD_REQUEST);
    let pair = stranger.post("/api/auth/token", &with(PASSWORD)).await.json();
    assert_eq!((&pair["token_type"], &pair["expires_in"]), (&json!("Bearer"), &json!(600)), "{pair}");
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let get = async |bearer: &str| {
        stranger.send(Method::GET, "/api/v1/medical/patients?limit=1", &[("authorization", bearer)], None).await.status
    };
    assert_eq!(get(&bearer).await, StatusCode::OK);
    let spent = json!({"refresh_token": pair["refresh_token"]});
    let next = stranger.post("/api/auth/token/refresh", &spent).await.json();
    assert_ne!(next["access_token"], pair["access_token"]);
    let ended = stranger.post("/api/auth/token/revoke", &json!({"refresh_token": next["refresh_token"]})).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let bearer = format!("Bearer {}", next["access_token"].as_str().unwrap());
    assert_eq!(get(&bearer).await, StatusCode::UNAUTHORIZED);
    assert_eq!(stranger.post("/api/auth/token/refresh", &spent).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_rules_are_changed_on_a_page_and_refused_by_name() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/security-configuration").await.status, StatusCode::FORBIDDEN);
    let owner = app.session("valley", app.valley, "OWNER").await;
    let page = owner.get("/security-configuration").await.text();
    assert!(page.contains("Shortest password, in characters") && page.contains("recommended"), "{page}");
    let csrf = field(&page, "_csrf");
    let taken = owner.submit("/security-configuration", &[("_csrf", &csrf), ("profile", "current-standard")]).await;
    assert!(taken.text().contains("The rules were changed"));
    let told = owner.get("/api/v1/auth/security-configuration").await.json();
    assert_eq!(told["configuration"], told["profiles"]["current-standard"]);
    let bad = owner.submit("/security-configuration", &[("_csrf", &csrf), ("passwordMinLength", "many")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.text().contains("Is a whole number from 8 to 128"));
    assert_eq!(owner.get("/simulator").await.status, StatusCode::NOT_FOUND, "only in a demonstration");
}
