//! One migrator a database: a session-wide advisory lock, taken by asking again and again.
//!
//! Asking instead of waiting inside PostgreSQL matters: a session that waits in `pg_advisory_lock` holds a snapshot,
//! and `CREATE INDEX CONCURRENTLY` of the session that has the lock would wait for that snapshot for ever.

use std::time::Duration;

use salus_core::{Error, Result};
use tokio_postgres::Client;

use super::unreadable;

/// "salus db" as eight bytes.
const KEY: i64 = i64::from_be_bytes(*b"salus db");
const PAUSE: Duration = Duration::from_millis(100);
/// How long a node waits for another one's migration, in pauses: 30 minutes.
const PATIENCE: u32 = 18_000;

/// Waits until this session may migrate.
pub(crate) async fn take(client: &Client) -> Result<()> {
    for attempt in 0..PATIENCE {
        let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&KEY]).await;
        if row.map_err(|e| unreadable("taking the migration lock", &e))?.get(0) {
            return Ok(());
        }
        if attempt == 0 {
            tracing::info!("another node is migrating this database; waiting for it");
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Unavailable("another node has been migrating this database for 30 minutes: look at it first".into()))
}

/// Lets the next one migrate. A connection that is gone has let go of the lock already.
pub(crate) async fn release(client: &Client) {
    if let Err(error) = client.execute("SELECT pg_advisory_unlock($1)", &[&KEY]).await {
        tracing::debug!(error = super::said(&error), "the migration lock went with its connection");
    }
}

/// Whether a session other than this one is migrating.
pub(super) async fn held_elsewhere(client: &Client) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_locks
         WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid::bigint = $1::bigint >> 32 AND objid::bigint = $1::bigint & 4294967295 AND objsubid = 1)";
    let row = client.query_one(sql, &[&KEY]).await.map_err(|e| unreadable("looking for the migration lock", &e))?;
    Ok(row.get(0))
}
