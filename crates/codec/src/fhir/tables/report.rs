//! `DiagnosticReport` in `records.lab_reports`.

use super::shared::SENSITIVITY;
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, encounter, patient, text as sealed};
use crate::fhir::read::{Out, date_time, set_when};
use crate::fhir::record::{Record, Row, text};
use crate::fhir::reference::{self, Reference};
use crate::fhir::write::{Target, coding_of, concept_of, reference_of, when};
use crate::json::{Json, Object};

pub(super) const STATUS: Words = &[
    ("registered", "REGISTERED"),
    ("partial", "PARTIAL"),
    ("preliminary", "PRELIMINARY"),
    ("final", "FINAL"),
    ("amended", "AMENDED"),
    ("corrected", "CORRECTED"),
    ("appended", "APPENDED"),
    ("cancelled", "CANCELLED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("unknown", "UNKNOWN"),
];

/// Results are rows that point to the report, so they are references the other way.
static RESULTS: Own = Own { columns: &["result_count"], read: read_results, write: write_results };

fn read_results(node: &Json<'_>, out: &mut Out) {
    let items = node.get("result").map(Json::items).unwrap_or_default();
    for (kind, target) in items.iter().filter_map(Json::as_object).filter_map(reference::read) {
        let kind = if kind.is_empty() { "Observation".to_owned() } else { kind };
        out.back_refs.push(Reference { column: "report_id".into(), target_type: kind.into(), target });
    }
    out.set("result_count", items.len());
}

fn write_results<'a>(record: &'a Record, _: &'a Row, target: &mut Target<'a>) {
    let items = record.back_refs.iter().filter_map(|r| reference_of(Some(Json::string(r.text())), None));
    let items: Vec<_> = items.collect();
    if !items.is_empty() {
        target.put("result", Some(Json::Array(items)));
    }
}

/// When the specimen was taken; of a period its beginning.
pub(super) static COLLECTED: Own = Own {
    columns: &["collected_on", "collected_precision", "collected_at"],
    read: |node, out| read_effective(node, "collected", out),
    write: |_, row, target| write_effective(row, "collected", target),
};

pub(super) fn read_effective(node: &Json<'_>, name: &str, out: &mut Out) {
    for path in ["effectiveDateTime", "effectiveInstant", "effectivePeriod.start"] {
        if let Some(partial) = date_time(node, path, out) {
            return set_when(partial, name, out);
        }
    }
}

pub(super) fn write_effective<'a>(row: &'a Row, name: &str, target: &mut Target<'a>) {
    target.put("effectiveInstant", None);
    target.put("effectivePeriod", None);
    target.put("effectiveDateTime", when(row, name).map(Json::string));
}

/// The laboratory's own number of the order: the identifier of type `ACSN` (HL7 table 0203).
static ACCESSION: Own = Own { columns: &["accession"], read: read_accession, write: write_accession };
const IDENTIFIER_TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

fn is_accession(identifier: &Json<'_>) -> bool {
    identifier.at(&["type", "coding"]).map(Json::first).and_then(|c| c.get("code")).and_then(Json::as_str)
        == Some("ACSN")
}

fn read_accession(node: &Json<'_>, out: &mut Out) {
    let items = node.get("identifier").map(Json::items).unwrap_or_default();
    let value = items.iter().find(|i| is_accession(i)).and_then(|i| i.get("value")).and_then(Json::as_str);
    if let Some(value) = value {
        out.set_text("accession", value, Form::Sealed);
    }
}

fn write_accession<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let mut items = match target.0.remove("identifier") {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    items.retain(|i| !is_accession(i));
    if let Some(number) = text(row, "accession") {
        let mut identifier = Object::new();
        identifier.set("type", concept_of(coding_of(Some("ACSN"), Some(IDENTIFIER_TYPES), None), None));
        identifier.set("value", Json::string(number));
        items.push(identifier.into());
    }
    target.put("identifier", (!items.is_empty()).then_some(Json::Array(items)));
}

pub(super) static REPORT: Shape = Shape {
    resource: "DiagnosticReport",
    table: "records.lab_reports",
    required: &["status", "code"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        Lens::Own(&ACCESSION),
        closed("status", "status", STATUS),
        concept("category[]", ["category_code", "", ""], "http://terminology.hl7.org/CodeSystem/v2-0074"),
        Lens::Main { path: "code", prefer: &["http://loinc.org", "SNOMED"] },
        patient("subject"),
        encounter("encounter"),
        Lens::Own(&COLLECTED),
        Lens::Instant { path: "issued", column: "issued_at" },
        Lens::Display { path: "performer[]", column: "performing_lab", form: Form::Label },
        Lens::Own(&RESULTS),
        sealed("conclusion", "conclusion"),
    ],
    lists: &[],
    refuse: |_, _| None,
};
