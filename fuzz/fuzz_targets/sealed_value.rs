//! The header of a sealed value and what follows it: `script/fuzz sealed_value`. What must hold is in the tests of the same parser.
#![no_main]

#[path = "../../crates/store/tests/it/hostile/sealed_value.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::any_bytes(bytes));
