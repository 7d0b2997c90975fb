//! What an administrator does with background work: has a piece of it tried again at once, gives it up, and sets when work
//! that comes back is done.

use crate::clock;
use salus_core::{Error, Result};
use salus_store::{
    Call, Method, Op, Reply, Run, Tx,
    jobs::{Cron, Zone},
    run, sql,
};
use serde::Deserialize;
use serde_json::json;

/// The actions of this domain.
#[must_use]
pub fn actions() -> Vec<Op> {
    let op = |path: &str, name: &str, target: &'static str, summary: &str, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/kernel/{path}"),
        name: name.to_owned(),
        permission: "kernel.job.manage",
        summary: summary.to_owned(),
        target,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        op(
            "jobs/{id}/retry",
            "kernel.job.retry",
            "kernel.jobs",
            "Try a job again at once, with all its attempts; not one that runs or is done",
            run(|tx, call| Box::pin(retry(tx, call))),
        ),
        op(
            "jobs/{id}/discard",
            "kernel.job.discard",
            "kernel.jobs",
            "Give a job up; it can be retried later",
            run(|tx, call| Box::pin(discard(tx, call))),
        ),
        Op {
            input: Some(json!({
                "type": "object",
                "properties": {
                    "cron": {
                        "type": ["string", "null"],
                        "description": "Minute, hour, day, month and weekday in the organization's time zone; null as the program says",
                    },
                    "is_paused": {"type": "boolean"},
                },
                "additionalProperties": false,
            })),
            ..op(
                "schedules/{id}/set",
                "kernel.schedule.set",
                "kernel.schedules",
                "Set when work that comes back is done, or pause it",
                run(|tx, call| Box::pin(set(tx, call))),
            )
        },
    ]
}

async fn retry(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let sql = sql!(
        "UPDATE kernel.jobs SET state = 'waiting', attempts = 0, crashes = 0, error_class = NULL, finished_at = NULL, \
           due_at = clock_timestamp() WHERE id = $1 AND state NOT IN ('running', 'done') RETURNING id"
    );
    let done = tx.query_opt(sql, &[&id]).await?.is_some();
    settled(tx, id, "waiting", done).await
}

async fn discard(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let sql = sql!(
        "UPDATE kernel.jobs SET state = 'discarded', finished_at = clock_timestamp() \
         WHERE id = $1 AND state IN ('waiting', 'dead', 'quarantined') RETURNING id"
    );
    let done = tx.query_opt(sql, &[&id]).await?.is_some();
    settled(tx, id, "discarded", done).await
}

async fn settled(tx: &mut Tx, id: uuid::Uuid, state: &str, done: bool) -> Result<Reply> {
    if done {
        return Ok(Reply::json(json!({"id": id, "state": state})));
    }
    let row = tx.query_opt(sql!("SELECT state::text FROM kernel.jobs WHERE id = $1"), &[&id]).await?;
    let now: String = row.ok_or(Error::NotFound)?.get(0);
    Err(Error::Conflict { code: "wrong_state", detail: format!("This job is {now}: it is past that") })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::option_option, reason = "a null clears, and an absent member leaves as it is")]
struct Set {
    #[serde(default, deserialize_with = "given")]
    cron: Option<Option<String>>,
    is_paused: Option<bool>,
}

/// Tells a null, which clears, from nothing, which leaves as it is.
#[allow(clippy::option_option, reason = "as above")]
fn given<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(d).map(Some)
}

async fn set(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (id, wanted): (_, Set) = (call.id()?, call.input()?);
    let sql = sql!("SELECT job::text, cron, is_paused FROM kernel.schedules WHERE id = $1 FOR UPDATE");
    let row = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let (job, paused): (String, bool) = (row.get(0), wanted.is_paused.unwrap_or(row.get(2)));
    let cron: Option<String> = wanted.cron.unwrap_or_else(|| row.get(1));
    let next = match cron.as_deref() {
        // What was set for next stands; after it the program's own times hold again.
        None => None,
        Some(text) => Some(Cron::parse(text)?.next(&Zone::named(&crate::auth::timezone(tx).await?), tx.ctx.env.now())?),
    };
    let sql = sql!(
        "UPDATE kernel.schedules SET cron = $2, is_paused = $3, next_run_at = coalesce($4, next_run_at) WHERE id = $1"
    );
    tx.query(sql, &[&id, &cron, &paused, &next]).await?;
    let next = next.map(clock::text).transpose()?;
    Ok(Reply::json(json!({"id": id, "job": job, "cron": cron, "is_paused": paused, "next_run_at": next})))
}
