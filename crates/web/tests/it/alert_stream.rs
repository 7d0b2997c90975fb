//! Alerts as server-sent events: what is there and what changes, where it goes on after a broken connection, and that it ends
//! with what let its reader in.

use http_body_util::BodyExt as _;
use hyper::{Method, Response, StatusCode, body::Incoming};
use salus_core::Ctx;
use salus_domains::alerts::{self, Raised};
use salus_testkit::{Caller, TestApp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

const PATH: &str = "/api/v1/alerts/real-time";

/// A stream that is read event by event.
pub struct Stream {
    body: Incoming,
    text: String,
}

/// An event.
#[derive(Debug)]
pub struct Heard {
    pub kind: String,
    id: String,
    data: Value,
}

async fn ask(caller: &Caller, last: Option<&str>) -> Response<Incoming> {
    let mut headers = vec![("accept", "text/event-stream")];
    headers.extend(last.map(|id| ("last-event-id", id)));
    caller.open(Method::GET, PATH, &headers, None).await
}

impl Stream {
    pub async fn open(caller: &Caller, last: Option<&str>) -> Self {
        let response = ask(caller, last).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event; none when the stream ends. A test that hears nothing is found.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n").map(|(b, r)| (b.to_owned(), r.to_owned())) {
                self.text = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|l| l.strip_prefix(name))
                        .map(|v| v.trim_start().to_owned())
                        .unwrap_or_default()
                };
                if !field("data:").is_empty() {
                    let data = serde_json::from_str(&field("data:")).unwrap();
                    return Some(Heard { kind: field("event:"), id: field("id:"), data });
                }
                continue;
            }
            let frame =
                tokio::time::timeout(Duration::from_mins(1), self.body.frame()).await.expect("something is heard");
            let data = frame?.ok()?.into_data().ok()?;
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Whether nothing more comes within a second and a half.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(1500), self.next()).await.is_err()
    }
}

/// A server where administrators see to alerts.
async fn server() -> TestApp {
    let app = TestApp::new().await;
    see_to_alerts(&app, "ADMIN").await;
    app
}

/// Lets the holders of a role see to alerts.
pub async fn see_to_alerts(app: &TestApp, role: &str) {
    let admin = app.database.connect("salus_admin").await;
    let give = format!(
        "WITH made AS (INSERT INTO auth.permissions (tenant_id, id, name, patterns) \
           SELECT tenant_id, gen_random_uuid(), 'test alerts', '[\"ops.alert.*\"]' FROM auth.roles WHERE name = '{role}' \
           RETURNING tenant_id, id) \
         INSERT INTO auth.role_permissions (tenant_id, id, role_id, permission_id) \
           SELECT r.tenant_id, gen_random_uuid(), r.id, m.id FROM auth.roles r JOIN made m ON m.tenant_id = r.tenant_id WHERE r.name = '{role}'"
    );
    admin.batch_execute(&give).await.unwrap();
}

async fn raise(app: &TestApp, tenant: Uuid, key: &str) -> Uuid {
    let mut tx = app.db.begin(Ctx::system(app.db.env(), tenant), false).await.unwrap();
    let title = "The vaccine freezer is warm";
    let raised = Raised { key, severity: "LOW", category: "OPERATIONS", title, school: None, subject: "test" };
    let id = alerts::raise(&mut tx, &raised).await.unwrap();
    tx.commit("test.raise", "alerts.alert_instances").await.unwrap();
    id
}

#[tokio::test]
async fn what_is_open_comes_first_then_each_change_once_and_a_broken_connection_misses_nothing() {
    let app = server().await;
    let first = raise(&app, app.valley, "freezer:1").await;
    let key = app.key(app.valley, "ADMIN").await;
    let mut stream = Stream::open(&key, None).await;
    let heard = stream.next().await.unwrap();
    assert_eq!((heard.kind.as_str(), &heard.data["open"]), ("snapshot", &json!({"LOW": 1})));
    assert_eq!(heard.data["alerts"][0]["id"], json!(first));
    assert!(!heard.id.is_empty());

    let since = Instant::now();
    let second = raise(&app, app.valley, "freezer:2").await;
    let heard = stream.next().await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (heard.kind.as_str(), &heard.data["id"], &heard.data["status"]),
        ("alert", &json!(second), &json!("ACTIVE"))
    );
    assert_eq!(heard.data["title"], "The vaccine freezer is warm");
    assert!(heard.data.get("body").is_none() && heard.data.get("patient_id").is_none());
    let resolved = key.post(&format!("{PATH}/{second}/acknowledge"), &json!({"note": "On my way"})).await;
    assert_eq!(resolved.status, StatusCode::OK, "{}", resolved.text());
    let heard = stream.next().await.unwrap();
    assert_eq!((&heard.data["id"], &heard.data["status"]), (&json!(second), &json!("ACKNOWLEDGED")));
    // Another organization's are not heard of, and what was said is not said again.
    raise(&app, app.austa, "freezer:3").await;
    assert!(stream.is_quiet().await);
    let last = heard.id;
    drop(stream);

    let third = raise(&app, app.valley, "freezer:4").await;
    let mut again = Stream::open(&key, Some(&last)).await;
    let mut seen = Vec::new();
    while !seen.contains(&json!(third)) {
        let heard = again.next().await.unwrap();
        assert_eq!(heard.kind, "alert", "no second list");
        seen.push(heard.data["id"].clone());
    }
    assert!(again.is_quiet().await);
    for unknown in ["2020-01-01T00:00:00Z", "17", ""] {
        let heard = Stream::open(&key, Some(unknown)).await.next().await.unwrap();
        assert_eq!(heard.kind, "snapshot", "{unknown:?} is no moment that is kept");
    }
}

#[tokio::test]
async fn who_may_not_read_alerts_opens_none_and_the_list_stays_a_list() {
    let app = server().await;
    let office = app.key(app.valley, "PATIENT").await;
    assert_eq!(ask(&office, None).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(ask(&app.stranger(), None).await.status(), StatusCode::UNAUTHORIZED);
    let key = app.key(app.valley, "ADMIN").await;
    let list = key.get(PATH).await;
    assert_eq!((list.status, list.header("content-type")), (StatusCode::OK, "application/json"));
    let changes = key.get(&format!("{PATH}/changes?since=2020-01-01T00:00:00Z")).await;
    assert_eq!(changes.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(changes.text().contains("too_long_ago"), "{}", changes.text());
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Stream::open(&key, None).await);
    }
    assert_eq!(ask(&key, None).await.status(), StatusCode::TOO_MANY_REQUESTS, "five of one user");
    drop(open);
}

#[tokio::test]
async fn a_stream_ends_with_its_session_its_user_its_role_and_its_tenant() {
    let app = server().await;
    let admin = app.database.connect("salus_admin").await;
    for end in [
        "UPDATE auth.sessions SET revoked_at = now()",
        "UPDATE auth.user_roles SET valid_to = now()",
        "UPDATE auth.users SET status = 'disabled'",
        "UPDATE auth.sessions SET idle_expires_at = now()",
        "UPDATE kernel.tenants SET state = 'suspended' WHERE slug = 'valley'",
    ] {
        let session = app.session("valley", app.valley, "ADMIN").await;
        let mut stream = Stream::open(&session, None).await;
        assert_eq!(stream.next().await.unwrap().kind, "snapshot");
        let idle = "SELECT max(idle_expires_at)::text FROM auth.sessions";
        let before: String = admin.query_one(idle, &[]).await.unwrap().get(0);
        admin.batch_execute(end).await.unwrap();
        let since = Instant::now();
        assert_eq!(stream.next().await.unwrap().kind, "ended", "{end}");
        assert!(stream.next().await.is_none() && since.elapsed() < Duration::from_secs(5), "{end}");
        let after: String = admin.query_one(idle, &[]).await.unwrap().get(0);
        assert!(end.contains("idle") || before == after, "following keeps no session alive");
    }
}

#[tokio::test]
async fn a_server_that_ends_does_not_wait_for_its_streams() {
    let app = server().await;
    let key = app.key(app.valley, "ADMIN").await;
    let mut stream = Stream::open(&key, None).await;
    assert_eq!(stream.next().await.unwrap().kind, "snapshot");
    drop(app);
    assert!(stream.next().await.is_none());
}
