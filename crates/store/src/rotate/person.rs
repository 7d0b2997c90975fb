//! The tenant key: what it wraps is wrapped anew. Class and index keys are a handful and move when the new key is taken
//! into use; the keys of persons are as many as there are persons and move in batches. No value is touched.

use super::Batch;
use crate::{
    Tx,
    seal::{Wrapping, key_aad},
};
use salus_core::{Error, Result};
use uuid::Uuid;

/// The mark and the number in front of a key wrapped under this one.
fn head(new: i64) -> Vec<u8> {
    [&[2][..], &new.to_be_bytes()].concat()
}

/// Wraps class and index keys under the new tenant key.
pub(super) async fn rewrap_keys(tx: &mut Tx, new: i64) -> Result<()> {
    let db = tx.db().clone();
    let keys = db.load_keys(tx.ctx.tenant, Some(tx.keys())).await?.ok_or(Error::NotFound)?;
    let secret = keys.secret(new.cast_unsigned()).ok_or_else(|| Error::internal("the new tenant key is not here"))?;
    let wrapping = Wrapping::new(std::iter::once((new.cast_unsigned(), secret)))?;
    let sql = "SELECT key_no, kind::text, (SELECT generation FROM kernel.keys n WHERE n.key_no = $1) AS above FROM kernel.keys \
               WHERE kind <> 'tenant' AND state <> 'destroyed'";
    for row in tx.run(sql, &[&new]).await? {
        let (key_no, above): (i64, i32) = (row.get("key_no"), row.get("above"));
        let no = key_no.cast_unsigned();
        let inner = keys.secret(no).ok_or_else(|| Error::internal("a key was made meanwhile: try again"))?;
        let wrapped = wrapping.wrap(&key_aad(tx.ctx.tenant, no, row.get("kind")), inner)?.0;
        let sql = "UPDATE kernel.keys SET wrapped = $2, wrap_key_version = $3 WHERE key_no = $1";
        tx.run(sql, &[&key_no, &wrapped, &above]).await?;
    }
    Ok(())
}

/// Keys of persons that are not under the new tenant key.
pub(super) async fn left(tx: &mut Tx, new: i64) -> Result<i64> {
    let sql =
        "SELECT count(*) FROM kernel.subject_keys WHERE wrapped IS NOT NULL AND substring(wrapped FROM 1 FOR 9) <> $1";
    Ok(tx.run(sql, &[&head(new)]).await?.first().map_or(0, |r| r.get(0)))
}

pub(super) async fn batch(tx: &mut Tx, after: Option<Uuid>, most: i64) -> Result<Batch> {
    let new = tx.keys().wrapping().current().ok_or_else(|| Error::internal("there is no tenant key"))?;
    let from = after.unwrap_or(Uuid::nil());
    let sql = "SELECT id, wrapped FROM kernel.subject_keys WHERE id > $1 AND substring(wrapped FROM 1 FOR 9) <> $2 \
               ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED";
    let rows = tx.run(sql, &[&from, &head(new.cast_signed()), &most]).await?;
    let mut batch = Batch { last: rows.last().map(|r| r.get("id")), ..Batch::default() };
    let (mut ids, mut old, mut wrapped): (Vec<Uuid>, Vec<&[u8]>, Vec<Vec<u8>>) = (Vec::new(), Vec::new(), Vec::new());
    for row in &rows {
        match tx.keys().rewrap_subject(row.get("id"), row.get("wrapped")) {
            Ok(new) => {
                ids.push(row.get("id"));
                old.push(row.get("wrapped"));
                wrapped.push(new.0);
            }
            Err(e) => {
                batch.failed += 1;
                tracing::error!(person = %row.get::<_, Uuid>("id"), error = %e, "a person's key cannot be wrapped anew");
            }
        }
    }
    let sql = "UPDATE kernel.subject_keys k SET wrapped = u.new FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS u(id, old, new) \
               WHERE k.id = u.id AND k.wrapped = u.old RETURNING 1";
    batch.moved = i64::try_from(tx.run(sql, &[&ids, &old, &wrapped]).await?.len()).unwrap_or_default();
    Ok(batch)
}
