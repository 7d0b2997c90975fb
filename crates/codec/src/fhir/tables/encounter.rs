//! Encounter in `records.encounters`.

use super::shared::{SENSITIVITY, read_period, takes_all, write_period};
use crate::fhir::codes::ACT_CODE;
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, patient};

const STATUS: Words = &[
    ("planned", "PLANNED"),
    ("arrived", "ARRIVED"),
    ("triaged", "TRIAGED"),
    ("in-progress", "IN_PROGRESS"),
    ("onleave", "ONLEAVE"),
    ("finished", "FINISHED"),
    ("cancelled", "CANCELLED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("unknown", "UNKNOWN"),
];

static PERIOD: Own = Own {
    columns: &["started_on", "started_precision", "started_at", "ended_on", "ended_precision", "ended_at"],
    read: |node, out| read_period(node, "period", ("started", "ended"), out),
    write: |_, row, target| write_period(row, ["period.start", "period.end"], ("started", "ended"), target),
};

pub(super) static ENCOUNTER: Shape = Shape {
    resource: "Encounter",
    table: "records.encounters",
    required: &["status", "class"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        Lens::Coding { path: "class", columns: ["class", "", ""], system: ACT_CODE },
        Lens::Main { path: "type[]", prefer: &["SNOMED", "CPT", "HCPCS"] },
        concept("serviceType", ["service_type_code", "", ""], ""),
        concept("priority", ["priority_code", "", ""], "http://terminology.hl7.org/CodeSystem/v3-ActPriority"),
        patient("subject"),
        Lens::Reference {
            path: "participant[].individual",
            column: "provider_id",
            types: &["Practitioner"],
            display: Some(("performer_name", Form::Label)),
        },
        Lens::Own(&PERIOD),
        concept("reasonCode[]", ["reason_code", "reason_system", "reason_display"], ""),
        concept(
            "hospitalization.dischargeDisposition",
            ["disposition_code", "", "disposition_display"],
            "http://terminology.hl7.org/CodeSystem/discharge-disposition",
        ),
        Lens::Display { path: "location[].location", column: "location", form: Form::Sealed },
        Lens::Display { path: "serviceProvider", column: "service_provider", form: Form::Label },
        Lens::Reference { path: "partOf", column: "part_of_id", types: &["Encounter"], display: None },
    ],
    lists: &[],
    refuse: |resource, record| {
        if record.value("class").is_none() { Some("its class has no code") } else { takes_all(resource, record) }
    },
};
