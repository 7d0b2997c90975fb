//! `salus audit export`: a part of the log in a file, with its proofs or as FHIR.

use super::{log, moment};
use crate::{output::Outcome, place::Place};
use salus_core::{Ctx, Error, Result};
use salus_domains::audit::balp;
use salus_store::{
    Db,
    audit::{
        Anchor, FileAnchor,
        bundle::{self, Selection},
    },
};
use serde_json::json;
use std::{
    fs::OpenOptions,
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What of the log is meant.
pub async fn selection(
    place: &Place,
    db: &Db,
    (tenant, subject): (&str, Option<Uuid>),
    (from, to): (Option<String>, Option<String>),
) -> Result<Selection> {
    let tenant = place.tenant(db, tenant).await?;
    let from = moment("from", from)?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let to = moment("to", to)?.unwrap_or(db.env().now() + time::Duration::days(1));
    Ok(Selection { tenant, subject, from, to })
}

/// Makes the file of an export, and says on the record that the log is taken away: first.
async fn begin_export(db: &Db, which: &Selection, output: &Path) -> Result<std::fs::File> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output);
    let file = open.map_err(|e| Error::invalid("output", "unwritable", format!("{}: {e}", output.display())))?;
    let mut tx = db.begin(Ctx::operator(db.env(), which.tenant), true).await?;
    if let Some(patient) = which.subject {
        tx.get("medical.patients", patient, &["pseudonym"]).await?;
    }
    tx.note(json!({"patient": which.subject}));
    tx.commit("audit.log.export", "audit.activity_logs").await?;
    Ok(file)
}

/// The same as FHIR resources, one a line, newest first. What proves them is in the other form.
pub async fn as_fhir(db: &Db, which: &Selection, output: &Path) -> Result<Outcome> {
    let file = begin_export(db, which, output).await?;
    let mut out = BufWriter::new(&file);
    let (mut events, mut to) = (0u64, Some(which.to));
    while let Some(end) = to {
        let mut tx = db.begin(Ctx::operator(db.env(), which.tenant), true).await?;
        let asked = balp::Asked { patient: which.subject, from: which.from, to: end };
        let (headers, next) = balp::headers(&mut tx, asked).await?;
        tx.finish_unrecorded().await?;
        for event in headers.iter().flat_map(|header| balp::audit_events(header, which.subject)) {
            writeln!(out, "{event}").map_err(Error::internal)?;
            events += 1;
        }
        to = next;
    }
    out.flush().map_err(Error::internal)?;
    drop(out);
    file.sync_all().map_err(Error::internal)?;
    let text = format!("{events} AuditEvents are in {}", output.display());
    Ok(Outcome::done(json!({"ok": true, "events": events, "file": output}), text))
}

/// Events with their proofs, which `salus-verify` checks without a database.
pub async fn with_proofs(
    place: &Place,
    db: &Db,
    which: &Selection,
    (output, anchors): (PathBuf, Vec<PathBuf>),
) -> Result<Outcome> {
    let log = log(place).await?;
    let kept: Vec<FileAnchor> = [place.anchor()].into_iter().chain(anchors.into_iter().map(FileAnchor::new)).collect();
    let kept: Vec<&dyn Anchor> = kept.iter().map(|a| a as _).collect();
    let file = begin_export(db, which, &output).await?;
    let events = bundle::export(&log, which, &kept, &mut BufWriter::new(&file)).await?;
    file.sync_all().map_err(Error::internal)?;
    let text =
        format!("{events} events with their proofs are in {0}; check them with: salus-verify {0}", output.display());
    Ok(Outcome::done(json!({"ok": true, "events": events, "file": output}), text))
}
