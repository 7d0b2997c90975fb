//! Events beside leaves. Both are read in the order of transactions, which is the order in which they were sealed, so
//! memory stays small whatever the size of the log. An event that does not come where its leaf is waits. While a thread
//! computes what the events of one part give, the database already reads the next.

use super::super::{
    journal::Receipts,
    leaf::WriterKeys,
    log::{self, Head},
    merkle::Hash,
    plain,
};
use super::{
    CHUNK,
    event::{COLUMNS, Seen, WRITER},
    finding::Findings,
    heads::{Heads, Passed},
};
use salus_core::{Error, Result};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_postgres::{Portal, Transaction, types::ToSql};
use uuid::Uuid;

/// So many events wait for their leaf at most; one that is further away counts as missing.
const WAITING: usize = 50_000;

/// A leaf: where it is, of which event and of which time, and whether that left by retention.
pub(super) struct Leaf {
    pub(super) at: u64,
    pub(super) id: Uuid,
    pub(super) recorded_at: OffsetDateTime,
    pub(super) pruned: bool,
}

/// Which events belong to an epoch.
pub(super) struct Part {
    /// How many leaves it began with.
    pub(super) opening: i64,
    /// There is no other epoch.
    pub(super) alone: bool,
    /// It is the current one, to which events without a leaf belong.
    pub(super) last: bool,
}

pub(super) struct Stream<'a> {
    tx: &'a Transaction<'a>,
    portal: Portal,
    keys: WriterKeys<'a>,
    pub(super) receipts: Option<Receipts>,
    redacted: Arc<HashSet<Uuid>>,
    looking: Option<JoinHandle<VecDeque<Seen>>>,
    fetched: VecDeque<Seen>,
    waiting: HashMap<Uuid, Seen>,
    ended: bool,
    pub(super) unsealed: u64,
}

impl<'a> Stream<'a> {
    pub(super) async fn begin(
        tx: &'a Transaction<'a>,
        (head, part): (&Head, &Part),
        keys: WriterKeys<'a>,
        (receipts, redacted): (Option<Receipts>, Arc<HashSet<Uuid>>),
    ) -> Result<Self> {
        let events = log::events(tx, COLUMNS).await?;
        let Part { opening, alone, last } = part;
        let (join, values): (_, Vec<&(dyn ToSql + Sync)>) = if *alone {
            ("ORDER BY", vec![&head.horizon])
        } else {
            // Transactions of another cluster were numbered otherwise: an epoch's first events come by themselves.
            let join = "LEFT JOIN audit.leaves l ON l.event_id = e.id WHERE l.epoch = $2 OR ($3 AND l.epoch IS NULL) \
                        ORDER BY coalesce(l.leaf_index >= $4, true),";
            (join, vec![&head.horizon, &head.epoch, last, opening])
        };
        let sql = format!(
            "SELECT e.*, e.xact < $1::text::xid8 AS due FROM ({events}) e {join} e.xact, e.writer_id, e.writer_seq"
        );
        let statement = tx.prepare(&sql).await.map_err(|e| plain(&e))?;
        let portal = tx.bind(&statement, &values).await.map_err(|e| plain(&e))?;
        let (fetched, waiting) = (VecDeque::new(), HashMap::new());
        let (looking, ended) = (None, false);
        Ok(Self { tx, portal, keys, receipts, redacted, looking, fetched, waiting, ended, unsealed: 0 })
    }

    async fn next(&mut self) -> Result<Option<Seen>> {
        if self.fetched.is_empty() {
            self.look_at_more().await?;
            if let Some(looked) = self.looking.take() {
                // What follows is read meanwhile.
                self.look_at_more().await?;
                self.fetched = looked.await.map_err(Error::internal)?;
            }
        }
        Ok(self.fetched.pop_front())
    }

    /// Reads a part and gives it to a thread, unless one has a part or there are no more.
    async fn look_at_more(&mut self) -> Result<()> {
        if self.looking.is_some() || self.ended {
            return Ok(());
        }
        let limit = i32::try_from(CHUNK).map_err(Error::internal)?;
        let rows = self.tx.query_portal(&self.portal, limit).await.map_err(|e| plain(&e))?;
        self.ended = rows.is_empty();
        if !self.ended {
            let keys = self.keys.with(rows.iter().map(|row| row.get(WRITER)))?;
            let redacted = self.redacted.clone();
            let look = move || rows.iter().map(|row| Seen::look(row, &keys, &redacted)).collect();
            self.looking = Some(tokio::task::spawn_blocking(look));
        }
        Ok(())
    }

    /// The event of a leaf: checks it and gives its leaf hash, and which transaction and number it has.
    pub(super) async fn leaf(
        &mut self,
        Leaf { at, id, recorded_at, pruned }: Leaf,
        held: Option<Hash>,
        heads: &Heads,
        found: &mut Findings,
    ) -> Result<(Option<Hash>, Passed)> {
        let mut event = self.waiting.remove(&id);
        let late = event.is_some();
        // One that left by retention is not looked for: that would take those after it out of their order.
        while event.is_none() && !pruned && self.waiting.len() < WAITING {
            let Some(next) = self.next().await? else { break };
            if next.id == id {
                event = Some(next);
            } else {
                self.waiting.insert(next.id, next);
            }
        }
        let Some(event) = event else {
            if pruned {
                self.receipt(id, None, (Some(at), found));
            } else {
                found.add("event_missing", Some(at), Some(id), "an event of the log is gone");
            }
            if !heads.plausible(at, recorded_at) {
                found.add("leaf_time", Some(at), Some(id), "a leaf says a time at which nothing was recorded");
            }
            return Ok((held, Passed::Unknown));
        };
        if recorded_at != event.recorded_at {
            found.add("leaf_time", Some(at), Some(id), "a leaf says another time than its event");
        }
        if late {
            found.add("order", Some(at), Some(id), "an event is not where its transaction put it");
        }
        if held.is_some_and(|held| held != event.leaf) {
            found.add("event_changed", Some(at), Some(id), "an event is not the one that was sealed here");
        }
        if !heads.plausible(at, event.recorded_at) {
            found.add("time", Some(at), Some(id), "an event says a time at which it cannot have been recorded");
        }
        self.report(&event, Some(at), found);
        Ok((Some(event.leaf), Passed::Event(event.placed)))
    }

    fn report(&mut self, event: &Seen, at: Option<u64>, found: &mut Findings) {
        found.clock_moved |= event.clock_moved;
        for (kind, what) in &event.faults {
            found.add(kind, at, Some(event.id), *what);
        }
        self.receipt(event.id, Some(&event.leaf), (at, found));
    }

    fn receipt(&mut self, id: Uuid, leaf: Option<&Hash>, (at, found): (Option<u64>, &mut Findings)) {
        let given = self.receipts.as_mut().and_then(|r| r.committed.remove(&id));
        if given.is_some_and(|given| leaf.is_some_and(|leaf| *leaf != given)) {
            found.add("receipt_differs", at, Some(id), "an event is not the one its writer has a receipt for");
        }
    }

    /// Events without a leaf, and receipts without an event.
    /// In an earlier epoch receipts of later ones are still to come.
    pub(super) async fn rest(&mut self, last: bool, found: &mut Findings) -> Result<()> {
        let waiting: Vec<Seen> = self.waiting.drain().map(|(_, seen)| seen).collect();
        for event in waiting {
            self.unmatched(&event, found);
        }
        while let Some(event) = self.next().await? {
            self.unmatched(&event, found);
        }
        if let Some(receipts) = self.receipts.take_if(|_| last) {
            if receipts.unreadable > 0 {
                let what = format!("{} lines of the receipts cannot be read", receipts.unreadable);
                found.add("receipt_unreadable", None, None, what);
            }
            let mut left: Vec<Uuid> = receipts.committed.into_keys().collect();
            left.sort_unstable();
            for id in left {
                found.add(
                    "receipt_without_event",
                    None,
                    Some(id),
                    "an event was committed, says its writer, and is gone",
                );
            }
        }
        Ok(())
    }

    fn unmatched(&mut self, event: &Seen, found: &mut Findings) {
        if event.due {
            found.add("not_in_log", None, Some(event.id), "an event lies before the last seal and has no leaf");
        } else {
            self.unsealed += 1;
        }
        self.report(event, None, found);
    }
}
