//! From what a resource refers to, to ids of our rows: by its key in the same source, or by an identifier.

use super::TABLE;
use salus_codec::fhir::{Reference, Target};
use salus_core::Result;
use salus_store::{Tx, sql};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Ids found for references.
#[derive(Default)]
pub struct Resolved {
    keys: HashMap<Vec<u8>, Uuid>,
    npis: HashMap<String, Uuid>,
    identifiers: HashMap<(String, Vec<u8>), Uuid>,
}

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// The key under which a resource of a source is found: a blind index of type and id, because ids are identifiers.
///
/// # Errors
/// None in practice; those of key derivation.
pub fn key(tx: &Tx, resource_type: &str, id: &str) -> Result<Vec<u8>> {
    let digest = tx.digest(TABLE, "resource_key", format!("{resource_type}/{id}").as_bytes())?;
    Ok(digest[..16].to_vec())
}

/// The id a target stands for in its source: its own, that of a `urn:uuid:`, or an identifier that is the id.
fn id_of(target: &Target) -> Option<&str> {
    match target {
        Target::Id(id) => Some(id),
        Target::Url(url) => url.strip_prefix("urn:uuid:"),
        Target::Identifier { value, .. } => Some(value),
    }
}

/// Finds the rows of all these references in three statements.
///
/// # Errors
/// Those of the database.
pub async fn resolve(tx: &mut Tx, source: &str, references: &[&Reference]) -> Result<Resolved> {
    let (mut keys, mut npis, mut identifiers) = (HashSet::new(), HashSet::new(), HashSet::new());
    for r in references {
        if let Some(id) = id_of(&r.target) {
            keys.insert((&*r.target_type, key(tx, &r.target_type, id)?));
        }
        match &r.target {
            Target::Identifier { system, value } if system == NPI => {
                npis.insert(value.clone());
            }
            Target::Identifier { system, value } if r.target_type == "Patient" => {
                let blind = tx.blind("medical.patient_identifiers", "value", value)?;
                identifiers.extend(blind.into_iter().map(|b| (system.clone(), b)));
            }
            _ => {}
        }
    }
    let mut found = Resolved::default();
    if !keys.is_empty() {
        let (types, keys): (Vec<&str>, Vec<Vec<u8>>) = keys.into_iter().unzip();
        let sql = sql!(
            "SELECT k.key, f.row_id FROM unnest($2::text[], $3::bytea[]) AS k(type, key), LATERAL ( \
               SELECT r.row_id FROM exchange.fhir_resources r \
               WHERE r.source = $1::text AND r.resource_type = k.type AND r.resource_key = k.key LIMIT 1) f \
             WHERE f.row_id IS NOT NULL"
        );
        found.keys = tx.query(sql, &[&source, &types, &keys]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
    }
    if !npis.is_empty() {
        let npis: Vec<String> = npis.into_iter().collect();
        let sql = sql!("SELECT npi::text, id FROM medical.providers WHERE npi = ANY($1::text[])");
        found.npis = tx.query(sql, &[&npis]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
    }
    if !identifiers.is_empty() {
        let blind: Vec<Vec<u8>> = identifiers.iter().map(|(_, b)| b.clone()).collect();
        let sql = sql!(
            "SELECT system::text, value_bidx, patient_id FROM medical.patient_identifiers WHERE value_bidx = ANY($1::bytea[])"
        );
        found.identifiers = tx.query(sql, &[&blind]).await?.iter().map(|r| ((r.get(0), r.get(1)), r.get(2))).collect();
    }
    Ok(found)
}

impl Resolved {
    /// The row a reference points to, if it is here.
    ///
    /// # Errors
    /// Those of key derivation.
    pub fn row(&self, tx: &Tx, reference: &Reference) -> Result<Option<Uuid>> {
        if let Target::Identifier { system, value } = &reference.target {
            if system == NPI
                && let Some(id) = self.npis.get(value)
            {
                return Ok(Some(*id));
            }
            if reference.target_type == "Patient" {
                let blind = tx.blind("medical.patient_identifiers", "value", value)?;
                let mut found = blind.into_iter().filter_map(|b| self.identifiers.get(&(system.clone(), b)));
                if let Some(id) = found.next() {
                    return Ok(Some(*id));
                }
            }
        }
        let Some(id) = id_of(&reference.target) else { return Ok(None) };
        Ok(self.keys.get(&key(tx, &reference.target_type, id)?).copied())
    }
}
