//! "Why?": why somebody can or cannot see a row, rule by rule. The words of the rules are the server's own, in the language of the page.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{faults, fill},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WhyView {
    /// Users to choose from, those found or the one that was chosen: id, and name with address.
    pub users: Vec<(String, String)>,
    /// What was searched for.
    pub q: String,
    /// Tables to choose from.
    pub tables: Vec<String>,
    /// What is asked, sent as query parameters.
    pub asked: Asked,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// The answer.
    pub answer: Option<Answer>,
}

/// What is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the fields'")]
pub struct Asked {
    pub user: String,
    pub table: String,
    pub row: String,
    pub purpose: String,
}

/// The answer, as the operation `auth.user.access` gives it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Answer {
    pub permit: bool,
    pub purpose: String,
    pub policy: Option<i64>,
    pub permission: String,
    pub rules: Vec<Rule>,
    pub hidden: Vec<Hidden>,
    pub notice: String,
}

/// One rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Rule {
    pub rule: String,
    pub holds: bool,
    pub words: String,
}

/// One field left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Hidden {
    pub field: String,
    pub why: String,
}

/// Codes of purposes, as a form offers them.
pub const PURPOSES: [&str; 13] = [
    "TREAT",
    "COC",
    "ETREAT",
    "BTG",
    "HPAYMT",
    "HOPERAT",
    "HSYSADMIN",
    "HCOMPL",
    "HLEGAL",
    "PUBHLTH",
    "HRESCH",
    "PATRQT",
    "FAMRQT",
];

/// The page.
#[must_use]
pub fn render(view: &WhyView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    layout::page(
        shell,
        &Head::new(t.why),
        &html! {
            header class="page-head" { div { h1 { (t.why) } p class="lead" { (t.why_lead) } } }
            (search(view, shell))
            @if view.users.is_empty() {
                @if !view.q.is_empty() { (parts::empty(shell.t().accounts.nobody, shell.t().accounts.nobody_hint, None)) }
            } @else { (question(view, shell)) }
            @if let Some(answer) = &view.answer { (shown(answer, shell)) }
        },
    )
}

/// The search for whose access it is. What else was asked comes along.
fn search(view: &WhyView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let q = Field::new("q", t.search, Kind::Text, &view.q).required().hint(t.search_hint);
    let kept = [("table", &view.asked.table), ("row", &view.asked.row), ("purpose", &view.asked.purpose)];
    form::post(
        shell,
        "/why",
        "filters",
        &html! {
            (form::field(shell, &q))
            @for (name, value) in kept.iter().filter(|(_, value)| !value.is_empty()) { input type="hidden" name=(name) value=(value); }
            div class="filter-actions" { button class="button" type="submit" { (shell.t().ui.search) } }
        },
    )
}

fn question(view: &WhyView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let mut user = Field::new("user", t.user, Kind::Choice, &view.asked.user).required();
    user.choices.clone_from(&view.users);
    let mut table = Field::new("table", t.table, Kind::Choice, &view.asked.table).required();
    table.choices = view.tables.iter().map(|name| (name.clone(), name.clone())).collect();
    let fields = [
        user,
        table,
        Field::new("row", t.row, Kind::Text, &view.asked.row).required(),
        Field::new("purpose", t.purpose, Kind::Choice, &view.asked.purpose).codes(&PURPOSES).hint(t.first_purpose),
    ]
    .map(|f| f.check(&view.errors));
    html! {
        form class="form two card" method="get" action="/why" {
            @for f in &fields { (form::field(shell, f)) }
            div class="form-actions" { button class="button primary" type="submit" { (t.explain) } }
        }
    }
}

fn shown(answer: &Answer, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let verdict = if answer.permit {
        parts::badge(shell, Tone::Good, t.sees)
    } else {
        parts::badge(shell, Tone::Bad, t.sees_not)
    };
    let rules = html! {
        @if !answer.notice.is_empty() {
            (parts::inside(&html! {
                p class="flash tone-warn" { (Tone::Warn.sign(shell)) (faults::say(shell.locale, "", &answer.notice)) }
            }))
        }
        @if let Some(version) = answer.policy {
            (parts::inside(&html! { p class="hint" { (fill(t.by_policy, &[("n", &version.to_string())])) } }))
        }
        table class="grid plain stack" {
            (parts::heads(&[t.rule, shell.t().data.outcome, t.how]))
            tbody {
                @for r in &answer.rules {
                    tr {
                        th scope="row" { (super::i18n::codes::label(shell.locale, &format!("rule_{}", r.rule))) }
                        td data-label=(shell.t().data.outcome) {
                            @if r.holds { (parts::badge(shell, Tone::Good, t.holds)) }
                            @else { (parts::badge(shell, Tone::Bad, t.fails)) }
                        }
                        td data-label=(t.how) { (faults::say(shell.locale, "", &r.words)) }
                    }
                }
            }
        }
        @if !answer.hidden.is_empty() {
            (parts::inside(&html! {
                h3 { (t.hidden) }
                ul class="dashes" {
                    @for h in &answer.hidden {
                        li { code { (h.field) } ": " @if h.why == "masked" { (t.masked) } @else { code { (h.why) } } }
                    }
                }
            }))
        }
    };
    let head = html! { span { (verdict) " " (super::i18n::codes::label(shell.locale, &answer.purpose)) } };
    parts::card("answer", &answer.permission, &head, &rules)
}
