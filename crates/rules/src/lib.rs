//! The engines: decisions as pure functions over values. No clock, no network, no database: whoever calls brings the
//! facts, the rules and the day, and gets the same answer for the same input on every machine.
//!
//! [`immunization`] evaluates vaccine doses and forecasts the next ones; [`outbreak`] watches counts of illness;
//! [`class_time`] says what class a visit to the clinic took; [`medication`] says when a dose may be given.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

pub mod class_time;
pub mod conformance;
pub mod immunization;
pub mod medication;
pub mod outbreak;
pub mod school_entry;
