//! What comes from and goes to other systems, and the webhooks that tell them of events. Whole FHIR resources are kept sealed beside the rows made from them, so
//! that nothing a source said is lost; [`import`] and [`export`] stream files of any size through batches.
//!
//! Invariant: a resource of a source is stored once, found again by a keyed digest of its type and id; the same bytes
//! again change nothing.

mod batch;
pub mod export;
pub mod import;
mod kept;
mod outgoing;
mod resolve;
mod webhooks;
mod whole;

pub use webhooks::{PUBLISHED, jobs};
pub(crate) use whole::closed_by_masks;
pub use whole::guarded;

use crate::shown;
use salus_core::Result;
use salus_store::{Catalog, Op, Resource};

/// To how many systems a tenant tells events, and how that went last, for an evidence pack.
pub(crate) async fn webhooks(tx: &mut salus_store::Tx) -> Result<serde_json::Value> {
    let sql = salus_store::sql!(
        "SELECT jsonb_build_object('subscriptions', (SELECT count(*) FROM exchange.webhook_subscriptions), \
           'deliveries', (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (SELECT state::text, count(*) AS n \
              FROM exchange.webhook_deliveries GROUP BY 1) d))"
    );
    crate::told(tx, sql, &[]).await
}

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    FHIR_RESOURCES,
    SUBSCRIPTIONS,
    DELIVERIES,
    Resource {
        filters: &["state", "status"],
        ..shown(
            "exchange.registry_connections",
            "exchange/registry-connections",
            "exchange.registry",
            "exchange.registry.read",
        )
    },
    Resource {
        filters: &["connection_id", "student_id", "status"],
        ..shown(
            "exchange.registry_submissions",
            "exchange/registry-submissions",
            "exchange.submission",
            "exchange.registry.read",
        )
    },
    Resource {
        filters: &["name", "active"],
        ..shown("exchange.sis_sync_configs", "exchange/sis-configs", "exchange.sis_config", "exchange.sis.read")
    },
    Resource {
        filters: &["config_id", "status"],
        ..shown("exchange.sis_sync_jobs", "exchange/sis-jobs", "exchange.sis_job", "exchange.sis.read")
    },
    Resource {
        filters: &["job_id", "state", "code"],
        ..shown("exchange.sis_sync_errors", "exchange/sis-errors", "exchange.sis_error", "exchange.sis.read")
    },
];

const FHIR_RESOURCES: Resource = Resource {
    table: TABLE,
    path: "exchange/fhir-resources",
    noun: "exchange.fhir_resource",
    read: "exchange.fhir.read",
    write: None,
    filters: &["patient_id", "resource_type", "row_table", "row_id", "source"],
    locked: &[],
    list: &["source", "resource_type", "patient_id", "row_table", "row_id", "unmapped", "imported_at"],
};

const SUBSCRIPTIONS: Resource = Resource {
    table: "exchange.webhook_subscriptions",
    path: "exchange/webhook-subscriptions",
    noun: "exchange.webhook_subscription",
    read: "exchange.webhook.read",
    write: None,
    filters: &["name"],
    locked: &["is_active"],
    list: &[],
};

const DELIVERIES: Resource = Resource {
    table: "exchange.webhook_deliveries",
    path: "exchange/webhook-deliveries",
    noun: "exchange.webhook_delivery",
    read: "exchange.webhook.read",
    write: None,
    filters: &["subscription_id", "event_id", "event", "state"],
    locked: &[],
    list: &[],
};

/// The permission to take whole records out of the platform; reading one by one does not give it.
pub const EXPORT: &str = "exchange.fhir.export";

/// Where whole resources are kept.
const TABLE: &str = "exchange.fhir_resources";

/// The actions of this domain: imports and exports are commands, not endpoints.
///
/// # Errors
/// [`salus_core::Error::Internal`] when the catalogue lacks a table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    webhooks::actions(catalog)
}
