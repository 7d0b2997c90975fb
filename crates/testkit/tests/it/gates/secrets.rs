//! No known credential of the systems that Salus replaces, nor of their demos, is in any file: what is not in the
//! repository cannot become somebody's password.

use super::{Source, demand};

const KNOWN: &str = include_str!("known_credentials.txt");
/// The one file that may name them.
const LIST: &str = "crates/testkit/tests/it/gates/known_credentials.txt";

fn known() -> impl Iterator<Item = &'static str> {
    KNOWN.lines().filter(|l| !l.is_empty() && !l.starts_with('#'))
}

fn credentials(source: &Source) -> Vec<String> {
    if source.path == LIST {
        return vec![];
    }
    let lines = source.text.lines().enumerate();
    let found = lines.flat_map(|(at, line)| known().filter(|k| line.contains(k)).map(move |_| at + 1));
    found.map(|at| source.at(at, "a known default credential")).collect()
}

#[test]
fn no_default_credential_is_in_the_repository() {
    assert!(known().count() >= 6);
    for credential in known() {
        let sample = Source::new("db/seed/users.sql", &format!("-- one\nINSERT '{credential}'"));
        assert!(credentials(&sample)[0].starts_with("db/seed/users.sql:2:"));
    }
    demand(credentials);
}
