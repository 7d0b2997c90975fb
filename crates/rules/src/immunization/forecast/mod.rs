//! Forecast dates and reasons (CDSi 7): what is next in a series whose history was evaluated.

mod dates;
mod need;
mod protection;

use super::{
    evaluate::Progress,
    outcome::{Forecast, ForecastReason, Status, TargetStatus},
    schedule::SkipContext,
};
pub(crate) use protection::Protection;

/// Forecasts the next dose of a series (figure 7-1). A target that need not be given today (7.1), or would not have to be
/// given on its earliest day (7.6), is skipped and the next one is forecast.
pub(crate) fn forecast<'a>(progress: &mut Progress<'a, '_>, protection: &Protection<'a>) -> Forecast<'a> {
    loop {
        while progress.can_skip(SkipContext::Forecast, progress.history.on, None) {
            skip(progress);
        }
        let earliest = match need::determine(progress, protection) {
            Ok(earliest) => earliest,
            Err((status, reason)) => return closed(progress, protection, status, reason),
        };
        if progress.can_skip(SkipContext::Forecast, earliest, None) {
            skip(progress);
        } else {
            return dates::generate(progress, protection, earliest);
        }
    }
}

fn skip(progress: &mut Progress<'_, '_>) {
    progress.targets[progress.current].status = TargetStatus::Skipped;
    progress.current += 1;
}

/// A forecast without a dose.
fn closed<'a>(
    progress: &Progress<'a, '_>,
    protection: &Protection<'a>,
    status: Status,
    reason: ForecastReason,
) -> Forecast<'a> {
    Forecast {
        status,
        reasons: vec![reason],
        dose_number: None,
        earliest: None,
        recommended: None,
        past_due: None,
        latest: None,
        unadjusted_recommended: None,
        unadjusted_past_due: None,
        vaccines: Vec::new(),
        guidance: dates::guidance(progress, protection),
        priority: false,
    }
}
