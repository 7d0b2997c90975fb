//! Places at which a test ends the process, as a power cut might: `SALUS_FAULT_POINT=name`, or `name:3` for the third
//! time it is passed. The tests of `crates/salus/tests/chaos` end a process at each, start it again, and look whether
//! anything is lost, done twice or half-done.
//!
//! A debug build has them, and a release build only with the feature `fault-points`; otherwise they are nothing. Each
//! stands in the code once (`every_fault_point_stands_in_the_code_once`).

use salus_core::{Error, Result};
use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

/// Whether this build has them.
pub const ARMABLE: bool = cfg!(any(debug_assertions, feature = "fault-points"));

/// All of them, by what is done when they are passed.
pub const POINTS: [&str; 63] = [
    // A change.
    "begin.keys_known",
    "unit.begun",
    "unit.ready",
    "unit.committed",
    "tx.event_made",
    "tx.committed",
    "tx.receipts_noted",
    "tx.outbox_queued",
    "receipts.before_write",
    "receipts.written",
    "receipts.synced",
    "dispatch.permitted",
    "dispatch.worked",
    "dispatch.committed",
    "idempotency.claimed",
    "idempotency.worked",
    "idempotency.remembered",
    "engine.keys_made",
    "engine.row_inserted",
    "web.before_answer",
    // The same request again.
    "idempotency.answered_again",
    // A change that is refused.
    "unit.rolling_back",
    "unit.rolled_back",
    "tx.abandoned",
    "dispatch.abandoned",
    // A read.
    "group.waits",
    "group.taken",
    "group.written",
    "group.told",
    // Sealing and anchoring the audit log.
    "seal.locked",
    "seal.appended",
    "seal.published",
    "seal.ready",
    "seal.committed",
    "anchor.ready",
    "anchor.file_written",
    "anchor.kept",
    "anchor.noted",
    // Exchanging keys.
    "rotation.made",
    "rotation.activating",
    "rotation.activated",
    "rotation.batch_moved",
    "rotation.batch_kept",
    "rotation.judged",
    "rotation.retiring",
    "rotation.retired",
    "rewrap.version_made",
    "rewrap.tenant_moved",
    "rewrap.log_moved",
    "rewrap.given_up",
    // Migrations.
    "migration.locked",
    "migration.sent",
    "migration.done",
    "migration.attesting",
    "migration.attested",
    // A backup.
    "backup.slot_made",
    "backup.archived",
    "backup.written",
    "backup.named",
    // Erasing a person.
    "erasure.listed",
    "erasure.destroyed",
    // A new tenant.
    "tenant.row_made",
    "tenant.made",
];

struct Armed {
    name: &'static str,
    left: AtomicU32,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Arms one: the process ends when it is passed.
///
/// # Errors
/// [`Error::Invalid`] for a name or a number that is none.
pub fn arm(text: &str) -> Result<()> {
    let wrong = |why: String| Error::invalid("SALUS_FAULT_POINT", "not_allowed", why);
    let (name, times) = text.split_once(':').unwrap_or((text, "1"));
    let name = POINTS.iter().find(|p| **p == name).ok_or_else(|| wrong(format!("{name} is no fault point")))?;
    let times = times.parse().ok().filter(|n| *n > 0);
    let left = AtomicU32::new(times.ok_or_else(|| wrong("The time it is passed is a number from 1".into()))?);
    ARMED.get_or_init(|| Armed { name, left });
    Ok(())
}

/// Ends the process here when the test said so.
#[inline]
pub fn reached(name: &'static str) {
    if ARMABLE
        && let Some(armed) = ARMED.get()
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // No image of the memory, in which keys are, is left on the disk.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none).ok();
        std::process::abort();
    }
}

/// Whether a name is in the list; asked while the program is compiled.
#[must_use]
pub const fn is_listed(name: &str) -> bool {
    let mut at = 0;
    while at < POINTS.len() {
        if same(POINTS[at].as_bytes(), name.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// A place at which a test may end the process. Its name is in [`POINTS`].
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {{
        const _: () = assert!($crate::fault::is_listed($name), "name it in salus_store::fault::POINTS");
        $crate::fault::reached($name);
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_points_can_be_armed() {
        assert!(is_listed("unit.committed") && !is_listed("unit.commit") && !is_listed("unit.committed2"));
        for bad in ["", "nowhere", "unit.committed:0", "unit.committed:x"] {
            assert!(arm(bad).unwrap_err().to_string().contains("SALUS_FAULT_POINT"), "{bad}");
        }
    }
}
