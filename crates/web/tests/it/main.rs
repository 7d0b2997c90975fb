//! Tests of the web crate from outside, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod access;
mod erasures;
mod framing;
mod openapi;
mod pages;
mod rest;
mod search;
mod sign_in;
