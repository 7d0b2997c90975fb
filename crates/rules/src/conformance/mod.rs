//! Reference suites run against the engines: bytes of a published table in, a [`Score`] out. The command
//! `salus conformance` and the tests use the same functions.

pub mod cdsi;
pub mod outbreak;
mod table;

use serde::Serialize;

/// What a suite found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Name of the suite.
    pub suite: &'static str,
    /// Rows of which every populated cell agreed.
    pub passed: usize,
    /// Rows.
    pub total: usize,
    /// Cells that did not agree.
    pub failed: Vec<Failure>,
    /// What was found out to run it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A cell that did not agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    /// Which row.
    pub id: String,
    /// Which column.
    pub column: String,
    /// What the table says.
    pub expected: String,
    /// What the engine says.
    pub got: String,
}

impl Score {
    fn new(suite: &'static str) -> Self {
        Self { suite, passed: 0, total: 0, failed: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row by the cells of it that did not agree.
    fn add(&mut self, failed: Vec<Failure>) {
        self.total += 1;
        self.passed += usize::from(failed.is_empty());
        self.failed.extend(failed);
    }
}
