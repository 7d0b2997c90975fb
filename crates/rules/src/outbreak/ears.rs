//! EARS C1, C2 and C3 (Hutwagner 2003; Fricker, Hegler and Dunfee 2008).
//!
//! C1 and C2 compare a day with the days before it, C2 leaving out the two nearest. C3 adds up what C2 found on three days.
//! It is the published formula; the R package `surveillance` 1.20 computes another quantity under that name.

use super::{Bound, stats::normal_quantile, window::Sums};

/// Which days are compared and what is too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Days in the baseline.
    pub baseline: usize,
    /// Days left out between the baseline and the day: 0 for C1, 2 for C2.
    pub lag: usize,
    /// Standard deviations above the mean that are still expected.
    pub z: f64,
    /// The least standard deviation that is believed, for sparse counts.
    pub sd_floor: f64,
}

impl Rule {
    /// C1: the seven days before.
    pub const C1: Self = Self { baseline: 7, lag: 0, z: 3.0, sd_floor: 0.5 };
    /// C2: seven days, with two between.
    pub const C2: Self = Self { baseline: 7, lag: 2, z: 3.0, sd_floor: 0.5 };

    fn history(self) -> usize {
        self.baseline + self.lag
    }

    fn expected(self, sums: &Sums, at: usize) -> (f64, f64) {
        let end = at - self.lag;
        let (mean, sd) = sums.mean_sd(end - self.baseline, end);
        (mean, sd.max(self.sd_floor))
    }
}

/// Standard deviations that a share of days is above when nothing happens: 3.09 for 0.001.
#[must_use]
pub fn z_of_alpha(alpha: f64) -> f64 {
    normal_quantile(1.0 - alpha)
}

/// The bound of every day.
#[must_use]
pub fn bounds(counts: &[u32], rule: Rule) -> Vec<Option<Bound>> {
    let sums = Sums::new(counts);
    let bound = |(at, count): (usize, &u32)| {
        let (mean, sd) = (at >= rule.history()).then(|| rule.expected(&sums, at))?;
        let upper = mean + rule.z * sd;
        Some(Bound { upper, alarm: f64::from(*count) > upper })
    };
    counts.iter().enumerate().map(bound).collect()
}

/// How many standard deviations every day is above its mean. With a floor of 0 a flat baseline has none.
#[must_use]
pub fn statistics(counts: &[u32], rule: Rule) -> Vec<Option<f64>> {
    let sums = Sums::new(counts);
    let statistic = |(at, count): (usize, &u32)| {
        let (mean, sd) = (at >= rule.history()).then(|| rule.expected(&sums, at))?;
        (sd > 0.0).then(|| (f64::from(*count) - mean) / sd)
    };
    counts.iter().enumerate().map(statistic).collect()
}

/// C3: what C2 exceeded 1 by on this day and the two before, added up. Above 2 is a signal.
#[must_use]
pub fn c3(c2: &[Option<f64>]) -> Vec<Option<f64>> {
    let above = |day: &Option<f64>| day.map(|c2| (c2 - 1.0).max(0.0));
    let days = |at: usize| c2[at - 2..=at].iter().map(above).sum::<Option<f64>>();
    (0..c2.len()).map(|at| if at < 2 { None } else { days(at) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, wanted: f64) {
        assert!((got.unwrap() - wanted).abs() < 0.005, "{got:?} instead of {wanted}");
    }

    #[test]
    fn the_worked_examples_of_the_specification_hold() {
        let counts = [2, 1, 3, 2, 0, 1, 2, 1, 2, 7];
        near(statistics(&counts, Rule::C1)[9], 5.56);
        near(statistics(&counts, Rule::C2)[9], 5.56);
        let c2 = statistics(&[2, 1, 3, 2, 0, 1, 2, 1, 2, 2, 3, 4, 7], Rule::C2);
        near(c2[11], 2.49);
        let c3 = c3(&c2);
        near(c3[11], 2.10);
        near(c2[12], 7.08);
        near(c3[12], 8.18);
        assert_eq!((c2[8], c3[10]), (None, None));
    }

    #[test]
    fn a_flat_history_and_one_case_is_no_number_without_a_floor() {
        let counts = [0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(statistics(&counts, Rule { sd_floor: 0.0, ..Rule::C1 })[7], None);
        near(statistics(&counts, Rule::C1)[7], 2.0);
    }
}
