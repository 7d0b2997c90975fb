//! Models and fraud indicators as registered data. Scoring and detection are not built yet.

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "ai.models",
        path: "ai/models",
        noun: "ai.model",
        read: "ai.model.read",
        write: Some("ai.model.write"),
        filters: &["key", "status", "kind"],
        locked: &["status"],
        list: &[],
    },
    Resource {
        table: "ai.fraud_indicators",
        path: "ai/fraud-indicators",
        noun: "ai.fraud_indicator",
        read: "ai.fraud_indicator.read",
        write: Some("ai.fraud_indicator.write"),
        filters: &["code", "status", "family"],
        locked: &["status", "approved_by", "author_id"],
        list: &[],
    },
];
