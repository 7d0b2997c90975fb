//! The program as an operator runs it, on a data directory of its own, and the processes to kill.

use super::Target;
use salus_store::cluster::{Cluster, DATABASE, Settings};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Variables that mean something else to the program than to the tests.
const UNWANTED: [&str; 6] = [
    "DATABASE_URL",
    "DATABASE_ADMIN_URL",
    "SALUS_HOME",
    "SALUS_OPERATOR_KEY",
    "SALUS_CHAOS_ROUNDS",
    "SALUS_CHAOS_SEED",
];

pub struct Installation {
    home: PathBuf,
    server: Option<Child>,
    /// Where it serves, before and after every kill.
    pub address: SocketAddr,
    /// API key of a service that may write patients.
    pub key: String,
}

impl Installation {
    /// A new installation with one tenant, serving.
    pub fn new() -> Self {
        let home = std::env::temp_dir().join(format!("salus-chaos-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        // The account that runs PostgreSQL passes through.
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let mut place = Self { home, server: None, address: ([127, 0, 0, 1], 0).into(), key: String::new() };
        place.start();
        place.done(&["tenant", "create", "storm", "--name", "Storm"]);
        let made = place.done(&["user", "service", "--tenant", "storm", "--name", "writer", "--role", "clinician"]);
        made["key"].as_str().unwrap().clone_into(&mut place.key);
        place
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_salus"));
        command.arg("--json").arg("--home").arg(&self.home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
        for name in UNWANTED {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command that must succeed.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the server where it was, or at first on a free port, and waits until it serves.
    fn start(&mut self) {
        let listen = self.address.to_string();
        let log = fs::File::options().create(true).append(true).open(self.home.join("serve.log")).unwrap();
        let mut server = self
            .command(&["serve", "--listen", &listen])
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
                return;
            }
            told.push_str(&line);
        }
        server.wait().unwrap();
        let log = fs::read_to_string(self.home.join("serve.log")).unwrap_or_default();
        panic!("the server does not start again: {told}\n{log}");
    }

    /// Kills, and starts the server again if it was killed.
    pub fn kill(&mut self, target: Target) {
        let mut gone = Vec::new();
        if target != Target::Database {
            gone.push(self.server.as_ref().unwrap().id());
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
            self.start();
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

    /// A connection as the administrator.
    pub async fn admin(&self) -> tokio_postgres::Client {
        let settings = Settings { guard: env!("CARGO_BIN_EXE_salus").into(), ..Settings::default() };
        let cluster = Cluster::open(&self.home, settings).unwrap();
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
        let mut server = self.server.take().unwrap();
        Command::new("kill").arg("-TERM").arg(server.id().to_string()).status().unwrap();
        assert!(server.wait().unwrap().success(), "it stops cleanly");
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
