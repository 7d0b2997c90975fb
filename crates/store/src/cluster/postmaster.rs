//! The main process of PostgreSQL: started, adopted when a former guard left it running, awaited and stopped.

use super::{
    account::Account,
    create::{last_lines, program},
    install::Installation,
    layout::{Layout, at},
};
use rustix::process::{Pid, Signal, kill_process};
use salus_core::{Error, Result};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often a state that PostgreSQL shows only in a file is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long a fast shutdown may take before it is made an immediate one, which the next start recovers from.
const STOP_MAX: Duration = Duration::from_mins(1);
/// How long backends may outlive a main process that was killed.
const ORPHANS_MAX: Duration = Duration::from_secs(15);

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub pid: Pid,
    layout: Layout,
    /// Missing when adopted.
    child: Option<tokio::process::Child>,
}

impl Postmaster {
    /// Adopts the server of this cluster if one runs, or else starts it, and waits until it answers.
    pub async fn run(layout: &Layout, install: &Installation, account: &Account) -> Result<Self> {
        loop {
            let mut server = match adoptable(layout).await? {
                Some(pid) => Self { pid, layout: layout.clone(), child: None },
                None => Self::start(layout, install, account)?,
            };
            if server.begins().await? {
                return Ok(server);
            }
        }
    }

    /// Waits until the server answers; false when it is an adopted one that was dying.
    async fn begins(&mut self) -> Result<bool> {
        let layout = self.layout.clone();
        loop {
            match recorded(&layout) {
                Some((pid, state)) if pid == self.pid && state == "ready" && layout.answers() => return Ok(true),
                _ if self.is_gone()? && self.child.is_none() => return Ok(false),
                _ if self.is_gone()? => {
                    let log = fs::read(layout.log().join("postgres.log")).unwrap_or_default();
                    return Err(Error::Unavailable(format!("PostgreSQL did not start: {}", why(&log))));
                }
                _ => sleep(LOOK).await,
            }
        }
    }

    fn start(layout: &Layout, install: &Installation, account: &Account) -> Result<Self> {
        let path = install.bin_dir.join("postgres");
        let mut command = program(&path, &layout.data(), account)?;
        command.stdout(std::process::Stdio::null()).stderr(layout.open_log("postgres.log")?);
        let child = tokio::process::Command::from(command).spawn().map_err(|e| at(&path, &e))?;
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let pid = pid.ok_or_else(|| Error::internal("a child without a number"))?;
        Ok(Self { pid, layout: layout.clone(), child: Some(child) })
    }

    fn is_gone(&mut self) -> Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait().map_err(Error::internal)?.is_some()),
            None => Ok(!works_here(&self.layout, self.pid)),
        }
    }

    /// Waits until the server has ended, for whatever reason.
    pub async fn ended(&mut self) {
        if let Some(child) = &mut self.child {
            child.wait().await.ok();
        }
        while works_here(&self.layout, self.pid) {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Stops the server: sessions are cut, data is written out.
    pub async fn stop(mut self) -> Result<()> {
        for signal in [Signal::INT, Signal::QUIT] {
            if kill_process(self.pid, signal).is_err() || tokio::time::timeout(STOP_MAX, self.ended()).await.is_ok() {
                return Ok(());
            }
        }
        Err(Error::Unavailable(format!("PostgreSQL (process {}) does not stop", self.pid)))
    }
}

/// Why a server ended: its last fatal line, which others follow, or its last lines.
fn why(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().rev().take(20).collect();
    // A client that knocks while the server starts or stops is told so by a fatal line as well.
    let fatal = |line: &&str| line.contains(" FATAL: ") && !line.contains("the database system is ");
    match lines.iter().position(fatal) {
        None => last_lines(log, 3),
        // What led to it stands before it.
        Some(at) => {
            let told: Vec<&str> = lines[at..].iter().take(3).rev().copied().collect();
            told.join("; ")
        }
    }
}

/// Number and state from `postmaster.pid` (its lines 1 and 8).
fn recorded(layout: &Layout) -> Option<(Pid, String)> {
    let text = fs::read_to_string(layout.data().join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    Some((pid, text.lines().nth(7).unwrap_or_default().trim().to_owned()))
}

/// The server that a killed guard left behind. When only its files are left, they are removed, because its number
/// may by now belong to another process, or to its own unburied remains, which PostgreSQL takes for a running server.
async fn adoptable(layout: &Layout) -> Result<Option<Pid>> {
    let since = Instant::now();
    loop {
        let here = processes(layout);
        match recorded(layout) {
            Some((pid, state)) if here.contains(&pid) && state != "stopping" => return Ok(Some(pid)),
            // Backends of a killed server end by themselves; starting beside them would damage the data.
            _ if !here.is_empty() && since.elapsed() < ORPHANS_MAX.max(STOP_MAX) => sleep(LOOK).await,
            _ if !here.is_empty() => {
                let numbers: Vec<String> = here.iter().map(ToString::to_string).collect();
                return Err(Error::Unavailable(format!(
                    "processes {} of an earlier PostgreSQL still use {}: end them",
                    numbers.join(", "),
                    layout.data().display()
                )));
            }
            _ => {
                layout.remove_server_files()?;
                return Ok(None);
            }
        }
    }
}

/// Every process called `postgres` that works in this cluster's data directory.
fn processes(layout: &Layout) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| works_here(layout, *pid)).collect()
}

/// Whether this process is a `postgres` of this cluster. One that has ended and is not yet buried has no directory.
pub(super) fn works_here(layout: &Layout, pid: Pid) -> bool {
    let proc = Path::new("/proc").join(pid.to_string());
    fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.trim() == "postgres")
        && fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd == layout.data())
}
