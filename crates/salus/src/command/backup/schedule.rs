//! What `salus serve` does by itself when `backup_dir` is set: the log is archived every minute, and a backup is taken
//! when the newest one is old enough. Several servers on one data directory take turns by a file lock. A failure stops
//! nothing else; it is logged when it begins, when it changes and when it ends. `salus doctor backups` looks at all of it.

use super::{
    super::task::{Stop, Task, Trouble},
    age, drill, held, make, note, without_folder,
};
use crate::{config::Config, output::Outcome, place::Place};
use salus_core::{Env, Error, Result};
use salus_store::{
    Db,
    backup::{self, Archive, Entry, Kept, Kind, Manifest, Taken, archive_of},
    erase::Ledger,
    seal::RootKey,
};
use serde_json::json;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use time::OffsetDateTime;

/// Between two looks at the log: what is committed is archived after a minute.
const EVERY: Duration = Duration::from_mins(1);
/// A drill is done weekly; a day late is late.
pub const DRILL_MAX: time::Duration = time::Duration::days(8);
/// How long the archived log may lie behind.
const LAG_MAX: time::Duration = time::Duration::minutes(10);

/// Begins; nothing where no `backup_dir` is set. Where it was set once, the files that would now wait for nobody and fill
/// the disk are removed.
pub fn begin(place: &Arc<Place>, db: &Db) -> Option<Task> {
    if let Some(cluster) = place.cluster()
        && (place.config.backup_dir.is_none() || place.config.pgbackrest_stanza.is_some())
    {
        match cluster.end_spool() {
            Ok(true) => tracing::warn!("the log is not archived into backup_dir any more: the settings say so"),
            Ok(false) => {}
            Err(e) => tracing::error!(error = %e, "files of the log wait for nobody"),
        }
    }
    place.config.backup_dir.as_ref()?;
    let (place, db) = (Arc::clone(place), db.clone());
    Some(Task::begin("backups", async move |stop: Stop| {
        let mut trouble = Trouble::default();
        loop {
            trouble.after(turn(&place, &db).await, "there is no new backup", "backups are taken again");
            if stop.within(EVERY).await {
                break;
            }
        }
        // What was committed up to the stop is archived before it.
        if place.cluster().is_some()
            && let Err(e) = archive(&place).await
        {
            tracing::error!(error = %e, "the end of the log is not archived");
        }
    }))
}

async fn turn(place: &Place, db: &Db) -> Result<()> {
    if place.cluster().is_some() {
        archive(place).await?;
    }
    let Some(out) = &place.config.backup_dir else { return Ok(()) };
    let Some(_turn) = lock(&place.config)? else { return Ok(()) };
    let root = Arc::new(place.keys().unlock()?);
    db.take_in_erasures(&erasures_beside(out, &root), &place.erasures())?;
    let stanza = place.config.pgbackrest_stanza.as_ref();
    // A backup of before the present archive began has no log that goes on from it.
    let log = archive_of(&place.config.home)?;
    let kind = usual(place);
    let ours = |m: &Manifest| {
        m.kind == kind
            && m.pgbackrest.as_ref().map(|label| &label.stanza) == stanza
            && (stanza.is_some() || m.wal == log)
    };
    let all = backup::list(out, &root)?.into_iter().filter_map(|e| e.manifest);
    let newest = all.filter(ours).map(|m| m.began_at).max();
    if newest.is_some_and(|at| Env::default().now() - at < place.config.backup_interval()) {
        return Ok(());
    }
    let (path, _) = make(place, out, false).await?;
    tracing::info!(path = %path.display(), "a backup was taken");
    if let Some(keep) = place.config.backup_keep {
        let (removed, files) = backup::prune(out, keep, &root)?;
        tracing::info!(backups = removed.len(), log_files = files, "older backups were removed");
    }
    note(place, db).await
}

/// What is taken by itself.
fn usual(place: &Place) -> Kind {
    if place.cluster().is_some() { Kind::Base } else { Kind::Logical }
}

/// The copy of the list of erased persons that lies beside the backups: a disk that is lost takes the list with it, and a
/// restore needs it.
pub fn erasures_beside(out: &Path, root: &RootKey) -> Ledger {
    Ledger::new(out.join(format!("erasures-{}", root.fingerprint())))
}

/// The turn of this process; `None` while another one has it.
fn lock(config: &Config) -> Result<Option<File>> {
    let path = config.home.join("backup.lock");
    let file = fs::OpenOptions::new().append(true).create(true).open(&path);
    let file = file.map_err(|e| Error::Unavailable(format!("{}: {e}", path.display())))?;
    Ok(file.try_lock().is_ok().then_some(file))
}

/// Ends the file of the log that is written to, and archives all that is whole. Where pgBackRest has the log, only the
/// first.
pub async fn archive(place: &Place) -> Result<Taken> {
    if place.config.pgbackrest_stanza.is_some() {
        place.admin().await?.batch_execute("SELECT pg_switch_wal()").await.map_err(Error::internal)?;
        return Ok(Taken::default());
    }
    let (Some(cluster), Some(out)) = (place.cluster(), &place.config.backup_dir) else {
        return Err(Error::invalid("backup_dir", "required", "Set backup_dir (SALUS_BACKUP_DIR) to archive the log"));
    };
    let Some(_turn) = lock(&place.config)? else { return Ok(Taken::default()) };
    let archive = Archive::begin(cluster, (&place.config.home, out), &place.keys(), &Env::default())?;
    let admin = place.admin().await?;
    let sql = "SELECT pg_walfile_name(pg_switch_wal() - 1)";
    let last: String = admin.query_one(sql, &[]).await.map_err(Error::internal)?.get(0);
    // The server copies by itself, and a moment later; what it has not copied by then comes with the next turn.
    for _ in 0..100 {
        let sql = "SELECT coalesce(last_archived_wal >= $1, false) FROM pg_stat_archiver";
        if admin.query_one(sql, &[&last]).await.map_err(Error::internal)?.get(0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let spool = cluster.spool();
    tokio::task::spawn_blocking(move || archive.take(&spool)).await.map_err(Error::internal)?
}

/// What was seen of the backups, their log and the drills: what is well, and what is not.
pub struct Looked {
    pub notes: Vec<String>,
    pub problems: Vec<String>,
}

/// `salus doctor backups`.
pub async fn doctor(place: &Place) -> Result<Outcome> {
    let Some(Looked { notes, problems }) = look(place).await? else {
        let text = "The database is a server of your own: its backups are taken and watched by its own tools";
        return Ok(Outcome::done(json!({"ok": true, "notice": text}), text));
    };
    let ok = problems.is_empty();
    let json = json!({"ok": ok, "problems": problems, "notes": notes});
    let lines: Vec<String> = notes.into_iter().chain(problems.iter().map(|p| format!("PROBLEM: {p}"))).collect();
    Ok(Outcome { json, text: lines.join("\n"), ok })
}

/// Looks at all of it; `None` for a server that other tools back up.
pub async fn look(place: &Place) -> Result<Option<Looked>> {
    if place.cluster().is_none() && place.config.backup_dir.is_none() {
        return Ok(None);
    }
    let now = Env::default().now();
    let (mut problems, mut lines) = (Vec::new(), Vec::new());
    match &place.config.backup_dir {
        Some(out) if place.config.pgbackrest_stanza.is_some() => {
            let entries = backup::list(out, &Arc::new(place.keys().unlock()?))?;
            elsewhere(place, entries, (&mut lines, &mut problems)).await?;
            problems.extend(refused(place).await?);
        }
        None => {
            problems
                .push("backup_dir is not set: no backup is taken by itself, and the log is not archived".to_owned());
        }
        Some(out) if place.cluster().is_none() => {
            if !place.backs_up() {
                problems.push("no backup is taken: set database_backup_url, the address as salus_backup".into());
            }
            age_of_newest(place, &backup::list(out, &Arc::new(place.keys().unlock()?))?, (&mut lines, &mut problems));
            lines.push("Backups are logical: what is committed after the newest is in none".into());
        }
        Some(out) => {
            let entries = backup::list(out, &Arc::new(place.keys().unlock()?))?;
            let newest = age_of_newest(place, &entries, (&mut lines, &mut problems));
            match entries.iter().filter_map(|e| e.reach_at).max() {
                _ if archive_of(&place.config.home)?.is_none() => problems.push("the log is not archived".into()),
                None if newest.is_some_and(|at| now - at <= LAG_MAX) => {
                    lines.push("The log that follows the newest backup is not archived yet".into());
                }
                None => problems.push("no backup can be restored to a later time: the archived log has a gap".into()),
                Some(at) if now - at > LAG_MAX && copied_since(place, at).await? && waiting(place)?.is_none() => {
                    problems.push(format!(
                        "the archived log has a gap {} ago: no later second can be restored until the next backup: salus backup",
                        age(now - at)
                    ));
                }
                Some(at) if now - at > LAG_MAX => {
                    lines.push(format!("The log is archived up to {} ago", age(now - at)));
                }
                Some(_) => lines.push("The log is archived up to now".into()),
            }
            problems.extend(waiting(place)?);
            problems.extend(refused(place).await?);
        }
    }
    match drill::last(place).await? {
        None => problems.push("no signed drill was done from this data directory: salus drill restore".into()),
        Some((at, _)) if now - at > DRILL_MAX => problems.push(format!("the last drill is {} ago", age(now - at))),
        Some((_, false)) => problems.push("the last drill found problems: salus drill restore".into()),
        Some((at, true)) => lines.push(format!("The last drill was well, {} ago", age(now - at))),
    }
    Ok(Some(Looked { notes: lines, problems }))
}

/// What is wrong with the backups of the kind that is taken by itself, and how old the newest is.
fn age_of_newest(
    place: &Place,
    entries: &[Entry],
    (lines, problems): (&mut Vec<String>, &mut Vec<String>),
) -> Option<OffsetDateTime> {
    problems.extend(entries.iter().filter_map(|e| e.problem.clone()));
    let now = Env::default().now();
    let of_kind = entries.iter().filter_map(|e| e.manifest.as_ref()).filter(|m| m.kind == usual(place));
    let newest = of_kind.map(|m| m.ended_at).max();
    match newest {
        None => {
            let out = place.config.backup_dir.as_deref().unwrap_or(Path::new(""));
            problems.push(format!("there is no backup in {}", out.display()));
        }
        Some(at) if now - at > place.config.backup_interval() * 2 => {
            problems.push(format!("the newest backup is {} old", age(now - at)));
        }
        Some(at) => lines.push(format!("The newest backup is {} old", age(now - at))),
    }
    newest
}

/// The same of what pgBackRest holds, by its own word.
async fn elsewhere(
    place: &Place,
    mut entries: Vec<Entry>,
    (lines, problems): (&mut Vec<String>, &mut Vec<String>),
) -> Result<()> {
    let Some(tool) = place.pgbackrest()? else { return Ok(()) };
    let (now, stanza) = (Env::default().now(), tool.stanza().to_owned());
    let admin = place.admin().await?;
    problems.extend(tool.refuse_unarchived(&admin).await.err().map(|e| e.to_string()));
    let repository = match held(tool).await {
        Ok(repository) => repository,
        Err(e) => {
            problems.push(e.to_string());
            return Ok(());
        }
    };
    repository.tell(&stanza, &mut entries);
    problems.extend(entries.iter().filter_map(|e| e.problem.clone()));
    problems.extend(repository.problems());
    lines.extend(without_folder(&repository, &entries));
    let newest = repository.backups().iter().filter(|b| b.manifest().is_some()).map(Kept::ended_at).max();
    match newest {
        None => problems.push(format!("pgBackRest holds no backup of stanza {stanza} that Salus took: salus backup")),
        Some(at) if now - at > place.config.backup_interval() * 2 => {
            problems.push(format!("the newest backup is {} old", age(now - at)));
        }
        Some(at) => lines.push(format!("The newest backup is {} old, by pgBackRest", age(now - at))),
    }
    lines.extend(repository.log_end().map(|file| format!("pgBackRest has the log up to {file}")));
    let sql = "SELECT last_archived_time FROM pg_stat_archiver";
    let last: Option<OffsetDateTime> = admin.query_one(sql, &[]).await.map_err(Error::internal)?.get(0);
    match last {
        Some(at) => lines.push(format!("The log was given to it {} ago", age(now - at))),
        None => lines.push("The server has not given it any log since it was started".into()),
    }
    if !repository.is_encrypted() {
        lines.push("Its repository is not encrypted (repo1-cipher-type): ids and times are readable in it".into());
    }
    Ok(())
}

/// Whether the server has copied log that is much newer than this.
async fn copied_since(place: &Place, at: OffsetDateTime) -> Result<bool> {
    let sql = "SELECT coalesce(last_archived_time > $1, false) FROM pg_stat_archiver";
    let row = place.admin().await?.query_one(sql, &[&(at + LAG_MAX)]).await.map_err(Error::internal)?;
    Ok(row.get(0))
}

/// The server's own word that it cannot copy its log.
async fn refused(place: &Place) -> Result<Option<String>> {
    let sql = "SELECT last_failed_wal FROM pg_stat_archiver \
               WHERE last_failed_time > coalesce(last_archived_time, '-infinity')";
    let row = place.admin().await?.query_opt(sql, &[]).await.map_err(Error::internal)?;
    let name = row.map(|r| r.get::<_, String>(0));
    Ok(name.map(|name| format!("PostgreSQL cannot copy {name} of its log: is the disk full? See log/postgres.log")))
}

/// Files of the log that nobody has taken for too long: they fill the disk.
fn waiting(place: &Place) -> Result<Option<String>> {
    let Some(spool) = place.cluster().map(salus_store::cluster::Cluster::spool).filter(|s| s.exists()) else {
        return Ok(None);
    };
    let failed = |e: std::io::Error| Error::Unavailable(format!("{}: {e}", spool.display()));
    let mut oldest: Option<(OffsetDateTime, PathBuf)> = None;
    for entry in fs::read_dir(&spool).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let at = entry.metadata().and_then(|m| m.modified()).map_err(failed)?.into();
        if oldest.as_ref().is_none_or(|(first, _)| at < *first) {
            oldest = Some((at, entry.path()));
        }
    }
    let age_of = |at| Env::default().now() - at;
    let late = oldest.filter(|(at, _)| age_of(*at) > LAG_MAX);
    Ok(late.map(|(at, path)| {
        let (path, waits) = (path.display(), age(age_of(at)));
        format!("{path} waits for {waits} to be archived: run salus serve, or salus backup log")
    }))
}
