//! What a verification found: one line a kind of problem, with its first bad place and how often it occurs.

use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The outcome of a verification.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Report {
    /// Leaves of the log.
    pub size: u64,
    /// Root over them, as the rows and tiles give it.
    pub root: String,
    /// Events that wait for the next seal.
    pub unsealed: u64,
    /// Signed heads that were checked.
    pub checkpoints: u64,
    /// Anchored heads that were checked.
    pub anchored: u64,
    /// Receipts that were held against the log, when there were any.
    pub receipts: Option<u64>,
    /// The log's verifier key: compare it with the one that was noted outside.
    pub key: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// How long it took.
    pub seconds: f64,
}

/// One kind of problem.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// Its name.
    pub kind: &'static str,
    /// How often.
    pub count: u64,
    /// The first bad place: a leaf, or the size of a head.
    pub first: Option<u64>,
    /// The first event, when it is about one.
    pub event: Option<Uuid>,
    /// What it is, of the first.
    pub what: String,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)?;
        if let Some(first) = self.first {
            write!(f, ", first at {first}")?;
        }
        if let Some(event) = self.event {
            write!(f, ", event {event}")?;
        }
        if self.count > 1 { write!(f, " ({} times)", self.count) } else { Ok(()) }
    }
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<&'static str, Problem>);

impl Findings {
    pub(super) fn add(&mut self, kind: &'static str, at: Option<u64>, event: Option<Uuid>, what: impl Into<String>) {
        match self.0.entry(kind) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Problem { kind, count: 1, first: at, event, what: what.into() });
            }
            std::collections::btree_map::Entry::Occupied(mut held) => {
                let held = held.get_mut();
                held.count += 1;
                if at.is_some_and(|at| held.first.is_none_or(|first| at < first)) {
                    (held.first, held.event, held.what) = (at, event, what.into());
                }
            }
        }
    }

    /// By their first place, those without one last.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self.0.into_values().collect();
        all.sort_by_key(|p| p.first.unwrap_or(u64::MAX));
        all
    }
}
