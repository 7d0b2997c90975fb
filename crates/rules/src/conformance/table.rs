//! A reference table in CSV: columns by name, with errors that name row and column.

use salus_core::{Error, Result};
use std::{collections::HashMap, str::FromStr};

/// A table that was read.
pub(super) struct Table {
    argument: &'static str,
    columns: HashMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

/// A row of it.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Reads a table given as an argument of that name.
    pub(super) fn read(argument: &'static str, bytes: &[u8]) -> Result<Self> {
        let wrong = |e: csv::Error| Error::invalid(argument, "unreadable", e.to_string());
        let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let headers = reader.headers().map_err(wrong)?.clone();
        let columns = headers.iter().enumerate().map(|(at, name)| (name.trim().to_ascii_lowercase(), at)).collect();
        Ok(Self { argument, columns, rows: reader.records().collect::<std::result::Result<_, _>>().map_err(wrong)? })
    }

    /// # Errors
    /// [`Error::Invalid`] when a column is missing.
    pub(super) fn require(&self, columns: &[&str]) -> Result<()> {
        let missing = columns.iter().find(|column| !self.has(column));
        let message =
            |column: &&str| format!("the column {column} is missing: give the table that the suite publishes");
        missing.map_or(Ok(()), |column| Err(Error::invalid(self.argument, "unreadable", message(column))))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|record| Row { table: self, record })
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(&column.to_ascii_lowercase())
    }
}

impl<'a> Row<'a> {
    pub(super) fn text(self, column: &str) -> &'a str {
        let at = self.table.columns.get(&column.to_ascii_lowercase());
        at.and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    /// Columns in the row.
    pub(super) fn len(self) -> usize {
        self.record.len()
    }

    pub(super) fn has(self, column: &str) -> bool {
        self.table.has(column)
    }

    pub(super) fn unreadable(self, column: &str) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        let message = format!("line {line}: {column} holds '{}'", self.text(column));
        Error::invalid(self.table.argument, "unreadable", message)
    }

    /// A value, unless the cell is empty.
    pub(super) fn value<T: FromStr>(self, column: &str) -> Result<Option<T>> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| self.unreadable(column))
    }

    pub(super) fn required<T: FromStr>(self, column: &str) -> Result<T> {
        self.value(column)?.ok_or_else(|| self.unreadable(column))
    }
}
