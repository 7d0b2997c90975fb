//! Condition in `records.diagnoses`.

use super::shared::{SENSITIVITY, needs_code};
use crate::fhir::lens::{Lens, Own, Shape, Words, concept, encounter, patient, when};
use crate::fhir::read::Out;
use crate::fhir::record::{Record, Row, text};
use crate::fhir::write::{Target, coding_of, concept_of, word_of};
use crate::json::Json;

const CLINICAL: Words = &[
    ("active", "ACTIVE"),
    ("recurrence", "RECURRENCE"),
    ("relapse", "RELAPSE"),
    ("inactive", "INACTIVE"),
    ("remission", "REMISSION"),
    ("resolved", "RESOLVED"),
];

const VERIFICATION: Words = &[
    ("unconfirmed", "UNCONFIRMED"),
    ("provisional", "PROVISIONAL"),
    ("differential", "DIFFERENTIAL"),
    ("confirmed", "CONFIRMED"),
    ("refuted", "REFUTED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
];

const VERIFICATION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";

/// The categories of FHIR and US Core, each with its code system.
const CATEGORIES: &[(&str, &str, &str)] = &[
    ("ENCOUNTER", "encounter-diagnosis", "http://terminology.hl7.org/CodeSystem/condition-category"),
    ("PROBLEM_LIST", "problem-list-item", "http://terminology.hl7.org/CodeSystem/condition-category"),
    ("HEALTH_CONCERN", "health-concern", "http://hl7.org/fhir/us/core/CodeSystem/condition-category"),
];

/// FHIR tells a mistake by the verification status; here it is the status of the fact.
static STATUS: Own = Own { columns: &["verification_status", "status"], read: read_status, write: write_status };

pub(super) fn read_verification(node: &Json<'_>, system: &'static str, words: Words, out: &mut Out) {
    let lens = Lens::ClosedConcept { path: "verificationStatus", column: "verification_status", system, words };
    crate::fhir::read::read(&lens, node, out);
    let wrong = text(&out.row, "verification_status") == Some("ENTERED_IN_ERROR");
    if wrong {
        out.row.remove("verification_status");
    }
    out.set("status", if wrong { "ENTERED_IN_ERROR" } else { "RECORDED" });
}

pub(super) fn write_verification<'a>(row: &'a Row, system: &'static str, words: Words, target: &mut Target<'a>) {
    let wrong = text(row, "status") == Some("ENTERED_IN_ERROR");
    let ours = if wrong { Some("ENTERED_IN_ERROR") } else { text(row, "verification_status") };
    let word = ours.and_then(|ours| word_of(words, ours));
    target.put("verificationStatus", word.map(|word| concept_of(coding_of(Some(word), Some(system), None), None)));
}

fn read_status(node: &Json<'_>, out: &mut Out) {
    read_verification(node, VERIFICATION_SYSTEM, VERIFICATION, out);
}

fn write_status<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    write_verification(row, VERIFICATION_SYSTEM, VERIFICATION, target);
}

/// The first category we know; without one it is a problem of the list, as US Core reads it.
static CATEGORY: Own = Own { columns: &["category"], read: read_category, write: write_category };

fn read_category(node: &Json<'_>, out: &mut Out) {
    let list = node.get("category").map(Json::items).unwrap_or_default();
    let codes = list
        .iter()
        .flat_map(|c| c.get("coding").map(Json::items).unwrap_or_default())
        .filter_map(|c| c.get("code")?.as_str());
    let known = codes.into_iter().find_map(|code| CATEGORIES.iter().find(|(_, theirs, _)| *theirs == code));
    out.set("category", known.map_or("PROBLEM_LIST", |(ours, ..)| ours));
}

fn write_category<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let known = text(row, "category").and_then(|ours| CATEGORIES.iter().find(|(word, ..)| *word == ours));
    if let Some((_, code, system)) = known {
        target.put("category[]", Some(concept_of(coding_of(Some(code), Some(system), None), None)));
    }
}

pub(super) static CONDITION: Shape = Shape {
    resource: "Condition",
    table: "records.diagnoses",
    required: &["subject"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        Lens::ClosedConcept {
            path: "clinicalStatus",
            column: "clinical_status",
            system: "http://terminology.hl7.org/CodeSystem/condition-clinical",
            words: CLINICAL,
        },
        Lens::Own(&STATUS),
        Lens::Own(&CATEGORY),
        concept("severity", ["severity_code", "", "severity_display"], "http://snomed.info/sct"),
        Lens::Main { path: "code", prefer: &["ICD10CM", "SNOMED"] },
        concept("bodySite[]", ["body_site_code", "", "body_site_display"], "http://snomed.info/sct"),
        patient("subject"),
        encounter("encounter"),
        when("onsetDateTime", "onset"),
        when("abatementDateTime", "abatement"),
        Lens::Instant { path: "recordedDate", column: "recorded_at" },
        Lens::Notes { path: "note" },
    ],
    lists: &[],
    refuse: |resource, record| {
        let (onset, abatement) = (record.value("onset_on"), record.value("abatement_on"));
        let known = |column| matches!(text(&record.row, column), Some("DAY" | "MINUTE"));
        let backwards = matches!((onset, abatement), (Some(a), Some(b)) if a.as_str() > b.as_str());
        if backwards && known("onset_precision") && known("abatement_precision") {
            return Some("it ended before it began");
        }
        needs_code(resource, record)
    },
};
