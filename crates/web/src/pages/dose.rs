//! One recorded dose: what it says, what it did, and what it said before it was marked as an error.

use super::{
    Shell,
    clinic::{self, Student},
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    layout::{self, Head},
    medication::amount,
    medication_errors,
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a dose as needed may have done.
pub const EFFECTS: [&str; 4] = ["RELIEVED", "IMPROVED", "UNCHANGED", "WORSE"];

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct DoseView {
    pub id: String,
    pub student: Student,
    pub said: Said,
    pub was_corrected: bool,
    /// Whether the effect of a dose as needed is still to be told.
    pub asks_effect: bool,
    /// Whether it may be marked as an error.
    pub may_correct: bool,
    /// What was typed into the form that reports an error with medication.
    pub values: BTreeMap<String, String>,
    /// What it said before, latest first.
    pub before: Vec<Version>,
    pub errors: Vec<FieldMessage>,
    pub error: String,
}

/// What a dose says, or said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Said {
    pub medication: String,
    pub scheduled_for: String,
    pub administered_at: String,
    pub outcome: String,
    pub dose_given: String,
    pub dose_unit: String,
    pub reason: String,
    pub prn_effect: String,
}

/// What it said, and why that was an error.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// When it was marked.
    pub at: String,
    /// Why.
    pub reason: String,
    /// What it said.
    pub said: Said,
}

/// The page.
#[must_use]
pub fn render(view: &DoseView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    layout::page(
        shell,
        &Head::new(t.one_dose).under(t.round, "/medications"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.student.name) }
                    p class="lead" {
                        (view.said.medication) " "
                        @if view.said.outcome.is_empty() { (parts::badge(shell, Tone::Neutral, t.not_recorded)) }
                        @else { (parts::badge(shell, Tone::Info, &codes::label(shell.locale, &view.said.outcome))) }
                        @if view.was_corrected { " " (parts::badge(shell, Tone::Warn, t.corrected)) }
                    }
                    (clinic::warnings(&view.student, shell))
                }
                a class="button quiet" href={ "/medications/students/" (view.student.id) } { (t.orders) }
            }
            @if !view.error.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
            }
            section class="card" { (facts(&view.said, shell)) }
            @if view.asks_effect { (effect(view, shell)) }
            @if view.may_correct { (correct(view, shell)) }
            (medication_errors::report(&view.id, &view.values, &view.errors, shell))
            @if !view.before.is_empty() {
                (parts::card("before", t.said_before, &html! { span class="count" { (view.before.len()) } }, &before(view, shell)))
            }
        },
    )
}

fn facts(said: &Said, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let mut rows = Vec::new();
    if !said.scheduled_for.is_empty() {
        rows.push((t.right_time, parts::moment(shell, &said.scheduled_for)));
    }
    if !said.outcome.is_empty() {
        rows.push((t.outcome, html! { (codes::label(shell.locale, &said.outcome)) }));
    }
    if !said.administered_at.is_empty() {
        rows.push((t.given_at, parts::moment(shell, &said.administered_at)));
    }
    if !said.dose_given.is_empty() {
        rows.push((t.right_dose, html! { (amount(&said.dose_given, &said.dose_unit, shell)) }));
    }
    if !said.reason.is_empty() {
        rows.push((t.reason, html! { (said.reason) }));
    }
    if !said.prn_effect.is_empty() {
        rows.push((t.effect, html! { (codes::label(shell.locale, &said.prn_effect)) }));
    }
    parts::facts(&rows)
}

fn effect(view: &DoseView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let body = html! {
        p class="card-note" { (t.effect_hint) }
        div class="outcomes" {
            @for code in EFFECTS {
                button class="button" type="submit" name="effect" value=(code) { (codes::label(shell.locale, code)) }
            }
        }
    };
    parts::card(
        "effect",
        t.effect_asked,
        &html! {},
        &form::post(shell, &format!("/medications/doses/{}/effect", view.id), "give", &body),
    )
}

fn correct(view: &DoseView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let reason = Field::new("reason", t.why_error, Kind::Text, "").required().check(&view.errors);
    let body = html! {
        p class="card-note" { (t.error_hint) }
        (form::field(shell, &reason))
        button class="button danger" type="submit" { (t.mark_error) }
    };
    parts::card(
        "correct",
        t.was_error,
        &html! {},
        &form::post(shell, &format!("/medications/doses/{}/error", view.id), "give", &body),
    )
}

fn before(view: &DoseView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @for version in &view.before {
            div class="card-body" {
                p { strong { (t.why_error) ": " } (version.reason) " " span class="muted" { (parts::moment(shell, &version.at)) } }
            }
            (facts(&version.said, shell))
        }
    }
}
