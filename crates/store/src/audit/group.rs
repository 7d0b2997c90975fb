//! Events of reads, committed together: one transaction and one flush for all that wait, and no answer before it.
//!
//! A read changes nothing, so its event needs no place in its transaction, only one before its answer. Whoever finds
//! a turn free writes the events of all who wait, and each learns how that ended: when it fails, none is answered.
//! A group is of one tenant, because row-level security lets a transaction write for one (decision 14).

use super::{Event, rows::Rows};
use crate::{Db, fault_point, unit::Unit};
use salus_core::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Most events of one transaction; what comes later waits for the next.
const MOST: usize = 100;

/// The events of one tenant that are to be written. One group of a tenant is on its way at a time: with four, each was
/// so small that a quiet machine answered a fifth less (bench/README.md).
#[derive(Default)]
pub(crate) struct Group {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    event: Event,
    told: oneshot::Sender<Result<(), String>>,
}

impl Db {
    /// Writes an event that stands for itself. When this returns without an error, the event is durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it could not be written: nothing may be answered then.
    pub(crate) async fn record(&self, event: Event) -> Result<()> {
        let group = self.group(event.tenant);
        let tenant = event.tenant;
        let (told, mut ended) = oneshot::channel();
        group.lock().push(Waiting { event, told });
        fault_point!("group.waits");
        loop {
            tokio::select! {
                biased;
                // A writer that was dropped half-way has told nobody; then nobody knows.
                ended = &mut ended => return ended.unwrap_or_else(|_| Err(LOST.into())).map_err(Error::Unavailable),
                _turn = group.turn.lock() => self.write_group(tenant, group.take()).await,
            }
        }
    }

    fn group(&self, tenant: Uuid) -> Arc<Group> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().clone()
    }

    async fn write_group(&self, tenant: Uuid, group: Vec<Waiting>) {
        if group.is_empty() {
            return;
        }
        let (events, told): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.event, w.told)).unzip();
        fault_point!("group.taken");
        let rows = Rows::of(&events);
        let unit = Unit::recording(&self.0.pool, tenant);
        let written = unit.commit(&[(Rows::AS_READER, &rows.params())]).await;
        fault_point!("group.written");
        self.0.writer.receipts(&events, written.is_ok());
        let written = written.map_err(|f| unrecorded(self.failed(f)).to_string());
        for one in told {
            // Who does not wait any more does not answer either.
            let _ = one.send(written.clone());
        }
        fault_point!("group.told");
    }
}

const LOST: &str = "the audit event may not have been written: nothing is answered";

impl Group {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next to be written, in the order in which they came.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.lock();
        let most = waiting.len().min(MOST);
        waiting.drain(..most).collect()
    }
}

/// An event that the database refused. Nothing is answered then, and nothing was done, unless nobody knows.
pub(crate) fn unrecorded(e: Error) -> Error {
    if matches!(e, Error::Unavailable(_) | Error::UnknownOutcome) {
        return e;
    }
    tracing::error!(why = %e, "an audit event could not be written");
    Error::Unavailable("the audit log cannot be written: nothing is answered until it can".into())
}
