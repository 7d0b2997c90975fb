//! The data browser: every exposed table, sealed values masked until somebody asks for one, and each asking recorded.

use super::frame::{Params, Shown, Visit, by_id, html};
use crate::{
    app::App,
    pages::{
        browse::{self, BrowseView, Schema, TableBrief},
        form::{Field, Kind as FieldKind},
        i18n::codes,
        parts::Pager,
        table::{Cell, Column, Row, RowView, TableView},
    },
};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use salus_core::{Error, Result};
use salus_store::{
    Body, Call, Record, Resource,
    catalog::{self, HEADER, Kind, Table},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// GET `/browse`.
pub async fn index(visit: Visit, Query(query): Params) -> Response {
    let q = query.get("q").cloned().unwrap_or_default().to_lowercase();
    html(&browse::render(&BrowseView { schemas: schemas(&visit, &q), q }, &visit.shell))
}

fn schemas(visit: &Visit, q: &str) -> Vec<Schema> {
    let mut out: BTreeMap<String, Schema> = BTreeMap::new();
    for resource in salus_domains::resources() {
        let Ok(table) = visit.app.db.catalog().table(resource.table) else { continue };
        let doc = table.doc.clone().unwrap_or_default();
        if !visit.ctx.may(resource.read) || !(table.name.contains(q) || doc.to_lowercase().contains(q)) {
            continue;
        }
        let schema = table.schema().to_owned();
        let brief = TableBrief {
            name: table.name.split('.').next_back().unwrap_or_default().to_owned(),
            doc,
            // Nothing is known of a table that was never analysed.
            rows: u64::try_from(table.estimated_rows).ok().filter(|n| *n > 0),
            columns: table.readable().count() as u64,
            sealed: table.readable().filter(|c| c.is_sealed()).count() as u64,
            shared: table.shared,
        };
        out.entry(schema.clone()).or_insert_with(|| Schema { name: schema, ..Schema::default() }).tables.push(brief);
    }
    out.into_values().collect()
}

/// The resource and table of an address.
fn find<'a>(app: &'a App, schema: &str, table: &str) -> Result<(&'static Resource, &'a Table)> {
    let name = format!("{schema}.{table}");
    let resource = salus_domains::resources().into_iter().find(|r| r.table == name).ok_or(Error::NotFound)?;
    Ok((resource, app.db.catalog().table(resource.table)?))
}

/// GET `/browse/{schema}/{table}`.
pub async fn rows(visit: Visit, Path((schema, name)): Path<(String, String)>, Query(query): Params) -> Shown {
    let app = visit.app.clone();
    let (resource, table) = find(&app, &schema, &name).map_err(|e| visit.error(e))?;
    let mut shown = columns(&visit, table, resource.list);
    let fields = unsealed(table, &shown);
    // The page has a column with the link to each row; what the row says of itself comes after what it is about.
    shown.retain(|c| c.name != "id");
    shown.sort_by_key(|c| HEADER.contains(&c.name.as_str()));
    let mut call = Call { query: vec![("fields".into(), fields)], ..Call::default() };
    call.query.extend(
        query
            .iter()
            .filter(|(n, v)| !v.is_empty() && (*n == "cursor" || resource.filters.contains(&n.as_str())))
            .map(|(n, v)| (n.clone(), v.clone())),
    );
    let base = format!("/browse/{schema}/{name}");
    let (rows, next, error) = match visit.try_call(&format!("{}.list", resource.noun), call).await {
        Ok(Body::Page(page)) => (page.rows, page.next, None),
        Ok(_) => return Err(visit.error(Error::internal("a list is a page"))),
        Err(Error::Invalid(errors)) => (Vec::new(), None, errors.into_iter().next()),
        Err(e) => return Err(visit.error(e)),
    };
    let mut filters: Vec<Field> = resource.filters.iter().filter_map(|f| filter(&visit, table, f, &query)).collect();
    if let Some(e) = error
        && let Some(field) = filters.iter_mut().find(|f| e.pointer.trim_start_matches('/') == f.name)
    {
        field.error = e.message;
    }
    let mut kept = String::new();
    for (n, v) in query.iter().filter(|(n, v)| *n != "cursor" && !v.is_empty()) {
        let _ = write!(kept, "{}={}&", super::frame::encoded(n), super::frame::encoded(v));
    }
    let view = TableView {
        schema,
        name,
        doc: table.doc.clone().unwrap_or_default(),
        rows: rows.iter().map(|r| row_of(r, &shown)).collect(),
        columns: shown,
        filters,
        pager: Pager {
            first: query.contains_key("cursor").then(|| format!("{base}?{kept}")),
            next: next.map(|c| format!("{base}?{kept}cursor={c}")),
        },
        base,
    };
    Ok(html(&browse::rows(&view, &visit.shell)))
}

/// Filters over sealed columns would put health data into the address: they are left to the patient search. Nobody
/// knows a time to the microsecond, so there is none over times.
fn filter(visit: &Visit, table: &Table, name: &str, query: &BTreeMap<String, String>) -> Option<Field> {
    let column = table.column(name).filter(|c| !c.is_sealed() && c.kind != Kind::Timestamp)?;
    let value = query.get(name).map_or("", String::as_str);
    let label = codes::words(name);
    if column.labels.is_empty() {
        let kind = if column.kind == Kind::Date { FieldKind::Date } else { FieldKind::Text };
        return Some(Field::new(name, &label, kind, value));
    }
    let mut field = Field::new(name, &label, FieldKind::Choice, value);
    let choice = |l: &String| (l.clone(), codes::label(visit.shell.locale, l).into_owned());
    field.choices = [(String::new(), "–".to_owned())].into_iter().chain(column.labels.iter().map(choice)).collect();
    Some(field)
}

/// Columns as the pages describe them; all readable ones when none is named.
fn columns(visit: &Visit, table: &Table, wanted: &[&str]) -> Vec<Column> {
    let places: BTreeSet<&str> = salus_domains::resources().iter().map(|r| r.table).collect();
    let shown = |c: &&catalog::Column| c.name == "id" || wanted.is_empty() || wanted.contains(&c.name.as_str());
    table
        .readable()
        .filter(shown)
        .map(|c| Column {
            name: c.name.clone(),
            label: codes::words(&c.name),
            doc: c.doc.clone().unwrap_or_default(),
            kind: kind(c.kind).to_owned(),
            sealed: c.is_sealed(),
            labels: c.labels.iter().map(|l| (l.clone(), codes::label(visit.shell.locale, l).into_owned())).collect(),
            references: table
                .references
                .get(&c.name)
                .filter(|t| places.contains(t.as_str()))
                .map(|t| format!("/browse/{}/", t.replace('.', "/")))
                .unwrap_or_default(),
            sort: None,
        })
        .collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int2 | Kind::Int4 | Kind::Int8 => "integer",
        Kind::Float8 | Kind::Numeric => "number",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp",
        Kind::Uuid => "uuid",
        Kind::Json => "json",
        Kind::TextArray => "array",
        _ => "text",
    }
}

/// The names of the columns that are not sealed: a list asked for these opens nothing.
fn unsealed(table: &Table, shown: &[Column]) -> String {
    let clear = |c: &&Column| table.column(&c.name).is_some_and(|t| !t.is_sealed());
    let names: Vec<&str> = shown.iter().filter(clear).map(|c| c.name.as_str()).collect();
    names.join(",")
}

fn row_of(record: &Record, columns: &[Column]) -> Row {
    let cell = |c: &Column| match record.get(&c.name) {
        Some(value) => Cell::from(value.clone()),
        None if c.sealed => Cell::Masked,
        None => Cell::Empty,
    };
    Row {
        id: record.text("id").to_owned(),
        row_version: record.get("row_version").and_then(serde_json::Value::as_i64).unwrap_or(0),
        cells: columns.iter().map(|c| (c.name.clone(), cell(c))).collect(),
    }
}

/// GET `/browse/{schema}/{table}/{id}`.
pub async fn row(visit: Visit, Path((schema, name, id)): Path<(String, String, String)>) -> Shown {
    let app = visit.app.clone();
    let (resource, table) = find(&app, &schema, &name).map_err(|e| visit.error(e))?;
    let shown = columns(&visit, table, &[]);
    let fields = unsealed(table, &shown);
    let record = visit.row(&format!("{}.get", resource.noun), &id, &fields).await.map_err(|e| visit.error(e))?;
    let view = RowView {
        base: format!("/browse/{schema}/{name}"),
        schema,
        name,
        row: row_of(&record, &shown),
        columns: shown,
    };
    Ok(html(&browse::row(&view, &visit.shell)))
}

/// GET `/browse/{schema}/{table}/{id}/open/{column}`: one sealed value, for the cell it stands in.
pub async fn open(visit: Visit, Path((schema, table, id, column)): Path<(String, String, String, String)>) -> Shown {
    let missing = || visit.error(Error::NotFound);
    let (resource, table) = find(&visit.app, &schema, &table).map_err(|e| visit.error(e))?;
    let held = table.readable().find(|c| c.name == column && c.is_sealed()).ok_or_else(missing)?;
    if !table.to_open(held).iter().all(|permission| visit.ctx.may(permission)) {
        let words = browse::not_opened(visit.shell.t().data.may_not_open, &visit.shell);
        return Ok((StatusCode::FORBIDDEN, html(&words)).into_response());
    }
    let query = vec![("fields".to_owned(), column.clone())];
    let of_row = Call { query, ..by_id(&id) };
    let Body::Row(record) = visit.call(&format!("{}.get", resource.noun), of_row).await? else {
        return Err(visit.error(Error::internal("a row is a row")));
    };
    let shown = columns(&visit, table, &[&column]);
    let shown = shown.iter().find(|c| c.name == column).ok_or_else(missing)?;
    let cell = record.get(&column).cloned().map(Cell::from).unwrap_or_default();
    Ok(html(&browse::opened(shown, &cell, &visit.shell)))
}
