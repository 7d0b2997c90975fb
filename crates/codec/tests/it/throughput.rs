//! How fast one thread parses and maps. Not part of a normal run: machines differ, and a debug build says nothing.

use crate::support::synthea;
use salus_codec::fhir;
use std::time::Instant;

#[test]
#[ignore = "a measurement: run it with --release -- --ignored --nocapture"]
fn resources_a_second() {
    let items: Vec<_> = synthea().into_iter().map(|(_, item)| item.bytes).collect();
    let bytes: usize = items.iter().map(Vec::len).sum();
    let start = Instant::now();
    let rounds = 10;
    for _ in 0..rounds {
        for item in &items {
            let resource = fhir::parse(item).unwrap();
            let mapped = fhir::map(&resource).unwrap();
            assert!(!mapped.record.resource_type.is_empty());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "a rate needs no exact count")]
    let (rate, megabytes) = ((items.len() * rounds) as f64 / seconds, (bytes * rounds) as f64 / seconds / 1e6);
    eprintln!("{rate:.0} resources/s, {megabytes:.0} MB/s");
    // Half the goal of 60,000/s: a shared machine is slower, a mistake in the codec is slower still.
    assert!(rate > 30_000.0, "{rate:.0} resources/s");
}
