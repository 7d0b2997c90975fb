//! What comes from and goes to other systems. Whole FHIR resources are kept sealed beside the rows made from them, so
//! that nothing a source said is lost; `salus import fhir` and `salus export fhir` go through the operations here.

use salus_store::{Op, Resource};

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[Resource {
    table: "exchange.fhir_resources",
    path: "exchange/fhir-resources",
    noun: "exchange.fhir_resource",
    read: "exchange.fhir.read",
    write: None,
    filters: &["patient_id", "resource_type", "row_table", "row_id", "source"],
    locked: &[],
    list: &["source", "resource_type", "patient_id", "row_table", "row_id", "unmapped", "imported_at"],
}];

/// The actions of this domain.
#[must_use]
pub fn actions() -> Vec<Op> {
    Vec::new()
}
