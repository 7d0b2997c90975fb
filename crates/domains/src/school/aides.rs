//! What somebody who gives medication and orders none is shown of orders: those that are delegated to them today, and rescue
//! medicine. Whoever holds `school.med.order` is shown all.

use super::{orders::ORDERS, round::is_rescue};
use crate::checked;
use salus_core::{Error, Result};
use salus_store::{Body, Call, Op, Reply, Tx, run, sql};
use uuid::Uuid;

/// An operation on a table of this domain that answers whoever orders nothing less than others; most do not.
#[must_use]
pub fn guarded(op: Op) -> Op {
    match op.name.as_str() {
        "school.medication_order.list" => Op { run: run(|tx, call| Box::pin(list(tx, call))), ..op },
        "school.medication_order.get" => checked(op, |tx, call| Box::pin(one(tx, call))),
        _ => op,
    }
}

/// The orders that the caller is shown, of all or of one; nothing for who is shown all.
///
/// # Errors
/// Those of the database.
pub(super) async fn shown(tx: &mut Tx, of: Option<Uuid>) -> Result<Option<Vec<Uuid>>> {
    if tx.ctx.may("school.med.order") {
        return Ok(None);
    }
    let sql = sql!(
        "SELECT o.id, o.kind::text AS kind, o.medication::text AS medication, o.controlled_schedule::text AS controlled, \
           school.is_delegated(o.id, $2, ($1::timestamptz AT TIME ZONE s.timezone::text)::date) AS delegated, \
           o.kind = 'EMERGENCY' OR (o.kind <> 'SCHEDULED' AND EXISTS (SELECT FROM ref.drug_catalog d WHERE d.is_emergency \
             AND (d.id = o.drug_catalog_id OR (o.drug_catalog_id IS NULL AND d.rxcui = o.rxcui)))) AS rescue \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         WHERE (o.delegable OR o.kind <> 'SCHEDULED') AND ($3::uuid IS NULL OR o.id = $3)"
    );
    let (now, user) = (tx.ctx.env.now(), tx.ctx.actor.id);
    let found = tx.query(sql, &[&now, &user, &of]).await?;
    Ok(Some(found.iter().filter(|row| row.get("delegated") || is_rescue(row)).map(|row| row.get("id")).collect()))
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let among = shown(tx, None).await?;
    let page = tx.list_among(&ORDERS, &call, among).await?;
    Ok(Reply::of(200, Body::Page(page)))
}

async fn one(tx: &mut Tx, call: &Call) -> Result<()> {
    match shown(tx, Some(call.id()?)).await? {
        Some(shown) if shown.is_empty() => Err(Error::NotFound),
        _ => Ok(()),
    }
}
