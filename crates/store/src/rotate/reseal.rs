//! Values under another class key. A batch locks the rows it takes and passes over those that a user is changing, so that
//! nobody waits for it longer than one batch and it waits for nobody; the later pass finds them. A row is written only if
//! each value is still the one that was read (compare and set).

use super::{Batch, count};
use crate::{
    Catalog, Tx,
    catalog::{Column, Kind, Table},
    seal::{self, Binding, KeyClass, SubjectKey},
};
use salus_core::{Error, Result};
use std::fmt::Write as _;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

/// Tables with values of this class that can be moved.
pub(super) fn tables(catalog: &Catalog, class: KeyClass) -> Vec<String> {
    let movable = catalog.tables().filter(|t| !t.shared && !t.append_only);
    movable.filter(|t| columns(t, class).next().is_some()).map(|t| t.name.clone()).collect()
}

fn columns(table: &Table, class: KeyClass) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(move |c| c.is_sealed() && c.key_class == Some(class))
}

/// What is not under the new key.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub movable: i64,
    pub append_only: i64,
    /// The keys that rows lie under which stay.
    pub keys: Vec<i64>,
}

pub(super) async fn left(tx: &mut Tx, class: KeyClass, new: i64) -> Result<Left> {
    let mut left = Left::default();
    for c in count::columns(tx, &|c| c.key_class == Some(class)).await?.into_iter().filter(|c| c.key_no != new) {
        if c.append_only {
            left.append_only += c.values;
            left.keys.push(c.key_no);
        } else {
            left.movable += c.values;
        }
    }
    Ok(left)
}

/// Old and new bytes of one column of the rows of a batch.
#[derive(Default)]
struct Moved {
    old: Vec<Option<Vec<u8>>>,
    new: Vec<Option<Vec<u8>>>,
}

pub(super) async fn batch(tx: &mut Tx, name: &str, class: KeyClass, after: Option<Uuid>, most: i64) -> Result<Batch> {
    let db = tx.db().clone();
    let table = db.catalog().table(name)?;
    let columns: Vec<&Column> = columns(table, class).collect();
    let target = tx.keys().active(class)?.key_no;
    let from = after.unwrap_or(Uuid::nil());
    let rows = tx.run_built(&rows_sql(table, &columns), &[&from, &target.to_be_bytes().as_slice(), &most]).await?;
    let mut batch = Batch { last: rows.last().map(|r| r.get("id")), ..Batch::default() };
    let mut ids = Vec::with_capacity(rows.len());
    let mut cells: Vec<Moved> = columns.iter().map(|_| Moved::default()).collect();
    for row in &rows {
        match reseal_row(tx, table, &columns, row) {
            Err(e) => {
                batch.failed += 1;
                tracing::error!(table = %table.name, row = %row.get::<_, Uuid>("id"), error = %e, "a value cannot be put under the new key");
            }
            Ok(values) => {
                ids.push(row.get::<_, Uuid>("id"));
                for ((old, new), cell) in values.into_iter().zip(&mut cells) {
                    cell.old.push(old);
                    cell.new.push(new);
                }
            }
        }
    }
    if ids.is_empty() {
        return Ok(batch);
    }
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&ids];
    params.extend(cells.iter().flat_map(|c| [&c.old as &(dyn ToSql + Sync), &c.new]));
    tx.run("SELECT set_config('salus.rekeying', 'on', true)", &[]).await?;
    batch.moved = i64::try_from(tx.run_built(&update_sql(table, &columns), &params).await?.len()).unwrap_or_default();
    tx.run("SELECT set_config('salus.rekeying', 'off', true)", &[]).await?;
    Ok(batch)
}

/// Rows after `$1` with a value that is not under the key `$2`, at most `$3`.
fn rows_sql(table: &Table, columns: &[&Column]) -> String {
    let (mut list, mut other) = (String::from("id"), String::new());
    for (i, column) in columns.iter().enumerate() {
        let _ = write!(list, ", t.{}", column.name);
        let or = if i == 0 { "" } else { " OR " };
        let _ = write!(other, "{or}substring(t.{} FROM 4 FOR 8) <> $2", column.name);
    }
    if let Some(subject) = &table.subject {
        let _ = write!(
            list,
            ", t.{subject} AS subject_, (SELECT k.wrapped FROM kernel.subject_keys k WHERE k.tenant_id = t.tenant_id AND k.id = t.{subject}) AS subject_key_, \
             EXISTS (SELECT FROM kernel.subject_keys k WHERE k.tenant_id = t.tenant_id AND k.id = t.{subject} AND k.destroyed_at IS NOT NULL) AS erased_"
        );
    }
    format!(
        "SELECT {list} FROM {} t WHERE t.id > $1 AND ({other}) ORDER BY t.id LIMIT $3 FOR NO KEY UPDATE OF t SKIP LOCKED",
        table.name
    )
}

fn update_sql(table: &Table, columns: &[&Column]) -> String {
    let (mut sets, mut same, mut arrays, mut names) = (String::new(), String::new(), String::new(), String::new());
    for (i, column) in columns.iter().enumerate() {
        let sep = if i == 0 { "" } else { ", " };
        let _ = write!(sets, "{sep}{} = u.n{i}", column.name);
        let _ = write!(same, " AND t.{} IS NOT DISTINCT FROM u.o{i}", column.name);
        let _ = write!(arrays, ", ${}::bytea[], ${}::bytea[]", 2 * i + 2, 2 * i + 3);
        let _ = write!(names, ", o{i}, n{i}");
    }
    format!(
        "UPDATE {} t SET {sets} FROM unnest($1::uuid[]{arrays}) AS u(id{names}) WHERE t.id = u.id{same} RETURNING 1",
        table.name
    )
}

type OldAndNew = (Option<Vec<u8>>, Option<Vec<u8>>);

fn reseal_row(tx: &Tx, table: &Table, columns: &[&Column], row: &Row) -> Result<Vec<OldAndNew>> {
    let keys = tx.keys();
    let subject: Option<Uuid> = if table.subject.is_some() { row.get("subject_") } else { None };
    let wrapped: Option<&[u8]> = if table.subject.is_some() { row.get("subject_key_") } else { None };
    let erased = table.subject.is_some() && row.get::<_, bool>("erased_");
    let key: Option<SubjectKey> = match (subject, wrapped) {
        (Some(subject), Some(wrapped)) => Some(keys.open_subject(subject, wrapped)?),
        _ => None,
    };
    let mut out = Vec::with_capacity(columns.len());
    for column in columns {
        let old: Option<&[u8]> = row.get(column.name.as_str());
        let Some(old) = old else {
            out.push((None, None));
            continue;
        };
        let target = keys.active(column.key_class.ok_or_else(|| Error::internal("no key class"))?)?;
        let key_no = seal::key_no(old)?;
        let new = if key_no == target.key_no {
            old.to_vec()
        } else if column.subject_bound && erased {
            seal::forgotten(target, old)?
        } else {
            let Kind::Sealed(format) = column.kind else { return Err(Error::internal("not a sealed column")) };
            let at = Binding { tenant: tx.ctx.tenant, column: column.column_id, row: row.get("id"), format };
            if target.count_seal() < 0 {
                return Err(Error::Unavailable("there are no seals left in this batch".into()));
            }
            let subject = key.as_ref().filter(|_| column.subject_bound);
            seal::reseal(keys.class_by_no(key_no)?, target, subject, &at, old)?
        };
        out.push((Some(old.to_vec()), Some(new)));
    }
    Ok(out)
}
