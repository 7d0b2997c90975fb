//! Poisson scan over groups (Kulldorff 1997): which classroom, grade, bus or team has more cases than its size explains.

use super::random::Random;
use serde::Serialize;

/// The zone with the largest likelihood ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cluster {
    /// Index of the zone.
    pub zone: usize,
    /// Cases in it.
    pub cases: u32,
    /// Cases that its size explains.
    pub expected: f64,
    /// Logarithm of the likelihood ratio.
    pub llr: f64,
    /// Rate inside over rate outside; infinite when there is no case outside.
    pub relative_risk: f64,
    /// Share of replicas with an equal or larger ratio, counting what was seen.
    pub p: f64,
}

/// Logarithm of the likelihood ratio of `cases` of `all` where `expected` were to be expected; 0 unless there are more.
pub(super) fn llr(cases: f64, all: f64, expected: f64) -> f64 {
    let (outside, expected_outside) = (all - cases, all - expected);
    if cases <= 0.0 || expected <= 0.0 || cases * expected_outside <= outside * expected {
        return 0.0;
    }
    let part = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    part(cases, expected) + part(outside, expected_outside)
}

/// Scans zones, each a list of persons, over persons with their number of cases. Zones may overlap. The p-value comes from
/// `replicas` in which the same number of cases falls on persons by chance, drawn from a seed to be stored. None without
/// cases or zones.
#[must_use]
pub fn scan(persons: &[u32], zones: &[Vec<u32>], replicas: u32, seed: u64) -> Option<Cluster> {
    let all: u32 = persons.iter().sum();
    let (zone, llr) = best(persons, zones, all)?;
    if all == 0 {
        return None;
    }
    let mut random = Random::new(seed);
    let mut as_large = 0_u32;
    let mut replica = vec![0_u32; persons.len()];
    for _ in 0..replicas {
        replica.fill(0);
        for _ in 0..all {
            replica[random.below(persons.len())] += 1;
        }
        as_large += u32::from(best(&replica, zones, all).is_some_and(|(_, other)| other >= llr));
    }
    let (cases, expected) = count(persons, &zones[zone], all);
    let rates = (f64::from(cases) / expected, f64::from(all - cases) / (f64::from(all) - expected));
    let p = f64::from(1 + as_large) / f64::from(replicas + 1);
    Some(Cluster { zone, cases, expected, llr, relative_risk: rates.0 / rates.1, p })
}

/// Cases in a zone, and those its size explains.
#[allow(clippy::cast_precision_loss, reason = "numbers of persons stay far below 2^53")]
fn count(persons: &[u32], zone: &[u32], all: u32) -> (u32, f64) {
    let cases = zone.iter().filter_map(|p| persons.get(*p as usize)).sum();
    (cases, f64::from(all) * zone.len() as f64 / persons.len() as f64)
}

fn best(persons: &[u32], zones: &[Vec<u32>], all: u32) -> Option<(usize, f64)> {
    let ratios = zones.iter().enumerate().map(|(at, zone)| {
        let (cases, expected) = count(persons, zone, all);
        (at, llr(f64::from(cases), f64::from(all), expected))
    });
    // The first of equals.
    ratios.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_specification_holds() {
        let (mut persons, mut zones) = (Vec::new(), Vec::new());
        for (pupils, cases) in [(24_u32, 1_u32), (26, 7), (25, 1), (22, 0), (27, 2), (26, 1)] {
            let first = u32::try_from(persons.len()).unwrap();
            zones.push((first..first + pupils).collect());
            persons.extend((0..pupils).map(|pupil| u32::from(pupil < cases)));
        }
        let found = scan(&persons, &zones, 999, 20_250_101).unwrap();
        assert_eq!((found.zone, found.cases), (1, 7));
        assert!((found.expected - 2.08).abs() < 1e-9 && (found.llr - 5.069).abs() < 5e-4, "{found:?}");
        assert!((found.relative_risk - 6.68).abs() < 5e-3 && (0.003..0.02).contains(&found.p), "{found:?}");
        assert_eq!(scan(&persons, &zones, 999, 20_250_101), Some(found), "the same seed, the same answer");
        assert_eq!(scan(&[0; 10], &[vec![1, 2]], 9, 1), None);
    }
}
