//! Pages over a description of a table: list and one row. The description ([`Column`]) is what the catalogue knows;
//! these pages know no table by name, so a table that needs no page of its own has one all the same.
//!
//! A sealed value arrives either masked or already opened by the server; nothing here opens anything.

use super::{
    Shell,
    form::{self, Field},
    i18n::{codes, format},
    icons,
    layout::{self, Head},
    parts::{self, Pager, Sort},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Name in the database.
    pub name: String,
    /// Words for people; empty means those of the name.
    pub label: String,
    /// The column's comment.
    pub doc: String,
    /// SQL type, such as `text`, `int8`, `boolean`, `date`, `timestamptz`, `jsonb`, `uuid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether values are encrypted at rest and shown masked.
    pub sealed: bool,
    /// Words for each code of a closed set.
    pub labels: BTreeMap<String, String>,
    /// Address that an id in this column is appended to, such as `/browse/medical/patients/`.
    pub references: String,
    /// How the list sorts by it, when it does.
    pub sort: Option<Sort>,
}

/// One value as the page may show it. In JSON: `null`, `{"masked": true}`, or the value itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Value")]
pub enum Cell {
    /// Nothing there.
    #[default]
    Empty,
    /// A sealed value that has not been opened.
    Masked,
    /// The value.
    Clear(Value),
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match &value {
            Value::Null => Self::Empty,
            Value::Object(map) if map.len() == 1 && map.get("masked") == Some(&Value::Bool(true)) => Self::Masked,
            _ => Self::Clear(value),
        }
    }
}

/// One row by column name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// Its version, sent back when it is changed.
    pub row_version: i64,
    /// Values by column name.
    pub cells: BTreeMap<String, Cell>,
}

/// A list of rows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableView {
    /// Address of the list: rows are under `{base}/{id}`, openings under `{base}/{id}/open/{column}`.
    pub base: String,
    /// Schema, which is the domain.
    pub schema: String,
    /// Table.
    pub name: String,
    /// The table's comment.
    pub doc: String,
    /// Columns in the order shown.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Filter fields with their present values, sent back as query parameters. Never sealed columns: an address must
    /// not hold health data.
    pub filters: Vec<Field>,
    /// Neighbouring pages.
    pub pager: Pager,
}

/// One row with all its columns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RowView {
    /// Address of the list.
    pub base: String,
    /// Schema.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// The row.
    pub row: Row,
}

impl Column {
    /// What people call the column.
    #[must_use]
    pub fn title(&self) -> String {
        if self.label.is_empty() { codes::words(&self.name) } else { self.label.clone() }
    }

    fn numeric(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "int2" | "int4" | "int8" | "smallint" | "integer" | "int" | "bigint" | "numeric" | "float8" | "real"
        )
    }
}

/// One value, for a table cell (`full` false) or a row page (`full` true).
#[must_use]
pub fn value(shell: &Shell, column: &Column, cell: &Cell, full: bool) -> Markup {
    let t = &shell.t().ui;
    let Cell::Clear(value) = cell else {
        return html! { span class="muted" { "–" } };
    };
    match value {
        Value::Bool(yes) => html! { (if *yes { t.yes } else { t.no }) },
        Value::Number(n) => html! { (format::decimal(shell.locale, &n.to_string())) },
        Value::String(text) => text_value(shell, column, text, full),
        other if full => html! { pre class="json" { (serde_json::to_string_pretty(other).unwrap_or_default()) } },
        other => html! { code class="clip" { (other.to_string()) } },
    }
}

fn text_value(shell: &Shell, column: &Column, text: &str, full: bool) -> Markup {
    let short =
        |text: &str| text.char_indices().nth_back(11).map_or(text.to_owned(), |(at, _)| format!("…{}", &text[at..]));
    match column.kind.as_str() {
        _ if !column.references.is_empty() => {
            let words = if full { text.to_owned() } else { short(text) };
            html! { a class="id" href={ (column.references) (text) } title=(text) { (words) } }
        }
        "uuid" if full => html! { code class="id" { (text) } },
        "uuid" => html! { code class="id" title=(text) { (short(text)) } },
        "date" | "sealed_date" => parts::date(shell, text),
        "timestamptz" | "timestamp" => parts::moment(shell, text),
        _ => match column.labels.get(text) {
            Some(words) if !words.is_empty() => html! { (words) },
            Some(_) => html! { (codes::label(shell.locale, text)) },
            None if full => html! { span class="text" { (text) } },
            None => html! { span class="clip" title=(text) { (text) } },
        },
    }
}

fn cell(shell: &Shell, base: &str, row: &Row, column: &Column, full: bool) -> Markup {
    match row.cells.get(&column.name).unwrap_or(&Cell::Empty) {
        Cell::Masked => parts::masked(shell, &format!("{base}/{}/open/{}", row.id, column.name), &column.title()),
        other => value(shell, column, other, full),
    }
}

/// The list page.
#[must_use]
pub fn list(view: &TableView, shell: &Shell, head: &Head) -> Markup {
    let t = shell.t();
    layout::page(
        shell,
        head,
        &html! {
            header class="page-head" {
                div { h1 { (head.title) } @if !view.doc.is_empty() { p class="lead" { (view.doc) } } }
            }
            (filters(shell, view))
            @if view.rows.is_empty() {
                (parts::empty(t.ui.no_rows, t.ui.no_rows_hint, None))
            } @else {
                (parts::scroll(&head.title, &grid(shell, view)))
            }
            (parts::pager(shell, &view.pager, view.rows.len()))
        },
    )
}

fn filters(shell: &Shell, view: &TableView) -> Markup {
    let t = &shell.t().ui;
    let active = view.filters.iter().any(|f| !f.value.is_empty());
    html! {
        @if !view.filters.is_empty() {
            form class="filters" method="get" action=(view.base) {
                @for f in &view.filters { (form::field(shell, f)) }
                div class="filter-actions" {
                    button class="button" type="submit" { (t.filter) }
                    @if active { a class="button quiet" href=(view.base) { (t.clear) } }
                }
            }
        }
    }
}

fn grid(shell: &Shell, view: &TableView) -> Markup {
    html! {
        table class="grid" data-keys {
            thead {
                tr {
                    th scope="col" class="key" { "ID" }
                    @for column in &view.columns {
                        @if column.sealed {
                            th scope="col" {
                                span class="sealed-head" title=(shell.t().data.sealed_hint) {
                                    (icons::icon("lock")) (column.title())
                                }
                            }
                        } @else {
                            (parts::head(&column.title(), column.sort.as_ref(), column.numeric()))
                        }
                    }
                }
            }
            tbody {
                @for row in &view.rows {
                    tr {
                        th scope="row" class="key" {
                            a class="id" href={ (view.base) "/" (row.id) } title=(row.id) {
                                (row.id.char_indices().nth_back(7).map_or(row.id.as_str(), |(at, _)| &row.id[at..]))
                            }
                        }
                        @for column in &view.columns {
                            td class=[column.numeric().then_some("num")] {
                                (cell(shell, &view.base, row, column, false))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The page of one row.
#[must_use]
pub fn detail(view: &RowView, shell: &Shell, head: &Head) -> Markup {
    layout::page(
        shell,
        head,
        &html! {
            header class="page-head" {
                div {
                    h1 { (head.title) } p class="lead" {
                        code { (view.schema) "." (view.name) } " · " code { (view.row.id) }
                    }
                }
            }
            dl class="columns card" {
                @for column in &view.columns {
                    div {
                        dt {
                            span class="column-title" { @if column.sealed { (icons::icon("lock")) } (column.title()) }
                            span class="muted" { code { (column.name) } " " (column.kind) }
                        }
                        dd {
                            (cell(shell, &view.base, &view.row, column, true))
                            @if !column.doc.is_empty() { span class="hint" { (column.doc) } }
                        }
                    }
                }
            }
        },
    )
}

/// *Save* and *Cancel* at the end of a form.
#[must_use]
pub fn buttons(shell: &Shell, back: &str) -> Markup {
    let t = &shell.t().ui;
    html! {
        div class="form-actions" {
            button class="button primary" type="submit" { (t.save) }
            a class="button quiet" href=(back) { (t.cancel) }
        }
    }
}
