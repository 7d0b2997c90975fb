//! The audit log as a list: who did what, to which rows, and how it ended; above it, how far the log is sealed.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::{codes, format},
    layout::{self, Head},
    parts::{self, Pager, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditView {
    /// Filters, sent as query parameters of the same names.
    pub filter: Filter,
    /// Events, latest first.
    pub rows: Vec<Event>,
    /// Neighbouring pages.
    pub pager: Pager,
    /// How far the log is sealed; none where the person may not know.
    pub seal: Option<Seal>,
}

/// Which events are shown. None of these holds health data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// First day, ISO 8601.
    pub from: String,
    /// Last day, ISO 8601.
    pub to: String,
    /// Name of the operation.
    pub action: String,
    /// Table, such as `medical.patients`.
    pub target: String,
    /// Id of the actor.
    pub actor: String,
    /// `success`, `refused`, `failed` or empty.
    pub outcome: String,
}

/// One event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Id.
    pub id: String,
    /// ISO 8601.
    pub recorded_at: String,
    /// Id of the actor.
    pub actor_id: String,
    /// Name of the actor.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// On which table.
    pub target: String,
    /// On which rows; more than shown is counted.
    pub rows: Vec<String>,
    /// How many rows in all.
    pub row_count: u64,
    /// Purpose code.
    pub purpose: String,
    /// Channel code.
    pub channel: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// By which rules it was refused, in words.
    pub why: Vec<String>,
    /// Number of the request.
    pub request: String,
}

/// How far the Merkle log is sealed and checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seal {
    /// Events under the latest signed checkpoint.
    pub size: u64,
    /// When it was signed, ISO 8601.
    pub sealed_at: String,
    /// When the log was last verified, ISO 8601; empty if never.
    pub verified_at: String,
    /// Whether that verification held.
    pub holds: bool,
    /// Where the checkpoint is anchored outside the database.
    pub anchored: Vec<String>,
}

/// The page.
#[must_use]
pub fn render(view: &AuditView, shell: &Shell) -> Markup {
    let t = shell.t();
    layout::page(
        shell,
        &Head::new(t.data.audit),
        &html! {
            header class="page-head" {
                div { h1 { (t.data.audit) } p class="lead" { (t.data.audit_lead) } }
                a class="button quiet" href="/audit/alerts" { (t.alerts.link) }
            }
            @if let Some(seal) = &view.seal { (sealed(seal, shell)) }
            (filters(&view.filter, shell))
            @if view.rows.is_empty() { (parts::empty(t.ui.no_rows, t.ui.no_rows_hint, Some(("/audit", t.ui.clear)))) }
            @else { (table(&view.rows, shell)) }
            (parts::pager(shell, &view.pager, view.rows.len()))
        },
    )
}

fn sealed(seal: &Seal, shell: &Shell) -> Markup {
    let t = &shell.t().data;
    let (tone, words) = match (seal.verified_at.is_empty(), seal.holds) {
        (true, _) => (Tone::Warn, t.never_verified),
        (false, true) => (Tone::Good, t.log_holds),
        (false, false) => (Tone::Bad, t.log_broken),
    };
    html! {
        div class="card seal" {
            (parts::facts(&[
                (t.integrity, html! { (parts::badge(shell, tone, words)) " " (parts::moment(shell, &seal.verified_at)) }),
                (t.sealed_events, html! { (format::count(shell.locale, seal.size)) }),
                (t.sealed_at, parts::moment(shell, &seal.sealed_at)),
                (t.anchored, html! { @if seal.anchored.is_empty() { "–" } @else { (seal.anchored.join(", ")) } }),
            ]))
        }
    }
}

fn filters(f: &Filter, shell: &Shell) -> Markup {
    let t = shell.t();
    let fields = [
        Field::new("from", t.data.from, Kind::Date, &f.from),
        Field::new("to", t.data.to, Kind::Date, &f.to),
        Field::new("action", t.data.action, Kind::Text, &f.action),
        Field::new("target", t.data.table, Kind::Text, &f.target),
        Field::new("outcome", t.data.outcome, Kind::Choice, &f.outcome).codes(&["success", "refused", "failed"]),
    ];
    html! {
        form class="filters" method="get" action="/audit" {
            @if !f.actor.is_empty() { input type="hidden" name="actor" value=(f.actor); }
            @for field in &fields { (form::field(shell, field)) }
            div class="filter-actions" {
                button class="button" type="submit" { (t.ui.filter) }
                a class="button quiet" href="/audit" { (t.ui.clear) }
            }
        }
    }
}

fn table(rows: &[Event], shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        table class="grid stack" data-keys {
            (parts::heads(&[t.people.when, t.data.who, t.data.action, t.data.rows, t.data.purpose, t.data.outcome, t.ui.request]))
            tbody {
                @for e in rows {
                    tr class=[(e.outcome == "refused").then_some("refused")] {
                        th scope="row" class="date" { (parts::moment(shell, &e.recorded_at)) }
                        td data-label=(t.data.who) {
                            @if e.actor_id.is_empty() { (e.actor) } @else {
                                a href={ "/audit?actor=" (e.actor_id) } { (e.actor) }
                            }
                        }
                        td data-label=(t.data.action) { code { (e.action) } span class="sub" { (e.target) } }
                        td data-label=(t.data.rows) { (row_links(e)) }
                        td data-label=(t.data.purpose) {
                            (codes::label(shell.locale, &e.purpose)) span class="sub" {
                                (codes::label(shell.locale, &e.channel))
                            }
                        }
                        td data-label=(t.data.outcome) {
                            (parts::status(shell, &e.outcome))
                            @for said in &e.why { span class="sub" { (said) } }
                        }
                        td data-label=(t.ui.request) { code class="id" title=(e.request) { (tail(&e.request)) } }
                    }
                }
            }
        }
    }
}

fn row_links(e: &Event) -> Markup {
    let more = e.row_count.saturating_sub(e.rows.len() as u64);
    html! {
        @if e.rows.is_empty() { "–" }
        @for row in &e.rows {
            a class="id" href={ "/browse/" (e.target.replace('.', "/")) "/" (row) } title=(row) { (tail(row)) } " "
        }
        @if more > 0 && !e.rows.is_empty() { span class="muted" { "+" (more) } }
    }
}

/// The last eight letters of an id: of a `UUIDv7` these differ, the first ones are the time.
fn tail(id: &str) -> &str {
    id.char_indices().nth_back(7).map_or(id, |(at, _)| &id[at..])
}
