//! What is asked of somebody who is about to prove who they are: kept under the SHA-256 of a token that the asked
//! presents with the answer. It is answered once, within minutes, after a few tries at most.

use super::token::Token;
use crate::{clock, row};
use salus_core::{Error, Result};
use salus_store::{At, Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

/// How long somebody has to answer.
pub const LIFE: Duration = Duration::minutes(10);
/// Wrong answers after which the question is dropped.
const TRIES: i32 = 5;

/// A question that waits for its answer.
#[derive(Debug)]
pub struct Challenge {
    /// The row.
    pub id: Uuid,
    /// Who was asked, when that is known.
    pub user: Option<Uuid>,
    /// What the answer is checked against.
    pub detail: Value,
}

/// Asks, and returns the token to answer with.
pub async fn pose(tx: &mut Tx, user: Option<Uuid>, purpose: &str, detail: Value) -> Result<String> {
    let now = tx.ctx.env.now();
    tx.query(sql!("DELETE FROM auth.challenges WHERE expires_at <= $1"), &[&now]).await?;
    let (token, text) = Token::new(tx.ctx.tenant, "slc_")?;
    let values = row(json!({
        "user_id": user,
        "purpose": purpose,
        "token_hash": hex::encode(&token.hash),
        "detail": detail,
        "expires_at": clock::text(now + LIFE)?,
    }));
    let id = tx.ctx.env.id();
    tx.insert("auth.challenges", &[NewRow { id, values }]).await?;
    Ok(text)
}

/// The question of a token. Its row stays locked, so that two answers at once are two after another.
///
/// # Errors
/// [`Error::Unauthenticated`] for a token that is none, was spent or is too old.
pub async fn find(tx: &mut Tx, purpose: &str, token: &str) -> Result<Challenge> {
    let token = Token::parse(token).filter(|t| t.tenant == tx.ctx.tenant).ok_or(Error::Unauthenticated)?;
    let sql = sql!(
        "SELECT id, user_id, detail FROM auth.challenges \
         WHERE token_hash = $1::bytea AND purpose = $2::text AND expires_at > $3 FOR UPDATE"
    );
    let now = tx.ctx.env.now();
    let found = tx.query_opt(sql, &[&token.hash, &purpose, &now]).await?.ok_or(Error::Unauthenticated)?;
    let id: Uuid = found.get("id");
    let detail = tx.open_value(At { table: "auth.challenges", column: "detail", row: id }, found.get("detail"))?;
    Ok(Challenge { id, user: found.get("user_id"), detail })
}

/// The question was answered, or is not to be.
pub async fn spend(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.query(sql!("DELETE FROM auth.challenges WHERE id = $1"), &[&id]).await.map(|_| ())
}

/// The answer was wrong.
pub async fn miss(tx: &mut Tx, id: Uuid) -> Result<()> {
    let sql = sql!("UPDATE auth.challenges SET failed_attempts = failed_attempts + 1 WHERE id = $1");
    tx.query(sql, &[&id]).await?;
    tx.query(sql!("DELETE FROM auth.challenges WHERE id = $1 AND failed_attempts >= $2"), &[&id, &TRIES]).await?;
    Ok(())
}

/// Puts another detail in the place of what was asked.
pub async fn change(tx: &mut Tx, id: Uuid, detail: Value) -> Result<()> {
    tx.update("auth.challenges", id, None, row(json!({"detail": detail}))).await.map(|_| ())
}
