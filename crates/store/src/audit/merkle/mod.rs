//! The Merkle tree over the audit events, and nothing of a database: RFC 6962 hashes, the proofs of RFC 9162, the
//! layout of C2SP tlog-tiles and the notes of C2SP signed-note and tlog-checkpoint.
//!
//! [`Frontier`] grows a tree, [`Grown`] says which tiles that changes, [`proof`] makes and checks proofs, [`Note`] is
//! what is signed. Everything that is checked offline is checked by this code, in the server and in `salus-verify`.
//! Sources: RFC 6962 section 2.1, RFC 9162 sections 2.1.3 and 2.1.4, <https://c2sp.org/tlog-tiles>,
//! <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

mod frontier;
mod note;
pub mod proof;
mod tile;

pub use frontier::Frontier;
pub use note::{Checkpoint, Former, Note, SigningKey, VerifyingKey};
pub use proof::{verify_consistency, verify_inclusion};
pub use tile::{Grown, HEIGHT, Tile, Tiles, WIDTH, right_edge};

use crate::seal::sha256;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The hash of a leaf whose content is `data`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// The hash of two neighbours.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The definition of RFC 6962 as it is written there, for any list of leaf hashes: slow, and the measure of the rest.
#[must_use]
pub fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        many => {
            let (left, right) = many.split_at(split(many.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// The largest power of two below `n`, which is more than one.
fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}
