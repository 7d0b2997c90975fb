//! The root key. It lives in one file, encrypted (age, X25519) to at least two recipients: the operator, whose
//! identity the server reads, and an offline recovery recipient, whose identity is printed once and kept nowhere.
//! Whoever loses both loses every sealed value: that is the promise, and `salus keys init` says so.

use super::{Secret, random_secret, sha256};
use crate::seal::keyring::{cipher, key_aad, unwrap, wrap};
use crate::seal::{Wrapped, derive};
use age::{secrecy::ExposeSecret as _, x25519};
use salus_core::{Error, Result};
use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The root key, unlocked.
pub struct RootKey(Secret);

/// Where the root key and the operator's identity lie.
#[derive(Debug, Clone)]
pub struct RootFile {
    /// The encrypted root key.
    pub root: PathBuf,
    /// The operator's age identity, readable by its owner only.
    pub operator: PathBuf,
}

impl RootFile {
    /// `root.age` and `operator.key` in the directory `keys` of the data directory, or the operator's identity
    /// elsewhere, as on a volume that backups do not reach.
    #[must_use]
    pub fn at(home: &Path, operator: Option<PathBuf>) -> Self {
        let keys = home.join("keys");
        Self { operator: operator.unwrap_or_else(|| keys.join("operator.key")), root: keys.join("root.age") }
    }

    /// Whether a root key exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.root.exists()
    }

    /// Makes a root key, encrypts it to a new operator identity, a new recovery identity and `more` recipients, and
    /// returns the recovery identity, which is to be written down and kept apart.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a root key exists; [`Error::Invalid`] for a recipient that is no age public key.
    pub fn init(&self, more: &[String]) -> Result<String> {
        if self.root.exists() || self.operator.exists() {
            let detail = format!("keys exist in {}: nothing was changed", self.root.display());
            return Err(Error::Conflict { code: "keys_exist", detail });
        }
        let (operator, recovery) = (x25519::Identity::generate(), x25519::Identity::generate());
        let mut recipients = vec![operator.to_public(), recovery.to_public()];
        for text in more {
            let wrong =
                || Error::invalid("recipient", "not_a_recipient", format!("{text:?} is not an age public key (age1…)"));
            recipients.push(text.parse().map_err(|_| wrong())?);
        }
        let key = random_secret()?;
        write_private(&self.operator, operator.to_string().expose_secret().as_bytes())?;
        write_private(&self.root, &encrypt(&recipients, &key)?)?;
        Ok(recovery.to_string().expose_secret().to_owned())
    }

    /// Unlocks the root key with the operator's identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`], naming the file, when one is missing or the identity does not open it.
    pub fn unlock(&self) -> Result<RootKey> {
        let read = |path: &Path, what: &str| {
            std::fs::read(path).map_err(|e| {
                Error::Unavailable(format!(
                    "{what} {} cannot be read ({e}): restore it, or run salus keys init on a new installation",
                    path.display()
                ))
            })
        };
        let sealed = read(&self.root, "the root key")?;
        let identity = Zeroizing::new(read(&self.operator, "the operator's identity")?);
        let text = std::str::from_utf8(&identity).unwrap_or_default();
        Self::unlock_with(&sealed, text).map_err(|e| match e {
            Error::Unavailable(why) => Error::Unavailable(format!("{}: {why}", self.root.display())),
            other => other,
        })
    }

    /// Puts a root key file, as a backup kept it, where there is none.
    pub(crate) fn put(&self, sealed: &[u8]) -> Result<()> {
        write_private(&self.root, sealed)
    }

    /// Whether a recovery identity, as someone kept it, opens the root key.
    pub fn check_escrow(&self, identity: &str) -> Result<()> {
        let sealed =
            std::fs::read(&self.root).map_err(|e| Error::Unavailable(format!("{}: {e}", self.root.display())))?;
        let (own, kept) = (self.unlock()?, Self::unlock_with(&sealed, identity)?);
        if own.0 == kept.0 { Ok(()) } else { Err(Error::internal("the recovery identity opens another key")) }
    }

    /// Unlocks the bytes of a root key file with the text of an identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not open.
    pub fn unlock_with(sealed: &[u8], identity: &str) -> Result<RootKey> {
        let line = identity.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
        let identity: x25519::Identity = line
            .parse()
            .map_err(|_| Error::Unavailable("the identity is not an age identity (AGE-SECRET-KEY-…)".into()))?;
        let refused = || Error::Unavailable("this identity does not open the root key".into());
        let decryptor =
            age::Decryptor::new(sealed).map_err(|_| Error::Unavailable("the file is not an age file".into()))?;
        let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| refused())?;
        let mut key = Zeroizing::new([0; 32]);
        reader.read_exact(&mut key[..]).map_err(|_| refused())?;
        Ok(RootKey(key))
    }
}

impl RootKey {
    /// A key that exists in this process only, for tests and throw-away clusters.
    pub fn ephemeral() -> Result<Self> {
        random_secret().map(Self)
    }

    /// A short print of the key, to tell two keys apart without telling either.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&sha256(&[b"salus-root-fingerprint", &self.0[..]])[..8])
    }

    /// A new key for a tenant and its wrapped form.
    pub(crate) fn new_tenant_key(&self, tenant: Uuid, key_no: u64) -> Result<(Secret, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = wrap(&cipher(&self.0)?, &key_aad(tenant, key_no, "tenant"), &secret)?;
        Ok((secret, wrapped))
    }

    /// A tenant's key from its wrapped form.
    pub(crate) fn open_tenant_key(&self, tenant: Uuid, key_no: u64, wrapped: &[u8]) -> Result<Secret> {
        unwrap(&cipher(&self.0)?, &key_aad(tenant, key_no, "tenant"), wrapped)
    }

    /// A new seed for the key that signs the audit log, and its wrapped form; `id` is that of its row.
    pub(crate) fn new_log_key(&self, id: Uuid) -> Result<(Secret, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = wrap(&cipher(&self.0)?, &key_aad(id, 0, "log"), &secret)?;
        Ok((secret, wrapped))
    }

    /// That seed from its wrapped form.
    pub(crate) fn open_log_key(&self, id: Uuid, wrapped: &[u8]) -> Result<Secret> {
        unwrap(&cipher(&self.0)?, &key_aad(id, 0, "log"), wrapped)
    }

    /// A key for one backup and its wrapped form.
    pub(crate) fn new_backup_key(&self, backup: Uuid) -> Result<(Secret, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = wrap(&cipher(&self.0)?, &key_aad(backup, 0, "backup"), &secret)?;
        Ok((secret, wrapped))
    }

    /// A backup's key from its wrapped form.
    pub(crate) fn open_backup_key(&self, backup: Uuid, wrapped: &[u8]) -> Result<Secret> {
        unwrap(&cipher(&self.0)?, &key_aad(backup, 0, "backup"), wrapped)
    }

    /// The code that only a holder of the root key can put under a backup's manifest.
    pub(crate) fn manifest_code(&self, manifest: &[u8]) -> Result<[u8; 32]> {
        use aws_lc_rs::hmac;
        let key = derive(&[], &self.0[..], &[b"salus/backup-manifest/v1"])?;
        Ok(super::hmac(&hmac::Key::new(hmac::HMAC_SHA256, &key[..]), &[manifest]))
    }

    /// The code that only a holder of the root key can put under the statement that begins an epoch of the audit log.
    pub(crate) fn epoch_code(&self, statement: &[u8]) -> Result<[u8; 32]> {
        use aws_lc_rs::hmac;
        let key = derive(&[], &self.0[..], &[b"salus/audit-epoch/v1"])?;
        Ok(super::hmac(&hmac::Key::new(hmac::HMAC_SHA256, &key[..]), &[statement]))
    }

    /// The code that only a holder of the root key can put under a range of the audit log whose events left.
    pub(crate) fn prune_code(&self, range: &[u8]) -> Result<[u8; 32]> {
        use aws_lc_rs::hmac;
        let key = derive(&[], &self.0[..], &[b"salus/audit-prune/v1"])?;
        Ok(super::hmac(&hmac::Key::new(hmac::HMAC_SHA256, &key[..]), &[range]))
    }

    /// The key with which one run of a server process marks its audit events.
    pub(crate) fn writer_key(&self, writer: i32, boot: Uuid) -> Result<Secret> {
        derive(&[], &self.0[..], &[b"salus/audit-writer/v1", &writer.to_be_bytes(), boot.as_bytes()])
    }
}

fn encrypt(recipients: &[x25519::Recipient], key: &Secret) -> Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient))
        .map_err(Error::internal)?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).map_err(Error::internal)?;
    writer.write_all(&key[..]).map_err(Error::internal)?;
    writer.finish().map_err(Error::internal)?;
    Ok(out)
}

/// Writes a new file that only its owner can read, in a directory that only its owner can enter, and syncs it.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let failed = |e: std::io::Error| Error::Unavailable(format!("{} cannot be written: {e}", path.display()));
    if let Some(dir) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_recipients_open_the_root_key_and_nobody_else() {
        let home = std::env::temp_dir().join(format!("salus-root-{}", std::process::id()));
        let file = RootFile::at(&home, None);
        let recovery = file.init(&[]).unwrap();
        file.check_escrow(&recovery).unwrap();
        assert!(file.check_escrow(x25519::Identity::generate().to_string().expose_secret()).is_err());
        assert!(matches!(file.init(&[]), Err(Error::Conflict { .. })));
        assert_eq!(file.unlock().unwrap().fingerprint(), file.unlock().unwrap().fingerprint());
        std::fs::remove_file(&file.operator).unwrap();
        assert!(matches!(file.unlock(), Err(Error::Unavailable(_))));
        std::fs::remove_dir_all(&home).unwrap();
    }
}
