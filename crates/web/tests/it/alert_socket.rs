//! Alerts over a WebSocket, by the protocol of section 6.1: over a real socket, across connections that break, and what ends one.

use crate::{
    alert_stream::see_to_alerts,
    live::{Socket, a_ticket, next},
};
use futures_util::{SinkExt as _, StreamExt as _};
use salus_core::Ctx;
use salus_domains::alerts::{self, Raised};
use salus_testkit::{Caller, TestApp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

const PATH: &str = "/api/v1/alerts/real-time";

async fn connect(app: &TestApp, headers: &[(&'static str, String)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/ws/v1/alerts", app.address()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match client_async(request, TcpStream::connect(app.address()).await.unwrap()).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "salus.v1");
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(e) => panic!("{e}"),
    }
}

fn protocol() -> (&'static str, String) {
    ("sec-websocket-protocol", "salus.v1".into())
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::Text(message.to_string().into())).await.unwrap();
}

async fn hello(app: &TestApp, token: &str, resume_from: Option<&Value>) -> Socket {
    let mut socket = connect(app, &[protocol()]).await.unwrap();
    say(&mut socket, json!({"type": "hello", "token": token, "resume_from": resume_from})).await;
    socket
}

/// Whether nothing more comes within a second and a half.
async fn is_quiet(socket: &mut Socket) -> bool {
    tokio::time::timeout(Duration::from_millis(1500), socket.next()).await.is_err()
}

async fn raise(app: &TestApp, tenant: Uuid, key: &str, severity: &str) -> Uuid {
    let mut tx = app.db.begin(Ctx::system(app.db.env(), tenant), false).await.unwrap();
    let title = "The vaccine freezer is warm";
    let raised = Raised { key, severity, category: "OPERATIONS", title, school: None, subject: "test" };
    let id = alerts::raise(&mut tx, &raised).await.unwrap();
    tx.commit("test.raise", "alerts.alert_instances").await.unwrap();
    id
}

async fn server() -> (TestApp, Caller, String) {
    let app = TestApp::new().await;
    see_to_alerts(&app, "ADMIN").await;
    let key = app.key(app.valley, "ADMIN").await;
    let token = bearer(&key);
    (app, key, token)
}

/// The key of a program.
fn bearer(caller: &Caller) -> String {
    caller.credential().unwrap().1.strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn alerts_come_as_they_change_are_acknowledged_and_are_told_once_across_connections() {
    let (app, key, token) = server().await;
    let first = raise(&app, app.valley, "freezer:1", "LOW").await;
    let mut socket = hello(&app, &token, None).await;
    let heard = next(&mut socket).await;
    assert_eq!(
        (&heard["type"], &heard["open"], &heard["alerts"][0]["id"]),
        (&json!("snapshot"), &json!({"LOW": 1}), &json!(first))
    );
    let second = raise(&app, app.valley, "freezer:2", "HIGH").await;
    let heard = next(&mut socket).await;
    assert_eq!((&heard["type"], &heard["alert"]["id"]), (&json!("alert.created"), &json!(second)));
    assert!(heard["alert"].get("body").is_none() && heard["alert"].get("patient_id").is_none(), "{heard}");
    say(&mut socket, json!({"type": "acknowledge", "id": second, "note": "On my way", "ref": 7})).await;
    let mut both = [next(&mut socket).await, next(&mut socket).await];
    both.sort_by_key(|message| message["type"].as_str().unwrap().to_owned());
    assert_eq!(both[0], json!({"type": "acknowledged", "id": second, "ref": 7}));
    assert_eq!((&both[1]["type"], &both[1]["alert"]["status"]), (&json!("alert.updated"), &json!("ACKNOWLEDGED")));
    raise(&app, app.austa, "freezer:3", "HIGH").await;
    assert!(is_quiet(&mut socket).await, "another organization's");
    let seq = both[1]["seq"].clone();
    drop(socket);

    // Away: one is resolved, one is escalated, one is new.
    let done = key.post(&format!("{PATH}/{first}/resolve"), &json!({"resolution_code": "FIXED"})).await;
    assert!(done.status.is_success(), "{}", done.text());
    let third = raise(&app, app.valley, "freezer:4", "HIGH").await;
    // As the job does that carries the chain on, which no test server runs.
    let up =
        format!("UPDATE alerts.alert_instances SET status = 'ESCALATED', escalation_level = 2 WHERE id = '{third}'");
    app.database.connect("salus_admin").await.batch_execute(&up).await.unwrap();
    let mut again = hello(&app, &token, Some(&seq)).await;
    assert_eq!(next(&mut again).await["type"], "resumed");
    let (one, two) = (next(&mut again).await, next(&mut again).await);
    assert_eq!((&one["type"], &one["alert"]["id"]), (&json!("alert.resolved"), &json!(first)));
    assert_eq!((&two["type"], &two["alert"]["id"]), (&json!("alert.escalated"), &json!(third)));
    assert!(is_quiet(&mut again).await, "nothing twice");
    // From the middle of what came, only the rest comes.
    let mut middle = hello(&app, &token, Some(&one["seq"])).await;
    assert_eq!(next(&mut middle).await["type"], "resumed");
    assert_eq!(next(&mut middle).await["alert"]["id"], json!(third));
    assert!(is_quiet(&mut middle).await);
    for unknown in ["17", "1.1.1", "1.9999999999999999.99999999999"] {
        let mut socket = hello(&app, &token, Some(&json!(unknown))).await;
        assert_eq!(next(&mut socket).await["type"], "snapshot", "{unknown} is no place that is kept");
    }
}

/// A transaction that began before and commits after everything else, and connections that break at every message.
#[tokio::test]
async fn nothing_is_lost_and_nothing_doubled_whenever_it_commits_and_wherever_a_connection_breaks() {
    let (app, _, token) = server().await;
    let mut socket = hello(&app, &token, None).await;
    let mut seq = next(&mut socket).await["seq"].clone();
    drop(socket);
    let mut slow = app.db.begin(Ctx::system(app.db.env(), app.valley), false).await.unwrap();
    let title = "The vaccine freezer is warm";
    let raised =
        Raised { key: "slow:1", severity: "LOW", category: "OPERATIONS", title, school: None, subject: "test" };
    let late = alerts::raise(&mut slow, &raised).await.unwrap();
    let mut wanted = vec![late];
    for n in 0..4 {
        wanted.push(raise(&app, app.valley, &format!("quick:{n}"), "LOW").await);
    }
    let mut heard: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4 {
        // One message, and the connection breaks.
        let mut socket = hello(&app, &token, Some(&seq)).await;
        assert_eq!(next(&mut socket).await["type"], "resumed");
        let message = next(&mut socket).await;
        *heard.entry(message["alert"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
        seq = message["seq"].clone();
    }
    assert!(!heard.contains_key(&late.to_string()));
    slow.commit("test.raise", "alerts.alert_instances").await.unwrap();
    wanted.push(raise(&app, app.valley, "after:1", "LOW").await);
    let mut socket = hello(&app, &token, Some(&seq)).await;
    assert_eq!(next(&mut socket).await["type"], "resumed");
    for _ in 0..2 {
        let message = next(&mut socket).await;
        *heard.entry(message["alert"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(is_quiet(&mut socket).await);
    let wanted: BTreeMap<String, usize> = wanted.iter().map(|id| (id.to_string(), 1)).collect();
    assert_eq!(heard, wanted);
}

#[tokio::test]
async fn who_they_are_is_said_first_by_the_protocol_and_no_longer_than_it_holds() {
    let (app, _, token) = server().await;
    assert_eq!(connect(&app, &[]).await.err(), Some(422), "no subprotocol");
    let evil = ("origin", "https://evil.example".to_owned());
    assert_eq!(connect(&app, &[protocol(), evil]).await.err(), Some(403));
    for (first, code) in [
        (json!({"type": "hello", "token": "slk_nobody"}), "unauthenticated"),
        (json!({"type": "acknowledge", "id": Uuid::nil()}), "validation_failed"),
        (json!({"type": "hello", "token": token, "more": 1}), "validation_failed"),
        (json!({"type": "hello", "token": bearer(&app.key(app.valley, "PATIENT").await)}), "permission_denied"),
    ] {
        let mut socket = connect(&app, &[protocol()]).await.unwrap();
        say(&mut socket, first.clone()).await;
        let told = next(&mut socket).await;
        assert_eq!((&told["type"], &told["code"]), (&json!("error"), &json!(code)), "{first}");
        assert_eq!(next(&mut socket).await, Value::Null, "and it ends");
    }
    let mut socket = hello(&app, &token, None).await;
    assert_eq!(next(&mut socket).await["type"], "snapshot");
    for wrong in
        [json!({"type": "hello", "token": token}), json!({"type": "acknowledge", "id": Uuid::nil(), "ref": "x"})]
    {
        say(&mut socket, wrong).await;
        assert_eq!(next(&mut socket).await["type"], "error", "the connection goes on");
    }
    app.database
        .connect("salus_admin")
        .await
        .batch_execute("UPDATE auth.user_roles SET valid_to = now()")
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await["type"], "error");
    assert_eq!(next(&mut socket).await, Value::Null, "a role that was taken away");
}

#[tokio::test]
async fn a_page_comes_with_its_session_and_a_ticket_of_it() {
    let (app, _, _) = server().await;
    let session = app.session("valley", app.valley, "ADMIN").await;
    let cookie = ("cookie", session.credential().unwrap().1.clone());
    let origin = ("origin", format!("http://{}", app.address()));
    let mut socket = connect(&app, &[protocol(), cookie.clone(), origin.clone()]).await.unwrap();
    say(&mut socket, json!({"type": "hello", "token": a_ticket(&session).await})).await;
    assert_eq!(next(&mut socket).await["type"], "snapshot");
    // A ticket is of the session that asked for it; another's cookie does not do.
    let other = app.session("valley", app.valley, "ADMIN").await;
    let mut socket = connect(&app, &[protocol(), cookie, origin]).await.unwrap();
    say(&mut socket, json!({"type": "hello", "token": a_ticket(&other).await})).await;
    assert_eq!(next(&mut socket).await["code"], "unauthenticated");
}

#[tokio::test]
async fn what_is_taken_from_one_ends_theirs_and_what_is_taken_from_all_ends_all() {
    let (app, _, _) = server().await;
    let admin = app.database.connect("salus_admin").await;
    let id = raise(&app, app.valley, "freezer:1", "LOW").await;
    let mut sockets = Vec::new();
    for _ in 0..12 {
        let token = bearer(&app.key(app.valley, "ADMIN").await);
        let mut socket = hello(&app, &token, None).await;
        assert_eq!(next(&mut socket).await["type"], "snapshot");
        sockets.push(socket);
    }
    let newest =
        "UPDATE auth.api_keys SET revoked_at = now() WHERE created_at = (SELECT max(created_at) FROM auth.api_keys)";
    admin.batch_execute(newest).await.unwrap();
    let mut gone = sockets.pop().unwrap();
    assert_eq!(next(&mut gone).await["code"], "unauthenticated");
    assert_eq!(next(&mut gone).await, Value::Null);
    // As another node does it: nothing rings here.
    let up = format!("UPDATE alerts.alert_instances SET status = 'ESCALATED', escalation_level = 2 WHERE id = '{id}'");
    admin.batch_execute(&up).await.unwrap();
    for socket in &mut sockets {
        let heard = next(socket).await;
        assert_eq!((&heard["type"], &heard["alert"]["id"]), (&json!("alert.escalated"), &json!(id)));
    }
    // What a role gives is changed, not who holds it.
    admin.batch_execute("DELETE FROM auth.role_permissions").await.unwrap();
    for socket in &mut sockets {
        assert_eq!(next(socket).await["code"], "permission_denied");
        assert_eq!(next(socket).await, Value::Null);
    }
}
