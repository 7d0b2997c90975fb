//! Which values lie under which key: counted exactly, one scan a table, from the headers alone. Nothing is opened.

use crate::{
    Db, Tx,
    catalog::{Column, Table},
    seal::KeyClass,
};
use salus_core::{Ctx, Error, Result};
use std::fmt::Write as _;
use uuid::Uuid;

/// The values of one column under one key.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ColumnCount {
    /// `schema.table`.
    pub table: String,
    /// The sealed column.
    pub column: String,
    /// Its class.
    pub class: String,
    /// The number in the headers.
    pub key_no: i64,
    /// Values.
    pub values: i64,
    /// Whether they stay as they are, because rows of the table are never changed.
    pub append_only: bool,
}

/// The condition that picks sealed columns.
pub(super) type Wanted<'a> = &'a (dyn Fn(&Column) -> bool + Sync);

/// Counts the values of the wanted columns by key.
pub(super) async fn columns(tx: &mut Tx, wanted: Wanted<'_>) -> Result<Vec<ColumnCount>> {
    let db = tx.db().clone();
    let mut counts = Vec::new();
    for table in db.catalog().tables().filter(|t| !t.shared) {
        let columns: Vec<&Column> = table.columns.iter().filter(|c| c.is_sealed() && wanted(c)).collect();
        if columns.is_empty() {
            continue;
        }
        for row in tx.run_built(&sql(table, &columns), &[]).await? {
            // Of each group one column has a key; of those without a value none.
            let keyed = columns.iter().enumerate().find_map(|(i, c)| Some((*c, row.get::<_, Option<&[u8]>>(i)?)));
            let Some((column, key_no)) = keyed else { continue };
            counts.push(ColumnCount {
                table: table.name.clone(),
                column: column.name.clone(),
                class: column.key_class.map_or("", KeyClass::name).to_owned(),
                key_no: i64::from_be_bytes(key_no.try_into().map_err(|_| Error::internal("a value without a key"))?),
                values: row.get(columns.len()),
                append_only: table.append_only,
            });
        }
    }
    Ok(counts)
}

/// One scan for all columns: a group for each column and key.
fn sql(table: &Table, columns: &[&Column]) -> String {
    let (mut keys, mut sets) = (String::new(), String::new());
    for (i, column) in columns.iter().enumerate() {
        let sep = if i == 0 { "" } else { ", " };
        let _ = write!(keys, "{sep}substring(t.{} FROM 4 FOR 8) AS k{i}", column.name);
        let _ = write!(sets, "{sep}(k{i})");
    }
    format!(
        "SELECT k.*, count(*) FROM (SELECT {keys} FROM {} t) k GROUP BY GROUPING SETS ({sets}) ORDER BY {sets}",
        table.name
    )
}

/// Counts everything and keeps it in `kernel.encrypted_field_metadata`.
pub(super) async fn store(tx: &mut Tx) -> Result<()> {
    let counts = columns(tx, &|_| true).await?;
    tx.run("DELETE FROM kernel.encrypted_field_metadata", &[]).await?;
    let ids: Vec<Uuid> = counts.iter().map(|_| tx.ctx.env.id()).collect();
    let tables: Vec<&str> = counts.iter().map(|c| c.table.as_str()).collect();
    let columns: Vec<&str> = counts.iter().map(|c| c.column.as_str()).collect();
    let classes: Vec<&str> = counts.iter().map(|c| c.class.as_str()).collect();
    let keys: Vec<i64> = counts.iter().map(|c| c.key_no).collect();
    let values: Vec<i64> = counts.iter().map(|c| c.values).collect();
    let sql = "INSERT INTO kernel.encrypted_field_metadata (id, table_name, column_name, key_class, key_no, value_count, counted_at) \
               SELECT u.*, clock_timestamp() FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[]) u";
    tx.run(sql, &[&ids, &tables, &columns, &classes, &keys, &values]).await.map(|_| ())
}

impl Db {
    /// Counts a tenant's sealed values by column and key, and keeps the result for the page.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_sealed(&self, tenant: Uuid) -> Result<Vec<ColumnCount>> {
        let mut tx = self.begin(Ctx::system(self.env(), tenant), false).await?;
        let counts = columns(&mut tx, &|_| true).await?;
        store(&mut tx).await?;
        tx.finish_unrecorded().await?;
        Ok(counts)
    }
}
