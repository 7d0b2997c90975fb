//! Resources as they leave: the originals with what was changed here written over them, and rows that were made here.
//!
//! A step takes so many of them as fit into [`STEP`], one at least, whatever their size.

use super::{TABLE, export::Lines, kept::parse, resolve::resolve};
use crate::medical;
use salus_codec::fhir::{self, Child, NdjsonWriter, Record as FhirRecord, Reference, Target};
use salus_core::{Error, Result};
use salus_store::{At, Record, Tx, sql};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Resources and bytes of the originals of one step, which is one transaction and one audit event.
const STEP: (i64, i64) = (500, 8 << 20);

/// Parts of a patient that belong into its resource.
pub(super) const PARTS: &[&str] = &[
    "medical.patient_identifiers",
    "medical.patient_names",
    "medical.patient_addresses",
    "medical.patient_telecoms",
    "medical.patient_contacts",
];

const RESULTS: &str = "records.lab_results";
const REPORTS: &str = "records.lab_reports";

/// An original on its way out.
struct Original {
    name: String,
    source: String,
    body: Vec<u8>,
    /// The row, if it may have changed, and the record that its values are written into.
    changed: Option<(Record, FhirRecord)>,
}

/// Resources that came from a source.
pub(super) async fn kept(tx: &mut Tx, after: Uuid) -> Result<Lines> {
    let rows = tx
        .query(
            sql!(
                "SELECT * FROM (SELECT r.*, row_number() OVER (ORDER BY id) AS nth, sum(octet_length(body)) OVER (ORDER BY id) AS bytes \
                   FROM (SELECT id, source::text AS source, resource_type::text AS resource_type, body::bytea AS body, patient_id, \
                     row_table::text AS row_table, row_id FROM exchange.fhir_resources WHERE id > $1 ORDER BY id LIMIT $2) r) x \
                 WHERE nth = 1 OR bytes <= $3 ORDER BY id"
            ),
            &[&after, &STEP.0, &STEP.1],
        )
        .await?;
    let Some(last) = rows.last() else { return Ok((Vec::new(), None)) };
    let last = last.get("id");
    tx.fetch_persons(rows.iter().filter_map(|r| r.get::<_, Option<Uuid>>("patient_id"))).await?;
    let mut tables: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for row in &rows {
        if let (Some(table), Some(id)) = (row.get::<_, Option<String>>("row_table"), row.get("row_id")) {
            tables.entry(table).or_default().push(id);
        }
    }
    let mut reports = results(tx, tables.get(REPORTS).map(Vec::as_slice).unwrap_or_default(), true).await?;
    let mut parts = parts(tx, tables.get(medical::PATIENTS.table).map(Vec::as_slice).unwrap_or_default()).await?;
    let mut current = current(tx, tables, &reports).await?;
    let mut originals = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, subject): (Uuid, Option<Uuid>) = (row.get("id"), row.get("patient_id"));
        let Some(body) = tx.open_exact(At { table: TABLE, column: "body", row: id }, subject, row.get("body"))? else {
            continue;
        };
        let (name, source) = (row.get("resource_type"), row.get("source"));
        let held = row.get::<_, Option<Uuid>>("row_id").and_then(|id| Some((id, current.remove(&id)?)));
        let changed = match held {
            None => None,
            Some((id, current)) => {
                let parts = parts.remove(&id).unwrap_or_default();
                let made_here = reports.remove(&id).unwrap_or_default();
                over(tx, &body, &current, (parts, &made_here))?.map(|record| (current, record))
            }
        };
        originals.push(Original { name, source, body, changed });
    }
    refer_anew(tx, &mut originals).await?;
    let mut lines = Vec::with_capacity(originals.len());
    for original in originals {
        let resource = parse(&original.body)?;
        let written = match &original.changed {
            None => Some(resource),
            Some((_, record)) => fhir::write(record, Some(resource)),
        };
        lines.push((original.name, line(written)?));
    }
    tx.count(lines.len());
    Ok((lines, Some(last)))
}

/// The rows that may differ from what came. A changed part does not count in the version of its patient, and a result
/// made here not in that of its report, so those are always compared.
async fn current(
    tx: &mut Tx,
    tables: BTreeMap<String, Vec<Uuid>>,
    reports: &HashMap<Uuid, Vec<Uuid>>,
) -> Result<HashMap<Uuid, Record>> {
    let mut found = HashMap::new();
    for (table, ids) in tables {
        let always: Vec<Uuid> = match table.as_str() {
            "medical.patients" => ids.clone(),
            REPORTS => ids.iter().filter(|id| reports.contains_key(id)).copied().collect(),
            _ => Vec::new(),
        };
        let condition = "t.id = ANY($1) AND (t.row_version > 1 OR t.id = ANY($2))";
        for record in tx.select(&table, &[], condition, &[&ids, &always]).await? {
            found.extend(record.id().map(|id| (id, record)));
        }
    }
    Ok(found)
}

/// The record of an original with the values of its row. `None`: the original is no longer read into that row's table.
fn over(
    tx: &Tx,
    body: &[u8],
    current: &Record,
    (parts, made_here): (Vec<Child>, &[Uuid]),
) -> Result<Option<FhirRecord>> {
    let original = parse(body)?;
    let mapped = fhir::map(&original).map_err(|_| Error::internal("a kept resource no longer maps"))?;
    let mut record = mapped.record;
    let Some(table) = record.table.clone() else { return Ok(None) };
    let described = tx.catalog().table(&table)?;
    for column in fhir::columns(&record.resource_type, &table) {
        // What the source left out and the table must have was filled by the table: nobody said it.
        let filled = !record.row.contains_key(&column) && described.column(&column).is_some_and(|c| c.required);
        if let Some(now) = current.get(&column).filter(|_| !filled) {
            record.row.insert(column, now.clone());
        }
    }
    if table == medical::PATIENTS.table {
        record.children = parts;
    }
    if !made_here.is_empty() {
        // The count makes the list be written; the links themselves are set by `refer_anew`.
        record.row.insert("result_count".into(), (record.back_refs.len() + made_here.len()).into());
        record.back_refs.extend(made_here.iter().map(|id| Reference {
            column: "report_id".into(),
            target_type: "Observation".into(),
            target: Target::Id(id.to_string()),
        }));
    }
    Ok(Some(record))
}

/// Sets references that lead to another row now than what the original names.
async fn refer_anew(tx: &mut Tx, originals: &mut [Original]) -> Result<()> {
    let mut sources: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for original in originals.iter() {
        if let Some((_, record)) = &original.changed {
            sources.entry(&original.source).or_default().extend(&record.refs);
        }
    }
    let mut resolved = HashMap::new();
    for (source, references) in sources {
        resolved.insert(source.to_owned(), resolve(tx, source, &references).await?);
    }
    let mut moved: Vec<(usize, Pointer)> = Vec::new();
    for (i, original) in originals.iter().enumerate() {
        let Some((current, record)) = &original.changed else { continue };
        for pointer in pointers(record, current) {
            let named = match (record.reference(pointer.column), resolved.get(&original.source)) {
                (Some(reference), Some(resolved)) => resolved.row(tx, reference)?.id(),
                _ => None,
            };
            if named != Some(pointer.row) {
                moved.push((i, pointer));
            }
        }
    }
    let names = names(tx, moved.iter().map(|(_, pointer)| pointer.row).collect()).await?;
    for (i, pointer) in moved {
        if let Some((_, record)) = &mut originals[i].changed {
            record.refs.retain(|r| r.column != pointer.column);
            record.refs.push(pointer.named(&names));
        }
    }
    Ok(())
}

/// A column that points to a row.
struct Pointer {
    column: &'static str,
    target_type: &'static str,
    row: Uuid,
}

impl Pointer {
    fn named(&self, names: &HashMap<Uuid, (String, String)>) -> Reference {
        let (kind, id) =
            names.get(&self.row).cloned().unwrap_or_else(|| (self.target_type.to_owned(), self.row.to_string()));
        Reference { column: self.column.into(), target_type: kind.into(), target: Target::Id(id) }
    }
}

fn pointers(record: &FhirRecord, row: &Record) -> Vec<Pointer> {
    let columns = fhir::references(&record.resource_type, record.table.as_deref().unwrap_or_default());
    let set = columns
        .into_iter()
        .filter_map(|(column, target_type)| Some(Pointer { column, target_type, row: row.text(column).parse().ok()? }));
    set.collect()
}

/// The parts of patients.
async fn parts(tx: &mut Tx, patients: &[Uuid]) -> Result<HashMap<Uuid, Vec<Child>>> {
    let mut children: HashMap<Uuid, Vec<Child>> = HashMap::new();
    for table in PARTS.iter().filter(|_| !patients.is_empty()) {
        for record in tx.select(table, &[], "t.patient_id = ANY($1) ORDER BY t.id", &[&patients]).await? {
            let patient = record.text("patient_id").parse().map_err(Error::internal)?;
            let row = values(&record, &["id", "patient_id"]);
            children.entry(patient).or_default().push(Child { table: (*table).into(), row });
        }
    }
    Ok(children)
}

/// The results of reports, all or those that were made here.
async fn results(tx: &mut Tx, reports: &[Uuid], here_only: bool) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    let mut found: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    if reports.is_empty() {
        return Ok(found);
    }
    let sql = sql!(
        "SELECT r.report_id, r.id FROM records.lab_results r WHERE r.report_id = ANY($1) AND (NOT $2 OR NOT EXISTS ( \
           SELECT FROM exchange.fhir_resources f WHERE f.row_table = $3::text AND f.row_id = r.id)) ORDER BY r.id"
    );
    for row in tx.query(sql, &[&reports, &here_only, &RESULTS]).await? {
        found.entry(row.get(0)).or_default().push(row.get(1));
    }
    Ok(found)
}

fn values(record: &Record, without: &[&str]) -> Map<String, Value> {
    let header = ["row_version", "created_at", "updated_at", "created_by", "updated_by"];
    let keep = |name: &str| !without.contains(&name) && !header.contains(&name);
    let pairs = record.names.iter().zip(&record.values).filter(|(n, v)| keep(n) && !v.is_null());
    pairs.map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// Rows that no source sent.
pub(super) async fn made_here(
    tx: &mut Tx,
    table: &'static str,
    resource_type: &'static str,
    after: Uuid,
) -> Result<Lines> {
    let condition = "t.id > $1 AND NOT EXISTS (SELECT FROM exchange.fhir_resources f WHERE f.tenant_id = t.tenant_id \
                     AND f.row_table = $2::text AND f.row_id = t.id) ORDER BY t.id LIMIT 100";
    let rows = tx.select(table, &[], condition, &[&after, &table]).await?;
    let Some(last) = rows.last().and_then(Record::id) else { return Ok((Vec::new(), None)) };
    let ids: Vec<Uuid> = rows.iter().filter_map(Record::id).collect();
    let mut parts = if table == medical::PATIENTS.table { parts(tx, &ids).await? } else { HashMap::new() };
    let mut results = if table == REPORTS { results(tx, &ids, false).await? } else { HashMap::new() };
    let mut made = Vec::with_capacity(rows.len());
    for (row, id) in rows.iter().zip(ids) {
        let record = FhirRecord {
            resource_type: if resource_type.is_empty() { provider_type(row.text("kind")) } else { resource_type }
                .into(),
            id: id.to_string(),
            table: Some(table.into()),
            row: values(row, &["id", "patient_id", "source_ref"]),
            children: parts.remove(&id).unwrap_or_default(),
            ..FhirRecord::default()
        };
        let mut pointers = pointers(&record, row);
        let of = |row| Pointer { column: "report_id", target_type: "Observation", row };
        pointers.extend(results.remove(&id).unwrap_or_default().into_iter().map(of));
        made.push((record, pointers));
    }
    let wanted = made.iter().flat_map(|(_, pointers): &(_, Vec<Pointer>)| pointers).map(|p| p.row).collect();
    let names = names(tx, wanted).await?;
    let mut lines = Vec::with_capacity(made.len());
    for (mut record, pointers) in made {
        let references = pointers.iter().map(|pointer| pointer.named(&names));
        (record.back_refs, record.refs) = references.partition(|r| r.column == "report_id");
        lines.push((record.resource_type.clone(), line(fhir::write(&record, None))?));
    }
    Ok((lines, Some(last)))
}

fn provider_type(kind: &str) -> &'static str {
    if kind == "organization" { "Organization" } else { "Practitioner" }
}

/// Types and ids under which rows leave: those that their source gave, and of a provider made here its type.
async fn names(tx: &mut Tx, mut rows: Vec<Uuid>) -> Result<HashMap<Uuid, (String, String)>> {
    let mut names = HashMap::new();
    rows.sort();
    rows.dedup();
    if rows.is_empty() {
        return Ok(names);
    }
    let tables: Vec<&str> = vec![medical::PATIENTS.table, "medical.providers", "records.encounters", RESULTS];
    let sql = sql!(
        "SELECT DISTINCT ON (row_id) row_id, id, resource_type::text AS resource_type, patient_id, body \
         FROM exchange.fhir_resources WHERE row_table = ANY($1::text[]) AND row_id = ANY($2) ORDER BY row_id, id"
    );
    let found = tx.query(sql, &[&tables, &rows]).await?;
    tx.fetch_persons(found.iter().filter_map(|r| r.get::<_, Option<Uuid>>("patient_id"))).await?;
    for row in &found {
        let at = At { table: TABLE, column: "body", row: row.get("id") };
        let Some(body) = tx.open_exact(at, row.get("patient_id"), row.get("body"))? else { continue };
        let id = parse(&body)?.get("id").and_then(|v| v.as_str().map(str::to_owned));
        names.extend(id.map(|id| (row.get("row_id"), (row.get("resource_type"), id))));
    }
    let sql = sql!("SELECT id, kind::text FROM medical.providers WHERE id = ANY($1)");
    for row in tx.query(sql, &[&rows]).await? {
        let id: Uuid = row.get(0);
        names.entry(id).or_insert_with(|| (provider_type(row.get(1)).to_owned(), id.to_string()));
    }
    Ok(names)
}

/// A resource on one line, its values untouched.
fn line(resource: Option<salus_codec::json::Json<'_>>) -> Result<Vec<u8>> {
    let resource = resource.ok_or_else(|| Error::internal("a row has no resource"))?;
    let mut out = NdjsonWriter::new(Vec::new());
    out.write(&resource).map_err(Error::internal)?;
    out.finish().map_err(Error::internal)
}
