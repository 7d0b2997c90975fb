//! List, get, create and change for any catalogued table. A domain declares a [`Resource`] in about ten lines; there
//! are no hooks: a write that needs logic locks the column and writes an action.
//!
//! Identifiers in statements come from the catalogue only, values are only ever bound.

mod cursor;
mod decode;
mod filter;
mod list;
mod ops;
mod write;

pub use ops::check;
pub use write::{NewRow, writable};

/// A table that is exposed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// `schema.table`.
    pub table: &'static str,
    /// Path below `/api/v1/`.
    pub path: &'static str,
    /// Singular noun for operation names, such as `medical.patient`.
    pub noun: &'static str,
    /// Permission to list and get.
    pub read: &'static str,
    /// Permission to create and change; `None` for tables that only actions or the kernel write.
    pub write: Option<&'static str>,
    /// Columns that lists can be filtered and sorted by.
    pub filters: &'static [&'static str],
    /// Columns only an action may change.
    pub locked: &'static [&'static str],
    /// Columns a list shows when it is not told which: a queue opens no more than it shows. Empty means all.
    pub list: &'static [&'static str],
}
