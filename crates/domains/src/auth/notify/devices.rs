//! A user's own devices: browsers that are told by push while no page is open. Added, seen and removed as the user; what a
//! browser gave is sealed, and leaves the database only to be sent to.
//!
//! What holds: a browser is told for one account; at most ten an account; a device goes when its push service says that it
//! is no more, when its user removes it, and when the account is stopped.

use super::push::{Browser, Vapid};
use crate::{auth::browser_and_system, auth::sign_in::as_user, clock, row};
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, seal, sql};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

const TABLE: &str = "auth.push_devices";
const KEYS: &str = "auth.push_keys";
/// Most devices of a user.
const MOST: i64 = 10;

/// A device as its user sees it.
#[derive(Debug, Clone)]
pub struct Device {
    /// Id.
    pub id: Uuid,
    /// Browser and system.
    pub label: String,
    /// SHA-256 of its address at the push service, in hex: by it a page knows its own browser.
    pub hash: String,
    /// ISO 8601.
    pub created_at: String,
    /// When a message was last taken for it; empty for never.
    pub last_success_at: String,
    /// Attempts since then that failed.
    pub failures: i32,
}

/// What a browser gives to be told, bytes as base64url.
#[derive(Debug, Clone, Copy)]
pub struct NewDevice<'a> {
    /// Address at its push service.
    pub endpoint: &'a str,
    /// Its public key.
    pub p256dh: &'a str,
    /// What it shares with us besides.
    pub auth: &'a str,
    /// What it calls itself.
    pub agent: &'a str,
}

/// The caller's devices, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn devices(db: &Db, ctx: &Ctx) -> Result<Vec<Device>> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let sql = sql!(
        "SELECT id, label::text, endpoint_hash, created_at, last_success_at, failures FROM auth.push_devices \
         WHERE user_id = $1 ORDER BY created_at, id"
    );
    let rows = tx.query(sql, &[&ctx.actor.id]).await?;
    tx.count(rows.len());
    tx.commit("auth.push_device.read_own", TABLE).await?;
    let device = |r: &salus_store::Row| {
        Ok(Device {
            id: r.get("id"),
            label: r.get("label"),
            hash: hex::encode(r.get::<_, &[u8]>("endpoint_hash")),
            created_at: clock::text(r.get("created_at"))?,
            last_success_at: r
                .get::<_, Option<OffsetDateTime>>("last_success_at")
                .map_or(Ok(String::new()), clock::text)?,
            failures: r.get("failures"),
        })
    };
    rows.iter().map(device).collect()
}

/// Has the caller told in a browser. One that is told already stays as it is.
///
/// # Errors
/// [`Error::Invalid`] for what no browser gives; [`Error::Conflict`] `too_many` after ten, and `duplicate` for a browser that
/// is told for somebody else.
pub async fn add_device(db: &Db, ctx: &Ctx, new: &NewDevice<'_>) -> Result<Uuid> {
    Browser::parse(new.endpoint, new.p256dh, new.auth)?;
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    // Two that are added at once are counted one after the other.
    tx.alone(TABLE, &ctx.actor.id.to_string()).await?;
    let hash = seal::digest(new.endpoint.as_bytes());
    let sql = sql!("SELECT id, endpoint_hash FROM auth.push_devices WHERE user_id = $1");
    let known = tx.query(sql, &[&ctx.actor.id]).await?;
    if let Some(same) = known.iter().find(|r| r.get::<_, &[u8]>("endpoint_hash") == hash) {
        let id = same.get("id");
        tx.finish_unrecorded().await?;
        return Ok(id);
    }
    if i64::try_from(known.len()).map_err(Error::internal)? >= MOST {
        let detail = format!("{MOST} devices are told already: remove one first");
        return Err(Error::Conflict { code: "too_many", detail });
    }
    let id = tx.ctx.env.id();
    let values = row(json!({
        "user_id": ctx.actor.id, "label": label(new.agent), "endpoint": new.endpoint, "endpoint_hash": hex::encode(hash),
        "p256dh": new.p256dh, "auth": new.auth,
    }));
    tx.insert(TABLE, &[NewRow { id, values }]).await?;
    tx.on_row(id);
    tx.commit("auth.push_device.create", TABLE).await?;
    Ok(id)
}

/// Tells one of the caller's devices no more.
///
/// # Errors
/// [`Error::NotFound`] for one that is not the caller's.
pub async fn remove_device(db: &Db, ctx: &Ctx, id: Uuid) -> Result<()> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    let sql = sql!("DELETE FROM auth.push_devices WHERE id = $1 AND user_id = $2 RETURNING id");
    tx.query_opt(sql, &[&id, &ctx.actor.id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    tx.commit("auth.push_device.delete", TABLE).await
}

/// Removes every device of a user whose account is stopped.
///
/// # Errors
/// Those of the database.
pub(in crate::auth) async fn remove_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.query(sql!("DELETE FROM auth.push_devices WHERE user_id = $1"), &[&user]).await.map(|_| ())
}

/// The key that browsers subscribe with; it is made when it is first asked for.
///
/// # Errors
/// Those of the database.
pub async fn push_key(db: &Db, ctx: &Ctx) -> Result<String> {
    let mut tx = db.begin(Ctx::system(&ctx.env, ctx.tenant), true).await?;
    let known = tx.query_opt(sql!("SELECT public_key FROM auth.push_keys"), &[]).await?;
    tx.finish_unrecorded().await?;
    if let Some(known) = known {
        return Ok(known.get(0));
    }
    let mut tx = db.begin(Ctx::system(&ctx.env, ctx.tenant), false).await?;
    let made = vapid(&mut tx).await?.public();
    tx.commit("auth.push_key.create", KEYS).await?;
    Ok(made)
}

/// The organization's key pair.
///
/// # Errors
/// Those of the database.
pub(super) async fn vapid(tx: &mut Tx) -> Result<Vapid> {
    if let Some(kept) = kept(tx).await? {
        return Ok(kept);
    }
    // Of two that need it first, one makes it.
    tx.alone(KEYS, &tx.ctx.tenant.to_string()).await?;
    if let Some(kept) = kept(tx).await? {
        return Ok(kept);
    }
    let (made, kept) = Vapid::generate()?;
    let id = tx.ctx.env.id();
    let values = row(json!({"public_key": made.public(), "private_key": kept}));
    tx.insert(KEYS, &[NewRow { id, values }]).await?;
    Ok(made)
}

async fn kept(tx: &mut Tx) -> Result<Option<Vapid>> {
    let found = tx.query_opt(sql!("SELECT id, private_key FROM auth.push_keys"), &[]).await?;
    let Some(found) = found else { return Ok(None) };
    let at = At { table: KEYS, column: "private_key", row: found.get("id") };
    let kept = tx.open_value(at, found.get("private_key"))?;
    Vapid::read(kept.as_str().unwrap_or_default()).map(Some)
}

/// The browsers of a user that did not take a delivery yet.
///
/// # Errors
/// Those of the database.
pub(super) async fn waiting(tx: &mut Tx, user: Uuid, taken_by: &[String]) -> Result<Vec<(Uuid, Browser)>> {
    let sql = sql!(
        "SELECT id, endpoint, p256dh, auth FROM auth.push_devices WHERE user_id = $1 AND NOT id::text = ANY($2) ORDER BY id"
    );
    let mut found = Vec::new();
    for device in tx.query(sql, &[&user, &taken_by]).await? {
        let id: Uuid = device.get("id");
        let mut open = |column: &str| -> Result<String> {
            let value = tx.open_value(At { table: TABLE, column, row: id }, device.get(column))?;
            Ok(value.as_str().unwrap_or_default().to_owned())
        };
        let (endpoint, p256dh, auth) = (open("endpoint")?, open("p256dh")?, open("auth")?);
        found.push((id, Browser::parse(&endpoint, &p256dh, &auth)?));
    }
    Ok(found)
}

/// What became of an attempt to tell a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The push service took it.
    Taken,
    /// It did not, and may later.
    Failed,
    /// The push service knows the browser no more.
    Ended,
}

/// Writes that down.
///
/// # Errors
/// Those of the database.
pub(super) async fn note(tx: &mut Tx, delivery: Uuid, device: Uuid, attempt: Attempt) -> Result<()> {
    let now = tx.ctx.env.now();
    match attempt {
        Attempt::Taken => {
            let sql = sql!("UPDATE auth.deliveries SET taken_by = array_append(taken_by, $2::text) WHERE id = $1");
            tx.query(sql, &[&delivery, &device.to_string()]).await?;
            let sql = sql!("UPDATE auth.push_devices SET last_success_at = $2, failures = 0 WHERE id = $1");
            tx.query(sql, &[&device, &now]).await?;
        }
        Attempt::Failed => {
            tx.query(sql!("UPDATE auth.push_devices SET failures = failures + 1 WHERE id = $1"), &[&device]).await?;
        }
        Attempt::Ended => {
            tx.query(sql!("DELETE FROM auth.push_devices WHERE id = $1"), &[&device]).await?;
            tx.note(json!({ "device": device, "state": "ended" }));
        }
    }
    Ok(())
}

/// Browser and system in words of ours: nothing of what a browser calls itself is shown as it came.
fn label(agent: &str) -> String {
    let known: Vec<&str> = browser_and_system(agent).into_iter().flatten().collect();
    if known.is_empty() { "Browser".to_owned() } else { known.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_device_is_called_by_words_of_ours() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
        let chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36";
        assert_eq!(label(firefox), "Firefox, Linux");
        assert_eq!(label(edge), "Edge, Windows");
        assert_eq!(label(chrome), "Chrome, Android");
        assert_eq!(label("<script>curl"), "Browser");
    }
}
