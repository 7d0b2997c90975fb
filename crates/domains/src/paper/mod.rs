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

use crate::auth::display_names;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{ActorKind, Error, Result};
use salus_store::Tx;
use serde_json::{Value, json};
use time::macros::format_description;

/// Media type of a PDF.
pub const PDF: &str = "application/pdf";
/// Media type of a workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Media type of comma-separated values.
pub const CSV: &str = "text/csv; charset=utf-8";

/// Who makes a paper, when, for what purpose, and the newest head of the audit log (`spec` B1.8): it stands at the foot of each page, so that a sheet that lies around tells
/// whose it was.
///
/// # Errors
/// Those of the database.
pub async fn mark(tx: &mut Tx) -> Result<String> {
    let (actor, at) = (tx.ctx.actor.clone(), tx.ctx.env.now());
    let name = match actor.kind {
        ActorKind::User | ActorKind::Service => display_names(tx, [actor.id].into_iter()).await?.remove(&actor.id),
        ActorKind::Operator | ActorKind::System | ActorKind::Anonymous => Some("Salus".into()),
    };
    let at = at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).map_err(Error::internal)?;
    let mark = format!("{} · {at} · {}", name.unwrap_or_else(|| actor.id.to_string()), tx.ctx.purpose.code());
    // Whoever holds the sheet can tell later whether the log of who saw what was rewritten since.
    Ok(match tx.audit_head().await? {
        Some(head) => format!("{mark}\n{} · {} · {}", head.origin, head.size, STANDARD.encode(head.root)),
        None => mark,
    })
}

/// A document as PDF with the mark of who makes it at the foot of each page.
///
/// # Errors
/// As [`mark`] and [`pdf()`].
pub async fn print(tx: &mut Tx, mut document: Document) -> Result<Vec<u8>> {
    let mark = mark(tx).await?;
    for part in &mut document.parts {
        part.foot = format!("{}\n{mark}", part.foot);
    }
    pdf(&document)
}

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
