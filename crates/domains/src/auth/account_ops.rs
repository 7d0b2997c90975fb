//! What an administrator does to an account as a whole: locks it, lets it in again, and says which roles it holds, after
//! seeing what that would give and take.
//!
//! Invariants: nobody gives more than they have; somebody always is left who manages accounts.

use super::{
    access_ops,
    grant::{may_admit, may_give, own_term},
    held,
    notify::{self, tell_owner},
    roles::{differing, named_roles, union},
    users::renew_disabled,
};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Permissions, Result};
use salus_store::{Call, Op, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Who holds it may mend what went wrong with an account.
const MANAGE: &str = "auth.user.manage";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    roles: BTreeSet<String>,
}

/// The operations.
pub fn ops() -> Vec<Op> {
    let op = |tail: &str, verb: &str, summary: &str, run| {
        access_ops::op(&format!("users/{{id}}/{tail}"), &format!("user.{verb}"), "auth.users", summary, run)
    };
    let roles = json!({
        "type": "object",
        "properties": {"roles": {"type": "array", "items": {"type": "string"}, "description": "Names of all roles the user is to hold"}},
        "required": ["roles"],
        "additionalProperties": false,
    });
    vec![
        op(
            "lock",
            "lock",
            "Lock an account until it is unlocked: sessions end within a second, keys work again afterwards",
            run(|tx, call| Box::pin(lock(tx, call))),
        ),
        op(
            "unlock",
            "unlock",
            "Lift a lock, by hand or after failed attempts",
            run(|tx, call| Box::pin(unlock(tx, call))),
        ),
        op(
            "enable",
            "enable",
            "Let a disabled user in again; the reply holds the one-time link to hand over, or no link for who is not disabled",
            run(|tx, call| Box::pin(enable(tx, call))),
        ),
        Op {
            input: Some(roles.clone()),
            ..op(
                "roles/preview",
                "preview_roles",
                "What a user would gain and lose with these roles; changes nothing",
                run(|tx, call| Box::pin(preview(tx, call))),
            )
        },
        Op {
            input: Some(roles),
            ..op(
                "roles",
                "set_roles",
                "Give and take roles in one step; in force within a second",
                run(|tx, call| Box::pin(set_roles(tx, call))),
            )
        },
    ]
}

/// Whether there is somebody who can manage accounts, before an account or its roles are changed. Whoever asks keeps
/// others who would change theirs waiting until the end of the transaction, so that two cannot take each other out.
pub(super) struct Administered(bool);

/// Asks that before a change.
///
/// # Errors
/// Those of the database.
pub(super) async fn administered(tx: &mut Tx) -> Result<Administered> {
    tx.alone("auth.administrators", &tx.ctx.tenant.to_string()).await?;
    Ok(Administered(has_administrator(tx).await?))
}

impl Administered {
    /// Refuses the change when it took away the last one. The operator has the command line for that; where nobody was
    /// there before, accounts must still be stopped.
    ///
    /// # Errors
    /// [`Error::Refused`] with `last_administrator`.
    pub(super) async fn remains(self, tx: &mut Tx) -> Result<()> {
        let of_tenant = matches!(tx.ctx.actor.kind, ActorKind::User | ActorKind::Service);
        if !self.0 || !of_tenant || has_administrator(tx).await? {
            return Ok(());
        }
        let detail =
            format!("Nobody would be left who may manage accounts: let another active user hold {MANAGE} first");
        Err(Error::Refused { code: "last_administrator", detail })
    }
}

/// Whether an active person holds a role that lets them mend any account: one that reaches the whole tenant, for more than
/// an emergency.
pub(super) async fn has_administrator(tx: &mut Tx) -> Result<bool> {
    let now = tx.ctx.env.now();
    // A program helps nobody in, and the account of an emergency is gone within the hour.
    let sql = sql!(
        "SELECT DISTINCT p.patterns FROM auth.user_roles ur \
         JOIN auth.users u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id AND u.status = 'active' AND u.kind <> 'service' \
         JOIN auth.roles r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id AND r.scope = 'tenant' AND r.purposes <> '[\"BTG\"]' \
         JOIN auth.role_permissions rp ON rp.tenant_id = ur.tenant_id AND rp.role_id = ur.role_id \
         JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
         WHERE ur.valid_from <= $1 AND (ur.valid_to IS NULL OR ur.valid_to > $1)"
    );
    for found in tx.query(sql, &[&now]).await? {
        let patterns: Vec<String> = serde_json::from_value(found.get(0)).map_err(Error::internal)?;
        if Permissions::new(patterns).allow(MANAGE) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn lock(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let administered = administered(tx).await?;
    let sql = sql!(
        "UPDATE auth.users SET status = 'locked' WHERE id = $1 AND status IN ('invited', 'active', 'locked') RETURNING id"
    );
    if tx.query_opt(sql, &[&id]).await?.is_none() {
        return Err(wrong_state(tx, id, "The account is disabled: there is nothing to lock").await?);
    }
    let ended = access_ops::end_all(tx, id).await?;
    notify::remove_all_devices(tx, id).await?;
    administered.remains(tx).await?;
    Ok(Reply::json(json!({"id": id, "status": "locked", "ended": ended})))
}

/// Why a change does not fit the state of an account; not found for one that is not there.
async fn wrong_state(tx: &mut Tx, id: Uuid, detail: &str) -> Result<Error> {
    tx.query_opt(sql!("SELECT id FROM auth.users WHERE id = $1"), &[&id]).await?.ok_or(Error::NotFound)?;
    Ok(Error::Conflict { code: "wrong_state", detail: detail.to_owned() })
}

async fn unlock(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let sql = sql!(
        "UPDATE auth.users SET failed_attempts = 0, locked_until = NULL, unlocked_at = $2, \
           status = CASE WHEN status <> 'locked' THEN status \
                         WHEN password_hash IS NULL AND setup_token_hash IS NOT NULL THEN 'invited' ELSE 'active' END \
         WHERE id = $1 AND status <> 'disabled' RETURNING status::text"
    );
    match tx.query_opt(sql, &[&id, &now]).await? {
        Some(found) => Ok(Reply::json(json!({"id": id, "status": found.get::<_, String>(0)}))),
        None => Err(wrong_state(tx, id, "The account is disabled: let the user in again with a new link").await?),
    }
}

async fn enable(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    may_admit(tx, id).await?;
    if let Some(token) = renew_disabled(tx, id).await? {
        return Ok(Reply::json(json!({"id": id, "status": "invited", "setup_path": format!("/setup/{token}")})));
    }
    // Whoever is in already needs no link: there is nothing to do.
    let found = tx.query_opt(sql!("SELECT status::text FROM auth.users WHERE id = $1"), &[&id]).await?;
    Ok(Reply::json(json!({"id": id, "status": found.ok_or(Error::NotFound)?.get::<_, String>(0)})))
}

/// Roles of a user before and after.
struct Turn {
    user: Uuid,
    /// Names and ids.
    before: BTreeMap<String, Uuid>,
    after: BTreeMap<String, Uuid>,
    permissions: (Permissions, Permissions),
}

async fn turn(tx: &mut Tx, call: &mut Call) -> Result<Turn> {
    let user = call.id()?;
    let Wanted { roles } = call.input()?;
    tx.query_opt(sql!("SELECT id FROM auth.users WHERE id = $1"), &[&user]).await?.ok_or(Error::NotFound)?;
    let known = named_roles(tx).await?;
    let now = tx.ctx.env.now();
    let held = held::held(tx, user, now).await?;
    let mut after = BTreeMap::new();
    for name in &roles {
        let (id, _) = known
            .get(name)
            .ok_or_else(|| Error::invalid("roles", "no_such_record", format!("{name} is not a role of this tenant")))?;
        after.insert(name.clone(), *id);
    }
    let before = held.roles.iter().filter_map(|name| Some((name.clone(), known.get(name)?.0))).collect();
    let wanted = union(roles.iter().filter_map(|name| known.get(name)).map(|(_, permissions)| permissions));
    Ok(Turn { user, before, after, permissions: (held.permissions(), wanted) })
}

impl Turn {
    fn given(&self) -> Vec<Uuid> {
        self.after.iter().filter(|(name, _)| !self.before.contains_key(*name)).map(|(_, id)| *id).collect()
    }

    fn taken(&self) -> Vec<Uuid> {
        self.before.iter().filter(|(name, _)| !self.after.contains_key(*name)).map(|(_, id)| *id).collect()
    }

    fn changed(&self) -> Vec<Uuid> {
        [self.given(), self.taken()].concat()
    }

    fn told(&self, tx: &Tx) -> Result<Value> {
        let (gains, loses) = differing(tx, &self.permissions.0, &self.permissions.1)?;
        Ok(json!({
            "id": self.user,
            "roles": {"before": self.before.keys().collect::<Vec<_>>(), "after": self.after.keys().collect::<Vec<_>>()},
            "gains": gains,
            "loses": loses,
        }))
    }
}

async fn preview(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let turn = turn(tx, &mut call).await?;
    may_give(tx, &turn.changed(), Some(turn.user)).await?;
    tx.on_row(turn.user);
    turn.told(tx).map(Reply::json)
}

async fn set_roles(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let administered = administered(tx).await?;
    let turn = turn(tx, &mut call).await?;
    // Who could not give a role does not take it away either.
    may_give(tx, &turn.changed(), Some(turn.user)).await?;
    let given = turn.given();
    if turn.user == tx.ctx.actor.id && !given.is_empty() {
        return Err(own_term());
    }
    let now = tx.ctx.env.now();
    // A role that was held before is held again in the same row: its term shows the present one.
    let sql = sql!("SELECT id, role_id FROM auth.user_roles WHERE user_id = $1 AND role_id = ANY($2) FOR UPDATE");
    let former: BTreeMap<Uuid, Uuid> =
        tx.query(sql, &[&turn.user, &given]).await?.iter().map(|r| (r.get("role_id"), r.get("id"))).collect();
    let begins = clock::text(now)?;
    let mut new = Vec::new();
    for role in &given {
        match former.get(role) {
            Some(id) => {
                let values = row(json!({"valid_from": begins, "valid_to": null}));
                tx.update("auth.user_roles", *id, None, values).await?;
            }
            None => new.push(NewRow {
                id: tx.ctx.env.id(),
                values: row(json!({"user_id": turn.user, "role_id": role, "valid_from": begins})),
            }),
        }
    }
    tx.insert("auth.user_roles", &new).await?;
    let sql = sql!(
        "UPDATE auth.user_roles SET valid_to = greatest($3, valid_from + interval '1 microsecond') \
         WHERE user_id = $1 AND role_id = ANY($2) AND (valid_to IS NULL OR valid_to > $3)"
    );
    tx.query(sql, &[&turn.user, &turn.taken(), &now]).await?;
    administered.remains(tx).await?;
    tell_owner(tx, turn.user, "account.roles").await?;
    tx.on_row(turn.user);
    turn.told(tx).map(Reply::json)
}
