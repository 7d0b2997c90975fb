//! The medication of a student in a month: every time of every order with its outcome, and what was given as needed.

use super::{
    Shell,
    i18n::codes,
    layout::{self, Head},
    parts::{self, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page's data, named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MonthView {
    /// Whom it is about.
    pub student: Person,
    /// The school.
    pub school: String,
    /// Such as 2026-03.
    pub month: String,
    /// Orders with times.
    pub orders: Vec<Order>,
    /// Doses as needed.
    pub as_needed: Vec<Dose>,
}

/// A student.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Person {
    pub id: String,
    pub pseudonym: String,
    pub family_name: String,
    pub given_names: String,
}

/// An order with its times.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Order {
    pub id: String,
    pub medication: String,
    pub dose: String,
    pub unit: String,
    pub route: String,
    pub slots: Vec<Dose>,
}

/// A time of an order, or a dose as needed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Dose {
    pub day: String,
    pub due: String,
    pub outcome: String,
    pub given_at: Option<String>,
    pub medication: String,
    pub dose_given: Option<String>,
    pub unit: Option<String>,
    pub effect: Option<String>,
    pub by: Option<String>,
    pub reason: Option<String>,
    pub was_corrected: bool,
    pub from_stock: bool,
}

/// The page.
#[must_use]
pub fn render(view: &MonthView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let base = format!("/medications/students/{}", view.student.id);
    let name = patients::name(&view.student.family_name, &view.student.given_names, "");
    let shown = if view.student.family_name.is_empty() { &view.student.pseudonym } else { &name };
    let unrecorded = view.orders.iter().flat_map(|o| &o.slots).any(|slot| slot.outcome == "NO_RECORD");
    layout::page(
        shell,
        &Head::new(t.month).under(t.round, "/medications").under(t.of_student, &base),
        &html! {
            header class="page-head" {
                div { h1 { (shown) } p class="lead" { (t.month) " · " (view.month) } }
                form method="get" action={ (base) "/month" } class="filters" {
                    div class="field" {
                        label for="month" { (t.month_choose) }
                        input id="month" type="month" name="month" value=(view.month) required;
                    }
                    div class="filter-actions" {
                        button class="button" type="submit" { (t.month_show) }
                        button class="button quiet" type="submit" name="format" value="pdf" { (t.month_pdf) }
                    }
                }
            }
            p { (t.month_lead) }
            @if view.orders.is_empty() && view.as_needed.is_empty() { (parts::empty(t.month_none, "", None)) }
            @if unrecorded {
                div class="flash tone-warn" role="note" { (Tone::Warn.sign(shell)) div { (t.month_no_record_hint) } }
            }
            @for order in &view.orders {
                @let title = format!("{} {} {} · {}", order.medication, order.dose, order.unit, codes::label(shell.locale, &order.route));
                (parts::card(&format!("order-{}", order.id), &title, &html! { span class="count" { (order.slots.len()) } }, &slots(order, shell)))
            }
            @if !view.as_needed.is_empty() {
                (parts::card("needed", t.as_needed, &html! { span class="count" { (view.as_needed.len()) } }, &needed(view, shell)))
            }
        },
    )
}

/// What came of a dose, as a badge.
fn outcome(code: &str, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    match code {
        "NO_RECORD" => parts::badge(shell, Tone::Warn, t.month_no_record),
        "OPEN" => parts::badge(shell, Tone::Warn, t.month_open),
        "GIVEN" | "SELF_ADMINISTERED" => parts::badge(shell, Tone::Good, &codes::label(shell.locale, code)),
        "MISSED" | "VOMITED" => parts::badge(shell, Tone::Bad, &codes::label(shell.locale, code)),
        _ => parts::badge(shell, Tone::Neutral, &codes::label(shell.locale, code)),
    }
}

fn remark(dose: &Dose, shell: &Shell) -> Markup {
    html! {
        @if let Some(reason) = &dose.reason { (reason) }
        @if dose.was_corrected { span class="sub" { (shell.t().medication.month_corrected) } }
    }
}

fn slots(order: &Order, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.month_day, t.right_time, t.outcome, t.given_at, t.right_dose, t.month_by, t.month_remark]))
            tbody {
                @for slot in &order.slots {
                    tr {
                        th scope="row" { (parts::date(shell, &slot.day)) }
                        td data-label=(t.right_time) { (slot.due) }
                        td data-label=(t.outcome) { (outcome(&slot.outcome, shell)) }
                        td data-label=(t.given_at) { (slot.given_at.as_deref().unwrap_or("–")) }
                        td data-label=(t.right_dose) { (slot.dose_given.as_deref().unwrap_or("–")) }
                        td data-label=(t.month_by) { (slot.by.as_deref().unwrap_or("–")) }
                        td data-label=(t.month_remark) { (remark(slot, shell)) }
                    }
                }
            }
        }
    }
}

fn needed(view: &MonthView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.month_day, t.given_at, t.right_medicine, t.outcome, t.right_dose, t.month_by, t.month_remark]))
            tbody {
                @for dose in &view.as_needed {
                    tr {
                        th scope="row" { (parts::date(shell, &dose.day)) }
                        td data-label=(t.given_at) { (dose.given_at.as_deref().unwrap_or("–")) }
                        td data-label=(t.right_medicine) {
                            (dose.medication) @if dose.from_stock { span class="sub" { (t.month_from_stock) } }
                        }
                        td data-label=(t.outcome) {
                            (outcome(&dose.outcome, shell))
                            @if let Some(effect) = &dose.effect { span class="sub" { (codes::label(shell.locale, effect)) } }
                        }
                        td data-label=(t.right_dose) { (dose.dose_given.as_deref().unwrap_or("–")) " " (dose.unit.as_deref().unwrap_or_default()) }
                        td data-label=(t.month_by) { (dose.by.as_deref().unwrap_or("–")) }
                        td data-label=(t.month_remark) { (remark(dose, shell)) }
                    }
                }
            }
        }
    }
}
