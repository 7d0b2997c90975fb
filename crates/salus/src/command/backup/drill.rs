//! `salus drill`: a restore into a directory of its own, checked, reported and removed. The report is signed with the
//! key of the audit log and can be checked without a database; the newest ones stay in `drills` of the data directory.

use super::{RestoreArgs, identity::Identity, restored::Restored};
use crate::{config::Config, output::Outcome, place::Place};
use clap::{Args, Subcommand};
use salus_core::{Env, Error, Result};
use salus_store::audit::{self, merkle::VerifyingKey};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Restore a backup into a directory of its own, check it, count its rows, and remove it.
    Restore {
        #[command(flatten)]
        args: RestoreArgs,
        #[command(flatten)]
        place: DrillPlace,
    },
    /// The same as of a moment after the backup, out of the archived log: --to TIME or --to latest.
    Pitr {
        #[command(flatten)]
        args: RestoreArgs,
        #[command(flatten)]
        place: DrillPlace,
    },
    /// Check the signature of a report.
    Verify {
        /// The report.
        report: PathBuf,
        /// The key that `salus audit verify` prints: name+id+key. When not said, that of this installation.
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct DrillPlace {
    /// Where the directory is made; it needs room for the whole database.
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    scratch: PathBuf,
    /// The file that gets the report; `drill-TIME.note` beside the backup when not said.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// `salus drill`.
pub async fn run(config: Config, command: DrillCommand) -> Result<Outcome> {
    match command {
        DrillCommand::Restore { args, place } => Box::pin(drill(config, args, place)).await,
        DrillCommand::Pitr { args, place } => {
            if args.to.is_none() {
                return Err(Error::invalid("to", "required", "Name the moment: --to TIME or --to latest"));
            }
            Box::pin(drill(config, args, place)).await
        }
        DrillCommand::Verify { report, key } => verify(config, &report, key).await,
    }
}

async fn drill(config: Config, args: RestoreArgs, place: DrillPlace) -> Result<Outcome> {
    let env = Env::default();
    let scratch = std::path::absolute(&place.scratch).map_err(Error::internal)?;
    let home = scratch.join(format!("salus-drill-{}", env.id()));
    let ledger = config.erasure_ledger.clone().unwrap_or_else(|| config.home.join("audit/erasures"));
    let args = RestoreArgs { erasures: args.erasures.clone().or_else(|| ledger.exists().then_some(ledger)), ..args };
    let own = config.home.clone();
    // Nothing of this installation's own evidence is touched by the one in the scratch directory.
    let tried = async {
        let Identity { text, source } = Identity::find(&config, &args).await?;
        Restored::with((apart(config, &home), &args), args.to()?, (text, source), true).await
    };
    let done = tried.await;
    let removed = fs::remove_dir_all(&home).is_ok() || !home.exists();
    let (mut json, mut text, mut ok) = match &done {
        Ok(report) => (report.json(), report.text(), report.ok()),
        Err(e) => (json!({"ok": false, "problems": [e.to_string()]}), format!("PROBLEM: {e}"), false),
    };
    if !removed {
        text = format!("{text}\nPROBLEM: {} could not be removed", home.display());
        ok = false;
    }
    json["ok"] = json!(ok);
    json["scratch_removed"] = json!(removed);
    json["at"] = json!(env.now().format(&Rfc3339).map_err(Error::internal)?);
    let signed = done.as_ref().ok().and_then(|report| report.signed.clone());
    json["signed"] = json!(signed.is_some());
    // A drill that failed before it had the key leaves its report all the same.
    let note = signed.unwrap_or_else(|| format!("unsigned/report\n{json}\n"));
    let from = done.as_ref().map(|report| report.from.clone()).ok().or(args.from);
    let form = format_description!("drill-[year][month][day]T[hour][minute][second]Z.note");
    let name = env.now().format(form).map_err(Error::internal)?;
    let beside = from.as_deref().and_then(Path::parent).map(|dir| dir.join(&name));
    let file = place.report.or(beside).unwrap_or_else(|| PathBuf::from(&name));
    write(&file, &note)?;
    if own.exists() {
        let kept = own.join("drills");
        fs::DirBuilder::new().recursive(true).create(&kept).map_err(|e| unwritten(&kept, &e))?;
        write(&kept.join(&name), &note)?;
    }
    json["report"] = json!(file);
    Ok(Outcome { json, text: format!("{text}\nReport: {}", file.display()), ok })
}

/// The settings of a private cluster in a scratch directory.
fn apart(config: Config, home: &Path) -> Config {
    Config {
        home: home.to_owned(),
        database_url: None,
        database_admin_url: None,
        database_sealer_url: None,
        database_backup_url: None,
        database_replica_urls: Vec::new(),
        database_pooled: false,
        audit_anchor: None,
        audit_receipts: None,
        erasure_ledger: None,
        ..config
    }
}

fn write(file: &Path, note: &str) -> Result<()> {
    fs::write(file, note).map_err(|e| unwritten(file, &e))
}

fn unwritten(file: &Path, e: &std::io::Error) -> Error {
    Error::Unavailable(format!("the report {} cannot be written: {e}", file.display()))
}

async fn verify(config: Config, report: &Path, key: Option<String>) -> Result<Outcome> {
    let note = fs::read_to_string(report).map_err(|e| Error::Unavailable(format!("{}: {e}", report.display())))?;
    let key = if let Some(key) = key {
        VerifyingKey::parse(&key)?
    } else {
        let place = Place::open(config)?;
        let log = place.log()?.ok_or_else(|| Error::invalid("key", "required", "Name the key"))?;
        audit::report::key(&log).await?.ok_or_else(|| Error::invalid("key", "required", "Name the key"))?
    };
    let said = audit::report::open(&note, &key)?;
    let text = format!(
        "Signed by {key}\nat {}, of {}: {}",
        said["at"].as_str().unwrap_or_default(),
        said["backup"].as_str().unwrap_or_default(),
        if said["ok"] == true { "every check was well" } else { "WITH PROBLEMS" }
    );
    Ok(Outcome::done(json!({"ok": true, "report": said}), text))
}

/// The newest drill of a data directory that this installation signed: when, and whether all was well.
///
/// # Errors
/// Those of the database, and a key that does not open.
pub async fn last(place: &Place) -> Result<Option<(OffsetDateTime, bool)>> {
    let Some(log) = place.log()? else { return Ok(None) };
    let Some(key) = audit::report::key(&log).await? else { return Ok(None) };
    let read = |path: PathBuf| -> Option<(OffsetDateTime, bool)> {
        let said: Value = audit::report::open_own(&fs::read_to_string(path).ok()?, &key).ok()?;
        Some((OffsetDateTime::parse(said["at"].as_str()?, &Rfc3339).ok()?, said["ok"] == true))
    };
    let reports = fs::read_dir(place.config.home.join("drills")).into_iter().flatten().flatten();
    Ok(reports.filter_map(|entry| read(entry.path())).max())
}
