//! Farrington's algorithm for weekly counts: the classic form (Farrington et al. 1996) and the flexible one with the settings
//! of Noufaily et al. (2013).
//!
//! The weeks of earlier years around this one give a quasi-Poisson model with a trend, fitted twice so that past outbreaks
//! weigh less. The bound is a quantile of what the model expects. Fitting stops where R's `glm` stops, so that bounds agree
//! with the R package `surveillance` to the last digits it prints.

mod fit;
mod reference;

use super::{
    Bound,
    stats::{negative_binomial_quantile, normal_quantile, poisson_quantile, t_two_sided},
};
use fit::{Fit, Model};
pub use reference::Calendar;
use reference::Reference;

/// How the bound follows from the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// Two-sided interval of the count to the power of two thirds.
    TwoThirds,
    /// Quantile of the negative binomial with the mean and dispersion of the model.
    NegativeBinomial,
}

/// What the model is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Years back.
    pub years: usize,
    /// Weeks on either side.
    pub half_window: usize,
    /// Parts of the year with a level of their own: 1 for the windows alone.
    pub periods: usize,
    /// Weeks before this one that are left out, beside windows of earlier years.
    pub left_out: usize,
    /// Standardized residuals above this weigh less.
    pub weights_above: f64,
    /// The trend is kept when its p-value is below this.
    pub trend_below: f64,
    /// How the bound follows.
    pub threshold: Threshold,
    /// Probability of more than the bound, on either side for [`Threshold::TwoThirds`].
    pub alpha: f64,
    /// So many cases in so many weeks, or nothing is said.
    pub enough: (u32, usize),
}

impl Settings {
    /// The classic algorithm.
    #[must_use]
    pub fn classic(years: usize, half_window: usize, alpha: f64) -> Self {
        Self {
            years,
            half_window,
            periods: 1,
            left_out: half_window,
            weights_above: 1.0,
            trend_below: 0.05,
            threshold: Threshold::TwoThirds,
            alpha,
            enough: (5, 4),
        }
    }

    /// The flexible algorithm over the windows alone.
    #[must_use]
    pub fn flexible(years: usize, half_window: usize, alpha: f64) -> Self {
        Self {
            weights_above: 2.58,
            trend_below: 1.0,
            threshold: Threshold::NegativeBinomial,
            ..Self::classic(years, half_window, alpha)
        }
    }

    /// The flexible algorithm as Noufaily and others propose: ten periods, half a year left out.
    #[must_use]
    pub fn noufaily(years: usize, half_window: usize, alpha: f64) -> Self {
        Self { periods: 10, left_out: 26, ..Self::flexible(years, half_window, alpha) }
    }
}

/// What is expected in a week and the bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Week {
    /// Mean of the model.
    pub expected: f64,
    /// Variance over mean, at least 1.
    pub dispersion: f64,
    /// The trend was kept.
    pub trend: bool,
    /// Bound and alarm.
    pub bound: Bound,
}

/// The week at a position; none without the history, without enough cases or when no model fits.
#[must_use]
pub fn week(counts: &[u32], at: usize, calendar: Calendar, settings: &Settings) -> Option<Week> {
    let (cases, weeks) = settings.enough;
    if (at + 1).checked_sub(weeks).is_none_or(|from| counts[from..=at].iter().sum::<u32>() < cases) {
        return None;
    }
    let reference = Reference::new(at, calendar, settings)?;
    let model = |trend| Model::new(counts, &reference, at, trend);
    let with_trend = fitted(&model(true), settings).filter(|fit| keeps_trend(fit, counts, &reference, settings));
    let trend = with_trend.is_some();
    let fit = with_trend.or_else(|| fitted(&model(false), settings))?;
    let (expected, dispersion) = (fit.predicted(), fit.dispersion.max(1.0));
    let upper = match settings.threshold {
        Threshold::TwoThirds => {
            let tau = dispersion + dispersion * fit.predicted_variance() * expected;
            let spread = (4.0 / 9.0 * expected.cbrt() * tau).sqrt();
            let z = normal_quantile(1.0 - settings.alpha / 2.0);
            (expected.cbrt().powi(2) + z * spread).powf(1.5)
        }
        Threshold::NegativeBinomial if dispersion > 1.0 => {
            negative_binomial_quantile(1.0 - settings.alpha, expected / (dispersion - 1.0), 1.0 / dispersion)
        }
        Threshold::NegativeBinomial => poisson_quantile(1.0 - settings.alpha, expected),
    };
    let alarm = f64::from(counts[at]) > upper;
    Some(Week { expected, dispersion, trend, bound: Bound { upper, alarm } })
}

/// Fits, weighs down what stands out, and fits again.
fn fitted(model: &Model, settings: &Settings) -> Option<Fit> {
    let first = model.fit(&vec![1.0; model.weeks()])?;
    let weights = first.weights(settings.weights_above);
    model.fit(&weights)
}

/// Three years, a significant trend, and no prediction above all that was seen.
fn keeps_trend(fit: &Fit, counts: &[u32], reference: &Reference, settings: &Settings) -> bool {
    let highest = reference.weeks.iter().map(|(week, _)| counts[*week]).max().unwrap_or(0);
    settings.years >= 3
        && fit.predicted() <= f64::from(highest)
        && (settings.trend_below >= 1.0 || t_two_sided(fit.trend_t(), fit.degrees) < settings.trend_below)
}
