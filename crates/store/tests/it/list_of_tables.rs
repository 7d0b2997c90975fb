//! The list of tables in docs/SCHEMA.md is what the migrations and their comments say.

use salus_store::{Catalog, catalog::Table};
use std::fmt::Write as _;

use crate::database::Database;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SCHEMA.md");
const ACCEPT: &str = "cargo test -p salus-store --test it -- --ignored accept_the_list_of_tables";
const BEGIN: &str = "<!-- tables: begin -->\n";
const END: &str = "<!-- tables: end -->\n";

fn line(table: &Table) -> String {
    let kind = if table.shared {
        "shared"
    } else if table.append_only {
        "append-only"
    } else {
        ""
    };
    let sealed = table.columns.iter().filter(|c| c.is_sealed()).count();
    let columns = table.columns.len();
    let doc = table.doc.as_deref().unwrap_or_default().replace('|', "\\|");
    format!("| `{}` | {} | {columns} | {sealed} | {kind} | {doc} |\n", table.name, table.class)
}

async fn list(test: &str) -> String {
    let (database, client) = Database::migrated(test).await;
    let catalog = Catalog::load(&client).await.unwrap();
    database.drop().await;
    let mut out = String::new();
    let mut schema = "";
    for table in catalog.tables() {
        if table.schema() != schema {
            schema = table.schema();
            let _ = write!(
                out,
                "\n**{schema}**\n\n| table | class | columns | sealed | | holds |\n|---|---|--:|--:|---|---|\n"
            );
        }
        out.push_str(&line(table));
    }
    out.push('\n');
    out
}

/// The file before, between and after the marks.
fn parts(text: &str) -> (&str, &str, &str) {
    let (head, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("docs/SCHEMA.md lacks the mark {BEGIN}"));
    let (kept, tail) = rest.split_once(END).unwrap_or_else(|| panic!("docs/SCHEMA.md lacks the mark {END}"));
    (head, kept, tail)
}

#[tokio::test]
async fn the_list_of_tables_is_not_stale() {
    let (text, made) = (std::fs::read_to_string(FILE).unwrap(), list("list_of_tables").await);
    let (_, kept, _) = parts(&text);
    let differing = made.lines().find(|l| !kept.contains(l)).or_else(|| kept.lines().find(|l| !made.contains(l)));
    assert!(
        kept == made,
        "docs/SCHEMA.md does not list the tables as they are, first at:\n{}\nread the difference and accept it: {ACCEPT}",
        differing.unwrap_or("the order")
    );
}

#[tokio::test]
#[ignore = "writes docs/SCHEMA.md; run it to accept a changed list"]
async fn accept_the_list_of_tables() {
    let (text, made) = (std::fs::read_to_string(FILE).unwrap(), list("accept_list_of_tables").await);
    let (head, _, tail) = parts(&text);
    std::fs::write(FILE, format!("{head}{BEGIN}{made}{END}{tail}")).unwrap();
}
