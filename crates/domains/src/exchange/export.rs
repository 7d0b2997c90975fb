//! A tenant's records as FHIR NDJSON, one file a type, in constant memory.
//!
//! A resource that came from a source and whose row is as it came leaves as it came, to the byte of its values. A row
//! changed since is written over the original, so that what no column holds survives; a row made here becomes a
//! resource of its own.

use super::TABLE;
use salus_codec::{
    fhir::{self, Child, NdjsonWriter, Record as FhirRecord, Reference, Target},
    json::{self, Limits},
};
use salus_core::{Ctx, Error, Result};
use salus_store::{Act, At, Db, Record, Tx, perform, sql};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Resources of one step, which is one transaction and one audit event.
const STEP: i64 = 500;

/// What an export wrote: type to file and lines.
pub type Written = BTreeMap<String, (PathBuf, u64)>;

/// Tables whose rows are resources, in the order in which they are written when they were made here.
const TABLES: &[(&str, &str)] = &[
    ("medical.providers", ""),
    ("medical.patients", "Patient"),
    ("records.encounters", "Encounter"),
    ("records.diagnoses", "Condition"),
    ("records.medications", "MedicationRequest"),
    ("records.allergies", "AllergyIntolerance"),
    ("records.procedures", "Procedure"),
    ("records.immunizations", "Immunization"),
    ("records.vital_signs", "Observation"),
    ("records.lab_results", "Observation"),
    ("records.lab_reports", "DiagnosticReport"),
    ("records.documents", "DocumentReference"),
];

/// Parts of a patient that belong into its resource.
const PARTS: &[&str] = &[
    "medical.patient_identifiers",
    "medical.patient_names",
    "medical.patient_addresses",
    "medical.patient_telecoms",
    "medical.patient_contacts",
];

/// Writes everything of a tenant into files of `folder`, which must be empty or not exist.
///
/// # Errors
/// [`Error::Invalid`] for a folder that holds something; those of disk and database.
pub async fn export(db: &Db, ctx: &Ctx, folder: &Path, progress: impl Fn(u64)) -> Result<Written> {
    db.require_sealed(ctx.tenant).await?;
    let failed = |e: std::io::Error| Error::invalid("out", "unwritable", format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Error::invalid(
            "out",
            "not_empty",
            format!("{} is not empty: name a new folder", folder.display()),
        ));
    }
    let mut files = Files { folder: folder.to_path_buf(), open: BTreeMap::new(), lines: 0 };
    let mut after = Uuid::nil();
    loop {
        let (lines, last) = step(db, ctx, move |tx| Box::pin(kept(tx, after))).await?;
        let Some(last) = last else { break };
        after = last;
        files.write(lines)?;
        progress(files.lines);
    }
    for (table, resource_type) in TABLES {
        let mut after = Uuid::nil();
        loop {
            let (lines, last) = step(db, ctx, move |tx| Box::pin(made_here(tx, table, resource_type, after))).await?;
            let Some(last) = last else { break };
            after = last;
            files.write(lines)?;
            progress(files.lines);
        }
    }
    files.finish()
}

/// Resources by type, and the id after which the next step goes on; `None` at the end.
type Lines = (Vec<(String, Vec<u8>)>, Option<Uuid>);

async fn step<F>(db: &Db, ctx: &Ctx, work: F) -> Result<Lines>
where
    F: for<'a> FnOnce(&'a mut Tx) -> futures_util::future::BoxFuture<'a, Result<Lines>> + Send + 'static,
{
    let act = Act {
        name: "exchange.fhir.export".into(),
        target: TABLE,
        permission: super::EXPORT,
        read_only: true,
        row: None,
    };
    perform(db, act, Ctx { request: db.env().id(), ..ctx.clone() }, work).await
}

/// Resources that came from a source.
async fn kept(tx: &mut Tx, after: Uuid) -> Result<Lines> {
    let rows = tx
        .query(
            sql!(
                "SELECT id, resource_type::text AS resource_type, body, patient_id, row_table::text AS row_table, row_id, imported_at \
                 FROM exchange.fhir_resources WHERE id > $1 ORDER BY id LIMIT $2"
            ),
            &[&after, &STEP],
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
    let mut changed: HashMap<Uuid, Record> = HashMap::new();
    for (table, ids) in tables {
        for record in tx.select(&table, &[], "t.id = ANY($1) AND t.row_version > 1", &[&ids]).await? {
            if let Some(id) = record.id() {
                changed.insert(id, record);
            }
        }
    }
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, subject): (Uuid, Option<Uuid>) = (row.get("id"), row.get("patient_id"));
        let Some(body) = tx.open_exact(At { table: TABLE, column: "body", row: id }, subject, row.get("body"))? else {
            continue;
        };
        let name: String = row.get("resource_type");
        let current = row.get::<_, Option<Uuid>>("row_id").and_then(|id| changed.remove(&id));
        let line = match current {
            None => one_line(&body)?,
            Some(current) => over(tx, &body, &current).await?,
        };
        lines.push((name, line));
    }
    tx.count(lines.len());
    Ok((lines, Some(last)))
}

fn parse(body: &[u8]) -> Result<json::Json<'_>> {
    json::parse(body, Limits::default())
        .map_err(|e| Error::internal(format!("a kept resource is not JSON: {}", e.code)))
}

/// The resource without line breaks, its values untouched.
fn one_line(body: &[u8]) -> Result<Vec<u8>> {
    let mut out = NdjsonWriter::new(Vec::new());
    out.write(&parse(body)?).map_err(Error::internal)?;
    out.finish().map_err(Error::internal)
}

/// The present row written over the original.
async fn over(tx: &mut Tx, body: &[u8], current: &Record) -> Result<Vec<u8>> {
    let original = parse(body)?;
    let mut record = fhir::map(&original).map_err(|_| Error::internal("a kept resource no longer maps"))?.record;
    for (name, value) in record.row.clone() {
        if let Some(now) = current.get(&name)
            && *now != value
        {
            record.row.insert(name, now.clone());
        }
    }
    if record.table.as_deref() == Some("medical.patients") {
        record.children = parts(tx, current).await?;
    }
    let written = fhir::write(&record, Some(original)).ok_or_else(|| Error::internal("a row has no resource"))?;
    let mut out = NdjsonWriter::new(Vec::new());
    out.write(&written).map_err(Error::internal)?;
    out.finish().map_err(Error::internal)
}

async fn parts(tx: &mut Tx, patient: &Record) -> Result<Vec<Child>> {
    let id = patient.id().ok_or_else(|| Error::internal("a row without id"))?;
    let mut children = Vec::new();
    for table in PARTS {
        for record in tx.select(table, &[], "t.patient_id = $1 ORDER BY t.id", &[&id]).await? {
            let row = values(&record, &["id", "patient_id"]);
            children.push(Child { table: (*table).into(), row });
        }
    }
    Ok(children)
}

fn values(record: &Record, without: &[&str]) -> Map<String, Value> {
    let header = ["row_version", "created_at", "updated_at", "created_by", "updated_by"];
    let keep = |name: &str| !without.contains(&name) && !header.contains(&name);
    let pairs = record.names.iter().zip(&record.values).filter(|(n, v)| keep(n) && !v.is_null());
    pairs.map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// Rows that no source sent.
async fn made_here(tx: &mut Tx, table: &'static str, resource_type: &'static str, after: Uuid) -> Result<Lines> {
    let condition = "t.id > $1 AND NOT EXISTS (SELECT FROM exchange.fhir_resources f WHERE f.tenant_id = t.tenant_id \
                     AND f.row_id = t.id) ORDER BY t.id LIMIT 500";
    let rows = tx.select(table, &[], condition, &[&after]).await?;
    let Some(last) = rows.last().and_then(Record::id) else { return Ok((Vec::new(), None)) };
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let name = if resource_type.is_empty() {
            if row.text("kind") == "organization" { "Organization" } else { "Practitioner" }
        } else {
            resource_type
        };
        let mut record = FhirRecord {
            resource_type: name.to_owned(),
            id: row.text("id").to_owned(),
            table: Some(table.into()),
            row: values(row, &["id", "patient_id", "source_ref"]),
            ..FhirRecord::default()
        };
        if table == "medical.patients" {
            record.children = parts(tx, row).await?;
        } else if let Ok(patient) = row.text("patient_id").parse::<Uuid>() {
            let target = Target::Id(sent_as(tx, patient).await?);
            record.refs.push(Reference { column: "patient_id".into(), target_type: "Patient".into(), target });
        }
        let Some(resource) = fhir::write(&record, None) else { continue };
        let mut out = NdjsonWriter::new(Vec::new());
        out.write(&resource).map_err(Error::internal)?;
        lines.push((name.to_owned(), out.finish().map_err(Error::internal)?));
    }
    Ok((lines, Some(last)))
}

/// The id under which a patient leaves: the one its source gave, or our own.
async fn sent_as(tx: &mut Tx, patient: Uuid) -> Result<String> {
    let sql = sql!(
        "SELECT id, body FROM exchange.fhir_resources WHERE row_table = 'medical.patients' AND row_id = $1 ORDER BY id LIMIT 1"
    );
    let Some(row) = tx.query_opt(sql, &[&patient]).await? else { return Ok(patient.to_string()) };
    tx.fetch_persons([patient]).await?;
    let Some(body) =
        tx.open_exact(At { table: TABLE, column: "body", row: row.get("id") }, Some(patient), row.get("body"))?
    else {
        return Ok(patient.to_string());
    };
    let id = parse(&body)?.get("id").and_then(|v| v.as_str().map(str::to_owned));
    Ok(id.unwrap_or_else(|| patient.to_string()))
}

struct Files {
    folder: PathBuf,
    open: BTreeMap<String, (PathBuf, BufWriter<File>, u64)>,
    lines: u64,
}

impl Files {
    fn write(&mut self, lines: Vec<(String, Vec<u8>)>) -> Result<()> {
        use std::io::Write as _;
        let failed = |e: std::io::Error| Error::Unavailable(format!("the export cannot be written: {e}"));
        for (name, line) in lines {
            if !self.open.contains_key(&name) {
                let path = self.folder.join(format!("{name}.000.ndjson"));
                let file = File::create_new(&path).map_err(failed)?;
                self.open.insert(name.clone(), (path, BufWriter::new(file), 0));
            }
            if let Some((_, file, count)) = self.open.get_mut(&name) {
                file.write_all(&line).map_err(failed)?;
                *count += 1;
                self.lines += 1;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Written> {
        let mut written = Written::new();
        for (name, (path, file, lines)) in self.open {
            let file =
                file.into_inner().map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))?;
            file.sync_all().map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))?;
            written.insert(name, (path, lines));
        }
        Ok(written)
    }
}
