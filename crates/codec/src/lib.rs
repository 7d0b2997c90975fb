//! Wire formats: bytes to values and back, streaming, without a database and without HTTP.
//!
//! Each format has a reader that holds a bounded amount of memory, a strict parser that says where an error is,
//! and a writer. A value read here is plain JSON per column type; sealing and storing are elsewhere.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

pub mod cvx;
pub mod fhir;
pub mod json;
