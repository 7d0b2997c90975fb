//! Key services that keep a key of their own and never give it out: Vault or `OpenBao` (transit) and AWS KMS. What they wrap is
//! the operator's identity, which opens the root key: instead of `operator.key` there is `operator.kms`, and without the
//! service nobody starts a server. The recovery identity still opens the root key, so losing the service loses nothing.
//!
//! A service is asked at the start of a program and by `salus keys`, not while requests run: one that is slow or
//! away stops nobody who is served. A failure that may pass is tried again a few times; a refusal is told at once.

mod aws;
mod calls;
mod sign;
mod vault;

pub use aws::AwsKms;
pub use calls::Patience;
pub(crate) use calls::host;
pub(crate) use sign::{Credentials, Request, sign};
pub use vault::Vault;

use crate::seal::{RootFile, replace_private};
use futures_util::future::BoxFuture;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What is bound to the wrapped identity: the service opens it for nothing else.
const PURPOSE: &str = "salus/operator-identity/v1";

/// A key service.
pub trait Kms: Send + Sync {
    /// `vault` or `aws`.
    fn kind(&self) -> &'static str;
    /// The name of the key there.
    fn key(&self) -> &str;
    /// Wraps bytes with the newest version of the key: what came of it.
    fn wrap<'a>(&'a self, clear: &'a [u8]) -> BoxFuture<'a, Result<String>>;
    /// Opens what it wrapped.
    fn unwrap<'a>(&'a self, blob: &'a str) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>>>;
    /// The newest version of the key.
    fn newest(&self) -> BoxFuture<'_, Result<String>>;
}

/// `operator.kms`: the operator's identity as a key service wrapped it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Which kind of service.
    pub kms: String,
    /// The name of the key.
    pub key: String,
    /// The version of the key when it was wrapped.
    pub version: String,
    /// What the service made of it.
    pub blob: String,
}

impl Kept {
    /// Reads the file; none where there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the file.
    pub fn read(file: &RootFile) -> Result<Option<Self>> {
        let path = file.operator_kms();
        let failed = |e: &dyn std::fmt::Display| Error::Unavailable(format!("{} cannot be read: {e}", path.display()));
        match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&e)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| failed(&e)),
        }
    }

    /// The identity, from the service that wrapped it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] saying what the service said, and that the recovery identity works without it.
    pub async fn identity(&self, kms: &dyn Kms) -> Result<Zeroizing<String>> {
        if (self.kms.as_str(), self.key.as_str()) != (kms.kind(), kms.key()) {
            return Err(Error::Unavailable(format!(
                "operator.kms was wrapped by the key {} of {}, and the settings name {} of {}",
                self.key,
                self.kms,
                kms.key(),
                kms.kind()
            )));
        }
        let clear = kms.unwrap(&self.blob).await?;
        let text =
            std::str::from_utf8(&clear).map_err(|_| Error::Unavailable("operator.kms holds no identity".into()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// Wraps an identity with the newest version of the service's key, proves that it opens, and writes `operator.kms`.
///
/// # Errors
/// [`Error::Unavailable`]; the file is what it was then.
pub async fn keep(kms: &dyn Kms, file: &RootFile, identity: &str) -> Result<Kept> {
    let version = kms.newest().await?;
    let blob = kms.wrap(identity.as_bytes()).await?;
    let kept = Kept { kms: kms.kind().into(), key: kms.key().into(), version, blob };
    if *kept.identity(kms).await? != identity {
        return Err(Error::Unavailable(format!(
            "{} did not give back what it wrapped: nothing was changed",
            kms.kind()
        )));
    }
    let mut text = serde_json::to_vec_pretty(&kept).map_err(Error::internal)?;
    text.push(b'\n');
    replace_private(&file.operator_kms(), &text)?;
    Ok(kept)
}
