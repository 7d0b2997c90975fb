//! The system of the Robert Koch Institute: recent weeks and the same weeks of earlier years.
//!
//! Up to a mean of 20 the bound is the upper end of the 95 % interval of a Poisson count by Crow and Gardner (Biometrika
//! 1959, table 1); above it is the mean and two standard deviations.

use super::{Bound, window::Sums};

/// Which weeks are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Years back.
    pub years: usize,
    /// Weeks on either side in earlier years.
    pub half_window: usize,
    /// The weeks just before count, too.
    pub this_year: bool,
    /// Points in a year.
    pub frequency: usize,
}

impl Rule {
    /// Six weeks before.
    pub const RKI1: Self = Self { years: 0, half_window: 6, this_year: true, frequency: 52 };
    /// Six weeks before, and six on either side a year ago.
    pub const RKI2: Self = Self { years: 1, half_window: 6, this_year: true, frequency: 52 };
    /// Four weeks on either side one and two years ago.
    pub const RKI3: Self = Self { years: 2, half_window: 4, this_year: false, frequency: 52 };
}

/// Upper ends of the 95 % interval for 0 to 20 cases.
const UPPER: [f64; 21] = [
    3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633, 19.050, 20.335, 21.364, 22.945,
    23.762, 25.400, 26.306, 27.735, 28.966, 30.017,
];

/// The bound of every week.
#[must_use]
pub fn bounds(counts: &[u32], rule: Rule) -> Vec<Option<Bound>> {
    let sums = Sums::new(counts);
    let history = rule.years * rule.frequency + rule.half_window;
    (0..counts.len()).map(|at| if at >= history { bound(counts, &sums, rule, at) } else { None }).collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn bound(counts: &[u32], sums: &Sums, rule: Rule, at: usize) -> Option<Bound> {
    let recent = rule.this_year.then(|| at - rule.half_window..at);
    let earlier = (1..=rule.years).map(|year| {
        let middle = at - year * rule.frequency;
        middle - rule.half_window..(middle + rule.half_window + 1).min(at)
    });
    let windows: Vec<_> = recent.into_iter().chain(earlier).collect();
    let weeks: usize = windows.iter().map(ExactSizeIterator::len).sum();
    let total: u64 = windows.iter().map(|w| sums.sum(w.start, w.end)).sum();
    let floor = usize::try_from(total).unwrap_or(usize::MAX).checked_div(weeks)?;
    let (weeks, mean) = (weeks as f64, total as f64 / weeks as f64);
    let upper = if mean > 20.0 {
        let squares = windows.iter().flat_map(|w| &counts[w.clone()]).map(|c| (f64::from(*c) - mean).powi(2));
        mean + 2.0 * (squares.sum::<f64>() / (weeks - 1.0)).sqrt()
    } else {
        UPPER[floor.min(20)]
    };
    Some(Bound { upper, alarm: f64::from(counts[at]) > upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_compares_with_nothing_answers_nothing() {
        let nothing = Rule { half_window: 0, ..Rule::RKI1 };
        assert_eq!(bounds(&[1, 2, 3], nothing), [None; 3]);
        let wide = Rule { years: 1, half_window: 6, this_year: false, frequency: 2 };
        assert_eq!(bounds(&[1; 12], wide).iter().flatten().count(), 4);
    }
}
