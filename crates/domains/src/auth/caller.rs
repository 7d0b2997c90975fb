//! From a presented cookie or API key to the [`Ctx`] of a request: session, user, roles, permissions, scope.

use super::{
    held::{Held, held},
    password::SecurityConfiguration,
    token::Token,
};
use salus_core::{Actor, ActorKind, Channel, Ctx, Error, Permissions, Result};
use salus_store::{Db, Tx, sql};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};

use uuid::Uuid;

/// What a client presented.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A browser's session cookie.
    Cookie(String),
    /// A bearer token: an API key.
    Bearer(String),
}

/// The callers known in the last second. What is revoked, locked or taken away is so within that second.
#[derive(Default)]
pub struct Callers(Mutex<HashMap<Vec<u8>, Known>>);

#[derive(Clone)]
struct Known {
    ctx: Ctx,
    at: OffsetDateTime,
    ends: OffsetDateTime,
}

/// How long a caller is believed without asking the database again.
const FRESH: Duration = Duration::seconds(1);
/// How often the use of a session is written down.
const SEEN_EVERY: Duration = Duration::minutes(1);
/// More callers than this in one second empty the memory.
const MOST: usize = 10_000;

impl Callers {
    /// The context of a request that presented this.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for everything that is not a living session or key of an active user.
    pub async fn caller(&self, db: &Db, presented: &Presented, channel: Channel) -> Result<Ctx> {
        let (text, is_session) = match presented {
            Presented::Cookie(t) => (t, true),
            Presented::Bearer(t) => (t, false),
        };
        let token = Token::parse(text).ok_or(Error::Unauthenticated)?;
        let now = db.env().now();
        // A clock that was set back makes nobody be believed longer.
        let held = self.lock().get(&token.hash).filter(|k| (now - k.at).abs() < FRESH && now < k.ends).cloned();
        let known = if let Some(known) = held {
            known
        } else {
            let known = load(db, &token, is_session, now).await?;
            let mut all = self.lock();
            if all.len() >= MOST {
                all.clear();
            }
            all.insert(token.hash, known.clone());
            known
        };
        Ok(Ctx { request: db.env().id(), channel, ..known.ctx })
    }

    /// Forgets everyone, so that the next request of each is looked up.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(db: &Db, token: &Token, is_session: bool, now: OffsetDateTime) -> Result<Known> {
    let unknown = |e: Error| if matches!(e, Error::NotFound) { Error::Unauthenticated } else { e };
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), false).await.map_err(unknown)?;
    let found = if is_session { session(&mut tx, token, now).await? } else { api_key(&mut tx, token, now).await? };
    let Some((user, session, ends, scopes)) = found else { return Err(Error::Unauthenticated) };
    let held = held(&mut tx, user, now).await?;
    tx.finish_unrecorded().await?;
    let held = match scopes {
        Some(scopes) => held.narrowed_to(&scopes),
        None => held,
    };
    let kind = if is_session { ActorKind::User } else { ActorKind::Service };
    let Held { roles, .. } = &held;
    let actor = Actor { id: user, kind, roles: roles.clone().into(), session: Some(session) };
    let ctx = held.caller(Ctx { actor, ..Ctx::system(db.env(), token.tenant) });
    Ok(Known { ctx, at: now, ends })
}

type Living = (Uuid, Uuid, OffsetDateTime, Option<Permissions>);

async fn session(tx: &mut Tx, token: &Token, now: OffsetDateTime) -> Result<Option<Living>> {
    let sql = sql!(
        "SELECT s.id, s.user_id, s.last_seen_at, least(s.idle_expires_at, s.expires_at) AS ends FROM auth.sessions s \
         JOIN auth.users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = s.tenant_id AND t.state = 'active' \
         WHERE s.token_hash = $1::bytea AND s.revoked_at IS NULL AND s.idle_expires_at > $2 AND s.expires_at > $2"
    );
    let Some(row) = tx.query_opt(sql, &[&token.hash, &now]).await? else { return Ok(None) };
    let (id, seen): (Uuid, OffsetDateTime) = (row.get("id"), row.get("last_seen_at"));
    if now - seen > SEEN_EVERY {
        let idle = now + Duration::minutes(security(tx).await?.session_timeout_minutes);
        let sql =
            sql!("UPDATE auth.sessions SET last_seen_at = $2, idle_expires_at = least($3, expires_at) WHERE id = $1");
        tx.query(sql, &[&id, &now, &idle]).await?;
    }
    Ok(Some((row.get("user_id"), id, row.get("ends"), None)))
}

async fn api_key(tx: &mut Tx, token: &Token, now: OffsetDateTime) -> Result<Option<Living>> {
    let sql = sql!(
        "SELECT k.id, k.user_id, k.scopes, k.expires_at, k.last_used_at FROM auth.api_keys k \
         JOIN auth.users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = k.tenant_id AND t.state = 'active' \
         WHERE k.token_hash = $1::bytea AND k.revoked_at IS NULL AND k.expires_at > $2"
    );
    let Some(row) = tx.query_opt(sql, &[&token.hash, &now]).await? else { return Ok(None) };
    let (id, used): (Uuid, Option<OffsetDateTime>) = (row.get("id"), row.get("last_used_at"));
    if used.is_none_or(|at| now - at > SEEN_EVERY) {
        tx.query(sql!("UPDATE auth.api_keys SET last_used_at = $2 WHERE id = $1"), &[&id, &now]).await?;
    }
    let scopes: Vec<String> = serde_json::from_value(row.get("scopes")).map_err(Error::internal)?;
    let scopes = (!scopes.is_empty()).then(|| Permissions::new(scopes));
    Ok(Some((row.get("user_id"), id, row.get("expires_at"), scopes)))
}

/// The tenant's rules for passwords and sessions; today's standard where it has set none.
///
/// # Errors
/// [`Error::Internal`] when the setting cannot be read.
pub async fn security(tx: &mut Tx) -> Result<SecurityConfiguration> {
    let sql = sql!("SELECT value FROM kernel.settings WHERE name = 'security.configuration'");
    match tx.query_opt(sql, &[]).await? {
        None => Ok(SecurityConfiguration::default()),
        Some(row) => serde_json::from_value(row.get("value")).map_err(Error::internal),
    }
}
