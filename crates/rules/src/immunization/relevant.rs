//! Select relevant patient series (CDSi 5.1).

use super::{
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    organize::History,
    schedule::{Indication, Series, SeriesKind},
};

/// Whether a series is relevant for the person (table 5-5).
pub(crate) fn is_relevant(series: &Series, history: &History<'_>) -> bool {
    let gender = series.genders.is_empty() || series.genders.contains(&history.patient.gender);
    gender && (series.kind != SeriesKind::Risk || series.indications.iter().any(|i| applies(i, history)))
}

/// Whether an indication applies to the person (table 5-4).
pub(crate) fn applies(indication: &Indication, history: &History<'_>) -> bool {
    let begin = age_date(history.born(), indication.begin, FIRST_DAY);
    let end = age_date(history.born(), indication.end, LAST_DAY);
    begin <= history.on && history.on < end && history.patient.has(indication.observation, history.on)
}
