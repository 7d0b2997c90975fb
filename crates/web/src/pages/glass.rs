//! Emergency access: opening a record, what one has open, and the log with its reviews.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GlassView {
    /// Whether the person may open a record.
    pub may_open: bool,
    /// Whether the person may review.
    pub may_review: bool,
    /// What was entered into the form.
    pub form: OpenForm,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
    /// The access that was just opened.
    pub opened: Option<Opened>,
    /// Accesses, those to be reviewed first.
    pub rows: Vec<Row>,
}

/// The form that opens a record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the fields'")]
pub struct OpenForm {
    pub record_number: String,
    pub reason: String,
}

/// An access that was just opened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Opened {
    /// The person.
    pub patient_id: String,
    /// When it ends, ISO 8601.
    pub ends_at: String,
}

/// One access, as the operation `auth.glass.log` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Row {
    pub id: String,
    pub user_name: String,
    pub patient_id: String,
    pub pseudonym: String,
    pub reason: Option<String>,
    pub opened_at: String,
    pub ends_at: String,
    pub uses: u64,
    pub review_due_on: String,
    pub reviewed_at: Option<String>,
    pub reviewer_name: Option<String>,
    pub outcome: Option<String>,
    pub note: Option<String>,
    pub own: bool,
}

/// The page. Forms: POST `/glass`, `/glass/{id}/end`, `/glass/{id}/review`.
#[must_use]
pub fn render(view: &GlassView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    layout::page(
        shell,
        &Head::new(t.glass),
        &html! {
            header class="page-head" { div { h1 { (t.glass) } p class="lead" { (t.glass_lead) } } }
            @if let Some(opened) = &view.opened {
                div class="flash tone-warn" role="alert" {
                    (Tone::Warn.sign(shell))
                    div {
                        p { (fill(t.opened, &[("time", &format::moment(shell.locale, &shell.zone, &opened.ends_at))])) }
                        p { a href={ "/patients/" (opened.patient_id) } { (t.go_to) } }
                    }
                }
            }
            @if view.may_open { (parts::card("open-glass", t.open_glass, &html! {}, &opening(view, shell))) }
            @if view.rows.is_empty() { (parts::empty(t.none_yet, "", None)) }
            @for row in &view.rows { (access(row, view.may_review, shell)) }
        },
    )
}

fn opening(view: &GlassView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let fields = [
        Field::new("record_number", t.record_number, Kind::Text, &view.form.record_number).required(),
        Field::new("reason", t.reason, Kind::Long, &view.form.reason).required().hint(t.reason_hint),
    ]
    .map(|f| f.check(&view.errors));
    let body = html! {
        (form::summary(shell, &view.general, &fields.iter().collect::<Vec<_>>()))
        @for f in &fields { (form::field(shell, f)) }
        div class="form-actions" { button class="button danger" type="submit" { (t.open) } }
    };
    form::post(shell, "/glass", "form", &body)
}

fn access(row: &Row, may_review: bool, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let due = fill(t.due, &[("day", &format::date(shell.locale, &row.review_due_on))]);
    let state = match &row.outcome {
        Some(outcome) => parts::status(shell, outcome),
        None => parts::badge(shell, Tone::Warn, &due),
    };
    let mut facts = vec![
        (t.by, html! { (row.user_name) }),
        (t.person, html! { span class="id" { (row.pseudonym) } }),
        (t.reason, html! { (row.reason.as_deref().unwrap_or("–")) }),
        (t.from, parts::moment(shell, &row.opened_at)),
        (t.until, parts::moment(shell, &row.ends_at)),
        (t.uses, html! { (format::count(shell.locale, row.uses)) }),
    ];
    if let Some(at) = &row.reviewed_at {
        let name = row.reviewer_name.as_deref().unwrap_or_default();
        facts.push((t.review, html! { (name) " · " (parts::moment(shell, at)) }));
    }
    if let Some(note) = &row.note {
        facts.push((t.note, html! { (note) }));
    }
    let body = html! {
        (parts::facts(&facts))
        @if row.own && row.outcome.is_none() {
            p class="hint" { (t.not_own) }
            @let button = html! { div class="form-actions" { button class="button" type="submit" { (t.end) } } };
            (form::post(shell, &format!("/glass/{}/end", row.id), "form", &button))
        } @else if may_review && row.outcome.is_none() { (review(row, shell)) }
    };
    parts::card(&format!("glass-{}", row.id), &row.user_name, &state, &body)
}

fn review(row: &Row, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let outcome = format!("outcome-{}", row.id);
    let note = format!("note-{}", row.id);
    let body = html! {
        div class="field" {
            label for=(outcome) { (t.outcome) }
            select id=(outcome) name="outcome" required {
                @for code in ["JUSTIFIED", "UNJUSTIFIED", "ESCALATED"] {
                    option value=(code) { (super::i18n::codes::label(shell.locale, code)) }
                }
            }
        }
        div class="field" { label for=(note) { (t.note) } textarea id=(note) name="note" rows="2" {} }
        div class="form-actions" { button class="button primary" type="submit" { (t.close) } }
    };
    form::post(shell, &format!("/glass/{}/review", row.id), "form", &body)
}
