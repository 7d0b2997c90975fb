//! Inclusion and consistency proofs: which subtrees they are made of, and whether one holds.
//!
//! The checks are the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2 and take nothing that is longer, shorter or
//! for another size. What makes a proof is apart from what checks it: a mistake in one does not excuse the other.

use super::{Hash, Tile, Tiles, node_hash, split};

/// A run of leaves: from, and up to but without.
pub type Span = (u64, u64);

/// The runs of leaves whose roots prove that leaf `index` is in a tree of `size`, from the leaf upwards. Empty when
/// there is no such leaf.
#[must_use]
pub fn inclusion_path(index: u64, size: u64) -> Vec<Span> {
    let (mut low, mut high, mut path) = (0, size, Vec::new());
    if index >= size {
        return path;
    }
    while high - low > 1 {
        let middle = low + halve(high - low);
        if index < middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
        }
    }
    path.reverse();
    path
}

/// The runs of leaves whose roots prove that the tree of `old` leaves is the beginning of the tree of `new`. Empty when
/// there is nothing to prove or `old` is not smaller.
#[must_use]
pub fn consistency_path(old: u64, new: u64) -> Vec<Span> {
    let (mut low, mut high, mut path) = (0, new, Vec::new());
    if old == 0 || old >= new {
        return path;
    }
    // Whether the run that is left began as the whole old tree, whose root the verifier has.
    let mut whole = true;
    while old != high {
        let middle = low + halve(high - low);
        if old <= middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
            whole = false;
        }
    }
    if !whole {
        path.push((low, high));
    }
    path.reverse();
    path
}

fn halve(n: u64) -> u64 {
    usize::try_from(n).map_or(1 << 63, |n| split(n) as u64)
}

/// The perfect subtrees that a run of leaves, as the paths give it, is made of: level and number, left to right.
#[must_use]
pub fn cover((mut low, high): Span) -> Vec<(u32, u64)> {
    let mut nodes = Vec::new();
    while low < high {
        let fits = (high - low).ilog2();
        let level = if low == 0 { fits } else { fits.min(low.trailing_zeros()) };
        nodes.push((level, low >> level));
        low += 1 << level;
    }
    nodes
}

/// The tiles that these runs need.
#[must_use]
pub fn tiles_of(path: &[Span]) -> Vec<Tile> {
    let mut tiles: Vec<Tile> =
        path.iter().flat_map(|span| cover(*span)).map(|(level, index)| Tiles::of_node(level, index)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// The proof: the root of every run. `None` when a tile is not here.
#[must_use]
pub fn hashes(path: &[Span], tiles: &Tiles) -> Option<Vec<Hash>> {
    path.iter().map(|span| root_of(*span, tiles)).collect()
}

/// The root over a run of leaves.
fn root_of(span: Span, tiles: &Tiles) -> Option<Hash> {
    let nodes: Option<Vec<Hash>> = cover(span).into_iter().map(|(level, index)| tiles.node(level, index)).collect();
    nodes?.into_iter().rev().reduce(|right, left| node_hash(&left, &right))
}

/// Whether `proof` shows that the leaf of this hash is number `index` of the tree of `size` leaves with this `root`.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `old` leaves and root `old_root` is the beginning of the tree of `new`
/// leaves and root `new_root`. From a tree without leaves nothing can be proved, and nothing is. Roots are compared as
/// bytes: one that is no SHA-256 equals itself, which is all that two trees of one size need, and nothing else.
#[must_use]
pub fn verify_consistency(old: u64, new: u64, proof: &[Hash], old_root: &[u8], new_root: &[u8]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    // A whole left subtree is not in the proof: it is the old root itself.
    let mut rest = proof.iter();
    let first: Option<Hash> = if old.is_power_of_two() { old_root.try_into().ok() } else { rest.next().copied() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut before, mut after) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            before = node_hash(sibling, &before);
            after = node_hash(sibling, &after);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            after = node_hash(&after, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && before[..] == *old_root && after[..] == *new_root
}

#[cfg(test)]
mod tests {
    use super::super::{Grown, leaf_hash, tree_hash};
    use super::*;
    use proptest::prelude::*;

    fn tree(n: u64) -> (Vec<Hash>, Tiles) {
        let leaves: Vec<Hash> = (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut grown = Grown::from_edge(0, Tiles::default()).unwrap();
        for leaf in &leaves {
            grown.append(*leaf);
        }
        let mut tiles: Tiles = grown.partial().clone();
        tiles.0.extend(grown.take_full());
        (leaves, tiles)
    }

    /// PATH of RFC 6962 section 2.1.1, as written there.
    fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, other) = if index < left.len() {
            (naive_path(index, left), tree_hash(right))
        } else {
            (naive_path(index - left.len(), right), tree_hash(left))
        };
        path.push(other);
        path
    }

    /// SUBPROOF of RFC 6962 section 2.1.2, as written there.
    fn naive_subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![tree_hash(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, other) = if old <= left.len() {
            (naive_subproof(old, left, whole), tree_hash(right))
        } else {
            (naive_subproof(old - left.len(), right, false), tree_hash(left))
        };
        path.push(other);
        path
    }

    fn inclusion(size: u64, pick: u64, wrong: u64) {
        let ((leaves, tiles), index) = (tree(size), pick % size);
        let at = usize::try_from(index).unwrap();
        let (root, mut proof) = (tree_hash(&leaves), hashes(&inclusion_path(index, size), &tiles).unwrap());
        assert_eq!(&proof, &naive_path(at, &leaves));
        assert!(verify_inclusion(&leaves[at], index, size, &proof, &root));
        let other = wrong % (size + 2);
        assert!(other == index || !verify_inclusion(&leaves[at], other, size, &proof, &root));
        assert!(!verify_inclusion(&leaf_hash(b"another"), index, size, &proof, &root));
        proof.push(root);
        assert!(!verify_inclusion(&leaves[at], index, size, &proof, &root));
        proof.pop();
        if let Some(hash) = proof.last_mut() {
            hash[7] ^= 1;
            assert!(!verify_inclusion(&leaves[at], index, size, &proof, &root));
            proof.pop();
            assert!(!verify_inclusion(&leaves[at], index, size, &proof, &root));
        }
    }

    fn consistency(size: u64, pick: u64, wrong: u64) {
        let ((leaves, tiles), old) = (tree(size), 1 + pick % size);
        let at = usize::try_from(old).unwrap();
        let (before, after) = (tree_hash(&leaves[..at]), tree_hash(&leaves));
        let mut proof = hashes(&consistency_path(old, size), &tiles).unwrap();
        assert_eq!(&proof, &naive_subproof(at, &leaves, true));
        assert!(verify_consistency(old, size, &proof, &before, &after));
        let other = wrong % (size + 2);
        assert!(other == old || !verify_consistency(other, size, &proof, &before, &after));
        assert!(old == size || !verify_consistency(old, size, &proof, &after, &before));
        proof.push(after);
        assert!(!verify_consistency(old, size, &proof, &before, &after));
        proof.pop();
        if let Some(hash) = proof.first_mut() {
            hash[0] ^= 128;
            assert!(!verify_consistency(old, size, &proof, &before, &after));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn inclusion_is_that_of_the_definition_and_nothing_else(size in 1u64..1200, pick in any::<u64>(), wrong in any::<u64>()) {
            inclusion(size, pick, wrong);
        }

        #[test]
        fn consistency_is_that_of_the_definition_and_nothing_else(size in 1u64..1200, pick in any::<u64>(), wrong in any::<u64>()) {
            consistency(size, pick, wrong);
        }
    }

    #[test]
    #[ignore = "A18 at full size: script/chaos audit"]
    fn proofs_of_full_size() {
        let mut state = 18u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 16
        };
        for _ in 0..10_000 {
            inclusion(1 + next() % 1200, next(), next());
        }
        for _ in 0..1_000 {
            consistency(1 + next() % 1200, next(), next());
        }
    }

    #[test]
    fn nothing_is_proved_of_what_is_not_there() {
        assert!(
            inclusion_path(5, 5).is_empty() && consistency_path(0, 9).is_empty() && consistency_path(9, 9).is_empty()
        );
        assert!(!verify_inclusion(&[0; 32], 0, 0, &[], &tree_hash(&[])));
        assert!(!verify_consistency(0, 0, &[], &tree_hash(&[]), &tree_hash(&[])));
    }
}
