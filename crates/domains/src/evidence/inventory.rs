//! The data map: every table with what it holds, and the class of each of its columns, as the schema says it.

use salus_store::{Db, catalog::Table};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All tables.
pub fn tables(db: &Db) -> Value {
    let all: Vec<Value> = db.catalog().tables().map(table).collect();
    json!({"tables": all})
}

fn table(table: &Table) -> Value {
    let mut classes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for column in &table.columns {
        classes.entry(&column.class).or_default().push(&column.name);
    }
    let sealed: Vec<&str> = table.columns.iter().filter(|c| c.is_sealed()).map(|c| c.name.as_str()).collect();
    json!({
        "table": table.name, "holds": table.doc, "about_person": table.subject, "shared_by_organizations": table.shared,
        "append_only": table.append_only, "columns_by_class": classes, "sealed": sealed,
    })
}
