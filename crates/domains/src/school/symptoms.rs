//! Signs that a visit wrote down, as syndromes for the surveillance of outbreaks (`salus_rules::outbreak::cases`).

use super::outbreak;
use crate::{clock, row};
use salus_core::{Error, Result};
use salus_rules::outbreak::cases::{Signs, Syndrome};
use salus_store::{Record, Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use uuid::Uuid;

/// Symptoms that a visit may name.
pub const SYMPTOMS: [&str; 14] = [
    "FEVER",
    "COUGH",
    "SORE_THROAT",
    "RUNNY_NOSE",
    "HEADACHE",
    "VOMITING",
    "DIARRHEA",
    "DIARRHEA_REPEATED",
    "NAUSEA",
    "STOMACH_ACHE",
    "RASH",
    "ITCHING",
    "SHORT_OF_BREATH",
    "DIZZINESS",
];

fn code(syndrome: Syndrome) -> &'static str {
    match syndrome {
        Syndrome::InfluenzaLike => "ILI",
        Syndrome::Gastrointestinal => "GI",
        Syndrome::RashFever => "RASH_FEVER",
    }
}

/// Refuses a sign that is not known.
///
/// # Errors
/// [`Error::Invalid`] on the field.
pub(super) fn known(field: &str, symptoms: &[String]) -> Result<()> {
    match symptoms.iter().find(|s| !SYMPTOMS.contains(&s.as_str())) {
        Some(wrong) => {
            let message = format!("{wrong} is none of: {}", SYMPTOMS.join(", "));
            Err(Error::invalid(field, "not_allowed", message))
        }
        None => Ok(()),
    }
}

/// The syndromes that signs and a temperature make.
pub(super) fn syndromes(symptoms: &[String], temperature: Option<f64>) -> Vec<&'static str> {
    let has = |name: &str| symptoms.iter().any(|s| s == name);
    let signs = Signs {
        temperature,
        fever: has("FEVER"),
        cough: has("COUGH"),
        sore_throat: has("SORE_THROAT"),
        rash: has("RASH"),
        vomiting: u8::from(has("VOMITING")),
        diarrhoea: if has("DIARRHEA_REPEATED") { 2 } else { u8::from(has("DIARRHEA")) },
    };
    signs.syndromes().into_iter().map(code).collect()
}

/// The groups a student is in today.
///
/// # Errors
/// Those of the database.
async fn groups(tx: &mut Tx, student: Uuid) -> Result<Vec<String>> {
    let sql = sql!(
        "SELECT coalesce(array_agg(class_group_id::text ORDER BY class_group_id), '{}') FROM school.class_memberships \
         WHERE patient_id = $1 AND left_on IS NULL"
    );
    Ok(tx.query_opt(sql, &[&student]).await?.map(|row| row.get(0)).unwrap_or_default())
}

/// Writes down each syndrome that the signs of a visit make, once a visit.
///
/// # Errors
/// [`Error::Invalid`] on `symptoms` for one that is not known.
pub(super) async fn note(tx: &mut Tx, visit: &Record) -> Result<()> {
    let symptoms: Vec<String> = match visit.get("symptoms") {
        Some(Value::Array(all)) => all.iter().filter_map(|s| s.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    known("symptoms", &symptoms)?;
    let degrees = visit.get("temperature").map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let degrees = degrees.filter(|text| text != "null");
    let temperature: Option<f64> = degrees.as_deref().and_then(|t| t.parse().ok());
    let taken_back = visit.text("status") == "VOIDED";
    let codes: Vec<&str> = if taken_back { Vec::new() } else { syndromes(&symptoms, temperature) };
    let (id, student) = (visit.id().unwrap_or_default(), visit.text("student_id"));
    let student: Uuid = student.parse().map_err(Error::internal)?;
    // What the visit says no more was no case, unless a person decided that it is one. One that was taken back was none.
    let sql = sql!(
        "UPDATE school.symptom_tracking SET case_class = 'RULED_OUT' \
         WHERE visit_id = $1 AND source = 'VISIT' AND case_class <> 'RULED_OUT' AND NOT syndrome::text = ANY($2) \
           AND (decided_by IS NULL OR $3)"
    );
    tx.query(sql, &[&id, &codes, &taken_back]).await?;
    let mut new = Vec::new();
    for code in codes {
        let sql = sql!(
            "UPDATE school.symptom_tracking SET symptoms = $3, temperature = $4::text::numeric, \
               case_class = CASE WHEN case_class = 'RULED_OUT' AND decided_by IS NULL THEN 'SUSPECT' ELSE case_class END \
             WHERE visit_id = $1 AND syndrome = $2::text AND source = 'VISIT' RETURNING id"
        );
        if tx.query_opt(sql, &[&id, &code, &symptoms, &degrees]).await?.is_some() {
            continue;
        }
        new.push(code.to_owned());
        let groups = groups(tx, student).await?;
        let now = clock::text(tx.ctx.env.now())?;
        let mut values = row(json!({
            "student_id": student, "school_id": visit.text("school_id"), "visit_id": id, "group_ids": groups,
            "onset_on": visit.text("visit_on"), "reported_at": now, "source": "VISIT", "symptoms": symptoms, "syndrome": code,
        }));
        if let Some(temperature) = visit.get("temperature").filter(|t| !t.is_null()) {
            values.insert("temperature".into(), temperature.clone());
        }
        let id = tx.ctx.env.id();
        tx.insert("school.symptom_tracking", &[NewRow { id, values }]).await?;
    }
    if !new.is_empty() {
        outbreak::ask_if_one_is_enough(tx, (&[], &new)).await?;
    }
    tx.about(student);
    Ok(())
}
