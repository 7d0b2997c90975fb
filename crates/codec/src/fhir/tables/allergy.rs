//! `AllergyIntolerance` in `records.allergies`, with the statements that there are none.

use super::condition::{read_verification, write_verification};
use super::shared::SENSITIVITY;
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, encounter, patient, when};
use crate::fhir::read::{Out, date_time, fit, main_into};
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of, main};
use crate::json::{Json, Object};
use serde_json::{Map, Value};

const CLINICAL: Words = &[("active", "ACTIVE"), ("inactive", "INACTIVE"), ("resolved", "RESOLVED")];

const VERIFICATION: Words = &[
    ("unconfirmed", "UNCONFIRMED"),
    ("confirmed", "CONFIRMED"),
    ("refuted", "REFUTED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
];

const VERIFICATION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

const TYPE: Words = &[("allergy", "ALLERGY"), ("intolerance", "INTOLERANCE")];

const CATEGORY: Words =
    &[("food", "FOOD"), ("medication", "MEDICATION"), ("environment", "ENVIRONMENT"), ("biologic", "BIOLOGIC")];

const CRITICALITY: Words = &[("low", "LOW"), ("high", "HIGH"), ("unable-to-assess", "UNABLE")];

const SEVERITY: &[&str] = &["mild", "moderate", "severe"];

/// SNOMED CT concepts that say there is no allergy, or none to a drug.
const NONE_KNOWN: Words = &[("716186003", "NKA"), ("409137002", "NKDA")];

static STATUS: Own = Own {
    columns: &["verification_status", "status"],
    read: |node, out| read_verification(node, VERIFICATION_SYSTEM, VERIFICATION, out),
    write: |_, row, target| write_verification(row, VERIFICATION_SYSTEM, VERIFICATION, target),
};

/// What was said without a code is free text, so it is sealed as the substance and not kept in clear.
static SUBSTANCE: Own = Own {
    columns: &[
        "kind",
        "code",
        "code_system",
        "display",
        "original_code",
        "original_system",
        "original_display",
        "substance",
    ],
    read: read_substance,
    write: write_substance,
};

fn read_substance(node: &Json<'_>, out: &mut Out) {
    out.set("kind", "SUBSTANCE");
    let Some(concept) = out.object(node, "code") else { return };
    if concept.get("coding").is_none_or(|codings| codings.items().is_empty()) {
        if let Some(said) = concept.get("text").and_then(Json::as_str) {
            out.set_text("substance", said, Form::Sealed);
        }
        return;
    }
    main_into(concept, &["RxNorm", "UNII", "SNOMED"], out);
    let absence = NONE_KNOWN.iter().find(|(code, _)| Some(*code) == text(&out.row, "code"));
    if let Some((_, kind)) = absence.filter(|_| text(&out.row, "code_system") == Some("SNOMED")) {
        out.set("kind", *kind);
    }
}

fn write_substance<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let none = NONE_KNOWN.iter().find(|(_, kind)| Some(*kind) == text(row, "kind"));
    let concept = match (main(row), none) {
        (Some(concept), _) => Some(concept),
        (None, Some((code, _))) => Some(concept_of(coding_of(Some(code), Some("http://snomed.info/sct"), None), None)),
        (None, None) => text(row, "substance").map(|said| concept_of(None, Some(said))),
    };
    target.put("code", concept);
}

/// Coded reactions: `[{manifestation: {code, system, display}, severity, onset_on}]`.
static REACTIONS: Own = Own { columns: &["reactions"], read: read_reactions, write: write_reactions };

fn read_reactions(node: &Json<'_>, out: &mut Out) {
    let items = node.get("reaction").map(Json::items).unwrap_or_default();
    let base = out.base.clone();
    let mut rows = Vec::new();
    for (i, item) in items.iter().enumerate() {
        out.base = format!("{base}.reaction[{i}]");
        let mut row = Map::new();
        if let Some(Json::Object(coding)) = item.at(&["manifestation", "coding"]).map(Json::first) {
            let mut held = Map::new();
            for key in ["code", "system", "display"] {
                let kept = coding.get(key).and_then(Json::as_str).and_then(|t| fit(t, Form::Label));
                held.extend(kept.map(|t| (key.to_owned(), Value::String(t.into_owned()))));
            }
            if held.contains_key("code") {
                row.insert("manifestation".to_owned(), Value::Object(held));
            }
        }
        match out.string(item, "severity") {
            Some(word) if SEVERITY.contains(&word) => {
                row.insert("severity".to_owned(), word.into());
            }
            Some(_) => out.refuse("severity", "code", "must be one of mild, moderate, severe"),
            None => {}
        }
        if let Some(onset) = date_time(item, "onset", out).filter(|p| matches!(p.precision, "DAY" | "MINUTE")) {
            row.insert("onset_on".to_owned(), onset.on.into());
        }
        if row.contains_key("manifestation") {
            rows.push(Value::Object(row));
        }
    }
    out.base = base;
    out.set("reactions", rows);
}

fn write_reactions<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let rows = value(row, "reactions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let items: Vec<Json<'a>> = rows
        .iter()
        .map(|row| {
            let part = |key: &str| row.get("manifestation").and_then(|m| m.get(key)).and_then(Value::as_str);
            let mut item = Object::new();
            let coding = coding_of(part("code"), part("system"), part("display"));
            item.set("manifestation", Json::Array(vec![concept_of(coding, part("display"))]));
            for (key, column) in [("onset", "onset_on"), ("severity", "severity")] {
                if let Some(text) = row.get(column).and_then(Value::as_str) {
                    item.set(key, Json::string(text));
                }
            }
            item.into()
        })
        .collect();
    target.put("reaction", (!items.is_empty()).then_some(Json::Array(items)));
}

pub(super) static ALLERGY: Shape = Shape {
    resource: "AllergyIntolerance",
    table: "records.allergies",
    required: &["patient"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        Lens::ClosedConcept {
            path: "clinicalStatus",
            column: "clinical_status",
            system: "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
            words: CLINICAL,
        },
        Lens::Own(&STATUS),
        closed("type", "type", TYPE),
        closed("category[]", "category", CATEGORY),
        closed("criticality", "criticality", CRITICALITY),
        Lens::Own(&SUBSTANCE),
        patient("patient"),
        encounter("encounter"),
        when("onsetDateTime", "onset"),
        Lens::Instant { path: "recordedDate", column: "recorded_at" },
        when("lastOccurrence", "last_occurrence"),
        Lens::Notes { path: "note" },
        Lens::Own(&REACTIONS),
    ],
    lists: &[],
    refuse: |_, record| {
        let named = ["code", "substance", "original_display"].iter().any(|column| record.value(column).is_some());
        (!named).then_some("it does not say to what")
    },
};
