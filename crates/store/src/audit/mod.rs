//! The audit event of a call: one row, of a write in the transaction it tells of, of a read before its answer
//! (`spec` B1.3, decision 14).
//!
//! The header is canonical JSON without health data and becomes part of the Merkle leaf; the payload is sealed and
//! only its digest is in the leaf, so it can be redacted later. The writer's MAC shows that a Salus process, and not
//! an insert by hand, made the event. The [`Sealer`] appends finished events to the tree of [`merkle`], signs its head and
//! keeps heads at an [`Anchor`]. The log is read back by the domain `audit`.

mod alert;
mod anchor;
mod authority;
mod beside;
pub mod bundle;
mod check;
pub mod epoch;
mod group;
pub mod handover;
mod header;
mod honey;
mod journal;
mod leaf;
mod log;
pub mod merkle;
mod node;
pub mod pack;
mod redact;
mod remote;
pub mod report;
pub mod retention;
mod rows;
mod s3;
mod sealer;
mod sealing;
mod subjects;
mod timestamp;
mod trust;
pub mod witness;
mod writer;

pub use anchor::{Anchor, FileAnchor, Look};
pub use authority::Authority;
pub use check::{Evidence, Problem, Report, verify};
pub(crate) use group::{Group, unrecorded};
pub use header::{Header, Outcome};
pub(crate) use leaf::WriterKeys;
pub use log::{Log, Suspect};
pub use node::Node;
pub use redact::redact;
pub(crate) use rows::Rows;
pub use s3::{Bucket, S3Anchor};
pub use sealer::{Sealed, Sealer};
pub use sealing::{LATE, TOO_LATE};
pub use timestamp::TimestampAnchor;
pub use writer::{Event, Writer};

use salus_core::Error;
use tokio_postgres::Transaction;

/// Commits what was done under the log's lock, or rolls it back before anybody is told: who is told may begin again at
/// once, and must not find the log locked by what stopped.
async fn ended<T, E: From<Error>>(tx: Transaction<'_>, done: Result<T, E>) -> Result<T, E> {
    match &done {
        Ok(_) => tx.commit().await.map_err(|e| plain(&e))?,
        // Where the connection is lost as well, the server lets go of the lock by itself.
        Err(_) => drop(tx.rollback().await),
    }
    done
}

/// A database error without its text, which can hold data.
fn plain(e: &tokio_postgres::Error) -> Error {
    match e.code() {
        Some(code) => Error::internal(format!("database error {} in the audit log", code.code())),
        None => Error::Unavailable(format!("the connection to the database was lost: {e}")),
    }
}
