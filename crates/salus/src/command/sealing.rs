//! The task of `salus serve` that seals the audit log every second and anchors its head every 30 (`spec` B1.5, B1.8).
//!
//! A failure stops nothing else: events stay and are sealed later. It is logged when it begins, when it changes and
//! when it ends, and not every second.

use salus_core::{Error, Result};
use salus_store::{
    audit::{Anchor, Log, Sealer},
    runtime,
};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::JoinHandle};

/// Between two seals.
const EVERY: Duration = Duration::from_secs(1);
/// Between two heads that are kept outside, while the log grows.
const ANCHOR: Duration = Duration::from_secs(30);

/// The running task.
pub struct Sealing {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Begins to seal.
pub fn begin(log: Log, anchors: Vec<Box<dyn Anchor>>, receipts: PathBuf) -> Sealing {
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let task = runtime::spawn(async move {
        let mut work =
            Work { sealer: Sealer::new(log), anchors, receipts, anchored: 0, due: Instant::now(), trouble: None };
        loop {
            work.turn(false).await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stopped.notified() => break,
            }
        }
        // What was recorded up to the stop is sealed and anchored before it.
        work.turn(true).await;
    });
    Sealing { stop, task }
}

impl Sealing {
    /// Seals and anchors once more, and ends.
    pub async fn end(self) {
        self.stop.notify_one();
        if let Err(e) = self.task.await {
            tracing::error!(error = %e, "the sealer ended in a way it should not");
        }
    }
}

struct Work {
    sealer: Sealer,
    /// The file first, which is asked at every seal.
    anchors: Vec<Box<dyn Anchor>>,
    receipts: PathBuf,
    /// Size of the head that is kept.
    anchored: u64,
    due: Instant,
    trouble: Option<String>,
}

impl Work {
    async fn turn(&mut self, last: bool) {
        let done = self.seal(last).await;
        let now = done.err().map(|e| e.to_string());
        match (&self.trouble, &now) {
            (was, Some(why)) if was.as_ref() != Some(why) => tracing::error!(%why, "the audit log is not sealed"),
            (Some(_), None) => tracing::info!("the audit log is sealed again"),
            _ => {}
        }
        self.trouble = now;
    }

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
