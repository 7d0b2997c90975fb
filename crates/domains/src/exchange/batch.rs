//! One batch of resources into the tables, in the caller's transaction.
//!
//! A batch that the database refuses is halved until the resource at fault stands alone; that one is reported and the
//! rest goes on.

use super::{
    TABLE,
    resolve::{Resolved, key, resolve},
};
use crate::{medical, records};
use futures_util::future::BoxFuture;
use salus_codec::fhir::Mapped;
use salus_core::{Error, Result};
use salus_store::{At, Tx, engine::NewRow, sql};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// A resource read from a file, ready to be stored.
pub struct Prepared {
    /// 1-based line.
    pub line: u64,
    /// 1-based number of the Bundle entry.
    pub entry: Option<u64>,
    /// What goes into tables.
    pub mapped: Mapped,
    /// The resource in canonical form, for the digest.
    pub canonical: Vec<u8>,
    /// The resource as it was written.
    pub bytes: Vec<u8>,
}

/// What became of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// New.
    Stored,
    /// New, and kept whole: no table holds its type.
    Kept,
    /// Stored before, and changed now.
    Changed,
    /// Stored before with the same content.
    Unchanged,
    /// Not stored, and why.
    Refused {
        /// FHIRPath-like place.
        path: String,
        /// In words.
        reason: String,
    },
}

/// Facts carry where they come from; these columns are filled here.
const FACT_DEFAULTS: [(&str, &str); 2] = [("verification", "IMPORTED"), ("source_kind", "EHR")];

/// Stores a batch. The fates stand in the order of the resources.
///
/// # Errors
/// Those that are nobody's fault: a lost connection, a missing key.
pub fn store<'a>(tx: &'a mut Tx, source: &'a str, batch: &'a [Prepared]) -> BoxFuture<'a, Result<Vec<Fate>>> {
    Box::pin(async move {
        tx.mark().await?;
        match attempt(tx, source, batch).await {
            Ok(fates) => {
                tx.keep_since_mark().await?;
                Ok(fates)
            }
            Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
                tx.undo_to_mark().await?;
                tx.keep_since_mark().await?;
                if let [one] = batch {
                    return Ok(vec![refused(one, &e)]);
                }
                let (first, second) = batch.split_at(batch.len() / 2);
                let mut fates = store(tx, source, first).await?;
                fates.extend(store(tx, source, second).await?);
                Ok(fates)
            }
            Err(e) => Err(e),
        }
    })
}

fn refused(one: &Prepared, e: &Error) -> Fate {
    let record = &one.mapped.record;
    match e {
        Error::Invalid(fields) => {
            let reasons: Vec<String> =
                fields.iter().map(|f| format!("{}: {}", f.pointer.trim_start_matches('/'), f.message)).collect();
            Fate::Refused { path: record.resource_type.clone(), reason: reasons.join("; ") }
        }
        other => Fate::Refused { path: record.resource_type.clone(), reason: other.to_string() },
    }
}

struct Known {
    id: Uuid,
    digest: Vec<u8>,
    row_id: Option<Uuid>,
}

async fn attempt(tx: &mut Tx, source: &str, batch: &[Prepared]) -> Result<Vec<Fate>> {
    let mut keys = Vec::with_capacity(batch.len());
    for one in batch {
        keys.push(key(tx, &one.mapped.record.resource_type, &one.mapped.record.id)?);
    }
    if batch.len() > 1 && keys.iter().collect::<HashSet<_>>().len() < keys.len() {
        // The same resource twice in one batch: halving lets the second find the first.
        return Err(Error::Conflict { code: "twice", detail: "The resource comes twice".into() });
    }
    let types: Vec<&str> = batch.iter().map(|one| one.mapped.record.resource_type.as_str()).collect();
    let known = known(tx, source, &types, &keys).await?;
    let mut references = Vec::new();
    for one in batch {
        references.extend(one.mapped.record.refs.iter().chain(&one.mapped.record.back_refs));
    }
    let resolved = resolve(tx, source, &references).await?;
    let providers = providers_by_npi(tx, batch).await?;
    let mut fates = Vec::with_capacity(batch.len());
    let mut writing = Writing::default();
    for (one, key) in batch.iter().zip(keys) {
        let digest = tx.digest(TABLE, "digest", &one.canonical)?;
        let held = known.get(&key);
        if held.is_some_and(|k| k.digest == digest) {
            fates.push(Fate::Unchanged);
            continue;
        }
        fates.push(writing.plan(tx, one, Place { key, digest, held, resolved: &resolved, providers: &providers })?);
    }
    writing.run(tx, source).await?;
    Ok(fates)
}

/// Those of these resources that are here already. Their types are named because they stand before the keys in the
/// index: without them each look-up would read the whole source. `LIMIT 1` keeps a plan that was made while the table
/// was empty from reading all of it later.
async fn known(tx: &mut Tx, source: &str, types: &[&str], keys: &[Vec<u8>]) -> Result<HashMap<Vec<u8>, Known>> {
    let sql = sql!(
        "SELECT k.key, f.id, f.digest, f.row_id FROM unnest($2::text[], $3::bytea[]) AS k(type, key), LATERAL ( \
           SELECT r.id, r.digest, r.row_id FROM exchange.fhir_resources r \
           WHERE r.source = $1::text AND r.resource_type = k.type AND r.resource_key = k.key LIMIT 1) f"
    );
    let rows = tx.query(sql, &[&source, &types, &keys]).await?;
    let known = |r: &salus_store::Row| Known { id: r.get("id"), digest: r.get("digest"), row_id: r.get("row_id") };
    Ok(rows.iter().map(|r| (r.get("key"), known(r))).collect())
}

/// Providers of this batch that the tenant has already, by NPI: another source's clinician is the same person.
async fn providers_by_npi(tx: &mut Tx, batch: &[Prepared]) -> Result<HashMap<String, Uuid>> {
    let npis: Vec<String> = batch
        .iter()
        .filter(|p| p.mapped.record.table.as_deref() == Some("medical.providers"))
        .filter_map(|p| p.mapped.record.value("npi")?.as_str().map(str::to_owned))
        .collect();
    if npis.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = sql!("SELECT npi::text, id FROM medical.providers WHERE npi = ANY($1::text[])");
    Ok(tx.query(sql, &[&npis]).await?.iter().map(|r| (r.get(0), r.get(1))).collect())
}

/// What is known of the place a resource takes.
struct Place<'a> {
    key: Vec<u8>,
    digest: Vec<u8>,
    held: Option<&'a Known>,
    resolved: &'a Resolved,
    providers: &'a HashMap<String, Uuid>,
}

/// A whole resource to be kept.
struct Whole {
    id: Uuid,
    resource_type: String,
    key: Vec<u8>,
    digest: Vec<u8>,
    bytes: Vec<u8>,
    patient: Option<Uuid>,
    table: Option<String>,
    row: Option<Uuid>,
    unmapped: Value,
    is_new: bool,
}

/// Everything a batch writes, gathered so that each table takes one statement.
#[derive(Default)]
struct Writing {
    inserts: BTreeMap<String, Vec<NewRow>>,
    updates: Vec<(String, Uuid, Map<String, Value>)>,
    /// Patients whose names, addresses and other parts are replaced.
    renewed: Vec<Uuid>,
    wholes: Vec<Whole>,
    /// Results that belong to a report: the row, and the report.
    reported: Vec<(Uuid, Uuid)>,
}

impl Writing {
    fn plan(&mut self, tx: &Tx, one: &Prepared, place: Place<'_>) -> Result<Fate> {
        let record = &one.mapped.record;
        let id = place.held.map_or_else(|| tx.ctx.env.id(), |k| k.id);
        let mut unmapped: Vec<String> = one.mapped.unmapped.clone();
        let (mut patient, mut row_id) = (None, None);
        if let Some(table) = record.table.as_deref() {
            let mut row = record.row.clone();
            for reference in &record.refs {
                let target = place.resolved.row(tx, reference)?;
                match target {
                    Some(target) => {
                        row.insert(reference.column.to_string(), json!(target));
                    }
                    None if reference.column == "patient_id" => {
                        return Ok(no_patient(record.resource_type.as_str(), table));
                    }
                    None => unmapped.push(format!("{}.{} (not found)", record.resource_type, reference.column)),
                }
            }
            let existing =
                record.value("npi").and_then(Value::as_str).and_then(|npi| place.providers.get(npi)).copied();
            let target = place.held.and_then(|k| k.row_id).or(existing);
            row_id = Some(target.unwrap_or_else(|| tx.ctx.env.id()));
            patient = self.row(tx, table, row, (row_id, target.is_some(), id))?;
            self.children(tx, one, row_id, target.is_some());
            for reference in &record.back_refs {
                match place.resolved.row(tx, reference)? {
                    Some(result) => self.reported.extend(row_id.map(|report| (result, report))),
                    None => unmapped.push(format!("{}.result (not found)", record.resource_type)),
                }
            }
        }
        let fate = match (place.held.is_some(), row_id.is_some()) {
            (true, _) => Fate::Changed,
            (false, true) => Fate::Stored,
            (false, false) => Fate::Kept,
        };
        self.wholes.push(Whole {
            id,
            resource_type: record.resource_type.clone(),
            key: place.key,
            digest: place.digest,
            bytes: one.bytes.clone(),
            patient,
            table: record.table.as_deref().map(str::to_owned),
            row: row_id,
            unmapped: json!(unmapped),
            is_new: place.held.is_none(),
        });
        Ok(fate)
    }

    /// Plans the row of a resource; returns the person it is about.
    fn row(
        &mut self,
        tx: &Tx,
        table: &str,
        mut row: Map<String, Value>,
        (id, exists, source): (Option<Uuid>, bool, Uuid),
    ) -> Result<Option<Uuid>> {
        let described = tx.catalog().table(table)?;
        for (column, value) in FACT_DEFAULTS {
            if described.column(column).is_some() && !row.contains_key(column) {
                row.insert(column.into(), json!(value));
            }
        }
        if described.column("source_ref").is_some() {
            row.insert("source_ref".into(), json!(source));
        }
        if table == medical::PATIENTS.table {
            medical::derive_patient(&mut row, tx.ctx.env.now().date())?;
        }
        let id = id.unwrap_or_else(|| tx.ctx.env.id());
        let patient = match described.subject.as_deref() {
            Some("id") => Some(id),
            Some(column) => row.get(column).and_then(Value::as_str).and_then(|s| s.parse().ok()),
            None => None,
        };
        if exists {
            self.updates.push((table.to_owned(), id, row));
        } else {
            self.inserts.entry(table.to_owned()).or_default().push(NewRow { id, values: row });
        }
        Ok(patient)
    }

    fn children(&mut self, tx: &Tx, one: &Prepared, row: Option<Uuid>, exists: bool) {
        let Some(row) = row else { return };
        if exists && !one.mapped.record.children.is_empty() {
            self.renewed.push(row);
        }
        for child in &one.mapped.record.children {
            let mut values = child.row.clone();
            values.insert("patient_id".into(), json!(row));
            self.inserts.entry(child.table.to_string()).or_default().push(NewRow { id: tx.ctx.env.id(), values });
        }
    }

    async fn run(self, tx: &mut Tx, source: &str) -> Result<()> {
        for (table, id, row) in self.updates {
            tx.update(&table, id, None, row).await?;
        }
        if !self.renewed.is_empty() {
            medical::remove_parts(tx, &self.renewed).await?;
        }
        let mut inserts = self.inserts;
        for first in
            ["medical.patients", "medical.providers", "records.encounters", "records.documents", "records.lab_reports"]
        {
            if let Some(rows) = inserts.remove(first) {
                insert(tx, first, &rows).await?;
            }
        }
        for (table, rows) in inserts {
            insert(tx, &table, &rows).await?;
        }
        if !self.reported.is_empty() {
            let (results, reports): (Vec<Uuid>, Vec<Uuid>) = self.reported.into_iter().unzip();
            records::link_results(tx, &results, &reports).await?;
        }
        keep(tx, source, self.wholes).await
    }
}

/// Inserts rows; a dose that is recorded already is stored beside the preferred one.
async fn insert(tx: &mut Tx, table: &str, rows: &[NewRow]) -> Result<()> {
    match tx.insert(table, rows).await {
        Err(Error::Conflict { code: "duplicate", .. }) if table == "records.immunizations" && rows.len() == 1 => {
            tx.undo_to_mark().await?;
            let mut row = rows[0].clone();
            row.values.insert("is_preferred".into(), json!(false));
            tx.insert(table, &[row]).await
        }
        other => other,
    }
}

fn no_patient(resource_type: &str, table: &str) -> Fate {
    let element = if matches!(table, "records.allergies" | "records.immunizations") { "patient" } else { "subject" };
    Fate::Refused {
        path: format!("{resource_type}.{element}"),
        reason: "names a patient that is neither in this file nor in the tenant from this source".into(),
    }
}

/// Keeps the whole resources, sealed, and where their rows are.
async fn keep(tx: &mut Tx, source: &str, wholes: Vec<Whole>) -> Result<()> {
    tx.fetch_persons(wholes.iter().filter_map(|w| w.patient)).await?;
    let mut bodies = Vec::with_capacity(wholes.len());
    for w in &wholes {
        bodies.push(tx.seal_exact(At { table: TABLE, column: "body", row: w.id }, w.patient, &w.bytes)?);
    }
    let (new, old): (Vec<_>, Vec<_>) = wholes.into_iter().zip(bodies).partition(|(w, _)| w.is_new);
    if !new.is_empty() {
        let sql = sql!(
            "INSERT INTO exchange.fhir_resources (id, source, resource_type, resource_key, digest, body, patient_id, row_table, row_id, unmapped) \
             SELECT x.id, $1::text, x.resource_type, x.resource_key, x.digest, x.body, x.patient_id, x.row_table, x.row_id, x.unmapped::jsonb \
             FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::uuid[], $8::text[], $9::uuid[], $10::text[]) \
             AS x(id, resource_type, resource_key, digest, body, patient_id, row_table, row_id, unmapped)"
        );
        let c = Columns::of(new);
        tx.query(
            sql,
            &[&source, &c.ids, &c.types, &c.keys, &c.digests, &c.bodies, &c.patients, &c.tables, &c.rows, &c.unmapped],
        )
        .await?;
    }
    if !old.is_empty() {
        let sql = sql!(
            "UPDATE exchange.fhir_resources f SET digest = x.digest, body = x.body, patient_id = x.patient_id, row_table = x.row_table, \
               row_id = x.row_id, unmapped = x.unmapped::jsonb, imported_at = now() \
             FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[], $5::text[], $6::uuid[], $7::text[]) \
             AS x(id, digest, body, patient_id, row_table, row_id, unmapped) WHERE f.id = x.id"
        );
        let c = Columns::of(old);
        tx.query(sql, &[&c.ids, &c.digests, &c.bodies, &c.patients, &c.tables, &c.rows, &c.unmapped]).await?;
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
}

impl Columns {
    fn of(wholes: Vec<(Whole, Vec<u8>)>) -> Self {
        let mut c = Self::default();
        for (w, body) in wholes {
            c.ids.push(w.id);
            c.types.push(w.resource_type);
            c.keys.push(w.key);
            c.digests.push(w.digest);
            c.bodies.push(body);
            c.patients.push(w.patient);
            c.tables.push(w.table);
            c.rows.push(w.row);
            c.unmapped.push(w.unmapped.to_string());
        }
        c
    }
}
