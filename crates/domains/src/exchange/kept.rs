//! The kept originals: which of them are here already, what the version before said, and their writing.

use super::{TABLE, batch::Prepared};
use salus_codec::{
    fhir,
    json::{self, Limits},
};
use salus_core::{Error, Result};
use salus_store::{At, Tx, sql};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// Ends the note of a reference whose target is not here.
const MISSING: &str = " (not found)";

/// The note of a reference whose target is not here.
pub(super) fn missing(path: &str) -> String {
    format!("{path}{MISSING}")
}

/// A resource that is here already.
pub(super) struct Known {
    /// Id of the original.
    pub id: Uuid,
    /// Digest of its content.
    pub digest: Vec<u8>,
    /// The row made of it.
    pub row: Option<(String, Uuid)>,
    /// Whom it is about.
    pub patient: Option<Uuid>,
    /// Notes of references whose targets were not here.
    pub waiting: Vec<String>,
}

/// Those of these resources that are here already. Their types are named because they stand before the keys in the
/// index: without them each look-up would read the whole source. `LIMIT 1` keeps a plan that was made while the table
/// was empty from reading all of it later.
pub(super) async fn known(
    tx: &mut Tx,
    source: &str,
    types: &[&str],
    keys: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Known>> {
    let sql = sql!(
        "SELECT k.key, f.* FROM unnest($2::text[], $3::bytea[]) AS k(type, key), LATERAL ( \
           SELECT r.id, r.digest, r.row_table::text AS row_table, r.row_id, r.patient_id, \
             CASE WHEN strpos(r.unmapped::text, '(not found)') > 0 THEN r.unmapped END AS unmapped \
           FROM exchange.fhir_resources r \
           WHERE r.source = $1::text AND r.resource_type = k.type AND r.resource_key = k.key LIMIT 1) f"
    );
    let mut found = HashMap::new();
    for r in tx.query(sql, &[&source, &types, &keys]).await? {
        let unmapped: Option<Value> = r.get("unmapped");
        let notes = unmapped.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let waiting = notes.iter().filter_map(Value::as_str).filter(|note| note.ends_with(MISSING));
        let known = Known {
            id: r.get("id"),
            digest: r.get("digest"),
            row: r.get::<_, Option<String>>("row_table").zip(r.get("row_id")),
            patient: r.get("patient_id"),
            waiting: waiting.map(str::to_owned).collect(),
        };
        found.insert(r.get("key"), known);
    }
    Ok(found)
}

/// The record of the version that is here. `None`: it was read into no row, its person was erased, or it is no longer
/// read as it was, so that nothing can be said of what changed.
pub(super) async fn former(tx: &mut Tx, known: &Known) -> Result<Option<fhir::Record>> {
    if known.row.is_none() {
        return Ok(None);
    }
    let sql = sql!("SELECT body FROM exchange.fhir_resources WHERE id = $1");
    let Some(row) = tx.query_opt(sql, &[&known.id]).await? else { return Ok(None) };
    tx.fetch_persons(known.patient).await?;
    let at = At { table: TABLE, column: "body", row: known.id };
    let Some(body) = tx.open_exact(at, known.patient, row.get("body"))? else { return Ok(None) };
    let resource = parse(&body)?;
    Ok(fhir::map(&resource).ok().map(|mapped| mapped.record))
}

/// A kept resource.
pub(super) fn parse(body: &[u8]) -> Result<json::Json<'_>> {
    json::parse(body, Limits::default())
        .map_err(|e| Error::internal(format!("a kept resource is not JSON: {}", e.code)))
}

/// A whole resource to be kept.
pub(super) struct Whole {
    pub id: Uuid,
    pub resource_type: String,
    pub key: Vec<u8>,
    pub digest: Vec<u8>,
    pub bytes: Vec<u8>,
    pub patient: Option<Uuid>,
    pub row: Option<(String, Uuid)>,
    pub sensitivity: Option<String>,
    pub unmapped: Value,
    pub is_new: bool,
}

impl Whole {
    /// A resource under the id it has, or a new one.
    pub fn of(id: Uuid, one: &Prepared, (key, digest): (Vec<u8>, Vec<u8>)) -> Self {
        Self {
            id,
            resource_type: one.mapped.record.resource_type.clone(),
            key,
            digest,
            bytes: one.bytes.clone(),
            patient: None,
            row: None,
            sensitivity: one.mapped.sensitivity.clone(),
            unmapped: Value::Null,
            is_new: true,
        }
    }
}

/// Keeps the whole resources, sealed, and where their rows are.
pub(super) async fn keep(tx: &mut Tx, source: &str, wholes: Vec<Whole>) -> Result<()> {
    tx.fetch_persons(wholes.iter().filter_map(|w| w.patient)).await?;
    let mut bodies = Vec::with_capacity(wholes.len());
    for w in &wholes {
        bodies.push(tx.seal_exact(At { table: TABLE, column: "body", row: w.id }, w.patient, &w.bytes)?);
    }
    let (new, old): (Vec<_>, Vec<_>) = wholes.into_iter().zip(bodies).partition(|(w, _)| w.is_new);
    if !new.is_empty() {
        let sql = sql!(
            "INSERT INTO exchange.fhir_resources (id, source, resource_type, resource_key, digest, body, patient_id, row_table, row_id, unmapped, sensitivity) \
             SELECT x.id, $1::text, x.resource_type, x.resource_key, x.digest, x.body, x.patient_id, x.row_table, x.row_id, x.unmapped::jsonb, \
               x.sensitivity \
             FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::uuid[], $8::text[], $9::uuid[], $10::text[], $11::text[]) \
             AS x(id, resource_type, resource_key, digest, body, patient_id, row_table, row_id, unmapped, sensitivity)"
        );
        let c = Columns::of(new);
        tx.query(
            sql,
            &[
                &source,
                &c.ids,
                &c.types,
                &c.keys,
                &c.digests,
                &c.bodies,
                &c.patients,
                &c.tables,
                &c.rows,
                &c.unmapped,
                &c.labels,
            ],
        )
        .await?;
    }
    if !old.is_empty() {
        let sql = sql!(
            "UPDATE exchange.fhir_resources f SET digest = x.digest, body = x.body, patient_id = x.patient_id, row_table = x.row_table, \
               row_id = x.row_id, unmapped = x.unmapped::jsonb, imported_at = now(), \
               sensitivity = CASE WHEN x.row_id IS NULL THEN x.sensitivity ELSE coalesce(x.sensitivity, f.sensitivity) END \
             FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[]) \
             AS x(id, digest, body, patient_id, row_table, row_id, unmapped, sensitivity) WHERE f.id = x.id"
        );
        let c = Columns::of(old);
        tx.query(sql, &[&c.ids, &c.digests, &c.bodies, &c.patients, &c.tables, &c.rows, &c.unmapped, &c.labels])
            .await?;
    }
    Ok(())
}

#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    types: Vec<String>,
    keys: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    patients: Vec<Option<Uuid>>,
    tables: Vec<Option<String>>,
    rows: Vec<Option<Uuid>>,
    unmapped: Vec<String>,
    labels: Vec<Option<String>>,
}

impl Columns {
    fn of(wholes: Vec<(Whole, Vec<u8>)>) -> Self {
        let mut c = Self::default();
        for (w, body) in wholes {
            let (table, row) = w.row.unzip();
            c.ids.push(w.id);
            c.types.push(w.resource_type);
            c.keys.push(w.key);
            c.digests.push(w.digest);
            c.bodies.push(body);
            c.patients.push(w.patient);
            c.tables.push(table);
            c.rows.push(row);
            c.labels.push(w.sensitivity);
            c.unmapped.push(w.unmapped.to_string());
        }
        c
    }
}
