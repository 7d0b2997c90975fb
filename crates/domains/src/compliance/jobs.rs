//! What the compliance registers do at set times.

use super::registers;
use salus_store::jobs::{Job, Retry, When, Work};

/// Mondays, before the day begins.
const WEEKLY: &str = "10 5 * * 1";

/// The jobs of this domain.
#[must_use]
pub fn jobs() -> Vec<Job> {
    vec![Job {
        name: "compliance.queue_access_reviews",
        when: When::Cron(WEEKLY),
        retry: Retry::default(),
        work: Work::local(|tx, _| Box::pin(registers::queue_accesses(tx))),
    }]
}
