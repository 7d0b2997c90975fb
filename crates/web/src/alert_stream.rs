//! Alerts as a stream of server-sent events, at the address of their list: GET `/api/v1/alerts/real-time` with `Accept: text/event-stream`.
//!
//! What holds: what let a follower in is looked up twice a second ([`crate::alert_watch`]), and what is told is read through the door as
//! them, so that a session, a role or a school that was taken away tells nothing more within a second; the stream does not keep a session
//! alive.
//! An event says how an alert stands, not what happened to it. Its id is a moment: after a broken connection the browser sends it
//! back (`Last-Event-ID`), and what changed since comes first, up to 24 hours back; what changed shortly before it may come again.

use crate::{
    alert_watch::{News, Place},
    api,
    app::App,
    http::{Closing, Peer},
    problem::Problem,
};
use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use salus_core::{Channel, Ctx, Error, Result};
use salus_store::{Body, Call, dispatch, runtime};
use serde_json::{Value, json};
use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::mpsc;

/// The address.
const PATH: &str = "/api/v1/alerts/real-time";
/// Between two signs of life.
const PING: Duration = Duration::from_secs(25);
/// A reader this slow is no reader.
const WRITE: Duration = Duration::from_secs(30);
/// After so long a browser asks again when the connection breaks.
const RETRY: Duration = Duration::from_secs(3);
/// So far back changes are compared: what was told is not told again.
const SPAN: time::Duration = time::Duration::minutes(10);
/// Whether a request asks for the stream.
pub fn is_asked(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = |part: &str| part.split(';').next().unwrap_or_default().trim() == "text/event-stream";
    request.method() == Method::GET && request.uri().path() == PATH && accepts.split(',').any(kind)
}

/// Begins to stream.
pub async fn open(app: Arc<App>, request: Request) -> Response {
    let ip = request.extensions().get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    let closing = request.extensions().get::<Closing>().cloned();
    match begin(&app, request.headers().clone(), ip).await {
        Ok((follower, first)) => {
            let (say, heard) = mpsc::channel(16);
            runtime::spawn(follower.follow(first, say, closing));
            let events = stream::unfold(heard, |mut heard| async move { Some((heard.recv().await?, heard)) });
            let events = Sse::new(events).keep_alive(KeepAlive::new().interval(PING).text("ping"));
            (
                [(header::CACHE_CONTROL, "no-store"), (header::HeaderName::from_static("x-accel-buffering"), "no")],
                events,
            )
                .into_response()
        }
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}

type Say = mpsc::Sender<std::result::Result<Event, Infallible>>;

/// One who follows.
struct Follower {
    app: Arc<App>,
    headers: HeaderMap,
    ip: String,
    /// Who they are, as of the last change of what lets them in.
    ctx: Ctx,
    /// From when changes are asked for.
    since: OffsetDateTime,
    /// The moment of the latest answer.
    at: OffsetDateTime,
    /// How the alerts stood that were told lately.
    told: HashMap<String, i64>,
    place: Place,
}

async fn begin(app: &Arc<App>, headers: HeaderMap, ip: String) -> Result<(Follower, Vec<Event>)> {
    let ctx = api::caller(app, &headers, Channel::Api, &ip).await?;
    let place = app.listeners.take(&app.db, (ctx.tenant, ctx.actor.id, ctx.actor.session)).await?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let last = last.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let now = app.db.env().now();
    let mut follower = Follower {
        app: Arc::clone(app),
        headers,
        ip,
        ctx: ctx.clone(),
        since: last.unwrap_or(now),
        at: now,
        told: HashMap::new(),
        place,
    };
    let first = match last {
        // A moment that is too long ago, or that we never said, is as good as none.
        Some(_) => match follower.changes(ctx.clone()).await {
            Ok(events) => events,
            Err(Error::Invalid(_)) => follower.snapshot(ctx).await?,
            Err(e) => return Err(e),
        },
        None => follower.snapshot(ctx).await?,
    };
    Ok((follower, first))
}

impl Follower {
    async fn ask(&self, op: &str, ctx: Ctx, query: Vec<(String, String)>) -> Result<Value> {
        let reply = dispatch(&self.app.db, self.app.op(op)?, ctx, Call { query, ..Call::default() }).await?;
        match reply.body {
            Body::Json(value) => Ok(value),
            _ => Err(Error::internal("alerts are told as JSON")),
        }
    }

    /// All that is open. What changes meanwhile is told afterwards: the moment is taken before.
    async fn snapshot(&mut self, ctx: Ctx) -> Result<Vec<Event>> {
        let before = self.ask("alerts.alert.changes", ctx.clone(), Vec::new()).await?;
        self.since = moment(&before)?;
        self.at = self.since;
        let all = self.ask("alerts.alert.live", ctx, Vec::new()).await?;
        self.told = standing(&all["alerts"]);
        Ok(vec![self.event("snapshot", &json!({"alerts": all["alerts"], "open": all["open"]}))?])
    }

    /// What changed and was not told yet.
    async fn changes(&mut self, ctx: Ctx) -> Result<Vec<Event>> {
        let since = vec![("since".to_owned(), self.since.format(&Rfc3339).map_err(Error::internal)?)];
        let found = self.ask("alerts.alert.changes", ctx.clone(), since).await?;
        if found["more"] == true {
            return self.snapshot(ctx).await;
        }
        self.at = moment(&found)?;
        self.since = self.since.max(self.at - SPAN);
        let mut events = Vec::new();
        for alert in found["alerts"].as_array().into_iter().flatten() {
            let known = alert["id"].as_str().and_then(|id| self.told.get(id)).copied();
            if known != alert["row_version"].as_i64() {
                events.push(self.event("alert", alert)?);
            }
        }
        self.told = standing(&found["alerts"]);
        Ok(events)
    }

    fn event(&self, kind: &str, data: &Value) -> Result<Event> {
        let id = self.at.format(&Rfc3339).map_err(Error::internal)?;
        Ok(Event::default().event(kind).id(id).retry(RETRY).data(data.to_string()))
    }

    /// Tells what is new until either side is gone, the caller is not let in any more, or the server ends.
    async fn follow(mut self, first: Vec<Event>, say: Say, closing: Option<Closing>) {
        if !tell(&say, first).await {
            return;
        }
        loop {
            let news = tokio::select! {
                news = self.place.news() => news,
                () = say.closed() => return,
                () = Closing::wait(closing.clone()) => return,
            };
            let told = match news {
                Ok(news) => self.hear(news).await,
                Err(e) => Err(e),
            };
            match told {
                Ok(events) => {
                    if !tell(&say, events).await {
                        return;
                    }
                }
                Err(Error::Unauthenticated | Error::Forbidden(_) | Error::NotFound) => {
                    let over = Event::default().event("ended").data("{}");
                    tell(&say, vec![over]).await;
                    return;
                }
                // The browser asks again, and is told why if that goes on.
                Err(e) => {
                    tracing::info!(error = %e, "a stream of alerts ends");
                    return;
                }
            }
        }
    }

    /// What is new: who they are is looked up where that changed, and alerts are read, and the reading recorded, where those did.
    async fn hear(&mut self, news: News) -> Result<Vec<Event>> {
        if news.access {
            self.ctx = api::caller_still(&self.app, &self.headers, &self.ip).await?;
            if !self.ctx.may("ops.alert.read") {
                return Err(Error::Forbidden("ops.alert.read".into()));
            }
        }
        if !news.alerts {
            return Ok(Vec::new());
        }
        let ctx = Ctx { request: self.app.db.env().id(), ..self.ctx.clone() };
        self.changes(ctx).await
    }
}

async fn tell(say: &Say, events: Vec<Event>) -> bool {
    for event in events {
        if !matches!(tokio::time::timeout(WRITE, say.send(Ok(event))).await, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

fn moment(told: &Value) -> Result<OffsetDateTime> {
    let at = told["at"].as_str().ok_or_else(|| Error::internal("changes say of when they are"))?;
    OffsetDateTime::parse(at, &Rfc3339).map_err(Error::internal)
}

fn standing(alerts: &Value) -> HashMap<String, i64> {
    let one = |alert: &Value| Some((alert["id"].as_str()?.to_owned(), alert["row_version"].as_i64()?));
    alerts.as_array().into_iter().flatten().filter_map(one).collect()
}
