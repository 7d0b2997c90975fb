//! Definitions of alerts with the figures that show how tired they make people, deliveries, and the editor with its test.

use super::{
    Shell,
    alert_center::{SEVERITIES, severity},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ignored more often than this, in percent, with at least [`SEEN_OFTEN`] alerts: it is suggested to lower the urgency.
const MOSTLY_IGNORED: u64 = 50;
const SEEN_OFTEN: u64 = 10;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RulesView {
    /// The newest version of each definition.
    pub definitions: Vec<Definition>,
    /// Figures of 30 days.
    pub figures: Vec<Figures>,
    /// Deliveries of 30 days.
    pub deliveries: Vec<Deliveries>,
    /// What was typed into the editor.
    pub values: BTreeMap<String, String>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What belongs to no field.
    pub error: String,
    /// What came of a test.
    pub tested: String,
}

/// A definition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Definition {
    pub code: String,
    pub name: String,
    pub version: u64,
    pub category: String,
    pub severity: String,
    pub source: String,
    pub enabled: bool,
}

/// Figures of a definition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Figures {
    pub code: String,
    pub alerts: u64,
    pub median_ack_s: Option<u64>,
    pub ignored_percent: u64,
}

/// Deliveries by one way that ended in one way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Deliveries {
    pub channel: String,
    pub status: String,
    pub why: String,
    pub n: u64,
    pub median_ms: Option<u64>,
}

/// The page.
#[must_use]
pub fn render(view: &RulesView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    layout::page(
        shell,
        &Head::new(t.definitions).under(t.title, "/alerts"),
        &html! {
            header class="page-head" { div { h1 { (t.definitions) } p class="lead" { (t.definitions_lead) } } }
            (parts::card("definitions", t.definitions, &html! { span class="count" { (view.definitions.len()) } }, &list(view, shell)))
            @if !view.deliveries.is_empty() { (parts::card("deliveries", t.deliveries, &html! {}, &deliveries(view, shell))) }
            (parts::card("editor", t.editor, &html! {}, &editor(view, shell)))
        },
    )
}

fn list(view: &RulesView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let none = Figures::default();
    html! {
        (parts::scroll(t.definitions, &html! {
            table class="grid stack" data-keys {
                (parts::heads(&[t.code, t.severity, t.source, t.volume, t.median, t.ignored]))
                tbody {
                    @for d in &view.definitions {
                        @let f = view.figures.iter().find(|f| f.code == d.code).unwrap_or(&none);
                        tr {
                            th scope="row" {
                                a href={ "/alerts/definitions?code=" (d.code) "#editor" } { (d.code) }
                                span class="sub" { (d.name) }
                                span class="sub" {
                                    (fill(t.version, &[("n", &d.version.to_string())]))
                                    @if !d.enabled { " · " (codes::label(shell.locale, "DISABLED")) }
                                }
                            }
                            td data-label=(t.severity) { (severity(shell, &d.severity)) }
                            td data-label=(t.source) { (codes::label(shell.locale, &d.source)) }
                            td data-label=(t.volume) { (format::count(shell.locale, f.alerts)) }
                            td data-label=(t.median) {
                                @match f.median_ack_s { Some(s) => (fill(t.seconds, &[("n", &format::count(shell.locale, s))])), None => "–" }
                            }
                            td data-label=(t.ignored) {
                                @if f.alerts == 0 { "–" } @else { (f.ignored_percent) " %" }
                                @if f.alerts >= SEEN_OFTEN && f.ignored_percent > MOSTLY_IGNORED {
                                    span class="sub" { (Tone::Warn.sign(shell)) (t.lower) }
                                }
                            }
                        }
                    }
                }
            }
        }))
    }
}

fn deliveries(view: &RulesView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.way, t.status, t.count]))
            tbody {
                @for d in &view.deliveries {
                    tr {
                        th scope="row" { (codes::label(shell.locale, &d.channel)) }
                        td data-label=(t.status) {
                            (parts::status(shell, &d.status))
                            @if !d.why.is_empty() { span class="sub" { (codes::label(shell.locale, &d.why.to_uppercase())) } }
                        }
                        td data-label=(t.count) { (format::count(shell.locale, d.n)) }
                    }
                }
            }
        }
    }
}

fn editor(view: &RulesView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, value(name));
    let fields = [
        field("code", t.code, Kind::Text).required(),
        field("name", t.name, Kind::Text).required(),
        field("category", t.category, Kind::Choice).codes(&salus_domains::alerts::CATEGORIES).required(),
        field("severity", t.severity, Kind::Choice).codes(&SEVERITIES).required(),
        field("source", t.source, Kind::Choice).codes(&["EVENT", "METRIC", "SCHEDULE", "MANUAL"]).required(),
        field("condition", t.condition, Kind::Json).hint(t.condition_hint),
        field("audience", t.audience, Kind::Json).hint(t.audience_hint),
        field("escalation", t.escalation, Kind::Json).hint(t.escalation_hint),
        field("enabled", t.enabled, Kind::Flag),
        field("confirm", t.confirm, Kind::Flag),
    ];
    let fields: Vec<Field> = fields.into_iter().map(|f| under(f, &view.errors)).collect();
    let all: Vec<&Field> = fields.iter().collect();
    html! {
        (form::summary(shell, &view.error, &all))
        @if !view.tested.is_empty() { div class="flash tone-info" role="status" { (Tone::Info.sign(shell)) div { (view.tested) } } }
        (form::post(shell, "/alerts/definitions", "form", &html! {
            @for field in &fields { (form::field(shell, field)) }
            div class="form-actions" {
                button class="button" type="submit" name="do" value="test" { (t.test) }
                button class="button primary" type="submit" name="do" value="save" { (t.save) }
            }
        }))
    }
}

/// A field with what is wrong with it or with a part of it.
fn under(mut field: Field, errors: &[FieldMessage]) -> Field {
    let of = |e: &&FieldMessage| e.field.trim_start_matches('/').split('/').next() == Some(field.name.as_str());
    if let Some(found) = errors.iter().find(of) {
        field.error.clone_from(&found.message);
    }
    field
}
