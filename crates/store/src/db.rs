//! The database as the server holds it: pool, catalogue, keys. Opening it proves first that the role and the engine
//! can be trusted with row-level security.

use crate::{
    Address, Catalog, Tx,
    address::unreachable,
    audit::{Group, Log, Writer},
    erase::Ledger,
    fault_point,
    jobs::Wake,
    pool::{Connections, Pool},
    replica::Replicas,
    room::Room,
    seal::{Persons, RootKey, TenantKeys},
    tx::failure,
    unit::Unit,
};
use salus_core::{Ctx, Env, Error, PLATFORM, Result};
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio_postgres::Client;
use uuid::Uuid;

/// How to open a database.
pub struct Options {
    /// Connection as `salus_app` or a role like it.
    pub address: Address,
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

/// A tenant in the list of tenants.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses and commands.
    pub slug: String,
    /// Whether it is served.
    pub state: String,
    /// Whether it is a demonstration.
    pub is_demo: bool,
}

pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) replicas: Option<Replicas>,
    address: Address,
    pub(crate) catalog: Catalog,
    pub(crate) writer: Writer,
    pub(crate) env: Env,
    root: RwLock<Arc<RootKey>>,
    tenants: RwLock<HashMap<Uuid, Held>>,
    /// Persons' keys that were opened lately.
    pub(crate) persons: Arc<Persons>,
    /// The list of erased persons outside the database.
    ledger: OnceLock<Ledger>,
    /// The sealed audit log, where this process reaches it.
    log: OnceLock<Arc<Log>>,
    /// Audit events of reads that are about to be written, by tenant.
    pub(crate) groups: Mutex<HashMap<Uuid, Arc<Group>>>,
    /// Room on the disk of the database.
    pub(crate) room: Room,
    /// Tenants with new work for the dispatcher of this node.
    pub(crate) wake: Wake,
    /// Hashes of the built statements whose plans connections keep.
    kept: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

/// A tenant's keys, and since when they are believed.
#[derive(Clone)]
struct Held {
    keys: Arc<TenantKeys>,
    since: Instant,
}

/// How long keys in memory are believed before they are read again. Every process knows a new key after that time, which
/// is what an exchange waits for before it is used.
pub(crate) const KEYS_BELIEVED: Duration = Duration::from_secs(3);

/// Built statements whose plans are kept. Which columns a body names is the caller's choice, so their texts are
/// without number, and each costs memory on every connection.
const KEPT: usize = 500;

impl Db {
    /// Connects, checks that the role cannot pass row-level security by, reads the catalogue and takes a writer
    /// number for the audit log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do, when the database cannot be reached or must not be trusted.
    pub async fn open(options: Options) -> Result<Self> {
        Self::open_with_replicas(options, Vec::new()).await
    }

    /// The same with streaming replicas, which answer what only reads (see `replica`). One that cannot be reached, or is
    /// none, keeps nothing from being served: the primary answers.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_with_replicas(options: Options, replicas: Vec<Address>) -> Result<Self> {
        let pool = Connections::pool(options.address.clone(), options.connections, Duration::from_secs(5))
            .map_err(Error::internal)?;
        // One of its own: what is prepared by name here goes with it, which a pooler between demands.
        let client = options.address.connect().await?;
        if options.address.pooled {
            client.batch_execute("BEGIN").await.map_err(|e| unreachable(&e))?;
        }
        refuse_unsafe(&client, options.allow_old_postgres).await?;
        let catalog = Catalog::load(&client).await?;
        let row = client.query_one("SELECT nextval('audit.writer_ids')::int4", &[]).await.map_err(Error::internal)?;
        let payload = catalog.table("audit.activity_logs")?.column("payload").map_or(0, |c| c.column_id);
        let writer = Writer::new(&options.root, row.get(0), payload, &options.env)?;
        drop(client);
        let replicas = (!replicas.is_empty()).then(|| Replicas::new(replicas, options.connections)).transpose()?;
        let (address, env, root) = (options.address, options.env, options.root);
        let db = Self(Arc::new(Shared {
            pool,
            replicas,
            address,
            catalog,
            writer,
            env,
            root: RwLock::new(Arc::new(root)),
            tenants: RwLock::default(),
            persons: Arc::default(),
            ledger: OnceLock::new(),
            log: OnceLock::new(),
            groups: Mutex::default(),
            room: Room::default(),
            wake: Wake::default(),
            kept: Mutex::default(),
            hasher: RandomState::new(),
        }));
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

    /// Tells of each transaction of this node that has committed with an event or a job, by its tenant: for those who
    /// show what is new. A listener that falls behind is told that it missed some.
    #[must_use]
    pub fn commits(&self) -> tokio::sync::broadcast::Receiver<Uuid> {
        self.0.wake.listen()
    }

    /// Keeps receipts of committed audit events in this folder from now on: where the database's administrators
    /// cannot write, they show what was removed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be written.
    pub fn keep_receipts(&self, folder: &std::path::Path) -> Result<()> {
        self.0.writer.keep_receipts(folder)
    }

    /// Puts the receipts so far on the disk: before a head is given away that speaks of their events (`spec` B1.4).
    pub fn sync_receipts(&self) {
        self.0.writer.sync_receipts();
    }

    /// Writes persons who are erased into this list, before they are. Without one nobody is erased.
    pub fn keep_erasures(&self, ledger: Ledger) {
        // The place does not change while a program runs.
        self.0.ledger.set(ledger).ok();
    }

    /// Gives out proofs from the sealed log from now on, which it reaches as the role `salus_sealer` there.
    pub fn keep_log(&self, sealer: Address) {
        self.0.log.set(Arc::new(Log::new(sealer, self.root(), self.env().clone()))).ok();
    }

    /// The sealed audit log.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it is not reached.
    pub fn log(&self) -> Result<Arc<Log>> {
        let detail = "The sealed audit log is not reached from here: set DATABASE_SEALER_URL";
        self.0.log.get().cloned().ok_or_else(|| Error::Conflict { code: "not_sealed", detail: detail.into() })
    }

    pub(crate) fn ledger(&self) -> Result<&Ledger> {
        self.0
            .ledger
            .get()
            .ok_or_else(|| Error::Unavailable("there is no erasure ledger: nobody is erased without one".into()))
    }

    /// Connections in use, open, and allowed.
    #[must_use]
    pub fn pool_status(&self) -> (usize, usize, usize) {
        let s = self.0.pool.status();
        (s.size.saturating_sub(s.available), s.size, s.max_size)
    }

    /// Ends the connections of the pool; from now on there are none. Waits a moment for the farewell of each, which a
    /// task of its own sends.
    pub async fn close(&self) {
        self.0.pool.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// A connection of its own, outside the pool and gone when it is dropped: for proofs, locks and measurements.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none to be had.
    pub(crate) async fn connect_apart(&self) -> Result<Client> {
        self.0.address.connect().await
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
        crate::lint::check(&self.0.address.connect_to_read().await?).await
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
        fault_point!("begin.keys_known");
        Ok(Tx::new(self.clone(), ctx, keys, read_only))
    }

    /// Makes a tenant with its keys, in one transaction: a tenant without keys could never be used.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`] when it is no name.
    pub async fn create_tenant(&self, slug: &str, is_demo: bool) -> Result<Uuid> {
        let id = self.0.env.id();
        let ctx = Ctx::operator(&self.0.env, PLATFORM);
        let mut unit = Unit::new(&self.0.pool, &ctx, false);
        let sql = "INSERT INTO kernel.tenants (id, slug, is_demo) VALUES ($1, $2, $3)";
        unit.query(sql, &[&id, &slug, &is_demo], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        fault_point!("tenant.row_made");
        self.insert_keys(id, &mut unit).await?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        fault_point!("tenant.made");
        Ok(id)
    }

    /// Gives a demonstration, which was loaded under a name of passage, its own. The database renames no other tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub async fn name_demo(&self, tenant: Uuid, slug: &str) -> Result<()> {
        let mut tx = self.begin(Ctx::operator(&self.0.env, tenant), false).await?;
        tx.run("UPDATE kernel.tenants SET slug = $2::text WHERE id = $1", &[&tenant, &slug]).await?;
        tx.on_row(tenant);
        tx.commit("kernel.demo.load", "kernel.tenants").await
    }

    /// All tenants by name, the platform itself left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::operator(&self.0.env, PLATFORM), true);
        let sql = "SELECT id, slug, state::text, is_demo FROM kernel.tenants WHERE id <> '00000000-0000-0000-0000-000000000000' ORDER BY slug";
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        let tenant =
            |r: &tokio_postgres::Row| Tenant { id: r.get(0), slug: r.get(1), state: r.get(2), is_demo: r.get(3) };
        Ok(rows.iter().map(tenant).collect())
    }

    /// The tenant's keys, from memory when they are there and have seals left.
    pub(crate) async fn keys(&self, tenant: Uuid) -> Result<Arc<TenantKeys>> {
        let held = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        let keys = match held {
            Some(held) if held.since.elapsed() < KEYS_BELIEVED => held.keys,
            held => {
                let since = Instant::now();
                let held = held.map(|h| h.keys);
                let keys = Arc::new(self.load_keys(tenant, held.as_deref()).await?.ok_or(Error::NotFound)?);
                let mut tenants = self.0.tenants.write().unwrap_or_else(PoisonError::into_inner);
                // Several callers may have read them at the same time; the seals one of them reserved are not lost.
                match tenants.get(&tenant).filter(|other| held.is_none() || other.since > since) {
                    Some(other) if other.since.elapsed() < KEYS_BELIEVED => other.keys.clone(),
                    _ => tenants.entry(tenant).insert_entry(Held { keys, since }).get().keys.clone(),
                }
            }
        };
        if keys.classes().any(|k| k.active && k.wants_seals()) {
            self.reserve_seals(tenant, &keys).await?;
        }
        Ok(keys)
    }

    /// The newest keys of a tenant that are in memory, however old: a transaction that began before a key was made may
    /// meet a value that it sealed.
    pub(crate) fn newest_keys(&self, tenant: Uuid) -> Option<Arc<TenantKeys>> {
        self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).map(|held| held.keys.clone())
    }

    /// The root key.
    pub(crate) fn root(&self) -> Arc<RootKey> {
        self.0.root.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the root key's file again, in which another program may have put a new version.
    pub(crate) fn read_root_again(&self) -> Result<()> {
        if let Some(newer) = self.root().again()? {
            *self.0.root.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(newer);
        }
        Ok(())
    }

    /// Whether connections keep the plan of this built statement: the first few hundred do.
    pub(crate) fn keeps_plan(&self, sql: &str) -> bool {
        let hash = self.0.hasher.hash_one(sql);
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.contains(&hash) || (kept.len() < KEPT && kept.insert(hash))
    }

    /// Believes the keys in memory no longer, so that the next call reads them again.
    pub fn forget_keys(&self, tenant: Uuid) {
        if let Some(held) = self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).get_mut(&tenant) {
            held.since = held.since.checked_sub(KEYS_BELIEVED).unwrap_or(held.since);
        }
    }
}

/// Refuses roles that row-level security does not bind, and engines in which it has known holes.
///
/// # Errors
/// [`Error::Unavailable`] naming the role or version and what to do.
pub async fn refuse_unsafe(client: &Client, allow_old: bool) -> Result<()> {
    let row = client.query_one(include_str!("refuse_unsafe.sql"), &[]).await.map_err(|e| unreachable(&e))?;
    let role = Role {
        name: row.get("role"),
        is_superuser: row.get("superuser"),
        bypasses: row.get("bypass"),
        owns: row.get("owner"),
    };
    match unsafe_because(&role, row.get("version"), allow_old) {
        Some(why) => Err(Error::Unavailable(format!("refusing to serve: {why}"))),
        None => Ok(()),
    }
}

/// What the database says of the role that would serve.
struct Role {
    name: String,
    is_superuser: bool,
    bypasses: bool,
    owns: bool,
}

/// Why nothing is served by this role on this version of PostgreSQL, and what to do.
fn unsafe_because(Role { name, is_superuser, bypasses, owns }: &Role, version: i32, allow_old: bool) -> Option<String> {
    let fix = "let DATABASE_URL connect as salus_app, or as a role that is granted salus_app and nothing more, and give \
               the administrator's address to salus db in DATABASE_ADMIN_URL";
    if *is_superuser {
        return Some(format!(
            "the role {name} is a superuser: row-level security does not bind it, and every tenant would see every row; {fix}"
        ));
    }
    if *bypasses {
        return Some(format!("the role {name} has BYPASSRLS: every tenant would see every row; {fix}"));
    }
    if *owns {
        return Some(format!(
            "the role {name} owns the tables or may become their owner: it could switch protection off; {fix}"
        ));
    }
    if allow_old { None } else { crate::cluster::version_refusal(version) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_or_a_version_that_must_not_serve_is_refused_in_words_that_say_what_to_do() {
        let role = |is_superuser, bypasses, owns| Role { name: "r".into(), is_superuser, bypasses, owns };
        for (role, version, allow_old, says) in [
            (role(true, true, true), 180_000, true, "is a superuser"),
            (role(false, true, false), 180_000, true, "has BYPASSRLS"),
            (role(false, false, true), 180_000, true, "owns the tables"),
            (role(false, false, false), 150_013, false, "update it to 15.14"),
            (role(false, false, false), 160_009, false, "update it to 16.10"),
            (role(false, false, false), 170_005, false, "update it to 17.6"),
            (role(false, false, false), 140_020, false, "at least 15"),
        ] {
            let why = unsafe_because(&role, version, allow_old).unwrap_or_default();
            assert!(why.contains(says), "{why}");
        }
        assert_eq!(
            unsafe_because(&role(false, false, false), 150_013, true),
            None,
            "the explicit setting lifts the rule"
        );
        assert_eq!(unsafe_because(&role(false, false, false), 150_014, false), None);
    }
}
