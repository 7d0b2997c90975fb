//! What keys, exchanges of keys, backups and migrations hold for an evidence pack. No key material is in any of it.

use crate::told;
use salus_core::Result;
use salus_store::{Tx, rotate::RotationRules, sql};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The tenant's keys with their age, exchanges in the time, and erasures.
pub(crate) async fn keys(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let keys = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') FROM (SELECT id, kind::text, key_class::text, generation, state::text, created_at, \
           activated_at, not_after, seal_count, wrap_kms, wrap_key_version, extract(day FROM now() - coalesce(activated_at, created_at))::int AS age_days \
         FROM kernel.keys ORDER BY kind, key_class, generation) k"
    );
    let exchanges = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT kind::text, key_class::text, reason::text, state::text, created_at, finished_at, \
           rows_total, rows_done, rows_failed, rows_kept FROM kernel.key_rotation_history \
         WHERE created_at < $2 AND (finished_at IS NULL OR finished_at >= $1) ORDER BY created_at) r"
    );
    let erased = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM (SELECT reason::text, count(*) AS persons FROM kernel.erasures \
         WHERE erased_at >= $1 AND erased_at < $2 GROUP BY 1 ORDER BY 1) e"
    );
    let rules = match super::reads::setting(tx, RotationRules::NAME).await? {
        None => RotationRules::default(),
        Some(value) => RotationRules::read(value)?,
    };
    Ok(json!({
        "keys": told(tx, keys, &[]).await?,
        "exchanges": told(tx, exchanges, &[&from, &to]).await?,
        "persons_erased": told(tx, erased, &[&from, &to]).await?,
        "rules": rules,
    }))
}

/// Backups that were known in the time.
pub(crate) async fn backups(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(b)), '[]') FROM (SELECT id, began_at, noted_at, gone_at FROM kernel.backups \
         WHERE began_at < $2 AND (gone_at IS NULL OR gone_at >= $1) ORDER BY began_at) b"
    );
    told(tx, sql, &[&from, &to]).await
}

/// Every migration with its checksum, and the versions of functions in force.
pub(crate) async fn migrations(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let applied = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM (SELECT version, name, checksum, state, applied_at, \
           applied_at >= $1 AND applied_at < $2 AS in_period FROM kernel.migrations ORDER BY version) m"
    );
    let functions = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT name, checksum, applied_at FROM kernel.replaceables ORDER BY name) r"
    );
    Ok(json!({"migrations": told(tx, applied, &[&from, &to]).await?, "functions": told(tx, functions, &[]).await?}))
}

/// When the installation began: its first migration.
pub(crate) async fn began(tx: &mut Tx) -> Result<Option<OffsetDateTime>> {
    let rows = tx.query(sql!("SELECT min(applied_at) FROM kernel.migrations"), &[]).await?;
    Ok(rows.first().and_then(|row| row.get(0)))
}
