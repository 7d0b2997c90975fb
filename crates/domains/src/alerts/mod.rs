//! Alerts: what raises one, whom it reaches and by which way, what became of telling them, and how it escalates until
//! somebody has it in hand. A domain raises an alert by [`raise()`]; definitions raise them for events and for what is
//! measured.
//!
//! Invariants: while an alert of a key is open there is no second one; an alert, who is told and what is told commit together;
//! what leaves the platform holds a code and an address; nobody is told who could not see it. Delivery is that of
//! notifications (`auth`), time is that of jobs.

mod actions;
mod audience;
mod chain;
mod changes;
mod condition;
mod definitions;
mod jobs;
mod on_call;
mod quiet;
mod raise;
mod reads;
mod replay;
mod severity;
mod subscriptions;
mod tell;

pub use chain::{ESCALATED, RESOLVED};
pub use changes::pulse;
pub use jobs::jobs;
pub use raise::{RAISED, Raised, raise};
pub use severity::{Channel, Severity};

use crate::shown;
use salus_core::Result;
use salus_store::{Catalog, Op, Resource};

/// What an alert is about, as `alerts.alert_category` has it.
pub const CATEGORIES: [&str; 9] =
    ["CLINICAL", "MEDICATION", "ALLERGY", "IMMUNIZATION", "OUTBREAK", "SECURITY", "COMPLIANCE", "OPERATIONS", "SYSTEM"];

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        filters: &["code", "category", "severity", "enabled"],
        ..shown("alerts.alert_definitions", "alerts/definitions", "alerts.definition", "ops.alert.define")
    },
    Resource {
        filters: &["status", "severity", "school_id", "patient_id", "definition_id"],
        ..shown("alerts.alert_instances", "alerts/instances", "alerts.instance", "ops.alert.read")
    },
    Resource {
        filters: &["user_id", "role"],
        ..shown("alerts.alert_subscriptions", "alerts/subscriptions", "alerts.subscription", "ops.alert.define")
    },
    Resource {
        filters: &["instance_id", "recipient_id", "status"],
        ..shown("alerts.alert_delivery_log", "alerts/deliveries", "alerts.delivery", "ops.alert.define")
    },
    Resource {
        write: Some("ops.alert.define"),
        filters: &["list", "user_id", "starts_at", "ends_at"],
        ..shown("alerts.on_call_shifts", "alerts/on-call", "alerts.on_call_shift", "ops.alert.define")
    },
];

/// What is written besides plain rows.
///
/// # Errors
/// [`salus_core::Error::Internal`] when the catalogue lacks a table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let mut all = actions::ops(catalog)?;
    all.extend(definitions::ops());
    all.extend(subscriptions::ops());
    all.extend(on_call::ops());
    Ok(all)
}

/// What is read besides plain rows.
#[must_use]
pub fn reads() -> Vec<Op> {
    let mut all = reads::ops();
    all.push(changes::op());
    all
}
