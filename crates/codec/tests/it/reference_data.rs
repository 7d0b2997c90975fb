//! Public resources: bulk files of synthetic persons and the examples of the FHIR specification.

use crate::support::{data, files, fresh, map, record, synthea};
use salus_codec::fhir::{self, Resources};
use salus_codec::json::Json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};

#[test]
fn every_bulk_resource_is_read() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut tables: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = 0;
    for (path, item) in synthea() {
        let resource = fhir::parse(&item.bytes).unwrap();
        let mapped = fhir::map(&resource).unwrap_or_else(|p| panic!("{}:{} {p:?}", path.display(), item.line));
        assert_eq!(fhir::peek_type(&item.bytes), Some(mapped.record.resource_type.as_str()));
        assert_eq!(mapped.kept_whole, None, "{}:{}", path.display(), item.line);
        *counts.entry(mapped.record.resource_type).or_default() += 1;
        *tables.entry(mapped.record.table.unwrap_or("-".into()).into_owned()).or_default() += 1;
        for child in mapped.record.children {
            *tables.entry(child.table.into_owned()).or_default() += 1;
        }
        lines += 1;
    }
    let folder = data("fhir-bulk-synthea-10");
    let mut paths = files(&folder, ".000.ndjson");
    paths.extend(files(&folder.join("100-patients-small"), ".000.ndjson"));
    let written: usize = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap().lines().filter(|line| !line.trim().is_empty()).count())
        .sum();
    assert_eq!(lines, written);
    insta::assert_debug_snapshot!(counts);
    insta::assert_debug_snapshot!(tables);
}

#[test]
fn what_bulk_resources_say_beyond_the_tables() {
    let mut lost: BTreeMap<String, usize> = BTreeMap::new();
    for (_, item) in synthea() {
        let mapped = fhir::map(&fhir::parse(&item.bytes).unwrap()).unwrap();
        if mapped.record.table.is_some() {
            for path in mapped.unmapped {
                let general: String = path.split('[').map(|part| part.split_once(']').map_or(part, |p| p.1)).collect();
                *lost.entry(general).or_default() += 1;
            }
        }
    }
    let mut text = String::new();
    for (path, count) in lost {
        writeln!(text, "{count:>6} {path}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_written_record_is_read_as_the_same_record() {
    let mut written = 0;
    for (path, item) in synthea() {
        let resource = fhir::parse(&item.bytes).unwrap();
        let before = fhir::map(&resource).unwrap().record;
        if before.table.is_none() {
            continue;
        }
        let text = fresh(&before);
        assert_eq!(record(&text), before, "{}:{} {text}", path.display(), item.line);
        let with_original = fhir::write(&before, Some(resource.clone())).unwrap();
        assert_eq!(with_original, resource, "{}:{}", path.display(), item.line);
        written += 1;
    }
    assert!(written > 9_000, "{written}");
}

#[test]
fn examples_of_the_specification() {
    let mut outcome = String::new();
    for path in files(&data("fhir-test-cases/r4/examples"), ".json") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for item in Resources::new(File::open(&path).unwrap()) {
            let line = match item {
                Err(failure) => format!("unreadable {}", failure.problem),
                Ok(item) => told(std::str::from_utf8(&item.bytes).unwrap()),
            };
            writeln!(outcome, "{name}: {line}").unwrap();
        }
    }
    insta::assert_snapshot!(outcome);
}

/// What becomes of a resource, and that it can be written and read again.
fn told(text: &str) -> String {
    match map(text) {
        Err(problems) => format!("refused {} {}", problems[0].path, problems[0].code),
        Ok(mapped) => {
            let record = mapped.record;
            if record.table.is_some() {
                let written = fresh(&record);
                assert_eq!(crate::support::record(&written), record, "{written}");
            }
            let original = fhir::parse(text.as_bytes()).unwrap();
            let unchanged: Json<'_> = fhir::write(&record, Some(original.clone())).unwrap();
            assert_eq!(unchanged, original);
            let table = record.table.as_deref().unwrap_or("whole");
            let why = mapped.kept_whole.map(|why| format!(" ({why})")).unwrap_or_default();
            let children =
                if record.children.is_empty() { String::new() } else { format!(" +{}", record.children.len()) };
            format!("{table}{children}{why}, {} values, {} unmapped", record.row.len(), mapped.unmapped.len())
        }
    }
}
