//! `salus backup`, `salus restore` and `salus drill restore`: the private cluster into a directory, back out of it, and
//! the proof that the second works. What a backup is made of is said in [`salus_store::backup`].

use crate::{
    config::Config,
    output::{Outcome, table},
    place::Place,
};
use clap::{Args, Subcommand};
use salus_core::{Env, Error, Result};
use salus_store::{
    Db,
    backup::{self, Backup, Manifest},
    migrate::{self, Files},
    schema,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use time::macros::format_description;

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The directory that gets a new directory with the backup.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The directory of the backup, as `salus backup` named it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// A file with an identity that opens the root key: the operator's or the recovery identity.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The list of persons erased since the backup; the one of the settings when not said.
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Restore a backup into a directory of its own, check it, count its rows, and remove it.
    Restore {
        #[command(flatten)]
        args: RestoreArgs,
        /// Where the directory is made; it needs room for the whole database.
        #[arg(long, value_name = "DIR", default_value = "/tmp")]
        scratch: PathBuf,
        /// The file that gets the report; `drill-TIME.json` beside the backup when not said.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
}

/// `salus backup`.
pub async fn backup(place: &Place, args: BackupArgs) -> Result<Outcome> {
    let Some(cluster) = place.cluster() else { return Err(not_ours()) };
    let began = Instant::now();
    let client = place.admin().await?;
    let (path, manifest) = backup::write(cluster, &client, &place.keys(), &args.out, &Env::default()).await?;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let text = format!(
        "{}\n{} MB of archive, {} MB encrypted; schema {}, PostgreSQL {}; everything committed before {}\n\
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

/// `salus restore`, into the data directory of `config`.
pub async fn restore(config: Config, args: RestoreArgs) -> Result<Outcome> {
    let report = Restored::run(config, &args, false).await?;
    let identity = identity_file(&report.config, &args);
    let home = report.config.home.display();
    let words = format!(
        "{}\nThe cluster is in {home}; no identity was put there. Serve it with\n    \
         SALUS_OPERATOR_KEY={} salus --home {home} serve\nor put the operator's identity into {home}/keys/operator.key",
        report.text(),
        identity.display()
    );
    Ok(Outcome { json: report.json(), text: words, ok: report.ok() })
}

/// `salus drill`.
pub async fn drill(config: Config, command: DrillCommand) -> Result<Outcome> {
    let DrillCommand::Restore { args, scratch, report } = command;
    let env = Env::default();
    let at = env.now();
    let stamp =
        at.format(format_description!("[year][month][day]T[hour][minute][second]Z")).map_err(Error::internal)?;
    let home = std::path::absolute(&scratch).map_err(Error::internal)?.join(format!("salus-drill-{}", env.id()));
    let erasures = args.erasures.clone();
    let args = RestoreArgs { identity: Some(identity_file(&config, &args)), from: args.from, erasures };
    let done = Restored::run(Config { home: home.clone(), ..config }, &args, true).await;
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
    json["backup"] = json!(args.from);
    json["at"] = json!(at.format(&time::format_description::well_known::Rfc3339).map_err(Error::internal)?);
    let beside = || args.from.parent().map_or_else(PathBuf::new, Path::to_owned).join(format!("drill-{stamp}.json"));
    let file = report.unwrap_or_else(beside);
    fs::write(&file, serde_json::to_vec_pretty(&json).map_err(Error::internal)?)
        .map_err(|e| Error::Unavailable(format!("the report {} cannot be written: {e}", file.display())))?;
    json["report"] = json!(file);
    Ok(Outcome { json, text: format!("{text}\nReport: {}", file.display()), ok })
}

/// A restored cluster and what was found in it.
struct Restored {
    config: Config,
    manifest: Manifest,
    steps: Vec<(&'static str, Duration)>,
    keys: Value,
    problems: Vec<String>,
    notes: Vec<String>,
    counted: Option<usize>,
}

impl Restored {
    async fn run(config: Config, args: &RestoreArgs, counting: bool) -> Result<Self> {
        if config.database_url.is_some() || config.database_admin_url.is_some() {
            return Err(not_ours());
        }
        backup::refuse_filled(&config.home)?;
        let identity = identity_file(&config, args);
        let text = fs::read_to_string(&identity).map_err(|e| {
            Error::Unavailable(format!(
                "without an identity that opens the root key nothing can be restored, and {} cannot be read ({e}): \
                 name the operator's or the recovery identity with --identity FILE",
                identity.display()
            ))
        })?;
        let began = Instant::now();
        let (home, from) = (config.home.clone(), args.from.clone());
        let work = move || -> Result<Manifest> {
            let backup = Backup::open(&from, &text)?;
            backup.restore(&home)?;
            Ok(backup.manifest().clone())
        };
        let manifest = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
        let mut restored = Self {
            config: Config { operator_key: Some(std::path::absolute(&identity).map_err(Error::internal)?), ..config },
            manifest,
            steps: vec![("read, decrypt and unpack", began.elapsed())],
            keys: Value::Null,
            problems: Vec::new(),
            notes: Vec::new(),
            counted: None,
        };
        restored.check(counting, args.erasures.as_deref()).await?;
        Ok(restored)
    }

    /// Starts the cluster, asks it everything that can be asked, and stops it.
    async fn check(&mut self, counting: bool, erasures: Option<&Path>) -> Result<()> {
        let mut since = Instant::now();
        let place = Place::open(self.config.clone())?;
        let admin = place.admin().await?;
        self.took("start and recover", &mut since);
        if counting {
            let found = backup::count_rows(&admin).await?;
            self.compare(&found);
            self.took("count rows", &mut since);
        }
        let source = backup::Source::read(&admin).await?;
        if source != self.manifest.source {
            self.problems.push("the migrations or the cluster's identifier are not those of the manifest".into());
        }
        self.problems.extend(migrate::health(&admin).await?.problems);
        self.took("doctor database", &mut since);
        let newest = Files::embedded()?.newest();
        if source.schema < newest {
            self.notes.push(format!(
                "schema {} is older than this program's {newest}: run salus db migrate; db verify was left out",
                source.schema
            ));
        } else {
            self.problems.extend(schema::verify(&admin).await?.iter().map(ToString::to_string));
            self.took("db verify", &mut since);
        }
        match place.db_as_it_is().await {
            Err(e) => self.problems.push(format!("keys doctor: {e}")),
            Ok(db) => {
                let report = db.check_keys().await?;
                self.problems.extend(report.problems.iter().cloned());
                self.keys = json!({"unwrapped": report.unwrapped, "canaries": report.canaries});
                self.erase_again(&place, &db, erasures).await?;
            }
        }
        self.took("keys doctor", &mut since);
        drop((admin, place));
        self.took("stop", &mut since);
        Ok(())
    }

    /// Destroys the keys of persons who were erased since the backup, before anyone is served.
    async fn erase_again(&mut self, place: &Place, db: &Db, erasures: Option<&Path>) -> Result<()> {
        let own = place.erasures();
        if let Some(given) = erasures.filter(|given| *given != own.path()) {
            // Kept with the new directory, so that every start repeats it.
            let copied =
                own.path().parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(given, own.path()));
            copied.map_err(|e| {
                Error::Unavailable(format!("the erasure ledger {} cannot be copied: {e}", given.display()))
            })?;
        }
        if !own.path().exists() {
            self.notes.push(
                "no list of erased persons was found: name it with --erasures if anyone was erased since the backup, or they can be read again"
                    .into(),
            );
            return Ok(());
        }
        match db.replay_erasures(&own).await {
            Err(e) => self.problems.push(e.to_string()),
            Ok(r) => {
                self.notes
                    .push(format!("{} erased persons are listed, {} were erased again", r.listed, r.erased_again));
            }
        }
        Ok(())
    }

    fn compare(&mut self, found: &BTreeMap<String, i64>) {
        for (table, rows) in &self.manifest.rows {
            match found.get(table) {
                Some(n) if n == rows => {}
                Some(n) => self.problems.push(format!("{table} has {n} rows, and had {rows} when backed up")),
                None => self.problems.push(format!("{table} is missing")),
            }
        }
        self.counted = Some(self.manifest.rows.len());
    }

    fn took(&mut self, step: &'static str, since: &mut Instant) {
        self.steps.push((step, since.elapsed()));
        *since = Instant::now();
    }

    fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(|(s, took)| json!({"step": s, "ms": millis(*took)})).collect();
        let m = &self.manifest;
        json!({
            "ok": self.ok(), "home": self.config.home, "backup_id": m.id, "backup_began_at": m.began_at.to_string(),
            "schema": m.source.schema, "stop_lsn": m.stop_lsn, "root_key": m.root_key, "keys": self.keys,
            "pg_verifybackup": "ok", "tables_counted": self.counted, "tables_not_counted": m.changing,
            "steps": steps, "problems": self.problems, "notes": self.notes,
        })
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> =
            self.steps.iter().map(|(s, took)| vec![(*s).to_owned(), format!("{} ms", took.as_millis())]).collect();
        let mut lines = vec![
            format!("Backup of {}, schema {}", self.manifest.began_at, self.manifest.source.schema),
            table(&["step", "took"], &rows),
        ];
        if let Some(n) = self.counted {
            let not = self.manifest.changing.len();
            lines.push(format!("{n} tables counted; {not} not, because they changed while the backup was taken"));
        }
        lines.extend(self.notes.iter().map(|note| format!("Notice: {note}")));
        lines.extend(self.problems.iter().map(|p| format!("PROBLEM: {p}")));
        lines.push(if self.ok() {
            "Restored, and every check is well".into()
        } else {
            "Restored with problems".into()
        });
        lines.join("\n")
    }
}

/// The identity that was named, else the operator's where the settings say.
fn identity_file(config: &Config, args: &RestoreArgs) -> PathBuf {
    let usual = || salus_store::seal::RootFile::at(&config.home, config.operator_key.clone()).operator;
    args.identity.clone().unwrap_or_else(usual)
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn not_ours() -> Error {
    Error::Unavailable(
        "DATABASE_URL or DATABASE_ADMIN_URL names a server of your own: back it up with its own tools; this command is \
         for the private cluster"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_other_rows_or_none_is_a_problem() {
        let print = json!({"bytes": 1, "sha256": ""});
        let manifest = json!({
            "format": 1, "id": "01a1ffe3-ee39-75c9-ad93-3e15257dae4e", "program": "0.1.0", "start_lsn": "0/1",
            "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01Z", "stop_lsn": "0/2", "root_key": "",
            "source": {"postgres": 150_018, "system_identifier": "1", "schema": 1, "migrations": []},
            "wrapped_key": "", "archive": print, "files": {}, "rows": {"a": 1, "b": 2, "c": 3}, "changing": ["d"],
        });
        let mut restored = Restored {
            config: Config::default(),
            manifest: serde_json::from_value(manifest).expect("a manifest"),
            steps: Vec::new(),
            keys: Value::Null,
            problems: Vec::new(),
            notes: Vec::new(),
            counted: None,
        };
        let found = |rows: &[(&str, i64)]| rows.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect();
        restored.compare(&found(&[("a", 1), ("b", 2), ("c", 3), ("d", 9)]));
        assert!(restored.ok());
        restored.compare(&found(&[("a", 1), ("b", 1)]));
        assert_eq!(restored.problems, ["b has 1 rows, and had 2 when backed up", "c is missing"]);
        assert_eq!(restored.counted, Some(3));
    }
}
