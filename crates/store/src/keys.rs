//! The keys of tenants in the database: made with the tenant, loaded when it is first served, counted, listed and
//! checked. What they are in memory is in [`crate::seal`].

use crate::{
    Db,
    rotate::RotationRules,
    seal::{KeyClass, Loaded, RootKey, Secret, TenantKeys, Wrapping, key_aad, random_secret},
    tx::failure,
    unit::Unit,
};
use salus_core::{Ctx, Error, PLATFORM, Result};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

/// Seals that a process reserves at a time on a key, and the most that are ever made with one (`spec` B2.3): random
/// nonces of 96 bits may be drawn 2^32 times (SP 800-38D); we stop at half and advise an exchange at a quarter.
const SEAL_BLOCK: i64 = 1 << 20;
/// The first block of a process is smaller: most commands seal little, and what is reserved is spent.
const SEAL_FIRST: i64 = 1 << 18;
/// See [`SEAL_BLOCK`].
const SEAL_MOST: i64 = 1 << 31;
/// See [`SEAL_BLOCK`].
pub(crate) const SEAL_ADVISED: i64 = 1 << 30;

/// The setting that says when the recovery identity was last tried.
pub const ESCROW: &str = "keys.escrow";

/// One key as `salus keys status` lists it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct KeyLine {
    /// Name of its tenant.
    pub tenant: String,
    /// tenant, class or index.
    pub kind: String,
    /// What a class key seals.
    pub class: Option<String>,
    /// Counted up by rotation.
    pub generation: i32,
    /// `pending`, `active`, `decrypt_only`, `retired` or `destroyed`.
    pub state: String,
    /// Its number.
    pub key_no: i64,
    /// Since when it is active.
    pub activated_on: String,
    #[serde(skip)]
    activated_at: Option<OffsetDateTime>,
    /// Seals reserved on it so far.
    pub seals: i64,
}

/// What `salus keys doctor` found.
#[derive(Debug, Default, serde::Serialize)]
pub struct KeyReport {
    /// Keys that the key above them unwrapped.
    pub unwrapped: usize,
    /// Canaries that opened.
    pub canaries: usize,
    /// What is wrong, by tenant and key.
    pub problems: Vec<String>,
    /// What is not finished or due.
    pub notes: Vec<String>,
}

impl KeyLine {
    /// Days since it was taken into use.
    #[must_use]
    pub fn age_days(&self, now: OffsetDateTime) -> Option<i64> {
        self.activated_at.map(|at| (now - at).whole_days())
    }

    /// Why it should be exchanged; `None` when there is no reason to.
    #[must_use]
    pub fn advice(&self, now: OffsetDateTime, rules: RotationRules) -> Option<&'static str> {
        (self.state == "active").then(|| rules.advice(&self.kind, self.seals, self.age_days(now))).flatten()
    }
}

impl Db {
    /// The keys of every tenant, without the keys themselves.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn key_inventory(&self) -> Result<Vec<KeyLine>> {
        let mut lines = Vec::new();
        for (tenant, slug) in self.with_platform().await? {
            let sql = "SELECT key_no, kind::text, key_class::text, generation, state::text, activated_at, seal_count FROM kernel.keys \
                       ORDER BY kind DESC, key_class, generation";
            for row in self.key_rows(tenant, sql).await? {
                let since: Option<OffsetDateTime> = row.get("activated_at");
                let day = since.and_then(|at| at.format(format_description!("[year]-[month]-[day]")).ok());
                lines.push(KeyLine {
                    tenant: slug.clone(),
                    kind: row.get("kind"),
                    class: row.get("key_class"),
                    generation: row.get("generation"),
                    state: row.get("state"),
                    key_no: row.get("key_no"),
                    activated_on: day.unwrap_or_default(),
                    activated_at: since,
                    seals: row.get("seal_count"),
                });
            }
        }
        Ok(lines)
    }

    /// Unwraps every key of every tenant and opens every canary.
    ///
    /// # Errors
    /// Those of the database; a key that does not open is a line of the report.
    pub async fn check_keys(&self) -> Result<KeyReport> {
        let mut report = KeyReport::default();
        let closed: Vec<Uuid> = self.tenants().await?.iter().filter(|t| t.state == "closed").map(|t| t.id).collect();
        for (tenant, slug) in self.with_platform().await? {
            if !closed.contains(&tenant) {
                self.check_tenant_keys(tenant, &slug, &mut report).await?;
            }
        }
        let unlocked = self.root();
        if unlocked.versions() > 1 {
            let why =
                "the root key has an older version that is still in use: salus keys rewrap moves what lies under it";
            report.notes.push(why.into());
        }
        Ok(report)
    }

    async fn check_tenant_keys(&self, tenant: Uuid, slug: &str, report: &mut KeyReport) -> Result<()> {
        let sql = "SELECT key_no, kind::text, key_class::text, generation, state::text, wrapped, canary FROM kernel.keys \
                   WHERE state <> 'destroyed' ORDER BY kind = 'tenant' DESC, state = 'active' DESC, generation DESC";
        let rows = self.key_rows(tenant, sql).await?;
        let (root, mut above) = (self.root(), Vec::new());
        let mut wrapping = None;
        for row in rows {
            let key_no = row.get::<_, i64>("key_no").cast_unsigned();
            let (kind, wrapped): (&str, &[u8]) = (row.get("kind"), row.get("wrapped"));
            let class = row.get::<_, Option<&str>>("key_class").unwrap_or_default();
            let name = format!("{slug}: {kind} {class} key {key_no:016x}");
            let secret = if kind == "tenant" {
                root.open_tenant_key(tenant, key_no, wrapped)
            } else {
                if wrapping.is_none() {
                    wrapping = Some(Wrapping::new(above.iter().map(|(no, key)| (*no, key)))?);
                }
                wrapping.as_ref().map_or_else(
                    || Err(Error::internal("there is no tenant key above it")),
                    |w| w.unwrap(&key_aad(tenant, key_no, kind), wrapped),
                )
            };
            match secret {
                Err(e) => report.problems.push(format!("{name}: {e}")),
                Ok(secret) => {
                    report.unwrapped += 1;
                    if TenantKeys::check_canary(&secret, tenant, key_no, row.get("canary"))? {
                        report.canaries += 1;
                    } else {
                        report
                            .problems
                            .push(format!("{name}: its canary does not open: this is not the key it was made with"));
                    }
                    if kind == "tenant" {
                        above.push((key_no, secret));
                    }
                }
            }
        }
        if above.is_empty() {
            let why = format!("{slug}: there is no usable tenant key: its sealed values cannot be read");
            report.problems.push(why);
        }
        Ok(())
    }

    /// Notes in every tenant that a kept recovery identity opened the root key just now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_escrow(&self) -> Result<()> {
        for (tenant, _) in self.with_platform().await? {
            let mut tx = match self.begin(Ctx::operator(&self.0.env, tenant), false).await {
                // Closed, with its keys destroyed.
                Err(Error::NotFound) => continue,
                other => other?,
            };
            let sql = "INSERT INTO kernel.settings (id, name, value) VALUES ($1, $2, jsonb_build_object('verified_at', $3::timestamptz)) \
                       ON CONFLICT (tenant_id, name) DO UPDATE SET value = EXCLUDED.value";
            tx.run(sql, &[&self.0.env.id(), &ESCROW, &self.0.env.now()]).await?;
            tx.commit("kernel.escrow.check", "kernel.settings").await?;
        }
        Ok(())
    }

    pub(crate) async fn with_platform(&self) -> Result<Vec<(Uuid, String)>> {
        let all = self.tenants().await?.into_iter().map(|t| (t.id, t.slug));
        Ok([(PLATFORM, "platform".to_owned())].into_iter().chain(all).collect())
    }

    pub(crate) async fn key_rows(&self, tenant: Uuid, sql: &'static str) -> Result<Vec<tokio_postgres::Row>> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::system(&self.0.env, tenant), true);
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        Ok(rows)
    }

    /// Reads a tenant's keys. What `held` has unwrapped already asks no key above it.
    pub(crate) async fn load_keys(&self, tenant: Uuid, held: Option<&TenantKeys>) -> Result<Option<TenantKeys>> {
        let sql = "SELECT key_no, kind::text, key_class::text, generation, state::text, wrapped FROM kernel.keys \
                   WHERE state <> 'destroyed' ORDER BY kind = 'tenant' DESC, state = 'active' DESC, generation DESC";
        let rows = self.key_rows(tenant, sql).await?;
        let (mut loaded, mut above): (Vec<Loaded>, Vec<(u64, Secret)>) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|r| r.get::<_, &str>("kind") == "tenant") {
            let key_no = row.get::<_, i64>("key_no").cast_unsigned();
            let secret = match held.and_then(|h| h.secret(key_no)) {
                Some(secret) => secret.clone(),
                None => self.open_tenant_key(tenant, key_no, row.get("wrapped"))?,
            };
            above.push((key_no, secret));
        }
        let wrapping = Wrapping::new(above.iter().map(|(no, key)| (*no, key)))?;
        for row in &rows {
            let key_no = row.get::<_, i64>("key_no").cast_unsigned();
            let (kind, wrapped): (&str, &[u8]) = (row.get("kind"), row.get("wrapped"));
            let known =
                held.and_then(|h| h.secret(key_no)).or_else(|| above.iter().find(|k| k.0 == key_no).map(|k| &k.1));
            loaded.push(Loaded {
                key_no,
                kind: kind.to_owned(),
                class: row.get::<_, Option<&str>>("key_class").and_then(KeyClass::from_name),
                state: row.get("state"),
                generation: row.get("generation"),
                secret: match known {
                    Some(secret) => secret.clone(),
                    None => wrapping.unwrap(&key_aad(tenant, key_no, kind), wrapped)?,
                },
            });
        }
        if above.is_empty() {
            return Ok(None);
        }
        TenantKeys::new(tenant, (wrapping, self.0.persons.clone()), loaded, held)
    }

    /// Opens a tenant's key. Another program may have given the root key a new version since this one read it.
    fn open_tenant_key(&self, tenant: Uuid, key_no: u64, wrapped: &[u8]) -> Result<Secret> {
        if let Ok(secret) = self.root().open_tenant_key(tenant, key_no, wrapped) {
            return Ok(secret);
        }
        self.read_root_again()?;
        self.root().open_tenant_key(tenant, key_no, wrapped).map_err(|_| wrong_root())
    }

    /// Reserves seals on the keys in use that are short of them. A key that has sealed as many values as is safe gets
    /// none: what would seal with it is refused, what reads goes on.
    pub(crate) async fn reserve_seals(&self, tenant: Uuid, keys: &TenantKeys) -> Result<()> {
        let ctx = Ctx::system(&self.0.env, tenant);
        let mut unit = Unit::new(&self.0.pool, &ctx, false);
        for key in keys.classes().filter(|k| k.active && k.wants_seals()) {
            let sql = "UPDATE kernel.keys SET seal_count = seal_count + $2 WHERE key_no = $1 AND seal_count + $2 <= $3 RETURNING 1";
            let block = if key.is_unused() { SEAL_FIRST } else { SEAL_BLOCK };
            let params: crate::unit::Params<'_> = &[&key.key_no.cast_signed(), &block, &SEAL_MOST];
            if unit.query(sql, params, true).await.map_err(|f| failure(&self.0.catalog, f))?.is_empty() {
                key.exhaust();
            } else {
                key.add_reserved(block);
            }
        }
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))
    }

    /// Gives a tenant its keys if it has none: a tenant key under the root, class keys and an index key under it.
    pub(crate) async fn ensure_keys(&self, tenant: Uuid) -> Result<()> {
        if self.load_keys(tenant, None).await?.is_some() {
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
        self.insert_keys(tenant, &mut unit).await?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))
    }

    /// Makes all keys of a tenant inside a transaction, which acts for that tenant from here on.
    pub(crate) async fn insert_keys(&self, tenant: Uuid, unit: &mut Unit) -> Result<()> {
        self.read_root_again()?;
        let sql = "SELECT set_config('salus.tenant', $1, true)";
        unit.query(sql, &[&tenant.to_string()], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        for new in new_keys(&self.root(), tenant)? {
            new.insert(self, unit, "active").await?;
        }
        Ok(())
    }
}

/// A key that has no row yet.
pub(crate) struct NewKey {
    pub key_no: u64,
    pub kind: &'static str,
    pub class: Option<&'static str>,
    pub generation: i32,
    /// Name and version of the key above it.
    pub above: (&'static str, i32),
    pub wrapped: Vec<u8>,
    pub canary: Vec<u8>,
}

impl NewKey {
    /// A key under the tenant key in use, of which `above` is the generation.
    pub fn under(wrapping: &Wrapping, tenant: Uuid, kind: &'static str, class: Option<&'static str>) -> Result<Self> {
        let (key_no, secret) = (random_key_no()?, random_secret()?);
        let wrapped = wrapping.wrap(&key_aad(tenant, key_no, kind), &secret)?.0;
        let canary = TenantKeys::canary(&secret, tenant, key_no)?;
        Ok(Self { key_no, kind, class, generation: 1, above: ("tenant", 1), wrapped, canary })
    }

    /// A tenant's key under the root key.
    pub fn under_root(root: &RootKey, tenant: Uuid) -> Result<(Secret, Self)> {
        let (key_no, secret) = (random_key_no()?, random_secret()?);
        let wrapped = root.wrap_tenant_key(tenant, key_no, &secret)?.0;
        let canary = TenantKeys::canary(&secret, tenant, key_no)?;
        let above = ("root", i32::try_from(root.version()).map_err(Error::internal)?);
        Ok((secret, Self { key_no, kind: "tenant", class: None, generation: 1, above, wrapped, canary }))
    }

    pub async fn insert(&self, db: &Db, unit: &mut Unit, state: &str) -> Result<()> {
        let sql = "INSERT INTO kernel.keys (id, key_no, kind, key_class, generation, wrapped, wrap_kms, wrap_key_name, \
                   wrap_key_version, activated_at, canary, state) \
                   VALUES ($1, $2, $3::text, $4::text, $5, $6, 'file', $7, $8, $9, $10, $11::text)";
        let (id, key_no) = (db.0.env.id(), self.key_no.cast_signed());
        let since = (state == "active").then(|| db.0.env.now());
        let params: crate::unit::Params<'_> = &[
            &id,
            &key_no,
            &self.kind,
            &self.class,
            &self.generation,
            &self.wrapped,
            &self.above.0,
            &self.above.1,
            &since,
            &self.canary,
            &state,
        ];
        unit.query(sql, params, true).await.map(|_| ()).map_err(|f| failure(&db.0.catalog, f))
    }
}

fn new_keys(root: &RootKey, tenant: Uuid) -> Result<Vec<NewKey>> {
    let (secret, above) = NewKey::under_root(root, tenant)?;
    let wrapping = Wrapping::new(std::iter::once((above.key_no, &secret)))?;
    let mut keys = vec![above];
    for class in KeyClass::ALL {
        keys.push(NewKey::under(&wrapping, tenant, "class", Some(class.name()))?);
    }
    keys.push(NewKey::under(&wrapping, tenant, "index", None)?);
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
