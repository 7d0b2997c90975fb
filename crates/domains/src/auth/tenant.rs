//! A new tenant: its organization and the roles it starts with, which its administrator may change. Demonstration
//! tenants bring roles of their own.

use super::{
    configuration::{self, Profile},
    start::add_roles,
};
use crate::row;
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, engine::NewRow, sql};
use serde_json::json;
use uuid::Uuid;

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name in addresses and commands.
    pub slug: String,
    /// Name of its organization.
    pub name: String,
    /// Kind of its organization.
    pub kind: String,
}

/// Makes a tenant with its keys, its organization and the roles of its kind. A tenant whose making broke off half-way is
/// finished.
///
/// # Errors
/// [`Error::Invalid`] for a name or kind that cannot be, before anything is made; [`Error::Conflict`] for one taken.
pub async fn create_tenant(db: &Db, new: &NewTenant) -> Result<Uuid> {
    let kinds = db.catalog().table("auth.organizations")?.column("kind").map_or(&[][..], |c| &c.labels[..]);
    if !kinds.contains(&new.kind) {
        return Err(Error::invalid("kind", "not_allowed", format!("Is one of: {}", kinds.join(", "))));
    }
    if new.name.trim().is_empty() {
        return Err(Error::invalid("name", "required", "Is the name of the organization"));
    }
    let (id, taken) = match db.create_tenant(&new.slug, false).await {
        Ok(id) => (id, None),
        Err(e @ Error::Conflict { .. }) => (db.tenant(&new.slug).await.map_err(|_| taken(&e))?, Some(e)),
        Err(e) => return Err(e),
    };
    let mut tx = db.begin(Ctx::operator(db.env(), id), false).await?;
    if let Some(taken) = taken
        && tx.query_opt(sql!("SELECT id FROM auth.organizations LIMIT 1"), &[]).await?.is_some()
    {
        return Err(taken);
    }
    tx.insert("auth.organizations", &[NewRow { id, values: row(json!({"name": new.name, "kind": new.kind})) }]).await?;
    add_roles(&mut tx, &new.kind).await?;
    let values = row(json!({"name": configuration::NAME, "value": Profile::Current.rules().to_value()}));
    let setting = tx.ctx.env.id();
    tx.insert("kernel.settings", &[NewRow { id: setting, values }]).await?;
    tx.commit("auth.organization.create", "auth.organizations").await?;
    Ok(id)
}

fn taken(e: &Error) -> Error {
    Error::Conflict { code: "duplicate", detail: e.to_string() }
}
