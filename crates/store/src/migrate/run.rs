//! Sends the steps of a plan: forward, back, and the first one of all.

use std::time::{Duration, Instant};

use salus_core::{Error, Result};
use tokio_postgres::{Client, error::SqlState};

use crate::fault_point;

use super::{
    Files, lock,
    plan::{self, Message, Step},
    position, refused, said, unreadable,
};

/// How often a step is tried again after waiting 3 s for a lock in vain.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The number of the migration, if the step was one.
    pub version: Option<i32>,
    /// The file, or what the step was.
    pub title: String,
    /// How long it took, with the time it waited for locks.
    pub duration: Duration,
}

/// Makes roles, extensions and the kernel's own tables. May be run any number of times.
///
/// The role of `client` must be able to create roles; on the embedded cluster it is the superuser.
pub async fn init(client: &mut Client, files: &Files) -> Result<Applied> {
    lock::take(client).await?;
    let done = run(client, &plan::bootstrap(files)).await;
    lock::release(client).await;
    done
}

/// Applies what is pending, up to and with `target`: the bootstrap and the functions when they changed, then the
/// migrations, then the partitions of the coming months. Waits while another node does the same.
pub async fn up(client: &mut Client, files: &Files, target: Option<i32>) -> Result<Vec<Applied>> {
    lock::take(client).await?;
    fault_point!("migration.locked");
    let done = match plan::plan(client, files, target).await {
        Ok(steps) => run_all(client, &steps).await,
        Err(error) => Err(error),
    };
    lock::release(client).await;
    done
}

/// Takes back every migration above `target`, newest first. A file whose way back loses data is refused, before
/// anything is run, unless `accept_data_loss`.
pub async fn down(client: &mut Client, files: &Files, target: i32, accept_data_loss: bool) -> Result<Vec<Applied>> {
    lock::take(client).await?;
    let done = match plan::backward(client, files, target, accept_data_loss).await {
        Ok(steps) => run_all(client, &steps).await,
        Err(error) => Err(error),
    };
    lock::release(client).await;
    done
}

/// Declares that the file of an applied migration, as it is now, is what was applied. For the rare case that a
/// person has compared both; the catalogue is compared at the next start all the same.
pub async fn accept(client: &mut Client, files: &Files, version: i32) -> Result<()> {
    let migration = files.migration(version).ok_or_else(|| {
        Error::invalid("migration", "unknown_migration", format!("there is no migration {version:05}"))
    })?;
    let sql = "UPDATE kernel.migrations SET checksum = $2 WHERE version = $1 AND state = 'applied'";
    let rows = client.execute(sql, &[&version, &migration.up.checksum]).await;
    match rows.map_err(|e| unreadable("accepting a changed file", &e))? {
        0 => Err(refused("not_applied", format!("{} is not applied", migration.up.name))),
        _ => Ok(()),
    }
}

/// Runs steps one after the other; what was done before one that fails stays done.
pub(super) async fn run_all(client: &Client, steps: &[Step]) -> Result<Vec<Applied>> {
    let mut done = Vec::new();
    for step in steps {
        let applied = run(client, step).await?;
        fault_point!("migration.done");
        tracing::info!(step = applied.title, milliseconds = applied.duration.as_millis(), "applied");
        done.push(applied);
    }
    Ok(done)
}

async fn run(client: &Client, step: &Step) -> Result<Applied> {
    let start = Instant::now();
    for message in &step.messages {
        if let Err(error) = send(client, message).await {
            if !step.in_transaction() {
                let _ = client.batch_execute(plan::OUT_OF_SESSION).await;
            }
            return Err(explain(step, message, &error));
        }
        fault_point!("migration.sent");
    }
    Ok(Applied { version: step.version, title: step.title.clone(), duration: start.elapsed() })
}

/// Sends one message, again while somebody else is in the way.
async fn send(client: &Client, message: &Message) -> Result<(), tokio_postgres::Error> {
    let mut attempt = 1;
    loop {
        let Err(error) = client.batch_execute(&message.sql).await else { return Ok(()) };
        if error.code().is_none() {
            return Err(error);
        }
        // The text begins a transaction of its own, which the error has left open; outside one this is a no-op.
        client.batch_execute("ROLLBACK").await?;
        if attempt == ATTEMPTS || !in_the_way(&error) {
            return Err(error);
        }
        tracing::info!(attempt, reason = said(&error), "trying again");
        tokio::time::sleep(PAUSE * attempt.min(8)).await;
        attempt += 1;
    }
}

/// A lock not given in time, a deadlock, or two databases of one cluster making the same roles at once.
fn in_the_way(error: &tokio_postgres::Error) -> bool {
    let Some(db) = error.as_db_error() else { return false };
    match *db.code() {
        SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED => true,
        SqlState::INTERNAL_ERROR => db.message().starts_with("tuple concurrently"),
        SqlState::UNIQUE_VIOLATION => db.table().is_some_and(|t| t.starts_with("pg_")),
        _ => false,
    }
}

fn explain(step: &Step, message: &Message, error: &tokio_postgres::Error) -> Error {
    let place = position(error).and_then(|at| message.place(at)).unwrap_or_else(|| step.title.clone());
    let kept = if step.in_transaction() {
        "nothing of this step was kept"
    } else {
        "this step runs outside a transaction and resumes with the next `salus db migrate`"
    };
    if error.code().is_none() {
        return Error::Unavailable(format!("{place}: {}; {kept}", said(error)));
    }
    match error.code() {
        Some(&SqlState::LOCK_NOT_AVAILABLE) => Error::Unavailable(format!(
            "{place}: another session holds a lock on a table this step changes; {kept}. End that session or try later"
        )),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => refused(
            "not_administrator",
            format!(
                "{place}: {}; {kept}. Connect as a role that may create roles and is a member of salus_owner",
                said(error)
            ),
        ),
        _ => refused("migration_failed", format!("{place}: {}; {kept}", said(error))),
    }
}
