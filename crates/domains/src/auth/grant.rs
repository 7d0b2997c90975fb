//! Nobody gives more than they have: who manages accounts cannot make themself, or anyone, more than they are.
//!
//! A role may be given by a caller whose own permissions cover it. Who appoints people to work they do not do
//! themself, as a clinic's administrator does with its doctors, needs `auth.role.grant` besides, and never gets such a
//! role by their own hand. The same holds for what a role contains and for a new link to somebody's account. Whatever
//! could take accounts away from their last administrator is looked at afterwards.

use super::{
    account_ops::administered,
    bundle_change::{may_become, must_name_something},
    links::looked_at,
    role_change, role_masks,
    role_masks::Mask,
    rules_ops::check_setting,
};
use crate::{Check, checked, clock};
use salus_core::{ActorKind, Error, Permissions, Result, Scope};
use salus_store::{Call, Op, Tx, run, sql};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// May give roles that go beyond the giver's own, to others.
const APPOINT: &str = "auth.role.grant";
/// Whoever may do this to the whole tenant reaches everybody.
const READ: &str = "medical.patient.read";

/// An operation after which somebody still manages accounts, or nothing of it is done.
fn administered_after(op: Op) -> Op {
    let inner = Arc::new(op.run);
    let run = run(move |tx, call| {
        let inner = inner.clone();
        Box::pin(async move {
            let administered = administered(tx).await?;
            let reply = inner(tx, call).await?;
            administered.remains(tx).await?;
            Ok(reply)
        })
    });
    Op { run, ..op }
}

/// An operation of this domain with the check that belongs to it; most have none.
#[must_use]
pub fn guarded(op: Op) -> Op {
    let takes = ["auth.user_role.change", "auth.role_permission.change", "auth.permission.change", "auth.role.change"];
    let op = if takes.contains(&op.name.as_str()) { administered_after(op) } else { op };
    let links = ["auth.user_person_link.create", "auth.user_person_link.change"];
    let op = if links.contains(&op.name.as_str()) { looked_at(op) } else { op };
    let check: Check = match op.name.as_str() {
        "auth.user_role.create" | "auth.user_role.change" => |tx, call| Box::pin(user_role(tx, call)),
        "auth.role_permission.create" | "auth.role_permission.change" => |tx, call| Box::pin(role_permission(tx, call)),
        "kernel.setting.create" | "kernel.setting.change" => |tx, call| Box::pin(check_setting(tx, call)),
        "auth.user_person_link.create"
        | "auth.user_person_link.change"
        | "auth.caseload_assignment.create"
        | "auth.caseload_assignment.change"
        | "auth.user_unit.create"
        | "auth.user_unit.change" => |tx, call| Box::pin(for_another(tx, call)),
        "auth.person_unit.create" | "auth.person_unit.change" => |tx, call| Box::pin(into_another_unit(tx, call)),
        "auth.identity_provider.create" | "auth.identity_provider.change" => {
            |tx, call| Box::pin(std::future::ready(may_vouch(tx, call)))
        }
        "auth.permission.create" => |tx, call| Box::pin(std::future::ready(new_bundle(tx, call))),
        "auth.permission.change" => |tx, call| Box::pin(may_become(tx, call)),
        "auth.role.change" => |tx, call| Box::pin(role(tx, call)),
        "auth.field_mask.create" | "auth.field_mask.change" => |tx, call| Box::pin(mask(tx, call)),
        _ => return op,
    };
    checked(op, check)
}

/// A change of a role, or of what it is not answered.
async fn role(tx: &mut Tx, call: &Call) -> Result<()> {
    let role = named(call, "role_id");
    let role = if call.path_value("id").is_some() { role_of(tx, call).await?.or(role) } else { role };
    if let Some(name) = call.body["name"].as_str() {
        let sql = sql!("SELECT 1 FROM auth.roles WHERE id = $1 AND is_system AND name <> $2::text");
        if tx.query_opt(sql, &[&role.unwrap_or_default(), &name]).await?.is_some() {
            let detail = "A role that came with the organization keeps its name: copy it under another".into();
            return Err(Error::Refused { code: "role_built_in", detail });
        }
    }
    if let Some(role) = role.filter(|_| call.path_value("id").is_some()) {
        let content = role_change::content(tx, role).await?;
        may_contain(tx, &content, &[role]).await?;
    }
    may_redefine(tx, role, call.body["scope"].as_str()).await
}

/// A mask that is made or changed by hand.
async fn mask(tx: &mut Tx, call: &Call) -> Result<()> {
    if is_masked(tx) && !tx.ctx.may(APPOINT) {
        return Err(refusal("auth.field_masks", false));
    }
    role(tx, call).await
}

/// Whom somebody reaches is said by another, as what they may do is: who may link users to persons would else read any record
/// by a role over their own wards. Who reads every record anyway gains nothing.
async fn for_another(tx: &mut Tx, call: &Call) -> Result<()> {
    if !is_limited(tx) {
        return Ok(());
    }
    let caller = tx.ctx.actor.id;
    let mut own = named(call, "user_id") == Some(caller);
    if let Ok(id) = call.id() {
        let sql = sql!(
            "SELECT user_id FROM auth.user_person_links WHERE id = $1 UNION ALL \
             SELECT user_id FROM auth.caseload_assignments WHERE id = $1 UNION ALL \
             SELECT user_id FROM auth.user_units WHERE id = $1 LIMIT 1"
        );
        own |= tx.query_opt(sql, &[&id]).await?.is_some_and(|row| row.get::<_, Uuid>(0) == caller);
    }
    if own { Err(own_reach()) } else { Ok(()) }
}

/// Who puts a person into a unit they work in reaches that person.
async fn into_another_unit(tx: &mut Tx, call: &Call) -> Result<()> {
    if !is_limited(tx) {
        return Ok(());
    }
    let sql = sql!(
        "SELECT 1 FROM auth.user_units u WHERE u.user_id = $1 AND (u.organization_id = $2 \
           OR u.organization_id = (SELECT p.organization_id FROM auth.person_units p WHERE p.id = $3)) LIMIT 1"
    );
    let (caller, unit, id) = (tx.ctx.actor.id, named(call, "organization_id"), call.id().ok());
    let own = tx.query_opt(sql, &[&caller, &unit, &id]).await?.is_some();
    if own { Err(own_reach()) } else { Ok(()) }
}

/// Whether the caller signed in and does not read every record of the tenant anyway.
fn is_limited(tx: &Tx) -> bool {
    let by_account = matches!(tx.ctx.actor.kind, ActorKind::User | ActorKind::Service);
    by_account && !tx.ctx.grants.iter().any(|g| g.scope == Scope::Tenant && g.permissions.allow(READ))
}

fn own_reach() -> Error {
    let detail = "Nobody says themself whom they reach: ask another administrator".into();
    Error::Refused { code: "own_reach", detail }
}

/// Who a provider vouches for comes in as that account, with its roles: to say whom to believe is to give roles.
fn may_vouch(tx: &Tx, call: &Call) -> Result<()> {
    let vouches = call.body["links_by_email"] == true || !call.body["issuer"].is_null();
    if vouches && !tx.ctx.may("auth.role.grant") {
        return Err(Error::Forbidden("auth.role.grant".into()));
    }
    Ok(())
}

/// A role given, or the term of one that was.
async fn user_role(tx: &mut Tx, call: &Call) -> Result<()> {
    let (mut user, mut role) = (named(call, "user_id"), named(call, "role_id"));
    if let Ok(id) = call.id() {
        let held = sql!("SELECT user_id, role_id FROM auth.user_roles WHERE id = $1");
        if let Some(row) = tx.query_opt(held, &[&id]).await? {
            (user, role) = (user.or_else(|| row.get(0)), role.or_else(|| row.get(1)));
        }
    }
    let Some(role) = role else { return Ok(()) };
    // An end can be written for a role that is retired; it is given to nobody.
    let gives = call.path_value("id").is_none() || call.body.get("valid_to").is_none_or(Value::is_null);
    let retired = sql!("SELECT 1 FROM auth.roles WHERE id = $1 AND retired_at IS NOT NULL");
    if gives && tx.query_opt(retired, &[&role]).await?.is_some() {
        let detail = "This role was retired: it is given to nobody any more".into();
        return Err(Error::Conflict { code: "role_retired", detail });
    }
    may_give(tx, &[role], user).await?;
    // A role that ends, as that of an emergency, would else be made to last by whoever holds it.
    if user == Some(tx.ctx.actor.id) && !shortens(tx, call).await? { Err(own_term()) } else { Ok(()) }
}

/// Whether a change of a held role does nothing but end it sooner.
async fn shortens(tx: &mut Tx, call: &Call) -> Result<bool> {
    let (Ok(id), Some(end)) = (call.id(), call.body.get("valid_to").filter(|end| end.is_string())) else {
        return Ok(false);
    };
    let end = clock::read(end, "valid_to")?;
    let only = call.body.as_object().is_some_and(|body| body.len() == 1);
    let sql = sql!("SELECT valid_to IS NULL OR valid_to >= $2 FROM auth.user_roles WHERE id = $1");
    Ok(only && tx.query_opt(sql, &[&id, &end]).await?.is_some_and(|row| row.get(0)))
}

/// Nobody gives themself a role, or a longer term of one.
pub(super) fn own_term() -> Error {
    let detail = "Nobody gives themself a role, or a longer term of one: ask another administrator".into();
    Error::Refused { code: "own_role", detail }
}

/// A permission put into a role.
async fn role_permission(tx: &mut Tx, call: &Call) -> Result<()> {
    let (mut role, mut permission) = (named(call, "role_id"), named(call, "permission_id"));
    if let Ok(id) = call.id() {
        let held = sql!("SELECT role_id, permission_id FROM auth.role_permissions WHERE id = $1");
        if let Some(row) = tx.query_opt(held, &[&id]).await? {
            (role, permission) = (role.or_else(|| row.get(0)), permission.or_else(|| row.get(1)));
        }
    }
    let (Some(role), Some(permission)) = (role, permission) else { return Ok(()) };
    let sql = sql!("SELECT patterns FROM auth.permissions WHERE id = $1");
    let Some(row) = tx.query_opt(sql, &[&permission]).await? else { return Ok(()) };
    may_contain(tx, &patterns(&row.get("patterns")), &[role]).await
}

/// A bundle that is made; no role gives it yet.
fn new_bundle(tx: &Tx, call: &Call) -> Result<()> {
    must_name_something(tx.catalog(), &patterns(&call.body["patterns"]), &Permissions::default())
}

/// The role that the row in the path is, or belongs to.
async fn role_of(tx: &mut Tx, call: &Call) -> Result<Option<Uuid>> {
    let sql = sql!(
        "SELECT id FROM auth.roles WHERE id = $1 UNION ALL SELECT role_id FROM auth.field_masks WHERE id = $1 LIMIT 1"
    );
    Ok(tx.query_opt(sql, &[&call.id()?]).await?.map(|row| row.get(0)))
}

/// Whether the caller may change whom a role reaches, for what, and what it is not answered: not of a role they hold,
/// and to a wider scope than their own only for others.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`.
pub async fn may_redefine(tx: &mut Tx, role: Option<Uuid>, scope: Option<&str>) -> Result<()> {
    let caller = tx.ctx.actor.id;
    let sql = sql!("SELECT 1 FROM auth.user_roles WHERE user_id = $1 AND role_id = $2 LIMIT 1");
    let own = tx.query_opt(sql, &[&caller, &role.unwrap_or_default()]).await?.is_some();
    let reach = tx.ctx.reach;
    let wider = scope.filter(|s| !reach.is_whole_tenant() && !Scope::from_name(s).is_some_and(|s| reach.has(s)));
    match wider {
        _ if own => Err(refusal("a role you hold yourself", true)),
        Some(scope) if !tx.ctx.may(APPOINT) => Err(refusal(scope, false)),
        _ => Ok(()),
    }
}

/// Whether the caller may let these roles contain these permissions.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`.
pub async fn may_contain(tx: &mut Tx, content: &Permissions, roles: &[Uuid]) -> Result<()> {
    let Some(above) = tx.ctx.permissions.lacks(content) else { return Ok(()) };
    let caller = tx.ctx.actor.id;
    let sql = sql!("SELECT 1 FROM auth.user_roles WHERE user_id = $1 AND role_id = ANY($2) LIMIT 1");
    let own = tx.query_opt(sql, &[&caller, &roles]).await?.is_some();
    if own || !tx.ctx.may(APPOINT) { Err(refusal(above, own)) } else { Ok(()) }
}

/// Whether the caller may give these roles to this user; nobody is one who does not exist yet.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`.
pub async fn may_give(tx: &mut Tx, roles: &[Uuid], to: Option<Uuid>) -> Result<()> {
    let sql = sql!(
        "SELECT r.id, r.scope::text AS scope, p.patterns FROM auth.roles r \
         LEFT JOIN auth.role_permissions rp ON rp.tenant_id = r.tenant_id AND rp.role_id = r.id \
         LEFT JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id WHERE r.id = ANY($1)"
    );
    let covers = is_masked(tx);
    for row in tx.query(sql, &[&roles]).await? {
        let content = row.get::<_, Option<Value>>("patterns").map_or_else(Permissions::default, |p| patterns(&p));
        let scope: &str = row.get("scope");
        let within = tx.ctx.reach.is_whole_tenant() || Scope::from_name(scope).is_some_and(|s| tx.ctx.reach.has(s));
        let above = tx.ctx.permissions.lacks(&content).or((!within).then_some(scope));
        let own = to == Some(tx.ctx.actor.id);
        if let Some(above) = above.filter(|_| own || !tx.ctx.may(APPOINT)) {
            return Err(refusal(above, own));
        }
        if covers {
            let masks = role_masks::of_role(tx, row.get("id")).await?;
            may_uncover(tx, &content, &masks)?;
        }
    }
    Ok(())
}

/// Whether some role of the caller leaves out fields.
fn is_masked(tx: &Tx) -> bool {
    tx.ctx.grants.iter().any(|g| !g.masks.is_empty())
}

/// Whether the caller may let somebody read what these masks do not leave out: not what every role by which they read it
/// themself leaves out.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`.
pub(super) fn may_uncover(tx: &Tx, content: &Permissions, masks: &BTreeSet<Mask>) -> Result<()> {
    if !is_masked(tx) || tx.ctx.may(APPOINT) {
        return Ok(());
    }
    let left_out = |table: &str, column: &str| {
        masks.iter().any(|m| m.purpose.is_none() && m.table == table && m.columns.contains(column))
    };
    for resource in crate::resources().into_iter().filter(|r| content.allow(r.read)) {
        let reading: Vec<_> = tx.ctx.grants.iter().filter(|g| g.permissions.allow(resource.read)).collect();
        let hidden = |column: &str| {
            let lacks =
                |(_, masks): &(_, salus_core::Masks)| masks.get(resource.table).is_some_and(|c| c.contains(column));
            reading.iter().all(|g| g.masks.iter().any(lacks))
        };
        let own = reading.iter().flat_map(|g| &g.masks).filter_map(|(_, masks)| masks.get(resource.table)).flatten();
        if let Some(column) = own.into_iter().find(|c| hidden(c) && !left_out(resource.table, c)) {
            return Err(refusal(&format!("{}.{column}", resource.table), false));
        }
    }
    Ok(())
}

/// Whether the caller could have given this user every role the user has, and so may be handed a way into the account.
///
/// # Errors
/// [`Error::Refused`] with `role_above_own`.
pub async fn may_admit(tx: &mut Tx, user: Uuid) -> Result<()> {
    let sql = sql!("SELECT role_id FROM auth.user_roles WHERE user_id = $1");
    let roles: Vec<Uuid> = tx.query(sql, &[&user]).await?.iter().map(|r| r.get(0)).collect();
    may_give(tx, &roles, None).await
}

fn refusal(above: &str, own: bool) -> Error {
    let who = if own {
        "nobody gives that to themself: ask another administrator".to_owned()
    } else {
        format!("ask somebody who has it, or who holds {APPOINT}")
    };
    Error::Refused { code: "role_above_own", detail: format!("This goes beyond your own rights ({above}): {who}") }
}

fn patterns(value: &Value) -> Permissions {
    let texts = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Permissions::new(texts.iter().filter_map(Value::as_str))
}

/// An id in the body; one that is none is refused by the write itself.
pub(super) fn named(call: &Call, field: &str) -> Option<Uuid> {
    call.body[field].as_str()?.parse().ok()
}
