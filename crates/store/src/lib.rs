//! Being laid out.
pub mod migrate;
pub mod schema;
