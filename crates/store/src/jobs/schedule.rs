//! Work at set times: when it is done next stands in the database, so a node that was away misses nothing and two nodes
//! do nothing twice. Times that were missed are made up for once, not each.

use super::{Cron, Jobs, Zone};
use crate::Tx;
use salus_core::{Error, Result};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Gives each job that comes back a row in the tenant's schedules, if it has none.
pub(super) async fn prepare(tx: &mut Tx, jobs: &Jobs) -> Result<()> {
    let sql = "SELECT job::text FROM kernel.schedules";
    let known: Vec<String> = tx.run(sql, &[]).await?.iter().map(|r| r.get(0)).collect();
    let new: Vec<(&str, &str)> = jobs.timers().filter(|(name, _)| !known.iter().any(|k| k == name)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let (zone, now) = (zone(tx, jobs).await?, now(tx).await?);
    for (name, cron) in new {
        let (id, next) = (tx.ctx.env.id(), Cron::parse(cron)?.next(&zone, now)?);
        let sql = "INSERT INTO kernel.schedules (id, job, next_run_at) VALUES ($1, $2::text, $3) \
                   ON CONFLICT (tenant_id, job) DO NOTHING";
        tx.run(sql, &[&id, &name, &next]).await?;
    }
    Ok(())
}

/// Queues what is due, and says when it is due next.
pub(super) async fn queue_due(tx: &mut Tx, jobs: &Jobs) -> Result<()> {
    let names: Vec<&str> = jobs.timers().map(|(name, _)| name).collect();
    let sql = "SELECT id, job::text, cron, next_run_at FROM kernel.schedules \
               WHERE NOT is_paused AND next_run_at <= clock_timestamp() AND job = ANY($1) FOR UPDATE SKIP LOCKED";
    let due = tx.run(sql, &[&names]).await?;
    if due.is_empty() {
        return Ok(());
    }
    let (zone, now) = (zone(tx, jobs).await?, now(tx).await?);
    for row in due {
        let (id, name, at): (Uuid, &str, OffsetDateTime) = (row.get("id"), row.get("job"), row.get("next_run_at"));
        let usual = jobs.timers().find(|(n, _)| *n == name).map_or("", |(_, cron)| cron);
        let next = Cron::parse(row.get::<_, Option<&str>>("cron").unwrap_or(usual))?.next(&zone, now)?;
        let key = at.format(&Rfc3339).map_err(Error::internal)?;
        let sql = "INSERT INTO kernel.jobs (id, job, natural_key, body) VALUES ($1, $2::text, $3, $4) \
                   ON CONFLICT (tenant_id, job, natural_key) DO NOTHING";
        let job = tx.ctx.env.id();
        tx.run(sql, &[&job, &name, &key, &json!({ "at": key })]).await?;
        let sql = "UPDATE kernel.schedules SET last_run_at = $2, next_run_at = $3 WHERE id = $1";
        tx.run(sql, &[&id, &at, &next]).await?;
    }
    Ok(())
}

/// The database's clock, as every node sees it.
async fn now(tx: &mut Tx) -> Result<OffsetDateTime> {
    let rows = tx.run("SELECT clock_timestamp()", &[]).await?;
    rows.first().map(|r| r.get(0)).ok_or_else(|| Error::internal("the database has no clock"))
}

async fn zone(tx: &mut Tx, jobs: &Jobs) -> Result<Zone> {
    Ok(Zone::named(&(jobs.zone)(tx).await?))
}
