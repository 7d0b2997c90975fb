//! How dates, ages, sizes and numbers read. Dates come as ISO 8601 text of any precision (`2019`, `2019-05`,
//! `2019-05-04`, or RFC 3339 with time), because clinical dates are often partial; months are words, so that no
//! reader can take a day for a month. A time is moved to the tenant's zone, which is named.

use super::{Locale, Zone, fill};
use time::{Date, Month};

const MONTHS: [[&str; 12]; 3] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
    ["jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"],
];

const WEEKDAYS: [[&str; 7]; 3] = [
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
    ["seg", "ter", "qua", "qui", "sex", "sáb", "dom"],
];

/// The parts of an ISO 8601 date or timestamp: year, month, day, and what follows the `T`.
struct Parts<'a> {
    year: i32,
    month: Option<u8>,
    day: Option<u8>,
    time: Option<&'a str>,
}

fn parts(iso: &str) -> Option<Parts<'_>> {
    let (date, time) = match iso.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (iso, None),
    };
    let mut numbers = date.split('-');
    let year = numbers.next().filter(|y| y.len() == 4)?.parse().ok()?;
    let month = numbers.next().map(str::parse).transpose().ok()?;
    let day = numbers.next().map(str::parse).transpose().ok()?;
    if month.is_some_and(|m| !(1..=12).contains(&m)) || day.is_some_and(|d| !(1..=31).contains(&d)) {
        return None;
    }
    Some(Parts { year, month, day, time })
}

/// The date of an ISO 8601 text; a missing month or day counts as the first.
#[must_use]
pub fn calendar(iso: &str) -> Option<Date> {
    let p = parts(iso)?;
    Date::from_calendar_date(p.year, Month::try_from(p.month.unwrap_or(1)).ok()?, p.day.unwrap_or(1)).ok()
}

/// Days since the Julian epoch with the time of day as fraction: the x axis of a trend.
#[must_use]
pub fn axis_days(iso: &str) -> Option<f64> {
    let date = f64::from(calendar(iso)?.to_julian_day());
    let mut clock = parts(iso)?.time.unwrap_or("00:00").split(':').map(|n| n.get(..2).unwrap_or("0"));
    let mut next = || clock.next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    Some(date + next() / 24.0 + next() / 1440.0)
}

/// The date in words, as precise as it came: "May 4, 2019", "may 2019", "2019". Text that is no date stays.
#[must_use]
pub fn date(locale: Locale, iso: &str) -> String {
    let Some(p) = parts(iso) else { return iso.to_owned() };
    let Some(month) = p.month.map(|m| month(locale, m)) else { return p.year.to_string() };
    match (locale, p.day) {
        (_, None) => format!("{month} {}", p.year),
        (Locale::En, Some(day)) => format!("{month} {day}, {}", p.year),
        (_, Some(day)) => format!("{day} {month} {}", p.year),
    }
}

/// The date that a moment falls on in this zone; a date stays that date.
#[must_use]
pub fn day(locale: Locale, zone: &Zone, iso: &str) -> String {
    date(locale, &zone.shift(iso).0)
}

/// The short name of a month, 1 to 12.
#[must_use]
pub fn month(locale: Locale, month: u8) -> &'static str {
    MONTHS[locale as usize][usize::from(month.clamp(1, 12)) - 1]
}

/// The short name of the day of the week on which a moment falls in this zone; empty for text that is none.
#[must_use]
pub fn weekday(locale: Locale, zone: &Zone, iso: &str) -> &'static str {
    let day = calendar(&zone.shift(iso).0);
    day.map_or("", |day| WEEKDAYS[locale as usize][usize::from(day.weekday().number_days_from_monday())])
}

/// The time of day of an instant in a zone, such as 08:15; empty for any other text.
#[must_use]
pub fn clock(zone: &Zone, iso: &str) -> String {
    let at = time::OffsetDateTime::parse(iso, &time::format_description::well_known::Rfc3339);
    at.map(|at| zone.local(at)).map(|at| format!("{:02}:{:02}", at.hour(), at.minute())).unwrap_or_default()
}

/// Date and time to the minute in this zone, with the zone's short name.
#[must_use]
pub fn moment(locale: Locale, zone: &Zone, iso: &str) -> String {
    let (local, short) = zone.shift(iso);
    let day = date(locale, &local);
    let Some(time) = parts(&local).and_then(|p| p.time) else { return day };
    let clock = time.get(..5).unwrap_or(time);
    match short {
        Some(short) => format!("{day}, {clock} {short}"),
        None => format!("{day}, {clock}"),
    }
}

/// Age on `today` as a person says it: days to one month, months to two years, then years.
#[must_use]
pub fn age(locale: Locale, birth: &str, today: &str) -> Option<String> {
    let (birth, today) = (calendar(birth)?, calendar(today)?);
    if today < birth {
        return None;
    }
    let texts = &locale.texts().people;
    let day_short = i32::from(today.day() < birth.day());
    let months = (today.year() - birth.year()) * 12 + i32::from(u8::from(today.month()))
        - i32::from(u8::from(birth.month()))
        - day_short;
    let (n, text) = match months {
        0 => (today.to_julian_day() - birth.to_julian_day(), texts.age_days),
        1..24 => (months, texts.age_months),
        _ => (months / 12, texts.age_years),
    };
    Some(fill(text, &[("n", &n.to_string())]))
}

/// A count with separated thousands.
#[must_use]
pub fn count(locale: Locale, n: u64) -> String {
    group(&n.to_string(), if locale == Locale::En { ',' } else { '.' }, 4)
}

/// A decimal number as it came, digits and trailing zeros kept, with the language's separators. Text that is no
/// number stays.
#[must_use]
pub fn decimal(locale: Locale, text: &str) -> String {
    let bare = text.strip_prefix('-').unwrap_or(text);
    if bare.is_empty() || !bare.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return text.to_owned();
    }
    let (thousand, point) = if locale == Locale::En { (',', '.') } else { ('.', ',') };
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let sign = if bare.len() < text.len() { "−" } else { "" };
    let whole = group(whole, thousand, 5);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}{point}{fraction}") }
}

/// A number of bytes as KB or MB.
#[must_use]
pub fn bytes(locale: Locale, n: u64) -> String {
    let tenths = |unit: u64| decimal(locale, &format!("{}.{}", n / unit, n % unit * 10 / unit));
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{} KB", count(locale, n / 1_000)),
        _ => format!("{} MB", tenths(1_000_000)),
    }
}

/// Separates thousands where there are at least `from` digits.
fn group(digits: &str, separator: char, from: usize) -> String {
    if digits.len() < from {
        return digits.to_owned();
    }
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_precision() {
        assert_eq!(date(Locale::En, "2019-05-04"), "May 4, 2019");
        assert_eq!(date(Locale::Es, "2019-05-04"), "4 may 2019");
        assert_eq!(date(Locale::PtBr, "2019-09"), "set 2019");
        assert_eq!(date(Locale::En, "2019"), "2019");
        assert_eq!(date(Locale::En, "soon"), "soon");
        assert_eq!(date(Locale::En, "2019-13-01"), "2019-13-01");
        let (utc, denver) = (Zone::default(), Zone::named("America/Denver"));
        assert_eq!(moment(Locale::En, &utc, "2026-11-21T10:05:33Z"), "Nov 21, 2026, 10:05 UTC");
        assert_eq!(moment(Locale::PtBr, &denver, "2026-11-21T02:05:33.5-03:00"), "20 nov 2026, 22:05 MST");
        assert_eq!(moment(Locale::En, &denver, "2026-11-21"), "Nov 21, 2026");
        assert_eq!(day(Locale::En, &denver, "2026-11-21T02:05:33Z"), "Nov 20, 2026");
        assert_eq!(weekday(Locale::En, &denver, "2026-11-21T02:05:33Z"), "Fri", "it is Friday there");
        assert_eq!(weekday(Locale::PtBr, &utc, "2026-11-21T02:05:33Z"), "sáb");
    }

    #[test]
    fn ages_change_on_the_birthday() {
        let age = |birth, today| age(Locale::En, birth, today).unwrap();
        assert_eq!(age("2012-11-21", "2026-11-20"), "13 y");
        assert_eq!(age("2012-11-21", "2026-11-21"), "14 y");
        assert_eq!(age("2024-11-22", "2026-11-21"), "23 mo");
        assert_eq!(age("2026-11-01", "2026-11-21"), "20 d");
        assert!(super::age(Locale::En, "2027-01-01", "2026-11-21").is_none());
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(decimal(Locale::En, "5.50"), "5.50");
        assert_eq!(decimal(Locale::PtBr, "-12345.60"), "−12.345,60");
        assert_eq!(decimal(Locale::Es, "1:40"), "1:40");
        assert_eq!(count(Locale::En, 1_234_567), "1,234,567");
        assert_eq!(bytes(Locale::Es, 2_560_000), "2,5 MB");
    }
}
