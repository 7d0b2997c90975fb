//! A data directory out of a backup's archive, under the account that will run it and checked file by file against
//! PostgreSQL's own list before it gets its name. What is in the archive, and whether it may be trusted, is decided
//! by `backup`; the server is started by [`super::Cluster::open`] afterwards.

use super::{
    account::Account,
    create::{RECOVERY, as_account, last_lines, own_dir, reach},
    install::Installation,
    layout::{Layout, at, write_whole},
};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    io::Write,
    os::fd::AsFd,
    path::Path,
    process::Stdio,
    thread,
};
use time::{OffsetDateTime, UtcOffset, macros::format_description};

/// What the server does with its log at its first start. It always begins a timeline of its own, so that nothing it
/// writes can be taken for what the first server wrote after the backup.
pub(crate) enum Recovery {
    /// Nothing but the log in the backup.
    Base,
    /// The log in the folder [`WAL`] as well: up to this time, or all of it.
    Log(Option<OffsetDateTime>),
    /// The log that this command fetches.
    Fetched(String, Until),
}

/// How much of a log that is fetched is replayed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// What the backup needs to be whole.
    Consistent,
    /// Everything committed before this time.
    Time(OffsetDateTime),
    /// All of it.
    End,
}

/// That tar reads and writes 256 kB at a time: by itself it takes 10, and then that is most of its work.
pub(crate) const AT_ONCE: [&str; 2] = ["--read-full-records", "--blocking-factor=512"];

/// Lets a pipe hold more, so that its ends wait for each other less. Where the system allows no more, it stays as it is.
pub(crate) fn widen(pipe: impl AsFd) {
    rustix::pipe::fcntl_setpipe_size(pipe, 1024 * 1024).ok();
}

/// Folder of clear files of the log, beside the data directory until the recovery is done.
const WAL: &str = "wal";

impl Recovery {
    fn settings(&self) -> Result<String> {
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]+00");
        // Nobody is let in before the end: a server that answers while it replays would be taken for one that is done.
        let text =
            "# Of a restore; removed when it is done.\nrecovery_target_timeline = 'current'\nhot_standby = off\n";
        let at = |to: &OffsetDateTime| -> Result<String> {
            let to = to.to_offset(UtcOffset::UTC).format(form).map_err(Error::internal)?;
            Ok(format!("recovery_target_time = '{to}'\nrecovery_target_action = 'promote'\n"))
        };
        let copy = || format!("cp ../{WAL}/%f %p");
        let (command, target) = match self {
            Self::Base => ("false".to_owned(), String::new()),
            Self::Log(None) => (copy(), String::new()),
            Self::Log(Some(to)) => (copy(), at(to)?),
            Self::Fetched(command, until) => {
                let target = match until {
                    Until::Consistent => {
                        "recovery_target = 'immediate'\nrecovery_target_action = 'promote'\n".to_owned()
                    }
                    Until::Time(to) => at(to)?,
                    Until::End => String::new(),
                };
                // The archive is the first server's until somebody serves this one.
                (command.replace('\'', "''"), format!("archive_mode = off\n{target}"))
            }
        };
        Ok(format!("{text}restore_command = '{command}'\n{target}"))
    }
}

/// Removes what a recovery needed, when it is done.
pub(crate) fn recovered(home: &Path) -> Result<()> {
    let layout = Layout::prepare(home)?;
    let (conf, wal) = (layout.data().join(RECOVERY), layout.cluster().join(WAL));
    fs::remove_file(&conf).map_err(|e| at(&conf, &e))?;
    if wal.exists() { fs::remove_dir_all(&wal).map_err(|e| at(&wal, &e)) } else { Ok(()) }
}

/// Makes the folder of clear files of the log, lets `fill` fill it, and gives the files to the account.
fn lay_log(layout: &Layout, account: &Account, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let wal = layout.cluster().join(WAL);
    own_dir(&wal, account)?;
    fill(&wal)?;
    for entry in fs::read_dir(&wal).map_err(|e| at(&wal, &e))? {
        let path = entry.map_err(|e| at(&wal, &e))?.path();
        if let Some((uid, gid)) = account.owner() {
            std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).map_err(|e| at(&path, &e))?;
        }
    }
    Ok(())
}

/// Fills the data directory of a new home from a tar archive that `feed` writes, and lays the log beside it that `log`
/// writes into the folder it is given. `option` is what tar must be told of the archive.
///
/// # Errors
/// [`Error::Unavailable`]: PostgreSQL of that release is missing, `feed` failed, or a file is not what PostgreSQL's
/// list says. What was unpacked then has no final name.
pub(crate) fn unpack(
    home: &Path,
    (major, recovery): (i32, &Recovery),
    (option, feed): (Option<&str>, impl FnOnce(&mut dyn Write) -> Result<()>),
    log: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let install = Installation::of_major(major)?;
    let layout = Layout::prepare(home)?;
    let account = Account::for_cluster(&layout)?;
    let half = layout.cluster().join("data.new");
    own_dir(&half, &account)?;
    let place = reach(&half, &account)?;
    let tar = Path::new("tar");
    let mut command = as_account(tar, &account);
    command.args(["-x", "-p", "--no-same-owner", "-f", "-"]).args(AT_ONCE).args(option).arg("-C").arg(&place);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(layout.open_log("restore.log")?);
    let mut child = command.spawn().map_err(|e| at(tar, &e))?;
    let done = child.stdin.take().map_or_else(
        || Err(Error::internal("tar without input")),
        |mut pipe| {
            widen(&pipe);
            feed(&mut pipe)
        },
    );
    let status = child.wait().map_err(|e| at(tar, &e))?;
    done?;
    if !status.success() {
        return Err(Error::Unavailable("tar could not unpack the backup: see log/restore.log".into()));
    }
    let program = install.bin_dir.join("pg_verifybackup");
    // What was unpacked goes to the disk while PostgreSQL compares it.
    let (out, written) = thread::scope(|scope| {
        let writing = scope.spawn(|| sync_all(&half));
        (as_account(&program, &account).arg(&place).output(), writing.join())
    });
    written.map_err(|_| Error::internal("writing to the disk ended without an answer"))??;
    let out = out.map_err(|e| at(&program, &e))?;
    if !out.status.success() {
        return Err(Error::Unavailable(format!("pg_verifybackup refuses the backup: {}", last_lines(&out.stderr, 4))));
    }
    lay_log(&layout, &account, log)?;
    finish(&layout, &account, recovery)
}

/// Fills the data directory of a new home by a program that is given its path and lays files there as the cluster's
/// account, each compared with a checksum of its own.
///
/// # Errors
/// [`Error::Unavailable`]: PostgreSQL of that release is missing, or the program failed. What was laid then has no
/// final name.
pub(crate) fn unpack_laid(
    home: &Path,
    major: i32,
    lay: impl FnOnce(&Path) -> Result<()>,
    recovery: impl FnOnce(&Path) -> Recovery,
) -> Result<()> {
    Installation::of_major(major)?;
    let layout = Layout::prepare(home)?;
    let account = Account::for_cluster(&layout)?;
    let half = layout.cluster().join("data.new");
    own_dir(&half, &account)?;
    lay(&half)?;
    finish(&layout, &account, &recovery(&layout.data()))
}

/// Says how the log is replayed, and gives what was laid its name.
fn finish(layout: &Layout, account: &Account, recovery: &Recovery) -> Result<()> {
    let half = layout.cluster().join("data.new");
    write_whole(&half.join(RECOVERY), &recovery.settings()?, account.owner())?;
    write_whole(&half.join("recovery.signal"), "", account.owner())?;
    sync_all(&half)?;
    fs::rename(&half, layout.data()).map_err(|e| at(&half, &e))?;
    File::open(layout.cluster()).and_then(|dir| dir.sync_all()).map_err(|e| at(&half, &e))
}

/// Everything on the file system of `dir`, on the disk.
fn sync_all(dir: &Path) -> Result<()> {
    let open = File::open(dir).map_err(|e| at(dir, &e))?;
    rustix::fs::syncfs(&open).map_err(|e| at(dir, &e.into()))
}
