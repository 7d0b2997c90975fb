//! The domains over a real database.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod clear_text;
mod demo;
mod isolation;
mod patients;
mod tenants;
mod verify;
mod world;
