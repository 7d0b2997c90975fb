//! An invitation taken up through an identity provider: who holds the link, and for whose address the provider vouches, comes
//! in without ever choosing a password. The account there is bound to the user by it, and the link is spent.

use super::{
    configuration::security,
    oidc::{Arrival, Provider, keep, vouched},
    sign_in::{Origin, Whom, history, may_come_from, second_or_session},
};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, sql};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Lets the invited user in whose invitation has this digest.
///
/// # Errors
/// [`Error::Refused`] with `invitation_over`, `address_not_vouched` or `other_address`; [`Error::Conflict`] for an account
/// that is linked to another user.
pub(super) async fn take_up(
    db: &Db,
    tenant: Uuid,
    (provider, subject, claims): (&Provider, &str, &Map<String, Value>),
    (invitation, from): (&str, &Origin),
) -> Result<Arrival> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let rules = security(&mut tx).await?;
    may_come_from(&rules, &from.ip)?;
    let hash = hex::decode(invitation).map_err(|_| Error::Unauthenticated)?;
    let email = vouched(claims);
    let blind = email.map(|email| tx.blind("auth.users", "email", email)).transpose()?.unwrap_or_default();
    let sql = sql!(
        "SELECT u.id, t.slug, u.email_bidx = ANY($3::bytea[]) AS same FROM auth.users u JOIN kernel.tenants t ON t.id = u.tenant_id \
         WHERE u.setup_token_hash = $1::bytea AND u.setup_expires_at > $2 AND u.status = 'invited' FOR UPDATE OF u"
    );
    let found = tx.query_opt(sql, &[&hash, &db.env().now(), &blind]).await?;
    let (code, detail) = match (&found, email) {
        (None, _) => ("invitation_over", "This invitation was used, replaced, or has ended: ask for another link"),
        (Some(_), None) => (
            "address_not_vouched",
            "The provider does not say that your e-mail address there is verified: verify it there, or choose a password",
        ),
        (Some(row), Some(_)) if !row.get::<_, Option<bool>>("same").unwrap_or_default() => (
            "other_address",
            "Your account at the provider has another e-mail address than the one that was invited: use that account, or choose a password",
        ),
        (Some(row), Some(_)) => {
            let (user, slug) = (row.get("id"), row.get("slug"));
            admit(&mut tx, user).await?;
            keep(&mut tx, provider, subject, user).await?;
            tx.on_row(user);
            tx.commit("auth.user.accept_invitation", "auth.users").await?;
            let signed = second_or_session(db, (tenant, user), ("provider", false), &rules, from).await?;
            return Ok(Arrival::SignIn(slug, signed));
        }
    };
    let whom = found.map_or(Whom::Unknown, |row| Whom::User(row.get("id")));
    history(&mut tx, &whom, ("refused", "provider"), from).await?;
    tx.commit("auth.login.attempt", "auth.login_history").await?;
    Err(Error::Refused { code, detail: detail.into() })
}

/// The account of an invited user is active, and the invitation spent.
pub(super) async fn admit(tx: &mut Tx, user: Uuid) -> Result<()> {
    let sql = sql!(
        "UPDATE auth.users SET setup_token_hash = NULL, setup_expires_at = NULL, status = 'active', failed_attempts = 0, \
           locked_until = NULL WHERE id = $1 AND status = 'invited' RETURNING id"
    );
    tx.query_opt(sql, &[&user]).await?.map(|_| ()).ok_or(Error::Unauthenticated)
}
