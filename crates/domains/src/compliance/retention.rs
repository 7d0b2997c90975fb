//! How long events of the audit log are kept, from the policies of each tenant for the class `audit_logs`.

use salus_core::{Ctx, Result};
use salus_store::{Db, audit::retention::Keep, sql};

/// What is kept where no policy says otherwise: seven calendar years.
const YEARS: i32 = 7;

/// The period of every tenant. The longest of its policies rules; one that counts from something else than the making
/// of the event, or does not end in deletion, keeps everything, and the tenant is left out.
///
/// # Errors
/// Those of the database.
pub async fn audit_periods(db: &Db) -> Result<Vec<Keep>> {
    let mut all = vec![];
    let tenants = db.tenants().await?.into_iter().map(|t| t.id).chain([salus_core::PLATFORM]);
    for tenant in tenants {
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
        let rows = tx
            .query(
                sql!(
                    "SELECT count(*), coalesce(max(retention_years), 0), coalesce(max(retention_days), 0), \
                     coalesce(bool_and(trigger = 'CREATED' AND action = 'DELETE'), true) \
                     FROM compliance.retention_policies WHERE data_class = 'audit_logs' AND is_active"
                ),
                &[],
            )
            .await?;
        tx.commit("compliance.retention_policy.apply", "compliance.retention_policies").await?;
        let Some(row) = rows.first() else { continue };
        match (row.get::<_, i64>(0), row.get::<_, bool>(3)) {
            (0, _) => all.push(Keep { tenant, years: YEARS, days: 0 }),
            (_, true) => all.push(Keep { tenant, years: row.get(1), days: row.get(2) }),
            (_, false) => {}
        }
    }
    Ok(all)
}
