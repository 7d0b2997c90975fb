//! Pages.
use crate::app::App;
use axum::Router;
use std::sync::Arc;

/// The routes of pages.
pub fn pages() -> Router<Arc<App>> {
    Router::new()
}
