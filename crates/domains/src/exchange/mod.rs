//! What comes from and goes to other systems. Whole FHIR resources are kept sealed beside the rows made from them, so
//! that nothing a source said is lost; [`import`] and [`export`] stream files of any size through batches.
//!
//! Invariant: a resource of a source is stored once, found again by a keyed digest of its type and id; the same bytes
//! again change nothing.

mod batch;
pub mod export;
pub mod import;
mod resolve;

use salus_store::{Op, Resource};

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[Resource {
    table: TABLE,
    path: "exchange/fhir-resources",
    noun: "exchange.fhir_resource",
    read: "exchange.fhir.read",
    write: None,
    filters: &["patient_id", "resource_type", "row_table", "row_id", "source"],
    locked: &[],
    list: &["source", "resource_type", "patient_id", "row_table", "row_id", "unmapped", "imported_at"],
}];

/// Where whole resources are kept.
const TABLE: &str = "exchange.fhir_resources";

/// The actions of this domain: imports and exports are commands, not endpoints.
#[must_use]
pub fn actions() -> Vec<Op> {
    Vec::new()
}
