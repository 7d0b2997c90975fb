//! Every statement of the source prepares against the migrated database as the serving role.

use crate::world::World;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[tokio::test]
async fn every_statement_prepares() {
    let world = World::new().await;
    let app = world.database.connect("salus_app").await;
    let tables: Vec<String> = world.db.catalog().tables().map(|t| t.name.clone()).collect();
    let (mut tried, mut wrong) = (0, Vec::new());
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        for sql in registered(&text) {
            tried += 1;
            wrong.extend(refused(&app, &sql).await.map(|why| format!("{}: {why}\n    {sql}", file.display())));
        }
        for (table, condition) in conditions(&text) {
            tried += 1;
            // Where the table is a variable, there must at least be one that the condition fits.
            let fitting = if table.is_empty() { tables.clone() } else { vec![table] };
            let mut last = None;
            for table in &fitting {
                last = refused(&app, &format!("SELECT t.id FROM {table} t WHERE {condition}")).await;
                if last.is_none() {
                    break;
                }
            }
            wrong.extend(last.map(|why| format!("{}: {why}\n    {fitting:?} {condition}", file.display())));
        }
    }
    assert!(tried > 50, "only {tried} found");
    assert!(wrong.is_empty(), "{} of {tried} statements:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the database says against a statement.
async fn refused(app: &tokio_postgres::Client, sql: &str) -> Option<String> {
    let e = app.prepare(sql).await.err()?;
    Some(e.as_db_error().map_or_else(|| e.to_string(), |d| d.message().to_owned()))
}

/// Sources of all crates.
fn sources() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap() {
        let src = entry.unwrap().path().join("src");
        if src.is_dir() {
            walk(&src, &mut found);
        }
    }
    found
}

/// What stands in `sql!("…")`, outside comments.
fn registered(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("sql!(") {
        let line = source[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        if line.starts_with("//") || line.ends_with("macro_rules! ") {
            continue;
        }
        let rest = source[at + 5..].trim_start();
        found.push(literal(rest).unwrap_or_else(|| panic!("sql! without a literal: {line}")).0);
    }
    found
}

/// Conditions given to `Tx::select`, which are texts over the alias `t`, with the table of the struct or call they
/// stand in; empty where that is a variable.
fn conditions(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("\"t.") {
        let (condition, _) = literal(&source[at..]).unwrap();
        // A text of a format string is made by the engine and runs in every test.
        if condition.contains('{') {
            continue;
        }
        let before = &source[..at];
        let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
        let bound = ["const ", "let "].into_iter().find_map(|word| line.strip_prefix(word));
        let tables: BTreeSet<String> = if let Some(name) = bound.and_then(|b| b.split([':', ' ', '=']).next()) {
            // Bound to a name: the tables of the calls that use it afterwards.
            let uses = source.match_indices(name).filter(|(i, _)| *i > at);
            uses.filter_map(|(i, _)| table_of_call(&source[..i])).collect()
        } else if line.starts_with("tail:") {
            let table = before.rfind("table: \"").and_then(|i| literal(&before[i + 7..]));
            table.map(|(t, _)| t).into_iter().collect()
        } else {
            table_of_call(before).into_iter().collect()
        };
        if tables.is_empty() {
            found.push((String::new(), condition));
        } else {
            found.extend(tables.into_iter().map(|table| (table, condition.clone())));
        }
    }
    found
}

/// The table a call of `select` names, when the text ends inside that call's parentheses.
fn table_of_call(before: &str) -> Option<String> {
    let call = before.rfind(".select(")? + ".select(".len();
    let open = before[call..].matches('(').count() >= before[call..].matches(')').count();
    literal(before[call..].trim_start()).map(|(table, _)| table).filter(|_| open)
}

/// The value of the string literal a text begins with, and its length in the source.
fn literal(source: &str) -> Option<(String, usize)> {
    if let Some(raw) = source.strip_prefix('r') {
        let hashes = raw.bytes().take_while(|b| *b == b'#').count();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = body.find(&format!("\"{}", "#".repeat(hashes)))?;
        return Some((body[..end].to_owned(), 2 + 2 * hashes + end + 1));
    }
    let body = source.strip_prefix('"')?;
    let (mut text, mut chars) = (String::new(), body.char_indices().peekable());
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((text, i + 2)),
            '\\' => match chars.next()?.1 {
                // A line that ends in a backslash goes on at the next word.
                '\n' => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            c => text.push(c),
        }
    }
    None
}

#[test]
fn literals_are_read_as_the_compiler_reads_them() {
    let read = |s: &str| literal(s).map(|(text, _)| text);
    assert_eq!(read("\"a \\\n      b\\\"c\" d"), Some("a b\"c".into()));
    assert_eq!(read("r#\"a\"b\"# c"), Some("a\"b".into()));
    assert_eq!(read("x"), None);
    let source = "const TAIL: &str = \"t.a = 1\";\n f(tx.select(\"x.y\", &[\"q\"], TAIL, &[]))";
    assert_eq!(conditions(source), [("x.y".into(), "t.a = 1".into())]);
    let source = "tx.select(&table, &[], \"t.b = 2\", &[])";
    assert_eq!(conditions(source), [(String::new(), "t.b = 2".into())]);
}
