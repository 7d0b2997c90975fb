//! The cluster of a test run, in memory where there is room.

use rustix::{fs::statvfs, process::geteuid};
use salus_core::{Error, Result};
use salus_store::cluster::{Cluster, Settings};
use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

/// The server outlives its last user so long: the gap between two test programs.
const GRACE: Duration = Duration::from_secs(15);
/// Less free memory than this in `/dev/shm` (a container's default is 64 MB), and the cluster goes to disk.
const ROOM: u64 = 1 << 30;
/// A cluster for another version of `db/` is removed when it was not used for so long.
const KEEP: Duration = Duration::from_hours(1);
const DB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../db");

/// The one cluster of this run. All processes of all test programs use the same.
#[derive(Debug)]
pub struct TestCluster {
    cluster: Cluster,
    home: PathBuf,
}

impl TestCluster {
    /// The cluster, which the first call of the first process makes. Stays until this process ends.
    ///
    /// # Panics
    /// When there is no cluster to be had: no test can go on.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        SHARED.get_or_init(|| match Self::open() {
            Ok(cluster) => cluster,
            Err(e) => panic!("no PostgreSQL to test with: {e}"),
        })
    }

    fn open() -> Result<Self> {
        let base = base();
        let prefix = format!("salus-test-{}-", geteuid().as_raw());
        let home = base.join(format!("{prefix}{:016x}", fingerprint(Path::new(DB))?));
        sweep(&base, &prefix, &home);
        if fs::metadata(&home).is_ok_and(|m| m.uid() != geteuid().as_raw()) {
            return Err(Error::Unavailable(format!("{} belongs to somebody else: remove it", home.display())));
        }
        let settings = Settings { grace: GRACE, connections: 200, guard: guard()?, ..Settings::default() };
        // A cluster of a PostgreSQL that is gone, or one a full disk broke, is worth nothing: made anew.
        let cluster = Cluster::open(&home, settings.clone()).or_else(|_| {
            fs::remove_dir_all(&home).map_err(Error::internal)?;
            Cluster::open(&home, settings)
        })?;
        Ok(Self { cluster, home })
    }

    /// For connections, and for the programs of PostgreSQL.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The data directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }
}

fn base() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let room = statvfs(&memory).map_or(0, |s| s.f_bavail * s.f_frsize);
    if room >= ROOM { memory } else { std::env::temp_dir() }
}

/// Hash of names and contents below a directory: whether two checkouts have the same schema.
fn fingerprint(dir: &Path) -> Result<u64> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() { walk(&path, found)? } else { found.push(path) }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(dir, &mut files).map_err(Error::internal)?;
    files.sort();
    let mut hash = DefaultHasher::new();
    for file in files {
        file.strip_prefix(dir).map_err(Error::internal)?.hash(&mut hash);
        fs::read(&file).map_err(Error::internal)?.hash(&mut hash);
    }
    Ok(hash.finish())
}

/// Removes clusters that nobody runs and nobody used for a while: they lie in memory.
fn sweep(base: &Path, prefix: &str, keep: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let home = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(prefix) && home != keep;
        if !ours || fs::metadata(&home).is_ok_and(|m| m.uid() != geteuid().as_raw()) {
            continue;
        }
        let Ok(users) = File::open(home.join("cluster.lock")) else { continue };
        let old = users.metadata().and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEEP));
        if old && users.try_lock().is_ok() {
            fs::remove_dir_all(&home).ok();
        }
    }
}

/// The program `salus-test-guard`, which lies beside the `deps` directory of this test program. `script/test` builds
/// it; a plain `cargo test -p` of another crate does not, so it is built here.
fn guard() -> Result<PathBuf> {
    let me = std::env::current_exe().map_err(Error::internal)?;
    let profile = me
        .ancestors()
        .find(|dir| dir.file_name().is_some_and(|name| name == "deps"))
        .and_then(Path::parent)
        .ok_or_else(|| Error::internal("this program was not built by cargo test"))?;
    let guard = profile.join("salus-test-guard");
    if !guard.exists() {
        let name = profile.file_name().unwrap_or_default().to_string_lossy();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package=salus-testkit", "--bin=salus-test-guard"])
            .args(["--profile", if name == "debug" { "dev" } else { &name }])
            .arg("--target-dir")
            .arg(profile.parent().unwrap_or(profile))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        if !built.is_ok_and(|status| status.success()) || !guard.exists() {
            return Err(Error::Unavailable("build it first: cargo build -p salus-testkit".into()));
        }
    }
    Ok(guard)
}
