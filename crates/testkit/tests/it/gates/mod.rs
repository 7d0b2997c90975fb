//! Rules that every file of the repository keeps. Each is a function from a file to what is wrong with it, tried on
//! a sample that breaks it and then on every file.

mod asvs;
mod edges;
mod faults;
mod files;
mod migrations;
mod secrets;

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Made by tools or by running; never committed.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "shots"];

/// One text file of the repository.
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == extension)
    }

    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The lines with their numbers, up to the tests at the end of a file.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let before = self.text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        before.enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every text file of the repository.
pub fn sources() -> Vec<Source> {
    let root = Path::new(ROOT).canonicalize().unwrap();
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    let found: Vec<Source> = paths
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            Some(Source { path: relative, text: fs::read_to_string(path).ok()? })
        })
        .collect();
    assert!(found.iter().any(|s| s.path == "crates/store/src/cluster/mod.rs"), "the walk finds nothing");
    found
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    // What `script/server` makes unless it is told another place.
    let home = Path::new(ROOT).canonicalize().unwrap().join("data");
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) && entry.path() != home {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
}

/// Applies a rule to every file.
pub fn demand(rule: impl Fn(&Source) -> Vec<String>) {
    let wrong: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(wrong.is_empty(), "{} to mend:\n{}", wrong.len(), wrong.join("\n"));
}
