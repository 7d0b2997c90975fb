//! Evaluate vaccine conflict (CDSi 6.7).

use super::{Progress, Verdict};
use crate::immunization::{
    outcome::{EvaluationStatus, Reason},
    schedule::{Conflict, Cvx},
};
use time::Date;

impl Progress<'_, '_> {
    /// Whether a dose falls into the window after another (CONFLICT-3).
    pub(super) fn evaluate_conflict(&self, record: usize) -> Verdict {
        let at = self.records[record];
        let current = self.history.dose(at);
        let Some(rows) = self.schedule.conflicts.get(&current.cvx) else { return Verdict::Satisfied };
        for (before, previous) in self.history.before(at) {
            for row in rows.iter().filter(|row| row.previous == previous.cvx) {
                let (begin, end) = window(row, previous.on, self.status_of(before));
                if begin <= current.on && current.on < end {
                    return Verdict::Against(Reason::Conflict { with: previous.cvx, since: previous.on, until: end });
                }
            }
        }
        Verdict::Satisfied
    }

    /// The status of a dose in this series; none for a dose without the antigen.
    fn status_of(&self, at: usize) -> Option<EvaluationStatus> {
        let record = self.records.iter().position(|r| *r == at)?;
        self.evaluations.get(record).map(|e| e.status)
    }

    /// The last end of all windows for a vaccine that would be given next, by doses in the history. A forecast keeps the
    /// full distance; only a dose already given is judged by the minimum.
    pub(crate) fn conflict_end(&self, cvx: Cvx) -> Option<Date> {
        let rows = self.schedule.conflicts.get(&cvx)?;
        let ends = self.history.before(self.history.order.len()).flat_map(|(_, previous)| {
            let matching = rows.iter().filter(|row| row.previous == previous.cvx);
            matching.map(move |row| row.end.after(previous.on))
        });
        ends.max()
    }
}

/// CALCDTCONFLICT-1 and -2.
fn window(row: &Conflict, given: Date, status: Option<EvaluationStatus>) -> (Date, Date) {
    let end = match status {
        None | Some(EvaluationStatus::Valid) => row.minimum_end,
        Some(_) => row.end,
    };
    (row.begin.after(given), end.after(given))
}
