//! The root key. It lives in one file, encrypted (age, X25519) to at least two recipients: the operator, whose
//! identity the server reads, and an offline recovery recipient, whose identity is printed once and kept nowhere.
//! Whoever loses both loses every sealed value: that is the promise, and `salus keys init` says so.

use super::{Secret, Wrapped, Wrapping, hmac, keyring::key_aad, random_secret, sha256};
use age::{secrecy::ExposeSecret as _, x25519};
use aws_lc_rs::{hkdf, hmac as mac};
use salus_core::{Error, Result};
use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The root key, unlocked: its versions, the newest first, and what does not change with them.
pub struct RootKey {
    versions: Vec<(u64, Secret)>,
    wrapping: Wrapping,
    /// From which the keys of evidence are derived: marks of audit events, codes of backups. It is what HKDF extracts from
    /// the first version, which itself can be given up.
    evidence: Secret,
    /// Public keys of all who can open the file, so that it can be written anew for them.
    recipients: Vec<String>,
    file: Option<RootFile>,
    /// What opened it, for copies of the file from before.
    identity: Option<Arc<Zeroizing<String>>>,
}

/// Where the root key and the operator's identity lie.
#[derive(Debug, Clone)]
pub struct RootFile {
    /// The encrypted root key.
    pub root: PathBuf,
    /// The operator's age identity, readable by its owner only.
    pub operator: PathBuf,
    /// The identity as a key service gave it, or why it did not: instead of the file.
    held: Option<std::result::Result<Arc<Zeroizing<String>>, String>>,
}

impl RootFile {
    /// `root.age` and `operator.key` in the directory `keys` of the data directory, or the operator's identity
    /// elsewhere, as on a volume that backups do not reach.
    #[must_use]
    pub fn at(home: &Path, operator: Option<PathBuf>) -> Self {
        let keys = home.join("keys");
        let operator = operator.unwrap_or_else(|| keys.join("operator.key"));
        Self { operator, root: keys.join("root.age"), held: None }
    }

    /// The same with the identity that a key service gave, or with why it did not.
    #[must_use]
    pub fn with_identity(self, identity: Result<Zeroizing<String>>) -> Self {
        Self { held: Some(identity.map(Arc::new).map_err(|e| e.to_string())), ..self }
    }

    /// Where the identity lies as a key service wrapped it: beside the file that it stands for.
    #[must_use]
    pub fn operator_kms(&self) -> PathBuf {
        self.operator.with_extension("kms")
    }

    /// The text of the operator's identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the file, or what the key service said.
    pub fn identity_text(&self) -> Result<Arc<Zeroizing<String>>> {
        match &self.held {
            Some(Ok(text)) => Ok(text.clone()),
            Some(Err(why)) => Err(Error::Unavailable(why.clone())),
            None => {
                let bytes = Zeroizing::new(read(&self.operator, "the operator's identity")?);
                Ok(Arc::new(Zeroizing::new(std::str::from_utf8(&bytes).unwrap_or_default().to_owned())))
            }
        }
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
        if self.root.exists() {
            let detail = format!("keys exist in {}: nothing was changed", self.root.display());
            return Err(Error::Conflict { code: "keys_exist", detail });
        }
        // An operator's identity without a root key was left by whoever was stopped between the two files.
        let left = self.operator.exists();
        let operator = if left { self.identity()? } else { x25519::Identity::generate() };
        let recovery = x25519::Identity::generate();
        let mut recipients = vec![operator.to_public(), recovery.to_public()];
        for text in more {
            recipients.push(parse_recipient(text)?);
        }
        let told = recipients.iter().map(ToString::to_string).collect();
        let root = RootKey::of(vec![(1, random_secret()?)], None, told, Some(self.clone()))?;
        if !left {
            write_private(&self.operator, operator.to_string().expose_secret().as_bytes())?;
        }
        write_private(&self.root, &root.encrypt()?)?;
        Ok(recovery.to_string().expose_secret().to_owned())
    }

    /// Unlocks the root key with the operator's identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`], naming the file, when one is missing or the identity does not open it.
    pub fn unlock(&self) -> Result<RootKey> {
        let sealed = read(&self.root, "the root key")?;
        let identity = self.identity_text()?;
        let text = identity.as_str();
        let root = Self::unlock_with(&sealed, text).map_err(|e| match e {
            Error::Unavailable(why) => Error::Unavailable(format!("{}: {why}", self.root.display())),
            other => other,
        })?;
        Ok(RootKey { file: Some(self.clone()), ..root })
    }

    /// Puts a new version in front of the others. A file that does not say whom it is encrypted to is encrypted to the
    /// operator and a new recovery identity, which is returned.
    pub(crate) fn add_version(&self) -> Result<Option<String>> {
        let mut root = self.unlock()?;
        let mut made = None;
        if root.recipients.is_empty() {
            let recovery = x25519::Identity::generate();
            root.recipients = vec![self.identity()?.to_public().to_string(), recovery.to_public().to_string()];
            made = Some(recovery.to_string().expose_secret().to_owned());
        }
        root.versions.insert(0, (root.version() + 1, random_secret()?));
        let evidence = Some(root.evidence);
        let root = RootKey::of(root.versions, evidence, root.recipients, None)?;
        replace_private(&self.root, &root.encrypt()?)?;
        Ok(made)
    }

    /// Leaves only the newest version in the file; how many were given up. What lies under an older one is lost.
    pub(crate) fn give_up_older(&self) -> Result<usize> {
        let mut root = self.unlock()?;
        let older = root.versions.len() - 1;
        if older > 0 {
            root.versions.truncate(1);
            let root = RootKey::of(root.versions, Some(root.evidence), root.recipients, None)?;
            replace_private(&self.root, &root.encrypt()?)?;
        }
        Ok(older)
    }

    /// The public keys that the file is encrypted to. A file from before they were kept in it says none.
    ///
    /// # Errors
    /// As [`RootFile::unlock`].
    pub fn recipients(&self) -> Result<Vec<String>> {
        Ok(self.unlock()?.recipients)
    }

    /// The public key of the operator's identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to read.
    pub fn operator_public(&self) -> Result<String> {
        Ok(self.identity()?.to_public().to_string())
    }

    /// Encrypts the root key to one more public key, or to a new identity when none is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no public key; [`Error::Conflict`] for one that opens it already.
    pub fn add_recipient(&self, recipient: Option<&str>) -> Result<Added> {
        let mut root = self.known_recipients()?;
        let (recipient, identity) = if let Some(text) = recipient {
            (parse_recipient(text)?.to_string(), None)
        } else {
            let made = x25519::Identity::generate();
            (made.to_public().to_string(), Some(made.to_string().expose_secret().to_owned()))
        };
        if root.recipients.contains(&recipient) {
            let detail = format!("{recipient} opens the root key already");
            return Err(Error::Conflict { code: "recipient_exists", detail });
        }
        root.recipients.push(recipient.clone());
        replace_private(&self.root, &root.encrypt()?)?;
        Ok(Added { recipient, identity })
    }

    /// Stops encrypting the root key to a public key. It opens the versions there are: a new one must follow.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that does not open it; [`Error::Conflict`] for the operator's, and for the last beside it.
    pub fn remove_recipient(&self, recipient: &str) -> Result<()> {
        let mut root = self.known_recipients()?;
        if !root.recipients.iter().any(|r| r == recipient) {
            let why = "Does not open the root key: see salus keys recipients list";
            return Err(Error::invalid("recipient", "no_such_record", why));
        }
        if self.operator_public()? == recipient {
            let detail =
                "This is the operator's own: salus keys recipients replace-operator puts another in its place".into();
            return Err(Error::Conflict { code: "own_recipient", detail });
        }
        root.recipients.retain(|r| r != recipient);
        if root.recipients.len() < 2 {
            let detail = "Nobody but the operator would open the root key: add another recipient first".into();
            return Err(Error::Conflict { code: "last_recipient", detail });
        }
        replace_private(&self.root, &root.encrypt()?)
    }

    /// Makes a new identity for the operator and puts it in the place of the present one: the public keys of both. Both open the
    /// root key until the older one is removed, so that whoever is killed in between finds one that does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a file cannot be written.
    pub fn replace_operator(&self) -> Result<(String, String)> {
        let mut root = self.known_recipients()?;
        let (old, made) = (self.operator_public()?, x25519::Identity::generate());
        let new = made.to_public().to_string();
        root.recipients.insert(0, new.clone());
        replace_private(&self.root, &root.encrypt()?)?;
        replace_private(&self.operator, made.to_string().expose_secret().as_bytes())?;
        Ok((old, new))
    }

    fn known_recipients(&self) -> Result<RootKey> {
        let root = self.unlock()?;
        if root.recipients.is_empty() {
            let detail =
                "The file is from before it said whom it is encrypted to: salus keys rewrap writes it anew".into();
            return Err(Error::Conflict { code: "recipients_unknown", detail });
        }
        Ok(root)
    }

    fn identity(&self) -> Result<x25519::Identity> {
        parse_identity(&self.identity_text()?)
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
        if own.versions == kept.versions {
            Ok(())
        } else {
            Err(Error::internal("the recovery identity opens another key"))
        }
    }

    /// Unlocks the bytes of a root key file with the text of an identity.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not open.
    pub fn unlock_with(sealed: &[u8], text: &str) -> Result<RootKey> {
        let identity = parse_identity(text)?;
        let refused = || Error::Unavailable("this identity does not open the root key".into());
        let decryptor =
            age::Decryptor::new(sealed).map_err(|_| Error::Unavailable("the file is not an age file".into()))?;
        let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| refused())?;
        let mut bytes = Zeroizing::new(Vec::new());
        reader.read_to_end(&mut bytes).map_err(|_| refused())?;
        Ok(RootKey { identity: Some(Arc::new(Zeroizing::new(text.to_owned()))), ..RootKey::from_bytes(&bytes)? })
    }
}

/// One more recipient of the root key.
#[derive(Debug)]
pub struct Added {
    /// Its public key.
    pub recipient: String,
    /// Its identity, when it was made: to be written down and kept apart.
    pub identity: Option<String>,
}

fn parse_recipient(text: &str) -> Result<x25519::Recipient> {
    let wrong = || Error::invalid("recipient", "not_a_recipient", format!("{text:?} is not an age public key (age1…)"));
    text.trim().parse().map_err(|_| wrong())
}

/// Begins the clear bytes of a root key of several versions; before there were several, they were the key itself.
const VERSIONED: &[u8] = b"salus-root/2\n";

impl RootKey {
    /// A key that exists in this process only, for tests and throw-away clusters.
    pub fn ephemeral() -> Result<Self> {
        Self::of(vec![(1, random_secret()?)], None, Vec::new(), None)
    }

    fn of(
        versions: Vec<(u64, Secret)>,
        evidence: Option<Secret>,
        recipients: Vec<String>,
        file: Option<RootFile>,
    ) -> Result<Self> {
        let wrapping = Wrapping::new(versions.iter().map(|(no, key)| (*no, key)))?;
        let first =
            versions.last().map(|(_, key)| key).ok_or_else(|| Error::internal("a root key without versions"))?;
        let evidence =
            evidence.unwrap_or_else(|| Zeroizing::new(hmac(&mac::Key::new(mac::HMAC_SHA256, &[]), &[&first[..]])));
        Ok(Self { versions, wrapping, evidence, recipients, file, identity: None })
    }

    /// Lines of a word and its value: `evidence`, the newest `version` first, `recipient`; keys in hexadecimal.
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::Unavailable("the root key file holds something else".into());
        let Some(text) = bytes.strip_prefix(VERSIONED) else {
            let key: [u8; 32] = bytes.try_into().map_err(|_| damaged())?;
            return Self::of(vec![(1, Zeroizing::new(key))], None, Vec::new(), None);
        };
        let (mut versions, mut evidence, mut recipients) = (Vec::new(), None, Vec::new());
        for line in std::str::from_utf8(text).map_err(|_| damaged())?.lines() {
            let key = |hexed: &str| -> Result<Secret> {
                let mut key = Zeroizing::new([0; 32]);
                hex::decode_to_slice(hexed, &mut key[..]).map_err(|_| damaged())?;
                Ok(key)
            };
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["evidence", hexed] => evidence = Some(key(hexed)?),
                ["version", no, hexed] => versions.push((no.parse().map_err(|_| damaged())?, key(hexed)?)),
                ["recipient", public] => recipients.push(public.to_owned()),
                _ => return Err(damaged()),
            }
        }
        Self::of(versions, Some(evidence.ok_or_else(damaged)?), recipients, None)
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(VERSIONED.to_vec());
        let mut line = |text: &str| out.extend_from_slice(text.as_bytes());
        line("evidence ");
        line(&Zeroizing::new(hex::encode(&self.evidence[..])));
        for (no, key) in &self.versions {
            line(&format!("\nversion {no} "));
            line(&Zeroizing::new(hex::encode(&key[..])));
        }
        for public in &self.recipients {
            line(&format!("\nrecipient {public}"));
        }
        out
    }

    fn encrypt(&self) -> Result<Vec<u8>> {
        let parsed = self.recipients.iter().map(|r| r.parse().map_err(Error::internal));
        let recipients: Vec<x25519::Recipient> = parsed.collect::<Result<_>>()?;
        encrypt(&recipients, &self.to_bytes())
    }

    /// Reads the file again, in which there may be newer versions; this key where there is no file.
    pub(crate) fn again(&self) -> Result<Option<Self>> {
        self.file.as_ref().map(RootFile::unlock).transpose()
    }

    /// The newest version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.wrapping.current().unwrap_or_default()
    }

    /// How many versions there are: more than one while what lies under older ones is moved.
    #[must_use]
    pub fn versions(&self) -> usize {
        self.versions.len()
    }

    /// A short print, to tell the keys of two installations apart without telling either.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&sha256(&[b"salus-root-fingerprint", &self.evidence[..]])[..8])
    }

    /// The wrapped form of a tenant's key.
    pub(crate) fn wrap_tenant_key(&self, tenant: Uuid, key_no: u64, secret: &Secret) -> Result<Wrapped> {
        self.wrapping.wrap(&key_aad(tenant, key_no, "tenant"), secret)
    }

    /// A tenant's key from its wrapped form.
    pub(crate) fn open_tenant_key(&self, tenant: Uuid, key_no: u64, wrapped: &[u8]) -> Result<Secret> {
        self.wrapping.unwrap(&key_aad(tenant, key_no, "tenant"), wrapped)
    }

    /// A new seed for the key that signs the audit log, and its wrapped form; `id` is that of its row.
    pub(crate) fn new_log_key(&self, id: Uuid) -> Result<(Secret, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = self.wrapping.wrap(&key_aad(id, 0, "log"), &secret)?;
        Ok((secret, wrapped))
    }

    /// That seed from its wrapped form.
    pub(crate) fn open_log_key(&self, id: Uuid, wrapped: &[u8]) -> Result<Secret> {
        self.wrapping.unwrap(&key_aad(id, 0, "log"), wrapped)
    }

    /// That seed under the newest version.
    pub(crate) fn rewrap_log_key(&self, id: Uuid, wrapped: &[u8]) -> Result<Wrapped> {
        self.wrapping.wrap(&key_aad(id, 0, "log"), &self.open_log_key(id, wrapped)?)
    }

    /// A key for one backup and its wrapped form.
    pub(crate) fn new_backup_key(&self, backup: Uuid) -> Result<(Secret, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = self.wrapping.wrap(&key_aad(backup, 0, "backup"), &secret)?;
        Ok((secret, wrapped))
    }

    /// A backup's key from its wrapped form.
    pub(crate) fn open_backup_key(&self, backup: Uuid, wrapped: &[u8]) -> Result<Secret> {
        self.wrapping.unwrap(&key_aad(backup, 0, "backup"), wrapped)
    }

    /// The same, where it may lie under a version that was given up since: `copy` is the file of the root key from when the
    /// backup was made.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the copy is missing, or opens with none of the identities that open the file now.
    pub(crate) fn open_backup_key_beside(&self, backup: Uuid, wrapped: &[u8], copy: &Path) -> Result<Secret> {
        let missing = match self.open_backup_key(backup, wrapped) {
            Ok(key) => return Ok(key),
            Err(missing) => missing,
        };
        let Some(identity) = &self.identity else { return Err(missing) };
        let older = RootFile::unlock_with(&read(copy, "the root key of a backup")?, identity).map_err(|e| match e {
            Error::Unavailable(why) => Error::Unavailable(format!("{}: {why}", copy.display())),
            other => other,
        })?;
        older.open_backup_key(backup, wrapped)
    }

    /// Whether a backup's key lies under the version in use.
    pub(crate) fn is_newest_of(&self, wrapped: &[u8]) -> bool {
        self.wrapping.is_current(wrapped)
    }

    fn evidence(&self, info: &[&[u8]]) -> Result<Secret> {
        let mut key = Zeroizing::new([0; 32]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &self.evidence[..])
            .expand(info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key[..]))
            .map_err(|_| Error::internal("key derivation failed"))?;
        Ok(key)
    }

    /// The code that only a holder of the root key can put under a backup's manifest.
    pub(crate) fn manifest_code(&self, manifest: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/backup-manifest/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[manifest]))
    }

    /// The code at the end of an exported tenant.
    pub(crate) fn transfer_code(&self, digest: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/tenant-export/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[digest]))
    }

    /// The code of a line of the erasure ledger, over the code of the line before.
    pub(crate) fn ledger_code(&self, before: &str, line: &str) -> Result<String> {
        let key = self.evidence(&[b"salus/erasure-ledger/v1"])?;
        let parts = [before.as_bytes(), b"\0", line.as_bytes()];
        Ok(hex::encode(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &parts)))
    }

    /// The code that only a holder of the root key can put under the statement that begins an epoch of the audit log.
    pub(crate) fn epoch_code(&self, statement: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-epoch/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[statement]))
    }

    /// The code that only a holder of the root key can put under a range of the audit log whose events left.
    pub(crate) fn prune_code(&self, range: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-prune/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[range]))
    }

    /// The code that only a holder of the root key can put under the end of a signing key of the audit log.
    pub(crate) fn log_key_code(&self, end: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-log-key/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[end]))
    }

    /// The code that only a holder of the root key can put under a redaction of the audit log.
    pub(crate) fn redact_code(&self, redaction: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-redact/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[redaction]))
    }

    /// The code that only a holder of the root key can put under what stands beside a head of the audit log.
    pub(crate) fn beside_code(&self, said: &[u8]) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-beside-head/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[said]))
    }

    /// The mark of a person's record that is bait.
    pub(crate) fn honey_mark(&self, tenant: Uuid, person: Uuid) -> Result<[u8; 32]> {
        let key = self.evidence(&[b"salus/audit-honey/v1"])?;
        Ok(hmac(&mac::Key::new(mac::HMAC_SHA256, &key[..]), &[tenant.as_bytes(), person.as_bytes()]))
    }

    /// The key of the digests of a tenant's rows in audit events.
    pub(crate) fn row_key(&self, tenant: Uuid) -> Result<Secret> {
        self.evidence(&[b"salus/audit-rows/v1", tenant.as_bytes()])
    }

    /// The key with which one run of a server process marks its audit events.
    pub(crate) fn writer_key(&self, writer: i32, boot: Uuid) -> Result<Secret> {
        self.evidence(&[b"salus/audit-writer/v1", &writer.to_be_bytes(), boot.as_bytes()])
    }
}

fn encrypt(recipients: &[x25519::Recipient], clear: &[u8]) -> Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient))
        .map_err(Error::internal)?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).map_err(Error::internal)?;
    writer.write_all(clear).map_err(Error::internal)?;
    writer.finish().map_err(Error::internal)?;
    Ok(out)
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        Error::Unavailable(format!(
            "{what} {} cannot be read ({e}): restore it, or run salus keys init on a new installation",
            path.display()
        ))
    })
}

fn parse_identity(text: &str) -> Result<x25519::Identity> {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
    line.parse().map_err(|_| Error::Unavailable("the identity is not an age identity (AGE-SECRET-KEY-…)".into()))
}

/// Puts a file in the place of another in one step: whoever reads it finds the old or the new one, whole.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let next = path.with_extension("next");
    let failed = |e: std::io::Error| Error::Unavailable(format!("{} cannot be replaced: {e}", path.display()));
    std::fs::remove_file(&next)
        .or_else(|e| if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(failed(e)) })?;
    write_private(&next, bytes)?;
    std::fs::rename(&next, path).map_err(failed)?;
    let dir = path.parent().map(std::fs::File::open).transpose().map_err(failed)?;
    dir.map_or(Ok(()), |dir| dir.sync_all()).map_err(failed)
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
        let (tenant, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let old = file.unlock().unwrap();
        let secret = random_secret().unwrap();
        let wrapped = old.wrap_tenant_key(tenant, 7, &secret).unwrap();
        assert!(file.add_version().unwrap().is_none(), "the file knows its recipients");
        let both = file.unlock().unwrap();
        assert_eq!((both.version(), both.versions()), (2, 2));
        assert_eq!(both.open_tenant_key(tenant, 7, &wrapped.0).unwrap(), secret);
        assert_eq!(both.writer_key(3, id).unwrap(), old.writer_key(3, id).unwrap(), "evidence outlives versions");
        assert_eq!(file.give_up_older().unwrap(), 1);
        let new = file.unlock().unwrap();
        assert!(new.open_tenant_key(tenant, 7, &wrapped.0).is_err());
        assert_eq!((new.version(), new.fingerprint()), (2, old.fingerprint()));
        file.check_escrow(&recovery).unwrap();
        std::fs::remove_file(&file.operator).unwrap();
        assert!(matches!(file.unlock(), Err(Error::Unavailable(_))));
        std::fs::remove_dir_all(&home).unwrap();
    }
}
