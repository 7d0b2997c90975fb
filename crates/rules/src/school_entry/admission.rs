//! Admission without all doses and the end of it: how long a requirement lets a student attend whose records are pending, or who
//! follows a plan, and from when it keeps a student home. All days are calendar days; nothing holds that a requirement does
//! not say.

use super::Requirement;
use serde::{Deserialize, Deserializer, Serialize};
use time::{Date, Duration, Month};

/// Why a student may attend for some days without records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProvisionalReason {
    /// Without a fixed home: the McKinney-Vento act, 42 USC 11432(g)(3)(C), has such a student enrolled at once.
    Homeless,
    /// In foster care: 20 USC 6311(g)(1)(E) has such a student enrolled at once.
    Foster,
    /// Of a military family that moved: article IV of the Interstate Compact on Educational Opportunity for Military Children.
    Military,
    /// The records of the former school are on their way.
    Transfer,
}

/// How a student was admitted without the doses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmissionKind {
    /// While records are pending.
    Provisional,
    /// By a plan for the doses that are missing.
    Plan,
}

/// An admission for one vaccine group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// How.
    pub kind: AdmissionKind,
    /// For which vaccine group.
    pub group: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
}

/// When a requirement keeps a student home who lacks the doses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Days after the deadline; 0: from the day after it.
    pub after_days: i64,
    /// Not before this day of the school year.
    #[serde(default)]
    pub not_before: Option<YearDay>,
}

impl Exclusion {
    /// From when a student is kept home whose deadline this is. `on` says which school year it is.
    #[must_use]
    pub fn begins(self, deadline: Date, on: Date) -> Date {
        let from = deadline + Duration::days(self.after_days + 1);
        self.not_before.map_or(from, |day| from.max(day.in_school_year_of(on)))
    }
}

/// A day of the year, written `10-15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearDay {
    month: Month,
    day: u8,
}

impl YearDay {
    /// This day in the school year of another day. A school year begins in August; 02-29 is 03-01 where there is none.
    #[must_use]
    pub fn in_school_year_of(self, on: Date) -> Date {
        let begins = school_year(on);
        let year = if self.month as u8 >= FIRST_MONTH { begins } else { begins + 1 };
        Date::from_calendar_date(year, self.month, self.day)
            .or_else(|_| Date::from_calendar_date(year, self.month.next(), 1))
            .unwrap_or(Date::MAX)
    }
}

impl<'de> Deserialize<'de> for YearDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("'{text}' is not a day of the year such as 10-15"));
        let (month, day) = text.split_once('-').filter(|(m, d)| m.len() == 2 && d.len() == 2).ok_or_else(wrong)?;
        let (month, day): (u8, u8) = (month.parse().map_err(|_| wrong())?, day.parse().map_err(|_| wrong())?);
        let month = Month::try_from(month).map_err(|_| wrong())?;
        // 2024 has all days that a year can have.
        Date::from_calendar_date(2024, month, day).map_err(|_| wrong())?;
        Ok(Self { month, day })
    }
}

const FIRST_MONTH: u8 = Month::August as u8;

/// The year in which the school year of a day begins.
#[must_use]
pub fn school_year(on: Date) -> i32 {
    if on.month() as u8 >= FIRST_MONTH { on.year() } else { on.year() - 1 }
}

impl Requirement {
    /// The last day of an admission that begins on a day; none when the requirement knows no such admission. Without a reason:
    /// by a plan.
    #[must_use]
    pub fn admits_until(&self, reason: Option<ProvisionalReason>, from: Date) -> Option<Date> {
        let days = match reason {
            Some(reason) => self.provisional_days.get(&reason).copied(),
            // None on the day of a dose alone is no plan.
            None => self.conditional_days.filter(|days| *days > 0),
        };
        days.map(|days| from + Duration::days(days))
    }
}
