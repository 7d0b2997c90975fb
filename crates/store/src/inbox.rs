//! Messages of other systems, taken in once. What a message does, the claim on its number and the answer commit together;
//! a second one with the same number waits for the first and is answered the same, byte for byte.

use crate::{Tx, tx::At};
use salus_core::{Error, Result};
use serde_json::Value;
use uuid::Uuid;

/// What a message's number stands for.
#[derive(Debug)]
pub enum Arrival {
    /// It is new: do what it says, then [`Tx::answered`] under this id.
    New(Uuid),
    /// It was taken in before: this was answered.
    Again(Value),
}

const TABLE: &str = "kernel.inbox";

impl Tx {
    /// Takes in a message of a source by the sender's own number of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] `message_differs` when another message came under this number, [`Error::Invalid`] when source
    /// or number cannot be kept.
    pub async fn arrive(&mut self, source: &str, message: &str, bytes: &[u8]) -> Result<Arrival> {
        let digest = self.digest(TABLE, "digest", bytes)?;
        let id = self.ctx.env.id();
        let sql = "INSERT INTO kernel.inbox (id, source, message_id, digest) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (tenant_id, source, message_id) DO NOTHING RETURNING id";
        if !self.run(sql, &[&id, &source, &message, &digest]).await?.is_empty() {
            return Ok(Arrival::New(id));
        }
        let sql = "SELECT id, digest, reply FROM kernel.inbox WHERE source = $1 AND message_id = $2";
        let rows = self.run(sql, &[&source, &message]).await?;
        let row =
            rows.first().ok_or_else(|| Error::Unavailable("this message is being taken in: send it again".into()))?;
        if row.get::<_, &[u8]>("digest") != digest {
            let detail = "Another message came under this number: a new message needs a new number".into();
            return Err(Error::Conflict { code: "message_differs", detail });
        }
        let sealed = row.get::<_, Option<&[u8]>>("reply").ok_or_else(|| Error::internal("an answer was not kept"))?;
        Ok(Arrival::Again(self.open_value(reply_of(row.get("id")), sealed)?))
    }

    /// Keeps what is answered to a message, sealed, in the transaction of what it did.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn answered(&mut self, id: Uuid, reply: &Value) -> Result<()> {
        let body = serde_json::to_vec(reply).map_err(Error::internal)?;
        let sealed = self.seal_exact(reply_of(id), None, &body)?;
        self.run("UPDATE kernel.inbox SET reply = $2::bytea WHERE id = $1", &[&id, &sealed]).await?;
        Ok(())
    }
}

fn reply_of(row: Uuid) -> At<'static> {
    At { table: TABLE, column: "reply", row }
}
