//! Rows that refer to a row which is not there. PostgreSQL does not let them come to be while its triggers are on; a
//! restore with triggers off, a repair by hand or a broken disk can. Counted for every tenant under its own wall.

use crate::{Db, walls::SCRATCH_NAMES};
use salus_core::{Error, Result};
use serde::Serialize;
use tokio_postgres::Client;
use uuid::Uuid;

/// A reference that some rows break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// Constraint, as `schema.table constraint`.
    pub reference: String,
    /// The tenant whose rows these are; nil for a table of all tenants.
    pub tenant: Uuid,
    /// How many rows have no parent.
    pub rows: i64,
}

/// What was counted.
#[derive(Debug, Clone, Serialize)]
pub struct Counted {
    /// References.
    pub references: usize,
    /// Tenants.
    pub tenants: usize,
    /// References with orphans.
    pub orphans: Vec<Orphans>,
}

/// Every reference between tables this role may read, with the condition that joins both sides.
const REFERENCES: &str = "SELECT k.conrelid::regclass::text || ' ' || k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text, \
      string_agg(format('p.%I = c.%I', b.attname, a.attname), ' AND ' ORDER BY x.ord), \
      string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ' ORDER BY x.ord), \
      bool_or(a.attname = 'tenant_id') \
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid, unnest(k.conkey, k.confkey) WITH ORDINALITY x (own, other, ord), pg_attribute a, pg_attribute b \
   WHERE k.contype = 'f' AND k.conparentid = 0 AND a.attrelid = k.conrelid AND a.attnum = x.own \
     AND b.attrelid = k.confrelid AND b.attnum = x.other \
     AND has_schema_privilege(t.relnamespace, 'USAGE') AND has_schema_privilege(r.relnamespace, 'USAGE') \
     AND has_table_privilege(k.conrelid, 'SELECT') AND has_table_privilege(k.confrelid, 'SELECT') \
   GROUP BY k.oid, k.conrelid, k.confrelid, k.conname ORDER BY 1";

impl Db {
    /// Counts orphans of every reference, tenant by tenant.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn orphans(&self) -> Result<Counted> {
        let mut client = self.connect_apart().await?;
        let rows = client.query(REFERENCES, &[]).await.map_err(Error::internal)?;
        let of_tenants: Vec<String> = rows.iter().filter(|r| r.get(5)).map(count_sql).collect();
        let of_all: Vec<String> = rows.iter().filter(|r| !r.get::<_, bool>(5)).map(count_sql).collect();
        // Scratch tenants of proofs were emptied before they were closed.
        let sql = "SELECT id FROM kernel.tenants WHERE NOT (state = 'closed' AND is_demo AND slug ~ $1) ORDER BY id";
        let tenants = client.query(sql, &[&SCRATCH_NAMES]).await.map_err(Error::internal)?;
        let mut orphans = count(&mut client, Uuid::nil(), &of_all).await?;
        for tenant in &tenants {
            orphans.extend(count(&mut client, tenant.get(0), &of_tenants).await?);
        }
        Ok(Counted { references: rows.len(), tenants: tenants.len(), orphans })
    }
}

fn count_sql(reference: &tokio_postgres::Row) -> String {
    let text = |i: usize| reference.get::<_, &str>(i);
    format!(
        "SELECT '{}'::text, count(*) FROM {} c WHERE {} AND NOT EXISTS (SELECT FROM {} p WHERE {})",
        text(0).replace('\'', "''"),
        text(1),
        text(4),
        text(2),
        text(3)
    )
}

async fn count(client: &mut Client, tenant: Uuid, counts: &[String]) -> Result<Vec<Orphans>> {
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let tx = client.build_transaction().read_only(true).start().await.map_err(Error::internal)?;
    let who = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
    tx.query_one(who, &[&tenant.to_string()]).await.map_err(Error::internal)?;
    let rows = tx.query(&counts.join(" UNION ALL "), &[]).await.map_err(Error::internal)?;
    tx.commit().await.map_err(Error::internal)?;
    let found = rows.iter().map(|r| Orphans { reference: r.get(0), tenant, rows: r.get(1) });
    Ok(found.filter(|o| o.rows > 0).collect())
}
