//! The task of `salus serve` that seals the audit log every second and anchors its head every 30 (`spec` B1.5, B1.8).
//!
//! A failure stops nothing else: events stay and are sealed later. It is logged when it begins, when it changes and
//! when it ends, and not every second.

use super::task::{Stop, Task, Trouble};
use salus_core::{Error, Result};
use salus_store::audit::{Anchor, Log, Sealer};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Between two seals.
const EVERY: Duration = Duration::from_secs(1);
/// Between two heads that are kept outside, while the log grows.
const ANCHOR: Duration = Duration::from_secs(30);

/// Begins to seal.
pub fn begin(log: Log, anchors: Vec<Box<dyn Anchor>>, receipts: PathBuf) -> Task {
    Task::begin("sealing", async move |stop: Stop| {
        let mut work = Work { sealer: Sealer::new(log), anchors, receipts, anchored: 0, due: Instant::now() };
        let mut trouble = Trouble::default();
        let (failing, again) = ("the audit log is not sealed", "the audit log is sealed again");
        loop {
            trouble.after(work.seal(false).await, failing, again);
            if stop.within(EVERY).await {
                break;
            }
        }
        // What was recorded up to the stop is sealed and anchored before it.
        trouble.after(work.seal(true).await, failing, again);
    })
}

struct Work {
    sealer: Sealer,
    /// The file first, which is asked at every seal.
    anchors: Vec<Box<dyn Anchor>>,
    receipts: PathBuf,
    /// Size of the head that is kept.
    anchored: u64,
    due: Instant,
}

impl Work {
    async fn seal(&mut self, last: bool) -> Result<()> {
        let Some(first) = self.anchors.first() else { return Err(Error::internal("no anchor")) };
        let sealed = self.sealer.seal_anchored(first.as_ref(), Some(&self.receipts)).await?;
        for s in &sealed.suspects {
            tracing::error!(leaf = s.leaf, event = %s.event, tenant = %s.tenant, "an audit event was not made by a Salus process");
        }
        if !sealed.busy && sealed.size != self.anchored && (last || self.due <= Instant::now()) {
            self.due = Instant::now() + ANCHOR;
            let mut anchored = 0;
            for anchor in &self.anchors {
                anchored = self.sealer.anchor(anchor.as_ref()).await?;
            }
            self.anchored = anchored;
        }
        Ok(())
    }
}
