//! Signing in from the pages: links, rules, locks, forged forms.

use hyper::{Method, StatusCode};
use salus_core::Ctx;
use salus_domains::auth::{self, NewUser};
use salus_testkit::{PASSWORD, TestApp};

async fn invited(app: &TestApp, email: &str) -> String {
    let mut tx = app.db.begin(Ctx::operator(app.db.env(), app.valley), false).await.unwrap();
    let new = NewUser { email: email.into(), display_name: "Nova".into(), roles: vec!["PATIENT".into()] };
    let made = auth::invite(&mut tx, &new).await.unwrap();
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    format!("/setup/{}", made.token)
}

#[tokio::test]
async fn a_link_sets_one_password_once() {
    let app = TestApp::new().await;
    let (stranger, link) = (app.stranger(), invited(&app, "nova@valley.example").await);
    let page = stranger.get(&link).await.text();
    assert!(
        page.contains("nova@valley.example") && page.contains("12 characters"),
        "the page says who and which rules"
    );
    let weak = stranger.submit(&link, &[("password", "short"), ("again", "short")]).await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    let differ = stranger.submit(&link, &[("password", PASSWORD), ("again", "other")]).await;
    assert_eq!(differ.status, StatusCode::UNPROCESSABLE_ENTITY);
    let set = stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!((set.status, set.header("location")), (StatusCode::SEE_OTHER, "/"));
    let session = set.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(session.starts_with("salus_session=sls_"), "who has set the password is signed in: {session}");
    let home = stranger.send(Method::GET, "/", &[("cookie", &session)], None).await;
    assert!(home.text().contains("Hello, Nova"));
    let log = app.key(app.valley, "OWNER").await.get("/api/v1/audit/events").await.json();
    let done = |action: &str| log["data"].as_array().unwrap().iter().filter(|e| e["action"] == action).count();
    assert_eq!((done("auth.user.accept_invitation"), done("auth.session.create")), (1, 1), "{log}");
    assert_eq!(stranger.get(&link).await.status, StatusCode::NOT_FOUND, "the link is spent");
    let spent = stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!((spent.status, spent.header("set-cookie")), (StatusCode::NOT_FOUND, ""));
    let fields = [
        ("organization", "valley"),
        ("email", "Nova@Valley.example"),
        ("password", PASSWORD),
        ("return_to", "/patients"),
    ];
    let signed = stranger.submit("/sign-in", &fields).await;
    assert_eq!((signed.status, signed.header("location")), (StatusCode::SEE_OTHER, "/patients"));
    assert!(signed.header("set-cookie").contains("HttpOnly; SameSite=Lax"));
    let elsewhere = [
        ("organization", "valley"),
        ("email", "nova@valley.example"),
        ("password", PASSWORD),
        ("return_to", "//evil.example"),
    ];
    assert_eq!(stranger.submit("/sign-in", &elsewhere).await.header("location"), "/");
}

#[tokio::test]
async fn five_failures_lock_and_nobody_learns_who_exists() {
    let app = TestApp::new().await;
    let (stranger, link) = (app.stranger(), invited(&app, "lock@valley.example").await);
    stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let attempt = |organization: &'static str, email: &'static str, password: &'static str| {
        let stranger = stranger.clone();
        async move {
            stranger
                .submit("/sign-in", &[("organization", organization), ("email", email), ("password", password)])
                .await
        }
    };
    let wrong = attempt("valley", "lock@valley.example", "wrong").await;
    let nobody = attempt("valley", "none@valley.example", "wrong").await;
    let nowhere = attempt("nosuch", "lock@valley.example", "wrong").await;
    for other in [&nobody, &nowhere] {
        assert_eq!(other.status, wrong.status);
        let message = |t: String| t.split("flash").nth(1).map(|t| t[..60.min(t.len())].to_owned());
        assert_eq!(message(other.text()), message(wrong.text()));
    }
    for _ in 0..4 {
        assert_eq!(attempt("valley", "lock@valley.example", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let locked = attempt("valley", "lock@valley.example", PASSWORD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS, "even the right password waits");
    for _ in 0..4 {
        assert_eq!(attempt("valley", " None@Valley.example", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let waits = attempt("valley", "none@valley.example", "wrong").await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS, "an address that is nobody's waits like somebody's");
    assert_eq!(attempt("valley", "other@valley.example", "wrong").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn behind_a_proxy_whoever_fails_elsewhere_locks_out_nobody_here() {
    let app = TestApp::new().await;
    let (stranger, link) = (app.stranger(), invited(&app, "ward@valley.example").await);
    stranger.submit(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let attempt = |from: &'static str, password: &'static str| {
        let stranger = stranger.clone();
        async move {
            let form = format!("organization=valley&email=ward%40valley.example&password={password}");
            let kind = ("content-type", "application/x-www-form-urlencoded");
            let headers = [kind, ("sec-fetch-site", "same-origin"), ("x-forwarded-for", from)];
            stranger.send(Method::POST, "/sign-in", &headers, Some(form)).await
        }
    };
    for _ in 0..5 {
        assert_eq!(attempt("203.0.113.9", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(attempt("203.0.113.9", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    let spoofed = attempt("192.0.2.7, 203.0.113.9", PASSWORD).await;
    assert_eq!(spoofed.status, StatusCode::TOO_MANY_REQUESTS, "what the caller wrote there itself is not believed");
    let here = attempt("192.0.2.7", PASSWORD).await;
    assert_eq!(here.status, StatusCode::SEE_OTHER, "another network is let in");
    let cookie = here.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let sessions = stranger.with_cookie(&cookie).get("/account").await.text();
    assert!(sessions.contains("192.0.2.7"), "{sessions}");
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/patients").await.status, StatusCode::OK);
    let form = Some("family_name=X&given_names=Y".to_owned());
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let forged =
        doctor.send(Method::POST, "/patients/new", &[kind, ("sec-fetch-site", "cross-site")], form.clone()).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let without_token =
        doctor.send(Method::POST, "/patients/new", &[kind, ("sec-fetch-site", "same-origin")], form).await;
    assert_eq!(without_token.status, StatusCode::FORBIDDEN);
    let body = Some(r#"{"family_name":"X"}"#.to_owned());
    let headers = [("content-type", "application/json"), ("sec-fetch-site", "cross-site")];
    let by_cookie = doctor.send(Method::POST, "/api/v1/medical/patients", &headers, body).await;
    assert_eq!(by_cookie.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn pages_send_strangers_to_the_door_and_doctors_to_the_chart() {
    let app = TestApp::new().await;
    let away = app.stranger().get("/patients").await;
    assert_eq!((away.status, away.header("location")), (StatusCode::SEE_OTHER, "/sign-in?return_to=%2Fpatients"));
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let list = doctor.get("/patients").await.text();
    let id = list
        .split("href=\"/patients/")
        .filter_map(|t| t.get(..36))
        .find(|t| t.matches('-').count() == 4)
        .unwrap()
        .to_owned();
    for path in ["", "/access", "?section=results", "/edit"] {
        let page = doctor.get(&format!("/patients/{id}{path}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
    }
    for path in ["/", "/browse", "/browse/medical/patients", "/docs", "/account", "/patients/new"] {
        assert_eq!(doctor.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(doctor.get("/audit").await.status, StatusCode::FORBIDDEN);
    let table = doctor.get("/browse/medical/patients").await.text();
    let heads: Vec<&str> = table.split("<th scope=\"col\"").skip(1).filter_map(|h| h.split("</th>").next()).collect();
    assert_eq!(heads.iter().filter(|h| h.to_lowercase().ends_with(">id")).count(), 1, "{heads:?}");
    let masked = doctor.get(&format!("/browse/medical/patients/{id}")).await.text();
    assert!(masked.contains("/open/family_name"), "sealed values wait to be asked for");
    let opened = doctor.get(&format!("/browse/medical/patients/{id}/open/family_name")).await;
    assert_eq!(opened.status, StatusCode::OK);
}

#[tokio::test]
async fn a_part_of_a_page_is_answered_with_a_part() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let list = doctor.get("/api/v1/medical/patients?limit=1&fields=id").await.json();
    let row = format!("/browse/medical/patients/{}", list["data"][0]["id"].as_str().unwrap());
    let part = [("hx-request", "true")];
    let opened = doctor.send(Method::GET, &format!("{row}/open/family_name"), &part, None).await;
    assert_eq!(opened.status, StatusCode::OK);
    let nowhere = "/browse/medical/patients/00000000-0000-7000-8000-000000000000/open/family_name";
    let owner = app.session("valley", app.valley, "OWNER").await;
    let cases = [
        (&doctor, nowhere.to_owned(), StatusCode::NOT_FOUND),
        (&doctor, format!("{row}/open/nosuch"), StatusCode::NOT_FOUND),
        (&doctor, "/nowhere".to_owned(), StatusCode::NOT_FOUND),
        (&owner, format!("{row}/open/family_name"), StatusCode::FORBIDDEN),
    ];
    for (caller, path, status) in cases {
        let answer = caller.send(Method::GET, &path, &part, None).await;
        assert_eq!(answer.status, status, "{path}");
        let text = answer.text();
        assert!(text.starts_with("<span class=\"masked\" role=\"alert\""), "{path}: {text}");
        assert!(!text.contains("<html"), "{path}: {text}");
    }
    assert!(doctor.get("/nowhere").await.text().contains("<html"), "a page is still a page");
}

#[tokio::test]
async fn whoever_lost_the_session_signs_in_and_is_back() {
    let app = TestApp::new().await;
    let (stranger, host) = (app.stranger(), app.address().to_string());
    let here = format!("http://{host}/browse/medical/patients?sex=F");
    let headers = [("hx-request", "true"), ("hx-current-url", &*here)];
    let part = stranger.send(Method::GET, "/browse/medical/patients/x/open/mrn", &headers, None).await;
    assert_eq!(part.status, StatusCode::UNAUTHORIZED);
    assert_eq!(part.header("hx-redirect"), "/sign-in?return_to=%2Fbrowse%2Fmedical%2Fpatients%3Fsex%3DF");
    let elsewhere = [("hx-request", "true"), ("hx-current-url", "http://evil.example/x")];
    let part = stranger.send(Method::GET, "/browse/medical/patients/x/open/mrn", &elsewhere, None).await;
    assert_eq!(part.header("hx-redirect"), "/sign-in", "only a page of ours is gone back to");

    let page = stranger.get("/patients/x?section=results").await;
    assert_eq!(page.header("location"), "/sign-in?return_to=%2Fpatients%2Fx%3Fsection%3Dresults");
    let from = format!("http://{host}/account");
    let form = [("content-type", "application/x-www-form-urlencoded"), ("referer", &*from)];
    let sent = stranger.send(Method::POST, "/account/tokens", &form, Some("name=x".into())).await;
    assert_eq!(sent.header("location"), "/sign-in?return_to=%2Faccount", "the form's own address takes no GET");
}

#[tokio::test]
async fn the_state_of_encryption_is_shown_to_who_may_see_keys() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/encryption").await.status, StatusCode::FORBIDDEN);
    assert!(!doctor.get("/").await.text().contains("href=\"/encryption\""));
    let owner = app.session("valley", app.valley, "OWNER").await;
    let page = owner.get("/encryption").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(text.contains("id=\"keys\"") && text.contains("Search index") && text.contains("Never"), "{text}");
    assert!(owner.get("/").await.text().contains("href=\"/encryption\""));
}

#[tokio::test]
async fn signs_of_tampering_are_closed_on_a_page_by_who_may() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/audit/alerts").await.status, StatusCode::FORBIDDEN);
    let owner = app.session("valley", app.valley, "OWNER").await;
    let page = owner.get("/audit/alerts").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Nothing is open"), "{}", page.text());
    let mut tx = app.db.begin(Ctx::operator(app.db.env(), app.valley), false).await.unwrap();
    let id = app.db.env().id();
    let values = serde_json::json!({"kind": "row_changed", "noted_on": "2026-11-21", "what": "A row was changed"});
    let row = salus_store::engine::NewRow { id, values: values.as_object().unwrap().clone() };
    tx.insert("audit.tamper_alerts", &[row]).await.unwrap();
    tx.commit("test.alert", "audit.tamper_alerts").await.unwrap();
    let text = owner.get("/audit/alerts").await.text();
    assert!(text.contains("A row was changed") && text.contains("Row changed"), "{text}");
    let csrf = text.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (path, reason) = (format!("/audit/alerts/{id}"), format!("reason-{id}"));
    let decide = async |decision: &str, why: &str| {
        owner.submit(&path, &[("_csrf", &csrf), ("decision", decision), (&reason, why)]).await
    };
    let refused = decide("close", " ").await.text();
    assert!(refused.contains("Says in 1 to 2000 characters why"), "{refused}");
    assert_eq!(decide("acknowledge", "looking").await.header("location"), "/audit/alerts");
    assert!(owner.get("/audit/alerts").await.text().contains("Being looked at"));
    assert_eq!(decide("close", "a repair, ticket 12").await.header("location"), "/audit/alerts");
    let text = owner.get("/audit/alerts").await.text();
    assert!(text.contains("Nothing is open") && text.contains("a repair, ticket 12"), "{text}");
    assert!(decide("close", "again").await.text().contains("is closed already"), "said beside the page");
}
