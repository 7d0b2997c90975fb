//! A student at a glance: what must be known first, whom to call, what is to be given, the last visits and what class they took,
//! vaccines, symptoms of late and absences. A part that the person may not see is not there.

use super::{
    Shell,
    clinic::{self, Student},
    i18n::{codes, fill, format},
    immunizations,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StudentView {
    /// Who.
    pub student: Student,
    /// The last visits, latest first.
    pub visits: Vec<Visit>,
    /// Over so many days.
    pub counted: Counted,
    /// Days for which a symptom is shown.
    pub symptom_days: u64,
    /// Symptoms of late.
    pub symptoms: Vec<Symptom>,
    /// Whom to call; none when the person may not see it.
    pub guardians: Option<Vec<Guardian>>,
    /// Orders of medication that are not over; none when the person may not see it.
    pub orders: Option<Vec<Order>>,
    /// Vaccines; none when the person may not see it.
    pub vaccines: Option<Vaccines>,
    /// Absences, latest first; none when the person may not see it.
    pub absences: Option<Vec<Absence>>,
    /// Whether the person may open the health record.
    pub may_see_chart: bool,
}

/// A visit to the clinic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the answer, which is described in the API")]
pub struct Visit {
    pub id: String,
    pub school: String,
    pub check_in_at: String,
    pub chief_complaint_code: String,
    pub disposition: Option<String>,
    pub status: String,
    pub class_minutes_missed: Option<i64>,
    pub minutes_estimated: bool,
}

/// Visits of some days, and what class they took.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the answer, which is described in the API")]
pub struct Counted {
    pub days: u64,
    pub visits: u64,
    pub class_minutes_missed: i64,
    pub estimated: bool,
}

/// What was reported of illness.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the answer, which is described in the API")]
pub struct Symptom {
    pub onset_on: String,
    pub syndrome: String,
    pub symptoms: Vec<String>,
    pub case_class: String,
}

/// Somebody to call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the names are those of the columns, which are commented"
)]
pub struct Guardian {
    pub name: String,
    pub relationship: String,
    pub phone: String,
    pub legal_custody: bool,
    pub may_pick_up: bool,
    pub receives_health_info: bool,
    pub restricted: bool,
}

/// An order of medication.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the answer, which is described in the API")]
pub struct Order {
    pub medication: String,
    pub kind: String,
    pub status: String,
    pub in_force: bool,
    pub is_over: bool,
    pub times: Vec<String>,
    pub next_at: String,
    pub valid_to: String,
}

/// Where the student stands with what the school asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Vaccines {
    pub status: String,
    pub until_on: String,
    pub next_due_on: String,
    pub overdue_since: String,
    pub evaluated_on: String,
}

/// Not at school.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Absence {
    pub day: String,
    pub starts_at: String,
    pub ends_at: String,
    pub reason: String,
}

/// The page.
#[must_use]
pub fn render(view: &StudentView, shell: &Shell) -> Markup {
    let t = shell.t();
    let who = &view.student;
    let count = |n: usize| html! { span class="count" { (n) } };
    layout::page(
        shell,
        &Head::new(t.student.title).under(t.clinic.title, "/clinic"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (who.name) }
                    p class="lead" {
                        (fill(t.clinic.grade, &[("grade", &who.grade)]))
                        @if !who.homeroom.is_empty() { " · " (who.homeroom) }
                        @if !who.birth_date.is_empty() { " · " (parts::date(shell, &who.birth_date)) }
                        @if !who.open_visit.is_empty() {
                            " · " a href={ "/clinic/visits/" (who.open_visit) } { (t.clinic.is_here) }
                        }
                    }
                    (clinic::warnings(who, shell))
                }
                @if view.may_see_chart {
                    a class="button quiet" href={ "/patients/" (who.id) } { (t.clinic.chart) }
                }
            }
            section aria-label=(t.nurse.at_a_glance) { dl class="figures" { (figures(view, shell)) } }
            (parts::card("visits", t.student.last_visits, &count(view.visits.len()), &visits(&view.visits, shell)))
            div class="home" {
                div class="column" {
                    (parts::card("symptoms", t.student.symptoms, &count(view.symptoms.len()), &symptoms(view, shell)))
                    @if let Some(guardians) = &view.guardians {
                        (parts::card("guardians", t.student.guardians, &count(guardians.len()), &calling(guardians, shell)))
                    }
                }
                div class="column" {
                    @if let Some(orders) = &view.orders {
                        (parts::card("orders", t.medication.orders, &count(orders.len()), &medication(view, orders, shell)))
                    }
                    @if let Some(absences) = &view.absences {
                        (parts::card("absences", t.student.absences, &count(absences.len()), &away(absences, shell)))
                    }
                }
            }
        },
    )
}

fn figures(view: &StudentView, shell: &Shell) -> Markup {
    let t = shell.t();
    let days = fill(t.student.in_days, &[("n", &view.counted.days.to_string())]);
    let minutes = fill(
        t.clinic.minutes,
        &[("n", &format::count(shell.locale, view.counted.class_minutes_missed.unsigned_abs()))],
    );
    let note = if view.counted.estimated { format!("{days} · {}", t.clinic.estimated) } else { days.clone() };
    html! {
        (parts::figure(t.student.visits, &format::count(shell.locale, view.counted.visits), &days))
        (parts::figure(t.clinic.class_missed, &minutes, &note))
        @if let Some(v) = &view.vaccines {
            div class="figure" {
                dt { a href={ "/students/" (view.student.id) "/immunizations" } { (t.immunization.title) } }
                dd { (standing(v, shell)) }
            }
        }
    }
}

/// Of whom nothing was judged nothing is said.
fn standing(v: &Vaccines, shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        @if v.status.is_empty() { "–" span class="figure-note" { (t.student.not_judged) } } @else {
            (immunizations::standing(&v.status, shell))
            span class="figure-note" {
                @if !v.overdue_since.is_empty() { (t.student.overdue_since) " " (parts::date(shell, &v.overdue_since)) " · " }
                @if !v.until_on.is_empty() { (t.student.until) " " (parts::date(shell, &v.until_on)) " · " }
                @if !v.next_due_on.is_empty() { (t.student.next_due) " " (parts::date(shell, &v.next_due_on)) " · " }
                (t.student.as_of) " " (parts::date(shell, &v.evaluated_on))
            }
        }
    }
}

fn visits(visits: &[Visit], shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if visits.is_empty() { p class="none" { (shell.t().student.no_visits) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.arrived, t.reason, t.outcome, t.class_missed]))
                tbody {
                    @for v in visits {
                        tr {
                            th scope="row" {
                                a href={ "/clinic/visits/" (v.id) } { (parts::moment(shell, &v.check_in_at)) }
                                span class="sub" { (v.school) }
                            }
                            td data-label=(t.reason) { (codes::label(shell.locale, &v.chief_complaint_code)) }
                            td data-label=(t.outcome) {
                                @match &v.disposition {
                                    Some(how) => (codes::label(shell.locale, how)),
                                    None => (parts::badge(shell, Tone::Info, &codes::label(shell.locale, &v.status))),
                                }
                            }
                            td data-label=(t.class_missed) { (clinic::class_missed(v.class_minutes_missed, v.minutes_estimated, shell)) }
                        }
                    }
                }
            }
        }
    }
}

fn symptoms(view: &StudentView, shell: &Shell) -> Markup {
    let t = &shell.t().student;
    let words = |codes: &[String]| codes.iter().map(|c| codes::label(shell.locale, c)).collect::<Vec<_>>().join(", ");
    html! {
        @if view.symptoms.is_empty() { p class="none" { (fill(t.no_symptoms, &[("n", &view.symptom_days.to_string())])) } } @else {
            ul class="tasks" {
                @for s in &view.symptoms {
                    li class="tone-warn" {
                        (Tone::Warn.sign(shell))
                        span { (codes::label(shell.locale, &s.syndrome)) @if !s.symptoms.is_empty() { ": " (words(&s.symptoms)) } }
                        span class="muted push" { (codes::label(shell.locale, &s.case_class)) " · " (parts::date(shell, &s.onset_on)) }
                    }
                }
            }
        }
    }
}

fn calling(guardians: &[Guardian], shell: &Shell) -> Markup {
    let t = &shell.t().student;
    html! {
        @if guardians.is_empty() { p class="none" { (t.no_guardians) } } @else {
            ul class="tasks" {
                @for g in guardians {
                    li {
                        span {
                            strong { (g.name) } " · " (codes::label(shell.locale, &g.relationship))
                            @if !g.phone.is_empty() { " · " (g.phone) }
                            span class="chips" {
                                @if g.restricted { (parts::badge(shell, Tone::Bad, t.restricted)) }
                                @if !g.receives_health_info { (parts::badge(shell, Tone::Warn, t.no_health)) }
                                @if g.legal_custody { (parts::badge(shell, Tone::Neutral, t.custody)) }
                                @if g.may_pick_up { (parts::badge(shell, Tone::Neutral, t.picks_up)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn medication(view: &StudentView, orders: &[Order], shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        @if orders.is_empty() { p class="none" { (t.student.no_orders) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.medication.right_medicine, t.nurse.state, t.student.next_dose, t.nurse.ends]))
                tbody {
                    @for o in orders {
                        tr {
                            th scope="row" {
                                a href={ "/medications/students/" (view.student.id) } { (o.medication) }
                                span class="sub" { (codes::label(shell.locale, &o.kind)) }
                            }
                            td data-label=(t.nurse.state) { (parts::status(shell, &o.status)) }
                            td data-label=(t.student.next_dose) {
                                @if !o.in_force { "–" }
                                @else if !o.times.is_empty() { (o.times.join(", ")) }
                                @else if o.next_at.is_empty() { (t.student.may_now) }
                                @else { (parts::moment(shell, &o.next_at)) }
                            }
                            td data-label=(t.nurse.ends) { (parts::date(shell, &o.valid_to)) }
                        }
                    }
                }
            }
        }
    }
}

fn away(absences: &[Absence], shell: &Shell) -> Markup {
    let t = &shell.t().student;
    html! {
        @if absences.is_empty() { p class="none" { (t.no_absences) } } @else {
            ul class="tasks" {
                @for a in absences {
                    li {
                        span {
                            (parts::date(shell, &a.day)) " · "
                            @match (a.starts_at.as_str(), a.ends_at.as_str()) {
                                ("", "") => (t.whole_day),
                                ("", ends) => (fill(t.until_time, &[("time", ends)])),
                                (starts, "") => (fill(t.from_time, &[("time", starts)])),
                                (starts, ends) => { (starts) "–" (ends) },
                            }
                        }
                        span class="muted push" { (codes::label(shell.locale, &a.reason)) }
                    }
                }
            }
        }
    }
}
