//! Alerts over a WebSocket, at `/ws/v1/alerts` with the subprotocol `salus.v1` (section 6.1 of the specification).
//!
//! The first message is `{"type": "hello", "token", "resume_from"}`: an API key, or a ticket of the page's own session, which travels here
//! and not in an address. Then comes `snapshot`, or with a `seq` of before `resumed`, and `alert.created`, `alert.updated`,
//! `alert.escalated` and `alert.resolved` with the alert as it stands. Each carries a `seq`; who sends the last one back hears what came
//! after it, each change once (decision 155). `{"type": "acknowledge", "id", "note", "ref"}` is answered `acknowledged` or `error`.
//!
//! What holds is what holds of the stream: what let a listener in is looked up twice a second ([`crate::alert_watch`]), what is told is
//! read through the door as them, and the connection keeps no session alive. A slow reader is told how alerts stand when it reads again.

use crate::{
    alert_watch::{News, Place},
    api,
    app::App,
    http::{Closing, Peer},
    live::own_origin,
    problem::Problem,
};
use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use salus_core::{Channel, Ctx, Error, Result};
use salus_domains::auth;
use salus_store::{Body, Call, dispatch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// The subprotocol.
const PROTOCOL: &str = "salus.v1";
/// Between two signs of life.
const PING: Duration = Duration::from_secs(25);
/// Who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Within so long somebody says who they are.
const HELLO: Duration = Duration::from_secs(10);
/// A reader this slow is no reader.
const WRITE: Duration = Duration::from_secs(30);
/// Largest message that is listened to.
const SAID_BYTES: usize = 64 * 1024;

/// What is listened to.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Hello {
        token: String,
        #[serde(default)]
        resume_from: Option<String>,
    },
    Acknowledge {
        id: Uuid,
        #[serde(default)]
        note: Option<String>,
        #[serde(default, rename = "ref")]
        reference: Value,
    },
    Pong,
}

/// GET `/ws/v1/alerts`.
pub async fn open(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    closing: Option<Extension<Closing>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
    let refused = if !offered.flat_map(|v| v.split(',')).any(|name| name.trim() == PROTOCOL) {
        Some(Error::invalid("Sec-WebSocket-Protocol", "required", "Ask for the subprotocol salus.v1"))
    } else if headers.contains_key(header::ORIGIN) {
        own_origin(&headers, app.secure).err()
    } else {
        None
    };
    if let Some(error) = refused {
        return Problem { error, request: app.db.env().id() }.into_response();
    }
    let ip = peer.map(|Extension(peer)| peer.0.to_string()).unwrap_or_default();
    let closing = closing.map(|Extension(closing)| closing);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(SAID_BYTES)
        .on_upgrade(move |socket| serve(app, socket, (headers, ip), closing))
}

type Out = SplitSink<WebSocket, Message>;

async fn serve(app: Arc<App>, socket: WebSocket, (headers, ip): (HeaderMap, String), closing: Option<Closing>) {
    let (mut out, mut heard) = socket.split();
    let hello = async {
        let Ok(Some(Ok(Message::Text(text)))) = timeout(HELLO, heard.next()).await else {
            return Err(Error::invalid("type", "required", "Say hello with a token first"));
        };
        match serde_json::from_str(&text) {
            Ok(Said::Hello { token, resume_from }) => begin(&app, (headers, ip), &token, resume_from).await,
            _ => Err(Error::invalid("type", "required", "Say hello with a token first")),
        }
    };
    let (mut listener, first) = match hello.await {
        Ok(begun) => begun,
        Err(e) => return end(&mut out, &app, e).await,
    };
    let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
    let mut last = Instant::now();
    let mut told: Result<Vec<Value>> = Ok(first);
    loop {
        match told {
            Ok(messages) => {
                if !tell(&mut out, messages).await {
                    return;
                }
            }
            Err(e) => return end(&mut out, &app, e).await,
        }
        told = tokio::select! {
            news = listener.place.news() => match news {
                Ok(news) => listener.hear(news).await,
                Err(e) => Err(e),
            },
            said = heard.next() => match said {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(message)) => {
                    last = Instant::now();
                    listener.answer(&message).await
                }
            },
            _ = ping.tick() => {
                if last.elapsed() > SILENCE {
                    return;
                }
                Ok(vec![json!({"type": "ping"})])
            },
            () = Closing::wait(closing.clone()) => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the server ends".into() };
                timeout(WRITE, out.send(Message::Close(Some(frame)))).await.ok();
                return;
            }
        };
    }
}

/// Says why the connection ends, and ends it.
async fn end(out: &mut Out, app: &App, error: Error) {
    let code = if matches!(error, Error::Internal(_)) { close_code::ERROR } else { close_code::POLICY };
    tell(out, vec![failed(app, error, &Value::Null)]).await;
    let frame = CloseFrame { code, reason: "ended".into() };
    timeout(WRITE, out.send(Message::Close(Some(frame)))).await.ok();
}

fn failed(app: &App, error: Error, reference: &Value) -> Value {
    let problem = Problem { error, request: app.db.env().id() };
    if let Error::Internal(why) = &problem.error {
        tracing::error!(request = %problem.request, %why, "internal error");
    }
    json!({"type": "error", "code": problem.error.code(), "detail": problem.detail(), "ref": reference})
}

async fn tell(out: &mut Out, messages: Vec<Value>) -> bool {
    for message in messages {
        if !matches!(timeout(WRITE, out.send(Message::Text(message.to_string().into()))).await, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

/// One who listens.
struct Listener {
    app: Arc<App>,
    /// With what they presented.
    headers: HeaderMap,
    ip: String,
    /// Who they are, as of the last change of what lets them in.
    ctx: Ctx,
    /// What was told last.
    cursor: String,
    /// Alerts that were told of on this connection.
    known: HashSet<String>,
    place: Place,
}

async fn begin(
    app: &Arc<App>,
    (mut headers, ip): (HeaderMap, String),
    token: &str,
    resume_from: Option<String>,
) -> Result<(Listener, Vec<Value>)> {
    // A key comes in the place of a cookie; a ticket only proves that a page of ours asked for the connection.
    let seat = auth::redeem(&app.db, token).await.ok();
    if seat.is_none() {
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::Unauthenticated)?;
        headers.insert(header::AUTHORIZATION, bearer);
    } else {
        headers.remove(header::AUTHORIZATION);
    }
    let ctx = api::caller(app, &headers, Channel::Api, &ip).await?;
    if seat.is_some_and(|seat| ctx.actor.session != Some(seat.session)) {
        return Err(Error::Unauthenticated);
    }
    if !ctx.may("ops.alert.read") {
        return Err(Error::Forbidden("ops.alert.read".into()));
    }
    let place = app.listeners.take(&app.db, (ctx.tenant, ctx.actor.id, ctx.actor.session)).await?;
    let mut listener = Listener {
        app: Arc::clone(app),
        headers,
        ip,
        ctx: ctx.clone(),
        cursor: resume_from.clone().unwrap_or_default(),
        known: HashSet::new(),
        place,
    };
    if resume_from.is_none_or(|cursor| cursor.is_empty()) {
        let first = listener.snapshot(ctx).await?;
        return Ok((listener, first));
    }
    let mut first = vec![json!({"type": "resumed", "seq": listener.cursor})];
    match listener.changes(ctx.clone()).await {
        Ok(messages) => first.extend(messages),
        // A place that is too long ago, or that we never said, is as good as none.
        Err(Error::Invalid(_)) => first = listener.snapshot(ctx).await?,
        Err(e) => return Err(e),
    }
    Ok((listener, first))
}

impl Listener {
    async fn ask(&self, op: &str, ctx: Ctx, query: Vec<(String, String)>) -> Result<Value> {
        let reply = dispatch(&self.app.db, self.app.op(op)?, ctx, Call { query, ..Call::default() }).await?;
        match reply.body {
            Body::Json(value) => Ok(value),
            _ => Err(Error::internal("alerts are told as JSON")),
        }
    }

    async fn after(&self, ctx: Ctx, cursor: &str) -> Result<Value> {
        self.ask("alerts.alert.changes", ctx, vec![("after".to_owned(), cursor.to_owned())]).await
    }

    /// All that is open, as it stands at the moment of its `seq`: what changed while it was read is put into it.
    async fn snapshot(&mut self, ctx: Ctx) -> Result<Vec<Value>> {
        let before = self.after(ctx.clone(), "").await?;
        let listed = self.ask("alerts.alert.live", ctx.clone(), Vec::new()).await?;
        let meanwhile = self.after(ctx, cursor(&before)?).await?;
        let mut alerts = listed["alerts"].as_array().cloned().unwrap_or_default();
        for mut changed in meanwhile["alerts"].as_array().cloned().unwrap_or_default() {
            strip(&mut changed);
            alerts.retain(|alert| alert["id"] != changed["id"]);
            if !matches!(changed["status"].as_str(), Some("RESOLVED" | "EXPIRED" | "SUPPRESSED")) {
                alerts.push(changed);
            }
        }
        cursor(&meanwhile)?.clone_into(&mut self.cursor);
        self.known = alerts.iter().filter_map(|alert| alert["id"].as_str().map(str::to_owned)).collect();
        let mut open: BTreeMap<&str, u64> = BTreeMap::new();
        for alert in &alerts {
            *open.entry(alert["severity"].as_str().unwrap_or_default()).or_default() += 1;
        }
        // Where the list leaves some out, its own counts are of all of them.
        let open = if listed["open"].as_object().is_some_and(|all| all.len() > open.len()) {
            listed["open"].clone()
        } else {
            json!(open)
        };
        Ok(vec![json!({"type": "snapshot", "seq": self.cursor, "alerts": alerts, "open": open})])
    }

    /// What changed and was not told yet.
    async fn changes(&mut self, ctx: Ctx) -> Result<Vec<Value>> {
        let found = self.after(ctx, &self.cursor).await?;
        let mut messages = Vec::new();
        for mut alert in found["alerts"].as_array().cloned().unwrap_or_default() {
            let seq = alert["cursor"].clone();
            let is_known = alert["id"].as_str().is_none_or(|id| !self.known.insert(id.to_owned()));
            let kind = match alert["status"].as_str() {
                Some("RESOLVED" | "EXPIRED") => "alert.resolved",
                Some("ESCALATED") => "alert.escalated",
                _ if !is_known && alert["is_new"] == json!(true) => "alert.created",
                _ => "alert.updated",
            };
            strip(&mut alert);
            messages.push(json!({"type": kind, "seq": seq, "alert": alert}));
        }
        cursor(&found)?.clone_into(&mut self.cursor);
        Ok(messages)
    }

    /// Who listens now.
    async fn caller(&self) -> Result<Ctx> {
        let ctx = api::caller_still(&self.app, &self.headers, &self.ip).await?;
        if ctx.may("ops.alert.read") { Ok(ctx) } else { Err(Error::Forbidden("ops.alert.read".into())) }
    }

    /// What is new: who they are is looked up where that changed, and alerts are read, and the reading recorded, where those did.
    async fn hear(&mut self, news: News) -> Result<Vec<Value>> {
        if news.access {
            self.ctx = self.caller().await?;
        }
        if !news.alerts {
            return Ok(Vec::new());
        }
        let ctx = Ctx { request: self.app.db.env().id(), ..self.ctx.clone() };
        self.changes(ctx).await
    }

    /// Answers what was said.
    async fn answer(&mut self, message: &Message) -> Result<Vec<Value>> {
        let Message::Text(text) = message else { return Ok(Vec::new()) };
        let said = serde_json::from_str::<Said>(text);
        let (id, note, reference) = match said {
            Ok(Said::Pong) => return Ok(Vec::new()),
            Ok(Said::Acknowledge { id, note, reference }) => (id, note, reference),
            Ok(Said::Hello { .. }) | Err(_) => {
                let wrong =
                    Error::invalid("type", "not_allowed", "Only acknowledge and pong are listened to after hello");
                return Ok(vec![failed(&self.app, wrong, &Value::Null)]);
            }
        };
        let ctx = self.caller().await?;
        let call =
            Call { path: vec![("id".to_owned(), id.to_string())], body: json!({"note": note}), ..Call::default() };
        let told = dispatch(&self.app.db, self.app.op("alerts.alert.acknowledge")?, ctx, call).await;
        Ok(vec![match told {
            Ok(_) => json!({"type": "acknowledged", "id": id, "ref": reference}),
            Err(e) => failed(&self.app, e, &reference),
        }])
    }
}

/// Takes off what is for us.
fn strip(alert: &mut Value) {
    if let Some(alert) = alert.as_object_mut() {
        alert.remove("cursor");
        alert.remove("is_new");
    }
}

fn cursor(told: &Value) -> Result<&str> {
    told["cursor"].as_str().ok_or_else(|| Error::internal("changes after a cursor have one"))
}
