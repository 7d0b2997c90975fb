//! Signed heads against the tree as it grows: those of the database and those that anchors kept.

use super::super::{
    beside::{Beside, Order, Xact},
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

/// A leaf that was passed, and what is known of its event.
pub(super) enum Passed {
    Event((Xact, i64)),
    /// The statement that begins an epoch.
    Statement,
    /// The event is gone, rightly or not.
    Unknown,
}

pub(super) struct Heads {
    key: Option<VerifyingKey>,
    origin: String,
    due: Due,
    /// When the log reached each size, of the part that is being read and the one before.
    sealed_at: BTreeMap<u64, OffsetDateTime>,
    newest: u64,
    pub(super) checked: u64,
    /// The size of the first head with a code under what stands beside it: all after it have one.
    coded: Option<u64>,
    /// What heads say of the order of the events since the head before.
    orders: BTreeMap<u64, Option<Vec<u8>>>,
    /// That order as it is, from this leaf on; none once the event of a leaf is not known.
    order: Option<Order>,
    since: u64,
}

impl Heads {
    pub(super) fn new(key: Option<VerifyingKey>, origin: String, due: Due) -> Self {
        let (sealed_at, orders) = (BTreeMap::new(), BTreeMap::new());
        let (coded, order) = (None, Some(Order::default()));
        Self { key, origin, due, sealed_at, newest: 0, checked: 0, coded, orders, order, since: 0 }
    }

    fn open(&self, note: &str) -> Option<Checkpoint> {
        Note::parse(note)?.open(self.key.as_ref()?).ok()
    }

    /// The stored heads of sizes above `start`, up to the first that covers `end`.
    pub(super) async fn load(
        &mut self,
        (tx, log): (&Transaction<'_>, &Log),
        epoch: i32,
        (start, end): (u64, u64),
        found: &mut Findings,
    ) -> Result<()> {
        let sql = format!(
            "SELECT size, note, {} FROM audit.checkpoints WHERE epoch = $1 AND size > $2 \
             AND size <= coalesce((SELECT min(size) FROM audit.checkpoints WHERE epoch = $1 AND size >= $3), $3) ORDER BY size",
            Beside::COLUMNS
        );
        let before = self.sealed_at.range(..=start).next_back().map(|(size, at)| (*size, *at));
        self.sealed_at.retain(|size, _| *size > start);
        self.sealed_at.extend(before);
        let span = [start.cast_signed(), end.cast_signed()];
        for row in tx.query(&sql, &[&epoch, &span[0], &span[1]]).await.map_err(|e| plain(&e))? {
            let size = row.get::<_, i64>(0).cast_unsigned();
            let beside = Beside::read(&row);
            self.sealed_at.insert(size, beside.sealed_at);
            if size <= self.newest {
                continue;
            }
            self.newest = size;
            self.checked += 1;
            self.beside(size, beside.holds(&log.root, (epoch, size.cast_signed()))?, found);
            self.orders.insert(size, beside.order);
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

    /// Whether the code under what stands beside a head is right, or rightly not there.
    fn beside(&mut self, size: u64, holds: Option<bool>, found: &mut Findings) {
        if holds.is_some() {
            self.coded.get_or_insert(size);
        }
        if !holds.unwrap_or(self.coded.is_none()) {
            let what = "the time of a seal, its anchors or the order of its events are not what the sealer noted";
            found.add("head_changed", Some(size), None, what);
        }
    }

    /// Whether the newest head that was read has a code under what stands beside it.
    pub(super) fn coded(&self) -> bool {
        self.coded.is_some()
    }

    /// Takes the event of the next leaf, and holds what the next head says of the order against the events before it.
    pub(super) fn passed(&mut self, leaf: u64, what: Passed, found: &mut Findings) {
        match (what, &mut self.order) {
            (Passed::Event(placed), Some(order)) => order.add(placed),
            (Passed::Unknown, order) => *order = None,
            (Passed::Event(_), None) | (Passed::Statement, _) => {}
        }
        let Some(said) = self.orders.remove(&(leaf + 1)) else { return };
        let order = self.order.replace(Order::default()).map(Order::digest);
        if said.zip(order).is_some_and(|(said, own)| said != own) {
            let what = format!(
                "the transaction or the number of an event before leaf {} is not what it was sealed with, or a head between is gone",
                leaf + 1
            );
            found.add("order_changed", Some(self.since), None, what);
        }
        self.since = leaf + 1;
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
