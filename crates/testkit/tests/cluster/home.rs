//! A data directory for one test, and processes that use its cluster.

use salus_store::cluster::{Cluster, Settings};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

pub const GUARD: &str = env!("CARGO_BIN_EXE_salus-test-guard");
/// Long enough for a stop on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// A data directory, removed with its cluster at the end.
pub struct Home(PathBuf);

impl Home {
    /// Below a directory that is closed to everyone else, as root's home is.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("salus-cluster-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let closed = std::env::temp_dir().join(name);
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        Self(closed)
    }

    pub fn path(&self) -> PathBuf {
        self.0.join("home")
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("cluster/data")
    }

    pub fn open(&self) -> Cluster {
        open(&self.path())
    }

    /// Starts a process that uses the cluster, and waits until it does.
    pub fn user(&self) -> User {
        let child = self.start_user();
        self.wait(child)
    }

    pub fn start_user(&self) -> Child {
        let mut command = Command::new(GUARD);
        command.arg("hold").arg(self.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    pub fn wait(&self, mut child: Child) -> User {
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "no cluster: {}", self.guard_log());
        User { child, socket_dir: line.trim().into() }
    }

    /// Numbers of the server's main process and its guard, as the server's files and `/proc` say.
    pub fn server(&self) -> i32 {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        text.lines().next().unwrap().parse().unwrap()
    }

    pub fn guard(&self) -> i32 {
        self.find_guard().expect("a guard")
    }

    pub fn find_guard(&self) -> Option<i32> {
        let wanted = format!("__cluster-guard\0{}\0", self.path().display());
        let mut found = processes().filter(|pid| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| String::from_utf8_lossy(&c).contains(&wanted))
        });
        found.next()
    }

    pub fn guard_log(&self) -> String {
        fs::read_to_string(self.path().join("log/guard.log")).unwrap_or_default()
    }

    pub fn postgres_log(&self) -> String {
        fs::read_to_string(self.path().join("log/postgres.log")).unwrap_or_default()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in processes().filter(|pid| works_in(*pid, &self.data())) {
            if std::thread::panicking() {
                kill(pid, "QUIT");
            }
            until("the server has stopped", || !lives(pid));
        }
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A process that uses the cluster until it is killed or dropped.
pub struct User {
    pub child: Child,
    pub socket_dir: PathBuf,
}

impl User {
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it properly, and waits until it has ended.
    pub fn leave(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

pub fn open(home: &Path) -> Cluster {
    Cluster::open(home, Settings { guard: GUARD.into(), ..Settings::default() }).unwrap()
}

/// Runs SQL as the administrator with `psql`, and returns what it prints.
pub fn psql(socket_dir: &Path, sql: &str) -> Result<String, String> {
    let mut command = Command::new("psql");
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "salus_admin", "-d", "salus", "-c", sql]);
    let out = command.env("PGHOST", socket_dir).env_remove("PGPORT").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}

pub fn kill(pid: i32, signal: &str) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).status().unwrap();
    assert!(sent.success() || !lives(pid));
}

/// Whether a process has memory: one that is ending, or has ended and is not yet buried, has no command line.
pub fn lives(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < SOON, "waited {} s until {what}", SOON.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok())
}

fn works_in(pid: i32, dir: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir)
}

/// The server's main process and its children.
pub fn processes_of(server: i32) -> Vec<i32> {
    let parent = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<i32>().ok())
    };
    processes().filter(|pid| *pid == server || parent(*pid) == Some(server)).collect()
}
