//! JSON text of a value: as it stands, and in the canonical form that digests are made of.

use super::Json;
use std::fmt::{self, Write};

/// The value in the form of RFC 8785: no spaces, keys sorted by UTF-16 code units, the shortest escapes. Numbers
/// stay as they were written, because the digits of a FHIR decimal carry its precision.
#[must_use]
pub fn canonical(value: &Json<'_>) -> Vec<u8> {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_value(value, true, &mut out);
    out.into_bytes()
}

impl fmt::Display for Json<'_> {
    /// Without spaces, members in their order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(self, false, f)
    }
}

fn write_value(value: &Json<'_>, sorted: bool, out: &mut impl Write) -> fmt::Result {
    match value {
        Json::Null => out.write_str("null"),
        Json::Bool(true) => out.write_str("true"),
        Json::Bool(false) => out.write_str("false"),
        Json::Number(n) => out.write_str(n),
        Json::String(s) => write_string(s, out),
        Json::Array(items) => {
            out.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_char(',')?;
                }
                write_value(item, sorted, out)?;
            }
            out.write_char(']')
        }
        Json::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            if sorted {
                members.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            }
            out.write_char('{')?;
            for (i, (key, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.write_char(',')?;
                }
                write_string(key, out)?;
                out.write_char(':')?;
                write_value(value, sorted, out)?;
            }
            out.write_char('}')
        }
    }
}

fn write_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut from = 0;
    for (i, b) in text.bytes().enumerate() {
        if b >= b' ' && b != b'"' && b != b'\\' {
            continue;
        }
        out.write_str(&text[from..i])?;
        match b {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            8 => out.write_str("\\b")?,
            12 => out.write_str("\\f")?,
            _ => write!(out, "\\u{b:04x}")?,
        }
        from = i + 1;
    }
    out.write_str(&text[from..])?;
    out.write_char('"')
}
