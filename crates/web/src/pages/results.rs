//! Measured values: the table of results or vital signs, one value with its flag, and what a chart draws of them. A
//! number without a unit is shown as such; it is never flagged, charted or converted (records specification 2.4.7).

use super::{
    Shell, chart,
    clinical::{Measured, Observation},
    facts,
    i18n::{fill, format, units},
    parts::{self, Tone},
};
use maud::{Markup, html};

/// Results or vital signs: one row an analyte under its panel's heading.
#[must_use]
pub fn measured(patient: &str, rows: &[Measured], shell: &Shell, full: bool) -> Markup {
    let t = &shell.t().people;
    html! {
        table class={ "grid plain results" @if full { " full" } } data-keys {
            thead {
                tr {
                    th scope="col" { (t.test) } th scope="col" class="num" { (t.latest_value) }
                    th scope="col" class="wide-only" { (t.range) } th scope="col" class="course" { (t.course) }
                    th scope="col" class="date" { (t.when) }
                }
            }
            tbody {
                @for (i, m) in rows.iter().enumerate() {
                    @if !m.panel.is_empty() && (i == 0 || rows[i - 1].panel != m.panel) {
                        tr class="panel-row" { th scope="rowgroup" colspan="5" { (m.panel) } }
                    }
                    tr {
                        th scope="row" {
                            @if m.code.is_empty() { (m.display) } @else {
                                a href={ "/patients/" (patient) "/trend?code=" (m.code) } { (m.display) }
                            }
                            (facts::doubt(&m.latest.origin, shell))
                            @if full {
                                span class="sub" {
                                    @if !m.code.is_empty() { span class="id" { (m.code) } " · " }
                                    @if m.count == 1 { (t.one_value) } @else { (fill(t.n_values, &[("n", &m.count.to_string())])) }
                                }
                            }
                        }
                        td class="num" { (observed(&m.latest, shell)) }
                        td class="wide-only small" { (range(&m.latest, shell)) }
                        td class="course" { (chart::sparkline(&series(&m.display, &m.series, shell))) }
                        td class="date small" { (parts::day(shell, &m.latest.at)) }
                    }
                }
            }
        }
    }
}

/// A value with its comparator, unit and flag; a number without a unit says so.
#[must_use]
pub fn observed(o: &Observation, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    html! {
        span class={ "value" @if out_of_range(o) { " out" } } {
            strong { (o.comparator) (format::decimal(shell.locale, &o.value)) }
            @if !o.unit.is_empty() { " " span class="unit" { (units::unit(&o.unit)) } }
            @if unit_missing(o) { " " (parts::badge(shell, Tone::Warn, t.unit_missing)) }
            @if out_of_range(o) { " " (flag(o, shell)) }
        }
    }
}

fn flag(o: &Observation, shell: &Shell) -> Markup {
    let t = &shell.t().people;
    let (sign, words) = match o.flag.as_str() {
        "L" => ("↓", t.low),
        "H" => ("↑", t.high),
        "LL" => ("↓↓", t.critical_low),
        "HH" => ("↑↑", t.critical_high),
        "AA" => ("!!", t.critical),
        _ => ("!", t.abnormal),
    };
    let critical = matches!(o.flag.as_str(), "LL" | "HH" | "AA");
    html! {
        span class={ "flag" @if critical { " critical" } } title=(words) {
            span aria-hidden="true" { (sign) } span class="unseen" { (words) }
        }
    }
}

/// Whether the value carries a flag other than normal.
#[must_use]
pub fn out_of_range(o: &Observation) -> bool {
    !unit_missing(o) && !matches!(o.flag.as_str(), "" | "N")
}

/// Whether the value is a number without a unit: no unit is ever guessed.
#[must_use]
pub fn unit_missing(o: &Observation) -> bool {
    o.unit.is_empty() && o.value.parse::<f64>().is_ok()
}

/// The reference range as reported.
#[must_use]
pub fn range(o: &Observation, shell: &Shell) -> String {
    let (low, high) = (format::decimal(shell.locale, &o.low), format::decimal(shell.locale, &o.high));
    match (low.is_empty(), high.is_empty()) {
        (false, false) => format!("{low}–{high}"),
        (false, true) => format!("≥ {low}"),
        (true, false) => format!("≤ {high}"),
        (true, true) => "–".to_owned(),
    }
}

/// What a chart draws of these values: those with a number and a unit, in the unit of the latest of them.
#[must_use]
pub fn series(name: &str, values: &[Observation], shell: &Shell) -> chart::Series {
    let mut drawable: Vec<_> = values.iter().filter(|o| !o.unit.is_empty() && o.value.parse::<f64>().is_ok()).collect();
    drawable.sort_by(|a, b| a.at.cmp(&b.at));
    let Some(latest) = drawable.last().copied() else { return chart::Series::default() };
    let points: Vec<_> = drawable.iter().filter(|o| o.unit == latest.unit).map(|o| point(o, shell)).collect();
    let n = points.len().to_string();
    chart::Series {
        title: fill(shell.t().people.trend_title, &[("name", name), ("n", &n), ("unit", &units::unit(&latest.unit))]),
        low: latest.low.parse().ok(),
        high: latest.high.parse().ok(),
        unit: units::unit(&latest.unit),
        points,
    }
}

fn point(o: &Observation, shell: &Shell) -> chart::Point {
    let value = format::decimal(shell.locale, &o.value);
    chart::Point {
        at: o.at.clone(),
        value: o.value.parse().unwrap_or(f64::NAN),
        comparator: o.comparator.clone(),
        flagged: out_of_range(o),
        label: format!(
            "{}: {}{value} {} {}",
            format::moment(shell.locale, &shell.zone, &o.at),
            o.comparator,
            units::unit(&o.unit),
            o.flag
        ),
    }
}
