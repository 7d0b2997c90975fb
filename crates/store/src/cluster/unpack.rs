//! A data directory out of a backup's archive, under the account that will run it and checked file by file against
//! PostgreSQL's own list before it gets its name. What is in the archive, and whether it may be trusted, is decided
//! by `backup`; the server is started by [`super::Cluster::open`] afterwards.

use super::{
    account::Account,
    create::{as_account, last_lines, own_dir, reach},
    install::Installation,
    layout::{Layout, at},
};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Stdio,
};

/// Fills the data directory of a new home from a compressed tar archive that `feed` writes.
///
/// # Errors
/// [`Error::Unavailable`]: PostgreSQL of that release is missing, `feed` failed, or a file is not what PostgreSQL's
/// list says. What was unpacked then has no final name.
pub(crate) fn unpack(home: &Path, major: i32, feed: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let install = Installation::of_major(major)?;
    let layout = Layout::prepare(home)?;
    let account = Account::for_cluster(&layout)?;
    let half = layout.cluster().join("data.new");
    own_dir(&half, &account)?;
    let place = reach(&half, &account)?;
    let tar = Path::new("tar");
    let mut command = as_account(tar, &account);
    command.args(["-x", "-z", "-p", "--no-same-owner", "-f", "-", "-C"]).arg(&place);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(layout.open_log("restore.log")?);
    let mut child = command.spawn().map_err(|e| at(tar, &e))?;
    let done = child.stdin.take().map_or_else(|| Err(Error::internal("tar without input")), |mut pipe| feed(&mut pipe));
    let status = child.wait().map_err(|e| at(tar, &e))?;
    done?;
    if !status.success() {
        return Err(Error::Unavailable("tar could not unpack the backup: see log/restore.log".into()));
    }
    let program = install.bin_dir.join("pg_verifybackup");
    let out = as_account(&program, &account).arg(&place).output().map_err(|e| at(&program, &e))?;
    if !out.status.success() {
        return Err(Error::Unavailable(format!("pg_verifybackup refuses the backup: {}", last_lines(&out.stderr, 4))));
    }
    let open = File::open(&half).map_err(|e| at(&half, &e))?;
    rustix::fs::syncfs(&open).map_err(|e| at(&half, &e.into()))?;
    fs::rename(&half, layout.data()).map_err(|e| at(&half, &e))?;
    File::open(layout.cluster()).and_then(|dir| dir.sync_all()).map_err(|e| at(&half, &e))
}
