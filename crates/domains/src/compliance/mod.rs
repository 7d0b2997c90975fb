//! Retention policies as data: how long which class of data is kept, counted in calendar years; and the proofs that
//! were run on the installation, with what came of them. The workflows of disclosures, consents and breaches are not
//! built yet.

mod proofs;

pub use proofs::{PROMISES, Proof, Verdict, keep, reads};

pub mod retention;

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[Resource {
    table: "compliance.retention_policies",
    path: "compliance/retention-policies",
    noun: "compliance.retention_policy",
    read: "compliance.retention_policy.read",
    write: Some("compliance.retention_policy.write"),
    filters: &["name", "data_class", "is_active"],
    locked: &[],
    list: &[],
}];
