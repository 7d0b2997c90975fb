//! The space-time scan over schools: whether the cases of the last school days lie closer together, in schools near one another, than
//! their students and the weeks before explain (Kulldorff 2001, prospective). Homes have no place (decision 92).

use super::{
    facts::{Facts, Kind, School, Scope},
    settings::Settings,
    signals::Signal,
    streams::{LEAST_POPULATION, counted, counted_on},
};
use salus_rules::outbreak::{
    clusters::{may_signal, q_values},
    spacetime::{Cylinder, Place, Reach, scan},
};
use serde_json::{Value, json};
use time::Date;

/// What the method is called.
pub(super) const METHOD: &str = "SPACETIME";
/// School days whose cases are laid out, and the longest cylinder.
pub(super) const WINDOW: usize = 56;
const LONGEST: usize = 14;
/// Schools that have a place, at least: one alone lies near nothing.
pub(super) const LEAST_SCHOOLS: usize = 2;
/// Below this log likelihood ratio no cylinder has a chance below 1 in 30, even if it were the only one: no replica is drawn.
const LEAST_LLR: f64 = 1.68;
/// School days between two such signals by chance: from the first on it is seen, from the second on it alerts.
const SEEN_DAYS: f64 = 30.0;
const ALERT_DAYS: f64 = 100.0;
/// Metres of a degree of latitude.
const DEGREE_METRES: f64 = 111_195.0;

/// The signals of a day, of every syndrome.
pub(super) fn on(facts: &Facts, settings: &Settings, day: Date) -> Vec<Signal> {
    let schools = located(facts);
    let days = facts.days();
    let Ok(at) = days.binary_search(&day) else { return Vec::new() };
    if schools.len() < LEAST_SCHOOLS || at + 1 < WINDOW {
        return Vec::new();
    }
    let days = &days[at + 1 - WINDOW..=at];
    let mut found = Vec::new();
    for (syndrome, cases) in counted(facts) {
        found.push(one(facts, settings, (&schools, days), (syndrome, &cases)));
    }
    let p: Vec<f64> = found.iter().map(|f| f.as_ref().and_then(|s| s.p).unwrap_or(1.0)).collect();
    let with = |(signal, q): (Option<Signal>, f64)| {
        let mut signal = signal?;
        signal.q = Some(q);
        signal.detail["family"] = json!({"scans": p.len(), "p": p});
        Some(signal)
    };
    found.into_iter().zip(q_values(&p)).filter_map(with).collect()
}

/// Whether the chance of a signal is small enough to alert: once in a hundred school days.
pub(super) fn is_rare(p: Option<f64>) -> bool {
    p.is_some_and(|p| 1.0 / p >= ALERT_DAYS)
}

/// Schools that have a place and enough students.
pub(super) fn located(facts: &Facts) -> Vec<&School> {
    let big = |s: &&School| facts.size(&of_school(s)) >= LEAST_POPULATION;
    facts.schools.iter().filter(|s| s.place.is_some()).filter(big).collect()
}

fn of_school(school: &School) -> Scope {
    Scope { kind: Kind::School, key: school.id.to_string() }
}

fn one(
    facts: &Facts,
    settings: &Settings,
    (schools, days): (&[&School], &[Date]),
    (syndrome, cases): (&str, &[usize]),
) -> Option<Signal> {
    // In metres on a plane, which a district is small enough for.
    let middle = schools.first()?.place?.0.to_radians().cos();
    let mut places: Vec<Place> = Vec::with_capacity(schools.len());
    for school in schools {
        let (latitude, longitude) = school.place?;
        let (x, y) = (longitude * middle * DEGREE_METRES, latitude * DEGREE_METRES);
        places.push(Place { x, y, population: facts.size(&of_school(school)), cases: vec![0; days.len()] });
    }
    let first = days.first()?;
    let laid: Vec<(usize, usize, usize)> = cases
        .iter()
        .filter(|case| facts.cases[**case].reported >= *first)
        .filter_map(|case| {
            let school = schools.iter().position(|s| s.id == facts.cases[*case].school)?;
            Some((*case, school, counted_on(days, facts.cases[*case].reported)?))
        })
        .collect();
    for (_, school, day) in &laid {
        places[*school].cases[*day] += 1;
    }
    let reach = |replicas| Reach {
        radius_max: 50_000.0,
        radius_step: 1_000.0,
        days_max: LONGEST,
        share_max: 0.5,
        replicas,
        seed: settings.seed,
    };
    let quick = scan(&places, &reach(0))?;
    let population: u32 = quick.places.iter().map(|at| places[*at].population).sum();
    if quick.llr < LEAST_LLR || !may_signal(Kind::School.level(), quick.cases, population) {
        return None;
    }
    let found = scan(&places, &reach(settings.replicas))?;
    let inside =
        |(_, school, day): &&(usize, usize, usize)| found.places.contains(school) && *day >= days.len() - found.days;
    let own: Vec<usize> = laid.iter().filter(inside).map(|(case, ..)| *case).collect();
    if found.recurrence_days(1.0) < SEEN_DAYS || facts.is_one_home(&own) {
        return None;
    }
    Some(signal(settings, (schools, &places, days), (syndrome, own), &found))
}

fn signal(
    settings: &Settings,
    (schools, places, days): (&[&School], &[Place], &[Date]),
    (syndrome, cases): (&str, Vec<usize>),
    found: &Cylinder,
) -> Signal {
    let scope = match found.places.as_slice() {
        [only] => of_school(schools[*only]),
        _ => Scope { kind: Kind::District, key: "district".into() },
    };
    let last = days[days.len() - 1];
    let laid: Vec<Value> = schools
        .iter()
        .zip(places)
        .map(|(school, place)| json!({"school": school.id, "population": place.population, "counts": place.cases}))
        .collect();
    Signal {
        scope,
        syndrome: syndrome.to_owned(),
        disease: None,
        on: last,
        last,
        method: METHOD,
        statistic: found.llr,
        threshold: None,
        observed: found.cases,
        expected: Some(found.expected),
        p: Some(found.p),
        q: None,
        severity: None,
        cases,
        detail: json!({
            "days": days.iter().map(Date::to_string).collect::<Vec<_>>(), "schools": laid, "cylinder": found,
            "radius_step": 1_000, "days_max": LONGEST, "share_max": 0.5, "replicas": settings.replicas, "seed": settings.seed,
            "recurrence_school_days": found.recurrence_days(1.0).round(),
        }),
    }
}
