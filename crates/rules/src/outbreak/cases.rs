//! What counts as a case before any statistic: syndromes from signs, one episode a person, absence that is too high, and the
//! fixed numbers of cases that a rule names.

use super::window::Sums;
use serde::Serialize;
use std::collections::BTreeMap;
use time::{Date, Duration};

/// Degrees Celsius from which a temperature is a fever.
const FEVER: f64 = 37.8;

/// What was seen or told of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a sign of its own")]
pub struct Signs {
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// Fever that was told, not measured.
    pub fever: bool,
    /// Cough.
    pub cough: bool,
    /// Sore throat.
    pub sore_throat: bool,
    /// Rash.
    pub rash: bool,
    /// Times of vomiting in a day.
    pub vomiting: u8,
    /// Loose stools in a day.
    pub diarrhoea: u8,
}

/// A syndrome that follows from signs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Syndrome {
    /// Fever with cough or sore throat.
    InfluenzaLike,
    /// Vomiting, or two loose stools.
    Gastrointestinal,
    /// Rash with fever.
    RashFever,
}

impl Signs {
    /// Every syndrome that the signs make.
    #[must_use]
    pub fn syndromes(&self) -> Vec<Syndrome> {
        let fever = self.fever || self.temperature.is_some_and(|t| t >= FEVER);
        let made = [
            (Syndrome::InfluenzaLike, fever && (self.cough || self.sore_throat)),
            (Syndrome::Gastrointestinal, self.vomiting >= 1 || self.diarrhoea >= 2),
            (Syndrome::RashFever, self.rash && fever),
        ];
        made.into_iter().filter_map(|(syndrome, made)| made.then_some(syndrome)).collect()
    }
}

/// Which reports of a syndrome count: a person counts once in seven days, from the first report of an episode.
#[must_use]
pub fn episodes<P: Ord + Copy>(reports: &[(P, Date)]) -> Vec<(P, Date)> {
    let mut sorted: Vec<(Date, P)> = reports.iter().map(|(person, on)| (*on, *person)).collect();
    sorted.sort_unstable();
    let mut last: BTreeMap<P, Date> = BTreeMap::new();
    sorted.retain(|(on, person)| {
        let counts = last.get(person).is_none_or(|last| *on - *last >= Duration::days(7));
        if counts {
            last.insert(*person, *on);
        }
        counts
    });
    sorted.into_iter().map(|(on, person)| (person, on)).collect()
}

/// The least standard deviation that is believed: the lower of the two values that Burkom advises for sparse series.
const SD_FLOOR: f64 = 0.5;

/// Whether absence through illness is too high: a share of the enrolled, or more than three standard deviations, of at least
/// a half, above the same weekday of the weeks before. Without weeks before, only the share decides.
#[must_use]
pub fn absence_is_high(absent: u32, enrolled: u32, share: f64, same_weekday_before: &[u32]) -> bool {
    let weeks = same_weekday_before.len();
    let unusual = || {
        let (mean, sd) = Sums::new(same_weekday_before).mean_sd(0, weeks);
        f64::from(absent) > mean + 3.0 * sd.max(SD_FLOOR)
    };
    (enrolled > 0 && f64::from(absent) >= share * f64::from(enrolled)) || (weeks > 1 && unusual())
}

/// A number of cases in a time that calls for action by itself, such as one suspected case of measles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedRule {
    /// So many cases.
    pub cases: usize,
    /// Within so many days, the first and the last counted.
    pub days: i64,
}

impl FixedRule {
    /// The first day on which the rule was met.
    #[must_use]
    pub fn met_on(self, onsets: &[Date]) -> Option<Date> {
        let mut sorted = onsets.to_vec();
        sorted.sort_unstable();
        let near = |w: &&[Date]| w[w.len() - 1] - w[0] < Duration::days(self.days);
        let window = sorted.windows(self.cases.max(1)).find(near)?;
        window.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn signs_make_syndromes() {
        let ill = Signs { temperature: Some(37.8), cough: true, ..Signs::default() };
        assert_eq!(ill.syndromes(), [Syndrome::InfluenzaLike]);
        assert!(Signs { temperature: Some(37.7), ..ill }.syndromes().is_empty());
        let told = Signs { fever: true, rash: true, vomiting: 1, ..Signs::default() };
        assert_eq!(told.syndromes(), [Syndrome::Gastrointestinal, Syndrome::RashFever]);
        assert!(Signs { diarrhoea: 1, ..Signs::default() }.syndromes().is_empty());
    }

    #[test]
    fn a_person_counts_once_in_seven_days() {
        let days = [date!(2026 - 03 - 09), date!(2026 - 03 - 02), date!(2026 - 03 - 08), date!(2026 - 03 - 15)];
        let reports: Vec<(u8, Date)> = days.iter().map(|d| (1, *d)).chain([(2, date!(2026 - 03 - 03))]).collect();
        let counted = [(1, date!(2026 - 03 - 02)), (2, date!(2026 - 03 - 03)), (1, date!(2026 - 03 - 09))];
        assert_eq!(episodes(&reports), counted);
    }

    #[test]
    fn absence_is_high_by_share_or_by_weekday() {
        assert!(absence_is_high(10, 100, 0.10, &[]) && !absence_is_high(9, 100, 0.10, &[]));
        assert!(absence_is_high(8, 100, 0.10, &[2, 3, 2, 3, 2, 3, 2, 3]));
        assert!(!absence_is_high(4, 100, 0.10, &[2, 3, 2, 3, 2, 3, 2, 3]));
        assert!(!absence_is_high(6, 100, 0.10, &[5, 5, 5, 5]) && absence_is_high(7, 100, 0.10, &[5, 5, 5, 5]));
        assert!(!absence_is_high(0, 0, 0.10, &[]));
    }

    #[test]
    fn a_fixed_rule_is_met_on_the_day_of_the_case_that_fills_it() {
        let onsets = [date!(2026 - 03 - 01), date!(2026 - 03 - 20), date!(2026 - 03 - 30), date!(2026 - 04 - 08)];
        assert_eq!(FixedRule { cases: 3, days: 21 }.met_on(&onsets), Some(date!(2026 - 04 - 08)));
        assert_eq!(FixedRule { cases: 3, days: 19 }.met_on(&onsets), None);
        assert_eq!(FixedRule { cases: 1, days: 1 }.met_on(&onsets), Some(onsets[0]));
        assert_eq!(FixedRule { cases: 5, days: 100 }.met_on(&onsets), None);
    }
}
