//! Who needs a second factor, and how long a proof of who somebody is counts as fresh.
//!
//! Besides the tenant's own rules, everybody needs one whose roles open the door for others: who manages accounts,
//! roles or settings, exports, exchanges keys, erases persons, redacts events, or may break the glass.

use super::{configuration::SecurityConfiguration, sign_in::as_user};
use salus_core::{Ctx, Error, Permissions, Result};
use salus_store::{Db, Tx, sql};
use time::{Duration, OffsetDateTime};

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
/// How long one proof serves for changes of one's own account.
const FRESH: Duration = Duration::minutes(15);

/// Whether the holder of these roles and permissions must give a second factor.
#[must_use]
pub fn needs_second_factor(rules: &SecurityConfiguration, held: &[String], permissions: &Permissions) -> bool {
    rules.require_mfa
        || held.iter().any(|role| rules.mfa_required_roles.contains(role))
        || POWERS.iter().any(|power| permissions.allow(power))
}

/// Whether who sits before the caller's session has proved lately who they are.
pub(super) async fn is_fresh(tx: &mut Tx) -> Result<bool> {
    let sql = sql!("SELECT proved_at FROM auth.sessions WHERE id = $1 AND user_id = $2");
    let (session, user) = (tx.ctx.actor.session, tx.ctx.actor.id);
    let proved: Option<OffsetDateTime> = tx.query_opt(sql, &[&session, &user]).await?.map(|r| r.get(0));
    Ok(proved.is_some_and(|at| tx.ctx.env.now() - at < FRESH))
}

/// Refuses a change of one's own account when who sits there has not proved lately who they are.
///
/// # Errors
/// [`Error::Refused`] with `prove_again`.
pub(super) async fn must_be_fresh(tx: &mut Tx) -> Result<()> {
    if is_fresh(tx).await? {
        return Ok(());
    }
    let detail = "Give your password again first: for a change of your account it must be sure that this is you".into();
    Err(Error::Refused { code: "prove_again", detail })
}

/// Proves with the password that it is still the owner who sits before a session.
///
/// # Errors
/// [`Error::Invalid`] on `password`, [`Error::TooMany`] after too many failures.
pub async fn prove_again(db: &Db, ctx: &Ctx, password: &str, ip: &str) -> Result<()> {
    super::sign_in::check_own_password(db, ctx, password, ip).await?;
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    let sql = sql!("UPDATE auth.sessions SET proved_at = $3 WHERE id = $1 AND user_id = $2");
    tx.query(sql, &[&ctx.actor.session, &ctx.actor.id, &ctx.env.now()]).await?;
    tx.commit("auth.session.prove", "auth.sessions").await
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
