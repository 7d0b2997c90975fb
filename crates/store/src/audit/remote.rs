//! What the anchors behind HTTP share: a call that has an end, on a thread of its own, because an anchor is asked from
//! inside other work and answers at once.

use salus_core::{Error, Result};
use std::{future::Future, time::Duration};

/// Most time for one call.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// No answer of an anchor is near this.
const MAX: usize = 4 << 20;

/// An answer.
pub(super) struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// Sends a request that `make` writes and waits for its answer.
pub(super) fn call(
    name: &str,
    make: impl FnOnce(&reqwest::Client) -> Result<reqwest::RequestBuilder> + Send,
) -> Result<Answer> {
    let failed = |why: &str| Error::Unavailable(format!("the anchor {name} {why}"));
    apart(async {
        let builder = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|_| failed("cannot be asked: no TLS client can be made"))?;
        let reply = make(&client)?.send().await;
        let reply =
            reply.map_err(|e| failed(if e.is_timeout() { "did not answer in time" } else { "cannot be reached" }))?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let body = reply.bytes().await.map_err(|_| failed("broke its answer off"))?.to_vec();
        if body.len() > MAX { Err(failed("answers too much")) } else { Ok(Answer { status, headers, body }) }
    })
}

/// Runs work on a thread and a runtime of its own.
fn apart<T: Send>(work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(Error::internal)?.block_on(work)
        });
        done.join().map_err(|_| Error::internal("a call of an anchor broke"))?
    })
}
