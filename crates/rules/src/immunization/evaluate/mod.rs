//! Evaluate vaccine doses administered (CDSi 4.4 and 6): the history of an antigen against one series.
//!
//! Doses and targets are walked together. A dose either satisfies the current target or not; a target that can be skipped
//! gives way to the next for the same dose. What is left over when all targets are done is extraneous.

mod age;
mod conflict;
pub(crate) mod interval;
mod skip;
mod vaccine;

use super::{
    organize::History,
    outcome::{DoseEvaluation, EvaluationStatus, Reason, TargetOutcome, TargetStatus},
    schedule::{Schedule, Series, SeriesDose, SkipContext},
};
pub(crate) use age::ages_on;

/// A series while it is evaluated and forecast.
pub(crate) struct Progress<'a, 'h> {
    pub(crate) schedule: &'a Schedule,
    pub(crate) series: &'a Series,
    pub(crate) history: &'h History<'a>,
    /// Places in the history of doses with the antigen.
    pub(crate) records: &'h [usize],
    /// Series groups of the antigen with a complete series.
    pub(crate) complete: &'h [u8],
    /// One for each record judged so far.
    pub(crate) evaluations: Vec<DoseEvaluation>,
    pub(crate) targets: Vec<TargetOutcome>,
    /// Index of the current target; the number of targets when all are done.
    pub(crate) current: usize,
}

impl<'a, 'h> Progress<'a, 'h> {
    pub(crate) fn new(
        schedule: &'a Schedule,
        series: &'a Series,
        history: &'h History<'a>,
        records: &'h [usize],
        complete: &'h [u8],
    ) -> Self {
        let target = |(dose, d): (usize, &SeriesDose)| TargetOutcome {
            number: d.number,
            status: TargetStatus::NotSatisfied,
            by: None,
            dose,
        };
        let targets = series.doses.iter().enumerate().map(target).collect();
        Self { schedule, series, history, records, complete, evaluations: Vec::new(), targets, current: 0 }
    }

    /// The series dose of the current target.
    pub(crate) fn target(&self) -> Option<&'a SeriesDose> {
        self.targets.get(self.current).map(|t| &self.series.doses[t.dose])
    }

    /// Evaluates the whole history (figure 4-6).
    pub(crate) fn evaluate(mut self) -> Self {
        for record in 0..self.records.len() {
            let evaluation = self.evaluate_record(record);
            if evaluation.status == EvaluationStatus::Valid {
                self.satisfy(record);
            }
            self.evaluations.push(evaluation);
        }
        self
    }

    /// One dose against the current target (figure 6-1).
    fn evaluate_record(&mut self, record: usize) -> DoseEvaluation {
        let at = self.records[record];
        let dose = self.history.dose(at);
        let new = |target: Option<u8>, status, reasons| DoseEvaluation {
            dose: self.history.order[at],
            on: dose.on,
            target,
            status,
            reasons,
        };
        if let Some(reason) = dose_condition(dose) {
            return new(self.target().map(|t| t.number), EvaluationStatus::SubStandard, vec![reason]);
        }
        while self.target().is_some() && self.can_skip(SkipContext::Evaluation, dose.on, Some(record)) {
            self.targets[self.current].status = TargetStatus::Skipped;
            self.current += 1;
        }
        let Some(target) = self.target() else {
            return new(None, EvaluationStatus::Extraneous, vec![Reason::SeriesComplete]);
        };
        if target.inadvertent.contains(&dose.cvx) {
            return new(Some(target.number), EvaluationStatus::NotValid, vec![Reason::Inadvertent]);
        }
        let (mut against, mut notes) = (Vec::new(), Vec::new());
        let mut sort = |verdict: Verdict| match verdict {
            Verdict::Satisfied => {}
            Verdict::Noted(reason) => notes.push(reason),
            Verdict::Against(reason) => against.push(reason),
        };
        sort(age::evaluate(target, self.history.born(), dose.on));
        sort(self.evaluate_intervals(target, record));
        sort(self.evaluate_conflict(record));
        sort(vaccine::evaluate(target, self.history.born(), dose));
        let status = match against.first() {
            None => EvaluationStatus::Valid,
            Some(Reason::TooOld(_)) => EvaluationStatus::Extraneous,
            Some(_) => EvaluationStatus::NotValid,
        };
        against.extend(notes);
        new(Some(target.number), status, against)
    }

    /// The current target is satisfied (6.10); a recurring one returns as a new target behind it (4.4 step 6).
    fn satisfy(&mut self, record: usize) {
        let target = &mut self.targets[self.current];
        target.status = TargetStatus::Satisfied;
        target.by = Some(record);
        if self.series.doses[target.dose].recurring {
            let again = TargetOutcome { status: TargetStatus::NotSatisfied, by: None, ..target.clone() };
            self.targets.insert(self.current + 1, again);
        }
        self.current += 1;
    }
}

/// What one section says of a dose.
enum Verdict {
    Satisfied,
    /// It counts, with a remark.
    Noted(Reason),
    /// It does not count.
    Against(Reason),
}

/// Whether the dose can be evaluated at all (6.1).
fn dose_condition(dose: &super::Dose) -> Option<Reason> {
    match dose.lot_expires_on {
        Some(expired) if dose.on > expired => Some(Reason::LotExpired(expired)),
        _ => dose.compromised.then_some(Reason::Compromised),
    }
}
