//! Whether the live database is the one this build expects, fact by fact, and how to bring it back.
//!
//! A [`Snapshot`] holds every fact of our schemas: tables, columns, domains, constraints, indexes, policies, triggers,
//! functions, views, sequences, owners, grants, comments, roles, extensions and the registrations of the kernel.
//! The expected one is `db/catalogue.tsv`, reviewed like code and embedded; [`live`] reads the other one in one round
//! trip; [`compare`] names each difference; [`repair`] plans the statements that undo it without touching a row.
//!
//! How a database gets its schema is elsewhere: [`crate::migrate`].

mod compare;
mod ddl;
mod parts;
pub mod repair;
mod snapshot;

pub use compare::{Change, Difference, compare};
pub use snapshot::{Entry, Kind, Snapshot, expected, live};

use salus_core::Result;
use tokio_postgres::Client;

/// Every difference between this build's catalogue and the live one; empty is what a server needs to serve.
pub async fn verify(client: &Client) -> Result<Vec<Difference>> {
    Ok(compare(expected()?, &live(client).await?))
}
