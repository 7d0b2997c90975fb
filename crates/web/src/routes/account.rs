//! A person's own sessions and API keys.

use super::frame::{Form, Shown, Visit, html, messages, words};
use crate::pages::account::{self, AccountView, Session, Token, TokenForm};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Permissions, Purpose, Result};
use salus_domains::auth;

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

/// POST `/account/tokens`.
pub async fn create_token(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let ticked = fields.iter().filter(|(_, value)| *value == "true");
    let purposes: Vec<String> =
        ticked.filter_map(|(name, _)| name.strip_prefix("purpose.").map(str::to_owned)).collect();
    let form = TokenForm {
        name: get("name"),
        scopes: get("scopes"),
        expires_on: get("expires_on"),
        networks: get("networks"),
        purposes: purposes.clone(),
    };
    let made = match days(&visit, &form.expires_on) {
        Err(e) => Err(e),
        Ok(days) => {
            let scopes = Permissions::new(form.scopes.split([',', ' ', '\n', '\r']).filter(|s| !s.is_empty()));
            let networks = form.networks.split([',', ' ', '\n', '\r']).filter(|s| !s.is_empty()).map(str::to_owned);
            let networks = networks.collect();
            match purposes.iter().map(|code| Purpose::parse("purposes", code)).collect() {
                Err(e) => Err(e),
                Ok(purposes) => {
                    let new = auth::NewApiKey { name: &form.name, scopes, days, networks, purposes };
                    auth::create_api_key(&visit.app.db, &visit.ctx, visit.ctx.actor.id, &new).await
                }
            }
        }
    };
    let view = match made {
        Ok(key) => AccountView { created: Some(key.text), ..AccountView::default() },
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let (mut errors, general) = messages(visit.shell.locale, &e);
            if !general.is_empty() {
                errors.push(crate::pages::form::FieldMessage { field: "name".into(), message: general });
            }
            for error in errors.iter_mut().filter(|e| e.field == "days") {
                error.field = "expires_on".into();
            }
            AccountView { form, errors, ..AccountView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    page(&visit, view).await
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
