//! The register of controlled drugs: what each supply should hold, counts by two persons, and all that changed a supply.

use super::{
    Shell,
    clinic::{self, Student},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    medication::{amount, choose_school},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The supplies of a school.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisterView {
    /// Id of the school; empty when the person has none.
    pub school: String,
    /// Schools the person may look at: id and name.
    pub schools: Vec<(String, String)>,
    /// What is kept, and orders of which nothing came yet.
    pub supplies: Vec<Supply>,
    /// Whether the person receives, wastes and returns.
    pub is_nurse: bool,
    /// Why the last act was refused.
    pub error: String,
}

/// One supply.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the answer, which is described in the API")]
pub struct Supply {
    /// Empty while nothing was received.
    pub id: String,
    pub order_id: String,
    pub student: Student,
    pub medication: String,
    pub unit: String,
    pub order_status: String,
    pub balance: String,
    pub counted_at: String,
    /// Counts that wait for a second person.
    pub waits: i64,
}

/// One supply with what changed it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SupplyView {
    /// The supply.
    pub supply: Supply,
    /// What changed it, latest first.
    pub entries: Vec<Entry>,
    /// Counts that wait for a second person.
    pub waiting: Vec<Waiting>,
    /// Who may be a witness: id and name.
    pub staff: Vec<(String, String)>,
    /// Whether the person receives, wastes and returns.
    pub is_nurse: bool,
    /// What is wrong with a form.
    pub errors: Vec<FieldMessage>,
    /// Why the last act was refused.
    pub error: String,
}

/// A line of the register.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Entry {
    pub kind: String,
    pub change: String,
    pub balance_after: String,
    pub entry_at: String,
    pub by: String,
    pub witness: String,
    pub reason: String,
    pub administration_id: String,
}

/// A count of which the second person is awaited.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Waiting {
    pub id: String,
    pub name: String,
    pub at: String,
    /// Whether who looks counted it, and so cannot confirm it.
    pub is_own: bool,
}

/// The page of a school.
#[must_use]
pub fn render(view: &RegisterView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    layout::page(
        shell,
        &Head::new(t.register).under(t.round, "/medications"),
        &html! {
            header class="page-head" {
                div { h1 { (t.register) } p class="lead" { (t.register_lead) } }
                @if view.schools.len() > 1 { (choose_school(shell, "/medications/register", &view.school, &view.schools)) }
            }
            @if !view.error.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
            }
            @if view.school.is_empty() {
                (parts::empty(shell.t().clinic.no_school, shell.t().clinic.no_school_hint, None))
            } @else {
                (parts::card("supplies", t.supplies, &html! { span class="count" { (view.supplies.len()) } }, &supplies(view, shell)))
            }
        },
    )
}

fn supplies(view: &RegisterView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if view.supplies.is_empty() { (parts::empty(t.no_supplies, t.no_supplies_hint, None)) } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.right_medicine, t.right_student, t.should_be, t.counted], t.open))
                tbody {
                    @for supply in &view.supplies {
                        tr {
                            th scope="row" {
                                @if supply.id.is_empty() { (supply.medication) }
                                @else { a href={ "/medications/register/" (supply.id) } { (supply.medication) } }
                                @if supply.order_status != "ACTIVE" { span class="sub" { (t.order_ended) } }
                            }
                            td data-label=(t.right_student) { a href={ "/medications/students/" (supply.student.id) } { (supply.student.name) } }
                            td data-label=(t.should_be) { (amount(&supply.balance, &supply.unit, shell)) }
                            td data-label=(t.counted) { (counted(supply, shell)) }
                            td class="end" { @if view.is_nurse { (receive(supply, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn counted(supply: &Supply, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if supply.id.is_empty() { (parts::badge(shell, Tone::Warn, t.nothing_received)) }
        @else if supply.waits > 0 { (parts::badge(shell, Tone::Warn, t.second_awaited)) }
        @else if supply.counted_at.is_empty() { (t.never) }
        @else { (parts::moment(shell, &supply.counted_at)) }
    }
}

fn receive(supply: &Supply, view: &RegisterView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let mut quantity =
        Field::new("quantity", &fill(t.quantity, &[("unit", &supply.unit)]), Kind::Number, "").required();
    quantity.name = format!("quantity-{}", supply.order_id);
    html! {
        details class="otherwise" {
            summary aria-label={ (t.receive) ": " (supply.medication) ", " (supply.student.name) } { (t.receive) }
            (form::post(shell, "/medications/register/receive", "give", &html! {
                input type="hidden" name="school" value=(view.school);
                input type="hidden" name="order_id" value=(supply.order_id);
                (form::field(shell, &quantity))
                button class="button primary" type="submit" { (t.receive) }
            }))
        }
    }
}

/// The page of one supply.
#[must_use]
pub fn supply(view: &SupplyView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    layout::page(
        shell,
        &Head::new(t.one_supply).under(t.round, "/medications").under(t.register, "/medications/register"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.supply.medication) }
                    p class="lead" { (view.supply.student.name) }
                    (clinic::warnings(&view.supply.student, shell))
                }
            }
            @if !view.error.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
            }
            dl class="figures" { (parts::figure(t.should_be, &amount(&view.supply.balance, &view.supply.unit, shell), "")) }
            (count(view, shell))
            @if view.is_nurse { (gone(view, shell)) }
            (parts::card("entries", t.entries, &html! { span class="count" { (view.entries.len()) } }, &entries(view, shell)))
        },
    )
}

/// A count: the first person says what is there; the second says it again, without being told.
fn count(view: &SupplyView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let label = fill(t.found, &[("unit", &view.supply.unit)]);
    html! {
        (parts::card("count", t.count, &html! {}, &html! {
            @for waiting in &view.waiting {
                @if waiting.is_own {
                    p class="card-note" { (parts::badge(shell, Tone::Warn, t.second_awaited)) " " (t.second_hint) }
                } @else {
                    (form::post(shell, &format!("/medications/register/{}/confirm", view.supply.id), "give", &html! {
                        p class="card-note" { (fill(t.first_counted, &[("name", &waiting.name)])) " " (parts::moment(shell, &waiting.at)) }
                        input type="hidden" name="count" value=(waiting.id);
                        @let field = Field { name: format!("found-{}", waiting.id), ..Field::new("", &label, Kind::Number, "").required() };
                        (form::field(shell, &field))
                        button class="button primary" type="submit" { (t.confirm) }
                    }))
                }
            }
            (form::post(shell, &format!("/medications/register/{}/count", view.supply.id), "give", &html! {
                (form::field(shell, &Field::new("found", &label, Kind::Number, "").required().check(&view.errors)))
                button class="button" type="submit" { (t.begin_count) }
                p class="hint" { (t.count_hint) }
            }))
        }))
    }
}

fn gone(view: &SupplyView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let mut witness = Field::new("witness_id", t.witness, Kind::Choice, "").required().check(&view.errors);
    witness.choices.clone_from(&view.staff);
    let body = html! {
        div class="form two" {
            (form::field(shell, &Field::new("quantity", &fill(t.quantity, &[("unit", &view.supply.unit)]), Kind::Number, "").required().check(&view.errors)))
            (form::field(shell, &witness))
            (form::field(shell, &Field::new("reason", t.reason, Kind::Text, "").required().check(&view.errors)))
        }
        div class="outcomes" {
            button class="button" type="submit" name="verb" value="waste" { (t.waste) }
            button class="button" type="submit" name="verb" value="return" { (t.give_back) }
        }
    };
    parts::card(
        "gone",
        t.gone,
        &html! {},
        &form::post(shell, &format!("/medications/register/{}/gone", view.supply.id), "give", &body),
    )
}

fn entries(view: &SupplyView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let signed = |change: &str| {
        let plus = if change.starts_with('-') || change == "0" { "" } else { "+" };
        format!("{plus}{}", format::decimal(shell.locale, change))
    };
    html! {
        @if view.entries.is_empty() { p class="none" { (t.never) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.entry, t.entry_at, t.change, t.should_be, t.by, t.reason]))
                tbody {
                    @for entry in &view.entries {
                        tr {
                            th scope="row" {
                                @let label = codes::label(shell.locale, &format!("STOCK_{}", entry.kind));
                                @if entry.administration_id.is_empty() { (label) }
                                @else { a href={ "/medications/doses/" (entry.administration_id) } { (label) } }
                            }
                            td data-label=(t.entry_at) { (parts::moment(shell, &entry.entry_at)) }
                            td data-label=(t.change) {
                                @if entry.kind == "COUNTED" && entry.change.trim_start_matches('-') != "0" {
                                    (parts::badge(shell, Tone::Bad, &signed(&entry.change)))
                                } @else { (signed(&entry.change)) }
                            }
                            td data-label=(t.should_be) { (amount(&entry.balance_after, &view.supply.unit, shell)) }
                            td data-label=(t.by) {
                                (entry.by)
                                @if !entry.witness.is_empty() { span class="sub" { (fill(t.with, &[("name", &entry.witness)])) } }
                            }
                            td data-label=(t.reason) { (entry.reason) }
                        }
                    }
                }
            }
        }
    }
}
