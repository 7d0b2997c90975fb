//! From the engine's assessment to what a law counts: the doses of a vaccine group that are valid.

use super::{CountedDose, Record};
use crate::immunization::{Assessment, DoseEvaluation, EvaluationStatus, Patient, Reason, Schedule, Status};

/// What is known of a person for a vaccine group of the schedule; none when the schedule has no such group.
///
/// A dose counts when it is valid for every antigen of the group that is in it. One that the schedule did not need any more
/// counts too: a law asks for doses, not for a series.
#[must_use]
pub fn record(schedule: &Schedule, assessment: &Assessment<'_>, patient: &Patient, group: &str) -> Option<Record> {
    record_between(schedule, [(assessment, patient); 2], group)
}

/// The same where of some doses only month or year is known: once with each on its first possible day, once with each on its
/// last. The doses stand in the same order in both. A dose counts that counts both times.
#[must_use]
pub fn record_between(
    schedule: &Schedule,
    [(first, early), (last, late)]: [(&Assessment<'_>, &Patient); 2],
    group: &str,
) -> Option<Record> {
    let antigens = &schedule.groups.iter().find(|g| g.name == group)?.antigens;
    let mut doses = Vec::new();
    for (at, (early, late)) in early.doses.iter().zip(&late.doses).enumerate() {
        let found = valid(first, antigens, at).filter(|_| valid(last, antigens, at).is_some());
        doses.extend(found.map(|antigens| CountedDose { first: early.on, last: late.on, antigens }));
    }
    let forecast = last.headline(group, true);
    let immune = forecast.is_some_and(|f| f.status == Status::Immune);
    let next_due_on = forecast.filter(|f| f.status == Status::NotComplete).and_then(|f| f.recommended);
    Some(Record { doses, immune, next_due_on })
}

/// The antigens for which a dose is valid; none when it is not for one of these that is in it.
fn valid(assessment: &Assessment<'_>, antigens: &[String], at: usize) -> Option<Vec<String>> {
    let chosen = antigens.iter().filter_map(|antigen| assessment.chosen(antigen));
    let verdicts: Vec<_> =
        chosen.filter_map(|o| Some((o.antigen, o.evaluations.iter().find(|e| e.dose == at)?))).collect();
    let counts = !verdicts.is_empty() && verdicts.iter().all(|(_, verdict)| counts(verdict));
    counts.then(|| verdicts.iter().map(|(antigen, _)| (*antigen).to_owned()).collect())
}

fn counts(verdict: &DoseEvaluation) -> bool {
    let unneeded =
        verdict.status == EvaluationStatus::Extraneous && verdict.reasons.first() == Some(&Reason::SeriesComplete);
    verdict.status == EvaluationStatus::Valid || unneeded
}
