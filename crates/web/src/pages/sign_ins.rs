//! Every attempt to sign in to the organization, latest first: by outcome, by what was given, by user, by days.

use super::{
    Shell,
    account::device,
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Pager},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInsView {
    /// Which attempts are shown, sent as query parameters of the same names.
    pub filter: Filter,
    /// The name of the user of the filter.
    pub of_user: String,
    /// What is wrong with the filter.
    pub errors: Vec<FieldMessage>,
    /// Attempts, latest first.
    pub rows: Vec<Attempt>,
    /// Neighbouring pages.
    pub pager: Pager,
}

/// Which attempts are shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the fields'")]
pub struct Filter {
    pub outcome: String,
    pub reason: String,
    pub user: String,
    /// First day, ISO 8601.
    pub from: String,
    /// Last day, ISO 8601.
    pub to: String,
}

/// One attempt.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Attempt {
    pub at: String,
    /// Empty for an address that is nobody's.
    pub user_id: String,
    pub user_name: String,
    pub outcome: String,
    pub reason: String,
    pub ip: String,
    pub agent: String,
}

const OUTCOMES: [&str; 3] = ["success", "refused", "locked"];
/// What was given, or why there was no try.
const REASONS: [&str; 11] = [
    "password",
    "second_factor",
    "authenticator",
    "recovery_code",
    "code",
    "passkey",
    "passkey_copied",
    "provider",
    "emergency",
    "too_many",
    "network",
];

/// The page.
#[must_use]
pub fn render(view: &SignInsView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    layout::page(
        shell,
        &Head::new(t.sign_ins),
        &html! {
            header class="page-head" { div { h1 { (t.sign_ins) } p class="lead" { (t.sign_ins_lead) } } }
            (filters(view, shell))
            @if view.rows.is_empty() { (parts::empty(shell.t().ui.no_rows, shell.t().ui.no_rows_hint, Some(("/sign-ins", shell.t().ui.clear)))) }
            @else { div class="card" { (table(&view.rows, shell)) } }
            (parts::pager(shell, &view.pager, view.rows.len()))
        },
    )
}

fn filters(view: &SignInsView, shell: &Shell) -> Markup {
    let (t, f) = (shell.t(), &view.filter);
    let fields = [
        Field::new("outcome", t.security.outcome, Kind::Choice, &f.outcome).codes(&OUTCOMES),
        Field::new("reason", t.security.by, Kind::Choice, &f.reason).codes(&REASONS),
        Field::new("from", t.data.from, Kind::Date, &f.from),
        Field::new("to", t.data.to, Kind::Date, &f.to),
    ]
    .map(|field| field.check(&view.errors));
    html! {
        form class="filters" method="get" action="/sign-ins" {
            @if !f.user.is_empty() { input type="hidden" name="user" value=(f.user); }
            @for field in &fields { (form::field(shell, field)) }
            div class="filter-actions" {
                button class="button" type="submit" { (t.ui.filter) }
                a class="button quiet" href="/sign-ins" { (t.ui.clear) }
            }
            @if !f.user.is_empty() { p class="hint" { (t.accounts.only_of) " " strong { (view.of_user) } } }
        }
    }
}

fn table(rows: &[Attempt], shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.security.when, t.access.user, t.security.outcome, t.security.by, t.ui.address, t.ui.device]))
            tbody {
                @for a in rows {
                    tr {
                        th scope="row" { (parts::moment(shell, &a.at)) }
                        td data-label=(t.access.user) {
                            @if a.user_id.is_empty() { span class="muted" { (t.accounts.no_user) } } @else {
                                a href={ "/sign-ins?user=" (a.user_id) } { (if a.user_name.is_empty() { &a.user_id } else { &a.user_name }) }
                            }
                        }
                        td data-label=(t.security.outcome) { (parts::status(shell, &a.outcome)) }
                        td data-label=(t.security.by) { (codes::label(shell.locale, &a.reason)) }
                        td data-label=(t.ui.address) { span class="id" { (a.ip) } }
                        td data-label=(t.ui.device) { (device(&a.agent)) }
                    }
                }
            }
        }
    }
}
