//! A streaming standby of a running private cluster: made with `pg_basebackup`, synchronous or not, paused, promoted.
//!
//! It is a cluster of the product like any other, in a data directory of its own, with a guard that keeps it running.

use rustix::process::geteuid;
use salus_core::{Error, Result};
use salus_store::cluster::{Cluster, DATABASE, Settings};
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio_postgres::{Client, NoTls};

/// How often a state of PostgreSQL is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A running standby, which is stopped when this is dropped. Its files stay.
#[derive(Debug)]
pub struct Standby {
    cluster: Cluster,
    name: String,
}

impl Standby {
    /// Copies the running cluster `primary`, which lies in `source`, into the new data directory `home` and follows it.
    /// `guard` is the program that runs clusters.
    ///
    /// # Panics
    /// When it cannot be made: the test cannot go on.
    pub async fn of((primary, source): (&Cluster, &Path), home: &Path, guard: PathBuf, name: &str) -> Self {
        match Self::follow((primary, source), home, guard, name).await {
            Ok(standby) => standby,
            Err(e) => panic!("no standby to test with: {e}"),
        }
    }

    async fn follow((primary, source): (&Cluster, &Path), home: &Path, guard: PathBuf, name: &str) -> Result<Self> {
        let data = home.join("cluster/data");
        let owner = fs::metadata(source.join("cluster/data")).map_err(Error::internal)?;
        fs::create_dir_all(&data).map_err(Error::internal)?;
        for (dir, mode) in [(home, 0o711), (&home.join("cluster"), 0o711), (&data, 0o700)] {
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).map_err(Error::internal)?;
        }
        let mut copy = Command::new(primary.bin_dir().join("pg_basebackup"));
        copy.env_clear().current_dir("/").arg("-h").arg(primary.socket_dir()).args(["-U", "salus_admin", "-D"]);
        copy.arg(&data).args(["--no-password", "-X", "stream", "-c", "fast"]);
        if geteuid().is_root() {
            chown(&data, Some(owner.uid()), Some(owner.gid())).map_err(Error::internal)?;
            copy.uid(owner.uid()).gid(owner.gid());
        }
        let out = copy.output().map_err(Error::internal)?;
        if !out.status.success() {
            return Err(Error::internal(format!("pg_basebackup: {}", String::from_utf8_lossy(&out.stderr))));
        }
        let from = format!("host={} user=salus_admin application_name={name}", primary.socket_dir().display());
        let settings = [
            ("standby.signal", String::new()),
            // A test does not wait for the usual pauses.
            (
                "operator.conf",
                format!("primary_conninfo = '{from}'\nwal_retrieve_retry_interval = 100\nwal_keep_size = 512\n"),
            ),
        ];
        for (file, text) in settings {
            let path = data.join(file);
            fs::write(&path, text).map_err(Error::internal)?;
            if geteuid().is_root() {
                chown(&path, Some(owner.uid()), Some(owner.gid())).map_err(Error::internal)?;
            }
        }
        let cluster = Cluster::open(home, Settings { guard, ..Settings::default() })?;
        let standby = Self { cluster, name: name.to_owned() };
        standby
            .until(&standby.admin().await?, "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'")
            .await?;
        Ok(standby)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A connection to it as the administrator.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn admin(&self) -> Result<Client> {
        let config = self.cluster.config("salus_admin", DATABASE);
        let (client, connection) = config.connect(NoTls).await.map_err(Error::internal)?;
        salus_store::runtime::spawn(connection);
        Ok(client)
    }

    /// Makes every commit of the primary wait for this standby from now on. `admin` is a connection to the primary.
    ///
    /// # Panics
    /// When the primary refuses.
    pub async fn make_synchronous(&self, admin: &Client) {
        let names = format!("ALTER SYSTEM SET synchronous_standby_names = '{}'", self.name);
        let made = async {
            admin.batch_execute(&names).await.map_err(Error::internal)?;
            admin.batch_execute("SELECT pg_reload_conf()").await.map_err(Error::internal)?;
            self.until(admin, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'").await
        };
        if let Err(e) = made.await {
            panic!("the standby is not synchronous: {e}");
        }
    }

    /// Stops what receives the log, as a broken network would, until the guard returned is dropped.
    ///
    /// # Panics
    /// When there is no receiver.
    pub async fn pause(&self) -> Paused {
        let found = async {
            let admin = self.admin().await?;
            let sql = "SELECT pid FROM pg_stat_wal_receiver";
            admin.query_one(sql, &[]).await.map(|row| row.get::<_, i32>(0)).map_err(Error::internal)
        };
        match found.await {
            Ok(pid) => Paused::begin(pid),
            Err(e) => panic!("there is no receiver to pause: {e}"),
        }
    }

    /// Stops what sends the log to it, so that nothing more leaves the primary, until the guard returned is dropped or
    /// the primary is killed. `admin` is a connection to the primary.
    ///
    /// # Panics
    /// When nothing sends.
    pub async fn cut_off(&self, admin: &Client) -> Paused {
        let sql = "SELECT pid FROM pg_stat_replication WHERE application_name = $1";
        match admin.query_one(sql, &[&self.name]).await {
            Ok(row) => Paused::begin(row.get(0)),
            Err(e) => panic!("there is no sender to stop: {e}"),
        }
    }

    /// Makes it a primary.
    ///
    /// # Panics
    /// When it is none after a minute.
    pub async fn promote(&self) {
        let promoted = async {
            let admin = self.admin().await?;
            admin.batch_execute("SELECT pg_promote(true, 60)").await.map_err(Error::internal)?;
            self.until(&admin, "SELECT NOT pg_is_in_recovery()").await
        };
        if let Err(e) = promoted.await {
            panic!("the standby cannot be promoted: {e}");
        }
    }

    async fn until(&self, client: &Client, sql: &str) -> Result<()> {
        for _ in 0..6000 {
            if client.query_one(sql, &[]).await.map_err(Error::internal)?.get(0) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Error::internal(format!("{} never comes true: {sql}", self.name)))
    }
}

/// A stopped process, which goes on when this is dropped.
#[derive(Debug)]
pub struct Paused(i32);

impl Paused {
    fn begin(pid: i32) -> Self {
        signal("-STOP", pid);
        Self(pid)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        signal("-CONT", self.0);
    }
}

/// A process that has ended meanwhile takes no signal, and needs none.
fn signal(name: &str, pid: i32) {
    Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status().ok();
}
