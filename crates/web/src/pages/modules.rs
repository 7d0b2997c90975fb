//! The modules an organization works with.

use super::{
    Shell,
    form::{self, Field, Kind},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModulesView {
    /// Every module.
    pub modules: Vec<Module>,
    /// Whether the person may choose.
    pub may_choose: bool,
    /// Whether they just did.
    pub changed: bool,
}

/// One module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Module {
    pub name: String,
    pub chosen: bool,
    /// What belongs to it: the first words of permissions.
    pub domains: Vec<String>,
}

/// The page. Form: POST `/modules` with `module.NAME`.
#[must_use]
pub fn render(view: &ModulesView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    layout::page(
        shell,
        &Head::new(t.modules),
        &html! {
            header class="page-head" { div { h1 { (t.modules) } p class="lead" { (t.modules_lead) } } }
            @if view.changed { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (t.modules_changed) } }
            (parts::card("modules", t.modules, &html! {}, &if view.may_choose { choice(view, shell) } else { list(view, shell) }))
        },
    )
}

fn label(module: &Module, shell: &Shell) -> String {
    codes::label(shell.locale, &format!("module_{}", module.name)).into_owned()
}

fn choice(view: &ModulesView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let body = html! {
        fieldset class="ticks" {
            legend { (t.modules) }
            @for m in &view.modules {
                (form::field(shell, &Field::new(&format!("module.{}", m.name), &label(m, shell), Kind::Flag, if m.chosen { "true" } else { "" })
                    .hint(&m.domains.join(", "))))
            }
        }
        p class="hint" { (t.modules_always) }
        div class="form-actions" { button class="button primary" type="submit" { (shell.t().ui.save) } }
    };
    form::post(shell, "/modules", "form", &body)
}

fn list(view: &ModulesView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let rows: Vec<(String, Markup)> = view
        .modules
        .iter()
        .map(|m| {
            let (tone, words) = if m.chosen { (Tone::Good, t.chosen) } else { (Tone::Neutral, t.not_chosen) };
            (label(m, shell), parts::badge(shell, tone, words))
        })
        .collect();
    let rows: Vec<(&str, Markup)> = rows.iter().map(|(l, m)| (l.as_str(), m.clone())).collect();
    parts::facts(&rows)
}
