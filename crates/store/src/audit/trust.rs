//! Whether the log may be extended: it agrees with itself, with what was anchored, and with the receipts where a
//! restore or a failover may have lost something.

use super::{
    Evidence,
    anchor::Anchor,
    beside,
    epoch::{self, Chain, Fate},
    journal::Receipts,
    log::{self, Head, Log},
    merkle::{Checkpoint, Grown, Hash, Note, SigningKey, proof},
    node, plain,
    sealer::{Stop, refused},
};
use salus_core::{Error, Result};
use tokio_postgres::Transaction;
use uuid::Uuid;

/// The tree from its tiles, when they give the stored root, the log's key signed it, and its epoch began as it should.
pub(super) async fn tree(log: &Log, tx: &Transaction<'_>, key: &SigningKey, head: &Head) -> Result<Grown, Stop> {
    let edge = super::merkle::right_edge(head.size);
    let edge = log::tiles(tx, head.epoch, &edge).await?;
    let grown = Grown::from_edge(head.size, edge).ok_or_else(|| refused("a tile of the log's edge is missing"))?;
    if grown.tree().root()[..] != head.root[..] {
        return Err(refused("the stored tiles do not give the stored root"));
    }
    if head.size > 0 {
        let own = Checkpoint { origin: log.origin(head.epoch), size: head.size, root: grown.tree().root() };
        if checkpoint(log, tx, key, (head.epoch, head.size)).await? != Some(own) {
            return Err(refused("its newest head is not signed by its key"));
        }
    }
    let coded = match &head.code {
        Some(code) => *code == beside::horizon_code(&log.root, head.epoch, &head.horizon)?,
        None => !coded_head(tx, head).await?,
    };
    if !coded {
        return Err(refused("how far it was looked through is not what the sealer noted"));
    }
    if head.epoch > 1 {
        let first = log::tiles(tx, head.epoch, &[(0, 0)]).await?;
        let first = first.0.get(&(0, 0)).and_then(|tile| tile.first());
        match epoch::stored(log, tx, head.epoch).await? {
            Some(Ok(stored)) if first == Some(&stored.leaf()) => {}
            Some(Err(why)) => return Err(refused(&format!("the statement of epoch {} {why}", head.epoch))),
            _ => return Err(refused(&format!("nothing began epoch {}", head.epoch))),
        }
    }
    Ok(grown)
}

/// Whether the newest head has a code: then the horizon has one, too.
async fn coded_head(tx: &Transaction<'_>, head: &Head) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM audit.checkpoints WHERE epoch = $1 AND size = $2 AND code IS NOT NULL)";
    Ok(tx.query_one(sql, &[&head.epoch, &head.size.cast_signed()]).await.map_err(|e| plain(&e))?.get(0))
}

/// The stored head of this size, when the key signed it and it is what its row says.
async fn checkpoint(
    log: &Log,
    tx: &Transaction<'_>,
    key: &SigningKey,
    (epoch, size): (i32, u64),
) -> Result<Option<Checkpoint>> {
    let sql = "SELECT note FROM audit.checkpoints WHERE epoch = $1 AND size = $2";
    let row = tx.query_opt(sql, &[&epoch, &size.cast_signed()]).await.map_err(|e| plain(&e))?;
    let said = row.and_then(|r| Note::parse(r.get(0))).and_then(|n| n.open(key.public()).ok());
    Ok(said.filter(|said| said.size == size && said.origin == log.origin(epoch)))
}

/// Refuses when an anchored head is ahead of the log, or is none of the log's own.
pub(super) async fn not_behind(
    log: &Log,
    tx: &Transaction<'_>,
    key: &SigningKey,
    (head, anchor): (&Head, &dyn Anchor),
) -> Result<(), Stop> {
    let Some(note) = anchor.newest()? else { return Ok(()) };
    let Some(Ok(kept)) = Note::parse(&note).map(|n| n.open(key.public())) else {
        return Err(refused("its newest anchored head is not signed by its key"));
    };
    let Some(epoch) = log.epoch_of(&kept.origin) else {
        return Err(refused("its newest anchored head is that of another log"));
    };
    let fate = if epoch == head.epoch {
        if kept.size <= head.size { Fate::Due } else { Fate::Contradicts }
    } else {
        Chain::read(log, tx, &mut Vec::new()).await?.fate(epoch, &kept)
    };
    match fate {
        Fate::Declared => Ok(()),
        Fate::Contradicts => Err(refused(&format!(
            "a head over {} events of epoch {epoch} was anchored, and the log holds {} of epoch {}: it was rolled back",
            kept.size, head.size, head.epoch
        ))),
        Fate::Due if checkpoint(log, tx, key, (epoch, kept.size)).await?.as_ref() == Some(&kept) => Ok(()),
        Fate::Due => Err(refused(&format!("its head over {} events is not the one that was anchored", kept.size))),
    }
}

/// The proof that the newest head of an anchor is the beginning of this one: of how many leaves, and its hashes.
pub(super) async fn growth(
    log: &Log,
    tx: &Transaction<'_>,
    key: &SigningKey,
    (head, newest): (&Head, Option<&str>),
) -> Result<(u64, Vec<Hash>)> {
    let old = newest.and_then(|note| Note::parse(note)?.open(key.public()).ok());
    let Some(old) = old.filter(|old| log.epoch_of(&old.origin) == Some(head.epoch) && old.size > 0) else {
        return Ok((0, Vec::new()));
    };
    let path = proof::consistency_path(old.size, head.size);
    let tiles = log::tiles(tx, head.epoch, &proof::tiles_of(&path)).await?;
    let broken = || Error::Unavailable("a tile of the audit log is missing: run salus audit verify".into());
    Ok((old.size, proof::hashes(&path, &tiles).ok_or_else(broken)?))
}

/// Refuses in another cluster, and on another timeline unless anchor and receipts show that nothing was lost on the
/// way there; then the new timeline is noted.
pub(super) async fn same_cluster(
    log: &Log,
    tx: &Transaction<'_>,
    head: &Head,
    evidence: &Evidence<'_>,
) -> Result<(), Stop> {
    let (sysid, timeline) = log::cluster(tx).await?;
    if head.sysid != sysid {
        return Err(refused(
            "the database was restored into another cluster, whose transactions are numbered anew: the log ends here and \
             can be verified, but not continued",
        ));
    }
    if head.timeline == timeline {
        return Ok(());
    }
    let came =
        format!("the database came back from a restore or a failover (timeline {} to {timeline})", head.timeline);
    let anchored = match evidence.anchors.first() {
        Some(anchor) => head.size == 0 || anchor.newest()?.is_some(),
        None => false,
    };
    let Some(receipts) = Receipts::read(evidence.receipts)?.filter(|_| anchored) else {
        return Err(refused(&format!("{came}, and anchor and receipts are not there to show that nothing was lost")));
    };
    // What another node committed only its own receipts can tell.
    if let Some(missing) = node::missing(&node::unseen(tx, evidence.receipts).await?) {
        return Err(refused(&format!("{came}, and {missing}")));
    }
    let chain = Chain::read(log, tx, &mut Vec::new()).await?;
    let lost = lost(tx, Some(receipts), &chain).await?;
    if !lost.is_empty() {
        return Err(refused(&format!("{came}, and {} events that were committed are gone", lost.len())));
    }
    let sql = "UPDATE audit.tree_states SET timeline = $2 WHERE epoch = $1";
    tx.execute(sql, &[&head.epoch, &timeline]).await.map_err(|e| plain(&e))?;
    Ok(())
}

/// Events with a receipt that are neither in the table nor in the log, nor known to be lost before.
pub(super) async fn lost(tx: &Transaction<'_>, receipts: Option<Receipts>, chain: &Chain) -> Result<Vec<Uuid>> {
    let before = chain.lost();
    let ids: Vec<Uuid> =
        receipts.into_iter().flat_map(|r| r.committed.into_keys()).filter(|id| !before.contains(id)).collect();
    let sql = format!(
        "SELECT w.id FROM unnest($1::uuid[]) AS w (id) \
         WHERE NOT EXISTS (SELECT FROM audit.leaves l WHERE l.event_id = w.id) \
           AND NOT EXISTS (SELECT FROM ({}) e WHERE e.id = w.id)",
        log::events(tx, "id").await?
    );
    Ok(tx.query(&sql, &[&ids]).await.map_err(|e| plain(&e))?.iter().map(|r| r.get(0)).collect())
}

/// Why the log cannot be continued; `None` when it can.
pub(super) async fn objection(
    log: &Log,
    tx: &Transaction<'_>,
    (key, head): (&SigningKey, &Head),
    evidence: &Evidence<'_>,
) -> Result<Option<String>> {
    let looked = async {
        same_cluster(log, tx, head, evidence).await?;
        tree(log, tx, key, head).await?;
        for anchor in &evidence.anchors {
            not_behind(log, tx, key, (head, *anchor)).await?;
        }
        Ok(())
    };
    match looked.await {
        Ok(()) => Ok(None),
        Err(Stop::Refused(why)) => Ok(Some(why)),
        Err(Stop::Failed(e)) => Err(e),
    }
}
