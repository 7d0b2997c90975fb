//! Originals and exports are whole records. Who is not answered some field of a record is answered none of them: what a
//! source sent has the field somewhere, in a part nobody mapped or in a resource inside another, and an export without it
//! would pass for the record.

use super::{EXPORT, FHIR_RESOURCES, export, outgoing};
use crate::{Check, checked, resources};
use salus_core::{Error, Permissions, Result};
use salus_store::{Call, Op, Tx, decide::leaves_out};

/// An operation of this domain with the check that belongs to it.
#[must_use]
pub fn guarded(op: Op) -> Op {
    let check: Check = |tx, call| Box::pin(std::future::ready(original(tx, call)));
    match op.name.as_str() {
        "exchange.fhir_resource.get" | "exchange.fhir_resource.list" => checked(op, check),
        _ => op,
    }
}

/// The tables into which resources are read.
fn tables() -> impl Iterator<Item = &'static str> {
    export::TABLES.iter().map(|(table, _)| *table).chain(outgoing::PARTS.iter().copied())
}

/// Whether masks of a role on these tables keep from it what its permissions would let it see or take out whole.
pub(crate) fn closed_by_masks<'a>(permissions: &Permissions, masked: impl IntoIterator<Item = &'a str>) -> bool {
    let whole = permissions.allow(FHIR_RESOURCES.read) || permissions.allow(EXPORT);
    whole && masked.into_iter().any(|table| tables().any(|t| t == table))
}

/// The body of an original is one of the fields that are answered unless others are named; that of a list is not.
fn original(tx: &Tx, call: &Call) -> Result<()> {
    let mut named = call.query.iter().filter(|(name, _)| name == "fields").peekable();
    let whole = match named.peek() {
        None => call.id().is_ok(),
        Some(_) => named.any(|(_, fields)| fields.split(',').any(|f| f == "body")),
    };
    if whole { must_see_all(tx) } else { Ok(()) }
}

/// Whether the caller is answered every field of every record.
///
/// # Errors
/// [`Error::Refused`] with `field_masked`.
pub(super) fn must_see_all(tx: &Tx) -> Result<()> {
    let here = |table: &str| tx.ctx.masks.as_ref().is_some_and(|masks| masks.contains_key(table));
    let read = |table: &str| resources().iter().any(|r| r.table == table && leaves_out(&tx.ctx, table, r.read));
    match tables().find(|table| here(table) || read(table)) {
        None => Ok(()),
        Some(table) => {
            let detail = format!(
                "Your roles leave out fields of {table}, and whole resources hold all of them: name fields without body"
            );
            Err(Error::Refused { code: "field_masked", detail })
        }
    }
}
