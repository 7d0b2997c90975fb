//! The place of a proof, or of a demonstration that is being loaded: one at a time in a database, and nothing left behind
//! that the application may remove, even when the one before was killed.

use crate::{Db, catalog::Table};
use salus_core::{Error, Result};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

/// The right to plant tenants that do not stay as they are, held until it is dropped or the process dies.
pub struct Site {
    client: Client,
}

/// Names of scratch tenants, and of demonstrations that are not loaded whole; both are demonstration tenants besides.
pub const SCRATCH_NAMES: &str = "^(prove-[ab]|demo)-[0-9a-f]{8}$";

impl Site {
    /// Claims the place.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another proof runs in this database.
    pub async fn claim(db: &Db) -> Result<Self> {
        let client = db.connect_apart().await?;
        let sql = "SELECT pg_try_advisory_lock(hashtextextended('salus/prove', 0))";
        let row = client.query_one(sql, &[]).await.map_err(Error::internal)?;
        if !row.get::<_, bool>(0) {
            let detail =
                "Another proof runs in this database, or a demonstration is being loaded: wait until it has ended"
                    .into();
            return Err(Error::Conflict { code: "proof_running", detail });
        }
        Ok(Self { client })
    }

    /// Claims the place as soon as it is free.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn wait(db: &Db) -> Result<Self> {
        let client = db.connect_apart().await?;
        let sql = "SELECT pg_advisory_lock(hashtextextended('salus/prove', 0))";
        client.query_one(sql, &[]).await.map_err(Error::internal)?;
        Ok(Self { client })
    }

    /// Tenants that a killed proof or loading left.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn left_behind(&self) -> Result<Vec<Uuid>> {
        let sql = "SELECT id FROM kernel.tenants WHERE is_demo AND state <> 'closed' AND slug ~ $1";
        let rows = self.client.query(sql, &[&SCRATCH_NAMES]).await.map_err(Error::internal)?;
        Ok(rows.iter().map(|r| r.get(0)).collect())
    }
}

/// Removes every row of a scratch tenant that the application may remove, with its keys, and closes the tenant.
/// Returns the names of tables that still hold rows: those that let none go.
///
/// # Errors
/// [`Error::Conflict`] for a tenant that is none of ours; those of the database.
pub async fn remove(db: &Db, tenant: Uuid) -> Result<Vec<String>> {
    empty(db, tenant, &format!("is_demo AND slug ~ '{SCRATCH_NAMES}'")).await
}

/// Tables that may be changed and refuse that rows go, such as alerts that a person decides about.
async fn keeping(tx: &Transaction<'_>) -> Result<Vec<String>> {
    // 1: for each row, 8: of a DELETE.
    let sql = "SELECT n.nspname || '.' || c.relname FROM pg_trigger g \
               JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE g.tgfoid = to_regprocedure('kernel.refuse_change()') AND g.tgtype & 9 = 9 AND g.tgenabled IN ('O', 'A')";
    let rows = tx.query(sql, &[]).await.map_err(Error::internal)?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}

/// The same of a tenant that meets this condition on its row, which is part of the program's text.
pub(crate) async fn empty(db: &Db, tenant: Uuid, condition: &str) -> Result<Vec<String>> {
    let mut client = db.connect_apart().await?;
    let tx = client.transaction().await.map_err(Error::internal)?;
    let sql = format!(
        "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true), \
         EXISTS (SELECT FROM kernel.tenants WHERE id = $2 AND ({condition}))"
    );
    let row = tx.query_one(&sql, &[&tenant.to_string(), &tenant]).await.map_err(Error::internal)?;
    if !row.get::<_, bool>(2) {
        let detail = "This tenant is not removed this way".into();
        return Err(Error::Conflict { code: "not_removable", detail });
    }
    let keeping = keeping(&tx).await?;
    let goes = |t: &&Table| !t.shared && !t.append_only && !keeping.contains(&t.name);
    let mut todo: Vec<&str> = db.catalog().tables().filter(goes).map(|t| t.name.as_str()).collect();
    // A table can be emptied once those that refer to it are: rounds, until one gets no further.
    loop {
        let mut stuck = Vec::new();
        for table in &todo {
            let sql = format!("SAVEPOINT emptied; DELETE FROM {table} WHERE tenant_id = '{tenant}'");
            if tx.batch_execute(&sql).await.is_err() {
                tx.batch_execute("ROLLBACK TO emptied").await.map_err(Error::internal)?;
                stuck.push(*table);
            }
        }
        if stuck.is_empty() || stuck.len() == todo.len() {
            todo = stuck;
            break;
        }
        todo = stuck;
    }
    if !todo.is_empty() {
        return Err(Error::internal(format!("rows of a tenant cannot be removed from {}", todo.join(", "))));
    }
    let mut kept = Vec::new();
    for table in db.catalog().tables().filter(|t| !t.shared) {
        let sql = format!("SELECT EXISTS (SELECT FROM {} WHERE tenant_id = '{tenant}')", table.name);
        if tx.query_one(&sql, &[]).await.map_err(Error::internal)?.get(0) {
            kept.push(table.name.clone());
        }
    }
    tx.execute("UPDATE kernel.tenants SET state = 'closed' WHERE id = $1", &[&tenant])
        .await
        .map_err(Error::internal)?;
    tx.commit().await.map_err(Error::internal)?;
    db.forget_keys(tenant);
    Ok(kept)
}
