//! Live connections: who may open one, what they are told, and when they end; and the pages around them.

use futures_util::StreamExt as _;
use hyper::StatusCode;
use salus_core::Ctx;
use salus_domains::auth::{self, Notice};
use salus_testkit::{Answer, Caller, TestApp};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

pub type Socket = WebSocketStream<TcpStream>;

async fn connect(app: &TestApp, ticket: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/ws?ticket={ticket}", app.address()).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(app.address()).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(e) => panic!("{e}"),
    }
}

pub async fn own(app: &TestApp, ticket: &str) -> Result<Socket, u16> {
    connect(app, ticket, Some(&format!("http://{}", app.address()))).await
}

async fn ticket(caller: &Caller) -> Answer {
    caller.submit("/ws/ticket", &[]).await
}

pub async fn a_ticket(caller: &Caller) -> String {
    ticket(caller).await.json()["ticket"].as_str().unwrap().to_owned()
}

/// The next text; null when the connection ends. A test that hears nothing hangs, and that is found.
pub async fn next(socket: &mut Socket) -> Value {
    loop {
        match tokio::time::timeout(Duration::from_mins(1), socket.next()).await.expect("something is heard") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Value::Null,
            Some(Ok(_)) => {}
        }
    }
}

fn unread(n: u64) -> Value {
    json!({"type": "notifications", "unread": n})
}

/// The user behind a caller, by the newest session.
pub async fn user(app: &TestApp) -> Uuid {
    let admin = app.database.connect("salus_admin").await;
    admin.query_one("SELECT user_id FROM auth.sessions ORDER BY created_at DESC LIMIT 1", &[]).await.unwrap().get(0)
}

pub async fn notify(app: &TestApp, user: Uuid) {
    let mut tx = app.db.begin(Ctx::operator(app.db.env(), app.valley), false).await.unwrap();
    let notice = Notice { users: &[user], title: "auth.test", params: json!({}), target: None };
    auth::notify(&mut tx, &notice).await.unwrap();
    tx.commit("test.notify", "auth.notifications").await.unwrap();
}

#[tokio::test]
async fn a_page_learns_of_what_waits_and_of_what_was_read() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let user = user(&app).await;
    let other = app.session("valley", app.valley, "DOCTOR").await;
    let (mut socket, mut others) =
        (own(&app, &a_ticket(&doctor).await).await.unwrap(), own(&app, &a_ticket(&other).await).await.unwrap());
    assert_eq!((next(&mut socket).await, next(&mut others).await), (unread(0), unread(0)));
    notify(&app, user).await;
    assert_eq!(next(&mut socket).await, unread(1));
    notify(&app, user).await;
    assert_eq!(next(&mut socket).await, unread(2));

    let page = doctor.get("/notifications").await.text();
    assert!(page.contains("This is a test notification") && page.contains("data-live"), "{page}");
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let done = doctor.submit("/notifications/read", &[("_csrf", &csrf)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert_eq!(next(&mut socket).await, unread(0));
    // Nothing of it reached the other user: theirs is the next word they hear.
    notify(&app, self::user(&app).await).await;
    assert_eq!(next(&mut others).await, unread(1));
}

#[tokio::test]
async fn a_ticket_is_of_a_session_of_this_server_and_good_once_and_not_for_long() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    for (who, status) in [(app.stranger(), 401), (app.key(app.valley, "DOCTOR").await, 403)] {
        assert_eq!(ticket(&who).await.status.as_u16(), status);
    }
    let cross = doctor.send(hyper::Method::POST, "/ws/ticket", &[("sec-fetch-site", "cross-site")], None).await;
    assert_eq!(cross.status, StatusCode::FORBIDDEN);

    let good = a_ticket(&doctor).await;
    for origin in [None, Some("null"), Some("https://evil.example")] {
        assert_eq!(connect(&app, &good, origin).await.err(), Some(403), "{origin:?}");
    }
    own(&app, &good).await.unwrap();
    assert_eq!(own(&app, &good).await.err(), Some(401), "spent");
    for none in ["", "slt_x", &format!("{good}0")] {
        assert_eq!(own(&app, none).await.err(), Some(401), "{none}");
    }
    let late = a_ticket(&doctor).await;
    let admin = app.database.connect("salus_admin").await;
    admin
        .batch_execute("UPDATE auth.socket_tickets SET expires_at = expires_at - interval '31 seconds'")
        .await
        .unwrap();
    assert_eq!(own(&app, &late).await.err(), Some(401), "too late");
}

#[tokio::test]
async fn a_connection_ends_with_its_session_its_user_and_its_tenant() {
    let app = TestApp::new().await;
    let admin = app.database.connect("salus_admin").await;
    for end in [
        "UPDATE auth.sessions SET revoked_at = now()",
        "UPDATE auth.users SET status = 'disabled'",
        "UPDATE auth.sessions SET idle_expires_at = now()",
        "UPDATE kernel.tenants SET state = 'suspended' WHERE slug = 'valley'",
    ] {
        let doctor = app.session("valley", app.valley, "DOCTOR").await;
        let mut socket = own(&app, &a_ticket(&doctor).await).await.unwrap();
        assert_eq!(next(&mut socket).await, unread(0));
        admin.batch_execute(end).await.unwrap();
        assert_eq!(next(&mut socket).await, Value::Null, "{end}");
    }
}

#[tokio::test]
async fn a_user_chooses_how_to_be_told() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let page = doctor.get("/notifications").await.text();
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let wrong = doctor.submit("/notifications/choices", &[("_csrf", &csrf), ("sms", "true"), ("address", "12")]).await;
    assert!(wrong.text().contains("Is a telephone number with its country"), "{}", wrong.text());
    let fields = [("_csrf", csrf.as_str()), ("sms", "true"), ("address", "+1 555 0100 22")];
    assert_eq!(doctor.submit("/notifications/choices", &fields).await.status, StatusCode::SEE_OTHER);
    let page = doctor.get("/notifications").await.text();
    assert!(page.contains("+1555010022"), "{page}");
    // The form says no to e-mail by leaving it out.
    let admin = app.database.connect("salus_admin").await;
    let rows = admin
        .query("SELECT medium || ' ' || is_wanted FROM auth.notification_preferences ORDER BY 1", &[])
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|r| r.get::<_, String>(0)).collect::<Vec<_>>(),
        ["email false", "push false", "sms true"]
    );
}

#[tokio::test]
async fn a_user_has_a_device_told_sees_it_and_turns_it_off() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let page = doctor.get("/notifications").await.text();
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let key = page.split("data-push=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(key.len(), 87, "what a browser subscribes with");
    assert!(page.contains("has not set up push"), "nothing carries it here: {page}");
    // The receiver of RFC 8291, section 5.
    let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let give = |endpoint: &'static str, p256dh: &'static str| {
        [
            ("_csrf", csrf.clone()),
            ("endpoint", endpoint.into()),
            ("p256dh", p256dh.into()),
            ("auth", "BTBZMqHH6r4Tts7J_aSIgg".into()),
        ]
    };
    let send = async |fields: [(&'static str, String); 4]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        doctor.submit("/notifications/devices", &fields).await
    };
    for (endpoint, p256dh, said) in [
        ("http://push.example.net/x", point, "https://"),
        ("https://10.0.0.1/x", point, "public internet"),
        ("https://push.example.net/x", "BCVx", "point of P-256"),
    ] {
        let refused = send(give(endpoint, p256dh)).await.text();
        assert!(refused.contains(said), "{said}: {refused}");
    }
    assert_eq!(send(give("https://push.example.net/canary", point)).await.status, StatusCode::SEE_OTHER);
    let page = doctor.get("/notifications").await.text();
    // SHA-256 of the address, by another implementation: printf https://push.example.net/canary | sha256sum
    assert!(
        page.contains("data-device=\"f555f4279739c3e46f6efb0f642872341ad204728fc11d8e4c9e6d87405ad1e2\"")
            && !page.contains("canary"),
        "{page}"
    );
    let id = page.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let owner = app.session("valley", app.valley, "OWNER").await;
    let theirs = owner.get("/notifications").await.text();
    assert!(!theirs.contains("data-device=") && theirs.contains(&key), "of another user, by one key");
    let other = theirs.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let refused = owner.submit("/notifications/devices/remove", &[("_csrf", &other), ("id", &id)]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let done = doctor.submit("/notifications/devices/remove", &[("_csrf", &csrf), ("id", &id)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(!doctor.get("/notifications").await.text().contains("data-device="));
}

#[tokio::test]
async fn the_worker_has_a_lasting_address_and_a_narrow_policy() {
    let app = TestApp::new().await;
    let worker = app.stranger().get("/worker.js").await;
    assert_eq!((worker.status, worker.header("cache-control")), (StatusCode::OK, "no-cache"));
    assert!(worker.header("content-type").starts_with("text/javascript"));
    assert!(worker.header("content-security-policy").contains("worker-src 'self';"));
    let text = worker.text();
    assert!(text.contains("\"push\"") && text.contains("/clinic/offline"));
    assert!(!text.contains("cache.put") && !text.contains(".clone()"), "it keeps no answer that it sees");
}

#[tokio::test]
async fn an_administrator_tries_again_what_was_given_up() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    assert_eq!(doctor.get("/jobs").await.status, StatusCode::FORBIDDEN);
    let admin = app.database.connect("salus_admin").await;
    let insert = format!(
        "INSERT INTO kernel.jobs (tenant_id, id, job, natural_key, state, attempts, error_class, finished_at) \
         VALUES ('{}', gen_random_uuid(), 'test.fail', 'one', 'dead', 8, 'unavailable', now())",
        app.valley
    );
    admin.batch_execute(&insert).await.unwrap();
    let page = owner.get("/jobs").await.text();
    assert!(page.contains("test.fail") && page.contains("unavailable"), "{page}");
    let retry = page.split("action=\"/jobs/").nth(1).unwrap().split('"').next().unwrap();
    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let done = owner.submit(&format!("/jobs/{retry}"), &[("_csrf", csrf)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let page = owner.get("/jobs?show=waiting").await.text();
    assert!(page.contains("test.fail"), "{page}");
}
