//! Bundles of audit events, as `salus-verify` reads them: `script/fuzz bundle`. What must hold is in the tests of the same parser.
#![no_main]

#[path = "../../crates/store/tests/it/hostile/bundle.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::any_bytes(bytes);
});
