//! Who is on call, by list: the shifts of this week and the next with the times on which nobody is, several at once, what asks the
//! list, and a form to add a shift. What a list lacks stands among its shifts, in the order of time.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    immunizations::refused,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OnCallView {
    /// When the next week begins, RFC 3339.
    pub next_week: String,
    /// The lists with their shifts.
    pub lists: Vec<List>,
    /// Who could take a shift.
    pub people: Vec<Person>,
    /// What was typed, by name of field.
    pub values: BTreeMap<String, String>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What belongs to no field.
    pub error: String,
}

/// A list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct List {
    /// Its name.
    pub list: String,
    /// Urgencies whose chain asks it.
    pub severities: Vec<String>,
    /// Definitions that name it.
    pub definitions: Vec<String>,
    /// Its shifts by time.
    pub shifts: Vec<Shift>,
    /// When nobody is on call.
    pub gaps: Vec<Gap>,
    /// When several are.
    pub overlaps: Vec<Overlap>,
}

/// A shift.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Shift {
    pub id: String,
    pub row_version: i64,
    pub name: Option<String>,
    pub starts_at: String,
    pub ends_at: String,
    pub is_over: bool,
    pub is_running: bool,
}

/// A time on which nobody is on call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gap {
    /// Its first moment.
    pub from: String,
    /// The first moment after it.
    pub to: String,
    /// The same as the form takes it.
    pub fill: String,
}

/// A time on which several are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlap {
    /// Its first moment.
    pub from: String,
    /// The first moment after it.
    pub to: String,
    /// Who.
    pub users: Vec<Person>,
}

/// Somebody with an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// As they are shown.
    pub name: Option<String>,
}

/// The page.
#[must_use]
pub fn render(view: &OnCallView, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    layout::page(
        shell,
        &Head::new(t.title).under(shell.t().alert_center.title, "/alerts"),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (fill(t.lead, &[("zone", shell.zone.name())])) } }
                div class="form-actions" { a class="button quiet" href="#add" { (t.add) } }
            }
            (refused(&view.error, shell))
            @for (n, list) in view.lists.iter().enumerate() {
                (parts::card(&format!("list-{n}"), &list.list, &standing(list, shell), &of_list(list, view, shell)))
            }
            (parts::card("add", t.add, &html! {}, &add(view, shell)))
        },
    )
}

/// Who is on call at this moment.
fn standing(list: &List, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let mut now: Vec<&str> =
        list.shifts.iter().filter(|s| s.is_running).map(|s| name(s.name.as_deref(), shell)).collect();
    now.dedup();
    html! {
        @if now.is_empty() {
            (parts::badge(shell, if asked(list) { Tone::Warn } else { Tone::Neutral }, t.nobody_now))
        } @else {
            (parts::badge(shell, Tone::Good, &fill(t.now, &[("who", &now.join(", "))])))
        }
    }
}

/// Whether anything goes to the list.
fn asked(list: &List) -> bool {
    !list.severities.is_empty() || !list.definitions.is_empty()
}

fn name<'a>(name: Option<&'a str>, shell: &Shell) -> &'a str {
    name.filter(|n| !n.is_empty()).unwrap_or(shell.t().on_call.somebody)
}

fn of_list(list: &List, view: &OnCallView, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let urgencies: Vec<String> = list.severities.iter().map(|s| codes::label(shell.locale, s).into_owned()).collect();
    html! {
        p class="card-note" {
            @if !urgencies.is_empty() { (fill(t.asked_by, &[("what", &urgencies.join(", "))])) " " }
            @if !list.definitions.is_empty() { (fill(t.named_by, &[("what", &list.definitions.join(", "))])) }
            @if !asked(list) { (t.unasked) }
        }
        @for (title, is_next) in [(t.this_week, false), (t.next_week, true)] {
            section {
                h3 { (title) }
                (week(list, (view, is_next), shell))
            }
        }
        @if !list.overlaps.is_empty() {
            section {
                h3 { (t.overlaps) }
                ul class="tasks" { @for overlap in &list.overlaps { li { (both(overlap, shell)) } } }
            }
        }
    }
}

/// A row of the table.
enum Line<'a> {
    Shift(&'a Shift),
    Gap(&'a Gap),
}

impl Line<'_> {
    fn begins(&self) -> &str {
        match self {
            Self::Shift(shift) => &shift.starts_at,
            Self::Gap(gap) => &gap.from,
        }
    }

    fn ends(&self) -> &str {
        match self {
            Self::Shift(shift) => &shift.ends_at,
            Self::Gap(gap) => &gap.to,
        }
    }
}

fn week(list: &List, (view, is_next): (&OnCallView, bool), shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let lines = list.shifts.iter().map(Line::Shift).chain(list.gaps.iter().map(Line::Gap));
    // RFC 3339 in UTC is ordered as text. What runs into the next week stands in both.
    let next = view.next_week.as_str();
    let is_of = |line: &Line<'_>| if is_next { line.ends() > next } else { line.begins() < next };
    let mut lines: Vec<Line<'_>> = lines.filter(is_of).collect();
    lines.sort_by(|a, b| a.begins().cmp(b.begins()));
    html! {
        @if lines.is_empty() { p class="none" { (t.nothing) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.who, t.from, t.to], t.more))
                tbody {
                    @for line in &lines {
                        @match line {
                            Line::Shift(shift) => (row(shift, shell)),
                            Line::Gap(found) => (gap(list, found, shell)),
                        }
                    }
                }
            }
        }
    }
}

/// A moment with its day of the week.
fn moment(at: &str, shell: &Shell) -> Markup {
    html! { (format::weekday(shell.locale, &shell.zone, at)) " " (parts::moment(shell, at)) }
}

fn row(shift: &Shift, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let who = name(shift.name.as_deref(), shell);
    html! {
        tr {
            th scope="row" {
                (who)
                @if shift.is_running { " " (parts::badge(shell, Tone::Good, t.running)) }
                @if shift.is_over { " " (parts::badge(shell, Tone::Neutral, t.over)) }
            }
            td data-label=(t.from) { (moment(&shift.starts_at, shell)) }
            td data-label=(t.to) { (moment(&shift.ends_at, shell)) }
            td class="end" {
                @if !shift.is_over {
                    @let words = if shift.is_running { t.end_now } else { t.remove };
                    (form::post(shell, &format!("/alerts/on-call/{}/remove", shift.id), "inline", &html! {
                        input type="hidden" name="row_version" value=(shift.row_version);
                        button class="button quiet" type="submit" { (words) span class="unseen" { ": " (who) } }
                    }))
                }
            }
        }
    }
}

fn gap(list: &List, gap: &Gap, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let tone = if asked(list) { Tone::Warn } else { Tone::Neutral };
    html! {
        tr {
            th scope="row" { (parts::badge(shell, tone, t.nobody)) }
            td data-label=(t.from) { (moment(&gap.from, shell)) }
            td data-label=(t.to) { (moment(&gap.to, shell)) }
            td class="end" { a href={ "/alerts/on-call?" (gap.fill) "#add" } { (t.fill_gap) } }
        }
    }
}

fn both(overlap: &Overlap, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let who: Vec<&str> = overlap.users.iter().map(|u| name(u.name.as_deref(), shell)).collect();
    let at = |iso: &str| {
        format!(
            "{} {}",
            format::weekday(shell.locale, &shell.zone, iso),
            format::moment(shell.locale, &shell.zone, iso)
        )
    };
    let (from, to) = (at(&overlap.from), at(&overlap.to));
    html! { (Tone::Info.sign(shell)) (fill(t.overlap, &[("who", &who.join(", ")), ("from", &from), ("to", &to)])) }
}

fn add(view: &OnCallView, shell: &Shell) -> Markup {
    let t = &shell.t().on_call;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, value(name)).check(&view.errors);
    let mut list = field("list", t.list, Kind::Choice);
    list.choices = view.lists.iter().map(|l| (l.list.clone(), l.list.clone())).collect();
    let mut who = field("user_id", t.who, Kind::Choice).required();
    who.choices = view.people.iter().map(|p| (p.id.clone(), name(p.name.as_deref(), shell).to_owned())).collect();
    let fields = [
        list,
        field("new_list", t.new_list, Kind::Text).hint(t.new_list_hint),
        who,
        field("starts_at", t.from, Kind::DateTime).required(),
        field("ends_at", t.to, Kind::DateTime).required().hint(t.to_hint),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    html! {
        @if view.errors.iter().any(|e| !e.message.is_empty()) { (form::summary(shell, "", &all)) }
        (form::post(shell, "/alerts/on-call", "form", &html! {
            @for field in &fields { (form::field(shell, field)) }
            div class="form-actions" { button class="button primary" type="submit" { (t.save) } }
        }))
    }
}
