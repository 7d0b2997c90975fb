//! Making a cluster, and the three files that configure it, which are written anew at every start.
//!
//! An operator's own settings belong in `cluster/data/operator.conf`, which is read last and never written.

use super::{
    account::Account,
    install::Installation,
    layout::{Layout, at, make_dir, write_whole},
};
use rustix::io::{FdFlags, fcntl_setfd};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    os::{
        fd::AsRawFd,
        unix::{fs::chown, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Roles that the account of the server and root may take. The roles themselves come with the first migration.
const ROLES: [&str; 4] = ["salus_admin", "salus_app", "salus_sealer", "salus_backup"];

const CONF: &str = "\
# Written by salus at every start. Put your own settings into operator.conf beside this file.
listen_addresses = ''                # no TCP port: only processes of this machine that own the socket directory
port = 5432                          # names the socket, no more
unix_socket_directories = '../run'   # relative: reached even when a directory above is closed to our account
unix_socket_permissions = 0700
shared_buffers = 256MB               # the working set of some 100,000 patients; what is not used stays unallocated
work_mem = 8MB
maintenance_work_mem = 64MB
effective_cache_size = 512MB
autovacuum_max_workers = 2           # each is a process
autovacuum_naptime = 10s             # what an import filled has statistics soon
max_worker_processes = 4
max_parallel_workers = 2
max_logical_replication_workers = 0  # not used, and a process
dynamic_shared_memory_type = mmap    # /dev/shm is 64 MB in containers and is emptied when an ordinary user logs out
jit = off                            # costs 100 ms and 20 MB on short statements
fsync = on                           # these three are what makes a commit survive a power cut
full_page_writes = on
synchronous_commit = on
wal_level = replica                  # pg_basebackup works without a restart
max_wal_senders = 4
archive_mode = on                    # whole files of the log go to the folder beside, where it exists: see backup
archive_command = 'test ! -d ../archive || cmp -s %p ../archive/%f || (cp %p ../archive/%f.part && sync ../archive/%f.part && mv ../archive/%f.part ../archive/%f)'
wal_compression = on                 # pages of sealed text are half empty
min_wal_size = 80MB
max_wal_size = 1GB                   # whole pages are logged after each checkpoint: fewer of them
checkpoint_timeout = 15min
max_locks_per_transaction = 256      # a dump holds a lock on every table
idle_in_transaction_session_timeout = 30s   # a forgotten transaction must not hold back vacuum
client_connection_check_interval = 5s       # a statement ends when its client has hung up
logging_collector = off              # standard error is log/postgres.log
log_min_messages = warning
log_error_verbosity = terse          # the DETAIL of an error shows values of rows, which can be health data
log_min_error_statement = panic      # and so does its statement
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p] %q%u@%d '
log_timezone = UTC
timezone = UTC
datestyle = 'ISO, YMD'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
cluster_name = 'salus'
";

/// Settings of a restore, read after all others and removed when it is done.
pub(super) const RECOVERY: &str = "restore.conf";

const HBA: &str = "\
# Written by salus at every start. Peer authentication only: no password, no TCP, nobody trusted.
local all         salus_admin,salus_app,salus_sealer,salus_backup peer map=salus
local replication salus_admin,salus_backup                        peer map=salus
";

/// Makes the cluster if there is none. A half-made one, left by a power cut, is made again.
pub(super) fn create(layout: &Layout, install: &Installation, account: &Account) -> Result<()> {
    own_dir(&layout.run(), account)?;
    if layout.data().exists() {
        return Ok(());
    }
    let half = layout.cluster().join("data.new");
    if half.exists() {
        fs::remove_dir_all(&half).map_err(|e| at(&half, &e))?;
    }
    own_dir(&half, account)?;
    let mut initdb = program(&install.bin_dir.join("initdb"), &half, account)?;
    initdb.args(["--username=salus_admin", "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8"]);
    initdb.args(["--auth-local=peer", "--auth-host=reject"]);
    if install.major() >= 17 {
        // Sorts and folds case the same on every machine and with every C library.
        initdb.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    }
    let out = initdb.output().map_err(|e| at(&install.bin_dir.join("initdb"), &e))?;
    if !out.status.success() {
        return Err(Error::Unavailable(format!("initdb failed: {}", last_lines(&out.stderr, 4))));
    }
    fs::rename(&half, layout.data()).map_err(|e| at(&half, &e))
}

/// Writes the configuration of this version of salus.
pub(super) fn configure(layout: &Layout, account: &Account, connections: u16) -> Result<()> {
    let conf = format!(
        "{CONF}max_connections = {connections}\ninclude_if_exists = 'operator.conf'\ninclude_if_exists = '{RECOVERY}'\n"
    );
    let entries = ROLES.map(|role| format!("salus \"{}\" {role}\nsalus \"root\" {role}\n", account.name));
    let ident = format!("# Written by salus at every start: who may take which role.\n{}", entries.concat());
    for (file, text) in [("postgresql.conf", conf.as_str()), ("pg_hba.conf", HBA), ("pg_ident.conf", &ident)] {
        write_whole(&layout.data().join(file), text, account.owner())?;
    }
    Ok(())
}

/// A program of PostgreSQL under the cluster's account, with `data` as its data directory and nothing of our
/// environment: a `PGPORT` or `PGOPTIONS` set for a client must not reach the server.
///
/// When a directory above `data` is closed to the account (root's home, say), the program inherits the open directory
/// and finds it as `/proc/self/fd/N`, which the kernel resolves without passing the way there.
pub(super) fn program(path: &Path, data: &Path, account: &Account) -> Result<Command> {
    let mut command = as_account(path, account);
    command.arg("-D").arg(reach(data, account)?);
    Ok(command)
}

/// How the account names this directory: see [`program`].
pub(super) fn reach(data: &Path, account: &Account) -> Result<PathBuf> {
    if as_account(Path::new("/bin/true"), account).current_dir(data).status().is_ok() {
        return Ok(data.to_owned());
    }
    // Leaked on purpose: restarts of the server need it as long as the guard lives.
    let open = Box::leak(Box::new(File::open(data).map_err(|e| at(data, &e))?));
    fcntl_setfd(&*open, FdFlags::empty()).map_err(|e| at(data, &e.into()))?;
    Ok(format!("/proc/self/fd/{}", open.as_raw_fd()).into())
}

/// A command under the cluster's account, from a directory that every account can reach.
pub(super) fn as_account(path: &Path, account: &Account) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("PATH", "/usr/bin:/bin");
    command.current_dir("/").stdin(Stdio::null());
    if account.is_lent() {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

pub(super) fn own_dir(path: &Path, account: &Account) -> Result<()> {
    make_dir(path, 0o700).map_err(|e| at(path, &e))?;
    match account.owner() {
        Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(|e| at(path, &e)),
        None => Ok(()),
    }
}

/// The last lines of a program's output, for a message.
pub(super) fn last_lines(text: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("; ")
}
