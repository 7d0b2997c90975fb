//! One student's immunizations: where the student stands with what the school asks for, what is next, and of every dose
//! whether it counts and why, in words. The names of vaccine groups and antigens are those of the schedule.

use super::{
    Shell,
    admissions::{self, Admission},
    exemptions::{self, Exemption},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    immunizations::{self, Release, Required, missing, notice, refused, standing},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page's data, named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VaccinesView {
    /// The student.
    pub student_id: String,
    /// As it is shown.
    pub name: String,
    /// The day it holds for.
    pub on: String,
    /// By what doses are judged.
    pub schedule: Option<Release>,
    /// `NO_SCHEDULE` or `NO_BIRTH_DATE`: why nothing is judged.
    pub problem: Option<String>,
    /// Where the student stands.
    pub compliance: Option<Standing>,
    /// Each vaccine group.
    pub forecasts: Vec<Forecast>,
    /// Each dose.
    pub doses: Vec<Dose>,
    /// Conditions that were taken into account.
    pub conditions: Vec<Condition>,
    /// Exemptions, newest first.
    pub exemptions: Vec<Exemption>,
    /// Admissions without all doses, newest first.
    pub admissions: Vec<Admission>,
    /// Whether the person may submit exemptions.
    pub may_write: bool,
    /// Whether the person may decide them.
    pub may_approve: bool,
    /// What was typed into the form of an exemption or of a dose.
    pub values: BTreeMap<String, String>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// Why the last act was refused.
    pub error: String,
}

/// Where the student stands with what is required.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Standing {
    pub status: String,
    pub until: Option<String>,
    pub score: Option<f64>,
    pub requirements: Vec<Required>,
    pub unknown_groups: Vec<String>,
}

/// What is next in a vaccine group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Forecast {
    pub vaccine_group: String,
    pub status: String,
    pub is_due: bool,
    pub is_overdue: bool,
    pub next_dose: Option<u64>,
    pub earliest_on: Option<String>,
    pub recommended_on: Option<String>,
    pub overdue_on: Option<String>,
}

/// A dose as it is written down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Dose {
    pub id: String,
    pub given_on: String,
    pub given_precision: String,
    pub cvx: String,
    pub vaccine: String,
    pub problem: Option<String>,
    pub verdicts: Vec<Verdict>,
}

/// What was said of a dose for one antigen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Verdict {
    pub antigen: String,
    pub status: String,
    pub reasons: Vec<Reason>,
}

/// Why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Reason {
    pub code: String,
    pub on: String,
    pub since: String,
    pub until: String,
    pub days: i64,
    pub least_days: i64,
    pub with_cvx: String,
    pub words: String,
}

/// A condition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// As the schedule words it.
    pub title: String,
}

/// The page.
#[must_use]
pub fn render(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    layout::page(
        shell,
        &Head::new(t.of_student).under(t.title, "/immunizations"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.name) }
                    p class="lead" {
                        (fill(t.as_of, &[("date", &format::date(shell.locale, &view.on))]))
                        @if let Some(c) = &view.compliance { " " (standing(&c.status, shell)) }
                    }
                }
                a class="button quiet" href={ "/students/" (view.student_id) } { (shell.t().student.summary) }
                a class="button quiet" href={ "/patients/" (view.student_id) } { (t.chart) }
            }
            (refused(&view.error, shell))
            (immunizations::release(view.schedule.as_ref(), shell))
            @if view.problem.as_deref() == Some("NO_BIRTH_DATE") { (notice(shell, t.no_birth_date, t.no_birth_date_hint)) }
            @for what in view.compliance.iter().flat_map(|c| &c.unknown_groups) {
                (notice(shell, &fill(t.unknown_group, &[("what", what)]), ""))
            }
            @if let Some(c) = &view.compliance { (parts::card("required", t.required, &html! {}, &required(c, shell))) }
            @if view.problem.is_none() { (parts::card("coming", t.coming, &html! {}, &coming(view, shell))) }
            (parts::card("doses", t.doses, &html! { span class="count" { (view.doses.len()) } }, &doses(view, shell)))
            @if view.may_write { (add(view, shell)) }
            @if !view.conditions.is_empty() { (parts::card("conditions", t.conditions, &html! {}, &conditions(view, shell))) }
            (parts::card("exemptions", t.exemptions, &html! { span class="count" { (view.exemptions.len()) } }, &exemptions::table(&view.exemptions, shell, |e| html! { @if view.may_approve { (exemptions::decide(e, &view.student_id, shell)) } })))
            @if view.may_write { (exemptions::form((&view.values, &view.errors), &format!("/students/{}/exemptions", view.student_id), shell)) }
            (admissions::cards(view, shell))
        },
    )
}

fn required(c: &Standing, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        @if c.requirements.is_empty() { p class="none" { (codes::label(shell.locale, "NOT_APPLICABLE")) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.vaccine_group, t.checkpoint, t.standing, t.missing]))
                tbody {
                    @for r in &c.requirements {
                        tr {
                            th scope="row" { (r.vaccine_group) }
                            td data-label=(t.checkpoint) { (codes::label(shell.locale, &r.checkpoint)) }
                            td data-label=(t.standing) {
                                (standing(&r.status, shell))
                                @if let Some(until) = &r.until { " " (fill(t.until, &[("date", &format::date(shell.locale, until))])) }
                                @if let Some(from) = &r.excluded_from {
                                    span class="sub" { (fill(shell.t().school_entry.kept_home_from, &[("date", &format::date(shell.locale, from))])) }
                                }
                            }
                            td data-label=(t.missing) {
                                @if let (Some(n), Some(total)) = (r.counted, r.required) {
                                    (fill(t.counted, &[("n", &n.to_string()), ("total", &total.to_string())]))
                                }
                                @if r.is_open() && !r.missing.is_empty() { ": " (missing(r, shell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is due first, then what comes; the rest folded away.
fn coming(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let mut open: Vec<&Forecast> = view.forecasts.iter().filter(|f| f.status == "NOT_COMPLETE").collect();
    open.sort_by_key(|f| (!f.is_overdue, !f.is_due, f.recommended_on.clone()));
    let rest: Vec<&Forecast> = view.forecasts.iter().filter(|f| f.status != "NOT_COMPLETE").collect();
    let day = |on: &Option<String>| html! { @if let Some(on) = on { (parts::date(shell, on)) } @else { "–" } };
    html! {
        @if open.is_empty() { p class="none" { (t.no_forecast) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads(&[t.vaccine_group, t.earliest, t.recommended, t.late_from]))
                tbody {
                    @for f in open {
                        tr {
                            th scope="row" {
                                (f.vaccine_group)
                                @if f.is_overdue { " " (parts::badge(shell, Tone::Bad, t.is_late)) }
                                @else if f.is_due { " " (parts::badge(shell, Tone::Warn, t.is_due)) }
                                @if let Some(n) = f.next_dose { span class="sub" { (fill(t.dose_n, &[("n", &n.to_string())])) } }
                            }
                            td data-label=(t.earliest) { (day(&f.earliest_on)) }
                            td data-label=(t.recommended) { (day(&f.recommended_on)) }
                            td data-label=(t.late_from) { (day(&f.overdue_on)) }
                        }
                    }
                }
            }
        }
        @if !rest.is_empty() {
            details class="card-note" {
                summary { (t.nothing_due) }
                ul class="plain-list" {
                    @for f in rest { li { strong { (f.vaccine_group) } ": " (codes::label(shell.locale, &f.status)) } }
                }
            }
        }
    }
}

fn doses(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        @if view.doses.is_empty() { p class="none" { (t.no_doses) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.given, t.vaccine, t.verdict], t.act))
                tbody {
                    @for dose in view.doses.iter().rev() {
                        tr {
                            th scope="row" { (parts::date(shell, &partial(dose))) }
                            td data-label=(t.vaccine) { (dose.vaccine) @if !dose.cvx.is_empty() { span class="sub" { "CVX " (dose.cvx) } } }
                            td data-label=(t.verdict) { (verdicts(dose, shell)) }
                            td class="end" { @if view.may_write { (mend(dose, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a dose is known from (CDC NIP001), in words.
fn sources(shell: &Shell) -> Vec<(String, String)> {
    let t = &shell.t().immunization;
    let words = [
        t.source_00,
        t.source_01,
        t.source_02,
        t.source_03,
        t.source_04,
        t.source_05,
        t.source_06,
        t.source_07,
        t.source_08,
    ];
    words.iter().enumerate().map(|(n, words)| (format!("0{n}"), (*words).to_owned())).collect()
}

/// Writing down what a card says.
fn add(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let value = |name: &str| view.values.get(name).cloned().unwrap_or_default();
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, &value(name)).check(&view.errors);
    let source = value("information_source");
    let known = if source.is_empty() { "01" } else { &source };
    let fields = [
        field("cvx", t.cvx, Kind::Text).required().hint(t.cvx_hint),
        field("given_on", t.given_on, Kind::Text).required().hint(t.given_on_hint),
        Field { choices: sources(shell), ..Field::new("information_source", t.known_from, Kind::Choice, known) }
            .required()
            .check(&view.errors),
        field("lot", t.lot, Kind::Text),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    let body = html! {
        (form::summary(shell, "", &all))
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="actions" { button class="button primary" type="submit" { (t.add_dose) } }
    };
    let address = format!("/students/{}/immunizations", view.student_id);
    parts::card("add", t.add_dose, &html! {}, &parts::inside(&form::post(shell, &address, "", &body)))
}

/// Correcting a dose, or taking it back.
fn mend(dose: &Dose, view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let address = |verb: &str| format!("/students/{}/immunizations/{}/{verb}", view.student_id, dose.id);
    let id = |name: &str| format!("{name}-{}", dose.id);
    html! {
        details class="pick" {
            summary { (t.correct) }
            (form::post(shell, &address("correct"), "inline", &html! {
                label for=(id("cvx")) { (t.cvx) }
                input id=(id("cvx")) name="cvx" required value=(dose.cvx) autocomplete="off";
                label for=(id("on")) { (t.given_on) }
                input id=(id("on")) name="given_on" required value=(partial(dose)) autocomplete="off";
                button class="button" type="submit" { (t.correct) }
            }))
        }
        details class="pick" {
            summary { (t.in_error) }
            (form::post(shell, &address("error"), "inline", &html! {
                label for=(id("error")) { (t.reason) }
                input id=(id("error")) name="entered_in_error_reason" required maxlength="1000" autocomplete="off";
                button class="button" type="submit" { (t.in_error) }
            }))
        }
    }
}

/// As much of the day as is known.
fn partial(dose: &Dose) -> String {
    let known = match dose.given_precision.as_str() {
        "YEAR" => 4,
        "MONTH" => 7,
        _ => 10,
    };
    dose.given_on.chars().take(known).collect()
}

/// Antigens with the same verdict for the same reasons are told together.
fn verdicts(dose: &Dose, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let mut together: Vec<(&Verdict, Vec<&str>)> = Vec::new();
    for verdict in &dose.verdicts {
        let alike = together.iter_mut().find(|(v, _)| v.status == verdict.status && v.reasons == verdict.reasons);
        match alike {
            Some((_, antigens)) => antigens.push(&verdict.antigen),
            None => together.push((verdict, vec![&verdict.antigen])),
        }
    }
    html! {
        @if let Some(problem) = &dose.problem {
            (parts::badge(shell, Tone::Warn, t.not_judged)) " " (codes::label(shell.locale, problem))
        } @else if together.is_empty() {
            (t.not_judged)
        } @else {
            ul class="plain-list" {
                @for (verdict, antigens) in together {
                    li {
                        (parts::badge(shell, tone(&verdict.status), &codes::label(shell.locale, &verdict.status)))
                        " " span class="muted" { (fill(t.against, &[("what", &antigens.join(", "))])) }
                        @for reason in &verdict.reasons { " " (words(reason, shell)) }
                    }
                }
            }
        }
    }
}

fn tone(status: &str) -> Tone {
    match status {
        "VALID" => Tone::Good,
        "EXTRANEOUS" => Tone::Neutral,
        _ => Tone::Bad,
    }
}

/// The reason in the language of the page; the days stand in it.
fn words(reason: &Reason, shell: &Shell) -> String {
    let t = &shell.t().immunization;
    let date = |iso: &str| format::date(shell.locale, iso);
    let pattern = match reason.code.as_str() {
        "LOT_EXPIRED" => t.lot_expired,
        "COMPROMISED" => t.compromised,
        "INADVERTENT" => t.inadvertent,
        "TOO_YOUNG" => t.too_young,
        "AGE_GRACE" => t.age_grace,
        "TOO_OLD" => t.too_old,
        "TOO_SOON" => t.too_soon,
        "INTERVAL_GRACE" => t.interval_grace,
        "CONFLICT" => t.conflict,
        "VACCINE_NOT_ALLOWED" => t.vaccine_not_allowed,
        "VACCINE_AGE" => t.vaccine_age,
        "LESS_VOLUME" => t.less_volume,
        "SERIES_COMPLETE" => t.series_complete,
        // A reason that the pages do not know yet is told as the operation words it.
        _ => return reason.words.clone(),
    };
    fill(
        pattern,
        &[
            ("on", &date(&reason.on)),
            ("since", &date(&reason.since)),
            ("until", &date(&reason.until)),
            ("days", &reason.days.to_string()),
            ("least", &reason.least_days.to_string()),
            ("cvx", &reason.with_cvx),
        ],
    )
}

fn conditions(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    html! {
        p class="card-note" { (t.conditions_hint) }
        ul class="card-note" lang="en" { @for c in &view.conditions { li { (c.title) } } }
    }
}
