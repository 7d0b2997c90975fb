//! The domains over a real database.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod clear_text;
mod coverage;
mod demo;
mod exchange;
mod grants;
mod groups;
mod isolation;
mod keys;
mod patients;
mod plausible;
mod proofs;
mod sign_in;
mod statements;
mod storm;
mod swaps;
mod tenants;
mod two_persons;
mod verify;
mod world;
