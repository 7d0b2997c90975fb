//! Procedure in `records.procedures`.

use super::shared::{SENSITIVITY, needs_code, read_period, write_period};
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, encounter, patient};
use crate::fhir::read::{Out, date_time, set_when};
use crate::fhir::record::{Record, Row, value};
use crate::fhir::write::{Target, when};
use crate::json::Json;

const STATUS: Words = &[
    ("preparation", "PREPARATION"),
    ("in-progress", "IN_PROGRESS"),
    ("not-done", "NOT_DONE"),
    ("on-hold", "ON_HOLD"),
    ("stopped", "STOPPED"),
    ("completed", "COMPLETED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("unknown", "UNKNOWN"),
];

/// `performedDateTime` is a start without an end.
static PERFORMED: Own = Own {
    columns: &[
        "performed_on",
        "performed_precision",
        "performed_at",
        "performed_end_on",
        "performed_end_precision",
        "performed_end_at",
    ],
    read: read_performed,
    write: write_performed,
};

fn read_performed(node: &Json<'_>, out: &mut Out) {
    if let Some(partial) = date_time(node, "performedDateTime", out) {
        set_when(partial, "performed", out);
    }
    read_period(node, "performedPeriod", ("performed", "performed_end"), out);
}

fn write_performed<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    target.put("performedDateTime", None);
    target.put("performedPeriod", None);
    if value(row, "performed_end_on").is_some() {
        let path = ["performedPeriod.start", "performedPeriod.end"];
        write_period(row, path, ("performed", "performed_end"), target);
    } else {
        target.put("performedDateTime", when(row, "performed").map(Json::string));
    }
}

pub(super) static PROCEDURE: Shape = Shape {
    resource: "Procedure",
    table: "records.procedures",
    required: &["status", "subject"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        concept("category", ["category_code", "", ""], "http://snomed.info/sct"),
        Lens::Main { path: "code", prefer: &["CPT", "HCPCS", "ICD10PCS", "SNOMED"] },
        patient("subject"),
        encounter("encounter"),
        Lens::Own(&PERFORMED),
        Lens::Reference {
            path: "performer[].actor",
            column: "performer_id",
            types: &["Practitioner", "Organization"],
            display: Some(("performer_name", Form::Label)),
        },
        concept("reasonCode[]", ["reason_code", "reason_system", "reason_display"], ""),
        concept("bodySite[]", ["body_site_code", "", "body_site_display"], "http://snomed.info/sct"),
        concept("outcome", ["outcome_code", "", "outcome_display"], "http://snomed.info/sct"),
        Lens::Notes { path: "note" },
    ],
    lists: &[],
    refuse: needs_code,
};
