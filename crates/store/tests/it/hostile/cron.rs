//! What holds of any bytes in the place of a time that comes back, whoever thinks them up.

use salus_store::jobs::{Cron, Zone};
use time::{Duration, macros::datetime};

/// Nothing panics and nothing searches for ever; what comes next lies ahead, and what comes after it further on.
pub fn any_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(cron) = Cron::parse(text) else { return };
    for zone in ["UTC", "America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe"] {
        let zone = Zone::named(zone);
        for from in [datetime!(2026-03-08 06:59 UTC), datetime!(2026-11-01 05:30 UTC), datetime!(2028-02-29 23:59 UTC)]
        {
            let Ok(next) = cron.next(&zone, from) else { continue };
            assert!(next > from, "{text:?} after {from} is {next}");
            if let Ok(after) = cron.next(&zone, next) {
                assert!(after > next && after - next >= Duration::minutes(1), "{text:?}: {next}, {after}");
            }
        }
    }
}
