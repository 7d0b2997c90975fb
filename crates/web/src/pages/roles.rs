//! Roles: what each gives, the matrix of roles and permissions, and a change of one with what it would mean for whom.

use super::{
    Shell,
    bundles::{self, Bundle},
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
    /// The bundles themselves.
    pub contents: Vec<Bundle>,
    /// A bundle that is being made.
    pub new_bundle: bundles::Making,
    /// Whether the person may change a role.
    pub may_change: bool,
    /// The role that is being changed.
    pub editing: Option<Editing>,
    /// A role that is being made.
    pub making: Making,
}

/// A role that is being made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Making {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The role it gives the same as; empty: nothing yet.
    pub like: String,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
}

/// Columns of one table that a role is not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Mask {
    pub table: String,
    pub purpose: Option<String>,
    pub columns: Vec<String>,
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
    pub masks: Vec<Mask>,
    pub built_in: bool,
    pub retired: bool,
    pub holders: u64,
    pub permissions: BTreeSet<String>,
}

/// A role that is being changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Editing {
    /// As it would be.
    pub role: Role,
    /// What it is not answered, as it was typed: a line a table.
    pub masks: String,
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
    pub consequences: Vec<Consequence>,
    pub holders: Vec<Holder>,
    pub holders_total: u64,
}

/// What follows from a change: a code, and what it is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Consequence {
    pub code: String,
    pub items: Vec<String>,
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

impl Mask {
    /// A mask as a line of a form: `medical.patients (TREAT): mrn, birth_date`.
    #[must_use]
    pub fn line(&self) -> String {
        let when = self.purpose.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
        format!("{}{when}: {}", self.table, self.columns.join(", "))
    }

    /// The mask that a line says; nothing for a line of another form.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let (head, columns) = line.split_once(':')?;
        let (table, purpose) = match head.trim().strip_suffix(')') {
            None => (head, None),
            Some(head) => head.split_once('(').map(|(table, code)| (table, Some(code.trim().to_owned())))?,
        };
        let columns = columns.split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect();
        Some(Self { table: table.trim().to_owned(), purpose, columns })
    }
}

/// The page. Forms: POST `/roles` with `name`, `description` and `like`; those of bundles are in [`bundles`]; POST `/roles/{id}` with `bundle.NAME`, `scope`,
/// `purpose.CODE`, `masks`, `retired` and `do`.
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
                @if view.may_change { (parts::card("new-role", t.new_role, &html! {}, &make(view, shell))) }
                (parts::card("bundles", t.bundles, &html! {}, &bundles::list(view, shell)))
                @if view.may_change { (parts::card("new-bundle", t.new_bundle, &html! {}, &bundles::make(&view.new_bundle, shell))) }
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

/// A bundle of permissions in words; a single permission is its name.
pub(super) fn bundle<'a>(name: &'a str, shell: &Shell) -> Cow<'a, str> {
    if name.contains('.') { Cow::Borrowed(name) } else { codes::label(shell.locale, &format!("bundle_{name}")) }
}

/// The form for a new role.
fn make(view: &RolesView, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let m = &view.making;
    let name = Field::new("name", t.role_name, Kind::Text, &m.name).required().hint(t.role_name_hint).check(&m.errors);
    let description = Field::new("description", t.role_for, Kind::Text, &m.description).check(&m.errors);
    let mut like = Field::new("like", t.like, Kind::Choice, &m.like).hint(t.like_hint).check(&m.errors);
    like.choices = view.roles.iter().map(|role| (role.id.clone(), role.name.clone())).collect();
    let body = html! {
        (form::summary(shell, &m.general, &[&name, &description, &like]))
        (form::field(shell, &name))
        (form::field(shell, &description))
        (form::field(shell, &like))
        div class="form-actions" { button class="button primary" type="submit" { (t.make_role) } }
    };
    form::post(shell, "/roles", "form", &body)
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
                            @if role.retired { " " (parts::badge(shell, parts::Tone::Info, t.retired)) }
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
    let roles: Vec<&Role> = view.roles.iter().filter(|role| !role.retired).collect();
    html! {
        table class="grid plain" {
            thead {
                tr { th scope="col" { (t.permission) } @for role in &roles { th scope="col" { (role.name) } } }
            }
            tbody {
                @for permission in &view.permissions {
                    tr {
                        th scope="row" { code { (permission) } }
                        @for role in &roles {
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
    let masks = Field::new("masks", t.masks, Kind::Long, &editing.masks).hint(t.masks_hint).check(&editing.errors);
    let on = if role.retired { "true" } else { "" };
    let retired = Field::new("retired", t.retire, Kind::Flag, on).hint(t.retire_hint).check(&editing.errors);
    let singles = view.permissions.iter().filter(|p| !view.bundles.contains(p));
    let (named, bundled): (Vec<&String>, Vec<&String>) = view.bundles.iter().partition(|name| name.contains('.'));
    let mut alone: Vec<&String> = named.into_iter().chain(singles).collect();
    alone.sort_unstable();
    let gives = |name: &String| tick(format!("bundle.{name}"), &bundle(name, shell), role.bundles.contains(name));
    let body = html! {
        (form::summary(shell, &editing.general, &[&scope, &masks, &retired]))
        @if role.built_in { p class="hint" { (t.built_in) } }
        (form::field(shell, &scope))
        fieldset class="ticks" {
            legend { (t.purpose) }
            @for code in super::why::PURPOSES {
                (tick(format!("purpose.{code}"), &codes::label(shell.locale, code), role.purposes.iter().any(|p| p == code)))
            }
        }
        fieldset class="ticks" {
            legend { (t.gives) }
            @for name in bundled { (gives(name)) }
        }
        details open[alone.iter().any(|name| role.bundles.contains(name))] {
            summary { (t.single) }
            fieldset class="ticks" {
                legend { (t.permission) }
                @for name in alone { (gives(name)) }
            }
        }
        (form::field(shell, &masks))
        @if !role.built_in { (form::field(shell, &retired)) }
        div class="form-actions" {
            button class="button" type="submit" name="do" value="preview" { (t.preview) }
            @if editing.preview.is_some() { button class="button primary" type="submit" name="do" value="apply" { (t.apply) } }
        }
    };
    form::post(shell, &format!("/roles/{}", role.id), "form card", &body)
}

/// One consequence in words.
fn follows(c: &Consequence, shell: &Shell) -> String {
    let t = &shell.t().access;
    let reach = |s: Option<&String>| codes::label(shell.locale, &format!("reach_{}", s.map_or("", String::as_str)));
    let first = c.items.first().map_or("", String::as_str);
    let listed = || c.items.join(", ");
    let purposes = || c.items.iter().map(|code| codes::label(shell.locale, code)).collect::<Vec<_>>().join(", ");
    match c.code.as_str() {
        "retired" => fill(t.then_retired, &[("n", first)]),
        "revived" => t.then_revived.to_owned(),
        "reach" => fill(t.then_reach, &[("before", &reach(c.items.first())), ("after", &reach(c.items.get(1)))]),
        "purposes_lost" => fill(t.then_purposes_lost, &[("list", &purposes())]),
        "purposes_only" => fill(t.then_purposes_only, &[("list", &purposes())]),
        "fields_shown" => fill(t.then_fields_shown, &[("list", &listed())]),
        "fields_left_out" => fill(t.then_fields_left_out, &[("list", &listed())]),
        "originals_refused" => t.then_originals_refused.to_owned(),
        "second_factor" => fill(t.then_second_factor, &[("n", first)]),
        "left_with_nothing" => fill(t.then_nothing, &[("n", first)]),
        "own" => t.then_own.to_owned(),
        "own_by" => fill(t.then_own_by, &[("list", &listed())]),
        "first_only" => {
            let all = c.items.get(1).map_or("", String::as_str);
            fill(t.then_first_only, &[("n", first), ("all", all)])
        }
        other => codes::label(shell.locale, other).into_owned(),
    }
}

fn would(preview: &Preview, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let same = preview.scope.before == preview.scope.after
        && preview.purposes.before == preview.purposes.after
        && preview.consequences.iter().all(|c| matches!(c.code.as_str(), "own" | "first_only"));
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
        (consequences(&preview.consequences, shell))
        @if preview.holders.is_empty() { p class="hint" { (t.nobody_holds) } } @else { (holders(&preview.holders, shell)) }
    }
}

/// Names of permissions or operations.
pub(super) fn chips(names: &[String]) -> Markup {
    html! { @if names.is_empty() { "–" } @else { span class="chips" { @for n in names { code class="chip" { (n) } } } } }
}

/// What follows from a change.
pub(super) fn consequences(all: &[Consequence], shell: &Shell) -> Markup {
    html! {
        @if !all.is_empty() {
            div class="card-body" { ul class="plain-list" id="consequences" { @for c in all { li { (follows(c, shell)) } } } }
        }
    }
}

/// What a change means for each holder.
pub(super) fn holders(all: &[Holder], shell: &Shell) -> Markup {
    let t = &shell.t().access;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.holders, t.gains, t.loses]))
            tbody {
                @for h in all {
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

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn a_mask_is_a_line_and_a_line_a_mask() {
        let all = Mask { table: "a.b".into(), purpose: None, columns: vec!["x".into(), "y".into()] };
        let treating = Mask { purpose: Some("TREAT".into()), ..all.clone() };
        for (mask, line) in [(&all, "a.b: x, y"), (&treating, "a.b (TREAT): x, y")] {
            assert_eq!((mask.line().as_str(), Mask::of_line(line).as_ref()), (line, Some(mask)));
        }
        assert_eq!(Mask::of_line(" a.b:x ,y,").as_ref(), Some(&all));
        for wrong in ["a.b", "a.b TREAT): x", ""] {
            assert_eq!(Mask::of_line(wrong), None, "{wrong}");
        }
    }
}
