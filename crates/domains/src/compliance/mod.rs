//! Retention policies as data: how long which class of data is kept, counted in calendar years; the proofs that were run
//! on the installation, with what came of them; labels that close a record, and the consents that open it; and the
//! erasure of a person by two others; and the registers of risks, reviews, alerts and incidents. The tables of disclosures are
//! there to be read; notices of breaches and the workflows of disclosures and subject requests are not built yet.

mod consents;
mod disclosures;
mod erasure;
mod evidence;
mod holds;
mod jobs;
mod labels;
mod proofs;
mod registers;

pub use consents::guarded;
pub use disclosures::{Disclosure, Way, disclose};
pub use erasure::{actions as erasure_actions, certificate};
pub(crate) use evidence::{authorizations, disclosures as disclosed, incidents, reviews, risks};
pub use holds::actions as hold_actions;
pub use jobs::jobs;
pub use labels::{actions, is_labelled};
pub use proofs::{PROMISES, Proof, Verdict, keep, reads};
pub use registers::{actions as register_actions, raise, raise_once};

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
    registers::RISKS,
    registers::ACTIVITY,
    registers::ACCESS,
    registers::ALERTS,
    registers::INCIDENTS,
    registers::ASSESSMENTS,
    Resource {
        filters: &["subject_id", "released_at"],
        ..shown("audit.legal_holds", "compliance/legal-holds", "compliance.legal_hold", "compliance.hold.read")
    },
];
