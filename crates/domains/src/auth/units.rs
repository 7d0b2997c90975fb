//! To which units, such as a school, a person belongs: who works there reaches the record (scope school). The domain that
//! owns the unit says when a person comes and goes.

use crate::row;
use salus_core::Result;
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::json;
use time::Date;
use uuid::Uuid;

/// A person belongs to a unit from a day on; nothing is changed for one who does already.
///
/// # Errors
/// Those of the database; the caller must reach the whole tenant.
pub async fn join_unit(tx: &mut Tx, person: Uuid, unit: Uuid, from: Date) -> Result<()> {
    let sql = sql!(
        "SELECT id FROM auth.person_units WHERE patient_id = $1 AND organization_id = $2 AND (valid_to IS NULL OR valid_to >= $3)"
    );
    if tx.query_opt(sql, &[&person, &unit, &from]).await?.is_some() {
        return Ok(());
    }
    let values = row(json!({"patient_id": person, "organization_id": unit, "valid_from": from.to_string()}));
    let id = tx.ctx.env.id();
    tx.insert("auth.person_units", &[NewRow { id, values }]).await
}

/// A person belongs to a unit until a day.
///
/// # Errors
/// As [`join_unit`].
pub async fn leave_unit(tx: &mut Tx, person: Uuid, unit: Uuid, last: Date) -> Result<()> {
    let sql = sql!(
        "UPDATE auth.person_units SET valid_to = greatest($3, valid_from) \
         WHERE patient_id = $1 AND organization_id = $2 AND (valid_to IS NULL OR valid_to > $3)"
    );
    tx.query(sql, &[&person, &unit, &last]).await.map(|_| ())
}
