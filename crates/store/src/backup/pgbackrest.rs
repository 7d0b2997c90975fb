//! pgBackRest, where it takes the backups of the private cluster: its program is run under the cluster's account, and
//! what it says is read as JSON. What it does not keep is written beside its backup, in a folder like one of our own
//! without the archive: the encrypted root key, and a manifest that names stanza and label ([`Label`]).
//!
//! Nothing here configures it. Its files do, which the server's `archive_command` reads as well; so it is run with an
//! empty environment.

use super::{
    CODE, Entry, Kind, MANIFEST, Manifest, OPERATOR, Print, ROOT, Source, at, count_rows, failed, split_counts, sync,
    write_file,
};
use crate::{
    cluster::under_account,
    seal::{RootFile, RootKey, sha256},
};
use salus_core::{Env, Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use time::{OffsetDateTime, macros::format_description};
use tokio_postgres::Client;
use uuid::Uuid;

/// The layout of a folder beside a backup of pgBackRest.
pub(super) const FORMAT: u32 = 2;
/// The name of our annotation at its backup: the id of the manifest.
const ANNOTATION: &str = "salus";
/// A backup is full when the last full one is as old as this; between them only what changed is copied.
const FULL_EVERY: time::Duration = time::Duration::days(7);

/// Which of pgBackRest's backups a manifest is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The stanza.
    pub stanza: String,
    /// pgBackRest's own name for the backup.
    pub label: String,
}

/// pgBackRest for one data directory.
#[derive(Debug, Clone)]
pub struct PgBackRest {
    home: PathBuf,
    stanza: String,
    config: Option<PathBuf>,
}

/// What its repositories hold of a stanza.
#[derive(Debug, Clone, Deserialize)]
pub struct Repository {
    status: Status,
    /// The cipher of all repositories; `none` where there is none.
    cipher: String,
    backup: Vec<Kept>,
    archive: Vec<Log>,
}

#[derive(Debug, Clone, Deserialize)]
struct Status {
    code: i32,
    message: String,
}

/// One backup in a repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Kept {
    /// pgBackRest's name for it.
    pub label: String,
    #[serde(rename = "type")]
    kind: String,
    /// Whether pages of it have wrong checksums.
    #[serde(default)]
    error: bool,
    #[serde(default)]
    annotation: BTreeMap<String, String>,
    timestamp: Span,
    lsn: Places,
    archive: Files,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Span {
    start: i64,
    stop: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct Places {
    start: String,
    stop: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Files {
    start: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Log {
    max: Option<String>,
}

impl Kept {
    /// When it began.
    #[must_use]
    pub fn began_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.timestamp.start).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// When it was complete.
    #[must_use]
    pub fn ended_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.timestamp.stop).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The manifest that was written beside it, when it was taken by us.
    #[must_use]
    pub fn manifest(&self) -> Option<Uuid> {
        self.annotation.get(ANNOTATION)?.parse().ok()
    }

    /// An id of our kind for it, the same each time: that of its manifest, or one made of its name.
    pub(super) fn id(&self, stanza: &str) -> Uuid {
        self.manifest().unwrap_or_else(|| {
            let print = sha256(&[b"salus-pgbackrest/1", stanza.as_bytes(), b"/", self.label.as_bytes()]);
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&print[..16]);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        })
    }
}

impl Repository {
    /// Its backups, oldest first.
    #[must_use]
    pub fn backups(&self) -> &[Kept] {
        &self.backup
    }

    /// The backup of this name.
    #[must_use]
    pub fn backup(&self, label: &str) -> Option<&Kept> {
        self.backup.iter().find(|b| b.label == label)
    }

    /// The last file of the log that any repository has.
    #[must_use]
    pub fn log_end(&self) -> Option<&str> {
        self.archive.iter().filter_map(|log| log.max.as_deref()).max()
    }

    /// What is wrong with it, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.status.code != 0 {
            found.push(format!("pgBackRest says: {}", self.status.message));
        }
        let bad = self.backup.iter().filter(|b| b.error);
        found.extend(bad.map(|b| format!("pgBackRest found pages with wrong checksums in backup {}", b.label)));
        if let Some(newest) = self.backup.last()
            && self.log_end().is_none_or(|end| end < newest.archive.start.as_str())
        {
            found.push(format!("the archived log ends before the newest backup, {}", newest.label));
        }
        found
    }

    /// Tells the folders beside its backups what it holds: how far the log reaches, or that the backup is gone.
    pub fn tell(&self, stanza: &str, entries: &mut [Entry]) {
        for entry in entries {
            let Some(label) = entry.label().filter(|label| label.stanza == stanza) else { continue };
            match self.backup(&label.label) {
                None => entry.problem = Some(format!("pgBackRest does not hold backup {} any more", label.label)),
                Some(_) => entry.reach = self.log_end().map(str::to_owned),
            }
        }
    }

    /// Whether what is in it is encrypted by it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.cipher != "none"
    }
}

impl PgBackRest {
    /// For this data directory. `config` is its file where that is not in its own place.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a stanza that no stanza can be called.
    pub fn new(home: &Path, stanza: &str, config: Option<&Path>) -> Result<Self> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if stanza.is_empty() || !stanza.chars().all(word) || stanza.starts_with('-') {
            let why = "Is the name of a stanza: letters, digits, - and _";
            return Err(Error::invalid("pgbackrest_stanza", "wrong_type", why));
        }
        Ok(Self { home: home.to_owned(), stanza: stanza.to_owned(), config: config.map(Path::to_owned) })
    }

    /// The stanza.
    #[must_use]
    pub fn stanza(&self) -> &str {
        &self.stanza
    }

    /// What begins each of its command lines.
    fn words(&self) -> Vec<String> {
        let mut words = vec![format!("--stanza={}", self.stanza), "--log-level-file=off".into()];
        words.extend(self.config.as_ref().map(|file| format!("--config={}", file.display())));
        words
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = under_account(&self.home, Path::new("pgbackrest"))?;
        command.args(self.words()).args(["--log-level-console=off", "--log-level-stderr=error"]).args(arguments);
        let what = arguments.last().copied().unwrap_or_default();
        let out = command.output().map_err(|e| {
            Error::Unavailable(format!(
                "pgBackRest cannot be run ({e}): apt-get install pgbackrest, or take pgbackrest_stanza out"
            ))
        })?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        let said = String::from_utf8_lossy(&out.stderr);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(6)..].join("; ");
        Err(Error::Unavailable(format!("pgbackrest {what} of stanza {} failed: {tail}", self.stanza)))
    }

    /// What its repositories hold.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be run, says no, or does not know the stanza.
    pub fn info(&self) -> Result<Repository> {
        let out = self.run(&["--output=json", "info"])?;
        let unread = |e: serde_json::Error| Error::Unavailable(format!("pgbackrest info cannot be read: {e}"));
        let all: Vec<serde_json::Value> = serde_json::from_slice(&out).map_err(unread)?;
        let own = all.into_iter().find(|stanza| stanza["name"] == self.stanza.as_str());
        let none = || {
            Error::Unavailable(format!(
                "pgBackRest has no stanza {0}: pgbackrest --stanza={0} stanza-create",
                self.stanza
            ))
        };
        let mut repository: Repository = serde_json::from_value(own.ok_or_else(none)?).map_err(unread)?;
        repository.backup.sort_by_key(|b| (b.timestamp.stop, b.label.clone()));
        Ok(repository)
    }

    /// Refuses a server whose log does not go to pgBackRest: a backup would wait for it in vain.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the line that is missing.
    pub async fn refuse_unarchived(&self, client: &Client) -> Result<()> {
        let sql = "SELECT current_setting('archive_command')";
        let command: String = client.query_one(sql, &[]).await.map_err(|e| failed(&e))?.get(0);
        if command.contains("pgbackrest") && command.contains("archive-push") {
            return Ok(());
        }
        let config = self.config.as_ref().map(|file| format!(" --config={}", file.display())).unwrap_or_default();
        Err(Error::Unavailable(format!(
            "the log does not go to pgBackRest: put archive_command = 'pgbackrest --stanza={}{config} archive-push %p' into \
             {}/cluster/data/operator.conf and reload the server (pg_reload_conf())",
            self.stanza,
            self.home.display()
        )))
    }

    /// Takes a backup, and writes what belongs to it into a new folder below `out`. The folder, and what is in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] in words that say what failed. What pgBackRest took by then stays in its repository.
    pub async fn write(&self, client: &Client, keys: &RootFile, out: &Path, env: &Env) -> Result<(PathBuf, Manifest)> {
        let root = Arc::new(keys.unlock()?);
        self.refuse_unarchived(client).await?;
        let source = Source::read(client).await?;
        let before = count_rows(client).await?;
        let (id, began_at) = (env.id(), env.now());
        let form = format_description!("salus-[year][month][day]T[hour][minute][second]Z");
        let whole = out.join(began_at.format(form).map_err(Error::internal)?);
        if whole.exists() {
            return Err(Error::Unavailable(format!("{} exists: nothing was done", whole.display())));
        }
        let tool = self.clone();
        let work = move || tool.take(id, began_at);
        let kept = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
        let (rows, changing) = split_counts(before, &count_rows(client).await?);
        let mut beside = vec![(ROOT, fs::read(&keys.root).map_err(|e| at(&keys.root, &e))?)];
        let kms = keys.operator_kms();
        if kms.exists() {
            beside.push((OPERATOR, fs::read(&kms).map_err(|e| at(&kms, &e))?));
        }
        let timeline = kept.archive.start.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let manifest = Manifest {
            format: FORMAT,
            kind: Kind::Base,
            id,
            began_at,
            ended_at: env.now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            source,
            start_lsn: kept.lsn.start.clone(),
            stop_lsn: kept.lsn.stop.clone(),
            wal: None,
            pgbackrest: Some(Label { stanza: self.stanza.clone(), label: kept.label.clone() }),
            timeline: timeline.unwrap_or(0),
            root_key: root.fingerprint(),
            wrapped_key: String::new(),
            archive: Print::of(&[]),
            files: beside.iter().map(|(name, bytes)| ((*name).to_owned(), Print::of(bytes))).collect(),
            rows,
            changing,
        };
        lay_beside(&whole, &beside, &manifest, &root)?;
        Ok((whole, manifest))
    }

    /// Has pgBackRest take a backup with our mark, and finds it again in its own list.
    fn take(&self, id: Uuid, now: OffsetDateTime) -> Result<Kept> {
        let full = self.info()?.backups().iter().rev().find(|b| b.kind == "full").map(Kept::ended_at);
        let kind = if full.is_none_or(|at| now - at >= FULL_EVERY) { "full" } else { "incr" };
        let (kind, mark) = (format!("--type={kind}"), format!("--annotation={ANNOTATION}={id}"));
        self.run(&[&kind, &mark, "backup"])?;
        let repository = self.info()?;
        let kept = repository.backups().iter().find(|b| b.manifest() == Some(id)).cloned().ok_or_else(|| {
            Error::Unavailable(format!("pgBackRest took a backup of stanza {}, and does not list it", self.stanza))
        })?;
        if kept.error {
            return Err(Error::Unavailable(format!(
                "backup {} holds pages with wrong checksums: see pgBackRest's log and salus doctor database",
                kept.label
            )));
        }
        self.run(&["verify"])?;
        Ok(kept)
    }

    /// Lays the files of a backup into an empty directory of the cluster's account. Each is compared with its checksum.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what it said.
    pub(super) fn lay(&self, label: &str, data: &Path) -> Result<()> {
        let (set, path) = (format!("--set={label}"), format!("--pg1-path={}", data.display()));
        let spaces = format!("--tablespace-map-all={}", data.with_file_name("tablespaces").display());
        // No settings of a recovery: those are ours.
        self.run(&[&set, &path, &spaces, "--type=none", "--archive-mode=off", "restore"])?;
        Ok(())
    }

    /// The command by which a server in this data directory gets a file of the log.
    pub(super) fn fetch(&self, data: &Path) -> String {
        let mut words = vec!["pgbackrest".to_owned()];
        words.extend(self.words());
        // The spool of the asynchronous way is that of the server that archives.
        words.extend([format!("--pg1-path={}", data.display()), "--no-archive-async".into(), "archive-get".into()]);
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        format!("{} %f \"%p\"", quoted.join(" ").replace('%', "%%"))
    }
}

/// Writes the folder beside a backup; it has its name when it is whole.
fn lay_beside(whole: &Path, files: &[(&str, Vec<u8>)], manifest: &Manifest, root: &RootKey) -> Result<()> {
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let half = whole.with_file_name(format!(".{name}.{}.half", manifest.id));
    let written = || -> Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&half).map_err(|e| at(&half, &e))?;
        let text = serde_json::to_vec_pretty(manifest).map_err(Error::internal)?;
        files.iter().try_for_each(|(name, bytes)| write_file(&half.join(name), bytes))?;
        write_file(&half.join(MANIFEST), &text)?;
        write_file(&half.join(CODE), hex::encode(root.manifest_code(&text)?).as_bytes())?;
        sync(&half)?;
        fs::rename(&half, whole).map_err(|e| at(whole, &e))?;
        sync(whole.parent().unwrap_or(Path::new("/")))
    };
    written().inspect_err(|_| drop(fs::remove_dir_all(&half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(archive_max: &str) -> Repository {
        serde_json::from_value(serde_json::json!({
            "name": "salus", "status": {"code": 0, "message": "ok"}, "cipher": "none", "unknown": 1,
            "backup": [{"label": "20260101-000000F", "type": "full", "error": false, "timestamp": {"start": 1, "stop": 2},
                "lsn": {"start": "0/5000028", "stop": "0/5000100"},
                "archive": {"start": "000000010000000000000005", "stop": "000000010000000000000005"}}],
            "archive": [{"id": "15-1", "min": "000000010000000000000001", "max": archive_max}],
        }))
        .expect("as pgBackRest says it")
    }

    #[test]
    fn a_log_that_ends_before_the_backup_is_a_problem() {
        assert_eq!(repository("000000010000000000000005").problems(), Vec::<String>::new());
        assert!(repository("000000010000000000000004").problems()[0].contains("ends before"));
    }

    #[test]
    fn a_backup_that_was_taken_by_others_has_the_same_id_each_time() {
        let kept = repository("000000010000000000000005").backups()[0].clone();
        assert_eq!(kept.id("salus"), kept.id("salus"));
        assert_ne!(kept.id("salus"), kept.id("other"));
    }

    #[test]
    fn a_stanza_is_a_word_and_the_command_is_quoted() {
        for wrong in ["", "--help", "a b", "a;b", "a'b"] {
            assert!(PgBackRest::new(Path::new("/srv"), wrong, None).is_err(), "{wrong}");
        }
        let tool = PgBackRest::new(Path::new("/srv"), "main", Some(Path::new("/etc/it's 5%"))).expect("a stanza");
        let command = tool.fetch(Path::new("/srv/cluster/data"));
        assert!(
            command.contains(r"'--config=/etc/it'\''s 5%%'") && command.ends_with(r#"'archive-get' %f "%p""#),
            "{command}"
        );
    }
}
