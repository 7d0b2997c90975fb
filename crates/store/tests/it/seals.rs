//! Nonces that must not repeat, and what sealing costs.

use salus_store::seal::{Binding, ClassKey, Format, KeyClass, SubjectKey, open, seal};
use std::{collections::HashSet, time::Instant};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Seals so many values on two threads, which draw their nonces apart; how many nonces there are.
fn distinct_nonces(each: usize) -> usize {
    let draw = move |row: u128| {
        let key = ClassKey::new(1, KeyClass::Identity, true, Zeroizing::new([7; 32]));
        let at = Binding { tenant: Uuid::nil(), column: 1, row: Uuid::from_u128(row), format: Format::Json };
        let nonce =
            |_| <[u8; 12]>::try_from(&seal(&key, None, &at, b"1").expect("seals")[11..23]).expect("twelve bytes");
        (0..each).map(nonce).collect::<Vec<_>>()
    };
    let other = std::thread::spawn(move || draw(2));
    let mut all = draw(1);
    all.extend(other.join().expect("the other thread"));
    // Less memory than a set of ten million.
    all.sort_unstable();
    all.dedup();
    all.len()
}

#[test]
fn no_nonce_is_used_twice() {
    assert_eq!(distinct_nonces(20_000), 40_000);
    let few: HashSet<usize> = (0..3).map(|_| distinct_nonces(65)).collect();
    assert_eq!(few, HashSet::from([130]), "also where a new batch is drawn");
}

/// Criterion A28 at full size: `cargo test --release -p salus-store --test it -- --ignored ten_million`.
#[test]
#[ignore = "takes a minute: run by hand"]
fn ten_million_seals_use_no_nonce_twice() {
    assert_eq!(distinct_nonces(5_000_000), 10_000_000);
}

/// Seals and opens a record of forty fields so many times, each with its person's own key; microseconds a record.
fn forty_fields(times: u32) -> f64 {
    let key = ClassKey::new(1, KeyClass::Identity, true, Zeroizing::new([7; 32]));
    let person = SubjectKey::new(Zeroizing::new([9; 32]));
    let began = Instant::now();
    for n in 0..times {
        let row = Uuid::from_u128(u128::from(n));
        for column in 0..40 {
            let at = Binding { tenant: Uuid::from_u128(1), column, row, format: Format::Text };
            let clear = format!("a value of some forty characters, field {column:02}");
            let sealed = seal(&key, Some(&person), &at, clear.as_bytes()).expect("seals");
            assert_eq!(&open(&key, Some(&person), &at, &sealed).expect("opens")[..], clear.as_bytes());
        }
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

#[test]
fn a_record_of_forty_fields_is_sealed_and_opened() {
    eprintln!("{:.0} µs a record, without optimisation", forty_fields(20));
}

/// Criterion A34: `cargo test --release -p salus-store --test it -- --ignored forty_fields`.
#[test]
#[ignore = "says something only when optimised, on a quiet machine: script/chaos keys"]
fn a_record_of_forty_fields_costs_at_most_100_microseconds() {
    forty_fields(1000);
    let took = forty_fields(10_000);
    eprintln!("{took:.1} µs a record of forty fields");
    assert!(took <= 100.0, "{took:.1} µs");
}
