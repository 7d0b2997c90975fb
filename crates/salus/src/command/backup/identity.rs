//! The identity that opens a backup's root key: of a file, or as the key service gives it where one keeps it.

use super::RestoreArgs;
use crate::config::Config;
use salus_core::{Error, Result};
use salus_store::{kms::Kept, seal::RootFile};
use std::{
    fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// An identity and where it was.
pub(super) struct Identity {
    pub(super) text: Zeroizing<String>,
    pub(super) source: Source,
}

/// Where an identity was.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// In this file.
    File(PathBuf),
    /// With the key service; wrapped in this file.
    Service(PathBuf),
}

impl Identity {
    /// Finds it: in the file that was named, else in the operator's where the settings say, else with the key service.
    pub(super) async fn find(config: &Config, args: &RestoreArgs) -> Result<Self> {
        let usual = RootFile::at(&config.home, config.operator_key.clone()).operator;
        let kms = match &args.settings {
            Some(file) => Some(settings(file)?.kms.ok_or_else(|| {
                let why = format!("{} has no table [kms] that names a key service", file.display());
                Error::invalid("settings", "required", why)
            })?),
            None => config.kms.clone().filter(|_| args.identity.is_none() && !usual.exists()),
        };
        let Some(kms) = kms else { return Self::read(args.identity.as_deref().unwrap_or(&usual)) };
        // What the data directory has is newer than what the backup has.
        let beside = args.from.iter().map(|from| from.join("operator.key"));
        let files = std::iter::once(usual).chain(beside).map(|operator| RootFile::at(&config.home, Some(operator)));
        for file in files {
            if let Some(kept) = Kept::read(&file)? {
                let text = kept.identity(&*kms.open()?).await?;
                return Ok(Self { text, source: Source::Service(file.operator_kms()) });
            }
        }
        Err(Error::Unavailable(
            "the key service has no identity for this: there is no operator.kms in the backup that --from names; name the \
             recovery identity with --identity FILE"
                .into(),
        ))
    }

    fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(|e| {
            Error::Unavailable(format!(
                "without an identity that opens the root key nothing can be restored, and {} cannot be read ({e}): name \
                 the operator's or the recovery identity with --identity FILE, or with --settings FILE the salus.toml \
                 that names the key service",
                file.display()
            ))
        })?;
        let file = std::path::absolute(file).map_err(Error::internal)?;
        Ok(Self { text: Zeroizing::new(text), source: Source::File(file) })
    }
}

/// The settings of another data directory.
fn settings(file: &Path) -> Result<Config> {
    let text = fs::read_to_string(file)
        .map_err(|e| Error::Unavailable(format!("the settings {} cannot be read: {e}", file.display())))?;
    toml::from_str(&text)
        .map_err(|e| Error::invalid("settings", "unreadable", format!("{}: {}", file.display(), e.message())))
}
