//! Signing in with a password, and out.

use super::{
    caller::security,
    common::is_common,
    password::{self, SecurityConfiguration},
    source,
    token::Token,
    users::{accept, invitation},
};
use crate::row;
use salus_core::{Actor, ActorKind, Ctx, Env, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A session that has just begun.
#[derive(Debug)]
pub struct Signed {
    /// The cookie's value; shown once.
    pub token: String,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
}

/// What comes of the right password.
#[derive(Debug)]
pub enum SignIn {
    /// A session.
    Session(Signed),
    /// The password must be replaced first.
    NewPassword {
        /// The secret in `/setup/<token>`, good for a quarter of an hour.
        token: String,
    },
}

/// Where a sign-in comes from, for the history.
#[derive(Debug, Clone, Default)]
struct From {
    ip: String,
    agent: String,
}

struct Found {
    id: Uuid,
    hash: Option<String>,
    status: String,
    locked_until: Option<OffsetDateTime>,
    changed_at: Option<OffsetDateTime>,
}

/// Consecutive failures after which an account is locked whatever network they came from (NIST SP 800-63B: 100).
const MOST_FAILURES: i32 = 100;
/// How long the link to replace a password is good.
const REPLACED: Duration = Duration::minutes(15);

/// Signs a person in.
///
/// # Errors
/// [`Error::Unauthenticated`] whatever is wrong: organization, address or password are not told apart.
/// [`Error::TooMany`] after too many failures; [`Error::Refused`] with the right password from a network that the
/// tenant does not permit.
pub async fn sign_in(db: &Db, slug: &str, email: &str, password: &str, (ip, agent): (&str, &str)) -> Result<SignIn> {
    let from = From { ip: ip.to_owned(), agent: agent.chars().take(300).collect() };
    let tenant = match db.tenant(slug).await {
        Ok(id) => id,
        Err(Error::NotFound) => {
            password::verify(password, None).await?;
            return Err(Error::Unauthenticated);
        }
        Err(e) => return Err(e),
    };
    let env = db.env();
    let mut tx = db.begin(Ctx::system(env, tenant), true).await?;
    let found = find(&mut tx, email).await?;
    let rules = security(&mut tx).await?;
    let network = source::locked_until(&mut tx, found.as_ref().map(|f| f.id), ip, &rules).await?;
    tx.finish_unrecorded().await?;

    let now = env.now();
    let account = found.as_ref().and_then(|f| f.locked_until);
    if let Some(wait) = network.max(account).filter(|until| *until > now) {
        password::verify(password, None).await?;
        attempt(db, tenant, found.as_ref(), ("locked", "too_many"), &from).await?;
        return Err(Error::TooMany(u32::try_from((wait - now).whole_seconds().max(1)).unwrap_or(u32::MAX)));
    }
    let usable = found.as_ref().filter(|f| f.status == "active").and_then(|f| f.hash.as_deref());
    let right = password::verify(password, usable).await?;
    let Some(user) = found.as_ref().filter(|_| right) else {
        fail(db, tenant, found, &rules, &from).await?;
        return Err(Error::Unauthenticated);
    };
    if let Err(e) = may_come_from(&rules, ip) {
        attempt(db, tenant, Some(user), ("locked", "network"), &from).await?;
        return Err(e);
    }
    let days = rules.password_expiry_days;
    let expired = days > 0 && user.changed_at.is_some_and(|at| at + Duration::days(days) <= now);
    if expired || (rules.breached_password_check && is_common(password, &[slug, email])) {
        return replace_password(db, tenant, user, &from).await;
    }
    begin_session(db, tenant, user.id, &rules, &from).await.map(SignIn::Session)
}

/// Refuses an address outside the networks that the tenant permits.
fn may_come_from(rules: &SecurityConfiguration, ip: &str) -> Result<()> {
    if source::is_allowed(&rules.allowed_ip_ranges, ip)? {
        return Ok(());
    }
    let detail = "Your organization does not permit signing in from this network".into();
    Err(Error::Refused { code: "network_not_allowed", detail })
}

/// Hands out a short-lived link by which the holder of the right password sets another.
async fn replace_password(db: &Db, tenant: Uuid, user: &Found, from: &From) -> Result<SignIn> {
    let (token, text) = Token::new(tenant, "slu_")?;
    let mut tx = db.begin(as_user(db.env(), tenant, user.id), false).await?;
    let sql = sql!("UPDATE auth.users SET setup_token_hash = $2::bytea, setup_expires_at = $3 WHERE id = $1");
    tx.query(sql, &[&user.id, &token.hash, &(db.env().now() + REPLACED)]).await?;
    history(&mut tx, Some(user.id), ("success", "password_expired"), from).await?;
    tx.on_row(user.id);
    tx.commit("auth.user.replace_password", "auth.users").await?;
    Ok(SignIn::NewPassword { token: text })
}

/// Takes up an invitation and signs the person in: who holds the link and has just chosen the password need not type it
/// again. Returns the tenant's name and the session.
///
/// # Errors
/// As [`super::accept_invitation`], and [`Error::Refused`] from a network that the tenant does not permit.
pub async fn accept_and_sign_in(
    db: &Db,
    token: &str,
    new_password: &str,
    (ip, agent): (&str, &str),
) -> Result<(String, Signed)> {
    let from = From { ip: ip.to_owned(), agent: agent.chars().take(300).collect() };
    // Looked at first, so that a link is not spent by who is not let in.
    let invited = invitation(db, token).await?;
    may_come_from(&invited.configuration, ip)?;
    accept(db, token, &invited, new_password).await?;
    let signed = begin_session(db, invited.tenant, invited.user, &invited.configuration, &from).await?;
    Ok((invited.slug, signed))
}

async fn find(tx: &mut Tx, email: &str) -> Result<Option<Found>> {
    let blind = tx.blind("auth.users", "email", email)?;
    let sql = sql!(
        "SELECT id, password_hash, status::text, locked_until, password_changed_at FROM auth.users WHERE email_bidx = ANY($1::bytea[])"
    );
    let Some(found) = tx.query_opt(sql, &[&blind]).await? else { return Ok(None) };
    let id: Uuid = found.get("id");
    let sealed: Option<&[u8]> = found.get("password_hash");
    let hash =
        sealed.map(|s| tx.open_value(At { table: "auth.users", column: "password_hash", row: id }, s)).transpose()?;
    let hash = hash.and_then(|v| v.as_str().map(str::to_owned));
    let (locked_until, changed_at) = (found.get("locked_until"), found.get("password_changed_at"));
    Ok(Some(Found { id, hash, status: found.get("status"), locked_until, changed_at }))
}

/// Counts a failure, and locks the account everywhere when there were far too many; the history locks it for a network.
async fn fail(db: &Db, tenant: Uuid, user: Option<Found>, rules: &SecurityConfiguration, from: &From) -> Result<()> {
    if let Some(user) = &user {
        let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
        let until = db.env().now() + Duration::minutes(rules.lockout_duration_minutes);
        let sql = sql!(
            "UPDATE auth.users SET failed_attempts = failed_attempts + 1, \
               locked_until = CASE WHEN failed_attempts + 1 >= $2 THEN $3 ELSE locked_until END WHERE id = $1"
        );
        tx.query(sql, &[&user.id, &MOST_FAILURES, &until]).await?;
        tx.finish_unrecorded().await?;
    }
    attempt(db, tenant, user.as_ref(), ("refused", "password"), from).await
}

/// Writes the sign-in history.
async fn attempt(db: &Db, tenant: Uuid, user: Option<&Found>, end: (&str, &str), from: &From) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    history(&mut tx, user.map(|u| u.id), end, from).await?;
    tx.commit("auth.login.attempt", "auth.login_history").await
}

async fn history(tx: &mut Tx, user: Option<Uuid>, (outcome, reason): (&str, &str), from: &From) -> Result<()> {
    let network = source::digest(tx, &from.ip)?;
    let values = row(json!({
        "user_id": user,
        "outcome": outcome,
        "reason": reason,
        "network": hex::encode(network),
        "ip": text_or_null(&from.ip),
        "user_agent": text_or_null(&from.agent),
    }));
    let id = tx.ctx.env.id();
    tx.insert("auth.login_history", &[NewRow { id, values }]).await
}

fn text_or_null(s: &str) -> serde_json::Value {
    if s.is_empty() { serde_json::Value::Null } else { json!(s) }
}

async fn begin_session(
    db: &Db,
    tenant: Uuid,
    user: Uuid,
    rules: &SecurityConfiguration,
    from: &From,
) -> Result<Signed> {
    let env = db.env();
    let (token, text) = Token::new(tenant, "sls_")?;
    let (now, id) = (env.now(), env.id());
    let expires_at = now + Duration::hours(rules.absolute_session_hours);
    let idle = (now + Duration::minutes(rules.session_timeout_minutes)).min(expires_at);
    let mut ctx = as_user(env, tenant, user);
    ctx.actor.session = Some(id);
    let mut tx = db.begin(ctx, false).await?;
    let format = |at: OffsetDateTime| at.format(&Rfc3339).map_err(Error::internal);
    let values = row(json!({
        "user_id": user,
        "kind": "browser",
        "token_hash": hex::encode(&token.hash),
        "last_seen_at": format(now)?,
        "idle_expires_at": format(idle)?,
        "expires_at": format(expires_at)?,
        "user_agent": text_or_null(&from.agent),
        "ip": text_or_null(&from.ip),
    }));
    tx.insert("auth.sessions", &[NewRow { id, values }]).await?;
    let sql = sql!("UPDATE auth.users SET failed_attempts = 0, locked_until = NULL, last_login_at = $2 WHERE id = $1");
    tx.query(sql, &[&user, &now]).await?;
    history(&mut tx, Some(user), ("success", "password"), from).await?;
    tx.on_row(id);
    tx.commit("auth.session.create", "auth.sessions").await?;
    Ok(Signed { token: text, expires_at })
}

/// Ends a session; ending one that has ended is no error.
///
/// # Errors
/// Those of the database.
pub async fn sign_out(db: &Db, ctx: &Ctx) -> Result<()> {
    let Some(session) = ctx.actor.session else { return Ok(()) };
    let mut system = as_user(&ctx.env, ctx.tenant, ctx.actor.id);
    system.actor.session = Some(session);
    let mut tx = db.begin(system, false).await?;
    let sql = sql!("UPDATE auth.sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&session, &ctx.env.now()]).await?;
    tx.on_row(session);
    tx.commit("auth.session.end", "auth.sessions").await
}

/// The kernel acting in a user's name, before or after that user has a session.
pub fn as_user(env: &Env, tenant: Uuid, user: Uuid) -> Ctx {
    let mut ctx = Ctx::system(env, tenant);
    ctx.actor = Actor { id: user, ..Actor::unnamed(ActorKind::User) };
    ctx
}
