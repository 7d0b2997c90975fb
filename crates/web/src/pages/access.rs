//! "Who saw this record": every access to one person's data, refused ones included, for the people who answer for it
//! and for the person. Reading this page is itself an access.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Pager},
    record::{self, PatientHeader},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessView {
    /// Whose record.
    pub patient: PatientHeader,
    /// Filters, sent as query parameters `from`, `to` (dates) and `outcome`.
    pub filter: Filter,
    /// Who accessed it, most accesses first.
    pub people: Vec<Seer>,
    /// Accesses, latest first.
    pub rows: Vec<Access>,
    /// Neighbouring pages.
    pub pager: Pager,
    /// Where the events of these days are got with their proofs, for who may.
    pub proofs: Option<String>,
    /// The newest signed head of the audit log.
    pub log: Option<LogHead>,
}

/// A signed head of the audit log, as it stands under what is given out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogHead {
    /// Which log.
    pub origin: String,
    /// Its events.
    pub size: u64,
    /// Root over them, in base64.
    pub root: String,
}

/// Which accesses are shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// First day, ISO 8601.
    pub from: String,
    /// Last day, ISO 8601.
    pub to: String,
    /// `success`, `refused`, `failed` or empty.
    pub outcome: String,
}

/// One person or program and how often it accessed the record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seer {
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Accesses in the time shown.
    pub count: u64,
    /// The latest, ISO 8601.
    pub last_at: String,
}

/// One access.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// ISO 8601.
    pub at: String,
    /// Name of the person or program.
    pub who: String,
    /// Role held.
    pub role: String,
    /// What was done, such as `medical.patient.read`.
    pub action: String,
    /// Which columns were opened or changed.
    pub columns: Vec<String>,
    /// Purpose code.
    pub purpose: String,
    /// Channel code: `page`, `api`, `cli`, `job`.
    pub channel: String,
    /// Network address it came from.
    pub from: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// Why it was refused, or the reason given for a break-glass access.
    pub reason: String,
    /// Number of the request.
    pub request: String,
}

/// The page.
#[must_use]
pub fn render(view: &AccessView, shell: &Shell) -> Markup {
    let t = shell.t();
    let base = format!("/patients/{}", view.patient.id);
    let head = Head::new(t.people.who_saw).under(t.people.patients, "/patients").under(t.people.chart, &base);
    layout::page(
        shell,
        &head,
        &html! {
            (record::header(&view.patient, &html! {}, shell))
            header class="page-head" {
                div { h2 { (t.people.who_saw) } p class="lead" { (t.people.who_saw_lead) } }
                @if let Some(proofs) = &view.proofs { a class="button" href=(proofs) download { (t.people.get_proofs) } }
            }
            (filters(&view.filter, &format!("{base}/access"), shell))
            @if !view.people.is_empty() { (parts::card("seers", t.people.by_person, &html! {}, &seers(view, shell))) }
            @if view.rows.is_empty() {
                (parts::empty(t.people.nobody_saw, t.people.nobody_saw_hint, None))
            } @else {
                (parts::card("accesses", t.people.accesses, &html! {}, &accesses(&view.rows, shell)))
            }
            (parts::pager(shell, &view.pager, view.rows.len()))
            @if let Some(log) = &view.log { (stands_on(log, shell)) }
        },
    )
}

fn filters(filter: &Filter, action: &str, shell: &Shell) -> Markup {
    let t = shell.t();
    let fields = [
        Field::new("from", t.data.from, Kind::Date, &filter.from),
        Field::new("to", t.data.to, Kind::Date, &filter.to),
        Field::new("outcome", t.data.outcome, Kind::Choice, &filter.outcome).codes(&["success", "refused", "failed"]),
    ];
    html! {
        form class="filters" method="get" action=(action) {
            @for f in &fields { (form::field(shell, f)) }
            div class="filter-actions" { button class="button" type="submit" { (t.ui.filter) } }
        }
    }
}

fn seers(view: &AccessView, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        ul class="seers" {
            @for s in &view.people {
                li {
                    strong { (s.name) }
                    span class="muted" { (s.role) }
                    span class="push" {
                        @let times = if s.count == 1 { t.one_time } else { t.n_times };
                        (fill(times, &[("n", &format::count(shell.locale, s.count))]))
                    }
                    span class="muted small" { (parts::moment(shell, &s.last_at)) }
                }
            }
        }
    }
}

/// The head that this page stands on.
fn stands_on(log: &LogHead, shell: &Shell) -> Markup {
    let size = format::count(shell.locale, log.size);
    html! {
        p class="muted small" {
            (fill(shell.t().people.stands_on, &[("n", &size), ("log", &log.origin)])) " " code { (log.root) }
        }
    }
}

/// The table of accesses.
fn accesses(rows: &[Access], shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.people.when, t.data.who, t.data.what, t.data.purpose, t.data.from_where, t.data.outcome]))
            tbody {
                @for row in rows {
                    tr class=[(row.outcome == "refused").then_some("refused")] {
                        th scope="row" class="date" { (parts::moment(shell, &row.at)) }
                        td class="person" data-label=(t.data.who) { (row.who) span class="sub" { (row.role) } }
                        td data-label=(t.data.what) {
                            code { (row.action) }
                            @if !row.columns.is_empty() {
                                span class="sub chips" {
                                    @for column in &row.columns { span class="chip" { (codes::words(column)) } }
                                }
                            }
                        }
                        td data-label=(t.data.purpose) { (codes::label(shell.locale, &row.purpose)) }
                        td data-label=(t.data.from_where) {
                            (codes::label(shell.locale, &row.channel)) span class="sub id" { (row.from) }
                        }
                        td data-label=(t.data.outcome) {
                            (parts::status(shell, &row.outcome))
                            @if !row.reason.is_empty() { span class="sub" { (row.reason) } }
                        }
                    }
                }
            }
        }
    }
}
