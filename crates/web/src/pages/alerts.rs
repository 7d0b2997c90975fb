//! Signs of tampering: those that somebody must look at, each with the form of who decides, and those that are closed.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Pager},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertsView {
    /// Not closed, newest first.
    pub open: Vec<Alert>,
    /// Closed, newest first.
    pub closed: Vec<Alert>,
    /// Neighbouring pages of those that are closed.
    pub pager: Pager,
    /// Whether this person may decide.
    pub may_decide: bool,
    /// What was wrong with a decision, beside the alert it was about.
    pub refused: Refused,
}

/// One alert.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Alert {
    pub id: String,
    pub created_at: String,
    pub kind: String,
    pub what: String,
    pub table_name: String,
    pub row_id: String,
    pub leaf_index: String,
    pub event_id: String,
    pub state: String,
    pub decided_at: String,
    pub decided_by: String,
    pub reason: String,
}

/// A decision that was refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// The alert.
    pub id: String,
    /// What was given as the reason.
    pub reason: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// The page.
#[must_use]
pub fn render(view: &AlertsView, shell: &Shell) -> Markup {
    let t = &shell.t().alerts;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (t.lead) } }
                a class="button quiet" href="/audit" { (shell.t().data.audit) }
            }
            // What was decided about in the meantime has no form any more beside which it could be said.
            @if !view.open.iter().any(|a| a.id == view.refused.id) { (form::summary(shell, &view.refused.message, &[])) }
            (parts::card("open", t.open, &html! {}, &html! {
                @if view.open.is_empty() { (parts::empty(t.none_open, t.none_open_hint, None)) }
                @for alert in &view.open { (open(alert, view, shell)) }
            }))
            (parts::card("closed", t.closed, &html! {}, &html! {
                @if view.closed.is_empty() { p class="hint" { (t.none_closed) } } @else { (closed(&view.closed, shell)) }
                (parts::pager(shell, &view.pager, view.closed.len()))
            }))
        },
    )
}

fn open(a: &Alert, view: &AlertsView, shell: &Shell) -> Markup {
    let t = &shell.t().alerts;
    let mut rows = vec![(t.found, parts::moment(shell, &a.created_at)), (t.about, about(a))];
    if !a.reason.is_empty() {
        rows.push((t.last_said, html! { (a.reason) " " (parts::moment(shell, &a.decided_at)) }));
    }
    html! {
        section aria-labelledby={ "a-" (a.id) } {
            h3 id={ "a-" (a.id) } { (codes::label(shell.locale, &a.kind)) " " (parts::status(shell, &a.state)) }
            p { (a.what) }
            (parts::facts(&rows))
            @if view.may_decide { (decide(a, &view.refused, shell)) }
        }
    }
}

fn decide(a: &Alert, refused: &Refused, shell: &Shell) -> Markup {
    let t = &shell.t().alerts;
    let mine = refused.id == a.id;
    let mut field = Field::new("reason", t.reason, Kind::Text, if mine { &refused.reason } else { "" })
        .required()
        .hint(t.reason_hint);
    // Several forms stand on this page: the label finds its control by a name of its own, the server by another.
    field.name = format!("reason-{}", a.id);
    if mine {
        field.error.clone_from(&refused.message);
    }
    let body = html! {
        (form::field(shell, &field))
        div class="form-actions" {
            @if a.state == "OPEN" {
                button class="button" type="submit" name="decision" value="acknowledge" { (t.acknowledge) }
            }
            button class="button primary" type="submit" name="decision" value="close" { (t.close) }
        }
    };
    form::post(shell, &format!("/audit/alerts/{}", a.id), "form", &body)
}

fn about(a: &Alert) -> Markup {
    html! {
        @if !a.table_name.is_empty() { code { (a.table_name) } " " code class="id" { (a.row_id) } }
        @else if !a.event_id.is_empty() { code class="id" { (a.event_id) } }
        @else if !a.leaf_index.is_empty() { code { (a.leaf_index) } }
        @else { "–" }
    }
}

fn closed(alerts: &[Alert], shell: &Shell) -> Markup {
    let t = &shell.t().alerts;
    html! {
        table class="grid stack" {
            (parts::heads(&[t.found, t.kind, t.about, t.reason, t.closed_at]))
            tbody {
                @for a in alerts {
                    tr {
                        th scope="row" class="date" { (parts::moment(shell, &a.created_at)) }
                        td data-label=(t.kind) { (codes::label(shell.locale, &a.kind)) }
                        td data-label=(t.about) { (about(a)) }
                        td data-label=(t.reason) { (a.reason) }
                        td data-label=(t.closed_at) { (parts::moment(shell, &a.decided_at)) }
                    }
                }
            }
        }
    }
}
