//! The time of the demonstration district: its school years, the days of school with the orders of their bells, the offset of
//! California. Days are counted back from the day of loading, so that what lately happened did so lately on every day.

use super::rows::later;
use salus_rules::class_time::{Period, SchoolDay};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday};

/// Name, kind, beginning and end of a period.
pub(super) type Bell = (&'static str, &'static str, (u8, u8), (u8, u8));

/// The order of a regular day.
pub(super) const REGULAR: [Bell; 9] = [
    ("Homeroom", "HOMEROOM", (8, 15), (8, 30)),
    ("1", "CLASS", (8, 30), (9, 25)),
    ("2", "CLASS", (9, 30), (10, 25)),
    ("Recess", "RECESS", (10, 25), (10, 40)),
    ("3", "CLASS", (10, 40), (11, 35)),
    ("Lunch", "LUNCH", (11, 35), (12, 15)),
    ("4", "CLASS", (12, 15), (13, 10)),
    ("5", "CLASS", (13, 15), (14, 10)),
    ("6", "CLASS", (14, 15), (15, 0)),
];
/// The order of a day that begins two hours late.
pub(super) const DELAYED: [Bell; 8] = [
    ("Homeroom", "HOMEROOM", (10, 15), (10, 25)),
    ("1", "CLASS", (10, 25), (11, 0)),
    ("2", "CLASS", (11, 5), (11, 40)),
    ("Lunch", "LUNCH", (11, 40), (12, 20)),
    ("3", "CLASS", (12, 20), (12, 55)),
    ("4", "CLASS", (13, 0), (13, 35)),
    ("5", "CLASS", (13, 40), (14, 15)),
    ("6", "CLASS", (14, 20), (15, 0)),
];
/// How many school days before the day of loading fog kept the buses for two hours.
const FOG: usize = 12;

/// Beginning and end of the school year in which a day lies; a summer belongs to the year before until August.
pub(super) fn school_year(day: Date) -> (Date, Date) {
    let first = if day.month() as u8 >= 8 { day.year() } else { day.year() - 1 };
    (day_of(first, Month::August, 17), day_of(first + 1, Month::June, 11))
}

/// Whether a day is one of school: not a weekend, not summer, not in the weeks of Thanksgiving and of the turn of the year.
pub(super) fn is_school(day: Date) -> bool {
    let (begins, ends) = school_year(day);
    let free = match day.month() {
        Month::November => (23..=27).contains(&day.day()),
        Month::December => day.day() >= 21,
        Month::January => day.day() <= 2,
        _ => day < begins || day > ends,
    };
    !free && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The last so many school days before a day, the earliest first.
pub(super) fn school_days(before: Date, count: usize) -> Vec<Date> {
    let mut days: Vec<Date> = (1..).map(|ago| later(before, -ago)).filter(|day| is_school(*day)).take(count).collect();
    days.reverse();
    days
}

/// The day of the two-hour delay.
pub(super) fn delayed(today: Date) -> Option<Date> {
    school_days(today, FOG).first().copied()
}

/// The bells of a day as class time is counted by.
pub(super) fn bells(day: Date, is_late: bool) -> SchoolDay {
    let period = |(name, kind, from, to): &Bell| Period {
        name: (*name).to_owned(),
        starts: at(day, from.0, from.1),
        ends: at(day, to.0, to.1),
        is_class: matches!(*kind, "CLASS" | "HOMEROOM"),
    };
    let order: &[Bell] = if is_late { &DELAYED } else { &REGULAR };
    SchoolDay::Bells(order.iter().map(period).collect())
}

pub(super) fn day_of(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN)
}

/// The offset of California: summer time from the second Sunday of March to the first of November.
pub(super) fn offset(day: Date) -> UtcOffset {
    let sunday = |month, nth: u8| {
        let first = day_of(day.year(), month, 1);
        let ahead = (7 - first.weekday().number_days_from_sunday()) % 7;
        later(first, i32::from(ahead + 7 * (nth - 1)))
    };
    let summer = day >= sunday(Month::March, 2) && day < sunday(Month::November, 1);
    UtcOffset::from_hms(if summer { -7 } else { -8 }, 0, 0).unwrap_or(UtcOffset::UTC)
}

/// An instant of a school's day.
pub(super) fn at(day: Date, hour: u8, minute: u8) -> OffsetDateTime {
    let time = Time::from_hms(hour, minute, 0).unwrap_or(Time::MIDNIGHT);
    PrimitiveDateTime::new(day, time).assume_offset(offset(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn days_of_school_lie_in_school_years_and_the_outbreak_of_the_second_of_march_begins_on_the_23rd() {
        let days = school_days(date!(2026 - 03 - 02), 180);
        assert_eq!(days.len(), 180);
        assert_eq!(days[175], date!(2026 - 02 - 23), "the fifth school day before");
        assert!(!days.iter().any(|d| (date!(2025 - 06 - 12)..date!(2025 - 08 - 17)).contains(d)), "no summer");
        assert!(days[0] < date!(2025 - 06 - 11), "some of the year before");
        let august = school_days(date!(2026 - 08 - 05), 3);
        assert_eq!(august, [date!(2026 - 06 - 09), date!(2026 - 06 - 10), date!(2026 - 06 - 11)]);
        assert_eq!(delayed(date!(2026 - 03 - 02)), Some(date!(2026 - 02 - 12)));
    }
}
