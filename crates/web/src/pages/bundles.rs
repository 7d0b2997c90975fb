//! Bundles of permissions: what each grants and which roles give it, and a change of one with what it would mean for whom.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill, format},
    layout::{self, Head},
    parts,
    roles::{Consequence, Holder, RolesView, bundle, chips, consequences, holders},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// One bundle.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Bundle {
    pub id: String,
    pub name: String,
    pub patterns: Vec<String>,
}

/// A bundle that is being made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Making {
    /// Its name.
    pub name: String,
    /// What it grants, as it was typed: a line a permission.
    pub patterns: String,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
}

/// The page of one bundle.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BundleView {
    /// As it is.
    pub bundle: Bundle,
    /// As it would be: a line a permission.
    pub patterns: String,
    /// Roles that give it.
    pub given_by: Vec<String>,
    /// Every permission there is.
    pub permissions: Vec<String>,
    /// What the change would mean.
    pub preview: Option<Preview>,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
}

/// What a change would mean, as the operation `auth.permission.preview` answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Preview {
    pub gains: Vec<String>,
    pub loses: Vec<String>,
    pub operations: Operations,
    pub roles: Vec<Giving>,
    pub consequences: Vec<Consequence>,
    pub holders: Vec<Holder>,
    pub holders_total: u64,
}

/// Operations that come and go.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Operations {
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

/// One role that gives the bundle, and what the change means for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Giving {
    pub name: String,
    pub scope: String,
    pub retired: bool,
    pub holders: u64,
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

/// The lines of a form as patterns.
#[must_use]
pub fn patterns_of(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The bundles on the page of roles; a single permission is given by itself and is none.
pub(super) fn list(view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    html! {
        p class="hint" { (t.bundles_lead) }
        table class="grid plain stack" {
            (parts::heads(&[t.bundle, t.grants, t.given_by]))
            tbody {
                @for one in view.contents.iter().filter(|one| !one.name.contains('.')) {
                    tr {
                        th scope="row" {
                            @let words = bundle(&one.name, shell);
                            @if view.may_change { a href={ "/roles/bundles/" (one.id) } { (words) } } @else { (words) }
                            @if words != one.name { span class="sub" { code { (one.name) } } }
                        }
                        td data-label=(t.grants) { (chips(&one.patterns)) }
                        td data-label=(t.given_by) { (chips(&given_by(view, &one.name))) }
                    }
                }
            }
        }
    }
}

/// Roles that give a bundle.
#[must_use]
pub fn given_by(view: &RolesView, name: &str) -> Vec<String> {
    let giving = view.roles.iter().filter(|role| !role.retired && role.bundles.iter().any(|b| b == name));
    giving.map(|role| role.name.clone()).collect()
}

/// The form for a new bundle: POST `/roles/bundles` with `bundle_name` and `patterns`.
pub(super) fn make(making: &Making, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let name = Field::new("bundle_name", t.role_name, Kind::Text, &making.name)
        .required()
        .hint(t.bundle_name_hint)
        .check(&making.errors);
    let patterns = patterns_field(&making.patterns, &making.errors, shell);
    let body = html! {
        (form::summary(shell, &making.general, &[&name, &patterns]))
        (form::field(shell, &name))
        (form::field(shell, &patterns))
        div class="form-actions" { button class="button primary" type="submit" { (t.make_bundle) } }
    };
    form::post(shell, "/roles/bundles", "form", &body)
}

fn patterns_field(value: &str, errors: &[FieldMessage], shell: &Shell) -> Field {
    let t = &shell.t().access;
    Field::new("patterns", t.patterns, Kind::Long, value).required().hint(t.patterns_hint).check(errors)
}

/// The page of one bundle: POST `/roles/bundles/{id}` with `patterns` and `do`.
#[must_use]
pub fn render(view: &BundleView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let name = bundle(&view.bundle.name, shell);
    let patterns = patterns_field(&view.patterns, &view.errors, shell);
    let body = html! {
        (form::summary(shell, &view.general, &[&patterns]))
        (form::field(shell, &patterns))
        details {
            summary { (t.all_permissions) }
            (chips(&view.permissions))
        }
        div class="form-actions" {
            button class="button" type="submit" name="do" value="preview" { (t.preview) }
            @if view.preview.is_some() { button class="button primary" type="submit" name="do" value="apply" { (t.apply) } }
        }
    };
    layout::page(
        shell,
        &Head::new(t.edit_bundle.replace(" {name}", "")).under(t.roles, "/roles"),
        &html! {
            header class="page-head" { div {
                h1 { (fill(t.edit_bundle, &[("name", &name)])) }
                p class="lead" { (t.given_by) ": " (chips(&view.given_by)) }
            } }
            @if let Some(preview) = &view.preview { (parts::card("preview", t.would, &html! {}, &would(preview, shell))) }
            (form::post(shell, &format!("/roles/bundles/{}", view.bundle.id), "form card", &body))
        },
    )
}

fn would(preview: &Preview, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    if preview.gains.is_empty() && preview.loses.is_empty() {
        return html! { p { (t.nothing_changes) } };
    }
    html! {
        (parts::facts(&[
            (t.gains, chips(&preview.gains)),
            (t.loses, chips(&preview.loses)),
            (t.operations_gained, chips(&preview.operations.gains)),
            (t.operations_lost, chips(&preview.operations.loses)),
            (t.holders, html! { (format::count(shell.locale, preview.holders_total)) }),
        ]))
        (consequences(&preview.consequences, shell))
        @if preview.roles.is_empty() { p class="hint" { (t.no_role_gives) } } @else {
            table class="grid plain stack" {
                (parts::heads(&[t.role, t.scope, t.holders, t.gains, t.loses]))
                tbody {
                    @for role in &preview.roles {
                        tr {
                            th scope="row" {
                                (role.name)
                                @if role.retired { " " (parts::badge(shell, parts::Tone::Info, t.retired)) }
                            }
                            td data-label=(t.scope) { (codes::label(shell.locale, &format!("reach_{}", role.scope))) }
                            td data-label=(t.holders) class="num" { (format::count(shell.locale, role.holders)) }
                            td data-label=(t.gains) { (chips(&role.gains)) }
                            td data-label=(t.loses) { (chips(&role.loses)) }
                        }
                    }
                }
            }
        }
        @if !preview.holders.is_empty() { (holders(&preview.holders, shell)) }
    }
}
