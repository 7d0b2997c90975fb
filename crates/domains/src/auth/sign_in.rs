//! Signing in with a password, and out.

use super::{
    caller::security,
    password,
    token::{Token, row},
    users::accept,
};
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
}

/// Signs a person in.
///
/// # Errors
/// [`Error::Unauthenticated`] whatever is wrong: organization, address or password are not told apart.
/// [`Error::TooMany`] while the account is locked after too many failures.
pub async fn sign_in(db: &Db, slug: &str, email: &str, password: &str, (ip, agent): (&str, &str)) -> Result<Signed> {
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
    tx.finish_unrecorded().await?;

    let now = env.now();
    if let Some(wait) = found.as_ref().and_then(|f| f.locked_until).filter(|until| *until > now) {
        password::verify(password, None).await?;
        attempt(db, tenant, found.as_ref(), "locked", &from).await?;
        return Err(Error::TooMany(u32::try_from((wait - now).whole_seconds().max(1)).unwrap_or(u32::MAX)));
    }
    let usable = found.as_ref().filter(|f| f.status == "active").and_then(|f| f.hash.as_deref());
    let right = password::verify(password, usable).await?;
    match found.filter(|_| right) {
        None => {
            let mut tx = db.begin(Ctx::system(env, tenant), true).await?;
            let known = find(&mut tx, email).await?;
            tx.finish_unrecorded().await?;
            fail(db, tenant, known, &rules, &from).await?;
            Err(Error::Unauthenticated)
        }
        Some(user) => begin_session(db, tenant, user.id, &rules, &from).await,
    }
}

/// Takes up an invitation and signs the person in: who holds the link and has just chosen the password need not type it
/// again. Returns the tenant's name and the session.
///
/// # Errors
/// As [`super::accept_invitation`].
pub async fn accept_and_sign_in(
    db: &Db,
    token: &str,
    new_password: &str,
    (ip, agent): (&str, &str),
) -> Result<(String, Signed)> {
    let from = From { ip: ip.to_owned(), agent: agent.chars().take(300).collect() };
    let invited = accept(db, token, new_password).await?;
    let signed = begin_session(db, invited.tenant, invited.user, &invited.configuration, &from).await?;
    Ok((invited.slug, signed))
}

async fn find(tx: &mut Tx, email: &str) -> Result<Option<Found>> {
    let blind = tx.blind("auth.users", "email", email)?;
    let sql = sql!("SELECT id, password_hash, status::text, locked_until FROM auth.users WHERE email_bidx = $1::bytea");
    let Some(found) = tx.query_opt(sql, &[&blind]).await? else { return Ok(None) };
    let id: Uuid = found.get("id");
    let sealed: Option<&[u8]> = found.get("password_hash");
    let hash =
        sealed.map(|s| tx.open_value(At { table: "auth.users", column: "password_hash", row: id }, s)).transpose()?;
    let hash = hash.and_then(|v| v.as_str().map(str::to_owned));
    Ok(Some(Found { id, hash, status: found.get("status"), locked_until: found.get("locked_until") }))
}

/// Counts a failure and locks the account when there were too many.
async fn fail(
    db: &Db,
    tenant: Uuid,
    user: Option<Found>,
    rules: &password::SecurityConfiguration,
    from: &From,
) -> Result<()> {
    if let Some(user) = &user {
        let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
        let until = db.env().now() + Duration::minutes(rules.lockout_duration_minutes);
        let sql = sql!(
            "UPDATE auth.users SET failed_attempts = failed_attempts + 1, \
               locked_until = CASE WHEN failed_attempts + 1 >= $2 THEN $3 ELSE locked_until END WHERE id = $1"
        );
        tx.query(sql, &[&user.id, &rules.max_login_attempts, &until]).await?;
        tx.finish_unrecorded().await?;
    }
    attempt(db, tenant, user.as_ref(), "refused", from).await
}

/// Writes the sign-in history.
async fn attempt(db: &Db, tenant: Uuid, user: Option<&Found>, outcome: &str, from: &From) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    history(&mut tx, user.map(|u| u.id), outcome, from).await?;
    tx.commit("auth.login.attempt", "auth.login_history").await
}

async fn history(tx: &mut Tx, user: Option<Uuid>, outcome: &str, from: &From) -> Result<()> {
    let values = row(json!({
        "user_id": user,
        "outcome": outcome,
        "reason": "password",
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
    rules: &password::SecurityConfiguration,
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
    history(&mut tx, Some(user), "success", from).await?;
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
