//! P12: from the commit of an alert until each of its subscribers has heard of it on a connection that is open. The alert is raised as the
//! product raises it, with its audience, subscriptions and log of deliveries; the server is a process of its own.

use crate::{
    Sizes,
    measure::percentile,
    place::Place,
    report::{Report, Row, fault, must, progress},
};
use futures_util::StreamExt as _;
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
    client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

const SUBSCRIBERS: usize = 1_000;
const ROUNDS: usize = 10;
/// What nobody hears of for so long is lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// P12.
///
/// # Errors
/// When a connection is refused or somebody does not hear of an alert.
pub async fn measure(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    let count = if sizes.patients < 50_000 { 100 } else { SUBSCRIBERS };
    progress("P12: an alert to open connections");
    let users = subscribers(place, count).await?;
    place.serve().await?;
    let address = place.server()?.address.clone();
    let (tell, mut hear) = unbounded_channel();
    for seat in sessions(place, &users).await? {
        let ticket = auth::ticket(&place.db, &seat).await?;
        listen(&address, &ticket, tell.clone()).await?;
    }
    // Each is first told what waits.
    heard(&mut hear, count).await?;
    let mut waits = Vec::with_capacity(count * ROUNDS);
    for round in 0..ROUNDS {
        let mut tx = place.db.begin(Ctx::operator(place.db.env(), place.tenant), false).await?;
        let (key, subject) = (format!("bench:{round}"), round.to_string());
        let raised = alerts::Raised {
            key: &key,
            severity: "HIGH",
            category: "OPERATIONS",
            title: "The vaccine freezer is warm",
            school: None,
            subject: &subject,
        };
        alerts::raise(&mut tx, &raised).await?;
        tx.commit("alerts.alert.raise", "alerts.alert_instances").await?;
        let committed = Instant::now();
        for at in heard(&mut hear, count).await? {
            waits.push(u64::try_from(at.saturating_duration_since(committed).as_micros()).unwrap_or(u64::MAX));
        }
    }
    waits.sort_unstable();
    let work = |part: &str| format!("{ROUNDS} alerts to {count} open connections, commit to receipt, {part}");
    report.rows.push(Row::fact("P12", work("p50"), (percentile(&waits, 50), "ms")));
    report.rows.push(Row::at_most("P12", work("p99"), (percentile(&waits, 99), "ms"), 500.0));
    place.stop_serving().await;
    Ok(())
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
    let person = |n: usize| row(json!({"kind": "staff", "display_name": format!("Watcher {n}"), "status": "active"}));
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

/// Opens a connection and says when each message comes.
async fn listen(address: &str, ticket: &str, tell: UnboundedSender<Instant>) -> Result<()> {
    let mut request = format!("ws://{address}/ws?ticket={ticket}").into_client_request().map_err(fault)?;
    request.headers_mut().insert("origin", format!("http://{address}").parse().map_err(fault)?);
    let stream = TcpStream::connect(address).await.map_err(fault)?;
    let (mut socket, _) = client_async(request, stream).await.map_err(fault)?;
    runtime::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Text(_)) && tell.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    Ok(())
}
