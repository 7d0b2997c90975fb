//! The throw-away installation: an embedded cluster on disk with durable commits, one tenant, one API key, and the
//! released server as a process of its own.

use salus_core::{Ctx, Env, Error, Permissions, Result};
use salus_domains::auth;
use salus_store::{
    Db, Options,
    cluster::{Cluster, DATABASE, Settings},
    engine::NewRow,
    migrate, runtime,
    seal::RootFile,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Name of the tenant.
pub const TENANT: &str = "bench";

/// An installation.
pub struct Place {
    /// Its data directory.
    pub home: PathBuf,
    /// The program that is measured.
    pub salus: PathBuf,
    /// The database, for filling it.
    pub db: Db,
    /// The tenant.
    pub tenant: Uuid,
    /// A key that may do everything in it.
    pub key: String,
    keep: bool,
    cluster: Cluster,
    server: Option<Server>,
}

/// A running `salus serve`.
pub struct Server {
    /// Where it listens.
    pub address: String,
    process: Child,
}

impl Place {
    /// Makes the cluster, migrates it, makes keys, a tenant and an API key.
    ///
    /// # Errors
    /// Those of each step.
    pub async fn make(base: &Path, salus: &Path, keep: bool) -> Result<Self> {
        let home = base.join(format!("salus-bench-{}", std::process::id()));
        std::fs::create_dir_all(&home).map_err(crate::report::fault)?;
        let home = home.canonicalize().map_err(crate::report::fault)?;
        let cluster = Cluster::open(&home, Settings { connections: 120, ..Settings::default() })?;
        migrate::up(&mut connect(&cluster, DATABASE, "salus_admin").await?, migrate::Files::embedded()?, None).await?;
        let keys = RootFile::at(&home, None);
        keys.init(&[])?;
        let db = Db::open(Options {
            address: cluster.config("salus_app", DATABASE).into(),
            // As a server on two cores has.
            connections: 8,
            root: keys.unlock()?,
            env: Env::default(),
            allow_old_postgres: true,
        })
        .await?;
        let tenant = db.create_tenant(TENANT, false).await?;
        organization(&db, tenant).await?;
        let key = api_key(&db, tenant).await?;
        Ok(Self { home, salus: salus.to_path_buf(), db, tenant, key, keep, cluster, server: None })
    }

    /// A connection as this role.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is refused.
    pub async fn connect(&self, role: &str) -> Result<Client> {
        connect(&self.cluster, DATABASE, role).await
    }

    /// The directory of the cluster's socket.
    pub fn socket(&self) -> &Path {
        self.cluster.socket_dir()
    }

    /// The same in another database of the cluster.
    ///
    /// # Errors
    /// As [`Place::connect`].
    pub async fn connect_to(&self, database: &str, role: &str) -> Result<Client> {
        connect(&self.cluster, database, role).await
    }

    /// Starts the server if it does not run.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not announce itself.
    pub async fn serve(&mut self) -> Result<()> {
        if self.server.is_none() {
            self.server = Some(Server::start(&self.salus, &self.home).await?);
        }
        Ok(())
    }

    /// Starts the server anew, as one that believes this machine when it says for whom it asks.
    ///
    /// # Errors
    /// As [`Place::serve`].
    pub async fn behind_a_proxy(&mut self) -> Result<()> {
        self.stop_serving().await;
        std::fs::write(self.home.join("salus.toml"), "trusted_proxies = [\"127.0.0.1\"]\n")
            .map_err(crate::report::fault)?;
        self.serve().await
    }

    /// The running server.
    ///
    /// # Errors
    /// [`Error::Internal`] when none was started.
    pub fn server(&self) -> Result<&Server> {
        self.server.as_ref().ok_or_else(|| Error::internal("the server was not started"))
    }

    /// Stops the server, letting open requests end.
    pub async fn stop_serving(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Stops everything and removes the data directory.
    pub async fn remove(mut self) {
        self.stop_serving().await;
        let Self { home, keep, cluster, db, key, .. } = self;
        drop(db);
        drop(cluster);
        if keep {
            crate::report::say(&format!("kept: {}, for a day with the API key {key}", home.display()));
        } else if let Err(e) = std::fs::remove_dir_all(&home) {
            crate::report::say(&format!("{} could not be removed: {e}", home.display()));
        }
    }
}

impl Server {
    /// Starts `salus serve` on a free port and waits until it says where.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it ends before.
    pub async fn start(salus: &Path, home: &Path) -> Result<Self> {
        let mut process = Command::new(salus)
            .args(["--json", "serve", "--port", "0", "--home"])
            .arg(home)
            .env("SALUS_ALLOW_OLD_POSTGRES", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Error::Unavailable(format!("{}: {e}", salus.display())))?;
        let out = process.stdout.take().ok_or_else(|| Error::internal("no output"))?;
        let mut lines = BufReader::new(out).lines();
        let mut said = String::new();
        // A first start tells about keys and set-up links before it serves.
        let address = loop {
            let Some(line) = lines.next_line().await.map_err(crate::report::fault)? else {
                return Err(Error::Unavailable(format!("salus serve did not start: {said}")));
            };
            let found: Option<Value> = serde_json::from_str(&line).ok();
            match found.as_ref().and_then(|v| v["address"].as_str()) {
                Some(address) => break address.trim_start_matches("http://").to_owned(),
                None => said = line,
            }
        };
        runtime::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, process })
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// Asks it to stop and waits until it has, and with it the cluster when it was the last user.
    pub async fn stop(mut self) {
        let pid = self.pid().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        if asked.is_err() || tokio::time::timeout(Duration::from_mins(1), self.process.wait()).await.is_err() {
            self.process.kill().await.ok();
        }
    }
}

/// A figure of `/proc/<pid>/status` in MB, such as `VmHWM`.
pub fn memory(pid: u32, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}

async fn connect(cluster: &Cluster, database: &str, role: &str) -> Result<Client> {
    let refused = |e: tokio_postgres::Error| Error::Unavailable(format!("{role} cannot connect: {e}"));
    let (client, connection) = cluster.config(role, database).connect(NoTls).await.map_err(refused)?;
    runtime::spawn(connection);
    Ok(client)
}

/// The organization of a tenant that has none yet.
///
/// # Errors
/// Those of the database.
pub async fn organization(db: &Db, tenant: Uuid) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    let values = json!({"name": "Bench", "kind": "clinic"}).as_object().cloned().unwrap_or_default();
    tx.insert("auth.organizations", &[NewRow { id: tenant, values }]).await?;
    tx.commit("kernel.demo.load", "kernel.tenants").await
}

/// A service account that may do everything in a tenant, and its key.
///
/// # Errors
/// Those of the database.
pub async fn api_key(db: &Db, tenant: Uuid) -> Result<String> {
    let ctx = Ctx::operator(db.env(), tenant);
    let [user, role, permission] = [db.env().id(), db.env().id(), db.env().id()];
    let mut tx = db.begin(ctx.clone(), false).await?;
    let rows = [
        ("auth.permissions", permission, json!({"name": "BENCH", "patterns": ["*.*.*"]})),
        ("auth.roles", role, json!({"name": "bench", "scope": "tenant"})),
        ("auth.role_permissions", db.env().id(), json!({"role_id": role, "permission_id": permission})),
        ("auth.users", user, json!({"kind": "service", "display_name": "Bench", "status": "active"})),
        ("auth.user_roles", db.env().id(), json!({"user_id": user, "role_id": role})),
    ];
    for (table, id, values) in rows {
        let values = values.as_object().cloned().unwrap_or_default();
        tx.insert(table, &[NewRow { id, values }]).await?;
    }
    tx.commit("kernel.demo.load", "kernel.tenants").await?;
    let key = auth::create_api_key(
        db,
        &ctx,
        user,
        &auth::NewApiKey { name: "bench", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() },
    )
    .await?;
    Ok(key.text)
}
