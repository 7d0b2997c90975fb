//! What of an event is in the Merkle log, and what is only committed to (`spec` B1.3).

use super::merkle::Hash;
use crate::seal::{RootKey, hmac, sha256};
use aws_lc_rs::hmac as mac;
use salus_core::Result;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// SHA-256 of salt and sealed payload: stays when the payload is redacted, and tells nothing of it.
#[must_use]
pub fn commitment(salt: Option<&[u8]>, payload: Option<&[u8]>) -> Hash {
    sha256(&[salt.unwrap_or_default(), payload.unwrap_or_default()])
}

/// The RFC 6962 leaf of an event: SHA-256(0x00, "salus-leaf/v1", length of the header in 4 bytes, header, commitment,
/// MAC).
#[must_use]
pub fn hash(header: &[u8], commit: &[u8], mac: &[u8]) -> Hash {
    // A header is some hundred bytes; one that is longer than 4 GiB is none of ours and gets another leaf.
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
    sha256(&[&[0], b"salus-leaf/v1", &length.to_be_bytes(), header, commit, mac])
}

/// The keys with which runs of the server mark their events, made when they are first needed.
pub(crate) struct WriterKeys<'a> {
    root: &'a RootKey,
    keys: Arc<KnownWriters>,
}

/// The keys of some writers, for threads that do not have the root key.
#[derive(Clone, Default)]
pub(crate) struct KnownWriters(HashMap<i32, mac::Key>);

impl<'a> WriterKeys<'a> {
    pub(crate) fn new(root: &'a RootKey) -> Self {
        Self { root, keys: Arc::default() }
    }

    /// The keys that are known, with those of these writers.
    pub(crate) fn with(&mut self, writers: impl IntoIterator<Item = i32>) -> Result<Arc<KnownWriters>> {
        for writer in writers {
            if !self.keys.0.contains_key(&writer) {
                let secret = self.root.writer_key(writer, Uuid::nil())?;
                let key = mac::Key::new(mac::HMAC_SHA256, &secret[..]);
                Arc::make_mut(&mut self.keys).0.insert(writer, key);
            }
        }
        Ok(self.keys.clone())
    }

    /// Whether this writer made the event.
    pub(crate) fn check(&mut self, writer: i32, header: &[u8], commit: &[u8], tag: &[u8]) -> Result<bool> {
        Ok(self.with([writer])?.made(writer, header, commit, tag))
    }
}

impl KnownWriters {
    /// Whether this writer, which is known, made the event.
    pub(crate) fn made(&self, writer: i32, header: &[u8], commit: &[u8], tag: &[u8]) -> bool {
        // Nobody can ask this question over a network, so the time it takes tells nobody anything.
        self.0.get(&writer).is_some_and(|key| hmac(key, &[header, commit])[..] == *tag)
    }
}
