//! The canonical image of a stored row: RFC 8785 JSON of its id, its table, its version and its columns that are not null.
//!
//! Stored bytes, ciphertext among them, stand in base64, instants in UTC, numbers with the digits they are stored with.
//! Null columns are left out, so that a new column that is empty changes no image. The tenant is bound by the key.

use crate::catalog::{Kind, Table};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Columns that stand outside the fields, or are bound otherwise.
const OUTSIDE: [&str; 3] = ["tenant_id", "id", "row_version"];

/// Id and version of a row.
pub(super) fn header(fields: &BTreeMap<&str, &RawValue>) -> Result<(Uuid, i32)> {
    let id = fields.get("id").and_then(|v| v.get().trim_matches('"').parse().ok());
    let version = fields.get("row_version").map_or(Ok(0), |v| v.get().parse());
    id.zip(version.ok()).ok_or_else(|| Error::internal("a row without an id was told of"))
}

/// The image of a row of a table.
pub(super) fn of_row(
    table: &Table,
    unmarked: &[String],
    (id, version): (Uuid, i32),
    fields: &BTreeMap<&str, &RawValue>,
) -> Result<Vec<u8>> {
    let mut members = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        if value.get() == "null" || OUTSIDE.contains(name) || unmarked.iter().any(|c| c == name) {
            continue;
        }
        // A column that was added since the catalogue was read has none of the forms that are rewritten.
        let kind = table.column(name).map_or(Kind::Text, |c| c.kind);
        members.push((*name, form(kind, value.get())?));
    }
    let version = if unmarked.iter().any(|c| c == "row_version") { 0 } else { version };
    canonical((&table.name, id, version), &members)
}

/// The canonical text of fields whose values are JSON already, in the order of their names.
///
/// # Errors
/// [`Error::Internal`] when a name cannot be written as JSON.
pub fn canonical((table, id, version): (&str, Uuid, i32), fields: &[(&str, String)]) -> Result<Vec<u8>> {
    let mut out = br#"{"fields":{"#.to_vec();
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut out, name).map_err(Error::internal)?;
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    let rest = format!("}},\"id\":\"{id}\",\"table\":\"{table}\",\"version\":{version}}}");
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// A value as PostgreSQL writes it in JSON, in the form of the image.
fn form(kind: Kind, json: &str) -> Result<String> {
    let text = json.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let quoted = |text: &str| format!("\"{text}\"");
    Ok(match (kind, text) {
        (Kind::Sealed(_) | Kind::Blind | Kind::Bytes, Some(text)) => {
            // The backslash of \x is escaped in JSON.
            let bytes = text.strip_prefix("\\\\x").and_then(|digits| hex::decode(digits).ok());
            quoted(&STANDARD.encode(bytes.ok_or_else(|| Error::internal("bytes were told of in another form"))?))
        }
        (Kind::Timestamp, Some(text)) => match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(at) => quoted(&at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal)?),
            // Infinity, or a year that RFC 3339 cannot write.
            Err(_) => json.to_owned(),
        },
        _ => json.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::sha256;

    /// The vector of system 004 for `data_integrity_checksums`.
    #[test]
    fn the_image_is_that_of_the_specification() {
        let timestamp = |text| form(Kind::Timestamp, text).unwrap();
        let fields = [
            ("check_in_at", timestamp("\"2026-03-02T16:50:00+01:00\"")),
            ("check_out_at", timestamp("\"2026-03-02T16:25:00+00:00\"")),
            ("disposition", form(Kind::Text, "\"RETURN_TO_CLASS\"").unwrap()),
            ("student_id", form(Kind::Uuid, "\"0192f0a0-0000-7000-8000-0000000000aa\"").unwrap()),
        ];
        let id = "0192f0a0-0000-7000-8000-000000000001".parse().unwrap();
        let text = canonical(("clinic_visits", id, 1), &fields).unwrap();
        let expected = "105a984d8562db3aba8ef3c7f6b13a068495cc987540b00e1221bab883510e28";
        assert_eq!(hex::encode(sha256(&[&text])), expected, "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn bytes_stand_in_base64_and_numbers_keep_their_digits() {
        assert_eq!(form(Kind::Bytes, r#""\\xe501ff""#).unwrap(), "\"5QH/\"");
        assert_eq!(form(Kind::Numeric, "12345678901234567890.10").unwrap(), "12345678901234567890.10");
        assert_eq!(form(Kind::Timestamp, "\"infinity\"").unwrap(), "\"infinity\"");
        assert!(form(Kind::Bytes, "\"Cg==\"").is_err());
    }
}
