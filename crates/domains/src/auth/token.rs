//! Tokens: 256 random bits that are stored as their SHA-256. A token begins with its tenant, because a session must
//! be looked up inside one; that is an address and no secret.

use crate::row;
use salus_core::{Ctx, Error, Permissions, Result};
use salus_store::{Db, engine::NewRow, sql};
use serde_json::json;
use time::{Duration, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A secret a client presents, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose tenant it is.
    pub tenant: Uuid,
    /// SHA-256 of the whole text.
    pub hash: Vec<u8>,
}

/// A new API key; its text is shown once.
#[derive(Debug)]
pub struct ApiKey {
    /// The row.
    pub id: Uuid,
    /// `slk_<tenant>_<secret>_<check>`.
    pub text: String,
}

/// First letters of our tokens: API key, session, set-up link, challenge, known device, access and refresh token.
const KINDS: [&str; 7] = ["slk", "sls", "slu", "slc", "sld", "sla", "slr"];
/// Longest life of an API key.
const LONGEST_DAYS: i64 = 365;

impl Token {
    /// A new token of a tenant, and its text.
    ///
    /// # Errors
    /// [`Error::Internal`] when the random source fails.
    pub fn new(tenant: Uuid, prefix: &str) -> Result<(Self, String)> {
        let mut secret = [0; 32];
        salus_store::seal::fill_random(&mut secret)?;
        Ok(Self::with_secret(tenant, prefix, &secret))
    }

    /// The token of a tenant with this secret, and its text.
    pub(super) fn with_secret(tenant: Uuid, prefix: &str, secret: &[u8]) -> (Self, String) {
        let body = format!("{prefix}{}_{}", tenant.simple(), hex::encode(secret));
        let check = hex::encode(&salus_store::seal::digest(body.as_bytes())[..4]);
        let text = format!("{body}_{check}");
        (Self { tenant, hash: salus_store::seal::digest(text.as_bytes()).to_vec() }, text)
    }

    /// A token as it was presented; `None` when it cannot be one of ours, so that nothing is looked up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 200 {
            return None;
        }
        let (body, check) = text.rsplit_once('_')?;
        if check != hex::encode(&salus_store::seal::digest(body.as_bytes())[..4]) {
            return None;
        }
        let (kind, rest) = body.split_once('_')?;
        let (tenant, _) = rest.split_once('_').filter(|_| KINDS.contains(&kind))?;
        Some(Self { tenant: tenant.parse().ok()?, hash: salus_store::seal::digest(text.as_bytes()).to_vec() })
    }
}

/// What an API key is made with.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// For the list of keys.
    pub name: &'a str,
    /// What it may do of what its user may; empty is all of it.
    pub scopes: Permissions,
    /// Its life, in days.
    pub days: i64,
}

/// Makes an API key for a user. It may do what the user may, narrowed to `scopes` when any are given.
///
/// # Errors
/// [`Error::Invalid`] for a life of more than a year or scopes of another form, [`Error::Conflict`] for a name in use.
pub async fn create_api_key(db: &Db, ctx: &Ctx, user: Uuid, new: &NewApiKey<'_>) -> Result<ApiKey> {
    let NewApiKey { name, scopes, days } = new;
    if ctx.restricted {
        return Err(Error::Forbidden("a second factor".into()));
    }
    if !(1..=LONGEST_DAYS).contains(days) {
        return Err(Error::invalid("days", "not_allowed", format!("Is from 1 to {LONGEST_DAYS}")));
    }
    if let Some(bad) = scopes.iter().find(|s| s.split('.').count() != 3 || s.contains(' ')) {
        return Err(Error::invalid("scopes", "not_allowed", format!("{bad} is not of the form domain.noun.verb")));
    }
    let mut tx = db.begin(ctx.clone(), false).await?;
    let held = tx.query_opt(sql!("SELECT status::text FROM auth.users WHERE id = $1"), &[&user]).await?;
    if held.ok_or(Error::NotFound)?.get::<_, &str>(0) != "active" {
        let detail = "The user is not active: a key would open nothing. Let them choose a password first, or make a service account";
        return Err(Error::Conflict { code: "not_active", detail: detail.into() });
    }
    let (token, text) = Token::new(ctx.tenant, "slk_")?;
    let (id, now) = (ctx.env.id(), ctx.env.now());
    let expires = (now + Duration::days(*days)).format(&Rfc3339).map_err(Error::internal)?;
    let values = row(json!({
        "user_id": user,
        "name": name,
        "prefix": text.chars().take(12).collect::<String>(),
        "token_hash": hex::encode(&token.hash),
        "scopes": scopes.iter().collect::<Vec<_>>(),
        "created_at": now.format(&Rfc3339).map_err(Error::internal)?,
        "expires_at": expires,
    }));
    tx.on_row(id);
    tx.insert("auth.api_keys", &[NewRow { id, values }]).await?;
    tx.commit("auth.api_key.create", "auth.api_keys").await?;
    Ok(ApiKey { id, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_tenant_and_check_themselves() {
        let tenant = Uuid::from_u128(7);
        let (token, text) = Token::new(tenant, "slk_").unwrap();
        assert_eq!(Token::parse(&text), Some(token));
        let mut bent = text.clone().into_bytes();
        bent[50] = if bent[50] == b'0' { b'1' } else { b'0' };
        assert_eq!(Token::parse(std::str::from_utf8(&bent).unwrap()), None);
        assert_eq!(Token::parse(""), None);
        assert_eq!(Token::parse(&"x".repeat(10_000)), None);
    }
}
