//! Blind indexes and search tokens under another index key. While the exchange runs both are looked for, and only the
//! new one is written ([`crate::engine`]). A row is made anew from its own values, which are opened here and go nowhere: no
//! one learns them, so nothing is disclosed. Which key a hash is of cannot be seen, so every row is done; two whole passes
//! that changed nothing are the proof.

use super::Batch;
use crate::{
    Catalog, Tx,
    catalog::{Column, Kind, Table},
    seal::{self, Binding, Search},
};
use salus_core::{Error, Result};
use std::{collections::BTreeSet, fmt::Write as _};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Tables with something to find.
pub(super) fn tables(catalog: &Catalog) -> Vec<String> {
    let found = catalog.tables().filter(|t| !t.shared && !t.append_only && searched(t).next().is_some());
    found.map(|t| t.name.clone()).collect()
}

fn searched(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|c| c.is_sealed() && c.search.is_some())
}

/// Rows of those tables.
pub(super) async fn total(tx: &mut Tx) -> Result<i64> {
    let mut total = 0;
    for table in tables(tx.db().clone().catalog()) {
        let rows = tx.run_built(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        total += rows.first().map_or(0, |r| r.get::<_, i64>(0));
    }
    Ok(total)
}

/// Hashes of the rows of a batch.
#[derive(Default)]
struct Made {
    ids: Vec<Uuid>,
    /// For each column with a blind index, in order.
    blind: Vec<Vec<Option<Vec<u8>>>>,
    come: (Vec<Uuid>, Vec<Vec<u8>>),
    gone: (Vec<Uuid>, Vec<Vec<u8>>),
}

pub(super) async fn batch(tx: &mut Tx, name: &str, after: Option<Uuid>, most: i64) -> Result<Batch> {
    let db = tx.db().clone();
    let table = db.catalog().table(name)?;
    let from = after.unwrap_or(Uuid::nil());
    let sql = format!("SELECT t.id FROM {name} t WHERE t.id > $1 ORDER BY t.id LIMIT $2");
    let all: Vec<Uuid> = tx.run_built(&sql, &[&from, &most]).await?.iter().map(|r| r.get(0)).collect();
    let mut batch = Batch { last: all.last().copied(), ..Batch::default() };
    let rows = tx.run_built(&rows_sql(table), &[&all]).await?;
    // What a user is changing just now is for the next pass, which there is as long as anything is counted here.
    batch.skipped = i64::try_from(all.len() - rows.len()).unwrap_or_default();
    let columns: Vec<&Column> = searched(table).filter(|c| c.search != Some(Search::Name)).collect();
    let mut made = Made { blind: columns.iter().map(|_| Vec::new()).collect(), ..Made::default() };
    for row in &rows {
        if let Err(e) = hash_row(tx, table, &columns, row, &mut made) {
            batch.failed += 1;
            tracing::error!(table = %table.name, row = %row.get::<_, Uuid>("id"), error = %e, "a row cannot be indexed anew");
        }
    }
    let mut changed = BTreeSet::new();
    if !columns.is_empty() {
        tx.run("SELECT set_config('salus.rekeying', 'on', true)", &[]).await?;
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&made.ids];
        params.extend(made.blind.iter().map(|b| b as &(dyn ToSql + Sync)));
        changed.extend(tx.run_built(&update_sql(table, &columns), &params).await?.iter().map(|r| r.get::<_, Uuid>(0)));
        tx.run("SELECT set_config('salus.rekeying', 'off', true)", &[]).await?;
    }
    let sql = "INSERT INTO kernel.search_tokens (id, token) SELECT * FROM unnest($1::uuid[], $2::bytea[]) \
               ON CONFLICT DO NOTHING RETURNING id";
    changed.extend(tx.run(sql, &[&made.come.0, &made.come.1]).await?.iter().map(|r| r.get::<_, Uuid>(0)));
    let sql = "DELETE FROM kernel.search_tokens s USING unnest($1::uuid[], $2::bytea[]) AS u(id, token) \
               WHERE s.id = u.id AND s.token = u.token RETURNING s.id";
    changed.extend(tx.run(sql, &[&made.gone.0, &made.gone.1]).await?.iter().map(|r| r.get::<_, Uuid>(0)));
    batch.moved = i64::try_from(changed.len()).unwrap_or_default();
    Ok(batch)
}

/// Every token by which a person's rows of this table are found, under every key.
pub(crate) async fn tokens_of(tx: &mut Tx, table: &Table, person: Uuid) -> Result<(Vec<Uuid>, Vec<Vec<u8>>)> {
    let subject = table.subject.as_deref().unwrap_or("id");
    let sql = format!("SELECT t.id FROM {} t WHERE t.{subject} = $1", table.name);
    let ids: Vec<Uuid> = tx.run_built(&sql, &[&person]).await?.iter().map(|r| r.get(0)).collect();
    let sql = rows_sql(table).replace(" SKIP LOCKED", "");
    let mut made = Made::default();
    for row in tx.run_built(&sql, &[&ids]).await? {
        hash_row(tx, table, &[], &row, &mut made)?;
    }
    let (mut ids, mut tokens) = made.come;
    ids.extend(made.gone.0);
    tokens.extend(made.gone.1);
    Ok((ids, tokens))
}

fn rows_sql(table: &Table) -> String {
    let mut list = String::from("id");
    for column in searched(table) {
        let _ = write!(list, ", t.{}", column.name);
    }
    if let Some(subject) = &table.subject {
        let _ = write!(
            list,
            ", t.{subject} AS subject_, (SELECT k.wrapped FROM kernel.subject_keys k WHERE k.tenant_id = t.tenant_id AND k.id = t.{subject}) AS subject_key_"
        );
    }
    format!("SELECT {list} FROM {} t WHERE t.id = ANY($1) ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED", table.name)
}

fn update_sql(table: &Table, columns: &[&Column]) -> String {
    let (mut sets, mut other, mut arrays, mut names) = (String::new(), String::new(), String::new(), String::new());
    for (i, column) in columns.iter().enumerate() {
        let (sep, or) = if i == 0 { ("", "") } else { (", ", " OR ") };
        let _ = write!(sets, "{sep}{0}_bidx = coalesce(u.n{i}, t.{0}_bidx)", column.name);
        let _ = write!(other, "{or}t.{}_bidx <> u.n{i}", column.name);
        let _ = write!(arrays, ", ${}::bytea[]", i + 2);
        let _ = write!(names, ", n{i}");
    }
    format!(
        "UPDATE {} t SET {sets} FROM unnest($1::uuid[]{arrays}) AS u(id{names}) WHERE t.id = u.id AND ({other}) RETURNING t.id",
        table.name
    )
}

/// Adds what a row is to be found by. What a person's destroyed key sealed is not found any more.
fn hash_row(tx: &Tx, table: &Table, columns: &[&Column], row: &Row, made: &mut Made) -> Result<()> {
    let id: Uuid = row.get("id");
    let mut blind = Vec::with_capacity(columns.len());
    for column in columns {
        let clear = open(tx, table, column, row)?;
        let search = column.search.unwrap_or(Search::Exact);
        blind.push(clear.map(|v| tx.keys().index.blind(column.column_id, search, &v)).transpose()?);
    }
    let mut names = Vec::new();
    for column in table.name_columns() {
        names.extend(open(tx, table, column, row)?);
    }
    let names: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
    let come = tx.keys().index.tokens(&table.name, &names);
    let mut old: BTreeSet<[u8; 4]> = tx.keys().also.iter().flat_map(|key| key.tokens(&table.name, &names)).collect();
    old.extend(tx.keys().indexes().flat_map(|key| key.tokens_before(&table.name, &names)));
    for token in old.difference(&come) {
        made.gone.0.push(id);
        made.gone.1.push(token.to_vec());
    }
    for token in come {
        made.come.0.push(id);
        made.come.1.push(token.to_vec());
    }
    made.ids.push(id);
    for (cells, value) in made.blind.iter_mut().zip(blind) {
        cells.push(value);
    }
    Ok(())
}

fn open(tx: &Tx, table: &Table, column: &Column, row: &Row) -> Result<Option<Zeroizing<String>>> {
    let Some(sealed) = row.get::<_, Option<&[u8]>>(column.name.as_str()) else { return Ok(None) };
    let subject: Option<Uuid> = if table.subject.is_some() { row.get("subject_") } else { None };
    let wrapped: Option<&[u8]> = if table.subject.is_some() { row.get("subject_key_") } else { None };
    let key = match (subject.filter(|_| column.subject_bound), wrapped) {
        (None, _) => None,
        (Some(_), None) => return Ok(None),
        (Some(subject), Some(wrapped)) => Some(tx.keys().open_subject(subject, wrapped)?),
    };
    let Kind::Sealed(format) = column.kind else { return Err(Error::internal("not a sealed column")) };
    let at = Binding { tenant: tx.ctx.tenant, column: column.column_id, row: row.get("id"), format };
    let clear = seal::open(tx.keys().class_by_no(seal::key_no(sealed)?)?, key.as_ref(), &at, sealed)?;
    let text = std::str::from_utf8(&clear).map_err(|_| Error::internal("a sealed value is not UTF-8"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}
