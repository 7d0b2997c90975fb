//! Today's clinic of a school: who is there, who was seen, and checking in by two taps, the student and the reason. What must
//! be known of a student before anything is typed stands beside the name: allergies, plans, orders of a court.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    offline::{self, Keeping},
    parts::{self, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// Why students come, most common first.
pub const REASONS: [&str; 14] = [
    "STOMACH",
    "HEADACHE",
    "INJURY",
    "FEVER",
    "MEDICATION",
    "ASTHMA",
    "DIABETES_CARE",
    "ANXIETY",
    "NOSEBLEED",
    "RASH",
    "DENTAL",
    "MENSTRUAL",
    "SCREENING",
    "OTHER",
];
/// Minutes after which a visit needs a look.
const LONG: i64 = 120;

/// The board.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClinicView {
    /// Id of the school; empty when the person has none.
    pub school: String,
    /// The school's day, ISO 8601.
    pub day: String,
    /// Schools the person may look at: id and name.
    pub schools: Vec<(String, String)>,
    /// Visits without an end.
    pub open: Vec<VisitRow>,
    /// Visits that ended, latest first.
    pub ended: Vec<VisitRow>,
    /// Whether somebody was searched for.
    pub searched: bool,
    /// Who was found.
    pub found: Vec<Student>,
    /// Whether the person may check in and out.
    pub may_write: bool,
    /// Why the last act was refused.
    pub error: String,
    /// Whether it stands on the start page, where no school may be chosen.
    pub is_home: bool,
    /// With what the browser keeps visits while there is no connection.
    pub keeping: Keeping,
}

/// One visit on the board.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct VisitRow {
    pub id: String,
    pub student: Student,
    pub check_in_at: String,
    pub check_out_at: String,
    pub chief_complaint_code: String,
    pub disposition: String,
    pub class_minutes_missed: Option<i64>,
    pub minutes_estimated: bool,
    pub row_version: i64,
    /// How long the student has been there.
    pub minutes: i64,
}

/// A student with what must be known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Student {
    /// The patient.
    pub id: String,
    /// As it is shown.
    pub name: String,
    /// Date of birth, ISO 8601; empty when it may not be seen.
    pub birth_date: String,
    /// Grade.
    pub grade: String,
    /// Homeroom.
    pub homeroom: String,
    /// Substances.
    pub allergies: Vec<String>,
    /// Kinds of health plans in force.
    pub plans: Vec<String>,
    /// Whether a court says who may be told.
    pub court_restriction: bool,
    /// The visit that is open.
    pub open_visit: String,
    /// Makes sending the same form twice one visit.
    pub client_ref: String,
    /// The school at which the student is checked in, where none was chosen before.
    pub school: String,
    /// Its name.
    pub school_name: String,
}

/// The page.
#[must_use]
pub fn render(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (parts::date(shell, &view.day)) } }
                a class="button quiet" href={ "/clinic/analytics?school=" (view.school) } { (shell.t().visit_analytics.title) }
                @if view.schools.len() > 1 { (choose_school(view, shell)) }
            }
            @if view.school.is_empty() {
                (parts::empty(t.no_school, t.no_school_hint, None))
            } @else {
                @if !view.error.is_empty() {
                    div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (view.error) } }
                }
                @if view.may_write { (offline::card(&view.keeping, (&view.school, school_name(view)), shell)) (finder(view, shell)) }
                (parts::card("waiting", t.waiting, &html! { span class="count" { (view.open.len()) } }, &waiting(view, shell)))
                (parts::card("seen", t.seen, &html! { span class="count" { (view.ended.len()) } }, &seen(view, shell)))
            }
        },
    )
}

fn school_name(view: &ClinicView) -> &str {
    view.schools.iter().find(|(id, _)| *id == view.school).map_or("", |(_, name)| name)
}

fn choose_school(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    let mut school = Field::new("school", t.school, Kind::Choice, &view.school).required();
    school.choices.clone_from(&view.schools);
    html! {
        form class="filters" method="get" action="/clinic" {
            (form::field(shell, &school))
            div class="filter-actions" { button class="button quiet" type="submit" { (t.change_school) } }
        }
    }
}

/// The field that finds a student, and whom it found.
#[must_use]
pub fn finder(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        section class="card" aria-labelledby="find-title" {
            header class="card-head" { h2 id="find-title" { (t.find) } }
            form class="search" role="search" method="post" action="/clinic/find" hx-post="/clinic/find"
                hx-trigger="input delay:300ms from:#who, submit" hx-target="#found" {
                (layout::csrf(shell))
                input type="hidden" name="school" value=(view.school);
                @if view.is_home { input type="hidden" name="home" value="true"; }
                div {
                    div class="smart" {
                        (super::icons::icon("search"))
                        input id="who" name="q" type="search" autocomplete="off" aria-label=(t.find) placeholder=(t.find_hint) autofocus[!view.is_home];
                        button class="button primary" type="submit" { (t.search) }
                    }
                }
            }
            div id="found" aria-live="polite" { @if view.searched { (found(view, shell)) } }
        }
    }
}

/// Who was found, each to be opened for the reasons. Also the answer while somebody types.
#[must_use]
pub fn found(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if view.found.is_empty() {
            p class="none" { strong { (t.nobody) } " " (t.nobody_hint) }
        } @else {
            p class="card-note" { (t.found) }
            ul class="picks" {
                @for student in &view.found { li { (pick(student, view, shell)) } }
            }
        }
    }
}

fn pick(student: &Student, view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if student.open_visit.is_empty() {
            details class="pick" name="pick" {
                summary { (who(student, shell)) }
                form class="reasons" method="post" action="/clinic/check-in" {
                    (layout::csrf(shell))
                    input type="hidden" name="student_id" value=(student.id);
                    input type="hidden" name="school" value=(if student.school.is_empty() { &view.school } else { &student.school });
                    input type="hidden" name="client_ref" value=(student.client_ref);
                    fieldset {
                        legend { (t.why) }
                        @for reason in REASONS {
                            button class="button" type="submit" name="reason" value=(reason) {
                                (codes::label(shell.locale, reason))
                            }
                        }
                    }
                    details class="otherwise" {
                        summary { (t.earlier) }
                        div class="form two" {
                            @for (name, label, kind) in [("at", t.earlier_at, Kind::DateTime), ("backdated_reason", t.earlier_why, Kind::Text)] {
                                @let id = format!("{name}-{}-{}", student.id, student.school);
                                label class="field" for=(id) { (label) " " span class="optional" { (shell.t().ui.optional) }
                                    input id=(id) name=(name) type=(if kind == Kind::DateTime { "datetime-local" } else { "text" }) autocomplete="off";
                                }
                            }
                        }
                    }
                }
            }
        } @else {
            a class="pick" href={ "/clinic/visits/" (student.open_visit) } {
                (who(student, shell)) " " (parts::badge(shell, Tone::Info, t.is_here))
            }
        }
    }
}

/// Name, grade and homeroom, and what must be known.
fn who(student: &Student, shell: &Shell) -> Markup {
    html! {
        strong { (student.name) }
        span class="muted" {
            " " (place(student, shell))
            @if !student.school_name.is_empty() { " · " (student.school_name) }
            @if !student.birth_date.is_empty() { " · " (patients::age(shell, &student.birth_date, "")) }
        }
        (warnings(student, shell))
    }
}

/// The way to a student at a glance, beside the name in a list.
#[must_use]
pub fn summary(student: &str, name: &str, shell: &Shell) -> Markup {
    let t = &shell.t().student;
    html! { a href={ "/students/" (student) } aria-label={ (t.summary) ": " (name) } { (t.summary) } }
}

fn place(student: &Student, shell: &Shell) -> String {
    let grade = fill(shell.t().clinic.grade, &[("grade", &student.grade)]);
    if student.homeroom.is_empty() { grade } else { format!("{grade} · {}", student.homeroom) }
}

/// What must be known before anything is typed.
#[must_use]
pub fn warnings(student: &Student, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if student.court_restriction || !student.allergies.is_empty() || !student.plans.is_empty() {
            span class="chips" {
                @if student.court_restriction { (parts::badge(shell, Tone::Bad, t.court)) }
                @for what in &student.allergies { (parts::badge(shell, Tone::Bad, &fill(t.allergy, &[("what", what)]))) }
                @for plan in &student.plans { (parts::badge(shell, Tone::Warn, &codes::label(shell.locale, plan))) }
            }
        }
    }
}

fn waiting(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if view.open.is_empty() { (parts::empty(t.nobody_waits, t.nobody_waits_hint, None)) } @else {
            table class="grid stack" data-keys {
                (parts::heads_then(&[t.student, t.reason, t.since], t.more))
                tbody {
                    @for visit in &view.open {
                        tr {
                            th scope="row" {
                                a href={ "/clinic/visits/" (visit.id) } { (visit.student.name) }
                                span class="sub" {
                                    (place(&visit.student, shell)) " · " (summary(&visit.student.id, &visit.student.name, shell))
                                }
                                (warnings(&visit.student, shell))
                            }
                            td data-label=(t.reason) { (codes::label(shell.locale, &visit.chief_complaint_code)) }
                            td data-label=(t.since) { (since(visit, shell)) }
                            td class="end" { @if view.may_write { (quick(visit, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

/// For how long somebody has been there.
#[must_use]
pub fn since(visit: &VisitRow, shell: &Shell) -> Markup {
    let n = visit.minutes.to_string();
    let text = fill(shell.t().clinic.minutes, &[("n", &n)]);
    html! { @if visit.minutes >= LONG { (parts::badge(shell, Tone::Warn, &text)) } @else { (text) } }
}

fn quick(visit: &VisitRow, view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        form class="inline" method="post" action={ "/clinic/visits/" (visit.id) "/check-out" } {
            (layout::csrf(shell))
            input type="hidden" name="school" value=(view.school);
            input type="hidden" name="row_version" value=(visit.row_version);
            input type="hidden" name="quick" value="true";
            button class="button" type="submit" name="disposition" value="RETURN_TO_CLASS" { (t.back_to_class) }
        }
    }
}

fn seen(view: &ClinicView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if view.ended.is_empty() { p class="none" { (t.none_seen) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.student, t.reason, t.arrived, t.left, t.outcome, t.class_missed]))
                tbody {
                    @for visit in &view.ended {
                        tr {
                            th scope="row" {
                                a href={ "/clinic/visits/" (visit.id) } { (visit.student.name) }
                                span class="sub" {
                                    (place(&visit.student, shell)) " · " (summary(&visit.student.id, &visit.student.name, shell)) " · "
                                    a href={ "/clinic/visits/" (visit.id) "/pass" } aria-label={ (t.pass) ": " (visit.student.name) } { (t.pass) }
                                }
                            }
                            td data-label=(t.reason) { (codes::label(shell.locale, &visit.chief_complaint_code)) }
                            td data-label=(t.arrived) { (clock(&visit.check_in_at, shell)) }
                            td data-label=(t.left) { (clock(&visit.check_out_at, shell)) }
                            td data-label=(t.outcome) { (codes::label(shell.locale, &visit.disposition)) }
                            td data-label=(t.class_missed) { (class_missed(visit.class_minutes_missed, visit.minutes_estimated, shell)) }
                        }
                    }
                }
            }
        }
    }
}

fn clock(at: &str, shell: &Shell) -> Markup {
    html! { time datetime=(at) { (format::clock(&shell.zone, at)) } }
}

/// Minutes of class, and whether they are estimated.
#[must_use]
pub fn class_missed(minutes: Option<i64>, estimated: bool, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if let Some(minutes) = minutes {
            (fill(t.minutes, &[("n", &minutes.to_string())]))
            @if estimated { " " span class="muted" { "(" (t.estimated) ")" } }
        }
    }
}
