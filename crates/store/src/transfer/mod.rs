//! One tenant in a file of its own: every row, with its keys, encrypted (age) to whoever shall open it. It is read and written
//! as the serving role under row-level security, so that nothing of another tenant can get into it, nor out of it.
//!
//! The clear text is lines of JSON: a head, batches of rows of one table each in the order in which they refer to each other,
//! and an end with the numbers of rows, the SHA-256 of all before, and a code under the root key. Sealed values stay sealed;
//! the tenant key lies beside them in clear, inside the encryption. Ids stay: what is sealed is bound to tenant and row.

mod erase;
mod export;
mod import;

pub(crate) use erase::TENANT;
pub use erase::TenantErased;
pub use export::{Exported, export};
pub use import::{Imported, Source, import};

use crate::{Catalog, Db, catalog::Table};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio_postgres::Client;
use uuid::Uuid;

/// The layout described above. Another number is refused.
const FORMAT: u32 = 1;
/// Rows of one line.
const BATCH: i64 = 200;
/// Tables that are told and not brought in again. The audit log is one log of a whole installation, and its events cannot be put
/// into another's; what waits for workers and what was answered before belongs to the place where it was.
const STAYS: [&str; 3] = ["kernel.outbox", "kernel.jobs", "kernel.idempotency_keys"];

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    salus_tenant: u32,
    tenant: Uuid,
    slug: String,
    is_demo: bool,
    /// When it was read; a change committed later is not in it.
    at: String,
    program: String,
    /// Number and checksum of every applied migration: rows fit into the same schema only.
    migrations: Vec<(i32, String)>,
    root_key: String,
}

/// One line of rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    table: String,
    rows: Vec<serde_json::Value>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    end: BTreeMap<String, u64>,
    sha256: String,
    code: String,
}

fn is_brought_in(table: &Table) -> bool {
    table.schema() != "audit" && !STAYS.contains(&table.name.as_str())
}

/// A tenant's tables so that those a row refers to come first.
fn in_order(catalog: &Catalog) -> Vec<&Table> {
    let mut todo: Vec<&Table> = catalog.tables().filter(|t| !t.shared).collect();
    let mut done: Vec<&Table> = Vec::with_capacity(todo.len());
    while !todo.is_empty() {
        let stands = |t: &&Table| {
            t.references.values().all(|target| *target == t.name || !todo.iter().any(|other| other.name == *target))
        };
        // A circle has no beginning: what is wrong with it is told when rows are brought in.
        let next = todo.iter().position(stands).unwrap_or(0);
        done.push(todo.remove(next));
    }
    done
}

/// A connection that acts for one tenant until its transaction ends.
async fn begin(client: &Client, tenant: Uuid, how: &str) -> Result<()> {
    let sql = format!(
        "BEGIN {how}; SET LOCAL salus.tenant = '{tenant}'; SET LOCAL salus.scope = 'tenant'; \
         SET LOCAL salus.actor = '{}'; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1",
        Uuid::nil()
    );
    client.batch_execute(&sql).await.map_err(|e| failed(&e))
}

async fn migrations(client: &Client) -> Result<Vec<(i32, String)>> {
    let sql = "SELECT version, checksum FROM kernel.migrations WHERE state = 'applied' ORDER BY version";
    Ok(client.query(sql, &[]).await.map_err(|e| failed(&e))?.iter().map(|r| (r.get(0), r.get(1))).collect())
}

/// A failure of the database without its text, which can hold values.
fn failed(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(e) => Error::Unavailable(format!(
            "the database refuses a row ({}{})",
            e.constraint().map(|c| format!("{c}, ")).unwrap_or_default(),
            e.code().code()
        )),
        None => Error::Unavailable("the connection to the database broke".into()),
    }
}

impl Db {
    /// Serves a tenant no more, or again. Nobody signs in and no key works while it is suspended; its rows stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `tenant`; [`Error::Conflict`] for one that is in another state.
    pub async fn set_tenant_state(&self, slug: &str, (from, to): (&'static str, &'static str)) -> Result<Uuid> {
        let found = self.tenants().await?.into_iter().find(|t| t.slug == slug);
        let tenant =
            found.ok_or_else(|| Error::invalid("tenant", "no_such_record", format!("There is no tenant {slug}")))?;
        if tenant.state != from {
            let detail = format!("The tenant {slug} is {}, not {from}", tenant.state);
            return Err(Error::Conflict { code: "wrong_state", detail });
        }
        let mut tx = self.begin(salus_core::Ctx::operator(self.env(), salus_core::PLATFORM), false).await?;
        let sql = "UPDATE kernel.tenants SET state = $2::text WHERE id = $1 AND state = $3::text RETURNING 1";
        if tx.run(sql, &[&tenant.id, &to, &from]).await?.is_empty() {
            return Err(Error::Stale);
        }
        tx.on_row(tenant.id);
        let action = if to == "active" { "kernel.tenant.resume" } else { "kernel.tenant.suspend" };
        tx.commit(action, "kernel.tenants").await?;
        Ok(tenant.id)
    }
}
