//! Finding a patient for another domain, without opening anything of theirs.

use salus_core::Result;
use salus_store::{Tx, sql};
use std::collections::HashMap;
use uuid::Uuid;

/// Whether there is such a patient.
///
/// # Errors
/// Those of the database.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Uuid>> {
    let found = tx.query_opt(sql!("SELECT id FROM medical.patients WHERE id = $1"), &[&id]).await?;
    Ok(found.map(|row| row.get(0)))
}

/// The patient of a record number.
///
/// # Errors
/// Those of the database.
pub async fn find_by_number(tx: &mut Tx, number: &str) -> Result<Option<Uuid>> {
    let blind = tx.blind("medical.patients", "mrn", number)?;
    let sql = sql!("SELECT id FROM medical.patients WHERE mrn_bidx = ANY($1::bytea[])");
    Ok(tx.query_opt(sql, &[&blind]).await?.map(|row| row.get(0)))
}

/// The pseudonyms of patients.
///
/// # Errors
/// Those of the database.
pub async fn pseudonyms(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = tx.query(sql!("SELECT id, pseudonym::text FROM medical.patients WHERE id = ANY($1)"), &[&ids]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Which home patients are of, as far as the first person to call has a telephone: equal digests are the same number. Nothing
/// is opened.
///
/// # Errors
/// Those of the database.
pub async fn households(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<u8>>> {
    let sql = sql!(
        "SELECT DISTINCT ON (patient_id) patient_id, phone_bidx::bytea FROM medical.patient_contacts \
         WHERE patient_id = ANY($1) AND phone_bidx IS NOT NULL ORDER BY patient_id, priority, id"
    );
    Ok(tx.query(sql, &[&ids]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}
