//! One batch of resources into the tables, in the caller's transaction.
//!
//! A batch that the database refuses is halved until the resource at fault stands alone; that one is reported and the
//! rest goes on. A new version of a resource changes what its source changed: what it no longer says is emptied, and
//! what was changed here besides stays (`docs/decisions/0095`).

use super::{
    TABLE,
    kept::{Known, Whole, former, keep, known, missing},
    resolve::{Found, Resolved, key, resolve},
};
use crate::{medical, records};
use futures_util::future::BoxFuture;
use salus_codec::fhir::{self, Changes, Mapped, Record};
use salus_core::{Error, Result};
use salus_store::{Tx, engine::NewRow, sql};
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
    /// New, and kept whole: no table holds it.
    Kept,
    /// Stored before, and changed now.
    Changed,
    /// Stored before with the same content; what it refers to was not here then, and is now.
    Linked,
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

/// What became of one resource, and what is worth telling of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Whether it is stored.
    pub fate: Fate,
    /// References whose targets are not here, such as `Condition.encounter_id`.
    pub unresolved: Vec<String>,
    /// What wants a look.
    pub remark: Option<&'static str>,
}

impl From<Fate> for Done {
    fn from(fate: Fate) -> Self {
        Self { fate, unresolved: Vec::new(), remark: None }
    }
}

/// Why a Patient is refused that comes in place of another person.
pub const STRANGER: &str = "has another birth date and another family name than the patient of this id that is here: is it of \
                            another system? Then name that with --source";

/// Why a fact is refused whose patient is not here.
pub const NOBODY: &str = "names a patient that is neither in this file nor in the tenant from this source";

const MRN_TAKEN: &str =
    "Patient: another patient has this medical record number, so it stands among the identifiers only";

/// Facts carry where they come from; these columns are filled here.
const FACT_DEFAULTS: [(&str, &str); 2] = [("verification", "IMPORTED"), ("source_kind", "EHR")];

/// Stores a batch. What became of the resources stands in their order.
///
/// # Errors
/// Those that are nobody's fault: a lost connection, a missing key.
pub fn store<'a>(tx: &'a mut Tx, source: &'a str, batch: &'a [Prepared]) -> BoxFuture<'a, Result<Vec<Done>>> {
    Box::pin(async move {
        tx.mark().await?;
        match attempt(tx, source, batch).await {
            Ok(done) => {
                tx.keep_since_mark().await?;
                Ok(done)
            }
            Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::NotFound)) => {
                tx.undo_to_mark().await?;
                tx.keep_since_mark().await?;
                if let [one] = batch {
                    return Ok(vec![refused(one, &e).into()]);
                }
                let (first, second) = batch.split_at(batch.len() / 2);
                let mut done = store(tx, source, first).await?;
                done.extend(store(tx, source, second).await?);
                Ok(done)
            }
            Err(e) => Err(e),
        }
    })
}

fn refused(one: &Prepared, e: &Error) -> Fate {
    let path = one.mapped.record.resource_type.clone();
    let reason = match e {
        Error::Invalid(fields) => {
            let each = fields.iter().map(|f| format!("{}: {}", f.pointer.trim_start_matches('/'), f.message));
            each.collect::<Vec<_>>().join("; ")
        }
        Error::NotFound => "the record made of an earlier version of it is gone, so it cannot be changed".into(),
        other => other.to_string(),
    };
    Fate::Refused { path, reason }
}

async fn attempt(tx: &mut Tx, source: &str, batch: &[Prepared]) -> Result<Vec<Done>> {
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
    let numbers = patients_by_number(tx, batch).await?;
    let mut done = Vec::with_capacity(batch.len());
    let mut writing = Writing { numbers, ..Writing::default() };
    for (one, key) in batch.iter().zip(keys) {
        let digest = tx.digest(TABLE, "digest", &one.canonical)?;
        let held = known.get(&key);
        if let Some(held) = held.filter(|k| k.digest == digest) {
            done.push(writing.link(tx, one, held, ((key, digest), &resolved))?);
            continue;
        }
        let former = match held {
            Some(held) => former(tx, held).await?,
            None => None,
        };
        let place = Place { key, digest, held, former, resolved: &resolved, providers: &providers };
        done.push(writing.plan(tx, one, place)?);
    }
    writing.run(tx, source).await?;
    Ok(done)
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

/// Who has the medical record numbers of this batch already, by their blind indexes.
async fn patients_by_number(tx: &mut Tx, batch: &[Prepared]) -> Result<HashMap<Vec<u8>, Uuid>> {
    let mut blind = Vec::new();
    for one in batch.iter().filter(|p| p.mapped.record.table.as_deref() == Some(medical::PATIENTS.table)) {
        blind.extend(blind_number(tx, &one.mapped.record.row)?);
    }
    if blind.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = sql!("SELECT mrn_bidx, id FROM medical.patients WHERE mrn_bidx = ANY($1::bytea[])");
    Ok(tx.query(sql, &[&blind]).await?.iter().map(|r| (r.get(0), r.get(1))).collect())
}

fn blind_number(tx: &Tx, row: &Map<String, Value>) -> Result<Vec<Vec<u8>>> {
    let number = row.get("mrn").and_then(Value::as_str);
    number.map_or(Ok(Vec::new()), |number| tx.blind(medical::PATIENTS.table, "mrn", number))
}

/// What is known of the place a resource takes.
struct Place<'a> {
    key: Vec<u8>,
    digest: Vec<u8>,
    held: Option<&'a Known>,
    /// What the version before said.
    former: Option<Record>,
    resolved: &'a Resolved,
    providers: &'a HashMap<String, Uuid>,
}

/// The references of a resource: columns with the rows they point to, rows that point to it, and what is not here.
#[derive(Default)]
struct Links {
    columns: Vec<(String, Uuid)>,
    results: Vec<Uuid>,
    missing: Vec<String>,
}

impl Links {
    /// `Err`: whom the fact is about cannot be said, and why.
    fn of(tx: &Tx, record: &Record, resolved: &Resolved) -> Result<std::result::Result<Self, Fate>> {
        let mut links = Self::default();
        for reference in &record.refs {
            match resolved.row(tx, reference)? {
                Found::Row(id) => links.columns.push((reference.column.to_string(), id)),
                found if reference.column == "patient_id" => return Ok(Err(no_patient(record, found))),
                _ => links.missing.push(format!("{}.{}", record.resource_type, reference.column)),
            }
        }
        for reference in &record.back_refs {
            match resolved.row(tx, reference)?.id() {
                Some(result) => links.results.push(result),
                None => links.missing.push(format!("{}.result", record.resource_type)),
            }
        }
        Ok(Ok(links))
    }

    fn to(&self, column: &str) -> Option<Uuid> {
        self.columns.iter().find(|(c, _)| c == column).map(|(_, id)| *id)
    }
}

/// Everything a batch writes, gathered so that each table takes one statement.
#[derive(Default)]
struct Writing {
    inserts: BTreeMap<String, Vec<NewRow>>,
    updates: Vec<(String, Uuid, Map<String, Value>)>,
    /// Rows that no resource stands for any more.
    retired: Vec<(String, Uuid)>,
    /// Parts of patients that are replaced: the table, and the patient.
    renewed: Vec<(&'static str, Uuid)>,
    wholes: Vec<Whole>,
    /// Results that belong to a report: the row, and the report.
    reported: Vec<(Uuid, Uuid)>,
    /// Who has which medical record number.
    numbers: HashMap<Vec<u8>, Uuid>,
}

impl Writing {
    fn plan(&mut self, tx: &Tx, one: &Prepared, place: Place<'_>) -> Result<Done> {
        let record = &one.mapped.record;
        if place.former.as_ref().is_some_and(|former| is_stranger(former, record)) {
            return Ok(Fate::Refused { path: "Patient".into(), reason: STRANGER.into() }.into());
        }
        let links = match Links::of(tx, record, place.resolved)? {
            Ok(links) => links,
            // Kept whole it is nobody's row, so it needs nobody.
            Err(_) if record.table.is_none() => Links::default(),
            Err(refused) => return Ok(refused.into()),
        };
        let person = links.to("patient_id");
        let id = place.held.map_or_else(|| tx.ctx.env.id(), |k| k.id);
        let mut whole = Whole::of(id, one, (place.key, place.digest));
        (whole.is_new, whole.patient) = (place.held.is_none(), person);
        let held = place.held.and_then(|k| k.row.clone().map(|row| (row, k.patient)));
        // A row stays in its table and with its person: sealed values are bound to both.
        let stays = |((table, _), about): &((String, Uuid), Option<Uuid>)| {
            Some(table.as_str()) == record.table.as_deref() && person.is_none_or(|person| *about == Some(person))
        };
        let mut remark = None;
        let same = held.clone().filter(stays).map(|((_, row), _)| row);
        if let (Some((row, _)), None) = (held, same) {
            self.retired.push(row);
        }
        if let Some(table) = record.table.as_deref() {
            let of_npi = record.value("npi").and_then(Value::as_str).and_then(|npi| place.providers.get(npi)).copied();
            let row = match (same, of_npi) {
                (Some(row), _) => {
                    let changes = fhir::changes(place.former.as_ref(), record).unwrap_or_default();
                    let waiting = place.held.map_or(&[][..], |k| &k.waiting);
                    remark = self.change(tx, one, (table, row, id), (changes, &links, waiting))?;
                    row
                }
                (None, Some(row)) => {
                    let values = filled(tx, table, record.row.clone(), &links, id)?;
                    self.updates.push((table.to_owned(), row, values));
                    row
                }
                (None, None) => {
                    let row = tx.ctx.env.id();
                    let mut values = filled(tx, table, record.row.clone(), &links, id)?;
                    remark = self.number(tx, table, row, &mut values)?;
                    self.inserts.entry(table.to_owned()).or_default().push(NewRow { id: row, values });
                    self.parts(tx, one, row, None);
                    row
                }
            };
            if tx.catalog().table(table)?.subject.as_deref() == Some("id") {
                whole.patient = Some(row);
            }
            self.reported.extend(links.results.iter().map(|result| (*result, row)));
            whole.row = Some((table.to_owned(), row));
        }
        let fate = match (whole.is_new, whole.row.is_some()) {
            (false, _) => Fate::Changed,
            (true, true) => Fate::Stored,
            (true, false) => Fate::Kept,
        };
        whole.unmapped = notes(one, &links.missing);
        self.wholes.push(whole);
        Ok(Done { fate, unresolved: links.missing, remark })
    }

    /// Plans what a new version changes in the row it has.
    fn change(
        &mut self,
        tx: &Tx,
        one: &Prepared,
        (table, row, id): (&str, Uuid, Uuid),
        (changes, links, waiting): (Changes, &Links, &[String]),
    ) -> Result<Option<&'static str>> {
        let mut values = changes.row;
        for column in changes.references.iter().filter(|c| **c != "patient_id") {
            values.insert((*column).into(), Value::Null);
        }
        let wanted = |column: &str| {
            let note = missing(&format!("{}.{column}", one.mapped.record.resource_type));
            changes.references.contains(&column) || waiting.contains(&note)
        };
        let linked = links.columns.iter().filter(|(column, _)| wanted(column));
        values.extend(linked.map(|(column, target)| (column.clone(), json!(target))));
        let described = tx.catalog().table(table)?;
        // A column that must be filled has a default of the table, which is no word of the source.
        values.retain(|column, value| !(value.is_null() && described.column(column).is_some_and(|c| c.required)));
        self.parts(tx, one, row, Some(&changes.lists));
        if values.is_empty() {
            return Ok(None);
        }
        let mut values = filled(tx, table, values, &Links::default(), id)?;
        let remark = self.number(tx, table, row, &mut values)?;
        self.updates.push((table.to_owned(), row, values));
        Ok(remark)
    }

    /// Takes the medical record number out of a patient's row if another patient has it: two hospitals of one tenant may
    /// both count from one. Among the identifiers it stands with its register.
    fn number(
        &mut self,
        tx: &Tx,
        table: &str,
        row: Uuid,
        values: &mut Map<String, Value>,
    ) -> Result<Option<&'static str>> {
        if table != medical::PATIENTS.table {
            return Ok(None);
        }
        let blind = blind_number(tx, values)?;
        if blind.iter().any(|b| self.numbers.get(b).is_some_and(|holder| *holder != row)) {
            values.insert("mrn".into(), Value::Null);
            return Ok(Some(MRN_TAKEN));
        }
        self.numbers.extend(blind.into_iter().map(|b| (b, row)));
        Ok(None)
    }

    /// Plans the rows that belong to a patient; of a row that is there only the lists named.
    fn parts(&mut self, tx: &Tx, one: &Prepared, row: Uuid, lists: Option<&[&'static str]>) {
        self.renewed.extend(lists.unwrap_or_default().iter().map(|table| (*table, row)));
        let wanted = |table: &str| lists.is_none_or(|lists| lists.contains(&table));
        for child in one.mapped.record.children.iter().filter(|child| wanted(&child.table)) {
            let mut values = child.row.clone();
            values.insert("patient_id".into(), json!(row));
            self.inserts.entry(child.table.to_string()).or_default().push(NewRow { id: tx.ctx.env.id(), values });
        }
    }

    /// Plans the links of a resource that is here with the same content, where what it refers to was missing and has
    /// come since.
    fn link(
        &mut self,
        tx: &Tx,
        one: &Prepared,
        held: &Known,
        ((key, digest), resolved): ((Vec<u8>, Vec<u8>), &Resolved),
    ) -> Result<Done> {
        let Some((table, row)) = held.row.clone().filter(|_| !held.waiting.is_empty()) else {
            return Ok(Fate::Unchanged.into());
        };
        let Ok(links) = Links::of(tx, &one.mapped.record, resolved)? else { return Ok(Fate::Unchanged.into()) };
        if links.missing.len() >= held.waiting.len() {
            return Ok(Done { fate: Fate::Unchanged, unresolved: links.missing, remark: None });
        }
        let waited = |column: &str| {
            let note = missing(&format!("{}.{column}", one.mapped.record.resource_type));
            held.waiting.contains(&note)
        };
        let come = links.columns.iter().filter(|(column, _)| waited(column));
        let values: Map<String, Value> = come.map(|(column, target)| (column.clone(), json!(target))).collect();
        if !values.is_empty() {
            self.updates.push((table.clone(), row, values));
        }
        self.reported.extend(links.results.iter().map(|result| (*result, row)));
        let mut whole = Whole::of(held.id, one, (key, digest));
        (whole.is_new, whole.patient, whole.row) = (false, held.patient, Some((table, row)));
        whole.unmapped = notes(one, &links.missing);
        self.wholes.push(whole);
        Ok(Done { fate: Fate::Linked, unresolved: links.missing, remark: None })
    }

    async fn run(self, tx: &mut Tx, source: &str) -> Result<()> {
        for (table, id, row) in self.updates {
            tx.update(&table, id, None, row).await?;
        }
        medical::remove_parts(tx, &self.renewed).await?;
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
        for (table, id) in self.retired {
            retire(tx, &table, id).await?;
        }
        if !self.reported.is_empty() {
            let (results, reports): (Vec<Uuid>, Vec<Uuid>) = self.reported.into_iter().unzip();
            records::link_results(tx, &results, &reports).await?;
        }
        keep(tx, source, self.wholes).await
    }
}

/// The values of a row with what is filled here.
fn filled(
    tx: &Tx,
    table: &str,
    mut row: Map<String, Value>,
    links: &Links,
    source: Uuid,
) -> Result<Map<String, Value>> {
    let described = tx.catalog().table(table)?;
    row.extend(links.columns.iter().map(|(column, target)| (column.clone(), json!(target))));
    for (column, value) in FACT_DEFAULTS {
        if described.column(column).is_some() && !row.contains_key(column) {
            row.insert(column.into(), json!(value));
        }
    }
    if described.column("source_ref").is_some() {
        row.insert("source_ref".into(), json!(source));
    }
    if table == medical::PATIENTS.table && row.get("birth_date").is_some_and(Value::is_string) {
        medical::derive_patient(&mut row, tx.ctx.env.now().date())?;
    }
    Ok(row)
}

/// What is kept of a resource only in its original: paths, why there is no row, and references to what is not here.
fn notes(one: &Prepared, missed: &[String]) -> Value {
    let why = one.mapped.kept_whole.map(|why| format!("{} (kept whole: {why})", one.mapped.record.resource_type));
    let missed = missed.iter().map(|path| missing(path));
    json!(why.into_iter().chain(one.mapped.unmapped.iter().cloned()).chain(missed).collect::<Vec<_>>())
}

/// Whether a new version of a Patient is of somebody else: neither the birth date nor the family name is the same. A
/// date known to the month is compared by the month; what either version leaves out is no difference.
fn is_stranger(former: &Record, now: &Record) -> bool {
    if now.table.as_deref() != Some(medical::PATIENTS.table) {
        return false;
    }
    let differs = |column: &str| {
        let of = |record: &Record| record.value(column).and_then(Value::as_str).map(|s| s.trim().to_lowercase());
        of(former).zip(of(now)).map(|(a, b)| a != b)
    };
    differs("family_name") == Some(true) && differs("birth_date").or_else(|| differs("birth_month")) == Some(true)
}

/// Marks a row as one that no source tells of any more, in the way of its table. Rows of facts are never deleted.
async fn retire(tx: &mut Tx, table: &str, id: Uuid) -> Result<()> {
    let values = match table {
        "medical.patients" => json!({"status": "INACTIVE"}),
        "medical.providers" => json!({"status": "inactive"}),
        _ => json!({
            "status": "ENTERED_IN_ERROR",
            "entered_in_error_reason": "Its source sent a later version that is kept in another place",
        }),
    };
    let Value::Object(values) = values else { return Ok(()) };
    match tx.update(table, id, None, values).await {
        // Somebody removed it: there is nothing to mark.
        Err(Error::NotFound) => Ok(()),
        other => other.map(|_| ()),
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

fn no_patient(record: &Record, found: Found) -> Fate {
    let patient = ["records.allergies", "records.immunizations"].contains(&record.table.as_deref().unwrap_or_default());
    let reason = match found {
        Found::Several => "names its patient by a number that several patients of other sources have",
        Found::Whole => "names a patient who is kept whole only, so there is no record to put it into",
        Found::Absent | Found::Row(_) => NOBODY,
    };
    let element = if patient { "patient" } else { "subject" };
    Fate::Refused { path: format!("{}.{element}", record.resource_type), reason: reason.into() }
}
