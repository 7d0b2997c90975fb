//! A tenant erased: its keys and every row that may be removed. What only grows stays, sealed under keys that are gone. The
//! ledger of erasures repeats it after a restore.

use crate::{Db, erase::Entry, walls};
use salus_core::{Ctx, Error, PLATFORM, Result};
use serde::Serialize;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// The reason in the ledger that stands for a whole tenant; its person is the tenant itself.
pub(crate) const TENANT: &str = "tenant";

/// What was erased, and who wanted it.
#[derive(Debug, Clone, Serialize)]
pub struct TenantErased {
    /// The tenant.
    pub tenant: Uuid,
    /// When.
    pub erased_at: String,
    /// Who asked for it: a user of the tenant.
    pub asked_by: Uuid,
    /// The request, of which the tenant's audit events tell.
    pub request: Uuid,
    /// Tables that only grow, of which rows stay.
    pub stays: Vec<String>,
    /// Backups from before that are known.
    pub backups_left: i64,
}

impl Db {
    /// Erases a suspended tenant for which somebody of its own asked.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a tenant that is not suspended; [`Error::Refused`] with `two_person_required` where nobody asked;
    /// [`Error::Unavailable`] when the ledger cannot be written. Nothing is erased then.
    pub async fn erase_tenant(&self, slug: &str) -> Result<TenantErased> {
        let found = self.tenants().await?.into_iter().find(|t| t.slug == slug);
        let tenant =
            found.ok_or_else(|| Error::invalid("tenant", "no_such_record", format!("There is no tenant {slug}")))?;
        if tenant.state != "suspended" {
            let detail = format!("The tenant {slug} is {}: salus tenant suspend {slug} first", tenant.state);
            return Err(Error::Conflict { code: "wrong_state", detail });
        }
        let (request, asked_by) = self.tenant_erasure_asked(tenant.id).await?;
        let at = self.env().now();
        let entry = Entry { at, tenant: tenant.id, person: tenant.id, reason: TENANT.into() };
        self.ledger()?.append(&self.root(), &entry)?;
        let mut tx = self.begin(Ctx::operator(self.env(), PLATFORM), false).await?;
        let before = tx.backups_before(at).await?;
        tx.on_row(tenant.id);
        tx.note(json!({"request": request, "asked_by": asked_by}));
        tx.commit("kernel.tenant.erase", "kernel.tenants").await?;
        let stays = self.empty_tenant(tenant.id).await?;
        let erased_at = at.format(&Rfc3339).map_err(Error::internal)?;
        Ok(TenantErased { tenant: tenant.id, erased_at, asked_by, request, stays, backups_left: before.left })
    }

    /// The newest request of this tenant's own that waits.
    async fn tenant_erasure_asked(&self, tenant: Uuid) -> Result<(Uuid, Uuid)> {
        let now: OffsetDateTime = self.env().now();
        let mut tx = self.begin(Ctx::operator(self.env(), tenant), true).await?;
        let sql = "SELECT id, asked_by FROM kernel.approvals WHERE act = 'erase_tenant' AND state = 'waiting' AND expires_at > $1 \
                   AND asked_kind = 'user'";
        let found = tx.run(sql, &[&now]).await?.first().map(|r| (r.get(0), r.get(1)));
        tx.finish_unrecorded().await?;
        found.ok_or_else(|| Error::Refused {
            code: "two_person_required",
            detail: "Nobody of the tenant has asked for this in the last 72 hours: a person with the permission \
                     compliance.tenant.erase does (POST /api/v1/compliance/tenant-erasure-requests)"
                .into(),
        })
    }

    /// Removes a tenant's keys and rows and closes it; the tables of which rows stay. Also when a ledger repeats it.
    pub(crate) async fn empty_tenant(&self, tenant: Uuid) -> Result<Vec<String>> {
        walls::empty(self, tenant, "state = 'suspended' OR state = 'active'").await
    }
}
