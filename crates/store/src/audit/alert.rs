//! Alerts that raise themselves: what the sealer and verification find wrong becomes a row of `audit.tamper_alerts`,
//! once a day for each sign, of the tenant it concerns or of the platform.

use super::plain;
use salus_core::{Env, PLATFORM, Result};
use tokio_postgres::Transaction;
use uuid::Uuid;

/// What was found.
pub(super) struct Alert<'a> {
    pub(super) tenant: Uuid,
    pub(super) kind: &'a str,
    pub(super) leaf: Option<u64>,
    pub(super) event: Option<Uuid>,
    pub(super) what: &'a str,
}

impl<'a> Alert<'a> {
    /// One about the log as a whole.
    pub(super) fn of_platform(kind: &'a str, what: &'a str) -> Self {
        Self { tenant: PLATFORM, kind, leaf: None, event: None, what }
    }

    /// Notes it, unless it was noted today.
    pub(super) async fn raise(&self, tx: &Transaction<'_>, env: &Env) -> Result<()> {
        let tenant = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
        tx.query_one(tenant, &[&self.tenant.to_string()]).await.map_err(|e| plain(&e))?;
        let sql = "INSERT INTO audit.tamper_alerts (id, created_at, noted_on, kind, leaf_index, event_id, what) \
                   VALUES ($1, $2, $3, $4::text, $5, $6, $7::text) ON CONFLICT DO NOTHING";
        let (id, now, leaf) = (env.id(), env.now(), self.leaf.map(u64::cast_signed));
        tx.execute(sql, &[&id, &now, &now.date(), &self.kind, &leaf, &self.event, &self.what])
            .await
            .map_err(|e| plain(&e))?;
        Ok(())
    }
}
