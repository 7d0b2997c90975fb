//! Roles as an administrator edits them: the matrix of roles and permissions, what a change would mean for each holder,
//! and the change itself, in one step. It is in force for everybody within a second.

use super::{
    display_names,
    grant::{may_contain, may_redefine},
    held,
};
use crate::row;
use salus_core::{Error, Permissions, Purpose, Result, Scope};
use salus_store::{Call, Catalog, Method, Op, Param, Reply, Run, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Holders whose gains and losses are told one by one.
const TOLD: usize = 200;

/// What a role is to be; what is not given stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    #[serde(default)]
    bundles: Option<Vec<String>>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    purposes: Option<Vec<String>>,
}

/// A role before and after.
struct Change {
    role: Uuid,
    name: String,
    scope: (String, String),
    purposes: (Vec<String>, Vec<String>),
    bundles: (BTreeMap<String, Uuid>, BTreeMap<String, Uuid>),
    permissions: (Permissions, Permissions),
}

/// The matrix, the preview and the change.
#[must_use]
pub fn ops() -> Vec<Op> {
    let op = |method, path: &str, verb: &str, permission: &'static str, summary: &str, run: Run| Op {
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
    };
    vec![
        Op {
            params: vec![Param {
                name: "name".into(),
                doc: "Only the role of this name".into(),
                schema: json!({"type": "string"}),
            }],
            ..op(
                Method::Get,
                "role-matrix",
                "matrix",
                "auth.role.read",
                "Roles with scope, purposes and holders, and which permissions each gives",
                run(|tx, call| Box::pin(matrix(tx, call))),
            )
        },
        Op {
            input: Some(proposal_schema()),
            ..op(
                Method::Post,
                "roles/{id}/preview",
                "preview",
                "auth.role.write",
                "Who would gain and lose what if a role were changed so; changes nothing",
                run(|tx, call| Box::pin(preview(tx, call))),
            )
        },
        Op {
            input: Some(proposal_schema()),
            ..op(
                Method::Post,
                "roles/{id}/define",
                "define",
                "auth.role.write",
                "Change what a role gives, over whose rows and for which purposes, in one step",
                run(|tx, call| Box::pin(define(tx, call))),
            )
        },
    ]
}

fn proposal_schema() -> Value {
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {"bundles": texts(), "scope": {"type": "string", "enum": Scope::ALL.map(Scope::name)},
            "purposes": texts()},
        "additionalProperties": false,
    })
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
        "SELECT r.id, r.name::text, r.description::text, r.scope::text, r.purposes, \
           (SELECT jsonb_agg(p.name ORDER BY p.name) FROM auth.role_permissions rp \
              JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
             WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) AS bundles, \
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
        let given = union(names.iter().filter_map(|n| patterns.get(n)).map(|(_, p)| p));
        roles.push(json!({
            "id": found.get::<_, Uuid>("id"),
            "name": found.get::<_, String>("name"),
            "description": found.get::<_, Option<String>>("description"),
            "scope": found.get::<_, String>("scope"),
            "purposes": found.get::<_, Value>("purposes"),
            "bundles": names,
            "holders": found.get::<_, i64>("holders"),
            "permissions": known.iter().filter(|p| given.allow(p)).collect::<Vec<_>>(),
        }));
    }
    tx.count(roles.len());
    let mut names: Vec<&String> = patterns.keys().collect();
    names.sort_unstable();
    Ok(Reply::json(json!({"roles": roles, "permissions": known, "bundles": names})))
}

/// Bundles of the tenant by name.
async fn bundles(tx: &mut Tx) -> Result<HashMap<String, (Uuid, Permissions)>> {
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

/// Roles of the tenant by name, with what each permits.
pub(super) async fn named_roles(tx: &mut Tx) -> Result<HashMap<String, (Uuid, Permissions)>> {
    let sql = sql!(
        "SELECT r.name::text, r.id, (SELECT jsonb_agg(p.patterns) FROM auth.role_permissions rp \
           JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
          WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) AS patterns FROM auth.roles r"
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

/// The role in the path as it is, and as it would be.
async fn proposed(tx: &mut Tx, call: &mut Call) -> Result<Change> {
    let role = call.id()?;
    let proposal: Proposal = call.input()?;
    let sql = sql!("SELECT name::text, scope::text, purposes FROM auth.roles WHERE id = $1");
    let found = tx.query_opt(sql, &[&role]).await?.ok_or(Error::NotFound)?;
    let all = bundles(tx).await?;
    let sql = sql!(
        "SELECT p.name::text, p.id FROM auth.role_permissions rp \
         JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id WHERE rp.role_id = $1"
    );
    let held: BTreeMap<String, Uuid> = tx.query(sql, &[&role]).await?.iter().map(|r| (r.get(0), r.get(1))).collect();
    let wanted = match &proposal.bundles {
        None => held.clone(),
        Some(names) => {
            let mut wanted = BTreeMap::new();
            for name in names {
                let known = all.get(name).ok_or_else(|| {
                    Error::invalid("bundles", "no_such_record", format!("{name} is no permission of this tenant"))
                })?;
                wanted.insert(name.clone(), known.0);
            }
            wanted
        }
    };
    let of = |bundles: &BTreeMap<String, Uuid>| union(bundles.keys().filter_map(|n| all.get(n)).map(|(_, p)| p));
    let scope: String = found.get("scope");
    let purposes: Vec<String> = serde_json::from_value(found.get("purposes")).map_err(Error::internal)?;
    if let Some(new) = &proposal.scope {
        Scope::from_name(new).ok_or_else(|| {
            let all = Scope::ALL.map(Scope::name).join(", ");
            Error::invalid("scope", "not_allowed", format!("Is one of: {all}"))
        })?;
    }
    for code in proposal.purposes.iter().flatten() {
        Purpose::parse("purposes", code)?;
    }
    Ok(Change {
        role,
        name: found.get("name"),
        permissions: (of(&held), of(&wanted)),
        bundles: (held, wanted),
        scope: (scope.clone(), proposal.scope.unwrap_or(scope)),
        purposes: (purposes.clone(), proposal.purposes.unwrap_or(purposes)),
    })
}

async fn preview(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let change = proposed(tx, &mut call).await?;
    tx.on_row(change.role);
    told(tx, &change).await.map(Reply::json)
}

/// Who gains and loses what by a change.
async fn told(tx: &mut Tx, change: &Change) -> Result<Value> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT user_id FROM auth.user_roles WHERE role_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) \
         ORDER BY user_id"
    );
    let users: Vec<Uuid> = tx.query(sql, &[&change.role, &now]).await?.iter().map(|r| r.get(0)).collect();
    let names = display_names(tx, users.iter().take(TOLD).copied()).await?;
    let mut holders = Vec::new();
    for user in users.iter().take(TOLD) {
        let held = held::held(tx, *user, now).await?;
        let others = union(held.grants().filter(|g| g.role != change.name).map(|g| &g.permissions));
        let both = |own: &Permissions| union([&others, own].into_iter());
        let (gains, loses) = differing(tx, &both(&change.permissions.0), &both(&change.permissions.1))?;
        holders.push(json!({"user_id": user, "name": names.get(user), "gains": gains, "loses": loses}));
    }
    let (gains, loses) = differing(tx, &change.permissions.0, &change.permissions.1)?;
    Ok(json!({
        "role": change.name,
        "gains": gains,
        "loses": loses,
        "scope": {"before": change.scope.0, "after": change.scope.1},
        "purposes": {"before": change.purposes.0, "after": change.purposes.1},
        "holders": holders,
        "holders_total": users.len(),
    }))
}

async fn define(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let change = proposed(tx, &mut call).await?;
    may_contain(tx, &change.permissions.1, &[change.role]).await?;
    if change.scope.0 != change.scope.1 || change.purposes.0 != change.purposes.1 {
        may_redefine(tx, Some(change.role), Some(&change.scope.1)).await?;
        let values = row(json!({"scope": change.scope.1, "purposes": change.purposes.1}));
        tx.update("auth.roles", change.role, None, values).await?;
    }
    let reply = told(tx, &change).await?;
    let (held, wanted) = &change.bundles;
    let gone: Vec<Uuid> = held.values().filter(|id| !wanted.values().any(|w| w == *id)).copied().collect();
    let sql = sql!("DELETE FROM auth.role_permissions WHERE role_id = $1 AND permission_id = ANY($2)");
    tx.query(sql, &[&change.role, &gone]).await?;
    let come = wanted.values().filter(|id| !held.values().any(|h| h == *id));
    let new: Vec<NewRow> = come
        .map(|permission| NewRow {
            id: tx.ctx.env.id(),
            values: row(json!({"role_id": change.role, "permission_id": permission})),
        })
        .collect();
    tx.insert("auth.role_permissions", &new).await?;
    tx.on_row(change.role);
    Ok(Reply::json(reply))
}
