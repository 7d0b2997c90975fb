//! Roles: what each gives, the matrix of roles and permissions, and a change of one with what it would mean for whom.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeSet};

/// The page of all roles, as the operation `auth.role.matrix` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RolesView {
    /// Roles by name.
    pub roles: Vec<Role>,
    /// Every permission there is.
    pub permissions: Vec<String>,
    /// Names of bundles of permissions.
    pub bundles: Vec<String>,
    /// Whether the person may change a role.
    pub may_change: bool,
    /// The role that is being changed.
    pub editing: Option<Editing>,
}

/// One role.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Role {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub scope: String,
    pub purposes: Vec<String>,
    pub bundles: Vec<String>,
    pub holders: u64,
    pub permissions: BTreeSet<String>,
}

/// A role that is being changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Editing {
    /// As it would be.
    pub role: Role,
    /// What that would change.
    pub preview: Option<Preview>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
}

/// What a change would mean, as the operation `auth.role.preview` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Preview {
    pub gains: Vec<String>,
    pub loses: Vec<String>,
    pub scope: Turn<String>,
    pub purposes: Turn<Vec<String>>,
    pub holders: Vec<Holder>,
    pub holders_total: u64,
}

/// Before and after.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Turn<T> {
    pub before: T,
    pub after: T,
}

/// One holder, and what the change means for them besides their other roles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Holder {
    pub user_id: String,
    pub name: Option<String>,
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

/// The page. Form: POST `/roles/{id}` with `bundle.NAME`, `scope`, `purpose.CODE` and `apply`.
#[must_use]
pub fn render(view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let head = match &view.editing {
        None => Head::new(t.roles),
        Some(_) => Head::new(t.edit_role.replace(" {name}", "")).under(t.roles, "/roles"),
    };
    layout::page(
        shell,
        &head,
        &html! {
            @if let Some(editing) = &view.editing {
                header class="page-head" { div { h1 { (fill(t.edit_role, &[("name", &editing.role.name)])) } } }
                @if let Some(preview) = &editing.preview { (parts::card("preview", t.would, &html! {}, &would(preview, shell))) }
                (edit(editing, view, shell))
            } @else {
                header class="page-head" { div { h1 { (t.roles) } p class="lead" { (t.roles_lead) } } }
                (parts::card("roles", t.roles, &html! {}, &list(view, shell)))
                (parts::card("matrix", t.matrix, &html! {}, &parts::scroll(t.matrix, &matrix(view, shell))))
            }
        },
    )
}

fn purposes(codes: &[String], shell: &Shell) -> Markup {
    html! {
        @if codes.is_empty() { (shell.t().access.any_purpose) } @else {
            span class="chips" { @for code in codes { span class="chip" { (codes::label(shell.locale, code)) } } }
        }
    }
}

/// A bundle of permissions in words.
fn bundle(name: &str, shell: &Shell) -> Cow<'static, str> {
    codes::label(shell.locale, &format!("bundle_{name}"))
}

fn list(view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.role, t.scope, t.purpose, t.gives, t.holders]))
            tbody {
                @for role in &view.roles {
                    tr {
                        th scope="row" {
                            @if view.may_change { a href={ "/roles/" (role.id) } { (role.name) } } @else { (role.name) }
                            @if let Some(text) = &role.description { span class="sub" { (text) } }
                        }
                        td data-label=(t.scope) { (codes::label(shell.locale, &format!("reach_{}", role.scope))) }
                        td data-label=(t.purpose) { (purposes(&role.purposes, shell)) }
                        td data-label=(t.gives) {
                            span class="chips" {
                                @for name in &role.bundles { span class="chip" title=(name) { (bundle(name, shell)) } }
                            }
                        }
                        td data-label=(t.holders) class="num" { (format::count(shell.locale, role.holders)) }
                    }
                }
            }
        }
    }
}

fn matrix(view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    html! {
        table class="grid plain" {
            thead {
                tr { th scope="col" { (t.permission) } @for role in &view.roles { th scope="col" { (role.name) } } }
            }
            tbody {
                @for permission in &view.permissions {
                    tr {
                        th scope="row" { code { (permission) } }
                        @for role in &view.roles {
                            td { @if role.permissions.contains(permission) {
                                span aria-hidden="true" { "✓" } span class="unseen" { (t.holds) }
                            } @else { span aria-hidden="true" class="muted" { "·" } } }
                        }
                    }
                }
            }
        }
    }
}

fn edit(editing: &Editing, view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let role = &editing.role;
    let mut scope = Field::new("scope", t.scope, Kind::Choice, &role.scope).required().check(&editing.errors);
    let scopes = ["own", "ward", "caseload", "school", "tenant"];
    let label = |s: &&str| ((*s).to_owned(), codes::label(shell.locale, &format!("reach_{s}")).into_owned());
    scope.choices = scopes.iter().map(label).collect();
    let tick = |name: String, label: &str, on: bool| {
        form::field(shell, &Field::new(&name, label, Kind::Flag, if on { "true" } else { "" }))
    };
    let body = html! {
        (form::summary(shell, &editing.general, &[&scope]))
        (form::field(shell, &scope))
        fieldset class="ticks" {
            legend { (t.purpose) }
            @for code in super::why::PURPOSES {
                (tick(format!("purpose.{code}"), &codes::label(shell.locale, code), role.purposes.iter().any(|p| p == code)))
            }
        }
        fieldset class="ticks" {
            legend { (t.gives) }
            @for name in &view.bundles {
                (tick(format!("bundle.{name}"), &bundle(name, shell), role.bundles.contains(name)))
            }
        }
        div class="form-actions" {
            button class="button" type="submit" name="do" value="preview" { (t.preview) }
            @if editing.preview.is_some() { button class="button primary" type="submit" name="do" value="apply" { (t.apply) } }
        }
    };
    form::post(shell, &format!("/roles/{}", role.id), "form card", &body)
}

fn would(preview: &Preview, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let same = preview.scope.before == preview.scope.after && preview.purposes.before == preview.purposes.after;
    let chips = |names: &[String]| html! { @if names.is_empty() { "–" } @else { span class="chips" { @for n in names { code class="chip" { (n) } } } } };
    let reach = |s: &str| codes::label(shell.locale, &format!("reach_{s}"));
    html! {
        @if same && preview.gains.is_empty() && preview.loses.is_empty() { p { (t.nothing_changes) } } @else {
            (parts::facts(&[
                (t.gains, chips(&preview.gains)),
                (t.loses, chips(&preview.loses)),
                (t.scope, html! { (reach(&preview.scope.before)) " → " (reach(&preview.scope.after)) }),
                (t.purpose, html! { div class="line" { (purposes(&preview.purposes.before, shell)) " → " (purposes(&preview.purposes.after, shell)) } }),
            ]))
        }
        @if preview.holders.is_empty() { p class="hint" { (t.nobody_holds) } } @else {
            table class="grid plain stack" {
                (parts::heads(&[t.holders, t.gains, t.loses]))
                tbody {
                    @for h in &preview.holders {
                        tr {
                            th scope="row" { (h.name.as_deref().unwrap_or(&h.user_id)) }
                            td data-label=(t.gains) { (chips(&h.gains)) }
                            td data-label=(t.loses) { (chips(&h.loses)) }
                        }
                    }
                }
            }
        }
    }
}
