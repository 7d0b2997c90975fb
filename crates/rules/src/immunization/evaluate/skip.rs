//! Evaluate conditional skip (CDSi 6.2, and again in 7.1 and 7.6).

use super::Progress;
use crate::immunization::{
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    outcome::EvaluationStatus,
    schedule::{ConditionalSkip, SkipCondition, SkipContext, SkipCount, SkipSet},
};
use time::Date;

impl Progress<'_, '_> {
    /// Whether the current target can be skipped (table 6-11) on the reference date (CONDSKIP-2): the day a dose was given
    /// when one is evaluated, whose record is named, else the day the forecast is made or validated for.
    pub(crate) fn can_skip(&self, context: SkipContext, on: Date, record: Option<usize>) -> bool {
        let asked = |skip: &&ConditionalSkip| skip.context == context || skip.context == SkipContext::Both;
        let Some(target) = self.target() else { return false };
        target.skips.iter().filter(asked).any(|skip| {
            let mut sets = skip.sets.iter().filter(|s| s.in_force.on(on)).peekable();
            let met = |set: &SkipSet| self.is_met(set, on, record);
            sets.peek().is_some() && if skip.all_sets { sets.all(met) } else { sets.any(met) }
        })
    }

    /// Table 6-10.
    fn is_met(&self, set: &SkipSet, on: Date, record: Option<usize>) -> bool {
        let mut conditions = set.conditions.iter();
        let holds = |condition: &SkipCondition| self.holds(condition, on, record);
        if set.all_conditions { conditions.all(holds) } else { conditions.any(holds) }
    }

    fn holds(&self, condition: &SkipCondition, on: Date, record: Option<usize>) -> bool {
        let birth = self.history.born();
        match condition {
            SkipCondition::Age { begin, end } => {
                age_date(birth, *begin, FIRST_DAY) <= on && on < age_date(birth, *end, LAST_DAY)
            }
            SkipCondition::CompletedSeries(groups) => groups.iter().any(|g| self.complete.contains(g)),
            SkipCondition::Interval(interval) => {
                let before = &self.evaluations[..record.unwrap_or(self.evaluations.len())];
                before.last().is_some_and(|previous| on >= interval.after(previous.on))
            }
            SkipCondition::Count(count) => self.count(count, record).cmp(&count.count) == count.compare,
        }
    }

    /// CONDSKIP-1. Valid doses are those of this series; of all doses given, those before the one under evaluation count,
    /// whatever antigen they hold.
    fn count(&self, count: &SkipCount, record: Option<usize>) -> usize {
        let birth = self.history.born();
        let from = age_date(birth, count.begin, FIRST_DAY).max(count.start_on.unwrap_or(FIRST_DAY));
        let until = age_date(birth, count.end, LAST_DAY).min(count.end_on.unwrap_or(LAST_DAY));
        let meant = |cvx: u16, on: Date| {
            from <= on && on < until && (count.vaccines.is_empty() || count.vaccines.contains(&cvx))
        };
        if count.valid_only {
            let valid = self.evaluations.iter().filter(|e| e.status == EvaluationStatus::Valid);
            valid.filter(|e| meant(self.history.patient.doses[e.dose].cvx, e.on)).count()
        } else {
            let until = record.map_or(self.history.order.len(), |r| self.records[r]);
            self.history.before(until).filter(|(_, dose)| meant(dose.cvx, dose.on)).count()
        }
    }
}
