//! Tests of the web crate from outside, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod access;
mod alert_center;
mod alert_socket;
mod alert_stream;
mod browse;
mod charts;
mod clock;
mod connections;
mod emergency;
mod erasures;
mod framing;
mod headers;
mod immunizations;
mod lists;
mod live;
mod medication;
mod nurse;
mod offline;
mod on_call;
mod openapi;
mod outbreaks;
mod pages;
mod pass;
mod provider;
mod rest;
mod revocation;
mod rights;
mod roles;
mod school_entry;
mod search;
mod second_factor;
mod sign_in;
mod students;
mod users;
mod walls;
