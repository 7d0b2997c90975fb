//! Signals of one illness that are about the same students within three days are one alert: what a class, its grade and its school
//! show on one day, and what goes on the day after. The alert is about the smallest group that holds four of five cases; a class
//! that has it does not make its whole school the place of the alert only because the school's count is unusual by it.

use super::{
    facts::{Facts, Kind, Scope},
    signals::Signal,
    streams::LEAST_POPULATION,
};
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// Days by which signals that join may lie apart.
pub(super) const APART: Duration = Duration::days(3);

/// Signals that were joined.
pub(super) struct Joined {
    pub(super) signals: Vec<Signal>,
    pub(super) first: Date,
    pub(super) last: Date,
    /// Places of the cases in the facts.
    pub(super) cases: BTreeSet<usize>,
    pub(super) students: BTreeSet<Uuid>,
}

impl Joined {
    fn of(signal: Signal, facts: &Facts) -> Self {
        let mut joined = Self {
            first: signal.on,
            last: signal.last,
            signals: Vec::new(),
            cases: BTreeSet::new(),
            students: BTreeSet::new(),
        };
        joined.add(signal, facts);
        joined
    }

    fn add(&mut self, signal: Signal, facts: &Facts) {
        self.first = self.first.min(signal.on);
        self.last = self.last.max(signal.last);
        self.students.extend(signal.cases.iter().map(|at| facts.cases[*at].student));
        self.signals.push(signal);
    }

    /// The cases the alert is about: those of its signals, without what only echoes in a larger group.
    fn settle(&mut self) {
        let own = self.signals.iter().filter(|s| !self.signals.iter().any(|other| s.echoes(other)));
        self.cases = own.flat_map(|s| s.cases.iter().copied()).collect();
    }

    fn takes(&self, signal: &Signal, facts: &Facts) -> bool {
        let near = signal.on <= self.last + APART && signal.last + APART >= self.first;
        near && self.is_about(signal.illness(), signal.disease.as_deref())
            && signal.cases.iter().any(|at| self.students.contains(&facts.cases[*at].student))
    }

    /// Whether it is about an illness: any of its signals is, and none names another disease.
    pub(super) fn is_about(&self, illness: Illness<'_>, disease: Option<&str>) -> bool {
        alike(self.disease(), disease) && self.signals.iter().any(|s| same_illness(s.illness(), illness))
    }

    pub(super) fn syndrome(&self) -> &str {
        self.signals.first().map_or("", |s| &s.syndrome)
    }

    /// The disease, when one of them names it.
    pub(super) fn disease(&self) -> Option<&str> {
        self.signals.iter().find_map(|s| s.disease.as_deref())
    }

    /// The signal that speaks for all: a hard rule, else the least likely.
    pub(super) fn lead(&self) -> &Signal {
        let rank = |s: &Signal| (s.method != "RULE", s.q.unwrap_or(1.0), s.p.unwrap_or(1.0));
        let mut lead = &self.signals[0];
        for other in &self.signals[1..] {
            let (a, b) = (rank(other), rank(lead));
            let less = a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2));
            if less.is_lt() {
                lead = other;
            }
        }
        lead
    }
}

/// A syndrome, and the disease where it is known.
pub(super) type Illness<'a> = (&'a str, Option<&'a str>);

/// Whether two are one illness: the disease decides where both name one, for it may show as several syndromes.
pub(super) fn same_illness(a: Illness<'_>, b: Illness<'_>) -> bool {
    match (a.1, b.1) {
        (Some(a), Some(b)) => a == b,
        _ => a.0 == b.0,
    }
}

impl Signal {
    fn illness(&self) -> Illness<'_> {
        (&self.syndrome, self.disease.as_deref())
    }

    /// Whether a statistic of a larger group is loud because of a smaller one: that one signals too, and at least half of the
    /// cases are its.
    fn echoes(&self, other: &Self) -> bool {
        let shared = || self.cases.iter().filter(|case| other.cases.contains(case)).count();
        self.method != "RULE" && other.scope.kind < self.scope.kind && shared() * 2 >= self.cases.len()
    }
}

/// Whether two diseases may be one: a syndrome of which the disease is not known may be any.
fn alike(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// Joins signals, earliest first. One may bring two together that stood apart.
pub(super) fn join(mut signals: Vec<Signal>, facts: &Facts) -> Vec<Joined> {
    signals.sort_by(|a, b| (a.on, &a.scope, a.method).cmp(&(b.on, &b.scope, b.method)));
    let mut all: Vec<Joined> = Vec::new();
    for signal in signals {
        let (mine, rest): (Vec<Joined>, Vec<Joined>) = all.into_iter().partition(|j| j.takes(&signal, facts));
        all = rest;
        let mut joined = Joined::of(signal, facts);
        for other in mine {
            for signal in other.signals {
                joined.add(signal, facts);
            }
        }
        joined.signals.sort_by(|a, b| (a.on, &a.scope, a.method).cmp(&(b.on, &b.scope, b.method)));
        all.push(joined);
    }
    all.iter_mut().for_each(Joined::settle);
    all.sort_by(|a, b| (a.first, a.syndrome()).cmp(&(b.first, b.syndrome())));
    all
}

/// Below so many cases an alert is about the school, so that it does not point at a child.
const FEW: usize = 3;

/// The smallest group that holds at least four of five of these cases; the smallest level first, then the fewest persons. One of
/// too few persons to be watched is too few to be pointed at.
pub(super) fn smallest(cases: &BTreeSet<usize>, facts: &Facts) -> Scope {
    let mut held: BTreeMap<Scope, usize> = BTreeMap::new();
    let least = if cases.len() < FEW { Kind::School } else { Kind::Homeroom };
    for at in cases {
        let large = |scope: &Scope| scope.kind >= Kind::School || facts.size(scope) >= LEAST_POPULATION;
        for scope in facts.scopes_of(&facts.cases[*at]).into_iter().filter(|s| s.kind >= least && large(s)) {
            *held.entry(scope).or_default() += 1;
        }
    }
    let enough = held.into_iter().filter(|(_, n)| n * 5 >= cases.len() * 4).map(|(scope, _)| scope);
    let smallest = enough.min_by_key(|scope| (scope.kind, facts.size(scope)));
    smallest.unwrap_or(Scope { kind: Kind::District, key: "district".into() })
}
