//! Counting doses along one path of a requirement, and what is missing on it.

use super::{CountedDose, Path, Record, Requirement};
use crate::immunization::Period;
use serde::Serialize;
use time::{Date, Duration};

/// What a path lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Missing {
    /// So many doses.
    Doses(usize),
    /// A dose on or after this day.
    DoseOnOrAfter(Date),
    /// So many doses that contain the antigen.
    Antigen(String, usize),
}

/// What counts on a path and what is missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Doses that count.
    pub counted: usize,
    /// Doses that are asked for.
    pub required: usize,
    /// Empty when the path is fulfilled.
    pub missing: Vec<Missing>,
}

impl Progress {
    /// Counted over required doses, at most 1.
    #[allow(clippy::cast_precision_loss, reason = "numbers of doses")]
    pub(super) fn share(&self) -> f64 {
        if self.required == 0 { 1.0 } else { (self.counted as f64 / self.required as f64).min(1.0) }
    }
}

impl Progress {
    /// Doses that are needed at least.
    pub(super) fn lacking(&self) -> usize {
        let asked = |missing: &Missing| match missing {
            Missing::Doses(count) | Missing::Antigen(_, count) => *count,
            Missing::DoseOnOrAfter(_) => 1,
        };
        // One dose may be the one that is missing, late enough and with the antigen.
        self.missing.iter().map(asked).max().unwrap_or(0)
    }
}

impl Path {
    /// Whether a student is old enough for every dose that it asks for.
    pub(super) fn is_open(&self, birth: Date, on: Date) -> bool {
        [self.one_on_or_after, self.each_on_or_after].into_iter().flatten().all(|age| age.0.after(birth) <= on)
    }
}

/// Follows one path over a student's doses.
pub(super) fn along(path: &Path, requirement: &Requirement, record: &Record, birth: Date) -> Progress {
    let reached = |age: Period| age.after(birth) - Duration::days(requirement.grace_days.into());
    let mut doses: Vec<&CountedDose> = record.doses.iter().collect();
    doses.sort_by_key(|d| d.first);
    if let Some(age) = path.each_on_or_after {
        doses.retain(|d| d.first >= reached(age.0));
    }
    if let Some(wait) = path.min_interval {
        let mut last: Option<Date> = None;
        doses.retain(|d| {
            let counts = last.is_none_or(|last| wait.0.after(last) <= d.first);
            last = if counts { Some(d.last) } else { last };
            counts
        });
    }
    let mut missing = Vec::new();
    if doses.len() < path.doses {
        missing.push(Missing::Doses(path.doses - doses.len()));
    }
    if let Some(from) = path.one_on_or_after.map(|age| reached(age.0))
        && !doses.iter().any(|d| d.first >= from)
    {
        missing.push(Missing::DoseOnOrAfter(from));
    }
    for (antigen, asked) in &path.antigen_counts {
        let given = doses.iter().filter(|d| d.antigens.contains(antigen)).count();
        if given < *asked {
            missing.push(Missing::Antigen(antigen.clone(), asked - given));
        }
    }
    Progress { counted: doses.len(), required: path.doses, missing }
}
