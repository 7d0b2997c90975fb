//! Which database a command works on: the embedded cluster of the data directory, found running or started for the
//! time it is needed, or the server that `DATABASE_URL` or `DATABASE_ADMIN_URL` names, which is then never replaced by a local one.

use crate::{config::Config, digest::DigestAnchor};
use salus_core::{Env, Error, PLATFORM, Result};
use salus_store::{
    Address, Db, Options, Policy,
    audit::{
        Anchor, Authority, FileAnchor, Log, TimestampAnchor,
        witness::{WitnessAnchor, WitnessKey},
    },
    backup::{PgBackRest, Server},
    cluster::{Cluster, DATABASE, Settings},
    erase::Ledger,
    kms::{self, Kept},
    lint, refuse_unsafe, schema,
    seal::RootFile,
};
use std::{path::PathBuf, sync::Arc};
use tokio_postgres::Client;
use uuid::Uuid;
use zeroize::Zeroizing;

/// An open place.
pub struct Place {
    /// The settings.
    pub config: Config,
    cluster: Option<Cluster>,
    /// The operator's identity as the key service gave it, or why it did not; none where a file has it.
    identity: Option<std::result::Result<Zeroizing<String>, String>>,
}

/// Connections of the server when not set, for each core and altogether. A request holds one only while the database works
/// for it, and more of them than there is work for cost time (`bench/README.md`).
const CONNECTIONS_EACH: usize = 4;
const CONNECTIONS: std::ops::RangeInclusive<usize> = 8..=24;

impl Place {
    /// Finds or starts the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do.
    pub fn open(config: Config) -> Result<Self> {
        let own = config.database_url.is_some() || config.database_admin_url.is_some();
        let cluster = if own { None } else { Some(Cluster::open(&config.home, Settings::default())?) };
        Ok(Self { config, cluster, identity: None })
    }

    /// Asks the key service for the operator's identity, where the settings name one and it has it. What it says is told
    /// when a key is needed: much can be done without.
    pub async fn ask_key_service(&mut self) {
        let Some(kms) = &self.config.kms else { return };
        let asked = async {
            match Kept::read(&self.key_files())? {
                None => Ok(None),
                Some(kept) => kept.identity(&*kms.open()?).await.map(Some),
            }
        };
        self.identity = asked.await.map_err(|e: Error| e.to_string()).transpose();
    }

    /// Hands the operator's identity to the key service and removes the file that holds it; with one that is there
    /// already, wraps it with the newest version of the service's key.
    ///
    /// # Errors
    /// [`Error::Invalid`] where no service is set; [`Error::Unavailable`] with what it said: nothing was changed then.
    pub async fn keep_identity(&mut self) -> Result<Kept> {
        let service = self.config.kms.as_ref().ok_or_else(|| {
            Error::invalid("kms", "required", "Is a table [kms] of salus.toml that names the key service")
        })?;
        let files = self.keys();
        let identity = files.identity_text()?;
        let kept = kms::keep(&*service.open()?, &files, &identity).await?;
        if let Err(e) = std::fs::remove_file(&files.operator)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            let why = format!("the key service has the identity now; remove {}: {e}", files.operator.display());
            return Err(Error::Unavailable(why));
        }
        self.ask_key_service().await;
        Ok(kept)
    }

    /// Believes what the key service gave no longer: there is a newer identity in the file.
    pub fn forget_identity(&mut self) {
        self.identity = None;
    }

    /// Opens the root key with this identity, whatever a file or the key service has.
    pub fn hold_identity(&mut self, identity: Zeroizing<String>) {
        self.identity = Some(Ok(identity));
    }

    /// The embedded cluster, when it is that.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Whether migrations can be run here: on the embedded cluster, or with an administrator's address.
    pub fn may_migrate(&self) -> bool {
        self.cluster.is_some() || self.config.database_admin_url.is_some()
    }

    fn address(&self, role: &str, url: Option<&String>) -> Result<Address> {
        match (&self.cluster, url) {
            (Some(cluster), _) => Ok(cluster.config(role, DATABASE).into()),
            (None, Some(url)) => self.parse(url),
            (None, None) => Err(Error::Unavailable(
                "DATABASE_ADMIN_URL is set and DATABASE_URL is not: name in it the address as salus_app that the \
                 server uses, or unset both to use the private cluster"
                    .into(),
            )),
        }
    }

    fn parse(&self, url: &str) -> Result<Address> {
        let policy = Policy {
            root_certificates: self.config.database_root_certificates.clone(),
            allow_plain: self.config.allow_plain_database,
        };
        let mut address = Address::parse(url, &policy)?;
        address.config_mut().application_name("salus");
        Ok(address)
    }

    /// The streaming replicas that the settings name.
    fn replicas(&self) -> Result<Vec<Address>> {
        let urls = self.config.database_replica_urls.iter();
        urls.map(|url| Ok(self.parse(url)?.pooled(self.config.database_pooled))).collect()
    }

    /// A connection that may change the schema.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is refused.
    pub async fn admin(&self) -> Result<Client> {
        self.administrator()?.connect().await
    }

    fn administrator(&self) -> Result<Address> {
        let url = self.config.database_admin_url.as_ref().or(self.config.database_url.as_ref());
        self.address("salus_admin", url)
    }

    /// The way to the database that the server takes.
    fn serving(&self) -> Result<Address> {
        let address = self.address("salus_app", self.config.database_url.as_ref())?;
        Ok(address.pooled(self.config.database_pooled && self.cluster.is_none()))
    }

    /// A connection for comparing the schema: the administrator's, or else the server's own.
    async fn looking(&self) -> Result<Client> {
        if self.may_migrate() { self.admin().await } else { self.serving()?.connect_to_read().await }
    }

    /// The database for a dump of it: as the role that sees every tenant and writes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] where no address of that role is set; [`Error::Unavailable`] when it cannot be reached.
    pub async fn dumped(&self) -> Result<Server> {
        if !self.backs_up() {
            let why =
                "Is the address of your own server as salus_backup, which sees every tenant: see docs/OPERATIONS.md";
            return Err(Error::invalid("database_backup_url", "required", why));
        }
        Server::at(self.address("salus_backup", self.config.database_backup_url.as_ref())?, self.cluster()).await
    }

    /// The database for loading a dump into it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be reached.
    pub async fn loaded(&self) -> Result<Server> {
        Server::at(self.administrator()?, self.cluster()).await
    }

    /// Whether backups are taken by this program: of the private cluster, or of a server for which there is an address.
    pub fn backs_up(&self) -> bool {
        self.cluster.is_some() || self.config.database_backup_url.is_some()
    }

    /// Refuses where the server's own address does not reach the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`], saying why.
    pub async fn reach(&self) -> Result<()> {
        self.serving()?.connect_to_read().await.map(drop)
    }

    /// Whether rows can be read here as the server reads them: its address is known, and there are keys.
    pub fn has_rows(&self) -> bool {
        self.serving().is_ok() && self.keys().exists()
    }

    /// The key files.
    pub fn keys(&self) -> RootFile {
        match &self.identity {
            None => self.key_files(),
            Some(held) => self.key_files().with_identity(held.clone().map_err(Error::Unavailable)),
        }
    }

    fn key_files(&self) -> RootFile {
        RootFile::at(&self.config.home, self.config.operator_key.clone())
    }

    /// The database as the server uses it, after proving that it is what it should be.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when files are pending, the catalogue differs, a tenancy rule is broken, or a key is
    /// missing; in words that say what to do.
    pub async fn db(&self) -> Result<Db> {
        self.check().await?;
        self.db_checked().await
    }

    /// The same for who has just asked for [`Place::check`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a key is missing.
    pub async fn db_checked(&self) -> Result<Db> {
        let db = self.db_as_it_is().await?;
        db.make_known(&self.receipts()).await?;
        Ok(db)
    }

    /// The same of a schema that may differ from what it should be: to write down what is done about that.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a key is missing or the role must not serve.
    pub async fn db_as_it_is(&self) -> Result<Db> {
        let root = self.keys().unlock()?;
        let options = Options {
            address: self.serving()?,
            connections: self.config.connections.unwrap_or_else(connections),
            root,
            env: Env::default(),
            allow_old_postgres: self.config.allow_old_postgres,
        };
        let db = Db::open_with_replicas(options, self.replicas()?).await?;
        db.keep_receipts(&self.receipts())?;
        db.keep_erasures(self.erasures());
        if let Some(sealer) = self.sealer()? {
            db.keep_log(sealer);
        }
        Ok(db)
    }

    /// The audit log as its sealer has it; `None` where no address of a sealer is given.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the root key is missing; [`Error::Invalid`] for an address that is none.
    pub fn log(&self) -> Result<Option<Log>> {
        let Some(address) = self.sealer()? else { return Ok(None) };
        Ok(Some(Log::new(address, self.keys().unlock()?, Env::default())))
    }

    /// The database as the sealer of the audit log; `None` where no address of it is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that is none.
    pub fn sealer(&self) -> Result<Option<Address>> {
        if self.cluster.is_none() && self.config.database_sealer_url.is_none() {
            return Ok(None);
        }
        self.address("salus_sealer", self.config.database_sealer_url.as_ref()).map(Some)
    }

    /// The file where heads of the audit log are kept.
    pub fn anchor(&self) -> FileAnchor {
        FileAnchor::new(self.anchor_path())
    }

    /// All places where heads are kept: the file, and the witness where one is set.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a witness without its key, or a key that is none.
    pub fn anchors(&self) -> Result<Vec<Box<dyn Anchor>>> {
        let mut all: Vec<Box<dyn Anchor>> = vec![Box::new(self.anchor())];
        match (&self.config.audit_witness, &self.config.audit_witness_key) {
            (None, None) => {}
            (Some(address), Some(key)) => {
                let log = format!("salus-{}/audit", self.keys().unlock()?.fingerprint());
                all.push(Box::new(WitnessAnchor::new(address.clone(), WitnessKey::parse(key)?, log)));
            }
            _ => {
                let why = "audit_witness and audit_witness_key are set together: salus witness prints its key";
                return Err(Error::invalid("audit_witness_key", "required", why));
            }
        }
        if let Some(bucket) = &self.config.audit_s3 {
            all.push(Box::new(bucket.open()?));
        }
        if let Some(address) = &self.config.audit_timestamp {
            let path = self.config.audit_timestamp_certificates.as_ref().ok_or_else(|| {
                let why = "Is set together with audit_timestamp: certificates (PEM) of the authority, or of who issued its own";
                Error::invalid("audit_timestamp_certificates", "required", why)
            })?;
            let pem = std::fs::read(path).map_err(|e| Error::Unavailable(format!("{}: {e}", path.display())))?;
            let file = self.anchor_path().with_extension("timestamps");
            all.push(Box::new(TimestampAnchor::new(address, Authority::read(&pem)?, file)?));
        }
        if let Some(to) = &self.config.audit_digest_to {
            let file = self.anchor_path().with_extension("digests");
            let carriers = Arc::new(self.config.carriers("")?);
            all.push(Box::new(DigestAnchor::new(carriers, to, file, Env::default().clock)?));
        }
        Ok(all)
    }

    fn anchor_path(&self) -> PathBuf {
        self.config.audit_anchor.clone().unwrap_or_else(|| self.config.home.join("audit/anchor"))
    }

    /// Gives the evidence of a log that was emptied on purpose another name, so that it does not contradict the next
    /// one, and returns the new names. Nothing is removed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a name cannot be changed.
    pub fn put_evidence_aside(&self) -> Result<Vec<PathBuf>> {
        let when = Env::default().clock.now().unix_timestamp();
        let mut aside = Vec::new();
        for path in [self.anchor_path(), self.receipts()] {
            let mut name = path.clone().into_os_string();
            name.push(format!(".before-reset-{when}"));
            match std::fs::rename(&path, &name) {
                Ok(()) => aside.push(name.into()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::Unavailable(format!("{} cannot be put aside: {e}", path.display()))),
            }
        }
        Ok(aside)
    }

    /// The folder where receipts of audit events are kept.
    pub fn receipts(&self) -> PathBuf {
        self.config.audit_receipts.clone().unwrap_or_else(|| self.config.home.join("audit/receipts"))
    }

    /// The folders of receipts that are looked at: this node's when it has one, those of other nodes that the settings name,
    /// and `more`.
    pub fn receipts_of_all(&self, more: Vec<PathBuf>) -> Vec<PathBuf> {
        let own = Some(self.receipts()).filter(|own| own.exists());
        own.into_iter().chain(self.config.audit_receipts_of.iter().cloned()).chain(more).collect()
    }

    /// pgBackRest, where the settings name a stanza of the private cluster.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is none.
    pub fn pgbackrest(&self) -> Result<Option<PgBackRest>> {
        let Config { home, pgbackrest_stanza, pgbackrest_file, .. } = &self.config;
        let set = pgbackrest_stanza.as_ref().filter(|_| self.cluster.is_some());
        set.map(|stanza| PgBackRest::new(home, stanza, pgbackrest_file.as_deref())).transpose()
    }

    /// The list of erased persons outside the database.
    pub fn erasures(&self) -> Ledger {
        Ledger::new(self.config.erasure_ledger.clone().unwrap_or_else(|| self.config.home.join("audit/erasures")))
    }

    /// Proves that the server's role may be trusted, and that the database is the one this build expects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do.
    pub async fn check(&self) -> Result<()> {
        // First, because whoever is refused here has nothing to gain from the rest.
        refuse_unsafe(&self.serving()?.connect_to_read().await?, self.config.allow_old_postgres).await?;
        let client = self.looking().await?;
        schema::require(&client).await?;
        lint::fatal(&lint::check(&client).await?).map_or(Ok(()), Err)
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

/// How many connections fit this machine.
fn connections() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores * CONNECTIONS_EACH).clamp(*CONNECTIONS.start(), *CONNECTIONS.end())
}
