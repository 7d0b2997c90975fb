//! Which crate may know what (`docs/ARCHITECTURE.md`, section 2), and the borders between domains.

use super::{ROOT, Source, demand};
use std::{collections::BTreeSet, fs, path::Path};

/// A crate and what may not be among its dependencies. Those of its tests are free.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    ("core", &["tokio", "axum", "hyper", "tokio-postgres", "salus-"]),
    ("codec", &["tokio", "axum", "hyper", "tokio-postgres", "salus-store", "salus-domains", "salus-web"]),
    ("rules", &["tokio", "axum", "hyper", "tokio-postgres", "salus-store", "salus-domains", "salus-web"]),
    ("store", &["axum", "maud", "salus-domains", "salus-web", "salus-rules"]),
    ("domains", &["axum", "maud", "hyper", "tokio-postgres", "deadpool-postgres", "salus-web"]),
    ("web", &["tokio-postgres", "deadpool-postgres"]),
];
const SQL: [&str; 5] = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE ", "CREATE TABLE "];

fn forbidden_dependencies(source: &Source) -> Vec<String> {
    let Some((_, banned)) = FORBIDDEN.iter().find(|(name, _)| source.path == format!("crates/{name}/Cargo.toml"))
    else {
        return vec![];
    };
    let lines = source.text.lines().skip_while(|l| *l != "[dependencies]").skip(1).take_while(|l| !l.starts_with('['));
    let names = lines.filter_map(|l| l.split(['.', ' ', '=']).next());
    let meant = |name: &str, ban: &str| name == ban || (ban.ends_with('-') && name.starts_with(ban));
    names
        .filter(|name| banned.iter().any(|ban| meant(name, ban)))
        .map(|name| format!("{}: must not depend on {name}", source.path))
        .collect()
}

/// SQL in a string of the web crate.
fn sql_in_web(source: &Source) -> Vec<String> {
    if !source.path.starts_with("crates/web/src/") || !source.is("rs") {
        return vec![];
    }
    let written = |line: &str| SQL.iter().any(|word| line.contains(&format!("\"{word}")));
    let opened = |line: &str| SQL.iter().any(|word| line.trim_start().starts_with(word));
    let found = source.code().filter(|(_, line)| written(line) || opened(line));
    found.map(|(at, _)| source.at(at, "SQL belongs to salus-store or a domain")).collect()
}

/// What a domain may not name of another: its inner modules, and its tables in a statement that changes them.
fn crossed_borders(source: &Source, domains: &BTreeSet<String>) -> Vec<String> {
    let Some(rest) = source.path.strip_prefix("crates/domains/src/") else { return vec![] };
    let Some(own) = rest.split('/').next().filter(|d| domains.contains(*d)) else { return vec![] };
    let mut wrong = Vec::new();
    for (at, line) in source.code() {
        for other in domains.iter().filter(|d| *d != own) {
            let inner = line.split(&format!("crate::{other}::")).skip(1).any(|after| {
                let item = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                item.starts_with(|c: char| c.is_lowercase()) && after[item.len()..].starts_with("::")
            });
            if inner {
                wrong.push(source.at(at, &format!("call a public function of {other}, not its inside")));
            }
            let verbs = ["INSERT INTO", "UPDATE", "DELETE FROM"];
            if verbs.iter().any(|verb| line.contains(&format!("{verb} {other}."))) {
                wrong.push(source.at(at, &format!("only {other} changes its tables")));
            }
        }
        if line.contains("super::super::") {
            wrong.push(source.at(at, "name another domain by crate::, so that the border shows"));
        }
    }
    wrong
}

fn domains() -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(ROOT).join("crates/domains/src")).unwrap().flatten();
    entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap()).collect()
}

#[test]
fn crates_look_one_way() {
    let bad = "[package]\n[dependencies]\ntokio.workspace = true\nsalus-store = { path = \"../store\" }\n";
    assert_eq!(forbidden_dependencies(&Source::new("crates/core/Cargo.toml", bad)).len(), 2);
    assert_eq!(forbidden_dependencies(&Source::new("crates/web/Cargo.toml", bad)).len(), 0);
    let tests_only = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\ntokio.workspace = true\n";
    assert_eq!(forbidden_dependencies(&Source::new("crates/core/Cargo.toml", tests_only)).len(), 0);
    demand(forbidden_dependencies);
}

#[test]
fn the_web_knows_no_sql() {
    let sample = |line: &str| sql_in_web(&Source::new("crates/web/src/a.rs", line)).len();
    assert_eq!(sample("    let q = \"SELECT 1\";"), 1);
    assert_eq!(sample("       INSERT INTO t"), 1);
    assert_eq!(sample("    // SELECT is for the store"), 0);
    assert_eq!(sample("    html! { select name=\"x\" {} }"), 0);
    demand(sql_in_web);
}

#[test]
fn domains_keep_their_borders() {
    let known: BTreeSet<String> = ["medical", "school"].map(String::from).into();
    let sample = |line: &str| crossed_borders(&Source::new("crates/domains/src/school/actions.rs", line), &known).len();
    assert_eq!(sample("use crate::medical::actions::decide;"), 1);
    assert_eq!(sample("let sql = \"UPDATE medical.claims SET status = $1\";"), 1);
    assert_eq!(sample("use super::super::medical;"), 1);
    assert_eq!(sample("crate::medical::decide(tx).await?;"), 0);
    assert_eq!(sample("crate::medical::Claim::new()"), 0);
    assert_eq!(sample("use crate::school::reads::queue;"), 0);
    assert_eq!(sample("\"SELECT id FROM medical.patients\""), 0);
    let found = domains();
    demand(|source| crossed_borders(source, &found));
}
