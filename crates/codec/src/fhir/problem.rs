//! What is wrong with one resource, and where. Nothing in it repeats a value of the source.

use std::fmt;

/// One refusal: a place, a stable word and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// FHIRPath-like place such as `Patient.birthDate` or `Bundle.entry[3]`; empty if it is the file itself.
    pub path: String,
    /// Stable machine word such as `required`, `code` or `duplicate_key`.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), code, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{} ({})", self.path, self.message, self.code)
    }
}

impl std::error::Error for Problem {}
