//! SMS by a provider's webhook: one POST of JSON (`id`, `to`, `text`) with a bearer token. Which provider it is, and in what
//! form it wants the message, is the matter of whatever answers there.

use super::{Carrier, Letter};
use futures_util::future::BoxFuture;
use salus_core::{Error, Result};
use salus_store::outbound::{Message, Origin, Outbound};
use serde_json::json;

/// A provider's address.
pub struct SmsWebhook {
    outbound: Outbound,
    url: String,
    origin: Origin,
    authorization: String,
}

impl SmsWebhook {
    /// The provider at `url`, who knows us by `token`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that must not be called.
    pub fn new(outbound: Outbound, url: &str, token: &str) -> Result<Self> {
        let origin = Origin::of(&outbound.rules().check(url)?);
        Ok(Self { outbound, url: url.to_owned(), origin, authorization: format!("Bearer {}", token.trim()) })
    }
}

impl Carrier for SmsWebhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let body = json!({"id": letter.id, "to": letter.to, "text": letter.text});
            let message = Message {
                headers: vec![("idempotency-key", letter.id.clone())],
                credential: Some((&self.origin, &self.authorization)),
                body: body.to_string().into_bytes(),
            };
            match self.outbound.post(&self.url, message).await? {
                200..=299 => Ok(()),
                400..=428 | 430..=499 => {
                    Err(Error::Conflict { code: "sms_refused", detail: "The provider refused it".into() })
                }
                _ => Err(Error::Unavailable("the provider did not take it".into())),
            }
        })
    }
}
