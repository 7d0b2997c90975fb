//! What a refused write claimed that another row has already, kept so that it can be asked whether the caller sees that row.

use super::{Cells, NewRow, Writing, cell_cast};
use crate::{
    Tx,
    catalog::Table,
    tx::{Clash, Owned},
};
use salus_core::{Error, Result};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

impl Tx {
    /// Runs a write; of one row that is refused as a duplicate, what it claimed is noted.
    pub(super) async fn claim(
        &mut self,
        (sql, params): (&str, &[&(dyn ToSql + Sync)]),
        (table, rows): (&Table, &[NewRow]),
        writing: &Writing<'_>,
    ) -> Result<Vec<Row>> {
        let done = self.run_built(sql, params).await;
        if let (Err(Error::Conflict { .. }), [row]) = (&done, rows) {
            self.clashed(writing.clash(table, row.id));
        }
        done
    }
}

impl Writing<'_> {
    /// How another row is found that has, of one of the sets of columns that are unique, what was written of it; none where
    /// nothing of such a set was.
    fn clash(&self, table: &Table, id: Uuid) -> Option<Clash> {
        let mut params: Vec<Owned> = vec![Box::new(id)];
        let mut sets = Vec::new();
        for set in &table.uniques {
            let mut all = Vec::new();
            for (column, cells) in self.columns.iter().zip(&self.cells) {
                if column.name == "id" || !set.contains(&column.name) {
                    continue;
                }
                params.push(cells.owned());
                let (place, element, cast) = (params.len(), cells.element(), cell_cast(column.kind));
                all.push(format!("t.{} = (${place}::{element}[])[1]::{cast}", column.name));
            }
            if !all.is_empty() {
                sets.push(format!("({})", all.join(" AND ")));
            }
        }
        let found = sets.join(" OR ");
        let sql = format!("SELECT EXISTS (SELECT FROM {} t WHERE t.id <> $1 AND ({found}))", table.name);
        (!sets.is_empty()).then_some(Clash { sql, params })
    }
}

impl Cells {
    fn owned(&self) -> Owned {
        match self {
            Self::Text(v) => Box::new(v.clone()),
            Self::Bytes(v) => Box::new(v.clone()),
            Self::Uuid(v) => Box::new(v.clone()),
        }
    }
}
