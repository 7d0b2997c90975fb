//! To which units, such as a school, a person belongs: who works there reaches the record (scope school). The domain that
//! owns the unit says when a person comes and goes.

use crate::row;
use salus_core::Result;
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::json;
use std::collections::BTreeSet;
use time::Date;
use uuid::Uuid;

/// A person belongs to a unit on the days of these spans, first and last day, and on no others: what was said before is
/// replaced. A span without a last day is open.
///
/// # Errors
/// Those of the database; the caller must reach the whole tenant.
pub async fn belongs(tx: &mut Tx, person: Uuid, unit: Uuid, spans: &[(Date, Option<Date>)]) -> Result<()> {
    let sql = sql!(
        "SELECT id, valid_from, valid_to FROM auth.person_units WHERE patient_id = $1 AND organization_id = $2 FOR UPDATE"
    );
    let mut missing: BTreeSet<(Date, Option<Date>)> = spans.iter().copied().collect();
    let mut gone = Vec::new();
    for held in tx.query(sql, &[&person, &unit]).await? {
        if !missing.remove(&(held.get("valid_from"), held.get("valid_to"))) {
            gone.push(held.get::<_, Uuid>("id"));
        }
    }
    if !gone.is_empty() {
        tx.query(sql!("DELETE FROM auth.person_units WHERE id = ANY($1)"), &[&gone]).await?;
    }
    let rows: Vec<NewRow> = missing
        .into_iter()
        .map(|(from, to)| {
            let values = row(json!({"patient_id": person, "organization_id": unit, "valid_from": from.to_string(),
                "valid_to": to.map(|day| day.to_string())}));
            NewRow { id: tx.ctx.env.id(), values }
        })
        .collect();
    tx.insert("auth.person_units", &rows).await
}
