//! The kernel of Salus over PostgreSQL: who may reach a row, how it is sealed, and what is written down about it.
//!
//! [`Db`] holds the pool, the [`Catalog`] and the keys. [`fn@dispatch`] is the only way an operation happens: it checks
//! the permission, begins a [`Tx`] with the caller's tenant, runs the [`Op`] and commits data, audit event and outbox
//! together. [`Resource`] turns a catalogued table into list, get, create and change.
//!
//! No table of a domain is named in this crate.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

mod address;
pub mod approve;
pub mod audit;
pub mod backup;
pub mod catalog;
pub mod cluster;
mod db;
pub mod decide;
mod dispatch;
pub mod engine;
pub mod erase;
mod error;
pub mod fault;
mod idempotency;
pub mod inbox;
pub mod jobs;
mod keys;
pub mod kms;
pub mod lint;
pub mod migrate;
mod op;
pub mod orphans;
pub mod outbound;
mod pool;
mod replica;
mod room;
pub mod rotate;
pub mod rows;
pub mod runtime;
pub mod scan;
pub mod schema;
pub mod seal;
mod spread;
mod sql;
pub mod transfer;
mod tx;
mod unit;
pub mod walls;

pub use address::{Address, Policy};
pub use catalog::Catalog;
pub use db::{Db, Options, Tenant, refuse_unsafe};
pub use dispatch::{Act, dispatch, perform};
pub use engine::Resource;
pub use error::db_error;
pub use keys::{ESCROW, KeyLine, KeyReport};
pub use op::{ANY_VERSION, Body, Call, Method, Op, Page, Param, Record, Reply, Run, run};
pub use replica::ReplicaState;
pub use spread::Spread;
pub use sql::Sql;
pub use tokio_postgres::Row;
pub use tx::{At, Tx};
pub use unit::Params;
