//! The part of a student's page that says whether the student attends without all doses, until when, and lets a nurse decide it.
//! Why somebody was admitted is specially protected and not shown.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    parts::{self, Tone},
    vaccines::VaccinesView,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// An admission.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Admission {
    pub id: String,
    pub kind: String,
    pub begins_on: String,
    pub last_on: String,
    pub groups: Vec<Group>,
    pub ended_on: Option<String>,
}

/// A vaccine group of an admission.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the column, which is commented")]
pub struct Group {
    pub vaccine_group: String,
    pub until: String,
}

/// The cards: what there is, and deciding.
#[must_use]
pub fn cards(view: &VaccinesView, shell: &Shell) -> Markup {
    let t = &shell.t().school_entry;
    html! {
        @if view.may_approve || !view.admissions.is_empty() {
            (parts::card("admissions", t.admissions, &html! { span class="count" { (view.admissions.len()) } }, &list(view, shell)))
        }
        @if view.may_approve { (admit(view, shell)) }
    }
}

fn list(view: &VaccinesView, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    html! {
        @if view.admissions.is_empty() { p class="none" { (t.no_admissions) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[i.kind, i.from, t.admitted_until, i.standing], i.act))
                tbody {
                    @for a in &view.admissions {
                        @let runs = a.ended_on.is_none() && a.last_on >= view.on;
                        tr {
                            th scope="row" { (kind(&a.kind, shell)) }
                            td data-label=(i.from) { (parts::date(shell, &a.begins_on)) }
                            td data-label=(t.admitted_until) {
                                (parts::date(shell, &a.last_on))
                                @for g in &a.groups {
                                    span class="sub" { (g.vaccine_group) ": " (format::date(shell.locale, &g.until)) }
                                }
                            }
                            td data-label=(i.standing) {
                                @if let Some(on) = &a.ended_on {
                                    (parts::badge(shell, Tone::Neutral, &fill(t.ended, &[("date", &format::date(shell.locale, on))])))
                                } @else if runs { (parts::badge(shell, Tone::Good, t.runs)) }
                                @else { (parts::badge(shell, Tone::Neutral, t.over)) }
                            }
                            td class="end" { @if view.may_approve && runs { (end(a, view, shell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn kind(kind: &str, shell: &Shell) -> String {
    if kind == "PLAN" {
        shell.t().school_entry.by_plan.to_owned()
    } else {
        codes::label(shell.locale, kind).into_owned()
    }
}

fn end(a: &Admission, view: &VaccinesView, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    let id = format!("end-{}", a.id);
    html! {
        details class="pick" {
            summary { (t.end) }
            (form::post(shell, &format!("/students/{}/admissions/{}/end", view.student_id, a.id), "inline", &html! {
                label for=(id) { (i.reason) }
                input id=(id) name="reason" required maxlength="1000" autocomplete="off";
                button class="button" type="submit" { (t.end) }
            }))
        }
    }
}

fn admit(view: &VaccinesView, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    let value = |name: &str| view.values.get(name).cloned().unwrap_or_default();
    let reasons = [
        ("HOMELESS", t.why_homeless),
        ("FOSTER", t.why_foster),
        ("MILITARY", t.why_military),
        ("TRANSFER", t.why_transfer),
        ("PLAN", t.why_plan),
    ];
    let choices = reasons.map(|(code, words)| (code.to_owned(), words.to_owned())).to_vec();
    let fields = [
        Field { choices, ..Field::new("reason", i.reason, Kind::Choice, &value("reason")) }
            .required()
            .check(&view.errors),
        Field::new("begins_on", t.begins_on, Kind::Date, &value("begins_on")).hint(t.begins_hint).check(&view.errors),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    let body = html! {
        (form::summary(shell, "", &all))
        p class="hint" { (t.admit_hint) }
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="actions" { button class="button primary" type="submit" { (t.admit) } }
    };
    let address = format!("/students/{}/admissions", view.student_id);
    parts::card("admit", t.admit, &html! {}, &parts::inside(&form::post(shell, &address, "", &body)))
}
