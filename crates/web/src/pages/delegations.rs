//! Who may give medication at a school in a nurse's place: each person with what they were trained for and until when, and the form by
//! which a nurse delegates.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    layout::{self, Head},
    medication::choose_school,
    parts::{self, Tone},
};
use maud::{Markup, html};
use salus_domains::school::ROUTES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DelegationsView {
    /// Id of the school; empty when the person has none.
    pub school: String,
    /// Schools the person may look at: id and name.
    pub schools: Vec<(String, String)>,
    /// Delegations, those that count first.
    pub delegations: Vec<Delegation>,
    /// To whom it can be delegated: id and name.
    pub staff: Vec<(String, String)>,
    /// Whether the person delegates and takes back.
    pub is_nurse: bool,
    /// Present values of the form, or those that were refused.
    pub values: BTreeMap<String, String>,
    /// What is wrong with the form.
    pub errors: Vec<FieldMessage>,
    /// Why the last act was refused.
    pub error: String,
}

/// One delegation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the answer, which is described in the API")]
pub struct Delegation {
    pub id: String,
    pub row_version: i64,
    pub name: String,
    pub route: String,
    pub trained_on: String,
    pub valid_until: String,
    pub by: String,
    pub reason: String,
    /// `ACTIVE`, `ENDS_SOON`, `EXPIRED` or `REVOKED`.
    pub state: String,
}

/// The page of a school.
#[must_use]
pub fn render(view: &DelegationsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    layout::page(
        shell,
        &Head::new(t.delegations).under(t.round, "/medications"),
        &html! {
            header class="page-head" {
                div { h1 { (t.delegations) } p class="lead" { (t.delegations_lead) } }
                @if view.schools.len() > 1 { (choose_school(shell, "/medications/delegations", &view.school, &view.schools)) }
            }
            @if view.school.is_empty() {
                (parts::empty(shell.t().clinic.no_school, shell.t().clinic.no_school_hint, None))
            } @else {
                @if !view.error.is_empty() {
                    div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
                }
                (parts::card("delegations", t.delegations, &html! { span class="count" { (view.delegations.len()) } }, &list(view, shell)))
                @if view.is_nurse { (new(view, shell)) }
            }
        },
    )
}

fn list(view: &DelegationsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if view.delegations.is_empty() { (parts::empty(t.no_delegations, t.no_delegations_hint, None)) } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.person, t.right_route, t.trained_on, t.trained_until, t.delegated_by], t.do_with))
                tbody {
                    @for one in &view.delegations {
                        tr {
                            th scope="row" { (one.name) }
                            td data-label=(t.right_route) { (codes::label(shell.locale, &one.route)) }
                            td data-label=(t.trained_on) { (parts::date(shell, &one.trained_on)) }
                            td data-label=(t.trained_until) { (parts::date(shell, &one.valid_until)) " " (state(one, shell)) }
                            td data-label=(t.delegated_by) { (one.by) }
                            td class="end" { @if view.is_nurse && matches!(one.state.as_str(), "ACTIVE" | "ENDS_SOON") { (revoke(one, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn state(one: &Delegation, shell: &Shell) -> Markup {
    let label = codes::label(shell.locale, &one.state);
    match one.state.as_str() {
        "ACTIVE" => parts::badge(shell, Tone::Good, &label),
        "ENDS_SOON" => parts::badge(shell, Tone::Warn, &label),
        _ => {
            html! { (parts::badge(shell, Tone::Neutral, &label)) @if !one.reason.is_empty() { span class="sub" { (one.reason) } } }
        }
    }
}

fn revoke(one: &Delegation, view: &DelegationsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let mut reason = Field::new("reason", t.why_stop, Kind::Text, "").hint(t.no_health_data).required();
    reason.name = format!("reason-{}", one.id);
    html! {
        details class="otherwise" {
            summary aria-label={ (t.take_back) ": " (one.name) } { (t.take_back) }
            (form::post(shell, &format!("/medications/delegations/{}/revoke", one.id), "give", &html! {
                input type="hidden" name="school" value=(view.school);
                input type="hidden" name="row_version" value=(one.row_version);
                (form::field(shell, &reason))
                button class="button danger" type="submit" { (t.take_back) }
            }))
        }
    }
}

fn new(view: &DelegationsView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field =
        |name: &str, label: &str, kind| Field::new(name, label, kind, value(name)).required().check(&view.errors);
    let mut person = field("user_id", t.person, Kind::Choice);
    person.choices.clone_from(&view.staff);
    let fields = [
        person,
        field("route", t.right_route, Kind::Choice).codes(&ROUTES),
        field("trained_on", t.trained_on, Kind::Date),
        field("valid_until", t.trained_until, Kind::Date).hint(t.trained_hint),
    ];
    let body = html! {
        input type="hidden" name="school" value=(view.school);
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="actions" { button class="button primary" type="submit" { (t.delegate) } }
    };
    parts::card(
        "delegate",
        t.delegate,
        &html! {},
        &form::post(shell, "/medications/delegations", "form grouped", &body),
    )
}
