//! The weeks a week is compared with, and the part of the year each belongs to.

use super::Settings;
use time::{Date, Duration, Month};

/// How one goes back a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// A year has so many points.
    Points(usize),
    /// The first point is the week of this day; a year back is the nearest same weekday.
    WeeksFrom(Date),
}

impl Calendar {
    /// The position so many years before another.
    fn years_before(self, at: usize, years: usize) -> Option<usize> {
        match self {
            Self::Points(frequency) => at.checked_sub(years * frequency),
            Self::WeeksFrom(first) => {
                let today = first + Duration::weeks(i64::try_from(at).ok()?);
                let year = today.year() - i32::try_from(years).ok()?;
                let then =
                    today.replace_year(year).or_else(|_| Date::from_calendar_date(year, Month::March, 1)).ok()?;
                let days = (then - first).whole_days();
                usize::try_from((days + 3).div_euclid(7)).ok()
            }
        }
    }
}

/// Weeks with their period; the last period is that of this week.
pub(super) struct Reference {
    pub(super) weeks: Vec<(usize, usize)>,
    pub(super) periods: usize,
}

impl Reference {
    /// None when a week that is needed lies before the first.
    pub(super) fn new(at: usize, calendar: Calendar, settings: &Settings) -> Option<Self> {
        let (half, periods) = (settings.half_window, settings.periods);
        let mut years = vec![at];
        for back in 1..=settings.years {
            years.push(calendar.years_before(at, back)?);
        }
        let mut weeks: Vec<(usize, usize)> = Vec::new();
        for pair in years.windows(2) {
            let (later, middle) = (pair[0], pair[1]);
            weeks.extend((middle.checked_sub(half)?..=middle + half).map(|week| (week, periods)));
            if periods > 1 {
                let mut from = middle + half + 1;
                let between = later.checked_sub(half)?.checked_sub(from)?;
                for period in 1..periods {
                    let longer = usize::from(period <= between % (periods - 1));
                    let to = from + between / (periods - 1) + longer;
                    weeks.extend((from..to).map(|week| (week, period)));
                    from = to;
                }
            }
        }
        weeks.retain(|(week, _)| week + settings.left_out < at);
        weeks.sort_unstable();
        Some(Self { weeks, periods })
    }
}
