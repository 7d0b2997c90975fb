//! Events with their proofs, for whoever has no database: written here, and checked here without one.
//!
//! A bundle is lines of JSON: a head (key, the signed checkpoint of each epoch, proofs that earlier heads are in them),
//! one line an event (its place, header, commitment, MAC and inclusion proof), and an end that counts them. It proves
//! that each event is in the signed log, unchanged; that none was left out it cannot prove. Sealed details stay behind:
//! their commitment is in the leaf. An epoch after the first brings the statement that is its first leaf, which must
//! name the head of the one before.

use super::{
    anchor::Anchor,
    epoch::{self, Fate, Statement},
    handover::{self, Handover},
    leaf,
    log::{self, Head, Log},
    merkle::{Checkpoint, Hash, Note, VerifyingKey, proof, verify_consistency, verify_inclusion},
    plain,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
};
use time::OffsetDateTime;
use tokio_postgres::{IsolationLevel, Row, Transaction};
use uuid::Uuid;

/// First member of the first line.
const FORMAT: &str = "salus-audit-bundle/2";
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
    epochs: Vec<Part>,
    earlier: Vec<Earlier>,
    /// For who holds another key of the log than the newest.
    #[serde(default)]
    handovers: Vec<Handover>,
}

/// One epoch: its newest head, and with what it begins.
#[derive(Serialize, Deserialize)]
struct Part {
    epoch: i32,
    checkpoint: String,
    first: Option<First>,
}

/// The statement that is the first leaf of an epoch.
#[derive(Serialize, Deserialize)]
struct First {
    statement: String,
    mac: String,
    proof: Vec<String>,
}

/// That an earlier head is the beginning of this log.
#[derive(Serialize, Deserialize)]
struct Earlier {
    checkpoint: String,
    proof: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    epoch: i32,
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
pub async fn export(
    log: &Log,
    which: &Selection,
    anchors: &[&dyn Anchor],
    out: &mut (dyn Write + Send),
) -> Result<u64> {
    let newest: Vec<String> =
        anchors.iter().map(|a| a.newest()).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let mut client = log.connect().await?;
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = begin.start().await.map_err(|e| plain(&e))?;
    let nothing =
        || Error::Conflict { code: "not_sealed", detail: "No event was sealed yet: run salus audit seal".into() };
    let heads: Vec<Head> = log::heads(&tx).await?.into_iter().filter(|h| h.size > 0).collect();
    let key = log.key(&tx).await?.filter(|_| !heads.is_empty()).ok_or_else(nothing)?;
    let (mut epochs, mut earlier) = (Vec::new(), Vec::new());
    for head in &heads {
        epochs.push(part(log, &tx, head).await?);
        for note in &newest {
            let Some(Ok(old)) = Note::parse(note).map(|n| n.open(key.public())) else { continue };
            if log.epoch_of(&old.origin) == Some(head.epoch) && old.size < head.size {
                let proof = prove(&tx, head, &[proof::consistency_path(old.size, head.size)]).await?.remove(0);
                earlier.push(Earlier { checkpoint: note.clone(), proof });
            }
        }
    }
    line(
        out,
        &Opening {
            format: FORMAT.into(),
            key: key.public().to_string(),
            epochs,
            earlier,
            handovers: handover::all(log, &tx).await?,
        },
    )?;
    let mut events = 0;
    for head in &heads {
        events += items(&tx, head, which, out).await?;
    }
    line(out, &Ending { events })?;
    out.flush().map_err(|e| unwritten(&e))?;
    Ok(events)
}

/// What the bundle says of an epoch.
async fn part(log: &Log, tx: &Transaction<'_>, head: &Head) -> Result<Part> {
    let sql = "SELECT note FROM audit.checkpoints WHERE epoch = $1 AND size = $2";
    let row = tx.query_one(sql, &[&head.epoch, &head.size.cast_signed()]).await.map_err(|e| plain(&e))?;
    let first = match epoch::stored(log, tx, head.epoch).await? {
        Some(Ok(stored)) => {
            let proof = prove(tx, head, &[proof::inclusion_path(0, head.size)]).await?.remove(0);
            Some(First { statement: stored.text, mac: STANDARD.encode(stored.mac), proof })
        }
        Some(Err(_)) => {
            return Err(Error::Unavailable(
                "an epoch of the audit log is not what it was: run salus audit verify".into(),
            ));
        }
        None => None,
    };
    Ok(Part { epoch: head.epoch, checkpoint: row.get(0), first })
}

async fn items(tx: &Transaction<'_>, head: &Head, which: &Selection, out: &mut (dyn Write + Send)) -> Result<u64> {
    // The table of persons shows one tenant at a time.
    let tenant = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
    tx.query_one(tenant, &[&which.tenant.to_string()]).await.map_err(|e| plain(&e))?;
    let sql = format!(
        "SELECT l.leaf_index, e.header, e.payload_commit, e.mac FROM ({}) e \
         JOIN audit.leaves l ON l.event_id = e.id AND l.epoch = $1 AND l.leaf_index < $2 \
         WHERE e.tenant_id = $3 AND e.recorded_at >= $4 AND e.recorded_at < $5 AND ($6::uuid IS NULL OR e.id IN (\
           SELECT s.id FROM audit.indexed_about($3, $6, $4) s)) \
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
            line(out, &Item { epoch: head.epoch, leaf: place(row), header, commit, mac, proof })?;
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

fn line(out: &mut (dyn Write + Send), value: &impl Serialize) -> Result<()> {
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
    /// Heads kept elsewhere that a later epoch says to be lost.
    pub declared: u64,
    /// What each epoch after the first says about the one before.
    pub epochs: Vec<Statement>,
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
    let Some(epochs) = opening(bundle, key, heads, &mut done)? else { return Ok(done) };
    let (mut number, mut ended) = (1u64, false);
    while let Some(text) = next(bundle)? {
        number += 1;
        if ended {
            done.problems.push(format!("line {number}: follows the end"));
            break;
        }
        if let Ok(item) = serde_json::from_str::<Item>(&text) {
            match epochs.get(&item.epoch).and_then(|head| included(&item, head)) {
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

/// The head of each epoch.
type Epochs = BTreeMap<i32, Checkpoint>;

fn opening(
    bundle: &mut dyn BufRead,
    key: Option<&VerifyingKey>,
    heads: &[String],
    done: &mut Checked,
) -> Result<Option<Epochs>> {
    let first = next(bundle)?.and_then(|text| serde_json::from_str::<Opening>(&text).ok());
    let Some(opening) = first.filter(|o| o.format == FORMAT && !o.epochs.is_empty()) else {
        done.problems.push(format!("line 1: is not the head of a {FORMAT}"));
        return Ok(None);
    };
    let key = match key {
        Some(key) => handover::follow(key, &opening.handovers),
        None => match VerifyingKey::parse(&opening.key) {
            Ok(key) => handover::follow(&key, &opening.handovers),
            Err(e) => {
                done.problems.push(format!("line 1: {e}"));
                return Ok(None);
            }
        },
    };
    done.key = key.to_string();
    let mut epochs = Epochs::new();
    for part in &opening.epochs {
        match entered(part, &key, &epochs) {
            Ok((head, statement)) => {
                epochs.insert(part.epoch, head);
                done.epochs.extend(statement);
            }
            Err(why) => {
                done.problems.push(format!("line 1: epoch {}: {why}", part.epoch));
                return Ok(None);
            }
        }
    }
    if let Some((_, head)) = epochs.last_key_value() {
        (done.origin, done.size, done.root) = (head.origin.clone(), head.size, hex::encode(head.root));
    }
    for (number, note) in heads.iter().enumerate() {
        let old = Note::parse(note).and_then(|n| n.open(&key).ok());
        match old.map(|old| place_of(&old, note, (&epochs, &done.epochs), &opening.earlier)) {
            Some(Fate::Due) => done.earlier += 1,
            Some(Fate::Declared) => done.declared += 1,
            Some(Fate::Contradicts) | None => done.problems.push(format!(
                "head {}: is not signed by the key, or not proved to be the beginning of this log",
                number + 1
            )),
        }
    }
    Ok(Some(epochs))
}

/// The head of an epoch and its statement, when the key signed it and it follows the one before.
fn entered(
    part: &Part,
    key: &VerifyingKey,
    before: &Epochs,
) -> std::result::Result<(Checkpoint, Option<Statement>), &'static str> {
    let head = Note::parse(&part.checkpoint)
        .and_then(|n| n.open(key).ok())
        .ok_or("the checkpoint is not signed by the key")?;
    if head.origin != format!("{}/e{}", key.name(), part.epoch) {
        return Err("the checkpoint is that of another log");
    }
    let (Some(first), Some((number, last))) = (&part.first, before.last_key_value()) else {
        return match (part.epoch, &part.first, before.is_empty()) {
            (1, None, true) => Ok((head, None)),
            _ => Err("nothing began it"),
        };
    };
    let said = Statement::parse(&first.statement).ok_or("its statement cannot be read")?;
    let mac = STANDARD.decode(&first.mac).ok().filter(|mac| mac.len() == 32).ok_or("its statement has no code")?;
    let proof = decoded(&first.proof).ok_or("its statement has no proof")?;
    if !verify_inclusion(&epoch::leaf(&first.statement, &mac), 0, head.size, &proof, &head.root) {
        return Err("its statement is not its first leaf");
    }
    let follows = said.epoch == part.epoch
        && (said.previous.epoch, said.previous.size, said.previous.root.as_str())
            == (*number, last.size, hex::encode(last.root).as_str());
    if follows { Ok((head, Some(said))) } else { Err("its statement follows another log") }
}

/// Whether a head that the checker holds is in this log, or known to be lost.
fn place_of(old: &Checkpoint, note: &str, (epochs, said): (&Epochs, &[Statement]), given: &[Earlier]) -> Fate {
    let Some((number, head)) = epochs.iter().find(|(_, head)| head.origin == old.origin) else {
        let number = old.origin.rsplit_once("/e").and_then(|(_, n)| n.parse::<i32>().ok());
        let covers = |s: &&Statement| number.is_some_and(|n| s.fate(n, old) == Some(Fate::Declared));
        return said.iter().find(covers).map_or(Fate::Contradicts, |_| Fate::Declared);
    };
    match said.iter().find_map(|s| s.fate(*number, old)) {
        Some(fate @ (Fate::Declared | Fate::Contradicts)) => fate,
        _ if leads_to(old, note, head, given) => Fate::Due,
        _ => Fate::Contradicts,
    }
}

/// Whether an earlier head is the beginning of this one, by a proof of the bundle.
fn leads_to(old: &Checkpoint, note: &str, head: &Checkpoint, given: &[Earlier]) -> bool {
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
