//! Beginning an epoch: only where the log cannot be continued, and only with everything on record that is known.

use super::{
    super::{
        Evidence, beside, ended, handover,
        journal::Receipts,
        log::{self, Head, LOCK, Log},
        merkle::{Checkpoint, Grown, Note, SigningKey, Tiles, VerifyingKey, empty_root},
        node, plain,
        sealer::{self, Bounds},
        trust,
    },
    Chain, FORMAT, Lost, Place, Statement, digest, leaf, words,
};
use salus_core::{Error, Result};
use serde::Serialize;
use tokio_postgres::Transaction;
use uuid::Uuid;

/// What the operator says.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Why: the restore, the failover. It becomes part of the log, in clear.
    pub reason: String,
    /// The ticket that tells more.
    pub ticket: Option<String>,
    /// The request under which the audit log has who asked.
    pub request: Uuid,
    /// The signing key that was lost, as it was noted outside: another one signs from this epoch on.
    pub lost_key: Option<VerifyingKey>,
}

/// An epoch that was begun.
#[derive(Debug, Clone, Serialize)]
pub struct Begun {
    /// What its first leaf says.
    pub statement: Statement,
    /// The ids of the events that are lost, in order.
    pub lost: Vec<Uuid>,
    /// Events that were waiting and are sealed now.
    pub events: u64,
    /// Its first signed head.
    pub note: String,
}

/// A head that an anchor holds.
struct Kept {
    epoch: i32,
    head: Checkpoint,
}

/// Begins a new epoch: says what was, seals every event that has no leaf, and signs the first head. The caller keeps
/// that head at the anchors.
///
/// # Errors
/// [`Error::Conflict`] when the log can be continued and needs no epoch; [`Error::Invalid`] for a reason that says
/// nothing; [`Error::Unavailable`] when there is no log or no key, or an anchor holds what this log's key did not sign.
pub async fn begin(log: &Log, evidence: &Evidence<'_>, ask: &Ask) -> Result<Begun> {
    let reason = words("reason", &ask.reason)?;
    let ticket = ask.ticket.as_deref().map(|t| words("ticket", t)).transpose()?;
    // Read before the transaction begins: what they speak of was committed before they were written.
    let receipts = Receipts::read(evidence.receipts)?;
    let mut client = log.connect().await?;
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let begun = follow(log, &tx, evidence, (ask, reason, ticket, receipts)).await;
    ended(tx, begun).await
}

async fn follow(
    log: &Log,
    tx: &Transaction<'_>,
    evidence: &Evidence<'_>,
    (ask, reason, ticket, receipts): (&Ask, String, Option<String>, Option<Receipts>),
) -> Result<Begun> {
    tx.query_one("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(|e| plain(&e))?;
    let nothing =
        || Error::Unavailable("the audit log has no head or no key: there is nothing an epoch could follow".into());
    let head = log::head(tx, true).await?.ok_or_else(nothing)?;
    let (key, cause) = if let Some(lost) = &ask.lost_key {
        (handover::replace(log, tx, lost, &head).await?, Some("its signing key was lost".to_owned()))
    } else {
        let key = log.key(tx).await?.ok_or_else(nothing)?;
        let cause = trust::objection(log, tx, (&key, &head), evidence).await?;
        (key, cause)
    };
    let Some(cause) = cause else {
        let detail = "The log agrees with its anchors and can be continued: it needs no new epoch".into();
        return Err(Error::Conflict { code: "epoch_not_needed", detail });
    };
    // Once it is begun nobody asks again what else was lost.
    if let Some(missing) = node::missing(&node::unseen(tx, evidence.receipts).await?) {
        return Err(Error::Unavailable(format!("no epoch is begun: {missing}")));
    }
    let kept = kept(log, &key, evidence)?;
    let newest = kept.iter().max_by_key(|k| (k.epoch, k.head.size));
    let chain = Chain::read(log, tx, &mut Vec::new()).await?;
    let known = receipts.as_ref().map(|r| r.committed.len() as u64);
    let mut lost = trust::lost(tx, receipts, &chain).await?;
    let (system_identifier, timeline) = log::cluster(tx).await?;
    let statement = Statement {
        format: FORMAT.into(),
        id: log.env.id(),
        epoch: newest.map_or(head.epoch, |k| k.epoch.max(head.epoch)) + 1,
        at: log.env.now(),
        request: ask.request,
        reason,
        ticket,
        cause,
        previous: Place { epoch: head.epoch, size: head.size, root: hex::encode(&head.root) },
        agreed: agreed(tx, &key, (&head, &kept)).await?,
        anchored: newest.map(|k| Place { epoch: k.epoch, size: k.head.size, root: hex::encode(k.head.root) }),
        anchors: evidence.anchors.iter().map(|a| a.name()).collect(),
        lost: Lost { receipts: known, events: lost.len() as u64, sha256: digest(&mut lost) },
        system_identifier,
        timeline,
    };
    let (events, note) = write(log, tx, (&key, &statement, &lost)).await?;
    Ok(Begun { statement, lost, events, note })
}

/// All heads of all anchors, each signed by the log's key.
fn kept(log: &Log, key: &SigningKey, evidence: &Evidence<'_>) -> Result<Vec<Kept>> {
    let mut all = Vec::new();
    for anchor in &evidence.anchors {
        for (line, note) in anchor.kept()?.iter().enumerate() {
            let head = Note::parse(note).and_then(|n| n.open(key.public()).ok());
            let kept = head.and_then(|head| Some(Kept { epoch: log.epoch_of(&head.origin)?, head }));
            all.push(kept.ok_or_else(|| {
                let (line, name) = (line + 1, anchor.name());
                Error::Unavailable(format!(
                    "head {line} of {name} is not signed by the key of this log: is it another installation's anchor?"
                ))
            })?);
        }
    }
    Ok(all)
}

/// The largest anchored size at which the database has the same head.
async fn agreed(tx: &Transaction<'_>, key: &SigningKey, (head, kept): (&Head, &[Kept])) -> Result<u64> {
    let mut near: Vec<&Kept> = kept.iter().filter(|k| k.epoch == head.epoch && k.head.size <= head.size).collect();
    near.sort_by_key(|k| k.head.size);
    let mut agreed = 0;
    for Kept { head: kept, .. } in near {
        let sql = "SELECT note FROM audit.checkpoints WHERE epoch = $1 AND size = $2";
        let row = tx.query_opt(sql, &[&head.epoch, &kept.size.cast_signed()]).await.map_err(|e| plain(&e))?;
        let own = row.and_then(|r| Note::parse(r.get(0))).and_then(|n| n.open(key.public()).ok());
        if own.as_ref() != Some(kept) {
            break;
        }
        agreed = kept.size;
    }
    Ok(agreed)
}

/// The rows of the epoch, its first leaf, and all that waited.
async fn write(
    log: &Log,
    tx: &Transaction<'_>,
    (key, statement, lost): (&SigningKey, &Statement, &[Uuid]),
) -> Result<(u64, String)> {
    let text = serde_json::to_string(statement).map_err(Error::internal)?;
    let mac = log.root.epoch_code(text.as_bytes())?;
    let run = async |sql: &str, values: &[&(dyn tokio_postgres::types::ToSql + Sync)]| {
        tx.execute(sql, values).await.map_err(|e| plain(&e))
    };
    let Statement { epoch, id, at, .. } = statement;
    let horizon = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
    let horizon: String = tx.query_one(horizon, &[]).await.map_err(|e| plain(&e))?.get(0);
    let sql = "INSERT INTO audit.epochs (epoch, id, statement, mac, began_at) VALUES ($1, $2, $3, $4::bytea, $5)";
    run(sql, &[epoch, id, &text, &mac.to_vec(), at]).await?;
    run("INSERT INTO audit.lost_events (epoch, event_id) SELECT $1, * FROM unnest($2::uuid[])", &[epoch, &lost])
        .await?;
    run("UPDATE audit.tree_states SET is_current = false WHERE is_current", &[]).await?;
    let code = Some(beside::horizon_code(&log.root, *epoch, &horizon)?);
    let (root, sysid) = (empty_root().to_vec(), statement.system_identifier.clone());
    let head = Head { epoch: *epoch, size: 0, root, horizon, sysid, timeline: statement.timeline, code };
    log::begin(tx, &head).await?;
    let sql = "INSERT INTO audit.leaves (epoch, leaf_index, event_id, recorded_at) VALUES ($1, 0, $2, $3)";
    run(sql, &[epoch, id, at]).await?;
    let mut grown =
        Grown::from_edge(0, Tiles::default()).ok_or_else(|| Error::internal("an empty tree cannot be extended"))?;
    grown.append(leaf(&text, &mac));
    let appended = sealer::append(log, tx, &mut grown, (&head, &Bounds::All)).await?;
    sealer::raise(log, tx, &appended.suspects).await?;
    let note = sealer::publish(log, tx, (key, &head, &head.horizon), (&grown, appended.order)).await?;
    let note = note.ok_or_else(|| Error::internal("an epoch without a head"))?;
    Ok((grown.tree().size() - 1, note))
}
