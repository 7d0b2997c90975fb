//! When a key is due, and who exchanges it: the tenant's setting `keys.rotation` says after how many days, and whether the
//! server does it by itself. Quarterly and by hand when it says nothing.

use super::{Pace, Rotated};
use crate::{Db, seal::KeyClass, tx::failure, unit::Unit};
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
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        let rules: Self = serde_json::from_value(row.get("value")).map_err(|e| {
            Error::invalid(Self::NAME, "wrong_shape", format!("Has class_days, other_days and automatic: {e}"))
        })?;
        let days = |n: i64| (1..=3650).contains(&n);
        if !days(rules.class_days) || !days(rules.other_days) {
            return Err(Error::invalid(Self::NAME, "not_allowed", "Days are from 1 to 3650"));
        }
        Ok(rules)
    }
}

impl Db {
    /// Goes on with exchanges that broke off, and begins those that are due where the tenant's setting says so. Returns how
    /// many it finished.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_keys(&self, pace: &Pace) -> Result<usize> {
        let now = self.env().now();
        let inventory = self.key_inventory().await?;
        let mut finished = 0;
        for (tenant, slug) in self.with_platform().await? {
            let rules = RotationRules::of(self, tenant).await?;
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
            let open = self.rotations(tenant, true).await?.len();
            if open > 0 {
                let left = self.run_rotations(tenant, pace, |_| ()).await?.len();
                finished += open.saturating_sub(left);
            }
        }
        Ok(finished)
    }
}
