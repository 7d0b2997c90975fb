//! The edge: HTTP, sessions, OpenAPI and pages. Everything goes through `dispatch`; there is no SQL here.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

mod alert_socket;
mod alert_stream;
mod alert_watch;
mod api;
mod app;
pub mod assets;
pub mod http;
mod live;
pub mod openapi;
pub mod pages;
mod problem;
mod routes;
pub mod seed;

pub use app::{App, Options, SESSION_COOKIE};
pub use problem::Problem;
