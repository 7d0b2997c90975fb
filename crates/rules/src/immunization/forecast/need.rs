//! Determine forecast need (CDSi 7.4).

use super::Protection;
use crate::immunization::{
    evaluate::{Progress, ages_on},
    outcome::{ForecastReason, Status, TargetStatus},
};
use time::Date;

/// Whether another dose is due, and then its candidate earliest date; else where the person stands and why. The columns of
/// table 7-10 from left to right: a series that is complete stays complete.
pub(super) fn determine(
    progress: &Progress<'_, '_>,
    protection: &Protection<'_>,
) -> Result<Date, (Status, ForecastReason)> {
    let Some(target) = progress.target() else {
        let satisfied = progress.targets.iter().any(|t| t.status == TargetStatus::Satisfied);
        return Err(if satisfied {
            (Status::Complete, ForecastReason::SeriesComplete)
        } else {
            (Status::NotRecommended, ForecastReason::PastHistory)
        });
    };
    if protection.immune {
        return Err((Status::Immune, ForecastReason::EvidenceOfImmunity));
    }
    if let Some(observation) = protection.forbidden_by {
        return Err((Status::Contraindicated, ForecastReason::Contraindication(observation)));
    }
    if protection.leaves_nothing(progress) {
        return Err((Status::Contraindicated, ForecastReason::NoVaccineLeft));
    }
    let on = progress.history.on;
    if let Some(end) = target.season.and_then(|s| s.end).filter(|end| on > *end) {
        return Err((Status::NotRecommended, ForecastReason::SeasonOver(end)));
    }
    let maximum = ages_on(target, on).and_then(|a| a.maximum).map(|age| age.after(progress.history.born()));
    if let Some(maximum) = maximum.filter(|maximum| on >= *maximum) {
        return Err((Status::AgedOut, ForecastReason::TooOld(maximum)));
    }
    let earliest = candidate_earliest(progress, protection);
    match maximum.filter(|maximum| earliest >= *maximum) {
        Some(maximum) => Err((Status::AgedOut, ForecastReason::CannotFinish(maximum))),
        None => Ok(earliest),
    }
}

/// FORECASTDTCAN-1.
fn candidate_earliest(progress: &Progress<'_, '_>, protection: &Protection<'_>) -> Date {
    let (on, birth) = (progress.history.on, progress.history.born());
    let Some(target) = progress.target() else { return on };
    let minimum_age = ages_on(target, on).and_then(|a| a.minimum).map(|age| age.after(birth));
    let intervals = target.intervals.iter().filter(|i| i.in_force.on(on)).filter_map(|interval| {
        let since = progress.reference_date(&interval.from, progress.records.len())?;
        interval.minimum.map(|wait| wait.after(since))
    });
    let last = progress.evaluations.last().map(|e| e.on);
    let season = target.season.and_then(|s| s.start);
    let fixed = [minimum_age, conflict_end(progress, protection), season, last];
    fixed.into_iter().flatten().chain(intervals).max().unwrap_or(birth)
}

/// The day from which one of the preferable vaccines conflicts with no dose given.
fn conflict_end(progress: &Progress<'_, '_>, protection: &Protection<'_>) -> Option<Date> {
    let target = progress.target()?;
    let vaccines = target.preferable.iter().map(|p| p.vaccine.cvx).filter(|v| !protection.forbidden.contains(v));
    vaccines.map(|cvx| progress.conflict_end(cvx)).min()?
}
