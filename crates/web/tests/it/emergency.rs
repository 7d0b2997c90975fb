//! The emergency recovery credential: enough shares open one hour, once, and everybody concerned is told.

use hyper::StatusCode;
use salus_core::Ctx;
use salus_domains::auth::{seal_emergency, start_roles};
use salus_testkit::{Answer, TestApp};

const REASON: &str = "The identity provider has been gone since noon";

async fn shares(app: &TestApp, (needed, of): (u8, u8)) -> Vec<String> {
    let ctx = Ctx::operator(app.db.env(), app.valley);
    seal_emergency(&app.db, &ctx, "OWNER", (needed, of)).await.unwrap().shares
}

async fn open(app: &TestApp, shares: &[String], reason: &str) -> Answer {
    let shares = shares.join("\n");
    let fields = [("organization", "valley"), ("shares", &shares), ("reason", reason)];
    app.stranger().submit("/sign-in/emergency", &fields).await
}

#[tokio::test]
async fn enough_shares_let_somebody_in_once_and_raise_the_alarm() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let shares = shares(&app, (2, 3)).await;
    assert!(app.stranger().get("/sign-in").await.text().contains("/sign-in/emergency"));
    let few = open(&app, &shares[..1], REASON).await;
    assert_eq!(few.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        few.text().contains("at least two different shares") && !few.text().contains(&shares[0]),
        "never shown again"
    );
    assert!(open(&app, &shares[..2], "soon").await.text().contains("at least 15 characters"));

    let opened = open(&app, &shares[1..], REASON).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, "/users"), "{}", opened.text());
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let lasts = opened.header("set-cookie").split("Max-Age=").nth(1).and_then(|s| s.parse().ok());
    assert!(lasts.is_some_and(|s: u32| (3500..=3600).contains(&s)), "{}", opened.header("set-cookie"));
    let inside = app.stranger().with_cookie(&cookie);
    let users = inside.get("/users").await;
    assert_eq!(users.status, StatusCode::OK, "past second factors");
    let own = inside.get("/api/v1/auth/emergency-credentials").await.json();
    assert!(own["data"][0]["used_at"].is_string() && own["data"][0].get("secret_hash").is_none(), "{own}");

    let alerts = owner.get("/audit/alerts").await.text();
    assert!(alerts.contains("The emergency recovery credential was used"), "{alerts}");
    assert!(owner.get("/notifications").await.text().contains("The emergency recovery credential was used"));
    let log = owner.get("/api/v1/audit/events?limit=100").await.json();
    let actions: Vec<&str> = log["data"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
    assert!(actions.contains(&"auth.emergency.use") && actions.contains(&"auth.emergency.seal"), "{actions:?}");

    let again = open(&app, &shares, REASON).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "once");
    assert!(again.text().contains("These shares open nothing"));
}

#[tokio::test]
async fn nothing_made_in_that_hour_outlives_it() {
    let app = TestApp::new().await;
    let shares = shares(&app, (2, 2)).await;
    let opened = open(&app, &shares, REASON).await;
    let inside = app.stranger().with_cookie(opened.header("set-cookie").split(';').next().unwrap());
    let page = inside.get("/account").await.text();
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [("_csrf", csrf.as_str()), ("name", "left behind"), ("scopes", ""), ("expires_on", "")];
    let made = inside.submit("/account/tokens", &fields).await.text();
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let program = app.stranger().with_key(&key);
    assert_eq!(program.get("/api/v1/auth/users?limit=1").await.status, StatusCode::OK);
    let admin = app.database.connect("salus_admin").await;
    let past = "UPDATE auth.user_roles SET valid_from = valid_from - interval '2 hours', valid_to = valid_to - interval '2 hours' \
                WHERE valid_to IS NOT NULL";
    admin.batch_execute(past).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(program.get("/api/v1/auth/users?limit=1").await.status, StatusCode::FORBIDDEN, "the role is gone");
}

#[tokio::test]
async fn a_new_credential_takes_the_place_of_the_one_before() {
    let app = TestApp::new().await;
    let old = shares(&app, (2, 3)).await;
    let new = shares(&app, (3, 5)).await;
    assert_eq!(open(&app, &old, REASON).await.status, StatusCode::UNAUTHORIZED);
    let mixed = [old[0].clone(), new[0].clone(), new[1].clone()];
    assert!(open(&app, &mixed, REASON).await.text().contains("different credentials"));
    assert_eq!(open(&app, &new[..2], REASON).await.status, StatusCode::UNAUTHORIZED, "too few of them open nothing");
    assert_eq!(open(&app, &new[2..], REASON).await.status, StatusCode::SEE_OTHER);
    let ctx = Ctx::operator(app.db.env(), app.valley);
    for (role, split) in [("NOBODY", (2, 3)), ("OWNER", (1, 3)), ("OWNER", (4, 3)), ("OWNER", (2, 17))] {
        assert!(seal_emergency(&app.db, &ctx, role, split).await.is_err(), "{role} {split:?}");
    }
    assert!(
        start_roles("clinic").unwrap().iter().any(|r| r.name == "admin"),
        "the role that the command takes by itself"
    );
    let all = new.join("\n");
    let fields = [("organization", "austa"), ("shares", all.as_str()), ("reason", REASON)];
    assert_eq!(app.stranger().submit("/sign-in/emergency", &fields).await.status, StatusCode::UNAUTHORIZED);
}
