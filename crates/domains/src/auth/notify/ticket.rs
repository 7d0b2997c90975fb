//! Tickets for live connections: a browser sends no header of ours when it opens one, so its page asks for a ticket with
//! its session first. A ticket is good for half a minute and once, and the connection it opens lives as long as the
//! session.

use crate::clock;
use crate::{
    auth::{sign_in::as_user, token::Token},
    row,
};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Row, engine::NewRow, sql};
use serde_json::json;
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long a ticket is good.
const GOOD: Duration = Duration::seconds(30);

/// Who has a live connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The tenant.
    pub tenant: Uuid,
    /// The user.
    pub user: Uuid,
    /// The session it lives with.
    pub session: Uuid,
}

/// A ticket for the caller's session.
///
/// # Errors
/// [`Error::Forbidden`] for a caller without a session, such as an API key.
pub async fn ticket(db: &Db, ctx: &Ctx) -> Result<String> {
    let session = ctx.actor.session.filter(|_| ctx.actor.kind == salus_core::ActorKind::User);
    let session = session.ok_or_else(|| Error::Forbidden("a session of a browser".into()))?;
    let (token, text) = Token::new(ctx.tenant, "slt_")?;
    let mut tx = db.begin(Ctx::system(&ctx.env, ctx.tenant), false).await?;
    let ends = clock::text(ctx.env.now() + GOOD)?;
    let values = row(json!({"session_id": session, "token_hash": hex::encode(&token.hash), "expires_at": ends}));
    let id = tx.ctx.env.id();
    tx.insert("auth.socket_tickets", &[NewRow { id, values }]).await?;
    tx.finish_unrecorded().await?;
    Ok(text)
}

/// Whose ticket it is; it is spent by this.
///
/// # Errors
/// [`Error::Unauthenticated`] for one that is spent, too old, of a session that has ended, or none of ours.
pub async fn redeem(db: &Db, text: &str) -> Result<Seat> {
    let token = Token::parse(text).ok_or(Error::Unauthenticated)?;
    let unknown = |e: Error| if matches!(e, Error::NotFound) { Error::Unauthenticated } else { e };
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), false).await.map_err(unknown)?;
    let now = db.env().now();
    let sql = sql!(
        "UPDATE auth.socket_tickets SET used_at = $2 WHERE token_hash = $1::bytea AND used_at IS NULL AND expires_at > $2 \
         RETURNING session_id"
    );
    let session = tx.query_opt(sql, &[&token.hash, &now]).await?.map(|r| r.get::<_, Uuid>(0));
    tx.finish_unrecorded().await?;
    let session = session.ok_or(Error::Unauthenticated)?;
    let user = living(db, token.tenant, &[session]).await?.get(&session).map(|waiting| waiting.user);
    let seat = Seat { tenant: token.tenant, user: user.ok_or(Error::Unauthenticated)?, session };
    let tx = db.begin(as_user(db.env(), seat.tenant, seat.user), true).await?;
    tx.commit("auth.socket.open", "auth.sessions").await?;
    Ok(seat)
}

/// What waits for the user of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The user.
    pub user: Uuid,
    /// How many notifications are unread.
    pub unread: i64,
    /// When the newest of them was made.
    pub newest: Option<OffsetDateTime>,
}

/// Which of these sessions live, and what waits for their users. A number for the bell, of which nothing is recorded.
///
/// # Errors
/// Those of the database.
pub async fn living(db: &Db, tenant: Uuid, sessions: &[Uuid]) -> Result<HashMap<Uuid, Waiting>> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let (now, sessions) = (db.env().now(), sessions.to_vec());
    let sql = sql!(
        "SELECT s.id, s.user_id, w.unread, w.newest FROM auth.sessions s \
         CROSS JOIN LATERAL (SELECT count(*) AS unread, max(n.created_at) AS newest FROM auth.notifications n \
             WHERE n.tenant_id = s.tenant_id AND n.user_id = s.user_id AND n.read_at IS NULL) w \
         JOIN auth.users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = s.tenant_id AND t.state = 'active' \
         WHERE s.id = ANY($1) AND s.revoked_at IS NULL AND s.idle_expires_at > $2 AND s.expires_at > $2"
    );
    let rows = tx.query(sql, &[&sessions, &now]).await?;
    tx.finish_unrecorded().await?;
    let waiting = |r: &Row| Waiting { user: r.get("user_id"), unread: r.get("unread"), newest: r.get("newest") };
    Ok(rows.iter().map(|r| (r.get("id"), waiting(r))).collect())
}
