//! The emergency recovery credential: how an administrator comes in when nobody can sign in any more, because the
//! identity provider is gone, or every second factor.
//!
//! It is made at the command line and split into shares on paper (Shamir); the secret is stored nowhere. Enough shares
//! open one session of an hour with one role, once. The use makes an account of its own that holds the role for that hour
//! only, so nothing made with it outlives it; raises an alert; and tells everybody who manages accounts.

use super::{
    account_ops::has_administrator,
    configuration::security,
    glass::holders,
    notify::{self, Notice},
    sign_in::{Origin, Signed, Source, Whom, as_user, attempt, history, tenant},
    source,
    token::Token,
    totp,
};
use crate::{audit, clock, row};
use blahaj::{Share, Sharks};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, engine::NewRow, seal, sql};
use serde_json::json;
use std::collections::BTreeSet;
use time::Duration;
use uuid::Uuid;

/// How long one use lasts.
const LASTS: Duration = Duration::minutes(60);
/// Fewest characters of a reason.
const SHORTEST_REASON: usize = 15;
/// Most shares.
const MOST_SHARES: u8 = 16;
/// Letters between two signs of a share, for typing.
const GROUP: usize = 8;

/// A credential that was just made; its shares are shown once.
#[derive(Debug)]
pub struct Sealed {
    /// The row.
    pub id: Uuid,
    /// One for each keeper.
    pub shares: Vec<String>,
}

/// Makes a credential in place of the one before, which opens nothing any more.
///
/// # Errors
/// [`Error::Invalid`] for a role that the tenant has not, or numbers of shares that make no sense.
pub async fn seal_emergency(db: &Db, ctx: &Ctx, role: &str, (needed, shares): (u8, u8)) -> Result<Sealed> {
    if !(2..=MOST_SHARES).contains(&shares) {
        return Err(Error::invalid("shares", "not_allowed", format!("Is from 2 to {MOST_SHARES}")));
    }
    if !(2..=shares).contains(&needed) {
        return Err(Error::invalid("needed", "not_allowed", format!("Is from 2 to {shares}: nobody opens it alone")));
    }
    let mut secret = [0; 32];
    seal::fill_random(&mut secret)?;
    let hash = seal::digest(&secret);
    let texts = Sharks(needed).dealer(&secret).take(usize::from(shares)).map(|share| written(&hash, &share)).collect();
    let mut tx = db.begin(ctx.clone(), false).await?;
    let sql = sql!("SELECT id FROM auth.roles WHERE name = $1::text AND retired_at IS NULL");
    let found = tx.query_opt(sql, &[&role]).await?;
    let role: Uuid = found
        .ok_or_else(|| Error::invalid("role", "no_such_record", format!("{role} is not a role of this tenant")))?
        .get(0);
    let (id, now) = (tx.ctx.env.id(), tx.ctx.env.now());
    let sql = sql!("UPDATE auth.emergency_credentials SET ended_at = $1 WHERE ended_at IS NULL");
    tx.query(sql, &[&now]).await?;
    let values = json!({"role_id": role, "secret_hash": hex::encode(hash), "shares": shares, "needed": needed});
    tx.insert("auth.emergency_credentials", &[NewRow { id, values: row(values) }]).await?;
    tx.on_row(id);
    tx.commit("auth.emergency.seal", "auth.emergency_credentials").await?;
    Ok(Sealed { id, shares: texts })
}

/// By what an organization comes in again when somebody, or everybody, cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaysBack {
    /// An active person may mend the accounts of others.
    pub administrator: bool,
    /// A credential is sealed, and opens a role that is in use.
    pub emergency: bool,
}

/// What there is of them.
///
/// # Errors
/// Those of the database.
pub async fn ways_back(tx: &mut Tx) -> Result<WaysBack> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM auth.emergency_credentials c JOIN auth.roles r ON r.tenant_id = c.tenant_id AND r.id = c.role_id \
           WHERE c.used_at IS NULL AND c.ended_at IS NULL AND r.retired_at IS NULL)"
    );
    let emergency = tx.query_opt(sql, &[]).await?.is_some_and(|found| found.get(0));
    Ok(WaysBack { administrator: has_administrator(tx).await?, emergency })
}

/// A share as it is printed: which credential it is of, the share, and a check, in base 32.
fn written(hash: &[u8], share: &Share) -> String {
    let mut bytes = hash[..4].to_vec();
    bytes.extend(Vec::from(share));
    let check = seal::digest(&bytes);
    bytes.extend(&check[..3]);
    let letters: Vec<char> = totp::base32(&bytes).chars().collect();
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A share as it was typed: the credential it is of, its number, itself.
fn read(text: &str) -> Option<([u8; 4], u8, Share)> {
    let bytes = totp::from_base32(&text.replace('-', "")).ok()?;
    let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(3)?)?;
    let (of, share) = body.split_first_chunk::<4>()?;
    (seal::digest(body)[..3] == *check && share.len() == 33).then_some(())?;
    Some((*of, share[0], Share::try_from(share).ok()?))
}

/// The secret that shares make; of which field is wrong otherwise.
fn together(texts: &[String]) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::invalid("shares", "wrong_share", message);
    let mut shares: Vec<Share> = Vec::new();
    let (mut of, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (line, text) in texts.iter().enumerate() {
        let (tag, number, share) =
            read(text).ok_or_else(|| wrong(format!("Share {} was mistyped: compare it with the paper", line + 1)))?;
        of.insert(tag);
        if numbers.insert(number) {
            shares.push(share);
        }
    }
    if of.len() > 1 {
        return Err(wrong("These shares are of different credentials".into()));
    }
    let enough = u8::try_from(shares.len()).ok().filter(|n| *n >= 2);
    let needed = enough.ok_or_else(|| wrong("Type at least two different shares, one a line".into()))?;
    Sharks(needed).recover(&shares).map_err(|why| wrong(why.to_owned()))
}

/// Opens the session of an emergency.
///
/// # Errors
/// [`Error::Invalid`] on `shares` or `reason`; [`Error::Unauthenticated`] when the shares open nothing: too few, used
/// before, or replaced; [`Error::TooMany`] after too many failures from this network.
pub async fn open_emergency(
    db: &Db,
    slug: &str,
    shares: &[String],
    reason: &str,
    source: Source<'_>,
) -> Result<Signed> {
    let reason = reason.trim();
    if reason.chars().count() < SHORTEST_REASON {
        let message = format!("Says in at least {SHORTEST_REASON} characters why nobody can sign in");
        return Err(Error::invalid("reason", "too_short", message));
    }
    let secret = together(shares)?;
    let from = Origin::from(source);
    let tenant = tenant(db, slug).await?.ok_or(Error::Unauthenticated)?;
    let (user, session) = (db.env().id(), db.env().id());
    let mut ctx = as_user(db.env(), tenant, user);
    ctx.actor.session = Some(session);
    let mut tx = db.begin(ctx, false).await?;
    let now = db.env().now();
    let rules = security(&mut tx).await?;
    if let Some(until) = source::locked_until(&mut tx, &Whom::Unknown, &from.ip, &rules).await? {
        tx.undo().await;
        return Err(source::wait(until, now));
    }
    let hash = seal::digest(&secret).to_vec();
    let sql = sql!(
        "SELECT id, role_id FROM auth.emergency_credentials WHERE secret_hash = $1::bytea AND ended_at IS NULL FOR UPDATE"
    );
    let Some(found) = tx.query_opt(sql, &[&hash]).await? else {
        tx.undo().await;
        attempt(db, tenant, &Whom::Unknown, ("refused", "emergency"), &from).await?;
        return Err(Error::Unauthenticated);
    };
    let (id, role): (Uuid, Uuid) = (found.get("id"), found.get("role_id"));
    let ends = now + LASTS;
    let (begun, until) = (clock::text(now)?, clock::text(ends)?);
    let name = format!("Emergency access {}", now.date());
    let values = row(json!({"kind": "service", "display_name": name, "status": "active"}));
    tx.insert("auth.users", &[NewRow { id: user, values }]).await?;
    let values = row(json!({"user_id": user, "role_id": role, "valid_from": begun, "valid_to": until}));
    let held = tx.ctx.env.id();
    tx.insert("auth.user_roles", &[NewRow { id: held, values }]).await?;
    let values = row(json!({"ended_at": begun, "used_at": begun, "user_id": user, "reason": reason}));
    tx.update("auth.emergency_credentials", id, None, values).await?;
    let (token, text) = Token::new(tenant, "sls_")?;
    // It counts as just proved until its end: this account has no password to prove it with.
    let values = row(json!({
        "user_id": user, "kind": "browser", "token_hash": hex::encode(&token.hash), "last_seen_at": begun,
        "proved_at": until, "second_factor_at": begun, "idle_expires_at": until, "expires_at": until,
        "user_agent": Some(&from.agent).filter(|t| !t.is_empty()), "ip": Some(&from.ip).filter(|t| !t.is_empty()),
    }));
    tx.insert("auth.sessions", &[NewRow { id: session, values }]).await?;
    history(&mut tx, &Whom::User(user), ("success", "emergency"), &from).await?;
    let what = "The emergency recovery credential was used: somebody is in for an hour, past all second factors";
    audit::raise(&mut tx, "emergency_access", what, ("auth.emergency_credentials", id)).await?;
    let told = holders(&mut tx, "auth.user.manage").await?;
    let users: Vec<Uuid> = told.into_iter().filter(|u| *u != user).collect();
    let target = Some(("auth.emergency_credentials", id));
    let params = json!({"ends_at": until});
    notify::notify(&mut tx, &Notice { users: &users, title: "emergency.used", params, target }).await?;
    tx.emit("auth.emergency.used", id, json!({"user_id": user, "ends_at": until}));
    tx.on_row(id);
    tx.commit("auth.emergency.use", "auth.emergency_credentials").await?;
    tracing::error!(%tenant, credential = %id, "the emergency recovery credential was used: see the page of alerts");
    Ok(Signed { token: text, expires_at: ends, device: None, restricted: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(needed: u8, of: u8) -> (Vec<u8>, Vec<String>) {
        let secret = vec![7; 32];
        let hash = seal::digest(&secret);
        let shares = Sharks(needed).dealer(&secret).take(usize::from(of)).map(|s| written(&hash, &s)).collect();
        (secret, shares)
    }

    #[test]
    fn enough_shares_make_the_secret_and_fewer_do_not() {
        let (secret, shares) = split(3, 5);
        for some in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let some: Vec<String> = some.iter().map(|i| shares[*i].to_lowercase().replace('-', " ")).collect();
            assert_eq!(together(&some).unwrap(), secret, "in any case and spacing");
        }
        assert_eq!(together(&shares).unwrap(), secret, "more than needed");
        assert_ne!(together(&shares[..2]).unwrap(), secret);
        assert!(together(&[shares[0].clone(), shares[0].clone()]).is_err(), "one share twice is one share");
        assert_eq!(shares[0].len(), 71);
    }

    #[test]
    fn a_mistyped_share_is_named() {
        let (_, mut shares) = split(2, 3);
        let other = if shares[1].starts_with('A') { "B" } else { "A" };
        shares[1].replace_range(0..1, other);
        let Err(Error::Invalid(wrong)) = together(&shares) else { panic!("it was taken") };
        assert!(wrong[0].message.contains("Share 2"), "{wrong:?}");
        for text in ["", "no share", "ABCD", "1111"] {
            assert!(together(&[text.to_owned()]).is_err());
        }
    }
}
