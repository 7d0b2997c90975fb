//! Until when something is held: the end of somebody's quiet hours and the next digest, by the clocks where they live. The
//! calendar is that of the jobs, so a night on which the clocks change ends when the clock says so.

use salus_core::{Error, Result};
use salus_store::jobs::{Cron, Zone};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

/// From when to when somebody is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quiet {
    from: String,
    to: String,
    timezone: String,
}

/// The hour at which a daily digest is sent.
const DIGEST_AT: &str = "0 7 * * *";

impl Quiet {
    /// Reads quiet hours.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `quiet_hours`.
    pub(super) fn read(value: &Value) -> Result<Option<Self>> {
        if value.is_null() {
            return Ok(None);
        }
        let wrong = || {
            let form = "Is {\"from\": \"21:00\", \"to\": \"06:00\", \"timezone\": \"America/Los_Angeles\"}: two times of the day \
                        that differ and the name of a zone";
            Error::invalid("quiet_hours", "wrong_form", form)
        };
        let quiet: Self = serde_json::from_value(value.clone()).map_err(|_| wrong())?;
        let known = Zone::is_known(&quiet.timezone) && quiet.from != quiet.to;
        if !known || daily(&quiet.from).is_none() || daily(&quiet.to).is_none() {
            return Err(wrong());
        }
        Ok(Some(quiet))
    }

    /// The zone they are of.
    pub(super) fn timezone(&self) -> &str {
        &self.timezone
    }

    /// When the quiet hours end in which this moment lies; none outside them.
    ///
    /// # Errors
    /// [`Error::Internal`] for hours that were not read by [`Quiet::read`].
    pub(super) fn end(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
        let zone = Zone::named(&self.timezone);
        let next = |clock: &str| {
            let cron = daily(clock).ok_or_else(|| Error::internal("quiet hours cannot be read"))?;
            Cron::parse(&cron)?.next(&zone, now)
        };
        let (begins, ends) = (next(&self.from)?, next(&self.to)?);
        Ok((ends < begins).then_some(ends))
    }
}

/// The time of day as a time that comes back each day.
fn daily(clock: &str) -> Option<String> {
    let (hour, minute) = clock.split_once(':')?;
    let of = |text: &str, most: u8| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten().filter(|n| *n <= most);
    Some(format!("{} {} * * *", of(minute, 59)?, of(hour, 23)?))
}

/// When the next digest of this kind is sent; none for what is not gathered.
///
/// # Errors
/// Those of the calendar.
pub(super) fn next_digest(digest: &str, timezone: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let at = match digest {
        "HOURLY" => "0 * * * *",
        "DAILY" => DIGEST_AT,
        _ => return Ok(None),
    };
    Cron::parse(at)?.next(&Zone::named(timezone), now).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn night() -> Quiet {
        let hours = json!({"from": "21:00", "to": "06:00", "timezone": "America/Los_Angeles"});
        Quiet::read(&hours).unwrap().unwrap()
    }

    #[test]
    fn a_night_ends_at_six_where_somebody_lives() {
        // 23:00 on 2 March is 07:00 UTC on the 3rd; 06:00 is 14:00 UTC.
        assert_eq!(night().end(datetime!(2026-03-03 07:00 UTC)).unwrap(), Some(datetime!(2026-03-03 14:00 UTC)));
        assert_eq!(
            night().end(datetime!(2026-03-03 05:00 UTC)).unwrap(),
            Some(datetime!(2026-03-03 14:00 UTC)),
            "at 21:00"
        );
        assert_eq!(night().end(datetime!(2026-03-03 14:00 UTC)).unwrap(), None, "at 06:00");
        assert_eq!(night().end(datetime!(2026-03-03 20:00 UTC)).unwrap(), None, "at noon");
    }

    #[test]
    fn the_nights_on_which_the_clocks_change_end_by_the_clock() {
        // On 8 March 2026 the night is an hour shorter, on 1 November an hour longer.
        assert_eq!(night().end(datetime!(2026-03-08 07:00 UTC)).unwrap(), Some(datetime!(2026-03-08 13:00 UTC)));
        assert_eq!(night().end(datetime!(2026-11-01 06:00 UTC)).unwrap(), Some(datetime!(2026-11-01 14:00 UTC)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for wrong in [
            json!({"from": "21:00", "to": "06:00"}),
            json!({"from": "21", "to": "06:00", "timezone": "UTC"}),
            json!({"from": "24:00", "to": "06:00", "timezone": "UTC"}),
            json!({"from": "06:00", "to": "06:00", "timezone": "UTC"}),
            json!({"from": "21:00", "to": "06:00", "timezone": "Mars/Olympus"}),
            json!("always"),
        ] {
            assert!(Quiet::read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_comes_with_the_hour_or_in_the_morning() {
        let now = datetime!(2026-03-03 05:10 UTC);
        let next = |digest| next_digest(digest, "America/Los_Angeles", now).unwrap();
        assert_eq!(next("HOURLY"), Some(datetime!(2026-03-03 06:00 UTC)));
        assert_eq!(next("DAILY"), Some(datetime!(2026-03-03 15:00 UTC)));
        assert_eq!(next("IMMEDIATE"), None);
    }
}
