//! What an administrator sees of the kernel: settings, background work with its schedules, the inventory of keys with its
//! history, and what waits for another person. Wrapped bytes of keys are never shown. What is done to a key by hand has
//! the paths of system 004.

mod actions;
pub(crate) mod evidence;
mod jobs;
mod reads;
mod security;

pub use actions::actions;
pub use jobs::jobs;
pub use reads::reads;
pub(crate) use reads::{limit, limit_param};
pub use security::actions as key_actions;

use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        table: "kernel.settings",
        path: "kernel/settings",
        noun: "kernel.setting",
        read: "kernel.setting.read",
        write: Some("kernel.setting.write"),
        filters: &["name"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.jobs",
        path: "kernel/jobs",
        noun: "kernel.job",
        read: "kernel.job.read",
        write: None,
        filters: &["job", "state", "event", "row_id"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.schedules",
        path: "kernel/schedules",
        noun: "kernel.schedule",
        read: "kernel.job.read",
        write: None,
        filters: &["job"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.keys",
        path: "kernel/keys",
        noun: "kernel.key",
        read: "kernel.key.read",
        write: None,
        filters: &["kind", "state", "key_class"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.key_rotation_history",
        path: "kernel/key-rotation-history",
        noun: "kernel.key_rotation",
        read: "kernel.key.read",
        write: None,
        filters: &["kind", "state", "key_class", "reason"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.encrypted_field_metadata",
        path: "kernel/encrypted-field-metadata",
        noun: "kernel.encrypted_field",
        read: "kernel.key.read",
        write: None,
        filters: &["table_name", "key_class", "key_no"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.erasures",
        path: "kernel/erasures",
        noun: "kernel.erasure",
        read: "kernel.key.read",
        write: None,
        filters: &["person_id", "reason", "erased_at"],
        locked: &[],
        list: &[],
    },
    Resource {
        table: "kernel.approvals",
        path: "kernel/approvals",
        noun: "kernel.approval",
        read: "kernel.approval.read",
        write: None,
        filters: &["act", "state", "person_id", "key_id", "created_at"],
        locked: &[],
        list: &[],
    },
];
