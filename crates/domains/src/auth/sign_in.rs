//! Signing in with a password and a second factor, and out.

use super::{
    assurance::needs_second_factor,
    challenge,
    common::is_common,
    configuration::{SecurityConfiguration, security},
    device::{self, DeviceToken},
    factors::{self, Factors},
    former,
    held::held,
    leaked::{is_leaked, must_not_be_leaked},
    notify, password,
    source::{self, admits},
    token::Token,
    users::{accept, invitation},
};
use crate::{clock, compliance, row};
use salus_core::{Actor, ActorKind, Ctx, Env, Error, PLATFORM, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A session that has just begun.
#[derive(Debug)]
pub struct Signed {
    /// The cookie's value; shown once.
    pub token: String,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// The cookie by which this browser is known from now on, when it was not.
    pub device: Option<DeviceToken>,
    /// Whether a second factor must be set up before anything else.
    pub restricted: bool,
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
    /// A second factor is asked for.
    SecondFactor {
        /// Names the question in the answer ([`give_code`]).
        token: String,
        /// What the person has.
        factors: Factors,
    },
}

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'a> {
    /// Network address.
    pub ip: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// The cookie by which it may be known; empty for none.
    pub device: &'a str,
}

impl<'a> From<(&'a str, &'a str)> for Source<'a> {
    /// Address and browser.
    fn from((ip, agent): (&'a str, &'a str)) -> Self {
        Self { ip, agent, device: "" }
    }
}

/// The same, kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub ip: String,
    pub agent: String,
    device: String,
}

impl From<Source<'_>> for Origin {
    fn from(source: Source<'_>) -> Self {
        let agent = source.agent.chars().take(300).collect();
        Self { ip: source.ip.to_owned(), agent, device: source.device.to_owned() }
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    /// The word for the history.
    pub by: &'static str,
    /// Whether it was, or held, a second factor.
    pub second: bool,
}

/// A user as sign-in needs them.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub id: Uuid,
    hash: Option<String>,
    status: String,
    locked_until: Option<OffsetDateTime>,
    changed_at: Option<OffsetDateTime>,
}

/// Whom an attempt is about. An address that is nobody's is counted like somebody's: otherwise the wait after too many
/// failures would tell who has an account.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    User(Uuid),
    /// The keyed digest of an address that is no user's.
    Address(Vec<u8>),
    /// No name was given, as with a passkey that nobody has.
    Unknown,
}

impl Whom {
    /// The user; the nil id, which is nobody's, for others.
    pub fn id(&self) -> Uuid {
        if let Self::User(id) = self { *id } else { Uuid::nil() }
    }

    /// The digest of who is no user.
    pub fn address(&self) -> Option<&[u8]> {
        if let Self::Address(digest) = self { Some(digest) } else { None }
    }
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
pub async fn sign_in<'a>(
    db: &Db,
    slug: &str,
    email: &str,
    password: &str,
    source: impl Into<Source<'a>>,
) -> Result<SignIn> {
    let from = Origin::from(source.into());
    let (tenant, user, rules) = with_password(db, slug, email, password, &from).await?;
    let replace = must_replace(db, tenant, &user, &rules, (password, &[slug, email])).await?;
    second_or_session(db, (tenant, user.id), ("password", replace), &rules, &from).await
}

/// Whether the right password must give way to another: it is too old, guessed first, or leaked.
pub(super) async fn must_replace(
    db: &Db,
    tenant: Uuid,
    user: &Found,
    rules: &SecurityConfiguration,
    (password, own): (&str, &[&str]),
) -> Result<bool> {
    let days = rules.password_expiry_days;
    let expired = days > 0 && user.changed_at.is_some_and(|at| at + Duration::days(days) <= db.env().now());
    let known = expired || (rules.breached_password_check && is_common(password, own));
    Ok(known || is_leaked(db, tenant, rules, password).await?)
}

/// The proof of an API client that gives everything at once: the code too, where the person has a second factor.
pub(super) async fn second_factor_of(
    db: &Db,
    (tenant, user): (Uuid, Uuid),
    code: &str,
    rules: &SecurityConfiguration,
    from: &Origin,
) -> Result<Proof> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let factors = factors::of_user(&mut tx, user).await?;
    let granted = held(&mut tx, user, db.env().now()).await?;
    if !factors.any() {
        tx.finish_unrecorded().await?;
        if needs_second_factor(rules, &granted.roles, &granted.permissions()) {
            let detail = "A second factor must be set up first: sign in with a browser".into();
            return Err(Error::Refused { code: "sign_in_by_browser", detail });
        }
        return Ok(Proof { by: "password", second: false });
    }
    if code.is_empty() {
        tx.finish_unrecorded().await?;
        let detail = "Send the code of the second factor as \"code\"".into();
        return Err(Error::Refused { code: "second_factor_required", detail });
    }
    let given = factors::take_code(&mut tx, user, code).await?;
    tx.finish_unrecorded().await?;
    if let Some(by) = given {
        return Ok(Proof { by, second: true });
    }
    fail(db, tenant, &Whom::User(user), (None, "second_factor"), (rules, from)).await?;
    Err(Error::Unauthenticated)
}

/// The tenant of this name.
pub(super) async fn tenant(db: &Db, slug: &str) -> Result<Option<Uuid>> {
    match db.tenant(slug).await {
        Ok(id) => Ok(Some(id)),
        Err(Error::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whoever has the right password and may try it: locks and networks are looked at, failures counted. An organization that
/// there is not is asked like one: the platform, where nobody is.
pub(super) async fn with_password(
    db: &Db,
    slug: &str,
    email: &str,
    password: &str,
    from: &Origin,
) -> Result<(Uuid, Found, SecurityConfiguration)> {
    let there = tenant(db, slug).await?;
    let tenant = there.unwrap_or(PLATFORM);
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let found = find(&mut tx, email).await?;
    let rules = security(&mut tx).await?;
    // Nobody is looked for like somebody: an unknown user takes as long as a wrong password.
    let address = source::address(&tx, email)?;
    let whom = found.as_ref().map_or(Whom::Address(address), |f| Whom::User(f.id));
    let known = device::find(&mut tx, whom.id(), &from.device).await?;
    let account = found.as_ref().and_then(|f| f.locked_until);
    let lock = source::lock(&mut tx, &whom, (account, known), &from.ip, &rules).await?;
    tx.finish_unrecorded().await?;

    if let Some(wait) = lock {
        password::verify(password, None).await?;
        attempt(db, tenant, &whom, ("locked", "too_many"), from).await?;
        return Err(source::wait(wait, db.env().now()));
    }
    let usable = found.as_ref().filter(|f| f.status == "active").and_then(|f| f.hash.as_deref());
    let right = password::verify(password, usable).await?;
    let Some(user) = found.filter(|_| right) else {
        fail(db, tenant, &whom, (known, "password"), (&rules, from)).await?;
        return Err(Error::Unauthenticated);
    };
    if let Err(e) = may_come_from(&rules, &from.ip) {
        attempt(db, tenant, &whom, ("locked", "network"), from).await?;
        return Err(e);
    }
    if user.hash.as_deref().is_some_and(password::is_outdated) {
        upgrade(db, tenant, user.id, password).await?;
    }
    there.map(|tenant| (tenant, user, rules)).ok_or(Error::Unauthenticated)
}

/// Keeps a password under today's hash, while it is at hand.
async fn upgrade(db: &Db, tenant: Uuid, user: Uuid, password: &str) -> Result<()> {
    let hash = password::hash(password).await?;
    let mut tx = db.begin(as_user(db.env(), tenant, user), false).await?;
    tx.update("auth.users", user, None, row(json!({"password_hash": hash}))).await?;
    tx.on_row(user);
    tx.commit("auth.user.upgrade_password", "auth.users").await
}

/// Asks for the second factor of who has one, and begins the session of who has none. Whose password must be replaced does that
/// instead of a session, and after the second factor as well: the password alone replaces nothing where it opens nothing.
pub(super) async fn second_or_session(
    db: &Db,
    (tenant, user): (Uuid, Uuid),
    (by, replace): (&'static str, bool),
    rules: &SecurityConfiguration,
    from: &Origin,
) -> Result<SignIn> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let held = factors::of_user(&mut tx, user).await?;
    if held.any() {
        let token = challenge::pose(&mut tx, Some(user), "sign_in", json!({"replace": replace})).await?;
        tx.finish_unrecorded().await?;
        return Ok(SignIn::SecondFactor { token, factors: held });
    }
    tx.finish_unrecorded().await?;
    if replace {
        return replace_password(db, (tenant, user), from).await;
    }
    let proof = Proof { by, second: false };
    begin_session(db, (tenant, user), proof, rules, from).await.map(SignIn::Session)
}

/// Answers the question for a second factor with a code. Wrong codes count as failures of the account.
///
/// # Errors
/// [`Error::Unauthenticated`] when the question is too old or was answered wrong too often; [`Error::Invalid`] on
/// `code` for a wrong one; [`Error::TooMany`] while the account or the network is locked: who knows the password could ask for any
/// number of questions before the first wrong answer.
pub async fn give_code(db: &Db, token: &str, code: &str, source: Source<'_>) -> Result<SignIn> {
    let from = Origin::from(source);
    let tenant = Token::parse(token).ok_or(Error::Unauthenticated)?.tenant;
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let asked = challenge::find(&mut tx, "sign_in", token).await?;
    let user = asked.user.ok_or(Error::Unauthenticated)?;
    let rules = security(&mut tx).await?;
    let known = device::find(&mut tx, user, &from.device).await?;
    let account = by_id(&mut tx, user).await?.and_then(|found| found.locked_until);
    if let Some(wait) = source::lock(&mut tx, &Whom::User(user), (account, known), &from.ip, &rules).await? {
        tx.finish_unrecorded().await?;
        attempt(db, tenant, &Whom::User(user), ("locked", "too_many"), &from).await?;
        return Err(source::wait(wait, db.env().now()));
    }
    let sent = super::codes::is_sent(&asked.detail, code).then_some("code");
    let given = match sent {
        Some(sent) => Some(sent),
        None => factors::take_code(&mut tx, user, code).await?,
    };
    let Some(given) = given else {
        challenge::miss(&mut tx, asked.id).await?;
        tx.finish_unrecorded().await?;
        fail(db, tenant, &Whom::User(user), (known, "second_factor"), (&rules, &from)).await?;
        return Err(Error::invalid("code", "wrong_code", "This code is not right, or was used before"));
    };
    challenge::spend(&mut tx, asked.id).await?;
    tx.finish_unrecorded().await?;
    if asked.detail["replace"] == true {
        return replace_password(db, (tenant, user), &from).await;
    }
    begin_session(db, (tenant, user), Proof { by: given, second: true }, &rules, &from).await.map(SignIn::Session)
}

/// Refuses an address outside the networks that the tenant permits.
pub(super) fn may_come_from(rules: &SecurityConfiguration, ip: &str) -> Result<()> {
    if admits(&rules.allowed_ip_ranges, ip)? {
        return Ok(());
    }
    let detail = "Your organization does not permit signing in from this network".into();
    Err(Error::Refused { code: "network_not_allowed", detail })
}

/// Verifies that it is the caller who gives their password or, where `or_code` is set, the code of their authenticator: not
/// everybody who signs in by a passkey or a provider knows a password. Failures count as those of a sign-in.
pub(super) async fn check_own(db: &Db, ctx: &Ctx, given: &str, or_code: bool, ip: &str) -> Result<()> {
    let from = Origin::from(Source { ip, ..Source::default() });
    let mut tx = db.begin(Ctx::system(db.env(), ctx.tenant), true).await?;
    let user = by_id(&mut tx, ctx.actor.id).await?.ok_or(Error::NotFound)?;
    let rules = security(&mut tx).await?;
    let locked = source::locked_until(&mut tx, &Whom::User(user.id), ip, &rules).await?;
    tx.finish_unrecorded().await?;
    if let Some(until) = locked {
        return Err(source::wait(until, db.env().now()));
    }
    let is_code = or_code && given.len() == 6 && given.bytes().all(|b| b.is_ascii_digit());
    let right = if is_code {
        let mut tx = db.begin(Ctx::system(db.env(), ctx.tenant), false).await?;
        let taken = factors::take_code(&mut tx, user.id, given).await?;
        tx.finish_unrecorded().await?;
        taken.is_some()
    } else {
        password::verify(given, user.hash.as_deref()).await?
    };
    if right {
        return Ok(());
    }
    let what = if is_code { "second_factor" } else { "password" };
    fail(db, ctx.tenant, &Whom::User(user.id), (None, what), (&rules, &from)).await?;
    Err(if is_code {
        Error::invalid("password", "wrong_code", "This code is not right, or was used before")
    } else {
        Error::invalid("password", "wrong_password", "Is not your password")
    })
}

/// Sets another password for the caller, who gives the present one.
///
/// # Errors
/// [`Error::Invalid`] on `old` or `password`.
pub async fn change_password(db: &Db, ctx: &Ctx, old: &str, new: &str, ip: &str) -> Result<()> {
    check_own(db, ctx, old, false, ip).await.map_err(|e| match e {
        Error::Invalid(_) => Error::invalid("old", "wrong_password", "Is not your password"),
        other => other,
    })?;
    let who = super::own::who(db, ctx).await?;
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let rules = security(&mut tx).await?;
    tx.finish_unrecorded().await?;
    password::check_rules(&rules, &[&who.email, &who.name, &who.organization], new)?;
    must_not_be_leaked(db, ctx.tenant, &rules, new).await?;
    former::must_be_new(db, ctx.tenant, ctx.actor.id, &rules, new).await?;
    let hash = password::hash(new).await?;
    let mut tx = factors::begin_own_unproved(db, ctx).await?;
    former::replace(&mut tx, ctx.actor.id, &hash, &rules).await?;
    let now = tx.ctx.env.now();
    let sql = sql!("UPDATE auth.users SET password_changed_at = $2, failed_attempts = 0 WHERE id = $1");
    tx.query(sql, &[&ctx.actor.id, &now]).await?;
    // Whoever else is signed in with the old one is so no more.
    let sql = sql!(
        "UPDATE auth.sessions SET revoked_at = $3 WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL"
    );
    tx.query(sql, &[&ctx.actor.id, &ctx.actor.session, &now]).await?;
    tx.on_row(ctx.actor.id);
    notify::tell_owner(&mut tx, ctx.actor.id, "account.password").await?;
    tx.commit("auth.user.change_password", "auth.users").await
}

/// Hands out a short-lived link by which the holder of the right password sets another.
async fn replace_password(db: &Db, (tenant, user): (Uuid, Uuid), from: &Origin) -> Result<SignIn> {
    let (token, text) = Token::new(tenant, "slu_")?;
    let mut tx = db.begin(as_user(db.env(), tenant, user), false).await?;
    let sql = sql!("UPDATE auth.users SET setup_token_hash = $2::bytea, setup_expires_at = $3 WHERE id = $1");
    tx.query(sql, &[&user, &token.hash, &(db.env().now() + REPLACED)]).await?;
    history(&mut tx, &Whom::User(user), ("success", "password_expired"), from).await?;
    tx.on_row(user);
    tx.commit("auth.user.replace_password", "auth.users").await?;
    Ok(SignIn::NewPassword { token: text })
}

/// Takes up an invitation and signs the person in: who holds the link and has just chosen the password need not type it
/// again. Returns the tenant's name and the session.
///
/// # Errors
/// As [`super::accept_invitation`], and [`Error::Refused`] from a network that the tenant does not permit.
pub async fn accept_and_sign_in<'a>(
    db: &Db,
    token: &str,
    new_password: &str,
    source: impl Into<Source<'a>>,
) -> Result<(String, SignIn)> {
    let from = Origin::from(source.into());
    // Looked at first, so that a link is not spent by who is not let in.
    let invited = invitation(db, token).await?;
    may_come_from(&invited.configuration, &from.ip)?;
    accept(db, token, &invited, new_password).await?;
    let signed =
        second_or_session(db, (invited.tenant, invited.user), ("password", false), &invited.configuration, &from)
            .await?;
    Ok((invited.slug, signed))
}

async fn find(tx: &mut Tx, email: &str) -> Result<Option<Found>> {
    let blind = tx.blind("auth.users", "email", email)?;
    let sql = sql!("SELECT id FROM auth.users WHERE email_bidx = ANY($1::bytea[])");
    let found = tx.query_opt(sql, &[&blind]).await?;
    // The same questions whether there is somebody or not.
    by_id(tx, found.map(|row| row.get(0)).unwrap_or_default()).await
}

async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Found>> {
    let sql =
        sql!("SELECT id, password_hash, status::text, locked_until, password_changed_at FROM auth.users WHERE id = $1");
    let Some(found) = tx.query_opt(sql, &[&id]).await? else { return Ok(None) };
    let id: Uuid = found.get("id");
    let sealed: Option<&[u8]> = found.get("password_hash");
    let hash =
        sealed.map(|s| tx.open_value(At { table: "auth.users", column: "password_hash", row: id }, s)).transpose()?;
    let hash = hash.and_then(|v| v.as_str().map(str::to_owned));
    let (locked_until, changed_at) = (found.get("locked_until"), found.get("password_changed_at"));
    Ok(Some(Found { id, hash, status: found.get("status"), locked_until, changed_at }))
}

/// Counts a failure, and locks the account everywhere when there were far too many; the history locks it for a network.
/// A known device counts its own, and loses its trust over them.
async fn fail(
    db: &Db,
    tenant: Uuid,
    whom: &Whom,
    (known, reason): (Option<Uuid>, &str),
    (rules, from): (&SecurityConfiguration, &Origin),
) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let until = db.env().now() + Duration::minutes(rules.lockout_duration_minutes);
    let sql = sql!(
        "UPDATE auth.users SET failed_attempts = failed_attempts + 1, \
           locked_until = CASE WHEN failed_attempts + 1 >= $2 THEN $3 ELSE locked_until END WHERE id = $1"
    );
    // Nobody is counted like somebody, and in one transaction with the history.
    tx.query(sql, &[&whom.id(), &MOST_FAILURES, &until]).await?;
    if let Some(device) = known {
        device::failed(&mut tx, device, rules).await?;
    }
    history(&mut tx, whom, ("refused", reason), from).await?;
    tx.commit("auth.login.attempt", "auth.login_history").await
}

/// Writes the sign-in history.
pub(super) async fn attempt(db: &Db, tenant: Uuid, whom: &Whom, end: (&str, &str), from: &Origin) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    history(&mut tx, whom, end, from).await?;
    if let (Whom::User(user), ("locked", "too_many")) = (whom, end) {
        let evidence = json!({"reason": "account is locked after failures"});
        compliance::raise_once(&mut tx, ("BRUTE_FORCE", "MEDIUM"), *user, evidence).await?;
    }
    tx.commit("auth.login.attempt", "auth.login_history").await
}

pub(super) async fn history(tx: &mut Tx, whom: &Whom, (outcome, reason): (&str, &str), from: &Origin) -> Result<()> {
    let network = source::digest(tx, &from.ip)?;
    let values = row(json!({
        "user_id": if let Whom::User(id) = whom { Some(id) } else { None },
        "address": whom.address().map(hex::encode),
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

/// Begins the session of somebody who has proved who they are.
pub(super) async fn begin_session(
    db: &Db,
    (tenant, user): (Uuid, Uuid),
    proof: Proof,
    rules: &SecurityConfiguration,
    from: &Origin,
) -> Result<Signed> {
    let env = db.env();
    let (token, text) = Token::new(tenant, "sls_")?;
    let (now, id) = (env.now(), env.id());
    let expires_at = now + Duration::hours(rules.absolute_session_hours);
    let idle = (now + Duration::minutes(rules.session_timeout_minutes)).min(expires_at);
    let mut ctx = as_user(env, tenant, user);
    ctx.actor.session = Some(id);
    let mut tx = db.begin(ctx, false).await?;
    let held = held(&mut tx, user, now).await?;
    let restricted = !proof.second && needs_second_factor(rules, &held.roles, &held.permissions());
    let values = row(json!({
        "user_id": user,
        "kind": "browser",
        "token_hash": hex::encode(&token.hash),
        "last_seen_at": clock::text(now)?,
        "proved_at": clock::text(now)?,
        "second_factor_at": proof.second.then(|| clock::text(now)).transpose()?,
        "idle_expires_at": clock::text(idle)?,
        "expires_at": clock::text(expires_at)?,
        "user_agent": text_or_null(&from.agent),
        "ip": text_or_null(&from.ip),
    }));
    tx.insert("auth.sessions", &[NewRow { id, values }]).await?;
    // A password alone makes no browser known where more is needed.
    let known = device::find(&mut tx, user, &from.device).await?;
    let is_new = known.is_none() && rules.device_trust_days > 0;
    let device = if restricted { None } else { device::trust(&mut tx, user, known, &from.agent, rules).await? };
    let was_here = arrived(&mut tx, user, rules).await?;
    if was_here && is_new {
        notify::tell_owner(&mut tx, user, "account.new_browser").await?;
    }
    history(&mut tx, &Whom::User(user), ("success", proof.by), from).await?;
    tx.on_row(id);
    tx.commit("auth.session.create", "auth.sessions").await?;
    Ok(Signed { token: text, expires_at, device, restricted })
}

/// Notes that somebody came in, in a session of their own that stands already: what failed before counts no more, and the
/// sessions that went unused for longest end where there are too many. Between the password and the code the account may have
/// been locked: then no session lies in wait for its return. Whether they had come in before.
pub(super) async fn arrived(tx: &mut Tx, user: Uuid, rules: &SecurityConfiguration) -> Result<bool> {
    let sql = sql!(
        "UPDATE auth.users u SET failed_attempts = 0, locked_until = NULL, last_login_at = $2 \
         FROM (SELECT id, last_login_at FROM auth.users WHERE id = $1 AND status = 'active' FOR UPDATE) before \
         WHERE u.id = before.id RETURNING before.last_login_at IS NOT NULL"
    );
    let now = tx.ctx.env.now();
    let before = tx.query_opt(sql, &[&user, &now]).await?.ok_or(Error::Unauthenticated)?.get(0);
    if rules.max_sessions > 0 {
        let sql = sql!(
            "UPDATE auth.sessions SET revoked_at = $2 WHERE id IN (SELECT id FROM auth.sessions \
               WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > $2 AND expires_at > $2 \
               ORDER BY id = $4 DESC, last_seen_at DESC, id DESC OFFSET $3)"
        );
        let session = tx.ctx.actor.session;
        tx.query(sql, &[&user, &now, &rules.max_sessions, &session]).await?;
    }
    Ok(before)
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
