//! Bars by day, drawn on the server as SVG, with a line of the threshold above which a day is a signal. As in [`super::chart`] geometry
//! is in attributes and colours are classes. A count that may not be told has a hollow bar of no height.

use super::{Shell, i18n::format};
use maud::{Markup, html};

/// A day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bar {
    /// ISO 8601.
    pub on: String,
    /// How many; none when it may not be told.
    pub count: Option<u32>,
    /// Above this it is a signal.
    pub upper: Option<f64>,
}

/// The bars in two widths, of which the stylesheet shows the one that fits.
#[must_use]
pub fn bars(shell: &Shell, title: &str, bars: &[Bar]) -> Markup {
    html! {
        div class="trend" {
            (plot(shell, title, bars, (960.0, 260.0), "trend-wide"))
            (plot(shell, title, bars, (340.0, 220.0), "trend-narrow"))
        }
    }
}

/// A place on the page, to a tenth.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn plot(shell: &Shell, title: &str, bars: &[Bar], (width, height): (f64, f64), class: &str) -> Markup {
    let highest = bars.iter().filter_map(|b| b.count).max().unwrap_or(0).max(1);
    let bound = bars.iter().filter_map(|b| b.upper).fold(f64::from(highest), f64::max);
    let top = (1..6_u32)
        .map(|n| n * 5_u32.max(highest.div_ceil(5)))
        .find(|t| f64::from(*t) >= bound.min(f64::from(highest) * 2.0));
    let top = f64::from(top.unwrap_or(highest * 2));
    let (left, bottom, ceiling) = (34.0, height - 28.0, 14.0);
    let days = u32::try_from(bars.len().max(1)).map_or(1.0, f64::from);
    let step = (width - left - 10.0) / days;
    let y = |value: f64| tenth(bottom - (value / top).min(1.0) * (bottom - ceiling));
    let x = |at: usize| tenth(left + step * u32::try_from(at).map_or(0.0, f64::from));
    let every = (bars.len() / if width > 500.0 { 8 } else { 3 }).max(1);
    // Nobody is half a case.
    let middle = Some(top / 2.0).filter(|half| half.fract() == 0.0);
    let ticks = [Some(0.0), middle, Some(top)];
    let thresholds = bars.iter().enumerate().filter_map(|(at, b)| Some((at, b.upper?)));
    let line: Vec<String> =
        thresholds.map(|(at, upper)| format!("{},{} {},{}", x(at), y(upper), x(at + 1), y(upper))).collect();
    html! {
        svg class={ "plot " (class) } viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(title) {
            @for tick in ticks.into_iter().flatten() {
                line class="rule" x1=(left) x2=(width - 10.0) y1=(y(tick)) y2=(y(tick)) {}
                text class="tick" x=(left - 8.0) y=(y(tick) + 4.0) text-anchor="end" {
                    (format::decimal(shell.locale, &tenth(tick).to_string()))
                }
            }
            @for (at, bar) in bars.iter().enumerate() {
                @let over = bar.upper.zip(bar.count).is_some_and(|(upper, n)| f64::from(n) > upper);
                @let count = f64::from(bar.count.unwrap_or(0));
                rect class=(if over { "bar out" } else { "bar" }) x=(tenth(x(at) + step * 0.1)) y=(y(count)) width=(tenth(step * 0.8))
                    height=(tenth(bottom - y(count))) {
                    title { (format::date(shell.locale, &bar.on)) @if let Some(n) = bar.count { ": " (n) } }
                }
                @if at % every == 0 {
                    text class="tick" x=(tenth(x(at) + step / 2.0)) y=(height - 8.0) text-anchor="middle" { (short(&bar.on, shell)) }
                }
            }
            @if !line.is_empty() { polyline class="limit" points=(line.join(" ")) {} }
        }
    }
}

/// Day and month.
fn short(on: &str, shell: &Shell) -> String {
    let part = |from: usize| on.get(from..from + 2).and_then(|text| text.parse::<u8>().ok());
    match (part(5), part(8)) {
        (Some(month), Some(day)) => format!("{day} {}", format::month(shell.locale, month)),
        _ => on.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_over_its_threshold_looks_different_and_a_hidden_one_has_no_height() {
        let shell = Shell::default();
        let bar = |on: &str, count, upper| Bar { on: on.into(), count, upper };
        let days = [
            bar("2026-03-02", Some(1), Some(3.5)),
            bar("2026-03-03", Some(7), Some(3.5)),
            bar("2026-03-04", None, None),
        ];
        let svg = bars(&shell, "Curve", &days).into_string();
        assert_eq!(
            (svg.matches("bar out").count(), svg.matches("class=\"limit\"").count()),
            (2, 2),
            "once in each width"
        );
        assert_eq!(svg.matches("height=\"0\"").count(), 2, "{svg}");
        assert!(!bars(&shell, "Nothing", &[]).into_string().contains("NaN"));
    }
}
