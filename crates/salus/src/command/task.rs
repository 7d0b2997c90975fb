//! What `salus serve` does beside answering requests: a task that works until it is told to stop, and says of a trouble
//! when it begins, when it changes and when it ends, not at every turn.

use salus_core::Result;
use salus_store::runtime;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinHandle};

/// A running task.
pub struct Task {
    name: &'static str,
    stop: Arc<Notify>,
    work: JoinHandle<()>,
}

/// By which a task learns that it is to stop.
pub struct Stop(Arc<Notify>);

impl Task {
    /// Begins to work.
    pub fn begin<W: Future<Output = ()> + Send + 'static>(name: &'static str, work: impl FnOnce(Stop) -> W) -> Self {
        let stop = Arc::new(Notify::new());
        let work = runtime::spawn(work(Stop(Arc::clone(&stop))));
        Self { name, stop, work }
    }

    /// Tells it to stop, and waits until it has ended.
    pub async fn end(self) {
        self.stop.notify_one();
        if let Err(e) = self.work.await {
            tracing::error!(task = self.name, error = %e, "a task ended in a way it should not");
        }
    }
}

impl Stop {
    /// Waits this long, or until the task is to stop; whether it is.
    pub async fn within(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.told()).await.is_ok()
    }

    /// Waits until the task is to stop.
    pub async fn told(&self) {
        self.0.notified().await;
    }
}

/// What kept the last turn of a task from succeeding.
#[derive(Default)]
pub struct Trouble(Option<String>);

impl Trouble {
    /// Takes the end of a turn: `failing` is logged with a new reason, `again` when there is none any more.
    pub fn after(&mut self, turn: Result<()>, failing: &str, again: &str) {
        let now = turn.err().map(|e| e.to_string());
        match (&self.0, &now) {
            (was, Some(why)) if was.as_ref() != Some(why) => tracing::error!(%why, "{failing}"),
            (Some(_), None) => tracing::info!("{again}"),
            _ => {}
        }
        self.0 = now;
    }
}
