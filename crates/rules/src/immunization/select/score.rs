//! Points for complete, in-process and not yet begun series (CDSi 8.4, 8.5 and 8.6).

use super::valid_doses;
use crate::immunization::{
    calendar::LAST_DAY,
    outcome::{EvaluationStatus, SeriesOutcome, TargetStatus},
};
use time::Date;

/// Points for a condition: true for this series alone, shared with another, or false.
struct Points {
    alone: i32,
    shared: i32,
    lost: i32,
}

impl Points {
    fn of(&self, met: &[bool]) -> Vec<i32> {
        let shared = met.iter().filter(|m| **m).count() > 1;
        let won = if shared { self.shared } else { self.alone };
        met.iter().map(|m| if *m { won } else { self.lost }).collect()
    }
}

fn sum(parts: &[Vec<i32>]) -> Vec<i32> {
    let series = parts.first().map_or(0, Vec::len);
    (0..series).map(|i| parts.iter().map(|p| p[i]).sum()).collect()
}

fn best<T: PartialEq + Copy>(values: &[Option<T>], best: Option<T>) -> Vec<bool> {
    values.iter().map(|v| v.is_some() && *v == best).collect()
}

fn map<T>(outcomes: &[SeriesOutcome<'_>], of: &[usize], value: impl Fn(&SeriesOutcome<'_>) -> T) -> Vec<T> {
    of.iter().map(|i| value(&outcomes[*i])).collect()
}

/// Table 8-7.
pub(super) fn complete(outcomes: &[SeriesOutcome<'_>], of: &[usize]) -> Vec<i32> {
    Points { alone: 1, shared: 0, lost: -1 }.of(&most_valid(outcomes, of))
}

/// Table 8-9. Where it says that a tie is not applicable, the condition holds for each series by itself.
pub(super) fn in_process(outcomes: &[SeriesOutcome<'_>], of: &[usize], birth: Date) -> Vec<i32> {
    let missing =
        map(outcomes, of, |o| Some(o.targets.iter().filter(|t| t.status == TargetStatus::NotSatisfied).count()));
    let closest = best(&missing, missing.iter().flatten().min().copied());
    let finish = map(outcomes, of, |o| completed_on(o, birth));
    let earliest = best(&finish, finish.iter().flatten().min().copied());
    let completable: Vec<bool> = finish.iter().map(Option::is_some).collect();
    sum(&[
        Points { alone: 2, shared: 2, lost: -2 }.of(&map(outcomes, of, |o| o.rules.is_product && all_valid(o))),
        Points { alone: 3, shared: 3, lost: -3 }.of(&completable),
        Points { alone: 2, shared: 0, lost: -2 }.of(&most_valid(outcomes, of)),
        Points { alone: 2, shared: 0, lost: -2 }.of(&closest),
        Points { alone: 1, shared: 0, lost: -1 }.of(&earliest),
    ])
}

/// Table 8-11.
pub(super) fn no_valid_doses(outcomes: &[SeriesOutcome<'_>], of: &[usize], birth: Date) -> Vec<i32> {
    let start = map(outcomes, of, |o| o.forecast.earliest);
    let earliest = best(&start, start.iter().flatten().min().copied());
    sum(&[
        Points { alone: 1, shared: 0, lost: -1 }.of(&earliest),
        Points { alone: 1, shared: 1, lost: -1 }.of(&map(outcomes, of, |o| completed_on(o, birth).is_some())),
        Points { alone: -1, shared: -1, lost: 1 }.of(&map(outcomes, of, |o| o.rules.is_product)),
    ])
}

/// SELECTB-19.
fn most_valid(outcomes: &[SeriesOutcome<'_>], of: &[usize]) -> Vec<bool> {
    let valid = map(outcomes, of, |o| Some(valid_doses(o)));
    best(&valid, valid.iter().flatten().max().copied())
}

/// SELECTB-2.
fn all_valid(outcome: &SeriesOutcome<'_>) -> bool {
    outcome.evaluations.iter().filter(|e| e.target.is_some()).all(|e| e.status == EvaluationStatus::Valid)
}

/// The day a series can be finished, if that is before its last dose is too late (SELECTB-3, SELECTB-12).
fn completed_on(outcome: &SeriesOutcome<'_>, birth: Date) -> Option<Date> {
    let earliest = outcome.forecast.earliest?;
    let open = outcome.targets.iter().filter(|t| t.status == TargetStatus::NotSatisfied).skip(1);
    let waits = open.flat_map(|t| &outcome.rules.doses[t.dose].intervals).filter_map(|i| i.minimum);
    let finish = waits.map(|wait| wait.after(earliest)).max().unwrap_or(earliest);
    let last = outcome.rules.doses.last()?;
    let maximum = last.ages.last().and_then(|a| a.maximum).map_or(LAST_DAY, |age| age.after(birth));
    (finish < maximum).then_some(finish)
}
