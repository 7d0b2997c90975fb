//! Retention of events: those whose time is over leave their table, their leaves stay, and every proof stays whole
//! (`spec` A22). What leaves is written into `audit.pruned_ranges` with a code under the root key, so that nobody
//! else can excuse a missing event that way. An event leaves only when it is sealed, covered by an anchored head, older
//! than its tenant's period in calendar years, and under no legal hold.

use super::{
    anchor::Anchor,
    ended,
    log::{LOCK, Log},
    merkle::Note,
    plain,
};
use crate::seal::RootKey;
use salus_core::{Error, Result};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

/// How long a tenant's events are kept: until both ends are past.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The tenant.
    pub tenant: Uuid,
    /// Calendar years.
    pub years: i32,
    /// Days.
    pub days: i32,
}

impl Keep {
    /// The moment before which events leave, not earlier than it is: a day is added for calendars and zones.
    #[must_use]
    pub fn until(&self, now: OffsetDateTime) -> OffsetDateTime {
        let year = now.year() - self.years;
        let by_years = now.replace_year(year).or_else(|_| now.replace_day(28).and_then(|d| d.replace_year(year)));
        by_years.unwrap_or(now).min(now - Duration::days(self.days.into())) + Duration::DAY
    }
}

/// Who prunes, and why.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What the range says.
    pub reason: String,
    /// The request under which the audit log has who asked.
    pub request: Uuid,
    /// Only say what would leave.
    pub dry: bool,
    /// Now.
    pub now: OffsetDateTime,
}

/// What left, or would.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Events of that age that a hold keeps.
    pub held: u64,
    /// Ranges of leaves.
    pub ranges: u64,
    /// Months of which nothing is left.
    pub partitions: Vec<String>,
}

/// The code of a range.
pub(super) fn code(root: &RootKey, (epoch, low, high): (i32, i64, i64), reason: &str, by: Uuid) -> Result<[u8; 32]> {
    root.prune_code(format!("{epoch} {low} {high} {by} {reason}").as_bytes())
}

/// Prunes with `client`, a connection that sees every tenant and may switch triggers off: a superuser's. Tenants that
/// are not in `keep` keep everything.
///
/// # Errors
/// [`Error::Unavailable`] for another connection, or while no head is anchored.
pub async fn prune(
    log: &Log,
    client: &mut Client,
    (anchor, keep): (&dyn Anchor, &[Keep]),
    ask: &Ask,
) -> Result<Pruned> {
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let pruned = take(log, &tx, (anchor, keep), ask).await;
    if ask.dry && pruned.is_ok() {
        tx.rollback().await.map_err(|e| plain(&e))?;
        return pruned;
    }
    ended(tx, pruned).await
}

async fn take(log: &Log, tx: &Transaction<'_>, (anchor, keep): (&dyn Anchor, &[Keep]), ask: &Ask) -> Result<Pruned> {
    let sql = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    if !tx.query_one(sql, &[]).await.map_err(|e| plain(&e))?.get::<_, bool>(0) {
        return Err(Error::Unavailable(
            "events are pruned by a superuser: DATABASE_ADMIN_URL names another role".into(),
        ));
    }
    tx.query_one("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(|e| plain(&e))?;
    let key = log.key(tx).await?;
    let newest = anchor.newest()?;
    let newest = newest.zip(key).and_then(|(note, key)| Note::parse(&note)?.open(key.public()).ok());
    let head = newest.and_then(|head| Some((log.epoch_of(&head.origin)?, head.size.cast_signed())));
    let Some(head) = head else {
        return Err(Error::Unavailable("no head of the log is anchored: run salus audit anchor first".into()));
    };
    tx.batch_execute("SET LOCAL session_replication_role = replica; SET LOCAL timezone = 'UTC'")
        .await
        .map_err(|e| plain(&e))?;
    let kept = choose(tx, (head, keep), ask).await?;
    let ranges = ranges(tx).await?;
    let pruned =
        Pruned { events: count(tx, "NOT held").await?, held: kept, ranges: ranges.len() as u64, partitions: vec![] };
    if ask.dry {
        return Ok(pruned);
    }
    for (epoch, low, high) in ranges {
        let code = code(&log.root, (epoch, low, high), &ask.reason, ask.request)?.to_vec();
        let sql = "INSERT INTO audit.pruned_ranges (epoch, low_index, high_index, reason, prune_event, code) \
                   VALUES ($1, $2, $3, $4, $5, $6::bytea)";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&epoch, &low, &high, &ask.reason, &ask.request, &code];
        tx.execute(sql, &values).await.map_err(|e| plain(&e))?;
    }
    let gone = "DELETE FROM audit.activity_logs e USING pruning p \
                  WHERE NOT p.held AND e.tenant_id = p.tenant_id AND e.recorded_at = p.recorded_at AND e.id = p.id; \
                CREATE TEMP TABLE thinned ON COMMIT DROP AS \
                  SELECT s.tenant_id, s.bucket, s.recorded_at, s.id, left_.entries FROM audit.event_subjects s CROSS JOIN LATERAL ( \
                    SELECT count(*) FILTER (WHERE p.id IS NOT NULL) AS gone, \
                           string_agg(audit.subject_entry(e.person, e.recorded_at, e.id), '' ORDER BY e.recorded_at) FILTER (WHERE p.id IS NULL) AS entries \
                    FROM audit.subject_entries(s.entries) e LEFT JOIN pruning p \
                      ON NOT p.held AND p.tenant_id = s.tenant_id AND p.recorded_at = e.recorded_at AND p.id = e.id) left_ \
                  WHERE left_.gone > 0; \
                UPDATE audit.event_subjects s SET entries = t.entries FROM thinned t WHERE t.entries IS NOT NULL \
                  AND (s.tenant_id, s.bucket, s.recorded_at, s.id) = (t.tenant_id, t.bucket, t.recorded_at, t.id); \
                DELETE FROM audit.event_subjects s USING thinned t WHERE t.entries IS NULL \
                  AND (s.tenant_id, s.bucket, s.recorded_at, s.id) = (t.tenant_id, t.bucket, t.recorded_at, t.id)";
    tx.batch_execute(gone).await.map_err(|e| plain(&e))?;
    let partitions = drop_empty(tx, ask.now).await?;
    Ok(Pruned { partitions, ..pruned })
}

/// Notes the events whose time is over, and which of them a hold keeps; how many those are.
async fn choose(tx: &Transaction<'_>, (head, keep): ((i32, i64), &[Keep]), ask: &Ask) -> Result<u64> {
    let tenants: Vec<Uuid> = keep.iter().map(|k| k.tenant).collect();
    let years: Vec<i32> = keep.iter().map(|k| k.years).collect();
    let days: Vec<i32> = keep.iter().map(|k| k.days).collect();
    let sql = "CREATE TEMP TABLE pruning (tenant_id uuid, recorded_at timestamptz, id uuid, epoch int, leaf_index bigint, \
               held boolean) ON COMMIT DROP";
    tx.batch_execute(sql).await.map_err(|e| plain(&e))?;
    let sql = "WITH held_events AS MATERIALIZED (SELECT h.tenant_id, h.subject_id, a.recorded_at, a.id FROM audit.legal_holds h \
                 CROSS JOIN LATERAL audit.indexed_about(h.tenant_id, h.subject_id, '-infinity') a WHERE h.released_at IS NULL) \
               INSERT INTO pruning SELECT e.tenant_id, e.recorded_at, e.id, l.epoch, l.leaf_index, EXISTS ( \
                 SELECT FROM audit.legal_holds h WHERE h.tenant_id = e.tenant_id AND h.released_at IS NULL \
                    AND (h.subject_id IS NULL OR EXISTS (SELECT FROM held_events s WHERE s.tenant_id = e.tenant_id \
                      AND s.subject_id = h.subject_id AND s.recorded_at = e.recorded_at AND s.id = e.id))) \
               FROM audit.activity_logs e JOIN audit.leaves l ON l.event_id = e.id \
               JOIN unnest($1::uuid[], $2::int[], $3::int[]) AS k (tenant_id, years, days) ON k.tenant_id = e.tenant_id \
               WHERE e.recorded_at + make_interval(years => k.years) < $4 AND e.recorded_at + make_interval(days => k.days) < $4 \
                 AND (l.epoch < $5 OR (l.epoch = $5 AND l.leaf_index < $6))";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [&tenants, &years, &days, &ask.now, &head.0, &head.1];
    tx.execute(sql, &values).await.map_err(|e| plain(&e))?;
    count(tx, "held").await
}

async fn count(tx: &Transaction<'_>, which: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM pruning WHERE {which}");
    Ok(tx.query_one(&sql, &[]).await.map_err(|e| plain(&e))?.get::<_, i64>(0).cast_unsigned())
}

/// The leaves of what leaves, as unbroken ranges.
async fn ranges(tx: &Transaction<'_>) -> Result<Vec<(i32, i64, i64)>> {
    let sql = "SELECT epoch, min(leaf_index), max(leaf_index) FROM (SELECT epoch, leaf_index, \
                 leaf_index - row_number() OVER (PARTITION BY epoch ORDER BY leaf_index) AS island FROM pruning WHERE NOT held) p \
               GROUP BY epoch, island ORDER BY 1, 2";
    let rows = tx.query(sql, &[]).await.map_err(|e| plain(&e))?;
    Ok(rows.iter().map(|r: &Row| (r.get(0), r.get(1), r.get(2))).collect())
}

/// Removes months that are past and empty.
async fn drop_empty(tx: &Transaction<'_>, now: OffsetDateTime) -> Result<Vec<String>> {
    let sql = "SELECT c.oid::regclass::text, c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
               WHERE i.inhparent = 'audit.activity_logs'::regclass AND c.relname ~ '^activity_logs_[0-9]{6}$' \
                 AND to_date(right(c.relname, 6), 'YYYYMM') + interval '2 months' < $1::timestamptz ORDER BY 1";
    let mut dropped = Vec::new();
    for row in tx.query(sql, &[&now]).await.map_err(|e| plain(&e))? {
        let table: String = row.get(0);
        let left = tx.query_one(&format!("SELECT EXISTS (SELECT FROM {table})"), &[]).await.map_err(|e| plain(&e))?;
        if !left.get::<_, bool>(0) {
            tx.batch_execute(&format!("DROP TABLE {table}")).await.map_err(|e| plain(&e))?;
            dropped.push(row.get(1));
        }
    }
    Ok(dropped)
}
