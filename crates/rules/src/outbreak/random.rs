//! Repeatable random numbers for Monte Carlo: `SplitMix64`, whose seed is stored with the result.

/// A sequence that its seed determines.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`, for a bound above 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next()) * (bound as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform in [0, 1).
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Poisson by inversion, for a small mean.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let (mut left, mut part, mut count) = (self.unit(), (-mean).exp(), 0);
        while left > part && count < 10_000 {
            left -= part;
            count += 1;
            part *= mean / f64::from(count);
        }
        count
    }
}
