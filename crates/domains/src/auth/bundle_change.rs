//! One bundle of permissions, changed for all roles that give it: what is proposed, whether the caller may do that, what
//! it would mean for each role and each holder, and the change itself, in one step. As with a role (`role_change`), a
//! preview asks everything that the change asks.

use super::{
    account_ops::administered,
    grant::{may_contain, may_uncover},
    role_change::{Effects, Turn, effects},
    role_masks,
    roles::{differing, known_permissions, union},
};
use crate::{exchange::closed_by_masks, row};
use salus_core::{Error, Permissions, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Run, Tx, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The preview and the change.
pub(super) fn ops() -> Vec<Op> {
    let op = |verb: &str, summary: &str, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/auth/permissions/{{id}}/{verb}"),
        name: format!("auth.permission.{verb}"),
        permission: "auth.role.write",
        summary: summary.to_owned(),
        target: "auth.permissions",
        params: Vec::new(),
        input: Some(json!({
            "type": "object",
            "properties": {"patterns": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "description": "All that it grants: names such as medical.patient.read, * stands for any one word",
            }},
            "required": ["patterns"],
            "additionalProperties": false,
        })),
        output: json!({"type": "object"}),
        run,
    };
    vec![
        op(
            "preview",
            "Which roles and users would gain and lose what if a bundle granted this; changes nothing",
            run(|tx, call| Box::pin(preview(tx, call))),
        ),
        op(
            "define",
            "Change what a bundle grants, for every role that gives it, in one step",
            run(|tx, call| Box::pin(define(tx, call))),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    patterns: BTreeSet<String>,
}

/// A role that gives the bundle.
struct Giving {
    id: Uuid,
    name: String,
    scope: String,
    retired: bool,
    /// What it gives besides.
    others: Permissions,
}

impl Giving {
    fn with(&self, bundle: &Permissions) -> Permissions {
        union([&self.others, bundle].into_iter())
    }
}

struct Change {
    bundle: Uuid,
    name: String,
    before: Permissions,
    after: Permissions,
    roles: Vec<Giving>,
}

/// The bundle in the path as it is and as it would be, when the caller may change it so.
async fn allowed(tx: &mut Tx, call: &mut Call) -> Result<Change> {
    let bundle = call.id()?;
    let Proposal { patterns } = call.input()?;
    let sql = sql!("SELECT name::text, patterns FROM auth.permissions WHERE id = $1 FOR UPDATE");
    let found = tx.query_opt(sql, &[&bundle]).await?.ok_or(Error::NotFound)?;
    let before =
        Permissions::new(serde_json::from_value::<Vec<String>>(found.get("patterns")).map_err(Error::internal)?);
    let after = Permissions::new(patterns);
    if after.iter().next().is_none() {
        return Err(Error::invalid("patterns", "required", "Name at least one permission"));
    }
    must_name_something(tx.catalog(), &after, &before)?;
    let change = Change { bundle, name: found.get("name"), before, after, roles: giving(tx, bundle).await? };
    may_regrant(tx, &change).await?;
    Ok(change)
}

/// Refuses patterns that grant nothing there is, besides those that stand there already: they would be taken for a right.
pub(super) fn must_name_something(catalog: &Catalog, patterns: &Permissions, held: &Permissions) -> Result<()> {
    let known = known_permissions(catalog)?;
    let grants = |pattern: &str| {
        let alone = Permissions::new([pattern]);
        known.iter().any(|name| alone.allow(name))
    };
    match patterns.iter().find(|p| !held.iter().any(|h| h == *p) && !grants(p)) {
        None => Ok(()),
        Some(bad) => Err(Error::invalid("patterns", "no_such_record", format!("{bad} grants no permission there is"))),
    }
}

async fn giving(tx: &mut Tx, bundle: Uuid) -> Result<Vec<Giving>> {
    let sql = sql!(
        "SELECT r.id, r.name::text, r.scope::text, r.retired_at IS NOT NULL AS retired, \
           (SELECT coalesce(jsonb_agg(p.patterns), '[]') FROM auth.role_permissions o \
              JOIN auth.permissions p ON p.tenant_id = o.tenant_id AND p.id = o.permission_id \
             WHERE o.tenant_id = r.tenant_id AND o.role_id = r.id AND p.id <> $1) AS others \
         FROM auth.role_permissions g JOIN auth.roles r ON r.tenant_id = g.tenant_id AND r.id = g.role_id \
         WHERE g.permission_id = $1 ORDER BY r.name"
    );
    let rows = tx.query(sql, &[&bundle]).await?;
    let read = rows.iter().map(|r| {
        let others: Vec<Vec<String>> = serde_json::from_value(r.get("others")).map_err(Error::internal)?;
        let others = Permissions::new(others.into_iter().flatten());
        Ok(Giving { id: r.get("id"), name: r.get("name"), scope: r.get("scope"), retired: r.get("retired"), others })
    });
    read.collect()
}

/// Whether the caller may let this bundle grant something else: as for each role that gives it.
async fn may_regrant(tx: &mut Tx, change: &Change) -> Result<()> {
    let Change { before, after, roles, .. } = change;
    let ids: Vec<Uuid> = roles.iter().map(|role| role.id).collect();
    // Who could not put something into a bundle does not take it out either.
    may_contain(tx, &union([before, after].into_iter()), &ids).await?;
    for role in roles {
        let masks = role_masks::of_role(tx, role.id).await?;
        may_uncover(tx, &role.with(after), &masks)?;
    }
    Ok(())
}

/// The same for the bundle of this id, when its row is changed by itself.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`, [`Error::Invalid`] on `patterns`.
pub(super) async fn may_become(tx: &mut Tx, call: &Call) -> Result<()> {
    // What is no list of texts is refused by the write itself.
    let Ok(patterns) = serde_json::from_value::<BTreeSet<String>>(call.body["patterns"].clone()) else {
        return Ok(());
    };
    let proposed = Call { path: call.path.clone(), body: json!({"patterns": patterns}), ..Call::default() };
    match allowed(tx, &mut { proposed }).await {
        // So is an unknown row.
        Ok(_) | Err(Error::NotFound) => Ok(()),
        Err(e) => Err(e),
    }
}

async fn preview(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let change = allowed(tx, &mut call).await?;
    tx.on_row(change.bundle);
    told(tx, &change).await.map(Reply::json)
}

async fn define(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let administered = administered(tx).await?;
    let change = allowed(tx, &mut call).await?;
    let reply = told(tx, &change).await?;
    if change.before != change.after {
        let values = row(json!({"patterns": change.after.iter().collect::<Vec<_>>()}));
        tx.update("auth.permissions", change.bundle, None, values).await?;
    }
    administered.remains(tx).await?;
    tx.on_row(change.bundle);
    Ok(Reply::json(reply))
}

/// Who gains and loses what: operations, roles, and users besides their other roles.
async fn told(tx: &mut Tx, change: &Change) -> Result<Value> {
    let Change { before, after, .. } = change;
    let turns = change.roles.iter().map(|role| {
        let of = |bundle| if role.retired { Permissions::default() } else { role.with(bundle) };
        (role.id, Turn { name: role.name.clone(), before: of(before), after: of(after) })
    });
    let turns: BTreeMap<Uuid, Turn> = turns.collect();
    let effects = effects(tx, &turns).await?;
    let mut roles = Vec::with_capacity(change.roles.len());
    for role in &change.roles {
        let (gains, loses) =
            turns.get(&role.id).map(|t| differing(tx, &t.before, &t.after)).transpose()?.unwrap_or_default();
        let holders = effects.of_role.get(&role.id).copied().unwrap_or_default();
        roles.push(json!({"id": role.id, "name": role.name, "scope": role.scope, "retired": role.retired,
            "holders": holders, "gains": gains, "loses": loses}));
    }
    let (gains, loses) = differing(tx, before, after)?;
    let all = crate::operations(tx.catalog())?;
    let serving = |names: &[&str]| {
        all.iter().filter(|op| names.contains(&op.permission)).map(|op| op.name.as_str()).collect::<BTreeSet<_>>()
    };
    Ok(json!({
        "bundle": change.name,
        "operations": {"gains": serving(&gains), "loses": serving(&loses)},
        "gains": gains,
        "loses": loses,
        "roles": roles,
        "consequences": consequences(tx, change, &effects).await?,
        "holders": effects.holders,
        "holders_total": effects.total,
    }))
}

/// What follows, as a code by which pages know it, what it is about, and in words.
async fn consequences(tx: &mut Tx, change: &Change, effects: &Effects) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut closed = Vec::new();
    for role in change.roles.iter().filter(|role| !role.retired) {
        let masks = role_masks::of_role(tx, role.id).await?;
        let whole = |bundle| closed_by_masks(&role.with(bundle), masks.iter().map(|m| m.table.as_str()));
        if whole(&change.after) && !whole(&change.before) {
            closed.push(role.name.clone());
        }
    }
    if !closed.is_empty() {
        let words = "Whole resources of other systems and exports are refused to holders: they hold what is left out.";
        all.push(json!({"code": "originals_refused", "items": closed, "words": words}));
    }
    if !effects.own.is_empty() {
        let words = format!("You hold it yourself, by {}.", effects.own.join(", "));
        all.push(json!({"code": "own_by", "items": effects.own, "words": words}));
    }
    all.extend(effects.consequences());
    Ok(all)
}
