//! How far back a pack goes, in calendar units: `12m` is the same day a year before.

use salus_core::{Error, Result};
use salus_domains::evidence::Period;
use time::{Date, Duration, OffsetDateTime, util::days_in_month};

/// From so long ago until now.
///
/// # Errors
/// [`Error::Invalid`] on `period`.
pub fn until(text: &str, now: OffsetDateTime) -> Result<Period> {
    let wrong = || Error::invalid("period", "not_allowed", "Is a number and d, m or y, such as 12m; at most 10y");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let n: u16 = text[..text.len() - unit.len_utf8()].parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    let from = match unit {
        'd' if n <= 3660 => now - Duration::days(i64::from(n)),
        'm' if n <= 120 => now.replace_date(months_before(now.date(), n).ok_or_else(wrong)?),
        'y' if n <= 10 => now.replace_date(months_before(now.date(), n * 12).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    Ok(Period { from, to: now })
}

/// The same day so many months before, or the last of that month where it is shorter.
fn months_before(day: Date, n: u16) -> Option<Date> {
    let months = i64::from(day.year()) * 12 + i64::from(u8::from(day.month())) - 1 - i64::from(n);
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    let month = time::Month::try_from(u8::try_from(months.rem_euclid(12)).ok()? + 1).ok()?;
    Date::from_calendar_date(year, month, day.day().min(days_in_month(month, year))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_period_is_counted_in_the_calendar() {
        let now = datetime!(2028-03-31 10:00 UTC);
        let from = |text: &str| until(text, now).map(|p| p.from);
        assert_eq!(from("12m").unwrap(), datetime!(2027-03-31 10:00 UTC));
        assert_eq!(from("1m").unwrap(), datetime!(2028-02-29 10:00 UTC));
        assert_eq!(from("3m").unwrap(), datetime!(2027-12-31 10:00 UTC));
        assert_eq!(from("30d").unwrap(), datetime!(2028-03-01 10:00 UTC));
        assert_eq!(from("2y").unwrap(), datetime!(2026-03-31 10:00 UTC));
        for wrong in ["", "m", "0m", "12", "-1m", "999y", "12 m", "é"] {
            assert!(from(wrong).is_err(), "{wrong}");
        }
    }
}
