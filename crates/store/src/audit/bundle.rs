//! Events with their proofs, for whoever has no database: written here, and checked here without one.
//!
//! A bundle is lines of JSON: a head (key, signed checkpoint, proofs that earlier heads are in it), one line an event
//! (its place, header, commitment, MAC and inclusion proof), and an end that counts them. It proves that each event is
//! in the signed log, unchanged; that none was left out it cannot prove. Sealed details stay behind: their commitment
//! is in the leaf.

use super::{
    anchor::Anchor,
    leaf,
    log::{self, Head, Log},
    merkle::{Checkpoint, Hash, Note, VerifyingKey, proof, verify_consistency, verify_inclusion},
    plain,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use time::OffsetDateTime;
use tokio_postgres::{IsolationLevel, Row, Transaction};
use uuid::Uuid;

/// First member of the first line.
const FORMAT: &str = "salus-audit-bundle/1";
/// Events at a time.
const CHUNK: i32 = 1000;
/// A line of an event is some kilobytes; what is longer is none.
const LINE: usize = 16 * 1024 * 1024;

/// Which events.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Of this tenant.
    pub tenant: Uuid,
    /// About this person only.
    pub subject: Option<Uuid>,
    /// Recorded at this time or later.
    pub from: OffsetDateTime,
    /// Recorded before this time.
    pub to: OffsetDateTime,
}

#[derive(Serialize, Deserialize)]
struct Opening {
    format: String,
    key: String,
    checkpoint: String,
    earlier: Vec<Earlier>,
}

/// That an earlier head is the beginning of this log.
#[derive(Serialize, Deserialize)]
struct Earlier {
    checkpoint: String,
    proof: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    leaf: u64,
    header: String,
    commit: String,
    mac: String,
    proof: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Ending {
    events: u64,
}

/// Writes a bundle of the sealed events of a selection, and says how many. `anchors` are places whose newest head the
/// receiver may hold: the bundle proves that it is the beginning of this log.
///
/// # Errors
/// [`Error::Conflict`] when nothing was sealed yet; those of the database and of writing.
pub async fn export(log: &Log, which: &Selection, anchors: &[&dyn Anchor], out: &mut dyn Write) -> Result<u64> {
    let newest: Vec<String> =
        anchors.iter().map(|a| a.newest()).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let mut client = log.connect().await?;
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = begin.start().await.map_err(|e| plain(&e))?;
    let nothing =
        || Error::Conflict { code: "not_sealed", detail: "No event was sealed yet: run salus audit seal".into() };
    let head = log::head(&tx, false).await?.filter(|h| h.size > 0).ok_or_else(nothing)?;
    let key = log.key(&tx).await?.ok_or_else(nothing)?;
    let sql = "SELECT note FROM audit.checkpoints WHERE epoch = $1 AND size = $2";
    let checkpoint = tx.query_one(sql, &[&head.epoch, &head.size.cast_signed()]).await.map_err(|e| plain(&e))?.get(0);
    let mut earlier = Vec::new();
    for note in newest {
        let Some(Ok(old)) = Note::parse(&note).map(|n| n.open(key.public())) else { continue };
        if old.size < head.size {
            let proof = prove(&tx, &head, &[proof::consistency_path(old.size, head.size)]).await?.remove(0);
            earlier.push(Earlier { checkpoint: note, proof });
        }
    }
    line(out, &Opening { format: FORMAT.into(), key: key.public().to_string(), checkpoint, earlier })?;
    let events = items(&tx, &head, which, out).await?;
    line(out, &Ending { events })?;
    out.flush().map_err(|e| unwritten(&e))?;
    Ok(events)
}

async fn items(tx: &Transaction<'_>, head: &Head, which: &Selection, out: &mut dyn Write) -> Result<u64> {
    // The table of persons shows one tenant at a time.
    let tenant = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
    tx.query_one(tenant, &[&which.tenant.to_string()]).await.map_err(|e| plain(&e))?;
    let sql = format!(
        "SELECT l.leaf_index, e.header, e.payload_commit, e.mac FROM ({}) e \
         JOIN audit.leaves l ON l.event_id = e.id AND l.epoch = $1 AND l.leaf_index < $2 \
         WHERE e.tenant_id = $3 AND e.recorded_at >= $4 AND e.recorded_at < $5 AND ($6::uuid IS NULL OR EXISTS (\
           SELECT FROM audit.event_subjects s WHERE s.tenant_id = e.tenant_id AND s.subject_id = $6 AND s.recorded_at = e.recorded_at AND s.id = e.id)) \
         ORDER BY l.leaf_index",
        log::events(tx, "tenant_id, id, recorded_at, header, payload_commit, mac").await?
    );
    let statement = tx.prepare(&sql).await.map_err(|e| plain(&e))?;
    let (size, Selection { tenant, subject, from, to }) = (head.size.cast_signed(), which);
    let bound = tx.bind(&statement, &[&head.epoch, &size, tenant, from, to, subject]).await;
    let portal = bound.map_err(|e| plain(&e))?;
    let mut written = 0;
    loop {
        let rows = tx.query_portal(&portal, CHUNK).await.map_err(|e| plain(&e))?;
        if rows.is_empty() {
            return Ok(written);
        }
        let place = |r: &Row| r.get::<_, i64>(0).cast_unsigned();
        let paths: Vec<_> = rows.iter().map(|r| proof::inclusion_path(place(r), head.size)).collect();
        for (row, proof) in rows.iter().zip(prove(tx, head, &paths).await?) {
            let header = String::from_utf8(row.get::<_, Vec<u8>>(1)).map_err(Error::internal)?;
            let (commit, mac) = (STANDARD.encode(row.get::<_, &[u8]>(2)), STANDARD.encode(row.get::<_, &[u8]>(3)));
            line(out, &Item { leaf: place(row), header, commit, mac, proof })?;
            written += 1;
        }
    }
}

/// The proofs of these paths from the stored tiles.
async fn prove(tx: &Transaction<'_>, head: &Head, paths: &[Vec<proof::Span>]) -> Result<Vec<Vec<String>>> {
    let tiles = log::tiles(tx, head.epoch, &proof::tiles_of(&paths.concat())).await?;
    let broken = || Error::Unavailable("a tile of the audit log is missing: run salus audit verify".into());
    let encoded = |path: &Vec<proof::Span>| {
        let hashes = proof::hashes(path, &tiles).ok_or_else(broken)?;
        Ok(hashes.iter().map(|h| STANDARD.encode(h)).collect())
    };
    paths.iter().map(encoded).collect()
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(value).map_err(Error::internal)?;
    text.push(b'\n');
    out.write_all(&text).map_err(|e| unwritten(&e))
}

fn unwritten(e: &std::io::Error) -> Error {
    Error::Unavailable(format!("the bundle cannot be written: {e}"))
}

/// What a bundle turned out to be.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Checked {
    /// The first line of its checkpoint: whose log, which epoch.
    pub origin: String,
    /// Events in that log.
    pub size: u64,
    /// Root over them.
    pub root: String,
    /// The key it was checked with.
    pub key: String,
    /// Whether that key was given, and not taken from the bundle itself.
    pub key_given: bool,
    /// Heads kept elsewhere that are the beginning of this log.
    pub earlier: u64,
    /// Events whose proofs hold.
    pub events: u64,
    /// What is wrong, by line.
    pub problems: Vec<String>,
}

/// Checks a bundle. With a `key` it is believed only if that key signed it; without one the bundle's own key is used,
/// which proves that it is whole and not whose it is. `heads` are signed heads that the checker holds.
///
/// # Errors
/// [`Error::Unavailable`] when it cannot be read. Whatever is wrong with it is in the answer.
pub fn check(bundle: &mut dyn BufRead, key: Option<&VerifyingKey>, heads: &[String]) -> Result<Checked> {
    let mut done = Checked { key_given: key.is_some(), ..Checked::default() };
    let Some(head) = opening(bundle, key, heads, &mut done)? else { return Ok(done) };
    let (mut number, mut ended) = (1u64, false);
    while let Some(text) = next(bundle)? {
        number += 1;
        if ended {
            done.problems.push(format!("line {number}: follows the end"));
            break;
        }
        if let Ok(item) = serde_json::from_str::<Item>(&text) {
            match included(&item, &head) {
                Some(true) => done.events += 1,
                _ => done
                    .problems
                    .push(format!("line {number}: the event of leaf {} is not in the log as it is here", item.leaf)),
            }
        } else if let Ok(Ending { events }) = serde_json::from_str(&text) {
            ended = true;
            if events != number - 2 {
                done.problems.push(format!("line {number}: it should hold {events} events and holds {}", number - 2));
            }
        } else {
            done.problems.push(format!("line {number}: is neither an event nor the end"));
        }
    }
    if !ended {
        done.problems.push("it is cut: the end is missing".into());
    }
    Ok(done)
}

fn opening(
    bundle: &mut dyn BufRead,
    key: Option<&VerifyingKey>,
    heads: &[String],
    done: &mut Checked,
) -> Result<Option<Checkpoint>> {
    let first = next(bundle)?.and_then(|text| serde_json::from_str::<Opening>(&text).ok());
    let Some(opening) = first.filter(|o| o.format == FORMAT) else {
        done.problems.push(format!("line 1: is not the head of a {FORMAT}"));
        return Ok(None);
    };
    let key = match key {
        Some(key) => key.clone(),
        None => match VerifyingKey::parse(&opening.key) {
            Ok(key) => key,
            Err(e) => {
                done.problems.push(format!("line 1: {e}"));
                return Ok(None);
            }
        },
    };
    done.key = key.to_string();
    let open = |note: &str| Note::parse(note).and_then(|n| n.open(&key).ok());
    let Some(head) = open(&opening.checkpoint) else {
        done.problems.push("line 1: the checkpoint is not signed by the key".into());
        return Ok(None);
    };
    (done.origin, done.size, done.root) = (head.origin.clone(), head.size, hex::encode(head.root));
    for (number, note) in heads.iter().enumerate() {
        let proved = open(note).is_some_and(|old| leads_to(&old, note, &head, &opening.earlier));
        if proved {
            done.earlier += 1;
        } else {
            done.problems.push(format!(
                "head {}: is not signed by the key, or not proved to be the beginning of this log",
                number + 1
            ));
        }
    }
    Ok(Some(head))
}

/// Whether an earlier head is the beginning of this one, by a proof of the bundle.
fn leads_to(old: &Checkpoint, note: &str, head: &Checkpoint, given: &[Earlier]) -> bool {
    if old.origin != head.origin {
        return false;
    }
    if old.size == head.size {
        return old.root == head.root;
    }
    let proofs = given.iter().filter(|e| e.checkpoint == note).filter_map(|e| decoded(&e.proof));
    let mut verdicts = proofs.map(|proof| verify_consistency(old.size, head.size, &proof, &old.root, &head.root));
    verdicts.any(|holds| holds)
}

fn included(item: &Item, head: &Checkpoint) -> Option<bool> {
    let (commit, mac) = (STANDARD.decode(&item.commit).ok()?, STANDARD.decode(&item.mac).ok()?);
    if commit.len() != 32 || mac.len() != 32 {
        return None;
    }
    let leaf = leaf::hash(item.header.as_bytes(), &commit, &mac);
    Some(verify_inclusion(&leaf, item.leaf, head.size, &decoded(&item.proof)?, &head.root))
}

fn decoded(proof: &[String]) -> Option<Vec<Hash>> {
    proof.iter().map(|text| STANDARD.decode(text).ok()?.try_into().ok()).collect()
}

/// The next line; `None` at the end.
fn next(bundle: &mut dyn BufRead) -> Result<Option<String>> {
    let mut text = Vec::new();
    let unread = |e: &dyn std::fmt::Display| Error::Unavailable(format!("the bundle cannot be read: {e}"));
    let read = std::io::Read::take(bundle, LINE as u64).read_until(b'\n', &mut text).map_err(|e| unread(&e))?;
    match read {
        0 => Ok(None),
        LINE => Err(unread(&"a line is too long")),
        // What is not UTF-8 is no line of ours, and is reported as such by its number.
        _ => Ok(Some(String::from_utf8_lossy(&text).trim_end().to_owned())),
    }
}
