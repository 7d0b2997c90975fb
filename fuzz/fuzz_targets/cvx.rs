//! CDC's list of vaccine codes: `script/fuzz cvx`. What must hold is in the tests of the same parser.
#![no_main]

#[allow(dead_code, reason = "other targets use the rest")]
#[path = "../../crates/codec/tests/it/any_bytes.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::codes(bytes);
});
