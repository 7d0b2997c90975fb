//! Mean and standard deviation of counts in a window, from exact sums of whole numbers.

/// Prefix sums of a series, so that a window costs the same wherever it is and however long.
pub(super) struct Sums {
    sums: Vec<u64>,
    squares: Vec<u128>,
}

impl Sums {
    pub(super) fn new(counts: &[u32]) -> Self {
        let (mut sums, mut squares) = (Vec::with_capacity(counts.len() + 1), Vec::with_capacity(counts.len() + 1));
        let (mut sum, mut square) = (0, 0);
        sums.push(0);
        squares.push(0);
        for count in counts {
            sum += u64::from(*count);
            square += u128::from(*count) * u128::from(*count);
            sums.push(sum);
            squares.push(square);
        }
        Self { sums, squares }
    }

    /// Sum of the counts in `from..to`.
    pub(super) fn sum(&self, from: usize, to: usize) -> u64 {
        self.sums[to] - self.sums[from]
    }

    /// Mean and standard deviation (n − 1) of the counts in `from..to`.
    #[allow(clippy::cast_precision_loss, reason = "sums of counts stay far below 2^53")]
    pub(super) fn mean_sd(&self, from: usize, to: usize) -> (f64, f64) {
        let n = (to - from) as u128;
        let sum = u128::from(self.sum(from, to));
        let spread = n * (self.squares[to] - self.squares[from]) - sum * sum;
        let mean = sum as f64 / n as f64;
        let variance = if n > 1 { spread as f64 / (n * (n - 1)) as f64 } else { 0.0 };
        (mean, variance.sqrt())
    }
}
