//! The pages' addresses: each handler finds the caller, dispatches operations, fills a view and renders it.

mod access;
mod account;
mod audit;
mod browse;
mod compliance;
mod encryption;
mod entry;
mod erasures;
mod frame;
mod home;
mod patients;
mod record;

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
        .route("/compliance", get(compliance::show))
        .route("/encryption", get(encryption::show))
        .route("/erasures", get(erasures::show).post(erasures::ask))
        .route("/erasures/{id}", get(erasures::certificate))
        .route("/erasures/{id}/confirm", post(erasures::confirm))
        .route("/erasures/{id}/decline", post(erasures::decline))
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
