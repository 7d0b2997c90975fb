//! The domains over a real database.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod access;
mod alerts;
mod background;
mod carriers;
mod clear_text;
mod clinic;
mod coverage;
mod demo;
mod district;
mod exchange;
mod factors;
mod grants;
mod groups;
mod immunization;
mod isolation;
mod keys;
mod medication;
mod oidc;
mod patients;
mod plausible;
mod proofs;
mod registers;
mod role_library;
mod rows;
mod sign_in;
mod statements;
mod stock;
mod storm;
mod swaps;
mod tenants;
mod tokens;
mod two_persons;
mod verify;
mod world;
