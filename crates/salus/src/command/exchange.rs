//! `salus import` and `salus export`: whole files of records in and out.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use salus_core::{Ctx, Result};
use salus_domains::exchange::{
    export,
    import::{self, Files, Options, Summary},
};
use salus_store::decide::Notice;
use serde_json::json;
use std::{path::PathBuf, time::Instant};

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// FHIR R4: NDJSON, single resources or Bundles of any size; a file or a folder.
    Fhir {
        path: PathBuf,
        #[arg(long)]
        tenant: String,
        /// Name of the sending system. The same name finds the same resources again; another system has another name.
        #[arg(long, default_value = "fhir")]
        source: String,
        /// Do everything and undo it.
        #[arg(long)]
        dry_run: bool,
        /// Refused resources to print.
        #[arg(long, default_value_t = 20)]
        show: usize,
    },
}

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// FHIR R4 NDJSON, one file a type, into a new folder that its owner alone can read.
    Fhir {
        #[arg(long)]
        tenant: String,
        /// The folder.
        #[arg(long)]
        out: PathBuf,
    },
}

pub async fn import(place: &Place, command: ImportCommand, quiet: bool) -> Result<Outcome> {
    let ImportCommand::Fhir { path, tenant, source, dry_run, show } = command;
    let files = import::files(&path)?;
    let db = place.db().await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
    let bar = bar(quiet, "{spinner} {bar:40} {percent:>3} %  {elapsed}  {msg}");
    let began = Instant::now();
    let summary = import::import(&db, &ctx, &files.taken, &Options { source, dry_run }, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    Ok(report((&summary, &files), dry_run, seconds, show))
}

fn report((summary, files): (&Summary, &Files), dry_run: bool, seconds: f64, show: usize) -> Outcome {
    let rows: Vec<Vec<String>> = summary
        .types
        .iter()
        .map(|(name, c)| {
            let numbers = [c.read, c.stored, c.kept_whole, c.changed, c.linked, c.unchanged, c.refused];
            [vec![name.clone()], numbers.iter().map(u64::to_string).collect()].concat()
        })
        .collect();
    let read: u64 = summary.types.values().map(|c| c.read).sum();
    let refused: u64 = summary.types.values().map(|c| c.refused).sum();
    let heads = ["type", "read", "stored", "kept whole", "changed", "linked", "unchanged", "refused"];
    let mut lines = vec![table(&heads, &rows)];
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (read as f64 / seconds.max(0.001)) as u64;
    lines.push(format!(
        "\n{read} resources in {seconds:.1} s ({rate}/s){}",
        if dry_run { "; nothing was kept: this was a dry run" } else { "" }
    ));
    let told = [
        (&summary.unmapped, "Kept only in the sealed copy of each resource, because no column holds it:"),
        (&summary.unresolved, "Names what is not here; import the same again when it has come:"),
        (&summary.remarks, "Stored as it came, and worth a look:"),
    ];
    for (counts, head) in told.into_iter().filter(|(counts, _)| !counts.is_empty()) {
        lines.push(format!("\n{head}"));
        lines.extend(counts.iter().map(|(what, n)| format!("    {what} ({n})")));
    }
    if !files.skipped.is_empty() {
        lines.push("\nNot read, because only the .ndjson and .json files of the folder itself are:".into());
        lines.extend(files.skipped.iter().map(|path| format!("    {}", path.display())));
    }
    if refused > 0 {
        lines.push(format!("\n{refused} resource(s) refused:"));
        for r in summary.refusals.iter().take(show) {
            let entry = r.entry.map(|e| format!(", entry {e}")).unwrap_or_default();
            lines.push(format!("    {}:{}{entry}: {}: {}", r.file.display(), r.line, r.path, r.reason));
        }
        if summary.refusals.len() > show {
            lines.push(format!("    … and more: --show {}, or --json", summary.refusals.len()));
        }
    }
    let ok = refused == 0;
    Outcome {
        json: json!({"ok": ok, "dry_run": dry_run, "seconds": seconds, "summary": summary, "skipped": files.skipped}),
        text: lines.join("\n"),
        ok,
    }
}

pub async fn export(place: &Place, command: ExportCommand, quiet: bool) -> Result<Outcome> {
    let ExportCommand::Fhir { tenant, out } = command;
    let db = place.db().await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
    let bar = bar(quiet, "{spinner} {pos} resources  {elapsed}");
    let export::Exported { files: written, notice } =
        export::export(&db, &ctx, &out, |lines| bar.set_position(lines)).await?;
    bar.finish_and_clear();
    let rows: Vec<Vec<String>> = written
        .iter()
        .map(|(name, (path, lines))| vec![name.clone(), lines.to_string(), path.display().to_string()])
        .collect();
    let list: Vec<_> =
        written.iter().map(|(name, (path, lines))| json!({"type": name, "resources": lines, "file": path})).collect();
    let told = notice.map(Notice::text);
    let mut words = table(&["type", "resources", "file"], &rows);
    if let Some(told) = told {
        words = format!("{}\n\n{told}", words.trim_end());
    }
    Ok(Outcome::done(json!({"files": list, "notice": told}), words))
}

fn bar(quiet: bool, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
