//! Immunization at school: the schedule that the user imported, what the engine says of each dose, what the law of the state
//! asks for, who is exempt, and how each school stands.
//!
//! Invariants: doses are judged by one release, whose files are kept byte for byte and read again from there; a requirement
//! counts once somebody has approved it, and so does an exemption. What was said of a student is kept in
//! `school.immunization_evaluations` so that lists open no record; one student is always judged anew. The engine and the
//! counting are in `salus_rules`, doses are facts of [`crate::records`].

mod admissions;
mod codes;
mod compliance;
mod doses;
mod evaluate;
mod exclusions;
pub(in crate::school) mod exemptions;
mod facts;
mod judge;
mod letter_texts;
mod letters;
mod reminders;
mod requirements;
mod schedules;
mod snapshots;
mod students;
mod words;

pub use admissions::ADMISSIONS;
pub use codes::{CODES, import as import_codes};
pub use exemptions::EXEMPTIONS;
pub use requirements::{REQUIREMENTS, import as import_requirements};
pub use schedules::{RELEASES, activate, import as import_schedule};

pub(super) use evaluate::jobs as evaluation_jobs;
pub(super) use reminders::jobs as reminder_jobs;
pub(super) use snapshots::jobs as snapshot_jobs;

use salus_core::Result;
use salus_store::{Catalog, Op};

/// What is written besides plain rows.
///
/// # Errors
/// [`salus_core::Error::Internal`] when the catalogue lacks a table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let mut all = exemptions::actions(catalog)?;
    all.extend(admissions::actions(catalog)?);
    all.extend(requirements::actions(catalog)?);
    all.push(evaluate::action());
    all.push(students::forecast());
    all.extend(doses::actions(catalog)?);
    all.push(reminders::action());
    all.push(letters::action());
    Ok(all)
}

/// What is read besides plain rows.
pub(super) fn reads() -> Vec<Op> {
    let mut all = vec![students::show()];
    all.extend(compliance::reads());
    all.push(exclusions::worklist());
    all.extend([snapshots::trend(), schedules::diff()]);
    all
}
