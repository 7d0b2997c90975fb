//! Addresses that are to be called: `script/fuzz outbound_url`. What must hold is in the tests of the same parser.
#![no_main]

#[path = "../../crates/store/tests/it/hostile/outbound_url.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::any_bytes(bytes);
});
