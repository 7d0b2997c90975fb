//! The medication of one student: what may be given now as needed, the orders with what can be done to each, and a new order.

use super::{
    Shell,
    clinic::{self, Student},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill},
    layout::{self, Head},
    medication::{amount, clock},
    parts::{self, Tone},
};
use maud::{Markup, html};
use salus_domains::school::ROUTES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a medication is given.
const KINDS: [&str; 5] = ["SCHEDULED", "PRN", "EMERGENCY", "SELF_CARRY", "STOCK_STANDING_ORDER"];
/// Schedules of controlled drugs, 0 for none.
const SCHEDULES: [&str; 5] = ["0", "II", "III", "IV", "V"];

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrdersView {
    /// Whom for.
    pub student: Student,
    /// The orders, those in force first.
    pub orders: Vec<Order>,
    /// Whether the person orders, and gives over a limit.
    pub is_nurse: bool,
    /// Present values of the form, or those that were refused.
    pub values: BTreeMap<String, String>,
    /// What is wrong with the form.
    pub errors: Vec<FieldMessage>,
    /// Why the last act was refused.
    pub error: String,
}

/// One order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the fields are those of the answer, which is described in the API"
)]
pub struct Order {
    pub id: String,
    pub row_version: i64,
    pub medication: String,
    pub supply_expires_on: String,
    pub supply_is_over: bool,
    pub supply_ends_soon: bool,
    pub kind: String,
    pub status: String,
    pub status_reason: String,
    pub dose: String,
    pub unit: String,
    pub route: String,
    pub times: Vec<String>,
    pub instructions: String,
    pub min_interval_min: Option<i64>,
    pub max_per_day: Option<i64>,
    pub max_daily_dose: String,
    pub valid_from: String,
    pub valid_to: String,
    pub is_controlled: bool,
    pub is_delegable: bool,
    pub is_ordered: bool,
    pub is_consented: bool,
    pub in_force: bool,
    pub is_over: bool,
    pub allergy: bool,
    pub allergies_unchecked: bool,
    pub inventory_id: String,
    pub balance: String,
    pub today: i64,
    pub last_at: String,
    pub next_at: String,
    pub stops: Vec<String>,
    /// Makes sending the same form twice one dose.
    pub client_ref: String,
}

/// The page.
#[must_use]
pub fn render(view: &OrdersView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let needed: Vec<&Order> = view.orders.iter().filter(|o| o.in_force && o.kind != "SCHEDULED").collect();
    layout::page(
        shell,
        &Head::new(t.of_student).under(t.round, "/medications"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.student.name) }
                    p class="lead" { (fill(shell.t().clinic.grade, &[("grade", &view.student.grade)])) }
                    (clinic::warnings(&view.student, shell))
                }
                a class="button quiet" href={ "/medications/students/" (view.student.id) "/month" } { (t.month) }
                a class="button quiet" href={ "/students/" (view.student.id) } { (shell.t().student.summary) }
                a class="button quiet" href={ "/patients/" (view.student.id) } { (shell.t().clinic.chart) }
            }
            @if !view.error.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
            }
            @if !needed.is_empty() {
                (parts::card("needed", t.as_needed, &html! { span class="count" { (needed.len()) } }, &html! {
                    ul class="doses" { @for order in &needed { li { (give(order, view, shell)) } } }
                }))
            }
            (parts::card("orders", t.orders, &html! { span class="count" { (view.orders.len()) } }, &orders(view, shell)))
            @if view.is_nurse { (new(view, shell)) }
        },
    )
}

/// A dose as needed: the rights, whether it may be given now, and the button.
fn give(order: &Order, view: &OrdersView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let mut rows = vec![
        (t.right_student, html! { (view.student.name) }),
        (t.right_medicine, html! { (order.medication) }),
        (t.right_dose, html! { (amount(&order.dose, &order.unit, shell)) }),
        (t.right_route, html! { (codes::label(shell.locale, &order.route)) }),
        (
            t.right_time,
            html! { (t.now) @if !order.last_at.is_empty() { span class="sub" { (t.last_given) " " (clock(&order.last_at, shell)) } } },
        ),
        (t.limits, html! { (limits(order, shell)) }),
    ];
    if !order.instructions.is_empty() {
        rows.push((t.instructions, html! { (order.instructions) }));
    }
    let stopped = !order.stops.is_empty();
    let mut reason = Field::new("reason", t.why_over, Kind::Text, "").required();
    reason.name = format!("over-{}", order.id);
    let may_give = (view.is_nurse || (order.is_delegable && !stopped)) && !order.allergy;
    html! {
        article class="dose" aria-labelledby={ "order-" (order.id) } {
            header { h3 id={ "order-" (order.id) } { (order.medication) } (standing(order, shell)) }
            div class="rights" { (parts::facts(&rows)) }
            @if order.allergy {
                div class="flash tone-bad" role="note" { (Tone::Bad.sign(shell)) div { (t.allergy_stops) } }
            }
            @if may_give {
                (form::post(shell, &format!("/medications/students/{}/give", view.student.id), "give", &html! {
                    input type="hidden" name="order_id" value=(order.id);
                    input type="hidden" name="client_ref" value=(order.client_ref);
                    @if stopped { (form::field(shell, &reason)) }
                    button class="button primary" type="submit" aria-label={ (t.give) ": " (order.medication) } { (t.give) }
                }))
            } @else if !order.allergy {
                p class="card-note" { (parts::badge(shell, Tone::Warn, t.nurse_gives)) }
            }
        }
    }
}

/// Whether the next dose may be given now, and if not, why.
fn standing(order: &Order, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if order.stops.is_empty() { (parts::badge(shell, Tone::Good, t.may_now)) }
        @for stop in &order.stops {
            @match stop.as_str() {
                "MIN_INTERVAL" => {
                    span class="badge tone-warn" { (Tone::Warn.sign(shell)) (t.not_before) " " (clock(&order.next_at, shell)) }
                }
                _ => { (parts::badge(shell, Tone::Warn, &fill(t.day_full, &[("n", &order.today.to_string())]))) }
            }
            " "
        }
    }
}

fn limits(order: &Order, shell: &Shell) -> String {
    let t = &shell.t().medication;
    let mut said = Vec::new();
    if let Some(minutes) = order.min_interval_min {
        said.push(fill(t.every, &[("n", &minutes.to_string())]));
    }
    if let Some(most) = order.max_per_day {
        said.push(fill(t.per_day, &[("n", &order.today.to_string()), ("most", &most.to_string())]));
    }
    if !order.max_daily_dose.is_empty() {
        said.push(fill(t.daily_dose, &[("amount", &amount(&order.max_daily_dose, &order.unit, shell))]));
    }
    if said.is_empty() { t.no_limits.to_owned() } else { said.join(" · ") }
}

fn orders(view: &OrdersView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if view.orders.is_empty() { (parts::empty(t.no_orders, "", None)) } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.right_medicine, t.right_dose, t.when, t.valid, t.status], t.do_with))
                tbody {
                    @for order in &view.orders {
                        tr {
                            th scope="row" {
                                (order.medication)
                                @if order.is_controlled { span class="sub" { (t.controlled) } }
                            }
                            td data-label=(t.right_dose) {
                                (amount(&order.dose, &order.unit, shell))
                                span class="sub" { (codes::label(shell.locale, &order.route)) }
                            }
                            td data-label=(t.when) {
                                (codes::label(shell.locale, &order.kind))
                                @if !order.times.is_empty() { span class="sub" { (order.times.join(", ")) } }
                            }
                            td data-label=(t.valid) {
                                (parts::date(shell, &order.valid_from)) " – " (parts::date(shell, &order.valid_to))
                            }
                            td data-label=(t.status) {
                                (status(order, shell))
                                @if !order.balance.is_empty() {
                                    a class="sub" href={ "/medications/register/" (order.inventory_id) } {
                                        (t.in_register) ": " (amount(&order.balance, &order.unit, shell))
                                    }
                                }
                            }
                            td class="end" { @if view.is_nurse { (acts(order, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn status(order: &Order, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        (parts::status(shell, &order.status))
        @if order.status == "ACTIVE" && order.is_over { " " (parts::badge(shell, Tone::Warn, t.is_over)) }
        @if order.allergy { " " (parts::badge(shell, Tone::Bad, t.allergy_here)) }
        @if !order.supply_expires_on.is_empty() {
            span class="sub" {
                (t.supply_until) " " (parts::date(shell, &order.supply_expires_on)) " "
                @if order.supply_is_over { (parts::badge(shell, Tone::Bad, t.supply_over)) }
                @else if order.supply_ends_soon { (parts::badge(shell, Tone::Warn, t.supply_soon)) }
            }
        }
        @if matches!(order.status.as_str(), "DRAFT" | "PENDING_CONSENT") {
            @if !order.is_ordered { span class="sub" { (t.lacks_order) } }
            @if !order.is_consented { span class="sub" { (t.lacks_consent) } }
        }
    }
}

/// What can be done to an order, behind one summary.
fn acts(order: &Order, view: &OrdersView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let to = |verb: &str| format!("/medications/students/{}/orders/{}/{verb}", view.student.id, order.id);
    let field = |name: &str, label: &str, kind| {
        let mut field = Field::new(name, label, kind, "");
        field.name = format!("{name}-{}", order.id);
        field
    };
    let version = html! { input type="hidden" name="row_version" value=(order.row_version); };
    let mut supply = field("supply_expires_on", t.supply_expires, Kind::Date).hint(t.supply_hint);
    supply.value.clone_from(&order.supply_expires_on);
    let (waits, active) = (
        matches!(order.status.as_str(), "DRAFT" | "PENDING_CONSENT"),
        matches!(order.status.as_str(), "ACTIVE" | "SUSPENDED"),
    );
    html! {
        @if waits || active {
            details class="otherwise" {
                summary aria-label={ (t.do_with) ": " (order.medication) } { (t.do_with) }
                @if waits && !(order.is_ordered && order.is_consented) {
                    (form::post(shell, &to("documents"), "give", &html! {
                        (version)
                        @if !order.is_ordered { (form::field(shell, &field("prescriber_order", t.where_order, Kind::Text))) }
                        @if !order.is_consented { (form::field(shell, &field("guardian_consent", t.where_consent, Kind::Text))) }
                        button class="button" type="submit" { (t.on_file) }
                    }))
                }
                @if order.status != "ACTIVE" {
                    (form::post(shell, &to("activate"), "give", &html! {
                        (version)
                        @if order.allergies_unchecked { (form::field(shell, &field("allergies_reviewed", t.allergies_compared, Kind::Flag))) }
                        button class="button primary" type="submit" { (t.activate) }
                    }))
                }
                @if active {
                    (form::post(shell, &to("supply"), "give", &html! {
                        (version)
                        (form::field(shell, &supply))
                        button class="button" type="submit" { (t.supply_save) }
                    }))
                }
                (form::post(shell, &to("stop"), "give", &html! {
                    (version)
                    (form::field(shell, &field("reason", t.why_stop, Kind::Text).hint(t.no_health_data).required()))
                    div class="outcomes" {
                        @if order.status == "ACTIVE" { button class="button" type="submit" name="verb" value="suspend" { (t.suspend) } }
                        button class="button danger" type="submit" name="verb" value="discontinue" { (t.discontinue) }
                    }
                }))
            }
        }
    }
}

fn new(view: &OrdersView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let fields = fields(view, shell);
    let refused: Vec<&Field> = fields.iter().collect();
    let body = html! {
        @if !view.errors.is_empty() { (form::summary(shell, "", &refused)) }
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="form-actions" {
            button class="button primary" type="submit" { (t.draft) }
            span class="hint" { (t.draft_hint) }
        }
    };
    html! {
        details class="card" open[!view.errors.is_empty()] {
            summary class="card-head" { h2 { (t.new_order) } }
            (form::post(shell, &format!("/medications/students/{}/orders", view.student.id), "form grouped", &body))
        }
    }
}

fn fields(view: &OrdersView, shell: &Shell) -> Vec<Field> {
    let t = &shell.t().medication;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind| Field::new(name, label, kind, value(name)).check(&view.errors);
    vec![
        field("medication", t.right_medicine, Kind::Text).hint(t.medicine_hint).required(),
        field("kind", t.kind, Kind::Choice).codes(&KINDS).required(),
        field("dose_qty", t.right_dose, Kind::Number).required(),
        field("dose_unit", t.unit, Kind::Text).hint(t.unit_hint).required(),
        field("route", t.right_route, Kind::Choice).codes(&ROUTES).required(),
        field("times", t.times, Kind::Text).hint(t.times_hint),
        field("min_interval_min", t.min_interval, Kind::Number).hint(t.min_interval_hint),
        field("max_per_day", t.max_per_day, Kind::Number),
        field("max_daily_dose", t.max_daily_dose, Kind::Number),
        field("controlled_schedule", t.schedule, Kind::Choice).codes(&SCHEDULES),
        field("valid_from", t.valid_from, Kind::Date).required(),
        field("valid_to", t.valid_to, Kind::Date).hint(t.valid_to_hint),
        field("prescriber", t.prescriber, Kind::Text),
        field("prescriber_npi", t.npi, Kind::Text),
        field("instructions", t.instructions, Kind::Long),
        field("delegable", t.delegable, Kind::Flag),
    ]
}
