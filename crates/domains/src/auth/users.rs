//! Users: invited with a one-time link, by which they choose their password. Nobody else ever knows one.

use super::{
    access_ops, account_ops,
    account_ops::administered,
    configuration::{SecurityConfiguration, security},
    former,
    grant::{may_admit, may_give},
    leaked::must_not_be_leaked,
    modules, notify, password, rules_ops,
    sign_in::as_user,
    token::Token,
};
use crate::{clock, row};
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Body, Call, Catalog, Db, Op, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A user to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Address to sign in with.
    pub email: String,
    /// Name that others see.
    pub display_name: String,
    /// Names of roles of the tenant.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// A one-time link for a user who has no password yet.
#[derive(Debug)]
pub struct Invitation {
    /// The user.
    pub user: Uuid,
    /// The secret in `/setup/<token>`; shown once.
    pub token: String,
}

/// How long an invitation can be taken up.
const INVITED: Duration = Duration::hours(72);

/// The operations of this domain that are more than rows.
///
/// # Errors
/// None today; the signature is that of every domain's list.
pub fn actions(_: &Catalog) -> Result<Vec<Op>> {
    let text = || json!({"type": "string"});
    let op = |tail: &str, verb: &str, summary: &str, run| {
        access_ops::op(&format!("users{tail}"), &format!("user.{verb}"), "auth.users", summary, run)
    };
    let mut ops = vec![
        Op {
            input: Some(json!({
                "type": "object",
                "properties": {"email": text(), "display_name": text(), "roles": {"type": "array", "items": text()}},
                "required": ["email", "display_name"],
                "additionalProperties": false,
            })),
            ..op(
                "",
                "invite",
                "Invite a user; the reply holds the one-time link to hand over",
                run(|tx, call| Box::pin(answer_invite(tx, call))),
            )
        },
        op(
            "/{id}/disable",
            "disable",
            "End a user's access: sessions and keys stop within a second",
            run(|tx, call| Box::pin(answer_disable(tx, call))),
        ),
        op(
            "/{id}/reinvite",
            "reinvite",
            "Make a new one-time link; the user's password stops working until it is used",
            run(|tx, call| Box::pin(answer_reinvite(tx, call))),
        ),
    ];
    ops.extend(access_ops::ops());
    ops.extend(account_ops::ops());
    ops.extend(modules::ops());
    ops.extend(rules_ops::ops());
    Ok(ops)
}

async fn answer_invite(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let new: NewUser = call.input()?;
    let made = invite(tx, &new).await?;
    let body = json!({"id": made.user, "setup_path": format!("/setup/{}", made.token)});
    Ok(Reply::of(201, Body::Json(body)))
}

async fn answer_disable(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let administered = administered(tx).await?;
    set_status(tx, id, "disabled").await?;
    access_ops::end_all(tx, id).await?;
    notify::remove_all_devices(tx, id).await?;
    let now = tx.ctx.env.now();
    let sql = sql!("UPDATE auth.api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&id, &now]).await?;
    administered.remains(tx).await?;
    Ok(Reply::json(json!({"id": id, "status": "disabled"})))
}

async fn answer_reinvite(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    may_admit(tx, id).await?;
    let token = renew(tx, id).await?;
    Ok(Reply::json(json!({"id": id, "setup_path": format!("/setup/{token}")})))
}

/// Makes a user with roles and a one-time link.
///
/// # Errors
/// [`Error::Invalid`] for an unknown role or an address that is none, [`Error::Conflict`] for one in use,
/// [`Error::Refused`] for a role above the caller's own.
pub async fn invite(tx: &mut Tx, new: &NewUser) -> Result<Invitation> {
    let (token, text) = Token::new(tx.ctx.tenant, "slu_")?;
    let ends = clock::text(tx.ctx.env.now() + INVITED)?;
    let link = json!({
        "status": "invited", "setup_token_hash": hex::encode(&token.hash), "setup_expires_at": ends,
    });
    Ok(Invitation { user: enter(tx, new, link).await?, token: text })
}

/// Makes a user with roles, and whatever lets them in.
pub(super) async fn enter(tx: &mut Tx, new: &NewUser, way_in: Value) -> Result<Uuid> {
    let email = new.email.trim();
    if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !email.contains(' '))
    {
        return Err(Error::invalid("email", "wrong_type", "Is an e-mail address"));
    }
    let id = tx.ctx.env.id();
    let mut values = row(json!({"kind": "staff", "email": email, "display_name": new.display_name}));
    values.extend(row(way_in));
    tx.insert("auth.users", &[NewRow { id, values }]).await?;
    give_roles(tx, id, &new.roles).await?;
    tx.on_row(id);
    Ok(id)
}

/// Makes a service account: a program that calls with API keys and never signs in.
///
/// # Errors
/// [`Error::Invalid`] for an unknown role.
pub async fn create_service(tx: &mut Tx, name: &str, roles: &[String]) -> Result<Uuid> {
    let id = tx.ctx.env.id();
    let values = row(json!({"kind": "service", "display_name": name, "status": "active"}));
    tx.insert("auth.users", &[NewRow { id, values }]).await?;
    give_roles(tx, id, roles).await?;
    tx.on_row(id);
    Ok(id)
}

async fn give_roles(tx: &mut Tx, user: Uuid, roles: &[String]) -> Result<()> {
    for role in roles {
        let found = tx
            .query_opt(sql!("SELECT id FROM auth.roles WHERE name = $1::text AND retired_at IS NULL"), &[role])
            .await?;
        let found = found
            .ok_or_else(|| Error::invalid("roles", "no_such_record", format!("{role} is not a role of this tenant")))?;
        let role: Uuid = found.get(0);
        may_give(tx, &[role], Some(user)).await?;
        let values = row(json!({"user_id": user, "role_id": role}));
        let id = tx.ctx.env.id();
        tx.insert("auth.user_roles", &[NewRow { id, values }]).await?;
    }
    Ok(())
}

async fn renew(tx: &mut Tx, user: Uuid) -> Result<String> {
    let (token, text) = Token::new(tx.ctx.tenant, "slu_")?;
    let sql = sql!(
        "UPDATE auth.users SET setup_token_hash = $2::bytea, setup_expires_at = $3, status = 'invited', password_hash = NULL \
         WHERE id = $1 AND kind <> 'service' AND status IN ('invited', 'active') RETURNING id"
    );
    let ends = tx.ctx.env.now() + INVITED;
    tx.query_opt(sql, &[&user, &token.hash, &ends]).await?.ok_or(Error::NotFound)?;
    // Whoever held a session under the old password does not get it back with the new one.
    access_ops::end_all(tx, user).await?;
    Ok(text)
}

/// The same for a disabled user, whose old password is gone; nothing for any other.
pub(super) async fn renew_disabled(tx: &mut Tx, user: Uuid) -> Result<Option<String>> {
    let sql = sql!(
        "UPDATE auth.users SET status = 'invited' WHERE id = $1 AND kind <> 'service' AND status = 'disabled' RETURNING id"
    );
    match tx.query_opt(sql, &[&user]).await? {
        None => Ok(None),
        Some(_) => renew(tx, user).await.map(Some),
    }
}

async fn set_status(tx: &mut Tx, user: Uuid, status: &'static str) -> Result<()> {
    let sql = sql!("UPDATE auth.users SET status = $2::text WHERE id = $1 RETURNING id");
    tx.query_opt(sql, &[&user, &status]).await?.map(|_| ()).ok_or(Error::NotFound)
}

/// Somebody who was invited, as the page greets them.
#[derive(Debug)]
pub struct Invited {
    pub(super) tenant: Uuid,
    pub(super) user: Uuid,
    /// Name.
    pub name: String,
    /// Address to sign in with.
    pub email: String,
    /// Name of the organization.
    pub organization: String,
    /// The rules a password must meet, in words.
    pub rules: Vec<String>,
    /// The tenant's name.
    pub slug: String,
    /// Whether there is a password that the new one takes the place of.
    pub replaces: bool,
    pub(super) configuration: SecurityConfiguration,
}

/// Whose invitation this is, if it can still be taken up.
///
/// # Errors
/// [`Error::NotFound`] for a link that was used, has ended, or never was.
pub async fn invitation(db: &Db, token: &str) -> Result<Invited> {
    let token = Token::parse(token).ok_or(Error::NotFound)?;
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), true).await?;
    let sql = sql!(
        "SELECT u.id, u.email, u.display_name, u.password_hash IS NOT NULL AS replaces, o.name::text AS organization, t.slug FROM auth.users u \
         JOIN kernel.tenants t ON t.id = u.tenant_id LEFT JOIN auth.organizations o ON o.tenant_id = u.tenant_id AND o.id = u.tenant_id \
         WHERE u.setup_token_hash = $1::bytea AND u.setup_expires_at > $2 AND u.status IN ('invited', 'active')"
    );
    let found = tx.query_opt(sql, &[&token.hash, &db.env().now()]).await?.ok_or(Error::NotFound)?;
    let user: Uuid = found.get("id");
    let mut text = |column: &str| -> Result<String> {
        match found.get::<_, Option<&[u8]>>(column) {
            None => Ok(String::new()),
            Some(sealed) => Ok(tx
                .open_value(At { table: "auth.users", column, row: user }, sealed)?
                .as_str()
                .unwrap_or_default()
                .to_owned()),
        }
    };
    let (email, name) = (text("email")?, text("display_name")?);
    let configuration = security(&mut tx).await?;
    let rules = password::rules(&mut tx, &configuration).await?;
    tx.finish_unrecorded().await?;
    Ok(Invited {
        tenant: token.tenant,
        user,
        name,
        email,
        organization: found.get::<_, Option<String>>("organization").unwrap_or_default(),
        rules,
        slug: found.get("slug"),
        replaces: found.get("replaces"),
        configuration,
    })
}

/// Sets the first password of an invited user, or one in place of a password that must be replaced; the link is spent
/// by it. Returns the tenant's name.
///
/// # Errors
/// [`Error::NotFound`] for a link that cannot be used, [`Error::Invalid`] for a password against the tenant's rules.
pub async fn accept_invitation(db: &Db, token: &str, new_password: &str) -> Result<String> {
    let invited = invitation(db, token).await?;
    accept(db, token, &invited, new_password).await?;
    Ok(invited.slug)
}

/// The same for an invitation that was looked at already.
pub(super) async fn accept(db: &Db, token: &str, invited: &Invited, new_password: &str) -> Result<()> {
    let spent = Token::parse(token).ok_or(Error::NotFound)?.hash;
    let own = [&invited.slug, &invited.email, &invited.name, &invited.organization].map(String::as_str);
    password::check_rules(&invited.configuration, &own, new_password)?;
    must_not_be_leaked(db, invited.tenant, &invited.configuration, new_password).await?;
    former::must_be_new(db, invited.tenant, invited.user, &invited.configuration, new_password).await?;
    let hash = password::hash(new_password).await?;
    let mut tx = db.begin(as_user(db.env(), invited.tenant, invited.user), false).await?;
    let sql = sql!(
        "UPDATE auth.users SET setup_token_hash = NULL, setup_expires_at = NULL, status = 'active', failed_attempts = 0, \
           locked_until = NULL, password_changed_at = $3 \
         WHERE id = $1 AND setup_token_hash = $2::bytea AND status IN ('invited', 'active') RETURNING id"
    );
    let now: OffsetDateTime = db.env().now();
    tx.query_opt(sql, &[&invited.user, &spent, &now]).await?.ok_or(Error::NotFound)?;
    former::replace(&mut tx, invited.user, &hash, &invited.configuration).await?;
    if invited.replaces {
        notify::tell_owner(&mut tx, invited.user, "account.password").await?;
    }
    // Whoever is signed in with the old one is so no more.
    let sql = sql!("UPDATE auth.sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&invited.user, &now]).await?;
    tx.on_row(invited.user);
    tx.commit("auth.user.accept_invitation", "auth.users").await
}

/// The user of this address.
///
/// # Errors
/// Those of the database.
pub async fn user_of_address(tx: &mut Tx, email: &str) -> Result<Option<Uuid>> {
    let blind = tx.blind("auth.users", "email", email)?;
    let sql = sql!("SELECT id FROM auth.users WHERE email_bidx = ANY($1::bytea[])");
    Ok(tx.query_opt(sql, &[&blind]).await?.map(|row| row.get(0)))
}

/// The names of users, for showing who did something.
///
/// # Errors
/// Those of the database.
pub async fn display_names(tx: &mut Tx, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = tx.query(sql!("SELECT id, display_name FROM auth.users WHERE id = ANY($1)"), &[&ids]).await?;
    let mut names = HashMap::new();
    for found in &rows {
        let id: Uuid = found.get("id");
        if let Some(sealed) = found.get::<_, Option<&[u8]>>("display_name")
            && let Value::String(name) =
                tx.open_value(At { table: "auth.users", column: "display_name", row: id }, sealed)?
        {
            names.insert(id, name);
        }
    }
    Ok(names)
}
