//! Retention policies as data: how long which class of data is kept, counted in calendar years; the proofs that
//! were run on the installation, with what came of them; and the erasure of a person by two others. The workflows of disclosures, consents and breaches are not
//! built yet.

mod erasure;
mod proofs;

pub use erasure::{actions, certificate};
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
