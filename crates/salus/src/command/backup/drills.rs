//! Drills that the server does by itself when `drill_dir` is set: a week after the last one the newest backup is restored into a
//! directory there, with all of the log that follows it, checked, reported, and removed. A program of its own does it, as
//! `salus drill` does: a restore reads and decrypts the whole database, and whoever is served waits for none of that.

use super::{
    super::task::{Stop, Task, Trouble},
    drill,
};
use crate::place::Place;
use salus_core::{Env, Error, Result};
use salus_store::backup;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::process::Command;

/// Between two looks at whether one is due.
const EVERY: Duration = Duration::from_secs(10);
/// After a drill that could not even begin.
const AGAIN: Duration = Duration::from_hours(1);
/// After a drill that was well.
const WEEK: time::Duration = time::Duration::WEEK;
/// After one that found problems.
const DAY: time::Duration = time::Duration::DAY;

/// Begins; nothing where no `drill_dir` is set.
pub fn begin(place: &Arc<Place>) -> Option<Task> {
    let dir = place.config.drill_dir.clone()?;
    if matches!(place.log(), Ok(None)) {
        tracing::warn!(
            "no drills are done: their reports are signed with the key of the audit log, see DATABASE_SEALER_URL"
        );
        return None;
    }
    let place = Arc::clone(place);
    Some(Task::begin("drills", async move |stop: Stop| {
        let mut trouble = Trouble::default();
        loop {
            let turn = tokio::select! {
                turn = turn(&place, &dir) => turn,
                // The program that restores ends with it.
                () = stop.told() => break,
            };
            let pause = if turn.is_ok() { EVERY } else { AGAIN };
            trouble.after(turn, "a drill was not well: see salus doctor backups", "drills are well again");
            if stop.within(pause).await {
                break;
            }
        }
    }))
}

/// Does a drill where one is due.
async fn turn(place: &Place, dir: &Path) -> Result<()> {
    let now = Env::default().now();
    let rests = |(at, well)| now - at < if well { WEEK } else { DAY };
    if drill::last(place).await?.is_some_and(rests) {
        return Ok(());
    }
    let Some(out) = &place.config.backup_dir else { return Ok(()) };
    let entries = backup::list(out, &Arc::new(place.keys().unlock()?))?;
    let followed = entries.iter().any(|entry| entry.reach_at.is_some());
    let alone = place.config.pgbackrest_stanza.is_some() || place.cluster().is_none();
    if !followed && (!alone || entries.iter().all(|entry| entry.manifest.is_none())) {
        // The first backup, or the log that follows it, is still to come.
        return Ok(());
    }
    let Some(scratch) = cleared(place, dir)? else { return Ok(()) };
    let mut drill = Command::new(std::env::current_exe().map_err(Error::internal)?);
    drill.arg("--json").arg("--home").arg(&place.config.home).arg("drill");
    drill.args(if followed { &["pitr", "--to", "latest"][..] } else { &["restore"] });
    drill.arg("--scratch").arg(&scratch.path).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let done = drill.output().await.map_err(|e| Error::Unavailable(format!("a drill cannot be begun: {e}")))?;
    if done.status.success() {
        tracing::info!("a drill was well");
        return Ok(());
    }
    let said: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
    let problems = said["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let problems: Vec<&str> = problems.iter().filter_map(Value::as_str).collect();
    Err(Error::Unavailable(match problems.len() {
        0 => format!("salus drill ended with {} and told no problem", done.status),
        _ => problems.join("; "),
    }))
}

/// The directory in which one drill at a time restores.
struct Scratch {
    path: PathBuf,
    /// Held as long as the drill lasts: of several servers on one data directory one does it.
    _turn: fs::File,
}

/// The directory without what a drill left that was killed: it is a database with health data. `None` while another server is at it.
fn cleared(place: &Place, dir: &Path) -> Result<Option<Scratch>> {
    let lock = place.config.home.join("drill.lock");
    let failed = |path: &Path, e: std::io::Error| Error::Unavailable(format!("{}: {e}", path.display()));
    let turn = fs::OpenOptions::new().append(true).create(true).open(&lock).map_err(|e| failed(&lock, e))?;
    if turn.try_lock().is_err() {
        return Ok(None);
    }
    let path = dir.join("salus-scheduled-drills");
    match fs::remove_dir_all(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(&path, e)),
        _ => {}
    }
    // The account that runs PostgreSQL has to get through, and to nothing else in it.
    fs::create_dir_all(&path).map_err(|e| failed(&path, e))?;
    Ok(Some(Scratch { path, _turn: turn }))
}
