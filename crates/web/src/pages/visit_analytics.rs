//! How often and why students come to the clinic, how it ends, and what class it takes: figures, bars of the months, tables of the rest,
//! and the students who come most, for who may open records.

use super::{
    Shell,
    clinic::Student,
    curve::{self, Bar},
    form::{self, Field, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The page; named as the operation answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct AnalyticsView {
    /// The school that is looked at; empty: all.
    pub school: String,
    /// Schools to choose among.
    pub mine: Vec<(String, String)>,
    pub from: String,
    pub to: String,
    pub enrolled: Option<u64>,
    pub visits: Option<u64>,
    pub visits_per_100_students: Option<f64>,
    pub students: Option<u64>,
    pub return_to_class_percent: Option<f64>,
    pub median_minutes: Option<f64>,
    pub p90_minutes: Option<f64>,
    pub class_minutes_missed: Option<u64>,
    pub groups: BTreeMap<String, Vec<Line>>,
    pub frequent_visitors: Vec<Frequent>,
    pub most_class_missed: Vec<Missed>,
    pub class_avoidance: Vec<Avoiding>,
    pub small_counts_left_out: bool,
    /// Those who are named, by id.
    pub people: BTreeMap<String, Student>,
}

/// Visits of a group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Line {
    pub value: String,
    pub visits: Option<u32>,
    pub per_100_students: Option<f64>,
}

/// Who comes often.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Frequent {
    pub student_id: String,
    pub visits: u64,
    pub why: Vec<String>,
}

/// Who missed most class.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Missed {
    pub student_id: String,
    pub visits: u64,
    pub minutes: u64,
}

/// Who comes in the same lesson.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Avoiding {
    pub student_id: String,
    pub period: String,
    pub visits_in_it: u64,
    pub visits: u64,
}

/// The page.
#[must_use]
pub fn render(view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = &shell.t().visit_analytics;
    let dates = [("from", &view.from), ("to", &view.to)].map(|(n, iso)| (n, format::date(shell.locale, iso)));
    let dates: Vec<(&str, &str)> = dates.iter().map(|(n, date)| (*n, date.as_str())).collect();
    layout::page(
        shell,
        &Head::new(t.title).under(shell.t().clinic.title, "/clinic"),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (fill(t.span, &dates)) } }
                a class="button quiet" href={ "/clinic/analytics/dispositions.csv?" (asked(view)) } { (t.as_csv) }
            }
            (choose(view, shell))
            @if view.small_counts_left_out { p class="card-note" { (t.left_out) } }
            section aria-label=(shell.t().nurse.at_a_glance) { dl class="figures" { (figures(view, shell)) } }
            (months(view, shell))
            div class="home" {
                div class="column" {
                    (group("complaint", shell.t().clinic.reason, view, shell))
                    (group("disposition", shell.t().clinic.outcome, view, shell))
                    (group("hour", t.hour, view, shell))
                }
                div class="column" {
                    @if view.school.is_empty() { (group("school", shell.t().clinic.school, view, shell)) }
                    (group("grade", t.grade, view, shell))
                    (people(view, shell))
                }
            }
        },
    )
}

/// What was asked for, as an address has it.
fn asked(view: &AnalyticsView) -> String {
    format!("school={}&from={}&to={}", view.school, view.from, view.to)
}

fn choose(view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = shell.t();
    let mut school = Field::new("school", t.clinic.school, Kind::Choice, &view.school);
    school.choices =
        std::iter::once((String::new(), t.nurse.all_schools.to_owned())).chain(view.mine.iter().cloned()).collect();
    html! {
        form class="filters" method="get" action="/clinic/analytics" {
            @if view.mine.len() > 1 { (form::field(shell, &school)) }
            (form::field(shell, &Field::new("from", t.visit_analytics.from, Kind::Date, &view.from)))
            (form::field(shell, &Field::new("to", t.visit_analytics.to, Kind::Date, &view.to)))
            div class="filter-actions" { button class="button quiet" type="submit" { (t.clinic.change_school) } }
        }
    }
}

fn tenths(value: Option<f64>, shell: &Shell) -> Option<String> {
    value.map(|n| format::decimal(shell.locale, &format!("{n:.1}")))
}

fn figures(view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = &shell.t().visit_analytics;
    let unknown = || "–".to_owned();
    let counted = |n: Option<u64>| n.map_or_else(unknown, |n| format::count(shell.locale, n));
    let noted = |text: &str, n: Option<String>| n.map(|n| fill(text, &[("n", &n)])).unwrap_or_default();
    let minutes = |n: Option<String>| n.map_or_else(unknown, |n| fill(shell.t().clinic.minutes, &[("n", &n)]));
    let percent = tenths(view.return_to_class_percent, shell).map_or_else(unknown, |n| format!("{n} %"));
    html! {
        (parts::figure(t.visits, &counted(view.visits), &noted(t.per_100, tenths(view.visits_per_100_students, shell))))
        (parts::figure(t.students, &counted(view.students), &noted(t.of_enrolled, view.enrolled.map(|n| format::count(shell.locale, n)))))
        (parts::figure(t.back_to_class, &percent, ""))
        (parts::figure(t.median, &minutes(tenths(view.median_minutes, shell)), &noted(t.nine_of_ten, tenths(view.p90_minutes, shell))))
        (parts::figure(shell.t().clinic.class_missed, &minutes(view.class_minutes_missed.map(|n| format::count(shell.locale, n))), ""))
    }
}

fn lines<'a>(view: &'a AnalyticsView, by: &str) -> &'a [Line] {
    view.groups.get(by).map_or(&[], Vec::as_slice)
}

fn months(view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = &shell.t().visit_analytics;
    let months = lines(view, "month");
    let bars: Vec<Bar> =
        months.iter().map(|m| Bar { on: format!("{}-01", m.value), count: m.visits, upper: None }).collect();
    html! {
        @if bars.len() > 1 {
            section class="card chart-card" aria-label=(t.by_month) { (curve::bars(shell, t.by_month, &bars)) p class="card-note" { (t.by_month) } }
        }
        (group("month", t.month, view, shell))
    }
}

fn label(by: &str, value: &str, view: &AnalyticsView, shell: &Shell) -> String {
    match by {
        "complaint" | "disposition" => codes::label(shell.locale, value).into_owned(),
        "hour" => format!("{value}:00"),
        "month" => format::date(shell.locale, value),
        "school" => {
            view.mine.iter().find(|(id, _)| id == value).map_or_else(|| value.to_owned(), |(_, name)| name.clone())
        }
        _ => fill(shell.t().clinic.grade, &[("grade", value)]),
    }
}

fn group(by: &str, title: &str, view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = &shell.t().visit_analytics;
    let lines = lines(view, by);
    html! {
        @if !lines.is_empty() {
            (parts::card(by, title, &html! { span class="count" { (lines.len()) } }, &html! {
                table class="grid plain stack" data-keys {
                    (parts::heads(&[title, t.visits, t.rate]))
                    tbody {
                        @for line in lines {
                            tr {
                                th scope="row" { (label(by, &line.value, view, shell)) }
                                td data-label=(t.visits) {
                                    @match line.visits { Some(n) => (format::count(shell.locale, n.into())), None => span class="muted" { (t.few) } }
                                }
                                td data-label=(t.rate) { (tenths(line.per_100_students, shell).unwrap_or_else(|| "–".to_owned())) }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn people(view: &AnalyticsView, shell: &Shell) -> Markup {
    let t = &shell.t().visit_analytics;
    let who = |id: &str| {
        let name = view.people.get(id).map_or("?", |s| s.name.as_str());
        html! { a href={ "/students/" (id) } { (name) } }
    };
    let count = |n: u64| format::count(shell.locale, n);
    html! {
        @if !view.class_avoidance.is_empty() {
            (parts::card("avoidance", t.avoidance, &html! {}, &html! {
                ul class="tasks" {
                    @for a in &view.class_avoidance {
                        li {
                            (who(&a.student_id))
                            span class="muted push" { (fill(t.in_period, &[("n", &count(a.visits_in_it)), ("all", &count(a.visits)), ("period", &a.period)])) }
                        }
                    }
                }
                p class="card-note" { (t.avoidance_hint) }
            }))
        }
        @if !view.frequent_visitors.is_empty() {
            (parts::card("frequent", t.frequent, &html! {}, &html! {
                ul class="tasks" {
                    @for f in &view.frequent_visitors {
                        li {
                            (who(&f.student_id))
                            span class="muted push" {
                                (fill(t.n_visits, &[("n", &count(f.visits))]))
                                @for why in &f.why { " · " (codes::label(shell.locale, why)) }
                            }
                        }
                    }
                }
            }))
        }
        @if !view.most_class_missed.is_empty() {
            (parts::card("missed", t.most_missed, &html! {}, &html! {
                ul class="tasks" {
                    @for m in &view.most_class_missed {
                        li {
                            (who(&m.student_id))
                            span class="muted push" {
                                (fill(shell.t().clinic.minutes, &[("n", &count(m.minutes))])) " · " (fill(t.n_visits, &[("n", &count(m.visits))]))
                            }
                        }
                    }
                }
            }))
        }
    }
}
