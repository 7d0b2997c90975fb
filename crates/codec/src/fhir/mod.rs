//! FHIR R4 JSON: resources out of files, resources to rows of the platform's tables, and rows back to resources.
//!
//! [`Resources`] cuts a file into resources in constant memory, [`parse()`] reads one strictly, [`map()`] gives its
//! [`Record`], [`write()`] makes a resource of a record, and [`NdjsonWriter`] writes resources one a line. Which element
//! is which column is said once, in `tables`.

mod codes;
mod date;
mod lens;
mod map;
mod ndjson;
mod problem;
mod read;
mod reader;
mod record;
mod reference;
mod scan;
mod tables;
mod types;
mod unmapped;
mod window;
mod write;

pub use date::{Partial, date as partial_date};
pub use map::{Changes, changes, columns, map, references, write};
pub use ndjson::NdjsonWriter;
pub use problem::Problem;
pub use reader::{Failure, Item, Layout, MAX_RESOURCE, Resources};
pub use record::{Child, Mapped, Record, Row};
pub use reference::{Reference, Target};
pub use scan::peek_type;
pub use tables::tables_of;
pub use types::{RESOURCE_TYPES, is_id, is_resource_type};

use crate::json::{self, Json, Limits};

/// Reads one resource: strict JSON (see [`json::parse()`]) with a known `resourceType` and, if it has one, an `id`
/// in the form of FHIR.
pub fn parse(bytes: &[u8]) -> Result<Json<'_>, Problem> {
    let value = json::parse(bytes, Limits::default()).map_err(|e| {
        let root = peek_type(bytes).filter(|name| is_resource_type(name)).unwrap_or_default();
        let dot = if root.is_empty() || e.path.is_empty() || e.path.starts_with('[') { "" } else { "." };
        Problem::new(format!("{root}{dot}{}", e.path), e.code, e.message)
    })?;
    if value.as_object().is_none() {
        return Err(Problem::new("", "no_object", "a resource must be a JSON object"));
    }
    let Some(name) = value.get("resourceType").and_then(Json::as_str) else {
        return Err(Problem::new("resourceType", "required", "the resource must say its type"));
    };
    if !is_resource_type(name) {
        return Err(Problem::new("resourceType", "unknown_type", "this is no resource type of FHIR R4"));
    }
    match value.get("id") {
        None => Ok(value),
        Some(Json::String(id)) if is_id(id) => Ok(value),
        Some(_) => {
            Err(Problem::new(format!("{name}.id"), "id", "an id has 1 to 64 letters, digits, hyphens and points"))
        }
    }
}
