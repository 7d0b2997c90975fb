//! Cumulative sums: small excesses that add up.
//!
//! [`bounds`] standardizes counts with the mean of a training time and keeps the sum, as `algo.cusum` of the R package
//! `surveillance` does (Rossi 1999); [`Poisson`] is the one-sided sum for a rise from one rate to another (Lucas 1985), with
//! a decision interval found by simulation; [`normal`] is the one for many counts.

use super::{Bound, random::Random, window::Sums};
use serde::Serialize;

/// How a count is made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardized {
    /// Distance from the mean in standard deviations of a Poisson count.
    Standard,
    /// Rossi's transformation, closer to normal for small counts.
    Rossi,
}

/// Bounds from the position `from` on, which must not be 0; the mean is that of all counts before. `k` is the reference value
/// and `h` the decision interval, 1.04 and 2.26 by custom. An alarm does not set the sum back.
#[must_use]
pub fn bounds(counts: &[u32], from: usize, (k, h): (f64, f64), how: Standardized) -> Vec<Option<Bound>> {
    let mut found = vec![None; counts.len()];
    if from == 0 || from >= counts.len() {
        return found;
    }
    let (mean, _) = Sums::new(counts).mean_sd(0, from);
    let root = mean.sqrt();
    let mut sum = 0.0_f64;
    for (at, count) in counts.iter().enumerate().skip(from) {
        let x = f64::from(*count);
        let left = h + k - sum;
        let (standardized, upper) = match how {
            Standardized::Standard => ((x - mean) / root, (root * left + mean).ceil()),
            Standardized::Rossi => {
                let inner = 4.0 * mean * mean + 2.0 * mean * root * left;
                let upper = 2.0 * root * left + 5.0 * mean - 2.0 * inner.sqrt();
                ((x - 3.0 * mean + 2.0 * (x * mean).sqrt()) / (2.0 * root), upper)
            }
        };
        sum = (sum + standardized - k).max(0.0);
        // No bound exists where the sum is already so high that the root is of a negative number.
        let upper = if upper.is_nan() { 0.0 } else { upper.max(0.0) };
        found[at] = Some(Bound { upper, alarm: sum >= h });
    }
    found
}

/// The sum of standardized excesses over half a standard deviation; above 4 is a signal.
#[must_use]
pub fn normal(counts: &[u32], mean: f64, sd: f64) -> Vec<f64> {
    let mut sum = 0.0_f64;
    let add = |count: &u32| {
        sum = (sum + (f64::from(*count) - mean) / sd - 0.5).max(0.0);
        sum
    };
    counts.iter().map(add).collect()
}

/// A sum that watches for a rise of the daily rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Poisson {
    /// What is added a day beyond this.
    pub k: f64,
    /// A sum above this is a signal.
    pub h: f64,
}

impl Poisson {
    /// For a rise from `usual` to `raised` cases a day, with a decision interval found for [`Self::h`] later.
    #[must_use]
    pub fn new(usual: f64, raised: f64, h: f64) -> Self {
        Self { k: (raised - usual) / (raised.ln() - usual.ln()), h }
    }

    /// The least whole decision interval for which the usual rate gives a false signal no sooner than every `days` days on
    /// average, in `runs` simulated runs from a stored seed.
    #[must_use]
    pub fn calibrated(usual: f64, raised: f64, days: f64, (runs, seed): (u32, u64)) -> Self {
        let mut watch = Self::new(usual, raised, 0.0);
        while watch.h < 1000.0 && watch.run_length(usual, (runs, seed)) < days {
            watch.h += 1.0;
        }
        watch
    }

    /// Days until a signal at a rate, on average.
    #[must_use]
    pub fn run_length(&self, rate: f64, (runs, seed): (u32, u64)) -> f64 {
        let mut random = Random::new(seed);
        let mut days = 0_u32;
        for _ in 0..runs {
            let mut sum = 0.0_f64;
            for _ in 0..100_000 {
                days = days.saturating_add(1);
                sum = (sum + f64::from(random.poisson(rate)) - self.k).max(0.0);
                if sum > self.h {
                    break;
                }
            }
        }
        f64::from(days) / f64::from(runs.max(1))
    }

    /// The sum after every day. It begins anew after the days in `acknowledged`.
    #[must_use]
    pub fn sums(&self, counts: &[u32], acknowledged: &[usize]) -> Vec<f64> {
        let mut sum = 0.0_f64;
        let add = |(at, count): (usize, &u32)| {
            sum = (sum + f64::from(*count) - self.k).max(0.0);
            let today = sum;
            if acknowledged.contains(&at) {
                sum = 0.0;
            }
            today
        };
        counts.iter().enumerate().map(add).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_specification_holds() {
        let watch = Poisson::new(2.0, 4.0, 5.0);
        assert!((watch.k - 2.8854).abs() < 1e-4);
        let sums = watch.sums(&[2, 1, 3, 2, 4, 5, 6], &[]);
        for (got, wanted) in sums.iter().zip([0.0, 0.0, 0.115, 0.0, 1.115, 3.229, 6.344]) {
            assert!((got - wanted).abs() < 1e-3, "{sums:?}");
        }
        assert_eq!(sums.iter().position(|s| *s > watch.h), Some(6));
        assert!(watch.sums(&[9, 9, 3], &[1])[2] < 1.0, "an acknowledged signal is not raised again");
    }

    #[test]
    fn false_signals_are_as_rare_as_was_asked() {
        let watch = Poisson::calibrated(2.0, 4.0, 100.0, (2000, 7));
        assert!(watch.run_length(2.0, (2000, 8)) > 90.0);
        assert!(watch.run_length(4.0, (2000, 9)) < 15.0);
        assert_eq!(watch, Poisson::calibrated(2.0, 4.0, 100.0, (2000, 7)), "the same seed, the same answer");
    }
}
