//! Where a student stands in one vaccine group, and in all: the worst required group wins.

use super::{
    AdmissionKind, ExemptionKind, Record, Requirement, Student,
    count::{Progress, along},
};
use serde::Serialize;
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
    /// All due doses are in; the next one by this day.
    Conditional(Date),
    /// Attends without records until this day.
    Provisional(Date),
    /// Doses are missing.
    Noncompliant,
    /// Nothing is known.
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
    /// The path that is fulfilled, or else the one of which most is done.
    pub nearest: Option<Progress>,
    /// From when the student is or will be kept home if nothing changes; none when fulfilled, exempt, or never.
    pub excluded_from: Option<Date>,
}

/// Judges a student's record against a requirement on a day.
#[must_use]
pub fn evaluate(requirement: &Requirement, student: &Student, record: &Record, on: Date) -> GroupCompliance {
    let paths = requirement.any.iter().map(|path| along(path, requirement, record, student.birth));
    let nearer = |best: Progress, next: Progress| {
        let better = (next.missing.is_empty(), next.share()) > (best.missing.is_empty(), best.share());
        if better { next } else { best }
    };
    let nearest = paths.reduce(nearer);
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
    status.min()
}

/// Standing without all doses and without exemption, and from when the student is kept home. The deadline is the last of
/// those that the student was given: by the schedule, by a plan, by a provisional admission, or else the day before attending.
fn without(requirement: &Requirement, student: &Student, record: &Record, on: Date) -> (Status, Option<Date>) {
    let begun = !record.doses.is_empty();
    let by_schedule = requirement.conditional_days.zip(record.next_due_on).filter(|_| begun);
    let by_schedule = by_schedule.map(|(days, due)| (due, due + Duration::days(days)));
    let admitted = |kind| {
        let here = |a: &&super::Admission| a.kind == kind && a.group == requirement.vaccine_group && a.from <= on;
        student.admissions.iter().filter(here).map(|a| a.until).max()
    };
    let (plan, provisional) = (admitted(AdmissionKind::Plan), admitted(AdmissionKind::Provisional));
    let attends = student.attends_since.and_then(Date::previous_day);
    let deadline = [attends, by_schedule.map(|(_, until)| until), plan, provisional].into_iter().flatten().max();
    let excluded_from = requirement.exclusion.zip(deadline).map(|(policy, deadline)| policy.begins(deadline, on));
    let runs = |until: Option<Date>| until.filter(|until| on <= *until);
    let status = if let Some((_, until)) = by_schedule.filter(|(due, _)| *due > on) {
        Status::Conditional(until)
    } else if let Some(until) = runs(plan) {
        Status::Conditional(until)
    } else if let Some(until) = runs(provisional) {
        Status::Provisional(until)
    } else if excluded_from.is_some_and(|from| from <= on) {
        Status::Excluded
    } else if begun {
        Status::Noncompliant
    } else {
        Status::NoRecord
    };
    (status, excluded_from)
}

/// The standing of a student over all groups.
#[must_use]
pub fn worst(groups: &[GroupCompliance]) -> Status {
    groups.iter().map(|g| g.status).max().unwrap_or(Status::NotApplicable)
}
