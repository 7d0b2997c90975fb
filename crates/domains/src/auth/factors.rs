//! Second factors of a person: an authenticator app, recovery codes, addresses that codes are sent to. Passkeys are in
//! [`super::passkeys`].
//!
//! Holds: the code of a step is taken once; a recovery code works once; whoever changes their factors has proved lately
//! who they are, and the session that does it has a second factor from then on.

use super::{assurance::must_be_fresh, notify, sign_in::as_user, totp};
use crate::row;
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;
/// Random bytes of one: 80 bits.
const RECOVERY_BYTES: usize = 10;

/// What a person can prove themself with besides the password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Factors {
    /// Whether an authenticator app is in use.
    pub authenticator: bool,
    /// How many passkeys there are.
    pub passkeys: i64,
    /// Whether a passkey is suspended. It opens nothing, but who had set it up is asked as before: by a recovery code.
    pub suspended: bool,
    /// Recovery codes that still work.
    pub recovery_codes: i64,
    /// Ways by which codes are sent: `email`, `sms`.
    pub channels: Vec<String>,
}

impl Factors {
    /// Whether there is any but recovery codes, which are for the day on which the others are lost.
    #[must_use]
    pub fn any(&self) -> bool {
        self.authenticator || self.passkeys > 0 || self.suspended || !self.channels.is_empty()
    }
}

/// A new authenticator, as it is shown once.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret, to be typed.
    pub secret: String,
    /// The address in the QR code.
    pub address: String,
}

/// How somebody gave a second factor: the word for the sign-in history.
pub type Given = &'static str;

/// The second factors of a user.
pub async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Factors> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM auth.authenticators WHERE user_id = $1 AND confirmed_at IS NOT NULL) AS authenticator, \
           (SELECT count(*) FROM auth.passkeys WHERE user_id = $1 AND suspended_at IS NULL) AS passkeys, \
           EXISTS (SELECT FROM auth.passkeys WHERE user_id = $1 AND suspended_at IS NOT NULL) AS suspended, \
           (SELECT count(*) FROM auth.recovery_codes WHERE user_id = $1 AND used_at IS NULL) AS recovery_codes, \
           ARRAY(SELECT channel::text FROM auth.code_addresses WHERE user_id = $1 ORDER BY channel) AS channels"
    );
    let row = tx.query_opt(sql, &[&user]).await?.ok_or_else(|| Error::internal("a count has a row"))?;
    Ok(Factors {
        authenticator: row.get("authenticator"),
        passkeys: row.get("passkeys"),
        suspended: row.get("suspended"),
        recovery_codes: row.get("recovery_codes"),
        channels: row.get("channels"),
    })
}

/// The caller's own second factors.
///
/// # Errors
/// Those of the database.
pub async fn own_factors(db: &Db, ctx: &Ctx) -> Result<Factors> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let factors = of_user(&mut tx, ctx.actor.id).await?;
    tx.finish_unrecorded().await?;
    Ok(factors)
}

/// The caller as the kernel writes for them, in their own session.
pub(super) async fn begin_own(db: &Db, ctx: &Ctx) -> Result<Tx> {
    let mut tx = begin_own_unproved(db, ctx).await?;
    must_be_fresh(&mut tx).await?;
    Ok(tx)
}

/// The same for a change that asks for its own proof.
pub(super) async fn begin_own_unproved(db: &Db, ctx: &Ctx) -> Result<Tx> {
    let mut own = as_user(&ctx.env, ctx.tenant, ctx.actor.id);
    own.actor.session = ctx.actor.session;
    own.channel = ctx.channel;
    db.begin(own, false).await
}

/// Makes the secret of a new authenticator; it is in use once a code of it was given. One that was not confirmed gives
/// way.
///
/// # Errors
/// [`Error::Conflict`] when one is in use.
pub async fn new_authenticator(db: &Db, ctx: &Ctx, issuer: &str, account: &str) -> Result<Enrolment> {
    let mut tx = begin_own(db, ctx).await?;
    let user = ctx.actor.id;
    tx.query(sql!("DELETE FROM auth.authenticators WHERE user_id = $1 AND confirmed_at IS NULL"), &[&user]).await?;
    let mut secret = [0; totp::SECRET_BYTES];
    salus_store::seal::fill_random(&mut secret)?;
    let text = totp::base32(&secret);
    let id = tx.ctx.env.id();
    let values = row(json!({"user_id": user, "secret": text}));
    tx.insert("auth.authenticators", &[NewRow { id, values }]).await?;
    tx.on_row(id);
    tx.commit("auth.authenticator.create", "auth.authenticators").await?;
    Ok(Enrolment { address: totp::address(&secret, issuer, account), secret: text })
}

/// The new authenticator that waits for its first code, to be shown again.
///
/// # Errors
/// Those of the database.
pub async fn pending_authenticator(db: &Db, ctx: &Ctx, issuer: &str, account: &str) -> Result<Option<Enrolment>> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let held = authenticator(&mut tx, ctx.actor.id, false).await?;
    tx.finish_unrecorded().await?;
    Ok(held.map(|a| Enrolment { address: totp::address(&a.secret, issuer, account), secret: totp::base32(&a.secret) }))
}

/// Takes the first code of a new authenticator. Returns recovery codes when there were none.
///
/// # Errors
/// [`Error::Invalid`] on `code`; [`Error::NotFound`] when no authenticator waits for one.
pub async fn confirm_authenticator(db: &Db, ctx: &Ctx, code: &str) -> Result<Vec<String>> {
    let mut tx = begin_own(db, ctx).await?;
    let now = tx.ctx.env.now();
    let held = authenticator(&mut tx, ctx.actor.id, false).await?.ok_or(Error::NotFound)?;
    let step = totp::matching_step(&held.secret, code, now.unix_timestamp(), None).ok_or_else(|| {
        let why = "Is not the code that the authenticator shows now. Check that its clock is right";
        Error::invalid("code", "wrong_code", why)
    })?;
    let sql = sql!("UPDATE auth.authenticators SET confirmed_at = $2, last_step = $3, last_used_at = $2 WHERE id = $1");
    tx.query(sql, &[&held.id, &now, &step]).await?;
    let codes = after_new_factor(&mut tx).await?;
    tx.on_row(held.id);
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.authenticator.confirm", "auth.authenticators").await?;
    Ok(codes)
}

/// The session has a second factor now; recovery codes are made when there are none.
pub(super) async fn after_new_factor(tx: &mut Tx) -> Result<Vec<String>> {
    let (session, now, user) = (tx.ctx.actor.session, tx.ctx.env.now(), tx.ctx.actor.id);
    let sql = sql!("UPDATE auth.sessions SET second_factor_at = $2, proved_at = $2 WHERE id = $1");
    tx.query(sql, &[&session, &now]).await?;
    if of_user(tx, user).await?.recovery_codes == 0 { make_recovery_codes(tx, user).await } else { Ok(Vec::new()) }
}

/// Removes the caller's authenticator.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn remove_authenticator(db: &Db, ctx: &Ctx) -> Result<()> {
    let mut tx = begin_own(db, ctx).await?;
    let sql = sql!("DELETE FROM auth.authenticators WHERE user_id = $1 RETURNING id");
    let gone = tx.query_opt(sql, &[&ctx.actor.id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(gone.get(0));
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.authenticator.delete", "auth.authenticators").await
}

/// Makes new recovery codes; the ones before stop working.
///
/// # Errors
/// [`Error::Conflict`] when there is no second factor that could be lost.
pub async fn new_recovery_codes(db: &Db, ctx: &Ctx) -> Result<Vec<String>> {
    let mut tx = begin_own(db, ctx).await?;
    if !of_user(&mut tx, ctx.actor.id).await?.any() {
        let detail = "Set up an authenticator or a passkey first: recovery codes are for the day it is lost".into();
        return Err(Error::Conflict { code: "no_second_factor", detail });
    }
    let codes = make_recovery_codes(&mut tx, ctx.actor.id).await?;
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.recovery_code.create", "auth.recovery_codes").await?;
    Ok(codes)
}

async fn make_recovery_codes(tx: &mut Tx, user: Uuid) -> Result<Vec<String>> {
    tx.query(sql!("DELETE FROM auth.recovery_codes WHERE user_id = $1"), &[&user]).await?;
    let (mut codes, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0; RECOVERY_BYTES];
        salus_store::seal::fill_random(&mut bytes)?;
        let plain = totp::base32(&bytes);
        let values = row(json!({"user_id": user, "code_hash": hex::encode(recovery_hash(user, &plain))}));
        rows.push(NewRow { id: tx.ctx.env.id(), values });
        let groups: Vec<&str> = (0..plain.len()).step_by(4).filter_map(|at| plain.get(at..at + 4)).collect();
        codes.push(groups.join("-"));
    }
    tx.insert("auth.recovery_codes", &rows).await?;
    Ok(codes)
}

/// With 80 random bits a plain hash is enough: nobody guesses through them.
fn recovery_hash(user: Uuid, code: &str) -> Vec<u8> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    salus_store::seal::digest(format!("salus-recovery/{user}/{plain}").as_bytes()).to_vec()
}

struct Authenticator {
    id: Uuid,
    secret: Vec<u8>,
    last_step: Option<i64>,
}

async fn authenticator(tx: &mut Tx, user: Uuid, confirmed: bool) -> Result<Option<Authenticator>> {
    let sql = sql!(
        "SELECT id, secret, last_step FROM auth.authenticators WHERE user_id = $1 AND (confirmed_at IS NOT NULL) = $2"
    );
    let Some(found) = tx.query_opt(sql, &[&user, &confirmed]).await? else { return Ok(None) };
    let id: Uuid = found.get("id");
    let secret = tx.open_value(At { table: "auth.authenticators", column: "secret", row: id }, found.get("secret"))?;
    let secret = totp::from_base32(secret.as_str().unwrap_or_default())?;
    Ok(Some(Authenticator { id, secret, last_step: found.get("last_step") }))
}

/// Takes a code of a user's authenticator, or a recovery code, and spends it. `None`: it is none of them.
pub(super) async fn take_code(tx: &mut Tx, user: Uuid, code: &str) -> Result<Option<Given>> {
    let now: OffsetDateTime = tx.ctx.env.now();
    let plain = code.chars().filter(char::is_ascii_alphanumeric).count();
    if plain > 8 {
        let sql = sql!(
            "UPDATE auth.recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2::bytea AND used_at IS NULL RETURNING id"
        );
        let spent = tx.query_opt(sql, &[&user, &recovery_hash(user, code), &now]).await?;
        return Ok(spent.map(|_| "recovery_code"));
    }
    let Some(held) = authenticator(tx, user, true).await? else { return Ok(None) };
    let Some(step) = totp::matching_step(&held.secret, code, now.unix_timestamp(), held.last_step) else {
        return Ok(None);
    };
    // Of two that give the same code at once, one is first.
    let sql = sql!(
        "UPDATE auth.authenticators SET last_step = $2, last_used_at = $3 \
         WHERE id = $1 AND (last_step IS NULL OR last_step < $2) RETURNING id"
    );
    Ok(tx.query_opt(sql, &[&held.id, &step, &now]).await?.map(|_| "authenticator"))
}

/// Removes every second factor of a user, for an administrator: the user sets up new ones at the next sign-in.
pub(super) async fn remove_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    for sql in [
        sql!("DELETE FROM auth.authenticators WHERE user_id = $1"),
        sql!("DELETE FROM auth.passkeys WHERE user_id = $1"),
        sql!("DELETE FROM auth.recovery_codes WHERE user_id = $1"),
        sql!("DELETE FROM auth.code_addresses WHERE user_id = $1"),
        sql!("DELETE FROM auth.challenges WHERE user_id = $1"),
    ] {
        tx.query(sql, &[&user]).await?;
    }
    let sql = sql!("UPDATE auth.trusted_devices SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&user, &tx.ctx.env.now()]).await?;
    Ok(())
}
