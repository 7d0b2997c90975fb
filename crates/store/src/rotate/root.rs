//! The root key: a new version, everything it wraps under that version, and the older ones given up (`spec` A30). What
//! lies under the root are the keys of tenants and the seed of the audit log's signing key: a few rows, done at once.

use crate::{
    Db, fault_point,
    seal::{RootFile, RootKey},
    tx::failure,
    unit::Unit,
};
use salus_core::{Ctx, Error, Result};
use tokio_postgres::Client;
use uuid::Uuid;

/// What `salus keys rewrap` did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Rewrapped {
    /// The version that is in use.
    pub version: u64,
    /// Tenant keys that were put under it.
    pub tenant_keys: usize,
    /// Signing keys of the audit log that were put under it.
    pub log_keys: usize,
    /// Older versions that were given up.
    pub given_up: usize,
    /// A new recovery identity, where the file did not know whom the old one belongs to.
    pub recovery_identity: Option<String>,
}

impl Db {
    /// Gives the root key a new version, unless one is half-way, puts everything under it and gives the older ones up.
    /// Killed at any point, the next call goes on. `admin` may change the audit log's row of keys.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the file cannot be written; then nothing was changed.
    pub async fn rewrap_root(&self, file: &RootFile, admin: &Client) -> Result<Rewrapped> {
        let mut recovery_identity = None;
        if file.unlock()?.versions() == 1 {
            recovery_identity = file.add_version()?;
        }
        fault_point!("rewrap.version_made");
        self.read_root_again()?;
        let version = self.root().version();
        let mut tenant_keys = 0;
        // Twice: a tenant that another process made meanwhile may have been wrapped by what it had read before.
        for _ in 0..2 {
            for (tenant, _) in self.with_platform().await? {
                tenant_keys += self.rewrap_tenant(tenant).await?;
                fault_point!("rewrap.tenant_moved");
            }
        }
        let log_keys = rewrap_log(admin, &self.root()).await?;
        fault_point!("rewrap.log_moved");
        for (tenant, slug) in self.with_platform().await? {
            if self.under_older_root(tenant).await? > 0 {
                let why = format!("a key of {slug} is still under an older root key: run salus keys rewrap again");
                return Err(Error::Unavailable(why));
            }
        }
        let given_up = file.give_up_older()?;
        fault_point!("rewrap.given_up");
        self.read_root_again()?;
        Ok(Rewrapped { version, tenant_keys, log_keys, given_up, recovery_identity })
    }

    async fn rewrap_tenant(&self, tenant: Uuid) -> Result<usize> {
        let root = self.root();
        let version = i32::try_from(root.version()).map_err(Error::internal)?;
        let mut tx = self.begin_as_kernel(tenant);
        let sql = "SELECT key_no, wrapped FROM kernel.keys WHERE kind = 'tenant' AND state <> 'destroyed' AND wrap_key_version <> $1 FOR UPDATE";
        let fail = |f| failure(&self.0.catalog, f);
        let rows = tx.query(sql, &[&version], true).await.map_err(fail)?;
        for row in &rows {
            let key_no: i64 = row.get("key_no");
            let secret = root.open_tenant_key(tenant, key_no.cast_unsigned(), row.get("wrapped"))?;
            let wrapped = root.wrap_tenant_key(tenant, key_no.cast_unsigned(), &secret)?.0;
            let sql = "UPDATE kernel.keys SET wrapped = $2, wrap_key_version = $3 WHERE key_no = $1";
            tx.query(sql, &[&key_no, &wrapped, &version], true).await.map_err(fail)?;
        }
        tx.commit(&[]).await.map_err(fail)?;
        Ok(rows.len())
    }

    async fn under_older_root(&self, tenant: Uuid) -> Result<i64> {
        let version = i32::try_from(self.root().version()).map_err(Error::internal)?;
        let mut tx = self.begin_as_kernel(tenant);
        let sql = "SELECT count(*) FROM kernel.keys WHERE kind = 'tenant' AND state <> 'destroyed' AND wrap_key_version <> $1";
        let fail = |f| failure(&self.0.catalog, f);
        let rows = tx.query(sql, &[&version], true).await.map_err(fail)?;
        tx.commit(&[]).await.map_err(fail)?;
        Ok(rows.first().map_or(0, |r| r.get(0)))
    }

    fn begin_as_kernel(&self, tenant: Uuid) -> Unit {
        Unit::new(&self.0.pool, &Ctx::system(self.env(), tenant), false)
    }
}

/// Puts the audit log's signing keys under the newest version.
async fn rewrap_log(admin: &Client, root: &RootKey) -> Result<usize> {
    let rows = admin
        .query("SELECT id, wrapped FROM audit.signing_keys WHERE ended_epoch IS NULL", &[])
        .await
        .map_err(Error::internal)?;
    for row in &rows {
        let (id, old): (Uuid, &[u8]) = (row.get("id"), row.get("wrapped"));
        let new = root.rewrap_log_key(id, old)?.0;
        let sql = "UPDATE audit.signing_keys SET wrapped = $2 WHERE id = $1 AND wrapped = $3";
        admin.execute(sql, &[&id, &new, &old]).await.map_err(Error::internal)?;
    }
    Ok(rows.len())
}
