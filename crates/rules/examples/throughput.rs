//! P10: persons a second on one core, evaluated and forecast against every antigen of a schedule.
//!
//! `cargo run --release -p salus-rules --example throughput -- DIR`. The children are of all school ages, with the doses of
//! the usual calendar some days off, and one in six has a condition that brings risk series.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the product")]

use salus_rules::immunization::{Dose, Gender, Observed, Patient, Schedule, Status, assess, read};
use std::time::Instant;
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

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "xml") {
            files.push((path.to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
        }
    }
    let begun = Instant::now();
    let schedule: Schedule = read::schedule(files.iter().map(|(n, b)| (n.as_str(), b.as_slice()))).unwrap();
    println!("schedule read in {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
    let on = date!(2025 - 11 - 10);
    let persons: Vec<Patient> = (0..10_000).map(|n| person(n, on)).collect();
    let doses: usize = persons.iter().map(|p| p.doses.len()).sum();
    let begun = Instant::now();
    let due: usize = persons.iter().map(|p| due(&schedule, p, on)).sum();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} persons, {doses} doses, {due} vaccine groups due", persons.len());
    println!("{:.0} persons/s", f64::from(u32::try_from(persons.len()).unwrap()) / seconds);
}

fn due(schedule: &Schedule, person: &Patient, on: Date) -> usize {
    assess(schedule, person, on).groups.iter().filter(|g| g.status == Status::NotComplete).count()
}

fn person(n: i64, on: Date) -> Patient {
    // A fixed sequence: the same persons in every run.
    let mut state = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut next = |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).rem_euclid(below)
    };
    let birth = on - Duration::days(next(18 * 365));
    let mut doses = Vec::new();
    for (after, vaccines) in CALENDAR {
        let given = birth + Duration::days(after + next(40) - 6).max(Duration::ZERO);
        if given <= on && next(12) > 0 {
            doses.extend(vaccines.iter().map(|cvx| Dose::new(given, *cvx)));
        }
    }
    let observations = if next(6) == 0 { vec![Observed { code: 160, on: None }] } else { vec![] };
    let gender = if next(2) == 0 { Gender::Female } else { Gender::Male };
    Patient { birth, gender, birth_country: None, observations, doses }
}
