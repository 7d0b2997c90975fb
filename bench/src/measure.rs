//! Slices of work at a fixed number of clients, alternated between ours and the limit, and the medians of them.

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use salus_core::Result;
use std::time::{Duration, Instant};

/// What one side did in one slice.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// Done a second.
    pub per_second: f64,
    /// Time of each, in microseconds, sorted.
    pub micros: Vec<u64>,
}

/// A repeatable source of numbers (splitmix64); two runs ask for the same things in the same order.
#[derive(Debug, Clone)]
pub struct Dice(u64);

/// Medians of both sides and of the ratios of neighbouring slices.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// Ours a second.
    pub ours: f64,
    /// The limit's a second.
    pub limit: f64,
    /// Median of the ratios of each pair.
    pub median: f64,
    /// Smallest and largest ratio of a pair: how noisy it was.
    pub spread: (f64, f64),
}

impl Dice {
    /// A source that starts here.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap_or(0) % end.max(1)
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Lets every client repeat `work` for `seconds`; each gets dice of its own.
///
/// # Errors
/// The first failure of any client.
pub async fn slice<C>(
    clients: &mut [C],
    seconds: f64,
    seed: u64,
    work: impl AsyncFn(&mut C, &mut Dice) -> Result<()>,
) -> Result<Slice> {
    let (began, length) = (Instant::now(), Duration::from_secs_f64(seconds));
    let work = &work;
    let mut running: FuturesUnordered<_> = (seed..)
        .zip(clients.iter_mut())
        .map(|(seed, client)| async move {
            let (mut dice, mut micros) = (Dice::new(seed.wrapping_mul(7_919)), Vec::new());
            while began.elapsed() < length {
                let since = Instant::now();
                work(client, &mut dice).await?;
                micros.push(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Ok::<_, salus_core::Error>(micros)
        })
        .collect();
    let mut micros = Vec::new();
    while let Some(done) = running.next().await {
        micros.extend(done?);
    }
    let took = began.elapsed().as_secs_f64();
    micros.sort_unstable();
    Ok(Slice { per_second: count(micros.len()) / took, micros })
}

/// Medians over the pairs of slices.
pub fn ratio(pairs: &[(f64, f64)]) -> Ratio {
    let ratios: Vec<f64> = pairs.iter().map(|(ours, limit)| ours / limit.max(f64::MIN_POSITIVE)).collect();
    let fold = |f: fn(f64, f64) -> f64| ratios.iter().copied().reduce(f).unwrap_or(0.0);
    Ratio {
        ours: median(pairs.iter().map(|p| p.0)),
        limit: median(pairs.iter().map(|p| p.1)),
        median: median(ratios.iter().copied()),
        spread: (fold(f64::min), fold(f64::max)),
    }
}

/// The middle value; 0 of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_unstable_by(f64::total_cmp);
    match all.len() {
        0 => 0.0,
        n if n % 2 == 1 => all[n / 2],
        n => f64::midpoint(all[n / 2 - 1], all[n / 2]),
    }
}

/// The value that `percent` of sorted values do not exceed, in milliseconds.
pub fn percentile(sorted_micros: &[u64], percent: usize) -> f64 {
    let at = (sorted_micros.len() * percent).div_ceil(100).max(1) - 1;
    sorted_micros.get(at).map_or(0.0, |us| Duration::from_micros(*us).as_secs_f64() * 1000.0)
}

/// A count as a number to divide with.
#[allow(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_those_of_the_middle_and_the_end() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()).to_bits(), 2.0f64.to_bits());
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()).to_bits(), 2.5f64.to_bits());
        let micros: Vec<u64> = (1..=100).map(|n| n * 1000).collect();
        assert!((percentile(&micros, 50) - 50.0).abs() < 1e-9 && (percentile(&micros, 95) - 95.0).abs() < 1e-9);
        let r = ratio(&[(1.0, 2.0), (3.0, 4.0), (1.0, 1.0)]);
        assert!((r.median - 0.75).abs() < 1e-9 && r.spread == (0.5, 1.0));
    }
}
