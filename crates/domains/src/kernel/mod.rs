//! What an administrator sees of the kernel: settings and the inventory of keys. Keys are changed by `salus keys`
//! only, and their wrapped bytes are never shown.

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
        table: "kernel.keys",
        path: "kernel/keys",
        noun: "kernel.key",
        read: "kernel.key.read",
        write: None,
        filters: &["kind", "state", "key_class"],
        locked: &[],
        list: &[],
    },
];
