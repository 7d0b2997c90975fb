//! Tasks that outlive the connection they serve. When a client hangs up, hyper drops the handler; work that has begun
//! in the database must still come to its commit or rollback, so it runs here and the handler merely waits.

use salus_core::{Error, Result};
use std::future::Future;

/// Runs `work` to its end on the runtime, whether or not the caller is still waiting.
///
/// # Errors
/// Those of `work`; a panic in it becomes [`Error::Internal`].
pub async fn finish<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    spawn(work).await.map_err(Error::internal)?
}

/// Lets this process have as many files and connections open as its account may: the limit that programs begin with,
/// often 1024, is below what a server is asked to hold.
pub fn allow_open_files() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit) {
        tracing::warn!(error = %e, "the limit of open files cannot be raised");
    }
}

/// Starts `work` in the background.
pub fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    #[allow(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    tokio::spawn(work)
}
