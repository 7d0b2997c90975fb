//! Some rows against the table of digests, often: a share of those that were looked at longest ago, and a share of the
//! pages of each table, where rows may be that nobody wrote.

use super::{
    Marker, alert,
    check::{Fault, Kind, RowReport},
};
use crate::{Db, Tx};
use salus_core::{Ctx, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// How often a row that is being changed is looked at again.
const LOOKS: usize = 5;

/// A row that differs: what is wrong, the number of its last change in the table of digests, and its digest.
type Seen = (Kind, Option<i64>, Option<[u8; 32]>);

impl Db {
    /// Holds `percent` of a tenant's rows against their digests and raises an alert for each that is not as it was
    /// written. `place` is where the log was read to; it is moved on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sample_rows(
        &self,
        tenant: Uuid,
        percent: f32,
        place: &mut Option<OffsetDateTime>,
    ) -> Result<RowReport> {
        let since = Instant::now();
        *place = Some(self.project_rows(tenant, *place).await?);
        let mut chosen = self.choose(tenant, percent).await?;
        let mut report = RowReport { tenant, tables: chosen.len() as u64, ..RowReport::default() };
        report.rows = chosen.values().map(|rows| rows.len() as u64).sum();
        let looked_at = chosen.clone();
        let mut before: BTreeMap<(String, Uuid), Seen> = BTreeMap::new();
        // A row may have been changed since the log was read, and the log after the row: what differs is looked at again
        // after the log was. Only what stays the same and differs still is not as it was written.
        for look in 0..LOOKS {
            if look > 0 {
                *place = Some(self.project_rows(tenant, *place).await?);
            }
            let mut tx = self.begin(Ctx::system(self.env(), tenant), true).await?;
            let mut differs = BTreeMap::new();
            for (table, rows) in &chosen {
                self.compare(&mut tx, table, rows, &mut differs).await?;
            }
            tx.finish_unrecorded().await?;
            chosen.clear();
            for (key, seen) in &differs {
                if before.get(key) == Some(seen) {
                    report.faults.push(Fault { kind: seen.0, table: key.0.clone(), row: key.1 });
                } else {
                    chosen.entry(key.0.clone()).or_default().insert(key.1);
                }
            }
            before = differs;
            if chosen.is_empty() {
                break;
            }
        }
        self.note_looked_at(tenant, &looked_at, &mut report).await?;
        report.seconds = since.elapsed().as_secs_f64();
        Ok(report)
    }

    async fn choose(&self, tenant: Uuid, percent: f32) -> Result<BTreeMap<String, BTreeSet<Uuid>>> {
        let mut tx = self.begin(Ctx::system(self.env(), tenant), true).await?;
        let mut chosen: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        let sql = "SELECT table_name, row_id FROM audit.data_integrity_checksums ORDER BY verified_at NULLS FIRST \
                   LIMIT (SELECT ceil(count(*) * $1::float8 / 100)::bigint FROM audit.data_integrity_checksums)";
        for row in tx.run(sql, &[&f64::from(percent)]).await? {
            chosen.entry(row.get(0)).or_default().insert(row.get(1));
        }
        for table in self.catalog().tables().filter(|t| t.unmarked.is_some()) {
            let sql = format!("SELECT t.id FROM {} t TABLESAMPLE SYSTEM ($1)", table.name);
            for row in tx.run_built(&sql, &[&percent]).await? {
                chosen.entry(table.name.clone()).or_default().insert(row.get(0));
            }
        }
        tx.finish_unrecorded().await?;
        chosen.retain(|name, _| self.catalog().table(name).is_ok_and(|t| t.unmarked.is_some()));
        Ok(chosen)
    }

    /// Adds the rows that are not what the table of digests says.
    async fn compare(
        &self,
        tx: &mut Tx,
        table: &str,
        rows: &BTreeSet<Uuid>,
        differs: &mut BTreeMap<(String, Uuid), Seen>,
    ) -> Result<()> {
        let marker = Marker::new(&self.root(), tx.ctx.tenant)?;
        let sql = format!(
            "SELECT u.id, row_to_json(t)::text, c.checksum, c.chain_seq FROM unnest($1::uuid[]) AS u (id) \
             LEFT JOIN {table} t ON t.id = u.id \
             LEFT JOIN audit.data_integrity_checksums c ON c.table_name = $2 AND c.row_id = u.id"
        );
        let all: Vec<Uuid> = rows.iter().copied().collect();
        for part in all.chunks(500) {
            for row in tx.run_built(&sql, &[&part, &table]).await? {
                let id: Uuid = row.get(0);
                let (json, was): (Option<&str>, Option<&[u8]>) = (row.get(1), row.get(2));
                let is = json.map(|json| marker.mark(self.catalog(), table, 0, json)).transpose()?.flatten();
                let is = is.and_then(|m| m.digest);
                let kind = match (is, was) {
                    (None, None) => continue,
                    (Some(is), Some(was)) if is[..] == *was => continue,
                    (Some(_), Some(_)) => Kind::RowChanged,
                    (Some(_), None) => Kind::RowInserted,
                    (None, Some(_)) => Kind::RowRemoved,
                };
                differs.insert((table.to_owned(), id), (kind, row.get(3), is));
            }
        }
        Ok(())
    }

    async fn note_looked_at(
        &self,
        tenant: Uuid,
        looked_at: &BTreeMap<String, BTreeSet<Uuid>>,
        report: &mut RowReport,
    ) -> Result<()> {
        let now = self.env().now();
        let mut tx = self.begin(Ctx::system(self.env(), tenant), false).await?;
        for (table, rows) in looked_at {
            let rows: Vec<Uuid> = rows.iter().copied().collect();
            let wrong = |kind| -> Vec<Uuid> {
                report.faults.iter().filter(|f| f.table == *table && f.kind == kind).map(|f| f.row).collect()
            };
            let sql = "UPDATE audit.data_integrity_checksums SET verified_at = $3, \
                         state = CASE WHEN row_id = ANY($4) THEN 'MISMATCH' WHEN row_id = ANY($5) THEN 'MISSING' \
                                      WHEN state = 'RESEALED' THEN 'RESEALED' ELSE 'VALID' END \
                       WHERE table_name = $1 AND row_id = ANY($2)";
            let (changed, removed) = (wrong(Kind::RowChanged), wrong(Kind::RowRemoved));
            tx.run(sql, &[table, &rows, &now, &changed, &removed]).await?;
        }
        if report.faults.is_empty() {
            return tx.finish_unrecorded().await;
        }
        report.alerts = alert::raise(&mut tx, &report.faults).await?;
        tx.count(report.faults.len());
        tx.commit("audit.row.sample", "audit.data_integrity_checksums").await
    }
}
