//! Fault points stand where the list says, once each; and nothing cancels a statement.

use super::{Source, demand, sources};
use salus_store::fault::POINTS;
use std::collections::BTreeMap;

/// Names in calls of the macro.
fn points(source: &Source) -> Vec<String> {
    if !source.is("rs") || source.is_test() || !source.path.contains("/src/") {
        return vec![];
    }
    let calls = source.code().flat_map(|(_, line)| line.split("fault_point!(\"").skip(1));
    calls.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// A cancelled COMMIT is answered with success and is kept on one machine only, so no cancel is ever sent.
fn cancels(source: &Source) -> Vec<String> {
    if !source.is("rs") || source.is_test() {
        return vec![];
    }
    let found = source.code().filter(|(_, line)| line.contains("cancel_token(") || line.contains("cancel_query"));
    found
        .map(|(at, _)| source.at(at, "a COMMIT that is cancelled counts as done and may be lost: wait for it"))
        .collect()
}

#[test]
fn every_fault_point_stands_in_the_code_once() {
    let sample = Source::new("crates/x/src/a.rs", "fault_point!(\"a.b\");\n// fault_point!(\"c.d\");\n");
    assert_eq!(points(&sample), ["a.b"]);
    let mut found: BTreeMap<String, usize> = POINTS.iter().map(|name| ((*name).to_owned(), 0)).collect();
    for name in sources().iter().flat_map(points) {
        *found.entry(name).or_default() += 1;
    }
    let wrong: Vec<_> = found.into_iter().filter(|(_, times)| *times != 1).collect();
    assert!(wrong.is_empty(), "points and how often they stand in the code: {wrong:?}");
    assert!(POINTS.len() >= 40);
}

#[test]
fn nothing_cancels_a_statement() {
    assert_eq!(cancels(&Source::new("crates/x/src/a.rs", "client.cancel_token().cancel_query(NoTls);\n")).len(), 1);
    demand(cancels);
}
