//! The statements of the queue. Times are the database's own, so that nodes whose clocks differ agree on leases. What is
//! claimed, prolonged and given back is the kernel's book-keeping and leaves no audit event; what a job does leaves one.

use super::{Jobs, Retry, Task};
use crate::{Db, Tx, seal::sha256};
use salus_core::{Ctx, Error, Result};
use serde_json::Value;
use std::{collections::HashSet, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// Events that are handed to their listeners in one transaction.
const EVENTS: i64 = 200;
/// After this many deaths of its worker a job is set aside.
const CRASHES: i32 = 2;

/// Whether a tenant has anything to be done. One read, because most tenants have nothing most of the time.
pub(super) async fn is_due(db: &Db, jobs: &Jobs, tenant: Uuid) -> Result<bool> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let sql = "SELECT EXISTS (SELECT FROM kernel.outbox WHERE done_at IS NULL AND due_at <= clock_timestamp()) \
        OR EXISTS (SELECT FROM kernel.jobs WHERE state = 'waiting' AND due_at <= clock_timestamp() AND job = ANY($1)) \
        OR EXISTS (SELECT FROM kernel.jobs WHERE state = 'running' AND lease_until < clock_timestamp()) \
        OR EXISTS (SELECT FROM kernel.schedules WHERE NOT is_paused AND next_run_at <= clock_timestamp() AND job = ANY($1))";
    let due = tx.run(sql, &[&jobs.names()]).await?.first().is_some_and(|r| r.get(0));
    tx.finish_unrecorded().await?;
    Ok(due)
}

/// Makes a job for each listener of each event that waits. An event and its jobs commit together, so an event is
/// neither lost nor handed over twice.
pub(super) async fn hand_over(tx: &mut Tx, jobs: &Jobs) -> Result<()> {
    let sql = "SELECT id, event, row_id, body FROM kernel.outbox WHERE done_at IS NULL AND due_at <= clock_timestamp() \
               ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED";
    let events = tx.run(sql, &[&EVENTS]).await?;
    if events.is_empty() {
        return Ok(());
    }
    let happened: HashSet<&str> = events.iter().map(|e| e.get("event")).collect();
    let happened: Vec<&str> = happened.into_iter().collect();
    let mut unwanted = HashSet::new();
    for (job, wanted) in jobs.asking() {
        let of_job = |event: &&&str| jobs.listeners(event).contains(&job);
        let told: Vec<&str> = happened.iter().filter(of_job).copied().collect();
        if told.is_empty() {
            continue;
        }
        let wanted = wanted(tx, &told).await?;
        unwanted.extend(told.into_iter().filter(|event| !wanted.iter().any(|w| w == event)).map(|event| (job, event)));
    }
    let (mut ids, mut names, mut keys, mut causes, mut rows, mut bodies) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for event in &events {
        let (id, name): (Uuid, &str) = (event.get("id"), event.get("event"));
        for job in jobs.listeners(name).iter().filter(|job| !unwanted.contains(&(**job, name))) {
            ids.push(tx.ctx.env.id());
            names.push(*job);
            keys.push(id.to_string());
            causes.push(name);
            rows.push(event.get::<_, Option<Uuid>>("row_id"));
            bodies.push(event.get::<_, Value>("body"));
        }
    }
    if !ids.is_empty() {
        let sql = "INSERT INTO kernel.jobs (id, job, natural_key, event, row_id, body) \
                   SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::jsonb[]) \
                   ON CONFLICT (tenant_id, job, natural_key) DO NOTHING";
        tx.run_unmarked(sql, &[&ids, &names, &keys, &causes, &rows, &bodies]).await?;
    }
    let done: Vec<Uuid> = events.iter().map(|e| e.get("id")).collect();
    tx.run_unmarked(
        "UPDATE kernel.outbox SET done_at = clock_timestamp(), attempts = attempts + 1 WHERE id = ANY($1)",
        &[&done],
    )
    .await?;
    Ok(())
}

/// Takes back what a worker has that no longer says that it lives: it died, or it lost the database. The first time the
/// job is begun again, the second time it is set aside, because it may be what the worker died of.
pub(super) async fn take_back(tx: &mut Tx) -> Result<()> {
    let sql = "UPDATE kernel.jobs SET crashes = crashes + 1, lease_until = NULL, error_class = 'worker_died', \
                 state = CASE WHEN crashes + 1 >= $1 THEN 'quarantined' ELSE 'waiting' END, \
                 finished_at = CASE WHEN crashes + 1 >= $1 THEN clock_timestamp() END \
               WHERE state = 'running' AND lease_until < clock_timestamp() RETURNING job::text, state::text";
    for row in tx.run_unmarked(sql, &[&CRASHES]).await? {
        let (job, state): (&str, &str) = (row.get(0), row.get(1));
        tracing::warn!(job, state, "a worker lost its job");
    }
    Ok(())
}

/// Claims the job that has been due longest.
pub(super) async fn claim(tx: &mut Tx, jobs: &Jobs, lease: Duration) -> Result<Option<Task>> {
    let sql = "UPDATE kernel.jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, \
                 lease_until = clock_timestamp() + $2 * interval '1 millisecond' \
               WHERE id = (SELECT id FROM kernel.jobs WHERE state = 'waiting' AND due_at <= clock_timestamp() AND job = ANY($1) \
                           ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) \
               RETURNING id, job::text, natural_key, event, row_id, body, attempts, fence";
    let rows = tx.run_unmarked(sql, &[&jobs.names(), &millis(lease)]).await?;
    Ok(rows.first().map(|r| Task {
        id: r.get("id"),
        job: r.get("job"),
        key: r.get("natural_key"),
        event: r.get("event"),
        row: r.get("row_id"),
        body: r.get("body"),
        attempt: r.get("attempts"),
        fence: r.get("fence"),
    }))
}

/// Says that the worker lives; whether the job is still its own.
pub(super) async fn prolong(db: &Db, tenant: Uuid, task: &Task, lease: Duration) -> Result<bool> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let held = hold(&mut tx, task, lease).await?;
    tx.finish_unrecorded().await?;
    Ok(held)
}

/// The same within a transaction, which then has the row to itself until it ends.
pub(super) async fn hold(tx: &mut Tx, task: &Task, lease: Duration) -> Result<bool> {
    let sql = "UPDATE kernel.jobs SET lease_until = clock_timestamp() + $3 * interval '1 millisecond' \
               WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING id";
    Ok(!tx.run_unmarked(sql, &[&task.id, &task.fence, &millis(lease)]).await?.is_empty())
}

/// Says in the transaction of the effect that the job is done.
///
/// # Errors
/// [`Error::Conflict`] when another worker has it by now: then the effect must not commit.
pub(super) async fn complete(tx: &mut Tx, task: &Task) -> Result<()> {
    let sql = "UPDATE kernel.jobs SET state = 'done', lease_until = NULL, error_class = NULL, finished_at = clock_timestamp() \
               WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING id";
    if tx.run_unmarked(sql, &[&task.id, &task.fence]).await?.is_empty() { Err(lost()) } else { Ok(()) }
}

/// The job is another worker's by now.
pub(super) fn lost() -> Error {
    Error::Conflict { code: "lease_lost", detail: "Another worker has this job by now".into() }
}

/// Lays a failed job down until its next attempt, or for good.
pub(super) async fn lay_down(db: &Db, tenant: Uuid, task: &Task, retry: Retry, class: &str) -> Result<()> {
    let dead = task.attempt >= retry.most;
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let sql = "UPDATE kernel.jobs SET lease_until = NULL, error_class = $3, \
                 state = CASE WHEN $4 THEN 'dead' ELSE 'waiting' END, \
                 finished_at = CASE WHEN $4 THEN clock_timestamp() END, \
                 due_at = clock_timestamp() + $5 * interval '1 millisecond' \
               WHERE id = $1 AND fence = $2 AND state = 'running'";
    let rest = rest(task, retry);
    tx.run_unmarked(sql, &[&task.id, &task.fence, &class, &dead, &millis(rest)]).await?;
    tx.finish_unrecorded().await
}

/// Gives a job back that was not finished because the node stops.
pub(super) async fn give_back(db: &Db, tenant: Uuid, task: &Task) -> Result<()> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let sql = "UPDATE kernel.jobs SET state = 'waiting', lease_until = NULL, attempts = attempts - 1 \
               WHERE id = $1 AND fence = $2 AND state = 'running'";
    tx.run_unmarked(sql, &[&task.id, &task.fence]).await?;
    tx.finish_unrecorded().await
}

/// How long is waited after this attempt: twice as long each time, and between half and one and a half of that, so that
/// what failed together does not come back together.
fn rest(task: &Task, retry: Retry) -> Duration {
    let doubled = retry.rest.saturating_mul(1 << u32::try_from(task.attempt - 1).unwrap_or(0).min(20));
    let by_chance = sha256(&[task.id.as_bytes(), &task.attempt.to_be_bytes()])[0];
    doubled.mul_f64(0.5 + f64::from(by_chance) / 255.0)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Tx {
    /// Queues a job that is asked for ([`super::When::Asked`]), not before `due` when that is given. The same job with
    /// the same key is queued once, whatever became of it. `body` holds ids and codes, no health data. The caller must
    /// reach the whole tenant; others emit an event.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enqueue(
        &mut self,
        job: &'static str,
        key: &str,
        body: Value,
        due: Option<OffsetDateTime>,
    ) -> Result<()> {
        let id = self.ctx.env.id();
        let sql = "INSERT INTO kernel.jobs (id, job, natural_key, body, due_at) \
                   VALUES ($1, $2::text, $3, $4, coalesce($5, clock_timestamp())) \
                   ON CONFLICT (tenant_id, job, natural_key) DO NOTHING";
        self.run_unmarked(sql, &[&id, &job, &key, &body, &due]).await?;
        self.wake();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_and_differ() {
        let task = |attempt, n| Task {
            id: Uuid::from_u128(n),
            job: String::new(),
            key: String::new(),
            event: None,
            row: None,
            body: Value::Null,
            attempt,
            fence: 0,
        };
        let retry = Retry::default();
        for attempt in 1..8 {
            let middle = retry.rest * (1 << (attempt - 1));
            let rests: Vec<Duration> = (0..50).map(|n| rest(&task(attempt, n), retry)).collect();
            assert!(rests.iter().all(|r| *r >= middle / 2 && *r <= middle * 3 / 2), "{attempt}: {rests:?}");
            assert!(rests.iter().any(|r| *r < middle) && rests.iter().any(|r| *r > middle), "{attempt}: all alike");
        }
    }
}
