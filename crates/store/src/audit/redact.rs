//! Redaction: the sealed detail of an event goes, its header, commitment and leaf stay, and the log says who removed it
//! and on what basis (`spec` B1.3). A redaction counts with a code that only a holder of the root key can make.

use super::header;
use crate::{Tx, seal::RootKey};
use salus_core::{Error, Result};
use serde_json::json;
use std::collections::HashSet;
use tokio_postgres::Row;
use uuid::Uuid;

/// The code of a redaction.
pub(super) fn code(root: &RootKey, event: Uuid, by: Uuid, basis: &str) -> Result<[u8; 32]> {
    root.redact_code(format!("{event} {by} {basis}").as_bytes())
}

/// Removes the payload of an event of the caller's tenant, in the transaction whose event says so.
///
/// # Errors
/// [`Error::NotFound`] when the event is not there or has no payload; [`Error::Conflict`] when a hold keeps it.
pub async fn redact(tx: &mut Tx, event: Uuid, basis: &str) -> Result<()> {
    let held = tx.run("SELECT subject_id FROM audit.legal_holds WHERE released_at IS NULL", &[]).await?;
    let found = tx.run("SELECT header FROM audit.activity_logs WHERE id = $1", &[&event]).await?;
    // First, so that an event of another tenant is answered like one that never was.
    let persons = header::subjects(found.first().ok_or(Error::NotFound)?.get("header"));
    let keeps = |row: &Row| row.get::<_, Option<Uuid>>("subject_id").is_none_or(|person| persons.contains(&person));
    if held.iter().any(keeps) {
        let detail = "A legal hold keeps this event as it is: release it first".into();
        return Err(Error::Conflict { code: "held", detail });
    }
    let by = tx.ctx.request;
    let code = code(&tx.db().root(), event, by, basis)?.to_vec();
    let done = tx.run("SELECT audit.redact($1, $2, $3, $4)", &[&event, &by, &basis, &code]).await?;
    if !done.first().is_some_and(|row| row.get(0)) {
        return Err(Error::NotFound);
    }
    tx.on_row(event);
    tx.note(json!({"basis": basis}));
    Ok(())
}

/// The events whose payload may be gone, and those of which somebody else says so.
pub(super) fn believed(root: &RootKey, rows: &[Row]) -> Result<(HashSet<Uuid>, Vec<Uuid>)> {
    let (mut believed, mut forged) = (HashSet::new(), Vec::new());
    for row in rows {
        let event: Uuid = row.get("event_id");
        let code = code(root, event, row.get("redact_event"), row.get("basis"))?;
        if row.get::<_, Option<&[u8]>>("code") == Some(&code[..]) {
            believed.insert(event);
        } else {
            forged.push(event);
        }
    }
    Ok((believed, forged))
}
