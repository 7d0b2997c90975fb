//! The kit's own tests, and the gates: rules of the house that a machine can check without a database.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod database;
mod gates;
