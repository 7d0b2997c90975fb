//! What a user holds: each role with its permissions, scope, purposes and masks. A request, an explanation of access and
//! a preview of a changed role read it here, so that they cannot differ.

use super::modules;
use crate::compliance;
use salus_core::{Ctx, Error, Grant, Labels, Masks, Permissions, Purpose, Result, Scope};
use salus_store::{Row, Tx, sql};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use time::OffsetDateTime;
use uuid::Uuid;

/// The roles of one user.
#[derive(Debug)]
pub struct Held {
    /// Names of the roles, in order.
    pub roles: Vec<String>,
    /// Version of the tenant's policy in which they are so.
    pub policy: i64,
    grants: Vec<Grant>,
    labels: Labels,
    part2: bool,
    closed: Arc<[&'static str]>,
}

impl Held {
    /// The same for a token that is limited to some permissions.
    #[must_use]
    pub fn narrowed_to(mut self, scopes: &Permissions) -> Self {
        for grant in &mut self.grants {
            grant.permissions = grant.permissions.intersect(scopes);
        }
        self
    }

    /// The same for a key that is limited to some purposes; none named limits nothing. A role that serves none of them
    /// gives nothing.
    #[must_use]
    pub fn only_for(mut self, purposes: &BTreeSet<Purpose>) -> Self {
        if purposes.is_empty() {
            return self;
        }
        self.grants.retain_mut(|grant| {
            grant.purposes = purposes.iter().filter(|p| grant.serves(**p)).copied().collect();
            !grant.purposes.is_empty()
        });
        self
    }

    /// What all roles permit together, whatever the purpose.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        Permissions::new(self.grants.iter().flat_map(|grant| grant.permissions.iter()))
    }

    /// The roles.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter()
    }

    /// A caller with these roles, for the first purpose that they serve.
    #[must_use]
    pub fn caller(self, ctx: Ctx) -> Ctx {
        let ctx = Ctx {
            grants: self.grants.into(),
            labels: self.labels,
            part2: self.part2,
            closed: self.closed,
            policy: Some(self.policy),
            ..ctx
        };
        let any = if ctx.grants.is_empty() { Purpose::Treatment } else { Purpose::Operations };
        let first = ctx.purposes().next().unwrap_or(any);
        ctx.for_purpose(first)
    }
}

/// What a user holds at this time.
///
/// # Errors
/// Those of the database, and [`Error::Internal`] for a role that cannot be read.
pub async fn held(tx: &mut Tx, user: Uuid, now: OffsetDateTime) -> Result<Held> {
    let sql = sql!(
        "SELECT t.policy_version, t.bears_part2, r.name::text AS role, r.scope::text AS scope, r.purposes, \
           (SELECT jsonb_agg(p.patterns) FROM auth.role_permissions rp \
              JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
             WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) AS patterns, \
           (SELECT jsonb_agg(jsonb_build_array(m.purpose, m.table_name, m.columns)) FROM auth.field_masks m \
             WHERE m.tenant_id = r.tenant_id AND m.role_id = r.id) AS masks \
         FROM kernel.tenants t LEFT JOIN (auth.user_roles ur \
           JOIN auth.roles r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id AND r.retired_at IS NULL) \
           ON ur.tenant_id = t.id AND ur.user_id = $1 AND ur.valid_from <= $2 AND (ur.valid_to IS NULL OR ur.valid_to > $2) \
         WHERE t.id = kernel.tenant() ORDER BY r.name"
    );
    let rows = tx.query(sql, &[&user, &now]).await?;
    // One statement, so that the version is that of the roles; who holds none has a row without a role.
    let tenant = rows.first().ok_or(Error::NotFound)?;
    let (policy, part2) = (tenant.get("policy_version"), tenant.get("bears_part2"));
    let roles = rows.iter().filter(|row| row.get::<_, Option<&str>>("role").is_some());
    let grants = roles.map(grant).collect::<Result<Vec<Grant>>>()?;
    let roles = grants.iter().map(|g| g.role.clone()).collect();
    let labels = if compliance::is_labelled(tx).await? { Labels::All } else { Labels::InRows };
    let closed = modules::closed_modules(tx).await?;
    Ok(Held { roles, policy, grants, labels, part2, closed })
}

/// A role of a row that has `role`, `scope`, `purposes`, `patterns` and `masks`.
fn grant(row: &Row) -> Result<Grant> {
    let unreadable = || Error::internal("a role cannot be read");
    let purposes: Vec<Purpose> = serde_json::from_value(row.get("purposes")).map_err(Error::internal)?;
    let lists = row.get::<_, Option<Value>>("patterns").map(serde_json::from_value::<Vec<Vec<String>>>).transpose();
    let mut masks: Vec<(Option<Purpose>, Masks)> = Vec::new();
    if let Some(value) = row.get::<_, Option<Value>>("masks") {
        type Mask = (Option<Purpose>, String, BTreeSet<String>);
        for (purpose, table, columns) in serde_json::from_value::<Vec<Mask>>(value).map_err(Error::internal)? {
            masks.push((purpose, Masks::from([(table, columns)])));
        }
    }
    Ok(Grant {
        role: row.get("role"),
        permissions: Permissions::new(lists.map_err(Error::internal)?.unwrap_or_default().into_iter().flatten()),
        scope: Scope::from_name(row.get("scope")).ok_or_else(unreadable)?,
        purposes: purposes.into_iter().collect(),
        masks,
    })
}
