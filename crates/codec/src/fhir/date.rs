//! FHIR dates as far as they are known: `2015`, `2015-03`, `2015-03-09` or an instant with its zone.
//!
//! A table keeps them in three columns, `<name>_on`, `<name>_precision` and `<name>_at`; what is not known stands at
//! the first of the year or month and the precision says so. Nothing is ever made more precise than it was.

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// A checked FHIR `date` or `dateTime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The day, unknown parts at 1.
    pub on: String,
    /// `YEAR`, `MONTH`, `DAY` or `MINUTE`.
    pub precision: &'static str,
    /// RFC 3339, to the microsecond, when the precision is `MINUTE`.
    pub at: Option<String>,
}

/// Reads a FHIR `dateTime` (R4 datatypes: seconds and zone are required once there is a time).
pub(super) fn date_time(text: &str) -> Option<Partial> {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let mut partial = date(day)?;
    if let Some(time) = time {
        if partial.precision != "DAY" {
            return None;
        }
        partial.at = Some(format!("{day}T{}", clock(time)?));
        partial.precision = "MINUTE";
    }
    Some(partial)
}

/// Reads a FHIR `date`: a day, or as much of one as is known.
#[must_use]
pub fn date(text: &str) -> Option<Partial> {
    let mut parts = text.split('-');
    let year: i32 = number(parts.next()?, 4)?;
    let month = parts.next().map(|m| number(m, 2)).map_or(Some(None), |m| m.map(Some))?;
    let day = parts.next().map(|d| number(d, 2)).map_or(Some(None), |d| d.map(Some))?;
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let month_of = Month::try_from(u8::try_from(month.unwrap_or(1)).ok()?).ok()?;
    Date::from_calendar_date(year, month_of, u8::try_from(day.unwrap_or(1)).ok()?).ok()?;
    let (on, precision) = match text.len() {
        4 => (format!("{text}-01-01"), "YEAR"),
        7 => (format!("{text}-01"), "MONTH"),
        _ => (text.to_owned(), "DAY"),
    };
    Some(Partial { on, precision, at: None })
}

/// `hh:mm:ss[.fraction](Z|±hh:mm)`, brought to microseconds; a leap second is told as the second before it.
fn clock(text: &str) -> Option<String> {
    let (time, zone) = match text.strip_suffix('Z') {
        Some(time) => (time, "Z"),
        None => text.split_at_checked(text.len().checked_sub(6)?)?,
    };
    if zone != "Z" {
        let hours: i32 = number(zone.get(1..3)?, 2)?;
        let minutes: i32 = number(zone.get(4..6)?, 2)?;
        let signed = zone.starts_with(['+', '-']) && zone.as_bytes()[3] == b':';
        if !signed || minutes > 59 || hours > 14 || (hours == 14 && minutes > 0) {
            return None;
        }
    }
    let (whole, fraction) = time.split_once('.').map_or((time, None), |(whole, f)| (whole, Some(f)));
    let bytes = whole.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(whole.get(..2)?, 2)?, number(whole.get(3..5)?, 2)?, number(&whole[6..], 2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let whole = if second == 60 { format!("{}59", &whole[..6]) } else { whole.to_owned() };
    match fraction {
        None => Some(format!("{whole}{zone}")),
        Some(f) if f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit()) => None,
        Some(f) => Some(format!("{whole}.{}{zone}", &f[..f.len().min(6)])),
    }
}

fn number(text: &str, digits: usize) -> Option<i32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Whether two texts name the same instant.
pub(super) fn same_instant(a: &str, b: &str) -> bool {
    a == b || matches!((instant(a), instant(b)), (Some(a), Some(b)) if a == b)
}

/// Whether instant `a` is after instant `b`.
pub(super) fn is_after(a: &str, b: &str) -> bool {
    matches!((instant(a), instant(b)), (Some(a), Some(b)) if a > b)
}

/// The FHIR text of three columns. An instant is written in a zone in which the calendar shows `on`, because the day
/// was kept as the source saw it and the instant may come back from the database in another zone.
pub(super) fn text(on: &str, precision: &str, at: Option<&str>) -> Option<String> {
    match (precision, at) {
        ("YEAR", _) => on.get(..4).map(str::to_owned),
        ("MONTH", _) => on.get(..7).map(str::to_owned),
        ("MINUTE", Some(at)) if at.starts_with(on) => Some(at.to_owned()),
        ("MINUTE", Some(at)) => {
            let instant = instant(at)?;
            let seen = (-14..=14).find_map(|step: i8| {
                // Nearest to Greenwich first: 0, -1, 1, -2, 2, …
                let n = step + 14;
                let hours = if n % 2 == 0 { n / 2 } else { -(n / 2 + 1) };
                let there = instant.to_offset(UtcOffset::from_hms(hours, 0, 0).ok()?);
                let text = there.format(&Rfc3339).ok()?;
                text.starts_with(on).then_some(text)
            });
            seen.or_else(|| Some(at.to_owned()))
        }
        _ => Some(on.to_owned()),
    }
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_known() {
        let of = |text: &str| date_time(text).map(|p| (p.on, p.precision, p.at));
        assert_eq!(of("2015"), Some(("2015-01-01".to_owned(), "YEAR", None)));
        assert_eq!(of("2015-03"), Some(("2015-03-01".to_owned(), "MONTH", None)));
        assert_eq!(of("2016-02-29"), Some(("2016-02-29".to_owned(), "DAY", None)));
        let at = "2015-03-09T23:58:16.123456-05:00";
        assert_eq!(
            of("2015-03-09T23:58:16.12345678-05:00"),
            Some(("2015-03-09".to_owned(), "MINUTE", Some(at.into())))
        );
        assert_eq!(of("2016-12-31T23:59:60Z").and_then(|p| p.2), Some("2016-12-31T23:59:59Z".to_owned()));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for bad in [
            "",
            "15",
            "0000",
            "2015-13",
            "2015-02-29",
            "2015-2-9",
            "2015-03-09T10:00Z",
            "2015-03-09T10:00:00",
            "2015-03-09T24:00:00Z",
            "2015-03T10:00:00Z",
            "2015-03-09T10:00:00.Z",
            "2015-03-09T10:00:00+15:00",
            "today",
            "2015-03-09T10:00:00é05:00",
            "2015-03-09-01",
            "2015-",
        ] {
            assert_eq!(date_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn writes_the_day_that_was_seen() {
        assert_eq!(text("2015-03-01", "MONTH", None).as_deref(), Some("2015-03"));
        let from_database = text("2015-03-09", "MINUTE", Some("2015-03-10T04:58:16Z")).unwrap();
        assert_eq!(from_database, "2015-03-09T23:58:16-05:00");
        assert!(same_instant(&from_database, "2015-03-10T04:58:16.000Z"));
    }
}
