//! Dates and the periods added to them (CDSi chapter 3, CALCDT).
//!
//! Years are added first, then months, then weeks and days. A date that does not exist becomes the first of the next
//! month, not the last of this one: six months after 31 March is 1 October.

use serde::Serialize;
use time::{Date, Duration, Month};

/// Before every birth: what an empty lower bound means (CDSi, "assumed value if empty").
pub(crate) const FIRST_DAY: Date = day(1900, Month::January, 1);
/// After every dose: what an empty upper bound means.
pub(crate) const LAST_DAY: Date = day(2999, Month::December, 31);

const fn day(year: i32, month: Month, day: u8) -> Date {
    match Date::from_calendar_date(year, month, day) {
        Ok(date) => date,
        Err(_) => Date::MIN,
    }
}

/// A span such as `12 months - 4 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Period {
    /// Whole years, added first.
    pub years: i16,
    /// Whole months, added second.
    pub months: i16,
    /// Days, with weeks counted as seven, added last.
    pub days: i16,
}

impl Period {
    /// Reads `6 weeks - 4 days`. An empty text is no period.
    ///
    /// # Errors
    /// The text, when it is not a sum of numbers with units.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() || words == ["n/a"] {
            return Ok(None);
        }
        let wrong = || format!("'{text}' is not a period such as '6 weeks - 4 days'");
        let (mut period, mut sign, mut rest) = (Self::default(), 1, words.as_slice());
        loop {
            let [count, unit, after @ ..] = rest else { return Err(wrong()) };
            let count = sign * count.parse::<i16>().map_err(|_| wrong())?;
            match unit.trim_end_matches(',').trim_end_matches('s') {
                "year" => period.years += count,
                "month" => period.months += count,
                "week" => period.days += 7 * count,
                "day" => period.days += count,
                _ => return Err(wrong()),
            }
            (sign, rest) = match after {
                [] => return Ok(Some(period)),
                ["-", after @ ..] => (-1, after),
                ["+", after @ ..] => (1, after),
                _ => return Err(wrong()),
            };
        }
    }

    /// The day this period after another.
    #[must_use]
    pub fn after(self, date: Date) -> Date {
        let with_years = if self.years == 0 { date } else { add_months(date, 12 * i32::from(self.years)) };
        let with_months = if self.months == 0 { with_years } else { add_months(with_years, self.months.into()) };
        if self.days == 0 { with_months } else { with_months.saturating_add(Duration::days(self.days.into())) }
    }
}

fn add_months(date: Date, months: i32) -> Date {
    let index = date.year() * 12 + i32::from(u8::from(date.month())) - 1 + months;
    let at = |index: i32, day: u8| {
        let month = Month::try_from(u8::try_from(index.rem_euclid(12)).unwrap_or(0) + 1).unwrap_or(Month::January);
        Date::from_calendar_date(index.div_euclid(12), month, day)
    };
    let end = if months < 0 { Date::MIN } else { Date::MAX };
    at(index, date.day()).or_else(|_| at(index + 1, 1)).unwrap_or(end)
}

/// The day a period after birth, or the bound that an empty age means.
pub(crate) fn age_date(birth: Date, age: Option<Period>, empty: Date) -> Date {
    age.map_or(empty, |age| age.after(birth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::date;

    fn after(text: &str, date: Date) -> Date {
        Period::parse(text).unwrap().unwrap().after(date)
    }

    #[test]
    fn a_day_that_does_not_exist_is_the_first_of_the_next_month() {
        assert_eq!(after("6 months", date!(2021 - 03 - 31)), date!(2021 - 10 - 01));
        assert_eq!(after("1 year", date!(2020 - 02 - 29)), date!(2021 - 03 - 01));
        assert_eq!(after("12 months - 4 days", date!(2020 - 09 - 14)), date!(2021 - 09 - 10));
        assert_eq!(after("16 years - 4 months", date!(2000 - 01 - 31)), date!(2015 - 10 - 01));
        assert_eq!(after("5 months + 4 weeks", date!(2020 - 01 - 01)), date!(2020 - 06 - 29));
    }

    #[test]
    fn what_is_no_period_is_named() {
        for wrong in ["6", "weeks 6", "6 fortnights", "6 weeks 4 days", "6 weeks -"] {
            assert!(Period::parse(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
        assert_eq!(Period::parse(" "), Ok(None));
    }

    proptest! {
        #[test]
        fn a_longer_period_never_ends_earlier(start in 0_i64..80_000, months in 0_i16..600, days in 0_i16..400) {
            let start = FIRST_DAY + Duration::days(start);
            let short = Period { years: 0, months, days }.after(start);
            prop_assert!(short >= start);
            let month_more = Period { years: 0, months: months + 1, days }.after(start);
            prop_assert!(month_more >= short);
            let day_more = Period { years: 0, months, days: days + 1 }.after(start);
            prop_assert_eq!(day_more - short, Duration::DAY);
        }
    }
}
