//! The program as an operator runs it, on a data directory of its own, and the processes to kill.

use super::Target;
use salus_store::cluster::{Cluster, DATABASE, Settings};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Variables that mean something else to the program than to the tests.
const UNWANTED: [&str; 8] = [
    "DATABASE_URL",
    "DATABASE_ADMIN_URL",
    "SALUS_HOME",
    "SALUS_OPERATOR_KEY",
    "SALUS_CHAOS_ROUNDS",
    "SALUS_CHAOS_SEED",
    "SALUS_CHAOS_ALL",
    "SALUS_CHAOS_LOSSY",
];

/// SIGABRT: the process ended itself.
const ABORT: i32 = 6;

pub struct Installation {
    pub home: PathBuf,
    server: Option<Child>,
    /// Whether the server begins with a low limit of open files.
    pub limit_files: bool,
    /// Settings of the server beside those of its file.
    pub settings: Vec<(&'static str, String)>,
    /// Where it serves, before and after every kill.
    pub address: SocketAddr,
    /// API key of a service that may write patients.
    pub key: String,
}

impl Installation {
    /// A new installation with one tenant, serving.
    pub fn new() -> Self {
        let mut place = Self::empty();
        place.start();
        place.furnish();
        place
    }

    /// A data directory with nothing in it.
    pub fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::at(std::env::temp_dir().join(format!("salus-chaos-{}-{number}", std::process::id())))
    }

    /// The same in this directory.
    pub fn at(home: PathBuf) -> Self {
        fs::create_dir_all(&home).unwrap();
        // The account that runs PostgreSQL passes through.
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        Self { home, server: None, limit_files: false, settings: Vec::new(), address, key: String::new() }
    }

    /// Makes the tenant and its service account.
    pub fn furnish(&mut self) {
        self.done(&["tenant", "create", "storm", "--name", "Storm"]);
        let made = self.done(&["user", "service", "--tenant", "storm", "--name", "writer", "--role", "clinician"]);
        made["key"].as_str().unwrap().clone_into(&mut self.key);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = if self.limit_files {
            let mut shell = Command::new("sh");
            shell.args(["-c", "ulimit -Sn 256 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_salus")]);
            shell
        } else {
            Command::new(env!("CARGO_BIN_EXE_salus"))
        };
        command.arg("--json").arg("--home").arg(&self.home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
        for name in UNWANTED {
            command.env_remove(name);
        }
        command.env("SALUS_BALLAST_MIB", "0");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that is to end by its own hand at a fault point; whether it did.
    pub fn ends_at(&self, point: &str, arguments: &[&str]) -> bool {
        let output = self.command(arguments).env("SALUS_FAULT_POINT", point).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || output.status.signal() == Some(ABORT), "{point} {arguments:?}: {said}");
        output.status.signal() == Some(ABORT)
    }

    /// Runs a command that may be refused because it was done before; what it said.
    pub fn tried(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs a command that must succeed.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the server where it was, or at first on a free port, and waits until it serves.
    pub fn start(&mut self) {
        assert!(self.start_armed(None), "a server that is not armed does not end by its own hand");
    }

    /// The same, to end by its own hand at a fault point; false when it did so while it started.
    pub fn start_armed(&mut self, point: Option<&str>) -> bool {
        let listen = self.address.to_string();
        let log = fs::File::options().create(true).append(true).open(self.home.join("serve.log")).unwrap();
        let mut server = self
            .command(&["serve", "--listen", &listen])
            .envs(point.map(|point| ("SALUS_FAULT_POINT", point)))
            .stdout(Stdio::piped())
            .stderr(log)
            // Signals to the tests are not for it.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut told = String::new();
        for line in BufReader::new(server.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let fact: Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = fact["address"].as_str() {
                self.address = address.trim_start_matches("http://").parse().unwrap();
                self.server = Some(server);
                return true;
            }
            told.push_str(&line);
        }
        let ended = server.wait().unwrap();
        if point.is_some() && ended.signal() == Some(ABORT) {
            return false;
        }
        let log = fs::read_to_string(self.home.join("serve.log")).unwrap_or_default();
        panic!("the server does not start again: {told}\n{log}");
    }

    /// Whether the server has ended by its own hand.
    pub fn ended(&mut self) -> bool {
        let Some(ended) = self.server.as_mut().and_then(|server| server.try_wait().unwrap()) else { return false };
        assert_eq!(ended.signal(), Some(ABORT), "the server ends at its fault point and nowhere else: {ended}");
        self.server = None;
        true
    }

    /// Stops the server as an operator does, so that it can be started otherwise.
    pub fn pause(&mut self) {
        let mut server = self.server.take().unwrap();
        Command::new("kill").arg("-TERM").arg(server.id().to_string()).status().unwrap();
        assert!(server.wait().unwrap().success(), "it stops cleanly");
    }

    /// The process of the running server.
    pub fn server_id(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// Kills, and starts the server again if it was killed.
    pub fn kill(&mut self, target: Target) {
        self.kill_only(target);
        if target != Target::Database {
            self.start();
        }
    }

    /// Kills, and leaves it so.
    pub fn kill_only(&mut self, target: Target) {
        let mut gone = Vec::new();
        if target != Target::Database {
            gone.push(self.server_id());
        }
        if target == Target::Everything {
            gone.extend(self.guards());
        }
        if target != Target::Server {
            gone.extend(self.database());
        }
        let list: Vec<String> = gone.iter().map(ToString::to_string).collect();
        // Those that ended by the death of another are no fault.
        Command::new("kill").arg("-KILL").args(&list).stderr(Stdio::null()).status().unwrap();
        if target != Target::Database {
            self.server.take().unwrap().wait().unwrap();
        }
    }

    /// The processes that guard this cluster.
    fn guards(&self) -> Vec<u32> {
        let home = self.home.to_str().unwrap();
        let ours = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            line.contains("__cluster-guard") && line.contains(home)
        };
        processes().filter(|pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|l| ours(&l))).collect()
    }

    /// PostgreSQL and its children.
    fn database(&self) -> Vec<u32> {
        let file = fs::read_to_string(self.home.join("cluster/data/postmaster.pid")).unwrap_or_default();
        let Some(first) = file.lines().next().and_then(|line| line.parse::<u32>().ok()) else { return Vec::new() };
        let parent = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        [first].into_iter().chain(processes().filter(|pid| parent(pid) == Some(first))).collect()
    }

    /// Settings with which the server takes its own cluster for somebody's PostgreSQL: it serves through the socket in
    /// `way`, and everything else goes straight to the one in `socket`.
    pub fn own_database(socket: &Path, way: &Path) -> Vec<(&'static str, String)> {
        let url = |role: &str, folder: &Path| format!("postgres://{role}@/{DATABASE}?host={}", folder.display());
        vec![
            ("DATABASE_URL", url("salus_app", way)),
            ("DATABASE_ADMIN_URL", url("salus_admin", socket)),
            ("DATABASE_SEALER_URL", url("salus_sealer", socket)),
        ]
    }

    /// The same through a port of this machine.
    pub fn own_database_at(socket: &Path, port: u16) -> Vec<(&'static str, String)> {
        let mut settings = Self::own_database(socket, socket);
        settings[0].1 = format!("postgres://salus_app@127.0.0.1:{port}/{DATABASE}?sslmode=disable");
        settings
    }

    /// The cluster, which runs as long as this is held.
    pub fn cluster(&self) -> Cluster {
        let settings = Settings { guard: env!("CARGO_BIN_EXE_salus").into(), ..Settings::default() };
        Cluster::open(&self.home, settings).unwrap()
    }

    /// A connection as the administrator.
    pub async fn admin(&self) -> tokio_postgres::Client {
        let cluster = self.cluster();
        let config = cluster.config("salus_admin", DATABASE);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        salus_store::runtime::spawn(async move {
            connection.await.ok();
            drop(cluster);
        });
        client
    }

    /// Stops the server as an operator does.
    pub fn stop(mut self) {
        self.pause();
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().ok();
        }
        remove(&self.home);
    }
}

/// PostgreSQL may still be writing its last files.
fn remove(home: &Path) {
    for _ in 0..100 {
        if fs::remove_dir_all(home).is_ok() || !home.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok())
}
