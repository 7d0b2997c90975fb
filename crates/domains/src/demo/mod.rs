//! Demonstration tenants: an organization with its permissions, roles, settings and rows, as the files of `db/seed`
//! describe it. Every row goes through the same door as everyone's. The clinic `valley` also has patients and the
//! district `larkspur` students, who are made by rule from one seed: nobody in them exists.

mod background;
mod calendar;
mod clinic;
mod course;
mod district;
mod drugs;
mod laboratory;
mod measured;
mod medicine;
mod names;
mod people;
mod places;
mod problems;
mod random;
mod rows;
mod students;
mod tongues;
mod vaccines;
mod valley;
mod visits;

pub use people::FULL_CHART_MRN;

use crate::{
    auth::{self, NewUser},
    medical, row,
};
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{
    Db, Tx,
    engine::NewRow,
    sql,
    walls::{self, Site},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

#[derive(rust_embed::Embed)]
#[folder = "../../db/seed"]
#[include = "*.json"]
struct Files;

#[derive(Deserialize)]
struct Seed {
    tenant: Map<String, Value>,
    #[serde(default)]
    permissions: Vec<Map<String, Value>>,
    #[serde(default)]
    roles: Vec<Role>,
    /// Which kind of organization's roles of the library it starts with.
    start_roles: Option<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    rows: Vec<Rows>,
    #[serde(default)]
    users: Vec<NewUser>,
}

#[derive(Deserialize)]
struct Role {
    permissions: Vec<String>,
    #[serde(flatten)]
    row: Map<String, Value>,
}

#[derive(Deserialize)]
struct Rows {
    table: String,
    rows: Vec<Map<String, Value>>,
}

/// A tenant that was loaded, and the one-time links of its users.
#[derive(Debug)]
pub struct Loaded {
    /// The tenant's name.
    pub slug: String,
    /// The tenant.
    pub id: Uuid,
    /// Address, roles and link of each user.
    pub invitations: Vec<Invited>,
}

/// A user who can be taken up by a one-time link.
#[derive(Debug)]
pub struct Invited {
    /// Address to sign in with.
    pub email: String,
    /// Roles.
    pub roles: Vec<String>,
    /// The secret in `/setup/<token>`.
    pub token: String,
}

/// How many patients a clinic, and students a district, is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The first 30 patients, the one with the full chart among them, for tests; 120 students.
    Small,
    /// 300 patients; 1,450 students.
    Full,
}

/// The names of the demonstration tenants.
#[must_use]
pub fn names() -> Vec<String> {
    Files::iter().filter_map(|f| f.strip_suffix(".json").map(str::to_owned)).collect()
}

/// Whether this database is marked production: no demonstration goes into it.
///
/// # Errors
/// Those of the database.
pub async fn is_production(db: &Db) -> Result<bool> {
    let mut tx = db.begin(Ctx::system(db.env(), PLATFORM), true).await?;
    let marked =
        tx.query_opt(sql!("SELECT coalesce(bool_or(production), false) FROM kernel.installation"), &[]).await?;
    tx.finish_unrecorded().await?;
    Ok(marked.is_some_and(|row| row.get(0)))
}

/// Loads a demonstration tenant. Its patients go in by several transactions: when one fails, or the program is killed,
/// nobody finds what was loaded, and the next loading removes it.
///
/// # Errors
/// [`Error::NotFound`] for an unknown name, [`Error::Conflict`] when the tenant exists, [`Error::Refused`] in production.
pub async fn load(db: &Db, name: &str) -> Result<Loaded> {
    load_sized(db, name, usual(name)).await
}

/// The size in which a tenant is loaded when nobody says which: the district takes minutes to be full.
#[must_use]
pub fn usual(name: &str) -> Size {
    if name == "larkspur" { Size::Small } else { Size::Full }
}

/// Loads a demonstration tenant with this many patients. What a loading left that was killed is removed before.
///
/// # Errors
/// As [`load`].
pub async fn load_sized(db: &Db, name: &str, size: Size) -> Result<Loaded> {
    let file = Files::get(&format!("{name}.json")).ok_or(Error::NotFound)?;
    let seed: Seed = serde_json::from_slice(&file.data).map_err(Error::internal)?;
    if is_production(db).await? {
        let detail = "This database is marked production: no demonstration data goes into it".into();
        return Err(Error::Refused { code: "production", detail });
    }
    let claimed = Site::wait(db).await?;
    for tenant in claimed.left_behind().await? {
        walls::remove(db, tenant).await?;
    }
    if exists(db, name).await? {
        return Err(Error::Conflict { code: "tenant_exists", detail: format!("There is a tenant {name} already") });
    }
    // It bears its own name when it is whole: nobody comes to one that lacks a half.
    let passing = format!("demo-{}", &db.env().id().simple().to_string()[24..]);
    let tenant = db.create_tenant(&passing, true).await?;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    let invitations = fill(&mut tx, tenant, seed).await?;
    tx.commit("kernel.demo.load", "kernel.tenants").await?;
    if name == "valley" {
        valley::fill(db, tenant, size).await?;
    }
    if name == "larkspur" {
        district::fill(db, tenant, size).await?;
    }
    db.name_demo(tenant, name).await?;
    Ok(Loaded { slug: name.to_owned(), id: tenant, invitations })
}

async fn fill(tx: &mut Tx, tenant: Uuid, seed: Seed) -> Result<Vec<Invited>> {
    let mut organization = seed.tenant;
    organization.remove("slug");
    tx.insert("auth.organizations", &[NewRow { id: tenant, values: organization }]).await?;
    let permissions = named(tx, "auth.permissions", seed.permissions).await?;
    let mut grants = Vec::new();
    for role in seed.roles {
        let ids = named(tx, "auth.roles", vec![role.row]).await?;
        for (granted, role_id) in role.permissions.iter().flat_map(|p| ids.values().map(move |r| (p, r))) {
            let permission = permissions
                .get(granted)
                .ok_or_else(|| Error::internal(format!("no permission {granted} in the seed")))?;
            grants.push(new_row(tx, json!({"role_id": role_id, "permission_id": permission})));
        }
    }
    tx.insert("auth.role_permissions", &grants).await?;
    if let Some(kind) = seed.start_roles {
        auth::add_roles(tx, &kind).await?;
    }
    let settings: Vec<NewRow> =
        seed.settings.into_iter().map(|(name, value)| new_row(tx, json!({"name": name, "value": value}))).collect();
    tx.insert("kernel.settings", &settings).await?;
    for rows in seed.rows {
        let today = tx.ctx.env.now().date();
        let mut made = Vec::with_capacity(rows.rows.len());
        for mut values in rows.rows {
            let id = match values.remove("id") {
                Some(Value::String(id)) => id.parse().map_err(Error::internal)?,
                _ => tx.ctx.env.id(),
            };
            if rows.table.starts_with("records.") {
                values.entry("recorded_at").or_insert_with(|| json!(format!("{today}T00:00:00Z")));
            }
            if rows.table == medical::PATIENTS.table {
                medical::derive_patient(&mut values, today)?;
            }
            made.push(NewRow { id, values });
        }
        tx.insert(&rows.table, &made).await?;
    }
    let mut invitations = Vec::new();
    for user in seed.users {
        let made = auth::invite(tx, &user).await?;
        invitations.push(Invited { email: user.email, roles: user.roles, token: made.token });
    }
    Ok(invitations)
}

/// Inserts rows that have a name, and returns their ids by it.
async fn named(tx: &mut Tx, table: &str, rows: Vec<Map<String, Value>>) -> Result<HashMap<String, Uuid>> {
    let rows: Vec<NewRow> = rows.into_iter().map(|values| NewRow { id: tx.ctx.env.id(), values }).collect();
    tx.insert(table, &rows).await?;
    Ok(rows.into_iter().map(|r| (r.values["name"].as_str().unwrap_or_default().to_owned(), r.id)).collect())
}

fn new_row(tx: &Tx, values: Value) -> NewRow {
    NewRow { id: tx.ctx.env.id(), values: row(values) }
}

/// Whether a tenant of this name exists already.
///
/// # Errors
/// Those of the database.
pub async fn exists(db: &Db, name: &str) -> Result<bool> {
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), true).await?;
    let found = tx.query_opt(sql!("SELECT 1 FROM kernel.tenants WHERE slug = $1"), &[&name]).await?;
    tx.finish_unrecorded().await?;
    Ok(found.is_some())
}
