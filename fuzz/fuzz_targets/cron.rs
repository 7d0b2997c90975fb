//! Times that come back: `script/fuzz cron`. What must hold is in the tests of the same parser.
#![no_main]

#[path = "../../crates/store/tests/it/hostile/cron.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::any_bytes(bytes);
});
