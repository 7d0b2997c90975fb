//! Reference data and short cuts for tests.

use salus_codec::fhir::{self, Item, Mapped, Problem, Record, Resources};
use salus_codec::json::Json;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder of the reference data; a test that needs it fails loudly when it is missing.
pub fn data(folder: &str) -> PathBuf {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(folder);
    assert!(path.exists(), "the reference data is missing: {}", path.display());
    path
}

/// Files of a folder with this ending, sorted.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {}", folder.display());
    found
}

/// Every resource of the Synthea bulk files, large folder and small.
pub fn synthea() -> Vec<(PathBuf, Item)> {
    let folder = data("fhir-bulk-synthea-10");
    let mut paths = files(&folder, ".000.ndjson");
    paths.extend(files(&folder.join("100-patients-small"), ".000.ndjson"));
    paths
        .into_iter()
        .flat_map(|path| {
            let items: Vec<_> = Resources::new(File::open(&path).unwrap()).map(Result::unwrap).collect();
            items.into_iter().map(move |item| (path.clone(), item))
        })
        .collect()
}

/// Reads and maps one resource.
pub fn map(text: &str) -> Result<Mapped, Vec<Problem>> {
    fhir::map(&fhir::parse(text.as_bytes()).map_err(|problem| vec![problem])?)
}

/// The record of a resource that must be mapped.
pub fn record(text: &str) -> Record {
    map(text).unwrap_or_else(|problems| panic!("{problems:?}")).record
}

/// The paths at which a resource is refused, with the code.
pub fn refusals(text: &str) -> Vec<String> {
    map(text).expect_err("must be refused").iter().map(|p| format!("{} {}", p.path, p.code)).collect()
}

/// The text of a record written without an original.
pub fn fresh(record: &Record) -> String {
    fhir::write(record, None).map(|json: Json<'_>| json.to_string()).unwrap_or_default()
}
