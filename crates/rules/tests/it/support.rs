//! Where the reference data lie, and the scores that may only rise.

use salus_rules::{conformance::Score, immunization::Schedule, immunization::read};
use std::{fs, sync::OnceLock};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The bytes of a file of the reference data.
pub fn data(path: &str) -> Vec<u8> {
    let path = format!("{REPOSITORY}/../shared/data/{path}");
    fs::read(&path).unwrap_or_else(|e| panic!("the reference data are missing: {path}: {e}"))
}

/// The files of the supporting data.
pub fn supporting_data() -> Vec<(String, Vec<u8>)> {
    let folder = format!("{REPOSITORY}/../shared/data/cdsi/supporting-data-4.64/XML");
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("the reference data are missing: {folder}: {e}"));
    let paths = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "xml"));
    paths.map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(p).unwrap())).collect()
}

/// The schedule of CDSi 4.64.
pub fn schedule() -> &'static Schedule {
    static SCHEDULE: OnceLock<Schedule> = OnceLock::new();
    SCHEDULE.get_or_init(|| {
        let files = supporting_data();
        read::schedule(files.iter().map(|(n, b)| (n.as_str(), b.as_slice()))).unwrap()
    })
}

/// Fails when a suite scores less than `expected-scores.toml` says.
pub fn keep(score: &Score) {
    let text = fs::read_to_string(format!("{REPOSITORY}/expected-scores.toml")).unwrap();
    let kept: toml::Table = toml::from_str(&text).unwrap();
    let kept = kept.get(score.suite).unwrap_or_else(|| panic!("{} has no entry in expected-scores.toml", score.suite));
    let failed: Vec<String> =
        score.failed.iter().map(|f| format!("{} {}: {} instead of {}", f.id, f.column, f.got, f.expected)).collect();
    for (name, reached) in [("passed", score.passed), ("total", score.total)] {
        let reached = i64::try_from(reached).unwrap();
        assert!(Some(reached) >= kept[name].as_integer(), "{name} fell to {reached}:\n{}", failed.join("\n"));
    }
}
