//! Live connections: a page that is open learns within a moment that something waits for its user.
//!
//! What holds: a connection is opened with a ticket from a session, from a page of ours; nothing is sent before the
//! session, its user and the tenant were found living in the same look at the database; when one of them ends the
//! connection is closed, within a second. A message says how many notifications are unread and nothing else, so one that
//! is lost is made good by the next. What a browser sends is not listened to.
//!
//! A [`Hub`] looks when a transaction of this node committed an event, and four times a second for what other nodes did.

use crate::{api, app::App, problem::Problem};
use axum::{
    Json,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt as _, StreamExt as _};
use salus_core::{Channel, Error, Result};
use salus_domains::auth::{self, Seat};
use salus_store::{Db, runtime};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::sync::{broadcast::error::RecvError, watch};
use uuid::Uuid;

/// Between two looks when nothing rings.
const LOOK: Duration = Duration::from_millis(250);
/// Between two signs of life that are asked for.
const PING: Duration = Duration::from_secs(20);
/// A connection without one is gone.
const SILENCE: Duration = Duration::from_mins(1);
/// A reader this slow is no reader.
const WRITE: Duration = Duration::from_secs(30);
/// Connections of one node.
const MOST: usize = 4096;
/// Connections of one user.
const MOST_EACH: usize = 20;
/// Largest message a browser may send; it has nothing to say.
const SAID_BYTES: usize = 4096;

/// What a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing yet.
    Wait,
    /// So many are unread; the newest was made then. What was read while another came is news all the same.
    Unread(i64, Option<OffsetDateTime>),
    /// The session has ended.
    Ended,
}

/// The live connections of a node.
#[derive(Default)]
pub struct Hub(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    /// Tenant, then number of the connection.
    taken: HashMap<Uuid, HashMap<u64, Sitting>>,
    next: u64,
    /// Whether somebody looks.
    watched: bool,
}

struct Sitting {
    seat: Seat,
    say: watch::Sender<Told>,
}

impl Hub {
    /// Takes a seat; the receiver says what to tell. It is given up when the receiver is dropped.
    fn sit(self: &Arc<Self>, db: &Db, seat: Seat) -> Result<watch::Receiver<Told>> {
        let (say, told) = watch::channel(Told::Wait);
        let mut seats = self.lock();
        let all: usize = seats.taken.values().map(HashMap::len).sum();
        let own = |seats: &Seats| {
            seats.taken.get(&seat.tenant).map_or(0, |t| t.values().filter(|s| s.seat.user == seat.user).count())
        };
        if all >= MOST || own(&seats) >= MOST_EACH {
            return Err(Error::TooMany(60));
        }
        let number = seats.next;
        seats.next += 1;
        seats.taken.entry(seat.tenant).or_default().insert(number, Sitting { seat, say });
        if !std::mem::replace(&mut seats.watched, true) {
            runtime::spawn(Arc::clone(self).watch(db.clone()));
        }
        Ok(told)
    }

    /// Looks until nobody sits any more.
    async fn watch(self: Arc<Self>, db: Db) {
        let mut commits = db.commits();
        loop {
            let rung = tokio::time::timeout(LOOK, commits.recv()).await;
            let mut tenants: HashSet<Uuid> = match rung {
                Ok(Ok(tenant)) => HashSet::from([tenant]),
                // Time is up, or some were missed: everybody is looked at.
                Ok(Err(RecvError::Lagged(_))) | Err(_) => self.lock().taken.keys().copied().collect(),
                Ok(Err(RecvError::Closed)) => return,
            };
            // What rang meanwhile is seen by the same look.
            while let Ok(tenant) = commits.try_recv() {
                tenants.insert(tenant);
            }
            for tenant in tenants {
                self.look(&db, tenant).await;
            }
            let mut seats = self.lock();
            if seats.taken.is_empty() {
                seats.watched = false;
                return;
            }
        }
    }

    /// Tells everybody of one tenant what is new for them.
    async fn look(&self, db: &Db, tenant: Uuid) {
        let sessions: HashSet<Uuid> = {
            let mut seats = self.lock();
            let Some(taken) = seats.taken.get_mut(&tenant) else { return };
            taken.retain(|_, s| !s.say.is_closed());
            let sessions = taken.values().map(|s| s.seat.session).collect();
            if taken.is_empty() {
                seats.taken.remove(&tenant);
            }
            sessions
        };
        if sessions.is_empty() {
            return;
        }
        let asked: Vec<Uuid> = sessions.iter().copied().collect();
        let living = match auth::living(db, tenant, &asked).await {
            Ok(living) => living,
            // Closed, with its keys destroyed.
            Err(Error::NotFound) => HashMap::new(),
            Err(e) => {
                tracing::info!(%tenant, error = %e, "live connections cannot be told what is new");
                return;
            }
        };
        let mut seats = self.lock();
        let Some(taken) = seats.taken.get_mut(&tenant) else { return };
        // Who sat down during the look has not been asked about.
        taken.retain(|_, s| {
            let known = living.get(&s.seat.session).filter(|waiting| waiting.user == s.seat.user);
            let tell = match known {
                Some(waiting) => Told::Unread(waiting.unread, waiting.newest),
                None if sessions.contains(&s.seat.session) => Told::Ended,
                None => return true,
            };
            s.say.send_if_modified(|was| std::mem::replace(was, tell) != tell);
            tell != Told::Ended
        });
        if taken.is_empty() {
            seats.taken.remove(&tenant);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// POST `/ws/ticket`.
pub async fn ticket(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let made = async {
        api::same_site(&headers, true)?;
        let ctx = api::caller(&app, &headers, Channel::Page, "").await?;
        auth::ticket(&app.db, &ctx).await
    };
    match made.await {
        Ok(ticket) => Json(json!({ "ticket": ticket })).into_response(),
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}

/// GET `/ws?ticket=…`.
pub async fn open(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let opened = async {
        own_origin(&headers, app.secure)?;
        let seat = auth::redeem(&app.db, query.get("ticket").map_or("", String::as_str)).await?;
        app.live.sit(&app.db, seat)
    };
    match opened.await {
        Ok(told) => upgrade.max_message_size(SAID_BYTES).on_upgrade(move |socket| serve(socket, told)),
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}

/// Refuses a page of another origin. Every browser says where a page is from.
pub(crate) fn own_origin(headers: &HeaderMap, secure: bool) -> Result<()> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let scheme = if secure { "https://" } else { "http://" };
    let own = match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.strip_prefix(scheme) == Some(host),
        _ => false,
    };
    if own { Ok(()) } else { Err(Error::Forbidden("a page of this server".into())) }
}

/// Speaks to one browser until either side is gone.
async fn serve(socket: WebSocket, mut told: watch::Receiver<Told>) {
    let (mut out, mut heard) = socket.split();
    let mut ping = tokio::time::interval(PING);
    let mut last = tokio::time::Instant::now();
    loop {
        let message = tokio::select! {
            changed = told.changed() => {
                let now = *told.borrow_and_update();
                match (changed, now) {
                    (Ok(()), Told::Unread(n, _)) => Message::Text(json!({"type": "notifications", "unread": n}).to_string().into()),
                    (Ok(()), Told::Wait) => continue,
                    (_, Told::Ended) | (Err(_), _) => {
                        let frame = CloseFrame { code: close_code::POLICY, reason: "the session has ended".into() };
                        tokio::time::timeout(WRITE, out.send(Message::Close(Some(frame)))).await.ok();
                        return;
                    }
                }
            }
            said = heard.next() => match said {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {
                    last = tokio::time::Instant::now();
                    continue;
                }
            },
            _ = ping.tick() => {
                if last.elapsed() > SILENCE {
                    return;
                }
                Message::Ping(axum::body::Bytes::new())
            }
        };
        if !matches!(tokio::time::timeout(WRITE, out.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_server_opens_a_connection() {
        let headers = |origin: Option<&str>, host: &str| {
            let mut all = HeaderMap::new();
            if let Some(origin) = origin {
                all.insert(header::ORIGIN, origin.parse().unwrap());
            }
            all.insert(header::HOST, host.parse().unwrap());
            all
        };
        let host = "salus.example:8443";
        assert!(own_origin(&headers(Some("https://salus.example:8443"), host), true).is_ok());
        for other in [
            None,
            Some("null"),
            Some("http://salus.example:8443"),
            Some("https://salus.example"),
            Some("https://salus.example:8443.evil.example"),
            Some("https://evil.example/https://salus.example:8443"),
            Some("https://evil.example"),
        ] {
            assert!(own_origin(&headers(other, host), true).is_err(), "{other:?}");
        }
    }
}
