//! The domains over a real database.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod patients;
