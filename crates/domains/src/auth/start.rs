//! The roles a tenant starts with, as `roles.json` has them: those of every organization, and those of its kind. They
//! are rows like any others: an administrator changes them, or adds a set of another kind later.

use crate::row;
use salus_core::{Error, Result};
use salus_store::{Tx, engine::NewRow, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};
use uuid::Uuid;

/// Bundles of permissions, roles in sets, and which sets a kind of organization starts with.
#[derive(Debug, Deserialize)]
pub struct Library {
    /// Named lists of permission patterns.
    pub bundles: Vec<Bundle>,
    /// Roles by set; `base` is everyone's.
    pub sets: BTreeMap<String, Vec<StartRole>>,
    /// Sets by kind of organization.
    kinds: BTreeMap<String, Vec<String>>,
}

/// A named list of permission patterns.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Bundle {
    pub name: String,
    pub description: String,
    pub patterns: Vec<String>,
}

/// A role.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct StartRole {
    pub name: String,
    pub description: String,
    pub scope: String,
    pub purposes: Vec<String>,
    pub bundles: Vec<String>,
    #[serde(default)]
    pub masks: Vec<StartMask>,
}

/// Columns that a role is not answered.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct StartMask {
    #[serde(default)]
    pub purpose: Option<String>,
    pub table: String,
    pub columns: Vec<String>,
}

static LIBRARY: LazyLock<Result<Library>> =
    LazyLock::new(|| serde_json::from_str(include_str!("roles.json")).map_err(Error::internal));

/// All of it.
///
/// # Errors
/// [`Error::Internal`] when the file cannot be read.
pub fn library() -> Result<&'static Library> {
    LIBRARY.as_ref().map_err(Error::internal)
}

/// The roles an organization of this kind starts with.
///
/// # Errors
/// As [`library`].
pub fn start_roles(kind: &str) -> Result<Vec<&'static StartRole>> {
    let library = library()?;
    let sets = std::iter::once("base").chain(library.kinds.get(kind).into_iter().flatten().map(String::as_str));
    Ok(sets.filter_map(|set| library.sets.get(set)).flatten().collect())
}

/// Gives a tenant the roles of a kind of organization that it does not have yet; those it has stay as they are. Returns
/// the names of the new ones.
///
/// # Errors
/// Those of the database.
pub async fn add_roles(tx: &mut Tx, kind: &str) -> Result<Vec<String>> {
    let library = library()?;
    let held = names(tx.query(sql!("SELECT name::text, id FROM auth.roles"), &[]).await?.as_slice());
    let mut bundles = names(tx.query(sql!("SELECT name::text, id FROM auth.permissions"), &[]).await?.as_slice());
    let (mut roles, mut permissions, mut grants, mut masks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let new = |tx: &Tx, values: Value| NewRow { id: tx.ctx.env.id(), values: row(values) };
    let wanted: Vec<&StartRole> = start_roles(kind)?.into_iter().filter(|r| !held.contains_key(&r.name)).collect();
    for role in &wanted {
        let made = new(
            tx,
            json!({"name": role.name, "description": role.description, "scope": role.scope, "purposes": role.purposes,
                "is_system": true}),
        );
        for name in &role.bundles {
            let bundle = library.bundles.iter().find(|b| b.name == *name);
            let bundle = bundle.ok_or_else(|| Error::internal(format!("no bundle {name}")))?;
            let permission = if let Some(id) = bundles.get(name) {
                *id
            } else {
                let values =
                    json!({"name": bundle.name, "description": bundle.description, "patterns": bundle.patterns});
                let permission = new(tx, values);
                let id = permission.id;
                bundles.insert(name.clone(), id);
                permissions.push(permission);
                id
            };
            grants.push(new(tx, json!({"role_id": made.id, "permission_id": permission})));
        }
        for mask in &role.masks {
            let mut values = json!({"role_id": made.id, "table_name": mask.table, "columns": mask.columns});
            if let Some(purpose) = &mask.purpose {
                values["purpose"] = json!(purpose);
            }
            masks.push(new(tx, values));
        }
        roles.push(made);
    }
    tx.insert("auth.roles", &roles).await?;
    tx.insert("auth.permissions", &permissions).await?;
    tx.insert("auth.role_permissions", &grants).await?;
    tx.insert("auth.field_masks", &masks).await?;
    Ok(wanted.into_iter().map(|r| r.name.clone()).collect())
}

fn names(rows: &[salus_store::Row]) -> HashMap<String, Uuid> {
    rows.iter().map(|r| (r.get(0), r.get(1))).collect()
}
