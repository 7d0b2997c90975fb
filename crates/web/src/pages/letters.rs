//! Letters to families of a school: how many of a kind would be made, and the form that makes the file. Nobody's name is opened for it.

use super::{
    Shell, form,
    i18n::fill,
    immunizations::refused,
    layout::{self, Head},
    parts::{self, Tab},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kinds of letters, in the order of the page.
pub const KINDS: [&str; 2] = ["EXCLUSION", "REMINDER"];

/// The page's data, named as the operation answers them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LettersView {
    /// The school.
    pub school: String,
    /// As it is shown.
    pub school_name: String,
    /// `EXCLUSION` or `REMINDER`.
    pub kind: String,
    /// Letters that would be made.
    pub letters: u64,
    /// Families that cannot be written to.
    pub without_contact: u64,
    /// Families that got one within the week.
    pub written_lately: u64,
    /// Letters by homeroom.
    pub homerooms: Vec<Homeroom>,
    /// Letters by language.
    pub languages: BTreeMap<String, u64>,
    /// Whether the person may say that a student is kept home.
    pub may_exclude: bool,
    /// Why the last act was refused.
    pub error: String,
}

/// A homeroom with its letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation, which are documented")]
pub struct Homeroom {
    pub homeroom: String,
    pub letters: u64,
}

/// The page.
#[must_use]
pub fn render(view: &LettersView, shell: &Shell) -> Markup {
    let (t, i) = (&shell.t().school_entry, &shell.t().immunization);
    let tab = |kind: &str, label: &str| Tab {
        href: format!("/immunizations/letters?school={}&kind={kind}", view.school),
        label: label.to_owned(),
        current: view.kind == kind,
        ..Tab::default()
    };
    let mut tabs = Vec::new();
    if view.may_exclude {
        tabs.push(tab("EXCLUSION", t.letters_home));
    }
    tabs.push(tab("REMINDER", t.letters_remind));
    let said = |pattern: &str, n: u64| html! { @if n > 0 { li { (fill(pattern, &[("n", &n.to_string())])) } } };
    layout::page(
        shell,
        &Head::new(t.letters).under(i.title, "/immunizations"),
        &html! {
            header class="page-head" { div { h1 { (t.letters) } p class="lead" { (view.school_name) } } }
            (refused(&view.error, shell))
            p { (t.letters_lead) }
            (parts::tabs(shell, t.letters, &tabs))
            (parts::card("letters", t.letters, &html! { span class="count" { (view.letters) } }, &html! {
                div class="card-note" {
                    p { @if view.letters == 0 { (t.no_letters) } @else { (fill(t.letter_count, &[("n", &view.letters.to_string())])) } }
                    ul class="plain-list" { (said(t.letters_lately, view.written_lately)) (said(t.letters_nobody, view.without_contact)) }
                }
                @if view.letters > 0 {
                    (counts(t.homeroom, view.homerooms.iter().map(|h| (if h.homeroom.is_empty() { t.no_homeroom } else { &h.homeroom }, h.letters)), shell))
                    (counts(t.language, view.languages.iter().map(|(tag, n)| (tag.as_str(), *n)), shell))
                }
                @if view.letters + view.written_lately > 0 { (make(view, shell)) }
                p class="card-note muted" { (t.letters_kept) }
            }))
        },
    )
}

fn counts<'a>(of: &str, all: impl Iterator<Item = (&'a str, u64)>, shell: &Shell) -> Markup {
    let how_many = shell.t().immunization.how_many;
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[of, how_many]))
            tbody { @for (name, n) in all { tr { th scope="row" { (name) } td data-label=(how_many) { (n) } } } }
        }
    }
}

fn make(view: &LettersView, shell: &Shell) -> Markup {
    let t = &shell.t().school_entry;
    html! {
        div class="card-body" {
            (form::post(shell, "/immunizations/letters", "form", &html! {
                input type="hidden" name="school" value=(view.school);
                input type="hidden" name="kind" value=(view.kind);
                @if view.written_lately > 0 {
                    div class="field kind-flag" {
                        input type="checkbox" id="again" name="again" value="true";
                        label for="again" { (t.again) }
                    }
                }
                div class="form-actions" { button class="button primary" type="submit" { (t.make_letters) } }
            }))
        }
    }
}
