//! FHIR files into a tenant, in constant memory.
//!
//! A folder is read in phases, because a row must exist before another refers to it: organizations and people who
//! provide care, patients, encounters, everything else, and reports, which point back to their results. A first look
//! tells which types are in which file, so a file is read again only for phases it has something for.

use super::{
    batch::{Done, Fate, NOBODY, Prepared, STRANGER, store},
    resolve::id_of,
};
use crate::medical;
use salus_codec::{
    fhir::{self, Failure, Item, Layout, Mapped, Problem, Resources, peek_type},
    json::{Json, canonical},
};
use salus_core::{Ctx, Error, Result};
use salus_store::{Act, Db, Tx, audit::Outcome, perform};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinSet;

/// What an import is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the sending system: the same name finds the same resources again.
    pub source: String,
    /// Do everything and undo it.
    pub dry_run: bool,
}

/// What happened to the resources of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// In the files.
    pub read: u64,
    /// New rows.
    pub stored: u64,
    /// New, kept whole because no table holds them.
    pub kept_whole: u64,
    /// Known, with new content.
    pub changed: u64,
    /// Known, with the same content; what it refers to was not here then, and is now.
    pub linked: u64,
    /// Known, with the same content.
    pub unchanged: u64,
    /// Not stored; each is listed.
    pub refused: u64,
}

/// A resource that was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// 1-based line.
    pub line: u64,
    /// 1-based number of the Bundle entry.
    pub entry: Option<u64>,
    /// FHIRPath-like place.
    pub path: String,
    /// Why, without repeating a value.
    pub reason: String,
}

/// What an import did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// By resource type.
    pub types: BTreeMap<String, Count>,
    /// The first refusals; the counts tell all of them.
    pub refusals: Vec<Refusal>,
    /// Elements that no column holds and only the whole copy keeps, with how many resources have them.
    pub unmapped: BTreeMap<String, u64>,
    /// References to what is not here, such as `Condition.encounter_id`, with how many there are: importing the same
    /// again when their targets have come sets them.
    pub unresolved: BTreeMap<String, u64>,
    /// What is stored and yet wants a look, with how many resources it concerns.
    pub remarks: BTreeMap<String, u64>,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Refusals kept in the summary.
const REFUSALS: usize = 1000;
/// Resources and bytes of one batch, which is one transaction and one audit event.
const BATCH: (usize, usize) = (500, 4 << 20);
/// Batches in the database at once.
const AT_ONCE: usize = 3;
/// Types by phase; those not named come in [`LATER`].
const PHASES: [&[&str]; 3] = [&["Organization", "Practitioner"], &["Patient"], &["Encounter"]];
const LATER: usize = 3;
const REPORTS: usize = 4;

fn phase(resource_type: &str) -> usize {
    match PHASES.iter().position(|types| types.contains(&resource_type)) {
        Some(phase) => phase,
        None if resource_type == "DiagnosticReport" => REPORTS,
        None => LATER,
    }
}

/// What an argument names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// To be read.
    pub taken: Vec<PathBuf>,
    /// What else is in the folder: folders, files of another ending, and the exporter's own log.
    pub skipped: Vec<PathBuf>,
}

/// The files of an argument: itself, or the `.ndjson` and `.json` files of a folder by name.
///
/// # Errors
/// [`Error::Invalid`] when there is none.
pub fn files(path: &Path) -> Result<Files> {
    let wrong = |why: String| Error::invalid("path", "unreadable", format!("{}: {why}", path.display()));
    let mut found = Files::default();
    if !path.is_dir() {
        if !path.exists() {
            return Err(wrong("there is no such file or folder".into()));
        }
        found.taken.push(path.to_path_buf());
        return Ok(found);
    }
    for entry in std::fs::read_dir(path).map_err(|e| wrong(e.to_string()))? {
        let file = entry.map_err(|e| wrong(e.to_string()))?.path();
        let is_manifest = file.file_stem().is_some_and(|s| s == "log" || s == "manifest");
        let fits = file.is_file() && !is_manifest && file.extension().is_some_and(|e| e == "ndjson" || e == "json");
        if fits { found.taken.push(file) } else { found.skipped.push(file) }
    }
    found.taken.sort();
    found.skipped.sort();
    if found.taken.is_empty() { Err(wrong("holds no .ndjson or .json file".into())) } else { Ok(found) }
}

/// Imports files; `progress` is told how many bytes of how many passes are done.
///
/// # Errors
/// Those that end an import: an unreadable file, a lost database. A bad resource does not; it is in the summary.
pub async fn import(
    db: &Db,
    ctx: &Ctx,
    paths: &[PathBuf],
    options: &Options,
    progress: impl Fn(u64, u64),
) -> Result<Summary> {
    let mut run = Run {
        db,
        ctx,
        options,
        summary: Summary::default(),
        dry: None,
        refused: HashMap::new(),
        aloft: HashSet::new(),
        done: 0,
        total: 0,
    };
    let mut plan = Vec::new();
    for path in paths {
        let phases = run.survey(path)?;
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        run.summary.bytes += size;
        run.total += size * phases.len() as u64;
        plan.push((path, phases, size));
    }
    if options.dry_run {
        run.dry = Some(db.begin(ctx.clone(), false).await?);
    }
    for phase in 0..=REPORTS {
        for (path, phases, size) in &plan {
            if phases.contains(&phase) {
                run.file(path, phase, &progress).await?;
                run.done += size;
                progress(run.done, run.total);
            }
        }
    }
    if let Some(tx) = run.dry.take() {
        tx.abandon(ACTION, super::TABLE, Outcome::Failed, "dry_run").await?;
    }
    Ok(run.summary)
}

const ACTION: &str = "exchange.fhir.import";

struct Run<'a> {
    db: &'a Db,
    ctx: &'a Ctx,
    options: &'a Options,
    summary: Summary,
    dry: Option<Tx>,
    /// Ids of patients that were refused; `true`: because the one of this id who is here is somebody else.
    refused: HashMap<String, bool>,
    /// Types and ids of the batches in the database now: the same resource again waits for them, so that the later line
    /// wins.
    aloft: HashSet<(String, String)>,
    done: u64,
    total: u64,
}

/// The batches in the database.
type Flying = JoinSet<Result<(Vec<Prepared>, Vec<Done>)>>;

/// A batch and where its file stood at its end.
struct Batch {
    items: Vec<Prepared>,
    bytes: usize,
}

impl Run<'_> {
    /// Which phases a file has something for. Counts what is read, and reports what can be in no phase.
    fn survey(&mut self, path: &Path) -> Result<BTreeSet<usize>> {
        let mut phases = BTreeSet::new();
        for item in open(path)? {
            match item {
                Ok(item) => {
                    if let Some(name) = peek_type(&item.bytes).filter(|t| fhir::is_resource_type(t)) {
                        phases.insert(phase(name));
                        self.count(name).read += 1;
                    } else {
                        let problem = fhir::parse(&item.bytes)
                            .err()
                            .unwrap_or_else(|| Problem::new("", "no_object", "is no resource"));
                        self.count("(unreadable)").read += 1;
                        self.refuse(path, (item.line, item.entry), "(unreadable)", &problem);
                    }
                }
                Err(Failure { line, entry, problem }) => {
                    self.count("(unreadable)").read += 1;
                    self.refuse(path, (line, entry), "(unreadable)", &problem);
                }
            }
        }
        Ok(phases)
    }

    async fn file(&mut self, path: &Path, wanted: usize, progress: &impl Fn(u64, u64)) -> Result<()> {
        let mut flying = Flying::new();
        let mut batch = Batch { items: Vec::new(), bytes: 0 };
        for item in open(path)?.flatten() {
            if !peek_type(&item.bytes).is_some_and(|t| fhir::is_resource_type(t) && phase(t) == wanted) {
                continue;
            }
            progress(self.done + item.offset, self.total);
            match prepare(item) {
                Ok(one) if self.is_of_stranger(&one) => {
                    let (name, at) = (&one.mapped.record.resource_type, (one.line, one.entry));
                    self.refuse(path, at, name, &Problem::new(name.clone(), "refused", OF_STRANGER));
                }
                Ok(one) => {
                    batch.bytes += one.bytes.len();
                    batch.items.push(one);
                }
                Err(unfit) => self.unfit(path, unfit),
            }
            if batch.items.len() >= BATCH.0 || batch.bytes >= BATCH.1 {
                let full = std::mem::replace(&mut batch, Batch { items: Vec::new(), bytes: 0 });
                self.send(path, full, &mut flying).await?;
            }
        }
        self.send(path, batch, &mut flying).await?;
        while let Some(landed) = flying.join_next().await {
            self.land(path, landed.map_err(Error::internal)??);
        }
        Ok(())
    }

    async fn send(&mut self, path: &Path, batch: Batch, flying: &mut Flying) -> Result<()> {
        if batch.items.is_empty() {
            return Ok(());
        }
        if let Some(tx) = &mut self.dry {
            tx.renew_seals().await?;
            let done = store(tx, &self.options.source, &batch.items).await?;
            self.land(path, (batch.items, done));
            return Ok(());
        }
        let keys: Vec<_> = batch.items.iter().map(key_of).collect();
        while flying.len() >= AT_ONCE || keys.iter().any(|key| self.aloft.contains(key)) {
            let Some(landed) = flying.join_next().await else { break };
            self.land(path, landed.map_err(Error::internal)??);
        }
        self.aloft.extend(keys);
        let (db, ctx) = (self.db.clone(), Ctx { request: self.db.env().id(), ..self.ctx.clone() });
        let source: Arc<str> = self.options.source.as_str().into();
        flying.spawn(async move {
            let act = Act {
                name: ACTION.into(),
                target: super::TABLE,
                permission: "exchange.fhir.write",
                read_only: false,
                row: None,
            };
            perform(&db, act, ctx, move |tx| {
                Box::pin(async move {
                    let done = store(tx, &source, &batch.items).await?;
                    Ok((batch.items, done))
                })
            })
            .await
        });
        Ok(())
    }

    fn land(&mut self, path: &Path, (items, done): (Vec<Prepared>, Vec<Done>)) {
        for (one, Done { fate, unresolved, remark }) in items.iter().zip(done) {
            let name = one.mapped.record.resource_type.clone();
            self.aloft.remove(&key_of(one));
            if matches!(fate, Fate::Stored | Fate::Kept | Fate::Changed) {
                self.tell(one, remark);
            }
            for place in unresolved {
                *self.summary.unresolved.entry(place).or_default() += 1;
            }
            let count = self.count(&name);
            match fate {
                Fate::Stored => count.stored += 1,
                Fate::Kept => count.kept_whole += 1,
                Fate::Changed => count.changed += 1,
                Fate::Linked => count.linked += 1,
                Fate::Unchanged => count.unchanged += 1,
                Fate::Refused { path: place, reason } => {
                    if name == "Patient" {
                        self.refused.insert(one.mapped.record.id.clone(), reason == STRANGER);
                    }
                    let subject = one.mapped.record.patient().and_then(id_of);
                    let reason = match subject.filter(|id| reason == NOBODY && self.refused.contains_key(*id)) {
                        Some(_) => "names a patient that this import refused: see the reason there".into(),
                        None => reason,
                    };
                    self.refuse(path, (one.line, one.entry), &name, &Problem::new(place, "refused", reason));
                }
            }
        }
    }

    /// Counts what of a stored resource wants a look.
    fn tell(&mut self, one: &Prepared, remark: Option<&str>) {
        let Mapped { record, kept_whole, unmapped, .. } = &one.mapped;
        for element in unmapped.iter().filter(|_| record.table.is_some()) {
            *self.summary.unmapped.entry(without_indexes(element)).or_default() += 1;
        }
        let nameless = is_nameless(record).then(|| NAMELESS.to_owned());
        let whole = kept_whole.map(|why| format!("{}: is kept whole, because {why}", record.resource_type));
        for remark in nameless.into_iter().chain(whole).chain(remark.map(str::to_owned)) {
            *self.summary.remarks.entry(remark).or_default() += 1;
        }
    }

    /// Whether a resource is about a patient that was refused as somebody else: the record of its patient's id is not of
    /// its patient.
    fn is_of_stranger(&self, one: &Prepared) -> bool {
        one.mapped.record.patient().and_then(id_of).is_some_and(|id| self.refused.get(id) == Some(&true))
    }

    fn unfit(&mut self, path: &Path, unfit: Unfit) {
        if unfit.name == "Patient" {
            self.refused.extend(unfit.id.map(|id| (id, false)));
        }
        for (i, problem) in unfit.problems.iter().enumerate() {
            if i == 0 {
                self.refuse(path, unfit.at, &unfit.name, problem);
            } else {
                self.list(path, unfit.at, problem);
            }
        }
    }

    fn count(&mut self, name: &str) -> &mut Count {
        self.summary.types.entry(name.to_owned()).or_default()
    }

    fn refuse(&mut self, path: &Path, at: (u64, Option<u64>), name: &str, problem: &Problem) {
        self.count(name).refused += 1;
        self.list(path, at, problem);
    }

    fn list(&mut self, path: &Path, (line, entry): (u64, Option<u64>), problem: &Problem) {
        if self.summary.refusals.len() < REFUSALS {
            let (file, path) = (path.to_path_buf(), problem.path.clone());
            self.summary.refusals.push(Refusal { file, line, entry, path, reason: problem.message.clone() });
        }
    }
}

const OF_STRANGER: &str =
    "names a patient that this import refused as another person than the one of that id who is here";
const NAMELESS: &str = "Patient: comes without a family or given name";

/// A newborn, somebody unidentified, or a source that says why with a data-absent-reason: stored as it came.
fn is_nameless(record: &fhir::Record) -> bool {
    let absent = |name| record.value(name).and_then(serde_json::Value::as_str).is_none_or(|s| s.trim().is_empty());
    record.table.as_deref() == Some(medical::PATIENTS.table) && absent("family_name") && absent("given_names")
}

/// A resource that cannot be stored, whatever is in the tenant.
struct Unfit {
    at: (u64, Option<u64>),
    name: String,
    id: Option<String>,
    problems: Vec<Problem>,
}

fn key_of(one: &Prepared) -> (String, String) {
    (one.mapped.record.resource_type.clone(), one.mapped.record.id.clone())
}

/// Reads a resource and maps it; what cannot be is told with its place.
fn prepare(item: Item) -> std::result::Result<Prepared, Unfit> {
    let (at, name) = ((item.line, item.entry), peek_type(&item.bytes).unwrap_or_default().to_owned());
    let unfit = |id: Option<&str>, problems| Unfit { at, name: name.clone(), id: id.map(str::to_owned), problems };
    let (mapped, canonical) = {
        let resource = fhir::parse(&item.bytes).map_err(|p| unfit(None, vec![p]))?;
        // A Bundle may name its entries by address only.
        let own = item.full_url.as_deref().and_then(|u| u.strip_prefix("urn:uuid:"));
        let id = resource.get("id").and_then(Json::as_str).or(own);
        let mut mapped = fhir::map(&resource).map_err(|problems| unfit(id, problems))?;
        let missing = || Problem::new(format!("{name}.id"), "required", "is needed to find the resource again");
        id.ok_or_else(|| unfit(None, vec![missing()]))?.clone_into(&mut mapped.record.id);
        (mapped, canonical(&resource))
    };
    Ok(Prepared { line: item.line, entry: item.entry, mapped, canonical, bytes: item.bytes })
}

fn open(path: &Path) -> Result<Resources<BufReader<File>>> {
    let file =
        File::open(path).map_err(|e| Error::invalid("path", "unreadable", format!("{}: {e}", path.display())))?;
    let lines = path.extension().is_some_and(|e| e == "ndjson");
    let layout = if lines { Layout::Lines } else { Layout::Auto };
    Ok(Resources::with_layout(BufReader::with_capacity(1 << 18, file), layout))
}

/// A path without the places in lists: `Patient.name[0].text` and `Patient.name[1].text` are one kind of loss.
fn without_indexes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}
