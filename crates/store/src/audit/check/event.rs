//! One event by itself: does its row give its commitment, its MAC, its leaf and its columns.

use super::super::{
    beside::Xact,
    leaf::{self, KnownWriters},
    merkle::Hash,
    sealing::CLOCK_STEP,
};
use serde::Deserialize;
use std::{borrow::Cow, collections::HashSet};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::Row;
use uuid::Uuid;

/// What is read of an event, in this order.
pub(super) const COLUMNS: &str = "tenant_id, id, recorded_at, writer_id, actor_id, action, target, outcome::text AS outcome, header, \
                                  payload, payload_salt, payload_commit, mac, leaf_hash, xact, writer_seq";

/// The writer's place among them.
pub(super) const WRITER: usize = 3;

/// An event that was looked at.
pub(super) struct Seen {
    pub(super) id: Uuid,
    pub(super) recorded_at: OffsetDateTime,
    /// Its transaction, and its number among those of its writer.
    pub(super) placed: (Xact, i64),
    /// The leaf that its header, commitment and MAC give.
    pub(super) leaf: Hash,
    /// Its transaction had ended before the last seal.
    pub(super) due: bool,
    /// It tells that a clock was moved.
    pub(super) clock_moved: bool,
    /// Kinds of problems, and what they are.
    pub(super) faults: Vec<(&'static str, &'static str)>,
}

/// The members of a header that are columns as well.
#[derive(Deserialize)]
struct Said<'a> {
    id: Uuid,
    tenant: Uuid,
    actor: Uuid,
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
}

impl Seen {
    /// Looks at a row of [`COLUMNS`] and `due`.
    pub(super) fn look(row: &Row, keys: &KnownWriters, redacted: &HashSet<Uuid>) -> Self {
        let (header, commit, mac): (&[u8], &[u8], &[u8]) = (row.get(8), row.get(11), row.get(12));
        let (payload, salt): (Option<&[u8]>, Option<&[u8]>) = (row.get(9), row.get(10));
        let id: Uuid = row.get(1);
        let leaf = leaf::hash(header, commit, mac);
        let mut faults = Vec::new();
        if leaf::commitment(salt, payload)[..] != *commit {
            if payload.is_some() {
                faults.push(("payload_changed", "the sealed detail of an event is not what was committed to"));
            } else if !redacted.contains(&id) {
                faults.push(("payload_missing", "the sealed detail of an event was removed, and no redaction says so"));
            }
        }
        if !keys.made(row.get(WRITER), header, commit, mac) {
            faults.push(("forged", "an event was not made by a Salus process, or its header was changed"));
        }
        if leaf[..] != *row.get::<_, &[u8]>(13) {
            faults.push(("leaf_column", "the leaf hash of an event is not what its row gives"));
        }
        if !columns_agree(row, header) {
            faults.push(("column_changed", "a column of an event says something else than its header"));
        }
        let clock_moved = faults.is_empty() && row.get::<_, &str>(5) == CLOCK_STEP;
        let placed = (row.get("xact"), row.get("writer_seq"));
        Self { id, recorded_at: row.get(2), placed, leaf, due: row.get("due"), clock_moved, faults }
    }
}

fn columns_agree(row: &Row, header: &[u8]) -> bool {
    let Ok(said) = serde_json::from_slice::<Said<'_>>(header) else { return false };
    let at = OffsetDateTime::parse(&said.at, &Rfc3339);
    said.tenant == row.get::<_, Uuid>(0)
        && said.id == row.get::<_, Uuid>(1)
        && at.is_ok_and(|at| at == row.get::<_, OffsetDateTime>(2))
        && said.actor == row.get::<_, Uuid>(4)
        && said.action == row.get::<_, &str>(5)
        && said.target == row.get::<_, &str>(6)
        && said.outcome == row.get::<_, &str>(7)
}
