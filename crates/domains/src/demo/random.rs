//! The generator's dice: `SplitMix64`, so that a demonstration is the same on every machine and in every run.
//! Nothing here is secret or meant to be unpredictable.

/// A stream of numbers that follows from a seed and a number.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream `number` of a seed. Streams are independent, so one patient's facts do not shift another's.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut start = Self(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
        start.next();
        start
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n` − 1.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.next()) * (n as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let width = usize::try_from(high - low + 1).unwrap_or(1);
        low + i32::try_from(self.below(width)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: i32) -> bool {
        self.between(0, 99) < percent
    }

    /// One of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// The numbers from 0 to `n` − 1 in an order of its own.
    pub(super) fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for at in (1..n).rev() {
            let other = self.below(at + 1);
            all.swap(at, other);
        }
        all
    }

    /// A number around 0 with standard deviation 1, never beyond 4: twelve uniform numbers less their mean.
    pub(super) fn spread(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        (sum - 6.0).clamp(-4.0, 4.0)
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_stream_is_splitmix64_and_repeats() {
        // First outputs of SplitMix64 seeded with 0, as published with its reference code.
        let mut zero = Random(0);
        assert_eq!((zero.next(), zero.next()), (0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4));
        let (mut a, mut b, mut c) = (Random::new(7, 1), Random::new(7, 1), Random::new(7, 2));
        let first: Vec<_> = (0..9).map(|_| a.below(1000)).collect();
        assert_eq!(first, (0..9).map(|_| b.below(1000)).collect::<Vec<_>>());
        assert_ne!(first, (0..9).map(|_| c.below(1000)).collect::<Vec<_>>());
        let mut shuffled = b.shuffled(50);
        assert!(shuffled.iter().enumerate().any(|(at, n)| at != *n));
        shuffled.sort_unstable();
        assert!(shuffled.into_iter().eq(0..50));
        assert!((0..1000).all(|_| (-3..=5).contains(&a.between(-3, 5))));
    }
}
