//! Signing in and out, choosing the first password, language and theme.

use super::frame::{Form, Shown, html, read_form, set_cookie, stranger};
use crate::{
    app::{App, SESSION_COOKIE, cookie},
    http::Peer,
    pages::entry::{self, SetupView, SignInView},
    problem::Problem,
};
use axum::{
    Extension,
    body::Body as HttpBody,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::Error;
use salus_domains::auth::{self, SignIn};
use std::{collections::BTreeMap, sync::Arc};

type Params = Query<BTreeMap<String, String>>;

/// GET `/sign-in`.
pub async fn sign_in_page(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, Query(query): Params) -> Response {
    let view = SignInView {
        organization: cookie(&headers, "organization").unwrap_or_default(),
        return_to: query.get("return_to").cloned().unwrap_or_default(),
        ..SignInView::default()
    };
    html(&entry::sign_in(&view, &stranger(&app, &headers, &uri)))
}

/// POST `/sign-in`.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    uri: Uri,
    body: HttpBody,
) -> Response {
    let fields = match read_form(&headers, body).await {
        Ok(fields) => fields,
        Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
    };
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let ip = peer.0.ip().to_string();
    let (organization, email) = (field("organization").trim(), field("email").trim());
    match auth::sign_in(&app.db, organization, email, field("password"), (&ip, agent(&headers))).await {
        Ok(SignIn::NewPassword { token }) => Redirect::to(&format!("/setup/{token}")).into_response(),
        Ok(SignIn::Session(signed)) => begun(&app, &signed, organization, &local(field("return_to"))),
        Err(error) => {
            let shell = stranger(&app, &headers, &uri);
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let t = &shell.t().ui;
            let words = match &error {
                Error::Unauthenticated => t.sign_in_failed.to_owned(),
                Error::TooMany(seconds) => {
                    crate::pages::i18n::fill(t.locked, &[("n", &seconds.div_ceil(60).to_string())])
                }
                Error::Refused { detail, .. } => detail.clone(),
                other => Problem { error: Error::Unavailable(other.to_string()), request: app.db.env().id() }.detail(),
            };
            let view = SignInView {
                organization: organization.to_owned(),
                email: email.to_owned(),
                error: words,
                return_to: field("return_to").to_owned(),
                needs_code: false,
            };
            (status, html(&entry::sign_in(&view, &shell))).into_response()
        }
    }
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// A session has begun: its cookie, the organization for the next time, and on to the page.
fn begun(app: &App, signed: &auth::Signed, organization: &str, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    let seconds = (signed.expires_at - app.db.env().now()).whole_seconds();
    set_cookie(&mut response, app, SESSION_COOKIE, &signed.token, seconds);
    if organization.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        set_cookie(&mut response, app, "organization", organization, 365 * 86_400);
    }
    response
}

/// Only a path of our own is returned to.
fn local(path: &str) -> String {
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', ':', '\r', '\n']);
    if ours { path.to_owned() } else { "/".into() }
}

/// POST `/sign-out`.
pub async fn sign_out(Form { visit, .. }: Form) -> Shown {
    auth::sign_out(&visit.app.db, &visit.ctx).await.map_err(|e| visit.error(e))?;
    visit.app.callers.forget();
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&mut response, &visit.app, SESSION_COOKIE, "", 0);
    response.headers_mut().insert("clear-site-data", header::HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

/// GET `/setup/{token}`.
pub async fn setup_page(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    setup_form(&app, &token, &headers, &uri, String::new()).await
}

async fn setup_form(app: &Arc<App>, token: &str, headers: &HeaderMap, uri: &Uri, error: String) -> Response {
    let shell = stranger(app, headers, uri);
    let (status, view) = match auth::invitation(&app.db, token).await {
        Ok(found) => {
            let view = SetupView {
                token: token.to_owned(),
                name: found.name,
                email: found.email,
                organization: found.organization,
                rules: found.rules,
                error,
                expired: false,
            };
            let status = if view.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            (status, view)
        }
        Err(Error::NotFound) => (StatusCode::NOT_FOUND, SetupView { expired: true, ..SetupView::default() }),
        Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
    };
    (status, html(&entry::setup(&view, &shell))).into_response()
}

/// POST `/setup/{token}`.
pub async fn setup(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    (Path(token), uri): (Path<String>, Uri),
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let fields = match read_form(&headers, body).await {
        Ok(fields) => fields,
        Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
    };
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let shell = stranger(&app, &headers, &uri);
    if field("password") != field("again") {
        return setup_form(&app, &token, &headers, &uri, shell.t().ui.not_the_same.to_owned()).await;
    }
    let ip = peer.0.ip().to_string();
    match auth::accept_and_sign_in(&app.db, &token, field("password"), (&ip, agent(&headers))).await {
        Ok((slug, signed)) => begun(&app, &signed, &slug, "/"),
        Err(Error::NotFound) => setup_form(&app, &token, &headers, &uri, String::new()).await,
        Err(Error::Invalid(fields)) => {
            let words = fields.iter().map(|f| f.message.clone()).collect::<Vec<_>>().join("; ");
            setup_form(&app, &token, &headers, &uri, words).await
        }
        Err(Error::Refused { detail, .. }) => setup_form(&app, &token, &headers, &uri, detail).await,
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}

/// POST `/preferences`: language and theme, kept in cookies of the browser.
pub async fn preferences(State(app): State<Arc<App>>, headers: HeaderMap, body: HttpBody) -> Response {
    let fields = match read_form(&headers, body).await {
        Ok(fields) => fields,
        Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
    };
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let mut response = Redirect::to(&local(field("return_to"))).into_response();
    if let Some(locale) = crate::pages::i18n::Locale::from_tag(field("language")) {
        set_cookie(&mut response, &app, "lang", locale.tag(), 365 * 86_400);
    }
    if let Some(purpose) = salus_core::Purpose::from_code(field("purpose")) {
        // Of this session of the browser only.
        set_cookie(&mut response, &app, "purpose", purpose.code(), 12 * 3600);
    }
    if matches!(field("theme"), "light" | "dark" | "auto") {
        set_cookie(&mut response, &app, "theme", field("theme"), 365 * 86_400);
    }
    response
}
