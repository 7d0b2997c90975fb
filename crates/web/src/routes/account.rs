//! A person's own sessions and API keys.

use super::frame::{Form, Shown, Visit, html, messages, words};
use crate::pages::{
    account::{self, AccountView, Session, Token, TokenForm},
    form::FieldMessage,
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Permissions, Purpose, Result};
use salus_domains::auth;
use std::collections::BTreeMap;

/// GET `/account`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, AccountView::default()).await
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
            purposes: k.purposes,
            created_at: k.created_at,
            last_used_at: k.last_used_at,
            expires_at: k.expires_at,
            revoked_at: k.revoked_at,
        })
        .collect();
    Ok(html(&account::render(&AccountView { sessions, tokens, may_create: true, ..view }, &visit.shell)))
}

/// What a form for a new key says.
pub(super) fn key_form(fields: &BTreeMap<String, String>) -> TokenForm {
    let text = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let ticked = fields.iter().filter(|(_, value)| *value == "true");
    TokenForm {
        name: text("name"),
        scopes: text("scopes"),
        expires_on: text("expires_on"),
        networks: text("networks"),
        purposes: ticked.filter_map(|(name, _)| name.strip_prefix("purpose.").map(str::to_owned)).collect(),
    }
}

/// Words that stand in lines or between commas.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n', '\r']).filter(|s| !s.is_empty())
}

/// What is wrong with a form for a new key, by its fields.
pub(super) fn key_errors(visit: &Visit, e: &Error) -> Vec<FieldMessage> {
    let (mut errors, general) = messages(visit.shell.locale, e);
    if !general.is_empty() {
        errors.push(FieldMessage { field: "name".into(), message: general });
    }
    for error in errors.iter_mut().filter(|e| e.field == "days") {
        error.field = "expires_on".into();
    }
    errors
}

/// POST `/account/tokens`.
pub async fn create_token(Form { visit, fields }: Form) -> Shown {
    let form = key_form(&fields);
    let view = match make(&visit, &form).await {
        Ok(key) => AccountView { created: Some(key.text), ..AccountView::default() },
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            AccountView { errors: key_errors(&visit, &e), form, ..AccountView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    page(&visit, view).await
}

async fn make(visit: &Visit, form: &TokenForm) -> Result<auth::ApiKey> {
    let new = auth::NewApiKey {
        name: &form.name,
        scopes: Permissions::new(parts(&form.scopes)),
        days: days(visit, &form.expires_on)?,
        networks: parts(&form.networks).map(str::to_owned).collect(),
        purposes: form.purposes.iter().map(|code| Purpose::parse("purposes", code)).collect::<Result<_>>()?,
    };
    auth::create_api_key(&visit.app.db, &visit.ctx, visit.ctx.actor.id, &new).await
}

/// Days from today to the given date; 90 when none is given.
pub(super) fn days(visit: &Visit, until: &str) -> Result<i64> {
    if until.is_empty() {
        return Ok(90);
    }
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let date = time::Date::parse(until, form)
        .map_err(|_| Error::invalid("expires_on", "wrong_type", "Is a date such as 2027-01-31"))?;
    Ok((date - visit.app.db.env().now().date()).whole_days())
}

/// POST `/account/tokens/{id}/replace`: another key of that name, for 90 days; both work until the old one is ended.
pub async fn replace_token(Path(id): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    let view = match auth::rotate_api_key(&visit.app.db, &visit.ctx, id, 90).await {
        Ok(key) => AccountView { created: Some(key.text), ..AccountView::default() },
        Err(e @ Error::Conflict { .. }) => {
            AccountView { refused: words(visit.shell.locale, &e), ..AccountView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    page(&visit, view).await
}

/// POST `/account/tokens/{id}/revoke`.
pub async fn revoke_token(Path(id): Path<String>, form: Form) -> Shown {
    revoke(&form.visit, auth::Own::Key, &id).await
}

/// POST `/account/sessions/{id}/revoke`.
pub async fn revoke_session(Path(id): Path<String>, form: Form) -> Shown {
    revoke(&form.visit, auth::Own::Session, &id).await
}

async fn revoke(visit: &Visit, what: auth::Own, id: &str) -> Shown {
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    auth::revoke_own(&visit.app.db, &visit.ctx, what, id).await.map_err(|e| visit.error(e))?;
    visit.app.callers.forget();
    Ok(Redirect::to("/account").into_response())
}
