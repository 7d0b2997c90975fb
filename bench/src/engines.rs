//! P10 and P11: the pure engines on one core, without a database. Persons evaluated and forecast against every antigen of a schedule,
//! and a million daily counts.

use crate::{
    Sizes,
    measure::{Dice, count, median},
    report::{Report, Row, fault, progress},
};
use salus_core::{Error, Result};
use salus_rules::{
    immunization::{Dose, Gender, Observed, Patient, Schedule, Status, assess, read},
    outbreak::{
        Bound,
        cusum::{self, Standardized},
        ears,
        farrington::{Calendar, Settings, week},
        rki,
    },
};
use std::{path::Path, time::Instant};
use time::{Date, Duration, macros::date};

/// Days after birth and vaccines of a usual childhood.
const CALENDAR: [(i64, &[u16]); 9] = [
    (1, &[8]),
    (61, &[110, 48, 133, 116]),
    (122, &[110, 48, 133, 116]),
    (183, &[110, 48, 133, 116]),
    (370, &[3, 21, 83, 133]),
    (460, &[20, 48]),
    (560, &[83]),
    (1480, &[130, 94]),
    (4030, &[115, 165, 136]),
];
/// The day on which they are assessed: that of the schedule's release.
const ON: Date = date!(2025 - 11 - 10);
/// School days of a stream: ten years.
const DAYS: usize = 2000;

/// P10.
///
/// # Errors
/// When the folder has no schedule that can be read.
pub fn persons(folder: &Path, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P10: persons against every antigen");
    let found = std::fs::read_dir(folder).map_err(|e| {
        Error::invalid(
            "schedule",
            "not_found",
            format!("{}: {e}; --schedule names the folder with CDSi's XML files", folder.display()),
        )
    })?;
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in found {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|e| e == "xml") {
            files.push((path.display().to_string(), std::fs::read(&path).map_err(fault)?));
        }
    }
    let schedule = read::schedule(files.iter().map(|(n, b)| (n.as_str(), b.as_slice()))).map_err(fault)?;
    let all: Vec<Patient> = (0..sizes.imported * 8).map(person).collect();
    let began = Instant::now();
    let due: usize = all.iter().map(|p| due(&schedule, p)).sum();
    let rate = count(all.len()) / began.elapsed().as_secs_f64();
    if due == 0 {
        report.wrong.push("nobody lacks a dose".into());
    }
    let work = format!("{} persons judged and forecast, all antigens, one core", all.len());
    report.rows.push(Row {
        goal: ">= 2000/s".into(),
        met: Some(rate >= 2000.0),
        ..Row::fact("P10", work, (rate, "/s"))
    });
    Ok(())
}

fn due(schedule: &Schedule, person: &Patient) -> usize {
    assess(schedule, person, ON).groups.iter().filter(|g| g.status == Status::NotComplete).count()
}

/// A child of any school age with the doses of the usual calendar some days off; one in six has a condition that brings risk series.
fn person(n: usize) -> Patient {
    let mut dice = Dice::new(n as u64);
    let mut below = |end: usize| i64::try_from(dice.below(end)).unwrap_or(0);
    let birth = ON - Duration::days(below(18 * 365));
    let mut doses = Vec::new();
    for (after, vaccines) in CALENDAR {
        let given = birth + Duration::days(after + below(40) - 6).max(Duration::ZERO);
        if given <= ON && below(12) > 0 {
            doses.extend(vaccines.iter().map(|cvx| Dose::new(given, *cvx)));
        }
    }
    let observations = if below(6) == 0 { vec![Observed { code: 160, on: None }] } else { vec![] };
    let gender = if below(2) == 0 { Gender::Female } else { Gender::Male };
    Patient { birth, gender, birth_country: None, observations, doses }
}

/// P11.
pub fn counts(sizes: Sizes, report: &mut Report) {
    progress("P11: a million daily counts");
    let streams: Vec<Vec<u32>> = (0..sizes.imported as u64 * 2 / 5).map(stream).collect();
    let days: usize = streams.iter().map(Vec::len).sum();
    let alarms = |bounds: Vec<Option<Bound>>| bounds.iter().flatten().filter(|b| b.alarm).count();
    let began = Instant::now();
    let found: usize = streams
        .iter()
        .map(|s| {
            let c3 = ears::c3(&ears::statistics(s, ears::Rule::C2)).iter().flatten().filter(|c3| **c3 > 2.0).count();
            let ears = alarms(ears::bounds(s, ears::Rule::C1)) + alarms(ears::bounds(s, ears::Rule::C2)) + c3;
            ears + alarms(cusum::bounds(s, 59, (1.04, 2.26), Standardized::Rossi))
                + alarms(rki::bounds(s, rki::Rule::RKI2))
        })
        .sum();
    let seconds = began.elapsed().as_secs_f64();
    if found == 0 {
        report.wrong.push("no alarm in any stream".into());
    }
    let work = format!("{days} daily counts: C1, C2, C3, CUSUM, RKI; one core");
    report.rows.push(Row::at_most("P11", work, (seconds, "s"), 10.0));
    for (name, settings) in
        [("Farrington", Settings::classic(4, 3, 0.01)), ("Noufaily", Settings::noufaily(4, 3, 0.01))]
    {
        let each = streams.iter().take(20).map(|s| {
            let began = Instant::now();
            let answered = (300..600).filter_map(|at| week(s, at, Calendar::Points(52), &settings)).count();
            began.elapsed().as_secs_f64() * 1e6 / count(answered.max(1))
        });
        report.rows.push(Row::fact("P11", format!("{name}: a week"), (median(each), "µs")));
    }
}

/// Some counts around 3, with a wave each year.
fn stream(seed: u64) -> Vec<u32> {
    let mut dice = Dice::new(seed);
    let mut few = || u32::try_from(dice.below(8)).unwrap_or(0);
    (0..DAYS).map(|day| few() + u32::from(day % 260 < 40) * (few() / 2)).collect()
}
