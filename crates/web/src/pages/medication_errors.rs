//! Errors with medication at a school: what happened, who was told, and what is still to be done before they can be closed.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    immunizations::refused,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use salus_domains::school::ERROR_KINDS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page's data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorsView {
    /// Errors, those that are open first.
    pub errors: Vec<MedicationError>,
    /// Whether the person may close them.
    pub may_close: bool,
    /// Why the last act was refused.
    pub error: String,
}

/// An error.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct MedicationError {
    pub id: String,
    /// As it is shown.
    pub student: String,
    pub student_id: String,
    pub kind: String,
    pub severity: String,
    pub happened_at: String,
    pub description: Option<String>,
    pub action_taken: Option<String>,
    pub guardian_told_at: Option<String>,
    pub guardian_said: Option<String>,
    pub prescriber_told_at: Option<String>,
    pub prescriber_said: Option<String>,
    pub closed_at: Option<String>,
    pub review: Option<String>,
}

/// The page.
#[must_use]
pub fn render(view: &ErrorsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    layout::page(
        shell,
        &Head::new(t.mistakes).under(t.round, "/medications"),
        &html! {
            header class="page-head" { div { h1 { (t.mistakes) } p class="lead" { (t.mistakes_lead) } } }
            (refused(&view.error, shell))
            @if view.errors.is_empty() { (parts::empty(t.mistakes_none, t.mistakes_none_hint, None)) }
            @for error in &view.errors { (one(error, view, shell)) }
        },
    )
}

/// How far an error went, in words.
fn severity(code: &str, shell: &Shell) -> (Tone, &'static str) {
    let t = &shell.t().medication;
    match code {
        "A" => (Tone::Neutral, t.severity_a),
        "B" => (Tone::Neutral, t.severity_b),
        "C" => (Tone::Warn, t.severity_c),
        "D" => (Tone::Warn, t.severity_d),
        "E" => (Tone::Bad, t.severity_e),
        "F" => (Tone::Bad, t.severity_f),
        "G" => (Tone::Bad, t.severity_g),
        "H" => (Tone::Bad, t.severity_h),
        _ => (Tone::Bad, t.severity_i),
    }
}

fn one(error: &MedicationError, view: &ErrorsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let (tone, words) = severity(&error.severity, shell);
    let told = |at: &Option<String>, said: &Option<String>| {
        html! {
            @match at {
                Some(at) => { (parts::moment(shell, at)) @if let Some(said) = said { ": " (said) } }
                None => (parts::badge(shell, Tone::Warn, t.not_told)),
            }
        }
    };
    let mut rows = vec![(t.happened, html! { (parts::moment(shell, &error.happened_at)) })];
    rows.push((t.what_happened, html! { (error.description.as_deref().unwrap_or("–")) }));
    if let Some(action) = &error.action_taken {
        rows.push((t.action_taken, html! { (action) }));
    }
    rows.push((t.guardian_told, told(&error.guardian_told_at, &error.guardian_said)));
    rows.push((t.prescriber_told, told(&error.prescriber_told_at, &error.prescriber_said)));
    if let Some(review) = &error.review {
        rows.push((t.review, html! { (review) }));
    }
    let title = format!("{} · {}", error.student, codes::label(shell.locale, &error.kind));
    let badge = html! {
        (parts::badge(shell, tone, &format!("{} · {words}", error.severity)))
        @if error.closed_at.is_some() { " " (parts::badge(shell, Tone::Neutral, &codes::label(shell.locale, "CLOSED"))) }
    };
    parts::card(
        &format!("error-{}", error.id),
        &title,
        &badge,
        &html! {
            (parts::facts(&rows))
            @if error.closed_at.is_none() { div class="card-note" { (acts(error, view, shell)) } }
        },
    )
}

fn acts(error: &MedicationError, view: &ErrorsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let at = |verb: &str| format!("/medications/errors/{}/{verb}", error.id);
    let notice = |who: &str, label: &str| {
        let id = format!("{}-{}", who.to_lowercase(), error.id);
        html! {
            details class="pick" {
                summary { (label) }
                (form::post(shell, &at("notice"), "inline", &html! {
                    input type="hidden" name="who" value=(who);
                    label for=(id) { (t.what_they_said) }
                    input id=(id) name="said" maxlength="4000" autocomplete="off";
                    button class="button" type="submit" { (label) }
                }))
            }
        }
    };
    let review = format!("review-{}", error.id);
    html! {
        @if error.guardian_told_at.is_none() { (notice("GUARDIAN", t.tell_guardian)) }
        @if error.prescriber_told_at.is_none() { (notice("PRESCRIBER", t.tell_prescriber)) }
        @if view.may_close {
            details class="pick" {
                summary { (t.close_mistake) }
                (form::post(shell, &at("close"), "inline", &html! {
                    label for=(review) { (t.review) }
                    input id=(review) name="review" required maxlength="4000" autocomplete="off";
                    button class="button" type="submit" { (t.close_mistake) }
                }))
            }
        }
    }
}

/// The form that reports one, for the page of a dose.
#[must_use]
pub fn report(dose: &str, values: &BTreeMap<String, String>, errors: &[FieldMessage], shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    let severities = ["A", "B", "C", "D", "E", "F", "G", "H", "I"]
        .map(|code| (code.to_owned(), format!("{code} · {}", severity(code, shell).1)));
    let fields = [
        Field::new("kind", t.what_was_wrong, Kind::Choice, &value("kind")).codes(&ERROR_KINDS).required().check(errors),
        Field { choices: severities.to_vec(), ..Field::new("severity", t.how_far, Kind::Choice, &value("severity")) }
            .required()
            .check(errors),
        Field::new("description", t.what_happened, Kind::Long, &value("description")).required().check(errors),
        Field::new("action_taken", t.action_taken, Kind::Long, &value("action_taken")).check(errors),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    let body = html! {
        (form::summary(shell, "", &all))
        p class="hint" { (t.mistake_hint) }
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="actions" { button class="button" type="submit" { (t.report_mistake) } }
    };
    let address = format!("/medications/doses/{dose}/report");
    parts::card("report", t.report_mistake, &html! {}, &parts::inside(&form::post(shell, &address, "", &body)))
}
