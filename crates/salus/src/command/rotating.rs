//! The task of `salus serve` that looks after keys: it goes on with exchanges that broke off and begins those that are due
//! where the tenant's setting says so. A stop may cut it off anywhere: whoever comes next goes on.

use salus_store::{Db, rotate::Pace, runtime};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinHandle};

/// Between two looks.
const EVERY: Duration = Duration::from_mins(10);

/// The running task.
pub struct Rotating {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Begins to look after keys.
pub fn begin(db: Db) -> Rotating {
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let task = runtime::spawn(async move {
        let pace = Pace::default();
        let work = async {
            loop {
                match db.keep_keys(&pace).await {
                    Ok(0) => {}
                    Ok(finished) => tracing::info!(finished, "keys were exchanged"),
                    Err(e) => tracing::error!(error = %e, "keys cannot be looked after"),
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stopped.notified() => {}
        }
    });
    Rotating { stop, task }
}

impl Rotating {
    /// Ends.
    pub async fn end(self) {
        self.stop.notify_one();
        if let Err(e) = self.task.await {
            tracing::error!(error = %e, "looking after keys ended in a way it should not");
        }
    }
}
