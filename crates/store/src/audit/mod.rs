//! The audit event of a call: one row, written in the transaction it tells of (`spec` B1.3).
//!
//! The header is canonical JSON without health data and becomes part of the Merkle leaf; the payload is sealed and
//! only its digest is in the leaf, so it can be redacted later. The writer's MAC shows that a Salus process, and not
//! an insert by hand, made the event. The log is read back by the domain `audit`.

mod header;
pub mod merkle;
mod writer;

pub use header::{Header, Outcome};
pub use writer::{Event, Writer};
