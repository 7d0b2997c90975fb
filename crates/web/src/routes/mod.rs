//! The pages' addresses: each handler finds the caller, dispatches operations, fills a view and renders it.

mod access;
mod account;
mod alerts;
mod audit;
mod browse;
mod compliance;
mod encryption;
mod entry;
mod frame;
mod glass;
mod home;
mod jobs;
mod notices;
mod patients;
mod record;
mod roles;
mod why;

use crate::{app::App, assets};
use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::sync::Arc;

/// The routes of pages and of what they load.
pub fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home::show))
        .route("/sign-in", get(entry::sign_in_page).post(entry::sign_in))
        .route("/sign-out", post(entry::sign_out))
        .route("/setup/{token}", get(entry::setup_page).post(entry::setup))
        .route("/preferences", post(entry::preferences))
        .route("/patients", get(patients::list).post(patients::search))
        .route("/patients/new", get(patients::new).post(patients::create))
        .route("/patients/{id}", get(record::chart))
        .route("/patients/{id}/edit", get(patients::edit).post(patients::change))
        .route("/patients/{id}/trend", get(record::trend))
        .route("/patients/{id}/access", get(access::show))
        .route("/browse", get(browse::index))
        .route("/browse/{schema}/{table}", get(browse::rows))
        .route("/browse/{schema}/{table}/{id}", get(browse::row))
        .route("/browse/{schema}/{table}/{id}/open/{column}", get(browse::open))
        .route("/audit", get(audit::show))
        .route("/audit/alerts", get(alerts::show))
        .route("/audit/alerts/{id}", post(alerts::decide))
        .route("/compliance", get(compliance::show))
        .route("/encryption", get(encryption::show))
        .route("/jobs", get(jobs::show))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/jobs/{id}/discard", post(jobs::discard))
        .route("/jobs/schedules/{id}", post(jobs::set))
        .route("/outgoing", get(notices::outgoing))
        .route("/notifications", get(notices::show))
        .route("/notifications/read", post(notices::read))
        .route("/notifications/choices", post(notices::choose))
        .route("/notifications/test", post(notices::test))
        .route("/glass", get(glass::show).post(glass::open))
        .route("/glass/{id}/end", post(glass::end))
        .route("/glass/{id}/review", post(glass::review))
        .route("/roles", get(roles::show))
        .route("/roles/{id}", get(roles::edit).post(roles::change))
        .route("/why", get(why::show))
        .route("/docs", get(home::docs))
        .route("/account", get(account::show))
        .route("/account/tokens", post(account::create_token))
        .route("/account/tokens/{id}/revoke", post(account::revoke_token))
        .route("/account/sessions/{id}/revoke", post(account::revoke_session))
        .route("/assets/{file}", get(asset))
        .fallback(home::missing)
}

async fn asset(Path(file): Path<String>) -> Response {
    match assets::get(&file) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, asset.cache_control),
                (header::ETAG, asset.etag.as_str()),
            ],
            asset.bytes.as_ref(),
        )
            .into_response(),
    }
}
