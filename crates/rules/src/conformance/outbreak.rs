//! Reference alarms for outbreak detection: series with the bounds and alarms of the R package `surveillance`, and of the
//! published formula of C3.
//!
//! A row passes when every populated bound agrees to 1 in 10^9 and every alarm is equal. The counts come from the reference
//! itself, or from a table of complete series where the reference leaves out weeks.

use super::{
    Failure, Score,
    table::{Row, Table},
};
use crate::outbreak::{
    Bound, cusum, ears,
    farrington::{Calendar, Settings, week},
    rki,
};
use salus_core::{Error, Result};
use std::collections::BTreeMap;
use time::{Date, Month, Weekday};

/// Counts by point, from 1 on, for every series. A point that no table tells is not there.
struct Series(BTreeMap<String, BTreeMap<usize, u32>>);

impl Series {
    fn read(tables: &[&Table]) -> Result<Self> {
        let mut found: BTreeMap<String, BTreeMap<usize, u32>> = BTreeMap::new();
        for table in tables {
            table.require(&["series", "t", "observed"])?;
        }
        for row in tables.iter().flat_map(|t| t.rows()) {
            // The labelled series carry the names of the reference behind a word for where they come from.
            let name = row.text("series");
            let name = name.strip_prefix("real_").unwrap_or(name);
            found.entry(name.to_owned()).or_default().insert(row.required("t")?, row.required("observed")?);
        }
        Ok(Self(found))
    }

    /// The counts of a series up to its first gap.
    fn counts(&self, name: &str) -> Vec<u32> {
        let points = self.0.get(name).into_iter().flatten();
        points.zip(1..).take_while(|((t, _), at)| *t == at).map(|((_, count), _)| *count).collect()
    }
}

/// One row while its cells are compared.
struct Cells<'a> {
    row: Row<'a>,
    id: String,
    failed: Vec<Failure>,
}

impl<'a> Cells<'a> {
    fn new(row: Row<'a>) -> Self {
        Self { row, id: format!("{}:{}", row.text("series"), row.text("t")), failed: Vec::new() }
    }

    fn fail(&mut self, column: &str, got: String) {
        let expected = self.row.text(column).to_owned();
        self.failed.push(Failure { id: self.id.clone(), column: column.to_owned(), expected, got });
    }

    fn number(&mut self, column: &str, got: Option<f64>) -> Result<()> {
        if let Some(expected) = self.row.value::<f64>(column)? {
            let near = |got: f64| (got - expected).abs() <= 1e-9 * expected.abs().max(1.0);
            if !got.is_some_and(near) {
                self.fail(column, got.map(|g| g.to_string()).unwrap_or_default());
            }
        }
        Ok(())
    }

    fn alarm(&mut self, column: &str, got: Option<bool>) -> Result<()> {
        if let Some(expected) = self.row.value::<u8>(column)?
            && got.map(u8::from) != Some(expected)
        {
            self.fail(column, got.map(|g| u8::from(g).to_string()).unwrap_or_default());
        }
        Ok(())
    }

    /// The columns `<name>_ub` and `<name>_alarm`.
    fn bound(&mut self, name: &str, got: Option<Bound>) -> Result<()> {
        self.number(&format!("{name}_ub"), got.map(|b| b.upper))?;
        self.alarm(&format!("{name}_alarm"), got.map(|b| b.alarm))
    }
}

/// Series by name with what was computed for each.
type Computed<T> = BTreeMap<String, T>;

fn computed<T>(series: &Series, compute: impl Fn(&[u32]) -> T) -> Computed<T> {
    series.0.keys().map(|name| (name.clone(), compute(&series.counts(name)))).collect()
}

/// EARS C1 and C2 with the settings of the columns, and C3 by its published formula. The column of R's own C3 is not
/// compared: it is another quantity (`SOURCE.md` beside the table).
///
/// # Errors
/// [`Error::Invalid`] on `reference` when a cell cannot be read.
pub fn ears(reference: &[u8]) -> Result<Score> {
    /// The package takes a share of days, not a number of deviations; this is the share for 3.
    const ALPHA_3: f64 = 0.001_349_898_031_630_093_3;
    let z3 = ears::z_of_alpha(ALPHA_3);
    let rule = |baseline, lag, z, sd_floor| ears::Rule { baseline, lag, z, sd_floor };
    let rules = [
        ("C1_z3", rule(7, 0, z3, 0.0)),
        ("C2_z3", rule(7, 2, z3, 0.0)),
        ("C2_a001", rule(7, 2, ears::z_of_alpha(0.001), 0.0)),
        ("C2_z3_min02", rule(7, 2, z3, 0.2)),
        ("C1_b14_z3_min1", rule(14, 0, z3, 1.0)),
    ];
    let table = Table::read("reference", reference)?;
    let series = Series::read(&[&table])?;
    let bounds = computed(&series, |counts| rules.map(|(_, rule)| ears::bounds(counts, rule)));
    let c2 = computed(&series, |counts| ears::statistics(counts, rules[3].1));
    let c3 = computed(&series, |counts| ears::c3(&ears::statistics(counts, rules[3].1)));
    let mut score = Score::new("ears");
    for row in table.rows() {
        let (name, at) = (row.text("series"), row.required::<usize>("t")? - 1);
        let mut cells = Cells::new(row);
        for ((column, _), bounds) in rules.iter().zip(&bounds[name]) {
            cells.bound(column, bounds.get(at).copied().flatten())?;
        }
        cells.number("C2_stat_min02", c2[name].get(at).copied().flatten())?;
        let c3 = c3[name].get(at).copied().flatten();
        cells.number("C3_doc_stat_min02", c3)?;
        cells.alarm("C3_doc_z2_alarm", c3.map(|c3| c3 > 2.0))?;
        score.add(cells.failed);
    }
    Ok(score)
}

/// The systems of the Robert Koch Institute and cumulative sums. `series` tells the weeks that the reference leaves out.
///
/// # Errors
/// [`Error::Invalid`] on `reference` or `series` when a cell cannot be read.
pub fn cusum_rki(reference: &[u8], series: Option<&[u8]>) -> Result<Score> {
    /// The sums of the reference begin at its 60th week, the first that they answer for.
    const FIRST: usize = 59;
    let table = Table::read("reference", reference)?;
    let complete = series.map(|bytes| Table::read("series", bytes)).transpose()?;
    let series = Series::read(&complete.iter().chain([&table]).collect::<Vec<_>>())?;
    let of = computed(&series, |counts| {
        [
            ("rki1", rki::bounds(counts, rki::Rule::RKI1)),
            ("rki2", rki::bounds(counts, rki::Rule::RKI2)),
            ("cusum_std", cusum::bounds(counts, FIRST, (1.04, 2.26), cusum::Standardized::Standard)),
            ("cusum_ros", cusum::bounds(counts, FIRST, (1.04, 2.26), cusum::Standardized::Rossi)),
        ]
    });
    let mut score = Score::new("cusum-rki");
    for row in table.rows() {
        let (name, at) = (row.text("series"), row.required::<usize>("t")? - 1);
        let mut cells = Cells::new(row);
        for (column, bounds) in &of[name] {
            cells.bound(column, bounds.get(at).copied().flatten())?;
        }
        score.add(cells.failed);
    }
    Ok(score)
}

/// Farrington's algorithm in three settings, with the years and the window of each row. The table does not tell which series
/// are kept by date, in which weeks of earlier years move with 53-week years. `dated` tells the first week of such series;
/// of others it is found from the bounds, and a note says so.
///
/// # Errors
/// [`Error::Invalid`] on `reference` when a cell cannot be read.
pub fn farrington(reference: &[u8], dated: &[(String, Date)]) -> Result<Score> {
    let table = Table::read("reference", reference)?;
    let series = Series::read(&[&table])?;
    let counts = computed(&series, <[u32]>::to_vec);
    let mut score = Score::new("farrington");
    let mut calendars: Computed<Calendar> = BTreeMap::new();
    for (name, counts) in &counts {
        let given = dated.iter().find(|(n, _)| n == name).map(|(_, first)| Calendar::WeeksFrom(*first));
        let found = match given {
            Some(given) => given,
            None => calendar(&table.rows().filter(|r| r.text("series") == name).collect::<Vec<_>>(), counts)?,
        };
        if let (Calendar::WeeksFrom(first), None) = (found, given) {
            score
                .notes
                .push(format!("{name} goes by dates; its bounds are those of a series whose first week is {first}"));
        }
        calendars.insert(name.clone(), found);
    }
    for row in table.rows() {
        let (name, at) = (row.text("series"), row.required::<usize>("t")? - 1);
        let (years, half) = (row.required("b")?, row.required("w")?);
        let calendar = calendars[name];
        let mut cells = Cells::new(row);
        let bound = |settings| week(counts.get(name)?.get(..=at)?, at, calendar, &settings).map(|w| w.bound);
        if !row.text("farrington_ub").is_empty() {
            // Where there are too few cases the package answers a bound of 0 and no alarm.
            let none = Bound { upper: 0.0, alarm: false };
            cells.bound("farrington", Some(bound(Settings::classic(years, half, 0.01)).unwrap_or(none)))?;
        }
        for (column, settings) in
            [("flex1", Settings::flexible(years, half, 0.01)), ("noufaily", Settings::noufaily(years, half, 0.01))]
        {
            if row.text(&format!("{column}_ub")).is_empty() {
                // The package answers no bound and no alarm.
                cells.alarm(&format!("{column}_alarm"), Some(false))?;
            } else {
                cells.bound(column, bound(settings))?;
            }
        }
        score.add(cells.failed);
    }
    Ok(score)
}

/// The calendar of a series: 52 weeks a year when that gives the classic bounds, or else the first Monday of the January that
/// gives most of them. One unknown day is settled by hundreds of bounds to nine digits.
fn calendar(rows: &[Row<'_>], counts: &[u32]) -> Result<Calendar> {
    let mut bounds: Vec<(usize, Settings, f64)> = Vec::new();
    for row in rows {
        if let Some(upper) = row.value::<f64>("farrington_ub")?.filter(|upper| *upper > 0.0) {
            let settings = Settings::classic(row.required("b")?, row.required("w")?, 0.01);
            bounds.push((row.required::<usize>("t")? - 1, settings, upper));
        }
    }
    let given = |calendar| {
        let same = |(at, settings, upper): &&(usize, Settings, f64)| {
            let found = counts.get(..=*at).and_then(|counts| week(counts, *at, calendar, settings));
            found.is_some_and(|w| (w.bound.upper - upper).abs() <= 1e-9 * upper)
        };
        bounds.iter().filter(same).count()
    };
    let usual = (Calendar::Points(52), given(Calendar::Points(52)));
    if usual.1 == bounds.len() {
        return Ok(usual.0);
    }
    let first_monday = |year| {
        let days = (1..=7).filter_map(|day| Date::from_calendar_date(year, Month::January, day).ok());
        days.into_iter().find(|day| day.weekday() == Weekday::Monday).map(Calendar::WeeksFrom)
    };
    // The weeks of years repeat after 28; the first of equals is taken.
    let candidates = (2000..2028).filter_map(first_monday).map(|calendar| (calendar, given(calendar)));
    Ok(candidates.fold(usual, |best, next| if next.1 > best.1 { next } else { best }).0)
}

/// Reads `NAME=2004-01-05`.
///
/// # Errors
/// [`Error::Invalid`] on `first-week` for another form.
pub fn first_week(text: &str) -> Result<(String, Date)> {
    let parsed = text.split_once('=').and_then(|(name, day)| {
        let day = Date::parse(day, &time::format_description::well_known::Iso8601::DATE).ok()?;
        Some((name.to_owned(), day))
    });
    parsed
        .ok_or_else(|| Error::invalid("first-week", "invalid", format!("'{text}' is not of the form NAME=2004-01-05")))
}
