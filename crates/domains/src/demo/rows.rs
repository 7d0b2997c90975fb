//! Rows in the order in which references allow them, and one patient's facts with the header that every fact has.

use salus_core::{Env, Result};
use salus_store::{Tx, engine::NewRow};
use serde_json::{Value, json};
use time::{Date, Duration};
use uuid::Uuid;

/// Tables by what refers to what: a row refers to rows of its own or an earlier table.
const ORDER: &[&str] = &[
    "auth.organizations",
    "school.schools",
    "school.school_years",
    "school.class_groups",
    "school.bell_schedules",
    "school.bell_periods",
    "school.calendar_days",
    "school.school_staff",
    "school.delegations",
    "auth.user_units",
    "medical.providers",
    "medical.patients",
    "medical.patient_identifiers",
    "medical.patient_names",
    "medical.patient_addresses",
    "medical.patient_telecoms",
    "medical.patient_contacts",
    "medical.patient_repositories",
    "records.encounters",
    "records.documents",
    "records.diagnoses",
    "records.medications",
    "records.allergies",
    "records.procedures",
    "records.immunizations",
    "records.vital_signs",
    "records.lab_reports",
    "records.lab_results",
    "records.family_history",
    "records.social_history",
    "school.student_profiles",
    "school.student_enrollments",
    "school.class_memberships",
    "auth.person_units",
    "school.student_health_plans",
    "school.immunization_exemptions",
    "school.clinic_visits",
    "school.symptom_tracking",
    "school.student_medication_orders",
    "school.medication_administrations",
    "school.medication_inventory",
    "school.medication_inventory_entries",
];

/// Rows that one statement inserts.
const STATEMENT_ROWS: usize = 500;

/// Rows that wait to be inserted.
pub(super) struct Rows {
    env: Env,
    tables: Vec<Vec<NewRow>>,
}

impl Rows {
    pub(super) fn new(env: &Env) -> Self {
        Self { env: env.clone(), tables: ORDER.iter().map(|_| Vec::new()).collect() }
    }

    /// Adds a row of a table and returns its id. Members that are null are left out.
    pub(super) fn add(&mut self, table: &str, values: Value) -> Uuid {
        let id = self.env.id();
        let Value::Object(mut values) = values else { return id };
        values.retain(|_, v| !v.is_null());
        let at = ORDER.iter().position(|t| *t == table).expect("ORDER names every table that is generated");
        self.tables[at].push(NewRow { id, values });
        id
    }

    /// Inserts everything, table by table.
    pub(super) async fn insert(self, tx: &mut Tx) -> Result<()> {
        for (table, rows) in ORDER.iter().zip(self.tables) {
            for some in rows.chunks(STATEMENT_ROWS) {
                tx.insert(table, some).await?;
            }
        }
        Ok(())
    }
}

/// Who says a fact, and by which way it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Clinic,
    Hospital,
    Device,
    Registry,
    Patient,
}

/// The record of one patient while it is written.
pub(super) struct Chart<'a> {
    rows: &'a mut Rows,
    /// The patient.
    pub(super) patient: Uuid,
    primary: Uuid,
    imported: Option<Uuid>,
    /// Facts so far.
    pub(super) facts: usize,
}

impl<'a> Chart<'a> {
    /// The empty record of a patient with its repository.
    pub(super) fn open(rows: &'a mut Rows, patient: Uuid) -> Self {
        let repository = json!({"patient_id": patient, "name": "Valley Records Clinic", "kind": "PRIMARY"});
        let primary = rows.add("medical.patient_repositories", repository);
        Self { rows, patient, primary, imported: None, facts: 0 }
    }

    /// Adds a fact that was written down on `recorded`.
    pub(super) fn fact(&mut self, table: &str, source: Source, recorded: Date, values: Value) -> Uuid {
        let (verification, kind) = match source {
            Source::Clinic => ("CLINICIAN_ENTERED", "MANUAL"),
            Source::Hospital => ("IMPORTED", "EHR"),
            Source::Device => ("PATIENT_REPORTED", "DEVICE"),
            Source::Registry => ("IMPORTED", "REGISTRY"),
            Source::Patient => ("PATIENT_REPORTED", "MANUAL"),
        };
        let repository = if source == Source::Hospital { self.imported() } else { self.primary };
        let Value::Object(mut row) = json!({
            "patient_id": self.patient, "repository_id": repository, "recorded_at": moment(recorded, 22, 0),
            "verification": verification, "source_kind": kind,
        }) else {
            return repository;
        };
        if let Value::Object(values) = values {
            row.extend(values);
        }
        self.facts += 1;
        self.rows.add(table, Value::Object(row))
    }

    /// The bundle of what another hospital sent, made when first needed.
    fn imported(&mut self) -> Uuid {
        if let Some(id) = self.imported {
            return id;
        }
        let repository = json!({"patient_id": self.patient, "name": "Larkspur Ridge Hospital", "kind": "EHR_IMPORT"});
        let id = self.rows.add("medical.patient_repositories", repository);
        self.imported = Some(id);
        id
    }
}

/// An instant of a day in UTC. The clinic's opening hours fall on one day in UTC and in its own zone.
pub(super) fn moment(day: Date, hour: i32, minute: i32) -> String {
    format!("{day}T{hour:02}:{minute:02}:00Z")
}

/// The date some days later; the calendar's end is never reached here.
pub(super) fn later(day: Date, days: i32) -> Date {
    day.checked_add(Duration::days(i64::from(days))).unwrap_or(day)
}

/// Whole years from one date to another.
pub(super) fn years(from: Date, to: Date) -> i32 {
    let before = (to.month() as u8, to.day()) < (from.month() as u8, from.day());
    to.year() - from.year() - i32::from(before)
}
