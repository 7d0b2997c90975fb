//! Reading the audit log: the log itself, and who saw one person's record. Reading it is recorded like any other
//! access. Events are written by the kernel only, and sealed, verified and exported by `salus_store::audit`.

pub mod holds;
mod reads;

pub use reads::{reads, uses_through_glass};

use salus_store::Resource;

/// Exposed tables: alerts, to be read. The log has its own reads, because its order is that of time.
pub const RESOURCES: &[Resource] = &[Resource {
    table: "audit.tamper_alerts",
    path: "audit/tamper-alerts",
    noun: "audit.tamper_alert",
    read: "audit.log.read",
    write: None,
    filters: &["kind", "noted_on"],
    locked: &[],
    list: &[],
}];
