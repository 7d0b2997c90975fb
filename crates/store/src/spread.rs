//! How many values a blind index tells apart in stored rows (`spec` A33): of few, each is known by how often it occurs,
//! whatever the column is called.

use crate::{Db, catalog::Kind};
use salus_core::{Ctx, Error, Result};
use serde::Serialize;

/// Fewer rows say nothing yet.
const ROWS: i64 = 1000;
/// An index on fewer values is weak; where each occurs this often.
const VALUES: i64 = 1000;
/// See [`VALUES`].
const OFTEN: i64 = 10;

/// An index on few values in one tenant.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    /// Name of the tenant.
    pub tenant: String,
    /// `schema.table.column` of the index.
    pub index: String,
    /// Rows that have a value.
    pub rows: i64,
    /// Values among them.
    pub values: i64,
}

impl Db {
    /// Blind indexes on few values: at least 1,000 rows, and fewer than 1,000 values that occur ten times and more on average.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn weak_indexes(&self) -> Result<Vec<Spread>> {
        let mut weak = Vec::new();
        for (tenant, slug) in self.with_platform().await? {
            let mut tx = match self.begin(Ctx::system(self.env(), tenant), true).await {
                // Closed, with its keys destroyed.
                Err(Error::NotFound) => continue,
                other => other?,
            };
            let indexes = self.catalog().tables().flat_map(|table| {
                let blind = table.columns.iter().filter(|c| c.kind == Kind::Blind && c.name.ends_with("_bidx"));
                blind.map(|column| (table.name.clone(), column.name.clone()))
            });
            for (table, column) in indexes.collect::<Vec<_>>() {
                let sql = format!("SELECT count({column}), count(DISTINCT {column}) FROM {table}");
                let found = tx.run_built(&sql, &[]).await?;
                let row = found.first().ok_or_else(|| Error::internal("an aggregate without a row"))?;
                let (rows, values): (i64, i64) = (row.get(0), row.get(1));
                if rows >= ROWS && values < VALUES && values * OFTEN <= rows {
                    weak.push(Spread { tenant: slug.clone(), index: format!("{table}.{column}"), rows, values });
                }
            }
            tx.finish_unrecorded().await?;
        }
        Ok(weak)
    }
}
