//! What PostgreSQL refuses, in the caller's words. The text of a database error can hold health data, so it goes
//! neither to the caller nor to the log: its code and the name of the constraint do.

use crate::Catalog;
use salus_core::{Error, FieldError};
use tokio_postgres::error::SqlState;

/// Translates an error once, by constraint name.
#[must_use]
pub fn db_error(catalog: &Catalog, e: &tokio_postgres::Error) -> Error {
    let Some(d) = e.as_db_error() else {
        return if e.is_closed() {
            Error::Unavailable("the connection to the database was lost: nothing is known to be done, try again".into())
        } else {
            Error::internal(e)
        };
    };
    let meaning = d.constraint().and_then(|name| catalog.meaning(name));
    let message = meaning.map_or("Breaks a rule of this table", |m| m.message.as_str());
    let fields = |code: &str| {
        let columns: Vec<&str> = match meaning {
            Some(m) if !m.columns.is_empty() => m.columns.iter().map(String::as_str).collect(),
            _ => vec![d.column().unwrap_or_default()],
        };
        let pointers = columns.into_iter().map(|c| FieldError::new(c.trim_end_matches("_bidx"), code, message));
        Error::Invalid(pointers.collect())
    };
    let code = d.code();
    if *code == SqlState::UNIQUE_VIOLATION || *code == SqlState::EXCLUSION_VIOLATION {
        Error::Conflict { code: "duplicate", detail: message.to_owned() }
    } else if *code == SqlState::CHECK_VIOLATION {
        fields("not_allowed")
    } else if *code == SqlState::FOREIGN_KEY_VIOLATION {
        fields("no_such_record")
    } else if *code == SqlState::NOT_NULL_VIOLATION {
        Error::invalid(d.column().unwrap_or_default(), "required", "Is required")
    } else if d.constraint() == Some("append_only") {
        Error::Conflict { code: "append_only", detail: "Records of this table are never changed or removed".into() }
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE && d.routine() == Some("ExecWithCheckOptions") {
        // A policy refused the new row.
        let detail = "This lies outside the persons and records that your roles reach for this purpose";
        Error::Refused { code: "scope_denied", detail: detail.into() }
    } else if matches!(
        code.code(),
        "40001" | "40P01" | "55P03" | "53100" | "53200" | "53300" | "57014" | "57P01" | "57P03"
    ) {
        Error::Unavailable("the database could not do this now: try again".into())
    } else if matches!(code.code(), "22P02" | "22007" | "22008" | "22003" | "22001" | "22021" | "22P05") {
        Error::invalid("", "wrong_type", "A value does not fit its field: see the schema of this operation")
    } else {
        Error::internal(format!("database error {} {}", code.code(), d.constraint().unwrap_or_default()))
    }
}
