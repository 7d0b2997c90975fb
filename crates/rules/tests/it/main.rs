//! The engines against public reference suites, which lie beside the repository in `../shared/data`.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod class_time;
mod immunization;
mod outbreak;
mod reading;
mod school_entry;
mod support;
