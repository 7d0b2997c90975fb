//! One test or sign of a patient over time: chart, key numbers, and every value in a table, which is also what a
//! reader without sight of the chart uses.

use super::{
    Shell, chart,
    clinical::Observation,
    i18n::{codes, fill, format, units},
    layout::{self, Head},
    parts::{self, Tab, Tone},
    record::{self, PatientHeader},
    results,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The trend page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TrendView {
    /// Whom it is about.
    pub patient: PatientHeader,
    /// LOINC code.
    pub code: String,
    /// Name of the test.
    pub display: String,
    /// Values, latest first, already in one unit where conversion is possible.
    pub values: Vec<Observation>,
    /// Units the values can be shown in; more than one gives a switch (`?code=&unit=`).
    pub units: Vec<String>,
    /// The unit chosen.
    pub unit: String,
    /// Whether older values are left out.
    pub more: bool,
}

/// The page.
#[must_use]
pub fn render(view: &TrendView, shell: &Shell) -> Markup {
    let t = shell.t();
    let base = format!("/patients/{}", view.patient.id);
    let series = results::series(&view.display, &view.values, shell);
    let left_out = view.values.len() - series.points.len();
    let head = Head::new(t.people.trend).under(t.people.patients, "/patients").under(t.people.chart, &base);
    layout::page(
        shell,
        &head,
        &html! {
            (record::header(&view.patient, &html! {}, shell))
            header class="page-head" {
                div { h2 { (view.display) } p class="lead" { "LOINC " span class="id" { (view.code) } } }
                @if view.units.len() > 1 { (parts::tabs(shell, t.people.unit, &units(view, &base))) }
            }
            section class="card chart-card" aria-label=(t.people.trend) {
                @if series.points.is_empty() {
                    (parts::empty(t.people.nothing_to_draw, t.people.nothing_to_draw_hint, None))
                }
                @else { (chart::trend(shell, &series)) (legend(&series, shell)) }
                @if left_out > 0 && !series.points.is_empty() {
                    p class="card-note" {
                        (Tone::Warn.sign(shell)) (fill(t.people.left_out, &[("n", &left_out.to_string())]))
                    }
                }
            }
            @if view.more {
                p class="flash tone-info" role="note" {
                    (Tone::Info.sign(shell)) (fill(t.people.newest_only, &[("n", &format::count(shell.locale, view.values.len() as u64))]))
                }
            }
            (numbers(view, shell))
            (parts::card("values", t.people.all_values, &html! {}, &table(view, shell)))
        },
    )
}

fn units(view: &TrendView, base: &str) -> Vec<Tab> {
    let tab = |unit: &String| Tab {
        label: units::unit(unit),
        href: format!("{base}/trend?code={}&unit={}", view.code, percent(unit)),
        current: *unit == view.unit,
        count: None,
    };
    view.units.iter().map(tab).collect()
}

/// Percent-encodes what may not stand in a query (RFC 3986): units hold `/`, `[` and `%`.
fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn legend(series: &chart::Series, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let swatch = |class: &str, shape: Markup| {
        html! { svg class={ "plot swatch " (class) } viewBox="0 0 16 12" aria-hidden="true" { (shape) } }
    };
    html! {
        ul class="legend" {
            @if series.low.is_some() || series.high.is_some() {
                li {
                    (swatch("", html! { rect class="band" x="0" y="1" width="16" height="10" {} })) (t.reference_range)
                }
            }
            @if series.points.iter().any(|p| p.flagged) {
                li { (swatch("", html! { g class="mark out" { path d="M8,1l5,5l-5,5l-5,-5z" {} } })) (t.out_of_range) }
            }
            @if series.points.iter().any(|p| !p.comparator.is_empty()) {
                li {
                    (swatch("", html! { g class="mark" { path class="hollow" d="M3,2h10l-5,8z" {} } })) (t.bound_only)
                }
            }
        }
    }
}

fn numbers(view: &TrendView, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let numeric = |o: &&Observation| !o.unit.is_empty() && o.comparator.is_empty() && o.value.parse::<f64>().is_ok();
    let number = |o: &Observation| o.value.parse::<f64>().unwrap_or(f64::NAN);
    let all: Vec<_> = view.values.iter().filter(numeric).collect();
    let show = |o: &Observation| format!("{} {}", format::decimal(shell.locale, &o.value), units::unit(&o.unit));
    let day = |o: &Observation| format::day(shell.locale, &shell.zone, &o.at);
    let lowest = all.iter().min_by(|a, b| number(a).total_cmp(&number(b)));
    let highest = all.iter().max_by(|a, b| number(a).total_cmp(&number(b)));
    let latest = view.values.iter().max_by(|a, b| a.at.cmp(&b.at));
    html! {
        dl class="figures" {
            @if let Some(o) = latest {
                (parts::figure(t.latest_value, &format!("{}{}", o.comparator, show(o)), &day(o)))
            }
            @if let Some(o) = lowest { (parts::figure(t.lowest, &show(o), &day(o))) }
            @if let Some(o) = highest { (parts::figure(t.highest, &show(o), &day(o))) }
            (parts::figure(t.values, &format::count(shell.locale, view.values.len() as u64), ""))
        }
    }
}

/// Every value, newest first. Columns that say nothing of any value are left out.
fn table(view: &TrendView, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let mut values: Vec<&Observation> = view.values.iter().collect();
    values.sort_by(|a, b| b.at.cmp(&a.at));
    let has_status = values.iter().any(|o| !o.status.is_empty());
    let has_source = values.iter().any(|o| !o.origin.label.is_empty() || !o.origin.verification.is_empty());
    html! {
        table class="grid plain stack" {
            thead {
                tr {
                    th scope="col" { (t.when) } th scope="col" class="num" { (t.value) } th scope="col" { (t.range) }
                    @if has_status { th scope="col" { (t.status) } }
                    @if has_source { th scope="col" { (t.source) } }
                }
            }
            tbody {
                @for o in values {
                    tr {
                        th scope="row" class="date" { (parts::moment(shell, &o.at)) }
                        td data-label=(t.value) class="num" { (results::observed(o, shell)) }
                        td data-label=(t.range) { (results::range(o, shell)) }
                        @if has_status { td data-label=(t.status) { (parts::status(shell, &o.status)) } }
                        @if has_source {
                            td data-label=(t.source) class="small" {
                                (codes::source(shell.locale, &o.origin.label))
                                @if !o.origin.verification.is_empty() {
                                    span class="muted" { " · " (codes::label(shell.locale, &o.origin.verification)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
