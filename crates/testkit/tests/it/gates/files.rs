//! Sizes, names and headers of files.

use super::{Source, demand, sources};

const LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 800;
/// `path lines` of files above the limit. The number of entries and each number may only shrink.
const OVERSIZE: &str = include_str!("oversize.txt");
const OVERSIZE_MAX: usize = 0;
const BANNED_WORDS: [&str; 5] = ["Manager", "Service", "Helper", "Util", "Utils"];

fn limit(source: &Source) -> Option<usize> {
    let written = ["rs", "sql", "js", "css", "sh"].iter().any(|e| source.is(e)) || source.path.starts_with("script/");
    let generated = source.path.ends_with(".min.js") || source.path.contains("/vendor/");
    (written && !generated).then_some(if source.is_test() { TEST_LINES_MAX } else { LINES_MAX })
}

fn too_long(source: &Source, excepted: &str) -> Vec<String> {
    let lines = source.text.lines().count();
    let entry = excepted.lines().find_map(|l| l.split_once(' ').filter(|(path, _)| *path == source.path));
    let entry: Option<usize> = entry.map(|(_, lines)| lines.parse().unwrap());
    match (limit(source), entry) {
        (Some(limit), None) if lines > limit => vec![format!("{}: {lines} lines, at most {limit}", source.path)],
        (Some(limit), Some(_)) if lines <= limit => {
            vec![format!("{}: take it off the list of exceptions", source.path)]
        }
        (Some(_), Some(listed)) if lines != listed => {
            vec![format!("{}: {lines} lines, {listed} in the list of exceptions, which only shrinks", source.path)]
        }
        _ => vec![],
    }
}

/// `Manager` and its kind say nothing about what a thing is.
fn empty_names(source: &Source) -> Vec<String> {
    if !source.is("rs") {
        return vec![];
    }
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let mut wrong: Vec<String> = BANNED_WORDS
        .iter()
        .filter(|word| stem.split('_').any(|part| part.eq_ignore_ascii_case(word)))
        .map(|word| format!("{}: a file named {word}", source.path))
        .collect();
    for (at, line) in source.code() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty());
        let declares = words.by_ref().take(3).any(|w| ["struct", "enum", "trait", "type", "mod"].contains(&w));
        let name = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .skip_while(|w| !["struct", "enum", "trait", "type", "mod"].contains(w))
            .nth(1)
            .unwrap_or_default();
        if declares && BANNED_WORDS.iter().any(|word| words_of(name).iter().any(|w| w.eq_ignore_ascii_case(word))) {
            wrong.push(source.at(at, &format!("{name}: name what it is, not that it does something")));
        }
    }
    wrong
}

/// The words of a name in either case style.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().push(c);
        }
    }
    words
}

fn no_header(source: &Source) -> Vec<String> {
    let missing = source.is("rs") && !source.text.starts_with("//! ");
    missing.then(|| format!("{}: begins with //! that says what it is", source.path)).into_iter().collect()
}

#[test]
fn no_file_is_too_long() {
    let long = Source::new("crates/x/src/a.rs", &"x\n".repeat(601));
    assert_eq!(too_long(&long, "").len(), 1);
    assert_eq!(too_long(&long, "crates/x/src/a.rs 601").len(), 0);
    assert_eq!(too_long(&long, "crates/x/src/a.rs 600").len(), 1, "a listed file must not grow");
    assert_eq!(too_long(&long, "crates/x/src/a.rs 700").len(), 1, "and its number follows when it shrinks");
    assert_eq!(too_long(&Source::new("crates/x/tests/a.rs", &"x\n".repeat(801)), "").len(), 1);
    demand(|source| too_long(source, OVERSIZE));
    let entries: Vec<&str> = OVERSIZE.lines().filter(|l| !l.is_empty()).collect();
    assert_eq!(entries.len(), OVERSIZE_MAX, "the list of exceptions only shrinks, and this number with it");
    for entry in entries {
        let path = entry.split(' ').next().unwrap();
        assert!(sources().iter().any(|s| s.path == path), "{path} is gone: take it off the list");
    }
}

#[test]
fn names_say_what_a_thing_is() {
    for bad in ["pub struct KeyManager;", "pub(crate) trait UserService {", "mod util;", "enum FormHelper {"] {
        assert_eq!(empty_names(&Source::new("crates/x/src/a.rs", bad)).len(), 1, "{bad}");
    }
    for fine in ["pub struct Utilization;", "    Service,", "use deadpool_postgres::Manager;", "mod utilization;"] {
        assert!(empty_names(&Source::new("crates/x/src/a.rs", fine)).is_empty(), "{fine}");
    }
    assert_eq!(empty_names(&Source::new("crates/x/src/date_utils.rs", "")).len(), 1);
    demand(empty_names);
}

#[test]
fn every_module_says_what_it_is() {
    assert_eq!(no_header(&Source::new("a.rs", "use std::fs;\n")).len(), 1);
    demand(no_header);
}
