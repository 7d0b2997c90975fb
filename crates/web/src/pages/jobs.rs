//! Background work as an administrator sees it: what was given up and waits for a person, what is queued, and what is done
//! at set times.

use super::{
    Shell, form,
    layout::{self, Head},
    parts::{self, Pager, Tab, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobsView {
    /// `given_up`, `waiting` or `done`.
    pub shown: String,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Neighbouring pages.
    pub pager: Pager,
    /// What is done at set times.
    pub schedules: Vec<Schedule>,
    /// Whether the person may retry, discard and pause.
    pub may_manage: bool,
}

/// One job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Job {
    pub id: String,
    pub job: String,
    pub state: String,
    pub attempts: u64,
    pub error_class: String,
    pub due_at: String,
}

/// One schedule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Schedule {
    pub id: String,
    pub job: String,
    pub cron: String,
    pub is_paused: bool,
    pub next_run_at: String,
    pub last_run_at: String,
}

/// The page. Forms: POST `/jobs/{id}/retry`, `/jobs/{id}/discard`, `/jobs/schedules/{id}` (`is_paused`).
#[must_use]
pub fn render(view: &JobsView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let tab = |label: &str, name: &str| Tab {
        label: label.into(),
        href: format!("/jobs?show={name}"),
        current: view.shown == name,
        count: None,
    };
    let tabs = [tab(t.given_up, "given_up"), tab(t.waiting, "waiting"), tab(t.done, "done")];
    layout::page(
        shell,
        &Head::new(t.jobs),
        &html! {
            header class="page-head" { div { h1 { (t.jobs) } p class="lead" { (t.jobs_lead) } } }
            (parts::tabs(shell, t.jobs, &tabs))
            @if view.jobs.is_empty() { (parts::empty(t.no_jobs, "", None)) } @else {
                div class="card" { (jobs(view, shell)) }
                (parts::pager(shell, &view.pager, view.jobs.len()))
            }
            (parts::card("schedules", t.schedules, &html! {}, &schedules(view, shell)))
        },
    )
}

fn jobs(view: &JobsView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    html! {
        table class="grid plain stack" {
            (parts::heads_then(&[t.job, t.state, t.attempts, t.error, t.due], t.retry))
            tbody {
                @for job in &view.jobs {
                    tr {
                        th scope="row" { a href={ "/browse/kernel/jobs/" (job.id) } { code { (job.job) } } }
                        td data-label=(t.state) { (parts::status(shell, &job.state)) }
                        td data-label=(t.attempts) { (job.attempts) }
                        td data-label=(t.error) { @if !job.error_class.is_empty() { code { (job.error_class) } } }
                        td data-label=(t.due) { (parts::moment(shell, &job.due_at)) }
                        td class="end" { @if view.may_manage { (actions(job, shell)) } }
                    }
                }
            }
        }
    }
}

fn actions(job: &Job, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let button = |label: &str, class: &str| {
        html! { button class=(class) type="submit" { (label) span class="unseen" { ": " (job.job) } } }
    };
    html! {
        @if !matches!(&*job.state, "running" | "done") {
            (form::post(shell, &format!("/jobs/{}/retry", job.id), "inline", &button(t.retry, "button quiet")))
        }
        @if matches!(&*job.state, "waiting" | "dead" | "quarantined") {
            (form::post(shell, &format!("/jobs/{}/discard", job.id), "inline", &button(t.discard, "button quiet danger")))
        }
    }
}

fn schedules(view: &JobsView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    html! {
        @if view.schedules.is_empty() { p class="none" { (t.no_jobs) } } @else {
            table class="grid plain stack" {
                (parts::heads_then(&[t.job, t.cron, t.next_run, t.last_run], t.pause))
                tbody {
                    @for s in &view.schedules {
                        tr {
                            th scope="row" { code { (s.job) } }
                            td data-label=(t.cron) {
                                @if s.cron.is_empty() { span class="muted" { (t.usual) } } @else { code { (s.cron) } }
                            }
                            td data-label=(t.next_run) {
                                @if s.is_paused { (parts::badge(shell, Tone::Warn, t.paused)) } @else { (parts::moment(shell, &s.next_run_at)) }
                            }
                            td data-label=(t.last_run) {
                                @if s.last_run_at.is_empty() { (t.never) } @else { (parts::moment(shell, &s.last_run_at)) }
                            }
                            td class="end" {
                                @if view.may_manage { (pause(s, shell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pause(s: &Schedule, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let body = html! {
        input type="hidden" name="is_paused" value=(if s.is_paused { "false" } else { "true" });
        button class="button quiet" type="submit" {
            (if s.is_paused { t.resume } else { t.pause }) span class="unseen" { ": " (s.job) }
        }
    };
    form::post(shell, &format!("/jobs/schedules/{}", s.id), "inline", &body)
}
