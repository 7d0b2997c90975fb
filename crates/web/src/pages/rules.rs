//! The tenant's rules for sign-in: what holds now beside the sets that are offered, and a form to change them.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::rules::label,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RulesView {
    /// Every rule.
    pub rules: Vec<Rule>,
    /// Whether the person may change them.
    pub may_change: bool,
    /// What is wrong with what was sent.
    pub errors: Vec<FieldMessage>,
    /// Whether they were just changed.
    pub changed: bool,
}

/// One rule. Lists have one item a line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its name in the API.
    pub name: String,
    /// `number`, `flag` or `list`.
    pub kind: String,
    /// What holds now, or what was sent and refused.
    pub value: String,
    /// What the recommended set has.
    pub current_standard: String,
    /// What the set of system 003 has.
    pub system_003: String,
}

/// The page. Form: POST `/security-configuration` with every rule, or with `profile`.
#[must_use]
pub fn render(view: &RulesView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    let fields: Vec<Field> = view.rules.iter().map(|rule| field(rule, shell).check(&view.errors)).collect();
    let refs: Vec<&Field> = fields.iter().collect();
    layout::page(
        shell,
        &Head::new(s.rules_title),
        &html! {
            header class="page-head" { div { h1 { (s.rules_title) } p class="lead" { (s.rules_lead) } } }
            @if view.changed { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (s.rules_changed) } }
            (form::summary(shell, "", &refs))
            (parts::card("sets", s.rule, &html! {}, &sets(view, shell)))
            @if view.may_change {
                (parts::card("change", s.change_rules, &html! {}, &form::post(shell, "/security-configuration", "form two", &html! {
                    @for f in &fields { (form::field(shell, f)) }
                    div class="form-actions" { button class="button primary" type="submit" { (shell.t().ui.save) } }
                })))
            }
        },
    )
}

fn field(rule: &Rule, shell: &Shell) -> Field {
    let kind = match rule.kind.as_str() {
        "flag" => Kind::Flag,
        "list" => Kind::Long,
        _ => Kind::Number,
    };
    let made = Field::new(&rule.name, &label(shell.locale, &rule.name), kind, &rule.value);
    match kind {
        Kind::Long => made.hint(shell.t().security.list_hint),
        Kind::Number => made.required(),
        _ => made,
    }
}

fn sets(view: &RulesView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    let said = |rule: &Rule, value: &str| match (rule.kind.as_str(), value) {
        (_, "") => "–".to_owned(),
        ("flag", "true") => shell.t().ui.yes.to_owned(),
        ("flag", _) => shell.t().ui.no.to_owned(),
        (_, text) => text.replace('\n', ", "),
    };
    let cell = |rule: &Rule, value: &str, label: &str| {
        html! {
            td data-label=(label) {
                (said(rule, value))
                @if value != rule.value { " " (parts::badge(shell, Tone::Info, "≠")) }
            }
        }
    };
    html! {
        table class="grid plain stack" {
            (parts::heads(&[s.rule, s.now, s.current_standard, s.system_003]))
            tbody {
                @for rule in &view.rules {
                    tr {
                        th scope="row" { (label(shell.locale, &rule.name)) }
                        td data-label=(s.now) { (said(rule, &rule.value)) }
                        (cell(rule, &rule.current_standard, s.current_standard))
                        (cell(rule, &rule.system_003, s.system_003))
                    }
                }
            }
        }
        @if view.may_change {
            div class="form-actions card-body" {
                @for (profile, words) in [("current-standard", s.current_standard), ("system-003", s.system_003)] {
                    (form::post(shell, "/security-configuration", "inline", &html! {
                        input type="hidden" name="profile" value=(profile);
                        button class="button" type="submit" { (s.take) ": " (words) }
                    }))
                }
            }
        }
    }
}
