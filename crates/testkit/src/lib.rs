//! What the other crates' tests stand on: a PostgreSQL that all test processes of a run share, and a migrated
//! database of its own for every test.
//!
//! Nothing needs setting up: the first test makes the cluster (two seconds), the last one's end stops it.

mod app;
mod authenticator;
mod cluster;
mod database;
mod kms;
mod provider;
pub mod snapshot;
mod standby;

pub use app::{Answer, Caller, PASSWORD, TestApp, code_at, second_factor};
pub use authenticator::Authenticator;
pub use cluster::TestCluster;
pub use database::TestDb;
pub use kms::{FakeKms, Mood};
pub use provider::Provider;
pub use standby::{Paused, Standby};
