//! Evaluate age (CDSi 6.4).

use super::Verdict;
use crate::immunization::{
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    outcome::Reason,
    schedule::{Ages, SeriesDose},
};
use time::Date;

/// The row of ages in force on a day; none when the target has no age.
pub(crate) fn ages_on(target: &SeriesDose, date: Date) -> Option<&Ages> {
    target.ages.iter().find(|a| a.in_force.on(date))
}

/// Table 6-15.
pub(super) fn evaluate(target: &SeriesDose, birth: Date, given: Date) -> Verdict {
    let Some(ages) = ages_on(target, given) else { return Verdict::Satisfied };
    let absolute = age_date(birth, ages.absolute_minimum, FIRST_DAY);
    let minimum = age_date(birth, ages.minimum, FIRST_DAY);
    let maximum = age_date(birth, ages.maximum, LAST_DAY);
    if given < absolute {
        Verdict::Against(Reason::TooYoung(absolute))
    } else if given >= maximum {
        Verdict::Against(Reason::TooOld(maximum))
    } else if given < minimum {
        Verdict::Noted(Reason::AgeGracePeriod(minimum))
    } else {
        Verdict::Satisfied
    }
}
