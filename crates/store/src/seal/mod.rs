//! Sealing: AES-256-GCM for each value, bound to its tenant, column and row, under a key that is derived from the
//! tenant's data key of that class and, where a person is the subject, from that person's own key.
//!
//! Layout of a sealed value (`spec` B2.3): `E5 01 | alg | key number (8) | nonce (12) | ciphertext | tag (16)`.
//! The key number is in the header and in the additional data; a value is only ever tried with the key it names.
//! Which values are opened, and what is written down about it, is the business of [`crate::Tx`].

mod blind;
mod keyring;
mod persons;
mod root;
mod value;
mod wrapping;

pub use blind::{IndexKey, Search, is_ideographic, name_words};
pub(crate) use keyring::key_aad;
pub use keyring::{ClassKey, KeyClass, TenantKeys, Wrapped};
pub(crate) use keyring::{Loaded, cipher};
pub(crate) use persons::Persons;
pub(crate) use root::replace_private;
pub use root::{RootFile, RootKey};
pub use value::{Binding, Format, SubjectKey, key_no, open, seal};
pub(crate) use value::{forgotten, reseal};
pub(crate) use wrapping::Wrapping;

use salus_core::{Error, Result};
use std::cell::RefCell;
use zeroize::Zeroizing;

/// 256 bits that are erased when dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// Random bytes for a key.
pub(crate) fn random_secret() -> Result<Secret> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut key[..]).map_err(|_| Error::internal("the random source failed"))?;
    Ok(key)
}

/// Fills a buffer from the system's random source.
///
/// # Errors
/// [`Error::Internal`] when it fails.
pub fn fill_random(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Error::internal("the random source failed"))
}

/// SHA-256 of bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    sha256(&[bytes])
}

/// A fresh random 96-bit nonce. Drawn 64 at a time, because a call to the random source costs more than a seal.
pub(crate) fn nonce() -> Result<[u8; 12]> {
    thread_local!(static DRAWN: RefCell<(usize, [u8; 768])> = const { RefCell::new((768, [0; 768])) });
    DRAWN.with_borrow_mut(|(used, bytes)| {
        if *used == bytes.len() {
            aws_lc_rs::rand::fill(&mut bytes[..]).map_err(|_| Error::internal("the random source failed"))?;
            *used = 0;
        }
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&bytes[*used..*used + 12]);
        bytes[*used..*used + 12].fill(0);
        *used += 12;
        Ok(nonce)
    })
}

/// HKDF-SHA-256 (RFC 5869) to one 256-bit key.
pub(crate) fn derive(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<Secret> {
    use aws_lc_rs::hkdf;
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key[..]))
        .map_err(|_| Error::internal("key derivation failed"))?;
    Ok(key)
}

/// The first half of HKDF-SHA-256 (RFC 5869 section 2.2): the key of the second.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Secret {
    use aws_lc_rs::hmac as mac;
    // An absent salt is as many zeros as the hash is long, which HMAC's own padding makes of an empty key.
    Zeroizing::new(hmac(&mac::Key::new(mac::HMAC_SHA256, salt), &[secret]))
}

/// The second half (section 2.3) for 256 bits, which is its first block.
pub(crate) fn expand(extracted: &aws_lc_rs::hmac::Key, info: &[u8]) -> Secret {
    let mut context = aws_lc_rs::hmac::Context::with_key(extracted);
    context.update(info);
    context.update(&[1]);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(context.sign().as_ref());
    key
}

/// HMAC-SHA-256.
pub(crate) fn hmac(key: &aws_lc_rs::hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = aws_lc_rs::hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// SHA-256.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    use aws_lc_rs::digest;
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
