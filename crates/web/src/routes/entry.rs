//! Signing in and out, choosing the first password, language and theme.

use super::frame::{Form, Sent, Shown, html, locked, set_cookie, stranger, words};
use crate::pages::Shell;
use crate::{
    app::{App, DEVICE_COOKIE, SESSION_COOKIE, cookie},
    pages::entry::{self, SecondView, SetupView, SignInView},
    problem::Problem,
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::Error;
use salus_domains::auth::{self, Factors, Medium, SignIn};
use std::{collections::BTreeMap, sync::Arc};

type Params = Query<BTreeMap<String, String>>;

/// GET `/sign-in`.
pub async fn sign_in_page(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri, Query(query): Params) -> Response {
    let organization = cookie(&headers, "organization").unwrap_or_default();
    // Which providers an organization has is no secret; without a database there are none to offer.
    let offered = auth::providers(&app.db, &organization).await.unwrap_or_default();
    let address = |id| format!("/sign-in/provider/{organization}/{id}");
    let view = SignInView {
        providers: offered.into_iter().map(|p| (p.name, address(p.id))).collect(),
        organization,
        return_to: query.get("return_to").cloned().unwrap_or_default(),
        ..SignInView::default()
    };
    html(&entry::sign_in(&view, &stranger(&app, &headers, &uri)))
}

/// POST `/sign-in`.
pub async fn sign_in(sent: Sent) -> Response {
    let field = |name: &str| sent.field(name);
    let (organization, email) = (field("organization").trim(), field("email").trim());
    let shell = sent.shell();
    match auth::sign_in(&sent.app.db, organization, email, field("password"), sent.source()).await {
        Ok(signed) => signed_in(&sent.app, signed, organization, (field("return_to"), &shell)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let t = &shell.t().ui;
            let words = match &error {
                Error::Unauthenticated => t.sign_in_failed.to_owned(),
                Error::TooMany(seconds) => locked(shell.locale, *seconds),
                Error::Refused { .. } => words(shell.locale, &error),
                other => sent.problem(Error::Unavailable(other.to_string())).detail(),
            };
            let view = SignInView {
                organization: organization.to_owned(),
                email: email.to_owned(),
                error: words,
                return_to: field("return_to").to_owned(),
                ..SignInView::default()
            };
            (status, html(&entry::sign_in(&view, &shell))).into_response()
        }
    }
}

/// What follows on the right password: the session, another password, or the question for a second factor.
pub fn signed_in(app: &App, signed: SignIn, organization: &str, (return_to, shell): (&str, &Shell)) -> Response {
    match signed {
        SignIn::NewPassword { token } => Redirect::to(&format!("/setup/{token}")).into_response(),
        SignIn::Session(signed) => begun(app, &signed, organization, &local(return_to)),
        SignIn::SecondFactor { token, factors } => {
            let view = second_view(app, &token, organization, return_to);
            html(&entry::second(&with_ways(view, app, &factors), shell))
        }
    }
}

fn second_view(app: &App, token: &str, organization: &str, return_to: &str) -> SecondView {
    let channels = Medium::CODES.into_iter().filter(|c| app.courier.as_ref().is_some_and(|by| by.carries(*c)));
    SecondView {
        token: token.to_owned(),
        organization: organization.to_owned(),
        return_to: return_to.to_owned(),
        channels: channels.map(|c| c.name().to_owned()).collect(),
        passkey: true,
        ..SecondView::default()
    }
}

/// Only what this person has is offered.
fn with_ways(view: SecondView, _: &App, factors: &Factors) -> SecondView {
    let channels = view.channels.into_iter().filter(|c| factors.channels.contains(c)).collect();
    SecondView { channels, passkey: factors.passkeys > 0, ..view }
}

/// POST `/sign-in/code`: a second factor.
pub async fn give_code(sent: Sent) -> Response {
    let field = |name: &str| sent.field(name);
    let (app, shell) = (&sent.app, sent.shell());
    let view = second_view(app, field("token"), field("organization"), field("return_to"));
    if let Some(channel) = sent.fields.get("send") {
        return send_code(app, channel, view, &shell).await;
    }
    match auth::give_code(&app.db, field("token"), field("code"), sent.source()).await {
        Ok(next) => signed_in(app, next, field("organization"), (field("return_to"), &shell)),
        Err(Error::Invalid(_)) => {
            let view = SecondView { error: shell.t().security.wrong_code.to_owned(), ..view };
            (StatusCode::UNPROCESSABLE_ENTITY, html(&entry::second(&view, &shell))).into_response()
        }
        Err(error) => again(&error, field("organization"), app, &shell),
    }
}

async fn send_code(app: &App, channel: &str, view: SecondView, shell: &Shell) -> Response {
    let sent = match (&app.courier, Medium::of_codes(channel)) {
        (Some(courier), Ok(channel)) => auth::send_sign_in_code(&app.db, &**courier, &view.token, channel).await,
        _ => Err(Error::NotFound),
    };
    match sent {
        Ok(()) => html(&entry::second(&SecondView { sent: true, ..view }, shell)),
        Err(Error::NotFound) => {
            let view = SecondView { error: shell.t().security.no_such_address.to_owned(), ..view };
            (StatusCode::UNPROCESSABLE_ENTITY, html(&entry::second(&view, shell))).into_response()
        }
        Err(error) => again(&error, &view.organization, app, shell),
    }
}

/// The question is too old, or was answered wrong too often: from the beginning.
pub fn again(error: &Error, organization: &str, app: &App, shell: &Shell) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let words = match error {
        Error::Unauthenticated => shell.t().security.begin_again.to_owned(),
        Error::TooMany(seconds) => locked(shell.locale, *seconds),
        Error::Refused { .. } => words(shell.locale, error),
        other => Problem { error: Error::Unavailable(other.to_string()), request: app.db.env().id() }.detail(),
    };
    let view = SignInView { organization: organization.to_owned(), error: words, ..SignInView::default() };
    (status, html(&entry::sign_in(&view, shell))).into_response()
}

/// A session has begun: its cookie, the organization for the next time, and on to the page.
pub fn begun(app: &App, signed: &auth::Signed, organization: &str, next: &str) -> Response {
    let next = if signed.restricted { "/account/security" } else { next };
    let mut response = Redirect::to(next).into_response();
    let now = app.db.env().now();
    set_cookie(&mut response, app, SESSION_COOKIE, &signed.token, (signed.expires_at - now).whole_seconds());
    if let Some((token, ends)) = &signed.device {
        set_cookie(&mut response, app, DEVICE_COOKIE, token, (*ends - now).whole_seconds());
    }
    if organization.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        set_cookie(&mut response, app, "organization", organization, 365 * 86_400);
    }
    response
}

/// Only a path of our own is returned to.
pub fn local(path: &str) -> String {
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

pub async fn setup_form(app: &Arc<App>, token: &str, headers: &HeaderMap, uri: &Uri, error: String) -> Response {
    let shell = stranger(app, headers, uri);
    let (status, view) = match auth::invitation(&app.db, token).await {
        Ok(found) => {
            let offered = if found.replaces { Ok(Vec::new()) } else { auth::providers(&app.db, &found.slug).await };
            let providers = match offered {
                Ok(all) => all.into_iter().map(|p| (p.name, format!("/setup/{token}/provider/{}", p.id))).collect(),
                Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
            };
            let view = SetupView {
                providers,
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
pub async fn setup(Path(token): Path<String>, sent: Sent) -> Response {
    let field = |name: &str| sent.field(name);
    let (app, headers, uri) = (&sent.app, &sent.headers, &sent.uri);
    let shell = sent.shell();
    if field("password") != field("again") {
        return setup_form(app, &token, headers, uri, shell.t().ui.not_the_same.to_owned()).await;
    }
    let source = sent.source();
    match auth::accept_and_sign_in(&app.db, &token, field("password"), (source.ip, source.agent)).await {
        Ok((slug, signed)) => signed_in(app, signed, &slug, ("/", &shell)),
        Err(Error::NotFound) => setup_form(app, &token, headers, uri, String::new()).await,
        Err(Error::Invalid(fields)) => {
            let said = words(shell.locale, &Error::Invalid(fields));
            setup_form(app, &token, headers, uri, said).await
        }
        Err(e @ Error::Refused { .. }) => setup_form(app, &token, headers, uri, words(shell.locale, &e)).await,
        Err(error) => sent.problem(error).into_response(),
    }
}

/// POST `/preferences`: language and theme, kept in cookies of the browser.
pub async fn preferences(sent: Sent) -> Response {
    let field = |name: &str| sent.field(name);
    let mut response = Redirect::to(&local(field("return_to"))).into_response();
    if let Some(locale) = crate::pages::i18n::Locale::from_tag(field("language")) {
        set_cookie(&mut response, &sent.app, "lang", locale.tag(), 365 * 86_400);
    }
    if let Some(purpose) = salus_core::Purpose::from_code(field("purpose")) {
        // Of this session of the browser only.
        set_cookie(&mut response, &sent.app, "purpose", purpose.code(), 12 * 3600);
    }
    if matches!(field("theme"), "light" | "dark" | "auto") {
        set_cookie(&mut response, &sent.app, "theme", field("theme"), 365 * 86_400);
    }
    response
}
