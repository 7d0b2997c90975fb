//! The medication round of a school's day: what is to be given by time, one tap to give with the rights beside the button, and
//! what else may come of a dose. What the clock or the register forbids is said where the button is.

use super::{
    Shell,
    clinic::{self, Student},
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// What may come of a dose besides being given.
const OUTCOMES: [&str; 4] = ["ABSENT", "REFUSED", "HELD", "NOT_AVAILABLE"];

/// The round.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RoundView {
    /// Id of the school; empty when the person has none.
    pub school: String,
    /// The school's day, ISO 8601.
    pub day: String,
    /// The school's zone, in which its times are shown and typed.
    pub timezone: String,
    /// Schools the person may look at: id and name.
    pub schools: Vec<(String, String)>,
    /// The doses by time.
    pub doses: Vec<Dose>,
    /// Whether the person gives what is not delegated, and over a limit.
    pub is_nurse: bool,
    /// What was refused, of which dose, and what had been typed.
    pub refused: Refused,
    /// What was scanned.
    pub scan: Scan,
}

impl RoundView {
    /// Says what was refused of a dose that is not shown beside the field of the scanner: the page has those of one student only.
    pub fn tell_beside(&mut self) {
        let is_shown = |dose: &Dose| self.scan.student.is_empty() || dose.student.id == self.scan.student;
        if !self.doses.iter().any(|dose| dose.order_id == self.refused.order_id && is_shown(dose)) {
            self.scan.error.clone_from(&self.refused.message);
        }
    }
}

/// The badge and the packages that were scanned.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scan {
    /// By which the next page knows it.
    pub handle: String,
    /// Whose badge it was; empty before one was scanned.
    pub student: String,
    /// The student's orders of which a package was scanned.
    pub orders: Vec<String>,
    /// Why the last scan was refused.
    pub error: String,
}

/// Why something was not recorded.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Refused {
    pub order_id: String,
    pub scheduled_for: String,
    pub message: String,
    pub reason: String,
    pub given_at: String,
}

/// One dose.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the fields are those of the answer, which is described in the API"
)]
pub struct Dose {
    pub id: String,
    pub order_id: String,
    pub student: Student,
    pub medication: String,
    pub dose: String,
    pub unit: String,
    pub route: String,
    pub instructions: String,
    pub scheduled_for: String,
    pub administered_at: String,
    pub dose_given: String,
    pub effect: String,
    pub state: String,
    pub was_corrected: bool,
    pub is_controlled: bool,
    pub balance: String,
    pub is_delegable: bool,
    /// By what the attendance office says; nobody recorded it.
    pub is_absent: bool,
    pub allergy: bool,
    /// Makes sending the same form twice one dose.
    pub client_ref: String,
}

impl Dose {
    /// Whether somebody still has to say what came of it.
    fn is_open(&self) -> bool {
        self.is_absent || matches!(self.state.as_str(), "LATER" | "DUE" | "LATE" | "MISSED")
    }

    fn tone(&self) -> Tone {
        match self.state.as_str() {
            "GIVEN" | "SELF_ADMINISTERED" => Tone::Good,
            "DUE" => Tone::Info,
            "LATE" | "REFUSED" | "HELD" | "VOMITED" | "NOT_AVAILABLE" | "WASTED" => Tone::Warn,
            "MISSED" => Tone::Bad,
            _ => Tone::Neutral,
        }
    }
}

/// The page.
#[must_use]
pub fn render(view: &RoundView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let (mut open, done): (Vec<&Dose>, Vec<&Dose>) = view.doses.iter().partition(|dose| dose.is_open());
    if !view.scan.student.is_empty() {
        open.retain(|dose| dose.student.id == view.scan.student);
    }
    // Who is not there can wait.
    open.sort_by_key(|dose| dose.is_absent);
    layout::page(
        shell,
        &Head::new(t.round),
        &html! {
            header class="page-head" {
                div { h1 { (t.round) } p class="lead" { (parts::date(shell, &view.day)) } }
                @if !view.school.is_empty() {
                    a class="button quiet" href={ "/medications/register?school=" (view.school) } { (t.register) }
                    a class="button quiet" href={ "/medications/delegations?school=" (view.school) } { (t.delegations) }
                    a class="button quiet" href="/medications/errors" { (t.mistakes) }
                }
                @if view.schools.len() > 1 { (choose_school(shell, "/medications", &view.school, &view.schools)) }
            }
            @if view.school.is_empty() {
                (parts::empty(shell.t().clinic.no_school, shell.t().clinic.no_school_hint, None))
            } @else {
                (scanner(view, shell))
                (parts::card("to-give", t.to_give, &html! { span class="count" { (open.len()) } }, &to_give(&open, view, shell)))
                (parts::card("done", t.done, &html! { span class="count" { (done.len()) } }, &recorded(&done, shell)))
            }
        },
    )
}

/// The form that shows another school.
#[must_use]
pub fn choose_school(shell: &Shell, address: &str, school: &str, schools: &[(String, String)]) -> Markup {
    let t = &shell.t().clinic;
    let mut field = Field::new("school", t.school, Kind::Choice, school).required();
    field.choices = schools.to_vec();
    html! {
        form class="filters" method="get" action=(address) {
            (form::field(shell, &field))
            div class="filter-actions" { button class="button quiet" type="submit" { (t.change_school) } }
        }
    }
}

/// The field into which a scanner types, and what it read last. Digits that are typed anywhere on the page go there.
fn scanner(view: &RoundView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let scan = &view.scan;
    let whose = view.doses.iter().find(|dose| dose.student.id == scan.student).map(|dose| dose.student.name.as_str());
    let all = format!("/medications?school={}", view.school);
    html! {
        section class="card" aria-labelledby="scan-title" {
            header class="card-head" {
                h2 id="scan-title" { (t.scan) }
                @if !scan.student.is_empty() { a href=(all) { (t.scan_all) } }
            }
            form class="search" method="post" action="/medications/scan" {
                (layout::csrf(shell))
                input type="hidden" name="school" value=(view.school);
                input type="hidden" name="scanned" value=(scan.handle);
                div {
                    div class="smart" {
                        (super::icons::icon("search"))
                        input name="code" type="search" autocomplete="off" required aria-label=(t.scan) placeholder=(t.scan_hint)
                            data-scan autofocus[!scan.student.is_empty() || !scan.error.is_empty()];
                        button class="button primary" type="submit" { (t.scan_take) }
                    }
                }
            }
            @if !scan.error.is_empty() {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (scan.error) } }
            } @else if let Some(name) = whose {
                div class="flash tone-good" role="status" { (Tone::Good.sign(shell)) div { (fill(t.scan_of, &[("name", name)])) } }
            }
        }
    }
}

fn to_give(open: &[&Dose], view: &RoundView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if open.is_empty() && !view.scan.student.is_empty() { p class="none" { (t.scan_none) } }
        @else if open.is_empty() { (parts::empty(t.nothing_due, t.nothing_due_hint, None)) } @else {
            ul class="doses" { @for dose in open { li { (one(dose, view, shell)) } } }
        }
    }
}

fn one(dose: &Dose, view: &RoundView, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let refused = (view.refused.order_id == dose.order_id && view.refused.scheduled_for == dose.scheduled_for)
        .then_some(&view.refused);
    html! {
        article class="dose" aria-labelledby={ "dose-" (dose.id) } {
            header {
                h3 id={ "dose-" (dose.id) } {
                    (clock(&dose.scheduled_for, shell)) " "
                    a href={ "/medications/students/" (dose.student.id) } { (dose.student.name) }
                }
                (clinic::summary(&dose.student.id, &dose.student.name, shell)) " "
                (parts::badge(shell, dose.tone(), &codes::label(shell.locale, &dose.state)))
                @if dose.was_corrected { " " (parts::badge(shell, Tone::Warn, t.corrected)) }
            }
            (clinic::warnings(&dose.student, shell))
            (rights(dose, &view.scan, shell))
            @if let Some(refused) = refused {
                div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (refused.message) } }
            }
            (act(dose, view, refused, shell))
        }
    }
}

/// The rights of a dose, as they are checked before it is given.
fn rights(dose: &Dose, scan: &Scan, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let scanned = |is: bool| html! { @if is { " " (parts::badge(shell, Tone::Good, t.scanned)) } };
    let package = scan.orders.contains(&dose.order_id);
    let grade = fill(shell.t().clinic.grade, &[("grade", &dose.student.grade)]);
    let mut rows = vec![
        (
            t.right_student,
            html! { (dose.student.name) (scanned(dose.student.id == scan.student)) span class="sub" { (grade) @if !dose.student.homeroom.is_empty() { " · " (dose.student.homeroom) } } },
        ),
        (t.right_medicine, html! { (dose.medication) (scanned(package)) }),
        (t.right_dose, html! { (amount(&dose.dose, &dose.unit, shell)) }),
        (t.right_route, html! { (codes::label(shell.locale, &dose.route)) }),
        (t.right_time, html! { (clock(&dose.scheduled_for, shell)) }),
    ];
    if !dose.instructions.is_empty() {
        rows.push((t.instructions, html! { (dose.instructions) }));
    }
    if dose.is_controlled {
        let left = if dose.balance.is_empty() {
            t.nothing_received.to_owned()
        } else {
            amount(&dose.balance, &dose.unit, shell)
        };
        rows.push((t.in_register, html! { (left) }));
    }
    html! { div class="rights" { (parts::facts(&rows)) } }
}

/// How much of which unit.
#[must_use]
pub fn amount(quantity: &str, unit: &str, shell: &Shell) -> String {
    format!("{} {unit}", format::decimal(shell.locale, quantity))
}

fn act(dose: &Dose, view: &RoundView, refused: Option<&Refused>, shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    let may_give = view.is_nurse || dose.is_delegable;
    if !may_give {
        return html! { p class="card-note" { (parts::badge(shell, Tone::Warn, t.nurse_gives)) } };
    }
    let off = match dose.state.as_str() {
        "LATER" => t.why_early,
        "LATE" | "MISSED" | "ABSENT" => t.why_late,
        _ => "",
    };
    let typed = |pick: fn(&Refused) -> &String| refused.map(|r| pick(r).clone()).unwrap_or_default();
    let mut at = Field::new("given_at", t.given_at, Kind::Text, &typed(|r| &r.given_at)).hint(t.given_at_hint);
    at.name = format!("given_at-{}", dose.id);
    let mut why = Field::new("reason", off, Kind::Text, &typed(|r| &r.reason));
    why.name = format!("reason-{}", dose.id);
    why.required = dose.state == "LATER";
    let mut other = Field::new("other", t.reason, Kind::Text, &typed(|r| &r.reason));
    other.name = format!("other-{}", dose.id);
    let hidden = html! {
        input type="hidden" name="dose" value=(dose.id);
        input type="hidden" name="school" value=(view.school);
        input type="hidden" name="scanned" value=(view.scan.handle);
        input type="hidden" name="timezone" value=(view.timezone);
        input type="hidden" name="order_id" value=(dose.order_id);
        input type="hidden" name="scheduled_for" value=(dose.scheduled_for);
        input type="hidden" name="client_ref" value=(dose.client_ref);
    };
    html! {
        @if dose.allergy {
            div class="flash tone-bad" role="note" { (Tone::Bad.sign(shell)) div { (t.allergy_stops) } }
        } @else {
            (form::post(shell, "/medications/give", "give", &html! {
                (hidden)
                @if !off.is_empty() {
                    (form::field(shell, &why))
                    @if dose.state != "LATER" { (form::field(shell, &at)) }
                }
                button class="button primary" type="submit" name="outcome" value="GIVEN"
                    aria-label={ (t.give) ": " (dose.student.name) ", " (dose.medication) } { (t.give) }
            }))
        }
        details class="otherwise" open[refused.is_some() && dose.allergy] {
            summary { (t.otherwise) }
            (form::post(shell, "/medications/give", "give", &html! {
                (hidden)
                (form::field(shell, &other))
                div class="outcomes" {
                    @for outcome in OUTCOMES {
                        button class="button" type="submit" name="outcome" value=(outcome) { (codes::label(shell.locale, outcome)) }
                    }
                }
            }))
        }
    }
}

fn recorded(done: &[&Dose], shell: &Shell) -> Markup {
    let t = &shell.t().medication;
    html! {
        @if done.is_empty() { p class="none" { (t.none_done) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.right_time, t.right_student, t.right_medicine, t.outcome], t.open))
                tbody {
                    @for dose in done {
                        tr {
                            td data-label=(t.right_time) {
                                (clock(if dose.scheduled_for.is_empty() { &dose.administered_at } else { &dose.scheduled_for }, shell))
                                @if dose.scheduled_for.is_empty() { span class="sub" { (t.as_needed) } }
                            }
                            th scope="row" {
                                a href={ "/medications/students/" (dose.student.id) } { (dose.student.name) }
                            }
                            td data-label=(t.right_medicine) {
                                (dose.medication)
                                @if !dose.dose_given.is_empty() { span class="sub" { (amount(&dose.dose_given, &dose.unit, shell)) } }
                            }
                            td data-label=(t.outcome) {
                                (parts::badge(shell, dose.tone(), &codes::label(shell.locale, &dose.state)))
                                @if !dose.administered_at.is_empty() { " " (clock(&dose.administered_at, shell)) }
                                @if dose.was_corrected { " " (parts::badge(shell, Tone::Warn, t.corrected)) }
                            }
                            td class="end" {
                                a class="button quiet" href={ "/medications/doses/" (dose.id) }
                                    aria-label={ (t.open) ": " (dose.student.name) ", " (dose.medication) } { (t.open) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The time of day of an instant.
#[must_use]
pub fn clock(at: &str, shell: &Shell) -> Markup {
    html! { @if !at.is_empty() { time datetime=(at) { (format::clock(&shell.zone, at)) } } }
}
