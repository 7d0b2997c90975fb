//! Select best patient series (CDSi 8) among the series of one antigen.

mod prefilter;
mod prioritize;
mod score;

use super::{
    outcome::{EvaluationStatus, SeriesOutcome, Standing, Status, TargetStatus},
    schedule::SeriesKind,
};
use time::Date;

/// Marks what became of each series. One is prioritized in every series group (8.1 to 8.7), and of these the best remain
/// (8.8).
pub(crate) fn select(outcomes: &mut [SeriesOutcome<'_>], birth: Date) {
    let mut groups: Vec<u8> = outcomes.iter().map(|o| o.rules.group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut prioritized = Vec::new();
    for group in groups {
        let members: Vec<usize> = (0..outcomes.len()).filter(|i| outcomes[*i].rules.group == group).collect();
        let scorable = prefilter::scorable(outcomes, &members, birth);
        for at in &scorable {
            outcomes[*at].standing = Standing::Scorable;
        }
        prioritized.extend(prioritize::prioritize(outcomes, &members, &scorable, birth));
    }
    for at in &prioritized {
        let best = is_best(outcomes, *at, &prioritized);
        outcomes[*at].standing = if best { Standing::Best } else { Standing::Prioritized };
    }
}

/// Table 8-14.
fn is_best(outcomes: &[SeriesOutcome<'_>], at: usize, prioritized: &[usize]) -> bool {
    let own = &outcomes[at];
    let mut equivalent =
        prioritized.iter().map(|i| &outcomes[*i]).filter(|o| own.rules.equivalent.contains(&o.rules.group));
    if is_complete(own) {
        return true;
    }
    match own.kind {
        SeriesKind::EvaluationOnly => false,
        SeriesKind::Risk => !equivalent.any(is_complete),
        SeriesKind::Standard => !equivalent.any(|o| is_complete(o) || o.kind == SeriesKind::Risk),
    }
}

/// SELECTB-6.
fn is_complete(outcome: &SeriesOutcome<'_>) -> bool {
    outcome.forecast.status == Status::Complete
}

/// SELECTB-16.
fn is_in_process(outcome: &SeriesOutcome<'_>) -> bool {
    outcome.forecast.status == Status::NotComplete && valid_doses(outcome) > 0
}

/// SELECTB-21.
fn valid_doses(outcome: &SeriesOutcome<'_>) -> usize {
    outcome.targets.iter().filter(|t| t.status == TargetStatus::Satisfied).count()
}

/// The day of the first valid dose.
fn first_valid(outcome: &SeriesOutcome<'_>) -> Option<Date> {
    outcome.evaluations.iter().find(|e| e.status == EvaluationStatus::Valid).map(|e| e.on)
}
