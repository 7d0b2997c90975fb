//! What sign-in and roles hold for reviews and an evidence pack: ids, codes and counts, no names.

use super::assurance;
use crate::told;
use salus_core::Result;
use salus_store::{Tx, seal, sql};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Accounts, who holds which role, and a digest of that list: what a review of access rights has before it.
///
/// # Errors
/// Those of the database.
pub async fn rights(tx: &mut Tx) -> Result<Value> {
    let accounts = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(u)), '[]') FROM (SELECT kind::text, status::text, count(*) AS accounts, \
           count(*) FILTER (WHERE last_login_at < now() - interval '90 days') AS not_used_for_90_days \
         FROM auth.users GROUP BY 1, 2 ORDER BY 1, 2) u"
    );
    let held = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]') FROM (SELECT ur.user_id, u.status::text, r.name AS role, r.scope::text, ur.valid_from, ur.valid_to \
         FROM auth.user_roles ur JOIN auth.roles r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id \
         JOIN auth.users u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id ORDER BY ur.user_id, r.name, ur.valid_from) h"
    );
    let held = told(tx, held, &[]).await?;
    let digest = hex::encode(seal::digest(held.to_string().as_bytes()));
    Ok(json!({"accounts": told(tx, accounts, &[]).await?, "role_holdings": held, "role_holdings_sha256": digest}))
}

/// Access that ended in the time, and accounts that are closed and could still come in.
pub(crate) async fn leavers(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT jsonb_build_object('roles_ended', (SELECT count(*) FROM auth.user_roles WHERE valid_to >= $1 AND valid_to < $2), \
           'sessions_revoked', (SELECT count(*) FROM auth.sessions WHERE revoked_at >= $1 AND revoked_at < $2), \
           'closed_accounts_with_open_sessions', (SELECT count(DISTINCT u.id) FROM auth.users u JOIN auth.sessions s \
              ON s.tenant_id = u.tenant_id AND s.user_id = u.id WHERE u.status IN ('locked', 'disabled') AND s.revoked_at IS NULL \
              AND s.expires_at > now()))"
    );
    told(tx, sql, &[&from, &to]).await
}

/// Attempts to sign in by month and end, and accounts that are locked.
///
/// # Errors
/// Those of the database.
pub async fn sign_ins(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let months = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM (SELECT to_char(date_trunc('month', created_at AT TIME ZONE 'UTC'), 'YYYY-MM') AS month, \
           outcome::text, coalesce(reason, '') AS reason, count(*) AS attempts FROM auth.login_history \
         WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) m"
    );
    let locked = sql!("SELECT to_jsonb(count(*)) FROM auth.users WHERE locked_until > now()");
    Ok(json!({"attempts": told(tx, months, &[&from, &to]).await?, "accounts_locked_now": told(tx, locked, &[]).await?}))
}

/// Second factors, and emergency accesses with their reviews.
pub(crate) async fn assurance_and_glass(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let factors = sql!(
        "SELECT jsonb_build_object('active_people', count(*), 'with_authenticator', count(*) FILTER (WHERE EXISTS (SELECT FROM auth.authenticators a \
           WHERE a.tenant_id = u.tenant_id AND a.user_id = u.id AND a.confirmed_at IS NOT NULL)), \
           'with_passkey', count(*) FILTER (WHERE EXISTS (SELECT FROM auth.passkeys p WHERE p.tenant_id = u.tenant_id AND p.user_id = u.id))) \
         FROM auth.users u WHERE u.status = 'active' AND u.kind <> 'service'"
    );
    let glass = sql!(
        "SELECT jsonb_build_object('opened', count(*), 'reviewed', count(reviewed_at), \
           'unjustified', count(*) FILTER (WHERE review_outcome IN ('UNJUSTIFIED', 'ESCALATED')), \
           'review_overdue', count(*) FILTER (WHERE reviewed_at IS NULL AND review_due_on < current_date)) \
         FROM auth.glass_breaks WHERE opened_at >= $1 AND opened_at < $2"
    );
    let powers: Vec<&str> = assurance::POWERS.to_vec();
    Ok(json!({
        "second_factors": told(tx, factors, &[]).await?,
        "second_factor_always_asked_for": powers,
        "emergency_accesses": told(tx, glass, &[&from, &to]).await?,
    }))
}

/// With which other systems the tenant speaks, and how many keys open its interfaces.
pub(crate) async fn integrations(tx: &mut Tx) -> Result<Value> {
    let sql = sql!(
        "SELECT jsonb_build_object('identity_providers', (SELECT coalesce(jsonb_agg(issuer ORDER BY issuer), '[]') FROM auth.identity_providers), \
           'api_keys_in_force', (SELECT count(*) FROM auth.api_keys WHERE revoked_at IS NULL AND expires_at > now()), \
           'roles', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'scope', scope, 'purposes', purposes) ORDER BY name), '[]') FROM auth.roles))"
    );
    told(tx, sql, &[]).await
}
