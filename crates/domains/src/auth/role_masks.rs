//! What a role is not answered: columns by table, for every purpose or for one. A mask that a role is defined with names a
//! table that the API shows and columns of it: one that names nothing would be taken for a protection.

use crate::{resources, row};
use salus_core::{Error, Purpose, Result};
use salus_store::{Catalog, Tx, engine::NewRow, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Columns every answer has: by them a row is known.
const HEADER: [&str; 3] = ["id", "tenant_id", "row_version"];

/// Columns of one table that are left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mask {
    /// `schema.table`.
    pub table: String,
    /// For which purpose; none: for every one.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Names of columns.
    pub columns: BTreeSet<String>,
}

/// The JSON Schema of a list of them.
pub(super) fn schema() -> Value {
    json!({
        "type": "array",
        "description": "All that holders are not answered",
        "items": {
            "type": "object",
            "properties": {
                "table": {"type": "string", "description": "schema.table, such as medical.patients"},
                "purpose": {"type": ["string", "null"], "description": "For this purpose only; null: for every one"},
                "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            },
            "required": ["table", "columns"],
            "additionalProperties": false,
        },
    })
}

/// The masks of a role.
pub(super) async fn of_role(tx: &mut Tx, role: Uuid) -> Result<BTreeSet<Mask>> {
    let sql = sql!("SELECT table_name::text, purpose::text, columns FROM auth.field_masks WHERE role_id = $1");
    let rows = tx.query(sql, &[&role]).await?;
    let read = rows.iter().map(|r| {
        let columns = serde_json::from_value(r.get("columns")).map_err(Error::internal)?;
        Ok(Mask { table: r.get("table_name"), purpose: r.get("purpose"), columns })
    });
    read.collect::<Result<Vec<_>>>().map(merged)
}

/// One mask a table and purpose.
fn merged(masks: Vec<Mask>) -> BTreeSet<Mask> {
    let mut all: BTreeMap<(String, Option<String>), BTreeSet<String>> = BTreeMap::new();
    for mask in masks {
        all.entry((mask.table, mask.purpose)).or_default().extend(mask.columns);
    }
    all.into_iter().map(|((table, purpose), columns)| Mask { table, purpose, columns }).collect()
}

/// The same, after looking whether each names something.
///
/// # Errors
/// [`Error::Invalid`] on `masks`.
pub(super) fn checked(catalog: &Catalog, masks: Vec<Mask>) -> Result<BTreeSet<Mask>> {
    for mask in &masks {
        let columns: Vec<&str> = mask.columns.iter().map(String::as_str).collect();
        names_something(catalog, &mask.table, &columns)?;
        if let Some(code) = &mask.purpose {
            Purpose::parse("masks", code)?;
        }
    }
    Ok(merged(masks))
}

fn names_something(catalog: &Catalog, table: &str, columns: &[&str]) -> Result<()> {
    let wrong = |message: String| Error::invalid("masks", "not_allowed", message);
    if !resources().iter().any(|r| r.table == table) {
        return Err(wrong(format!("{table} is no table that is shown: see the data browser")));
    }
    if columns.is_empty() {
        return Err(wrong(format!("Name at least one column of {table}")));
    }
    let described = catalog.table(table)?;
    for column in columns {
        if HEADER.contains(column) || !described.readable().any(|c| c.name == *column) {
            return Err(wrong(format!("{table} has no column {column} that can be left out")));
        }
    }
    Ok(())
}

/// Writes the masks of a role.
pub(super) async fn put(tx: &mut Tx, role: Uuid, masks: &BTreeSet<Mask>) -> Result<()> {
    let rows: Vec<NewRow> = masks
        .iter()
        .map(|mask| {
            let mut values = json!({"role_id": role, "table_name": mask.table, "columns": mask.columns});
            if let Some(purpose) = &mask.purpose {
                values["purpose"] = json!(purpose);
            }
            NewRow { id: tx.ctx.env.id(), values: row(values) }
        })
        .collect();
    tx.insert("auth.field_masks", &rows).await
}

/// Fields that the one leaves out and the other does not, as `schema.table.column`, with the purpose where there is one.
pub(super) fn fields_beyond(one: &BTreeSet<Mask>, other: &BTreeSet<Mask>) -> Vec<String> {
    let mut all = BTreeSet::new();
    for mask in one {
        for column in mask.columns.iter().filter(|column| !leaves_out(other, mask, column)) {
            let when = mask.purpose.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
            all.insert(format!("{}.{column}{when}", mask.table));
        }
    }
    all.into_iter().collect()
}

/// Whether masks leave out a column for the purpose of a mask, or for every one.
fn leaves_out(masks: &BTreeSet<Mask>, like: &Mask, column: &str) -> bool {
    let same = masks.iter().filter(|m| m.table == like.table && (m.purpose.is_none() || m.purpose == like.purpose));
    same.into_iter().any(|m| m.columns.contains(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(purpose: Option<&str>, columns: &[&str]) -> Mask {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        Mask { table: "a.b".into(), purpose: purpose.map(str::to_owned), columns }
    }

    #[test]
    fn a_mask_for_every_purpose_holds_for_each() {
        let all = merged(vec![mask(None, &["x"]), mask(None, &["y"])]);
        assert_eq!(all, BTreeSet::from([mask(None, &["x", "y"])]));
        let treating = BTreeSet::from([mask(Some("TREAT"), &["x", "z"])]);
        assert_eq!(fields_beyond(&treating, &all), ["a.b.z (TREAT)"]);
        assert_eq!(fields_beyond(&all, &treating), ["a.b.x", "a.b.y"]);
    }
}
