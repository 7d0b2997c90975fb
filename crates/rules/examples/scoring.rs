//! P11: how long a million daily counts take on one core: `cargo run --release -p salus-rules --example scoring`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the product")]

use salus_rules::outbreak::{
    cusum::{self, Standardized},
    ears,
    farrington::{Calendar, Settings, week},
    rki,
};
use std::time::Instant;

/// Streams of five years.
const STREAMS: u64 = 500;
const DAYS: usize = 2000;

fn main() {
    let streams: Vec<Vec<u32>> = (0..STREAMS).map(stream).collect();
    let days = streams.iter().map(Vec::len).sum::<usize>();
    let measure = |name: &str, alarms: &dyn Fn(&[u32]) -> usize| {
        let begun = Instant::now();
        let found: usize = streams.iter().map(|s| alarms(s)).sum();
        println!("{name}: {days} counts in {:.3} s, {found} alarms", begun.elapsed().as_secs_f64());
    };
    let count = |bounds: Vec<Option<salus_rules::outbreak::Bound>>| bounds.iter().flatten().filter(|b| b.alarm).count();
    measure("EARS C1", &|s| count(ears::bounds(s, ears::Rule::C1)));
    measure("EARS C2", &|s| count(ears::bounds(s, ears::Rule::C2)));
    measure("EARS C3", &|s| {
        ears::c3(&ears::statistics(s, ears::Rule::C2)).iter().flatten().filter(|c3| **c3 > 2.0).count()
    });
    measure("CUSUM, Rossi", &|s| count(cusum::bounds(s, 59, (1.04, 2.26), Standardized::Rossi)));
    measure("RKI 2", &|s| count(rki::bounds(s, rki::Rule::RKI2)));
    let settings = [Settings::classic(4, 3, 0.01), Settings::noufaily(4, 3, 0.01)];
    for (name, settings) in ["Farrington", "Noufaily"].into_iter().zip(settings) {
        let begun = Instant::now();
        let weeks = streams.iter().take(20).flat_map(|s| (300..600).map(move |at| (s, at)));
        let found = weeks.filter_map(|(s, at)| week(s, at, Calendar::Points(52), &settings)).count();
        let each = begun.elapsed().as_secs_f64() / 6000.0;
        println!("{name}: {:.1} µs a week, {found} of 6000 answered", each * 1e6);
    }
}

/// The same counts in every run: some around 3, with a wave.
fn stream(seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 61).unwrap()
    };
    (0..DAYS).map(|day| next() + u32::from(day % 260 < 40) * (next() / 2)).collect()
}
