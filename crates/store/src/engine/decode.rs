//! Rows from PostgreSQL to [`Record`]s: which expressions to select, and how to read each kind of column.

use crate::{
    Record, Tx,
    catalog::{Column, Kind, Table},
    seal::{Format, SubjectKey},
    tx::Cell,
};
use salus_core::{Error, Result};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, OnceLock},
};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use tokio_postgres::Row;
use uuid::Uuid;

/// What a statement selects of a table, and how its rows become records.
pub struct Selection<'a> {
    table: &'a Table,
    columns: Vec<&'a Column>,
    /// The table's name, as records bear it.
    of: Arc<str>,
    names: Arc<[String]>,
    /// Whether the subject's key must come along.
    bound: bool,
    /// Where `id` stands.
    id: usize,
    /// Which columns the caller may open; asked once for all rows.
    open: OnceLock<Vec<bool>>,
}

impl<'a> Selection<'a> {
    /// The columns of these names, in the table's own order; all readable ones when none is named. `id` is always
    /// among them.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `fields` for a name that is no readable column.
    pub fn new(table: &'a Table, wanted: &[&str]) -> Result<Self> {
        for name in wanted {
            if !table.readable().any(|c| c.name == *name) {
                return Err(Error::invalid(
                    "fields",
                    "unknown_field",
                    format!("{name} is not a field of {}", table.name),
                ));
            }
        }
        let keep = |c: &&Column| wanted.is_empty() || c.name == "id" || wanted.contains(&c.name.as_str());
        let columns: Vec<_> = table.readable().filter(keep).collect();
        let names = columns.iter().map(|c| c.name.clone()).collect();
        let bound = columns.iter().any(|c| c.subject_bound);
        let id = columns.iter().position(|c| c.name == "id").ok_or_else(|| Error::internal("a table without id"))?;
        Ok(Self { table, columns, of: table.name.as_str().into(), names, bound, id, open: OnceLock::new() })
    }

    /// The select list over the alias `t`: the columns, then the subject and its wrapped key when they are needed.
    pub fn expressions(&self) -> String {
        match &self.table.subject {
            Some(subject) if self.bound => format!("{}, {}", self.expressions_of_new(), key_of(subject)),
            _ => self.expressions_of_new(),
        }
    }

    /// The select list for many rows: the same with the state of the tenant's keys, once, instead of each row's key.
    pub fn expressions_of_many(&self) -> String {
        match &self.table.subject {
            Some(_) if self.bound => format!("{}, {KEYS_STATE}", self.expressions_of_new()),
            _ => self.expressions_of_new(),
        }
    }

    /// The select list for `RETURNING`: without the key, which the transaction holds.
    pub fn expressions_of_new(&self) -> String {
        let mut out = String::new();
        for c in &self.columns {
            let sep = if out.is_empty() { "" } else { ", " };
            let cast = if c.kind == Kind::Numeric { "::text" } else { "" };
            let _ = write!(out, "{sep}t.{}{cast}", c.name);
        }
        if let Some(subject) = &self.table.subject {
            let _ = write!(out, ", t.{subject} AS subject_");
        }
        out
    }

    /// Reads back a row that this transaction has just made.
    ///
    /// # Errors
    /// As [`Selection::record`].
    pub fn record_of_new(&self, tx: &mut Tx, row: &Row) -> Result<Record> {
        let subject = self.subject(row)?;
        let key = subject.and_then(|id| tx.subject_key(id));
        self.record_with(tx, row, subject, key.as_ref())
    }

    /// Reads one row, opening what the caller may see and noting it.
    ///
    /// # Errors
    /// [`Error::Internal`] when a sealed value does not open.
    pub fn record(&self, tx: &mut Tx, row: &Row) -> Result<Record> {
        let subject = self.subject(row)?;
        let wrapped: Option<&[u8]> = match subject {
            // It stands behind the subject.
            Some(_) if self.bound => row.try_get(self.columns.len() + 1).map_err(Error::internal)?,
            _ => None,
        };
        let key = match (subject, wrapped) {
            (Some(subject), Some(wrapped)) => Some(tx.keys().open_subject(subject, wrapped)?),
            _ => None,
        };
        self.record_with(tx, row, subject, key.as_ref())
    }

    /// The keys of the persons these rows are about: those that are remembered, and one question for all others.
    ///
    /// # Errors
    /// Those of the database, and of keys that do not open.
    pub async fn keys(&self, tx: &mut Tx, rows: &[Row]) -> Result<HashMap<Uuid, SubjectKey>> {
        let mut known = HashMap::new();
        let Some(first) = rows.first().filter(|_| self.table.subject.is_some() && self.bound) else { return Ok(known) };
        if !self.columns.iter().zip(self.opened(tx)).any(|(column, open)| column.subject_bound && *open) {
            return Ok(known);
        }
        // It stands behind the subject.
        let state: Uuid = first.try_get(self.columns.len() + 1).map_err(Error::internal)?;
        let mut missing = Vec::new();
        for row in rows {
            let Some(subject) = self.subject(row)? else { continue };
            if known.contains_key(&subject) {
                continue;
            }
            match tx.keys().subject_as_of(subject, state) {
                Some(key) => _ = known.insert(subject, key),
                None => missing.push(subject),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            for row in tx.run(KEYS, &[&missing]).await? {
                let (subject, state): (Uuid, Uuid) = (row.get(0), row.get(2));
                // Without a key the person was erased.
                if let Some(wrapped) = row.get::<_, Option<&[u8]>>(1) {
                    known.insert(subject, tx.keys().unwrap_subject(subject, wrapped, Some(state))?);
                }
            }
        }
        Ok(known)
    }

    /// Reads one of many rows, whose keys are known.
    ///
    /// # Errors
    /// As [`Selection::record`].
    pub fn record_of_many(&self, tx: &mut Tx, row: &Row, keys: &HashMap<Uuid, SubjectKey>) -> Result<Record> {
        let subject = self.subject(row)?;
        self.record_with(tx, row, subject, subject.and_then(|id| keys.get(&id)))
    }

    /// Which columns the caller may open.
    fn opened(&self, tx: &Tx) -> &[bool] {
        self.open.get_or_init(|| self.columns.iter().map(|c| tx.may_open(self.table, c)).collect())
    }

    /// The person a row is about: the expression behind the columns.
    fn subject(&self, row: &Row) -> Result<Option<Uuid>> {
        match self.table.subject {
            Some(_) => row.try_get(self.columns.len()).map_err(Error::internal),
            None => Ok(None),
        }
    }

    fn record_with(&self, tx: &mut Tx, row: &Row, subject: Option<Uuid>, key: Option<&SubjectKey>) -> Result<Record> {
        let id: Uuid = row.try_get(self.id).map_err(Error::internal)?;
        if let Some(subject) = subject {
            tx.about(subject);
        }
        let owner = Owner { id, subject, key };
        let mut values = Vec::with_capacity(self.columns.len());
        for i in 0..self.columns.len() {
            values.push(self.value(tx, row, i, &owner)?);
        }
        Ok(Record { table: self.of.clone(), names: self.names.clone(), values })
    }

    fn value(&self, tx: &mut Tx, row: &Row, i: usize, owner: &Owner<'_>) -> Result<Value> {
        let column = self.columns[i];
        if tx.masks(&self.table.name, &column.name) {
            return Ok(Value::Null);
        }
        let Kind::Sealed(_) = column.kind else { return plain(row, i, column.kind) };
        let Some(sealed) = row.try_get::<_, Option<&[u8]>>(i).map_err(Error::internal)? else { return Ok(Value::Null) };
        if !self.opened(tx)[i] {
            return Ok(Value::Null);
        }
        if column.subject_bound && owner.subject.is_some() && owner.key.is_none() {
            // The person's key was destroyed: what it sealed is gone for good, and that is what erasure means.
            return Ok(Value::Null);
        }
        tx.open(Cell { table: self.table, column, row: owner.id }, owner.key, sealed)
    }
}

/// What changes when a key of this tenant is destroyed.
const KEYS_STATE: &str = "(SELECT n.keys_state FROM kernel.tenants n WHERE n.id = kernel.tenant()) AS keys_state_";
/// Keys of persons, each with the state they were read in.
const KEYS: &str = "SELECT k.id, k.wrapped, n.keys_state FROM kernel.subject_keys k JOIN kernel.tenants n ON n.id = k.tenant_id \
    WHERE k.id = ANY($1)";

/// The wrapped key of the person a row is about. A lookup for each row that is returned: what row-level security adds
/// makes PostgreSQL expect few rows, and a join then reads the whole table of keys for every page.
fn key_of(subject: &str) -> String {
    format!(
        "(SELECT k.wrapped FROM kernel.subject_keys k WHERE k.tenant_id = t.tenant_id AND k.id = t.{subject}) AS subject_key_"
    )
}

struct Owner<'a> {
    id: Uuid,
    subject: Option<Uuid>,
    key: Option<&'a SubjectKey>,
}

fn plain(row: &Row, i: usize, kind: Kind) -> Result<Value> {
    fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, i: usize) -> Result<Option<T>> {
        row.try_get(i).map_err(Error::internal)
    }
    Ok(match kind {
        Kind::Text | Kind::Numeric => json!(get::<&str>(row, i)?),
        Kind::Bool => json!(get::<bool>(row, i)?),
        Kind::Int2 => json!(get::<i16>(row, i)?),
        Kind::Int4 => json!(get::<i32>(row, i)?),
        Kind::Int8 => json!(get::<i64>(row, i)?),
        Kind::Float8 => json!(get::<f64>(row, i)?),
        Kind::Uuid => get::<Uuid>(row, i)?.map_or(Value::Null, |id| Value::String(id.to_string())),
        Kind::Json => get::<Value>(row, i)?.unwrap_or(Value::Null),
        Kind::TextArray => json!(get::<Vec<String>>(row, i)?),
        Kind::Date => get::<Date>(row, i)?.map(|d| date(d).map(Value::String)).transpose()?.unwrap_or(Value::Null),
        Kind::Timestamp => get::<OffsetDateTime>(row, i)?
            .map(|at| at.format(&Rfc3339).map(Value::String))
            .transpose()
            .map_err(Error::internal)?
            .unwrap_or(Value::Null),
        Kind::Sealed(Format::Text | Format::Date | Format::Json) | Kind::Blind | Kind::Bytes | Kind::Xid => {
            return Err(Error::internal("this kind of column is not read as it is"));
        }
    })
}

fn date(d: Date) -> Result<String> {
    d.format(format_description!("[year]-[month]-[day]")).map_err(Error::internal)
}
