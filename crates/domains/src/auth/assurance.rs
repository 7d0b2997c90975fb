//! Who needs a second factor, and for what somebody must have proved lately who they are.
//!
//! Besides the tenant's own rules, everybody needs a second factor whose roles open the door for others: who manages
//! accounts, roles or settings, exports, exchanges keys, erases persons, redacts events, or may break the glass. Who sits
//! before a session that was left open does none of that: it takes a proof of the last quarter of an hour ([`proved`]).

use super::{
    configuration::{SecurityConfiguration, security},
    held::Held,
    sign_in::as_user,
    token::Token,
};
use crate::checked;
use salus_core::{ActorKind, Ctx, Error, Permissions, Result};
use salus_store::{Db, Method, Op, Tx, sql};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Permissions whose holders need a second factor, whatever the tenant's rules say. A test demands that each is one that
/// something asks for.
pub const POWERS: [&str; 12] = [
    "auth.user.manage",
    "auth.role.write",
    "auth.role.grant",
    "auth.identity_provider.write",
    "auth.glass.open",
    "kernel.setting.write",
    "kernel.key.rotate",
    "compliance.erasure.request",
    "compliance.erasure.confirm",
    "compliance.tenant.erase",
    "audit.event.redact",
    crate::exchange::EXPORT,
];
/// What such a permission serves for and takes no proof: it only takes access away or says what would be, or somebody's
/// life may wait for it.
pub const WITHOUT_PROOF: [&str; 12] = [
    "auth.api_key.revoke",
    "auth.glass.end",
    "auth.glass.open",
    "auth.permission.preview",
    "auth.role.preview",
    "auth.session.revoke",
    "auth.user.disable",
    "auth.user.end_sessions",
    "auth.user.lock",
    "auth.user.preview_roles",
    "auth.user.unlock",
    "compliance.erasure_request.decline",
];
/// How long one proof serves.
const FRESH: Duration = Duration::minutes(15);

/// Whether the holder of these roles and permissions must give a second factor.
#[must_use]
pub fn needs_second_factor(rules: &SecurityConfiguration, held: &[String], permissions: &Permissions) -> bool {
    rules.require_mfa
        || held.iter().any(|role| rules.mfa_required_roles.contains(role))
        || POWERS.iter().any(|power| permissions.allow(power))
}

/// What the door asks of a person besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing more.
    Nothing,
    /// A second factor, and there is one.
    Has,
    /// A second factor, and none is set up: a session of theirs does nothing but set one up.
    Lacks,
}

/// What the door asks of a user who holds these roles.
///
/// # Errors
/// Those of the database.
pub async fn asked_of(tx: &mut Tx, user: Uuid, held: &Held) -> Result<Asked> {
    if !needs_second_factor(&security(tx).await?, &held.roles, &held.permissions()) {
        return Ok(Asked::Nothing);
    }
    let has = super::factors::of_user(tx, user).await?.any();
    Ok(if has { Asked::Has } else { Asked::Lacks })
}

/// Whether who sits before the caller's session has proved lately who they are.
pub(super) async fn is_fresh(tx: &mut Tx) -> Result<bool> {
    let sql = sql!("SELECT proved_at FROM auth.sessions WHERE id = $1 AND user_id = $2");
    let (session, user) = (tx.ctx.actor.session, tx.ctx.actor.id);
    let proved: Option<OffsetDateTime> = tx.query_opt(sql, &[&session, &user]).await?.map(|r| r.get(0));
    Ok(proved.is_some_and(|at| tx.ctx.env.now() - at < FRESH))
}

/// An operation that takes a proof of late from a person, where it is a use of power. A program has no password to give
/// again: its key says what it may do.
#[must_use]
pub fn proved(op: Op) -> Op {
    let is_power = op.method != Method::Get && POWERS.contains(&op.permission);
    if !is_power || WITHOUT_PROOF.contains(&op.name.as_str()) {
        return op;
    }
    checked(op, |tx, _| {
        Box::pin(async move {
            // Who comes through the door has a session; who has none is the program itself.
            let actor = &tx.ctx.actor;
            if actor.kind == ActorKind::User && actor.session.is_some() { must_be_fresh(tx).await } else { Ok(()) }
        })
    })
}

/// Refuses what takes a proof when who sits there has not proved lately who they are.
///
/// # Errors
/// [`Error::ProveAgain`].
pub(super) async fn must_be_fresh(tx: &mut Tx) -> Result<()> {
    if is_fresh(tx).await? { Ok(()) } else { Err(Error::ProveAgain) }
}

/// The token by which a session is known from now on; the one before opens nothing any more.
#[derive(Debug)]
pub struct Renewed {
    /// The cookie's value; shown once.
    pub token: String,
    /// When the session ends at the latest, as before.
    pub expires_at: OffsetDateTime,
}

/// Proves with the password, or with a code of the authenticator, that it is still the owner who sits before a session of a
/// browser. Its token is replaced: whoever has a copy of the one before is not proved with it.
///
/// # Errors
/// [`Error::Invalid`] on `password`, [`Error::TooMany`] after too many failures, [`Error::Unauthenticated`] for what is no
/// session of a browser.
pub async fn prove_again(db: &Db, ctx: &Ctx, given: &str, ip: &str) -> Result<Renewed> {
    super::sign_in::check_own(db, ctx, given, true, ip).await?;
    let mut tx = begin_in_session(db, ctx).await?;
    let renewed = another_token(&mut tx).await?.ok_or(Error::Unauthenticated)?;
    let sql = sql!("UPDATE auth.sessions SET proved_at = $3 WHERE id = $1 AND user_id = $2");
    tx.query(sql, &[&ctx.actor.session, &ctx.actor.id, &ctx.env.now()]).await?;
    tx.commit("auth.session.prove", "auth.sessions").await?;
    Ok(renewed)
}

/// Replaces the token of the caller's session after a proof of another kind, such as a new second factor; `None` for a caller
/// who has no session of a browser.
///
/// # Errors
/// Those of the database.
pub async fn renew(db: &Db, ctx: &Ctx) -> Result<Option<Renewed>> {
    let mut tx = begin_in_session(db, ctx).await?;
    let Some(renewed) = another_token(&mut tx).await? else {
        tx.finish_unrecorded().await?;
        return Ok(None);
    };
    tx.commit("auth.session.renew", "auth.sessions").await?;
    Ok(Some(renewed))
}

async fn begin_in_session(db: &Db, ctx: &Ctx) -> Result<Tx> {
    let mut own = as_user(&ctx.env, ctx.tenant, ctx.actor.id);
    own.actor.session = ctx.actor.session;
    db.begin(own, false).await
}

async fn another_token(tx: &mut Tx) -> Result<Option<Renewed>> {
    let (session, user) = (tx.ctx.actor.session, tx.ctx.actor.id);
    let (token, text) = Token::new(tx.ctx.tenant, "sls_")?;
    let sql = sql!(
        "UPDATE auth.sessions SET token_hash = $3::bytea \
         WHERE id = $1 AND user_id = $2 AND kind = 'browser' AND revoked_at IS NULL RETURNING expires_at"
    );
    let Some(row) = tx.query_opt(sql, &[&session, &user, &token.hash]).await? else { return Ok(None) };
    if let Some(id) = session {
        tx.on_row(id);
    }
    Ok(Some(Renewed { token: text, expires_at: row.get(0) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_need_a_second_factor_whatever_the_rules_say() {
        let lax = SecurityConfiguration { require_mfa: false, ..SecurityConfiguration::default() };
        let needs = |patterns: &[&str]| needs_second_factor(&lax, &[], &Permissions::new(patterns.iter().copied()));
        assert!(!needs(&["medical.*.*", "records.*.*", "kernel.phi.read", "audit.subject.read", "kernel.key.read"]));
        assert!(!needs(&["auth.glass.review", "compliance.erasure.read", "audit.*.read", "exchange.fhir.read"]));
        let wide = ["auth.*.*", "compliance.erasure.*", "kernel.key.*", "exchange.fhir.*", "*.*.*"];
        for power in POWERS.into_iter().chain(wide) {
            assert!(needs(&[power]), "{power}");
        }
        let named = SecurityConfiguration { mfa_required_roles: vec!["nurse".into()], ..lax.clone() };
        assert!(needs_second_factor(&named, &["nurse".into()], &Permissions::default()));
        assert!(!needs_second_factor(&named, &["clerk".into()], &Permissions::default()));
        assert!(needs_second_factor(&SecurityConfiguration::default(), &[], &Permissions::default()));
    }
}
