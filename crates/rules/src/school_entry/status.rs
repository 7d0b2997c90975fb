//! Where a student stands in one vaccine group, and in all: the worst required group wins.

use super::{
    AdmissionKind, ExemptionKind, Record, Requirement, Student,
    count::{Progress, along},
};
use serde::Serialize;
use std::cmp::Reverse;
use time::{Date, Duration};

/// A student's standing, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Status {
    /// Nothing is required.
    NotApplicable,
    /// Fulfilled.
    Compliant,
    /// Exempt for good by a physician.
    ExemptMedicalPermanent,
    /// Exempt by a physician until this day.
    ExemptMedicalTemporary(Date),
    /// Exempt for a faith.
    ExemptReligious,
    /// Exempt for a conviction.
    ExemptPersonal,
    /// Doses were begun, and the next one is to be given by this day.
    Conditional(Date),
    /// Attends without records until this day.
    Provisional(Date),
    /// Doses are missing.
    Noncompliant,
    /// Nothing at all is recorded.
    NoRecord,
    /// Kept home.
    Excluded,
}

impl Status {
    /// May attend.
    #[must_use]
    pub fn is_in_compliance(self) -> bool {
        self < Self::Noncompliant
    }

    /// The last day for which it is said.
    #[must_use]
    pub fn until(self) -> Option<Date> {
        match self {
            Self::ExemptMedicalTemporary(until) | Self::Conditional(until) | Self::Provisional(until) => Some(until),
            _ => None,
        }
    }

    /// The same whatever its day.
    fn kind(self) -> Self {
        match self {
            Self::ExemptMedicalTemporary(_) => Self::ExemptMedicalTemporary(Date::MIN),
            Self::Conditional(_) => Self::Conditional(Date::MIN),
            Self::Provisional(_) => Self::Provisional(Date::MIN),
            other => other,
        }
    }

    /// Left out of a score.
    #[must_use]
    pub fn is_exempt(self) -> bool {
        use Status::{ExemptMedicalPermanent, ExemptMedicalTemporary, ExemptPersonal, ExemptReligious};
        matches!(self, ExemptMedicalPermanent | ExemptMedicalTemporary(_) | ExemptReligious | ExemptPersonal)
    }
}

/// Standing in one vaccine group with the way to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupCompliance {
    /// Standing.
    pub status: Status,
    /// The path that is fulfilled, or else the one on which the fewest doses are missing.
    pub nearest: Option<Progress>,
    /// From when the student is or will be kept home if nothing changes; none when fulfilled, exempt, or never.
    pub excluded_from: Option<Date>,
}

/// Judges a student's record against a requirement on a day.
#[must_use]
pub fn evaluate(requirement: &Requirement, student: &Student, record: &Record, on: Date) -> GroupCompliance {
    let paths = requirement.any.iter().map(|path| (path.is_open(student.birth, on), path));
    let paths = paths.map(|(open, path)| (open, along(path, requirement, record, student.birth)));
    // A way that asks for a dose at an age that is not reached cannot be gone yet.
    let nearest = paths.min_by_key(|(open, way)| (!way.missing.is_empty(), !open, way.lacking())).map(|(_, way)| way);
    let fulfilled = nearest.as_ref().is_some_and(|p| p.missing.is_empty());
    let (status, excluded_from) = if requirement.any.is_empty() {
        (Status::NotApplicable, None)
    } else if fulfilled || (requirement.immunity_accepted && record.immune) {
        (Status::Compliant, None)
    } else if let Some(exempt) = exempt(requirement, student, on) {
        (exempt, None)
    } else {
        without(requirement, student, record, on)
    };
    GroupCompliance { status, nearest, excluded_from }
}

/// The exemption that the law knows and that is in force.
fn exempt(requirement: &Requirement, student: &Student, on: Date) -> Option<Status> {
    let covers = |groups: &[String]| groups.is_empty() || groups.contains(&requirement.vaccine_group);
    let in_force = student.exemptions.iter().filter(|e| {
        requirement.exemptions.contains(&e.kind)
            && covers(&e.groups)
            && e.from <= on
            && e.until.is_none_or(|until| on <= until)
    });
    let status = in_force.filter_map(|e| match (e.kind, e.until) {
        (ExemptionKind::MedicalPermanent, _) => Some(Status::ExemptMedicalPermanent),
        (ExemptionKind::MedicalTemporary, Some(until)) => Some(Status::ExemptMedicalTemporary(until)),
        // A temporary exemption without an end is none.
        (ExemptionKind::MedicalTemporary, None) => None,
        (ExemptionKind::Religious, _) => Some(Status::ExemptReligious),
        (ExemptionKind::Personal, _) => Some(Status::ExemptPersonal),
    });
    // Of two for a time the longer protects.
    status.min_by_key(|s| (s.kind(), Reverse(s.until())))
}

/// Standing without all doses and without exemption, and from when the student is kept home. The deadline is the last of
/// those that the student was given: by the schedule, by a plan, by a provisional admission, or else the day before attending.
fn without(requirement: &Requirement, student: &Student, record: &Record, on: Date) -> (Status, Option<Date>) {
    let begun = !record.doses.is_empty();
    let by_schedule = requirement.conditional_days.zip(record.next_due_on).filter(|_| begun);
    let by_schedule = by_schedule.map(|(days, due)| due + Duration::days(days));
    let admitted = |kind| {
        let here = |a: &&super::Admission| a.kind == kind && a.group == requirement.vaccine_group && a.from <= on;
        student.admissions.iter().filter(here).map(|a| a.until).max()
    };
    let (plan, provisional) = (admitted(AdmissionKind::Plan), admitted(AdmissionKind::Provisional));
    let attends = student.attends_since.and_then(Date::previous_day);
    let deadline = [attends, by_schedule, plan, provisional].into_iter().flatten().max();
    let excluded_from = requirement.exclusion.zip(deadline).map(|(policy, deadline)| policy.begins(deadline, on));
    let runs = |until: Option<Date>| until.filter(|until| on <= *until);
    // Until the last day on which the next dose may be given, which the law may set after the day on which it is due.
    let conditional = [runs(by_schedule), runs(plan)].into_iter().flatten().max();
    let status = if let Some(until) = conditional {
        Status::Conditional(until)
    } else if let Some(until) = runs(provisional) {
        Status::Provisional(until)
    } else if excluded_from.is_some_and(|from| from <= on) {
        Status::Excluded
    } else if begun || student.has_record {
        Status::Noncompliant
    } else {
        Status::NoRecord
    };
    (status, excluded_from)
}

/// The standing of a student over all groups; of several that last until a day the next of these days.
#[must_use]
pub fn worst(groups: &[GroupCompliance]) -> Status {
    let all = groups.iter().map(|g| g.status);
    all.max_by_key(|s| (s.kind(), Reverse(s.until()))).unwrap_or(Status::NotApplicable)
}
