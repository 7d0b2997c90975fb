//! The keys of one tenant in memory: the tenant key that wraps, the class keys that seal, the index key that hashes.
//! The root key wraps the tenant key; the tenant key wraps the others, each bound to what it is for.

use super::{IndexKey, Persons, Secret, SubjectKey, Wrapping, digest, extract, nonce, random_secret};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac as mac,
};
use salus_core::{Error, Result};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Which of a tenant's data keys seals a value; the domain `kernel.key_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum KeyClass {
    Identity,
    Clinical,
    Claims,
    Messaging,
    Documents,
    Secrets,
    Audit,
}

impl KeyClass {
    /// Every class: a new tenant gets one key of each.
    pub const ALL: [Self; 7] =
        [Self::Identity, Self::Clinical, Self::Claims, Self::Messaging, Self::Documents, Self::Secrets, Self::Audit];

    /// The name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Clinical => "clinical",
            Self::Claims => "claims",
            Self::Messaging => "messaging",
            Self::Documents => "documents",
            Self::Secrets => "secrets",
            Self::Audit => "audit",
        }
    }

    /// The class of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// A data key of one class and generation.
#[derive(Clone)]
pub struct ClassKey {
    /// The number in the header of what it sealed.
    pub key_no: u64,
    /// Its class.
    pub class: KeyClass,
    /// Whether it may still seal.
    pub active: bool,
    secret: Secret,
    /// What HKDF extracts from it for values that are about nobody.
    extracted: mac::Key,
    fingerprint: [u8; 32],
    /// Seals left in the block this process reserved; shared by all that hold the key, however often it is read again.
    remaining: Arc<AtomicI64>,
}

/// A key wrapped by the one above it: `nonce (12) | ciphertext | tag (16)`.
#[derive(Debug, Clone)]
pub struct Wrapped(pub Vec<u8>);

/// A key as its row says it, unwrapped.
pub(crate) struct Loaded {
    pub key_no: u64,
    pub kind: String,
    pub class: Option<KeyClass>,
    pub state: String,
    pub generation: i32,
    pub secret: Secret,
}

/// All keys of one tenant.
pub struct TenantKeys {
    tenant: Uuid,
    wrapping: Wrapping,
    classes: HashMap<u64, ClassKey>,
    /// Persons' keys that are open already.
    persons: Arc<Persons>,
    /// What is unwrapped already, so that reading the rows again asks no key above.
    secrets: HashMap<u64, Secret>,
    /// Blind indexes and search tokens as they are written.
    pub index: Arc<IndexKey>,
    /// Those under which rows may lie as well, while one index key is exchanged for another.
    pub(crate) also: Vec<Arc<IndexKey>>,
    /// Digests that cannot be made again stay under the first index key.
    first: Arc<IndexKey>,
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantKeys({}, {} class keys)", self.tenant, self.classes.len())
    }
}

impl ClassKey {
    /// A key as it was unwrapped.
    #[must_use]
    pub fn new(key_no: u64, class: KeyClass, active: bool, secret: Secret) -> Self {
        let extracted = mac::Key::new(mac::HMAC_SHA256, &extract(&[], &secret[..])[..]);
        let fingerprint = digest(&secret[..]);
        Self { key_no, class, active, secret, extracted, fingerprint, remaining: Arc::default() }
    }

    pub(crate) fn extracted(&self) -> &mac::Key {
        &self.extracted
    }

    /// Tells this secret from any other, also from one that was given the same number.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret[..]
    }

    /// Counts one seal; how many are left of the reserved block afterwards.
    pub(crate) fn count_seal(&self) -> i64 {
        self.remaining.fetch_sub(1, Ordering::Relaxed) - 1
    }

    /// Whether so few are left of the block that more should be reserved.
    pub(crate) fn wants_seals(&self) -> bool {
        let left = self.remaining.load(Ordering::Relaxed);
        left < SEAL_LOW && left > EXHAUSTED
    }

    /// Whether this process has reserved none yet.
    pub(crate) fn is_unused(&self) -> bool {
        self.remaining.load(Ordering::Relaxed) == 0
    }

    /// Notes that no more can be reserved: it has sealed as many values as is safe.
    pub(crate) fn exhaust(&self) {
        self.remaining.fetch_min(EXHAUSTED, Ordering::Relaxed);
    }

    /// Whether no more can be reserved.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.remaining.load(Ordering::Relaxed) <= EXHAUSTED
    }

    pub(crate) fn add_reserved(&self, seals: i64) {
        self.remaining.fetch_add(seals, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn for_test(key_no: u64) -> Self {
        Self::new(key_no, KeyClass::Identity, true, random_secret().unwrap())
    }
}

impl TenantKeys {
    /// The keys as their rows say; `None` when there is none to wrap or to index with. Seals that `held` has reserved go
    /// on counting.
    pub(crate) fn new(
        tenant: Uuid,
        (wrapping, persons): (Wrapping, Arc<Persons>),
        mut loaded: Vec<Loaded>,
        held: Option<&Self>,
    ) -> Result<Option<Self>> {
        // In use first, then from the newest to the oldest.
        loaded.sort_by_key(|k| (k.state != "active", -k.generation));
        let (mut classes, mut secrets) = (HashMap::new(), HashMap::new());
        let mut indexes: Vec<(bool, Arc<IndexKey>)> = Vec::new();
        for key in loaded {
            secrets.insert(key.key_no, key.secret.clone());
            match (key.kind.as_str(), key.class) {
                ("index", _) => {
                    let searched = key.state != "retired";
                    let again = held.and_then(|h| h.index_by_no(key.key_no));
                    let made = again.map_or_else(|| IndexKey::new(key.key_no, key.secret).map(Arc::new), Ok)?;
                    indexes.push((searched, made));
                }
                (_, Some(class)) => {
                    let active = key.state == "active";
                    let new = match held.and_then(|h| h.classes.get(&key.key_no)) {
                        Some(same) => ClassKey { active, ..same.clone() },
                        None => ClassKey::new(key.key_no, class, active, key.secret),
                    };
                    classes.insert(key.key_no, new);
                }
                _ => {}
            }
        }
        let first = indexes.last().map(|(_, key)| Arc::clone(key));
        let mut indexes = indexes.into_iter();
        let (Some(first), Some((_, index))) = (first, indexes.next()) else { return Ok(None) };
        let also = indexes.filter(|(searched, _)| *searched).map(|(_, key)| key).collect();
        Ok(Some(Self { tenant, wrapping, classes, persons, secrets, index, also, first }))
    }

    fn index_by_no(&self, key_no: u64) -> Option<Arc<IndexKey>> {
        [&self.index, &self.first].into_iter().chain(&self.also).find(|k| k.key_no == key_no).cloned()
    }

    /// A key that is unwrapped already.
    pub(crate) fn secret(&self, key_no: u64) -> Option<&Secret> {
        self.secrets.get(&key_no)
    }

    /// The keys that wrap the others.
    pub(crate) fn wrapping(&self) -> &Wrapping {
        &self.wrapping
    }

    /// Index keys under which a value may be found: the one in use, then others while it is exchanged.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = &IndexKey> {
        std::iter::once(&self.index).chain(&self.also).map(AsRef::as_ref)
    }

    /// The key of digests of what is stored nowhere.
    pub(crate) fn digests(&self) -> &IndexKey {
        &self.first
    }

    /// The key of this number.
    ///
    /// # Errors
    /// [`Error::Internal`] when the tenant has no such key, as when it was destroyed.
    pub fn class_by_no(&self, key_no: u64) -> Result<&ClassKey> {
        self.classes
            .get(&key_no)
            .ok_or_else(|| Error::internal(format!("key {key_no:016x} is not among the tenant's keys")))
    }

    /// The key that seals for `class` now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the tenant has none: writes fail closed.
    pub fn active(&self, class: KeyClass) -> Result<&ClassKey> {
        self.classes.values().find(|k| k.class == class && k.active).ok_or_else(|| {
            Error::Unavailable(format!("the tenant has no active {} key: run salus keys doctor", class.name()))
        })
    }

    /// All class keys.
    pub fn classes(&self) -> impl Iterator<Item = &ClassKey> {
        self.classes.values()
    }

    /// A new key for a person, and its wrapped form for `kernel.subject_keys`.
    pub fn new_subject(&self, subject: Uuid) -> Result<(SubjectKey, Wrapped)> {
        let secret = random_secret()?;
        let wrapped = self.wrapping.wrap(&self.subject_aad(subject), &secret)?;
        Ok((SubjectKey::new(secret), wrapped))
    }

    /// A person's key from its wrapped form.
    pub fn open_subject(&self, subject: Uuid, wrapped: &[u8]) -> Result<SubjectKey> {
        let id = (self.tenant, subject);
        if let Some(key) = self.persons.get(id, wrapped) {
            return Ok(key);
        }
        self.unwrap_subject(subject, wrapped, None)
    }

    /// A person's key that was read in this state of the tenant's keys, if it is remembered.
    pub(crate) fn subject_as_of(&self, subject: Uuid, state: Uuid) -> Option<SubjectKey> {
        self.persons.get_as_of((self.tenant, subject), state)
    }

    /// Opens a person's key and remembers in which state of the tenant's keys it was read.
    ///
    /// # Errors
    /// As [`TenantKeys::open_subject`].
    pub(crate) fn unwrap_subject(&self, subject: Uuid, wrapped: &[u8], as_of: Option<Uuid>) -> Result<SubjectKey> {
        let key = self.wrapping.unwrap(&self.subject_aad(subject), wrapped).map(SubjectKey::new)?;
        self.persons.keep((self.tenant, subject), wrapped, &key, as_of);
        Ok(key)
    }

    /// A person's wrapped key under the tenant key in use.
    pub(crate) fn rewrap_subject(&self, subject: Uuid, wrapped: &[u8]) -> Result<Wrapped> {
        let aad = self.subject_aad(subject);
        self.wrapping.wrap(&aad, &self.wrapping.unwrap(&aad, wrapped)?)
    }

    fn subject_aad(&self, subject: Uuid) -> Vec<u8> {
        [&b"salus-subject/v1"[..], self.tenant.as_bytes(), subject.as_bytes()].concat()
    }

    /// A known value wrapped by `key`: opening it later proves that the key is the right one.
    pub(crate) fn canary(key: &Secret, tenant: Uuid, key_no: u64) -> Result<Vec<u8>> {
        wrap(&cipher(key)?, &key_aad(tenant, key_no, "canary"), &Zeroizing::new(CANARY)).map(|w| w.0)
    }

    /// Whether `canary` was made with `key`.
    pub(crate) fn check_canary(key: &Secret, tenant: Uuid, key_no: u64, canary: &[u8]) -> Result<bool> {
        Ok(unwrap(&cipher(key)?, &key_aad(tenant, key_no, "canary"), canary).is_ok_and(|text| *text == CANARY))
    }
}

/// Seals below which a process reserves another block: what one transaction can need.
const SEAL_LOW: i64 = 1 << 17;
/// Stands for "none can be reserved". Far from any count that a block can reach.
const EXHAUSTED: i64 = i64::MIN / 2;
const CANARY: [u8; 32] = *b"salus key canary, version 1     ";

/// What a wrapped key is bound to.
pub(crate) fn key_aad(tenant: Uuid, key_no: u64, kind: &str) -> Vec<u8> {
    [&b"salus-key/v1"[..], tenant.as_bytes(), &key_no.to_be_bytes(), kind.as_bytes()].concat()
}

pub(crate) fn cipher(key: &Secret) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, &key[..]).map(LessSafeKey::new).map_err(|_| Error::internal("AES key refused"))
}

pub(crate) fn wrap(with: &LessSafeKey, aad: &[u8], secret: &Secret) -> Result<Wrapped> {
    let nonce = nonce()?;
    let mut out = [&nonce[..], &secret[..]].concat();
    let tag = with
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out[12..])
        .map_err(|_| Error::internal("wrapping a key failed"))?;
    out.extend_from_slice(tag.as_ref());
    Ok(Wrapped(out))
}

pub(crate) fn unwrap(with: &LessSafeKey, aad: &[u8], wrapped: &[u8]) -> Result<Secret> {
    let refused =
        || Error::internal("a wrapped key does not open: it belongs elsewhere, or the key above it is another");
    let (nonce, body) = wrapped.split_at_checked(12).ok_or_else(refused)?;
    let mut body = Zeroizing::new(body.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
    let clear = with.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| refused())?;
    let mut secret = Zeroizing::new([0; 32]);
    if clear.len() != 32 {
        return Err(refused());
    }
    secret.copy_from_slice(clear);
    Ok(secret)
}
