//! Rows taken as they are, on the record: an event says what they hold now, who took them so, and why. It is how a change
//! that was made in the database itself, by a migration or by hand, becomes one that is known.

use super::{
    Mark, Marker,
    check::{Fault, Found, RowReport},
};
use crate::{Db, Tx};
use salus_core::{Ctx, Error, Result};
use std::collections::{BTreeMap, HashMap, HashSet};
use time::OffsetDateTime;
use uuid::Uuid;

/// The action in the audit log.
pub const ACTION: &str = "audit.row.attest";

/// Rows of one event.
const ROWS: usize = 1000;

impl Db {
    /// Takes rows of a table as they are, present or gone.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a table without digests, or no reason.
    pub async fn attest_rows(&self, ctx: &Ctx, table: &str, rows: &[Uuid], reason: &str) -> Result<()> {
        let covered = self.catalog().tables().find(|t| t.name == table && t.unmarked.is_some());
        let Some(covered) = covered else {
            return Err(Error::invalid(
                "table",
                "no_such_table",
                format!("{table} is no table whose rows have digests"),
            ));
        };
        if reason.trim().is_empty() {
            return Err(Error::invalid("reason", "required", "Says why these rows are right as they are"));
        }
        // Who may not change rows may not lock them; and rows that nobody may change need no lock.
        let lock = if covered.append_only { "" } else { " FOR UPDATE OF t" };
        let sql = format!("SELECT t.id, row_to_json(t)::text FROM {table} t WHERE t.id = ANY($1){lock}");
        for part in rows.chunks(ROWS) {
            let mut tx = self.begin(ctx.clone(), false).await?;
            let there = tx.run_built(&sql, &[&part]).await?;
            let mut left: HashSet<Uuid> = part.iter().copied().collect();
            let marker = Marker::new(&self.root(), ctx.tenant)?;
            let mut numbers = numbers(&mut tx, part.len()).await?.into_iter();
            let mut next = || numbers.next().ok_or_else(|| Error::internal("too few numbers of changes"));
            let mut marks = Vec::with_capacity(part.len());
            for row in &there {
                left.remove(&row.get(0));
                marks.extend(marker.mark(self.catalog(), table, next()?, row.get(1))?);
            }
            for row in left {
                marks.push(Mark { table: table.to_owned(), row, version: 0, change: next()?, digest: None });
            }
            for mark in marks {
                tx.attest(mark);
            }
            tx.count(part.len());
            tx.note(serde_json::json!({"reason": reason}));
            tx.commit(ACTION, table).await?;
        }
        Ok(())
    }

    /// Takes every row as it is that differs from the log now and did not before: after what changes many rows at once,
    /// such as a migration. How many those were.
    ///
    /// # Errors
    /// As [`Db::attest_rows`].
    pub async fn attest_since(&self, before: &[RowReport], reason: &str) -> Result<usize> {
        let mut taken = 0;
        for tenant in self.served_tenants().await? {
            let report = self.find_row_faults(tenant, None).await?;
            let known: HashSet<(&str, Uuid)> = before
                .iter()
                .filter(|b| b.tenant == tenant)
                .flat_map(|b| b.faults.iter().map(|f| (f.table.as_str(), f.row)))
                .collect();
            let mut tables: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
            for Fault { table, row, .. } in report.faults.iter().filter(|f| !known.contains(&(f.table.as_str(), f.row)))
            {
                tables.entry(table).or_default().push(*row);
            }
            let ctx = Ctx::operator(self.env(), tenant);
            for (table, rows) in tables {
                self.attest_rows(&ctx, table, &rows, reason).await?;
                taken += rows.len();
            }
        }
        Ok(taken)
    }

    /// Takes rows as they are whose last event is older than this, before it is removed: nothing would say of them what they
    /// hold. Rows that are not as their event says stay so, and are found. How many were taken.
    ///
    /// # Errors
    /// As [`Db::attest_rows`].
    pub async fn attest_before(&self, tenant: Uuid, moment: OffsetDateTime, reason: &str) -> Result<usize> {
        let report = self.find_row_faults(tenant, None).await?;
        let wrong: HashSet<(&str, Uuid)> = report.faults.iter().map(|f| (f.table.as_str(), f.row)).collect();
        let mut tx = self.begin(Ctx::system(self.env(), tenant), true).await?;
        let mut at = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        let mut old: HashMap<(String, Uuid), (i64, bool)> = HashMap::new();
        while let Some(found) = self.marks_after(&mut tx, &mut at).await? {
            for Found { recorded_at, mark, .. } in found {
                let aged = recorded_at < moment && mark.digest.is_some();
                let row = (mark.table, mark.row);
                // What was changed since needs nothing, and is not kept in mind.
                match old.get(&row) {
                    Some((change, _)) if *change > mark.change => {}
                    _ if aged => drop(old.insert(row, (mark.change, true))),
                    Some(_) => drop(old.insert(row, (mark.change, false))),
                    None => {}
                }
            }
        }
        tx.finish_unrecorded().await?;
        let mut tables: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
        for ((table, row), (_, aged)) in old {
            if aged && !wrong.contains(&(table.as_str(), row)) {
                tables.entry(table).or_default().push(row);
            }
        }
        let ctx = Ctx::operator(self.env(), tenant);
        let mut taken = 0;
        for (table, rows) in tables {
            self.attest_rows(&ctx, &table, &rows, reason).await?;
            taken += rows.len();
        }
        Ok(taken)
    }

    /// What differs from the log in each tenant that is served, before many rows are changed at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn row_faults(&self) -> Result<Vec<RowReport>> {
        let mut all = Vec::new();
        for tenant in self.served_tenants().await? {
            all.push(self.find_row_faults(tenant, None).await?);
        }
        Ok(all)
    }
}

async fn numbers(tx: &mut Tx, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).map_err(Error::internal)?;
    let rows = tx.run("SELECT nextval('kernel.row_changes') FROM generate_series(1, $1::bigint)", &[&count]).await?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}
