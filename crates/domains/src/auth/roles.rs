//! Roles as an administrator sees them: the operations on them, and the matrix of roles and permissions. What a change
//! means, and the change itself, is in `role_change`.

use super::{bundle_change, role_change};
use salus_core::{Error, Permissions, Result};
use salus_store::{Call, Catalog, Method, Op, Param, Reply, Run, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// The matrix, the previews, the changes and the copy.
#[must_use]
pub fn ops() -> Vec<Op> {
    let mut all = bundle_change::ops();
    all.extend(of_roles());
    all
}

fn of_roles() -> Vec<Op> {
    vec![
        Op {
            params: vec![Param {
                name: "name".into(),
                doc: "Only the role of this name".into(),
                schema: json!({"type": "string"}),
            }],
            ..op(
                (Method::Get, "role-matrix", "matrix"),
                "auth.role.read",
                "Roles with scope, purposes and holders, and which permissions each gives",
                run(|tx, call| Box::pin(matrix(tx, call))),
            )
        },
        Op {
            input: Some(role_change::proposal_schema()),
            ..op(
                (Method::Post, "roles/{id}/preview", "preview"),
                "auth.role.write",
                "Who would gain and lose what if a role were changed so; changes nothing",
                run(|tx, call| Box::pin(role_change::preview(tx, call))),
            )
        },
        Op {
            input: Some(role_change::proposal_schema()),
            ..op(
                (Method::Post, "roles/{id}/define", "define"),
                "auth.role.write",
                "Change what a role gives, over whose rows, for which purposes and without which fields, or retire it, in one step",
                run(|tx, call| Box::pin(role_change::define(tx, call))),
            )
        },
        Op {
            input: Some(role_change::named_schema()),
            ..op(
                (Method::Post, "roles/{id}/copy", "copy"),
                "auth.role.write",
                "Make a role under another name that gives what this one gives; nobody holds it yet",
                run(|tx, call| Box::pin(role_change::copy(tx, call))),
            )
        },
    ]
}

fn op((method, path, verb): (Method, &str, &str), permission: &'static str, summary: &str, run: Run) -> Op {
    Op {
        method,
        path: format!("/api/v1/auth/{path}"),
        name: format!("auth.role.{verb}"),
        permission,
        summary: summary.to_owned(),
        target: "auth.roles",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    }
}

/// Every permission that some operation takes, and those that are asked for beside operations: to open sealed values, to
/// appoint others, to export.
///
/// # Errors
/// [`Error::Internal`] when a resource names a table or column that does not exist.
pub fn known_permissions(catalog: &Catalog) -> Result<BTreeSet<&'static str>> {
    let mut all: BTreeSet<&'static str> = crate::operations(catalog)?.iter().map(|op| op.permission).collect();
    all.extend(["kernel.phi.read", "kernel.sensitive.read", "auth.role.grant", crate::exchange::EXPORT]);
    Ok(all)
}

async fn matrix(tx: &mut Tx, call: Call) -> Result<Reply> {
    let name = call.query_value("name").map(str::to_owned);
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT r.id, r.name::text, r.description::text, r.scope::text, r.purposes, r.is_system, r.retired_at IS NOT NULL AS retired, \
           (SELECT jsonb_agg(p.name ORDER BY p.name) FROM auth.role_permissions rp \
              JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
             WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) AS bundles, \
           (SELECT jsonb_agg(jsonb_build_object('table', m.table_name, 'purpose', m.purpose, 'columns', m.columns) \
                             ORDER BY m.table_name, m.purpose) FROM auth.field_masks m \
             WHERE m.tenant_id = r.tenant_id AND m.role_id = r.id) AS masks, \
           (SELECT count(*) FROM auth.user_roles u WHERE u.tenant_id = r.tenant_id AND u.role_id = r.id \
               AND u.valid_from <= $1 AND (u.valid_to IS NULL OR u.valid_to > $1)) AS holders \
         FROM auth.roles r WHERE $2::text IS NULL OR r.name = $2 ORDER BY r.name"
    );
    let rows = tx.query(sql, &[&now, &name]).await?;
    if rows.is_empty() && name.is_some() {
        return Err(Error::NotFound);
    }
    let patterns = bundles(tx).await?;
    let known = known_permissions(tx.catalog())?;
    let mut roles = Vec::with_capacity(rows.len());
    for found in &rows {
        let names: Vec<String> = match found.get::<_, Option<Value>>("bundles") {
            None => Vec::new(),
            Some(names) => serde_json::from_value(names).map_err(Error::internal)?,
        };
        let retired: bool = found.get("retired");
        let given = union(names.iter().filter(|_| !retired).filter_map(|n| patterns.get(n)).map(|(_, p)| p));
        roles.push(json!({
            "id": found.get::<_, Uuid>("id"),
            "name": found.get::<_, String>("name"),
            "description": found.get::<_, Option<String>>("description"),
            "scope": found.get::<_, String>("scope"),
            "purposes": found.get::<_, Value>("purposes"),
            "bundles": names,
            "masks": found.get::<_, Option<Value>>("masks").unwrap_or_else(|| json!([])),
            "built_in": found.get::<_, bool>("is_system"),
            "retired": retired,
            "holders": found.get::<_, i64>("holders"),
            "permissions": known.iter().filter(|p| given.allow(p)).collect::<Vec<_>>(),
        }));
    }
    tx.count(roles.len());
    let bundles: BTreeMap<&String, &(Uuid, Permissions)> = patterns.iter().collect();
    let contents = bundles.iter().map(|(name, (id, gives))| json!({"id": id, "name": name, "patterns": gives}));
    let contents: Vec<Value> = contents.collect();
    let names: Vec<&&String> = bundles.keys().collect();
    Ok(Reply::json(json!({"roles": roles, "permissions": known, "bundles": names, "contents": contents})))
}

/// Bundles of the tenant by name.
pub(super) async fn bundles(tx: &mut Tx) -> Result<HashMap<String, (Uuid, Permissions)>> {
    let rows = tx.query(sql!("SELECT id, name::text, patterns FROM auth.permissions"), &[]).await?;
    let mut all = HashMap::with_capacity(rows.len());
    for found in &rows {
        let patterns: Vec<String> = serde_json::from_value(found.get("patterns")).map_err(Error::internal)?;
        all.insert(found.get("name"), (found.get("id"), Permissions::new(patterns)));
    }
    Ok(all)
}

pub(super) fn union<'a>(all: impl Iterator<Item = &'a Permissions>) -> Permissions {
    Permissions::new(all.flat_map(Permissions::iter))
}

/// Which known permissions are gained and lost from one to the other.
pub(super) fn differing(
    tx: &Tx,
    before: &Permissions,
    after: &Permissions,
) -> Result<(Vec<&'static str>, Vec<&'static str>)> {
    let known = known_permissions(tx.catalog())?;
    let gains = known.iter().filter(|p| after.allow(p) && !before.allow(p)).copied().collect();
    let loses = known.iter().filter(|p| before.allow(p) && !after.allow(p)).copied().collect();
    Ok((gains, loses))
}

/// Roles of the tenant that can be held, by name, with what each permits.
pub(super) async fn named_roles(tx: &mut Tx) -> Result<HashMap<String, (Uuid, Permissions)>> {
    let sql = sql!(
        "SELECT r.name::text, r.id, (SELECT jsonb_agg(p.patterns) FROM auth.role_permissions rp \
           JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
          WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) AS patterns FROM auth.roles r WHERE r.retired_at IS NULL"
    );
    let rows = tx.query(sql, &[]).await?;
    let mut all = HashMap::with_capacity(rows.len());
    for found in &rows {
        let lists: Option<Vec<Vec<String>>> = found
            .get::<_, Option<Value>>("patterns")
            .map(serde_json::from_value)
            .transpose()
            .map_err(Error::internal)?;
        let permissions = Permissions::new(lists.unwrap_or_default().into_iter().flatten());
        all.insert(found.get("name"), (found.get("id"), permissions));
    }
    Ok(all)
}
