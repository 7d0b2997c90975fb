//! Definitions of alerts, alerts, who is told and what became of it: the tables, to be read. A domain raises an alert by
//! [`raise`]; what delivers and escalates one is not built yet.

use crate::{row, shown};
use salus_core::Result;
use salus_store::{Resource, Tx, engine::NewRow, sql};
use serde_json::json;
use uuid::Uuid;

/// What is raised.
#[derive(Debug, Clone, Copy)]
pub struct Raised<'a> {
    /// Says which alert is the same as one before.
    pub key: &'a str,
    /// A value of `alerts.alert_severity`.
    pub severity: &'a str,
    /// A value of `alerts.alert_category`.
    pub category: &'a str,
    /// What happened, without health data.
    pub title: &'a str,
    /// Where.
    pub school: Option<Uuid>,
    /// What it is about.
    pub subject: &'a str,
}

/// Raises an alert. While one of the same key is open it happens once more, and no second one is made. The caller must reach the
/// whole tenant.
///
/// # Errors
/// Those of the database.
pub async fn raise(tx: &mut Tx, raised: &Raised<'_>) -> Result<Uuid> {
    let sql = sql!(
        "UPDATE alerts.alert_instances SET occurrences = occurrences + 1, last_seen = clock_timestamp() \
         WHERE dedupe_key = $1 AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') RETURNING id"
    );
    if let Some(open) = tx.query_opt(sql, &[&raised.key]).await? {
        return Ok(open.get(0));
    }
    let id = tx.ctx.env.id();
    let values = row(json!({
        "dedupe_key": raised.key, "severity": raised.severity, "category": raised.category, "title": raised.title,
        "school_id": raised.school, "subject_ref": raised.subject,
    }));
    tx.insert("alerts.alert_instances", &[NewRow { id, values }]).await?;
    Ok(id)
}

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
