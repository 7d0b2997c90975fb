//! `salus backup`, `salus restore` and `salus drill`: the database into a directory, back out of it, of the private cluster
//! as of any second the archived log reaches, and the proof that it works. What a backup is made of is said in
//! [`salus_store::backup`].

pub mod drill;
pub mod drills;
mod identity;
mod restored;
pub mod schedule;

use crate::{
    config::Config,
    output::{Outcome, table},
    place::Place,
};
use clap::{Args, Subcommand};
use restored::Restored;
use salus_core::{Env, Error, Result};
use salus_store::{
    Db,
    backup::{self, Entry, Kind, Label, Manifest, PgBackRest, Repository, To, archive_of},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// The directory that gets a new directory with the backup; `backup_dir` of the settings when not said.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The rows of the database as `pg_dump` reads them, not the files of the cluster: for small databases and for another
    /// release of PostgreSQL. A server of your own has no other kind.
    #[arg(long)]
    logical: bool,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// What backups there are: age, size, schema, key, and how far the archived log goes on from each.
    List {
        /// The directory of the backups; `backup_dir` when not said.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Remove all but the newest backups, and the archived log that none of those needs.
    Prune {
        /// How many remain; at least one.
        #[arg(long)]
        keep: usize,
        /// The directory of the backups; `backup_dir` when not said.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Archive what the log holds now, as `salus serve` does every minute.
    Log,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The directory of the backup, as `salus backup` named it. When not said: the newest in `backup_dir` that fits.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// As of this time (RFC 3339, such as 2026-03-01T14:05:00Z), or `latest`: all of the archived log. When not said: as
    /// of the end of the backup.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// A file with an identity that opens the root key: the operator's or the recovery identity.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The list of persons erased since the backup; the one of the settings when not said.
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    /// A `salus.toml` whose table `kms` names the key service that has the operator's identity, in place of --identity: the
    /// wrapped identity lies in the backup.
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    settings: Option<PathBuf>,
}

impl RestoreArgs {
    fn to(&self) -> Result<To> {
        match self.to.as_deref() {
            None => Ok(To::Backup),
            Some("latest") => Ok(To::Latest),
            Some(text) => OffsetDateTime::parse(text, &Rfc3339).map(To::Time).map_err(|_| {
                Error::invalid("to", "wrong_type", "Is a time such as 2026-03-01T14:05:00Z (RFC 3339), or latest")
            }),
        }
    }
}

/// `salus backup` and what belongs to it.
pub async fn backup(place: &Place, args: BackupArgs) -> Result<Outcome> {
    match args.command {
        None => take(place, &folder(&place.config, args.out)?, args.logical).await,
        Some(BackupCommand::List { out }) => list(place, &folder(&place.config, out)?).await,
        Some(BackupCommand::Prune { keep, out }) => {
            let out = folder(&place.config, out)?;
            if let Some(tool) = place.pgbackrest()? {
                return Err(Error::Unavailable(format!(
                    "pgBackRest keeps what its own settings say (repo1-retention-full): pgbackrest --stanza={} expire",
                    tool.stanza()
                )));
            }
            let (removed, files) = backup::prune(&out, keep, &Arc::new(place.keys().unlock()?))?;
            note_in(place, &place.db().await?, Some(&out)).await?;
            let mut lines: Vec<String> = removed.iter().map(|p| format!("removed {}", p.display())).collect();
            lines.push(format!("{} backups and {files} files of the archived log removed", removed.len()));
            Ok(Outcome::done(json!({"ok": true, "removed": removed, "log_files": files}), lines.join("\n")))
        }
        Some(BackupCommand::Log) => {
            if place.cluster().is_none() {
                return Err(no_log());
            }
            if place.pgbackrest()?.is_some() {
                return Err(Error::Unavailable("PostgreSQL gives its log to pgBackRest by itself".into()));
            }
            let taken = schedule::archive(place).await?;
            let text =
                format!("{} files of the log archived, {} MB before compression", taken.files, taken.bytes >> 20);
            Ok(Outcome::done(json!({"ok": true, "files": taken.files, "bytes": taken.bytes}), text))
        }
    }
}

/// The directory of backups that was named, or that of the settings.
fn folder(config: &Config, named: Option<PathBuf>) -> Result<PathBuf> {
    named.or_else(|| config.backup_dir.clone()).ok_or_else(|| {
        Error::invalid("out", "required", "Name the directory of the backups, or set backup_dir (SALUS_BACKUP_DIR)")
    })
}

/// Takes one backup; it names the archive of the log only where that lies beside it. A server of one's own is always dumped.
async fn make(place: &Place, out: &Path, logical: bool) -> Result<(PathBuf, Manifest)> {
    let Some(cluster) = place.cluster().filter(|_| !logical) else {
        return backup::dump(&place.dumped().await?, &place.keys(), out, &Env::default()).await;
    };
    let client = place.admin().await?;
    if let Some(tool) = place.pgbackrest()? {
        return tool.write(&client, &place.keys(), out, &Env::default()).await;
    }
    let wal = archive_of(&place.config.home)?.filter(|id| out.join(format!("wal-{id}")).exists());
    backup::write(cluster, &client, &place.keys(), (out, wal), &Env::default()).await
}

/// Compares the backups that the database knows with what lies in their folders.
///
/// # Errors
/// Those of the database, and of a folder that cannot be read.
pub async fn note(place: &Place, db: &Db) -> Result<()> {
    if !place.backs_up() {
        return Ok(());
    }
    note_in(place, db, place.config.backup_dir.as_deref()).await
}

async fn note_in(place: &Place, db: &Db, folder: Option<&Path>) -> Result<()> {
    let folder = folder.map(std::path::absolute).transpose().map_err(Error::internal)?;
    let root = Arc::new(place.keys().unlock()?);
    let Some(tool) = place.pgbackrest()? else { return db.note_backups(folder.as_deref(), &root, None).await };
    let stanza = tool.stanza().to_owned();
    let repository = held(tool).await?;
    if let Some(out) = folder.as_deref().filter(|out| out.is_dir()) {
        backup::prune_to(out, &repository, &stanza, &root)?;
    }
    db.note_backups(folder.as_deref(), &root, Some((&stanza, &repository))).await
}

/// What pgBackRest holds.
async fn held(tool: PgBackRest) -> Result<Repository> {
    tokio::task::spawn_blocking(move || tool.info()).await.map_err(Error::internal)?
}

async fn take(place: &Place, out: &Path, logical: bool) -> Result<Outcome> {
    let began = Instant::now();
    let (path, manifest) = make(place, out, logical).await?;
    // The backup is whole, whatever the database says about it.
    let noted = match place.db().await {
        Ok(db) => note_in(place, &db, Some(out)).await,
        Err(e) => Err(e),
    };
    if let Err(e) = noted {
        tracing::warn!(error = %e, "the backup is not noted in the database: certificates of erasure do not know of it");
    }
    if let Some(Label { stanza, label }) = &manifest.pgbackrest {
        let text = format!(
            "pgBackRest took backup {label} of stanza {stanza} and verified its repository; schema {}, PostgreSQL {}; \
             everything committed before {}; its log is archived: any later second can be restored\n\
             Beside it: {} with the encrypted root key, the versions and {} exact numbers of rows ({} tables changed \
             meanwhile). A restore needs both, and the operator's identity or the recovery identity. {} ms",
            manifest.source.schema,
            manifest.source.postgres / 10_000,
            manifest.stop_lsn,
            path.display(),
            manifest.rows.len(),
            manifest.changing.len(),
            began.elapsed().as_millis()
        );
        return Ok(Outcome::done(
            json!({"ok": true, "path": path, "manifest": manifest, "ms": millis(began.elapsed())}),
            text,
        ));
    }
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let goes_on = match (manifest.kind, manifest.wal) {
        (Kind::Logical, _) => "logical: it comes back as it is, into this release of PostgreSQL or a newer one",
        (Kind::Base, Some(_)) => "its log is archived: any later second can be restored",
        (Kind::Base, None) => "no log is archived",
    };
    let text = format!(
        "{}\n{} MB of archive, {} MB encrypted; schema {}, PostgreSQL {}; everything committed before {}; {goes_on}\n\
         Read back and found the same. {} tables have an exact number of rows, {} changed meanwhile. {} ms\n\
         It opens with the operator's identity or the recovery identity: keep one of them elsewhere.",
        path.display(),
        manifest.archive.bytes / 1_000_000,
        bytes / 1_000_000,
        manifest.source.schema,
        manifest.source.postgres / 10_000,
        manifest.stop_lsn,
        manifest.rows.len(),
        manifest.changing.len(),
        began.elapsed().as_millis()
    );
    Ok(Outcome::done(json!({"ok": true, "path": path, "manifest": manifest, "ms": millis(began.elapsed())}), text))
}

async fn list(place: &Place, out: &Path) -> Result<Outcome> {
    let now = Env::default().now();
    let mut entries = backup::list(out, &Arc::new(place.keys().unlock()?))?;
    let mut others = Vec::new();
    if let Some(tool) = place.pgbackrest()? {
        let stanza = tool.stanza().to_owned();
        let repository = held(tool).await?;
        repository.tell(&stanza, &mut entries);
        others = without_folder(&repository, &entries);
    }
    let row = |e: &Entry| -> Vec<String> {
        let name = e.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(m) = &e.manifest else {
            return vec![name, String::new(), String::new(), String::new(), String::new(), String::new()];
        };
        let kind = if m.kind == Kind::Logical { ", logical" } else { "" };
        let bytes: u64 = m.files.values().map(|file| file.bytes).sum();
        let at_hand = e.reach_at.map_or_else(|| "its end".to_owned(), stamp);
        let label = m.pgbackrest.as_ref().map(|l| l.label.clone());
        let reach = e.reach.clone().filter(|_| label.is_some()).unwrap_or(at_hand);
        vec![
            name,
            age(now - m.ended_at),
            label.unwrap_or_else(|| format!("{} MB{kind}", bytes / 1_000_000)),
            m.source.schema.to_string(),
            m.root_key.clone(),
            reach,
        ]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let mut lines = vec![table(&["backup", "age", "size or label", "schema", "root key", "restores up to"], &rows)];
    let problems: Vec<&String> = entries.iter().filter_map(|e| e.problem.as_ref()).collect();
    lines.extend(others.iter().cloned());
    lines.extend(problems.iter().map(|p| format!("PROBLEM: {p}")));
    let lag = entries.iter().filter_map(|e| e.reach_at).max().map(|at| now - at);
    lines.extend(lag.map(|lag| format!("The log is archived up to {} ago", age(lag))));
    let ok = problems.is_empty();
    let json = json!({"ok": ok, "backups": entries, "notes": others, "archive_lag_seconds": lag.map(time::Duration::whole_seconds)});
    Ok(Outcome { json, text: lines.join("\n"), ok })
}

/// Backups of pgBackRest that nothing lies beside, in words.
fn without_folder(repository: &Repository, entries: &[Entry]) -> Vec<String> {
    let beside = |label: &str| entries.iter().any(|e| e.label().is_some_and(|l| l.label == label));
    let others = repository.backups().iter().filter(|b| !beside(&b.label));
    others
        .map(|b| format!("pgBackRest holds backup {} without a folder beside it: salus drill does not try it", b.label))
        .collect()
}

/// `salus restore`, into the data directory of `config`.
pub async fn restore(config: Config, args: RestoreArgs) -> Result<Outcome> {
    let report = Box::pin(Restored::run(config, &args, false)).await?;
    let words = format!(
        "{}\n{}\nThe audit log is not sealed until you say why it begins anew: salus audit new-epoch --reason …",
        report.text(),
        report.what_now(),
    );
    Ok(Outcome { json: report.json(), text: words, ok: report.ok() })
}

fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// A length of time in the two units that matter.
fn age(span: time::Duration) -> String {
    let (d, h, m, s) =
        (span.whole_days(), span.whole_hours() % 24, span.whole_minutes() % 60, span.whole_seconds() % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, m) => format!("{m} min {s} s"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn no_log() -> Error {
    Error::Unavailable(
        "DATABASE_URL or DATABASE_ADMIN_URL names a server of your own: its log is its own tools' to archive".into(),
    )
}

fn not_ours() -> Error {
    Error::Unavailable(
        "DATABASE_URL or DATABASE_ADMIN_URL names a server of your own, and this backup holds the files of a private \
         cluster: unset them to restore it as one"
            .into(),
    )
}
