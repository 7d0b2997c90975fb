//! The database lifecycle against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod anchors;
mod audit;
mod catalogue;
mod database;
mod drift;
mod drift_cases;
mod hostile;
mod jobs;
mod kms;
mod list_of_tables;
mod migrate;
mod outbound;
mod outside_transaction;
mod repair;
mod school_health;
mod seals;
mod tls;
mod trust;
