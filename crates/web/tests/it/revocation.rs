//! What is taken away ends within a second wherever it is in use, open connections too: measured, each way three times.

use crate::{
    alert_stream::{Stream, see_to_alerts},
    live::{a_ticket, next, own},
};
use hyper::StatusCode;
use salus_testkit::{Caller, PASSWORD, TestApp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(1);
const OWN: &str = "/api/v1/medical/patients?limit=1";

/// How long after `cut` the last request was sent that is still answered; asks until one is refused.
async fn last_answered(caller: &Caller, cut: Instant) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let sent = Instant::now();
        match caller.get(OWN).await.status {
            StatusCode::OK => last = sent.saturating_duration_since(cut),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return last,
            other => panic!("{other}"),
        }
        assert!(cut.elapsed() < Duration::from_secs(30), "it is not refused at all");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The newest user of a name.
async fn newest(owner: &Caller, name: &str) -> String {
    let query = "/api/v1/auth/users?limit=200&sort=-created_at&fields=id,display_name";
    let users = owner.get(query).await.json();
    let found = users["data"].as_array().unwrap().iter().find(|u| u["display_name"] == name);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn done(owner: &Caller, path: &str, body: &Value) -> Instant {
    let answer = owner.post(path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    Instant::now()
}

/// When the last request was sent that is still answered, and when a stream of alerts said that it ends.
async fn last_and_ended(caller: &Caller, stream: &mut Stream, cut: Instant) -> (Duration, Duration) {
    let ended = async {
        while let Some(heard) = stream.next().await {
            if heard.kind == "ended" {
                break;
            }
        }
        cut.elapsed()
    };
    tokio::join!(last_answered(caller, cut), ended)
}

/// The look at the database that closes a connection comes every half second; a busy machine delays single ones.
fn in_time(closed: &mut [Duration]) {
    closed.sort_unstable();
    assert!(closed[closed.len() / 2] <= WITHIN, "connections closed after {closed:?}");
    assert!(closed[closed.len() - 1] <= 3 * WITHIN, "connections closed after {closed:?}");
}

#[tokio::test]
async fn a_user_who_is_stopped_is_so_within_a_second() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let mut closed = Vec::new();
    for verb in ["end-sessions", "lock", "disable"].into_iter().cycle().take(9) {
        let doctor = app.session("valley", app.valley, "DOCTOR").await;
        let user = newest(&owner, "A DOCTOR").await;
        let mut socket = own(&app, &a_ticket(&doctor).await).await.unwrap();
        assert_eq!(next(&mut socket).await["unread"], 0);
        // Just looked up, so that it is believed for as long as anybody is.
        assert_eq!(doctor.get(OWN).await.status, StatusCode::OK);
        let cut = done(&owner, &format!("/api/v1/auth/users/{user}/{verb}"), &Value::Null).await;
        let ended = async {
            assert_eq!(next(&mut socket).await, Value::Null);
            cut.elapsed()
        };
        let (last, ended) = tokio::join!(last_answered(&doctor, cut), ended);
        assert!(last < WITHIN, "{verb}: a request sent {last:?} later was answered");
        closed.push(ended);
    }
    in_time(&mut closed);
}

#[tokio::test]
async fn a_role_a_key_and_a_tenant_that_are_taken_away_are_so_within_a_second() {
    let app = TestApp::new().await;
    see_to_alerts(&app, "DOCTOR").await;
    let owner = app.key(app.valley, "OWNER").await;
    let mut closed = Vec::new();
    for _ in 0..3 {
        let doctor = app.session("valley", app.valley, "DOCTOR").await;
        let user = newest(&owner, "A DOCTOR").await;
        let mut stream = Stream::open(&doctor, None).await;
        assert_eq!(doctor.get(OWN).await.status, StatusCode::OK);
        let cut = done(&owner, &format!("/api/v1/auth/users/{user}/roles"), &json!({"roles": []})).await;
        let (last, ended) = last_and_ended(&doctor, &mut stream, cut).await;
        assert!(last < WITHIN, "a role: a request sent {last:?} later was answered");
        closed.push(ended);
        assert_eq!(doctor.get("/account").await.status, StatusCode::OK, "the session goes on");

        let key = app.key(app.valley, "DOCTOR").await;
        let user = newest(&owner, "A DOCTOR").await;
        let keys = owner.get(&format!("/api/v1/auth/api-keys?user_id={user}")).await.json();
        let mut stream = Stream::open(&key, None).await;
        assert_eq!(key.get(OWN).await.status, StatusCode::OK);
        let path = format!("/api/v1/auth/api-keys/{}/revoke", keys["data"][0]["id"].as_str().unwrap());
        let cut = done(&owner, &path, &Value::Null).await;
        let (last, ended) = last_and_ended(&key, &mut stream, cut).await;
        assert!(last < WITHIN, "a key: a request sent {last:?} later was answered");
        closed.push(ended);
    }
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let mut stream = Stream::open(&doctor, None).await;
    assert_eq!(doctor.get(OWN).await.status, StatusCode::OK);
    let admin = app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE kernel.tenants SET state = 'suspended' WHERE slug = 'valley'").await.unwrap();
    let (last, ended) = last_and_ended(&doctor, &mut stream, Instant::now()).await;
    assert!(last < WITHIN, "a tenant: a request sent {last:?} later was answered");
    closed.push(ended);
    in_time(&mut closed);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_access_token_of_its_family_within_a_second() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let email = "ivy@valley.example";
    let body = json!({"email": email, "display_name": "Ivy", "roles": ["PATIENT"]});
    let made = owner.post("/api/v1/auth/users", &body).await.json();
    let link = made["setup_path"].as_str().unwrap().strip_prefix("/setup/").unwrap().to_owned();
    salus_domains::auth::accept_invitation(&app.db, &link, PASSWORD).await.unwrap();
    let admin = app.database.connect("salus_admin").await;
    let stranger = app.stranger();
    let tokens = json!({"organization": "valley", "email": email, "password": PASSWORD});
    let first = stranger.post("/api/auth/token", &tokens).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let refresh = async |pair: &Value| {
        let answer = stranger.post("/api/auth/token/refresh", &json!({"refresh_token": pair["refresh_token"]})).await;
        (answer.status, answer.json())
    };
    let first = first.json();
    let (status, second) = refresh(&first).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    let (_, third) = refresh(&second).await;
    let caller = stranger.with_key(third["access_token"].as_str().unwrap());
    assert_eq!(caller.get(OWN).await.status, StatusCode::OK);
    // A copy, used when the ten seconds are over in which two tabs may ask with one token.
    let later = "UPDATE auth.refresh_tokens SET spent_at = spent_at - interval '11 seconds' WHERE spent_at IS NOT NULL";
    admin.batch_execute(later).await.unwrap();
    let (status, told) = refresh(&first).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{told}");
    let last = last_answered(&caller, Instant::now()).await;
    assert!(last < WITHIN, "a request sent {last:?} later was answered");
    assert_eq!(refresh(&third).await.0, StatusCode::UNAUTHORIZED, "and nothing comes of it any more");
}
