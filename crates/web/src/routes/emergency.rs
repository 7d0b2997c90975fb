//! The emergency recovery credential, for when nobody can sign in.

use super::{
    entry::{agent, begun},
    frame::{html, messages, read_form, stranger},
};
use crate::{
    app::{App, cookie},
    http::Peer,
    pages::{
        entry::{self, EmergencyView},
        i18n::fill,
    },
    problem::Problem,
};
use axum::{
    Extension,
    body::Body as HttpBody,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use salus_domains::auth::{self, Source};
use std::sync::Arc;

/// GET `/sign-in/emergency`.
pub async fn show(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    let organization = cookie(&headers, "organization").unwrap_or_default();
    html(&entry::emergency(
        &EmergencyView { organization, ..EmergencyView::default() },
        &stranger(&app, &headers, &uri),
    ))
}

/// POST `/sign-in/emergency`.
pub async fn open(
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
    let field = |name: &str| fields.get(name).map(|v| v.trim()).unwrap_or_default();
    let shares: Vec<String> =
        field("shares").lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let ip = peer.0.ip().to_string();
    let source = Source { ip: &ip, agent: agent(&headers), device: "" };
    let opened = auth::open_emergency(&app.db, field("organization"), &shares, field("reason"), source).await;
    let error = match opened {
        Ok(signed) => return begun(&app, &signed, field("organization"), "/users"),
        Err(error) => error,
    };
    let shell = stranger(&app, &headers, &uri);
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (errors, words) = match &error {
        Error::Invalid(_) => messages(shell.locale, &error),
        Error::Unauthenticated => (Vec::new(), shell.t().accounts.emergency_refused.to_owned()),
        Error::TooMany(seconds) => (Vec::new(), fill(shell.t().ui.locked, &[("n", &seconds.div_ceil(60).to_string())])),
        other => {
            let problem = Problem { error: Error::Unavailable(other.to_string()), request: app.db.env().id() };
            (Vec::new(), problem.detail())
        }
    };
    let view = EmergencyView {
        organization: field("organization").to_owned(),
        reason: field("reason").to_owned(),
        errors,
        error: words,
    };
    (status, html(&entry::emergency(&view, &shell))).into_response()
}
