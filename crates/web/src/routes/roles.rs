//! Roles: the matrix, a new role, and a change of one with its preview.

use super::{
    frame::{Form, Shown, Visit, by_id, filled, filled_in, html, messages},
    home::json_of,
};
use crate::pages::{
    bundles::{self, BundleView, given_by, patterns_of},
    form::FieldMessage,
    i18n::fill,
    layout::Flash,
    parts::Tone,
    roles::{self, Editing, Making, Mask, Role, RolesView},
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::{Body, Call};
use serde_json::json;
use std::collections::BTreeMap;

/// GET `/roles`.
pub async fn show(visit: Visit) -> Shown {
    let view = view(&visit).await?;
    Ok(html(&roles::render(&view, &visit.shell)))
}

async fn view(visit: &Visit) -> Result<RolesView, super::frame::PageError> {
    let reply = json_of(visit.call("auth.role.matrix", Call::default()).await?);
    let view: RolesView = serde_json::from_value(reply).map_err(|e| visit.error(Error::internal(e)))?;
    Ok(RolesView { may_change: visit.ctx.may("auth.role.write"), ..view })
}

fn role_of(visit: &Visit, view: &RolesView, id: &str) -> Result<Role, super::frame::PageError> {
    view.roles.iter().find(|r| r.id == id).cloned().ok_or_else(|| visit.error(Error::NotFound))
}

/// GET `/roles/{id}`.
pub async fn edit(Path(id): Path<String>, visit: Visit) -> Shown {
    visit.must("auth.role.write")?;
    let mut view = view(&visit).await?;
    let role = role_of(&visit, &view, &id)?;
    let masks = role.masks.iter().map(Mask::line).collect::<Vec<_>>().join("\n");
    view.editing = Some(Editing { role, masks, ..Editing::default() });
    Ok(html(&roles::render(&view, &visit.shell)))
}

/// POST `/roles`: makes a role, empty or like another.
pub async fn make(Form { visit, fields }: Form) -> Shown {
    let named = filled_in(&fields, &["name", "description"]);
    let made = if let Some(like) = filled(&fields, "like") {
        visit.try_call("auth.role.copy", Call { body: named, ..by_id(like) }).await
    } else {
        visit.try_call("auth.role.create", Call { body: named, ..Call::default() }).await
    };
    let error = match made {
        Ok(Body::Row(row)) => return Ok(Redirect::to(&format!("/roles/{}", row.text("id"))).into_response()),
        Ok(body) => {
            let id = super::frame::text(&json_of(body), "id");
            return Ok(Redirect::to(&format!("/roles/{id}")).into_response());
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => e,
        Err(e) => return Err(visit.error(e)),
    };
    let (errors, general) = messages(visit.shell.locale, &error);
    let typed = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let making =
        Making { name: typed("name"), description: typed("description"), like: typed("like"), errors, general };
    let view = RolesView { making, ..view(&visit).await? };
    Ok(html(&roles::render(&view, &visit.shell)))
}

/// What the lines say, or which line says nothing.
fn masks_of(visit: &Visit, text: &str) -> Result<Vec<Mask>, FieldMessage> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(at, line)| {
        Mask::of_line(line).ok_or_else(|| {
            let message = fill(visit.shell.t().access.masks_line, &[("n", &(at + 1).to_string())]);
            FieldMessage { field: "masks".into(), message }
        })
    });
    read.collect()
}

/// POST `/roles/{id}`: shows what would change, or changes it.
pub async fn change(Path(id): Path<String>, Form { mut visit, fields }: Form) -> Shown {
    let mut view = view(&visit).await?;
    let mut role = role_of(&visit, &view, &id)?;
    role.scope = fields.get("scope").cloned().unwrap_or_default();
    role.purposes = ticked(&fields, "purpose.");
    role.bundles = ticked(&fields, "bundle.");
    role.retired = !role.built_in && fields.get("retired").is_some_and(|on| on == "true");
    let typed = fields.get("masks").cloned().unwrap_or_default();
    let masks = match masks_of(&visit, &typed) {
        Ok(masks) => masks,
        Err(wrong) => {
            view.editing = Some(Editing { role, masks: typed, errors: vec![wrong], ..Editing::default() });
            return Ok(html(&roles::render(&view, &visit.shell)));
        }
    };
    let apply = fields.get("do").is_some_and(|what| what == "apply");
    let op = if apply { "auth.role.define" } else { "auth.role.preview" };
    let body = json!({"bundles": role.bundles, "scope": role.scope, "purposes": role.purposes, "masks": masks,
        "retired": role.retired});
    let told = visit.try_call(op, Call { body, ..by_id(&id) }).await;
    let mut editing = Editing { role, masks: typed, ..Editing::default() };
    match told {
        Ok(_) if apply => {
            visit.app.callers.forget();
            let text = crate::pages::i18n::fill(visit.shell.t().access.changed, &[("name", &editing.role.name)]);
            visit.shell.flash.push(Flash { tone: Tone::Good, text });
            let view = self::view(&visit).await?;
            return Ok(html(&roles::render(&view, &visit.shell)));
        }
        Ok(body) => {
            let preview = serde_json::from_value(json_of(body));
            editing.preview = Some(preview.map_err(|e| visit.error(Error::internal(e)))?);
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            (editing.errors, editing.general) = messages(visit.shell.locale, &e);
        }
        Err(e) => return Err(visit.error(e)),
    }
    view.editing = Some(editing);
    Ok(html(&roles::render(&view, &visit.shell)))
}

/// POST `/roles/bundles`: makes a bundle that no role gives yet.
pub async fn make_bundle(Form { visit, fields }: Form) -> Shown {
    let typed = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let body = json!({"name": typed("bundle_name").trim(), "patterns": patterns_of(&typed("patterns"))});
    let error = match visit.try_call("auth.permission.create", Call { body, ..Call::default() }).await {
        Ok(Body::Row(row)) => return Ok(Redirect::to(&format!("/roles/bundles/{}", row.text("id"))).into_response()),
        Ok(_) => return Err(visit.error(Error::internal("a bundle that was made is a row"))),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => e,
        Err(e) => return Err(visit.error(e)),
    };
    let (mut errors, general) = messages(visit.shell.locale, &error);
    for e in errors.iter_mut().filter(|e| e.field == "name") {
        "bundle_name".clone_into(&mut e.field);
    }
    let new_bundle = bundles::Making { name: typed("bundle_name"), patterns: typed("patterns"), errors, general };
    let view = RolesView { new_bundle, ..view(&visit).await? };
    Ok(html(&roles::render(&view, &visit.shell)))
}

/// The page of one bundle; a single permission is no bundle.
async fn bundle(visit: &Visit, id: &str) -> Result<BundleView, super::frame::PageError> {
    let view = view(visit).await?;
    let found = view.contents.iter().find(|one| one.id == id && !one.name.contains('.'));
    let bundle = found.cloned().ok_or_else(|| visit.error(Error::NotFound))?;
    let (patterns, given_by) = (bundle.patterns.join("\n"), given_by(&view, &bundle.name));
    Ok(BundleView { bundle, patterns, given_by, permissions: view.permissions, ..BundleView::default() })
}

/// GET `/roles/bundles/{id}`.
pub async fn edit_bundle(Path(id): Path<String>, visit: Visit) -> Shown {
    visit.must("auth.role.write")?;
    let view = bundle(&visit, &id).await?;
    Ok(html(&bundles::render(&view, &visit.shell)))
}

/// POST `/roles/bundles/{id}`: shows what would change, or changes it.
pub async fn change_bundle(Path(id): Path<String>, Form { mut visit, fields }: Form) -> Shown {
    let mut view = bundle(&visit, &id).await?;
    view.patterns = fields.get("patterns").cloned().unwrap_or_default();
    let apply = fields.get("do").is_some_and(|what| what == "apply");
    let op = if apply { "auth.permission.define" } else { "auth.permission.preview" };
    let body = json!({"patterns": patterns_of(&view.patterns)});
    match visit.try_call(op, Call { body, ..by_id(&id) }).await {
        Ok(_) if apply => {
            visit.app.callers.forget();
            let text = fill(visit.shell.t().access.bundle_changed, &[("name", &view.bundle.name)]);
            visit.shell.flash.push(Flash { tone: Tone::Good, text });
            let view = self::view(&visit).await?;
            return Ok(html(&roles::render(&view, &visit.shell)));
        }
        Ok(told) => view.preview = Some(visit.view(json_of(told))?),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            (view.errors, view.general) = messages(visit.shell.locale, &e);
        }
        Err(e) => return Err(visit.error(e)),
    }
    Ok(html(&bundles::render(&view, &visit.shell)))
}

/// The names behind a prefix whose box is ticked.
fn ticked(fields: &BTreeMap<String, String>, prefix: &str) -> Vec<String> {
    let on = fields.iter().filter(|(_, value)| *value == "true");
    on.filter_map(|(name, _)| name.strip_prefix(prefix).map(str::to_owned)).collect()
}
