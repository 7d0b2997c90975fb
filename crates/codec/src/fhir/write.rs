//! From columns into elements: one function a lens. A lens whose columns did not change leaves the original alone,
//! so that what the columns do not hold survives.

use super::codes;
use super::date;
use super::lens::{Lens, Words};
use super::record::{Record, Row, text, value};
use crate::json::{Json, Object};
use serde_json::Value;
use std::borrow::Cow;

/// The resource, or an item of one of its lists, while it is written.
#[derive(Debug, Default)]
pub(super) struct Target<'a>(pub Object<'a>);

impl<'a> Target<'a> {
    /// Sets the value at `path`, or takes it out.
    pub fn put(&mut self, path: &'static str, value: Option<Json<'a>>) {
        match value {
            Some(value) => place(&mut self.0, path, value),
            None => drop_at(&mut self.0, path),
        }
    }

    /// Sets a string.
    pub fn put_text(&mut self, path: &'static str, text: Option<&'a str>) {
        self.put(path, text.map(Json::string));
    }
}

fn place<'a>(object: &mut Object<'a>, path: &'static str, value: Json<'a>) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
    let mut slot = object.entry(key);
    if list {
        if !matches!(slot, Json::Array(items) if !items.is_empty()) {
            *slot = Json::Array(vec![Json::Null]);
        }
        let Json::Array(items) = slot else { return };
        slot = &mut items[0];
    }
    match rest {
        None => *slot = value,
        Some(rest) => {
            if !matches!(slot, Json::Object(_)) {
                *slot = Json::Object(Object::new());
            }
            if let Json::Object(inner) = slot {
                place(inner, rest, value);
            }
        }
    }
}

/// Takes out what stands at `path`, and what becomes empty by it.
fn drop_at(object: &mut Object<'_>, path: &'static str) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
    if object.get(key).is_none() {
        return;
    }
    let slot = object.entry(key);
    let empty = match (slot, rest, list) {
        (Json::Array(items), None, true) => {
            items.drain(..items.len().min(1));
            items.is_empty()
        }
        (Json::Array(items), Some(rest), true) => {
            if let Some(Json::Object(inner)) = items.first_mut() {
                drop_at(inner, rest);
                if inner.is_empty() {
                    items.remove(0);
                }
            }
            items.is_empty()
        }
        (Json::Object(inner), Some(rest), false) => {
            drop_at(inner, rest);
            inner.is_empty()
        }
        (_, None, false) => true,
        _ => false,
    };
    if empty {
        object.remove(key);
    }
}

/// Whether the columns of `lens` hold the same in both rows.
pub(super) fn unchanged(lens: &Lens, before: &Row, after: &Row) -> bool {
    match *lens {
        Lens::Closed { column, default, .. } => {
            let of = |row| text(row, column).or(default);
            of(before) == of(after)
        }
        Lens::Bool { column, default, .. } => {
            let of = |row| value(row, column).and_then(Value::as_bool).or(default);
            of(before) == of(after)
        }
        _ => lens.columns().iter().all(|column| same(value(before, column), value(after, column))),
    }
}

/// Equality of column values: equal instants and equal numbers are the same in any spelling.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (a, b) if a == b => true,
        (Some(Value::String(a)), Some(Value::String(b))) => {
            (a.len() > 18 && date::same_instant(a, b)) || same_number(a, b)
        }
        (Some(a @ (Value::Number(_) | Value::String(_))), Some(b @ (Value::Number(_) | Value::String(_)))) => {
            let of = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            same_number(&of(a), &of(b))
        }
        _ => false,
    }
}

/// Whether both are numbers of the same value. A number with a fraction on either side: texts such as identifiers
/// are compared as they are.
fn same_number(a: &str, b: &str) -> bool {
    let parts = |text: &str| -> Option<(bool, String, i64)> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, digits) = mantissa.strip_prefix('-').map_or((false, mantissa), |d| (true, d));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let scale = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).ok()?;
        let joined = format!("{whole}{fraction}");
        let significant = joined.trim_start_matches('0');
        let trimmed = significant.trim_end_matches('0');
        let scale = scale + i64::try_from(significant.len() - trimmed.len()).ok()?;
        Some(if trimmed.is_empty() { (false, String::new(), 0) } else { (negative, trimmed.to_owned(), scale) })
    };
    (a.contains(['.', 'e', 'E']) || b.contains(['.', 'e', 'E'])) && parts(a).is_some_and(|a| Some(a) == parts(b))
}

/// Writes what `lens` describes from `row` into `target`.
pub(super) fn write<'a>(lens: &Lens, record: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    match *lens {
        Lens::Text { path, column, .. } | Lens::Instant { path, column } | Lens::Day { path, column } => {
            target.put_text(path, text(row, column));
        }
        Lens::Closed { path, column, words, .. } => {
            if let Some(word) = text(row, column).map(|ours| word_of(words, ours)) {
                target.put_text(path, word);
            }
        }
        Lens::ClosedConcept { path, column, system, words } => {
            let word = text(row, column).and_then(|ours| word_of(words, ours));
            target.put(path, word.map(|word| concept_of(coding_of(Some(word), Some(system), None), None)));
        }
        Lens::Bool { path, column, .. } => {
            target.put(path, value(row, column).and_then(Value::as_bool).map(Json::Bool));
        }
        Lens::Int { path, column } => target.put(path, number(row, column)),
        Lens::Quantity { path, value, unit } => {
            target.put(path, number(row, value).map(|n| quantity(n, text(row, unit))));
        }
        Lens::When { path, name } => target.put(path, when(row, name).map(Json::string)),
        Lens::Main { path, .. } => target.put(path, main(row)),
        Lens::Concept { path, columns, system } => {
            let display = text(row, columns[2]);
            let coding = coding_at(row, &columns, system);
            let concept = (coding.is_some() || display.is_some()).then(|| concept_of(coding, display));
            target.put(path, concept);
        }
        Lens::Coding { path, columns, system } => target.put(path, coding_at(row, &columns, system)),
        Lens::Reference { path, column, display, .. } => {
            let shown = display.and_then(|(column, _)| text(row, column));
            let reference = record.reference(column).map(|r| Json::string(r.text()));
            target.put(path, reference_of(reference, shown));
        }
        Lens::Display { path, column, .. } => target.put(path, reference_of(None, text(row, column))),
        Lens::Notes { path } => {
            let note = text(row, "note").map(|note| Json::Array(vec![Json::from([("text", Json::string(note))])]));
            target.put(path, note);
        }
        Lens::Own(own) => (own.write)(record, row, target),
    }
}

/// FHIR's word for one of ours.
pub(super) fn word_of(words: Words, ours: &str) -> Option<&'static str> {
    words.iter().find(|(_, word)| *word == ours).map(|(theirs, _)| *theirs)
}

/// A number column.
pub(super) fn number<'a>(row: &'a Row, column: &str) -> Option<Json<'a>> {
    let number = match value(row, column)? {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(n) => Cow::Owned(n.to_string()),
        _ => return None,
    };
    let parsed = crate::json::parse(number.as_bytes(), crate::json::Limits::default());
    matches!(parsed, Ok(Json::Number(_))).then_some(Json::Number(number))
}

/// A Quantity in a unit that is taken to be UCUM, as our columns are.
pub(super) fn quantity<'a>(value: Json<'a>, unit: Option<&'a str>) -> Json<'a> {
    let mut object = Object::new();
    object.set("value", value);
    if let Some(unit) = unit {
        let said = unit.strip_prefix('{').and_then(|u| u.strip_suffix('}')).unwrap_or(unit);
        object.set("unit", Json::string(said));
        object.set("system", Json::string(codes::UCUM));
        object.set("code", Json::string(unit));
    }
    object.into()
}

/// The FHIR text of the three columns of a date.
pub(super) fn when(row: &Row, name: &str) -> Option<String> {
    let on = text(row, &format!("{name}_on"))?;
    let precision = text(row, &format!("{name}_precision")).unwrap_or("DAY");
    date::text(on, precision, text(row, &format!("{name}_at")))
}

/// The concept a record is about: the original coding first, then the one we work with.
pub(super) fn main(row: &Row) -> Option<Json<'_>> {
    let original = (text(row, "original_code"), text(row, "original_system"));
    let chosen = (text(row, "code"), text(row, "code_system").map(codes::address));
    let display = text(row, "display");
    let said = text(row, "original_display");
    let same =
        original.0 == chosen.0 && original.1.map(codes::short) == text(row, "code_system") || original == (None, None);
    let mut codings = Vec::with_capacity(2);
    if !same {
        codings.extend(coding_of(original.0, original.1, said));
    }
    let system = if same { original.1.or(chosen.1) } else { chosen.1 };
    codings.extend(coding_of(chosen.0, system, display));
    let mut concept = Object::new();
    if !codings.is_empty() {
        concept.set("coding", Json::Array(codings));
    }
    if let Some(said) = said.or(display) {
        concept.set("text", Json::string(said));
    }
    (!concept.is_empty()).then(|| concept.into())
}

fn coding_at<'a>(row: &'a Row, columns: &[&'static str; 3], system: &'static str) -> Option<Json<'a>> {
    let code = text(row, columns[0]);
    let given = text(row, columns[1]).or((!system.is_empty()).then_some(system));
    coding_of(code, given, text(row, columns[2]))
}

/// A Coding, if there is a code.
pub(super) fn coding_of<'a>(
    code: Option<&'a str>,
    system: Option<&'a str>,
    display: Option<&'a str>,
) -> Option<Json<'a>> {
    let code = code?;
    let mut coding = Object::new();
    if let Some(system) = system {
        coding.set("system", Json::string(system));
    }
    coding.set("code", Json::string(code));
    if let Some(display) = display {
        coding.set("display", Json::string(display));
    }
    Some(coding.into())
}

/// A `CodeableConcept`.
pub(super) fn concept_of<'a>(coding: Option<Json<'a>>, text: Option<&'a str>) -> Json<'a> {
    let mut concept = Object::new();
    if let Some(coding) = coding {
        concept.set("coding", Json::Array(vec![coding]));
    }
    if let Some(text) = text {
        concept.set("text", Json::string(text));
    }
    concept.into()
}

/// A Reference.
pub(super) fn reference_of<'a>(reference: Option<Json<'a>>, display: Option<&'a str>) -> Option<Json<'a>> {
    let mut object = Object::new();
    if let Some(reference) = reference {
        object.set("reference", reference);
    }
    if let Some(display) = display {
        object.set("display", Json::string(display));
    }
    (!object.is_empty()).then(|| object.into())
}
