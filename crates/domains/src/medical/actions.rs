//! Creating and changing patients: some columns follow from others and are kept here.

use super::PATIENTS;
use crate::auth;
use salus_core::{Error, FieldError, Result};
use salus_store::{
    Catalog, Method, Op, Reply, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The operations on patients that change something.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(PATIENTS.table)?;
    let op = |how, summary: &str, complete, run| {
        let input = Some(write_schema(table, PATIENTS.locked, complete));
        PATIENTS.action((table, "medical.patient.write"), how, (summary, input), run)
    };
    Ok(vec![
        op(
            (Method::Post, "", "create"),
            "Create a patient",
            true,
            run(|tx, call| {
                Box::pin(async move {
                    let db = tx.db().clone();
                    let mut values = writable(&PATIENTS, db.catalog().table(PATIENTS.table)?, call.body)?;
                    derive_patient(&mut values, tx.ctx.env.now().date())?;
                    blank_names(&mut values);
                    let nameless = NAMED_BY.iter().all(|name| values.get(*name).is_none_or(Value::is_null));
                    let id = tx.ctx.env.id();
                    let row = match tx.create(PATIENTS.table, NewRow { id, values }).await {
                        Err(Error::Invalid(wrong)) if nameless => {
                            return Err(Error::Invalid(wrong.into_iter().chain([name_needed()]).collect()));
                        }
                        Ok(_) if nameless => return Err(Error::Invalid(vec![name_needed()])),
                        other => other?,
                    };
                    tx.emit("medical.patient.created", id, Value::Null);
                    Ok(Reply::created(PATIENTS.answered(tx, row)))
                })
            }),
        ),
        op(
            (Method::Patch, "/{id}", "change"),
            "Change a patient",
            false,
            run(|tx, call| {
                Box::pin(async move {
                    let db = tx.db().clone();
                    let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
                    let mut values = writable(&PATIENTS, db.catalog().table(PATIENTS.table)?, call.body)?;
                    derive_patient(&mut values, tx.ctx.env.now().date())?;
                    blank_names(&mut values);
                    let renamed = NAMED_BY.iter().any(|name| values.contains_key(*name));
                    let born = values.get("birth_date").and_then(Value::as_str).and_then(as_date);
                    let row = tx.update(PATIENTS.table, id, Some(version), values).await?;
                    if renamed && is_nameless(tx, id).await? {
                        return Err(Error::Invalid(vec![name_needed()]));
                    }
                    if let Some(born) = born {
                        auth::born_on(tx, id, born).await?;
                    }
                    tx.emit("medical.patient.changed", id, Value::Null);
                    Ok(Reply::row(PATIENTS.answered(tx, row)))
                })
            }),
        ),
    ])
}

/// One of these says who a patient is, or why nobody can say.
const NAMED_BY: [&str; 3] = ["family_name", "given_names", "name_absence"];

/// A name of nothing but white space is none.
fn blank_names(values: &mut Map<String, Value>) {
    for name in ["family_name", "given_names"] {
        if let Some(value) = values.get_mut(name).filter(|v| v.as_str().is_some_and(|text| text.trim().is_empty())) {
            *value = Value::Null;
        }
    }
}

async fn is_nameless(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let sql = sql!(
        "SELECT coalesce(family_name, given_names) IS NULL AND name_absence IS NULL FROM medical.patients WHERE id = $1"
    );
    Ok(tx.query_opt(sql, &[&id]).await?.is_some_and(|row| row.get(0)))
}

fn name_needed() -> FieldError {
    let message = "Give a family or a given name, or say in name_absence why there is none: \
                   UNKNOWN, NOT_NAMED_YET or WITHHELD";
    FieldError::new("family_name", "required", message)
}

fn as_date(text: &str) -> Option<time::Date> {
    time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()
}

/// Fills what follows from the given fields: the month of birth from the date. Refuses a birth date in the future or
/// more than 125 years ago (`spec` 2.13).
///
/// # Errors
/// [`Error::Invalid`] on `birth_date`.
pub fn derive_patient(values: &mut Map<String, Value>, today: time::Date) -> Result<()> {
    let Some(given) = values.get("birth_date") else { return Ok(()) };
    let month = match given {
        Value::String(text) => {
            let date = as_date(text)
                .ok_or_else(|| Error::invalid("birth_date", "wrong_type", "Is a date such as 2015-03-02"))?;
            if date > today || today.year() - date.year() > 125 {
                return Err(Error::invalid("birth_date", "implausible", "Lies between 125 years ago and today"));
            }
            Value::String(format!("{}-01", &text[..7]))
        }
        _ => Value::Null,
    };
    values.insert("birth_month".into(), month);
    Ok(())
}

/// Removes identifiers, names, addresses, contact points or contacts of patients, for a source that sends them anew:
/// the table, and the patient. A table that holds no parts of patients is passed over.
///
/// # Errors
/// Those of the database.
pub async fn remove_parts(tx: &mut Tx, parts: &[(&str, Uuid)]) -> Result<()> {
    let all = [
        ("medical.patient_identifiers", sql!("DELETE FROM medical.patient_identifiers WHERE patient_id = ANY($1)")),
        ("medical.patient_names", sql!("DELETE FROM medical.patient_names WHERE patient_id = ANY($1)")),
        ("medical.patient_addresses", sql!("DELETE FROM medical.patient_addresses WHERE patient_id = ANY($1)")),
        ("medical.patient_telecoms", sql!("DELETE FROM medical.patient_telecoms WHERE patient_id = ANY($1)")),
        ("medical.patient_contacts", sql!("DELETE FROM medical.patient_contacts WHERE patient_id = ANY($1)")),
    ];
    for (table, sql) in all {
        let patients: Vec<Uuid> = parts.iter().filter(|(t, _)| *t == table).map(|(_, id)| *id).collect();
        if !patients.is_empty() {
            tx.query(sql, &[&patients]).await?;
        }
    }
    Ok(())
}
