//! What a resource becomes: a row, rows that belong to it, and references that become ids of other rows.

use super::reference::{Reference, Target};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Column values of one row by column name, in plain form: text as text, dates as `YYYY-MM-DD`, instants as RFC 3339,
/// numeric as a string with its exact digits, json as it is. Absent and `null` are the same.
pub type Row = Map<String, Value>;

/// A row of another table that belongs to the record, such as a name of a patient. The column that points to the
/// record is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Its table with schema.
    pub table: Cow<'static, str>,
    /// Its values.
    pub row: Row,
}

/// One resource in the form of the tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// FHIR type.
    pub resource_type: String,
    /// FHIR id at the source; empty if it has none.
    pub id: String,
    /// The table with schema; `None`: no table holds it, the original is all there is.
    pub table: Option<Cow<'static, str>>,
    /// The row, without tenant, ids and references.
    pub row: Row,
    /// Rows of other tables that belong to it.
    pub children: Vec<Child>,
    /// References from columns of the row; without a table, only whom it is about.
    pub refs: Vec<Reference>,
    /// References the other way: rows whose `column` must point to this one, such as the results of a report.
    pub back_refs: Vec<Reference>,
}

/// A resource read: its record, and what the record does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// What goes into tables.
    pub record: Record,
    /// Why no table holds it, where its type has one; such a resource is kept whole only.
    pub kept_whole: Option<&'static str>,
    /// The label that makes it specially protected, such as `PART2`, also where no table holds it.
    pub sensitivity: Option<String>,
    /// Paths such as `Patient.maritalStatus` that the record cannot give back.
    pub unmapped: Vec<String>,
}

impl Record {
    /// Whose record it is, if it is somebody's.
    #[must_use]
    pub fn patient(&self) -> Option<&Target> {
        self.reference("patient_id").map(|r| &r.target)
    }

    /// The reference that belongs in `column`.
    #[must_use]
    pub fn reference(&self, column: &str) -> Option<&Reference> {
        self.refs.iter().find(|r| r.column == column)
    }

    /// A value of the row that is not null.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        value(&self.row, column)
    }
}

/// A value of `row` that is not null.
pub(super) fn value<'r>(row: &'r Row, column: &str) -> Option<&'r Value> {
    row.get(column).filter(|v| !v.is_null())
}

/// A text of `row`.
pub(super) fn text<'r>(row: &'r Row, column: &str) -> Option<&'r str> {
    value(row, column).and_then(Value::as_str)
}
