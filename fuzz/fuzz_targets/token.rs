//! Signed tokens and sets of keys: `script/fuzz token`. What must hold is in the tests of the same parser.
#![no_main]

#[path = "../../crates/domains/tests/it/hostile/token.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::any_bytes(bytes);
});
