//! Calls to a key service: each attempt has an end, few are made, and what the service says is told without its text, which
//! could repeat what was sent.

use salus_core::{Error, Result};
use serde_json::Value;
use std::{future::Future, time::Duration};

/// How long and how often a service is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Most time for one attempt.
    pub attempt: Duration,
    /// Attempts.
    pub tries: u32,
    /// Rest after the first; twice as long after each further one.
    pub rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempt: Duration::from_secs(5), tries: 4, rest: Duration::from_millis(250) }
    }
}

/// A service's answer.
pub(super) struct Answer {
    pub status: u16,
    pub body: Value,
}

/// Why an attempt failed.
pub(super) enum Failed {
    /// It may go better the next time.
    Passing(String),
    /// It will not.
    For(String),
}

/// The host of an address to which secrets may be sent: by TLS, or on this machine.
///
/// # Errors
/// [`Error::Invalid`] for any other.
pub(crate) fn host(field: &str, address: &str) -> Result<String> {
    let wrong = || Error::invalid(field, "not_an_address", "Is https:// and a host; http:// on this machine only");
    let (scheme, host) = address.split_once("://").ok_or_else(wrong)?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let safe = scheme == "https" || (scheme == "http" && matches!(name, "127.0.0.1" | "localhost" | "[::1]"));
    if safe && !host.is_empty() && !host.contains(['/', '@']) { Ok(host.to_owned()) } else { Err(wrong()) }
}

pub(super) struct Calls {
    pub client: reqwest::Client,
    pub patience: Patience,
    /// Service and key, as messages name them.
    pub name: String,
}

impl Calls {
    pub fn new(patience: Patience, name: String) -> Result<Self> {
        let builder = reqwest::Client::builder().timeout(patience.attempt).redirect(reqwest::redirect::Policy::none());
        let client =
            builder.build().map_err(|e| Error::Unavailable(format!("{name}: no TLS client can be made: {e}")))?;
        Ok(Self { client, patience, name })
    }

    /// Makes attempts until one gives something or fails for good.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the last reason.
    pub async fn with_patience<F, T>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let (mut rest, mut tried) = (self.patience.rest, 0);
        loop {
            tried += 1;
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(Failed::Passing(_)) if tried < self.patience.tries => {}
                Err(Failed::Passing(why)) => return Err(self.unavailable(&format!("{why}; tried {tried} times"))),
                Err(Failed::For(why)) => return Err(self.unavailable(&why)),
            }
            tokio::time::sleep(rest).await;
            rest *= 2;
        }
    }

    pub fn unavailable(&self, why: &str) -> Error {
        Error::Unavailable(format!(
            "{}: {why}. A recovery identity opens the root key without it (operator_key)",
            self.name
        ))
    }
}

/// Sends one request and reads a small JSON answer.
pub(super) async fn send(request: reqwest::RequestBuilder) -> Result<Answer, Failed> {
    let reply = request.send().await.map_err(|e| {
        Failed::Passing(if e.is_timeout() { "it did not answer in time".into() } else { "it cannot be reached".into() })
    })?;
    let status = reply.status().as_u16();
    let bytes = reply.bytes().await.map_err(|_| Failed::Passing("its answer broke off".into()))?;
    if bytes.len() > 1 << 20 {
        return Err(Failed::For("its answer is too long".into()));
    }
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status, body })
}
