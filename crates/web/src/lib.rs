//! Being laid out.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

pub mod assets;
pub mod pages;
