//! Thresholds and what else a tenant may set about detection, in the setting `school.outbreaks`. What it leaves out is as here.

use salus_core::{Error, Result};
use salus_store::{Tx, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The setting.
const NAME: &str = "school.outbreaks";

/// What is in force. Stored with every alert.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::school) struct Settings {
    /// C1 above this is a signal, in standard deviations (Hutwagner 2003).
    pub(super) c1: f64,
    /// The same of C2.
    pub(super) c2: f64,
    /// The same of C3.
    pub(super) c3: f64,
    /// The least standard deviation that is believed.
    pub(super) sd_floor: f64,
    /// School days until a false signal of the cumulative sum, on average.
    pub(super) cusum_days: f64,
    /// Simulated runs by which that is found.
    pub(super) cusum_runs: u32,
    /// The rise that the cumulative sum watches for: so many times the usual.
    pub(super) cusum_rise: f64,
    /// A statistic alerts when its q-value is not above this.
    pub(super) q: f64,
    /// School days whose cases are scanned.
    pub(super) scan_days: usize,
    /// Replicas of the scan.
    pub(super) replicas: u32,
    /// Seed of what is simulated.
    pub(super) seed: u64,
    /// Absence through illness is too high from this share of the enrolled of a school or grade on.
    pub(super) absence_share: f64,
    /// The same of a homeroom.
    pub(super) absence_class_share: f64,
    /// Weeks of the same weekday that absence is compared with.
    pub(super) absence_weeks: i64,
    /// Counts below this are not told to who may not open records: 5 to 10.
    pub(in crate::school) small_cell: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            c1: 3.0,
            c2: 3.0,
            c3: 2.0,
            sd_floor: 0.5,
            cusum_days: 100.0,
            cusum_runs: 200,
            cusum_rise: 2.0,
            q: 0.05,
            scan_days: 7,
            replicas: 999,
            seed: 20_260_101,
            absence_share: 0.10,
            absence_class_share: 0.20,
            absence_weeks: 8,
            small_cell: 5,
        }
    }
}

impl Settings {
    /// Those of the tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the setting is not understood or beyond what is allowed.
    pub(in crate::school) async fn load(tx: &mut Tx) -> Result<Self> {
        let sql = sql!("SELECT value FROM kernel.settings WHERE name = $1::text");
        let Some(found) = tx.query_opt(sql, &[&NAME]).await? else { return Ok(Self::default()) };
        let wrong =
            |why: String| Error::Conflict { code: "setting_wrong", detail: format!("The setting {NAME} {why}") };
        let set: Self = serde_json::from_value(found.get(0)).map_err(|e| wrong(format!("is not understood: {e}")))?;
        set.check().map_err(|why| wrong(why.to_owned()))?;
        Ok(set)
    }

    /// The same with others in the place of some.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `parameters` for one that is not known, beyond what is allowed, or decides who is told what.
    pub(super) fn with(&self, over: Map<String, Value>) -> Result<Self> {
        let wrong = |why: String| Error::invalid("parameters", "not_allowed", why);
        if over.contains_key("small_cell") {
            return Err(wrong("Cannot change small_cell: it says what may be told".into()));
        }
        let mut set = serde_json::to_value(self).map_err(Error::internal)?;
        if let Value::Object(members) = &mut set {
            members.extend(over);
        }
        let set: Self = serde_json::from_value(set).map_err(|e| wrong(format!("Are not understood: {e}")))?;
        set.check().map_err(|why| wrong(format!("This {why}")))?;
        Ok(set)
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        let positive = [self.c1, self.c2, self.c3, self.sd_floor, self.cusum_days];
        if !positive.iter().all(|n| n.is_finite() && *n > 0.0) {
            return Err("needs thresholds above 0");
        }
        if !(self.q > 0.0 && self.q <= 0.5 && self.cusum_rise > 1.0 && self.cusum_rise <= 100.0) {
            return Err("needs q above 0 and at most 0.5, and cusum_rise above 1 and at most 100");
        }
        if !((10..=2000).contains(&self.cusum_runs) && self.cusum_days <= 1000.0) {
            return Err("needs cusum_runs of 10 to 2000 and cusum_days of at most 1000");
        }
        if !((99..=9999).contains(&self.replicas) && (1..=60).contains(&self.scan_days)) {
            return Err("needs replicas of 99 to 9999 and scan_days of 1 to 60");
        }
        let shares = [self.absence_share, self.absence_class_share];
        if !(shares.iter().all(|share| *share > 0.0 && *share <= 1.0) && (4..=26).contains(&self.absence_weeks)) {
            return Err("needs shares of absence above 0 and at most 1, and absence_weeks of 4 to 26");
        }
        if (5..=10).contains(&self.small_cell) { Ok(()) } else { Err("needs small_cell of 5 to 10") }
    }

    /// A count, or nothing when it is small and the caller may not open records.
    pub(in crate::school) fn told(&self, tx: &Tx, count: i64) -> Option<i64> {
        (tx.ctx.may("kernel.phi.read") || count == 0 || count >= self.small_cell).then_some(count)
    }

    /// The same of counts that add up to one that may be known: with those that are small the smallest others are left out, until
    /// what is left out could be several counts.
    pub(in crate::school) fn cells(&self, tx: &Tx, counts: &[i64]) -> Vec<Option<i64>> {
        if tx.ctx.may("kernel.phi.read") {
            return counts.iter().copied().map(Some).collect();
        }
        let shown = self.veiled(counts, &BTreeSet::new());
        (0..counts.len()).map(|at| shown.contains(&at).then_some(counts[at])).collect()
    }

    /// The same of a table, whose lines add up to what may be known both ways: the places that may be told. A place that one line
    /// leaves out is left out of the other it stands in, which may have to leave out more.
    pub(in crate::school) fn table(&self, tx: &Tx, counts: &[i64], lines: &[Vec<usize>]) -> BTreeSet<usize> {
        let mut shown: BTreeSet<usize> = (0..counts.len()).collect();
        while !tx.ctx.may("kernel.phi.read") {
            let before = shown.len();
            for line in lines {
                let of: Vec<i64> = line.iter().map(|at| counts[*at]).collect();
                let hidden = (0..line.len()).filter(|at| !shown.contains(&line[*at])).collect();
                let told = self.veiled(&of, &hidden);
                shown.retain(|at| line.iter().position(|place| place == at).is_none_or(|place| told.contains(&place)));
            }
            if shown.len() == before {
                break;
            }
        }
        shown
    }

    /// The places that may be told beside those that are hidden already.
    fn veiled(&self, counts: &[i64], hidden: &BTreeSet<usize>) -> BTreeSet<usize> {
        let small = |n: i64| (1..self.small_cell).contains(&n);
        let out = |at: &usize| small(counts[*at]) || hidden.contains(at);
        let mut hidden: Vec<usize> = (0..counts.len()).filter(|at| out(at)).collect();
        let mut rest: Vec<usize> = (0..counts.len()).filter(|at| !out(at)).collect();
        // Days and groups of nobody give nothing away: they go last.
        rest.sort_by_key(|at| (counts[*at] == 0, counts[*at]));
        let mut rest = rest.into_iter();
        while !hidden.is_empty() && !self.is_ambiguous(&hidden.iter().map(|at| counts[*at]).collect::<Vec<_>>()) {
            let Some(next) = rest.next() else { break };
            hidden.push(next);
        }
        (0..counts.len()).filter(|at| !hidden.contains(at)).collect()
    }

    /// Whether counts cannot be told from their sum. Several small ones can when it is the least or the most that they can make.
    fn is_ambiguous(&self, hidden: &[i64]) -> bool {
        let (sum, least) = (hidden.iter().sum::<i64>(), i64::try_from(hidden.len()).unwrap_or(i64::MAX));
        let all_small = hidden.iter().all(|n| (1..self.small_cell).contains(n));
        hidden.len() > 1 && (!all_small || (least < sum && sum < least.saturating_mul(self.small_cell - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed_and_small_cells_are_five_to_ten() {
        assert_eq!(Settings::default().check(), Ok(()));
        for wrong in [4, 11] {
            assert!(Settings { small_cell: wrong, ..Settings::default() }.check().is_err());
        }
        assert!(serde_json::from_str::<Settings>(r#"{"c9": 1}"#).is_err());
    }

    #[test]
    fn what_is_left_out_cannot_be_had_from_the_sum() {
        let shown = |counts: &[i64]| {
            let told = Settings::default().veiled(counts, &BTreeSet::new());
            (0..counts.len()).map(|at| told.contains(&at).then_some(counts[at])).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[9, 0, 7]), [Some(9), Some(0), Some(7)], "nothing is small");
        assert_eq!(shown(&[9, 3, 7]), [Some(9), None, None], "one alone is the rest of the sum");
        assert_eq!(shown(&[1, 9, 3, 0]), [None, Some(9), None, Some(0)], "one and three, or two and two");
        assert_eq!(shown(&[1, 9, 1, 7]), [None, Some(9), None, None], "a sum of two is one and one");
        assert_eq!(shown(&[4, 9, 4, 7]), [None, Some(9), None, None], "a sum of eight is four and four");
        assert_eq!(shown(&[4, 0, 4]), [None, None, None]);
    }
}
