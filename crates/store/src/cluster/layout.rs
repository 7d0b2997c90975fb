//! Where everything of a cluster lies below the data directory, and the short path to its socket.
//!
//! ```text
//! home/cluster.lock        shared lock of every process that uses the cluster
//! home/cluster/data        PostgreSQL's data directory, owned by the account that runs it, 0700
//! home/cluster/run         the socket, same owner, 0700
//! home/cluster/archive     files of the log on their way into the archive of backups, same owner, 0700
//! home/cluster/{start,guard}.lock, ready, failure      see `guard`
//! home/cluster/ballast     room that is given up when the disk is full
//! home/log/{postgres,guard}.log
//! ```

use rustix::process::geteuid;
use salus_core::{Error, Result};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write},
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::OsStrExt,
            fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
    time::Duration,
};

/// `sockaddr_un.sun_path` has 108 bytes, the last of them zero.
const SOCKET_PATH_MAX: usize = 107;
/// The file name PostgreSQL gives its socket at port 5432, which we keep.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// `SSLRequest` of PostgreSQL's protocol.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// How long a server under load may take to answer that.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A log is put aside at start when it is larger than this many bytes.
const LOG_MAX: u64 = 16 << 20;

/// The paths of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub home: PathBuf,
}

/// What a running cluster tells those who use it; the content of `ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    /// Number of the server's main process.
    pub pid: i32,
    /// As `server_version_num` writes it: 15.18 is 150018.
    pub version: i32,
    /// How long the guard waits for a new user before it stops the server.
    pub grace_ms: u64,
    /// Where `psql` and `pg_dump` of the same version are.
    pub bin_dir: PathBuf,
}

impl Layout {
    /// Makes the directories that are missing. The data directory itself is made later, by `create`.
    pub fn prepare(home: &Path) -> Result<Self> {
        let fail = |e: io::Error| {
            Error::Unavailable(format!("cannot use {} as data directory: {e}; set SALUS_HOME", home.display()))
        };
        make_dir(home, 0o711).map_err(fail)?;
        let layout = Self { home: home.canonicalize().map_err(fail)? };
        // Others may pass through, because the account that runs PostgreSQL must; they cannot list or read.
        make_dir(&layout.cluster(), 0o711).map_err(fail)?;
        make_dir(&layout.log(), 0o700).map_err(fail)?;
        Ok(layout)
    }

    pub fn cluster(&self) -> PathBuf {
        self.home.join("cluster")
    }
    pub fn data(&self) -> PathBuf {
        self.cluster().join("data")
    }
    pub fn run(&self) -> PathBuf {
        self.cluster().join("run")
    }
    /// Where the server puts whole files of its log, if the folder exists.
    pub fn spool(&self) -> PathBuf {
        self.cluster().join("archive")
    }
    /// Takes up room until the disk is full: see `ballast`.
    pub fn ballast(&self) -> PathBuf {
        self.cluster().join("ballast")
    }
    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }
    pub fn users_lock(&self) -> Result<File> {
        open_lock(&self.home.join("cluster.lock"))
    }
    pub fn start_lock(&self) -> Result<File> {
        open_lock(&self.cluster().join("start.lock"))
    }
    pub fn guard_lock(&self) -> Result<File> {
        open_lock(&self.cluster().join("guard.lock"))
    }

    /// Opens a log for appending; a large one is put aside first.
    pub fn open_log(&self, name: &str) -> Result<File> {
        let path = self.log().join(name);
        if fs::metadata(&path).is_ok_and(|m| m.len() > LOG_MAX) {
            fs::rename(&path, path.with_extension("log.1")).map_err(Error::internal)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|e| at(&path, &e))
    }

    pub fn ready(&self) -> Option<Ready> {
        let text = fs::read_to_string(self.cluster().join("ready")).ok()?;
        let mut lines = text.lines();
        Some(Ready {
            pid: lines.next()?.parse().ok()?,
            version: lines.next()?.parse().ok()?,
            grace_ms: lines.next()?.parse().ok()?,
            bin_dir: lines.next()?.into(),
        })
    }

    pub fn set_ready(&self, ready: Option<&Ready>) -> Result<()> {
        let path = self.cluster().join("ready");
        match ready {
            None => remove(&path),
            Some(r) => {
                let text = format!("{}\n{}\n{}\n{}\n", r.pid, r.version, r.grace_ms, r.bin_dir.display());
                write_whole(&path, &text, None)
            }
        }
    }

    pub fn failure(&self) -> Option<String> {
        fs::read_to_string(self.cluster().join("failure")).ok()
    }

    pub fn set_failure(&self, text: Option<&str>) -> Result<()> {
        let path = self.cluster().join("failure");
        text.map_or_else(|| remove(&path), |t| write_whole(&path, t, None))
    }

    /// Whether a server answers on the socket. Files and processes of a server that was killed a moment ago are still
    /// there while it dies; asked for encryption, it says nothing, and one that lives says no.
    pub fn answers(&self) -> bool {
        let asked = || -> io::Result<u8> {
            // Through an open directory, because the socket's own path may be too long for an address.
            let run = File::open(self.run())?;
            let mut stream = UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET_NAME}", run.as_raw_fd()))?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.write_all(&SSL_REQUEST)?;
            let mut said = [0];
            stream.read_exact(&mut said)?;
            Ok(said[0])
        };
        asked().is_ok_and(|said| matches!(said, b'N' | b'S'))
    }

    /// Removes what a dead server left to keep a second one away. Only when none of its processes is left.
    pub fn remove_server_files(&self) -> Result<()> {
        let socket = self.run().join(SOCKET_NAME);
        [self.data().join("postmaster.pid"), socket.with_extension("5432.lock"), socket]
            .iter()
            .try_for_each(|f| remove(f))
    }

    /// The directory to connect through: `run`, or where that path is too long for a socket, a link to it in a
    /// private directory. `runtime` is `$XDG_RUNTIME_DIR`; without it `/tmp` serves.
    pub fn socket_dir(&self, runtime: Option<&Path>) -> Result<PathBuf> {
        let run = self.run();
        if fits(&run) {
            return Ok(run);
        }
        let name = format!("salus-{}-{:016x}", geteuid().as_raw(), fingerprint(run.as_os_str().as_bytes()));
        let private = [runtime, Some(Path::new("/tmp"))]
            .into_iter()
            .flatten()
            .map(|base| base.join(&name))
            .find(|dir| fits(&dir.join("run")))
            .ok_or_else(|| Error::Unavailable("no directory with a path short enough for a socket".into()))?;
        make_dir(&private, 0o700).map_err(|e| at(&private, &e))?;
        let meta = fs::symlink_metadata(&private).map_err(|e| at(&private, &e))?;
        if !meta.is_dir() || meta.uid() != geteuid().as_raw() || meta.mode() & 0o077 != 0 {
            return Err(Error::Unavailable(format!(
                "{} is not a private directory of ours: remove it",
                private.display()
            )));
        }
        let link = private.join("run");
        if fs::read_link(&link).ok().as_deref() != Some(run.as_path()) {
            remove(&link)?;
            match symlink(&run, &link) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(at(&link, &e)),
                _ => write_whole(&self.cluster().join("socket"), &link.display().to_string(), None)?,
            }
        }
        Ok(link)
    }
}

fn fits(dir: &Path) -> bool {
    dir.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_MAX
}

/// FNV-1a: tells paths apart in a name, no more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes a directory and its parents with this mode, whatever the umask; an existing one is left as it is.
pub(super) fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
        make_dir(parent, 0o755)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(e),
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
    }
}

fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(|e| at(path, &e))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(at(path, &e)),
        _ => Ok(()),
    }
}

/// Replaces a file in one step and gives it to `owner`. The directory may belong to an account we do not trust:
/// neither the new file nor the rename follows a link laid there.
pub(super) fn write_whole(path: &Path, text: &str, owner: Option<(u32, u32)>) -> Result<()> {
    let fail = |e: io::Error| at(path, &e);
    let new = path.with_extension("new");
    remove(&new)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::fchown(&file, Some(uid), Some(gid)).map_err(fail)?;
    }
    file.sync_all().map_err(fail)?;
    fs::rename(&new, path).map_err(fail)
}

/// A failed file operation, with the file.
pub(super) fn at(path: &Path, error: &io::Error) -> Error {
    Error::Unavailable(format!("{}: {error}", path.display()))
}
