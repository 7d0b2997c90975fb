//! School health: schools and students, visits to the clinic, medication, immunization, outbreaks.
//!
//! A student is a patient; [`RESOURCES`] holds what the school adds. Invariants: a student has one open visit at most;
//! a visit that has ended keeps its disposition and times, and changes by amendment only; a dose is recorded once, by an
//! order that nobody changes while it is in force; an error is marked and kept; a supply of a controlled drug is never below nothing. Vaccine doses and allergies
//! are facts of [`crate::records`], guardians contacts of [`crate::medical`].

mod absences;
mod aides;
mod analytics;
mod care;
mod corrections;
mod days;
mod delegations;
mod desk;
mod doses;
mod due;
mod enrollments;
mod errors;
mod family;
pub mod immunization;
mod jobs;
mod kiosk;
mod month;
mod month_texts;
mod offline;
mod orders;
mod outbreak;
mod pass;
mod reads;
mod register;
mod roll_over;
mod round;
mod scans;
mod stock;
mod summary;
mod supplies;
mod symptoms;
mod visits;

pub use aides::guarded;
pub use care::{BLOOD_PRESSURE, SIGNS, TREATMENTS};
pub use delegations::ROUTES;
pub use doses::{DOSES, RIGHTS};
pub use errors::KINDS as ERROR_KINDS;
pub use jobs::jobs;
pub use offline::{KeptVisit, Lock, kept_visit, lock};
pub use orders::ORDERS;
pub use outbreak::detect_now as detect_outbreaks;
pub use symptoms::SYMPTOMS;
pub use visits::VISITS;

use crate::shown;
use enrollments::ENROLLMENTS;
use salus_core::Result;
use salus_store::{Catalog, Op, Resource};

/// What is written besides plain rows.
///
/// # Errors
/// [`salus_core::Error::Internal`] when the catalogue lacks a table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    Ok([
        visits::actions(catalog)?,
        enrollments::actions(catalog)?,
        orders::actions(catalog)?,
        doses::actions(catalog)?,
        immunization::actions(catalog)?,
        outbreak::actions(catalog)?,
        corrections::actions(catalog)?,
        stock::actions(catalog)?,
        errors::actions(catalog)?,
        delegations::actions(catalog)?,
        family::actions(catalog)?,
        vec![supplies::action(catalog)?, roll_over::action(catalog)?],
        vec![absences::action(), scans::action(), kiosk::action()],
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// What is read besides plain rows.
#[must_use]
pub fn reads() -> Vec<Op> {
    [
        reads::reads(),
        analytics::reads(),
        immunization::reads(),
        outbreak::reads(),
        round::reads(),
        register::reads(),
        desk::reads(),
        vec![month::read(), summary::read(), delegations::read(), family::read(), pass::read()],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource { filters: &["name", "nces_id", "is_active"], ..place("school.schools", "schools", "school.school") },
    place("school.school_years", "school-years", "school.school_year"),
    Resource { filters: &["school_id"], ..place("school.bell_schedules", "bell-schedules", "school.bell_schedule") },
    Resource { filters: &["schedule_id"], ..place("school.bell_periods", "bell-periods", "school.bell_period") },
    Resource { filters: &["school_id", "day"], ..place("school.calendar_days", "calendars", "school.calendar_day") },
    Resource {
        filters: &["school_id", "school_year_id", "kind", "grade"],
        ..place("school.class_groups", "school/class-groups", "school.class_group")
    },
    Resource {
        filters: &["school_id", "user_id", "position"],
        ..place("school.school_staff", "school/staff", "school.staff")
    },
    Resource {
        filters: &["patient_id", "school_id", "grade", "homeroom_id", "student_number", "enrollment_status"],
        ..student("school.student_profiles", "school/students", "school.student")
    },
    ENROLLMENTS,
    Resource {
        filters: &["patient_id", "class_group_id"],
        ..student("school.class_memberships", "school/class-memberships", "school.class_membership")
    },
    VISITS,
    Resource {
        filters: &["visit_id", "student_id"],
        ..shown("school.clinic_visit_versions", "clinic/visit-versions", "school.visit_version", "school.visit.read")
    },
    Resource {
        read: "school.visit.read",
        write: Some("school.visit.write"),
        filters: &["student_id", "kind", "is_active", "review_due_on"],
        ..place("school.student_health_plans", "school/health-plans", "school.health_plan")
    },
    Resource {
        filters: &["student_id", "active"],
        ..shown("school.student_drug_allergies", "school/drug-allergies", "school.drug_allergy", "school.visit.read")
    },
    ORDERS,
    DOSES,
    Resource {
        filters: &["administration_id", "student_id"],
        ..shown(
            "school.administration_versions",
            "school/administration-versions",
            "school.administration_version",
            "school.med.administer",
        )
    },
    errors::ERRORS,
    delegations::DELEGATIONS,
    absences::ABSENCES,
    stock::INVENTORY,
    stock::COUNTS,
    Resource {
        filters: &["inventory_id", "student_id", "kind", "entry_at", "administration_id"],
        ..shown(
            "school.medication_inventory_entries",
            "medication-inventory-entries",
            "school.stock_entry",
            "school.med.administer",
        )
    },
    Resource {
        filters: &["rxcui", "name", "dea_schedule", "is_school_stock", "is_emergency", "active"],
        ..shown("ref.drug_catalog", "clinical/drug-interactions/drugs", "school.drug", "school.interaction.check")
    },
    Resource {
        filters: &["drug_a_rxcui", "drug_b_rxcui", "severity", "evidence", "knowledge_release", "review_state"],
        ..shown("ref.drug_interactions", "clinical/drug-interactions", "school.interaction", "school.interaction.check")
    },
    Resource {
        filters: &["group_a", "group_b", "kind", "risk"],
        ..shown(
            "ref.allergy_cross_reactivity",
            "clinical/allergy-cross-reactivity",
            "school.cross_reactivity",
            "school.interaction.check",
        )
    },
    outbreak::RULES,
    Resource {
        filters: &["student_id", "status", "reason", "send_at"],
        ..shown(
            "school.immunization_reminders",
            "immunizations/reminders",
            "school.reminder",
            "school.immunization.read",
        )
    },
    Resource {
        filters: &["student_id", "school_id", "kind", "written_on"],
        ..shown("school.immunization_letters", "immunizations/letters", "school.letter", "school.immunization.read")
    },
    Resource {
        filters: &["authority", "version", "antigen"],
        ..shown(
            "school.vaccination_schedules",
            "school/vaccination-schedules",
            "school.schedule_dose",
            "school.immunization.read",
        )
    },
    immunization::REQUIREMENTS,
    immunization::RELEASES,
    immunization::EXEMPTIONS,
    immunization::ADMISSIONS,
    immunization::CODES,
    Resource {
        filters: &["student_id", "status", "overdue_since"],
        ..shown(
            "school.immunization_evaluations",
            "school/immunization-evaluations",
            "school.evaluation",
            "school.immunization.read",
        )
    },
    Resource {
        filters: &["student_id", "status", "service_date"],
        ..shown(
            "school.medicaid_eligibility",
            "school/medicaid-eligibility",
            "school.eligibility",
            "billing.claim.read",
        )
    },
    Resource {
        filters: &["student_id", "status", "claim_number"],
        ..shown("school.billing_claims", "school/billing-claims", "school.claim", "billing.claim.read")
    },
];

/// A table about places, days and groups.
const fn place(table: &'static str, path: &'static str, noun: &'static str) -> Resource {
    Resource {
        table,
        path,
        noun,
        read: "school.place.read",
        write: Some("school.place.write"),
        filters: &[],
        locked: &[],
        list: &[],
    }
}

/// A table about students.
const fn student(table: &'static str, path: &'static str, noun: &'static str) -> Resource {
    Resource { read: "school.student.read", write: Some("school.student.write"), ..place(table, path, noun) }
}
