//! The keys of tenants in the database: made with the tenant, loaded when it is first served, counted, listed and
//! checked. What they are in memory is in [`crate::seal`].

use crate::{
    Db,
    seal::{ClassKey, KeyClass, RootKey, Secret, TenantKeys, random_secret},
    tx::failure,
    unit::Unit,
};
use salus_core::{Ctx, Error, PLATFORM, Result};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

/// Seals that a process reserves at a time on a key (`spec` B2.3), and when it asks for more.
const SEAL_BLOCK: i64 = 1 << 20;
/// See [`SEAL_BLOCK`].
pub(crate) const SEAL_LOW: i64 = 1 << 17;

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
    /// Since when it is active.
    pub activated_on: String,
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
}

impl Db {
    /// The keys of every tenant, without the keys themselves.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn key_inventory(&self) -> Result<Vec<KeyLine>> {
        let mut lines = Vec::new();
        for (tenant, slug) in self.with_platform().await? {
            let sql = "SELECT kind::text, key_class::text, generation, state::text, activated_at, seal_count FROM kernel.keys \
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
                    activated_on: day.unwrap_or_default(),
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
            let sql = "SELECT key_no, kind::text, key_class::text, wrapped, canary FROM kernel.keys \
                       WHERE state IN ('pending', 'active', 'decrypt_only') ORDER BY kind = 'tenant' DESC";
            let mut above: Option<Secret> = None;
            let rows = self.key_rows(tenant, sql).await?;
            if rows.is_empty() && closed.contains(&tenant) {
                // Its keys were destroyed on purpose, as those of a scratch tenant of `salus prove` are.
                continue;
            }
            for row in rows {
                let key_no = row.get::<_, i64>("key_no").cast_unsigned();
                let (kind, wrapped): (&str, &[u8]) = (row.get("kind"), row.get("wrapped"));
                let name = format!(
                    "{slug}: {kind} {} key {key_no:016x}",
                    row.get::<_, Option<&str>>("key_class").unwrap_or_default()
                );
                let secret = match (&above, kind) {
                    (_, "tenant") => self.0.root.open_tenant_key(tenant, key_no, wrapped),
                    (Some(above), _) => TenantKeys::unwrap_key(above, tenant, key_no, kind, wrapped),
                    (None, _) => Err(Error::internal("there is no tenant key above it")),
                };
                match secret {
                    Err(e) => report.problems.push(format!("{name}: {e}")),
                    Ok(secret) => {
                        report.unwrapped += 1;
                        if TenantKeys::check_canary(&secret, tenant, key_no, row.get("canary"))? {
                            report.canaries += 1;
                        } else {
                            report.problems.push(format!(
                                "{name}: its canary does not open: this is not the key it was made with"
                            ));
                        }
                        if kind == "tenant" {
                            above = Some(secret);
                        }
                    }
                }
            }
            if above.is_none() {
                report
                    .problems
                    .push(format!("{slug}: there is no usable tenant key: its sealed values cannot be read"));
            }
        }
        Ok(report)
    }

    async fn with_platform(&self) -> Result<Vec<(Uuid, String)>> {
        let all = self.tenants().await?.into_iter().map(|t| (t.id, t.slug));
        Ok([(PLATFORM, "platform".to_owned())].into_iter().chain(all).collect())
    }

    async fn key_rows(&self, tenant: Uuid, sql: &'static str) -> Result<Vec<tokio_postgres::Row>> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::system(&self.0.env, tenant), true);
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        Ok(rows)
    }

    pub(crate) async fn load_keys(&self, tenant: Uuid) -> Result<Option<TenantKeys>> {
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
                    classes.push(ClassKey::new(key_no, class, row.get::<_, &str>("state") == "active", secret));
                }
                None => index = Some(secret),
            }
        }
        match (tenant_key, index) {
            (Some(above), Some(index)) => TenantKeys::new(tenant, &above, index, classes).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) async fn reserve_seals(&self, tenant: Uuid, keys: &TenantKeys) -> Result<()> {
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
    pub(crate) async fn ensure_keys(&self, tenant: Uuid) -> Result<()> {
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
