//! How much class a visit to the clinic took, by the bells of the day; and which students come more often than others.
//!
//! Everything is in instants, so a day on which the clocks change is as long as it is. Only lessons and homeroom count:
//! lunch, recess and the way between rooms are no class.

use serde::Serialize;
use std::collections::BTreeMap;
use time::{Date, Duration, OffsetDateTime};

/// A period of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// As the bell schedule calls it.
    pub name: String,
    /// When it begins.
    pub starts: OffsetDateTime,
    /// When it ends; not part of it.
    pub ends: OffsetDateTime,
    /// Whether it is a lesson or homeroom.
    pub is_class: bool,
}

/// What is known of a school's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchoolDay {
    /// The bells are known.
    Bells(Vec<Period>),
    /// There was no school.
    NoSchool,
    /// Nothing is known.
    Unknown,
}

/// Class that was missed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// Minutes in all.
    pub minutes: u32,
    /// No bells were known: the whole time is counted.
    pub estimated: bool,
    /// Of which period how many.
    pub periods: Vec<MissedPeriod>,
}

/// Minutes of one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedPeriod {
    /// The period.
    pub name: String,
    /// Minutes, rounded to the nearest.
    pub minutes: u32,
}

/// Class missed between `from` and `to`, with the way to and from the clinic. Who went home missed every lesson to the
/// last of the day.
#[must_use]
pub fn missed(day: &SchoolDay, from: OffsetDateTime, to: OffsetDateTime, travel: Duration, went_home: bool) -> Missed {
    let (from, to) = (from - travel, to + travel);
    let periods = match day {
        SchoolDay::NoSchool => return Missed::default(),
        SchoolDay::Unknown => return Missed { minutes: minutes(to - from), estimated: true, periods: Vec::new() },
        SchoolDay::Bells(periods) => periods,
    };
    let lessons = || periods.iter().filter(|p| p.is_class);
    let end = lessons().map(|p| p.ends).max().filter(|_| went_home).map_or(to, |end| end.max(to));
    let parts = lessons().filter_map(|p| {
        let minutes = minutes(p.ends.min(end) - p.starts.max(from));
        (minutes > 0).then(|| MissedPeriod { name: p.name.clone(), minutes })
    });
    let periods: Vec<MissedPeriod> = parts.collect();
    Missed { minutes: periods.iter().map(|p| p.minutes).sum(), estimated: false, periods }
}

/// Whole minutes, half a minute counted as one; nothing for less than no time.
fn minutes(length: Duration) -> u32 {
    u32::try_from((length.whole_seconds() + 30).max(0) / 60).unwrap_or(0)
}

/// Why a student counts as a frequent visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Often {
    /// Three visits in 7 days.
    ThreeInAWeek,
    /// Six visits in 30 days.
    SixInAMonth,
    /// More than the mean of those who came in 30 days and two standard deviations.
    AboveTheSchool,
}

/// A frequent visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequent<P> {
    /// Who.
    pub person: P,
    /// Visits in the 30 days up to the day.
    pub visits: u32,
    /// Why.
    pub why: Vec<Often>,
}

/// Frequent visitors on `today`, from the days of their visits; those with most visits first. The mean is that of students
/// who came at all: most never do, and with them two visits would stand out.
#[must_use]
pub fn frequent<P: Ord + Copy>(visits: &[(P, Date)], today: Date) -> Vec<Frequent<P>> {
    let mut days: BTreeMap<P, Vec<i64>> = BTreeMap::new();
    for (person, on) in visits {
        let ago = (today - *on).whole_days();
        if (0..30).contains(&ago) {
            days.entry(*person).or_default().push(ago);
        }
    }
    let counts: Vec<f64> = days.values().map(|d| f64::from(u32::try_from(d.len()).unwrap_or(u32::MAX))).collect();
    let n = f64::from(u32::try_from(counts.len()).unwrap_or(u32::MAX));
    let mean = counts.iter().sum::<f64>() / n.max(1.0);
    let spread = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let high = mean + 2.0 * spread.sqrt();
    let mut found: Vec<Frequent<P>> = days
        .into_iter()
        .filter_map(|(person, ago)| {
            let visits = u32::try_from(ago.len()).unwrap_or(u32::MAX);
            let reasons = [
                (Often::ThreeInAWeek, ago.iter().filter(|d| **d < 7).count() >= 3),
                (Often::SixInAMonth, visits >= 6),
                (Often::AboveTheSchool, f64::from(visits) > high),
            ];
            let why: Vec<Often> = reasons.into_iter().filter_map(|(why, holds)| holds.then_some(why)).collect();
            (!why.is_empty()).then_some(Frequent { person, visits, why })
        })
        .collect();
    found.sort_by(|a, b| b.visits.cmp(&a.visits).then(a.person.cmp(&b.person)));
    found
}
