//! How schools stand with immunization, and which students are why. What is missing to say so, a schedule or an approved
//! requirement, stands first, with what to do about it. One student's page is [`super::vaccines`].

use super::{
    Shell, compliance_trend,
    form::{self, Field, Kind},
    grades::{self, Grade, Group},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tab, Tone},
    patients,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// How the list may be narrowed, in the order of the page.
pub const KINDS: [&str; 9] = [
    "overdue",
    "excluded",
    "no_record",
    "conditional",
    "provisional",
    "exempt",
    "compliant",
    "not_applicable",
    "not_evaluated",
];

/// A release of a schedule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Release {
    /// Who publishes it.
    pub authority: String,
    /// As the authority counts.
    pub version: String,
}

/// All schools of the person.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SchoolsView {
    /// By what doses are judged.
    pub schedule: Option<Release>,
    /// Requirements that are approved.
    pub requirements_in_force: u64,
    /// The schools.
    pub schools: Vec<School>,
    /// How the schools stood over time.
    pub trend: Vec<compliance_trend::School>,
    /// Requirements that nobody has approved.
    pub waiting: Vec<Requirement>,
    /// Whether the person may have students judged.
    pub may_write: bool,
    /// Whether the person may approve.
    pub may_approve: bool,
    /// Why the last act was refused.
    pub error: String,
}

/// How a school stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct School {
    pub id: String,
    pub name: String,
    pub enrolled: u64,
    pub compliant: u64,
    pub overdue: u64,
    pub conditional: u64,
    pub provisional: u64,
    pub excluded: u64,
    pub exempt: u64,
    pub no_record: u64,
    pub not_applicable: u64,
    pub not_evaluated: u64,
    pub compliance_score: Option<f64>,
    pub up_to_date_percent: Option<f64>,
    pub in_compliance_percent: Option<f64>,
    pub measles_at_risk: Option<bool>,
    pub evaluated_on: Option<String>,
    pub grades: Vec<Grade>,
    pub groups: Vec<Group>,
}

/// A requirement that waits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Requirement {
    pub id: String,
    pub state: String,
    pub vaccine_group: String,
    pub checkpoint: String,
    pub rule: serde_json::Value,
    pub source_citation: String,
}

impl School {
    fn count(&self, kind: &str) -> u64 {
        match kind {
            "compliant" => self.compliant,
            "overdue" => self.overdue,
            "conditional" => self.conditional,
            "provisional" => self.provisional,
            "excluded" => self.excluded,
            "exempt" => self.exempt,
            "no_record" => self.no_record,
            "not_applicable" => self.not_applicable,
            _ => self.not_evaluated,
        }
    }
}

fn kind_label(kind: &str, shell: &Shell) -> &'static str {
    let t = &shell.t().immunization;
    match kind {
        "compliant" => t.compliant,
        "overdue" => t.overdue,
        "conditional" => t.conditional,
        "provisional" => shell.t().school_entry.provisional,
        "excluded" => shell.t().school_entry.excluded,
        "exempt" => t.exempt,
        "no_record" => t.no_record,
        "not_applicable" => t.not_applicable,
        _ => t.not_evaluated,
    }
}

/// Address of a school's students.
fn students_at(school: &str, kind: &str, page: u64) -> String {
    let page = if page > 1 { format!("&page={page}") } else { String::new() };
    format!("/immunizations/students?school={school}&kind={kind}{page}")
}

/// The same list, narrowed or turned otherwise.
fn list_at(view: &StudentsView, kind: &str, page: u64) -> String {
    let at = students_at(&view.school, kind, page);
    // A vaccine group that the route let through has nothing that an address would need encoded.
    let at = if view.group.is_empty() { at } else { format!("{at}&group={}", view.group) };
    if view.susceptible.is_empty() { at } else { format!("{at}&susceptible={}", view.susceptible) }
}

/// Which release judges, or what to do when none does.
#[must_use]
pub fn release(schedule: Option<&Release>, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        @match schedule {
            Some(release) => {
                @let authority = codes::label(shell.locale, &release.authority);
                p class="lead" { (fill(t.by_release, &[("authority", &authority), ("version", &release.version)])) }
            }
            None => (notice(shell, t.no_schedule, t.no_schedule_hint)),
        }
    }
}

/// What is missing, and what to do.
#[must_use]
pub fn notice(shell: &Shell, title: &str, hint: &str) -> Markup {
    html! { div class="flash tone-warn" role="note" { (Tone::Warn.sign(shell)) div { strong { (title) "." } " " (hint) } } }
}

/// The page of all schools.
#[must_use]
pub fn schools(view: &SchoolsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (t.lead) } } }
            (refused(&view.error, shell))
            (release(view.schedule.as_ref(), shell))
            @if view.requirements_in_force == 0 { (notice(shell, t.no_requirements, t.no_requirements_hint)) }
            @if !view.waiting.is_empty() {
                (parts::card("waiting", t.waiting, &html! { span class="count" { (view.waiting.len()) } }, &waiting(view, shell)))
            }
            @if view.schools.is_empty() {
                (parts::empty(t.no_school, "", None))
            } @else {
                (parts::card("schools", t.schools, &html! { span class="count" { (view.schools.len()) } }, &table(view, shell)))
                @for school in view.schools.iter().filter(|school| !school.grades.is_empty()) {
                    (parts::card(&format!("of-{}", school.id), &school.name, &html! {}, &grades::within(school, shell)))
                }
            }
        },
    )
}

/// Why the last act was refused.
#[must_use]
pub fn refused(error: &str, shell: &Shell) -> Markup {
    html! {
        @if !error.is_empty() { div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (error) } } }
    }
}

fn table(view: &SchoolsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let heads = [
        t.school,
        t.score,
        t.up_to_date,
        t.in_compliance,
        t.compliant,
        t.conditional,
        t.exempt,
        t.overdue,
        t.no_record,
    ];
    html! {
        p class="card-note" { (t.score) ": " (t.score_hint) }
        (parts::scroll(t.schools, &html! {
            table class="grid stack" data-keys {
                (parts::heads(&heads))
                tbody { @for school in &view.schools { (line(school, view, shell)) } }
            }
        }))
    }
}

/// A number with one decimal, and its unit.
pub(super) fn tenths(n: Option<f64>, unit: &str, shell: &Shell) -> String {
    n.map_or_else(|| "–".to_owned(), |n| format!("{}{unit}", format::decimal(shell.locale, &format!("{n:.1}"))))
}

fn line(school: &School, view: &SchoolsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let number = |n: Option<f64>, unit: &str| tenths(n, unit, shell);
    let of = |kind: &'static str, label: &'static str| {
        let n = school.count(kind);
        html! {
            td data-label=(label) {
                @if n == 0 { "0" } @else { a href=(students_at(&school.id, kind, 1)) { (format::count(shell.locale, n)) } }
            }
        }
    };
    html! {
        tr {
            th scope="row" {
                a href=(students_at(&school.id, "", 1)) { (school.name) }
                span class="sub" {
                    (t.enrolled) ": " (format::count(shell.locale, school.enrolled))
                    @if let Some(on) = &school.evaluated_on { " · " (as_of(on, shell)) }
                }
                @if school.not_evaluated > 0 {
                    span class="sub" {
                        a href=(students_at(&school.id, "not_evaluated", 1)) {
                            (t.not_evaluated) ": " (format::count(shell.locale, school.not_evaluated))
                        }
                    }
                }
                @if school.excluded > 0 {
                    span class="sub" {
                        a href={ "/immunizations/exclusions?school=" (school.id) } {
                            (shell.t().school_entry.excluded) ": " (format::count(shell.locale, school.excluded))
                        }
                    }
                }
                @if school.measles_at_risk == Some(true) { span class="sub tone-bad" { (Tone::Bad.sign(shell)) (t.measles_risk) } }
                @for known in view.trend.iter().filter(|known| known.id == school.id) { (compliance_trend::line(known, shell)) }
                @if view.may_write && view.schedule.is_some() {
                    (form::post(shell, "/immunizations/evaluate", "inline", &html! {
                        input type="hidden" name="school" value=(school.id);
                        button class="button quiet" type="submit" { (t.judge_now) span class="unseen" { ": " (school.name) } }
                    }))
                }
            }
            td data-label=(t.score) { (number(school.compliance_score, "")) }
            td data-label=(t.up_to_date) { (number(school.up_to_date_percent, " %")) }
            td data-label=(t.in_compliance) { (number(school.in_compliance_percent, " %")) }
            (of("compliant", t.compliant))
            (of("conditional", t.conditional))
            (of("exempt", t.exempt))
            (of("overdue", t.overdue))
            (of("no_record", t.no_record))
        }
    }
}

fn as_of(on: &str, shell: &Shell) -> String {
    fill(shell.t().immunization.as_of, &[("date", &format::date(shell.locale, on))])
}

fn waiting(view: &SchoolsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        p class="card-note" { (t.waiting_hint) }
        table class="grid stack" data-keys {
            (parts::heads_then(&[t.vaccine_group, t.checkpoint, t.required, t.source], t.act))
            tbody {
                @for r in &view.waiting {
                    tr {
                        th scope="row" { (r.vaccine_group) span class="sub" { (r.state) } }
                        td data-label=(t.checkpoint) { (codes::label(shell.locale, &r.checkpoint)) }
                        td data-label=(t.required) { (rule(&r.rule, shell)) }
                        td data-label=(t.source) { (r.source_citation) }
                        td class="end" {
                            @if view.may_approve {
                                (form::post(shell, &format!("/immunizations/requirements/{}/approve", r.id), "inline", &html! {
                                    button class="button" type="submit" {
                                        (t.approve) span class="unseen" { ": " (r.vaccine_group) }
                                    }
                                }))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A rule in words: one of its paths is enough.
fn rule(rule: &serde_json::Value, shell: &Shell) -> String {
    let t = &shell.t().immunization;
    let path = |path: &serde_json::Value| {
        let age = |name: &str| path[name].as_str().map(|age| wait(age, shell));
        let mut words = Vec::new();
        if let Some(n) = path["doses"].as_u64() {
            words.push(fill(t.rule_doses, &[("n", &n.to_string())]));
        }
        words.extend(age("one_on_or_after").map(|age| fill(t.rule_one_from, &[("age", &age)])));
        words.extend(age("each_on_or_after").map(|age| fill(t.rule_each_from, &[("age", &age)])));
        words.extend(age("min_interval").map(|age| fill(t.rule_apart, &[("age", &age)])));
        for (antigen, n) in path["antigen_counts"].as_object().into_iter().flatten() {
            words.push(fill(t.lacks_antigen, &[("n", &n.to_string()), ("antigen", antigen)]));
        }
        words.join(", ")
    };
    let paths: Vec<String> = rule["any"].as_array().into_iter().flatten().map(path).collect();
    paths.join(&format!("; {} ", t.rule_or))
}

/// An age or a wait such as `12m`, in words.
fn wait(text: &str, shell: &Shell) -> String {
    let t = &shell.t().immunization;
    let (n, unit) = text.split_at(text.len().saturating_sub(1));
    let pattern = match unit {
        "y" => t.n_years,
        "m" => t.n_months,
        "w" => t.n_weeks,
        "d" => t.n_days,
        _ => return text.to_owned(),
    };
    fill(pattern, &[("n", n)])
}

/// Students by where they stand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StudentsView {
    /// Id of the school; empty for all.
    pub school: String,
    /// Its name.
    pub school_name: String,
    /// How the list is narrowed; empty for not.
    pub kind: String,
    /// Only those who lack this vaccine group; empty for not.
    pub group: String,
    /// Only those who are not known to be protected by this vaccine group; empty for not.
    pub susceptible: String,
    /// From 1.
    pub page: u64,
    /// Pages in all.
    pub pages: u64,
    /// Students in all.
    pub total: u64,
    /// The students of this page.
    pub data: Vec<Student>,
    /// Whether the person may arrange reminders.
    pub may_write: bool,
}

/// A student of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Student {
    pub student_id: String,
    pub family_name: String,
    pub given_names: String,
    pub preferred_name: String,
    pub pseudonym: String,
    pub grade: String,
    pub homeroom: Option<String>,
    pub status: Option<String>,
    pub until: Option<String>,
    pub next_due_on: Option<String>,
    pub overdue_since: Option<String>,
    pub excluded_from: Option<String>,
    pub requirements: Option<Vec<Required>>,
}

/// A requirement and how a student stands with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Required {
    pub vaccine_group: String,
    pub checkpoint: String,
    pub status: String,
    pub until: Option<String>,
    pub excluded_from: Option<String>,
    pub counted: Option<u64>,
    pub required: Option<u64>,
    pub missing: Vec<Missing>,
}

/// What a requirement lacks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Missing {
    pub code: String,
    pub count: u64,
    pub on: String,
    pub antigen: String,
}

impl Required {
    /// Whether something is to be done about it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.status.as_str(), "COMPLIANT" | "NOT_APPLICABLE") && !self.status.starts_with("EXEMPT")
    }
}

/// What is missing, in words.
#[must_use]
pub fn missing(required: &Required, shell: &Shell) -> String {
    let t = &shell.t().immunization;
    let words = required.missing.iter().map(|m| match m.code.as_str() {
        "DOSES" => fill(t.lacks_doses, &[("n", &m.count.to_string())]),
        "UNKNOWN_GROUP" => fill(t.unknown_group, &[("what", &required.vaccine_group)]),
        "DOSE_ON_OR_AFTER" => fill(t.lacks_from, &[("date", &format::date(shell.locale, &m.on))]),
        _ => fill(t.lacks_antigen, &[("n", &m.count.to_string()), ("antigen", &m.antigen)]),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Where a student stands, as a badge.
#[must_use]
pub fn standing(status: &str, shell: &Shell) -> Markup {
    let tone = match status {
        "COMPLIANT" => Tone::Good,
        "NONCOMPLIANT" | "EXCLUDED" | "NO_RECORD" => Tone::Bad,
        "CONDITIONAL" | "PROVISIONAL" => Tone::Warn,
        "NOT_APPLICABLE" => Tone::Neutral,
        _ => Tone::Info,
    };
    parts::badge(shell, tone, &codes::label(shell.locale, status))
}

/// The page of students.
#[must_use]
pub fn students(view: &StudentsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let tab = |kind: &str, label: &str| Tab {
        href: list_at(view, kind, 1),
        label: label.to_owned(),
        current: view.kind == kind,
        ..Tab::default()
    };
    let mut tabs = vec![tab("", t.all)];
    tabs.extend(KINDS.iter().map(|kind| tab(kind, kind_label(kind, shell))));
    layout::page(
        shell,
        &Head::new(t.students).under(t.title, "/immunizations"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (if view.school_name.is_empty() { t.students } else { &view.school_name }) }
                    p class="lead" { (t.students) @if !view.group.is_empty() { " · " (t.missing) ": " (view.group) } }
                    @if !view.susceptible.is_empty() {
                        p class="hint" { (fill(shell.t().outbreak.exclusions_of, &[("group", &view.susceptible)])) ". " (t.susceptible_hint) }
                    }
                }
                @if !view.school.is_empty() {
                    a class="button quiet" href={ "/immunizations/exclusions?school=" (view.school) } { (shell.t().school_entry.exclusions) }
                }
                @if view.may_write && !view.school.is_empty() {
                    a class="button quiet" href={ "/immunizations/reminders?school=" (view.school) } { (t.reminders) }
                }
            }
            (parts::tabs(shell, t.students, &tabs))
            section class="card" aria-label=(t.students) {
                @if view.data.is_empty() { (parts::empty(t.nobody, "", None)) } @else { (people(view, shell)) }
            }
            (turn(view, shell))
        },
    )
}

fn people(view: &StudentsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        table class="grid stack" data-keys {
            (parts::heads(&[t.student, t.standing, t.missing]))
            tbody { @for student in &view.data { (person(student, shell)) } }
        }
    }
}

fn person(student: &Student, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let grade = fill(shell.t().clinic.grade, &[("grade", &student.grade)]);
    let name = patients::name(&student.family_name, &student.given_names, &student.preferred_name);
    let shown = if student.family_name.is_empty() { &student.pseudonym } else { &name };
    let open: Vec<&Required> = student.requirements.iter().flatten().filter(|r| r.is_open()).collect();
    html! {
        tr {
            th scope="row" {
                a href={ "/students/" (student.student_id) "/immunizations" } { (shown) }
                span class="sub" {
                    (grade) @if let Some(room) = &student.homeroom { " · " (room) }
                    " · " (super::clinic::summary(&student.student_id, shown, shell))
                }
            }
            td data-label=(t.standing) {
                @match &student.status {
                    Some(status) => {
                        (standing(status, shell))
                        @if let Some(until) = &student.until { " " (fill(t.until, &[("date", &format::date(shell.locale, until))])) }
                    }
                    None => (parts::badge(shell, Tone::Neutral, t.not_evaluated)),
                }
                @if let Some(since) = &student.overdue_since {
                    span class="sub" { (fill(t.late_since, &[("date", &format::date(shell.locale, since))])) }
                } @else if let Some(due) = &student.next_due_on {
                    span class="sub" { (fill(t.due_from, &[("date", &format::date(shell.locale, due))])) }
                }
            }
            td data-label=(t.missing) {
                @if open.is_empty() { "–" } @else {
                    ul class="plain-list" {
                        @for r in open {
                            li { strong { (r.vaccine_group) } " (" (codes::label(shell.locale, &r.checkpoint)) "): " (missing(r, shell)) }
                        }
                    }
                }
            }
        }
    }
}

fn turn(view: &StudentsView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let (n, total) = (view.page.to_string(), view.pages.to_string());
    html! {
        @if view.pages > 1 {
            nav class="pager" aria-label=(t.students) {
                span class="muted" { (fill(t.page_of, &[("n", &n), ("total", &total)])) }
                @if view.page > 1 { a class="button quiet" href=(list_at(view, &view.kind, view.page - 1)) { (t.previous) } }
                @if view.page < view.pages { a class="button quiet" href=(list_at(view, &view.kind, view.page + 1)) { (t.next) } }
            }
        }
    }
}

/// A choice of the kinds of exemption, for the form of a student.
#[must_use]
pub fn exemption_kind(label: &str, value: &str) -> Field {
    Field::new("kind", label, Kind::Choice, value)
        .codes(&["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY", "RELIGIOUS", "PERSONAL"])
        .required()
}
