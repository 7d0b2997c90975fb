//! The database as the server holds it: pool, catalogue, keys. Opening it proves first that the role and the engine
//! can be trusted with row-level security.

use crate::{
    Catalog, Tx,
    audit::Writer,
    seal::{ClassKey, KeyClass, RootKey, Secret, TenantKeys, random_secret},
    tx::failure,
    unit::Unit,
};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use salus_core::{Ctx, Env, Error, PLATFORM, Result};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

/// How to open a database.
pub struct Options {
    /// Connection as `salus_app` or a role like it.
    pub config: Config,
    /// Most connections at once.
    pub connections: usize,
    /// The unlocked root key.
    pub root: RootKey,
    /// Time and ids.
    pub env: Env,
    /// Serve on a PostgreSQL older than the releases that closed known holes in row-level security.
    pub allow_old_postgres: bool,
}

/// The open database; cheap to clone.
#[derive(Clone)]
pub struct Db(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pool: Pool,
    config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) writer: Writer,
    pub(crate) env: Env,
    root: RootKey,
    tenants: RwLock<HashMap<Uuid, Arc<TenantKeys>>>,
}

/// Seals that a process reserves at a time on a key (`spec` B2.3), and when it asks for more.
const SEAL_BLOCK: i64 = 1 << 20;
const SEAL_LOW: i64 = 1 << 17;

impl Db {
    /// Connects, checks that the role cannot pass row-level security by, reads the catalogue and takes a writer
    /// number for the audit log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do, when the database cannot be reached or must not be trusted.
    pub async fn open(options: Options) -> Result<Self> {
        let manager = Manager::from_config(
            options.config.clone(),
            NoTls,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let wait = Some(Duration::from_secs(5));
        let pool = Pool::builder(manager)
            .max_size(options.connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait, create: wait, recycle: wait })
            .build()
            .map_err(Error::internal)?;
        let client =
            pool.get().await.map_err(|e| Error::Unavailable(format!("the database cannot be reached: {e}")))?;
        refuse_unsafe(&client, options.allow_old_postgres).await?;
        let catalog = Catalog::load(&client).await?;
        let row = client.query_one("SELECT nextval('audit.writer_ids')::int4", &[]).await.map_err(Error::internal)?;
        let payload = catalog.table("audit.activity_logs")?.column("payload").map_or(0, |c| c.column_id);
        let writer = Writer::new(&options.root, row.get(0), payload, &options.env)?;
        drop(client);
        let (config, env, root) = (options.config, options.env, options.root);
        let db = Self(Arc::new(Shared { pool, config, catalog, writer, env, root, tenants: RwLock::default() }));
        db.ensure_keys(PLATFORM).await?;
        Ok(db)
    }

    /// The schema.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// Time and ids.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.0.env
    }

    /// Connections in use, open, and allowed.
    #[must_use]
    pub fn pool_status(&self) -> (usize, usize, usize) {
        let s = self.0.pool.status();
        (s.size.saturating_sub(s.available), s.size, s.max_size)
    }

    /// A connection of its own, outside the pool and gone when it is dropped: for proofs, locks and measurements.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to be had.
    pub(crate) async fn connect_apart(&self) -> Result<Client> {
        let unreachable = |e| Error::Unavailable(format!("the database cannot be reached: {e}"));
        let (client, connection) = self.0.config.connect(NoTls).await.map_err(unreachable)?;
        crate::runtime::spawn(connection);
        Ok(client)
    }

    /// How long a new connection takes until it has answered.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to be had.
    pub async fn connect_time(&self) -> Result<Duration> {
        let since = Instant::now();
        self.connect_apart().await?.simple_query("SELECT 1").await.map_err(Error::internal)?;
        Ok(since.elapsed())
    }

    /// What in the schema breaks a rule, as the serving role sees it.
    ///
    /// # Errors
    /// As [`crate::lint::check`].
    pub async fn lint(&self) -> Result<Vec<crate::lint::Finding>> {
        crate::lint::check(&self.connect_apart().await?).await
    }

    /// The tenant of this name; suspended and closed ones are not found.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tenant(&self, slug: &str) -> Result<Uuid> {
        let ctx = Ctx::system(&self.0.env, PLATFORM);
        let mut unit = Unit::new(&self.0.pool, &ctx, true);
        let sql = "SELECT id FROM kernel.tenants WHERE slug = $1 AND state = 'active'";
        let rows = unit.query(sql, &[&slug], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        rows.first().map(|r| r.get(0)).ok_or(Error::NotFound)
    }

    /// Begins a transaction for a caller. Nothing is sent before its first statement.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the tenant has no keys, which is to say that there is no such tenant.
    pub async fn begin(&self, ctx: Ctx, read_only: bool) -> Result<Tx> {
        let keys = self.keys(ctx.tenant).await?;
        Ok(Tx::new(self.clone(), ctx, keys, read_only))
    }

    /// Makes a tenant with its keys.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`] when it is no name.
    pub async fn create_tenant(&self, slug: &str, is_demo: bool) -> Result<Uuid> {
        let id = self.0.env.id();
        let ctx = Ctx::operator(&self.0.env, PLATFORM);
        let mut unit = Unit::new(&self.0.pool, &ctx, false);
        let sql = "INSERT INTO kernel.tenants (id, slug, is_demo) VALUES ($1, $2, $3)";
        unit.query(sql, &[&id, &slug, &is_demo], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        self.ensure_keys(id).await?;
        Ok(id)
    }

    /// The tenant's keys, from memory when they are there and have seals left.
    pub(crate) async fn keys(&self, tenant: Uuid) -> Result<Arc<TenantKeys>> {
        let held = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        let keys = match held {
            Some(keys) => keys,
            None => {
                let keys = Arc::new(self.load_keys(tenant).await?.ok_or(Error::NotFound)?);
                self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_insert(keys).clone()
            }
        };
        if keys.classes().any(|k| k.active && k.remaining() < SEAL_LOW) {
            self.reserve_seals(tenant, &keys).await?;
        }
        Ok(keys)
    }

    /// Forgets the keys in memory, so that the next call reads them again.
    pub fn forget_keys(&self, tenant: Uuid) {
        self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }

    async fn load_keys(&self, tenant: Uuid) -> Result<Option<TenantKeys>> {
        let ctx = Ctx::system(&self.0.env, tenant);
        let mut unit = Unit::new(&self.0.pool, &ctx, true);
        let sql = "SELECT key_no, kind, key_class, state, wrapped FROM kernel.keys \
                   WHERE state IN ('active', 'decrypt_only') ORDER BY kind = 'tenant' DESC";
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        let mut tenant_key: Option<Secret> = None;
        let (mut index, mut classes) = (None, Vec::new());
        for row in &rows {
            let key_no = row.get::<_, i64>("key_no").cast_unsigned();
            let (kind, wrapped): (&str, &[u8]) = (row.get("kind"), row.get("wrapped"));
            if kind == "tenant" {
                tenant_key = Some(self.0.root.open_tenant_key(tenant, key_no, wrapped).map_err(|_| wrong_root())?);
                continue;
            }
            let above = tenant_key.as_ref().ok_or_else(wrong_root)?;
            let secret = TenantKeys::unwrap_key(above, tenant, key_no, kind, wrapped)?;
            match row.get::<_, Option<&str>>("key_class").and_then(KeyClass::from_name) {
                Some(class) => {
                    classes.push(ClassKey::new(key_no, class, row.get::<_, &str>("state") == "active", secret))
                }
                None => index = Some(secret),
            }
        }
        match (tenant_key, index) {
            (Some(above), Some(index)) => TenantKeys::new(tenant, &above, index, classes).map(Some),
            _ => Ok(None),
        }
    }

    async fn reserve_seals(&self, tenant: Uuid, keys: &TenantKeys) -> Result<()> {
        let ctx = Ctx::system(&self.0.env, tenant);
        let mut unit = Unit::new(&self.0.pool, &ctx, false);
        for key in keys.classes().filter(|k| k.active && k.remaining() < SEAL_LOW) {
            let sql = "UPDATE kernel.keys SET seal_count = seal_count + $2 WHERE key_no = $1";
            let params: crate::unit::Params<'_> = &[&key.key_no.cast_signed(), &SEAL_BLOCK];
            unit.query(sql, params, true).await.map_err(|f| failure(&self.0.catalog, f))?;
            key.add_reserved(SEAL_BLOCK);
        }
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))
    }

    /// Gives a tenant its keys if it has none: a tenant key under the root, class keys and an index key under it.
    async fn ensure_keys(&self, tenant: Uuid) -> Result<()> {
        if self.load_keys(tenant).await?.is_some() {
            return Ok(());
        }
        let ctx = Ctx::system(&self.0.env, tenant);
        let mut unit = Unit::new(&self.0.pool, &ctx, false);
        // Two nodes may start together: the second waits here and then finds the keys.
        let lock = format!("salus/keys/{tenant}");
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0)), (SELECT count(*) FROM kernel.keys)";
        let rows = unit.query(sql, &[&lock], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        if rows.first().is_some_and(|r| r.get::<_, i64>(1) > 0) {
            unit.rollback().await;
            return Err(wrong_root());
        }
        for new in new_keys(&self.0.root, tenant)? {
            let sql = "INSERT INTO kernel.keys (id, key_no, kind, key_class, wrapped, wrap_kms, wrap_key_name, \
                       wrap_key_version, activated_at, canary) VALUES ($1, $2, $3::text, $4::text, $5, 'file', $6, 1, $7, $8)";
            let (id, now) = (self.0.env.id(), self.0.env.now());
            let above = if new.kind == "tenant" { "root" } else { "tenant" };
            let params: crate::unit::Params<'_> =
                &[&id, &new.key_no.cast_signed(), &new.kind, &new.class, &new.wrapped, &above, &now, &new.canary];
            unit.query(sql, params, true).await.map_err(|f| failure(&self.0.catalog, f))?;
        }
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))
    }
}

struct NewKey {
    key_no: u64,
    kind: &'static str,
    class: Option<&'static str>,
    wrapped: Vec<u8>,
    canary: Vec<u8>,
}

fn new_keys(root: &RootKey, tenant: Uuid) -> Result<Vec<NewKey>> {
    let key_no = random_key_no()?;
    let (tenant_key, wrapped) = root.new_tenant_key(tenant, key_no)?;
    let canary = TenantKeys::canary(&tenant_key, tenant, key_no)?;
    let mut keys = vec![NewKey { key_no, kind: "tenant", class: None, wrapped: wrapped.0, canary }];
    for class in KeyClass::ALL.into_iter().map(Some).chain([None]) {
        let kind = if class.is_some() { "class" } else { "index" };
        let (key_no, secret) = (random_key_no()?, random_secret()?);
        let wrapped = TenantKeys::wrap_key(&tenant_key, tenant, key_no, kind, &secret)?;
        let canary = TenantKeys::canary(&secret, tenant, key_no)?;
        keys.push(NewKey { key_no, kind, class: class.map(KeyClass::name), wrapped: wrapped.0, canary });
    }
    Ok(keys)
}

fn random_key_no() -> Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the random source failed"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn wrong_root() -> Error {
    Error::Unavailable(
        "the root key does not open this database's keys: it belongs to another installation. Restore the right root.age, \
         or name the data directory it belongs to with --home"
            .into(),
    )
}

/// Refuses roles that row-level security does not bind, and engines in which it has known holes.
async fn refuse_unsafe(client: &Client, allow_old: bool) -> Result<()> {
    let row = client.query_one(include_str!("refuse_unsafe.sql"), &[]).await.map_err(|e| {
        Error::Unavailable(format!("the database is not a Salus database yet ({e}): run salus db migrate"))
    })?;
    let (role, version): (String, i32) = (row.get("role"), row.get("version"));
    let fix = "connect as salus_app, or as a role that is granted salus_app and nothing more";
    let refusal = if row.get("superuser") {
        Some(format!(
            "the role {role} is a superuser: row-level security does not bind it, and every tenant would see every row; {fix}"
        ))
    } else if row.get("bypass") {
        Some(format!("the role {role} has BYPASSRLS: every tenant would see every row; {fix}"))
    } else if row.get("owner") {
        Some(format!(
            "the role {role} owns the tables or may become their owner: it could switch protection off; {fix}"
        ))
    } else if !allow_old {
        crate::cluster::version_refusal(version)
    } else {
        None
    };
    refusal.map_or(Ok(()), |why| Err(Error::Unavailable(format!("refusing to serve: {why}"))))
}
