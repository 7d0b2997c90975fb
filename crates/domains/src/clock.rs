//! Instants as bodies and records have them.

use salus_core::{Error, Result};
use serde_json::{Map, Value};
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// The text of an instant.
///
/// # Errors
/// [`Error::Internal`] beyond the year 9999.
pub(crate) fn text(at: OffsetDateTime) -> Result<String> {
    at.format(&Rfc3339).map_err(Error::internal)
}

/// A day as records and bodies have it, such as 2026-03-02.
pub(crate) fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// The day of a field.
///
/// # Errors
/// [`Error::Invalid`] naming the field.
pub(crate) fn day(field: &str, text: &str) -> Result<Date> {
    date(text).ok_or_else(|| Error::invalid(field, "wrong_type", "Is a day such as 2026-03-02"))
}

/// The instant of a field that may be left out.
///
/// # Errors
/// [`Error::Invalid`] naming the field.
pub(crate) fn instant(values: &Map<String, Value>, name: &str) -> Result<Option<OffsetDateTime>> {
    read(values.get(name).unwrap_or(&Value::Null), name)
}

/// The same of a value.
///
/// # Errors
/// [`Error::Invalid`] naming the field.
pub(crate) fn read(value: &Value, name: &str) -> Result<Option<OffsetDateTime>> {
    let wrong = || Error::invalid(name, "wrong_type", "Is an instant such as 2026-03-02T17:50:00Z");
    match value {
        Value::Null => Ok(None),
        Value::String(text) => OffsetDateTime::parse(text, &Rfc3339).map(Some).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}
