//! What the audit log holds for reviews and an evidence pack: counts by operation and outcome, never whose record.

use crate::told;
use salus_core::Result;
use salus_store::{Tx, sql};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Events of a time by how they ended, those refused by operation, and signs of tampering.
///
/// # Errors
/// Those of the database.
pub async fn counted(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let outcomes = sql!(
        "SELECT coalesce(jsonb_object_agg(outcome, events), '{}') FROM (SELECT outcome::text, count(*) AS events \
         FROM audit.activity_logs WHERE recorded_at >= $1 AND recorded_at < $2 GROUP BY 1) o"
    );
    let refused = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM (SELECT action, count(*) AS events FROM audit.activity_logs \
         WHERE recorded_at >= $1 AND recorded_at < $2 AND outcome = 'refused' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50) r"
    );
    let alerts = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM (SELECT kind, state::text, count(*) AS alerts \
         FROM audit.tamper_alerts WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2 ORDER BY 1, 2) a"
    );
    Ok(json!({
        "events": told(tx, outcomes, &[&from, &to]).await?,
        "refused": told(tx, refused, &[&from, &to]).await?,
        "tamper_alerts": told(tx, alerts, &[&from, &to]).await?,
    }))
}

/// How often what left the platform: exports, originals and answers about who saw a record.
pub(crate) async fn given_out(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM (SELECT action, outcome::text, count(*) AS events FROM audit.activity_logs \
         WHERE recorded_at >= $1 AND recorded_at < $2 AND (action LIKE '%export%' OR action = 'audit.log.accesses') \
         GROUP BY 1, 2 ORDER BY 1, 2) e"
    );
    told(tx, sql, &[&from, &to]).await
}

/// Holds in force, or released in the time.
pub(crate) async fn held(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]') FROM (SELECT id, created_at, subject_id IS NULL AS whole_organization, \
           released_at FROM audit.legal_holds WHERE created_at < $2 AND (released_at IS NULL OR released_at >= $1) ORDER BY created_at) h"
    );
    told(tx, sql, &[&from, &to]).await
}

/// What was done to the schema, keys and settings of the installation, from the platform's log.
pub(crate) async fn changes(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]') FROM (SELECT recorded_at, action, target, outcome::text FROM audit.activity_logs \
         WHERE recorded_at >= $1 AND recorded_at < $2 AND target IN ('kernel.migrations', 'kernel.installation', 'audit.signing_keys', \
           'audit.epochs', 'kernel.tenants') AND action NOT LIKE 'kernel.isolation.%' ORDER BY recorded_at DESC LIMIT 5000) e"
    );
    told(tx, sql, &[&from, &to]).await
}

/// Accesses of users to one person's record since a time: event, when, who.
///
/// # Errors
/// Those of the database.
pub async fn accesses_by_users(
    tx: &mut Tx,
    patient: Uuid,
    since: OffsetDateTime,
) -> Result<Vec<(Uuid, OffsetDateTime, Uuid)>> {
    let sql = sql!(
        "SELECT l.id, l.recorded_at, l.actor_id FROM audit.events_about($1, $2) s \
         JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id \
         WHERE l.outcome = 'success' AND convert_from(l.header, 'UTF8')::jsonb ->> 'actor_kind' = 'user' ORDER BY l.recorded_at"
    );
    let rows = tx.query(sql, &[&patient, &since]).await?;
    Ok(rows.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect())
}
