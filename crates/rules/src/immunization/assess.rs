//! One person's assessment from the history to the forecasts of vaccine groups (CDSi 4).

use super::{
    Assessment, Patient, Schedule,
    evaluate::Progress,
    forecast::{Protection, forecast},
    group,
    organize::History,
    outcome::{SeriesOutcome, Standing, Status},
    relevant::is_relevant,
    schedule::{Antigen, Series, SkipCondition},
    select,
};
use time::Date;

/// Evaluates every dose against every relevant series and forecasts what is next, for a day.
#[must_use]
pub fn assess<'a>(schedule: &'a Schedule, patient: &'a Patient, on: Date) -> Assessment<'a> {
    let history = History::new(schedule, patient, on);
    let mut series = Vec::new();
    for (at, antigen) in schedule.antigens.iter().enumerate() {
        let mut outcomes = antigen_series(schedule, antigen, &history, &history.records[at]);
        select::select(&mut outcomes, patient.birth);
        series.append(&mut outcomes);
    }
    let groups = group::groups(schedule, &history, &series);
    Assessment { on, series, groups, unknown_vaccines: history.unknown }
}

/// The relevant series of an antigen. Those that ask whether another series group is complete come after the others.
fn antigen_series<'a>(
    schedule: &'a Schedule,
    antigen: &'a Antigen,
    history: &History<'a>,
    records: &[usize],
) -> Vec<SeriesOutcome<'a>> {
    let protection = Protection::new(antigen, history);
    let relevant = || antigen.series.iter().filter(|s| is_relevant(s, history));
    let run = |series: &'a Series, complete: &[u8]| {
        let mut progress = Progress::new(schedule, series, history, records, complete).evaluate();
        let forecast = forecast(&mut progress, &protection);
        SeriesOutcome {
            antigen: &antigen.name,
            series: &series.name,
            vaccine_group: &series.vaccine_group,
            kind: series.kind,
            evaluations: progress.evaluations,
            targets: progress.targets,
            forecast,
            score: None,
            standing: Standing::NotScorable,
            rules: series,
        }
    };
    let mut outcomes: Vec<SeriesOutcome<'a>> = relevant().filter(|s| !asks(s)).map(|s| run(s, &[])).collect();
    let is_complete = |o: &&SeriesOutcome<'_>| o.forecast.status == Status::Complete;
    let complete: Vec<u8> = outcomes.iter().filter(is_complete).map(|o| o.rules.group).collect();
    outcomes.extend(relevant().filter(|s| asks(s)).map(|s| run(s, &complete)));
    outcomes
}

/// Whether a series depends on another being complete (table 6-7).
fn asks(series: &Series) -> bool {
    let sets = series.doses.iter().flat_map(|d| &d.skips).flat_map(|s| &s.sets);
    sets.flat_map(|s| &s.conditions).any(|c| matches!(c, SkipCondition::CompletedSeries(_)))
}
