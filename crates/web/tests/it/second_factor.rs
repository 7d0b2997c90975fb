//! Second factors on the pages: set up by who must, asked for at the next sign-in, and tokens for clients beside them.

use crate::live::{a_ticket, next, notify, own, user};
use hyper::{Method, StatusCode};
use salus_core::Ctx;
use salus_domains::auth::{self, NewUser};
use salus_testkit::{Answer, Caller, PASSWORD, TestApp, code_at};
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
    let confirmed = post("/account/security/authenticator/confirm", &format!("code={code}")).await;
    let page = confirmed.text();
    assert_eq!(page.matches("<li><code class=\"secret\">").count(), 10, "{page}");
    assert_eq!(get("/").await.header("location"), "/sign-in", "the token from before the proof opens nothing");
    let renewed = stranger.with_cookie(&cookie_of(&confirmed, "salus_session").unwrap());
    assert_eq!(renewed.get("/").await.status, StatusCode::OK, "the rest is open at once");
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

/// The number of live sessions of a user named so.
async fn living(app: &TestApp, name: &str) -> usize {
    let owner = app.key(app.valley, "OWNER").await;
    let users = owner.get("/api/v1/auth/users?limit=200&fields=id,display_name").await.json();
    let user = users["data"].as_array().unwrap().iter().find(|u| u["display_name"] == name).unwrap().clone();
    let held = owner.get(&format!("/api/v1/auth/sessions?user_id={}", user["id"].as_str().unwrap())).await.json();
    held["data"].as_array().unwrap().iter().filter(|s| s["revoked_at"].is_null()).count()
}

#[tokio::test]
async fn a_proof_gives_the_session_another_token_and_ends_the_one_before_at_once() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let user = user(&app).await;
    let csrf = field(&doctor.get("/account").await.text(), "_csrf");
    let mut socket = own(&app, &a_ticket(&doctor).await).await.unwrap();
    assert_eq!(next(&mut socket).await["unread"], 0);
    let prove = async |caller: &Caller, password: &str| {
        caller.submit("/prove", &[("_csrf", &csrf), ("password", password), ("back", "/account")]).await
    };
    assert_eq!(cookie_of(&prove(&doctor, "Wrong-Horse-7-Battery").await, "salus_session"), None);
    assert_eq!(doctor.get("/account").await.status, StatusCode::OK, "what proves nothing changes nothing");
    let proved = prove(&doctor, PASSWORD).await;
    assert_eq!(proved.header("location"), "/account", "{}", proved.text());
    let renewed = doctor.with_cookie(&cookie_of(&proved, "salus_session").unwrap());
    assert!(doctor.get("/account").await.header("location").starts_with("/sign-in"), "at once");
    assert_eq!(doctor.get("/api/v1/medical/patients?limit=1").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(renewed.get("/account").await.status, StatusCode::OK);
    assert_eq!(living(&app, "A DOCTOR").await, 1, "it is the same session");
    // A form that was open before is taken: it is of the session and not of its token.
    assert_eq!(prove(&renewed, PASSWORD).await.status, StatusCode::SEE_OTHER);
    // So is the live connection: it goes on, and tells of what comes.
    notify(&app, user).await;
    assert_eq!(next(&mut socket).await["unread"], 1);
}

#[tokio::test]
async fn a_client_proves_again_and_has_other_tokens() {
    let app = TestApp::new().await;
    let (stranger, email) = (app.stranger(), "client@valley.example");
    let link = link(&app, email, "PATIENT").await;
    stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let body = json!({"organization": "valley", "email": email, "password": PASSWORD});
    let pair = stranger.post("/api/auth/token", &body).await.json();
    let client = stranger.with_key(pair["access_token"].as_str().unwrap());
    let patients = "/api/v1/medical/patients?limit=1";
    assert_eq!(client.get(patients).await.status, StatusCode::OK);
    let prove = "/api/auth/token/prove";
    assert_eq!(client.post(prove, &json!({"password": "wrong"})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stranger.post(prove, &json!({"password": PASSWORD})).await.status, StatusCode::UNAUTHORIZED);
    let key = app.key(app.valley, "DOCTOR").await;
    assert_eq!(key.post(prove, &json!({"password": PASSWORD})).await.status, StatusCode::UNAUTHORIZED, "no person");
    let next = client.post(prove, &json!({"password": PASSWORD})).await;
    assert_eq!(next.status, StatusCode::OK, "{}", next.text());
    let next = next.json();
    assert_eq!(client.get(patients).await.status, StatusCode::UNAUTHORIZED, "at once");
    let spent = stranger.post("/api/auth/token/refresh", &json!({"refresh_token": pair["refresh_token"]})).await;
    assert_eq!(spent.status, StatusCode::UNAUTHORIZED);
    let client = stranger.with_key(next["access_token"].as_str().unwrap());
    assert_eq!(client.get(patients).await.status, StatusCode::OK);
    let third = stranger.post("/api/auth/token/refresh", &json!({"refresh_token": next["refresh_token"]})).await;
    assert_eq!(third.status, StatusCode::OK, "{}", third.text());
}

#[tokio::test]
async fn another_session_of_ones_own_is_ended_after_a_proof_of_late() {
    let app = TestApp::new().await;
    let (stranger, email) = (app.stranger(), "two@valley.example");
    let link = link(&app, email, "PATIENT").await;
    let set = stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let first = stranger.with_cookie(&cookie_of(&set, "salus_session").unwrap());
    let right = [("organization", "valley"), ("email", email), ("password", PASSWORD)];
    let signed = stranger.submit("/sign-in", &right).await;
    let second = stranger.with_cookie(&cookie_of(&signed, "salus_session").unwrap());
    let page = first.get("/account").await.text();
    let csrf = field(&page, "_csrf");
    let end = page.split("action=\"/account/sessions/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let end = format!("/account/sessions/{end}");
    let admin = app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.sessions SET proved_at = now() - interval '1 hour'").await.unwrap();
    let asked = first.submit(&end, &[("_csrf", &csrf)]).await;
    assert!(asked.status == StatusCode::FORBIDDEN && asked.text().contains("/prove"), "{}", asked.text());
    assert_eq!(second.get("/account").await.status, StatusCode::OK);
    let proved = first.submit("/prove", &[("_csrf", &csrf), ("password", PASSWORD), ("back", "/account")]).await;
    let first = stranger.with_cookie(&cookie_of(&proved, "salus_session").unwrap());
    assert_eq!(first.submit(&end, &[("_csrf", &csrf)]).await.header("location"), "/account");
    assert!(second.get("/account").await.header("location").starts_with("/sign-in"));
    assert_eq!(first.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_signs_in_anew_leaves_no_session_behind() {
    let app = TestApp::new().await;
    let (stranger, email) = (app.stranger(), "again@valley.example");
    let link = link(&app, email, "PATIENT").await;
    let set = stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let browser = stranger.with_cookie(&cookie_of(&set, "salus_session").unwrap());
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    let wrong = [("organization", "valley"), ("email", email), ("password", "Wrong-Horse-7-Battery")];
    browser.submit("/sign-in", &wrong).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "only another session ends it");
    let right = [("organization", "valley"), ("email", email), ("password", PASSWORD)];
    let signed = browser.submit("/sign-in", &right).await;
    let after = stranger.with_cookie(&cookie_of(&signed, "salus_session").unwrap());
    assert_eq!(after.get("/account").await.status, StatusCode::OK);
    assert!(browser.get("/account").await.header("location").starts_with("/sign-in"));
    assert_eq!(living(&app, "Nova").await, 1);
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
