//! The sealer: appends finished events to the tree and signs the new head (`spec` B1.5).
//!
//! Events are taken in the order of their transactions, and only of those below the horizon: every transaction with a
//! smaller number has ended, so nothing can appear behind what was sealed. A slow writer delays sealing and loses
//! nothing. Any number of nodes may try; an advisory lock lets one through. Before it extends the tree the sealer
//! derives the stored root from the stored tiles and opens the newest signed head: on a log that does not agree with
//! itself, or lies behind an anchor, it signs nothing.

use super::{
    Evidence,
    alert::Alert,
    anchor::Anchor,
    beside::{self, Beside, Order},
    honey::Bait,
    leaf::{self, WriterKeys},
    log::{self, Head, LOCK, Log, Suspect},
    merkle::{Grown, SigningKey, Tile, empty_root},
    sealing,
    subjects::Subjects,
    trust,
};
use super::{ended, plain};
use crate::fault_point;
use salus_core::{Error, Result};
use std::{path::PathBuf, sync::Arc, time::Instant};
use time::OffsetDateTime;
use tokio_postgres::{Client, Transaction, types::ToSql};
use uuid::Uuid;

/// Events fetched at a time.
const CHUNK: i32 = 10_000;

/// What one run did.
#[derive(Debug, Clone, Default)]
pub struct Sealed {
    /// Events appended.
    pub events: u64,
    /// Leaves of the log now.
    pub size: u64,
    /// The signed head, when it is a new one.
    pub note: Option<String>,
    /// Events that no Salus process made, or that were changed before they were sealed. They are sealed as they are:
    /// what was found stays on record.
    pub suspects: Vec<Suspect>,
    /// Another node was sealing.
    pub busy: bool,
    /// How long it took.
    pub seconds: f64,
}

/// Seals over one connection, which it opens again when it broke.
pub struct Sealer {
    log: Arc<Log>,
    client: Option<Client>,
}

impl Sealer {
    /// Nothing is connected before the first run.
    #[must_use]
    pub fn new(log: impl Into<Arc<Log>>) -> Self {
        Self { log: log.into(), client: None }
    }

    /// Seals all events whose transactions have ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the log must not be extended, saying why: its tiles do not give its root, its newest
    /// head is not signed by its key, or the database is another one. The events stay and are sealed later.
    pub async fn seal(&mut self) -> Result<Sealed> {
        self.run(&Evidence::default()).await
    }

    /// The same, after checking that the log has not fallen behind what was anchored. After a failover the receipts
    /// are asked as well: only they know whether all that was committed is there.
    ///
    /// # Errors
    /// As [`Sealer::seal`], and when an anchored head is ahead of the log or is not in it.
    pub async fn seal_anchored(&mut self, anchor: &dyn Anchor, receipts: &[PathBuf]) -> Result<Sealed> {
        self.run(&Evidence { anchors: vec![anchor], receipts, ..Evidence::default() }).await
    }

    /// Keeps the newest head at an anchor, when it is not there yet, and notes where it is kept. Answers how many
    /// events that head covers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the anchor cannot be used, or holds a head that this log contradicts.
    pub async fn anchor(&mut self, anchor: &dyn Anchor) -> Result<u64> {
        let mut client = self.client().await?;
        let kept = keep(&self.log, &mut client, anchor).await;
        self.client = kept.is_ok().then_some(client);
        match kept {
            Ok(size) => Ok(size),
            Err(stop) => Err(told(&self.log, stop).await),
        }
    }

    async fn client(&mut self) -> Result<Client> {
        match self.client.take() {
            Some(client) if !client.is_closed() => Ok(client),
            _ => self.log.connect().await,
        }
    }

    async fn run(&mut self, evidence: &Evidence<'_>) -> Result<Sealed> {
        let mut client = self.client().await?;
        let since = Instant::now();
        let sealed = seal(&self.log, &mut client, evidence).await;
        // After an error nobody knows in what state the connection is.
        self.client = sealed.is_ok().then_some(client);
        match sealed {
            Ok(sealed) => Ok(Sealed { seconds: since.elapsed().as_secs_f64(), ..sealed }),
            Err(stop) => Err(told(&self.log, stop).await),
        }
    }
}

async fn seal(log: &Log, client: &mut Client, evidence: &Evidence<'_>) -> Result<Sealed, Stop> {
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let locked = tx.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&LOCK]).await.map_err(|e| plain(&e))?;
    if !locked.get::<_, bool>(0) {
        return Ok(Sealed { busy: true, ..Sealed::default() });
    }
    let sealed = extend(log, &tx, evidence).await;
    let sealed = ended(tx, sealed).await?;
    fault_point!("seal.committed");
    Ok(sealed)
}

async fn extend(log: &Log, tx: &Transaction<'_>, evidence: &Evidence<'_>) -> Result<Sealed, Stop> {
    fault_point!("seal.locked");
    let key = log.ensure_key(tx).await?;
    let head = current_head(log, tx).await?;
    let horizon = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
    let horizon: String = tx.query_one(horizon, &[]).await.map_err(|e| plain(&e))?.get(0);
    let mut grown = trust::tree(log, tx, &key, &head).await?;
    if let Some(anchor) = evidence.anchors.first() {
        trust::not_behind(log, tx, &key, (&head, *anchor)).await?;
    }
    trust::same_cluster(log, tx, &head, evidence).await?;
    let bounds = Bounds::Between(&head.horizon, &horizon);
    let Appended { suspects, order } = append(log, tx, &mut grown, (&head, &bounds)).await?;
    fault_point!("seal.appended");
    let note = publish(log, tx, (&key, &head, &horizon), (&grown, order)).await?;
    fault_point!("seal.published");
    raise(log, tx, &suspects).await?;
    sealing::note(tx, &log.env, &horizon).await?;
    fault_point!("seal.ready");
    let size = grown.tree().size();
    Ok(Sealed { events: size - head.size, size, note, suspects, ..Sealed::default() })
}

/// Stores the edge of the tree and its head, signed when it is a new one.
pub(super) async fn publish(
    log: &Log,
    tx: &Transaction<'_>,
    (key, head, horizon): (&SigningKey, &Head, &str),
    (grown, order): (&Grown, Order),
) -> Result<Option<String>> {
    let (size, root) = (grown.tree().size(), grown.tree().root());
    let mut note = None;
    if size > head.size {
        store_tiles(tx, head.epoch, grown.partial().0.iter().map(|(at, hashes)| (*at, hashes.concat()))).await?;
        let signed = note.insert(log::sign(key, log.origin(head.epoch), size, root));
        let (at, beside) = ((head.epoch, size.cast_signed()), Beside::fresh(log.env.now(), order));
        let code = beside.right(&log.root, at)?;
        let sql = "INSERT INTO audit.checkpoints (epoch, size, note, sealed_at, event_order, code) \
                   VALUES ($1, $2, $3, $4, $5::bytea, $6::bytea)";
        let values: [&(dyn ToSql + Sync); 6] = [&at.0, &at.1, signed, &beside.sealed_at, &beside.order, &code];
        tx.execute(sql, &values).await.map_err(|e| plain(&e))?;
    }
    let sql = "UPDATE audit.tree_states SET size = $2, root = $3::bytea, horizon = $4::text::xid8, code = $5::bytea WHERE epoch = $1";
    let code = beside::horizon_code(&log.root, head.epoch, horizon)?;
    let values: [&(dyn ToSql + Sync); 5] = [&head.epoch, &size.cast_signed(), &root.to_vec(), &horizon, &code];
    tx.execute(sql, &values).await.map_err(|e| plain(&e))?;
    let sql = "INSERT INTO audit.subject_index (sysid, horizon) VALUES ($1, $2::text::xid8) \
               ON CONFLICT (is_current) DO UPDATE SET sysid = excluded.sysid, horizon = excluded.horizon";
    tx.execute(sql, &[&head.sysid, &horizon]).await.map_err(|e| plain(&e))?;
    Ok(note)
}

/// Suspects become alerts of their tenants.
pub(super) async fn raise(log: &Log, tx: &Transaction<'_>, suspects: &[Suspect]) -> Result<()> {
    for Suspect { tenant, event, leaf } in suspects {
        let what = "This event was not made by a Salus process, or was changed before it was sealed";
        let (leaf, event) = (Some(*leaf), Some(*event));
        Alert { tenant: *tenant, kind: "forged", leaf, event, what }.raise(tx, &log.env).await?;
    }
    Ok(())
}

async fn keep(log: &Log, client: &mut Client, anchor: &dyn Anchor) -> Result<u64, Stop> {
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let (Some(head), Some(key)) = (log::head(&tx, false).await?, log.key(&tx).await?) else { return Ok(0) };
    if head.size == 0 {
        return Ok(0);
    }
    trust::tree(log, &tx, &key, &head).await?;
    trust::not_behind(log, &tx, &key, (&head, anchor)).await?;
    let sql = format!("SELECT note, {} FROM audit.checkpoints WHERE epoch = $1 AND size = $2", Beside::COLUMNS);
    let at = (head.epoch, head.size.cast_signed());
    let row = tx.query_one(&sql, &[&at.0, &at.1]).await.map_err(|e| plain(&e))?;
    let (note, beside): (String, _) = (row.get(0), Beside::read(&row));
    if beside.holds(&log.root, at)? == Some(false) {
        return Err(refused("what stands beside its newest head was changed"));
    }
    let newest = anchor.newest()?;
    if newest.as_ref().is_none_or(|held| !held.starts_with(&note)) {
        let (old, proof) = trust::growth(log, &tx, &key, (&head, newest.as_deref())).await?;
        fault_point!("anchor.ready");
        anchor.keep(&note, old, &proof)?;
        fault_point!("anchor.kept");
        beside::anchored(&tx, log, (&head, beside), &anchor.name()).await?;
    }
    tx.commit().await.map_err(|e| plain(&e))?;
    fault_point!("anchor.noted");
    Ok(head.size)
}

/// The head to extend; the first one is made here.
async fn current_head(log: &Log, tx: &Transaction<'_>) -> Result<Head, Stop> {
    if let Some(head) = log::head(tx, true).await? {
        return Ok(head);
    }
    let left = tx
        .query_one("SELECT (SELECT count(*) FROM audit.leaves) + (SELECT count(*) FROM audit.checkpoints)", &[])
        .await
        .map_err(|e| plain(&e))?;
    if left.get::<_, i64>(0) > 0 {
        return Err(refused("the head of the log is gone, and its leaves are not"));
    }
    let (sysid, timeline) = log::cluster(tx).await?;
    let (root, horizon) = (empty_root().to_vec(), "0".to_owned());
    let code = Some(beside::horizon_code(&log.root, 1, &horizon)?);
    let head = Head { epoch: 1, size: 0, root, horizon, sysid, timeline, code };
    log::begin(tx, &head).await?;
    Ok(head)
}

/// Which events are appended.
pub(super) enum Bounds<'a> {
    /// Those between the last horizon and this one.
    Between(&'a str, &'a str),
    /// All that have no leaf: transactions of another cluster are numbered otherwise.
    All,
}

/// What was appended.
pub(super) struct Appended {
    pub(super) suspects: Vec<Suspect>,
    pub(super) order: Order,
}

/// Appends events in the order of their transactions.
pub(super) async fn append(
    log: &Log,
    tx: &Transaction<'_>,
    grown: &mut Grown,
    (head, bounds): (&Head, &Bounds<'_>),
) -> Result<Appended> {
    let columns = "tenant_id, id, recorded_at, xact, writer_id, writer_seq, header, payload_commit, mac, leaf_hash";
    let (within, values): (_, Vec<&(dyn ToSql + Sync)>) = match bounds {
        Bounds::Between(from, to) => ("e.xact >= $1::text::xid8 AND e.xact < $2::text::xid8 AND", vec![from, to]),
        Bounds::All => ("", Vec::new()),
    };
    let sql = format!(
        "SELECT * FROM ({}) e WHERE {within} \
         NOT EXISTS (SELECT FROM audit.leaves l WHERE l.event_id = e.id) ORDER BY e.xact, e.writer_id, e.writer_seq",
        log::events(tx, columns).await?
    );
    let statement = tx.prepare(&sql).await.map_err(|e| plain(&e))?;
    let portal = tx.bind(&statement, &values).await.map_err(|e| plain(&e))?;
    let (mut suspects, mut keys, mut order) = (Vec::new(), WriterKeys::new(&log.root), Order::default());
    let mut bait = Bait::read(&log.root, tx).await?;
    loop {
        let rows = tx.query_portal(&portal, CHUNK).await.map_err(|e| plain(&e))?;
        if rows.is_empty() {
            bait.raise(tx, &log.env).await?;
            return Ok(Appended { suspects, order });
        }
        let first = grown.tree().size();
        let (mut places, mut ids, mut times) = (Vec::new(), Vec::<Uuid>::new(), Vec::<OffsetDateTime>::new());
        let mut subjects = Subjects::default();
        for row in &rows {
            let (header, commit, mac, kept): (&[u8], &[u8], &[u8], &[u8]) =
                (row.get(6), row.get(7), row.get(8), row.get(9));
            let place = first + places.len() as u64;
            bait.look((row.get(0), row.get(1)), header, place)?;
            let made = keys.check(row.get("writer_id"), header, commit, mac)?;
            if !made || leaf::hash(header, commit, mac)[..] != *kept {
                suspects.push(Suspect { tenant: row.get(0), event: row.get(1), leaf: place });
            }
            order.add((row.get("xact"), row.get("writer_seq")));
            subjects.add(row.get(0), (row.get(1), row.get(2)), header);
            grown.append(kept.try_into().map_err(Error::internal)?);
            places.push(place.cast_signed());
            ids.push(row.get(1));
            times.push(row.get(2));
        }
        let sql = "INSERT INTO audit.leaves (epoch, leaf_index, event_id, recorded_at) \
                   SELECT $1, * FROM unnest($2::bigint[], $3::uuid[], $4::timestamptz[])";
        tx.execute(sql, &[&head.epoch, &places, &ids, &times]).await.map_err(|e| plain(&e))?;
        subjects.store(tx, &log.env).await?;
        store_tiles(tx, head.epoch, grown.take_full().into_iter().map(|(at, hashes)| (at, hashes.concat()))).await?;
    }
}

async fn store_tiles(tx: &Transaction<'_>, epoch: i32, tiles: impl Iterator<Item = (Tile, Vec<u8>)>) -> Result<()> {
    let (mut levels, mut numbers, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for ((level, index), bytes) in tiles {
        levels.push(level.cast_signed());
        numbers.push(index.cast_signed());
        hashes.push(bytes);
    }
    let sql = "INSERT INTO audit.tiles (epoch, level, idx, hashes) SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::bytea[]) \
               ON CONFLICT (epoch, level, idx) DO UPDATE SET hashes = excluded.hashes";
    tx.execute(sql, &[&epoch, &levels, &numbers, &hashes]).await.map_err(|e| plain(&e))?;
    Ok(())
}

/// Why nothing is sealed.
pub(super) enum Stop {
    /// The log must not be extended.
    Refused(String),
    /// It could not be looked at.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

pub(super) fn refused(why: &str) -> Stop {
    Stop::Refused(why.to_owned())
}

/// A refusal raises an alert of its own and becomes words for who reads the log.
async fn told(log: &Log, stop: Stop) -> Error {
    let why = match stop {
        Stop::Failed(e) => return e,
        Stop::Refused(why) => format!(
            "the audit log is not sealed any further: {why}: run salus audit verify; after a restore or a failover, \
             salus audit new-epoch"
        ),
    };
    let raised = async {
        let mut client = log.connect().await?;
        let tx = client.transaction().await.map_err(|e| plain(&e))?;
        Alert::of_platform("sealing_refused", &why).raise(&tx, &log.env).await?;
        tx.commit().await.map_err(|e| plain(&e))
    };
    if let Err(e) = raised.await {
        tracing::error!(error = %e, "an alert of tampering could not be noted");
    }
    Error::Unavailable(why)
}
