//! Clusters of cases by class, bus or home, the minimum counts below which a statistic stays silent, and q-values.

use serde::Serialize;
use std::collections::BTreeMap;

/// Where a stream of counts is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Level {
    /// A homeroom.
    Class,
    /// A grade.
    Grade,
    /// A bus.
    Bus,
    /// A school.
    School,
    /// Schools that feed one another.
    Feeder,
    /// All schools.
    District,
}

/// Whether a statistic may speak: enough cases, and a group that is large enough to protect who is in it.
#[must_use]
pub fn may_signal(level: Level, cases: u32, population: u32) -> bool {
    let least = match level {
        Level::Class | Level::Bus => 3,
        Level::Grade => 4,
        Level::School | Level::Feeder | Level::District => 5,
    };
    cases >= least && population >= 10
}

/// A case with the group and the home it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case<'a> {
    /// Class, bus, team or grade.
    pub group: &'a str,
    /// Key of the household, where it is known.
    pub household: Option<&'a str>,
}

/// What a group shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupCluster {
    /// The group.
    pub group: String,
    /// Cases in it.
    pub cases: u32,
    /// Persons in it.
    pub size: u32,
    /// Cases over persons.
    pub attack_rate: f64,
    /// Its attack rate over that of everyone else; none without cases elsewhere.
    pub relative_risk: Option<f64>,
    /// Every case is of one home: marked, and not counted as spread in the group.
    pub household_only: bool,
}

/// Groups with cases, those with the highest attack rate first. Sizes name every group, also those without cases.
#[must_use]
pub fn by_group(cases: &[Case<'_>], sizes: &BTreeMap<&str, u32>) -> Vec<GroupCluster> {
    let (all, everyone) = (u32::try_from(cases.len()).unwrap_or(u32::MAX), sizes.values().sum::<u32>());
    let mut found: Vec<GroupCluster> = sizes
        .iter()
        .filter_map(|(group, size)| {
            let inside: Vec<&Case<'_>> = cases.iter().filter(|c| c.group == *group).collect();
            let count = u32::try_from(inside.len()).ok().filter(|n| *n > 0 && *size > 0)?;
            let attack_rate = f64::from(count) / f64::from(*size);
            let outside = f64::from(all - count) / f64::from(everyone - size);
            let home = inside[0].household;
            Some(GroupCluster {
                group: (*group).to_owned(),
                cases: count,
                size: *size,
                attack_rate,
                relative_risk: (outside > 0.0 && outside.is_finite()).then(|| attack_rate / outside),
                household_only: count > 1 && home.is_some() && inside.iter().all(|c| c.household == home),
            })
        })
        .collect();
    found.sort_by(|a, b| b.attack_rate.total_cmp(&a.attack_rate).then_with(|| a.group.cmp(&b.group)));
    found
}

/// Benjamini and Hochberg's q-value of every p-value: what to compare with .05 when many streams are watched.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "numbers of streams stay far below 2^53")]
pub fn q_values(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut q, mut least) = (vec![1.0; p.len()], 1.0_f64);
    for (rank, at) in order.iter().enumerate().rev() {
        least = least.min(p[*at] * p.len() as f64 / (rank + 1) as f64);
        q[*at] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_rates_are_compared_with_everyone_else_and_homes_are_marked() {
        let case = |group, household| Case { group, household };
        let cases = [
            case("4A", Some("h1")),
            case("4A", Some("h1")),
            case("4B", Some("h1")),
            case("4B", None),
            case("4B", None),
        ];
        let sizes = BTreeMap::from([("4A", 20), ("4B", 20), ("4C", 20)]);
        let found = by_group(&cases, &sizes);
        assert_eq!(found.iter().map(|c| (c.group.as_str(), c.cases)).collect::<Vec<_>>(), [("4B", 3), ("4A", 2)]);
        assert!((found[0].relative_risk.unwrap() - 3.0).abs() < 1e-12);
        assert_eq!((found[0].household_only, found[1].household_only), (false, true));
        assert_eq!(by_group(&cases[..2], &BTreeMap::from([("4A", 20)]))[0].relative_risk, None);
    }

    #[test]
    fn small_numbers_stay_silent() {
        assert!(may_signal(Level::Class, 3, 25) && !may_signal(Level::Class, 2, 25));
        assert!(!may_signal(Level::School, 4, 500) && !may_signal(Level::Class, 5, 9));
    }

    #[test]
    fn q_values_follow_the_ranks() {
        let q = q_values(&[0.01, 0.04, 0.03, 0.5]);
        for (got, wanted) in q.iter().zip([0.04, 0.053_333_333, 0.053_333_333, 0.5]) {
            assert!((got - wanted).abs() < 1e-8, "{q:?}");
        }
        assert_eq!(q_values(&[]), Vec::<f64>::new());
    }
}
