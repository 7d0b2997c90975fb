//! A tenant's records as FHIR NDJSON, one file a type, in constant memory.
//!
//! A resource that came from a source and whose row is as it came leaves as it came, to the byte of its values. A row
//! changed since is written over the original, so that what no column holds survives; a row made here becomes a
//! resource of its own (see `outgoing`). What is written is readable by its owner alone.

use super::{TABLE, outgoing, whole::must_see_all};
use salus_core::{Ctx, Error, Result};
use salus_store::{Act, Db, Tx, decide::Notice, perform};
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, OpenOptions},
    io::BufWriter,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// What an export wrote: type to file and lines.
pub type Written = BTreeMap<String, (PathBuf, u64)>;

/// An export that is done.
#[derive(Debug, Default)]
pub struct Exported {
    /// Its files.
    pub files: Written,
    /// What whoever gets them has to be told; it is in the file `NOTICE.txt` as well.
    pub notice: Option<Notice>,
}

/// Tables whose rows are resources, in the order in which they are written when they were made here.
pub(super) const TABLES: &[(&str, &str)] = &[
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

/// Writes everything of a tenant into files of `folder`, which must be empty or not exist.
///
/// # Errors
/// [`Error::Invalid`] for a folder that holds something; those of disk and database.
pub async fn export(db: &Db, ctx: &Ctx, folder: &Path, progress: impl Fn(u64)) -> Result<Exported> {
    db.require_sealed(ctx.tenant).await?;
    let failed = |e: std::io::Error| Error::invalid("out", "unwritable", format!("{}: {e}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Error::invalid(
            "out",
            "not_empty",
            format!("{} is not empty: name a new folder", folder.display()),
        ));
    }
    let mut files = Files { folder: folder.to_path_buf(), open: BTreeMap::new(), lines: 0, part2: false };
    let mut after = Uuid::nil();
    loop {
        let ((lines, last), part2) = step(db, ctx, move |tx| Box::pin(outgoing::kept(tx, after))).await?;
        files.part2 |= part2;
        let Some(last) = last else { break };
        after = last;
        files.write(lines)?;
        progress(files.lines);
    }
    for (table, resource_type) in TABLES {
        let mut after = Uuid::nil();
        loop {
            let ((lines, last), part2) =
                step(db, ctx, move |tx| Box::pin(outgoing::made_here(tx, table, resource_type, after))).await?;
            files.part2 |= part2;
            let Some(last) = last else { break };
            after = last;
            files.write(lines)?;
            progress(files.lines);
        }
    }
    files.finish()
}

/// Resources by type, and the id after which the next step goes on; `None` at the end.
pub(super) type Lines = (Vec<(String, Vec<u8>)>, Option<Uuid>);

/// One step, and whether the notice of 42 CFR 2.32 goes with it.
async fn step<F>(db: &Db, ctx: &Ctx, work: F) -> Result<(Lines, bool)>
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
    let ctx = Ctx { request: db.env().id(), ..ctx.clone() };
    perform(db, act, ctx, |tx| {
        Box::pin(async move {
            must_see_all(tx)?;
            let lines = work(tx).await?;
            Ok((lines, tx.shows_part2().await?))
        })
    })
    .await
}

struct Files {
    folder: PathBuf,
    open: BTreeMap<String, (PathBuf, BufWriter<File>, u64)>,
    lines: u64,
    part2: bool,
}

impl Files {
    fn write(&mut self, lines: Vec<(String, Vec<u8>)>) -> Result<()> {
        use std::io::Write as _;
        let failed = |e: std::io::Error| Error::Unavailable(format!("the export cannot be written: {e}"));
        for (name, line) in lines {
            if !self.open.contains_key(&name) {
                let path = self.folder.join(format!("{name}.000.ndjson"));
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
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

    fn finish(self) -> Result<Exported> {
        let mut written = Written::new();
        let notice = self.part2.then_some(Notice::Part2);
        if let Some(notice) = notice {
            use std::io::Write as _;
            let failed = |e: std::io::Error| Error::Unavailable(format!("the export cannot be written: {e}"));
            let mut open = OpenOptions::new();
            let file = open.write(true).create_new(true).mode(0o600).open(self.folder.join("NOTICE.txt"));
            file.and_then(|mut file| writeln!(file, "{}", notice.text())).map_err(failed)?;
        }
        for (name, (path, file, lines)) in self.open {
            let file =
                file.into_inner().map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))?;
            file.sync_all().map_err(|e| Error::Unavailable(format!("the export cannot be written: {e}")))?;
            written.insert(name, (path, lines));
        }
        Ok(Exported { files: written, notice })
    }
}
