//! Identify and evaluate vaccine group (CDSi 9): forecasts of antigens made one for the group they are given in.
//!
//! Best series of the same kind and series group are blended; a person may get a forecast for a risk and another for age.

use super::{
    organize::History,
    outcome::{Forecast, GroupForecast, SeriesOutcome, Standing, Status},
    schedule::{Schedule, SeriesKind, VaccineGroup},
};
use time::Date;

/// The forecasts of every vaccine group with a best series.
pub(crate) fn groups<'a>(
    schedule: &'a Schedule,
    history: &History<'_>,
    outcomes: &[SeriesOutcome<'a>],
) -> Vec<GroupForecast<'a>> {
    let mut found = Vec::new();
    for group in &schedule.groups {
        let best = |o: &SeriesOutcome<'_>| o.standing == Standing::Best && o.vaccine_group == group.name;
        let best: Vec<usize> = (0..outcomes.len()).filter(|i| best(&outcomes[*i])).collect();
        let key = |i: usize| (outcomes[i].kind, outcomes[i].rules.group);
        let mut keys: Vec<_> = best.iter().map(|i| key(*i)).collect();
        keys.sort_unstable();
        keys.dedup();
        for wanted in keys {
            let made_of: Vec<usize> = best.iter().copied().filter(|i| key(*i) == wanted).collect();
            found.push(blend(schedule, group, history, outcomes, (wanted.0, made_of)));
        }
    }
    found
}

/// FORECASTVG-2 to -9, FORECASTDN-2, and the status of 9.2 or 9.3.
fn blend<'a>(
    schedule: &'a Schedule,
    group: &'a VaccineGroup,
    history: &History<'_>,
    outcomes: &[SeriesOutcome<'a>],
    (kind, made_of): (SeriesKind, Vec<usize>),
) -> GroupForecast<'a> {
    let of = || made_of.iter().map(|i| &outcomes[*i]);
    let status = if group.antigens.len() == 1 { of().map(|o| o.forecast.status).next() } else { None };
    let status = status.unwrap_or_else(|| blended_status(&of().map(|o| o.forecast.status).collect::<Vec<_>>()));
    let due = status == Status::NotComplete;
    let first = |pick: fn(&Forecast<'a>) -> Option<Date>| of().filter_map(|o| pick(&o.forecast)).min().filter(|_| due);
    let earliest = if group.antigens.len() == 1 {
        first(|f| f.earliest)
    } else {
        let forecasts: Vec<&Forecast<'_>> = of().map(|o| &o.forecast).collect();
        multiple_earliest(schedule, group, history, &forecasts).filter(|_| due)
    };
    let not_before = |date: Option<Date>| date.map(|date| earliest.map_or(date, |earliest| date.max(earliest)));
    let numbers = || of().filter_map(|o| o.forecast.dose_number).filter(|_| due);
    let mut forecast = GroupForecast {
        vaccine_group: &group.name,
        kind,
        status,
        reasons: Vec::new(),
        dose_number: if group.administer_full { numbers().min() } else { numbers().max() },
        earliest,
        recommended: not_before(first(|f| f.recommended)),
        past_due: not_before(first(|f| f.past_due)),
        latest: first(|f| f.latest),
        antigens: of().filter(|o| o.forecast.status == Status::NotComplete).map(|o| o.antigen).collect(),
        vaccines: Vec::new(),
        guidance: Vec::new(),
        made_of: Vec::new(),
    };
    for outcome in of() {
        extend(&mut forecast.reasons, &outcome.forecast.reasons);
        extend(&mut forecast.vaccines, &outcome.forecast.vaccines);
        extend(&mut forecast.guidance, &outcome.forecast.guidance);
    }
    forecast.made_of = made_of;
    forecast
}

fn extend<T: PartialEq + Copy>(all: &mut Vec<T>, more: &[T]) {
    for item in more {
        if !all.contains(item) {
            all.push(*item);
        }
    }
}

/// Table 9-4.
fn blended_status(statuses: &[Status]) -> Status {
    let any = |status: Status| statuses.contains(&status);
    let first = [Status::Contraindicated, Status::AgedOut, Status::NotRecommended, Status::NotComplete];
    let found = first.into_iter().find(|status| any(*status));
    found.unwrap_or_else(|| if any(Status::Complete) { Status::Complete } else { Status::Immune })
}

/// MULTIANTVG-1.
fn multiple_earliest(
    schedule: &Schedule,
    group: &VaccineGroup,
    history: &History<'_>,
    forecasts: &[&Forecast<'_>],
) -> Option<Date> {
    let dates = || forecasts.iter().filter_map(|f| f.earliest);
    if !forecasts.iter().any(|f| f.priority) {
        return dates().max();
    }
    let antigens = schedule.antigens.iter().enumerate().filter(|(_, a)| group.antigens.contains(&a.name));
    let last = antigens.flat_map(|(at, _)| &history.records[at]).map(|at| history.dose(*at).on).max();
    dates().min().map(|earliest| last.map_or(earliest, |last| earliest.max(last)))
}
