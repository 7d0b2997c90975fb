//! Quasi-Poisson regression with a log link by iteratively reweighted least squares, on a QR decomposition.
//!
//! It starts and stops as R's `glm.fit` does: from the counts plus 0.1, until the deviance changes by less than 10^-8. What
//! R derives from the last working weights is derived from them here, too.

use super::reference::Reference;

const EPSILON: f64 = 1e-8;
const ITERATIONS: usize = 25;

/// A matrix by columns; R of a decomposition by rows.
type Columns = Vec<Vec<f64>>;

/// Counts and the columns that explain them: a constant, a trend that is 0 this week, and periods against this week's.
pub(super) struct Model {
    counts: Vec<f64>,
    columns: Vec<Vec<f64>>,
    trend: bool,
}

impl Model {
    #[allow(clippy::cast_precision_loss, reason = "positions stay far below 2^53")]
    pub(super) fn new(counts: &[u32], reference: &Reference, at: usize, trend: bool) -> Self {
        let weeks = &reference.weeks;
        let mut columns = vec![vec![1.0; weeks.len()]];
        if trend {
            columns.push(weeks.iter().map(|(week, _)| *week as f64 - at as f64).collect());
        }
        for period in 1..reference.periods {
            let column: Vec<f64> = weeks.iter().map(|(_, p)| if *p == period { 1.0 } else { 0.0 }).collect();
            if column.contains(&1.0) {
                columns.push(column);
            }
        }
        Self { counts: weeks.iter().map(|(week, _)| f64::from(counts[*week])).collect(), columns, trend }
    }

    pub(super) fn weeks(&self) -> usize {
        self.counts.len()
    }

    /// None when it does not converge or the columns do not differ.
    #[allow(clippy::cast_precision_loss, reason = "numbers of weeks stay far below 2^53")]
    pub(super) fn fit(&self, weights: &[f64]) -> Option<Fit> {
        let mut means: Vec<f64> = self.counts.iter().map(|y| y + 0.1).collect();
        let mut linear: Vec<f64> = means.iter().map(|mean| mean.ln()).collect();
        let mut last = self.deviance(&means, weights);
        for _ in 0..ITERATIONS {
            let working: Vec<f64> = means.iter().zip(weights).map(|(mean, weight)| weight * mean).collect();
            let roots: Vec<f64> = working.iter().map(|w| w.sqrt()).collect();
            let aim: Vec<f64> =
                (0..self.weeks()).map(|i| (linear[i] + (self.counts[i] - means[i]) / means[i]) * roots[i]).collect();
            let (q, r) = self.decompose(&roots)?;
            let coefficients = solve(&r, &q.iter().map(|column| dot(column, &aim)).collect::<Vec<_>>());
            for (i, value) in linear.iter_mut().enumerate() {
                *value = self.columns.iter().zip(&coefficients).map(|(column, b)| column[i] * b).sum();
                means[i] = value.exp();
            }
            let deviance = self.deviance(&means, weights);
            if !deviance.is_finite() {
                return None;
            }
            if (deviance - last).abs() / (deviance.abs() + 0.1) < EPSILON {
                let leverage = (0..self.weeks()).map(|i| q.iter().map(|column| column[i] * column[i]).sum()).collect();
                let degrees = (self.weeks() as f64) - (self.columns.len() as f64);
                let squares = |weights: &[f64]| -> f64 {
                    let residual = |i: usize| (self.counts[i] - means[i]) / means[i];
                    (0..self.weeks()).map(|i| weights[i] * residual(i).powi(2)).sum()
                };
                let dispersion = squares(&working) / degrees;
                let counts = self.counts.clone();
                return Some(Fit { coefficients, r, means, counts, leverage, dispersion, degrees, trend: self.trend });
            }
            last = deviance;
        }
        None
    }

    fn deviance(&self, means: &[f64], weights: &[f64]) -> f64 {
        let part = |((y, mean), weight): ((&f64, &f64), &f64)| {
            let log = if *y > 0.0 { y * (y / mean).ln() } else { 0.0 };
            2.0 * weight * (log - (y - mean))
        };
        self.counts.iter().zip(means).zip(weights).map(part).sum()
    }

    /// The weighted columns as Q and R, by Gram and Schmidt with every column made orthogonal twice.
    fn decompose(&self, roots: &[f64]) -> Option<(Columns, Columns)> {
        let columns = self.columns.len();
        let (mut q, mut r) = (Columns::with_capacity(columns), vec![vec![0.0; columns]; columns]);
        for (j, column) in self.columns.iter().enumerate() {
            let mut rest: Vec<f64> = column.iter().zip(roots).map(|(x, root)| x * root).collect();
            let length = dot(&rest, &rest).sqrt();
            for _ in 0..2 {
                for (i, done) in q.iter().enumerate() {
                    let along = dot(done, &rest);
                    r[i][j] += along;
                    rest.iter_mut().zip(done).for_each(|(x, d)| *x -= along * d);
                }
            }
            let left = dot(&rest, &rest).sqrt();
            if left <= 1e-11 * length || length == 0.0 {
                return None;
            }
            for x in &mut rest {
                *x /= left;
            }
            r[j][j] = left;
            q.push(rest);
        }
        Some((q, r))
    }
}

/// A model that converged.
pub(super) struct Fit {
    coefficients: Vec<f64>,
    r: Vec<Vec<f64>>,
    means: Vec<f64>,
    counts: Vec<f64>,
    leverage: Vec<f64>,
    /// Variance over mean as estimated, which may be below 1.
    pub(super) dispersion: f64,
    /// Degrees of freedom that are left.
    pub(super) degrees: f64,
    trend: bool,
}

impl Fit {
    /// The mean of this week: trend and periods are 0 there.
    pub(super) fn predicted(&self) -> f64 {
        self.coefficients[0].exp()
    }

    /// Variance of the logarithm of [`Self::predicted`], for a dispersion of 1.
    pub(super) fn predicted_variance(&self) -> f64 {
        self.variance(0)
    }

    /// The trend over its standard error.
    pub(super) fn trend_t(&self) -> f64 {
        if self.trend { self.coefficients[1] / (self.dispersion * self.variance(1)).sqrt() } else { 0.0 }
    }

    /// A diagonal element of the inverse of R'R: the squared length of a row of the inverse of R.
    fn variance(&self, of: usize) -> f64 {
        let columns = self.r.len();
        let row = (0..columns).map(|j| {
            let unit: Vec<f64> = (0..columns).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            solve(&self.r, &unit)[of]
        });
        row.map(|x| x * x).sum()
    }

    /// Weights that sum up to the number of weeks: less where the standardized Anscombe residual is above the threshold.
    #[allow(clippy::cast_precision_loss, reason = "numbers of weeks stay far below 2^53")]
    pub(super) fn weights(&self, above: f64) -> Vec<f64> {
        let phi = self.dispersion.max(1.0);
        let raw: Vec<f64> = (0..self.means.len())
            .map(|i| {
                let (y, mean) = (self.counts[i], self.means[i]);
                let anscombe = 1.5 * (y.powf(2.0 / 3.0) * mean.powf(-1.0 / 6.0) - mean.sqrt());
                let residual = anscombe / (phi * (1.0 - self.leverage[i])).sqrt();
                if residual > above { residual.powi(-2) } else { 1.0 }
            })
            .collect();
        let scale = raw.len() as f64 / raw.iter().sum::<f64>();
        raw.into_iter().map(|weight| weight * scale).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves R x = b for an upper triangle.
fn solve(r: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in (0..x.len()).rev() {
        for j in i + 1..x.len() {
            x[i] -= r[i][j] * x[j];
        }
        x[i] /= r[i][i];
    }
    x
}
