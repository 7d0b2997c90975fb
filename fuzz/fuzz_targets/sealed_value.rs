//! The header of a sealed value: `cargo +nightly fuzz run sealed_value`. What is looked for is in the test of the same parser.
#![no_main]

#[path = "../../crates/store/tests/it/sealed_value/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::any_bytes(bytes));
