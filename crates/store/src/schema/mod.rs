//! Whether the live database is the one this build expects, fact by fact, and how to bring it back.
//!
//! A [`Snapshot`] holds every fact of our schemas: tables, columns, domains, constraints, indexes, policies, triggers,
//! functions, views, sequences, owners, grants, comments, roles, extensions and the registrations of the kernel.
//! The expected one is `db/catalogue.tsv`, reviewed like code and embedded; [`fn@live`] reads the other one in one round
//! trip; [`fn@compare`] names each difference; [`mod@repair`] plans the statements that undo it without touching a row.
//!
//! How a database gets its schema is elsewhere: [`crate::migrate`].

mod compare;
mod ddl;
mod parts;
pub mod repair;
mod snapshot;

pub use compare::{Change, Difference, compare};
pub use snapshot::{Entry, Kind, Snapshot, expected, live};

use salus_core::{Error, Result};
use tokio_postgres::Client;

use crate::migrate::{self, Files, State};

/// Every difference between this build's catalogue and the live one; empty is what a server needs to serve.
pub async fn verify(client: &Client) -> Result<Vec<Difference>> {
    Ok(compare(&expected()?, &live(client).await?))
}

/// What a server asks before it serves: every migration applied, none unknown, and not one difference.
///
/// The error says what is wrong and which command mends it. Any role that may read the kernel's tables may ask.
pub async fn require(client: &Client) -> Result<()> {
    const TOLD: usize = 10;
    let refuse = |why: String| Err(Error::Unavailable(format!("refusing to serve: {why}")));
    let status = match migrate::status(client, Files::embedded()?).await {
        Ok(status) => status,
        Err(Error::Conflict { code: "not_administrator", detail }) => {
            return refuse(format!("{detail}; the database is not migrated yet: run `salus db migrate`"));
        }
        Err(error) => return Err(error),
    };
    let named = |state| status.migrations.iter().find(|row| row.state == state).map(|row| row.name.as_str());
    if let Some(name) = named(State::Unknown) {
        return refuse(format!("this database was migrated by a newer Salus ({name}): run that one"));
    }
    for state in [State::Pending, State::Running, State::Failed] {
        if let Some(name) = named(state) {
            return refuse(format!("the migration {name} is {state}: run `salus db migrate`"));
        }
    }
    let found = verify(client).await?;
    if found.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = found.iter().take(TOLD).map(ToString::to_string).collect();
    let more = if found.len() > TOLD { format!("; and {} more", found.len() - TOLD) } else { String::new() };
    refuse(format!(
        "the database is not what this build expects: {}{more}. Run `salus db verify`, then `salus db repair`",
        told.join("; ")
    ))
}
