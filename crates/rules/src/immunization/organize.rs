//! Organize immunization history (CDSi 4.2): doses by day, and for each antigen those that contain it.

use super::{
    Dose, Patient, Schedule,
    calendar::{FIRST_DAY, LAST_DAY, age_date},
};
use time::Date;

/// A person's history made ready for evaluation.
pub(crate) struct History<'a> {
    pub(crate) patient: &'a Patient,
    /// The day of the assessment.
    pub(crate) on: Date,
    /// Positions in the person's doses, by day.
    pub(crate) order: Vec<usize>,
    /// For each antigen, positions in `order`.
    pub(crate) records: Vec<Vec<usize>>,
    /// Doses of vaccines that the schedule does not know.
    pub(crate) unknown: Vec<usize>,
}

impl<'a> History<'a> {
    pub(crate) fn new(schedule: &Schedule, patient: &'a Patient, on: Date) -> Self {
        let mut order: Vec<usize> = (0..patient.doses.len()).collect();
        order.sort_by_key(|at| patient.doses[*at].on);
        let mut history =
            Self { patient, on, order, records: vec![Vec::new(); schedule.antigens.len()], unknown: vec![] };
        for (at, dose) in history.order.iter().enumerate() {
            let Some(associations) = schedule.vaccines.get(&patient.doses[*dose].cvx) else {
                history.unknown.push(*dose);
                continue;
            };
            let given = patient.doses[*dose].on;
            for association in associations {
                let begin = age_date(patient.birth, association.begin, FIRST_DAY);
                let end = age_date(patient.birth, association.end, LAST_DAY);
                if begin <= given && given < end {
                    history.records[association.antigen].push(at);
                }
            }
        }
        history
    }

    /// The dose at a place of the order.
    pub(crate) fn dose(&self, at: usize) -> &'a Dose {
        &self.patient.doses[self.order[at]]
    }

    /// Doses before a place of the order.
    pub(crate) fn before(&self, at: usize) -> impl DoubleEndedIterator<Item = (usize, &'a Dose)> + '_ {
        (0..at).map(|i| (i, self.dose(i)))
    }

    pub(crate) fn born(&self) -> Date {
        self.patient.birth
    }
}
