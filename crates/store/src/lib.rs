//! x
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]
pub mod seal;
mod sql;
pub use sql::Sql;
pub mod runtime;
