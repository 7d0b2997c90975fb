//! When a key is due, and who exchanges it: the tenant's setting `keys.rotation` says after how many days, and whether the
//! server does it by itself. Quarterly and by hand when it says nothing.

use super::{Pace, Rotated};
use crate::{Db, KeyLine, keys::SEAL_ADVISED, seal::KeyClass, tx::failure, unit::Unit};
use salus_core::{Ctx, Error, Result};
use serde::Deserialize;
use uuid::Uuid;

/// The setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct RotationRules {
    /// Days after which a data key is due.
    pub class_days: i64,
    /// Days after which the tenant key and the index key are due.
    pub other_days: i64,
    /// Whether `salus serve` exchanges data keys that are due.
    pub automatic: bool,
}

impl Default for RotationRules {
    fn default() -> Self {
        Self { class_days: 90, other_days: 365, automatic: false }
    }
}

impl RotationRules {
    /// The name of the row in `kernel.settings`.
    pub const NAME: &'static str = "keys.rotation";

    /// What the tenant has set.
    ///
    /// # Errors
    /// Those of the database; [`Error::Invalid`] when the setting cannot be read.
    pub async fn of(db: &Db, tenant: Uuid) -> Result<Self> {
        let mut unit = Unit::new(&db.0.pool, &Ctx::system(db.env(), tenant), true);
        let fail = |f| failure(&db.0.catalog, f);
        let rows = unit
            .query("SELECT value FROM kernel.settings WHERE name = $1", &[&Self::NAME], true)
            .await
            .map_err(fail)?;
        unit.commit(&[]).await.map_err(fail)?;
        rows.first().map_or_else(|| Ok(Self::default()), |row| Self::read(row.get("value")))
    }

    /// From the value of the setting.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be read.
    pub fn read(value: serde_json::Value) -> Result<Self> {
        let rules: Self = serde_json::from_value(value).map_err(|e| {
            Error::invalid(Self::NAME, "wrong_shape", format!("Has class_days, other_days and automatic: {e}"))
        })?;
        let days = |n: i64| (1..=3650).contains(&n);
        if !days(rules.class_days) || !days(rules.other_days) {
            return Err(Error::invalid(Self::NAME, "not_allowed", "Days are from 1 to 3650"));
        }
        Ok(rules)
    }

    /// Why a key in use should be exchanged: `due_by_age`, `due_by_seals`; `None` when there is no reason to.
    #[must_use]
    pub fn advice(self, kind: &str, seals: i64, age_days: Option<i64>) -> Option<&'static str> {
        let limit = if kind == "class" { self.class_days } else { self.other_days };
        if seals >= SEAL_ADVISED {
            Some("due_by_seals")
        } else {
            age_days.filter(|days| *days >= limit).map(|_| "due_by_age")
        }
    }
}

impl Db {
    /// Whether a tenant's values were last counted more than a day ago, or never.
    async fn count_is_old(&self, tenant: Uuid) -> Result<bool> {
        let sql = "SELECT coalesce(max(counted_at) < clock_timestamp() - interval '1 day', true) FROM kernel.encrypted_field_metadata";
        Ok(self.key_rows(tenant, sql).await?.first().is_none_or(|r| r.get(0)))
    }

    /// Goes on with exchanges that broke off, and begins those that are due where the tenant's setting says so. Values are
    /// counted once a day for the page. Returns how many exchanges it finished.
    ///
    /// A tenant whose keys cannot be looked after is logged and keeps nobody else from it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_keys(&self, pace: &Pace) -> Result<usize> {
        let inventory = self.key_inventory().await?;
        let mut finished = 0;
        for (tenant, slug) in self.with_platform().await? {
            match self.keep_tenant_keys(tenant, &slug, &inventory, pace).await {
                Ok(n) => finished += n,
                // Closed, with its keys destroyed.
                Err(Error::NotFound) => {}
                Err(e) => tracing::error!(tenant = %slug, error = %e, "keys cannot be looked after"),
            }
        }
        Ok(finished)
    }

    async fn keep_tenant_keys(&self, tenant: Uuid, slug: &str, inventory: &[KeyLine], pace: &Pace) -> Result<usize> {
        let (now, rules) = (self.env().now(), RotationRules::of(self, tenant).await?);
        if rules.automatic {
            for key in inventory.iter().filter(|k| k.tenant == slug && k.advice(now, rules).is_some()) {
                let Some(class) = key.class.as_deref().and_then(KeyClass::from_name) else { continue };
                let ctx = Ctx::system(self.env(), tenant);
                match self.begin_rotation(ctx, Rotated::Class(class), "scheduled").await {
                    Err(Error::Conflict { .. }) => {}
                    other => other.map(|_| ())?,
                }
            }
        }
        if self.count_is_old(tenant).await? {
            self.count_sealed(tenant).await?;
        }
        let open = self.rotations(tenant, true).await?.len();
        if open == 0 {
            return Ok(0);
        }
        let left = self.run_rotations(tenant, pace, |_| ()).await?.len();
        Ok(open.saturating_sub(left))
    }
}
