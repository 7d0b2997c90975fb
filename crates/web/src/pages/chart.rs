//! Line charts drawn on the server as SVG: a trend with axes, reference band and marked points, and a sparkline.
//! Geometry is in presentation attributes and colours are classes, so a strict content security policy holds and
//! both themes apply. A value without a number, unit or date is not drawn; the page lists it beside the chart.
//!
//! A result with a comparator (`<5`) is drawn hollow with an arrow: it is a bound, not a value.

use super::{Shell, i18n::format};
use maud::{Markup, html};
use time::{Date, Month};

/// One measured value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// ISO 8601.
    pub at: String,
    /// The number, in the chart's unit.
    pub value: f64,
    /// `<`, `<=`, `>`, `>=` or empty.
    pub comparator: String,
    /// Outside its reference range.
    pub flagged: bool,
    /// What the point says when pointed at.
    pub label: String,
}

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Points in any order.
    pub points: Vec<Point>,
    /// Lower bound of the reference range.
    pub low: Option<f64>,
    /// Upper bound of the reference range.
    pub high: Option<f64>,
    /// Unit, written at the value axis.
    pub unit: String,
    /// The chart in words.
    pub title: String,
}

/// A straight map from values to pixels.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn at(self, value: f64) -> f64 {
        let span = self.to - self.from;
        let share = if span == 0.0 { 0.5 } else { (value - self.from) / span };
        ((self.start + share * (self.end - self.start)) * 10.0).round() / 10.0
    }

    /// The same within the drawing.
    fn within(self, value: f64) -> f64 {
        let (low, high) = (self.start.min(self.end), self.start.max(self.end));
        self.at(value).clamp(low, high)
    }
}

/// The trend in two widths, of which the stylesheet shows the one that fits, so letters keep their size.
#[must_use]
pub fn trend(shell: &Shell, series: &Series) -> Markup {
    html! {
        div class="trend" {
            (plot(shell, series, (960.0, 300.0), "trend-wide"))
            (plot(shell, series, (340.0, 240.0), "trend-narrow"))
        }
    }
}

/// Points in order of time, with their place on the time axis.
fn dated(series: &Series) -> Vec<(f64, &Point)> {
    let mut dated: Vec<_> = series
        .points
        .iter()
        .filter(|p| p.value.is_finite())
        .filter_map(|p| format::axis_days(&p.at).map(|x| (x, p)))
        .collect();
    dated.sort_by(|a, b| a.0.total_cmp(&b.0));
    dated
}

fn plot(shell: &Shell, series: &Series, (width, height): (f64, f64), class: &str) -> Markup {
    let points = dated(series);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let bounds = points.iter().map(|(_, p)| p.value).chain(series.low).chain(series.high);
    let (low, high) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let ticks = ticks(low, high, 5);
    let labels: Vec<_> =
        ticks.iter().map(|v| format::decimal(shell.locale, &shortest(*v, tick_step(&ticks)))).collect();
    let margin = labels.iter().map(|l| l.chars().count()).max().map_or(30.0, |n| to_f64(n) * 7.2 + 14.0);
    let pad = ((last.0 - first.0) * 0.02).max(0.5);
    let x = Axis { from: first.0 - pad, to: last.0 + pad, start: margin, end: width - 14.0 };
    let (bottom, top) = (ticks.first().copied().unwrap_or(low), ticks.last().copied().unwrap_or(high));
    let y = Axis { from: bottom, to: top, start: height - 28.0, end: 24.0 };
    let days = day_ticks(shell, x, if width > 500.0 { 8 } else { 4 });
    html! {
        svg class={ "plot " (class) } viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(series.title) {
            @if series.low.is_some() || series.high.is_some() {
                @let above = series.high.map_or(y.end, |h| y.within(h));
                @let below = series.low.map_or(y.start, |l| y.within(l));
                rect class="band" x=(x.start) y=(above) width=(x.end - x.start) height=((below - above).max(0.0)) {}
            }
            @for (value, label) in ticks.iter().zip(&labels) {
                line class="rule" x1=(x.start) x2=(x.end) y1=(y.at(*value)) y2=(y.at(*value)) {}
                text class="tick" x=(x.start - 8.0) y=(y.at(*value) + 4.0) text-anchor="end" { (label) }
            }
            @for (at, label) in &days {
                line class="rule-tick" x1=(x.at(*at)) x2=(x.at(*at)) y1=(y.start) y2=(y.start + 5.0) {}
                text class="tick" x=(x.at(*at)) y=(height - 8.0) text-anchor="middle" { (label) }
            }
            text class="unit" x=(x.start - 8.0) y="12" text-anchor="start" { (series.unit) }
            polyline class="line" points=(line(&points, x, y)) {}
            @for (at, point) in &points { (mark(point, x.at(*at), y.at(point.value))) }
        }
    }
}

fn line(points: &[(f64, &Point)], x: Axis, y: Axis) -> String {
    points.iter().map(|(at, p)| format!("{},{}", x.at(*at), y.at(p.value))).collect::<Vec<_>>().join(" ")
}

/// A point: a disc in range, a diamond outside it, a hollow arrow for a bound.
fn mark(point: &Point, x: f64, y: f64) -> Markup {
    let class = if point.flagged { "mark out" } else { "mark" };
    html! {
        g class=(class) {
            title { (point.label) }
            @if point.comparator.starts_with('<') {
                path class="hollow" d={ "M" (x - 5.0) "," (y - 4.0) "h10l-5,8z" } {}
            } @else if point.comparator.starts_with('>') {
                path class="hollow" d={ "M" (x - 5.0) "," (y + 4.0) "h10l-5,-8z" } {}
            } @else if point.flagged {
                path d={ "M" (x) "," (y - 5.5) "l5.5,5.5l-5.5,5.5l-5.5,-5.5z" } {}
            } @else {
                circle cx=(x) cy=(y) r="3.6" {}
            }
        }
    }
}

/// A line without axes, as high as a line of text; the last point is marked.
#[must_use]
pub fn sparkline(series: &Series) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 24.0;
    let points = dated(series);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    if points.len() < 2 {
        return html! {};
    }
    let values = points.iter().map(|(_, p)| p.value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let x = Axis { from: first.0, to: last.0, start: 3.0, end: WIDTH - 4.0 };
    let y = Axis { from: low, to: high, start: HEIGHT - 4.0, end: 4.0 };
    html! {
        svg class="spark" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img" aria-label=(series.title) {
            @if series.low.is_some() || series.high.is_some() {
                @let above = series.high.map_or(0.0, |h| y.at(h).clamp(0.0, HEIGHT));
                @let below = series.low.map_or(HEIGHT, |l| y.at(l).clamp(0.0, HEIGHT));
                rect class="band" x="0" y=(above) width=(WIDTH) height=((below - above).max(0.0)) {}
            }
            polyline class="line" points=(line(&points, x, y)) {}
            circle class=(if last.1.flagged { "mark out" } else { "mark" }) cx=(x.at(last.0)) cy=(y.at(last.1.value)) r="2.6" {}
        }
    }
}

/// Round values (1, 2 or 5 by a power of ten) from at or below `low` to at or above `high`, about `wanted` of them.
fn ticks(low: f64, high: f64, wanted: u32) -> Vec<f64> {
    let span = if high > low { high - low } else { low.abs().max(1.0) * 0.2 };
    let (low, high) = if high > low { (low, high) } else { (low - span / 2.0, high + span / 2.0) };
    let raw = span / f64::from(wanted);
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(power * 10.0);
    let start = (low / step).floor();
    let mut out = Vec::new();
    let mut n = 0.0;
    loop {
        out.push((start + n) * step);
        if (start + n) * step >= high - step * 1e-9 || out.len() > 20 {
            return out;
        }
        n += 1.0;
    }
}

fn tick_step(ticks: &[f64]) -> f64 {
    match ticks {
        [a, b, ..] => b - a,
        _ => 1.0,
    }
}

/// The value with as many decimals as the step between ticks needs.
fn shortest(value: f64, step: f64) -> String {
    let decimals = (0..6_u8).find(|d| {
        let scaled = step * 10_f64.powi(i32::from(*d));
        (scaled - scaled.round()).abs() < 1e-6
    });
    let text = format!("{value:.*}", usize::from(decimals.unwrap_or(6)));
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { text.replace('-', "") } else { text }
}

/// Ticks of the time axis on firsts of a month or year (or on days when the time is short), at most `most`.
fn day_ticks(shell: &Shell, x: Axis, most: usize) -> Vec<(f64, String)> {
    let months = (x.to - x.from) / 30.44;
    if months < 2.0 {
        return short_ticks(shell, x, most);
    }
    let step =
        [1_u16, 2, 3, 6, 12, 24, 60, 120].into_iter().find(|s| months / f64::from(*s) < to_f64(most)).unwrap_or(240);
    let Some(first) = Date::from_julian_day(floor(x.from)).ok() else { return Vec::new() };
    let mut month = first.year() * 12 + i32::from(u8::from(first.month())) - 1;
    month -= month.rem_euclid(i32::from(step));
    let mut out = Vec::new();
    while out.len() <= most {
        let (year, index) = (month.div_euclid(12), month.rem_euclid(12));
        let number = u8::try_from(index + 1).unwrap_or(1);
        let Some(day) = Month::try_from(number).ok().and_then(|m| Date::from_calendar_date(year, m, 1).ok()) else {
            break;
        };
        let at = f64::from(day.to_julian_day()) - 0.5;
        if at > x.to {
            break;
        }
        if at >= x.from {
            let label =
                if step >= 12 { year.to_string() } else { format!("{} {year}", format::month(shell.locale, number)) };
            out.push((at, label));
        }
        month += i32::from(step);
    }
    out
}

fn short_ticks(shell: &Shell, x: Axis, most: usize) -> Vec<(f64, String)> {
    let (from, to) = (floor(x.from) + 1, floor(x.to));
    let step = usize::try_from(to - from).unwrap_or(0) / most + 1;
    (from..=to)
        .step_by(step)
        .filter_map(|day| {
            let date = Date::from_julian_day(day).ok()?;
            let month = format::month(shell.locale, u8::from(date.month()));
            Some((f64::from(day), format!("{} {month}", date.day())))
        })
        .collect()
}

#[allow(clippy::cast_possible_truncation, reason = "a Julian day is far inside i32, and the cast saturates")]
fn floor(days: f64) -> i32 {
    days.floor() as i32
}

#[allow(clippy::cast_precision_loss, reason = "counts of ticks and letters, below a thousand")]
fn to_f64(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: &str, value: f64) -> Point {
        Point { at: at.into(), value, ..Point::default() }
    }

    #[test]
    fn ticks_are_round_and_enclose_the_data() {
        assert_eq!(ticks(3.2, 9.7, 5), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let flat = ticks(5.0, 5.0, 5);
        assert!(flat[0] < 5.0 && *flat.last().unwrap() > 5.0);
        assert_eq!(shortest(0.1 + 0.2, 0.1), "0.3");
        assert_eq!(shortest(-0.0, 0.5), "0.0");
        assert_eq!(shortest(12.0, 2.0), "12");
    }

    #[test]
    fn a_bound_an_outlier_and_a_value_look_different() {
        let shell = Shell::default();
        let bound = Point { comparator: "<".into(), ..point("2026-01-01", 5.0) };
        let out = Point { flagged: true, label: "11 high".into(), ..point("2026-03-01", 11.0) };
        let series = Series {
            points: vec![out, point("2026-02-01", 7.0), bound],
            low: Some(6.0),
            high: Some(9.0),
            ..Series::default()
        };
        let svg = trend(&shell, &series).into_string();
        assert_eq!(svg.matches("class=\"hollow\"").count(), 2, "once in each width");
        assert_eq!(svg.matches("mark out").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("<title>11 high</title>") && svg.contains("class=\"band\""));
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        let shell = Shell::default();
        assert_eq!(trend(&shell, &Series::default()).into_string().matches("<svg").count(), 0);
        let undated = Series { points: vec![point("", 1.0), point("2026-01-01", f64::NAN)], ..Series::default() };
        assert_eq!(trend(&shell, &undated).into_string().matches("<svg").count(), 0);
        let one = Series { points: vec![point("2026-01-01", 1.0)], ..Series::default() };
        assert_eq!(sparkline(&one).into_string(), "", "one value has no course");
        assert!(!trend(&shell, &one).into_string().contains("NaN"));
    }

    #[test]
    fn the_time_axis_has_few_ticks_however_long_it_is() {
        let shell = Shell::default();
        for (from, to) in [(0.0, 3.0), (0.0, 45.0), (0.0, 400.0), (0.0, 40_000.0)] {
            let x = Axis { from: 2_440_000.0 + from, to: 2_440_000.0 + to, start: 0.0, end: 900.0 };
            let ticks = day_ticks(&shell, x, 8);
            assert!((2..=9).contains(&ticks.len()), "{to}: {ticks:?}");
            assert!(ticks.iter().all(|(at, _)| *at >= x.from && *at <= x.to));
        }
    }
}
