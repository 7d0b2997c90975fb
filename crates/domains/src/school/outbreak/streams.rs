//! Streams: a syndrome in a group, counted by the day on which it was reported, over days of instruction only. A person counts
//! once in seven days. What is reported at a weekend counts on the next school day; in a longer holiday it is kept and not
//! counted, for there is no school day to compare it with.

use super::facts::{Facts, Kind, Scope};
use salus_rules::outbreak::cases::episodes;
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// Groups smaller than this are not watched: a count would name the child.
pub(super) const LEAST_POPULATION: u32 = 10;
/// A report of a day without school counts on the next school day if that is no further.
const WEEKEND: Duration = Duration::days(3);

/// One stream.
pub(super) struct Stream {
    pub(super) scope: Scope,
    pub(super) syndrome: String,
    pub(super) population: u32,
    pub(super) days: Vec<Date>,
    pub(super) counts: Vec<u32>,
    /// Place of the day, and of the case in the facts.
    pub(super) cases: Vec<(usize, usize)>,
}

impl Stream {
    /// The cases counted in days `from..=to`.
    pub(super) fn between(&self, from: usize, to: usize) -> Vec<usize> {
        self.cases.iter().filter(|(day, _)| (from..=to).contains(day)).map(|(_, case)| *case).collect()
    }
}

/// The place of the school day on which a report counts.
pub(super) fn counted_on(days: &[Date], reported: Date) -> Option<usize> {
    let at = days.partition_point(|day| *day < reported);
    days.get(at).filter(|day| **day - reported <= WEEKEND).map(|_| at)
}

/// The cases that count, by syndrome: the first of each episode.
pub(super) fn counted(facts: &Facts) -> BTreeMap<&str, Vec<usize>> {
    let mut by_syndrome: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, case) in facts.cases.iter().enumerate() {
        by_syndrome.entry(&case.syndrome).or_default().push(at);
    }
    for all in by_syndrome.values_mut() {
        let reports: Vec<(Uuid, Date)> =
            all.iter().map(|at| (facts.cases[*at].student, facts.cases[*at].reported)).collect();
        let mut first: BTreeSet<(Uuid, Date)> = episodes(&reports).into_iter().collect();
        all.retain(|at| first.remove(&(facts.cases[*at].student, facts.cases[*at].reported)));
    }
    by_syndrome
}

/// Every stream that is watched: each group that is large enough, for each syndrome that was reported at all.
pub(super) fn streams(facts: &Facts) -> Vec<Stream> {
    let everywhere = facts.days();
    let days_of = |scope: &Scope| {
        if scope.kind == Kind::District {
            return everywhere.clone();
        }
        let school = facts.school_of(scope);
        facts.schools.iter().find(|s| Some(s.id) == school).map(|s| s.days.clone()).unwrap_or_default()
    };
    let mut all = Vec::new();
    for (syndrome, counted) in counted(facts) {
        let mut by_scope: BTreeMap<Scope, Vec<usize>> = BTreeMap::new();
        for at in counted {
            for scope in facts.scopes_of(&facts.cases[at]) {
                by_scope.entry(scope).or_default().push(at);
            }
        }
        for scope in facts.members.keys() {
            let (population, days) = (facts.size(scope), days_of(scope));
            if population < LEAST_POPULATION || days.is_empty() {
                continue;
            }
            let mut stream = Stream {
                scope: scope.clone(),
                syndrome: syndrome.to_owned(),
                population,
                counts: vec![0; days.len()],
                days,
                cases: Vec::new(),
            };
            for at in by_scope.get(scope).into_iter().flatten() {
                if let Some(day) = counted_on(&stream.days, facts.cases[*at].reported) {
                    stream.counts[day] += 1;
                    stream.cases.push((day, *at));
                }
            }
            all.push(stream);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn a_weekend_counts_on_monday_and_a_holiday_nowhere() {
        let days = [date!(2026 - 03 - 06), date!(2026 - 03 - 09), date!(2026 - 03 - 23)];
        assert_eq!(counted_on(&days, date!(2026 - 03 - 06)), Some(0));
        assert_eq!(counted_on(&days, date!(2026 - 03 - 07)), Some(1), "a Saturday");
        assert_eq!(counted_on(&days, date!(2026 - 03 - 16)), None, "in a week without school");
        assert_eq!(counted_on(&days, date!(2026 - 03 - 24)), None, "the next school day is not known yet");
    }
}
