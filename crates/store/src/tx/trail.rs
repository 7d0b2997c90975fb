//! What the audit event of a transaction will say: noted while it works, written when it ends.

use super::Tx;
use crate::{
    audit::{Event, Header, Outcome},
    decide::Notice,
    rows::{Mark, packed},
};
use salus_core::{Error, Purpose, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const SHOWS_PART2: &str = "SELECT kernel.shows_part2($1)";

/// What the audit event of this transaction will say.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Opened columns by their registered number.
    pub(super) columns: BTreeMap<u32, String>,
    pub(super) subjects: BTreeSet<Uuid>,
    pub(super) row: Option<Uuid>,
    pub(super) count: usize,
    pub(super) detail: Option<Value>,
    /// Digests of the rows that were written.
    pub(super) marks: Vec<Mark>,
    /// How many there were at the last mark of the work.
    pub(super) marked: usize,
    pub(super) why: Vec<String>,
}

/// What a reply showed, kept beside it so that showing it again is recorded and permitted anew.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Disclosed {
    columns: Vec<String>,
    subjects: BTreeSet<Uuid>,
    row: Option<Uuid>,
    count: usize,
}

impl Tx {
    /// Notes a person whose record is read or written.
    pub fn about(&mut self, subject: Uuid) {
        self.trail.subjects.insert(subject);
    }

    /// Notes the one row this call is about.
    pub fn on_row(&mut self, row: Uuid) {
        self.trail.row = Some(row);
    }

    /// Notes the rules by which this call is refused.
    pub fn because(&mut self, why: Vec<String>) {
        self.trail.why = why;
    }

    /// Counts rows read or written.
    pub fn count(&mut self, rows: usize) {
        self.trail.count += rows;
    }

    /// Notes detail that may hold health data, such as a search text; it is sealed into the event's payload.
    pub fn note(&mut self, detail: Value) {
        self.trail.detail = Some(detail);
    }

    /// What the caller has to be told with what was answered: that the glass is broken, and the notice of 42 CFR 2.32.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn notices(&mut self) -> Result<Vec<Notice>> {
        let mut notices = Vec::new();
        if self.ctx.purpose == Purpose::BreakGlass {
            notices.push(Notice::BreakGlass);
        }
        if self.ctx.part2 && self.shows_part2().await? {
            notices.push(Notice::Part2);
        }
        Ok(notices)
    }

    /// Whether something that is labelled PART2 and open to the caller is in the record of a person whose record was read or
    /// written.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn shows_part2(&mut self) -> Result<bool> {
        let persons: Vec<Uuid> = self.trail.subjects.iter().copied().collect();
        if persons.is_empty() {
            return Ok(false);
        }
        let shown = self.run(SHOWS_PART2, &[&persons]).await?;
        Ok(shown.first().is_some_and(|row| row.get(0)))
    }

    /// What this transaction has disclosed so far.
    pub(crate) fn disclosed(&self) -> Disclosed {
        let Trail { columns, subjects, row, count, .. } = &self.trail;
        let columns = columns.values().cloned().collect();
        Disclosed { columns, subjects: subjects.clone(), row: *row, count: *count }
    }

    /// Notes that the same is disclosed once more.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the caller may not open one of the columns, or not any more.
    pub(crate) fn disclose_again(&mut self, shown: Disclosed) -> Result<()> {
        let db = self.db.clone();
        for name in shown.columns {
            let found = name.rsplit_once('.').and_then(|(table, column)| {
                let table = db.catalog().table(table).ok()?;
                Some((table, table.column(column)?))
            });
            let Some((table, column)) = found else { continue };
            if let Some(lacking) = table.to_open(column).iter().find(|p| !self.ctx.may(p)) {
                return Err(Error::Forbidden((*lacking).to_owned()));
            }
            if self.masks(&table.name, &column.name) {
                let detail = "This reply holds a field that is left out for you now: send the request with a new key";
                return Err(Error::Refused { code: "field_masked", detail: detail.into() });
            }
            self.trail.columns.insert(column.column_id, name);
        }
        self.trail.subjects.extend(shown.subjects);
        self.trail.row = shown.row.or(self.trail.row);
        self.trail.count += shown.count;
        Ok(())
    }

    pub(super) fn event(&self, action: &str, target: &str, outcome: Outcome, code: Option<String>) -> Result<Event> {
        let mut columns: Vec<String> = self.trail.columns.values().cloned().collect();
        columns.sort_unstable();
        let header = Header {
            at: time::OffsetDateTime::UNIX_EPOCH,
            action: action.to_owned(),
            target: target.to_owned(),
            row: self.trail.row,
            count: self.trail.count,
            columns,
            subjects: self.trail.subjects.iter().copied().collect(),
            rows: packed(&self.trail.marks).into_iter().map(|(table, marks)| (table.to_owned(), marks)).collect(),
            outcome,
            code,
            why: self.trail.why.clone(),
        };
        self.db.0.writer.event(&self.ctx, &self.keys, header, self.trail.detail.as_ref())
    }
}
