//! Replies to requests with an `Idempotency-Key`, kept 72 hours. The claim is made in the transaction of the work,
//! so a key is spent exactly when its work is done; a second request with the same key waits for the first.
//!
//! A second answer is a second disclosure: the caller's present rights decide what is in it, and its audit event names
//! the person and the columns. A reply that is a row is therefore not kept: it is read again, as the row stands now.

use crate::{
    Body, Call, Reply, Tx,
    seal::sha256,
    tx::{At, Disclosed, KeptReply},
};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

/// What a key stands for.
pub enum Claim {
    /// Nothing yet: do the work and remember the reply under this id.
    New(Uuid),
    /// It is spent: this was answered.
    Answered(Kept),
}

/// A reply as it is kept.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    status: u16,
    said: Said,
    disclosed: Disclosed,
}

#[derive(Serialize, Deserialize)]
enum Said {
    /// A row of the operation's table.
    Row(Uuid),
    /// A row of another table.
    RowOf(String, Uuid),
    /// Anything else.
    Body(Value),
}

const TABLE: &str = "kernel.idempotency_keys";
const KEPT: Duration = Duration::hours(72);

/// Claims a key for this caller and operation, or finds what was answered to it.
///
/// # Errors
/// [`Error::Invalid`] for an unusable key, [`Error::Conflict`] when it was used with another request.
pub async fn claim(tx: &mut Tx, action: &str, key: &str, call: &Call) -> Result<Claim> {
    if key.is_empty() || key.len() > 128 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("Idempotency-Key", "not_a_key", "Is 1 to 128 printable characters without spaces"));
    }
    let actor = tx.ctx.actor.id;
    let hash = sha256(&[actor.as_bytes(), key.as_bytes()]).to_vec();
    let body = serde_json::to_vec(&call.body).map_err(Error::internal)?;
    let path: Vec<u8> = call.path.iter().flat_map(|(_, v)| [v.as_bytes(), b"/"].concat()).collect();
    let fingerprint = sha256(&[action.as_bytes(), b"\0", &path, b"\0", &body]).to_vec();
    let (id, now) = (tx.ctx.env.id(), tx.ctx.env.now());
    // A key that has expired is taken as if it had never been used.
    let sql = "INSERT INTO kernel.idempotency_keys AS k (id, key_hash, fingerprint, status, expires_at, created_by) \
               VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT (tenant_id, key_hash) DO UPDATE \
               SET id = excluded.id, fingerprint = excluded.fingerprint, status = 0, reply = NULL, \
                   expires_at = excluded.expires_at, created_by = excluded.created_by \
               WHERE k.expires_at < $6 RETURNING id";
    if !tx.run_unmarked(sql, &[&id, &hash, &fingerprint, &(now + KEPT), &actor, &now]).await?.is_empty() {
        return Ok(Claim::New(id));
    }
    let sql = "SELECT id, fingerprint, reply FROM kernel.idempotency_keys WHERE key_hash = $1";
    let rows = tx.run(sql, &[&hash]).await?;
    let row = rows.first().ok_or_else(|| {
        Error::Unavailable("a request with this Idempotency-Key is being worked on: try again".into())
    })?;
    if row.get::<_, &[u8]>("fingerprint") != fingerprint {
        let detail = "This Idempotency-Key was used for another request: use a new key for a new request".into();
        return Err(Error::Conflict { code: "idempotency_mismatch", detail });
    }
    let sealed: &[u8] = row.get::<_, Option<&[u8]>>("reply").ok_or_else(|| Error::internal("a reply was not kept"))?;
    let kept = tx.open_value(reply_of(row.get("id")), sealed)?;
    Ok(Claim::Answered(serde_json::from_value(kept).map_err(|_| Error::internal("a kept reply cannot be read"))?))
}

/// Answers a second time, by what the caller may see now.
///
/// # Errors
/// [`Error::NotFound`] for a row the caller no longer reaches, [`Error::Forbidden`] for a reply that holds what the
/// caller may no longer open.
pub async fn again(tx: &mut Tx, target: &str, kept: Kept) -> Result<Reply> {
    let body = match kept.said {
        Said::Row(id) => {
            tx.on_row(id);
            Body::Row(tx.get(target, id, &[]).await?)
        }
        Said::RowOf(table, id) => Body::Row(tx.get(&table, id, &[]).await?),
        Said::Body(value) => {
            tx.disclose_again(kept.disclosed)?;
            if value.is_null() { Body::Empty } else { Body::Json(value) }
        }
    };
    Ok(Reply::of(kept.status, body))
}

/// Keeps the reply, sealed, for the next request with the same key; it is written when the transaction commits.
///
/// # Errors
/// Those of sealing.
pub fn remember(tx: &mut Tx, target: &str, id: Uuid, reply: &Reply) -> Result<()> {
    let said = match &reply.body {
        Body::Row(row) => {
            let made = row.id().ok_or_else(|| Error::internal("a row without an id"))?;
            if *row.table == *target { Said::Row(made) } else { Said::RowOf(row.table.to_string(), made) }
        }
        other => Said::Body(json!(other)),
    };
    let kept = Kept { status: reply.status, said, disclosed: tx.disclosed() };
    let body = serde_json::to_vec(&kept).map_err(Error::internal)?;
    let sealed = tx.seal_exact(reply_of(id), None, &body)?;
    tx.keep_reply(KeptReply { id, status: reply.status.into(), sealed });
    Ok(())
}

fn reply_of(row: Uuid) -> At<'static> {
    At { table: TABLE, column: "reply", row }
}
