//! Reading the audit log: the log itself, and who saw one person's record. Reading it is recorded like any other
//! access. Events are written by the kernel only, and sealed, verified and exported by `salus_store::audit`.

mod alerts;
pub mod balp;
mod evidence;
pub mod holds;
mod reads;

pub use alerts::{actions, raise};
pub use evidence::{accesses_by_users, counted};
pub(crate) use evidence::{changes, given_out, held};
pub use reads::{head, reads, uses_through_glass};

use crate::shown;
use salus_store::Resource;

/// Exposed tables, to be read: alerts, about which [`actions`] decide, and the last digest of each row. The log has its
/// own reads, because its order is that of time.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "audit.tamper_alerts",
        path: "audit/tamper-alerts",
        noun: "audit.tamper_alert",
        read: "audit.log.read",
        write: None,
        filters: &["kind", "noted_on", "state", "table_name", "row_id"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "audit.data_integrity_checksums",
        path: "audit/data-integrity-checksums",
        noun: "audit.checksum",
        read: "audit.log.read",
        write: None,
        filters: &["table_name", "row_id", "state"],
        locked: &[],
        list: &[],
    },
    Resource {
        filters: &["scope", "state"],
        ..shown(
            "audit.integrity_verification_runs",
            "audit/verification-runs",
            "audit.verification_run",
            "audit.log.read",
        )
    },
];
