//! Signed heads against the tree as it grows: those of the database and those that anchors kept.

use super::super::{
    epoch::{Chain, Fate},
    log::Log,
    merkle::{Checkpoint, Frontier, Note, VerifyingKey},
    plain,
};
use super::finding::Findings;
use salus_core::Result;
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};
use tokio_postgres::Transaction;

/// An event is not recorded so long before the head that precedes its own: a transaction may stay open, but not so long.
const LATE: Duration = Duration::hours(1);
/// Clocks of nodes differ by less.
const SKEW: Duration = Duration::seconds(5);

/// What each size must give: where it was said, and what.
type Due = BTreeMap<u64, Vec<(&'static str, Checkpoint)>>;

/// The heads that anchors kept, by epoch.
#[derive(Default)]
pub(super) struct Anchored {
    pub(super) due: BTreeMap<i32, Due>,
    pub(super) checked: u64,
    /// Those that a later epoch says to be lost.
    pub(super) declared: u64,
}

impl Anchored {
    /// Takes the heads of all anchors. Those that the log is behind show that it was rolled back.
    pub(super) fn read(
        log: &Log,
        key: Option<&VerifyingKey>,
        chain: &Chain,
        kept: &[(String, Vec<String>)],
        found: &mut Findings,
    ) -> Self {
        let mut all = Self::default();
        let heads = kept.iter().flat_map(|(name, notes)| notes.iter().enumerate().map(move |(i, n)| (name, i + 1, n)));
        for (name, line, note) in heads {
            all.checked += 1;
            let Some(head) = key.and_then(|key| Note::parse(note)?.open(key).ok()) else {
                let what = format!("head {line} of {name} is not signed by the log's key");
                found.add("anchor_signature", None, None, what);
                continue;
            };
            let Some(epoch) = log.epoch_of(&head.origin) else {
                let what = format!("{name} holds a head of {}", head.origin);
                found.add("anchor_origin", Some(head.size), None, what);
                continue;
            };
            match chain.fate(epoch, &head) {
                Fate::Due => {
                    all.due.entry(epoch).or_default().entry(head.size).or_default().push(("anchor_fork", head));
                }
                Fate::Declared => all.declared += 1,
                Fate::Contradicts => {
                    let size = chain.sizes.get(&epoch).copied().unwrap_or_default();
                    let what = format!(
                        "{name} holds a head over {} events of epoch {epoch}, and the log has {size}: it was rolled back",
                        head.size
                    );
                    found.add("rolled_back", Some(size.min(head.size)), None, what);
                }
            }
        }
        all
    }
}

pub(super) struct Heads {
    key: Option<VerifyingKey>,
    origin: String,
    due: Due,
    /// When the log reached each size, of the part that is being read and the one before.
    sealed_at: BTreeMap<u64, OffsetDateTime>,
    newest: u64,
    pub(super) checked: u64,
}

impl Heads {
    pub(super) fn new(key: Option<VerifyingKey>, origin: String, due: Due) -> Self {
        Self { key, origin, due, sealed_at: BTreeMap::new(), newest: 0, checked: 0 }
    }

    fn open(&self, note: &str) -> Option<Checkpoint> {
        Note::parse(note)?.open(self.key.as_ref()?).ok()
    }

    /// The stored heads of sizes above `start`, up to the first that covers `end`.
    pub(super) async fn load(
        &mut self,
        tx: &Transaction<'_>,
        epoch: i32,
        (start, end): (u64, u64),
        found: &mut Findings,
    ) -> Result<()> {
        let sql = "SELECT size, note, sealed_at FROM audit.checkpoints WHERE epoch = $1 AND size > $2 \
                   AND size <= coalesce((SELECT min(size) FROM audit.checkpoints WHERE epoch = $1 AND size >= $3), $3) ORDER BY size";
        let before = self.sealed_at.range(..=start).next_back().map(|(size, at)| (*size, *at));
        self.sealed_at.retain(|size, _| *size > start);
        self.sealed_at.extend(before);
        let span = [start.cast_signed(), end.cast_signed()];
        for row in tx.query(sql, &[&epoch, &span[0], &span[1]]).await.map_err(|e| plain(&e))? {
            let size = row.get::<_, i64>(0).cast_unsigned();
            self.sealed_at.insert(size, row.get(2));
            if size <= self.newest {
                continue;
            }
            self.newest = size;
            self.checked += 1;
            match self.open(row.get(1)) {
                Some(head) if head.size == size && head.origin == self.origin => {
                    self.due.entry(size).or_default().push(("head_fork", head));
                }
                Some(_) => {
                    found.add("head_signature", Some(size), None, "a stored head says something else than its row");
                }
                None if self.key.is_none() => {}
                None => found.add("head_signature", Some(size), None, "a stored head is not signed by the log's key"),
            }
        }
        Ok(())
    }

    /// Holds what was said about this size against the tree.
    pub(super) fn reached(&mut self, tree: &Frontier, found: &mut Findings) {
        let Some((&size, _)) = self.due.first_key_value() else { return };
        if size != tree.size() {
            return;
        }
        let root = tree.root();
        for (kind, head) in self.due.remove(&size).into_iter().flatten() {
            if head.root != root {
                let whose = if kind == "anchor_fork" { "an anchored" } else { "a stored" };
                let what = format!("{whose} head over {size} events has another root than the log: it was rewritten");
                found.add(kind, Some(size), None, what);
            }
        }
    }

    /// Whether an event may have been recorded at this time, from the heads before and after its leaf.
    pub(super) fn plausible(&self, leaf: u64, at: OffsetDateTime) -> bool {
        let before = self.sealed_at.range(..=leaf).next_back();
        let after = self.sealed_at.range(leaf + 1..).next();
        before.is_none_or(|(_, sealed)| at >= *sealed - LATE) && after.is_none_or(|(_, sealed)| at <= *sealed + SKEW)
    }

    /// The newest head must be that of the whole log.
    pub(super) fn finish(&self, size: u64, found: &mut Findings) {
        if self.newest != size {
            let what = format!("the log holds {size} events and its newest signed head {}", self.newest);
            found.add("head_missing", Some(self.newest.min(size)), None, what);
        }
    }
}
