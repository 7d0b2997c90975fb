//! A new tenant: its organization and the roles it starts with, which its administrator may change. Demonstration
//! tenants bring roles of their own.

use crate::row;
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, engine::NewRow, sql};
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

/// A role every tenant starts with: name, what it is for, whose rows it reaches, and its permission patterns.
type Start = (&'static str, &'static str, &'static str, &'static [&'static str]);

const START: [Start; 6] = [
    (
        "admin",
        "Users, roles, settings and the audit log; no patient's record",
        "tenant",
        &[
            "auth.*.*",
            "kernel.setting.*",
            "kernel.key.*",
            "kernel.approval.read",
            "audit.log.read",
            "compliance.*.read",
            "compliance.retention_policy.*",
        ],
    ),
    (
        "privacy_officer",
        "Erasures, keys, retention and the audit log; patients under their pseudonym",
        "tenant",
        &["compliance.*.*", "kernel.key.*", "kernel.approval.read", "audit.*.read", "medical.patient.read"],
    ),
    (
        "clinician",
        "Patients and their records, read and write; who saw a record",
        "tenant",
        &["medical.*.*", "records.*.*", "exchange.fhir.read", "kernel.phi.read", "audit.subject.read"],
    ),
    (
        "reader",
        "Patients and their records, read only",
        "tenant",
        &["medical.*.read", "records.*.read", "kernel.phi.read"],
    ),
    (
        "auditor",
        "The audit log, the state of keys and who saw whose record; patients under their pseudonym",
        "tenant",
        &[
            "audit.*.read",
            "auth.user.read",
            "auth.session.read",
            "medical.patient.read",
            "compliance.*.read",
            "kernel.key.read",
        ],
    ),
    (
        "patient",
        "One's own record and who saw it",
        "own",
        &["medical.*.read", "records.*.read", "kernel.phi.read", "audit.subject.read"],
    ),
];

/// Names of the roles every tenant starts with.
pub fn start_roles() -> impl Iterator<Item = &'static str> {
    START.iter().map(|(name, ..)| *name)
}

/// Makes a tenant with its keys, its organization and [`start_roles`]. A tenant whose making broke off half-way is
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
    roles(&mut tx).await?;
    tx.commit("auth.organization.create", "auth.organizations").await?;
    Ok(id)
}

fn taken(e: &Error) -> Error {
    Error::Conflict { code: "duplicate", detail: e.to_string() }
}

async fn roles(tx: &mut Tx) -> Result<()> {
    let (mut roles, mut permissions, mut grants) = (Vec::new(), Vec::new(), Vec::new());
    for (name, description, scope, patterns) in START {
        let (role, permission) = (tx.ctx.env.id(), tx.ctx.env.id());
        let values = json!({"name": name, "description": description, "scope": scope, "is_system": true});
        roles.push(NewRow { id: role, values: row(values) });
        let values = json!({"name": format!("{name}.start"), "description": description, "patterns": patterns});
        permissions.push(NewRow { id: permission, values: row(values) });
        let values = row(json!({"role_id": role, "permission_id": permission}));
        grants.push(NewRow { id: tx.ctx.env.id(), values });
    }
    tx.insert("auth.roles", &roles).await?;
    tx.insert("auth.permissions", &permissions).await?;
    tx.insert("auth.role_permissions", &grants).await
}
