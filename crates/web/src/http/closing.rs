//! That the server ends, for answers that would otherwise go on: a stream ends with it, so that draining does not wait for it.

use tokio::sync::watch;

/// What a request carries of it.
#[derive(Debug, Clone)]
pub struct Closing(pub(super) watch::Receiver<()>);

impl Closing {
    /// Waits until the server ends; forever where nobody says so.
    pub async fn wait(closing: Option<Self>) {
        match closing {
            Some(Self(mut told)) => drop(told.changed().await),
            None => std::future::pending().await,
        }
    }
}
