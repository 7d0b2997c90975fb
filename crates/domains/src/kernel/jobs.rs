//! The kernel's own work at set times: what queues and memories hold of the past is removed.

use salus_core::Result;
use salus_store::{
    Tx,
    jobs::{Job, Retry, When, Work},
    sql,
};

/// Days that handed-over events are kept.
const EVENT_DAYS: f64 = 7.0;
/// Days that done and discarded jobs are kept; what is dead waits for a person.
const JOB_DAYS: f64 = 30.0;
/// Days in which a message that comes again is known.
const INBOX_DAYS: f64 = 90.0;

/// The jobs of this domain.
#[must_use]
pub fn jobs() -> Vec<Job> {
    vec![Job {
        name: "kernel.prune_queues",
        when: When::Cron(PRUNE_AT),
        retry: Retry::default(),
        work: Work::local(|tx, _| Box::pin(prune(tx))),
    }]
}

pub(super) const PRUNE_AT: &str = "17 3 * * *";

async fn prune(tx: &mut Tx) -> Result<()> {
    let events = sql!("DELETE FROM kernel.outbox WHERE done_at < clock_timestamp() - $1 * interval '1 day'");
    tx.query(events, &[&EVENT_DAYS]).await?;
    let jobs = sql!(
        "DELETE FROM kernel.jobs WHERE state IN ('done', 'discarded') AND finished_at < clock_timestamp() - $1 * interval '1 day'"
    );
    tx.query(jobs, &[&JOB_DAYS]).await?;
    let inbox = sql!("DELETE FROM kernel.inbox WHERE created_at < clock_timestamp() - $1 * interval '1 day'");
    tx.query(inbox, &[&INBOX_DAYS]).await?;
    tx.query(sql!("DELETE FROM kernel.idempotency_keys WHERE expires_at < clock_timestamp()"), &[]).await?;
    Ok(())
}
