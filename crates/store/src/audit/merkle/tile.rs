//! The layout of C2SP tlog-tiles: tile `index` of `level` holds up to 256 hashes, each the root of a perfect subtree of
//! 2^(8·level) leaves. The last tile of a level may be partial; it only ever grows.

use super::{Frontier, Hash, node_hash};
use std::collections::BTreeMap;

/// Levels of the tree in one tile.
pub const HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const WIDTH: u64 = 1 << HEIGHT;

/// Which tile: level and index.
pub type Tile = (u32, u64);

/// Tiles in memory, by level and index.
#[derive(Debug, Clone, Default)]
pub struct Tiles(pub BTreeMap<Tile, Vec<Hash>>);

impl Tiles {
    /// A tile from its stored bytes. `None` when they are no whole number of hashes, none, or too many.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && !hashes.is_empty() && hashes.len() as u64 <= WIDTH;
        fits.then(|| hashes.to_vec())
    }

    /// The root of the perfect subtree number `index` of 2^`level` leaves, when the tile it comes from is here.
    #[must_use]
    pub fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let (tile, inside) = (level / HEIGHT, level % HEIGHT);
        let first = index << inside;
        let held = self.0.get(&(tile, first / WIDTH))?;
        let from = usize::try_from(first % WIDTH).ok()?;
        perfect(held.get(from..from + (1 << inside))?)
    }

    /// Which tile [`Tiles::node`] needs for this node.
    #[must_use]
    pub fn of_node(level: u32, index: u64) -> Tile {
        (level / HEIGHT, (index << (level % HEIGHT)) / WIDTH)
    }
}

/// The root over a power of two of hashes.
fn perfect(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [only] => Some(*only),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            Some(node_hash(&perfect(left)?, &perfect(right)?))
        }
    }
}

/// The partial tiles at the right edge of a tree of this size: what its [`Frontier`] is read from.
#[must_use]
pub fn right_edge(size: u64) -> Vec<Tile> {
    let levels = (0..u64::BITS / HEIGHT).map(|level| (level, size >> (HEIGHT * level)));
    levels.take_while(|(_, n)| *n > 0).filter(|(_, n)| n % WIDTH != 0).map(|(level, n)| (level, n / WIDTH)).collect()
}

/// A tree that grows, with the tiles that change by it.
#[derive(Debug)]
pub struct Grown {
    tree: Frontier,
    changed: Tiles,
}

impl Grown {
    /// From the tiles of [`right_edge`]. `None` when one of them is missing or is not as long as the size demands.
    #[must_use]
    pub fn from_edge(size: u64, edge: Tiles) -> Option<Self> {
        for (level, index) in right_edge(size) {
            let held = edge.0.get(&(level, index))?.len() as u64;
            if held != (size >> (HEIGHT * level)) % WIDTH {
                return None;
            }
        }
        let (mut roots, mut from) = (Vec::new(), 0u64);
        for level in (0..u64::BITS).rev().filter(|bit| size >> bit & 1 == 1) {
            roots.push(edge.node(level, from >> level)?);
            from += 1 << level;
        }
        Some(Self { tree: Frontier::new(size, roots)?, changed: edge })
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf: Hash) {
        let mut index = self.tree.size();
        self.tree.append(leaf);
        let (mut level, mut hash) = (0, leaf);
        loop {
            let tile = self.changed.0.entry((level, index / WIDTH)).or_default();
            tile.push(hash);
            if tile.len() as u64 != WIDTH {
                return;
            }
            let Some(above) = perfect(tile) else { return };
            (level, hash, index) = (level + 1, above, index / WIDTH);
        }
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// The tiles that are full and will not change any more, taken out; and at the end the partial ones.
    pub fn take_full(&mut self) -> Vec<(Tile, Vec<Hash>)> {
        let full = self.changed.0.extract_if(.., |_, hashes| hashes.len() as u64 == WIDTH);
        full.collect()
    }

    /// The partial tiles.
    #[must_use]
    pub fn partial(&self) -> &Tiles {
        &self.changed
    }
}

#[cfg(test)]
mod tests {
    use super::super::{leaf_hash, tree_hash};
    use super::*;
    use proptest::prelude::*;

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// All tiles of a tree, made in batches of these sizes, each read back from what the last one stored.
    fn stored(batches: &[u64]) -> (Tiles, u64, Hash) {
        let all = leaves(batches.iter().sum());
        let (mut kept, mut size, mut root) = (Tiles::default(), 0u64, tree_hash(&[]));
        for batch in batches {
            let edge = Tiles(right_edge(size).into_iter().map(|t| (t, kept.0[&t].clone())).collect());
            let mut grown = Grown::from_edge(size, edge).unwrap();
            assert_eq!(grown.tree().root(), root);
            for leaf in &all[usize::try_from(size).unwrap()..usize::try_from(size + batch).unwrap()] {
                grown.append(*leaf);
            }
            kept.0.extend(grown.take_full());
            kept.0.extend(grown.partial().0.clone());
            (size, root) = (size + batch, grown.tree().root());
        }
        (kept, size, root)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn batches_of_any_size_give_the_tree_of_the_definition(batches in prop::collection::vec(0u64..900, 1..6)) {
            let (tiles, size, root) = stored(&batches);
            let all = leaves(size);
            prop_assert_eq!(root, tree_hash(&all));
            for level in 0..=10 {
                for index in 0..size >> level {
                    let span = usize::try_from(index << level).unwrap()..usize::try_from((index + 1) << level).unwrap();
                    prop_assert_eq!(tiles.node(level, index), Some(tree_hash(&all[span])));
                }
            }
        }
    }

    #[test]
    fn a_higher_level_begins_with_its_first_full_tile() {
        let (tiles, size, root) = stored(&[65_535, 1, 70_000]);
        assert_eq!(tiles.0[&(2, 0)], [tree_hash(&leaves(65_536)), tree_hash(&leaves(131_072)[65_536..])]);
        assert_eq!(tiles.0[&(1, 2)].len(), 17);
        assert_eq!((size, root), (135_536, tree_hash(&leaves(135_536))));
        assert_eq!(right_edge(65_536), [(2, 0)]);
    }

    #[test]
    fn an_edge_that_does_not_fit_the_size_is_refused() {
        let (tiles, ..) = stored(&[300]);
        assert!(Grown::from_edge(300, tiles.clone()).is_some());
        assert!(Grown::from_edge(301, tiles.clone()).is_none());
        assert!(Grown::from_edge(300, Tiles::default()).is_none());
        assert!(
            Tiles::decode(&[0; 33]).is_none() && Tiles::decode(&[]).is_none() && Tiles::decode(&[0; 8224]).is_none()
        );
    }
}
