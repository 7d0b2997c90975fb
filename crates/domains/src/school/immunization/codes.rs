//! Vaccine codes (CVX) with their status, out of the file that the user imported: whole or not at all, and each import takes the
//! place of the one before. Doses of the past keep codes that are not used any more; a dose given here has one that is.

use salus_codec::cvx;
use salus_core::{Error, Result};
use salus_rules::immunization::Schedule;
use salus_store::{Resource, Tx, sql};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The list.
pub const CODES: Resource = Resource {
    table: "school.vaccine_codes",
    path: "immunizations/vaccine-codes",
    noun: "school.vaccine_code",
    read: "school.immunization.read",
    write: None,
    filters: &["cvx", "status", "is_vaccine"],
    locked: &[],
    list: &[],
};

/// Takes in CDC's text file of CVX codes. Codes that it does not have leave the list.
///
/// # Errors
/// [`Error::Invalid`] on `codes` naming the line that is not understood; nothing is changed then.
pub async fn import(tx: &mut Tx, file: &[u8]) -> Result<Value> {
    let codes = cvx::read(file)?;
    tx.alone(CODES.table, &tx.ctx.tenant.to_string()).await?;
    let ids: Vec<Uuid> = codes.iter().map(|_| tx.ctx.env.id()).collect();
    let numbers: Vec<&str> = codes.iter().map(|c| c.cvx.as_str()).collect();
    let labels: Vec<&str> = codes.iter().map(|c| c.label.as_str()).collect();
    let statuses: Vec<&str> = codes.iter().map(|c| c.status.name()).collect();
    let vaccines: Vec<bool> = codes.iter().map(|c| c.is_vaccine).collect();
    let days: Vec<time::Date> = codes.iter().map(|c| c.updated_on).collect();
    let gone = tx
        .query(sql!("DELETE FROM school.vaccine_codes WHERE cvx <> ALL($1::text[]) RETURNING id"), &[&numbers])
        .await?;
    let sql = sql!(
        "INSERT INTO school.vaccine_codes AS c (id, cvx, label, status, is_vaccine, changed_on) \
         SELECT r.id, r.cvx, r.label, r.status, r.vaccine, r.day \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::date[]) AS r (id, cvx, label, status, vaccine, day) \
         ON CONFLICT ON CONSTRAINT vaccine_codes_cvx_uq DO UPDATE SET label = excluded.label, status = excluded.status, \
           is_vaccine = excluded.is_vaccine, changed_on = excluded.changed_on \
         WHERE (c.label, c.status, c.is_vaccine, c.changed_on) IS DISTINCT FROM \
           (excluded.label, excluded.status, excluded.is_vaccine, excluded.changed_on)"
    );
    tx.query(sql, &[&ids, &numbers, &labels, &statuses, &vaccines, &days]).await?;
    tx.count(codes.len());
    let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
    for code in &codes {
        *by_status.entry(code.status.name()).or_default() += 1;
    }
    Ok(json!({"codes": codes.len(), "left": gone.len(), "statuses": by_status}))
}

/// The form of a CVX code that a person wrote.
///
/// # Errors
/// [`Error::Invalid`] on `cvx`.
pub(super) fn form(text: &str) -> Result<u16> {
    let number = text.trim().parse().ok().filter(|number| (1..=999).contains(number));
    number.ok_or_else(|| Error::invalid("cvx", "wrong_type", "Is a CVX code such as 03"))
}

/// Refuses a code that neither the schedule in use nor the list has, and for a dose that is given here one that is not used
/// today. What was not imported is not asked.
///
/// # Errors
/// [`Error::Invalid`] on `cvx`: `unknown_cvx`, `retired_cvx` or `not_a_vaccine`.
pub(super) async fn admitted(tx: &mut Tx, number: u16, schedule: Option<&Schedule>, given_here: bool) -> Result<()> {
    let cvx = format!("{number:02}");
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM school.vaccine_codes) AS listed, c.label::text AS label, c.status::text AS status, c.is_vaccine \
         FROM (SELECT $1::text AS cvx) a LEFT JOIN school.vaccine_codes c ON c.cvx = a.cvx"
    );
    let found = tx.query_opt(sql, &[&cvx]).await?.ok_or_else(|| Error::internal("a left join has a row"))?;
    let status: Option<String> = found.get("status");
    let scheduled = schedule.is_some_and(|schedule| schedule.vaccines.contains_key(&number));
    let Some(status) = status else {
        let listed: bool = found.get("listed");
        // With neither list nor schedule any code that has the form of one is taken.
        let asked = schedule.is_some() || listed;
        if asked && (!scheduled || (listed && given_here)) {
            let where_not = if listed { "list of vaccine codes" } else { "schedule in use" };
            let message = format!("The {where_not} has no vaccine {cvx}: look at the card again");
            return Err(Error::invalid("cvx", "unknown_cvx", message));
        }
        return Ok(());
    };
    if !given_here {
        return Ok(());
    }
    let label: String = found.get("label");
    if !found.get::<_, bool>("is_vaccine") {
        let message =
            format!("CVX {cvx} ({label}) is no vaccine: a dose that was given here has the code of its vaccine");
        return Err(Error::invalid("cvx", "not_a_vaccine", message));
    }
    let why = match status.as_str() {
        "ACTIVE" => return Ok(()),
        "PENDING" => "is not in use yet",
        "NON_US" => "is not used in the United States",
        "NEVER_ACTIVE" => "was never in use",
        _ => "is not in use any more",
    };
    let message = format!(
        "CVX {cvx} ({label}) {why}: no dose of it is given today. Look at the vial again, or say where the dose of the past is known from"
    );
    Err(Error::invalid("cvx", "retired_cvx", message))
}
