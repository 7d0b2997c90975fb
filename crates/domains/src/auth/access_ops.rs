//! What an administrator does to the access of others: ends sessions and keys, takes away second factors that are lost,
//! and brings in the users of an existing system with the passwords they have.

use super::{
    factors,
    grant::may_admit,
    password,
    token::{self, ApiKey, NewApiKey},
    users::{NewUser, enter},
};
use crate::row;
use salus_core::{Error, Permissions, Purpose, Result};
use salus_store::{Body, Call, Method, Op, Reply, Run, Tx, run, sql};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// The operations.
pub fn ops() -> Vec<Op> {
    let mut all = endings();
    all.extend(beginnings());
    all.extend(keys());
    all
}

/// An action on accounts: by who manages them, without a body unless one is put in.
pub(super) fn op(path: &str, name: &str, target: &'static str, summary: &str, run: Run) -> Op {
    Op {
        method: Method::Post,
        path: format!("/api/v1/auth/{path}"),
        name: format!("auth.{name}"),
        permission: "auth.user.manage",
        summary: summary.to_owned(),
        target,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    }
}

/// What ends somebody's ways in.
fn endings() -> Vec<Op> {
    vec![
        op(
            "sessions/{id}/revoke",
            "session.revoke",
            "auth.sessions",
            "End somebody's session within a second",
            run(|tx, call| Box::pin(revoke_session(tx, call))),
        ),
        op(
            "api-keys/{id}/revoke",
            "api_key.revoke",
            "auth.api_keys",
            "End an API key within a second",
            run(|tx, call| Box::pin(revoke_key(tx, call))),
        ),
        op(
            "users/{id}/end-sessions",
            "user.end_sessions",
            "auth.users",
            "End all sessions of a user within a second; API keys go on",
            run(|tx, call| Box::pin(end_sessions(tx, call))),
        ),
        op(
            "users/{id}/reset-factors",
            "user.reset_factors",
            "auth.users",
            "Take away all second factors of a user who lost them, and end the sessions; new ones are set up at the next sign-in",
            run(|tx, call| Box::pin(reset_factors(tx, call))),
        ),
    ]
}

/// What makes new ones.
fn beginnings() -> Vec<Op> {
    let text = || json!({"type": "string"});
    vec![
        Op {
            permission: "auth.identity_provider.write",
            input: Some(json!({
                "type": "object",
                "properties": {"client_secret": {"type": ["string", "null"], "description": "null takes it away"}},
                "required": ["client_secret"],
                "additionalProperties": false,
            })),
            ..op(
                "identity-providers/{id}/secret",
                "identity_provider.set_secret",
                "auth.identity_providers",
                "Set the secret that an identity provider gave; nobody reads it back",
                run(|tx, call| Box::pin(set_secret(tx, call))),
            )
        },
        Op {
            input: Some(json!({
                "type": "object",
                "properties": {
                    "email": text(), "display_name": text(), "roles": {"type": "array", "items": text()},
                    "bcrypt_hash": {"type": "string", "description": "60 characters that begin with $2a$, $2b$ or $2y$"},
                },
                "required": ["email", "display_name", "bcrypt_hash"],
                "additionalProperties": false,
            })),
            ..op(
                "users/import",
                "user.import",
                "auth.users",
                "Bring in a user of an existing system, who keeps the password; its hash is replaced at the first sign-in",
                run(|tx, call| Box::pin(import(tx, call))),
            )
        },
    ]
}

/// Keys of service accounts.
fn keys() -> Vec<Op> {
    let list = |why: &str| json!({"type": "array", "items": {"type": "string"}, "description": why});
    let days = || json!({"type": "integer", "minimum": 1, "maximum": 365, "default": 90});
    vec![
        Op {
            input: Some(json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string"}, "days": days(),
                    "scopes": list("Permissions it is narrowed to, such as medical.patient.read; none: all of its user's"),
                    "networks": list("Networks such as 192.0.2.0/24 from which it opens; none: from anywhere"),
                    "purposes": list("Purposes of use it is limited to; none: those its user's roles serve"),
                },
                "required": ["name"],
                "additionalProperties": false,
            })),
            ..op(
                "users/{id}/api-keys",
                "api_key.issue",
                "auth.users",
                "Make an API key for a service account; the reply holds it, once",
                run(|tx, call| Box::pin(create_key(tx, call))),
            )
        },
        Op {
            input: Some(json!({
                "type": "object", "properties": {"days": days()}, "additionalProperties": false,
            })),
            ..op(
                "api-keys/{id}/replace",
                "api_key.replace",
                "auth.api_keys",
                "Make another key in the place of one of a service account: both work until the old one is revoked. The reply holds it, once",
                run(|tx, call| Box::pin(replace_key(tx, call))),
            )
        },
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyWanted {
    name: String,
    #[serde(default = "usual_days")]
    days: i64,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    purposes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Another {
    #[serde(default = "usual_days")]
    days: i64,
}

fn usual_days() -> i64 {
    90
}

/// A service account, whose keys somebody else makes; a person makes their own.
async fn of_service(tx: &mut Tx, user: Uuid) -> Result<()> {
    let sql = sql!("SELECT kind::text FROM auth.users WHERE id = $1");
    let kind: String = tx.query_opt(sql, &[&user]).await?.ok_or(Error::NotFound)?.get(0);
    if kind != "service" {
        let detail = "Only a service account is given a key by somebody else: a person makes keys on their own page";
        return Err(Error::Conflict { code: "not_service", detail: detail.into() });
    }
    may_admit(tx, user).await
}

fn told(status: u16, key: &ApiKey) -> Reply {
    Reply::of(status, Body::Json(json!({"id": key.id, "key": key.text})))
}

async fn create_key(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (user, wanted) = (call.id()?, call.input::<KeyWanted>()?);
    let purposes = wanted.purposes.iter().map(|code| Purpose::parse("purposes", code)).collect::<Result<_>>()?;
    let new = NewApiKey {
        name: &wanted.name,
        scopes: Permissions::new(wanted.scopes),
        days: wanted.days,
        networks: wanted.networks,
        purposes,
    };
    new.check()?;
    of_service(tx, user).await?;
    let key = token::make(tx, user, &new).await?;
    tx.on_row(key.id);
    Ok(told(201, &key))
}

async fn replace_key(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (id, wanted) = (call.id()?, call.input::<Another>()?);
    let sql = sql!("SELECT user_id FROM auth.api_keys WHERE id = $1");
    let user: Uuid = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?.get(0);
    of_service(tx, user).await?;
    let key = token::replace(tx, user, id, wanted.days).await?;
    tx.on_row(key.id);
    Ok(told(200, &key))
}

async fn revoke_session(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let sql = sql!("SELECT user_id FROM auth.sessions WHERE id = $1");
    let user: Uuid = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?.get(0);
    let sql = sql!("UPDATE auth.sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    tx.query(sql, &[&id, &now]).await?;
    Ok(Reply::json(json!({"id": id, "user_id": user})))
}

async fn revoke_key(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let sql = sql!("UPDATE auth.api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING user_id");
    let user: Uuid = tx.query_opt(sql, &[&id, &now]).await?.ok_or(Error::NotFound)?.get(0);
    Ok(Reply::json(json!({"id": id, "user_id": user})))
}

/// Ends every session of a user; how many there were.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user.
pub(super) async fn end_all(tx: &mut Tx, user: Uuid) -> Result<usize> {
    tx.query_opt(sql!("SELECT id FROM auth.users WHERE id = $1"), &[&user]).await?.ok_or(Error::NotFound)?;
    let now = tx.ctx.env.now();
    let sql = sql!("UPDATE auth.sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL RETURNING id");
    Ok(tx.query(sql, &[&user, &now]).await?.len())
}

async fn end_sessions(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let ended = end_all(tx, id).await?;
    Ok(Reply::json(json!({"id": id, "ended": ended})))
}

async fn reset_factors(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    // It is half of a way into the account.
    may_admit(tx, id).await?;
    let ended = end_all(tx, id).await?;
    factors::remove_all(tx, id).await?;
    Ok(Reply::json(json!({"id": id, "ended": ended})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    client_secret: Option<String>,
}

async fn set_secret(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Secret { client_secret } = call.input()?;
    tx.query_opt(sql!("SELECT id FROM auth.identity_providers WHERE id = $1"), &[&id]).await?.ok_or(Error::NotFound)?;
    tx.update("auth.identity_providers", id, None, row(json!({"client_secret": client_secret}))).await?;
    Ok(Reply::json(json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported {
    email: String,
    display_name: String,
    #[serde(default)]
    roles: Vec<String>,
    bcrypt_hash: String,
}

async fn import(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Imported { email, display_name, roles, bcrypt_hash } = call.input()?;
    password::check_imported(&bcrypt_hash)?;
    let id =
        enter(tx, &NewUser { email, display_name, roles }, json!({"status": "active", "password_hash": bcrypt_hash}))
            .await?;
    Ok(Reply::of(201, Body::Json(json!({"id": id}))))
}
