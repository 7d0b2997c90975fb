//! What of an event is in the Merkle log, and what is only committed to (`spec` B1.3).

use super::merkle::Hash;
use crate::seal::{RootKey, hmac, sha256};
use aws_lc_rs::hmac as mac;
use salus_core::Result;
use std::collections::HashMap;
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
    keys: HashMap<i32, mac::Key>,
}

impl<'a> WriterKeys<'a> {
    pub(crate) fn new(root: &'a RootKey) -> Self {
        Self { root, keys: HashMap::new() }
    }

    /// Whether this writer made the event.
    pub(crate) fn check(&mut self, writer: i32, header: &[u8], commit: &[u8], tag: &[u8]) -> Result<bool> {
        let key = match self.keys.entry(writer) {
            std::collections::hash_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let secret = self.root.writer_key(writer, Uuid::nil())?;
                place.insert(mac::Key::new(mac::HMAC_SHA256, &secret[..]))
            }
        };
        // Nobody can ask this question over a network, so the time it takes tells nobody anything.
        Ok(hmac(key, &[header, commit])[..] == *tag)
    }
}
