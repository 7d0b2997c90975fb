//! The shapes of all tables that hold FHIR resources: one file a subject.

mod allergy;
mod condition;
mod document;
mod encounter;
mod immunization;
mod medication;
mod observation;
mod observed;
mod patient;
mod person;
mod procedure;
mod provider;
mod report;
mod shared;

pub(super) use shared::sensitivity;

use super::lens::Shape;
use crate::json::Json;

static SHAPES: &[&Shape] = &[
    &patient::PATIENT,
    &provider::PRACTITIONER,
    &provider::ORGANIZATION,
    &encounter::ENCOUNTER,
    &condition::CONDITION,
    &medication::REQUEST,
    &medication::STATEMENT,
    &medication::DISPENSE,
    &medication::ADMINISTRATION,
    &allergy::ALLERGY,
    &procedure::PROCEDURE,
    &immunization::IMMUNIZATION,
    &observation::VITAL_SIGN,
    &observation::LAB_RESULT,
    &report::REPORT,
    &document::DOCUMENT,
];

/// The shape of a type in a table.
pub(super) fn shape(resource_type: &str, table: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.resource == resource_type && shape.table == table).copied()
}

/// The shape that holds `resource`.
pub(super) fn shape_of(resource_type: &str, resource: &Json<'_>) -> Option<&'static Shape> {
    if resource_type == "Observation" {
        return observation::shape(resource);
    }
    SHAPES.iter().find(|shape| shape.resource == resource_type).copied()
}

/// Why [`shape_of`] found none for a type that has tables.
pub(super) fn why_none(resource_type: &str) -> Option<&'static str> {
    (resource_type == "Observation").then_some("it is neither a vital sign nor a laboratory result")
}

/// The tables a resource of this type can go into; none: it is kept whole only.
#[must_use]
pub fn tables_of(resource_type: &str) -> Vec<&'static str> {
    SHAPES.iter().filter(|shape| shape.resource == resource_type).map(|shape| shape.table).collect()
}
