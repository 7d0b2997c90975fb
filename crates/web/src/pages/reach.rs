//! Whom a user reaches: persons they are or act for, persons assigned to them, and units at which they work; each with its
//! days, a form for another, and an end.

use super::{
    Shell,
    form::{self, Field},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReachView {
    /// The user.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Links, assignments, units: those the reader may see.
    pub sections: Vec<Section>,
    /// Why something was not ended.
    pub general: String,
}

/// One way of reaching persons.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Section {
    /// `links`, `cases` or `units`.
    pub kind: String,
    /// What there is, the latest first.
    pub entries: Vec<Entry>,
    /// The form for another; empty for who may only look.
    pub fields: Vec<Field>,
    /// What is wrong with it as a whole.
    pub general: String,
}

/// One link, assignment or unit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The row.
    pub id: String,
    /// Its version, for its end.
    pub version: i64,
    /// The person's pseudonym, or the unit.
    pub what: String,
    /// The chart of the person, for who may open it.
    pub href: String,
    /// As what, and by which proof.
    pub how: String,
    /// First day.
    pub from: String,
    /// Last day; empty: open.
    pub until: String,
    /// Whether it holds today, as far as its days say.
    pub holds: bool,
}

/// The page. Forms: POST `/users/{id}/reach/KIND` with its fields under `KIND.NAME`, `/users/{id}/reach/KIND/{entry}/end` with `version`.
#[must_use]
pub fn render(view: &ReachView, shell: &Shell) -> Markup {
    let t = &shell.t().reach;
    let account = format!("/users/{}", view.id);
    layout::page(
        shell,
        &Head::new(t.title).under(shell.t().accounts.account, &account),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (view.name) } p class="lead" { (t.lead) } } }
            (form::summary(shell, &view.general, &[]))
            @for section in &view.sections {
                (parts::card(&section.kind, title(&section.kind, shell), &html! {}, &body(section, view, shell)))
            }
        },
    )
}

fn title<'a>(kind: &str, shell: &'a Shell) -> &'a str {
    let t = &shell.t().reach;
    match kind {
        "links" => t.links,
        "cases" => t.cases,
        _ => t.units,
    }
}

fn body(section: &Section, view: &ReachView, shell: &Shell) -> Markup {
    let t = &shell.t().reach;
    let path = format!("/users/{}/reach/{}", view.id, section.kind);
    let hint = match section.kind.as_str() {
        "links" => t.links_hint,
        "cases" => t.cases_hint,
        _ => t.units_hint,
    };
    html! {
        p class="hint" { (hint) }
        @if section.entries.is_empty() { p class="none" { (t.none) } } @else {
            table class="grid plain stack" {
                (parts::heads_then(&[t.whom, t.how, t.from, t.until], t.end))
                tbody { @for entry in &section.entries { (row(entry, section, &path, shell)) } }
            }
        }
        @if !section.fields.is_empty() {
            details class="another" open[!section.general.is_empty() || section.fields.iter().any(|f| !f.error.is_empty())] {
                summary { (t.another) }
                (form::post(shell, &path, "form", &html! {
                    (form::summary(shell, &section.general, &section.fields.iter().collect::<Vec<_>>()))
                    @for field in &section.fields { (form::field(shell, field)) }
                    div class="form-actions" { button class="button primary" type="submit" { (t.add) } }
                }))
            }
        }
    }
}

fn row(entry: &Entry, section: &Section, path: &str, shell: &Shell) -> Markup {
    let t = &shell.t().reach;
    html! {
        tr {
            th scope="row" {
                @if entry.href.is_empty() { (entry.what) } @else { a href=(entry.href) { (entry.what) } }
            }
            td data-label=(t.how) { (entry.how) }
            td data-label=(t.from) { (parts::day(shell, &entry.from)) }
            td data-label=(t.until) { @if entry.until.is_empty() { (t.open) } @else { (parts::day(shell, &entry.until)) } }
            td data-label=(t.end) {
                @if !entry.holds { (parts::badge(shell, Tone::Neutral, t.ended)) }
                @else if !section.fields.is_empty() {
                    (form::post(shell, &format!("{path}/{}/end", entry.id), "inline", &html! {
                        input type="hidden" name="version" value=(entry.version);
                        button class="button danger" type="submit" aria-label={ (t.end) ": " (entry.what) } { (t.end) }
                    }))
                }
            }
        }
    }
}
