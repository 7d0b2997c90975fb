//! From the engine's assessment to what a law counts: the doses of a vaccine group that are valid.

use super::{CountedDose, Record};
use crate::immunization::{Assessment, DoseEvaluation, EvaluationStatus, Patient, Reason, Schedule, Status};

/// What is known of a person for a vaccine group of the schedule; none when the schedule has no such group.
///
/// A dose counts when it is valid for every antigen of the group that is in it. One that the schedule did not need any more
/// counts too: a law asks for doses, not for a series.
#[must_use]
pub fn record(schedule: &Schedule, assessment: &Assessment<'_>, patient: &Patient, group: &str) -> Option<Record> {
    let group = schedule.groups.iter().find(|g| g.name == group)?;
    let chosen: Vec<_> = group.antigens.iter().filter_map(|antigen| assessment.chosen(antigen)).collect();
    let mut doses = Vec::new();
    for (at, dose) in patient.doses.iter().enumerate() {
        let verdicts = || chosen.iter().filter_map(|o| Some((o.antigen, o.evaluations.iter().find(|e| e.dose == at)?)));
        if verdicts().next().is_some() && verdicts().all(|(_, verdict)| counts(verdict)) {
            let antigens = verdicts().map(|(antigen, _)| antigen.to_owned()).collect();
            doses.push(CountedDose { first: dose.on, last: dose.on, antigens });
        }
    }
    let forecast = assessment.headline(&group.name, true);
    let immune = forecast.is_some_and(|f| f.status == Status::Immune);
    let next_due_on = forecast.filter(|f| f.status == Status::NotComplete).and_then(|f| f.recommended);
    Some(Record { doses, immune, next_due_on })
}

fn counts(verdict: &DoseEvaluation) -> bool {
    let unneeded =
        verdict.status == EvaluationStatus::Extraneous && verdict.reasons.first() == Some(&Reason::SeriesComplete);
    verdict.status == EvaluationStatus::Valid || unneeded
}
