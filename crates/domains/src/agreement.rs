//! What a browser's key and one of ours agree upon: for messages to browsers and for what a browser keeps for us.

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
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
