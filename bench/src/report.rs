//! What was found: a table for people, or one JSON document with the facts of the machine.

use crate::{Sizes, measure::Ratio};
use salus_core::{Error, Result};
use serde::Serialize;
use serde_json::json;
use std::{io::Write as _, process::ExitCode};

/// One measured thing.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Such as P1 or visits.
    pub name: &'static str,
    /// What was done.
    pub work: String,
    /// Ours, in `unit`.
    pub ours: f64,
    /// The limit, in `unit`; none where the goal is absolute.
    pub limit: Option<f64>,
    /// Such as `/s`, `ms` or `MB`.
    pub unit: &'static str,
    /// Median ratio of neighbouring slices.
    pub ratio: Option<f64>,
    /// Smallest and largest ratio of neighbouring slices.
    pub spread: Option<(f64, f64)>,
    /// In words.
    pub goal: String,
    /// Whether it was met; none where there is no goal.
    pub met: Option<bool>,
}

/// All of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In the order in which they were measured.
    pub rows: Vec<Row>,
    /// Answers that were wrong: any of them fails the run.
    pub wrong: Vec<String>,
    patients: usize,
    load_at_start: f64,
}

impl Row {
    /// A rate beside its limit, with the smallest ratio that is good.
    pub fn rate(row: &'static str, work: impl Into<String>, found: &Ratio, goal: f64) -> Self {
        Self {
            name: row,
            work: work.into(),
            ours: found.ours,
            limit: Some(found.limit),
            unit: "/s",
            ratio: Some(found.median),
            spread: Some(found.spread),
            goal: format!(">= {goal:.2}x"),
            met: Some(found.median >= goal),
        }
    }

    /// A figure that may not exceed `most`.
    pub fn at_most(row: &'static str, work: impl Into<String>, (ours, unit): (f64, &'static str), most: f64) -> Self {
        let goal = format!("<= {most} {unit}");
        Self {
            name: row,
            work: work.into(),
            ours,
            limit: None,
            unit,
            ratio: None,
            spread: None,
            goal,
            met: Some(ours <= most),
        }
    }

    /// A figure without a goal of its own.
    pub fn fact(row: &'static str, work: impl Into<String>, (ours, unit): (f64, &'static str)) -> Self {
        let work = work.into();
        Self { name: row, work, ours, limit: None, unit, ratio: None, spread: None, goal: String::new(), met: None }
    }
}

impl Report {
    /// An empty report of a run of these sizes.
    pub fn new(sizes: Sizes) -> Self {
        Self { rows: Vec::new(), wrong: Vec::new(), patients: sizes.patients, load_at_start: load() }
    }

    /// Prints it; says how the process ends.
    pub fn show(&self, as_json: bool, goals: bool) -> ExitCode {
        if as_json {
            let document = json!({"machine": machine(), "load_at_end": load(), "report": self});
            say(&document.to_string());
        } else {
            say(&self.table());
        }
        let missed = goals && self.rows.iter().any(|r| r.met == Some(false));
        if missed || !self.wrong.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn table(&self) -> String {
        let mut lines = vec![format!(
            "{:<9} {:<60} {:>13} {:>12} {:>7} {:>13}  {:<12} {}",
            "row", "work", "ours", "limit", "ratio", "min-max", "goal", "met"
        )];
        for r in &self.rows {
            let number = |n: f64| if n < 100.0 { format!("{n:.2}{}", r.unit) } else { format!("{n:.0}{}", r.unit) };
            let met = r.met.map_or("", |m| if m { "yes" } else { "NO" });
            lines.push(format!(
                "{:<9} {:<60} {:>13} {:>12} {:>7} {:>13}  {:<12} {met}",
                r.name,
                r.work,
                number(r.ours),
                r.limit.map(number).unwrap_or_default(),
                r.ratio.map(|x| format!("{x:.2}x")).unwrap_or_default(),
                r.spread.map(|(a, b)| format!("{a:.2}-{b:.2}")).unwrap_or_default(),
                r.goal
            ));
        }
        lines.extend(self.wrong.iter().map(|w| format!("WRONG: {w}")));
        let machine = machine();
        lines.push(format!(
            "{} cores, {}, {} patients; load average {:.1} at the start, {:.1} at the end",
            machine["cores"],
            machine["processor"].as_str().unwrap_or_default(),
            self.patients,
            self.load_at_start,
            load()
        ));
        lines.join("\n")
    }
}

fn machine() -> serde_json::Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let named = |text: &str, name: &str| {
        text.lines().find_map(|l| l.strip_prefix(name)?.split_once(':').map(|(_, v)| v.trim().to_owned()))
    };
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": named(&read("/proc/cpuinfo"), "model name"),
        "memory": named(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}

/// Processes that wanted to run in the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Prints a line on standard output.
pub fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Says what is being done, on standard error.
pub fn progress(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Says why nothing was measured.
pub fn fail(error: &Error) -> ExitCode {
    writeln!(std::io::stderr(), "bench: {error}").ok();
    ExitCode::FAILURE
}

/// An error with all its causes: everything here is invented, so nothing in them need be kept back.
pub fn fault(error: impl std::error::Error) -> Error {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    Error::internal(causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}")))
}

/// An answer that is not what it must be, unless it is.
///
/// # Errors
/// [`Error::Internal`], which ends the run.
pub fn must(right: bool, what: &str) -> Result<()> {
    if right { Ok(()) } else { Err(Error::internal(format!("a wrong answer: {what}"))) }
}
