//! Reading: one row by id, and pages in a stable order (sort column, then id).

use super::{
    Resource,
    cursor::{self, Place},
    decode::Selection,
    filter::{Bound, Request, cast},
};
use crate::{
    Call, Page, Record, Tx,
    catalog::{Column, Table},
    seal::{IndexKey, is_ideographic, name_words},
    unit::Params,
};
use salus_core::{Error, Result};
use serde_json::json;
use std::fmt::Write as _;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// How names are compared once they are open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Prefix,
    Sound,
}

impl Tx {
    /// One row by id.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown id and for one of another tenant alike.
    pub async fn get(&mut self, table: &str, id: Uuid, fields: &[&str]) -> Result<Record> {
        let db = self.db().clone();
        let selection = Selection::new(db.catalog().table(table)?, fields)?;
        let sql = format!("SELECT {} FROM {table} t WHERE t.id = $1", selection.expressions());
        let rows = self.run_built(&sql, &[&id]).await?;
        let record = selection.record(self, rows.first().ok_or(Error::NotFound)?)?;
        self.on_row(id);
        self.count(1);
        Ok(record)
    }

    /// One page of a list.
    ///
    /// # Errors
    /// [`Error::Invalid`] for parameters that cannot be used.
    pub async fn list(&mut self, resource: &Resource, call: &Call) -> Result<Page> {
        self.list_among(resource, call, None).await
    }

    /// The same among these rows, where the caller is shown no others.
    ///
    /// # Errors
    /// As [`Tx::list`].
    pub async fn list_among(&mut self, resource: &Resource, call: &Call, ids: Option<Vec<Uuid>>) -> Result<Page> {
        let db = self.db().clone();
        let table = db.catalog().table(resource.table)?;
        let mut request = Request::parse(self, resource, table, &call.query)?;
        if let Some(ids) = ids {
            request.among(ids);
        }
        if !request.shape.is_empty() {
            self.note(json!({ "query": request.shape }));
        }
        let mut page = if request.words.is_empty() {
            self.rows(resource, table, &request).await?
        } else {
            let from = match &request.cursor {
                Some(sealed) => Some(cursor::open_place(self, &table.name, &request.shape, sealed)?),
                None => None,
            };
            // A page goes on in the way in which the first was found.
            let how = if from.as_ref().is_some_and(|p| p.key.is_some()) { Match::Sound } else { Match::Prefix };
            let page = self.named(resource, table, &request, (how, from.as_ref().map(|p| p.id))).await?;
            if page.rows.is_empty() && from.is_none() {
                self.named(resource, table, &request, (Match::Sound, None)).await?
            } else {
                page
            }
        };
        if request.total && request.words.is_empty() {
            let sql = format!("SELECT count(*) FROM {} t WHERE true{}", table.name, request.conditions);
            let rows = self.run_built(&sql, &refs(&request.values)).await?;
            page.total = rows.first().map(|r| r.get(0));
        }
        self.count(page.rows.len());
        Ok(page)
    }

    /// Rows of a table that satisfy a condition written beside its caller, over the alias `t` and the parameters from
    /// `$1` on; it may end in `ORDER BY` and `LIMIT`. Values are opened as everywhere.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn select(
        &mut self,
        table: &str,
        fields: &[&str],
        condition: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Record>> {
        let db = self.db().clone();
        let selection = Selection::new(db.catalog().table(table)?, fields)?;
        let sql = format!("SELECT {} FROM {table} t WHERE {condition}", selection.expressions_of_many());
        let rows = self.run(&sql, params).await?;
        self.count(rows.len());
        let keys = selection.keys(self, &rows).await?;
        rows.iter().map(|row| selection.record_of_many(self, row, &keys)).collect()
    }

    async fn rows(&mut self, resource: &Resource, table: &Table, request: &Request<'_>) -> Result<Page> {
        let fields = fields(resource, request);
        let selection = Selection::new(table, &fields)?;
        let (mut after, mut values) = (String::new(), Vec::new());
        let arrow = if request.descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(sealed) = &request.cursor {
            let place = cursor::open_place(self, &table.name, &request.shape, sealed)?;
            let n = request.values.len();
            values.push(Box::new(place.id) as Bound);
            after = match request.sort {
                Some(c) if !c.required && place.key.is_none() => {
                    format!(" AND t.{} IS NULL AND t.id {} ${}", c.name, arrow.0, n + 1)
                }
                Some(c) => {
                    values.push(Box::new(place.key.unwrap_or_default()));
                    let beyond =
                        format!("(t.{}, t.id) {} (${}::text::{}, ${})", c.name, arrow.0, n + 2, cast(c.kind), n + 1);
                    if c.required {
                        format!(" AND {beyond}")
                    } else {
                        format!(" AND ({beyond} OR t.{} IS NULL)", c.name)
                    }
                }
                None => format!(" AND t.id {} ${}", arrow.0, n + 1),
            };
        }
        let last = |c: &Column| if c.required { "" } else { " NULLS LAST" };
        let order = request.sort.map_or(String::new(), |c| format!("t.{} {}{}, ", c.name, arrow.1, last(c)));
        let key = request.sort.map_or(String::new(), |c| format!(", t.{}::text AS sort_key_", c.name));
        let sql = format!(
            "SELECT {}{key} FROM {} t WHERE true{}{after} ORDER BY {order}t.id {} LIMIT {}",
            selection.expressions_of_many(),
            table.name,
            request.conditions,
            arrow.1,
            request.limit + 1
        );
        let params: Vec<_> = refs(&request.values).into_iter().chain(refs(&values)).collect();
        let rows = self.run_built(&sql, &params).await?;
        let shown = rows.len().min(request.limit);
        let next = if rows.len() > request.limit {
            let last = &rows[shown - 1];
            let key = if request.sort.is_some() { last.get("sort_key_") } else { None };
            Some(cursor::seal_place(self, &table.name, &request.shape, &Place { key, id: last.get("id") })?)
        } else {
            None
        };
        let keys = selection.keys(self, &rows[..shown]).await?;
        let rows = rows[..shown].iter().map(|row| selection.record_of_many(self, row, &keys)).collect::<Result<_>>()?;
        Ok(Page { rows, next, total: None })
    }

    /// Rows whose names hold every word, or words that begin with them. Tokens find candidates; the opened names
    /// decide, because tokens collide on purpose.
    async fn named(
        &mut self,
        resource: &Resource,
        table: &Table,
        request: &Request<'_>,
        (how, from): (Match, Option<Uuid>),
    ) -> Result<Page> {
        // The tokens of each word; each of them for every key while the index key is exchanged.
        let mut tokens: Vec<Vec<Vec<u8>>> = Vec::new();
        for word in &request.words {
            let of_key = |index: &IndexKey| match how {
                Match::Prefix => Some(index.prefix_tokens(&table.name, word)),
                Match::Sound => index.sound_token(&table.name, word).map(|t| vec![t]),
            };
            let Some(keys) = self.keys().indexes().map(of_key).collect::<Option<Vec<Vec<[u8; 4]>>>>() else {
                return Ok(Page { rows: Vec::new(), next: None, total: None });
            };
            let each = keys.first().map_or(0, Vec::len);
            tokens.extend((0..each).map(|i| keys.iter().map(|of| of[i].to_vec()).collect()));
        }
        let versions = self.keys().indexes().count();
        let mut fields = fields(resource, request);
        let shown = fields.clone();
        fields.extend(table.name_columns().map(|c| c.name.as_str()).filter(|_| !shown.is_empty()));
        let selection = Selection::new(table, &fields)?;
        let sql = named_sql(&selection, table, request, (tokens.len(), versions));
        let mut last = from;
        let mut found = Vec::new();
        loop {
            let from = last.unwrap_or(Uuid::nil());
            let mut params = refs(&request.values);
            params.push(&from);
            params.extend(tokens.iter().map(|t| if versions == 1 { &t[0] as &(dyn ToSql + Sync) } else { t }));
            let candidates = self.run_built(&sql, &params).await?;
            let keys = selection.keys(self, &candidates).await?;
            for row in &candidates {
                // A row that is being indexed anew may be found under both keys.
                if last == Some(row.get("id")) {
                    continue;
                }
                let record = selection.record_of_many(self, row, &keys)?;
                last = record.id();
                if matches(table, &record, &request.words, how) {
                    found.push(record);
                    if found.len() > request.limit {
                        break;
                    }
                }
            }
            if found.len() > request.limit || candidates.len() <= CANDIDATES.min(request.limit) {
                break;
            }
        }
        let next = if found.len() > request.limit {
            found.truncate(request.limit);
            let id = found.last().and_then(Record::id).ok_or_else(|| Error::internal("a row without id"))?;
            let key = (how == Match::Sound).then(|| "sound".to_owned());
            Some(cursor::seal_place(self, &table.name, &request.shape, &Place { key, id })?)
        } else {
            None
        };
        Ok(Page { rows: found, next, total: None })
    }
}

/// Candidates opened at a time.
const CANDIDATES: usize = 200;

fn named_sql(
    selection: &Selection<'_>,
    table: &Table,
    request: &Request<'_>,
    (words, versions): (usize, usize),
) -> String {
    let from = request.values.len() + 1;
    let is = |i: usize| {
        let token = from + 1 + i;
        if versions == 1 { format!("s{i}.token = ${token}") } else { format!("s{i}.token = ANY(${token}::bytea[])") }
    };
    let mut sql = format!("SELECT {} FROM kernel.search_tokens s0", selection.expressions_of_many());
    for i in 1..words {
        let _ = write!(
            sql,
            " JOIN kernel.search_tokens s{i} ON s{i}.tenant_id = s0.tenant_id AND s{i}.id = s0.id AND {}",
            is(i)
        );
    }
    let _ = write!(
        sql,
        " JOIN {} t ON t.tenant_id = s0.tenant_id AND t.id = s0.id WHERE {} AND s0.id > ${from}{} ORDER BY s0.id LIMIT {}",
        table.name,
        is(0),
        request.conditions,
        CANDIDATES.min(request.limit) + 1
    );
    sql
}

fn matches(table: &Table, record: &Record, words: &[String], how: Match) -> bool {
    let held: Vec<String> = table.name_columns().flat_map(|c| name_words(record.text(&c.name))).collect();
    // Who writes without spaces may have typed family and given name as one word, in either order.
    let (straight, turned) = (held.concat(), held.iter().rev().map(String::as_str).collect::<String>());
    let begins = |h: &String, w: &str| h == w || (w.chars().count() >= 3 && h.starts_with(w));
    let has = |w: &String| {
        let part = is_ideographic(w) && (straight.contains(w.as_str()) || turned.contains(w.as_str()));
        part || held.iter().any(|h| begins(h, w))
    };
    how == Match::Sound || words.iter().all(has)
}

fn fields<'a>(resource: &Resource, request: &'a Request<'_>) -> Vec<&'a str> {
    if request.fields.is_empty() { resource.list.to_vec() } else { request.fields.iter().map(String::as_str).collect() }
}

fn refs(values: &[Bound]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|v| &**v as &(dyn ToSql + Sync)).collect()
}
