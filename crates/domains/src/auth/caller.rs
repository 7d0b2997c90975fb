//! From a presented cookie or API key to the [`Ctx`] of a request: session, user, roles, permissions, scope.

use super::{
    assurance,
    configuration::security,
    held::{Held, held},
    source::admits,
    token::Token,
};
use salus_core::{Actor, ActorKind, Channel, Ctx, Error, Permissions, Purpose, Result};
use salus_store::{Db, Tx, sql};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};

use uuid::Uuid;

/// What a client presented.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A browser's session cookie.
    Cookie(String),
    /// A bearer token: an API key or an access token.
    Bearer(String),
}

/// The callers known in the last second. What is revoked, locked or taken away is so within that second.
#[derive(Default)]
pub struct Callers(Mutex<HashMap<Vec<u8>, Known>>);

#[derive(Clone)]
struct Known {
    ctx: Ctx,
    /// Networks it may come from; none: any.
    networks: Arc<[String]>,
    at: OffsetDateTime,
    ends: OffsetDateTime,
}

/// How long a caller is believed without asking the database again.
const FRESH: Duration = Duration::milliseconds(750);
/// How often the use of a session is written down.
const SEEN_EVERY: Duration = Duration::minutes(1);
/// More callers than this in one second empty the memory.
const MOST: usize = 10_000;

impl Callers {
    /// The context of a request that presented this and came from nowhere that is known: a key that is tied to networks
    /// opens nothing.
    ///
    /// # Errors
    /// As [`Callers::caller_from`].
    pub async fn caller(&self, db: &Db, presented: &Presented, channel: Channel) -> Result<Ctx> {
        self.caller_from(db, presented, channel, "").await
    }

    /// The context of a request that presented this and came from an address.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for everything that is not a living session or key of an active user, and for a key
    /// that may not come from there.
    pub async fn caller_from(&self, db: &Db, presented: &Presented, channel: Channel, ip: &str) -> Result<Ctx> {
        let (token, way) = taken_apart(presented)?;
        let now = db.env().now();
        // A clock that was set back makes nobody be believed longer.
        let held = self.lock().get(&token.hash).filter(|k| (now - k.at).abs() < FRESH && now < k.ends).cloned();
        let known = if let Some(known) = held {
            known
        } else {
            let known = load(db, &token, way, (now, true)).await?;
            let mut all = self.lock();
            if all.len() >= MOST {
                all.clear();
            }
            all.insert(token.hash, known.clone());
            known
        };
        if !admits(&known.networks, ip)? {
            return Err(Error::Unauthenticated);
        }
        Ok(Ctx { request: db.env().id(), channel, ..known.ctx })
    }

    /// The same, looked up anew, and without that a session lives on by it: for a connection that stays open, whose caller may
    /// have lost their session, their role or their account since it began.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for one that lives no more.
    pub async fn caller_still(&self, db: &Db, presented: &Presented, channel: Channel, ip: &str) -> Result<Ctx> {
        let (token, way) = taken_apart(presented)?;
        let known = load(db, &token, way, (db.env().now(), false)).await?;
        if !admits(&known.networks, ip)? {
            return Err(Error::Unauthenticated);
        }
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

/// A token, and which of ours it is.
fn taken_apart(presented: &Presented) -> Result<(Token, Way)> {
    let (text, way) = match presented {
        Presented::Cookie(t) => (t, Way::Browser),
        Presented::Bearer(t) if t.starts_with("sla_") => (t, Way::AccessToken),
        Presented::Bearer(t) => (t, Way::Key),
    };
    Ok((Token::parse(text).ok_or(Error::Unauthenticated)?, way))
}

/// By which of our tokens somebody calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Browser,
    AccessToken,
    Key,
}

/// A living session or key.
struct Living {
    user: Uuid,
    id: Uuid,
    ends: OffsetDateTime,
    scopes: Option<Permissions>,
    /// Purposes it is limited to; none: any.
    purposes: BTreeSet<Purpose>,
    networks: Arc<[String]>,
    /// Whether it was begun without a second factor; a key never is asked for one.
    lacks_factor: bool,
}

/// Looks up a session or key; whether it lives on by this use is said with the moment.
async fn load(db: &Db, token: &Token, way: Way, (now, is_use): (OffsetDateTime, bool)) -> Result<Known> {
    let unknown = |e: Error| if matches!(e, Error::NotFound) { Error::Unauthenticated } else { e };
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), false).await.map_err(unknown)?;
    let found = match way {
        Way::Key => api_key(&mut tx, token, (now, is_use)).await?,
        Way::Browser => session(&mut tx, token, "browser", (now, is_use)).await?,
        Way::AccessToken => session(&mut tx, token, "api", (now, is_use)).await?,
    };
    let Some(found) = found else { return Err(Error::Unauthenticated) };
    let held = held(&mut tx, found.user, now).await?;
    let restricted = found.lacks_factor
        && assurance::needs_second_factor(&security(&mut tx).await?, &held.roles, &held.permissions());
    tx.finish_unrecorded().await?;
    let held = match &found.scopes {
        _ if restricted => held.narrowed_to(&Permissions::default()),
        Some(scopes) => held.narrowed_to(scopes),
        None => held,
    };
    let held = held.only_for(&found.purposes);
    let kind = if way == Way::Key { ActorKind::Service } else { ActorKind::User };
    let Held { roles, .. } = &held;
    let actor = Actor { id: found.user, kind, roles: roles.clone().into(), session: Some(found.id) };
    let ctx = held.caller(Ctx { actor, restricted, ..Ctx::system(db.env(), token.tenant) });
    Ok(Known { ctx, networks: found.networks, at: now, ends: found.ends })
}

async fn session(
    tx: &mut Tx,
    token: &Token,
    kind: &'static str,
    (now, is_use): (OffsetDateTime, bool),
) -> Result<Option<Living>> {
    let sql = sql!(
        "SELECT s.id, s.user_id, s.last_seen_at, s.second_factor_at, least(s.idle_expires_at, s.expires_at) AS ends \
         FROM auth.sessions s JOIN auth.users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = s.tenant_id AND t.state = 'active' \
         WHERE s.token_hash = $1::bytea AND s.kind = $3::text AND s.revoked_at IS NULL \
           AND s.idle_expires_at > $2 AND s.expires_at > $2"
    );
    let Some(row) = tx.query_opt(sql, &[&token.hash, &now, &kind]).await? else { return Ok(None) };
    let (id, seen): (Uuid, OffsetDateTime) = (row.get("id"), row.get("last_seen_at"));
    if is_use && now - seen > SEEN_EVERY {
        // An access token ends when it ends; only a browser's session lives on with use.
        let idle = now + Duration::minutes(security(tx).await?.session_timeout_minutes);
        let sql = sql!(
            "UPDATE auth.sessions SET last_seen_at = $2, \
               idle_expires_at = CASE kind WHEN 'browser' THEN least($3, expires_at) ELSE idle_expires_at END WHERE id = $1"
        );
        tx.query(sql, &[&id, &now, &idle]).await?;
    }
    let lacks_factor = row.get::<_, Option<OffsetDateTime>>("second_factor_at").is_none();
    let (user, ends) = (row.get("user_id"), row.get("ends"));
    let purposes = BTreeSet::new();
    Ok(Some(Living { user, id, ends, scopes: None, purposes, networks: Arc::from([]), lacks_factor }))
}

async fn api_key(tx: &mut Tx, token: &Token, (now, is_use): (OffsetDateTime, bool)) -> Result<Option<Living>> {
    let sql = sql!(
        "SELECT k.id, k.user_id, k.scopes, k.networks, k.purposes, k.expires_at, k.last_used_at FROM auth.api_keys k \
         JOIN auth.users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = k.tenant_id AND t.state = 'active' \
         WHERE k.token_hash = $1::bytea AND k.revoked_at IS NULL AND k.expires_at > $2"
    );
    let Some(row) = tx.query_opt(sql, &[&token.hash, &now]).await? else { return Ok(None) };
    let (id, used): (Uuid, Option<OffsetDateTime>) = (row.get("id"), row.get("last_used_at"));
    if is_use && used.is_none_or(|at| now - at > SEEN_EVERY) {
        tx.query(sql!("UPDATE auth.api_keys SET last_used_at = $2 WHERE id = $1"), &[&id, &now]).await?;
    }
    let list = |name: &str| serde_json::from_value::<Vec<String>>(row.get(name)).map_err(Error::internal);
    let (scopes, networks) = (list("scopes")?, list("networks")?);
    let purposes = serde_json::from_value(row.get("purposes")).map_err(Error::internal)?;
    let scopes = (!scopes.is_empty()).then(|| Permissions::new(scopes));
    let (owner, ends) = (row.get("user_id"), row.get("expires_at"));
    Ok(Some(Living { user: owner, id, ends, scopes, purposes, networks: networks.into(), lacks_factor: false }))
}
