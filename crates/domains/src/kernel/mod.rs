//! What an administrator sees of the kernel: settings, background work with its schedules, and the inventory of keys with
//! its history. Keys are changed by `salus keys` only, and their wrapped bytes are never shown.

mod actions;
mod jobs;
mod reads;

pub use actions::actions;
pub use jobs::jobs;
pub use reads::reads;

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
];
