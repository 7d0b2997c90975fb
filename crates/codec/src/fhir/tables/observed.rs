//! What an Observation measured: one value of several kinds, a reference range, and the parts of a panel.

use crate::fhir::codes::{self, LOINC};
use crate::fhir::lens::{Form, Own};
use crate::fhir::read::{Out, decimal, fit, unit_of};
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of, number, quantity};
use crate::json::{Json, Object};
use serde_json::{Map, Value};

/// Every type of `Observation.value[x]`, and of a component's.
const VALUES: [&str; 11] = [
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueInteger",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
];

const COMPARATORS: [&str; 4] = ["<", "<=", ">=", ">"];

/// The value of a laboratory result; `value_kind` says which columns hold it.
pub(super) static VALUE: Own = Own {
    columns: &[
        "value_kind",
        "comparator",
        "value_num",
        "value_num2",
        "value_text",
        "value_code",
        "value_system",
        "value_display",
        "unit_original",
        "unit_ucum",
    ],
    read: read_value,
    write: write_value,
};

fn read_value(node: &Json<'_>, out: &mut Out) {
    let given = VALUES.iter().find_map(|key| Some((*key, node.get(key)?)));
    let kind = given.and_then(|(key, value)| match key {
        "valueQuantity" => read_quantity(node, value, out),
        "valueCodeableConcept" => read_coded(value, out),
        "valueString" | "valueTime" | "valueDateTime" => {
            let said = out.string(node, key)?;
            out.set_text("value_text", said, Form::Sealed);
            out.row.contains_key("value_text").then_some("TEXT")
        }
        "valueBoolean" => {
            out.set("value_code", if value.as_bool()? { "true" } else { "false" });
            Some("CODED")
        }
        "valueInteger" => {
            let number = decimal(node, key, out)?;
            out.set("value_num", number);
            Some("NUM")
        }
        "valueRange" => read_pair(node, ["valueRange.low", "valueRange.high"], out).then_some("RANGE"),
        "valueRatio" => {
            let pair = read_pair(node, ["valueRatio.numerator", "valueRatio.denominator"], out);
            let titer = text(&out.row, "value_num") == Some("1") && !out.row.contains_key("unit_original");
            pair.then_some(if titer { "TITER" } else { "RATIO" })
        }
        _ => None,
    });
    out.set("value_kind", kind.unwrap_or("NONE"));
}

fn comparator<'j>(node: &Json<'_>, value: &'j Json<'_>, out: &mut Out) -> Option<&'j str> {
    let word = value.get("comparator").and_then(Json::as_str)?;
    if !COMPARATORS.contains(&word) && node.get("resourceType").is_some() {
        out.refuse("valueQuantity.comparator", "code", "must be one of <, <=, >=, >");
    }
    Some(word)
}

fn read_quantity(node: &Json<'_>, value: &Json<'_>, out: &mut Out) -> Option<&'static str> {
    let amount = decimal(node, "valueQuantity.value", out)?;
    out.set("value_num", amount);
    if let Some(word) = comparator(node, value, out) {
        out.set("comparator", word);
    }
    set_unit(value, out);
    Some("NUM")
}

fn set_unit(quantity: &Json<'_>, out: &mut Out) {
    let member = |key| quantity.get(key).and_then(Json::as_str);
    if let Some(said) = member("unit").or(member("code")) {
        out.set_text("unit_original", said, Form::Label);
    }
    if let Some(code) = member("code").filter(|_| member("system") == Some(codes::UCUM)) {
        out.set_text("unit_ucum", code, Form::Code);
    }
}

fn read_coded(value: &Json<'_>, out: &mut Out) -> Option<&'static str> {
    let said = value.get("text").and_then(Json::as_str);
    let coding = value.get("coding").map(Json::first).and_then(Json::as_object);
    let member = |key| coding.and_then(|c| c.get(key)).and_then(Json::as_str);
    if member("code").is_none() && member("display").is_none() {
        out.set_text("value_text", said?, Form::Sealed);
        return Some("TEXT");
    }
    for (column, text, form) in [
        ("value_code", member("code"), Form::Code),
        ("value_system", member("system"), Form::Label),
        ("value_display", member("display").or(said), Form::Label),
    ] {
        if let Some(text) = text {
            out.set_text(column, text, form);
        }
    }
    let held = ["value_code", "value_display"].iter().any(|column| out.row.contains_key(*column));
    held.then_some("CODED")
}

/// Two quantities in one unit. If their units differ, the columns cannot tell, and the pair stays in the original.
fn read_pair(node: &Json<'_>, paths: [&'static str; 2], out: &mut Out) -> bool {
    let parts = paths.map(|path| out.find(node, path));
    let units = parts.map(|part| part.and_then(unit_of));
    let bounded = parts.iter().flatten().any(|part| part.get("comparator").is_some());
    if bounded || matches!((&units[0], &units[1]), (Some(a), Some(b)) if a != b) {
        return false;
    }
    for (path, column) in [(paths[0], "value_num"), (paths[1], "value_num2")] {
        if let Some(part) = out.find(node, path)
            && let Some(amount) = decimal(part, "value", out)
        {
            out.set(column, amount);
        }
    }
    if let Some(part) = parts[0].filter(|part| unit_of(part).is_some()).or(parts[1]) {
        set_unit(part, out);
    }
    out.row.contains_key("value_num") || out.row.contains_key("value_num2")
}

fn write_value<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    for key in VALUES {
        target.put(key, None);
    }
    let amount = |column: &str| number(row, column).map(|n| measured(n, row));
    match text(row, "value_kind").unwrap_or("NONE") {
        "NUM" => target.put("valueQuantity", amount("value_num").map(|q| bounded(q, text(row, "comparator")))),
        "RANGE" => {
            target.put("valueRange.low", amount("value_num"));
            target.put("valueRange.high", amount("value_num2"));
        }
        "RATIO" | "TITER" => {
            target.put("valueRatio.numerator", amount("value_num"));
            target.put("valueRatio.denominator", number(row, "value_num2").map(|n| Json::from([("value", n)])));
        }
        "TEXT" => target.put_text("valueString", text(row, "value_text")),
        "CODED" => {
            let (code, system) = (text(row, "value_code"), text(row, "value_system"));
            match (code, system) {
                (Some(word @ ("true" | "false")), None) => {
                    target.put("valueBoolean", Some(Json::Bool(word == "true")));
                }
                _ => target.put("valueCodeableConcept", Some(coded(code, system, text(row, "value_display")))),
            }
        }
        _ => {}
    }
}

/// A coded value; a display without a code is still a coding, so that it is read as one.
fn coded<'a>(code: Option<&'a str>, system: Option<&'a str>, display: Option<&'a str>) -> Json<'a> {
    let coding = coding_of(code, system, display).or_else(|| {
        let mut coding = Object::new();
        for (key, text) in [("system", system), ("display", display)] {
            if let Some(text) = text {
                coding.set(key, Json::string(text));
            }
        }
        Some(coding.into())
    });
    concept_of(coding, display)
}

fn measured<'a>(amount: Json<'a>, row: &'a Row) -> Json<'a> {
    let mut object = Object::new();
    object.set("value", amount);
    let (said, ucum) = (text(row, "unit_original"), text(row, "unit_ucum"));
    for (key, text) in [("unit", said.or(ucum)), ("system", ucum.map(|_| codes::UCUM)), ("code", ucum)] {
        if let Some(text) = text {
            object.set(key, Json::string(text));
        }
    }
    object.into()
}

fn bounded<'a>(mut quantity: Json<'a>, comparator: Option<&'a str>) -> Json<'a> {
    if let (Json::Object(object), Some(comparator)) = (&mut quantity, comparator) {
        object.set("comparator", Json::string(comparator));
    }
    quantity
}

/// The value of a vital sign; a bound such as `<5` is not a measurement and stays in the original.
pub(super) static VITAL_VALUE: Own = Own { columns: &["value", "unit"], read: read_vital, write: write_vital };

fn read_vital(node: &Json<'_>, out: &mut Out) {
    let Some(given) = out.find(node, "valueQuantity") else { return };
    if comparator(node, given, out).is_some() {
        return;
    }
    if let Some(amount) = decimal(node, "valueQuantity.value", out) {
        out.set("value", amount);
        if let Some(unit) = unit_of(given) {
            out.set_text("unit", &unit, Form::Code);
        }
    }
}

fn write_vital<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let amount = number(row, "value").map(|n| quantity(n, text(row, "unit")));
    target.put("valueQuantity", amount);
}

/// The range printed by the laboratory, if it is in the unit of the result.
pub(super) static RANGE: Own =
    Own { columns: &["ref_low", "ref_high", "ref_text"], read: read_range, write: write_range };

fn read_range(node: &Json<'_>, out: &mut Out) {
    let unit = node.get("valueQuantity").and_then(unit_of);
    for (path, column) in [("referenceRange[].low", "ref_low"), ("referenceRange[].high", "ref_high")] {
        let Some(part) = out.find(node, path) else { continue };
        let own = unit_of(part);
        if (own.is_none() || own == unit)
            && let Some(amount) = decimal(part, "value", out)
        {
            out.set(column, amount);
        }
    }
    if let Some(said) = out.string(node, "referenceRange[].text") {
        out.set_text("ref_text", said, Form::Prose);
    }
}

fn write_range<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    target.put("referenceRange[].low", number(row, "ref_low").map(|n| measured(n, row)));
    target.put("referenceRange[].high", number(row, "ref_high").map(|n| measured(n, row)));
    target.put_text("referenceRange[].text", text(row, "ref_text"));
}

/// Parts of a panel, coded or numeric: `[{code, system, display, value, unit, comparator}]` and for a coded value
/// `value_code`, `value_system`, `value_display`. `system` is left out for LOINC. A part with free text stays in the
/// original, because the column is in clear.
pub(super) static COMPONENTS: Own = Own { columns: &["components"], read: read_components, write: write_components };

fn read_components(node: &Json<'_>, out: &mut Out) {
    let items = node.get("component").map(Json::items).unwrap_or_default();
    let base = out.base.clone();
    let mut rows = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        out.base = format!("{base}.component[{i}]");
        rows.extend(component(item, out).map(Value::Object));
    }
    out.base = base;
    if !rows.is_empty() {
        out.set("components", rows);
    }
}

fn component(item: &Json<'_>, out: &mut Out) -> Option<Map<String, Value>> {
    let mut row = Map::new();
    let mut keep = |key: &str, text: Option<&str>| {
        let kept = text.and_then(|t| fit(t, Form::Label));
        row.extend(kept.map(|t| (key.to_owned(), Value::String(t.into_owned()))));
    };
    let coding = item.at(&["code", "coding"]).map(Json::first)?;
    let member = |coding: &'_ Json<'_>, key: &str| coding.get(key).and_then(Json::as_str).map(str::to_owned);
    keep("code", Some(&member(coding, "code")?));
    keep("system", member(coding, "system").as_deref().filter(|system| *system != LOINC));
    keep("display", member(coding, "display").as_deref());
    match VALUES.iter().find_map(|key| Some((*key, item.get(key)?))) {
        None => {}
        Some(("valueQuantity", given)) => {
            keep("value", decimal(item, "valueQuantity.value", out).as_deref());
            keep("unit", unit_of(given).as_deref());
            keep("comparator", given.get("comparator").and_then(Json::as_str).filter(|c| COMPARATORS.contains(c)));
        }
        Some(("valueCodeableConcept", given)) => {
            let coding = given.get("coding").map(Json::first)?;
            keep("value_code", Some(&member(coding, "code")?));
            keep("value_system", member(coding, "system").as_deref());
            keep("value_display", member(coding, "display").as_deref());
        }
        Some(_) => return None,
    }
    row.contains_key("code").then_some(row)
}

fn write_components<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let rows = value(row, "components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let items = rows.iter().filter_map(Value::as_object).map(|row| {
        let mut item = Object::new();
        let display = text(row, "display");
        let coding = coding_of(text(row, "code"), Some(text(row, "system").unwrap_or(LOINC)), display);
        item.set("code", concept_of(coding, display));
        if let Some(amount) = number(row, "value") {
            let amount = quantity(amount, text(row, "unit"));
            item.set("valueQuantity", bounded(amount, text(row, "comparator")));
        } else if let Some(code) = text(row, "value_code") {
            let coding = coding_of(Some(code), text(row, "value_system"), text(row, "value_display"));
            item.set("valueCodeableConcept", concept_of(coding, text(row, "value_display")));
        }
        Json::Object(item)
    });
    let items: Vec<_> = items.collect();
    target.put("component", (!items.is_empty()).then_some(Json::Array(items)));
}
