//! What is stored beside a signed head and is in no leaf: the transaction and the number of each event, when the head was
//! sealed, which anchors were given it, and how far the sealer has looked. Codes under the root key speak for it, so that no
//! bit of the log can be changed unnoticed (`spec` A17).

use super::{
    log::{Head, Log},
    plain,
};
use crate::seal::RootKey;
use aws_lc_rs::digest::{Context, SHA256};
use salus_core::Result;
use time::OffsetDateTime;
use tokio_postgres::{
    Row, Transaction,
    types::{FromSql, Type},
};

/// The number of a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Xact(u64);

impl<'a> FromSql<'a> for Xact {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(u64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "xid8"
    }
}

/// The order of the events between two heads: a digest over the transaction and the number of each.
pub(super) struct Order(Context);

impl Default for Order {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Order {
    pub(super) fn add(&mut self, (transaction, number): (Xact, i64)) {
        self.0.update(&transaction.0.to_be_bytes());
        self.0.update(&number.to_be_bytes());
    }

    pub(super) fn digest(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

/// What the row of a head says beside the head.
pub(super) struct Beside {
    pub(super) sealed_at: OffsetDateTime,
    /// The digest of the events since the head before.
    pub(super) order: Option<Vec<u8>>,
    anchored: String,
    code: Option<Vec<u8>>,
}

impl Beside {
    /// What is read of it.
    pub(super) const COLUMNS: &str = "sealed_at, event_order, anchored::text AS anchored, code";

    pub(super) fn read(row: &Row) -> Self {
        let (sealed_at, order) = (row.get("sealed_at"), row.get("event_order"));
        Self { sealed_at, order, anchored: row.get("anchored"), code: row.get("code") }
    }

    /// Of a head that is made.
    pub(super) fn fresh(sealed_at: OffsetDateTime, order: Order) -> Self {
        Self { sealed_at, order: Some(order.digest()), anchored: "{}".into(), code: None }
    }

    /// Whether the code is right; `None` when there is none, as under heads that are older than codes.
    pub(super) fn holds(&self, root: &RootKey, at: (i32, i64)) -> Result<Option<bool>> {
        let Some(code) = &self.code else { return Ok(None) };
        Ok(Some(*code == self.right(root, at)?))
    }

    /// The code that is right.
    pub(super) fn right(&self, root: &RootKey, (epoch, size): (i32, i64)) -> Result<Vec<u8>> {
        let order = self.order.as_deref().map(hex::encode).unwrap_or_default();
        let said = format!("head {epoch} {size} {} {order} {}", micros(self.sealed_at), self.anchored);
        Ok(root.beside_code(said.as_bytes())?.to_vec())
    }
}

/// A time as it is stored.
pub(super) fn micros(at: OffsetDateTime) -> i128 {
    at.unix_timestamp_nanos().div_euclid(1000)
}

/// Notes that an anchor has a head, and the code over that; a head that is older than codes gets its first.
pub(super) async fn anchored(
    tx: &Transaction<'_>,
    log: &Log,
    (head, beside): (&Head, Beside),
    anchor: &str,
) -> Result<()> {
    let at = (head.epoch, head.size.cast_signed());
    let sql = "SELECT (anchored || jsonb_build_object($3::text, $4::timestamptz))::text FROM audit.checkpoints \
               WHERE epoch = $1 AND size = $2 FOR UPDATE";
    let row = tx.query_one(sql, &[&at.0, &at.1, &anchor, &log.env.now()]).await.map_err(|e| plain(&e))?;
    let beside = Beside { anchored: row.get(0), ..beside };
    let code = beside.right(&log.root, at)?;
    let sql =
        "UPDATE audit.checkpoints SET anchored = $3::text::jsonb, code = $4::bytea WHERE epoch = $1 AND size = $2";
    tx.execute(sql, &[&at.0, &at.1, &beside.anchored, &code]).await.map_err(|e| plain(&e))?;
    if head.code.is_none() {
        let code = horizon_code(&log.root, head.epoch, &head.horizon)?;
        let sql = "UPDATE audit.tree_states SET code = $2::bytea WHERE epoch = $1";
        tx.execute(sql, &[&head.epoch, &code]).await.map_err(|e| plain(&e))?;
    }
    Ok(())
}

/// The code of how far the sealer has looked.
pub(super) fn horizon_code(root: &RootKey, epoch: i32, horizon: &str) -> Result<Vec<u8>> {
    Ok(root.beside_code(format!("horizon {epoch} {horizon}").as_bytes())?.to_vec())
}
