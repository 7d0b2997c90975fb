//! The embedded PostgreSQL: a private cluster in the data directory, made on first use, reached through a Unix
//! socket only, running while anyone uses it and stopped cleanly when nobody does.
//!
//! [`Cluster::open`] finds the running cluster or starts it; dropping the last [`Cluster`], or the death of the
//! process that holds it, stops it. What happens between is the work of `guard`. Nothing here knows a table:
//! roles and schemas come from `migrate`.
//!
//! A program that opens clusters calls [`guard_requested`] first thing in `main`.

mod account;
mod ballast;
mod create;
mod guard;
mod install;
mod layout;
mod postmaster;
mod unpack;

pub(crate) use ballast::keep_again;
pub use ballast::{free_ballast, keep_ballast};
pub use guard::guard_requested;
pub(crate) use install::programs;
pub use install::version_refusal;
pub(crate) use unpack::{AT_ONCE, Recovery, Until, recovered, unpack, unpack_laid, widen};

use guard::GUARD_ARGUMENT;
use layout::{Layout, Ready, at};
use postmaster::works_here;
use rustix::process::Pid;
use salus_core::{Error, Result};
use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The product's database.
pub const DATABASE: &str = "salus";
/// How long a start may take: recovery after a power cut replays at most `max_wal_size`.
const START_MAX: Duration = Duration::from_mins(10);
/// How long a stop may take; the guard makes it an immediate one before that.
const STOP_MAX: Duration = Duration::from_secs(130);
/// How often a guard that is starting or stopping is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How the cluster is run, when it is not running already.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the server outlives its last user: nothing in normal use, some seconds between processes of a test.
    pub grace: Duration,
    /// `max_connections`.
    pub connections: u16,
    /// The program that calls [`guard_requested`]: this one, unless it is a test.
    pub guard: PathBuf,
    /// How long a start may take.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        // Named like this our own program is found even after it was replaced by a newer build.
        Self { grace: Duration::ZERO, connections: 60, guard: "/proc/self/exe".into(), patience: START_MAX }
    }
}

/// A running cluster, which goes on running while this value lives.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    ready: Ready,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    layout: Layout,
    settings: Settings,
    /// `cluster.lock`, held shared.
    users: File,
    closed: AtomicBool,
}

impl Cluster {
    /// Finds the cluster of this data directory, or makes and starts it, and holds it. Blocks until it answers:
    /// milliseconds when it runs, about two seconds the first time.
    ///
    /// # Errors
    /// `Unavailable`, with what to do: no PostgreSQL installed, a data directory of somebody else, a failed start.
    pub fn open(home: &Path, settings: Settings) -> Result<Self> {
        let layout = Layout::prepare(home)?;
        let users = layout.users_lock()?;
        users.lock_shared().map_err(Error::internal)?;
        touch(&users)?;
        let shared = Arc::new(Shared { layout, settings, users, closed: AtomicBool::new(false) });
        let ready = shared.ensure_running()?;
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let socket_dir = shared.layout.socket_dir(runtime.as_deref())?;
        let watched = Arc::clone(&shared);
        thread::Builder::new()
            .name("cluster-watch".into())
            .spawn(move || watched.replace_guard())
            .map_err(Error::internal)?;
        Ok(Self { socket_dir, ready, shared })
    }

    /// The directory of the socket, as `host` of a connection or `PGHOST`.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// How to connect as this role to this database.
    #[must_use]
    pub fn config(&self, role: &str, database: &str) -> tokio_postgres::Config {
        config_for(&self.socket_dir, role, database)
    }

    /// Where `psql`, `pg_dump` and the other programs of the server's own version are.
    #[must_use]
    pub fn bin_dir(&self) -> &Path {
        &self.ready.bin_dir
    }

    /// The folder into which the server puts whole files of its log, once it exists.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.shared.layout.spool()
    }

    /// Makes that folder: from now on files of the log are kept until somebody takes them away.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be made.
    pub fn begin_spool(&self) -> Result<()> {
        create::own_dir(&self.spool(), &account::Account::for_cluster(&self.shared.layout)?)
    }

    /// Removes it with what nobody has taken: nothing is kept any more. Whether there was one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be removed.
    pub fn end_spool(&self) -> Result<bool> {
        let spool = self.spool();
        match std::fs::remove_dir_all(&spool) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(at(&spool, &e)),
        }
    }

    /// As `server_version_num` writes it: 15.18 is 150018. See [`version_refusal`].
    #[must_use]
    pub fn server_version(&self) -> i32 {
        self.ready.version
    }
}

impl Drop for Cluster {
    /// Lets the cluster go. The last user waits until it has stopped, unless a grace time keeps it.
    fn drop(&mut self) {
        let Shared { layout, users, closed, .. } = &*self.shared;
        closed.store(true, Ordering::SeqCst);
        touch(users).ok();
        // Read before letting go: after a crash the server is another process than at the start.
        let server = Pid::from_raw(layout.ready().map_or(self.ready.pid, |ready| ready.pid));
        // Getting the lock alone proves that nobody else holds it. Not getting it even shared: the guard has it.
        let last = users.try_lock().is_ok() || users.try_lock_shared().is_err();
        users.unlock().ok();
        if !last || self.ready.grace_ms > 0 {
            return;
        }
        let since = Instant::now();
        let runs = || server.is_some_and(|pid| works_here(layout, pid));
        while since.elapsed() < STOP_MAX && runs() {
            // Killed just now: another one stops the server in its place.
            if self.shared.guard_lives().is_ok_and(|lives| !lives) && runs() {
                self.shared.ensure_running().ok();
            }
            thread::sleep(LOOK);
        }
    }
}

impl Shared {
    /// Starts a guard if there is none, and waits until the server answers.
    fn ensure_running(&self) -> Result<Ready> {
        // One at a time: who comes second finds the guard of the first.
        let turn = self.layout.start_lock()?;
        turn.lock().map_err(Error::internal)?;
        let mut guard: Option<Child> = None;
        let since = Instant::now();
        while since.elapsed() < self.settings.patience {
            let starting = guard.as_mut().is_some_and(|g| matches!(g.try_wait(), Ok(None)));
            if self.guard_lives()? {
                if let Some(ready) = self.layout.ready().filter(|_| self.layout.answers()) {
                    return Ok(ready);
                }
            } else if !starting {
                if guard.is_some() {
                    return Err(self.failure());
                }
                guard = Some(self.start_guard()?);
            }
            thread::sleep(LOOK);
        }
        let seconds = self.settings.patience.as_secs();
        Err(Error::Unavailable(format!("PostgreSQL did not start in {seconds} s: see log/postgres.log")))
    }

    fn guard_lives(&self) -> Result<bool> {
        Ok(self.layout.guard_lock()?.try_lock_shared().is_err())
    }

    fn start_guard(&self) -> Result<Child> {
        self.layout.set_ready(None)?;
        self.layout.set_failure(None)?;
        let Settings { grace, connections, guard, .. } = &self.settings;
        let mut command = Command::new(guard);
        // The guard outlives us and must not keep what our environment holds, such as keys.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.arg0("salus").arg(GUARD_ARGUMENT).arg(&self.layout.home);
        command.args([grace.as_millis().to_string(), connections.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.layout.open_log("guard.log")?);
        command.spawn().map_err(|e| at(guard, &e))
    }

    fn failure(&self) -> Error {
        let text = self.layout.failure();
        Error::Unavailable(text.unwrap_or_else(|| "the process that runs PostgreSQL ended: see log/guard.log".into()))
    }

    /// Waits for the guard's death and puts another in its place, which adopts the server. Without it, nobody would
    /// stop the server in the end, or start it after a crash.
    fn replace_guard(&self) {
        let gone = || self.layout.guard_lock().is_ok_and(|lock| lock.lock_shared().is_ok());
        while gone() && !self.closed.load(Ordering::SeqCst) {
            if let Err(e) = self.ensure_running() {
                tracing::error!("the database cannot be kept running: {e}");
                thread::sleep(Duration::from_secs(5));
            }
        }
    }
}

/// Notes in the lock file's time that the cluster is in use, for the guard's grace time.
fn touch(users: &File) -> Result<()> {
    let now = std::fs::FileTimes::new().set_modified(salus_core::Env::default().clock.now().into());
    users.set_times(now).map_err(Error::internal)
}

/// A program as the account that runs the cluster of this data directory, with an empty environment.
pub(crate) fn under_account(home: &Path, program: &Path) -> Result<Command> {
    let layout = Layout::prepare(home)?;
    Ok(create::as_account(program, &account::Account::for_cluster(&layout)?))
}

fn config_for(socket_dir: &Path, role: &str, database: &str) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host_path(socket_dir).user(role).dbname(database).application_name("salus");
    config
}
