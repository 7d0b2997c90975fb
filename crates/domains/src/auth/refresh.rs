//! Tokens of API clients that sign in as a person: an access token of ten minutes, and a refresh token that is spent by
//! using it and gives the next pair. A spent one that comes again ends the whole family: somebody has a copy.
//!
//! For ten seconds a spent token gives the same pair once more, so that a client whose requests run in parallel, or whose
//! answer was lost, goes on. The next pair is derived from the spent token under a key of the tenant, so it can be given
//! again without being stored.

use super::{
    configuration::SecurityConfiguration,
    sign_in::{Origin, Source, Whom, arrived, as_user, history, must_replace, second_factor_of, with_password},
    token::Token,
};
use crate::{clock, row};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, engine::NewRow, sql};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token opens.
const ACCESS: Duration = Duration::minutes(10);
/// How long a spent token is answered as the first time.
const GRACE: Duration = Duration::seconds(10);

/// What a client is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Sent as `Authorization: Bearer`.
    pub access: String,
    /// Seconds that it opens.
    pub expires_in: i64,
    /// Sent once for the next pair.
    pub refresh: String,
}

/// What a client signs in with.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// Short name of the organization.
    pub organization: &'a str,
    /// Address.
    pub email: &'a str,
    /// Password.
    pub password: &'a str,
    /// Second factor, when the person has one.
    pub code: &'a str,
}

/// Signs a person in for an API client.
///
/// # Errors
/// As [`super::sign_in()`]; [`Error::Refused`] with `second_factor_required`, or with `sign_in_by_browser` when the
/// password must be replaced or a second factor set up first.
pub async fn new_tokens(db: &Db, with: Credentials<'_>, source: Source<'_>) -> Result<TokenPair> {
    let from = Origin::from(source);
    let (tenant, user, rules) = with_password(db, with.organization, with.email, with.password, &from).await?;
    let browser = |why: &str| Error::Refused { code: "sign_in_by_browser", detail: why.to_owned() };
    if must_replace(db, tenant, &user, &rules, (with.password, &[with.organization, with.email])).await? {
        return Err(browser("The password must be replaced first: sign in with a browser"));
    }
    let proof = second_factor_of(db, (tenant, user.id), with.code, &rules, &from).await?;
    begin(db, (tenant, user.id), (proof.second, proof.by), &rules, &from).await
}

async fn begin(
    db: &Db,
    (tenant, user): (Uuid, Uuid),
    (second, by): (bool, &'static str),
    rules: &SecurityConfiguration,
    from: &Origin,
) -> Result<TokenPair> {
    let (now, session) = (db.env().now(), db.env().id());
    let ends = now + Duration::hours(rules.absolute_session_hours);
    let mut ctx = as_user(db.env(), tenant, user);
    ctx.actor.session = Some(session);
    let mut tx = db.begin(ctx, false).await?;
    let mut seed = [0; 32];
    salus_store::seal::fill_random(&mut seed)?;
    let pair = derive(&tx, &seed)?;
    let text = |t: &str| (!t.is_empty()).then(|| t.to_owned());
    let values = row(json!({
        "user_id": user,
        "kind": "api",
        "token_hash": hex::encode(&pair.access.hash),
        "last_seen_at": clock::text(now)?,
        "proved_at": clock::text(now)?,
        "second_factor_at": second.then(|| clock::text(now)).transpose()?,
        "idle_expires_at": clock::text((now + ACCESS).min(ends))?,
        "expires_at": clock::text(ends)?,
        "user_agent": text(&from.agent),
        "ip": text(&from.ip),
    }));
    tx.insert("auth.sessions", &[NewRow { id: session, values }]).await?;
    let family = tx.ctx.env.id();
    keep(&mut tx, &pair, (session, user, family), ends).await?;
    arrived(&mut tx, user, rules).await?;
    history(&mut tx, &Whom::User(user), ("success", by), from).await?;
    tx.on_row(session);
    tx.commit("auth.session.create", "auth.sessions").await?;
    Ok(pair.told(now, ends))
}

/// The next pair for a refresh token.
///
/// # Errors
/// [`Error::Unauthenticated`] for a token that is none, has ended, or was used before: the last ends its family.
pub async fn refresh(db: &Db, refresh: &str) -> Result<TokenPair> {
    let token = Token::parse(refresh).filter(|_| refresh.starts_with("slr_")).ok_or(Error::Unauthenticated)?;
    let unknown = |e: Error| if matches!(e, Error::NotFound) { Error::Unauthenticated } else { e };
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), false).await.map_err(unknown)?;
    let now = db.env().now();
    // The session is locked first, so that requests with one token, or with two of one family, follow one another.
    let sql = sql!(
        "SELECT s.id, s.expires_at FROM auth.sessions s JOIN auth.refresh_tokens r ON r.tenant_id = s.tenant_id AND r.session_id = s.id \
         JOIN auth.users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = s.tenant_id AND t.state = 'active' \
         WHERE r.token_hash = $1::bytea AND s.revoked_at IS NULL AND s.expires_at > $2 FOR UPDATE OF s"
    );
    let session = tx.query_opt(sql, &[&token.hash, &now]).await?.ok_or(Error::Unauthenticated)?;
    let (session, ends): (Uuid, OffsetDateTime) = (session.get(0), session.get(1));
    let sql = sql!(
        "SELECT id, user_id, family_id, spent_at FROM auth.refresh_tokens \
         WHERE token_hash = $1::bytea AND revoked_at IS NULL AND expires_at > $2"
    );
    let held = tx.query_opt(sql, &[&token.hash, &now]).await?.ok_or(Error::Unauthenticated)?;
    let (id, user, family): (Uuid, Uuid, Uuid) = (held.get("id"), held.get("user_id"), held.get("family_id"));
    let pair = derive(&tx, refresh.as_bytes())?;
    match held.get::<_, Option<OffsetDateTime>>("spent_at") {
        Some(at) if now - at <= GRACE => {
            tx.finish_unrecorded().await?;
            // What is given again lives no longer than the first time.
            Ok(pair.told(at, ends))
        }
        Some(_) => {
            end_family(&mut tx, session, family).await?;
            tx.on_row(session);
            tx.commit("auth.session.end_copied", "auth.sessions").await?;
            Err(Error::Unauthenticated)
        }
        None => {
            let next = keep(&mut tx, &pair, (session, user, family), ends).await?;
            let sql = sql!("UPDATE auth.refresh_tokens SET spent_at = $2, replaced_by = $3 WHERE id = $1");
            tx.query(sql, &[&id, &now, &next]).await?;
            let sql = sql!(
                "UPDATE auth.sessions SET token_hash = $2::bytea, last_seen_at = $3, idle_expires_at = least($4, expires_at) WHERE id = $1"
            );
            tx.query(sql, &[&session, &pair.access.hash, &now, &(now + ACCESS)]).await?;
            tx.on_row(session);
            tx.commit("auth.session.refresh", "auth.sessions").await?;
            Ok(pair.told(now, ends))
        }
    }
}

/// Proves again who one is, in a session of an API client: both of its tokens are replaced, and those before open nothing
/// any more.
///
/// # Errors
/// [`Error::Invalid`] on `password`, [`Error::TooMany`] after too many failures, [`Error::Unauthenticated`] for a session
/// that is of a browser or has ended.
pub async fn prove_with_tokens(db: &Db, ctx: &Ctx, given: &str, ip: &str) -> Result<TokenPair> {
    super::sign_in::check_own(db, ctx, given, true, ip).await?;
    let mut own = as_user(&ctx.env, ctx.tenant, ctx.actor.id);
    own.actor.session = ctx.actor.session;
    let mut tx = db.begin(own, false).await?;
    let (now, user) = (tx.ctx.env.now(), ctx.actor.id);
    let sql = sql!(
        "SELECT s.id, s.expires_at, (SELECT r.family_id FROM auth.refresh_tokens r WHERE r.session_id = s.id LIMIT 1) AS family \
         FROM auth.sessions s WHERE s.id = $1 AND s.user_id = $2 AND s.kind = 'api' AND s.revoked_at IS NULL \
           AND s.expires_at > $3 FOR UPDATE OF s"
    );
    let held = tx.query_opt(sql, &[&ctx.actor.session, &user, &now]).await?.ok_or(Error::Unauthenticated)?;
    let (session, ends): (Uuid, OffsetDateTime) = (held.get("id"), held.get("expires_at"));
    let family = held.get::<_, Option<Uuid>>("family").ok_or(Error::Unauthenticated)?;
    let sql = sql!("UPDATE auth.refresh_tokens SET revoked_at = $2 WHERE session_id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&session, &now]).await?;
    let mut seed = [0; 32];
    salus_store::seal::fill_random(&mut seed)?;
    let pair = derive(&tx, &seed)?;
    keep(&mut tx, &pair, (session, user, family), ends).await?;
    let sql = sql!(
        "UPDATE auth.sessions SET token_hash = $2::bytea, last_seen_at = $3, proved_at = $3, \
           idle_expires_at = least($4, expires_at) WHERE id = $1"
    );
    tx.query(sql, &[&session, &pair.access.hash, &now, &(now + ACCESS)]).await?;
    tx.on_row(session);
    tx.commit("auth.session.prove", "auth.sessions").await?;
    Ok(pair.told(now, ends))
}

async fn end_family(tx: &mut Tx, session: Uuid, family: Uuid) -> Result<()> {
    let now = tx.ctx.env.now();
    tx.query(sql!("UPDATE auth.sessions SET revoked_at = $2 WHERE id = $1"), &[&session, &now]).await?;
    let sql = sql!("UPDATE auth.refresh_tokens SET revoked_at = $2 WHERE family_id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&family, &now]).await.map(|_| ())
}

struct Pair {
    access: Token,
    refresh: Token,
    texts: (String, String),
}

impl Pair {
    fn told(self, from: OffsetDateTime, ends: OffsetDateTime) -> TokenPair {
        let expires_in = ACCESS.min(ends - from).whole_seconds();
        TokenPair { access: self.texts.0, expires_in, refresh: self.texts.1 }
    }
}

/// The pair that follows on a secret.
fn derive(tx: &Tx, secret: &[u8]) -> Result<Pair> {
    let tenant = tx.ctx.tenant;
    let of = |what: &[u8], prefix: &str| -> Result<(Token, String)> {
        let secret = tx.digest("auth.refresh_tokens", "token_hash", &[what, secret].concat())?;
        Ok(Token::with_secret(tenant, prefix, &secret))
    };
    let ((access, access_text), (refresh, refresh_text)) = (of(b"access/", "sla_")?, of(b"refresh/", "slr_")?);
    Ok(Pair { access, refresh, texts: (access_text, refresh_text) })
}

async fn keep(
    tx: &mut Tx,
    pair: &Pair,
    (session, user, family): (Uuid, Uuid, Uuid),
    ends: OffsetDateTime,
) -> Result<Uuid> {
    let id = tx.ctx.env.id();
    let values = row(json!({
        "session_id": session,
        "user_id": user,
        "family_id": family,
        "token_hash": hex::encode(&pair.refresh.hash),
        "expires_at": clock::text(ends)?,
    }));
    tx.insert("auth.refresh_tokens", &[NewRow { id, values }]).await?;
    Ok(id)
}

/// Ends the session of a refresh token; one that is none is no error, so that nothing is learnt.
///
/// # Errors
/// Those of the database.
pub async fn revoke_tokens(db: &Db, refresh: &str) -> Result<()> {
    let Some(token) = Token::parse(refresh).filter(|_| refresh.starts_with("slr_")) else { return Ok(()) };
    let mut tx = match db.begin(Ctx::system(db.env(), token.tenant), false).await {
        Err(Error::NotFound) => return Ok(()),
        other => other?,
    };
    let sql = sql!("SELECT session_id, family_id FROM auth.refresh_tokens WHERE token_hash = $1::bytea");
    let Some(found) = tx.query_opt(sql, &[&token.hash]).await? else { return tx.finish_unrecorded().await };
    let session = found.get(0);
    end_family(&mut tx, session, found.get(1)).await?;
    tx.on_row(session);
    tx.commit("auth.session.end", "auth.sessions").await
}
