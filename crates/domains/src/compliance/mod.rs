//! Retention policies as data: how long which class of data is kept, counted in calendar years; the proofs that were run
//! on the installation, with what came of them; labels that close a record, and the consents that open it; and the
//! erasure of a person by two others. The workflows of disclosures and breaches are not built yet; the
//! tables of disclosures are there to be read.

mod erasure;
mod labels;
mod proofs;

pub use erasure::{actions as erasure_actions, certificate};
pub use labels::{actions, is_labelled};
pub use proofs::{PROMISES, Proof, Verdict, keep, reads};

pub mod retention;

use crate::shown;
use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "compliance.retention_policies",
        path: "compliance/retention-policies",
        noun: "compliance.retention_policy",
        read: "compliance.retention_policy.read",
        write: Some("compliance.retention_policy.write"),
        filters: &["name", "data_class", "is_active"],
        locked: &[],
        list: &[],
    },
    labels::LABELS,
    Resource {
        table: "compliance.sensitivity_consents",
        path: "compliance/sensitivity-consents",
        noun: "compliance.sensitivity_consent",
        read: "compliance.consent.read",
        write: Some("compliance.consent.write"),
        filters: &["patient_id", "label", "decision", "user_id", "role_id"],
        locked: &[],
        list: &[],
    },
    Resource {
        filters: &["patient_id", "purpose", "recipient_type", "disclosed_at"],
        ..shown(
            "compliance.phi_disclosures",
            "compliance/disclosures",
            "compliance.disclosure",
            "compliance.disclosure.read",
        )
    },
    Resource {
        filters: &["disclosure_id"],
        ..shown(
            "compliance.phi_disclosure_audit",
            "compliance/disclosure-audit",
            "compliance.disclosure_act",
            "compliance.disclosure.read",
        )
    },
    Resource {
        filters: &["patient_id", "state", "due_on"],
        ..shown(
            "compliance.disclosure_accounting_requests",
            "compliance/accounting-requests",
            "compliance.accounting",
            "compliance.disclosure.read",
        )
    },
];
