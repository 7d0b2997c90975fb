//! The page of an error: what happened, what to do, and the number to quote; and the same in one line, for a place
//! inside a page.

use super::{
    Shell,
    i18n::fill,
    layout::{self, Head},
    parts::Tone,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// An error as the page may tell it: never its internal text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorView {
    /// HTTP status.
    pub status: u16,
    /// What the error says to the caller; empty for the page's own words.
    pub detail: String,
    /// The permission that is missing (403).
    pub permission: String,
    /// Nobody knows whether it was done.
    pub unknown: bool,
}

/// What happened, and what to do about it.
fn words(view: &ErrorView, shell: &Shell) -> (&'static str, &'static str) {
    let t = &shell.t().ui;
    match view.status {
        _ if view.unknown => (t.error_unknown, t.error_unknown_do),
        401 => (t.error_401, t.error_401_do),
        403 => (t.error_403, t.error_403_do),
        404 => (t.error_404, t.error_404_do),
        409 | 412 => (t.error_409, t.error_409_do),
        429 => (t.error_429, t.error_429_do),
        503 => (t.error_503, t.error_503_do),
        400..500 => (t.error_400, t.error_400_do),
        _ => (t.error_500, t.error_500_do),
    }
}

/// The error for the place of a part of a page, such as a value that was asked for: it fits wherever text does.
#[must_use]
pub fn fragment(view: &ErrorView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    html! {
        span class="masked" role="alert" title={ (t.request) " " (shell.request_id) } {
            (Tone::Bad.sign(shell))
            @if !view.permission.is_empty() { (fill(t.missing_permission, &[("name", "")])) code { (view.permission) } }
            @else if !view.detail.is_empty() { (view.detail) }
            @else { (words(view, shell).0) }
        }
    }
}

/// The page; within the frame when somebody is signed in.
#[must_use]
pub fn render(view: &ErrorView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    let (title, advice) = words(view, shell);
    let body = html! {
        section class="panel trouble" {
            p class="trouble-status" aria-hidden="true" { (view.status) }
            h1 { (title) }
            // The permission stands in words of its own below.
            @if !view.detail.is_empty() && view.permission.is_empty() { p { (view.detail) } }
            @if !view.permission.is_empty() {
                p { (fill(t.missing_permission, &[("name", "")])) code { (view.permission) } }
            }
            p { (advice) }
            p class="muted" { (t.request) " " code { (shell.request_id) } }
            div class="actions" {
                @if view.status == 401 {
                    a class="button primary" href="/sign-in" { (t.sign_in) }
                } @else {
                    a class="button primary" href="/" { (t.to_start) }
                }
            }
        }
    };
    if shell.person.is_some() {
        layout::page(shell, &Head::new(title), &body)
    } else {
        layout::bare(shell, title, &body)
    }
}
