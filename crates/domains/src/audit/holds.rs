//! Legal holds: events of a tenant, or about one person, that are kept whatever their age. Each is placed and released
//! with a reason, by the operator or by who may (`compliance.hold.manage`).

use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, engine::NewRow, sql};
use serde_json::{Map, json};
use uuid::Uuid;

const TABLE: &str = "audit.legal_holds";

/// Holds every event of a tenant, or those about one person, whatever their age; the id of the hold.
///
/// # Errors
/// [`Error::Invalid`] for a reason that says nothing; [`Error::NotFound`] for a person who is not there.
pub async fn hold(db: &Db, tenant: Uuid, subject: Option<Uuid>, reason: &str) -> Result<Uuid> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    let id = place(&mut tx, subject, reason).await?;
    tx.commit("audit.legal_hold.place", TABLE).await?;
    Ok(id)
}

/// The same within a transaction.
///
/// # Errors
/// As [`hold`].
pub async fn place(tx: &mut Tx, subject: Option<Uuid>, reason: &str) -> Result<Uuid> {
    if let Some(subject) = subject {
        tx.get("medical.patients", subject, &["pseudonym"]).await?;
        tx.about(subject);
    }
    let id = tx.ctx.env.id();
    let mut values = Map::from_iter([("reason".to_owned(), json!(reason))]);
    values.extend(subject.map(|s| ("subject_id".to_owned(), json!(s))));
    tx.insert(TABLE, &[NewRow { id, values }]).await?;
    tx.on_row(id);
    Ok(id)
}

/// Makes the record of a person bait, or an ordinary one again. Looking it up is no reading of it.
///
/// # Errors
/// [`Error::NotFound`] for a person who is not there or was no bait; [`Error::Conflict`] for one that is already.
pub async fn bait(db: &Db, tenant: Uuid, patient: Uuid, placed: bool) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    let there = tx.query_opt(sql!("SELECT id FROM medical.patients WHERE id = $1"), &[&patient]).await?;
    tx.finish_unrecorded().await?;
    there.ok_or(Error::NotFound)?;
    db.mark_honey(Ctx::operator(db.env(), tenant), patient, placed).await
}

/// Lets a hold go.
///
/// # Errors
/// [`Error::NotFound`] when it is not in force in this tenant.
pub async fn release(db: &Db, tenant: Uuid, hold: Uuid, reason: &str) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    if let Err(e) = let_go(&mut tx, hold, reason).await {
        tx.undo().await;
        return Err(e);
    }
    tx.commit("audit.legal_hold.release", TABLE).await
}

/// The same within a transaction.
///
/// # Errors
/// As [`release`].
pub async fn let_go(tx: &mut Tx, hold: Uuid, reason: &str) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE audit.legal_holds SET released_at = $2, release_reason = $3::text \
         WHERE id = $1 AND released_at IS NULL RETURNING id"
    );
    tx.query_opt(sql, &[&hold, &now, &reason]).await?.ok_or(Error::NotFound)?;
    tx.on_row(hold);
    Ok(())
}
