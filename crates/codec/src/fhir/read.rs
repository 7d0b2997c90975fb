//! From elements into columns: one function a lens. What has the wrong type, syntax or code becomes a problem with
//! its path; what is right but does not fit a column is left out, and shows up as not mapped.

use super::codes;
use super::date;
use super::lens::{Form, Lens, Words};
use super::problem::Problem;
use super::record::Row;
use super::reference::{self, Reference};
use crate::json::{Json, Object};
use serde_json::Value;
use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// What reading fills.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub row: Row,
    pub refs: Vec<Reference>,
    pub back_refs: Vec<Reference>,
    pub problems: Vec<Problem>,
    /// Where the lenses' paths begin, such as `Patient` or `Patient.name[1]`.
    pub base: String,
}

impl Out {
    /// Refuses the resource for what stands at `path`.
    pub fn refuse(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        let dot = if path.is_empty() { "" } else { "." };
        let place = format!("{}{dot}{}", self.base, path.replace("[]", "[0]"));
        self.problems.push(Problem::new(place, code, message));
    }

    /// Sets a column to a text if it fits.
    pub fn set_text(&mut self, column: &str, text: &str, form: Form) {
        if column.is_empty() {
            return;
        }
        if let Some(text) = fit(text, form) {
            self.row.insert(column.to_owned(), Value::String(text.into_owned()));
        }
    }

    /// Sets a column.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.row.insert(column.to_owned(), value.into());
    }

    /// The string at `path`.
    pub fn string<'j>(&mut self, node: &'j Json<'_>, path: &str) -> Option<&'j str> {
        let found = self.find(node, path)?;
        let text = found.as_str();
        if text.is_none() {
            self.refuse(path, "type", "must be a string");
        }
        text
    }

    /// The object at `path`.
    pub fn object<'j, 'a>(&mut self, node: &'j Json<'a>, path: &str) -> Option<&'j Object<'a>> {
        let found = self.find(node, path)?;
        let object = found.as_object();
        if object.is_none() {
            self.refuse(path, "type", "must be an object");
        }
        object
    }

    /// The value at `path`; a list where one value must stand, or the reverse, refuses the resource.
    pub fn find<'j, 'a>(&mut self, node: &'j Json<'a>, path: &str) -> Option<&'j Json<'a>> {
        let mut at = node;
        for step in path.split('.') {
            let Some(object) = at.as_object() else {
                self.refuse(path, "type", "an element on this path must be an object");
                return None;
            };
            let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
            at = match (object.get(key)?, list) {
                (Json::Array(items), true) => items.first()?,
                (_, true) => {
                    self.refuse(path, "type", format!("{key} must be a list"));
                    return None;
                }
                (Json::Array(_), false) => {
                    self.refuse(path, "type", format!("{key} must not be a list"));
                    return None;
                }
                (value, false) => value,
            };
        }
        (*at != Json::Null).then_some(at)
    }
}

/// The text as a column takes it: in NFC with plain line ends. `None`: the column cannot hold it.
pub(super) fn fit(text: &str, form: Form) -> Option<Cow<'_, str>> {
    let mut text = Cow::Borrowed(text);
    if text.contains('\r') {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    if !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes {
        text = Cow::Owned(text.nfc().collect());
    }
    let (longest, lines) = match form {
        Form::Code => (128, false),
        Form::Label => (500, false),
        Form::Prose => (8000, true),
        Form::Sealed => return (!text.is_empty()).then_some(text),
    };
    if form == Form::Code && text.trim().len() != text.len() {
        text = Cow::Owned(text.trim().to_owned());
    }
    let long = text.len() > longest && text.chars().count() > longest;
    let odd = text.bytes().any(|b| b == 0x7f || (b < b' ' && !(lines && matches!(b, b'\n' | b'\t'))));
    (!text.is_empty() && !long && !odd).then_some(text)
}

/// Reads what `lens` describes from `node`.
pub(super) fn read(lens: &Lens, node: &Json<'_>, out: &mut Out) {
    match *lens {
        Lens::Text { path, column, form } => {
            if let Some(text) = out.string(node, path) {
                out.set_text(column, text, form);
            }
        }
        Lens::Closed { path, column, words, default } => closed(node, (path, column), words, default, out),
        Lens::ClosedConcept { path, column, system, words } => {
            closed_concept(node, (path, column), (system, words), out);
        }
        Lens::Bool { path, column, default } => boolean(node, (path, column), default, out),
        Lens::Int { path, column } => int(node, path, column, out),
        Lens::Quantity { path, value, unit } => quantity(node, path, (value, unit), out),
        Lens::When { path, name } => when(node, path, name, out),
        Lens::Instant { path, column } => {
            if let Some(at) = date_time(node, path, out).and_then(|partial| partial.at) {
                out.set(column, at);
            }
        }
        Lens::Day { path, column } => {
            if let Some(partial) = date_time(node, path, out).filter(|p| matches!(p.precision, "DAY" | "MINUTE")) {
                out.set(column, partial.on);
            }
        }
        Lens::Main { path, prefer } => main(node, path, prefer, out),
        Lens::Concept { path, columns, system } => concept(node, path, (&columns, system), out),
        Lens::Coding { path, columns, system } => {
            if let Some(coding) = out.object(node, path) {
                coding_into(coding, None, (&columns, system), out);
            }
        }
        Lens::Reference { path, column, types, display } => {
            let Some(element) = out.object(node, path) else { return };
            refer(element, column, types, out);
            if let (Some((column, form)), Some(text)) = (display, element.get("display").and_then(Json::as_str)) {
                out.set_text(column, text, form);
            }
        }
        Lens::Display { path, column, form } => {
            if let Some(text) = out.object(node, path).and_then(|o| o.get("display")).and_then(Json::as_str) {
                out.set_text(column, text, form);
            }
        }
        Lens::Notes { path } => notes(node, path, out),
        Lens::Own(own) => (own.read)(node, out),
    }
}

/// Notes a reference from `column`, if it is to one of `types` (none given: any).
pub(super) fn refer(element: &Object<'_>, column: &'static str, types: &'static [&'static str], out: &mut Out) {
    let Some((told, target)) = reference::read(element) else { return };
    let target_type = match types.iter().find(|t| **t == told) {
        Some(known) => Cow::Borrowed(*known),
        None if told.is_empty() && types.len() == 1 => Cow::Borrowed(types[0]),
        None if told.is_empty() || types.is_empty() => Cow::Owned(told),
        None => return,
    };
    out.refs.push(Reference { column: Cow::Borrowed(column), target_type, target });
}

fn closed(node: &Json<'_>, (path, column): (&str, &str), words: Words, default: Option<&str>, out: &mut Out) {
    match out.string(node, path) {
        Some(word) => match words.iter().find(|(theirs, _)| *theirs == word) {
            Some((_, ours)) => out.set(column, *ours),
            None => out.refuse(path, "code", format!("must be one of {}", listed(words))),
        },
        None => {
            if let Some(default) = default {
                out.set(column, default);
            }
        }
    }
}

fn closed_concept(node: &Json<'_>, (path, column): (&str, &str), (system, words): (&str, Words), out: &mut Out) {
    let Some(concept) = out.object(node, path) else { return };
    let codings = concept.get("coding").map(Json::items).unwrap_or_default();
    let coding = codings.iter().find(|c| c.get("system").and_then(Json::as_str) == Some(system));
    let Some(word) = coding.and_then(|c| c.get("code")).and_then(Json::as_str) else { return };
    match words.iter().find(|(theirs, _)| *theirs == word) {
        Some((_, ours)) => out.set(column, *ours),
        None => out.refuse(&format!("{path}.coding[].code"), "code", format!("must be one of {}", listed(words))),
    }
}

fn boolean(node: &Json<'_>, (path, column): (&str, &str), default: Option<bool>, out: &mut Out) {
    let given = out.find(node, path).map(Json::as_bool);
    if given == Some(None) {
        out.refuse(path, "type", "must be true or false");
    }
    if let Some(value) = given.flatten().or(default) {
        out.set(column, value);
    }
}

/// A bound such as "less than 5" is no amount, and stays in the original.
fn quantity(node: &Json<'_>, path: &str, (value, unit): (&str, &str), out: &mut Out) {
    let Some(quantity) = out.find(node, path).filter(|q| q.get("comparator").is_none()) else { return };
    if let Some(number) = decimal(quantity, "value", out) {
        out.set(value, number);
    }
    if let Some(text) = unit_of(quantity) {
        out.set_text(unit, &text, Form::Code);
    }
}

fn listed(words: Words) -> String {
    let mut seen = Vec::with_capacity(words.len());
    for (theirs, _) in words {
        if !seen.contains(theirs) {
            seen.push(*theirs);
        }
    }
    seen.join(", ")
}

fn int(node: &Json<'_>, path: &str, column: &str, out: &mut Out) {
    let Some(found) = out.find(node, path) else { return };
    match found.as_number().and_then(|n| n.parse::<i32>().ok()) {
        Some(n) => out.set(column, n),
        None => out.refuse(path, "type", "must be a whole number"),
    }
}

/// The decimal at `path`, digits as written.
pub(super) fn decimal(node: &Json<'_>, path: &str, out: &mut Out) -> Option<String> {
    let found = out.find(node, path)?;
    let Some(number) = found.as_number() else {
        out.refuse(path, "type", "must be a number");
        return None;
    };
    let exponent = number.split_once(['e', 'E']).map_or(Ok(0), |(_, e)| e.parse::<i32>());
    if !exponent.is_ok_and(|e| (-60..=60).contains(&e)) {
        out.refuse(path, "number_range", "the exponent must be between -60 and 60");
        return None;
    }
    Some(number.to_owned())
}

/// Units that are the same in UCUM when a source gives them without naming a system.
const PLAIN_UNITS: &[&str] = &[
    "%", "/min", "Cel", "[degF]", "[in_i]", "[lb_av]", "[oz_av]", "[iU]", "[iU]/L", "cm", "d", "g", "g/L", "g/dL", "h",
    "kg", "kg/m2", "L", "m", "mL", "mg", "mg/dL", "mg/L", "mg/mL", "min", "mm", "mm[Hg]", "mmol/L", "mmol", "ng/mL",
    "s", "ug", "ug/dL", "umol/L", "wk", "mo", "a", "mL/min", "mg/kg", "U/L",
];

/// The unit of a quantity for a column in UCUM. A unit that is none, such as `tablet`, becomes the UCUM annotation
/// `{tablet}`: it is kept and never converted.
pub(super) fn unit_of(quantity: &Json<'_>) -> Option<String> {
    let member = |key| quantity.get(key).and_then(Json::as_str);
    if member("system") == Some(codes::UCUM)
        && let Some(code) = member("code")
    {
        return Some(code.to_owned());
    }
    let said = member("unit").or(member("code"))?;
    if member("system").is_none() && PLAIN_UNITS.contains(&said) {
        return Some(said.to_owned());
    }
    let plain = |c: char| if c.is_ascii_graphic() && c != '{' && c != '}' { c } else { '_' };
    Some(format!("{{{}}}", said.trim().chars().map(plain).collect::<String>()))
}

/// The date or time at `path`.
pub(super) fn date_time(node: &Json<'_>, path: &str, out: &mut Out) -> Option<date::Partial> {
    let text = out.string(node, path)?;
    let partial = date::date_time(text);
    if partial.is_none() {
        out.refuse(path, "date", "must be YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone");
    }
    partial
}

fn when(node: &Json<'_>, path: &str, name: &str, out: &mut Out) {
    let Some(partial) = date_time(node, path, out) else { return };
    set_when(partial, name, out);
}

/// Sets the three columns of a date.
pub(super) fn set_when(partial: date::Partial, name: &str, out: &mut Out) {
    out.set(&format!("{name}_on"), partial.on);
    out.set(&format!("{name}_precision"), partial.precision);
    if let Some(at) = partial.at {
        out.set(&format!("{name}_at"), at);
    }
}

fn main(node: &Json<'_>, path: &str, prefer: &[&str], out: &mut Out) {
    if let Some(concept) = out.object(node, path) {
        main_into(concept, prefer, out);
    }
}

/// Sets the columns of the concept a record is about.
pub(super) fn main_into(concept: &Object<'_>, prefer: &[&str], out: &mut Out) {
    let member = |coding: &'_ Json<'_>, key: &str| coding.get(key).and_then(Json::as_str).map(str::to_owned);
    let codings = concept.get("coding").map(Json::items).unwrap_or_default();
    let of = |name: &&str| {
        codings.iter().find(|c| {
            c.get("code").is_some() && c.get("system").and_then(Json::as_str).map(codes::short) == Some(*name)
        })
    };
    let chosen = prefer.iter().find_map(of).or_else(|| codings.iter().find(|c| c.get("code").is_some()));
    if let Some(chosen) = chosen {
        for (key, column, form) in
            [("code", "code", Form::Code), ("system", "code_system", Form::Label), ("display", "display", Form::Label)]
        {
            if let Some(text) = chosen.get(key).and_then(Json::as_str) {
                out.set_text(column, if key == "system" { codes::short(text) } else { text }, form);
            }
        }
    }
    let first = codings.first();
    let said = concept.get("text").and_then(Json::as_str).map(str::to_owned);
    let display = said.or_else(|| first.and_then(|c| member(c, "display")));
    let originals = [
        ("original_code", first.and_then(|c| member(c, "code"))),
        ("original_system", first.and_then(|c| member(c, "system"))),
        ("original_display", display),
    ];
    for (column, text) in originals {
        if let Some(text) = text {
            out.set_text(column, &text, Form::Prose);
        }
    }
}

fn concept(node: &Json<'_>, path: &str, (columns, system): (&[&str; 3], &str), out: &mut Out) {
    let Some(concept) = out.object(node, path) else { return };
    let codings = concept.get("coding").map(Json::items).unwrap_or_default();
    let fits = |c: &&Json<'_>| {
        !columns[1].is_empty() || system.is_empty() || c.get("system").and_then(Json::as_str) == Some(system)
    };
    let coding = codings.iter().find(fits).and_then(Json::as_object);
    let said = concept.get("text").and_then(Json::as_str);
    match coding {
        Some(coding) => coding_into(coding, said, (columns, system), out),
        None => {
            if let Some(text) = said {
                out.set_text(columns[2], text, Form::Label);
            }
        }
    }
}

/// A code without its system is kept only where the column's system is fixed and the same, or any system is right.
fn coding_into(coding: &Object<'_>, said: Option<&str>, (columns, system): (&[&str; 3], &str), out: &mut Out) {
    let given = coding.get("system").and_then(Json::as_str);
    if let Some(code) = coding.get("code").and_then(Json::as_str) {
        out.set_text(columns[0], code, Form::Code);
    }
    if let Some(given) = given.filter(|s| !columns[1].is_empty() && *s != system) {
        out.set_text(columns[1], given, Form::Label);
    }
    if let Some(display) = coding.get("display").and_then(Json::as_str).or(said) {
        out.set_text(columns[2], display, Form::Label);
    }
}

fn notes(node: &Json<'_>, path: &str, out: &mut Out) {
    let Some(list) = node.get(path) else { return };
    let Json::Array(items) = list else {
        out.refuse(path, "type", "must be a list");
        return;
    };
    let texts: Vec<&str> = items.iter().filter_map(|note| note.get("text")?.as_str()).collect();
    if !texts.is_empty() {
        out.set_text("note", &texts.join("\n\n"), Form::Sealed);
    }
}
