//! Background work.

use super::{
    frame::{Form, Params, Shown, Visit, by_id, encoded, html},
    home::json_of,
};
use crate::pages::{
    jobs::{self, Job, JobsView, Schedule},
    parts::Pager,
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::{Call, Record};
use serde_json::{Value, json};

/// GET `/jobs`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let (shown, states) = match query.get("show").map(String::as_str) {
        Some("waiting") => ("waiting", "waiting,running"),
        Some("done") => ("done", "done,discarded"),
        _ => ("given_up", "dead,quarantined"),
    };
    let cursor = query.get("cursor").map_or("", String::as_str);
    let mut wanted = vec![("state.in", states), ("limit", "50")];
    if !cursor.is_empty() {
        wanted.push(("cursor", cursor));
    }
    let page = visit.page("kernel.job.list", &wanted).await.map_err(|e| visit.error(e))?;
    let schedules = visit.page("kernel.schedule.list", &[("limit", "200")]).await.map_err(|e| visit.error(e))?;
    let base = format!("/jobs?show={shown}");
    let view = JobsView {
        shown: shown.to_owned(),
        jobs: page.rows.iter().map(job).collect(),
        pager: Pager {
            first: (!cursor.is_empty()).then(|| base.clone()),
            next: page.next.as_ref().map(|c| format!("{base}&cursor={}", encoded(c))),
        },
        schedules: schedules.rows.iter().map(schedule).collect(),
        may_manage: visit.ctx.may("kernel.job.manage"),
    };
    Ok(html(&jobs::render(&view, &visit.shell)))
}

fn job(r: &Record) -> Job {
    Job {
        id: r.text("id").to_owned(),
        job: r.text("job").to_owned(),
        state: r.text("state").to_owned(),
        attempts: r.get("attempts").and_then(Value::as_u64).unwrap_or(0),
        error_class: r.text("error_class").to_owned(),
        due_at: r.text("due_at").to_owned(),
    }
}

fn schedule(r: &Record) -> Schedule {
    Schedule {
        id: r.text("id").to_owned(),
        job: r.text("job").to_owned(),
        cron: r.text("cron").to_owned(),
        is_paused: r.get("is_paused").and_then(Value::as_bool).unwrap_or(false),
        next_run_at: r.text("next_run_at").to_owned(),
        last_run_at: r.text("last_run_at").to_owned(),
    }
}

/// POST `/jobs/{id}/retry`.
pub async fn retry(Path(id): Path<String>, form: Form) -> Shown {
    settle(form, "kernel.job.retry", by_id(&id)).await
}

/// POST `/jobs/{id}/discard`.
pub async fn discard(Path(id): Path<String>, form: Form) -> Shown {
    settle(form, "kernel.job.discard", by_id(&id)).await
}

/// POST `/jobs/schedules/{id}`.
pub async fn set(Path(id): Path<String>, form: Form) -> Shown {
    let paused = match form.fields.get("is_paused").map(String::as_str) {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(form.visit.error(Error::invalid("is_paused", "wrong_type", "Is true or false"))),
    };
    settle(form, "kernel.schedule.set", Call { body: json!({ "is_paused": paused }), ..by_id(&id) }).await
}

async fn settle(form: Form, op: &str, call: Call) -> Shown {
    json_of(form.visit.call(op, call).await?);
    Ok(Redirect::to("/jobs").into_response())
}
