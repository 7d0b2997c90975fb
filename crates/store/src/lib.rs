//! Being laid out.

pub mod cluster;
