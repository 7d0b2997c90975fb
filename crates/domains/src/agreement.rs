//! What a browser's key and one of ours agree upon, and keys made from that: for messages to browsers and for what a browser
//! keeps for us.

use aws_lc_rs::{
    agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey},
    hkdf::{KeyType, Prk},
};
use salus_core::{Error, Result};

/// A point of P-256, uncompressed: its bytes.
pub const POINT: usize = 65;

/// A fault of the cipher or of the random source.
pub fn failed() -> Error {
    Error::internal("encryption for a browser failed")
}

/// A key pair of ours.
///
/// # Errors
/// [`Error::Internal`] when the random source fails.
pub fn own_key() -> Result<PrivateKey> {
    PrivateKey::generate(&ECDH_P256).map_err(|_| failed())
}

/// What two keys agree upon.
///
/// # Errors
/// [`Error::Internal`] for a point that is not on the curve.
pub fn shared(own: &PrivateKey, point: &[u8]) -> Result<Vec<u8>> {
    agreement::agree(own, UnparsedPublicKey::new(&ECDH_P256, point), failed(), |secret| Ok(secret.to_vec()))
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The second half of HKDF (RFC 5869 section 2.3).
///
/// # Errors
/// [`Error::Internal`] when more is wanted than it gives.
pub fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N]> {
    let mut out = [0; N];
    prk.expand(info, Bytes(N)).and_then(|okm| okm.fill(&mut out)).map_err(|_| failed())?;
    Ok(out)
}
