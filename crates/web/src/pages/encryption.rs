//! The state of encryption: keys with their age, what lies under the key in use, rotations and how far they are, and when
//! a recovery identity was last tried. No key material is ever in a view.

use super::{
    Shell,
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page, as the operation `kernel.key.overview` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EncryptionView {
    /// Every key.
    pub keys: Vec<Key>,
    /// Every sealed column, as of the last count.
    pub fields: Vec<Field>,
    /// Rotations, those under way first.
    pub rotations: Vec<Rotation>,
    /// What the organization has set.
    pub rules: Rules,
    /// When a recovery identity last opened the root key, ISO 8601.
    pub escrow_verified_at: Option<String>,
    /// Whether it should be tried again.
    pub escrow_due: bool,
}

/// One key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, whose description says what they are")]
pub struct Key {
    pub kind: String,
    pub key_class: Option<String>,
    pub generation: u64,
    pub state: String,
    pub age_days: Option<u64>,
    pub due_after_days: u64,
    pub seals: u64,
    pub values: u64,
    pub due: Option<String>,
}

/// One sealed column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, whose description says what they are")]
pub struct Field {
    pub table: String,
    pub column: String,
    pub key_class: String,
    pub values: u64,
    pub under_key_in_use: u64,
    pub counted_at: String,
}

/// One rotation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, whose description says what they are")]
pub struct Rotation {
    pub kind: String,
    pub key_class: Option<String>,
    pub reason: String,
    pub state: String,
    pub rows_total: u64,
    pub rows_done: u64,
    pub rows_failed: u64,
    pub rows_kept: u64,
    pub started_at: String,
    pub finished_at: Option<String>,
}

/// The setting `keys.rotation`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the setting")]
pub struct Rules {
    pub class_days: u64,
    pub other_days: u64,
    pub automatic: bool,
}

/// The page.
#[must_use]
pub fn render(view: &EncryptionView, shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (t.lead) } } }
            (summary(view, shell))
            (parts::card("rotations", t.running, &html! {}, &rotations(view, shell)))
            (parts::card("keys", t.keys, &html! {}, &parts::scroll(t.keys, &keys(&view.keys, shell))))
            (parts::card("columns", t.columns, &html! {}, &fields(&view.fields, shell)))
        },
    )
}

fn summary(view: &EncryptionView, shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    let total = view.fields.iter().map(|f| f.values).sum();
    let current = view.fields.iter().map(|f| f.under_key_in_use).sum();
    let due = view.keys.iter().filter(|k| k.due.is_some()).count();
    let (tone, n) = (if due == 0 { Tone::Good } else { Tone::Warn }, format::count(shell.locale, due as u64));
    let last = view.rotations.iter().filter_map(|r| r.finished_at.as_deref()).max();
    html! {
        div class="card" {
            (parts::facts(&[
                (t.under_current, parts::progress(shell, t.under_current, current, total)),
                (t.due, parts::badge(shell, tone, &n)),
                (t.last_rotation, when(last, shell)),
                (t.escrow, html! {
                    (when(view.escrow_verified_at.as_deref(), shell))
                    @if view.escrow_due { " " (parts::badge(shell, Tone::Warn, t.escrow_due)) }
                }),
            ]))
            p class="hint" { @if view.rules.automatic { (t.automatic) } @else { (t.by_hand) } }
        }
    }
}

fn when(at: Option<&str>, shell: &Shell) -> Markup {
    if let Some(at) = at {
        parts::moment(shell, at)
    } else {
        html! { (shell.t().keys.never) }
    }
}

fn name(kind: &str, class: Option<&str>, shell: &Shell) -> String {
    codes::label(shell.locale, class.unwrap_or(kind)).into_owned()
}

fn rotations(view: &EncryptionView, shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    if view.rotations.is_empty() {
        return html! { p class="hint" { (t.none_running) } };
    }
    let number = |words: &str, n: u64| fill(words, &[("n", &format::count(shell.locale, n))]);
    html! {
        table class="grid stack" {
            (parts::heads(&[t.key, t.state, t.moved, t.reason, t.began, t.ended]))
            tbody {
                @for r in &view.rotations {
                    tr {
                        th scope="row" { (name(&r.kind, r.key_class.as_deref(), shell)) }
                        td data-label=(t.state) { (parts::status(shell, &r.state)) }
                        td data-label=(t.moved) {
                            @if r.finished_at.is_some() { (format::count(shell.locale, r.rows_done)) }
                            @else { (parts::progress(shell, t.moved, r.rows_done, r.rows_total)) }
                            @if r.rows_failed > 0 { span class="sub" { (number(t.not_opened, r.rows_failed)) } }
                            @if r.rows_kept > 0 { span class="sub" { (number(t.stay, r.rows_kept)) } }
                        }
                        td data-label=(t.reason) {
                            @if r.reason == "manual" { (t.on_request) } @else { (codes::label(shell.locale, &r.reason)) }
                         }
                        td data-label=(t.began) { (parts::moment(shell, &r.started_at)) }
                        td data-label=(t.ended) { @if let Some(at) = &r.finished_at { (parts::moment(shell, at)) } @else { "–" } }
                    }
                }
            }
        }
    }
}

fn keys(keys: &[Key], shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    html! {
        table class="grid stack" {
            (parts::heads(&[t.key, t.generation, t.state, t.age, t.values, t.seals]))
            tbody {
                @for k in keys {
                    tr {
                        th scope="row" { (name(&k.kind, k.key_class.as_deref(), shell)) }
                        td data-label=(t.generation) { (k.generation) }
                        td data-label=(t.state) {
                            (parts::status(shell, &k.state))
                            @if let Some(due) = &k.due { " " (parts::badge(shell, Tone::Warn, &codes::label(shell.locale, due))) }
                        }
                        td data-label=(t.age) { (age(k, shell)) }
                        td data-label=(t.values) { @if k.key_class.is_some() { (format::count(shell.locale, k.values)) } @else { "–" } }
                        td data-label=(t.seals) { (format::count(shell.locale, k.seals)) }
                    }
                }
            }
        }
    }
}

/// The age as a bar up to the day on which the key is due; that of a key that seals no more says nothing.
fn age(key: &Key, shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    let Some(days) = key.age_days.filter(|_| key.state == "active") else { return html! { "–" } };
    let (n, total) = (format::count(shell.locale, days), format::count(shell.locale, key.due_after_days));
    html! {
        div class="progress" {
            progress max=(key.due_after_days.max(1)) value=(days.min(key.due_after_days)) aria-label=(t.age) {}
            span { (fill(t.days_of, &[("n", &n), ("total", &total)])) }
        }
    }
}

fn fields(fields: &[Field], shell: &Shell) -> Markup {
    let t = &shell.t().keys;
    if fields.is_empty() {
        return html! { p class="hint" { (t.not_counted) } };
    }
    html! {
        table class="grid stack" {
            (parts::heads(&[t.column, t.key, t.under_current, t.counted]))
            tbody {
                @for f in fields {
                    tr {
                        th scope="row" { code { (f.table) "." (f.column) } }
                        td data-label=(t.key) { (codes::label(shell.locale, &f.key_class)) }
                        td data-label=(t.under_current) { (parts::progress(shell, t.under_current, f.under_key_in_use, f.values)) }
                        td data-label=(t.counted) { (parts::moment(shell, &f.counted_at)) }
                    }
                }
            }
        }
    }
}
