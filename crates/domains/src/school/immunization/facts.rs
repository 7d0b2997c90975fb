//! What the engine must know of students: birth, sex, doses and conditions, opened for those who are judged and no others.
//!
//! A dose is judged when its vaccine and its day are known. One of which only month or year is written down, or whose vaccine
//! has no CVX code, is shown with that as the reason and gets no verdict: nothing is guessed. For what the school asks for the
//! former counts when it would on every day it can have been ([`Facts::ends`]). Conditions under a label of their own are not used.

use crate::clock;
use salus_core::Result;
use salus_rules::immunization::{Dose, Gender, Observed, Patient, Schedule};
use salus_store::{Record, Tx};
use serde_json::{Value, json};
use std::collections::HashMap;
use time::{Date, util::days_in_year};
use uuid::Uuid;

/// A student's facts.
pub(super) struct Facts {
    pub(super) student: Uuid,
    /// None without a date of birth.
    pub(super) patient: Option<Patient>,
    /// Doses as they are written down, by day.
    pub(super) given: Vec<Given>,
    /// Doses of which month or year is known: as if they were given on the first day that can have been, and the last such day.
    spans: Vec<(Dose, Date)>,
    /// Conditions that the schedule asks about: number and title.
    pub(super) observed: Vec<(u16, String)>,
}

/// A dose as it is written down.
pub(super) struct Given {
    pub(super) row: Value,
    /// Its place among the doses that the engine judges, or why it is not judged.
    pub(super) place: std::result::Result<usize, &'static str>,
}

impl Facts {
    /// A student with the doses of which the day is not known on their first days, and on their last until a day; none when
    /// there are no such doses.
    pub(super) fn ends(&self, patient: &Patient, on: Date) -> Option<[Patient; 2]> {
        let known: Vec<&(Dose, Date)> = self.spans.iter().filter(|(first, _)| first.on <= on).collect();
        if known.is_empty() {
            return None;
        }
        let (mut early, mut late) = (patient.clone(), patient.clone());
        for (first, last) in known {
            early.doses.push(first.clone());
            late.doses.push(Dose { on: (*last).min(on), ..first.clone() });
        }
        Some([early, late])
    }
}

const DOSE: [&str; 13] = [
    "patient_id",
    "cvx",
    "mvx",
    "display",
    "original_display",
    "given_on",
    "given_precision",
    "expires_on",
    "dose_condition",
    "completion",
    "dose_value",
    "dose_unit",
    "source_kind",
];

/// Gathers the facts of students (CDSi 4.1).
///
/// # Errors
/// Those of the database.
pub(super) async fn of(tx: &mut Tx, schedule: &Schedule, students: &[Uuid]) -> Result<Vec<Facts>> {
    let people = tx.select("medical.patients", &["birth_date", "sex"], "t.id = ANY($1)", &[&students]).await?;
    let doses = tx
        .select(
            "records.immunizations",
            &DOSE,
            "t.patient_id = ANY($1) AND t.status = 'COMPLETED' AND t.is_preferred AND t.completion IN ('CP', 'PA') \
             ORDER BY t.given_on, t.id",
            &[&students],
        )
        .await?;
    let conditions = tx
        .select(
            "records.diagnoses",
            &["patient_id", "code", "code_system", "onset_on", "onset_precision"],
            "t.patient_id = ANY($1) AND t.status <> 'ENTERED_IN_ERROR' AND t.sensitivity IS NULL AND t.code IS NOT NULL \
             AND coalesce(t.clinical_status, 'ACTIVE') IN ('ACTIVE', 'RECURRENCE', 'RELAPSE') \
             AND coalesce(t.verification_status, 'CONFIRMED') = 'CONFIRMED'",
            &[&students],
        )
        .await?;
    let (mut doses, mut conditions) = (by_person(doses), by_person(conditions));
    let known: HashMap<String, Record> = people.into_iter().map(|p| (p.text("id").to_owned(), p)).collect();
    let mut all = Vec::with_capacity(students.len());
    for student in students {
        let id = student.to_string();
        let Some(person) = known.get(&id) else { continue };
        let found = (doses.remove(&id).unwrap_or_default(), conditions.remove(&id).unwrap_or_default());
        all.push(one(schedule, *student, person, &found));
    }
    Ok(all)
}

fn by_person(rows: Vec<Record>) -> HashMap<String, Vec<Record>> {
    let mut all: HashMap<String, Vec<Record>> = HashMap::new();
    for row in rows {
        all.entry(row.text("patient_id").to_owned()).or_default().push(row);
    }
    all
}

fn one(schedule: &Schedule, student: Uuid, person: &Record, found: &(Vec<Record>, Vec<Record>)) -> Facts {
    let (mut given, mut doses) = (Vec::new(), Vec::new());
    let spans = found.0.iter().filter_map(span).collect();
    for row in &found.0 {
        let place = match dose(row) {
            Ok(dose) => {
                doses.push(dose);
                Ok(doses.len() - 1)
            }
            Err(why) => Err(why),
        };
        given.push(Given { row: told(row), place });
    }
    let (mut observations, mut observed) = (Vec::new(), Vec::new());
    for row in &found.1 {
        let exact = row.text("onset_precision") == "DAY" || row.text("onset_precision") == "MINUTE";
        let on = clock::date(row.text("onset_on")).filter(|_| exact);
        let system = if row.text("code_system").to_ascii_lowercase().contains("snomed") {
            "SNOMED"
        } else {
            row.text("code_system")
        };
        for code in schedule.observed_as(system, row.text("code")) {
            observations.push(Observed { code, on });
            let title = schedule.observations.get(&code).map(|o| o.title.clone()).unwrap_or_default();
            if !observed.iter().any(|(known, _)| *known == code) {
                observed.push((code, title));
            }
        }
    }
    let gender = match person.text("sex") {
        "F" => Gender::Female,
        "M" => Gender::Male,
        _ => Gender::Unknown,
    };
    let patient = clock::date(person.text("birth_date")).map(|birth| Patient {
        birth,
        gender,
        // Nothing in the record says where somebody was born.
        birth_country: None,
        observations,
        doses,
    });
    Facts { student, patient, given, spans, observed }
}

fn told(row: &Record) -> Value {
    let display = ["display", "original_display", "cvx"].iter().map(|n| row.text(n)).find(|t| !t.is_empty());
    json!({"id": row.text("id"), "given_on": row.text("given_on"), "given_precision": row.text("given_precision"),
           "cvx": row.text("cvx"), "vaccine": display.unwrap_or_default(), "source_kind": row.text("source_kind")})
}

/// A dose of which month or year is known, on its first day, and its last day.
fn span(row: &Record) -> Option<(Dose, Date)> {
    let on = clock::date(row.text("given_on"))?;
    let (first, last) = match row.text("given_precision") {
        "MONTH" => (on.replace_day(1).ok()?, on.replace_day(on.month().length(on.year())).ok()?),
        "YEAR" => (on.replace_ordinal(1).ok()?, on.replace_ordinal(days_in_year(on.year())).ok()?),
        _ => return None,
    };
    Some((Dose { on: first, ..written(row).ok()? }, last))
}

fn dose(row: &Record) -> std::result::Result<Dose, &'static str> {
    let dose = written(row)?;
    if matches!(row.text("given_precision"), "DAY" | "MINUTE") { Ok(dose) } else { Err("DAY_NOT_KNOWN") }
}

/// A dose on the day that is written down.
fn written(row: &Record) -> std::result::Result<Dose, &'static str> {
    let cvx = row.text("cvx").parse().map_err(|_| "NO_VACCINE_CODE")?;
    let on = clock::date(row.text("given_on")).ok_or("DAY_NOT_KNOWN")?;
    let number = |name: &str| match row.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_f64(),
        None => None,
    };
    Ok(Dose {
        mvx: Some(row.text("mvx")).filter(|mvx| !mvx.is_empty()).map(ToOwned::to_owned),
        volume: number("dose_value").filter(|_| row.text("dose_unit").eq_ignore_ascii_case("ml")),
        lot_expires_on: clock::date(row.text("expires_on")),
        compromised: !row.text("dose_condition").is_empty() || row.text("completion") == "PA",
        ..Dose::new(on, cvx)
    })
}
