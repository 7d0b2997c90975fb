//! Epochs: how a log goes on after a restore, a failover to a server that lagged, or a dump put into another cluster
//! (`spec` B1.8).
//!
//! Such a database is an earlier state of itself, which nothing in it tells from a log whose end was cut off. So the
//! log is not continued: a new one begins, whose first leaf is a statement of what the database held, what the anchors
//! held, which events the receipts prove to be lost, and why. The statement carries a code that only a holder of the
//! root key can make; a stolen signing key alone begins no epoch. [`begin()`] makes one, [`Chain`] judges them.

mod begin;

pub use begin::{Ask, Begun, begin};

use super::{
    log::Log,
    merkle::{Checkpoint, Hash},
    plain,
};
use crate::seal::sha256;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use time::OffsetDateTime;
use tokio_postgres::Transaction;
use uuid::Uuid;

/// First member of a statement.
const FORMAT: &str = "salus-epoch/1";

/// A head of the log, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The epoch.
    pub epoch: i32,
    /// Leaves.
    pub size: u64,
    /// Root over them, in hex.
    pub root: String,
}

/// What is lost, as far as receipts can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// Receipts that were read; `None` where there were none to read, and nothing is known.
    pub receipts: Option<u64>,
    /// Events that were committed and are gone.
    pub events: u64,
    /// SHA-256 over their ids in order, in hex.
    pub sha256: String,
}

/// The first leaf of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What this is.
    pub format: String,
    /// Its id.
    pub id: Uuid,
    /// The epoch it begins.
    pub epoch: i32,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The request of the audit event that says who began it.
    pub request: Uuid,
    /// Why, in the operator's words.
    pub reason: String,
    /// The ticket, when there is one.
    pub ticket: Option<String>,
    /// Why the log could not be continued, in the sealer's words.
    pub cause: String,
    /// The head the database held.
    pub previous: Place,
    /// Up to this size of that epoch the database agrees with the anchors.
    pub agreed: u64,
    /// The newest head that an anchor held.
    pub anchored: Option<Place>,
    /// The anchors that were asked.
    pub anchors: Vec<String>,
    /// What is lost.
    pub lost: Lost,
    /// The cluster in which the epoch began.
    pub system_identifier: String,
    /// Its timeline.
    pub timeline: i32,
}

impl Statement {
    /// Reads one; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|s| s.format == FORMAT)
    }

    /// What it makes of a head of an epoch before it; `None` when another statement speaks of that one.
    pub(super) fn fate(&self, epoch: i32, head: &Checkpoint) -> Option<Fate> {
        if !(self.previous.epoch..self.epoch).contains(&epoch) {
            return None;
        }
        if epoch == self.previous.epoch && head.size <= self.agreed {
            return Some(Fate::Due);
        }
        let covered = self.anchored.as_ref().is_some_and(|newest| {
            let (at, last) = ((epoch, head.size), (newest.epoch, newest.size));
            at < last || (at == last && newest.root == hex::encode(head.root))
        });
        Some(if covered { Fate::Declared } else { Fate::Contradicts })
    }
}

/// The leaf of a statement: SHA-256(0x00, "salus-epoch/v1", length in 4 bytes, statement, code).
#[must_use]
pub fn leaf(statement: &str, mac: &[u8]) -> Hash {
    let length = u32::try_from(statement.len()).unwrap_or(u32::MAX);
    sha256(&[&[0], b"salus-epoch/v1", &length.to_be_bytes(), statement.as_bytes(), mac])
}

/// The digest of lost events, of which each is there once.
pub(super) fn digest(lost: &mut [Uuid]) -> String {
    lost.sort_unstable();
    let bytes: Vec<u8> = lost.iter().flat_map(|id| *id.as_bytes()).collect();
    hex::encode(sha256(&[&bytes]))
}

/// A statement as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) text: String,
    pub(super) mac: Vec<u8>,
    pub(super) said: Statement,
    pub(super) lost: Vec<Uuid>,
}

impl Stored {
    pub(super) fn leaf(&self) -> Hash {
        leaf(&self.text, &self.mac)
    }
}

/// What becomes of a head that was anchored.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The log of its epoch must have this root at this size.
    Due,
    /// A statement says that it was lost.
    Declared,
    /// The log is behind it, or never had it.
    Contradicts,
}

/// The epochs of the database, of which every one but the first has a statement that holds.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Size of each epoch that is there.
    pub(super) sizes: BTreeMap<i32, u64>,
    pub(super) stored: BTreeMap<i32, Stored>,
}

impl Chain {
    /// Reads the epochs. What is wrong with them is added to `problems`.
    pub(super) async fn read(log: &Log, tx: &Transaction<'_>, problems: &mut Vec<String>) -> Result<Self> {
        let sql = "SELECT epoch, size, root, is_current FROM audit.tree_states ORDER BY epoch";
        let states = tx.query(sql, &[]).await.map_err(|e| plain(&e))?;
        let mut chain = Self::default();
        let mut before: Option<Place> = None;
        for (i, state) in states.iter().enumerate() {
            let (epoch, size) = (state.get::<_, i32>(0), state.get::<_, i64>(1).cast_unsigned());
            if state.get::<_, bool>(3) != (i + 1 == states.len()) {
                problems.push(format!("epoch {epoch} is not where the list of epochs says"));
            }
            match (stored(log, tx, epoch).await?, &before) {
                (None, None) if epoch == 1 => {}
                (Some(Ok(s)), Some(before)) if s.said.previous == *before && s.said.epoch == epoch => {
                    chain.stored.insert(epoch, s);
                }
                (Some(Ok(_)), _) => problems.push(format!("the statement of epoch {epoch} follows another log")),
                (Some(Err(why)), _) => problems.push(format!("the statement of epoch {epoch} {why}")),
                (None, _) => problems.push(format!("nothing began epoch {epoch}")),
            }
            chain.sizes.insert(epoch, size);
            before = Some(Place { epoch, size, root: hex::encode(state.get::<_, &[u8]>(2)) });
        }
        Ok(chain)
    }

    /// What an anchored head must be.
    pub(super) fn fate(&self, epoch: i32, head: &Checkpoint) -> Fate {
        self.stored.values().find_map(|s| s.said.fate(epoch, head)).unwrap_or_else(|| {
            let reached = self.sizes.get(&epoch).is_some_and(|size| head.size <= *size);
            if reached { Fate::Due } else { Fate::Contradicts }
        })
    }

    /// All events that statements say were lost.
    pub(super) fn lost(&self) -> HashSet<Uuid> {
        self.stored.values().flat_map(|s| s.lost.iter().copied()).collect()
    }
}

/// The statement of an epoch; what is wrong with it in words.
pub(super) async fn stored(
    log: &Log,
    tx: &Transaction<'_>,
    epoch: i32,
) -> Result<Option<Result<Stored, &'static str>>> {
    let sql = "SELECT e.statement, e.mac, e.id, ARRAY(SELECT l.event_id FROM audit.lost_events l WHERE l.epoch = e.epoch), \
                 (SELECT l.event_id FROM audit.leaves l WHERE l.epoch = e.epoch AND l.leaf_index = 0) \
               FROM audit.epochs e WHERE e.epoch = $1";
    let Some(row) = tx.query_opt(sql, &[&epoch]).await.map_err(|e| plain(&e))? else { return Ok(None) };
    let (text, mac): (String, Vec<u8>) = (row.get(0), row.get(1));
    let right = log.root.epoch_code(text.as_bytes())?;
    if aws_lc_rs::constant_time::verify_slices_are_equal(&mac, &right).is_err() {
        return Ok(Some(Err("was not made by whoever has the root key")));
    }
    let Some(said) = Statement::parse(&text) else { return Ok(Some(Err("cannot be read"))) };
    let id: Uuid = row.get(2);
    if said.id != id || row.get::<_, Option<Uuid>>(4) != Some(id) {
        return Ok(Some(Err("is not its first leaf")));
    }
    let mut lost: Vec<Uuid> = row.get(3);
    if lost.len() as u64 != said.lost.events || digest(&mut lost) != said.lost.sha256 {
        return Ok(Some(Err("names other lost events than are listed")));
    }
    Ok(Some(Ok(Stored { text, mac, said, lost })))
}

impl Log {
    /// The epoch of a head of this log; `None` when it is another log's.
    pub(super) fn epoch_of(&self, origin: &str) -> Option<i32> {
        let number = origin.strip_prefix(&self.origin(0)[..self.origin(0).len() - 1])?;
        let epoch: i32 = number.parse().ok()?;
        (self.origin(epoch) == origin).then_some(epoch)
    }
}

/// Words that are refused before they become part of the log for good.
pub(super) fn words(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if !(3..=500).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "not_allowed", "Has 3 to 500 characters on one line"));
    }
    Ok(text.to_owned())
}
