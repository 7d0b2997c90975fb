//! The state of encryption.

use super::{
    frame::{Shown, Visit, html},
    home::json_of,
};
use crate::{
    app::App,
    pages::encryption::{self, EncryptionView},
};
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use salus_store::Call;
use std::sync::Arc;

/// GET `/encryption`.
pub async fn show(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    match Visit::of(&app, &headers, &uri).await {
        Err(response) => response,
        Ok(visit) => state(visit).await.unwrap_or_else(IntoResponse::into_response),
    }
}

async fn state(visit: Visit) -> Shown {
    let reply = json_of(visit.call("kernel.key.overview", Call::default()).await?);
    let view: EncryptionView = serde_json::from_value(reply).map_err(|e| visit.error(Error::internal(e)))?;
    Ok(html(&encryption::render(&view, &visit.shell)))
}
