//! Tests of the wire formats over reference data and over input made to break them.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod any_bytes;
mod hostile;
mod mapping;
mod reader;
mod reference_data;
mod support;
mod throughput;
mod writing;
