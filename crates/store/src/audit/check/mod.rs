//! Verification of the whole log from what is stored: every event's commitment, MAC and leaf, every tile, every signed
//! head, every anchored head and every receipt. Nothing that can be derived is believed.
//!
//! Rows and tiles are compared leaf by leaf, so a changed event is named by its place; tiles and heads by the root over
//! them, so a rewritten log is named by the first head that it contradicts. It reads one snapshot and locks nothing.

mod event;
mod finding;
mod heads;
mod stream;

pub use finding::{Problem, Report};

use super::{
    Anchor, Look,
    alert::Alert,
    beside,
    epoch::{Chain, Stored},
    journal::Receipts,
    leaf::WriterKeys,
    log::{self, Head, Log},
    merkle::{Grown, Hash, SigningKey, Tile, Tiles, WIDTH},
    node::{self, Node},
    plain, redact, retention,
};
use finding::Findings;
use heads::{Anchored, Heads, Passed};
use salus_core::Result;
use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Instant};
use stream::{Leaf, Part, Stream};
use time::OffsetDateTime;
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};
use uuid::Uuid;

/// Leaves verified at a time: 32 tiles.
const CHUNK: u64 = 32 * WIDTH;

/// What is held against the database.
#[derive(Default)]
pub struct Evidence<'a> {
    /// Where heads were kept.
    pub anchors: Vec<&'a dyn Anchor>,
    /// Folders of receipts: one of each node.
    pub receipts: &'a [PathBuf],
    /// How many of the heads of an anchor are read where each costs a call.
    pub heads: Look,
}

/// What anchors hold.
#[derive(Default)]
struct Held {
    /// Heads, by the name of the anchor.
    kept: Vec<(String, Vec<String>)>,
    /// Why an anchor could not be read. One that is away hides nothing that the others show.
    unread: Vec<String>,
    /// Of which anchors a part was read, and which.
    parts: Vec<String>,
}

impl Held {
    fn read(anchors: &[&dyn Anchor], look: Look) -> Self {
        let mut held = Self::default();
        for anchor in anchors {
            match anchor.looked_at(look) {
                Ok((heads, part)) => {
                    held.parts.extend(part.map(|part| format!("of {} {part}", anchor.name())));
                    held.kept.push((anchor.name(), heads));
                }
                Err(e) => held.unread.push(e.to_string()),
            }
        }
        held
    }
}

/// Verifies the log. It changes nothing in it; what is wrong also becomes rows of `audit.tamper_alerts`.
///
/// # Errors
/// Those of the database and of reading receipts. Whatever is wrong with the log is in the report, and which anchors could
/// not be read.
pub async fn verify(log: &Log, evidence: &Evidence<'_>) -> Result<Report> {
    let since = Instant::now();
    // Read before the snapshot is taken: what they speak of was committed before they were written.
    let receipts = Receipts::read(evidence.receipts)?;
    let Held { kept, unread, parts } = Held::read(&evidence.anchors, evidence.heads);
    let mut client = log.connect().await?;
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = begin.start().await.map_err(|e| plain(&e))?;
    let mut found = Findings::default();
    let told = receipts.as_ref().map(|r| r.committed.len() as u64);
    let mut report = Report { receipts: told, unread, unseen: unseen(&tx, evidence).await?, ..Report::default() };
    let chain = chain(log, &tx, &mut found).await?;
    let key = log.key(&tx).await.unwrap_or_else(|e| {
        found.add("key", None, None, format!("the signing key does not open: {e}"));
        None
    });
    report.key = key.as_ref().map(|k| k.public().to_string());
    if key.is_none() && chain.sizes.values().any(|size| *size > 0) {
        found.add("key", None, None, "there is no signing key: no head can be checked");
    }
    let mut anchored = Anchored::read(log, key.as_ref().map(SigningKey::public), &chain, &kept, &mut found);
    (report.anchored, report.declared) = (anchored.checked, anchored.declared);
    let mut receipts = receipts.map(|mut r| {
        // What an epoch says to be lost is on record; the rest must be there.
        chain.lost().iter().for_each(|id| _ = r.committed.remove(id));
        r
    });
    let redacted = Arc::new(redacted(log, &tx, &mut found).await?);
    let heads = log::heads(&tx).await?;
    for (number, head) in heads.iter().enumerate() {
        found.epoch = head.epoch;
        let part =
            Part { opening: opening(&tx, head.epoch).await?, alone: heads.len() == 1, last: number + 1 == heads.len() };
        let due = anchored.due.remove(&head.epoch).unwrap_or_default();
        let keys = WriterKeys::new(&log.root);
        let mut run = Run {
            log,
            tx: &tx,
            head,
            first: chain.stored.get(&head.epoch),
            heads: Heads::new(key.as_ref().map(|k| k.public().clone()), log.origin(head.epoch), due),
            stream: Stream::begin(&tx, (head, &part), keys, (receipts.take(), redacted.clone())).await?,
            grown: Grown::from_edge(0, Tiles::default()),
            found,
        };
        run.leaves().await?;
        run.finish(part.last).await?;
        let Run { heads, stream, grown, found: so_far, .. } = run;
        found = so_far;
        report.add_epoch(head, grown.map(|g| g.tree().root()), chain.stored.get(&head.epoch));
        report.unsealed += stream.unsealed;
        report.checkpoints += heads.checked;
        receipts = stream.receipts;
    }
    around(&tx, &kept, &mut found).await?;
    (report.problems, report.notes) = found.into_problems();
    report.notes.extend(parts);
    tx.rollback().await.map_err(|e| plain(&e))?;
    raise(log, &mut client, &report.problems).await?;
    report.seconds = since.elapsed().as_secs_f64();
    Ok(report)
}

/// Nodes whose receipts are not among the evidence; of evidence without any it is not asked.
async fn unseen(tx: &Transaction<'_>, evidence: &Evidence<'_>) -> Result<Vec<Node>> {
    if evidence.receipts.is_empty() { Ok(Vec::new()) } else { node::unseen(tx, evidence.receipts).await }
}

/// What is not in the log, and keeps it.
async fn around(tx: &Transaction<'_>, kept: &[(String, Vec<String>)], found: &mut Findings) -> Result<()> {
    found.epoch = 0;
    protection(tx, found).await?;
    unheld(tx, kept, found).await
}

/// An anchor that was given heads and holds none: its volume is not there, or somebody emptied it. Then nothing outside speaks
/// for the log, and that it does not contradict proves nothing.
async fn unheld(tx: &Transaction<'_>, kept: &[(String, Vec<String>)], found: &mut Findings) -> Result<()> {
    for (name, _) in kept.iter().filter(|(_, heads)| heads.is_empty()) {
        let sql = "SELECT EXISTS (SELECT FROM audit.checkpoints WHERE anchored ? $1)";
        if tx.query_one(sql, &[name]).await.map_err(|e| plain(&e))?.get(0) {
            found.add(
                "anchor_empty",
                None,
                None,
                format!("the anchor {name} was given heads and holds none: is its volume there?"),
            );
        }
    }
    Ok(())
}

/// What is wrong becomes alerts of the platform.
async fn raise(log: &Log, client: &mut Client, problems: &[Problem]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    for Problem { kind, first, event, what, .. } in problems {
        Alert { leaf: *first, event: *event, ..Alert::of_platform(kind, what) }.raise(&tx, &log.env).await?;
    }
    tx.commit().await.map_err(|e| plain(&e))
}

/// The events whose detail was redacted, as far as whoever has the root key says so.
async fn redacted(log: &Log, tx: &Transaction<'_>, found: &mut Findings) -> Result<HashSet<Uuid>> {
    let sql = "SELECT event_id, redact_event, basis, code FROM audit.redactions";
    let (redacted, forged) = redact::believed(&log.root, &tx.query(sql, &[]).await.map_err(|e| plain(&e))?)?;
    for event in forged {
        found.add("redaction_forged", None, Some(event), "a detail was not redacted by Salus");
    }
    Ok(redacted)
}

/// The epochs, and whether each was begun as it should be.
async fn chain(log: &Log, tx: &Transaction<'_>, found: &mut Findings) -> Result<Chain> {
    let mut wrong = Vec::new();
    let chain = Chain::read(log, tx, &mut wrong).await?;
    let sql = "SELECT DISTINCT e.epoch FROM (SELECT epoch FROM audit.leaves UNION SELECT epoch FROM audit.tiles \
                 UNION SELECT epoch FROM audit.checkpoints UNION SELECT epoch FROM audit.epochs) e \
               WHERE NOT EXISTS (SELECT FROM audit.tree_states t WHERE t.epoch = e.epoch) ORDER BY 1";
    for row in tx.query(sql, &[]).await.map_err(|e| plain(&e))? {
        wrong.push(format!("leaves, tiles or heads belong to epoch {}, which has no head", row.get::<_, i32>(0)));
    }
    for what in wrong {
        found.add("epoch", None, None, what);
    }
    Ok(chain)
}

/// How many leaves an epoch began with: they are of other transactions than those that follow.
async fn opening(tx: &Transaction<'_>, epoch: i32) -> Result<i64> {
    let sql = "SELECT coalesce(min(size), 0) FROM audit.checkpoints WHERE epoch = $1 AND epoch > 1";
    Ok(tx.query_one(sql, &[&epoch]).await.map_err(|e| plain(&e))?.get(0))
}

/// Whether what keeps rows from being changed by accident is in force.
async fn protection(tx: &Transaction<'_>, found: &mut Findings) -> Result<()> {
    let sql = "SELECT w.tbl, w.name FROM (VALUES ('audit.activity_logs', 'refuse_change'), ('audit.activity_logs', 'refuse_truncate'), \
                 ('audit.event_subjects', 'refuse_change'), ('audit.event_subjects', 'refuse_truncate')) AS w (tbl, name) \
               WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = w.tbl::regclass AND t.tgname = w.name AND t.tgenabled IN ('O', 'A')) \
               UNION ALL SELECT c.oid::regclass::text, 'row-level security' FROM pg_class c \
               WHERE c.oid IN ('audit.activity_logs'::regclass, 'audit.event_subjects'::regclass) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)";
    for row in tx.query(sql, &[]).await.map_err(|e| plain(&e))? {
        let (table, name): (&str, &str) = (row.get(0), row.get(1));
        found.add("protection", None, None, format!("{name} of {table} is switched off or gone"));
    }
    Ok(())
}

struct Run<'a> {
    log: &'a Log,
    tx: &'a Transaction<'a>,
    head: &'a Head,
    /// What the epoch begins with, when it is not the first.
    first: Option<&'a Stored>,
    heads: Heads,
    stream: Stream<'a>,
    grown: Option<Grown>,
    found: Findings,
}

impl Run<'_> {
    /// Every leaf of the tree, in order.
    async fn leaves(&mut self) -> Result<()> {
        let pruned = self.pruned().await?;
        let mut start = 0;
        while start < self.head.size {
            let end = (start + CHUNK).min(self.head.size);
            let sql = "SELECT leaf_index, event_id, recorded_at FROM audit.leaves WHERE epoch = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY 1";
            let span = [start.cast_signed(), end.cast_signed()];
            let rows = self.tx.query(sql, &[&self.head.epoch, &span[0], &span[1]]).await.map_err(|e| plain(&e))?;
            let mut leaves = rows.iter().map(place_of).peekable();
            let wanted: Vec<Tile> = (start / WIDTH..end.div_ceil(WIDTH)).map(|index| (0, index)).collect();
            let sealed = log::tiles(self.tx, self.head.epoch, &wanted).await?;
            self.heads.load((self.tx, self.log), self.head.epoch, (start, end), &mut self.found).await?;
            for at in start..end {
                let held: Option<Hash> = usize::try_from(at % WIDTH)
                    .ok()
                    .and_then(|inside| sealed.0.get(&(0, at / WIDTH))?.get(inside).copied());
                let (own, passed) = match leaves.next_if(|leaf| leaf.at == at) {
                    None => {
                        self.found.add("leaf_missing", Some(at), None, "a leaf of the log has no row");
                        (None, Passed::Unknown)
                    }
                    Some(leaf) if at == 0 && self.head.epoch > 1 => {
                        (self.statement(held, leaf.recorded_at), Passed::Statement)
                    }
                    Some(leaf) => {
                        let pruned = pruned.iter().any(|(low, high)| (*low..=*high).contains(&at));
                        self.stream.leaf(Leaf { pruned, ..leaf }, held, &self.heads, &mut self.found).await?
                    }
                };
                self.heads.passed(at, passed, &mut self.found);
                // What was sealed goes on to the roots, so that one changed row does not accuse every later head.
                let Some(grown) = &mut self.grown else { continue };
                grown.append(held.or(own).unwrap_or_default());
                self.heads.reached(grown.tree(), &mut self.found);
            }
            self.full_tiles().await?;
            start = end;
        }
        Ok(())
    }

    /// The leaf of the statement that begins the epoch; what is wrong with the statement itself was found before.
    fn statement(&mut self, held: Option<Hash>, recorded_at: OffsetDateTime) -> Option<Hash> {
        if self.first.is_some_and(|s| beside::micros(s.said.at) != beside::micros(recorded_at)) {
            self.found.add("leaf_time", Some(0), None, "a leaf says another time than its statement");
        }
        let own = self.first.map(Stored::leaf);
        if own.is_some() && own != held {
            self.found.add("epoch", Some(0), None, "the epoch does not begin with its statement");
        }
        own
    }

    /// Leaves whose events left by retention, as far as whoever has the root key says so.
    async fn pruned(&mut self) -> Result<Vec<(u64, u64)>> {
        let sql = "SELECT low_index, high_index, reason, prune_event, code FROM audit.pruned_ranges WHERE epoch = $1";
        let mut ranges = Vec::new();
        for row in self.tx.query(sql, &[&self.head.epoch]).await.map_err(|e| plain(&e))? {
            let (low, high): (i64, i64) = (row.get(0), row.get(1));
            let code = retention::code(&self.log.root, (self.head.epoch, low, high), row.get(2), row.get(3))?;
            if row.get::<_, Option<&[u8]>>(4) == Some(&code[..]) {
                ranges.push((low.cast_unsigned(), high.cast_unsigned()));
            } else {
                self.found.add("prune_forged", Some(low.cast_unsigned()), None, "a range was not pruned by Salus");
            }
        }
        Ok(ranges)
    }

    async fn full_tiles(&mut self) -> Result<()> {
        let full = self.grown.as_mut().map(Grown::take_full).unwrap_or_default();
        self.compare_tiles(&full).await
    }

    async fn compare_tiles(&mut self, own: &[(Tile, Vec<Hash>)]) -> Result<()> {
        let list: Vec<Tile> = own.iter().map(|(at, _)| *at).collect();
        let stored = log::tiles(self.tx, self.head.epoch, &list).await?;
        for (at, hashes) in own {
            let what = format!("tile {} of level {}", at.1, at.0);
            match stored.0.get(at) {
                None => self.found.add("tile_missing", Some(at.1 * WIDTH), None, format!("{what} is missing or cut")),
                Some(held) if held != hashes => {
                    let first = held.iter().zip(hashes).take_while(|(a, b)| a == b).count() as u64;
                    self.found.add(
                        "tile_changed",
                        Some(at.1 * WIDTH + first),
                        None,
                        format!("{what} is not what its leaves give"),
                    );
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What is left when all leaves are read: the edge, the head, and events without a leaf.
    async fn finish(&mut self, last: bool) -> Result<()> {
        let size = self.head.size;
        if let Some(grown) = &self.grown {
            let root = grown.tree().root();
            let partial: Vec<(Tile, Vec<Hash>)> = grown.partial().0.iter().map(|(at, h)| (*at, h.clone())).collect();
            if root[..] != self.head.root[..] {
                self.found.add("root_changed", Some(size), None, "the leaves do not give the root of the stored head");
            }
            self.compare_tiles(&partial).await?;
        }
        let sql = "SELECT (SELECT count(*) FROM audit.tiles WHERE epoch = $1), \
                   (SELECT min(leaf_index) FROM audit.leaves WHERE epoch = $1 AND (leaf_index >= $2 OR leaf_index < 0)), \
                   (SELECT min(size) FROM audit.checkpoints WHERE epoch = $1 AND (size > $2 OR size < 1))";
        let row = self.tx.query_one(sql, &[&self.head.epoch, &size.cast_signed()]).await.map_err(|e| plain(&e))?;
        if row.get::<_, i64>(0).cast_unsigned() > tiles_of(size) {
            self.found.add("tile_extra", None, None, "there are more tiles than the log has");
        }
        if let Some(at) = row.get::<_, Option<i64>>(1) {
            self.found.add("leaf_beyond_head", u64::try_from(at).ok(), None, "a leaf lies beyond the head of the log");
        }
        if let Some(at) = row.get::<_, Option<i64>>(2) {
            self.found.add(
                "head_beyond",
                u64::try_from(at).ok(),
                None,
                "a signed head is ahead of the log: it was rolled back",
            );
        }
        let coded = match &self.head.code {
            Some(code) => *code == beside::horizon_code(&self.log.root, self.head.epoch, &self.head.horizon)?,
            None => !self.heads.coded(),
        };
        if !coded {
            let what = "how far the sealer has looked is not what it noted";
            self.found.add("horizon_changed", Some(size), None, what);
        }
        self.heads.finish(size, &mut self.found);
        self.stream.rest(last, &mut self.found).await
    }
}

/// How many tiles a log of this size has.
fn tiles_of(size: u64) -> u64 {
    (0..8).map(|level| (size >> (8 * level)).div_ceil(WIDTH)).sum()
}

/// The leaf and the event of a row: a function with a name, because one without is good for one lifetime only, and then nobody
/// else may run a verification.
fn place_of(row: &Row) -> Leaf {
    let at = row.get::<_, i64>(0).cast_unsigned();
    Leaf { at, id: row.get(1), recorded_at: row.get(2), pruned: false }
}
