//! The question whether it still is the person who signed in, before a use of power.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    layout::{self, Head},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// What the page asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProveView {
    /// The page to go back to; empty for the start.
    pub back: String,
    /// What is wrong with the password given.
    pub errors: Vec<FieldMessage>,
    /// Why it may not be tried now.
    pub general: String,
}

/// The page.
#[must_use]
pub fn render(view: &ProveView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    layout::page(
        shell,
        &Head::new(t.prove),
        &html! {
            header class="page-head" { h1 { (t.prove) } }
            (form::summary(shell, &view.general, &[]))
            section class="panel" { p class="lead" { (t.prove_hint) } (self::form(view, shell)) }
        },
    )
}

/// The form: POST `/prove` with `password` and `back`.
pub(super) fn form(view: &ProveView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let password = Field::new("password", t.prove_field, Kind::Password, "")
        .required()
        .autocomplete("current-password")
        .check(&view.errors);
    let body = html! {
        input type="hidden" name="back" value=(view.back);
        (form::field(shell, &password))
        div class="form-actions" { button class="button primary" type="submit" { (t.prove_button) } }
    };
    form::post(shell, "/prove", "form", &body)
}
