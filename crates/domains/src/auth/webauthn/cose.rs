//! Public keys as devices give them (COSE, RFC 9052 and 9053): ES256 over P-256, `EdDSA` over Ed25519, RS256.

use super::data::{numbered, whole};
use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use ciborium::Value as Cbor;

/// Numbers of the algorithms that are asked for, the preferred one first.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// A key that signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// A point, uncompressed.
    Es256(Vec<u8>),
    /// 32 bytes.
    EdDsa(Vec<u8>),
    /// Modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// `None` for a key that is no COSE key of one of our kinds.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let key = whole(bytes)?;
        let number = |label| numbered(&key, label).and_then(Cbor::as_integer).and_then(|n| i64::try_from(n).ok());
        let bytes = |label, lengths: std::ops::RangeInclusive<usize>| {
            numbered(&key, label)?.as_bytes().filter(|b| lengths.contains(&b.len()))
        };
        // Kind, algorithm and curve belong together.
        match (number(1)?, number(3)?) {
            (2, ES256) if number(-1) == Some(1) => {
                let (x, y) = (bytes(-2, 32..=32)?, bytes(-3, 32..=32)?);
                Some(Self::Es256([&[4][..], x, y].concat()))
            }
            (1, EDDSA) if number(-1) == Some(6) => Some(Self::EdDsa(bytes(-2, 32..=32)?.clone())),
            (3, RS256) => Some(Self::Rs256(bytes(-1, 256..=512)?.clone(), bytes(-2, 1..=8)?.clone())),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => ES256,
            Self::EdDsa(_) => EDDSA,
            Self::Rs256(..) => RS256,
        }
    }

    /// Whether a signature over a message is of this key.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok(),
            Self::Rs256(n, e) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}
