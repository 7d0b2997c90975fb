//! The vocabulary every crate shares: who calls ([`Ctx`]), what can go wrong ([`Error`]), where time and ids
//! come from ([`Env`]), what a caller may do ([`Permissions`]), and how identifiers are normalised and checked.
//!
//! Nothing here does I/O or knows a table.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

mod ctx;
mod env;
mod error;
mod grant;
pub mod identifier;
mod permission;
mod purpose;
pub mod text;

pub use ctx::{Actor, ActorKind, Channel, Ctx, Labels};
pub use env::{Clock, Env, Ids};
pub use error::{Error, FieldError, Result};
pub use grant::{Grant, Masks, Reach, Scope};
pub use permission::Permissions;
pub use purpose::Purpose;

/// The tenant that owns what belongs to the installation itself, such as refusals before anyone is known.
pub const PLATFORM: uuid::Uuid = uuid::Uuid::nil();
