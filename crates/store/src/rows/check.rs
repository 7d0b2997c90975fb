//! Every row against the last event that wrote it, in one snapshot: rows and events of a transaction appear together, so
//! what differs was changed behind the product.

use super::{Mark, Marker, alert, unpacked};
use crate::{Db, Tx, audit::WriterKeys};
use salus_core::{Ctx, Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Rows read at a time.
const ROWS: i64 = 1000;
/// Events read at a time.
const EVENTS: i64 = 2000;
/// Digests held in memory at a time, about 100 bytes each; a single table may have more.
const HELD: i64 = 4_000_000;

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It holds something else than what was last written.
    RowChanged,
    /// Nothing of it was ever written, or it had been removed.
    RowInserted,
    /// It is gone, and no event removed it.
    RowRemoved,
}

impl Kind {
    /// Its name in alerts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RowChanged => "row_changed",
            Self::RowInserted => "row_inserted",
            Self::RowRemoved => "row_removed",
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::RowChanged => {
                "A row holds something else than Salus last wrote: it was changed in the database itself"
            }
            Self::RowInserted => "A row is there that Salus did not write: it was put into the database itself",
            Self::RowRemoved => "A row is gone that Salus did not remove: it was removed in the database itself",
        }
    }
}

/// One row that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// What is wrong.
    pub kind: Kind,
    /// `schema.table`.
    pub table: String,
    /// The row.
    pub row: Uuid,
}

/// What was looked at in one tenant, and found.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct RowReport {
    /// The tenant.
    pub tenant: Uuid,
    /// Rows that were held against their digest.
    pub rows: u64,
    /// Tables they are of.
    pub tables: u64,
    /// Digests in the log that were read.
    pub digests: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Alerts that are new.
    pub alerts: usize,
    /// How long it took.
    pub seconds: f64,
}

/// The part of a header that is read.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    rows: BTreeMap<String, String>,
}

/// A mark of an event.
pub(super) struct Found {
    pub event: Uuid,
    pub recorded_at: OffsetDateTime,
    pub attested: bool,
    pub mark: Mark,
}

impl Db {
    /// Holds all rows of a tenant, or those of one table, against the log, and raises an alert for each that is not as it
    /// was written. That it was done is on the record.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a table that has no digests; those of the database.
    pub async fn check_rows(&self, ctx: Ctx, table: Option<&str>) -> Result<RowReport> {
        let mut report = self.find_row_faults(ctx.tenant, table).await?;
        let mut tx = self.begin(ctx, report.faults.is_empty()).await?;
        report.alerts = alert::raise(&mut tx, &report.faults).await?;
        tx.count(report.faults.len());
        tx.note(serde_json::json!({"table": table, "rows": report.rows, "faults": report.faults.len()}));
        tx.commit("audit.row.check", table.unwrap_or("audit.data_integrity_checksums")).await?;
        Ok(report)
    }

    /// The same in every tenant that is served, and the platform.
    ///
    /// # Errors
    /// As [`Db::check_rows`].
    pub async fn check_all_rows(&self, table: Option<&str>) -> Result<Vec<RowReport>> {
        let mut all = Vec::new();
        for tenant in self.served_tenants().await? {
            all.push(self.check_rows(Ctx::operator(self.env(), tenant), table).await?);
        }
        Ok(all)
    }

    /// The platform and the tenants that have keys: a closed one has none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn served_tenants(&self) -> Result<Vec<Uuid>> {
        let mut served = Vec::new();
        for (tenant, _) in self.with_platform().await? {
            match self.keys(tenant).await {
                Ok(_) => served.push(tenant),
                Err(Error::NotFound) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(served)
    }

    /// What [`Db::check_rows`] finds, without a word about it.
    ///
    /// # Errors
    /// As there.
    pub async fn find_row_faults(&self, tenant: Uuid, table: Option<&str>) -> Result<RowReport> {
        let since = Instant::now();
        let marked = self.catalog().tables().filter(|t| t.unmarked.is_some());
        let tables: Vec<(&str, i64)> = marked
            .filter(|t| table.is_none_or(|name| t.name == name))
            .map(|t| (t.name.as_str(), t.estimated_rows))
            .collect();
        if let (Some(name), []) = (table, &tables[..]) {
            let why = format!("{name} is no table whose rows have digests");
            return Err(Error::invalid("rows", "no_such_table", why));
        }
        let mut report = RowReport { tenant, tables: tables.len() as u64, ..RowReport::default() };
        let mut tx = self.begin(Ctx::system(self.env(), tenant), false).await?;
        tx.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", &[]).await?;
        for group in groups(&tables) {
            self.check_group(&mut tx, &group, &mut report).await?;
        }
        tx.undo().await;
        report.faults.sort_unstable();
        report.seconds = since.elapsed().as_secs_f64();
        Ok(report)
    }

    async fn check_group(&self, tx: &mut Tx, tables: &[&str], report: &mut RowReport) -> Result<()> {
        let mut last: HashMap<(usize, Uuid), Mark> = HashMap::new();
        let mut at = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        while let Some(found) = self.marks_after(tx, &mut at).await? {
            for Found { mark, .. } in found {
                let Some(number) = tables.iter().position(|t| *t == mark.table) else { continue };
                report.digests += 1;
                let held = last.entry((number, mark.row)).or_insert_with(|| mark.clone());
                if held.change < mark.change {
                    *held = mark;
                }
            }
        }
        let marker = Marker::new(&self.root(), tx.ctx.tenant)?;
        let fault = |kind, table: &str, row| Fault { kind, table: table.to_owned(), row };
        for (number, table) in tables.iter().enumerate() {
            let sql =
                format!("SELECT t.id, row_to_json(t)::text FROM {table} t WHERE t.id > $1 ORDER BY t.id LIMIT {ROWS}");
            let mut after = Uuid::nil();
            loop {
                let rows = tx.run_built(&sql, &[&after]).await?;
                let Some(end) = rows.last() else { break };
                after = end.get(0);
                for row in &rows {
                    let id: Uuid = row.get(0);
                    let is = marker.mark(self.catalog(), table, 0, row.get(1))?;
                    report.rows += 1;
                    match last.remove(&(number, id)).and_then(|m| m.digest) {
                        None => report.faults.push(fault(Kind::RowInserted, table, id)),
                        was if was != is.and_then(|m| m.digest) => {
                            report.faults.push(fault(Kind::RowChanged, table, id));
                        }
                        _ => {}
                    }
                }
            }
        }
        let gone = last.into_iter().filter(|(_, mark)| mark.digest.is_some());
        report.faults.extend(gone.map(|((number, row), _)| fault(Kind::RowRemoved, tables[number], row)));
        Ok(())
    }

    /// The marks of the events that follow this place, which is moved on; none behind the last. Events that no Salus
    /// process made are passed over: the sealer and `salus audit verify` name them.
    pub(super) async fn marks_after(&self, tx: &mut Tx, at: &mut (OffsetDateTime, Uuid)) -> Result<Option<Vec<Found>>> {
        // The bytes are "rows":{ as a header has them.
        let sql = "SELECT recorded_at, id, writer_id, payload_commit, mac, action, \
                     CASE WHEN position('\\x22726f7773223a7b'::bytea IN header) > 0 THEN header END AS header \
                     FROM audit.activity_logs WHERE (recorded_at, id) > ($1, $2) ORDER BY recorded_at, id LIMIT $3";
        let rows = tx.run(sql, &[&at.0, &at.1, &EVENTS]).await?;
        let Some(end) = rows.last() else { return Ok(None) };
        *at = (end.get(0), end.get(1));
        let root = self.root();
        let mut keys = WriterKeys::new(&root);
        let mut found = Vec::new();
        for row in &rows {
            let Some(header) = row.get::<_, Option<&[u8]>>("header") else { continue };
            if !keys.check(row.get("writer_id"), header, row.get("payload_commit"), row.get("mac"))? {
                continue;
            }
            let said: Said = serde_json::from_slice(header).map_err(Error::internal)?;
            let (event, recorded_at) = (row.get("id"), row.get("recorded_at"));
            let attested = row.get::<_, &str>("action") == super::attest::ACTION;
            let marks = unpacked(&said.rows)?.into_iter();
            found.extend(marks.map(|mark| Found { event, recorded_at, attested, mark }));
        }
        Ok(Some(found))
    }
}

/// Tables in groups of which the digests fit into memory.
fn groups<'a>(tables: &[(&'a str, i64)]) -> Vec<Vec<&'a str>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut held = HELD;
    for (name, rows) in tables {
        if held + rows > HELD || groups.is_empty() {
            groups.push(Vec::new());
            held = 0;
        }
        held += rows;
        if let Some(group) = groups.last_mut() {
            group.push(name);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_group_holds_what_fits_and_a_large_table_stands_alone() {
        let tables = [("a", 1_000_000), ("b", 3_000_000), ("c", 9_000_000), ("d", 0)];
        assert_eq!(super::groups(&tables), [vec!["a", "b"], vec!["c"], vec!["d"]]);
    }
}
