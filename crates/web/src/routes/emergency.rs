//! The emergency recovery credential, for when nobody can sign in.

use super::{
    entry::begun,
    frame::{Sent, html, locked, messages, stranger},
};
use crate::{
    app::{App, cookie},
    pages::entry::{self, EmergencyView},
};
use axum::{
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
pub async fn open(sent: Sent) -> Response {
    let field = |name: &str| sent.field(name).trim();
    let shares: Vec<String> =
        field("shares").lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    // No browser is known for an account that is made for the hour.
    let source = Source { device: "", ..sent.source() };
    let opened = auth::open_emergency(&sent.app.db, field("organization"), &shares, field("reason"), source).await;
    let error = match opened {
        Ok(signed) => return begun(&sent.app, &signed, field("organization"), "/users"),
        Err(error) => error,
    };
    let shell = sent.shell();
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (errors, words) = match &error {
        Error::Invalid(_) => messages(shell.locale, &error),
        Error::Unauthenticated => (Vec::new(), shell.t().accounts.emergency_refused.to_owned()),
        Error::TooMany(seconds) => (Vec::new(), locked(shell.locale, *seconds)),
        other => (Vec::new(), sent.problem(Error::Unavailable(other.to_string())).detail()),
    };
    let view = EmergencyView {
        organization: field("organization").to_owned(),
        reason: field("reason").to_owned(),
        errors,
        error: words,
    };
    (status, html(&entry::emergency(&view, &shell))).into_response()
}
