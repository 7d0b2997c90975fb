//! Generate forecast dates and recommended vaccines (CDSi 7.5).

use super::Protection;
use crate::immunization::{
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    evaluate::{Progress, ages_on},
    outcome::{Forecast, Status, TargetStatus},
    relevant,
    schedule::{Ages, Cvx, Interval, SeriesDose},
};
use time::{Date, Duration};

/// FORECASTDT-1 to -6 for the current target.
pub(super) fn generate<'a>(progress: &Progress<'a, '_>, protection: &Protection<'a>, earliest: Date) -> Forecast<'a> {
    let on = progress.history.on;
    let target = progress.target();
    let ages = target.and_then(|t| ages_on(t, on)).copied().unwrap_or_default();
    let intervals: Vec<&Interval> = target.iter().flat_map(|t| &t.intervals).filter(|i| i.in_force.on(on)).collect();
    let age = |pick: fn(&Ages) -> Option<_>| pick(&ages).map(|p| age_date(progress.history.born(), Some(p), FIRST_DAY));
    let latest_interval = |pick: fn(&Interval) -> Option<crate::immunization::Period>| {
        let dates = intervals.iter().filter_map(|i| {
            let since = progress.reference_date(&i.from, progress.records.len())?;
            pick(i).map(|p| p.after(since))
        });
        dates.max()
    };
    let unadjusted_recommended =
        age(|a| a.earliest_recommended).or_else(|| latest_interval(|i| i.earliest_recommended)).unwrap_or(earliest);
    let unadjusted_past_due = age(|a| a.latest_recommended)
        .or_else(|| latest_interval(|i| i.latest_recommended))
        .map(|date| date - Duration::DAY);
    let recommended = unadjusted_recommended.max(earliest);
    Forecast {
        status: Status::NotComplete,
        reasons: Vec::new(),
        dose_number: Some(dose_number(progress)),
        earliest: Some(earliest),
        recommended: Some(recommended),
        past_due: unadjusted_past_due.map(|date| date.max(earliest)),
        latest: age(|a| a.maximum).map(|date| date - Duration::DAY),
        unadjusted_recommended: Some(unadjusted_recommended),
        unadjusted_past_due,
        vaccines: target.map(|t| vaccines(t, progress, protection, [earliest, recommended])).unwrap_or_default(),
        guidance: guidance(progress, protection),
        priority: !intervals.is_empty() && intervals.iter().all(|i| i.priority),
    }
}

/// FORECASTDN-1.
fn dose_number(progress: &Progress<'_, '_>) -> usize {
    let counted = progress.targets.iter().filter(|t| {
        let start = progress.series.doses[t.dose].season.and_then(|s| s.start);
        let given = t.by.map(|by| progress.evaluations[by].on);
        t.status == TargetStatus::Satisfied && start.is_none_or(|start| given.is_some_and(|on| on >= start))
    });
    counted.count() + 1
}

/// FORECASTRECVAC-1.
fn vaccines(
    target: &SeriesDose,
    progress: &Progress<'_, '_>,
    protection: &Protection<'_>,
    dates: [Date; 2],
) -> Vec<Cvx> {
    let birth = progress.history.born();
    let named = target.preferable.iter().filter(|p| {
        let begin = age_date(birth, p.vaccine.begin, FIRST_DAY);
        let end = age_date(birth, p.vaccine.end, LAST_DAY);
        p.recommended
            && !protection.forbidden.contains(&p.vaccine.cvx)
            && dates.iter().any(|date| begin <= *date && *date < end)
    });
    let mut found: Vec<Cvx> = named.map(|p| p.vaccine.cvx).collect();
    found.dedup();
    found
}

/// FORECASTGUIDANCE-1.
pub(super) fn guidance<'a>(progress: &Progress<'a, '_>, protection: &Protection<'a>) -> Vec<&'a str> {
    let active = progress.series.indications.iter().filter(|i| relevant::applies(i, progress.history));
    let series = progress.series.guidance.iter().map(String::as_str);
    let mut all: Vec<&str> = series.collect();
    all.extend(active.filter_map(|i| i.guidance.as_deref()));
    all.extend(&protection.guidance);
    all
}
