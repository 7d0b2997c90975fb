//! What is done to facts besides creating and changing them.

use salus_core::Result;
use salus_store::{Tx, sql};
use uuid::Uuid;

/// Puts results under the reports that name them; the two lists go together.
///
/// # Errors
/// Those of the database.
pub async fn link_results(tx: &mut Tx, results: &[Uuid], reports: &[Uuid]) -> Result<()> {
    let sql = sql!(
        "UPDATE records.lab_results r SET report_id = x.report FROM unnest($1::uuid[], $2::uuid[]) AS x(result, report) \
         WHERE r.id = x.result AND r.report_id IS DISTINCT FROM x.report"
    );
    tx.query(sql, &[&results, &reports]).await.map(|_| ())
}
