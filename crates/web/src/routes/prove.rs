//! Proving again who one is, before a use of power.

use super::{
    entry::local,
    frame::{Form, Shown, keep_session, locked, messages, refused},
};
use crate::{
    http::Peer,
    pages::prove::{self, ProveView},
};
use axum::{
    Extension,
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_domains::auth;

/// POST `/prove`: the reader's own password; then back to where it was asked for.
pub async fn prove(Extension(peer): Extension<Peer>, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let again = ProveView { back: local(get("back")), ..ProveView::default() };
    match auth::prove_again(&visit.app.db, &visit.ctx, get("password"), &peer.0.to_string()).await {
        Ok(renewed) => {
            let mut response = Redirect::to(&again.back).into_response();
            keep_session(&mut response, &visit.app, &renewed);
            Ok(response)
        }
        Err(e @ Error::Invalid(_)) => {
            let view = ProveView { errors: messages(visit.shell.locale, &e).0, ..again };
            Ok(refused(&e, &prove::render(&view, &visit.shell)))
        }
        Err(e @ Error::TooMany(seconds)) => {
            let view = ProveView { general: locked(visit.shell.locale, seconds), ..again };
            Ok(refused(&e, &prove::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}
