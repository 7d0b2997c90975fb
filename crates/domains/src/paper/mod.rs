//! Paper: documents as PDF, and tables as workbooks (XLSX) and CSV, for every domain that hands something out.
//!
//! What holds: the same document gives the same bytes; a PDF is PDF/A-2a with its language, its title and its structure for
//! screen readers, carries its fonts, and keeps nothing of a person in its metadata; a letter that the fonts lack is shown as
//! one that is missing; a cell that a spreadsheet would compute is text. Who may have which value is decided before it comes
//! here: nothing is left out by this module.

mod font;
mod layout;
mod pdf;
mod sheet;

pub use font::unprintable;
pub use layout::{Bar, Block, Document, Page, Part, Table};
pub use pdf::pdf;
pub use sheet::{Cell, Sheet, csv, xlsx};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Media type of a PDF.
pub const PDF: &str = "application/pdf";
/// Media type of a workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Media type of comma-separated values.
pub const CSV: &str = "text/csv; charset=utf-8";

/// A file as an operation answers it: its name, what it is, and its bytes in base64.
#[must_use]
pub fn file(name: &str, media_type: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "media_type": media_type, "size": bytes.len(), "base64": STANDARD.encode(bytes)})
}

/// JSON Schema of [`file()`].
#[must_use]
pub fn file_schema() -> Value {
    json!({"type": "object", "required": ["name", "media_type", "size", "base64"], "properties": {
        "name": {"type": "string"}, "media_type": {"type": "string"}, "size": {"type": "integer", "description": "Bytes"},
        "base64": {"type": "string", "contentEncoding": "base64"}}})
}
