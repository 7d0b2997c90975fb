//! The person who receives care and what identifies them, who provides the care, and the tenant's catalogue of
//! services.
//!
//! Invariants: a patient's pseudonym is made with the row and never changes; `birth_month` follows `birth_date`; a
//! whole social security number is refused. Clinical facts are in [`crate::records`].

mod actions;
mod find;

pub use actions::{actions, derive_patient, remove_parts};
pub use find::{find, find_by_number, households, pseudonyms};

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    PATIENTS,
    Resource {
        filters: &["patient_id", "system", "type", "value"],
        ..part("medical.patient_identifiers", "medical/patient-identifiers", "medical.patient_identifier")
    },
    part("medical.patient_names", "medical/patient-names", "medical.patient_name"),
    Resource {
        filters: &["patient_id", "postal_code"],
        ..part("medical.patient_addresses", "medical/patient-addresses", "medical.patient_address")
    },
    Resource {
        filters: &["patient_id", "phone", "email", "system"],
        ..part("medical.patient_telecoms", "medical/patient-telecoms", "medical.patient_telecom")
    },
    Resource {
        filters: &["patient_id", "phone", "email"],
        ..part("medical.patient_contacts", "medical/patient-contacts", "medical.patient_contact")
    },
    Resource {
        locked: &["document_count", "byte_count", "last_activity_at", "status"],
        ..part("medical.patient_repositories", "medical/patient-repositories", "medical.patient_repository")
    },
    Resource {
        table: "medical.providers",
        path: "medical/providers",
        noun: "medical.provider",
        read: "medical.provider.read",
        write: Some("medical.provider.write"),
        filters: &["npi", "kind", "specialty_code", "status", "organization_id"],
        locked: &["sanction_status", "sanction_source", "sanction_checked_at"],
        list: &["kind", "name", "npi", "specialty", "city", "state", "phone", "status"],
    },
    Resource {
        table: "medical.procedures",
        path: "medical/procedures",
        noun: "medical.procedure",
        read: "medical.procedure.read",
        write: Some("medical.procedure.write"),
        filters: &["code_system", "code", "category"],
        locked: &[],
        list: &[],
    },
];

/// Patients; created and changed by [`mod@actions`], which keep what follows from other fields.
pub const PATIENTS: Resource = Resource {
    table: "medical.patients",
    path: "medical/patients",
    noun: "medical.patient",
    read: "medical.patient.read",
    write: None,
    filters: &["mrn", "birth_date", "birth_month", "sex", "status", "pseudonym", "risk_level", "created_at"],
    locked: &["pseudonym", "birth_month", "merged_into", "status", "risk_score"],
    list: &[
        "pseudonym",
        "family_name",
        "given_names",
        "birth_date",
        "sex",
        "mrn",
        "status",
        "risk_level",
        "row_version",
    ],
};

/// A table whose rows are part of a patient.
const fn part(table: &'static str, path: &'static str, noun: &'static str) -> Resource {
    Resource {
        table,
        path,
        noun,
        read: "medical.patient.read",
        write: Some("medical.patient.write"),
        filters: &["patient_id"],
        locked: &[],
        list: &[],
    }
}
