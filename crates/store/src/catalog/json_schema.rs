//! JSON Schema (2020-12) of a row, and of the body that writes one, from the catalogue.

use super::{Column, HEADER, Kind, Table};
use crate::seal::Format;
use serde_json::{Map, Value, json};

/// The schema of a row as it is read.
#[must_use]
pub fn row_schema(table: &Table) -> Value {
    let properties: Map<_, _> = table.readable().map(|c| (c.name.clone(), property(c))).collect();
    json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "required": ["id"],
        "additionalProperties": false,
    })
}

/// The schema of a body that creates (`complete`) or changes a row. `locked` columns are left out: only an action
/// changes them.
#[must_use]
pub fn write_schema(table: &Table, locked: &[&str], complete: bool) -> Value {
    let open = |c: &&Column| !HEADER.contains(&c.name.as_str()) && !locked.contains(&c.name.as_str());
    let properties: Map<_, _> = table.readable().filter(open).map(|c| (c.name.clone(), property(c))).collect();
    let required: Vec<_> =
        table.readable().filter(open).filter(|c| complete && c.required && !c.has_default).map(|c| &c.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "minProperties": u8::from(!complete),
        "additionalProperties": false,
    })
}

fn property(column: &Column) -> Value {
    let mut p = match column.kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int2 | Kind::Int4 | Kind::Int8 => json!({"type": "integer"}),
        Kind::Float8 => json!({"type": "number"}),
        Kind::Numeric => json!({"type": "string", "format": "decimal"}),
        Kind::Date | Kind::Sealed(Format::Date) => json!({"type": "string", "format": "date"}),
        Kind::Timestamp => json!({"type": "string", "format": "date-time"}),
        Kind::Uuid => json!({"type": "string", "format": "uuid"}),
        Kind::Json | Kind::Sealed(Format::Json) => json!({}),
        Kind::TextArray => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Text | Kind::Sealed(Format::Text) | Kind::Bytes | Kind::Xid | Kind::Blind => json!({"type": "string"}),
    };
    if !column.required
        && let Some(kind) = p.get("type").cloned()
    {
        p["type"] = json!([kind, "null"]);
    }
    if !column.labels.is_empty() {
        let mut labels: Vec<Value> = column.labels.iter().map(|l| json!(l)).collect();
        if !column.required {
            labels.push(Value::Null);
        }
        p["enum"] = Value::Array(labels);
    }
    if let Some(doc) = &column.doc {
        p["description"] = json!(doc);
    }
    p["x-data-class"] = json!(column.class);
    p
}
