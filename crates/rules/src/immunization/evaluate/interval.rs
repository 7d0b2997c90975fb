//! Evaluate preferable and allowable intervals (CDSi 6.5 and 6.6), and the days intervals are counted from.

use super::{Progress, Verdict};
use crate::immunization::{
    outcome::{EvaluationStatus, IntervalFrom, Reason},
    schedule::{Interval, Reference, SeriesDose},
};
use time::Date;

impl Progress<'_, '_> {
    /// All preferable intervals hold, or else all allowable ones (table 6-31). A target without preferable intervals is
    /// satisfied (6.5), one without allowable intervals cannot be by them (6.6).
    pub(super) fn evaluate_intervals(&self, target: &SeriesDose, record: usize) -> Verdict {
        let given = self.history.dose(self.records[record]).on;
        let preferable = self.hold(&target.intervals, record, given);
        let in_force = || target.allowable_intervals.iter().any(|i| i.in_force.on(given));
        match preferable {
            Verdict::Against(_) if in_force() => match self.hold(&target.allowable_intervals, record, given) {
                Verdict::Against(reason) => Verdict::Against(reason),
                Verdict::Satisfied | Verdict::Noted(_) => Verdict::Satisfied,
            },
            verdict => verdict,
        }
    }

    /// Tables 6-18 and 6-21 over every interval in force.
    fn hold(&self, intervals: &[Interval], record: usize, given: Date) -> Verdict {
        let mut verdict = Verdict::Satisfied;
        for interval in intervals.iter().filter(|i| i.in_force.on(given)) {
            let Some(since) = self.reference_date(&interval.from, record) else { continue };
            let absolute = interval.absolute_minimum.map(|p| p.after(since)).filter(|first| given < *first);
            if let Some(until) = absolute {
                return Verdict::Against(Reason::TooSoon { from: named(&interval.from), since, until });
            }
            if let Some(minimum) = interval.minimum.map(|p| p.after(since)).filter(|first| given < *first) {
                verdict = Verdict::Noted(Reason::IntervalGracePeriod(minimum));
            }
        }
        verdict
    }

    /// The day an interval is counted from for a record, which is the number of records when the next dose is forecast. No
    /// such day: the interval asks nothing.
    pub(crate) fn reference_date(&self, from: &Reference, record: usize) -> Option<Date> {
        let forecast = record == self.records.len();
        let given = if forecast { self.history.on } else { self.history.dose(self.records[record]).on };
        match from {
            Reference::Previous => {
                let counts = |s| matches!(s, EvaluationStatus::Valid | EvaluationStatus::NotValid);
                let before = &self.evaluations[..record];
                before.iter().rev().find(|e| counts(e.status) && !e.is_inadvertent()).map(|e| e.on)
            }
            Reference::Target(number) => {
                let satisfied = self.targets.iter().find(|t| t.number == *number && t.by.is_some());
                satisfied.and_then(|t| t.by).map(|by| self.evaluations[by].on)
            }
            Reference::MostRecent(vaccines) => {
                let until = if forecast { self.history.order.len() } else { self.records[record] };
                let meant = |(at, dose): &(usize, &crate::immunization::Dose)| {
                    vaccines.contains(&dose.cvx) && !self.was_inadvertent(*at)
                };
                self.history.before(until).rev().find(meant).map(|(_, dose)| dose.on)
            }
            Reference::Observation(code) => self.history.patient.observed_on(*code, given.max(self.history.on)),
        }
    }

    /// Whether the dose at a place of the history was judged inadvertent in this series.
    fn was_inadvertent(&self, at: usize) -> bool {
        let record = self.records.iter().position(|r| *r == at);
        record.and_then(|r| self.evaluations.get(r)).is_some_and(super::DoseEvaluation::is_inadvertent)
    }
}

fn named(from: &Reference) -> IntervalFrom {
    match from {
        Reference::Previous => IntervalFrom::Previous,
        Reference::Target(number) => IntervalFrom::Target(*number),
        Reference::MostRecent(_) => IntervalFrom::MostRecent,
        Reference::Observation(code) => IntervalFrom::Observation(*code),
    }
}
