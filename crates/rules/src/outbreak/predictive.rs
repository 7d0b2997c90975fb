//! How unlikely a count is when a few days before it are all that is known: the tail of the predictive distribution of a
//! Poisson count whose rate has Jeffreys' prior (Gelman et al., Bayesian Data Analysis, section 2.6), a negative binomial.
//! Unlike a normal tail it does not call the first case after quiet days a wonder.

use super::stats::beta;

/// Chance of `count` or more in `days` days, when `seen` were counted in `of` days before at the same rate. 1 where nothing is
/// known.
#[must_use]
pub fn tail(count: u32, days: u32, (seen, of): (u32, u32)) -> f64 {
    if count == 0 || days == 0 || of == 0 {
        return 1.0;
    }
    let (shape, part) = (f64::from(seen) + 0.5, f64::from(days) / (f64::from(days) + f64::from(of)));
    beta(f64::from(count), shape, part).clamp(f64::MIN_POSITIVE, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chances_of_all_counts_add_up_to_one() {
        // One day after seven without a case: 1 − (7/8)^½.
        assert!((tail(1, 1, (0, 7)) - (1.0 - (7.0_f64 / 8.0).sqrt())).abs() < 1e-12);
        for seen in [0, 3, 40] {
            let each: f64 = (0..400).map(|n| tail(n, 3, (seen, 7)) - tail(n + 1, 3, (seen, 7))).sum();
            assert!((each - 1.0).abs() < 1e-9, "{seen}: {each}");
        }
    }

    #[test]
    fn more_cases_are_less_likely_and_a_busier_past_makes_them_likelier() {
        assert!(tail(4, 1, (0, 7)) < tail(3, 1, (0, 7)));
        assert!(tail(3, 1, (0, 7)) < 0.001 && tail(3, 1, (14, 7)) > 0.2);
        assert!((tail(0, 1, (5, 7)) - 1.0).abs() < f64::EPSILON && (tail(9, 1, (0, 0)) - 1.0).abs() < f64::EPSILON);
    }
}
