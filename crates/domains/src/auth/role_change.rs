//! One role, made anew or changed: what is proposed, whether the caller may do that, what it would mean for each holder,
//! and the change itself, in one step and in force for everybody within a second.
//!
//! A preview asks everything that the change asks, so what it shows can be done. A role that came with the organization
//! keeps its name and is not retired; what it gives is the organization's to say.

use super::{
    account_ops::administered,
    assurance::needs_second_factor,
    configuration::security,
    display_names,
    grant::{may_contain, may_redefine, may_uncover},
    held, notify,
    role_masks::{self, Mask},
    roles::{bundles, differing, known_permissions, union},
};
use crate::{clock, exchange::closed_by_masks, row};
use salus_core::{Error, Permissions, Purpose, Result, Scope};
use salus_store::{Body, Call, Reply, Tx, engine::NewRow, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Holders whose gains and losses are told one by one.
const TOLD: usize = 200;

/// What a role is to be; what is not given stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    bundles: Option<BTreeSet<String>>,
    scope: Option<String>,
    purposes: Option<BTreeSet<String>>,
    masks: Option<Vec<Mask>>,
    retired: Option<bool>,
}

/// A role as it is to be called.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    #[serde(default)]
    description: Option<String>,
}

/// A role as it is, or as it would be.
#[derive(Debug, Clone)]
struct Side {
    scope: String,
    purposes: BTreeSet<String>,
    /// Bundles by name; a permission that no bundle of the tenant has the name of has no row yet.
    bundles: BTreeMap<String, Option<Uuid>>,
    /// What they give together.
    content: Permissions,
    masks: BTreeSet<Mask>,
    retired: bool,
}

impl Side {
    /// What a holder gets: of a retired role nothing.
    fn gives(&self) -> Permissions {
        if self.retired { Permissions::default() } else { self.content.clone() }
    }
}

struct Change {
    role: Uuid,
    name: String,
    built_in: bool,
    before: Side,
    after: Side,
}

/// The JSON Schema of a proposal.
pub(super) fn proposal_schema() -> Value {
    let texts = |why: &str| json!({"type": "array", "items": {"type": "string"}, "description": why});
    json!({
        "type": "object",
        "properties": {
            "bundles": texts("Names of bundles of the tenant, and single permissions such as medical.patient.read"),
            "scope": {"type": "string", "enum": Scope::ALL.map(Scope::name)},
            "purposes": texts("Purposes of use it serves (HL7 PurposeOfUse); none: every purpose but BTG"),
            "masks": role_masks::schema(),
            "retired": {"type": "boolean", "description": "true takes it from all holders and gives it to nobody any more"},
        },
        "additionalProperties": false,
    })
}

/// The JSON Schema of a name for a copy.
pub(super) fn named_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// Everything a role gives.
pub(super) async fn content(tx: &mut Tx, role: Uuid) -> Result<Permissions> {
    present(tx, role).await.map(|(_, _, side)| side.content)
}

/// A role as it is, with its name and whether it came with the organization.
async fn present(tx: &mut Tx, role: Uuid) -> Result<(String, bool, Side)> {
    let sql = sql!(
        "SELECT name::text, is_system, scope::text, purposes, retired_at FROM auth.roles WHERE id = $1 FOR UPDATE"
    );
    let found = tx.query_opt(sql, &[&role]).await?.ok_or(Error::NotFound)?;
    let sql = sql!(
        "SELECT p.name::text, p.id, p.patterns FROM auth.role_permissions rp \
         JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id WHERE rp.role_id = $1"
    );
    let (mut bundles, mut patterns) = (BTreeMap::new(), Vec::new());
    for given in tx.query(sql, &[&role]).await? {
        bundles.insert(given.get("name"), Some(given.get("id")));
        patterns.extend(serde_json::from_value::<Vec<String>>(given.get("patterns")).map_err(Error::internal)?);
    }
    let side = Side {
        scope: found.get("scope"),
        purposes: serde_json::from_value(found.get("purposes")).map_err(Error::internal)?,
        bundles,
        content: Permissions::new(patterns),
        masks: role_masks::of_role(tx, role).await?,
        retired: found.get::<_, Option<time::OffsetDateTime>>("retired_at").is_some(),
    };
    Ok((found.get("name"), found.get("is_system"), side))
}

/// The role in the path as it is, and as it would be.
async fn proposed(tx: &mut Tx, call: &mut Call) -> Result<Change> {
    let role = call.id()?;
    let proposal: Proposal = call.input()?;
    let (name, built_in, before) = present(tx, role).await?;
    let mut after = before.clone();
    if let Some(names) = &proposal.bundles {
        let (known, singles) = (bundles(tx).await?, known_permissions(tx.catalog())?);
        (after.bundles, after.content) = (BTreeMap::new(), Permissions::default());
        for name in names {
            let (id, gives) = match known.get(name) {
                Some((id, gives)) => (Some(*id), gives.clone()),
                None if singles.contains(name.as_str()) => (None, Permissions::new([name.as_str()])),
                None => {
                    let message = format!("{name} is no permission of this tenant");
                    return Err(Error::invalid("bundles", "no_such_record", message));
                }
            };
            after.content = union([&after.content, &gives].into_iter());
            after.bundles.insert(name.clone(), id);
        }
    }
    if let Some(scope) = proposal.scope {
        Scope::from_name(&scope).ok_or_else(|| {
            let all = Scope::ALL.map(Scope::name).join(", ");
            Error::invalid("scope", "not_allowed", format!("Is one of: {all}"))
        })?;
        after.scope = scope;
    }
    if let Some(purposes) = proposal.purposes {
        for code in &purposes {
            Purpose::parse("purposes", code)?;
        }
        after.purposes = purposes;
    }
    if let Some(masks) = proposal.masks {
        after.masks = role_masks::checked(tx.catalog(), masks)?;
    }
    after.retired = proposal.retired.unwrap_or(before.retired);
    Ok(Change { role, name, built_in, before, after })
}

/// Whether the caller may change the role so.
async fn must_be_allowed(tx: &mut Tx, change: &Change) -> Result<()> {
    let Change { role, before, after, .. } = change;
    // Who could not put something into a role does not take it out either.
    may_contain(tx, &union([&before.content, &after.content].into_iter()), &[*role]).await?;
    let same = |a: &Side, b: &Side| a.scope == b.scope && a.purposes == b.purposes && a.masks == b.masks;
    if !same(before, after) {
        may_redefine(tx, Some(*role), Some(&after.scope)).await?;
    }
    may_uncover(tx, &after.content, &after.masks)?;
    if !after.retired || before.retired {
        return Ok(());
    }
    if change.built_in {
        let detail = "A role that came with the organization is not retired: take it from its holders".into();
        return Err(Error::Refused { code: "role_built_in", detail });
    }
    let sql =
        sql!("SELECT 1 FROM auth.emergency_credentials WHERE role_id = $1 AND ended_at IS NULL AND used_at IS NULL");
    if tx.query_opt(sql, &[role]).await?.is_some() {
        let detail = "The emergency credential opens this role: seal another one for another role first".into();
        return Err(Error::Conflict { code: "role_in_use", detail });
    }
    Ok(())
}

/// Answers who would gain and lose what.
pub(super) async fn preview(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let change = proposed(tx, &mut call).await?;
    must_be_allowed(tx, &change).await?;
    tx.on_row(change.role);
    told(tx, &change).await.map(Reply::json)
}

/// Changes the role, and answers the same.
pub(super) async fn define(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let administered = administered(tx).await?;
    let change = proposed(tx, &mut call).await?;
    must_be_allowed(tx, &change).await?;
    let reply = told(tx, &change).await?;
    let Change { role, before, after, .. } = &change;
    let now = clock::text(tx.ctx.env.now())?;
    let mut values = row(json!({}));
    if (&before.scope, &before.purposes) != (&after.scope, &after.purposes) {
        values.extend(row(json!({"scope": after.scope, "purposes": after.purposes})));
    }
    if before.retired != after.retired {
        values.extend(row(json!({"retired_at": after.retired.then_some(now)})));
    }
    if !values.is_empty() {
        tx.update("auth.roles", *role, None, values).await?;
    }
    give(tx, *role, &before.bundles, &after.bundles).await?;
    if before.masks != after.masks {
        tx.query(sql!("DELETE FROM auth.field_masks WHERE role_id = $1"), &[role]).await?;
        role_masks::put(tx, *role, &after.masks).await?;
    }
    if after.retired && !before.retired {
        take_from_all(tx, *role).await?;
    }
    administered.remains(tx).await?;
    tx.on_row(*role);
    Ok(Reply::json(reply))
}

/// Makes a role that gives what the one in the path gives, under another name.
pub(super) async fn copy(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let from = call.id()?;
    let Named { name, description } = call.input()?;
    let (_, _, like) = present(tx, from).await?;
    may_contain(tx, &like.content, &[]).await?;
    may_redefine(tx, None, Some(&like.scope)).await?;
    may_uncover(tx, &like.content, &like.masks)?;
    let id = tx.ctx.env.id();
    let values =
        json!({"name": name.trim(), "description": description, "scope": like.scope, "purposes": like.purposes});
    tx.insert("auth.roles", &[NewRow { id, values: row(values) }]).await?;
    give(tx, id, &BTreeMap::new(), &like.bundles).await?;
    role_masks::put(tx, id, &like.masks).await?;
    tx.on_row(id);
    Ok(Reply::of(201, Body::Json(json!({"id": id, "name": name.trim()}))))
}

/// Gives a role these bundles in place of those; a single permission gets the row by which roles give it.
async fn give(
    tx: &mut Tx,
    role: Uuid,
    before: &BTreeMap<String, Option<Uuid>>,
    after: &BTreeMap<String, Option<Uuid>>,
) -> Result<()> {
    let gone: Vec<Uuid> = before.values().filter(|id| !after.values().any(|a| a == *id)).filter_map(|id| *id).collect();
    let sql = sql!("DELETE FROM auth.role_permissions WHERE role_id = $1 AND permission_id = ANY($2)");
    tx.query(sql, &[&role, &gone]).await?;
    let (mut permissions, mut given) = (Vec::new(), Vec::new());
    for (name, id) in after {
        let permission = id.unwrap_or_else(|| tx.ctx.env.id());
        if id.is_none() {
            let values = row(json!({"name": name, "patterns": [name]}));
            permissions.push(NewRow { id: permission, values });
        } else if before.values().any(|b| b == id) {
            continue;
        }
        let values = row(json!({"role_id": role, "permission_id": permission}));
        given.push(NewRow { id: tx.ctx.env.id(), values });
    }
    tx.insert("auth.permissions", &permissions).await?;
    tx.insert("auth.role_permissions", &given).await
}

/// Ends the terms of all who hold a role; they are told.
async fn take_from_all(tx: &mut Tx, role: Uuid) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE auth.user_roles SET valid_to = greatest($2, valid_from + interval '1 microsecond') \
         WHERE role_id = $1 AND (valid_to IS NULL OR valid_to > $2) RETURNING user_id"
    );
    let users: Vec<Uuid> = tx.query(sql, &[&role, &now]).await?.iter().map(|r| r.get(0)).collect();
    for user in users {
        notify::tell_owner(tx, user, "account.roles").await?;
    }
    Ok(())
}

/// What one role gives, before a change and after.
pub(super) struct Turn {
    pub name: String,
    pub before: Permissions,
    pub after: Permissions,
}

/// What a change of roles means for who holds them.
pub(super) struct Effects {
    /// The first of them, each with what they gain and lose besides their other roles.
    pub holders: Vec<Value>,
    /// How many there are.
    pub total: usize,
    /// How many hold each role.
    pub of_role: BTreeMap<Uuid, usize>,
    need_factor: usize,
    left_with_nothing: usize,
    /// Those of the roles that the caller holds.
    pub own: Vec<String>,
}

/// Who gains and loses what when these roles change.
pub(super) async fn effects(tx: &mut Tx, roles: &BTreeMap<Uuid, Turn>) -> Result<Effects> {
    let (now, configuration) = (tx.ctx.env.now(), security(tx).await?);
    let ids: Vec<Uuid> = roles.keys().copied().collect();
    let sql = sql!(
        "SELECT user_id, array_agg(role_id) FROM auth.user_roles \
         WHERE role_id = ANY($1) AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) GROUP BY user_id ORDER BY user_id"
    );
    let rows = tx.query(sql, &[&ids, &now]).await?;
    let users: Vec<(Uuid, Vec<Uuid>)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let names = display_names(tx, users.iter().take(TOLD).map(|(user, _)| *user)).await?;
    let mut told = Effects {
        holders: Vec::new(),
        total: users.len(),
        of_role: BTreeMap::new(),
        need_factor: 0,
        left_with_nothing: 0,
        own: Vec::new(),
    };
    for role in users.iter().flat_map(|(_, roles)| roles) {
        *told.of_role.entry(*role).or_default() += 1;
    }
    for (user, held_of) in users.iter().take(TOLD) {
        let turns: Vec<&Turn> = held_of.iter().filter_map(|id| roles.get(id)).collect();
        let held = held::held(tx, *user, now).await?;
        let others = held.grants().filter(|g| !turns.iter().any(|t| t.name == g.role)).map(|g| &g.permissions);
        let others = union(others);
        let was = union(turns.iter().map(|t| &t.before).chain([&others]));
        let is = union(turns.iter().map(|t| &t.after).chain([&others]));
        let (gains, loses) = differing(tx, &was, &is)?;
        let needs = |all: &Permissions| needs_second_factor(&configuration, &held.roles, all);
        told.need_factor += usize::from(needs(&is) && !needs(&was));
        told.left_with_nothing += usize::from(is.iter().next().is_none() && was.iter().next().is_some());
        told.holders.push(json!({"user_id": user, "name": names.get(user), "gains": gains, "loses": loses}));
    }
    let own = users.iter().find(|(user, _)| *user == tx.ctx.actor.id);
    let own = own.into_iter().flat_map(|(_, held)| held).filter_map(|id| roles.get(id));
    told.own = own.map(|turn| turn.name.clone()).collect();
    Ok(told)
}

/// Who gains and loses what by a change, and what follows from it in words.
async fn told(tx: &mut Tx, change: &Change) -> Result<Value> {
    let turn = Turn { name: change.name.clone(), before: change.before.gives(), after: change.after.gives() };
    let (gains, loses) = differing(tx, &turn.before, &turn.after)?;
    let effects = effects(tx, &BTreeMap::from([(change.role, turn)])).await?;
    Ok(json!({
        "role": change.name,
        "gains": gains,
        "loses": loses,
        "scope": {"before": change.before.scope, "after": change.after.scope},
        "purposes": {"before": change.before.purposes, "after": change.after.purposes},
        "masks": {"before": change.before.masks, "after": change.after.masks},
        "retired": {"before": change.before.retired, "after": change.after.retired},
        "consequences": consequences(change, &effects),
        "holders": effects.holders,
        "holders_total": effects.total,
    }))
}

/// What follows from a change: a code by which pages know it, how many or what it is about, and the words.
fn consequences(change: &Change, effects: &Effects) -> Vec<Value> {
    let (before, after, holders) = (&change.before, &change.after, effects.total);
    let mut all = Vec::new();
    let mut say = |code: &str, items: Vec<String>, words: String| {
        all.push(json!({"code": code, "items": items, "words": words}));
    };
    if after.retired && !before.retired {
        let words = format!("{holders} lose the role at once, and nobody can be given it; its name stays taken.");
        say("retired", vec![holders.to_string()], words);
    }
    if before.retired && !after.retired {
        say("revived", Vec::new(), "The role can be given again; nobody gets it back by that.".into());
    }
    if before.scope != after.scope {
        let words = format!("Holders reach by {} instead of {}.", after.scope, before.scope);
        say("reach", vec![before.scope.clone(), after.scope.clone()], words);
    }
    // No purpose named is every one.
    let gone: Vec<String> = before.purposes.difference(&after.purposes).cloned().collect();
    if !gone.is_empty() && !after.purposes.is_empty() {
        let words = format!("Calls for {} are no longer answered by this role.", gone.join(", "));
        say("purposes_lost", gone, words);
    } else if before.purposes.is_empty() && !after.purposes.is_empty() {
        let left: Vec<String> = after.purposes.iter().cloned().collect();
        let words = format!("Only calls for {} are answered by this role.", left.join(", "));
        say("purposes_only", left, words);
    }
    let shown = role_masks::fields_beyond(&before.masks, &after.masks);
    if !shown.is_empty() {
        let words = format!("Holders are answered {}, which were left out.", shown.join(", "));
        say("fields_shown", shown, words);
    }
    let left_out = role_masks::fields_beyond(&after.masks, &before.masks);
    if !left_out.is_empty() {
        let words = format!("Holders are no longer answered {}, unless another role gives them.", left_out.join(", "));
        say("fields_left_out", left_out, words);
    }
    let whole = |side: &Side| closed_by_masks(&side.content, side.masks.iter().map(|m| m.table.as_str()));
    if whole(after) && !whole(before) {
        let words = "Whole resources of other systems and exports are refused to holders: they hold what is left out.";
        say("originals_refused", Vec::new(), words.into());
    }
    if !effects.own.is_empty() {
        say("own", Vec::new(), "You hold this role yourself.".into());
    }
    all.extend(effects.consequences());
    all
}

impl Effects {
    /// What follows for the holders, whatever was changed.
    pub(super) fn consequences(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut say = |code: &str, items: Vec<String>, words: String| {
            all.push(json!({"code": code, "items": items, "words": words}));
        };
        if self.need_factor > 0 {
            let words = format!("{} must set up a second factor before they can go on.", self.need_factor);
            say("second_factor", vec![self.need_factor.to_string()], words);
        }
        if self.left_with_nothing > 0 {
            let words =
                format!("{} may do nothing any more until they are given another role.", self.left_with_nothing);
            say("left_with_nothing", vec![self.left_with_nothing.to_string()], words);
        }
        if self.total > TOLD {
            let words = format!("Only the first {TOLD} of {} holders are looked at one by one.", self.total);
            say("first_only", vec![TOLD.to_string(), self.total.to_string()], words);
        }
        all
    }
}
