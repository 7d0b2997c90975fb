//! The data browser: every table of the catalogue, its rows with sealed values masked, and the fragment that takes
//! the mask's place when a value is opened. Opening is the disclosure: the server records it before it answers.

use super::{
    Shell,
    i18n::{fill, format},
    layout::{self, Head},
    parts::{self, Tone},
    table::{self, Cell, Column, RowView, TableView},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The start of the browser.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BrowseView {
    /// Part of a table's name that is looked for.
    pub q: String,
    /// Schemas in order, each with its tables.
    pub schemas: Vec<Schema>,
}

/// One schema.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// Name.
    pub name: String,
    /// Comment.
    pub doc: String,
    /// Tables the person may read.
    pub tables: Vec<TableBrief>,
}

/// One table in the index.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableBrief {
    /// Name.
    pub name: String,
    /// Comment.
    pub doc: String,
    /// The planner's estimate of rows in the whole database; none where statistics are missing.
    pub rows: Option<u64>,
    /// How many columns.
    pub columns: u64,
    /// How many of them are sealed.
    pub sealed: u64,
    /// Whether tenants share it.
    pub shared: bool,
}

/// The index of tables.
#[must_use]
pub fn render(view: &BrowseView, shell: &Shell) -> Markup {
    let t = shell.t();
    let found = view.schemas.iter().any(|s| !s.tables.is_empty());
    layout::page(
        shell,
        &Head::new(t.data.browser),
        &html! {
            header class="page-head" { div { h1 { (t.data.browser) } p class="lead" { (t.data.browser_lead) } } }
            form class="filters" method="get" action="/browse" role="search" {
                div class="field" {
                    label for="q" { (t.data.find_table) }
                    input id="q" type="search" name="q" value=(view.q) autocomplete="off";
                }
                div class="filter-actions" { button class="button" type="submit" { (t.ui.search) } }
            }
            @if !found { (parts::empty(t.ui.no_rows, t.ui.no_rows_hint, Some(("/browse", t.ui.clear)))) }
            div class="schemas" {
                @for schema in view.schemas.iter().filter(|s| !s.tables.is_empty()) { (schema_card(shell, schema)) }
            }
        },
    )
}

fn schema_card(shell: &Shell, schema: &Schema) -> Markup {
    let t = shell.t();
    let n = schema.tables.len();
    let words = if n == 1 { t.data.one_table } else { t.data.n_tables };
    let count = html! { span class="muted" { (fill(words, &[("n", &n.to_string())])) } };
    parts::card(
        &format!("schema-{}", schema.name),
        &schema.name,
        &count,
        &html! {
            @if !schema.doc.is_empty() { p class="card-note" { (schema.doc) } }
            table class="grid plain fixed" data-keys {
                thead {
                    tr {
                        th scope="col" { (t.data.table) }
                        th scope="col" class="num narrow" { (t.data.rows_about) }
                        th scope="col" class="num narrow" { (t.data.sealed) }
                    }
                }
                tbody {
                    @for table in &schema.tables {
                        tr {
                            th scope="row" {
                                a href={ "/browse/" (schema.name) "/" (table.name) } { (table.name) }
                                @if table.shared { " " (parts::badge(shell, Tone::Neutral, t.data.shared)) }
                                @if !table.doc.is_empty() { span class="sub" { (table.doc) } }
                            }
                            td class="num" {
                                @match table.rows { Some(n) => { (format::count(shell.locale, n)) } None => { "–" } }
                            }
                            td class="num" {
                                @if table.sealed > 0 { (table.sealed) span class="muted" { "/" (table.columns) } } @else {
                                    "–"
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The rows of one table.
#[must_use]
pub fn rows(view: &TableView, shell: &Shell) -> Markup {
    let head = Head::new(&view.name).under(shell.t().data.browser, "/browse").under(&view.schema, "/browse");
    table::list(view, shell, &head)
}

/// One row.
#[must_use]
pub fn row(view: &RowView, shell: &Shell) -> Markup {
    let t = shell.t();
    let head = Head::new(t.data.row)
        .under(t.data.browser, "/browse")
        .under(&view.schema, "/browse")
        .under(&view.name, &view.base);
    table::detail(view, shell, &head)
}

/// The answer to an opening: takes the place of the mask.
#[must_use]
pub fn opened(column: &Column, cell: &Cell, shell: &Shell) -> Markup {
    html! {
        span class="opened" title=(shell.t().data.was_recorded) {
            (table::value(shell, column, cell, true))
        }
    }
}

/// The answer when opening is refused or fails: takes the place of the mask and says why.
#[must_use]
pub fn not_opened(reason: &str, shell: &Shell) -> Markup {
    html! { span class="masked" role="alert" { (Tone::Bad.sign(shell)) (reason) } }
}
