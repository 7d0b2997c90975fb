//! Identify one prioritized series, classify what is scored, and select (CDSi 8.2, 8.3 and 8.7).

use super::{is_complete, is_in_process, score, valid_doses};
use crate::immunization::outcome::SeriesOutcome;
use std::cmp::Reverse;
use time::Date;

/// The prioritized series of a series group, if it has any.
pub(super) fn prioritize(
    outcomes: &mut [SeriesOutcome<'_>],
    members: &[usize],
    scorable: &[usize],
    birth: Date,
) -> Option<usize> {
    let default = members.iter().copied().find(|i| outcomes[*i].rules.is_default);
    let among = |test: fn(&SeriesOutcome<'_>) -> bool| -> Vec<usize> {
        scorable.iter().copied().filter(|i| test(&outcomes[*i])).collect()
    };
    let (complete, in_process) = (among(is_complete), among(is_in_process));
    // Table 8-3.
    match (scorable, complete.as_slice(), in_process.as_slice()) {
        ([], _, _) => return default,
        ([one], _, _) | (_, [one], _) | (_, [], [one]) => return Some(*one),
        (_, [], []) if default.is_some() => return default,
        _ => {}
    }
    // Table 8-5.
    let nothing_valid = scorable.iter().all(|i| valid_doses(&outcomes[*i]) == 0);
    let (candidates, points) = if complete.len() > 1 {
        (complete.clone(), score::complete(outcomes, &complete))
    } else if in_process.len() > 1 {
        (in_process.clone(), score::in_process(outcomes, &in_process, birth))
    } else if nothing_valid {
        (scorable.to_vec(), score::no_valid_doses(outcomes, scorable, birth))
    } else {
        // The specification leaves open a group without complete or in-process series that has valid doses, such as one
        // whose series are all aged out: most valid doses, then preference.
        let points = scorable.iter().map(|i| i32::try_from(valid_doses(&outcomes[*i])).unwrap_or(i32::MAX));
        (scorable.to_vec(), points.collect())
    };
    for (at, points) in candidates.iter().zip(&points) {
        outcomes[*at].score = Some(*points);
    }
    // SELECTBEST-2.
    let rank = |(at, points): &(usize, i32)| (Reverse(*points), outcomes[*at].rules.preference.unwrap_or(u8::MAX));
    candidates.into_iter().zip(points).min_by_key(rank).map(|(at, _)| at)
}
