//! Clinical facts: what is known of a patient, who said it, when, and in which words.
//!
//! Invariants: a fact is never removed; it becomes `ENTERED_IN_ERROR` with a reason. Every fact keeps the source's own
//! code and display. Whole resources as a source sent them are kept in [`crate::exchange`].

mod actions;
mod reads;
mod sections;

pub use actions::link_results;
pub use reads::reads;

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        filters: &["patient_id", "status", "class", "started_on"],
        ..fact("records.encounters", "records/encounters", "records.encounter")
    },
    Resource {
        filters: &["patient_id", "status", "clinical_status", "code", "onset_on"],
        ..fact("records.diagnoses", "records/diagnoses", "records.diagnosis")
    },
    Resource {
        filters: &["patient_id", "status", "code", "authored_on"],
        ..fact("records.medications", "records/medications", "records.medication")
    },
    Resource {
        filters: &["patient_id", "status", "clinical_status", "code", "onset_on"],
        ..fact("records.allergies", "records/allergies", "records.allergy")
    },
    Resource {
        filters: &["patient_id", "status", "code", "performed_on"],
        ..fact("records.procedures", "records/procedures", "records.procedure")
    },
    Resource {
        filters: &["patient_id", "status", "cvx", "given_on"],
        ..fact("records.immunizations", "records/immunizations", "records.immunization")
    },
    Resource {
        filters: &["patient_id", "status", "code", "measured_on"],
        ..fact("records.vital_signs", "records/vital-signs", "records.vital_sign")
    },
    Resource {
        filters: &["patient_id", "status", "code", "collected_on"],
        locked: &["result_count"],
        ..fact("records.lab_reports", "records/lab-reports", "records.lab_report")
    },
    Resource {
        filters: &["patient_id", "report_id", "status", "code", "collected_on"],
        ..fact("records.lab_results", "records/lab-results", "records.lab_result")
    },
    Resource {
        table: "records.documents",
        path: "records/documents",
        noun: "records.document",
        read: "records.document.read",
        write: Some("records.document.write"),
        filters: &["patient_id", "status", "category", "service_on"],
        locked: &["storage_key", "av_result", "legal_hold"],
        list: &[],
    },
    Resource {
        filters: &["patient_id"],
        ..fact("records.family_history", "records/family-history", "records.family_history")
    },
    Resource {
        filters: &["patient_id"],
        ..fact("records.social_history", "records/social-history", "records.social_history")
    },
];

/// A table of facts about a patient.
const fn fact(table: &'static str, path: &'static str, noun: &'static str) -> Resource {
    Resource {
        table,
        path,
        noun,
        read: "records.fact.read",
        write: Some("records.fact.write"),
        filters: &["patient_id"],
        locked: &[],
        list: &[],
    }
}
