//! Which database a command works on: the embedded cluster of the data directory, found running or started for the
//! time it is needed, or the server that `DATABASE_URL` names, which is then never replaced by a local one.

use crate::config::Config;
use salus_core::{Env, Error, PLATFORM, Result};
use salus_store::{
    Db, Options,
    cluster::{Cluster, DATABASE, Settings},
    lint, runtime, schema,
    seal::RootFile,
};
use tokio_postgres::{Client, Config as Postgres, NoTls};
use uuid::Uuid;

/// An open place.
pub struct Place {
    /// The settings.
    pub config: Config,
    cluster: Option<Cluster>,
}

/// Connections of the server when not set: enough for 32 clients at once on two cores.
const CONNECTIONS: usize = 24;

impl Place {
    /// Finds or starts the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do.
    pub fn open(config: Config) -> Result<Self> {
        let cluster = match &config.database_url {
            Some(_) => None,
            None => Some(Cluster::open(&config.home, Settings::default())?),
        };
        Ok(Self { config, cluster })
    }

    /// The embedded cluster, when it is that.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Whether migrations can be run here: on the embedded cluster, or with an administrator's address.
    pub fn may_migrate(&self) -> bool {
        self.cluster.is_some() || self.config.database_admin_url.is_some()
    }

    fn postgres(&self, role: &str, url: Option<&String>) -> Result<Postgres> {
        match (&self.cluster, url) {
            (Some(cluster), _) => Ok(cluster.config(role, DATABASE)),
            (None, Some(url)) => {
                let mut parsed: Postgres = url.parse().map_err(|e| {
                    Error::invalid("DATABASE_URL", "unreadable", format!("Is not a PostgreSQL address: {e}"))
                })?;
                parsed.application_name("salus");
                Ok(parsed)
            }
            (None, None) => Err(Error::internal("no database is configured")),
        }
    }

    /// A connection that may change the schema.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is refused.
    pub async fn admin(&self) -> Result<Client> {
        let url = self.config.database_admin_url.as_ref().or(self.config.database_url.as_ref());
        let refused = |e: tokio_postgres::Error| Error::Unavailable(format!("the database cannot be reached: {e}"));
        let (client, connection) = self.postgres("salus_admin", url)?.connect(NoTls).await.map_err(refused)?;
        runtime::spawn(async move {
            if let Err(e) = connection.await {
                tracing::debug!(error = %e, "the administrator's connection ended");
            }
        });
        Ok(client)
    }

    /// The key files.
    pub fn keys(&self) -> RootFile {
        RootFile::at(&self.config.home, self.config.operator_key.clone())
    }

    /// The database as the server uses it, after proving that it is what it should be.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when files are pending, the catalogue differs, a tenancy rule is broken, or a key is
    /// missing; in words that say what to do.
    pub async fn db(&self) -> Result<Db> {
        self.check().await?;
        let root = self.keys().unlock()?;
        Db::open(Options {
            config: self.postgres("salus_app", self.config.database_url.as_ref())?,
            connections: self.config.connections.unwrap_or(CONNECTIONS),
            root,
            env: Env::default(),
            allow_old_postgres: self.config.allow_old_postgres,
        })
        .await
    }

    /// Proves that the database is the one this build expects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do.
    pub async fn check(&self) -> Result<()> {
        let admin = self.admin().await?;
        schema::require(&admin).await?;
        lint::fatal(&lint::check(&admin).await?).map_or(Ok(()), Err)
    }

    /// The tenant of this name.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `tenant`, when there is none.
    pub async fn tenant(&self, db: &Db, slug: &str) -> Result<Uuid> {
        if slug == "platform" {
            return Ok(PLATFORM);
        }
        db.tenant(slug).await.map_err(|e| match e {
            Error::NotFound => {
                Error::invalid("tenant", "no_such_record", format!("There is no tenant {slug}: see salus tenant list"))
            }
            other => other,
        })
    }
}
