//! P12: from the commit of an alert until each of its subscribers has heard of it on a connection that is open. The alert is raised as the
//! product raises it, with its audience, subscriptions and log of deliveries; the server is a process of its own.

use crate::{
    Sizes,
    measure::percentile,
    place::Place,
    report::{Report, Row, fault, must, progress},
};
use futures_util::{SinkExt as _, StreamExt as _};
use salus_core::{ActorKind, Ctx, Error, Result};
use salus_domains::{alerts, auth};
use salus_store::{engine::NewRow, runtime};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, handshake::client::Request},
};
use uuid::Uuid;

const SUBSCRIBERS: usize = 1_000;
/// So many follow alerts themselves, by the protocol of section 6.1 of the specification.
const FOLLOWERS: usize = 2_000;
const ROUNDS: usize = 10;
/// What nobody hears of for so long is lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// P12: the bell of pages (`/ws`), and then alerts themselves (`/ws/v1/alerts`).
///
/// # Errors
/// When a connection is refused or somebody does not hear of an alert.
pub async fn measure(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    let part = if sizes.patients < 50_000 { 10 } else { 1 };
    let (few, many) = (SUBSCRIBERS / part, FOLLOWERS / part);
    progress("P12: an alert to open connections");
    let users = subscribers(place, many).await?;
    place.serve().await?;
    let address = place.server()?.address.clone();
    let (tell, mut hear) = unbounded_channel();
    let mut bells = Vec::with_capacity(few);
    for seat in sessions(place, &users[..few]).await? {
        let ticket = auth::ticket(&place.db, &seat).await?;
        bells.push(bell(&address, &ticket, tell.clone()).await?);
    }
    let waits = alarms(place, &mut hear, few).await?;
    let work = |count: usize, way: &str, part: &str| {
        format!("{ROUNDS} alerts to {count} connections of {way}, commit to receipt, {part}")
    };
    report.rows.push(Row::fact("P12", work(few, "/ws", "p50"), (percentile(&waits, 50), "ms")));
    report.rows.push(Row::at_most("P12", work(few, "/ws", "p99"), (percentile(&waits, 99), "ms"), 500.0));
    bells.iter().for_each(tokio::task::JoinHandle::abort);
    let keys = keys(place, &users).await?;
    let mut followers = Vec::with_capacity(many);
    for (count, part, goal) in [(few, 99, 500.0), (many, 95, 1000.0)] {
        for key in &keys[followers.len()..count] {
            followers.push(follow(&address, key, tell.clone()).await?);
            // Who came before hears nothing of it.
            heard(&mut hear, 1).await?;
        }
        let waits = alarms(place, &mut hear, count).await?;
        let way = "/ws/v1/alerts";
        report.rows.push(Row::fact("P12", work(count, way, "p50"), (percentile(&waits, 50), "ms")));
        let percent = format!("p{part}");
        report.rows.push(Row::at_most("P12", work(count, way, &percent), (percentile(&waits, part), "ms"), goal));
    }
    place.stop_serving().await;
    Ok(())
}

/// How long each connection waited for each alert, in order.
async fn alarms(place: &Place, hear: &mut UnboundedReceiver<Instant>, count: usize) -> Result<Vec<u64>> {
    let mut waits = Vec::with_capacity(count * ROUNDS);
    for _ in 0..ROUNDS {
        let mut tx = place.db.begin(Ctx::operator(place.db.env(), place.tenant), false).await?;
        let subject = place.db.env().id().to_string();
        let raised = alerts::Raised {
            key: &format!("bench:{subject}"),
            severity: "HIGH",
            category: "OPERATIONS",
            title: "The vaccine freezer is warm",
            school: None,
            subject: &subject,
        };
        alerts::raise(&mut tx, &raised).await?;
        tx.commit("alerts.alert.raise", "alerts.alert_instances").await?;
        let committed = Instant::now();
        for at in heard(hear, count).await? {
            waits.push(u64::try_from(at.saturating_duration_since(committed).as_micros()).unwrap_or(u64::MAX));
        }
    }
    waits.sort_unstable();
    Ok(waits)
}

/// When each of so many messages came.
async fn heard(hear: &mut UnboundedReceiver<Instant>, count: usize) -> Result<Vec<Instant>> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let at = tokio::time::timeout(PATIENCE, hear.recv()).await.ok().flatten();
        all.push(at.ok_or_else(|| Error::internal(format!("{} of {count} heard of it", all.len())))?);
    }
    Ok(all)
}

/// People who may read alerts, and a subscription of each to all of them.
async fn subscribers(place: &Place, count: usize) -> Result<Vec<Uuid>> {
    let env = place.db.env();
    let mut tx = place.db.begin(Ctx::operator(env, place.tenant), false).await?;
    let row = |values: Value| NewRow { id: env.id(), values: values.as_object().cloned().unwrap_or_default() };
    let permission = row(json!({"name": "WATCH", "patterns": ["ops.alert.read", "ops.alert.ack"]}));
    let role = row(json!({"name": "watcher", "scope": "tenant"}));
    let given = row(json!({"role_id": role.id, "permission_id": permission.id}));
    let role_id = role.id;
    for (table, one) in [("auth.permissions", permission), ("auth.roles", role), ("auth.role_permissions", given)] {
        tx.insert(table, &[one]).await?;
    }
    let person = |n: usize| {
        let email = format!("watcher{n}@example.com");
        row(json!({"kind": "staff", "email": email, "display_name": format!("Watcher {n}"), "status": "active"}))
    };
    let users: Vec<NewRow> = (0..count).map(person).collect();
    let roles: Vec<NewRow> = users.iter().map(|u| row(json!({"user_id": u.id, "role_id": role_id}))).collect();
    let wishes: Vec<NewRow> =
        users.iter().map(|u| row(json!({"user_id": u.id, "channels": ["IN_APP", "WEBSOCKET"]}))).collect();
    for (table, all) in [("auth.users", &users), ("auth.user_roles", &roles), ("alerts.alert_subscriptions", &wishes)] {
        for some in all.chunks(500) {
            tx.insert(table, some).await?;
        }
    }
    tx.commit("kernel.demo.load", "auth.users").await?;
    Ok(users.iter().map(|u| u.id).collect())
}

/// A session for each, as its caller.
async fn sessions(place: &Place, users: &[Uuid]) -> Result<Vec<Ctx>> {
    let admin = place.connect("salus_admin").await?;
    let sql = "INSERT INTO auth.sessions (tenant_id, id, user_id, kind, token_hash, idle_expires_at, expires_at) \
               SELECT $1, gen_random_uuid(), u, 'browser', sha256(u::text::bytea), now() + interval '1 hour', \
                 now() + interval '1 hour' FROM unnest($2::uuid[]) u RETURNING id, user_id";
    let made = admin.query(sql, &[&place.tenant, &users]).await.map_err(fault)?;
    let caller = |row: &tokio_postgres::Row| {
        let mut ctx = Ctx::system(place.db.env(), place.tenant);
        ctx.actor.kind = ActorKind::User;
        ctx.actor.id = row.get(1);
        ctx.actor.session = Some(row.get(0));
        ctx
    };
    must(made.len() == users.len(), "not everybody has a session")?;
    Ok(made.iter().map(caller).collect())
}

/// A key for each.
async fn keys(place: &Place, users: &[Uuid]) -> Result<Vec<String>> {
    let ctx = Ctx::operator(place.db.env(), place.tenant);
    let mut keys = Vec::with_capacity(users.len());
    for user in users {
        let new = auth::NewApiKey { name: "alerts", days: 1, ..auth::NewApiKey::default() };
        keys.push(auth::create_api_key(&place.db, &ctx, *user, &new).await?.text);
    }
    Ok(keys)
}

type Listening = tokio::task::JoinHandle<()>;

/// Opens a connection of a page's bell and says when each message comes. It is first told what waits, and that is waited for.
async fn bell(address: &str, ticket: &str, tell: UnboundedSender<Instant>) -> Result<Listening> {
    let mut request = format!("ws://{address}/ws?ticket={ticket}").into_client_request().map_err(fault)?;
    request.headers_mut().insert("origin", format!("http://{address}").parse().map_err(fault)?);
    let mut socket = connect(address, request).await?;
    said(&mut socket, "unread").await?;
    Ok(listen(socket, "unread", tell))
}

/// Opens a connection that follows alerts; the snapshot is the first thing that is told of.
async fn follow(address: &str, key: &str, tell: UnboundedSender<Instant>) -> Result<Listening> {
    let mut request = format!("ws://{address}/ws/v1/alerts").into_client_request().map_err(fault)?;
    request.headers_mut().insert("sec-websocket-protocol", "salus.v1".parse().map_err(fault)?);
    let mut socket = connect(address, request).await?;
    let hello = json!({"type": "hello", "token": key}).to_string();
    socket.send(Message::Text(hello.into())).await.map_err(fault)?;
    said(&mut socket, "snapshot").await?;
    let _ = tell.send(Instant::now());
    Ok(listen(socket, "alert.created", tell))
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(address: &str, request: Request) -> Result<Socket> {
    let stream = TcpStream::connect(address).await.map_err(fault)?;
    Ok(client_async(request, stream).await.map_err(fault)?.0)
}

/// Waits for a message that has this in it.
async fn said(socket: &mut Socket, what: &str) -> Result<()> {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.ok().flatten() {
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(Message::Text(text))) if text.contains(what) => return Ok(()),
            other => return Err(Error::internal(format!("{other:?} instead of {what}"))),
        }
    }
}

/// Says when each such message comes.
fn listen(mut socket: Socket, what: &'static str, tell: UnboundedSender<Instant>) -> Listening {
    runtime::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let is_it = matches!(&message, Message::Text(text) if text.contains(what));
            if is_it && tell.send(Instant::now()).is_err() {
                return;
            }
        }
    })
}
