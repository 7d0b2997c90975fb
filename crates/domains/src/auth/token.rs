//! Tokens: 256 random bits that are stored as their SHA-256. A token begins with its tenant, because a session must
//! be looked up inside one; that is an address and no secret.

use super::{factors::begin_own, notify};
use crate::{clock, row};
use salus_core::{Ctx, Error, Permissions, Purpose, Result};
use salus_store::{Db, Tx, engine::NewRow, outbound::Network, sql};
use serde_json::{Map, Value, json};
use time::Duration;
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

/// First letters of our tokens: API key, session, set-up link, challenge, known device, access and refresh token,
/// ticket of a live connection.
const KINDS: [&str; 8] = ["slk", "sls", "slu", "slc", "sld", "sla", "slr", "slt"];
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
#[derive(Debug, Clone, Default)]
pub struct NewApiKey<'a> {
    /// For the list of keys.
    pub name: &'a str,
    /// What it may do of what its user may; empty is all of it.
    pub scopes: Permissions,
    /// Its life, in days.
    pub days: i64,
    /// Networks such as `192.0.2.0/24` from which it opens; none: from anywhere.
    pub networks: Vec<String>,
    /// Purposes of use it is limited to; none: those its user's roles serve.
    pub purposes: Vec<Purpose>,
}

/// Makes an API key for a user. It may do what the user may, narrowed to `scopes` when any are given.
///
/// # Errors
/// [`Error::Invalid`] for a life of more than a year, scopes or networks of another form, [`Error::Conflict`] for a
/// name in use.
pub async fn create_api_key(db: &Db, ctx: &Ctx, user: Uuid, new: &NewApiKey<'_>) -> Result<ApiKey> {
    if ctx.restricted {
        return Err(Error::Forbidden("a second factor".into()));
    }
    new.check()?;
    let mut tx = if user == ctx.actor.id { begin_own(db, ctx).await? } else { db.begin(ctx.clone(), false).await? };
    let key = make(&mut tx, user, new).await?;
    tx.commit("auth.api_key.create", "auth.api_keys").await?;
    Ok(key)
}

impl NewApiKey<'_> {
    /// Refuses what no key is made with.
    pub(super) fn check(&self) -> Result<()> {
        check_days(self.days)?;
        if let Some(bad) = self.scopes.iter().find(|s| s.split('.').count() != 3 || s.contains(' ')) {
            return Err(Error::invalid("scopes", "not_allowed", format!("{bad} is not of the form domain.noun.verb")));
        }
        if let Some(bad) = self.networks.iter().find(|n| Network::parse(n).is_err()) {
            let why = format!("{bad} is no network: write it like 192.0.2.0/24 or 2001:db8::/32");
            return Err(Error::invalid("networks", "not_allowed", why));
        }
        Ok(())
    }
}

/// Makes a key that was [checked](NewApiKey::check), and tells its owner.
pub(super) async fn make(tx: &mut Tx, user: Uuid, new: &NewApiKey<'_>) -> Result<ApiKey> {
    let NewApiKey { name, scopes, days, networks, purposes } = new;
    let values = row(json!({
        "name": name, "scopes": scopes.iter().collect::<Vec<_>>(), "networks": networks, "purposes": purposes,
        "generation": 1,
    }));
    let key = insert(tx, user, *days, values).await?;
    notify::tell_owner(tx, user, "account.key").await?;
    Ok(key)
}

/// Makes a key that takes the place of one of the caller's own: same name, scopes, networks and purposes. Both work until the old
/// one is ended or expires; a third is not made.
///
/// # Errors
/// [`Error::NotFound`] for a key that is not the caller's or has ended, [`Error::Conflict`] when two of its name work.
pub async fn rotate_api_key(db: &Db, ctx: &Ctx, id: Uuid, days: i64) -> Result<ApiKey> {
    if ctx.restricted {
        return Err(Error::Forbidden("a second factor".into()));
    }
    check_days(days)?;
    let mut tx = begin_own(db, ctx).await?;
    let key = replace(&mut tx, ctx.actor.id, id, days).await?;
    tx.commit("auth.api_key.rotate", "auth.api_keys").await?;
    Ok(key)
}

/// Makes a key in the place of one of a user, and tells its owner.
pub(super) async fn replace(tx: &mut Tx, user: Uuid, id: Uuid, days: i64) -> Result<ApiKey> {
    check_days(days)?;
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT name::text, scopes, networks, purposes FROM auth.api_keys \
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 FOR UPDATE"
    );
    let held = tx.query_opt(sql, &[&id, &user, &now]).await?.ok_or(Error::NotFound)?;
    let name: String = held.get("name");
    let sql = sql!(
        "SELECT max(generation), count(*) FILTER (WHERE revoked_at IS NULL AND expires_at > $3) FROM auth.api_keys \
         WHERE user_id = $1 AND name = $2::text"
    );
    let count = tx.query_opt(sql, &[&user, &name, &now]).await?.ok_or(Error::NotFound)?;
    if count.get::<_, i64>(1) >= 2 {
        let detail = "Two keys of this name work already: end the old one first".into();
        return Err(Error::Conflict { code: "two_active", detail });
    }
    let (scopes, networks, purposes): (Value, Value, Value) =
        (held.get("scopes"), held.get("networks"), held.get("purposes"));
    let generation = count.get::<_, i32>(0) + 1;
    let values = row(json!({
        "name": name, "scopes": scopes, "networks": networks, "purposes": purposes, "generation": generation,
    }));
    let key = insert(tx, user, days, values).await?;
    notify::tell_owner(tx, user, "account.key").await?;
    Ok(key)
}

fn check_days(days: i64) -> Result<()> {
    if (1..=LONGEST_DAYS).contains(&days) {
        return Ok(());
    }
    Err(Error::invalid("days", "not_allowed", format!("Is from 1 to {LONGEST_DAYS}")))
}

async fn insert(tx: &mut Tx, user: Uuid, days: i64, mut values: Map<String, Value>) -> Result<ApiKey> {
    let held = tx.query_opt(sql!("SELECT status::text FROM auth.users WHERE id = $1"), &[&user]).await?;
    if held.ok_or(Error::NotFound)?.get::<_, &str>(0) != "active" {
        let detail = "The user is not active: a key would open nothing. Let them choose a password first, or make a service account";
        return Err(Error::Conflict { code: "not_active", detail: detail.into() });
    }
    let (token, text) = Token::new(tx.ctx.tenant, "slk_")?;
    let (id, now) = (tx.ctx.env.id(), tx.ctx.env.now());
    values.extend(row(json!({
        "user_id": user,
        "prefix": text.chars().take(12).collect::<String>(),
        "token_hash": hex::encode(&token.hash),
        "created_at": clock::text(now)?,
        "expires_at": clock::text(now + Duration::days(days))?,
    })));
    tx.on_row(id);
    tx.insert("auth.api_keys", &[NewRow { id, values }]).await?;
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
