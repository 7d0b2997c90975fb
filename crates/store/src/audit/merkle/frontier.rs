//! A tree as what is needed to extend it: the roots of its perfect subtrees, largest first.

use super::{Hash, empty_root, node_hash};

/// The right edge of a tree. Appending costs two hashes on average, whatever the size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves from the roots of its perfect subtrees, largest first. `None` when there
    /// are not as many as a tree of that size has.
    #[must_use]
    pub fn new(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn append(&mut self, leaf: Hash) {
        let (mut hash, mut index) = (leaf, self.size);
        while index & 1 == 1 {
            if let Some(left) = self.roots.pop() {
                hash = node_hash(&left, &hash);
            }
            index >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty_root() };
        roots.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{leaf_hash, tree_hash};
    use super::*;

    #[test]
    fn grows_to_the_root_of_the_definition() {
        let leaves: Vec<Hash> = (0..600u32).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut tree = Frontier::default();
        assert_eq!(tree.root(), tree_hash(&[]));
        for (i, leaf) in leaves.iter().enumerate() {
            tree.append(*leaf);
            assert_eq!(tree.root(), tree_hash(&leaves[..=i]));
        }
        assert!(Frontier::new(3, vec![leaves[0]]).is_none());
    }
}
