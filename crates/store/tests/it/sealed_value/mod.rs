//! The parser of sealed values against bytes that nobody sealed, and nonces that must not repeat.

mod check;

use proptest::{collection::vec, prelude::*, test_runner::Config};
use salus_store::seal::{Binding, ClassKey, Format, KeyClass, seal};
use std::collections::HashSet;
use uuid::Uuid;
use zeroize::Zeroizing;

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(600) })]

    #[test]
    fn any_bytes_are_refused_and_what_was_sealed_is_not(bytes in vec(any::<u8>(), 0..200)) {
        check::any_bytes(&bytes);
    }

    #[test]
    fn bytes_behind_a_right_beginning_are_refused_as_well(tail in vec(any::<u8>(), 0..120)) {
        check::any_bytes(&[&[0xE5, 1, 1][..], &tail].concat());
    }
}

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
