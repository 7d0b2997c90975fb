//! A nurse's start page, for all of their schools together or one: a student checked in from here, who is in the clinic now,
//! medication until two hours from now, students who lack vaccine doses, signals of outbreaks, alerts that nobody has, and what
//! ends soon. Each leads to the page where the work is done. What the person may not see is absent.

use super::{
    Shell, alert_center,
    clinic::{self, ClinicView, Student, VisitRow},
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    icons,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// Minutes after which a visit needs a look.
const LONG: i64 = 120;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NurseView {
    /// The school that is looked at; empty for all.
    pub school: String,
    /// When this was so, RFC 3339.
    pub at: String,
    /// All schools of the person: id and name.
    pub mine: Vec<(String, String)>,
    /// What is counted at each that is looked at.
    pub schools: Vec<Place>,
    /// The field that finds a student to check in; none for who may not.
    pub check_in: Option<ClinicView>,
    /// Who is in a clinic now, the longest first.
    pub here: Vec<Here>,
    /// How many there are.
    pub here_total: u64,
    /// Medication; none for who gives none.
    pub medication: Option<Medication>,
    /// Vaccine doses; none for who may not see them.
    pub vaccines: Option<Vaccines>,
    /// Signals of outbreaks that wait for a review; none for who may not see them.
    pub signals: Option<Vec<Signal>>,
    /// Open alerts; none for who may not see them.
    pub alerts: Option<Alerts>,
}

/// A school with what is counted there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operations, which are documented")]
pub struct Place {
    pub id: String,
    pub name: String,
    pub open: u64,
    pub missed: u64,
    pub late: u64,
    pub due: u64,
    pub soon: u64,
    pub effect: u64,
    pub students: u64,
    pub not_evaluated: u64,
    pub overdue: u64,
    pub no_record: u64,
    pub signals: u64,
}

/// Somebody who is in a clinic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Here {
    /// The visit.
    pub visit: VisitRow,
    /// The name of the school.
    pub school: String,
}

/// What waits of medication.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Medication {
    /// Doses by time, cut short.
    pub doses: Vec<Dose>,
    /// Given as needed and not asked about, cut short.
    pub effects: Vec<Dose>,
    /// Orders that end soon, cut short.
    pub orders: Vec<Ending>,
    /// How many end.
    pub orders_total: u64,
}

/// A dose.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Dose {
    pub id: String,
    pub school_id: String,
    pub student: Student,
    pub medication: String,
    pub scheduled_for: String,
    pub administered_at: String,
    /// missed, late, due, soon or effect.
    pub waits: String,
}

/// An order or an exemption that ends.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operations, which are documented")]
pub struct Ending {
    pub student: Student,
    pub medication: String,
    pub kind: String,
    pub until: String,
}

/// Exemptions that end soon; the counts stand with the schools.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Vaccines {
    /// Cut short.
    pub exemptions: Vec<Ending>,
    /// How many end.
    pub exemptions_total: u64,
}

/// A signal of an outbreak.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Signal {
    pub id: String,
    pub syndrome: String,
    pub name: Option<String>,
    pub school: Option<String>,
    pub state: String,
    pub first_signal_on: String,
}

/// Open alerts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Alerts {
    /// Those that nobody has in hand, the most urgent first, cut short.
    pub unattended: Vec<alert_center::Alert>,
    /// How many nobody has.
    pub waiting: u64,
    /// How many somebody has or put off.
    pub in_hand: u64,
}

impl NurseView {
    fn sum(&self, of: impl Fn(&Place) -> u64) -> u64 {
        self.schools.iter().map(of).sum()
    }

    /// An address narrowed to the school that is looked at, if it is one.
    fn at(&self, path: &str, name: &str) -> String {
        narrowed(path, name, &self.school)
    }
}

fn narrowed(path: &str, name: &str, school: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    if school.is_empty() { path.to_owned() } else { format!("{path}{sign}{name}={school}") }
}

/// The page.
#[must_use]
pub fn render(view: &NurseView, shell: &Shell) -> Markup {
    let t = shell.t();
    let name = shell.person.as_ref().map_or("", |p| p.name.as_str());
    let clock = format::clock(&shell.zone, &view.at);
    layout::page(
        shell,
        &Head::new(t.ui.home),
        &html! {
            header class="page-head" {
                div {
                    h1 { (fill(t.ui.hello, &[("name", name)])) }
                    p class="lead" {
                        (shell.tenant) " · " (parts::date(shell, &shell.today)) ", " (fill(t.nurse.as_of, &[("time", &clock)])) " · "
                        a href=(view.at("/", "school")) { (t.nurse.again) }
                    }
                }
                @if view.mine.len() > 1 { (choose(view, shell)) }
            }
            @if let Some(check_in) = &view.check_in { (clinic::finder(check_in, shell)) }
            section aria-label=(t.nurse.at_a_glance) { dl class="figures" { (figures(view, shell)) } }
            @if view.schools.len() > 1 {
                (parts::card("schools", t.nurse.by_school, &html! {}, &by_school(view, shell)))
            }
            div class="home" {
                div class="column" {
                    (parts::card("here", t.clinic.waiting, &of(view.here.len(), view.here_total, shell), &here(view, shell)))
                    @if let Some(alerts) = &view.alerts { (alerting(alerts, shell)) }
                    @if let Some(signals) = &view.signals { (signalling(signals, shell)) }
                }
                div class="column" {
                    @if let Some(medication) = &view.medication { (doses(view, medication, shell)) }
                    (ending(view, shell))
                }
            }
            // On a wide screen the side navigation says the same.
            nav class="modules" aria-label=(t.ui.go_to) {
                @for item in shell.nav.iter().filter(|i| i.href != "/") {
                    a class="module" href=(item.href) { (icons::icon(&item.icon)) span { (item.label) } }
                }
            }
        },
    )
}

fn choose(view: &NurseView, shell: &Shell) -> Markup {
    let t = shell.t();
    let chosen = if view.school.is_empty() { "all" } else { &view.school };
    let mut school = Field::new("school", t.clinic.school, Kind::Choice, chosen).required();
    school.choices = vec![("all".to_owned(), t.nurse.all_schools.to_owned())];
    school.choices.extend(view.mine.iter().cloned());
    html! {
        form class="filters" method="get" action="/" {
            (form::field(shell, &school))
            div class="filter-actions" { button class="button quiet" type="submit" { (t.clinic.change_school) } }
        }
    }
}

/// How many are shown of how many there are.
fn of(shown: usize, total: u64, shell: &Shell) -> Markup {
    let n = format::count(shell.locale, shown as u64);
    let all = format::count(shell.locale, total);
    html! {
        span class="count" {
            @if total > shown as u64 { (fill(shell.t().nurse.n_of, &[("n", &n), ("total", &all)])) } @else { (all) }
        }
    }
}

fn figures(view: &NurseView, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    let count = |n: u64| format::count(shell.locale, n);
    let note = |text: &str, n: u64| if n == 0 { String::new() } else { fill(text, &[("n", &count(n))]) };
    let long = view.here.iter().filter(|h| h.visit.minutes >= LONG).count() as u64;
    let late = view.sum(|p| p.late + p.missed);
    let (students, unjudged) = (view.sum(|p| p.students), view.sum(|p| p.not_evaluated));
    let lacking = [note(t.no_record, view.sum(|p| p.no_record)), note(t.not_judged, unjudged)];
    let lacking: Vec<String> = lacking.into_iter().filter(|n| !n.is_empty()).collect();
    html! {
        (figure(shell.t().clinic.waiting, &view.at("/clinic", "school"), &count(view.here_total), &note(t.over_two_hours, long)))
        @if view.medication.is_some() {
            @let round = view.at("/medications", "school");
            (figure(t.late, &round, &count(late), &note(t.missed, view.sum(|p| p.missed))))
            (figure(t.due, &round, &count(view.sum(|p| p.due)), &note(t.soon, view.sum(|p| p.soon))))
        }
        @if view.vaccines.is_some() {
            // Of whom nothing was judged nothing is said.
            @let value = if students > 0 && unjudged == students { "–".to_owned() } else { count(view.sum(|p| p.overdue)) };
            (figure(t.lacking, &view.at("/immunizations/students?kind=overdue", "school"), &value, &lacking.join(" · ")))
        }
        @if let Some(signals) = &view.signals { (figure(t.signals, "/outbreaks", &count(signals.len() as u64), "")) }
        @if let Some(alerts) = &view.alerts {
            (figure(t.alerts, "/alerts", &count(alerts.waiting), &note(t.in_hand, alerts.in_hand)))
        }
    }
}

fn figure(label: &str, href: &str, value: &str, note: &str) -> Markup {
    html! {
        div class="figure" {
            dt { a href=(href) { (label) } }
            dd { (value) @if !note.is_empty() { span class="figure-note" { (note) } } }
        }
    }
}

fn by_school(view: &NurseView, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    let mut heads = vec![t.school, t.in_clinic];
    heads.extend(view.medication.is_some().then_some(t.doses_waiting));
    heads.extend(view.vaccines.is_some().then_some(t.lacking));
    heads.extend(view.signals.is_some().then_some(t.signals));
    let cell = |label: &str, n: u64, href: String| {
        html! { td data-label=(label) { a href=(href) { (format::count(shell.locale, n)) } } }
    };
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&heads))
            tbody {
                @for p in &view.schools {
                    tr {
                        th scope="row" { a href=(narrowed("/", "school", &p.id)) { (p.name) } }
                        (cell(t.in_clinic, p.open, narrowed("/clinic", "school", &p.id)))
                        @if view.medication.is_some() {
                            (cell(t.doses_waiting, p.missed + p.late + p.due, narrowed("/medications", "school", &p.id)))
                        }
                        @if view.vaccines.is_some() {
                            @let students = narrowed("/immunizations/students", "school", &p.id);
                            @if p.students > 0 && p.not_evaluated == p.students {
                                td data-label=(t.lacking) { a href={ (students) "&kind=not_evaluated" } { (fill(t.not_judged, &[("n", &format::count(shell.locale, p.students))])) } }
                            } @else { (cell(t.lacking, p.overdue, format!("{students}&kind=overdue"))) }
                        }
                        @if view.signals.is_some() { (cell(t.signals, p.signals, "/outbreaks".to_owned())) }
                    }
                }
            }
        }
    }
}

fn here(view: &NurseView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    html! {
        @if view.here.is_empty() { p class="none" { (t.nobody_waits) } } @else {
            table class="grid plain brief" data-keys {
                (parts::heads(&[t.student, t.reason, t.since]))
                tbody {
                    @for h in &view.here {
                        tr {
                            th scope="row" {
                                a href={ "/clinic/visits/" (h.visit.id) } { (h.visit.student.name) }
                                span class="sub" {
                                    @if view.school.is_empty() && view.mine.len() > 1 { (h.school) " · " }
                                    (clinic::summary(&h.visit.student.id, &h.visit.student.name, shell))
                                }
                                (clinic::warnings(&h.visit.student, shell))
                            }
                            td data-label=(t.reason) { (codes::label(shell.locale, &h.visit.chief_complaint_code)) }
                            td data-label=(t.since) { (clinic::since(&h.visit, shell)) }
                        }
                    }
                }
            }
        }
    }
}

/// The schools are named where several are looked at.
fn school_of<'a>(view: &'a NurseView, id: &str) -> Option<&'a str> {
    let several = view.school.is_empty() && view.mine.len() > 1;
    view.mine.iter().find(|(mine, _)| several && mine == id).map(|(_, name)| name.as_str())
}

fn doses(view: &NurseView, medication: &Medication, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    let total = view.sum(|p| p.missed + p.late + p.due + p.soon);
    html! {
        (parts::card("doses", t.medication, &of(medication.doses.len(), total, shell), &html! {
            @if medication.doses.is_empty() { p class="none" { (t.no_doses) } } @else {
                table class="grid plain brief" data-keys {
                    (parts::heads(&[t.time, shell.t().clinic.student, t.medicine, t.state]))
                    tbody { @for dose in &medication.doses { (one_dose(view, dose, shell)) } }
                }
            }
        }))
        @if !medication.effects.is_empty() {
            (parts::card("effects", t.effects, &of(medication.effects.len(), view.sum(|p| p.effect), shell), &html! {
                ul class="tasks" {
                    @for dose in &medication.effects {
                        li class="tone-info" {
                            (Tone::Info.sign(shell))
                            a href={ "/medications/doses/" (dose.id) } { (dose.student.name) ": " (dose.medication) }
                            span class="muted push" { (format::clock(&shell.zone, &dose.administered_at)) }
                        }
                    }
                }
            }))
        }
    }
}

fn one_dose(view: &NurseView, dose: &Dose, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    let (tone, code) = match dose.waits.as_str() {
        "missed" => (Tone::Bad, "MISSED"),
        "late" => (Tone::Warn, "LATE"),
        "due" => (Tone::Info, "DUE"),
        _ => (Tone::Neutral, "LATER"),
    };
    html! {
        tr {
            td data-label=(t.time) { time datetime=(dose.scheduled_for) { (format::clock(&shell.zone, &dose.scheduled_for)) } }
            th scope="row" {
                a href=(narrowed("/medications", "school", &dose.school_id)) { (dose.student.name) }
                @if let Some(school) = school_of(view, &dose.school_id) { span class="sub" { (school) } }
            }
            td data-label=(t.medicine) { (dose.medication) }
            td data-label=(t.state) { (parts::badge(shell, tone, &codes::label(shell.locale, code))) }
        }
    }
}

fn alerting(alerts: &Alerts, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    parts::card(
        "alerts",
        t.alerts,
        &of(alerts.unattended.len(), alerts.waiting, shell),
        &html! {
            @if alerts.unattended.is_empty() { p class="none" { (t.no_alerts) } } @else {
                ul class="tasks" {
                    @for alert in &alerts.unattended {
                        li {
                            (alert_center::severity(shell, &alert.severity))
                            a href={ "/alerts/" (alert.id) } { (alert.title) }
                            span class="muted push" { (alert.school_name.as_deref().unwrap_or_default()) " " (parts::moment(shell, &alert.first_seen)) }
                        }
                    }
                }
            }
        },
    )
}

fn signalling(signals: &[Signal], shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    parts::card(
        "signals",
        t.signals,
        &of(signals.len(), signals.len() as u64, shell),
        &html! {
            @if signals.is_empty() { p class="none" { (t.no_signals) } } @else {
                ul class="tasks" {
                    @for signal in signals {
                        @let place = signal.name.as_deref().or(signal.school.as_deref()).unwrap_or_default();
                        li class="tone-warn" {
                            (Tone::Warn.sign(shell))
                            a href={ "/outbreaks/" (signal.id) } { (codes::label(shell.locale, &signal.syndrome)) ": " (place) }
                            span class="muted push" {
                                (codes::label(shell.locale, &signal.state)) " · " (parts::date(shell, &signal.first_signal_on))
                            }
                        }
                    }
                }
            }
        },
    )
}

fn ending(view: &NurseView, shell: &Shell) -> Markup {
    let t = &shell.t().nurse;
    let orders = view.medication.as_ref().map_or(&[][..], |m| &m.orders);
    let exemptions = view.vaccines.as_ref().map_or(&[][..], |v| &v.exemptions);
    let total = view.medication.as_ref().map_or(0, |m| m.orders_total)
        + view.vaccines.as_ref().map_or(0, |v| v.exemptions_total);
    let exemption = |e: &Ending| fill(t.exemption, &[("kind", &codes::label(shell.locale, &e.kind))]);
    let lines = orders
        .iter()
        .map(|e| (e, format!("/medications/students/{}", e.student.id), e.medication.clone()))
        .chain(exemptions.iter().map(|e| (e, format!("/students/{}/immunizations", e.student.id), exemption(e))));
    let mut lines: Vec<(&Ending, String, String)> = lines.collect();
    lines.sort_by(|a, b| a.0.until.cmp(&b.0.until));
    html! {
        @if !lines.is_empty() {
            (parts::card("ending", t.ending, &of(lines.len(), total, shell), &html! {
                table class="grid plain brief" data-keys {
                    (parts::heads(&[t.ends, shell.t().clinic.student, t.what]))
                    tbody {
                        @for (ending, href, what) in &lines {
                            tr {
                                td data-label=(t.ends) { (parts::date(shell, &ending.until)) }
                                th scope="row" { a href=(href) { (ending.student.name) } }
                                td data-label=(t.what) { (what) }
                            }
                        }
                    }
                }
            }))
        }
    }
}
