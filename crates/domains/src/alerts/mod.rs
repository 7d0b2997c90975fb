//! Definitions of alerts, alerts, who is told and what became of it: the tables, to be read. What raises, delivers and
//! escalates an alert is not built yet.

use crate::shown;
use salus_store::Resource;

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
];
