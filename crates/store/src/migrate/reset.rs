//! Everything away and made anew. For demonstrations and development; refused where anybody's data could be.

use salus_core::{PLATFORM, Result};
use tokio_postgres::Client;

use super::{Applied, Files, identifier, lock, refused, run, said, status::Memory, unreadable};

/// Drops every schema of Salus with all it holds and migrates again.
///
/// Refused when the database is marked production, holds a tenant that is not a demo tenant, or cannot say.
pub async fn reset(client: &mut Client, files: &Files) -> Result<Vec<Applied>> {
    lock::take(client).await?;
    let dropped = drop_all(client).await;
    lock::release(client).await;
    dropped?;
    run::up(client, files, None).await
}

/// Checks and drops in one transaction, with the checked tables locked: no tenant can arrive in between.
async fn drop_all(client: &mut Client) -> Result<()> {
    let failed = |e: tokio_postgres::Error| unreadable("resetting the database", &e);
    let applied = !Memory::read(client).await?.migrations.is_empty();
    let tx = client.transaction().await.map_err(failed)?;
    tx.batch_execute("SET LOCAL lock_timeout = '3s'; SET LOCAL row_security = off").await.map_err(failed)?;
    let known = "SELECT to_regclass('kernel.installation') IS NOT NULL AND to_regclass('kernel.tenants') IS NOT NULL";
    if tx.query_one(known, &[]).await.map_err(failed)?.get(0) {
        tx.batch_execute("LOCK TABLE kernel.installation, kernel.tenants IN ACCESS EXCLUSIVE MODE")
            .await
            .map_err(|e| refused("in_use", format!("the database is in use: stop the server first ({})", said(&e))))?;
        let production = "SELECT count(*) = 0 OR bool_or(production) FROM kernel.installation";
        if tx.query_one(production, &[]).await.map_err(failed)?.get(0) {
            let why =
                "this database is marked production: it is never reset. Take it down by hand if that is what you mean";
            return Err(refused("production", why));
        }
        let sql =
            "SELECT slug FROM kernel.tenants WHERE NOT is_demo AND NOT (slug = 'platform' AND id = $1) ORDER BY slug";
        let real: Vec<String> = tx.query(sql, &[&PLATFORM]).await.map_err(failed)?.iter().map(|r| r.get(0)).collect();
        if let [first, ..] = &real[..] {
            let more = if real.len() > 1 { format!(" and {} more", real.len() - 1) } else { String::new() };
            let why =
                format!("this database holds the tenant {first}{more}, which is not a demo tenant: it is not reset");
            return Err(refused("holds_tenants", why));
        }
    } else if applied {
        let why = "migrations are applied but kernel.installation or kernel.tenants is gone, so nothing says whose data \
                   this is: run `salus db verify`";
        return Err(refused("unclear", why));
    }
    let sql = "SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
        WHERE r.rolname = 'salus_owner' AND n.nspname NOT IN ('public', 'extensions') ORDER BY 1";
    for row in tx.query(sql, &[]).await.map_err(failed)? {
        let drop = format!("DROP SCHEMA {} CASCADE", identifier(row.get(0)));
        tx.batch_execute(&drop).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}
