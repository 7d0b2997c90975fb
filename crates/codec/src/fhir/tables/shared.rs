//! What several tables have in common: sensitivity labels, fact status, periods.

use crate::fhir::codes::{self, ACT_CODE};
use crate::fhir::date;
use crate::fhir::lens::{Form, Own, Words};
use crate::fhir::read::{Out, date_time, fit, set_when};
use crate::fhir::record::{Record, Row, text};
use crate::fhir::write::{Target, coding_of, when};
use crate::json::Json;
use std::borrow::Cow;

/// Labels of `meta.security` that make a record specially protected, and our names for them.
const SENSITIVITIES: Words = &[
    ("42CFRPart2", "PART2"),
    ("ETH", "PART2"),
    ("ETHUD", "PART2"),
    ("SUD", "PART2"),
    ("OPIOIDUD", "PART2"),
    ("HIV", "HIV"),
];

pub(super) static SENSITIVITY: Own =
    Own { columns: &["sensitivity"], read: read_sensitivity, write: write_sensitivity };

fn read_sensitivity(node: &Json<'_>, out: &mut Out) {
    if let Some(label) = sensitivity(node) {
        out.set("sensitivity", label);
    }
}

/// The first label of `meta.security` that is a sensitivity of HL7 v3 `ActCode`. Unknown ones are kept by their code, and one
/// that is no code as `UNREADABLE`: no consent names it, so it opens to nobody but the person.
pub fn sensitivity(resource: &Json<'_>) -> Option<String> {
    let labels = resource.at(&["meta"]).and_then(|meta| meta.get("security")).map(Json::items).unwrap_or_default();
    let code = labels.iter().find_map(|label| {
        let system = label.get("system")?.as_str()?;
        let code = label.get("code")?.as_str()?;
        (system == ACT_CODE && !is_instruction(code)).then_some(code)
    })?;
    let ours = SENSITIVITIES.iter().find(|(theirs, _)| *theirs == code).map_or(code, |(_, ours)| ours);
    Some(fit(ours, Form::Code).map_or_else(|| "UNREADABLE".to_owned(), Cow::into_owned))
}

/// Codes of `ActCode` that say what to do with data rather than what is sensitive about it.
fn is_instruction(code: &str) -> bool {
    ["HTEST", "SUBSETTED", "ANONYED", "PSEUDED", "REDACTED", "MASKED"].contains(&code)
}

fn write_sensitivity<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let label = text(row, "sensitivity").map(|ours| {
        let code = SENSITIVITIES.iter().find(|(_, word)| *word == ours).map_or(ours, |(theirs, _)| theirs);
        coding_of(Some(code), Some(ACT_CODE), None).unwrap_or(Json::Null)
    });
    target.put("meta.security[]", label);
}

/// Reads a FHIR Period into the dates `from` and `to`; one that ends before it starts refuses the resource (R4
/// invariant per-1). An end that only looks earlier because its day is not known is left out.
pub(super) fn read_period(node: &Json<'_>, path: &str, (from, to): (&str, &str), out: &mut Out) {
    if out.object(node, path).is_none() {
        return;
    }
    let start = date_time(node, &format!("{path}.start"), out);
    let end = date_time(node, &format!("{path}.end"), out);
    if let (Some(start), Some(end)) = (&start, &end) {
        let exact = start.precision == end.precision;
        let backwards = match (&start.at, &end.at) {
            (Some(start), Some(end)) => date::is_after(start, end),
            _ => exact && start.on > end.on,
        };
        if backwards {
            return out.refuse(path, "period", "must not end before it starts");
        }
    }
    let shown = end.filter(|end| start.as_ref().is_none_or(|start| start.on <= end.on));
    if let Some(start) = start {
        set_when(start, from, out);
    }
    if let Some(end) = shown {
        set_when(end, to, out);
    }
}

/// Writes the dates `from` and `to` as a Period.
pub(super) fn write_period<'a>(
    row: &'a Row,
    path: [&'static str; 2],
    (from, to): (&str, &str),
    target: &mut Target<'a>,
) {
    target.put(path[0], when(row, from).map(Json::string));
    target.put(path[1], when(row, to).map(Json::string));
}

/// A shape takes every valid resource.
pub(super) fn takes_all(_: &Json<'_>, _: &Record) -> Option<&'static str> {
    None
}

/// The table demands a code, a display or a note.
pub(super) fn needs_code(_: &Json<'_>, record: &Record) -> Option<&'static str> {
    let said = ["code", "original_display", "note"].iter().any(|column| record.value(column).is_some());
    (!said).then_some("it does not say what it is about")
}

/// Name of a person as one text: what the source wrote, else prefix, given names, family name and suffix.
pub(super) fn whole_name(name: &Json<'_>) -> Option<String> {
    if let Some(text) = name.get("text").and_then(Json::as_str) {
        return Some(text.to_owned());
    }
    let list = |key: &str| name.get(key).map(Json::items).unwrap_or_default().iter().filter_map(Json::as_str);
    let family = name.get("family").and_then(Json::as_str);
    let words: Vec<&str> = list("prefix").chain(list("given")).chain(family).chain(list("suffix")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The items of a list of strings, joined.
pub(super) fn joined(node: &Json<'_>, key: &str, separator: &str) -> Option<String> {
    let items = node.get(key).map(Json::items).unwrap_or_default();
    let words: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
    (!words.is_empty()).then(|| words.join(separator))
}

/// A text as a list of strings.
pub(super) fn split(text: &str, separator: char) -> Json<'_> {
    Json::Array(text.split(separator).filter(|part| !part.is_empty()).map(Json::string).collect())
}

/// The first coding of a concept in the code system with this short name or address.
pub(super) fn coding_in<'j>(concept: &'j Json<'_>, system: &str) -> Option<&'j str> {
    let codings = concept.get("coding").map(Json::items).unwrap_or_default();
    let coding = codings.iter().find(|c| c.get("system").and_then(Json::as_str).map(codes::short) == Some(system))?;
    coding.get("code")?.as_str()
}
