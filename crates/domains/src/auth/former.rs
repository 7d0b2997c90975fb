//! Former passwords: as many as the tenant keeps in mind cannot be taken again, and the present one never.

use super::{configuration::SecurityConfiguration, password};
use crate::row;
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::json;
use uuid::Uuid;

/// Refuses a password that the user has or had.
///
/// # Errors
/// [`Error::Invalid`] on `password` with `not_new`.
pub async fn must_be_new(
    db: &Db,
    tenant: Uuid,
    user: Uuid,
    rules: &SecurityConfiguration,
    new_password: &str,
) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let present = hash_of(&mut tx, user).await?;
    let sql = sql!(
        "SELECT id, password_hash FROM auth.password_history WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2"
    );
    let mut hashes: Vec<String> = present.into_iter().collect();
    for found in tx.query(sql, &[&user, &rules.password_history]).await? {
        let at = At { table: "auth.password_history", column: "password_hash", row: found.get("id") };
        hashes.extend(tx.open_value(at, found.get("password_hash"))?.as_str().map(str::to_owned));
    }
    tx.finish_unrecorded().await?;
    for hash in hashes {
        if password::verify(new_password, Some(&hash)).await? {
            return Err(Error::invalid("password", "not_new", "Needs to be another than those before"));
        }
    }
    Ok(())
}

async fn hash_of(tx: &mut Tx, user: Uuid) -> Result<Option<String>> {
    let found = tx.query_opt(sql!("SELECT password_hash FROM auth.users WHERE id = $1"), &[&user]).await?;
    let Some(sealed) = found.as_ref().and_then(|r| r.get::<_, Option<&[u8]>>(0)) else { return Ok(None) };
    let value = tx.open_value(At { table: "auth.users", column: "password_hash", row: user }, sealed)?;
    Ok(value.as_str().map(str::to_owned))
}

/// Puts another hash in the place of a user's, and keeps the one before as far as the tenant wants it.
pub async fn replace(tx: &mut Tx, user: Uuid, hash: &str, rules: &SecurityConfiguration) -> Result<()> {
    if let Some(before) = hash_of(tx, user).await?.filter(|_| rules.password_history > 0) {
        let id = tx.ctx.env.id();
        let values = row(json!({"user_id": user, "password_hash": before}));
        tx.insert("auth.password_history", &[NewRow { id, values }]).await?;
    }
    let sql = sql!(
        "DELETE FROM auth.password_history WHERE user_id = $1 AND id NOT IN \
           (SELECT id FROM auth.password_history WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)"
    );
    tx.query(sql, &[&user, &rules.password_history]).await?;
    tx.update("auth.users", user, None, row(json!({"password_hash": hash}))).await.map(|_| ())
}
