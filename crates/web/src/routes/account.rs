//! A person's own sessions and API keys.

use super::frame::{Shown, Visit, html, messages};
use crate::{
    app::App,
    pages::account::{self, AccountView, Session, Token, TokenForm},
};
use axum::{
    body::Body as HttpBody,
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::{Error, Permissions, Result};
use salus_domains::auth;
use std::sync::Arc;

/// GET `/account`.
pub async fn show(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    match Visit::of(&app, &headers, &uri).await {
        Err(response) => response,
        Ok(visit) => page(&visit, AccountView::default()).await.unwrap_or_else(IntoResponse::into_response),
    }
}

async fn page(visit: &Visit, view: AccountView) -> Shown {
    let own = auth::own_access(&visit.app.db, &visit.ctx).await.map_err(|e| visit.error(e))?;
    let sessions = own
        .sessions
        .into_iter()
        .map(|s| Session {
            current: visit.ctx.actor.session.is_some_and(|id| id.to_string() == s.id),
            id: s.id,
            device: s.agent,
            address: s.ip,
            started_at: s.created_at,
            last_seen_at: s.last_seen_at,
        })
        .collect();
    let tokens = own
        .keys
        .into_iter()
        .map(|k| Token {
            id: k.id,
            name: k.name,
            prefix: k.prefix,
            scopes: k.scopes,
            created_at: k.created_at,
            last_used_at: k.last_used_at,
            expires_at: k.expires_at,
            revoked_at: k.revoked_at,
        })
        .collect();
    Ok(html(&account::render(&AccountView { sessions, tokens, may_create: true, ..view }, &visit.shell)))
}

/// POST `/account/tokens`.
pub async fn create_token(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, body: HttpBody) -> Response {
    let visit = match Visit::of(&app, &headers, &uri).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let fields = match visit.form(&headers, body).await {
        Ok(fields) => fields,
        Err(e) => return e.into_response(),
    };
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let form = TokenForm { name: get("name"), scopes: get("scopes"), expires_on: get("expires_on") };
    let made = match days(&visit, &form.expires_on) {
        Err(e) => Err(e),
        Ok(days) => {
            let scopes = Permissions::new(form.scopes.split([',', ' ', '\n', '\r']).filter(|s| !s.is_empty()));
            let new = auth::NewApiKey { name: &form.name, scopes, days };
            auth::create_api_key(&app.db, &visit.ctx, visit.ctx.actor.id, &new).await
        }
    };
    let view = match made {
        Ok(key) => AccountView { created: Some(key.text), ..AccountView::default() },
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let (mut errors, general) = messages(&e);
            if !general.is_empty() {
                errors.push(crate::pages::form::FieldMessage { field: "name".into(), message: general });
            }
            for error in errors.iter_mut().filter(|e| e.field == "days") {
                error.field = "expires_on".into();
            }
            AccountView { form, errors, ..AccountView::default() }
        }
        Err(e) => return visit.error(e).into_response(),
    };
    page(&visit, view).await.unwrap_or_else(IntoResponse::into_response)
}

/// Days from today to the given date; 90 when none is given.
fn days(visit: &Visit, until: &str) -> Result<i64> {
    if until.is_empty() {
        return Ok(90);
    }
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let date = time::Date::parse(until, form)
        .map_err(|_| Error::invalid("expires_on", "wrong_type", "Is a date such as 2027-01-31"))?;
    Ok((date - visit.app.db.env().now().date()).whole_days())
}

/// POST `/account/tokens/{id}/revoke`.
pub async fn revoke_token(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: HttpBody,
) -> Response {
    match Visit::of(&app, &headers, &uri).await {
        Ok(visit) => revoke(&visit, &headers, body, (auth::Own::Key, &id)).await,
        Err(response) => response,
    }
}

/// POST `/account/sessions/{id}/revoke`.
pub async fn revoke_session(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: HttpBody,
) -> Response {
    match Visit::of(&app, &headers, &uri).await {
        Ok(visit) => revoke(&visit, &headers, body, (auth::Own::Session, &id)).await,
        Err(response) => response,
    }
}

async fn revoke(visit: &Visit, headers: &HeaderMap, body: HttpBody, (what, id): (auth::Own, &str)) -> Response {
    let app = &visit.app;
    if let Err(e) = visit.form(headers, body).await {
        return e.into_response();
    }
    let Ok(id) = id.parse() else { return visit.error(Error::NotFound).into_response() };
    match auth::revoke_own(&app.db, &visit.ctx, what, id).await {
        Ok(()) => {
            app.callers.forget();
            Redirect::to("/account").into_response()
        }
        Err(e) => visit.error(e).into_response(),
    }
}
