//! What a verification found: one line a kind of problem, with its first bad place and how often it occurs.

use super::super::{
    epoch::{Statement, Stored},
    log::Head,
    merkle::Hash,
    node::Node,
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The outcome of a verification.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Report {
    /// Leaves of the log's current epoch.
    pub size: u64,
    /// Root over them, as the rows and tiles give it.
    pub root: String,
    /// Events that wait for the next seal.
    pub unsealed: u64,
    /// Signed heads that were checked.
    pub checkpoints: u64,
    /// Anchored heads that were checked.
    pub anchored: u64,
    /// Anchored heads that a later epoch says to be lost.
    pub declared: u64,
    /// The epochs of the log, oldest first.
    pub epochs: Vec<Epoch>,
    /// Receipts that were held against the log, when there were any.
    pub receipts: Option<u64>,
    /// Nodes whose receipts were not among them: what is gone of their events cannot be told.
    pub unseen: Vec<Node>,
    /// The log's verifier key: compare it with the one that was noted outside.
    pub key: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Anchors that could not be read, and why: what they keep was held against nothing.
    pub unread: Vec<String>,
    /// What looks wrong, and why it is not.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// One epoch of the log.
#[derive(Debug, Clone, Serialize)]
pub struct Epoch {
    /// Its number.
    pub number: i32,
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: String,
    /// What it says about the one before; the first says nothing.
    pub statement: Option<Statement>,
}

/// One kind of problem.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// Its name.
    pub kind: &'static str,
    /// How often.
    pub count: u64,
    /// The epoch of the first bad place; 0 when it is about none.
    pub epoch: i32,
    /// The first bad place: a leaf, or the size of a head.
    pub first: Option<u64>,
    /// The first event, when it is about one.
    pub event: Option<Uuid>,
    /// What it is, of the first.
    pub what: String,
}

impl Report {
    pub(super) fn add_epoch(&mut self, head: &Head, root: Option<Hash>, stored: Option<&Stored>) {
        (self.size, self.root) = (head.size, root.map(hex::encode).unwrap_or_default());
        let (root, statement) = (self.root.clone(), stored.map(|s| s.said.clone()));
        self.epochs.push(Epoch { number: head.epoch, size: head.size, root, statement });
    }

    /// Whether nothing is wrong, and all that was to be compared was.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.problems.is_empty() && self.unread.is_empty()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)?;
        if let Some(first) = self.first {
            write!(f, ", first at {first}")?;
        }
        if self.epoch > 1 {
            write!(f, " of epoch {}", self.epoch)?;
        }
        if let Some(event) = self.event {
            write!(f, ", event {event}")?;
        }
        if self.count > 1 { write!(f, " ({} times)", self.count) } else { Ok(()) }
    }
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: BTreeMap<&'static str, Problem>,
    /// The epoch that is looked at; 0 when it is none.
    pub(super) epoch: i32,
    /// Whether the log itself tells that a clock was moved.
    pub(super) clock_moved: bool,
}

impl Findings {
    pub(super) fn add(&mut self, kind: &'static str, at: Option<u64>, event: Option<Uuid>, what: impl Into<String>) {
        let epoch = self.epoch;
        match self.found.entry(kind) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Problem { kind, count: 1, epoch, first: at, event, what: what.into() });
            }
            std::collections::btree_map::Entry::Occupied(mut held) => {
                let held = held.get_mut();
                held.count += 1;
                if at.is_some_and(|at| held.first.is_none_or(|first| (epoch, at) < (held.epoch, first))) {
                    (held.epoch, held.first, held.event, held.what) = (epoch, at, event, what.into());
                }
            }
        }
    }

    /// By their first place, those without one last; and what only looks like one. The time of an event is in its MAC: nobody
    /// else can change it, and so a time that does not fit is a clock's fault where the log says that one was moved.
    pub(super) fn into_problems(mut self) -> (Vec<Problem>, Vec<String>) {
        let by_clock = if self.clock_moved { self.found.remove("time") } else { None };
        let mut all: Vec<Problem> = self.found.into_values().collect();
        all.sort_by_key(|p| (p.first.is_none(), p.epoch, p.first));
        let note = |p: Problem| format!("{p}; the log tells that a clock was moved (audit.clock.step)");
        (all, by_clock.map(note).into_iter().collect())
    }
}
