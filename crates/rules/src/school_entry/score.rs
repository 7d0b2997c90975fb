//! Scores: how much of what is required a student has, and how a school stands.

use super::{GroupCompliance, Progress, Requirement, Status};
use serde::Serialize;

/// A student's score from 0 to 100: the share of required doses, with measles-containing groups counted double. Groups with
/// an exemption and groups without a requirement are left out; none when nothing is left.
#[must_use]
pub fn compliance_score(groups: &[(&Requirement, &GroupCompliance)]) -> Option<f64> {
    let counted = groups.iter().filter(|(_, g)| !g.status.is_exempt() && g.status != Status::NotApplicable);
    let weighed = counted.map(|(requirement, group)| {
        let weight = if requirement.contains_measles { 2.0 } else { 1.0 };
        let share =
            if group.status == Status::Compliant { 1.0 } else { group.nearest.as_ref().map_or(0.0, Progress::share) };
        (weight, weight * share)
    });
    let (weights, sum) = weighed.fold((0.0, 0.0), |(weights, sum), (weight, part)| (weights + weight, sum + part));
    (weights > 0.0).then(|| 100.0 * sum / weights)
}

/// How a school or grade stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SchoolRates {
    /// Students.
    pub enrolled: usize,
    /// Percent of the enrolled with every dose.
    pub up_to_date: f64,
    /// Percent of the enrolled who are up to date, exempt, or admitted on a condition or provisionally. Of whom nothing is asked
    /// is none of these.
    pub in_compliance: f64,
    /// Fewer than 95 % are protected against measles, among 20 students or more.
    pub herd_at_risk: bool,
}

/// Rates over students by their standing and whether they are protected against measles; none when nothing is asked of anybody.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "numbers of students")]
pub fn school_rates(students: &[(Status, bool)]) -> Option<SchoolRates> {
    let enrolled = students.len();
    let is_asked = students.iter().any(|(status, _)| *status != Status::NotApplicable);
    let percent = |count: usize| 100.0 * count as f64 / enrolled as f64;
    let of = |test: &dyn Fn(&(Status, bool)) -> bool| percent(students.iter().filter(|s| test(s)).count());
    is_asked.then(|| SchoolRates {
        enrolled,
        up_to_date: of(&|(status, _)| *status == Status::Compliant),
        in_compliance: of(&|(status, _)| *status != Status::NotApplicable && status.is_in_compliance()),
        herd_at_risk: enrolled >= 20 && of(&|(_, measles)| *measles) < 95.0,
    })
}
