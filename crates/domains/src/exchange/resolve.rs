//! From what a resource refers to, to ids of our rows: by its key in the same source, or by an identifier that the
//! target itself has.
//!
//! Invariant: a number is never taken for an id. A fact filed under the wrong person is worse than one refused, so two
//! persons with one number are nobody.

use super::{TABLE, kept::parse};
use salus_codec::{
    fhir::{Reference, Target, is_id},
    json::Json,
};
use salus_core::Result;
use salus_store::{At, Tx, sql};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Who has a number, each with whether the source at hand tells of them.
type Holders = BTreeSet<(bool, Uuid)>;

/// Ids found for references.
#[derive(Default)]
pub struct Resolved {
    /// Of resources of this source, by key; without a row: kept whole.
    keys: HashMap<Vec<u8>, Option<Uuid>>,
    npis: HashMap<String, Uuid>,
    /// Persons by register and number.
    persons: HashMap<(String, Vec<u8>), Holders>,
    /// Others by type, register and number.
    bearers: HashMap<(String, String, String), Option<Uuid>>,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A row.
    Row(Uuid),
    /// A resource that is kept whole, so there is no row.
    Whole,
    /// Several persons.
    Several,
    /// Nothing.
    Absent,
}

impl Found {
    /// The row.
    pub fn id(self) -> Option<Uuid> {
        if let Self::Row(id) = self { Some(id) } else { None }
    }

    fn of(row: Option<&Option<Uuid>>) -> Self {
        row.map_or(Self::Absent, |row| row.map_or(Self::Whole, Self::Row))
    }
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

/// The id a target stands for in its source: its own, or that of a `urn:uuid:`.
pub fn id_of(target: &Target) -> Option<&str> {
    match target {
        Target::Id(id) => Some(id),
        Target::Url(url) => url.strip_prefix("urn:uuid:"),
        Target::Identifier { .. } => None,
    }
}

/// Finds the rows of all these references, each way in one statement.
///
/// # Errors
/// Those of the database.
pub async fn resolve(tx: &mut Tx, source: &str, references: &[&Reference]) -> Result<Resolved> {
    let (mut keys, mut npis, mut persons) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut bearers: HashSet<(&str, &str, &str)> = HashSet::new();
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
                persons.extend(blind.into_iter().map(|b| (system.clone(), b)));
            }
            Target::Identifier { system, value } if is_id(value) => {
                bearers.insert((&r.target_type, system, value));
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
               WHERE r.source = $1::text AND r.resource_type = k.type AND r.resource_key = k.key LIMIT 1) f"
        );
        found.keys = tx.query(sql, &[&source, &types, &keys]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
    }
    if !npis.is_empty() {
        let npis: Vec<String> = npis.into_iter().collect();
        let sql = sql!("SELECT npi::text, id FROM medical.providers WHERE npi = ANY($1::text[])");
        found.npis = tx.query(sql, &[&npis]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
    }
    if !persons.is_empty() {
        let blind: Vec<Vec<u8>> = persons.iter().map(|(_, b)| b.clone()).collect();
        // Of a social security number a row has the last four digits, by which nobody is found.
        let sql = sql!(
            "SELECT i.system::text, i.value_bidx, i.patient_id, EXISTS (SELECT FROM exchange.fhir_resources f \
               WHERE f.row_table = 'medical.patients' AND f.row_id = i.patient_id AND f.source = $2::text) \
             FROM medical.patient_identifiers i WHERE i.value_bidx = ANY($1::bytea[]) AND i.type <> 'SS4'"
        );
        for r in tx.query(sql, &[&blind, &source]).await? {
            found.persons.entry((r.get(0), r.get(1))).or_default().insert((r.get(3), r.get(2)));
        }
    }
    found.bearers(tx, source, bearers).await?;
    Ok(found)
}

impl Resolved {
    /// Resources whose id is the number that a reference gives. Some sources use one for the other; that it is so here
    /// is seen in the resource, which has that very identifier.
    async fn bearers(&mut self, tx: &mut Tx, source: &str, wanted: HashSet<(&str, &str, &str)>) -> Result<()> {
        let (mut types, mut keys, mut asked) = (Vec::new(), Vec::new(), HashMap::new());
        for (kind, system, value) in wanted {
            let key = key(tx, kind, value)?;
            types.push(kind);
            keys.push(key.clone());
            asked.entry(key).or_insert_with(Vec::new).push((kind, system, value));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "SELECT k.key, f.id, f.row_id, f.patient_id, f.body FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::bytea[])) \
               AS k(type, key), LATERAL (SELECT r.id, r.row_id, r.patient_id, r.body FROM exchange.fhir_resources r \
               WHERE r.source = $1::text AND r.resource_type = k.type AND r.resource_key = k.key LIMIT 1) f"
        );
        let rows = tx.query(sql, &[&source, &types, &keys]).await?;
        tx.fetch_persons(rows.iter().filter_map(|r| r.get::<_, Option<Uuid>>("patient_id"))).await?;
        for r in &rows {
            let at = At { table: TABLE, column: "body", row: r.get("id") };
            let Some(body) = tx.open_exact(at, r.get("patient_id"), r.get("body"))? else { continue };
            let resource = parse(&body)?;
            let held = resource.get("identifier").map(Json::items).unwrap_or_default();
            let text = |i: &Json<'_>, name| i.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
            for (kind, system, value) in asked.remove(r.get::<_, &[u8]>("key")).unwrap_or_default() {
                if held.iter().any(|i| (&*text(i, "system"), &*text(i, "value")) == (system, value)) {
                    self.bearers.insert((kind.into(), system.into(), value.into()), r.get("row_id"));
                }
            }
        }
        Ok(())
    }

    /// The row a reference points to, if it is here.
    ///
    /// # Errors
    /// Those of key derivation.
    pub fn row(&self, tx: &Tx, reference: &Reference) -> Result<Found> {
        match &reference.target {
            Target::Identifier { system, value } if system == NPI => {
                Ok(self.npis.get(value).map_or(Found::Absent, |id| Found::Row(*id)))
            }
            Target::Identifier { system, value } if reference.target_type == "Patient" => {
                let mut persons = BTreeSet::new();
                for blind in tx.blind("medical.patient_identifiers", "value", value)? {
                    persons.extend(self.persons.get(&(system.clone(), blind)).into_iter().flatten().copied());
                }
                Ok(one_of(&persons))
            }
            Target::Identifier { system, value } => {
                let asked = (reference.target_type.to_string(), system.clone(), value.clone());
                Ok(Found::of(self.bearers.get(&asked)))
            }
            target => match id_of(target) {
                Some(id) => Ok(Found::of(self.keys.get(&key(tx, &reference.target_type, id)?))),
                None => Ok(Found::Absent),
            },
        }
    }
}

/// The one person with a number: one of this source before those of others.
fn one_of(persons: &Holders) -> Found {
    let of = |own: bool| persons.iter().filter(move |(o, _)| *o == own).map(|(_, id)| *id).collect::<Vec<_>>();
    match (&of(true)[..], &of(false)[..]) {
        ([], []) => Found::Absent,
        ([one], _) | ([], [one]) => Found::Row(*one),
        _ => Found::Several,
    }
}
