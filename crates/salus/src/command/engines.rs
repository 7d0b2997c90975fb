//! Suites of `salus conformance` for the engines: what `salus-rules` decides, against published tables that the user has.

use crate::output::{Outcome, table};
use clap::Subcommand;
use salus_core::{Error, Result};
use salus_rules::{
    conformance::{Score, cdsi, outbreak},
    immunization::{Schedule, read},
};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum EngineSuite {
    /// CDC's test cases for immunization, evaluated and forecast with supporting data of CDSi, each on its own day.
    Cdsi {
        /// The folder of the supporting data: XML files of antigens and of the schedule, or that which holds them in XML/.
        #[arg(long)]
        supporting: PathBuf,
        /// The cases as CSV.
        #[arg(long)]
        cases: PathBuf,
        /// The cases are those for underlying conditions: the forecast of a risk series goes before that by age.
        #[arg(long)]
        underlying: bool,
    },
    /// Bounds and alarms of EARS C1, C2 and C3.
    Ears {
        /// The reference as CSV.
        #[arg(long)]
        reference: PathBuf,
    },
    /// Bounds and alarms of the Robert Koch Institute's system and of cumulative sums.
    Cusum {
        /// The reference as CSV.
        #[arg(long)]
        reference: PathBuf,
        /// Complete series as CSV, for weeks that the reference leaves out.
        #[arg(long)]
        series: Option<PathBuf>,
    },
    /// Bounds and alarms of Farrington's algorithm, classic and flexible.
    Farrington {
        /// The reference as CSV.
        #[arg(long)]
        reference: PathBuf,
        /// First week of a series that goes by dates, as NAME=2004-01-05. The others have 52 weeks a year.
        #[arg(long)]
        first_week: Vec<String>,
    },
}

/// Runs a suite.
///
/// # Errors
/// [`Error::Invalid`] on the argument whose file cannot be read.
pub fn run(suite: &EngineSuite) -> Result<Outcome> {
    match suite {
        EngineSuite::Cdsi { supporting, cases, underlying } => {
            let schedule = supporting_data(supporting)?;
            Ok(scored(&cdsi::score(&schedule, &bytes("cases", cases)?, *underlying)?))
        }
        EngineSuite::Ears { reference } => Ok(scored(&outbreak::ears(&bytes("reference", reference)?)?)),
        EngineSuite::Cusum { reference, series } => {
            let series = series.as_ref().map(|path| bytes("series", path)).transpose()?;
            Ok(scored(&outbreak::cusum_rki(&bytes("reference", reference)?, series.as_deref())?))
        }
        EngineSuite::Farrington { reference, first_week } => {
            let dated = first_week.iter().map(|text| outbreak::first_week(text)).collect::<Result<Vec<_>>>()?;
            Ok(scored(&outbreak::farrington(&bytes("reference", reference)?, &dated)?))
        }
    }
}

/// Reads every XML file of a folder into a schedule.
fn supporting_data(folder: &Path) -> Result<Schedule> {
    let files = supporting_files(folder)?;
    read::schedule(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

/// The XML files of a folder, by name.
///
/// # Errors
/// [`Error::Invalid`] on `supporting` for a folder or file that cannot be read.
pub fn supporting_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    // As it is handed out, documents lie in the folder and the data one below.
    let inner = folder.join("XML");
    let folder = if inner.is_dir() { inner.as_path() } else { folder };
    let unreadable =
        |e: std::io::Error| Error::invalid("supporting", "unreadable", format!("{}: {e}", folder.display()));
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, bytes("supporting", &path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn bytes(argument: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::invalid(argument, "unreadable", format!("{}: {e}", path.display())))
}

/// A suite that ran nothing has not passed.
fn scored(score: &Score) -> Outcome {
    let rows: Vec<Vec<String>> =
        score.failed.iter().map(|f| vec![f.id.clone(), f.column.clone(), f.expected.clone(), f.got.clone()]).collect();
    let failed =
        if rows.is_empty() { String::new() } else { table(&["id", "column", "expected", "got"], &rows) + "\n" };
    let mut lines = score.notes.clone();
    lines.push(format!("{}: {} of {} passed", score.suite, score.passed, score.total));
    let text = format!("{failed}{}", lines.join("\n"));
    let ok = score.passed == score.total && score.total > 0;
    Outcome { json: json!(score), text, ok }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]
mod tests {
    use super::*;

    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

    #[test]
    fn a_suite_answers_with_its_score() {
        let path = |name: &str| PathBuf::from(format!("{DATA}/outbreak-ears/{name}"));
        let score = run(&EngineSuite::Ears { reference: path("ears_reference.csv") }).unwrap();
        let names: Vec<&String> = score.json.as_object().unwrap().keys().collect();
        assert_eq!(names, ["failed", "passed", "suite", "total"]);
        assert!(score.ok && score.text.ends_with("passed"), "{}", score.text);
        let without = run(&EngineSuite::Cusum { reference: path("cusum_rki_reference.csv"), series: None }).unwrap();
        assert!(!without.ok && without.text.contains("expected"), "the reference leaves out weeks");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let nowhere = PathBuf::from("/nowhere");
        let suite = EngineSuite::Cdsi { supporting: nowhere.clone(), cases: nowhere.clone(), underlying: false };
        assert!(run(&suite).unwrap_err().to_string().contains("/nowhere"));
        let empty = PathBuf::from(format!("{DATA}/outbreak-ears"));
        let suite = EngineSuite::Cdsi { supporting: empty, cases: nowhere, underlying: false };
        assert!(run(&suite).unwrap_err().to_string().contains("ScheduleSupportingData.xml is missing"));
    }
}
