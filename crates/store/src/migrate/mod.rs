//! How a database comes to be and changes: `salus db init | migrate | down | status | plan | health | reset`.
//!
//! Holds: the files are applied in the order of their numbers, each in one transaction that also writes its row in
//! `kernel.migrations`, so a killed migration leaves nothing half-done; an applied file is never applied again and
//! never silently different; of several nodes that start together one migrates and the others wait.
//! Every step is plain SQL text made by [`plan()`], and [`up`] sends exactly that text.
//!
//! Whether the result is what it should be is asked elsewhere: [`crate::schema`].

mod files;
mod health;
pub(crate) mod lock;
mod normalise;
mod plan;
mod reset;
mod run;
mod status;

pub use files::{File, Files, Migration};
pub use health::{Health, health};
pub use plan::{Step, plan};
pub use reset::reset;
pub use run::{Applied, accept, down, init, up};
pub use status::{Row, State, Status, status};

use salus_core::Error;
use tokio_postgres::error::{ErrorPosition, SqlState};

/// A refusal with a stable code.
fn refused(code: &'static str, detail: impl Into<String>) -> Error {
    Error::Conflict { code, detail: detail.into() }
}

/// What PostgreSQL said, without values: data exceptions (class 22) and details may quote rows.
pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else {
        return format!("the connection to PostgreSQL failed: {error}");
    };
    let code = db.code().code();
    if code.starts_with("22") {
        return format!("PostgreSQL refused a value (SQLSTATE {code})");
    }
    format!("{} (SQLSTATE {code})", db.message())
}

/// A failed statement that only reads the catalogue.
pub(crate) fn unreadable(what: &str, error: &tokio_postgres::Error) -> Error {
    match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => refused("not_administrator", format!("{what}: {}", said(error))),
        Some(_) => Error::Internal(format!("{what}: {}", said(error))),
        None => Error::Unavailable(format!("{what}: {}", said(error))),
    }
}

/// Where in the text that was sent the error stands, in characters from 0.
fn position(error: &tokio_postgres::Error) -> Option<usize> {
    match error.as_db_error()?.position()? {
        ErrorPosition::Original(at) => Some((*at as usize).saturating_sub(1)),
        ErrorPosition::Internal { .. } => None,
    }
}

/// `text` as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// `name` as an SQL identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'"), "E'a\\\\'''");
    }
}
