//! Pre-filter patient series (CDSi 8.1).

use super::{first_valid, is_complete, valid_doses};
use crate::immunization::{
    calendar::{LAST_DAY, age_date},
    outcome::{SeriesOutcome, Status},
    schedule::SeriesKind,
};
use time::Date;

/// The scorable series among the members of a series group (SELECTSCORE-2).
pub(super) fn scorable(outcomes: &[SeriesOutcome<'_>], members: &[usize], birth: Date) -> Vec<usize> {
    let group = || members.iter().map(|i| &outcomes[*i]);
    let contraindicated = |o: &SeriesOutcome<'_>| o.forecast.status == Status::Contraindicated;
    let all_contraindicated = group().all(contraindicated);
    let nothing_valid = group().all(|o| valid_doses(o) == 0);
    let no_default = !group().any(|o| o.rules.is_default);
    let highest = group().filter(|o| o.kind == SeriesKind::Risk).map(|o| o.rules.priority).min();
    let is_scorable = |o: &SeriesOutcome<'_>| match o.kind {
        SeriesKind::Risk => Some(o.rules.priority) == highest,
        SeriesKind::Standard => {
            let end = age_date(birth, o.rules.max_age_to_start, LAST_DAY);
            first_valid(o).is_some_and(|first| first < end) || (nothing_valid && no_default)
        }
        SeriesKind::EvaluationOnly => is_complete(o),
    };
    let candidate = |o: &SeriesOutcome<'_>| all_contraindicated || !contraindicated(o);
    members.iter().copied().filter(|i| candidate(&outcomes[*i]) && is_scorable(&outcomes[*i])).collect()
}
