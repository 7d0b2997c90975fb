//! Identity providers as an administrator adds and changes them. Signing in by one is in [`super::provider`].

use super::{
    frame::{Form, Shown, Visit, by_id, filled, html, messages},
    provider::redirect,
};
use crate::pages::providers::{self, Provider, ProvidersView};
use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::{Call, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FIELDS: &str = "name,issuer,client_id,links_by_email,is_active,row_version";

/// GET `/identity-providers`.
pub async fn show(visit: Visit, headers: HeaderMap) -> Shown {
    page(&visit, &headers, ProvidersView::default()).await
}

async fn page(visit: &Visit, headers: &HeaderMap, view: ProvidersView) -> Shown {
    let wrong = !view.errors.is_empty() || !view.general.is_empty();
    let query = [("limit", "200"), ("fields", FIELDS)];
    let found = visit.page("auth.identity_provider.list", &query).await.map_err(|e| visit.error(e))?;
    let view = ProvidersView {
        rows: found.rows.iter().map(provider).collect(),
        may_change: visit.ctx.may("auth.identity_provider.write"),
        redirect: redirect(&visit.app, headers),
        ..view
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, html(&providers::render(&view, &visit.shell))).into_response())
}

fn provider(r: &Record) -> Provider {
    let of = |name: &str| r.text(name).to_owned();
    let flag = |name: &str| r.get(name).and_then(Value::as_bool).unwrap_or(false);
    let version = r.get("row_version").and_then(Value::as_i64).and_then(|v| i32::try_from(v).ok());
    Provider {
        id: of("id"),
        row_version: version.unwrap_or_default(),
        name: of("name"),
        issuer: of("issuer"),
        client_id: of("client_id"),
        links_by_email: flag("links_by_email"),
        is_active: flag("is_active"),
    }
}

fn entered(id: &str, fields: &BTreeMap<String, String>) -> Provider {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    Provider {
        id: id.to_owned(),
        row_version: get("row_version").parse().unwrap_or_default(),
        name: get("name"),
        issuer: get("issuer"),
        client_id: get("client_id"),
        links_by_email: get("links_by_email") == "true",
        is_active: get("is_active") == "true",
    }
}

fn body(p: &Provider) -> Value {
    json!({"name": p.name, "issuer": p.issuer, "client_id": p.client_id, "links_by_email": p.links_by_email})
}

/// GET `/identity-providers/{id}`.
pub async fn edit(Path(id): Path<String>, visit: Visit, headers: HeaderMap) -> Shown {
    visit.must("auth.identity_provider.write")?;
    let form = provider(&visit.row("auth.identity_provider.get", &id, FIELDS).await.map_err(|e| visit.error(e))?);
    page(&visit, &headers, ProvidersView { form, ..ProvidersView::default() }).await
}

/// POST `/identity-providers`.
pub async fn create(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let form = entered("", &fields);
    let made = visit.try_call("auth.identity_provider.create", Call { body: body(&form), ..Call::default() }).await;
    settled(&visit, &headers, form, made.map(|_| ())).await
}

/// POST `/identity-providers/{id}`.
pub async fn change(Path(id): Path<String>, headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let form = entered(&id, &fields);
    let mut body = body(&form);
    body["is_active"] = json!(form.is_active);
    let call = Call { body, if_match: Some(form.row_version), ..by_id(&id) };
    let done = visit.try_call("auth.identity_provider.change", call).await;
    settled(&visit, &headers, form, done.map(|_| ())).await
}

async fn settled(visit: &Visit, headers: &HeaderMap, form: Provider, done: Result<(), Error>) -> Shown {
    match done {
        Ok(()) => {
            let done = visit.shell.t().connections.saved.to_owned();
            page(visit, headers, ProvidersView { done, ..ProvidersView::default() }).await
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::Stale)) => {
            let (errors, general) = messages(visit.shell.locale, &e);
            page(visit, headers, ProvidersView { form, errors, general, ..ProvidersView::default() }).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/identity-providers/{id}/secret`.
pub async fn secret(Path(id): Path<String>, headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let secret = filled(&fields, "client_secret");
    let call = Call { body: json!({"client_secret": secret}), ..by_id(&id) };
    visit.call("auth.identity_provider.set_secret", call).await?;
    let Ok(row) = visit.row("auth.identity_provider.get", &id, FIELDS).await else {
        return Ok(Redirect::to("/identity-providers").into_response());
    };
    let done = visit.shell.t().connections.secret_set.to_owned();
    page(&visit, &headers, ProvidersView { form: provider(&row), done, ..ProvidersView::default() }).await
}
