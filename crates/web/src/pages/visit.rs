//! One visit to the clinic: what was seen, how it ends, and what it says after that. The form of a routine visit is filled by
//! keyboard alone: the outcome is its first field.

use super::{
    Shell,
    clinic::{self, Student},
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts,
};
use maud::{Markup, html};
use salus_domains::school::{SIGNS, TREATMENTS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a visit may end.
pub const DISPOSITIONS: [&str; 11] = [
    "RETURN_TO_CLASS",
    "SENT_HOME",
    "PARENT_PICKUP",
    "REFERRED_PRIMARY_CARE",
    "REFERRED_URGENT_CARE",
    "EMERGENCY_SERVICES_911",
    "REFERRED_COUNSELOR",
    "TRANSFERRED_TO_NURSE",
    "STAYED_IN_CLINIC",
    "LEFT_WITHOUT_BEING_SEEN",
    "OTHER",
];
/// Where a student may come from.
const ARRIVED_FROM: [&str; 7] = ["CLASS", "RECESS", "LUNCH", "PE", "BUS", "HOME", "OTHER"];
/// Signs that the concussion checklist asks for.
pub const CONCUSSION: [&str; 8] =
    ["CONFUSION", "DIZZINESS", "HEADACHE", "MEMORY_LOSS", "NAUSEA", "POOR_BALANCE", "UNCONSCIOUS", "VISION"];

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the names are those of the columns, which are commented; what the person may is a flag each"
)]
pub struct VisitView {
    pub id: String,
    pub row_version: i64,
    pub visit_number: i64,
    pub student: Student,
    pub check_in_at: String,
    pub check_out_at: String,
    pub chief_complaint_code: String,
    pub disposition: String,
    pub status: String,
    pub record_regime: String,
    pub class_minutes_missed: Option<i64>,
    pub minutes_estimated: bool,
    /// Period and minutes.
    pub periods: Vec<(String, i64)>,
    /// Present values by field, or those that were refused.
    pub values: BTreeMap<String, String>,
    /// What was measured: name, value and unit, when.
    pub measured: Vec<(String, String, String)>,
    /// Doses that were given meanwhile: id, medicine, outcome, when.
    pub doses: Vec<(String, String, String, String)>,
    /// Whether the person gives medication.
    pub may_give: bool,
    /// Symptoms that may be named.
    pub symptoms: Vec<String>,
    pub errors: Vec<FieldMessage>,
    pub error: String,
    pub may_write: bool,
    /// Whether the person may see immunizations.
    pub may_see_vaccines: bool,
}

/// The page.
#[must_use]
pub fn render(view: &VisitView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    let number = view.visit_number.to_string();
    layout::page(
        shell,
        &Head::new(t.visit).under(t.title, "/clinic"),
        &html! {
            header class="page-head" {
                div {
                    h1 { (view.student.name) }
                    p class="lead" {
                        (fill(t.visit_no, &[("n", &number)])) " · " (codes::label(shell.locale, &view.chief_complaint_code)) " "
                        (state(&view.status, shell)) " "
                        span class="badge regime" { (codes::label(shell.locale, &view.record_regime)) }
                    }
                    (clinic::warnings(&view.student, shell))
                }
                div class="actions" {
                    @if view.may_give {
                        a class="button quiet" href={ "/medications/students/" (view.student.id) } { (t.give_medicine) }
                    }
                    @if view.may_see_vaccines {
                        a class="button quiet" href={ "/students/" (view.student.id) "/immunizations" } { (shell.t().immunization.title) }
                    }
                    a class="button quiet" href={ "/students/" (view.student.id) } { (shell.t().student.summary) }
                    @if view.status != "VOIDED" { a class="button quiet" href={ "/clinic/visits/" (view.id) "/pass" } { (t.pass) } }
                    a class="button quiet" href={ "/patients/" (view.student.id) } { (t.chart) }
                }
            }
            section class="card" { (facts(view, shell)) }
            @if view.may_write && view.status != "VOIDED" { (act(view, shell)) }
        },
    )
}

/// Elsewhere an open thing is one that waits for somebody; an open visit is as it should be.
fn state(status: &str, shell: &Shell) -> Markup {
    match status {
        "OPEN" => parts::badge(shell, parts::Tone::Info, &codes::label(shell.locale, status)),
        other => parts::status(shell, other),
    }
}

fn facts(view: &VisitView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    let mut rows = vec![(t.arrived, parts::moment(shell, &view.check_in_at))];
    if !view.check_out_at.is_empty() {
        rows.push((t.left, parts::moment(shell, &view.check_out_at)));
        rows.push((t.outcome, html! { (codes::label(shell.locale, &view.disposition)) }));
        rows.push((t.class_missed, clinic::class_missed(view.class_minutes_missed, view.minutes_estimated, shell)));
    }
    if !view.periods.is_empty() {
        let line =
            view.periods.iter().map(|(name, n)| format!("{name}: {}", fill(t.minutes, &[("n", &n.to_string())])));
        let line: Vec<String> = line.collect();
        rows.push((t.by_period, html! { (line.join(", ")) }));
    }
    if !view.measured.is_empty() {
        rows.push((
            t.measured,
            html! { @for (name, value, at) in &view.measured { span class="line" { (name) ": " (value) " " span class="muted" { (clock(at, shell)) } } } },
        ));
    }
    if !view.doses.is_empty() {
        rows.push((
            t.doses,
            html! {
                @for (id, medicine, outcome, at) in &view.doses {
                    span class="line" {
                        a href={ "/medications/doses/" (id) } { (medicine) } " · " (codes::label(shell.locale, outcome)) " "
                        span class="muted" { (clock(at, shell)) }
                    }
                }
            },
        ));
    }
    parts::facts(&rows)
}

fn clock(at: &str, shell: &Shell) -> Markup {
    html! { time datetime=(at) { (format::clock(&shell.zone, at)) } }
}

/// The form: of an open visit its end, of one that has ended a change.
fn act(view: &VisitView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    let open = view.status == "OPEN";
    let fields = fields(view, shell);
    let refused: Vec<&Field> = fields.iter().collect();
    let group = |names: &[&str]| {
        html! { @for name in names { @for f in fields.iter().filter(|f| f.name == *name) { (form::field(shell, f)) } } }
    };
    let body = html! {
        (form::summary(shell, &view.error, &refused))
        input type="hidden" name="row_version" value=(view.row_version);
        @for name in ["guardian_was", "guardian_was_reached", "day", "check_in_was", "check_out_was"] {
            @if let Some(was) = view.values.get(name) { input type="hidden" name=(name) value=(was); }
        }
        fieldset {
            legend { (if open { t.ending } else { t.amend }) }
            div class="form two" {
                (group(&["disposition", "disposition_note", "called_ago"]))
                @if !open { (group(&["amended_reason", "void"])) }
            }
        }
        fieldset {
            legend { (t.what_was_seen) }
            div class="form two" { (group(&["temperature", "complaint_note", "assessment"])) }
            (ticks("symptom", t.symptoms, &view.symptoms, view, shell))
            (more(t.vital_signs, &view.errors, &SIGNS.map(|s| s.name), &group(&SIGNS.map(|s| s.name))))
        }
        fieldset {
            legend { (t.done) }
            (treatments(view, shell))
        }
        fieldset {
            legend { (t.head_injury) }
            div class="form two" { (group(&["head_injury", "checklist_done", "guardian", "guardian_reached"])) }
            (ticks("sign", t.checklist, &CONCUSSION.map(str::to_owned), view, shell))
        }
        fieldset {
            legend { (t.times) }
            div class="form two" { (group(&["arrived_from", "check_in_at", "check_out_at"])) }
        }
        div class="form-actions" {
            @if open {
                button class="button primary" type="submit" { (t.end) }
                button class="button" type="submit" formnovalidate formaction={ "/clinic/visits/" (view.id) } { (t.save) }
            } @else {
                button class="button primary" type="submit" { (t.amend) }
                span class="hint" { (t.amend_hint) }
            }
        }
    };
    let address = format!("/clinic/visits/{}{}", view.id, if open { "/check-out" } else { "" });
    form::post(shell, &address, "card form grouped", &body)
}

fn fields(view: &VisitView, shell: &Shell) -> Vec<Field> {
    let t = &shell.t().clinic;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind| Field::new(name, label, kind, value(name)).check(&view.errors);
    let mut disposition = field("disposition", t.disposition, Kind::Choice).codes(&DISPOSITIONS);
    disposition.required = true;
    let mut reason = field("amended_reason", t.amended_reason, Kind::Text);
    reason.required = true;
    let mut left = field("check_out_at", t.left, Kind::DateTime);
    if view.status == "OPEN" {
        left = left.hint(t.left_hint);
    }
    let signs = SIGNS.iter().map(|s| field(s.name, &codes::label(shell.locale, s.name), Kind::Number));
    let mut all = vec![
        disposition,
        field("disposition_note", t.disposition_note, Kind::Text),
        field("called_ago", t.called_ago, Kind::Number).hint(t.called_ago_hint),
        reason,
        field("void", t.take_back, Kind::Flag),
        field("temperature", t.temperature, Kind::Number),
        field("complaint_note", t.complaint_note, Kind::Text),
        field("assessment", t.assessment, Kind::Long),
        field("head_injury", t.head_injury, Kind::Flag).hint(t.head_injury_hint),
        field("checklist_done", t.checklist_done, Kind::Flag),
        field("guardian", t.guardian, Kind::Text),
        field("guardian_reached", t.guardian_reached, Kind::Flag),
        field("arrived_from", t.arrived_from, Kind::Choice).codes(&ARRIVED_FROM),
        field("check_in_at", t.arrived, Kind::DateTime),
        left,
    ];
    all.extend(signs);
    all
}

/// Fields that a routine visit leaves alone; shown where one of them is wrong.
fn more(label: &str, errors: &[FieldMessage], names: &[&str], fields: &Markup) -> Markup {
    let wrong = errors.iter().any(|e| names.contains(&e.field.as_str()));
    html! {
        details class="otherwise" open[wrong] {
            summary { (label) }
            div class="form two" { (fields) }
        }
    }
}

/// Treatments with their time and quantity, each in a line, and a line more.
fn treatments(view: &VisitView, shell: &Shell) -> Markup {
    let t = &shell.t().clinic;
    let value = |name: &str, n: usize| view.values.get(&format!("{name}-{n}")).map_or("", String::as_str);
    let lines = (0..40).filter(|n| !value("treatment", *n).is_empty()).max().map_or(0, |last| last + 1);
    html! {
        div class="treatments" {
            @for n in 0..=lines {
                div class="treatment" {
                    label class="field" { span { (t.treatment) }
                        select name={ "treatment-" (n) } {
                            option value="" { "–" }
                            @for code in TREATMENTS {
                                option value=(code) selected[value("treatment", n) == code] { (codes::label(shell.locale, code)) }
                            }
                        }
                    }
                    label class="field" { span { (t.treatment_at) }
                        input type="time" name={ "treatment_at-" (n) } value=(value("treatment_at", n));
                    }
                    label class="field" { span { (t.quantity) }
                        input type="text" inputmode="decimal" autocomplete="off" name={ "treatment_qty-" (n) } value=(value("treatment_qty", n));
                    }
                    input type="hidden" name={ "treatment_was-" (n) } value=(value("treatment_was", n));
                }
            }
        }
    }
}

/// Boxes to tick, one for each code.
fn ticks(prefix: &str, label: &str, all: &[String], view: &VisitView, shell: &Shell) -> Markup {
    html! {
        fieldset class="ticks" {
            legend { (label) }
            @for code in all {
                @let name = format!("{prefix}-{code}");
                label {
                    input type="checkbox" name=(name) value="true" checked[view.values.contains_key(&name)];
                    " " (codes::label(shell.locale, code))
                }
            }
        }
    }
}
