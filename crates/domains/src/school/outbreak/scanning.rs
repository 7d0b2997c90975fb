//! The scan over groups: in which homeroom, bus, team or grade of a school the cases of the last school days stand closer
//! together than its size explains. One scan a school and syndrome; their p-values are a family of their own.

use super::{
    facts::{Facts, Kind, Scope},
    settings::Settings,
    signals::Signal,
    streams::{LEAST_POPULATION, counted, counted_on},
};
use salus_rules::outbreak::{
    clusters::{may_signal, q_values},
    scan::{Cluster, scan},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

/// Below this log likelihood ratio no zone has a chance below 5 %, even if it were the only one (chi-square with one degree of
/// freedom, one side): no replica is drawn.
const LEAST_LLR: f64 = 1.35;

/// A school as it is scanned: persons by their place, and zones of places.
struct Ground {
    school: usize,
    places: BTreeMap<Uuid, usize>,
    zones: Vec<(Scope, Vec<u32>)>,
}

/// One scan that was made, and its signal when something stands out.
struct Scanned(Option<Signal>);

/// The scans of all schools.
pub(super) struct Scans<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    grounds: Vec<Ground>,
    counted: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Scans<'a> {
    pub(super) fn new(facts: &'a Facts, settings: &'a Settings) -> Self {
        let ground = |(at, school): (usize, &super::facts::School)| {
            let here = facts.people.iter().filter(|(_, p)| p.school == school.id);
            let places: BTreeMap<Uuid, usize> = here.enumerate().map(|(place, (id, _))| (*id, place)).collect();
            let zone = |(scope, members): (&Scope, &Vec<Uuid>)| {
                let inside = members.iter().filter_map(|id| u32::try_from(*places.get(id)?).ok()).collect();
                (scope.clone(), inside)
            };
            let mine = facts.members.iter().filter(|(scope, members)| {
                let small = scope.kind < Kind::School;
                small && facts.school_of(scope) == Some(school.id) && members.len() >= LEAST_POPULATION as usize
            });
            let zones = mine.map(zone).collect();
            Ground { school: at, places, zones }
        };
        let grounds = facts.schools.iter().enumerate().map(ground).collect();
        Self { facts, settings, grounds, counted: counted(facts) }
    }

    /// The signals of a day.
    pub(super) fn on(&self, day: Date) -> Vec<Signal> {
        let mut found = Vec::new();
        for ground in &self.grounds {
            for (syndrome, cases) in &self.counted {
                found.extend(self.one(ground, (syndrome, cases), day));
            }
        }
        let p: Vec<f64> = found.iter().map(|f: &Scanned| f.0.as_ref().and_then(|s| s.p).unwrap_or(1.0)).collect();
        let family = json!({"scans": p.len(), "p": p});
        let with = |(scanned, q): (Scanned, f64)| {
            let mut signal = scanned.0?;
            signal.q = Some(q);
            signal.detail["q"] = json!(q);
            signal.detail["family"] = family.clone();
            Some(signal)
        };
        let q = q_values(&p);
        found.into_iter().zip(q).filter_map(with).collect()
    }

    /// One scan; nothing when the school has no such day, and no signal when nothing stands out.
    fn one(&self, ground: &Ground, (syndrome, cases): (&str, &[usize]), day: Date) -> Option<Scanned> {
        let school = &self.facts.schools[ground.school];
        let at = school.days.binary_search(&day).ok()?;
        if ground.zones.is_empty() {
            return None;
        }
        let from = (at + 1).saturating_sub(self.settings.scan_days);
        let recent: Vec<usize> = cases
            .iter()
            .copied()
            .filter(|c| self.facts.cases[*c].school == school.id)
            .filter(|c| {
                counted_on(&school.days, self.facts.cases[*c].reported).is_some_and(|d| (from..=at).contains(&d))
            })
            .collect();
        let mut persons = vec![0_u32; ground.places.len()];
        for case in &recent {
            if let Some(place) = ground.places.get(&self.facts.cases[*case].student) {
                persons[*place] = 1;
            }
        }
        Some(Scanned(self.signal(ground, (syndrome, &recent, &persons), (school.days[from], day))))
    }

    fn signal(
        &self,
        ground: &Ground,
        (syndrome, recent, persons): (&str, &[usize], &[u32]),
        (from, day): (Date, Date),
    ) -> Option<Signal> {
        let zones: Vec<Vec<u32>> = ground.zones.iter().map(|z| z.1.clone()).collect();
        let seed = self.settings.seed;
        let first = scan(persons, &zones, 0, seed)?;
        let (scope, members) = &ground.zones[first.zone];
        let population = u32::try_from(members.len()).unwrap_or(u32::MAX);
        if first.llr < LEAST_LLR || !may_signal(scope.kind.level(), first.cases, population) {
            return None;
        }
        let inside = |case: &&usize| {
            let place = ground.places.get(&self.facts.cases[**case].student);
            place.is_some_and(|p| u32::try_from(*p).is_ok_and(|p| members.contains(&p)))
        };
        let cases: Vec<usize> = recent.iter().filter(inside).copied().collect();
        if self.facts.is_one_home(&cases) {
            return None;
        }
        let found = scan(persons, &zones, self.settings.replicas, seed)?;
        let detail = self.told(ground, persons, &found, (from, day));
        Some(Signal {
            scope: scope.clone(),
            syndrome: syndrome.to_owned(),
            disease: None,
            on: day,
            last: day,
            method: "SCAN",
            statistic: found.llr,
            threshold: None,
            observed: found.cases,
            expected: Some(found.expected),
            p: Some(found.p),
            q: None,
            severity: None,
            cases,
            detail,
        })
    }

    fn told(&self, ground: &Ground, persons: &[u32], found: &Cluster, (from, day): (Date, Date)) -> Value {
        let zone = |(scope, members): &(Scope, Vec<u32>)| {
            let cases: u32 = members.iter().filter_map(|p| persons.get(*p as usize)).sum();
            json!({"kind": scope.kind.code(), "key": scope.key, "size": members.len(), "cases": cases})
        };
        let zones: Vec<Value> = ground.zones.iter().map(zone).collect();
        json!({
            "from": from.to_string(), "to": day.to_string(), "persons": persons.len(), "cases": persons.iter().sum::<u32>(),
            "zones": zones, "expected": found.expected, "llr": found.llr, "relative_risk": found.relative_risk, "p": found.p,
            "replicas": self.settings.replicas, "seed": self.settings.seed,
        })
    }
}
