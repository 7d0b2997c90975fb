//! Writing: many rows at once, or one; sealed, blind-indexed and tokenised on the way.

mod clash;

use super::{
    Resource,
    decode::Selection,
    filter::{blind_column, cast, parse_date},
};
use crate::{
    ANY_VERSION, Record, Tx,
    catalog::{Column, HEADER, Kind, Table},
    fault_point,
    seal::{Format, IndexKey, Search},
    tx::Cell,
};
use salus_core::{Error, FieldError, Result};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt::Write as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// A row to be inserted: its id, which must exist before sealing, and its values in clear.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// `UUIDv7` from the caller's [`salus_core::Env`].
    pub id: Uuid,
    /// Values by column name.
    pub values: Map<String, Value>,
}

/// Ids of persons with their wrapped keys.
type WrappedKeys = (Vec<Uuid>, Vec<Vec<u8>>);

/// One column of many rows, as a parameter of `unnest`.
enum Cells {
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Uuid(Vec<Option<Uuid>>),
}

/// A column, the hash of a value under another key, and the hash that is written.
type Twin = (String, Vec<u8>, Vec<u8>);

struct Writing<'a> {
    columns: Vec<&'a Column>,
    cells: Vec<Cells>,
    /// What is wrong with the values, so that all of it is told at once.
    wrong: Vec<FieldError>,
    /// While the index key is exchanged: column, the hash under another key, the hash that is written.
    twins: Vec<Twin>,
}

impl Tx {
    /// Inserts rows: seals what is sealed, makes the keys of new persons, keeps search tokens. Rows may have
    /// different columns; what a row leaves out is null or the column's default when no row gives it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for values that do not fit, [`Error::Conflict`] for duplicates.
    pub async fn insert(&mut self, table: &str, rows: &[NewRow]) -> Result<()> {
        self.insert_rows(table, rows, None).await.map(|_| ())
    }

    /// Inserts one row and reads it back as the caller may see it.
    ///
    /// # Errors
    /// As [`Tx::insert`].
    pub async fn create(&mut self, table: &str, row: NewRow) -> Result<Record> {
        let id = row.id;
        let db = self.db().clone();
        let selection = Selection::new(db.catalog().table(table)?, &[])?;
        self.on_row(id);
        let made = self.insert_rows(table, &[row], Some(&selection)).await?;
        made.into_iter().next().ok_or_else(|| Error::internal("an inserted row was not returned"))
    }

    async fn insert_rows(&mut self, name: &str, rows: &[NewRow], back: Option<&Selection<'_>>) -> Result<Vec<Record>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let db = self.db().clone();
        let table = db.catalog().table(name)?;
        let missing: Vec<FieldError> = rows.iter().flat_map(|row| missing(table, row)).collect();
        let subjects = match self.subjects_of(table, rows).await {
            Err(Error::Invalid(wrong)) => return Err(Error::Invalid(wrong.into_iter().chain(missing).collect())),
            other => other?,
        };
        let mut writing = Writing::new(table, rows)?;
        writing.wrong = missing;
        for (row, subject) in rows.iter().zip(&subjects) {
            writing.push(self, table, row, *subject)?;
        }
        writing.checked()?;
        let mut ctes = String::new();
        let mut params: Vec<&(dyn ToSql + Sync)> = writing.cells.iter().map(Cells::param).collect();
        let (new_keys, tokens) = (self.new_person_keys(table, rows)?, self.token_cells(table, rows));
        fault_point!("engine.keys_made");
        if let Some((ids, wrapped)) = &new_keys {
            let n = params.len();
            let _ = write!(
                ctes,
                "WITH made_keys AS (INSERT INTO kernel.subject_keys (id, wrapped) SELECT * FROM unnest(${}::uuid[], ${}::bytea[])) ",
                n + 1,
                n + 2
            );
            params.extend([ids as &(dyn ToSql + Sync), wrapped]);
        }
        if let Some((ids, token)) = &tokens {
            let n = params.len();
            let _ = write!(
                ctes,
                "{} made_tokens AS (INSERT INTO kernel.search_tokens (id, token) SELECT * FROM unnest(${}::uuid[], ${}::bytea[])) ",
                if ctes.is_empty() { "WITH" } else { "," },
                n + 1,
                n + 2
            );
            params.extend([ids as &(dyn ToSql + Sync), token]);
        }
        writing.claim_values(self, table).await?;
        let sql = format!("{ctes}{}", writing.insert_sql(table, back));
        let made = self.claim((&sql, &params), (table, rows), &writing).await?;
        fault_point!("engine.row_inserted");
        self.count(rows.len());
        for subject in subjects.iter().flatten() {
            self.about(*subject);
        }
        match back {
            None => Ok(Vec::new()),
            Some(selection) => made.iter().map(|row| selection.record_of_new(self, row)).collect(),
        }
    }

    /// The person each row is about; their keys are in memory afterwards.
    async fn subjects_of(&mut self, table: &Table, rows: &[NewRow]) -> Result<Vec<Option<Uuid>>> {
        let Some(column) = table.subject.as_deref() else { return Ok(vec![None; rows.len()]) };
        if column == "id" {
            for row in rows {
                self.new_subject(row.id)?;
            }
            return Ok(rows.iter().map(|r| Some(r.id)).collect());
        }
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            out.push(match row.values.get(column) {
                None | Some(Value::Null) => None,
                Some(Value::String(s)) => {
                    Some(s.parse().map_err(|_| Error::invalid(column, "wrong_type", "Is a UUID"))?)
                }
                Some(_) => return Err(Error::invalid(column, "wrong_type", "Is a UUID")),
            });
        }
        let needed: BTreeSet<Uuid> = out.iter().flatten().copied().collect();
        self.fetch_subjects(column, &needed).await?;
        Ok(out)
    }

    /// Wrapped keys for the persons that these rows are.
    fn new_person_keys(&mut self, table: &Table, rows: &[NewRow]) -> Result<Option<WrappedKeys>> {
        if table.subject.as_deref() != Some("id") || table.name == "kernel.subject_keys" {
            return Ok(None);
        }
        let ids: Vec<Uuid> = rows.iter().map(|r| r.id).collect();
        let wrapped = ids.iter().map(|id| self.take_new_wrapped(*id)).collect::<Result<_>>()?;
        Ok(Some((ids, wrapped)))
    }

    fn token_cells(&self, table: &Table, rows: &[NewRow]) -> Option<(Vec<Uuid>, Vec<Vec<u8>>)> {
        table.name_columns().next()?;
        let (mut ids, mut tokens) = (Vec::new(), Vec::new());
        for row in rows {
            let names: Vec<&str> = table.name_columns().filter_map(|c| row.values.get(&c.name)?.as_str()).collect();
            for token in self.keys().index.tokens(&table.name, &names) {
                ids.push(row.id);
                tokens.push(token.to_vec());
            }
        }
        (!ids.is_empty()).then_some((ids, tokens))
    }

    /// Changes one row of the version that was read.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`] when it has changed since, [`Error::Invalid`] for values that do not fit.
    pub async fn update(
        &mut self,
        name: &str,
        id: Uuid,
        version: Option<i32>,
        values: Map<String, Value>,
    ) -> Result<Record> {
        let db = self.db().clone();
        let table = db.catalog().table(name)?;
        if values.is_empty() {
            return Err(Error::invalid("", "empty", "Names no field to change"));
        }
        self.on_row(id);
        let before = self.lock_row(table, id, version).await?;
        let row = NewRow { id, values };
        let mut writing = Writing::new(table, std::slice::from_ref(&row))?;
        writing.wrong = emptied(table, &row).into_iter().chain(moved(table, &row, before.subject)).collect();
        writing.push(self, table, &row, before.subject)?;
        writing.checked()?;
        let selection = Selection::new(table, &[])?;
        writing.claim_values(self, table).await?;
        let sql = writing.update_sql(table, &selection);
        let mut params: Vec<&(dyn ToSql + Sync)> = writing.cells.iter().map(Cells::param).collect();
        params.push(&id);
        let rows = self.claim((&sql, &params), (table, std::slice::from_ref(&row)), &writing).await?;
        let record = selection.record(self, rows.first().ok_or(Error::NotFound)?)?;
        if table.name_columns().any(|c| row.values.contains_key(&c.name)) {
            self.replace_tokens(table, &before.names, &row).await?;
        }
        self.count(1);
        Ok(record)
    }

    async fn lock_row(&mut self, table: &Table, id: Uuid, version: Option<i32>) -> Result<Before> {
        let names: Vec<&str> = table.name_columns().map(|c| c.name.as_str()).collect();
        let fields: Vec<&str> = names.iter().copied().chain(["row_version"]).collect();
        let selection = Selection::new(table, &fields)?;
        let sql = format!("SELECT {} FROM {} t WHERE t.id = $1 FOR UPDATE OF t", selection.expressions(), table.name);
        let rows = self.run(&sql, &[&id]).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if version.is_some_and(|v| v != ANY_VERSION && v != row.get::<_, i32>("row_version")) {
            return Err(Error::Stale);
        }
        let subject: Option<Uuid> = if table.subject.is_some() { row.get("subject_") } else { None };
        if let Some(subject) = subject {
            self.fetch_subjects("id", &BTreeSet::from([subject])).await?;
        }
        let names = self.names_unmasked(table, row, subject)?;
        Ok(Before { subject, names })
    }

    /// The old names in the order of their columns, opened for their tokens whatever the caller may see: nothing of
    /// them is returned to anyone.
    fn names_unmasked(
        &mut self,
        table: &Table,
        row: &tokio_postgres::Row,
        subject: Option<Uuid>,
    ) -> Result<Vec<String>> {
        let (id, key) = (row.get("id"), subject.and_then(|id| self.subject_key(id)));
        let mut names = Vec::new();
        for column in table.name_columns() {
            let sealed: Option<&[u8]> = row.get(column.name.as_str());
            names.push(match sealed.filter(|_| key.is_some() || !column.subject_bound) {
                None => String::new(),
                Some(sealed) => {
                    let cell = Cell { table, column, row: id };
                    self.open(cell, key.as_ref(), sealed)?.as_str().unwrap_or_default().into()
                }
            });
        }
        Ok(names)
    }

    async fn replace_tokens(&mut self, table: &Table, before: &[String], row: &NewRow) -> Result<()> {
        let id = row.id;
        let old: Vec<&str> = before.iter().map(String::as_str).collect();
        let after = table.name_columns().zip(&old).map(|(column, old)| match row.values.get(&column.name) {
            None => *old,
            Some(given) => given.as_str().unwrap_or_default(),
        });
        let new: Vec<&str> = after.collect();
        let of_key = |key: &IndexKey| [key.tokens(&table.name, &old), key.tokens_before(&table.name, &old)];
        let old: BTreeSet<[u8; 4]> = self.keys().indexes().flat_map(of_key).flatten().collect();
        let new = self.keys().index.tokens(&table.name, &new);
        let gone: Vec<Vec<u8>> = old.difference(&new).map(|t| t.to_vec()).collect();
        let come: Vec<Vec<u8>> = new.iter().map(|t| t.to_vec()).collect();
        let sql = "DELETE FROM kernel.search_tokens WHERE id = $1 AND token = ANY($2)";
        self.run(sql, &[&id, &gone]).await?;
        let sql = "INSERT INTO kernel.search_tokens (id, token) SELECT $1, t FROM unnest($2::bytea[]) t ON CONFLICT DO NOTHING";
        self.run(sql, &[&id, &come]).await.map(|_| ())
    }
}

struct Before {
    subject: Option<Uuid>,
    names: Vec<String>,
}

impl<'a> Writing<'a> {
    /// The columns that any of the rows gives, `id` first, with their blind indexes.
    fn new(table: &'a Table, rows: &[NewRow]) -> Result<Self> {
        let given: BTreeSet<&str> = rows.iter().flat_map(|r| r.values.keys().map(String::as_str)).collect();
        let mut columns: Vec<&Column> = table.column("id").into_iter().collect();
        for name in given {
            let column = table.column(name).filter(|c| c.name != "id" && c.name != "tenant_id" && !follows(c));
            columns.push(
                column.ok_or_else(|| {
                    Error::invalid(name, "unknown_field", format!("Is not a field of {}", table.name))
                })?,
            );
            columns.extend(table.column(&format!("{name}_bidx")));
        }
        let cells = columns
            .iter()
            .map(|c| match c.kind {
                Kind::Sealed(_) | Kind::Blind | Kind::Bytes => Cells::Bytes(Vec::with_capacity(rows.len())),
                Kind::Uuid => Cells::Uuid(Vec::with_capacity(rows.len())),
                _ => Cells::Text(Vec::with_capacity(rows.len())),
            })
            .collect();
        Ok(Self { columns, cells, wrong: Vec::new(), twins: Vec::new() })
    }

    fn push(&mut self, tx: &Tx, table: &Table, row: &NewRow, subject: Option<Uuid>) -> Result<()> {
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            let value = match column.kind {
                _ if follows(column) => row.values.get(column.name.trim_end_matches("_bidx")),
                _ if column.name == "id" => None,
                _ => row.values.get(&column.name),
            };
            let value = value.filter(|v| !v.is_null());
            if let (true, Some(value)) = (follows(column), value) {
                self.twins.extend(twins(tx, table, column, value)?);
            }
            match cells.push(tx, Cell { table, column, row: row.id }, subject, value) {
                Err(Error::Invalid(errors)) => self.wrong.extend(errors),
                other => other?,
            }
        }
        Ok(())
    }

    /// While the index key is exchanged, a row that has one of these values may still be indexed under the other key,
    /// where a unique constraint does not see it: such rows are brought over before the values are written.
    async fn claim_values(&self, tx: &mut Tx, table: &Table) -> Result<()> {
        if self.twins.is_empty() {
            return Ok(());
        }
        tx.run("SELECT set_config('salus.rekeying', 'on', true)", &[]).await?;
        for (column, other, own) in &self.twins {
            let sql = format!("UPDATE {} SET {column} = $2::bytea WHERE {column} = $1::bytea", table.name);
            tx.run_built(&sql, &[other, own]).await?;
        }
        tx.run("SELECT set_config('salus.rekeying', 'off', true)", &[]).await.map(|_| ())
    }

    fn checked(&mut self) -> Result<()> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(std::mem::take(&mut self.wrong))) }
    }

    fn insert_sql(&self, table: &Table, back: Option<&Selection<'_>>) -> String {
        let (mut names, mut values, mut arrays) = (String::new(), String::new(), String::new());
        for (i, (column, cells)) in self.columns.iter().zip(&self.cells).enumerate() {
            let sep = if i == 0 { "" } else { ", " };
            let _ = write!(names, "{sep}{}", column.name);
            let cell = format!("u.c{i}::{}", cell_cast(column.kind));
            // Rows of one batch may differ in what they leave out: each gets the column's default there.
            let _ = match &column.default_sql {
                Some(default) if column.required => write!(values, "{sep}coalesce({cell}, {default})"),
                _ => write!(values, "{sep}{cell}"),
            };
            let _ = write!(arrays, "{sep}${}::{}[]", i + 1, cells.element());
        }
        let aliases = (0..self.columns.len()).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", ");
        let returning = back.map_or(String::new(), |s| format!(" RETURNING {}", s.expressions_of_new()));
        format!(
            "INSERT INTO {} AS t ({names}) SELECT {values} FROM unnest({arrays}) AS u({aliases}){returning}",
            table.name
        )
    }

    fn update_sql(&self, table: &Table, selection: &Selection<'_>) -> String {
        let mut sets = String::new();
        for (i, (column, cells)) in self.columns.iter().zip(&self.cells).enumerate().skip(1) {
            let sep = if i == 1 { "" } else { ", " };
            let _ = write!(
                sets,
                "{sep}{} = (${}::{}[])[1]::{}",
                column.name,
                i + 1,
                cells.element(),
                cell_cast(column.kind)
            );
        }
        let id = self.columns.len() + 1;
        // The first parameter is the id among the cells; naming it keeps the numbering of the rest.
        format!(
            "WITH changed AS (UPDATE {0} SET {sets} WHERE id = ${id} AND id = ($1::uuid[])[1] RETURNING *) SELECT {1} FROM changed t",
            table.name,
            selection.expressions()
        )
    }
}

/// The hashes of a value under the keys that are not written, each with the one that is.
fn twins(tx: &Tx, table: &Table, column: &Column, value: &Value) -> Result<Vec<Twin>> {
    let field = column.name.trim_end_matches("_bidx");
    let search = table.column(field).and_then(|c| c.search).unwrap_or(Search::Exact);
    let (of, text) = (blind_column(table, field)?, value.as_str().unwrap_or_default());
    let own = tx.keys().index.blind(of, search, text)?;
    let others = tx.keys().indexes().skip(1);
    others.map(|key| Ok((column.name.clone(), key.blind(of, search, text)?, own.clone()))).collect()
}

/// The columns that a new row must have and does not.
fn missing(table: &Table, row: &NewRow) -> Vec<FieldError> {
    let needed = table.columns.iter().filter(|c| c.required && !c.has_default && !follows(c));
    let absent = needed.filter(|c| c.name != "id" && row.values.get(&c.name).is_none_or(Value::is_null));
    absent.map(required).collect()
}

/// The columns that must have a value and are given none.
fn emptied(table: &Table, row: &NewRow) -> Vec<FieldError> {
    let emptied = row.values.iter().filter(|(_, v)| v.is_null()).filter_map(|(name, _)| table.column(name));
    emptied.filter(|c| c.required).map(required).collect()
}

/// A record that is given to another person: its sealed values are bound to the key of the one it is about.
fn moved(table: &Table, row: &NewRow, subject: Option<Uuid>) -> Option<FieldError> {
    let column = table.subject.as_deref().filter(|_| table.columns.iter().any(|c| c.subject_bound))?;
    let given = row.values.get(column)?;
    let same = given.as_str().and_then(|text| Uuid::parse_str(text).ok()) == subject;
    (!same).then(|| FieldError::new(column, "not_allowed", "A record stays with its person: make one for the other"))
}

fn required(column: &Column) -> FieldError {
    FieldError::new(&column.name, "required", "Is required")
}

/// Whether a column is the blind index of the sealed one beside it and is made from it; any other digest is given.
fn follows(column: &Column) -> bool {
    column.kind == Kind::Blind && column.name.ends_with("_bidx")
}

/// The type a cell is cast to on its way into its column.
fn cell_cast(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Sealed(_)) { "bytea" } else { cast(kind) }
}

impl Cells {
    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(v) => v,
            Self::Bytes(v) => v,
            Self::Uuid(v) => v,
        }
    }

    fn element(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytea",
            Self::Uuid(_) => "uuid",
        }
    }

    fn push(&mut self, tx: &Tx, cell: Cell<'_>, subject: Option<Uuid>, value: Option<&Value>) -> Result<()> {
        let column = cell.column;
        match self {
            Self::Uuid(cells) => cells.push(if column.name == "id" {
                Some(cell.row)
            } else {
                value.map(|v| uuid(column, v)).transpose()?
            }),
            Self::Bytes(cells) => cells.push(match (column.kind, value) {
                (_, None) => None,
                (Kind::Sealed(format), Some(v)) => Some(tx.seal(cell, subject, &clear(column, format, v)?)?),
                (Kind::Blind, Some(v)) if follows(column) => {
                    let field = column.name.trim_end_matches("_bidx");
                    let search = cell.table.column(field).and_then(|c| c.search).unwrap_or(Search::Exact);
                    let of = blind_column(cell.table, field)?;
                    Some(tx.keys().index.blind(of, search, v.as_str().unwrap_or_default())?)
                }
                (_, Some(v)) => Some(bytes(column, v)?),
            }),
            Self::Text(cells) => cells.push(value.map(|v| text(column, v)).transpose()?),
        }
        Ok(())
    }
}

fn wrong(column: &Column, form: &str) -> Error {
    Error::invalid(&column.name, "wrong_type", format!("Is {form}"))
}

fn uuid(column: &Column, v: &Value) -> Result<Uuid> {
    v.as_str().and_then(|s| s.parse().ok()).ok_or_else(|| wrong(column, "a UUID"))
}

fn bytes(column: &Column, v: &Value) -> Result<Vec<u8>> {
    v.as_str().and_then(|s| hex::decode(s).ok()).ok_or_else(|| wrong(column, "hexadecimal"))
}

/// The bytes to be sealed.
fn clear(column: &Column, format: Format, v: &Value) -> Result<Vec<u8>> {
    match (format, v) {
        (Format::Json, v) => serde_json::to_vec(v).map_err(Error::internal),
        (Format::Date, Value::String(s)) if parse_date(s).is_some() => Ok(s.clone().into_bytes()),
        (Format::Date, _) => Err(wrong(column, "a date such as 2026-11-21")),
        (Format::Text, Value::String(s)) => checked_text(column, s).map(|()| s.clone().into_bytes()),
        (Format::Text, _) => Err(wrong(column, "text")),
    }
}

/// The text form in which a value travels to PostgreSQL, checked here so that the message can name the field.
fn text(column: &Column, v: &Value) -> Result<String> {
    let s = match (column.kind, v) {
        (Kind::Json, v) => return serde_json::to_string(v).map_err(Error::internal),
        (Kind::TextArray, Value::Array(items)) => return text_array(column, items),
        (Kind::TextArray, _) => return Err(wrong(column, "a list of texts")),
        (Kind::Bool, Value::Bool(b)) => return Ok(b.to_string()),
        (Kind::Int2 | Kind::Int4 | Kind::Int8, Value::Number(n)) if n.is_i64() => return in_range(column, n.as_i64()),
        (Kind::Float8 | Kind::Numeric, Value::Number(n)) => return Ok(n.to_string()),
        (_, Value::String(s)) => s,
        (Kind::Text, _) => return Err(wrong(column, "text")),
        (Kind::Bool, _) => return Err(wrong(column, "true or false")),
        (Kind::Int2 | Kind::Int4 | Kind::Int8, _) => return Err(wrong(column, "a whole number")),
        _ => return Err(wrong(column, "a number or text of its form")),
    };
    let fits = match column.kind {
        Kind::Text => return label(column, s).and_then(|()| checked_text(column, s)).map(|()| s.clone()),
        Kind::Date => parse_date(s).is_some().then_some(()).ok_or("a date such as 2026-11-21"),
        Kind::Timestamp => {
            OffsetDateTime::parse(s, &Rfc3339).map(|_| ()).map_err(|_| "a time such as 2026-11-21T10:00:00Z")
        }
        Kind::Numeric => decimal(s).then_some(()).ok_or("a decimal number such as 12.5"),
        Kind::Bool => Err("true or false"),
        Kind::Int2 | Kind::Int4 | Kind::Int8 => Err("a whole number"),
        _ => Ok(()),
    };
    fits.map(|()| s.clone()).map_err(|form| wrong(column, form))
}

/// Digits with at most one point and a sign; no exponent, no NaN.
fn decimal(s: &str) -> bool {
    let digits = s.strip_prefix('-').unwrap_or(s);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(part) && digits.len() <= 40
}

fn in_range(column: &Column, n: Option<i64>) -> Result<String> {
    let fits = n.filter(|n| match column.kind {
        Kind::Int2 => i16::try_from(*n).is_ok(),
        Kind::Int4 => i32::try_from(*n).is_ok(),
        _ => true,
    });
    fits.map(|n| n.to_string()).ok_or_else(|| wrong(column, "a smaller number"))
}

/// A value of a closed set, or a message that lists the set.
fn label(column: &Column, s: &str) -> Result<()> {
    if column.labels.is_empty() || column.labels.iter().any(|l| l == s) {
        return Ok(());
    }
    Err(Error::invalid(&column.name, "not_allowed", format!("Is one of: {}", column.labels.join(", "))))
}

fn checked_text(column: &Column, s: &str) -> Result<()> {
    if s.chars().any(|c| c.is_ascii_control() && !matches!(c, '\n' | '\t' | '\r')) {
        return Err(Error::invalid(
            &column.name,
            "control_character",
            "Holds a control character: only line breaks and tabs are kept",
        ));
    }
    Ok(())
}

/// PostgreSQL's literal of an array of texts.
fn text_array(column: &Column, items: &[Value]) -> Result<String> {
    let mut out = String::from("{");
    for (i, item) in items.iter().enumerate() {
        let s = item.as_str().ok_or_else(|| wrong(column, "a list of texts"))?;
        checked_text(column, s)?;
        let _ = write!(out, "{}\"{}\"", if i == 0 { "" } else { "," }, s.replace('\\', "\\\\").replace('"', "\\\""));
    }
    out.push('}');
    Ok(out)
}

/// Checks a body from outside: an object without header, locked or unknown fields.
///
/// # Errors
/// [`Error::Invalid`] naming every field that may not be there.
pub fn writable(resource: &Resource, table: &Table, body: Value) -> Result<Map<String, Value>> {
    let Value::Object(body) = body else { return Err(Error::invalid("", "wrong_shape", "Is a JSON object")) };
    let wrong: Vec<FieldError> = body
        .keys()
        .filter_map(|name| {
            let known = table.readable().any(|c| c.name == *name);
            if HEADER.contains(&name.as_str()) {
                Some(FieldError::new(name, "not_writable", "Is filled by the server"))
            } else if resource.locked.contains(&name.as_str()) {
                Some(FieldError::new(name, "not_writable", "Is changed by an action only"))
            } else if !known {
                Some(FieldError::new(name, "unknown_field", format!("Is not a field of {}", table.name)))
            } else {
                None
            }
        })
        .collect();
    if wrong.is_empty() { Ok(body) } else { Err(Error::Invalid(wrong)) }
}
