//! How schools stood over time: a line for each on the dashboard, and a page with chart and table of one school.

use super::{
    Shell,
    chart::{self, Point, Series},
    i18n::{fill, format},
    layout::{self, Head},
    parts,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// A school with its snapshots, oldest first; named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct School {
    pub id: String,
    pub name: String,
    pub points: Vec<Snapshot>,
}

/// A snapshot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Snapshot {
    pub kind: String,
    pub period_on: String,
    pub taken_on: String,
    pub enrolled: u64,
    pub exempt: u64,
    pub excluded: u64,
    pub compliance_score: Option<f64>,
    pub up_to_date_percent: Option<f64>,
    pub in_compliance_percent: Option<f64>,
    pub measles_protected_percent: Option<f64>,
}

/// Percent who may attend, week by week.
fn series(school: &School, shell: &Shell) -> Series {
    let weekly = school.points.iter().filter(|p| p.kind == "WEEKLY");
    let point = |p: &Snapshot| {
        let value = p.in_compliance_percent?;
        let label = format!("{}: {}", format::date(shell.locale, &p.period_on), percent(Some(value), shell));
        Some(Point { at: p.period_on.clone(), value, label, ..Point::default() })
    };
    Series {
        points: weekly.filter_map(point).collect(),
        unit: "%".into(),
        title: format!("{}: {}", shell.t().school_entry.chart_of, school.name),
        ..Series::default()
    }
}

fn percent(value: Option<f64>, shell: &Shell) -> String {
    value.map_or_else(|| "–".to_owned(), |n| format!("{} %", format::decimal(shell.locale, &format!("{n:.1}"))))
}

/// The line of one school on the dashboard, which leads to its page; nothing without a snapshot.
#[must_use]
pub fn line(school: &School, shell: &Shell) -> Markup {
    html! {
        @if !school.points.is_empty() {
            span class="sub" {
                a href={ "/immunizations/trend?school=" (school.id) } {
                    (shell.t().school_entry.over_time) span class="unseen" { ": " (school.name) }
                }
                " " (chart::sparkline(&series(school, shell)))
            }
        }
    }
}

/// The page of one school.
#[must_use]
pub fn render(school: &School, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    let drawn = series(school, shell);
    layout::page(
        shell,
        &Head::new(t.over_time).under(i.title, "/immunizations"),
        &html! {
            header class="page-head" { div { h1 { (school.name) } p class="lead" { (t.over_time) } } }
            p { (t.over_time_lead) }
            @if school.points.is_empty() {
                (parts::empty(t.no_snapshots, "", None))
            } @else {
                @if drawn.points.len() > 1 {
                    section class="card chart-card" aria-label=(t.chart_of) { (chart::trend(shell, &drawn)) p class="card-note" { (t.chart_of) } }
                }
                (parts::card("weeks", t.over_time, &html! { span class="count" { (school.points.len()) } }, &table(school, shell)))
            }
        },
    )
}

fn table(school: &School, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    html! {
        (parts::scroll(t.over_time, &html! {
            table class="grid stack" data-keys {
                (parts::heads(&[t.week_of, i.enrolled, i.in_compliance, i.compliant, i.exempt, t.excluded, t.protected, i.score]))
                tbody {
                    @for p in school.points.iter().rev() {
                        tr {
                            th scope="row" {
                                (parts::date(shell, &p.period_on))
                                @if p.kind == "REPORT" { span class="sub" { (t.for_report) } }
                                @if p.taken_on != p.period_on {
                                    span class="sub" { (fill(t.taken_late, &[("date", &format::date(shell.locale, &p.taken_on))])) }
                                }
                            }
                            td data-label=(i.enrolled) { (format::count(shell.locale, p.enrolled)) }
                            td data-label=(i.in_compliance) { (percent(p.in_compliance_percent, shell)) }
                            td data-label=(i.compliant) { (percent(p.up_to_date_percent, shell)) }
                            td data-label=(i.exempt) { (format::count(shell.locale, p.exempt)) }
                            td data-label=(t.excluded) { (format::count(shell.locale, p.excluded)) }
                            td data-label=(t.protected) { (percent(p.measles_protected_percent, shell)) }
                            td data-label=(i.score) { (percent(p.compliance_score, shell).trim_end_matches(" %")) }
                        }
                    }
                }
            }
        }))
    }
}
