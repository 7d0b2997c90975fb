//! `DocumentReference` in `records.documents`: what the document is. Its content stays in the original.

use super::shared::SENSITIVITY;
use crate::fhir::codes::LOINC;
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, code, concept, patient, text as sealed, when};
use crate::fhir::read::Out;
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of};
use crate::json::Json;

/// FHIR knows three states, a document store many; the first pair of a word is how it is read.
const STATUS: Words = &[
    ("current", "REFERENCED"),
    ("superseded", "ARCHIVED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("entered-in-error", "VOIDED"),
    ("current", "UPLOADED"),
    ("current", "SCANNING"),
    ("current", "STORED"),
    ("current", "QUARANTINED"),
    ("current", "OCR_QUEUED"),
    ("current", "OCR_RUNNING"),
    ("current", "OCR_DONE"),
    ("current", "OCR_PARTIAL"),
    ("current", "OCR_FAILED"),
    ("current", "EXTRACTING"),
    ("current", "NEEDS_REVIEW"),
    ("current", "AUTO_ACCEPTED"),
    ("current", "VERIFIED"),
];

const NOTE_SYSTEM: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";

/// LOINC document types that decide the category.
const CATEGORY_OF_TYPE: Words =
    &[("18842-5", "DISCHARGE"), ("11502-2", "LAB_REPORT"), ("18748-4", "IMAGING"), ("59284-0", "CONSENT")];

static CATEGORY: Own = Own { columns: &["category", "type_code"], read: read_category, write: write_category };

fn read_category(node: &Json<'_>, out: &mut Out) {
    let codings = |key| {
        let concepts: &[Json<'_>] = match node.get(key) {
            Some(Json::Array(items)) => items,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        concepts.iter().flat_map(|c| c.get("coding").map(Json::items).unwrap_or_default())
    };
    let code = |coding: &Json<'_>| coding.get("code").and_then(Json::as_str).map(str::to_owned);
    let by_type = codings("type")
        .filter(|c| c.get("system").and_then(Json::as_str) == Some(LOINC))
        .filter_map(code)
        .find_map(|loinc| CATEGORY_OF_TYPE.iter().find(|(known, _)| *known == loinc));
    let noted = codings("category").filter_map(code).any(|code| code == "clinical-note");
    out.set(
        "category",
        match by_type {
            Some((_, ours)) => ours,
            None if noted => "CLINICAL_NOTE",
            None => "OTHER",
        },
    );
}

fn write_category<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    if text(row, "category") == Some("CLINICAL_NOTE") {
        let coding = coding_of(Some("clinical-note"), Some(NOTE_SYSTEM), Some("Clinical Note"));
        target.put("category[]", Some(concept_of(coding, None)));
    }
}

/// R4 demands content; where the row knows nothing of it, the resource says that it is unknown.
static CONTENT: Own = Own {
    columns: &["byte_size"],
    read: |node, out| crate::fhir::read::read(&Lens::Int { path: SIZE, column: "byte_size" }, node, out),
    write: write_content,
};
const SIZE: &str = "content[].attachment.size";

fn write_content<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let size = value(row, "byte_size").map(|n| Json::Number(n.to_string().into()));
    target.put(SIZE, size);
    if target.0.get("content").is_none() {
        let url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
        let absent = Json::from([("url", Json::string(url)), ("valueCode", Json::string("unknown"))]);
        target.put("content[].attachment.extension[]", Some(absent));
    }
}

pub(super) static DOCUMENT: Shape = Shape {
    resource: "DocumentReference",
    table: "records.documents",
    required: &["status", "content"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        concept("type", ["type_code", "type_system", "type_display"], ""),
        Lens::Own(&CATEGORY),
        patient("subject"),
        Lens::Instant { path: "date", column: "recorded_at" },
        Lens::Display { path: "author[]", column: "author", form: Form::Sealed },
        sealed("description", "note"),
        code("content[].attachment.contentType", "mime_type"),
        sealed("content[].attachment.title", "title"),
        Lens::Own(&CONTENT),
        Lens::Reference { path: "context.encounter[]", column: "encounter_id", types: &["Encounter"], display: None },
        when("context.period.start", "service"),
    ],
    lists: &[],
    refuse: |_, _| None,
};
