//! Observation in `records.vital_signs` or `records.lab_results`. The category decides; without one, the code.

use super::observed::{COMPONENTS, RANGE, VALUE, VITAL_VALUE};
use super::report::{COLLECTED, read_effective, write_effective};
use super::shared::SENSITIVITY;
use crate::fhir::codes::LOINC;
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, encounter, patient};
use crate::json::Json;

const CATEGORY_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const ABSENT_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const INTERPRETATION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const SNOMED: &str = "http://snomed.info/sct";

/// R4's list for observations; the table also has the words of reports.
const STATUS: Words = &[
    ("registered", "REGISTERED"),
    ("preliminary", "PRELIMINARY"),
    ("final", "FINAL"),
    ("amended", "AMENDED"),
    ("corrected", "CORRECTED"),
    ("cancelled", "CANCELLED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("unknown", "UNKNOWN"),
];

/// LOINC codes of the FHIR vital signs profiles.
const VITAL_CODES: &[&str] = &[
    "85353-1", "9279-1", "8867-4", "2708-6", "59408-5", "8310-5", "8302-2", "9843-4", "8287-5", "29463-7", "39156-5",
    "85354-9", "8480-6", "8462-4", "8478-0", "55284-4", "59576-9", "77606-2", "8306-3", "8331-1",
];

/// The table for an Observation.
pub(super) fn shape(resource: &Json<'_>) -> Option<&'static Shape> {
    let categories = resource.get("category").map(Json::items).unwrap_or_default();
    let mut codes = categories
        .iter()
        .flat_map(|c| c.get("coding").map(Json::items).unwrap_or_default())
        .filter_map(|c| c.get("code")?.as_str());
    if codes.clone().any(|code| code == "vital-signs") {
        return Some(&VITAL_SIGN);
    }
    if codes.clone().any(|code| matches!(code, "laboratory" | "LAB")) {
        return Some(&LAB_RESULT);
    }
    let loinc = resource.at(&["code", "coding"]).is_some() && {
        let codings = resource.get("code").and_then(|c| c.get("coding")).map(Json::items).unwrap_or_default();
        codings.iter().any(|c| {
            c.get("system").and_then(Json::as_str) == Some(LOINC)
                && c.get("code").and_then(Json::as_str).is_some_and(|code| VITAL_CODES.contains(&code))
        })
    };
    match (codes.next(), loinc) {
        (_, true) => Some(&VITAL_SIGN),
        (None, false) => Some(&LAB_RESULT),
        (Some(_), false) => None,
    }
}

static MEASURED: Own = Own {
    columns: &["measured_on", "measured_precision", "measured_at"],
    read: |node, out| read_effective(node, "measured", out),
    write: |_, row, target| write_effective(row, "measured", target),
};

/// A vital sign says so in its category.
static VITAL_CATEGORY: Own = Own {
    columns: &[],
    read: |_, _| {},
    write: |_, _, target| {
        let coding = crate::fhir::write::coding_of(Some("vital-signs"), Some(CATEGORY_SYSTEM), Some("Vital Signs"));
        target.put("category[]", Some(crate::fhir::write::concept_of(coding, None)));
    },
};

pub(super) static VITAL_SIGN: Shape = Shape {
    resource: "Observation",
    table: "records.vital_signs",
    required: &["status", "code"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        Lens::Own(&VITAL_CATEGORY),
        Lens::Main { path: "code", prefer: &[LOINC, "SNOMED"] },
        patient("subject"),
        encounter("encounter"),
        Lens::Own(&MEASURED),
        Lens::Instant { path: "issued", column: "recorded_at" },
        Lens::Own(&VITAL_VALUE),
        concept("dataAbsentReason", ["absent_reason_code", "", ""], ABSENT_SYSTEM),
        concept("interpretation[]", ["interpretation", "", ""], INTERPRETATION_SYSTEM),
        Lens::Notes { path: "note" },
        concept("bodySite", ["body_site_code", "", ""], SNOMED),
        concept("method", ["method_code", "", ""], SNOMED),
        Lens::Own(&COMPONENTS),
    ],
    lists: &[],
    refuse: |_, record| match (record.value("code"), record.value("measured_on")) {
        (None, _) => Some("it has no code"),
        _ if record.value("code_system").is_none() => Some("its code names no code system"),
        (_, None) => Some("it does not say when it was measured"),
        _ => None,
    },
};

pub(super) static LAB_RESULT: Shape = Shape {
    resource: "Observation",
    table: "records.lab_results",
    required: &["status", "code"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        concept("category[]", ["category_code", "", ""], CATEGORY_SYSTEM),
        Lens::Main { path: "code", prefer: &[LOINC, "SNOMED"] },
        patient("subject"),
        encounter("encounter"),
        Lens::Own(&COLLECTED),
        Lens::Instant { path: "issued", column: "resulted_at" },
        Lens::Display { path: "performer[]", column: "performing_lab", form: Form::Label },
        Lens::Own(&VALUE),
        concept("dataAbsentReason", ["absent_reason_code", "", ""], ABSENT_SYSTEM),
        concept("interpretation[]", ["interpretation", "", ""], INTERPRETATION_SYSTEM),
        Lens::Notes { path: "note" },
        Lens::Display { path: "specimen", column: "specimen_display", form: Form::Label },
        Lens::Own(&RANGE),
        Lens::Own(&COMPONENTS),
    ],
    lists: &[],
    refuse: super::shared::needs_code,
};
