//! The embedded cluster: made, shared, stopped and recovered by real processes, on a real data directory.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod home;
mod life;
mod rules;
