//! Passkeys of people: set up in a session, and signed in with instead of password and second factor, since the device
//! itself verifies who uses it.

use super::{
    challenge,
    configuration::security,
    factors, notify,
    sign_in::{Origin, Proof, Signed, Source, Whom, begin_session, history, may_come_from, tenant},
    token::Token,
    webauthn::{self, Answer, PublicKey, Refusal, RelyingParty},
};
use crate::row;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, engine::NewRow, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A question for a passkey.
#[derive(Debug)]
pub struct Question {
    /// Names it in the answer.
    pub token: String,
    /// What the browser is asked: options of `navigator.credentials`, bytes as base64url.
    pub options: Value,
}

/// What a browser answers, bytes as base64url.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: String,
    client_data_json: String,
    #[serde(default)]
    attestation_object: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    user_handle: String,
}

impl Credential {
    fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|_| refused(Refusal::Malformed))
    }
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| refused(Refusal::Malformed))
}

fn refused(why: Refusal) -> Error {
    Error::invalid("credential", "refused", format!("This passkey is not taken: {why}"))
}

fn new_challenge() -> Result<String> {
    let mut random = [0; 32];
    salus_store::seal::fill_random(&mut random)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

/// Asks the browser of somebody who is signed in for a new passkey.
///
/// # Errors
/// [`Error::ProveAgain`].
pub async fn ask_new_passkey(db: &Db, ctx: &Ctx, site: &RelyingParty, account: (&str, &str)) -> Result<Question> {
    let mut tx = factors::begin_own(db, ctx).await?;
    let challenge = new_challenge()?;
    let user = ctx.actor.id;
    let detail = json!({"challenge": challenge});
    let token = challenge::pose(&mut tx, Some(user), "passkey_new", detail).await?;
    let held = tx.query(sql!("SELECT credential_id FROM auth.passkeys WHERE user_id = $1"), &[&user]).await?;
    let held: Vec<Value> = held
        .iter()
        .map(|r| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(r.get::<_, &[u8]>(0))}))
        .collect();
    tx.finish_unrecorded().await?;
    let kinds = webauthn::ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg}));
    let (name, email) = account;
    Ok(Question {
        token,
        options: json!({
            "challenge": challenge,
            "rp": {"id": site.id, "name": "Salus"},
            "user": {"id": URL_SAFE_NO_PAD.encode(user.as_bytes()), "name": email, "displayName": name},
            "pubKeyCredParams": kinds,
            "excludeCredentials": held,
            "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
            "attestation": "none",
            "timeout": 300_000,
        }),
    })
}

/// Keeps a new passkey. Returns recovery codes when there were none.
///
/// # Errors
/// [`Error::Invalid`] on `credential` or `name`; [`Error::Unauthenticated`] for a question that is too old.
pub async fn keep_passkey(
    db: &Db,
    ctx: &Ctx,
    site: &RelyingParty,
    (token, credential): (&str, &str),
    name: &str,
) -> Result<Vec<String>> {
    let answer = Credential::read(credential)?;
    let mut tx = factors::begin_own(db, ctx).await?;
    let asked = challenge::find(&mut tx, "passkey_new", token).await?;
    if asked.user != Some(ctx.actor.id) {
        return Err(Error::Unauthenticated);
    }
    challenge::spend(&mut tx, asked.id).await?;
    let challenge = bytes(asked.detail["challenge"].as_str().unwrap_or_default())?;
    let (client, object) = (bytes(&answer.client_data_json)?, bytes(&answer.attestation_object)?);
    let made = webauthn::register(&client, &object, &challenge, site, true).map_err(refused)?;
    let id = tx.ctx.env.id();
    let name = if name.trim().is_empty() { "Passkey" } else { name.trim() };
    let values = row(json!({
        "user_id": ctx.actor.id,
        "name": name,
        "credential_id": hex::encode(made.credential_id),
        "public_key": hex::encode(made.public_key),
        "sign_count": made.sign_count,
        "aaguid": made.aaguid,
        "is_backed_up": made.is_backed_up,
    }));
    tx.insert("auth.passkeys", &[NewRow { id, values }]).await?;
    let codes = factors::after_new_factor(&mut tx).await?;
    tx.on_row(id);
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.passkey.create", "auth.passkeys").await?;
    Ok(codes)
}

/// Removes one of the caller's passkeys.
///
/// # Errors
/// [`Error::NotFound`] for one that is not the caller's.
pub async fn remove_passkey(db: &Db, ctx: &Ctx, id: Uuid) -> Result<()> {
    let mut tx = factors::begin_own(db, ctx).await?;
    let sql = sql!("DELETE FROM auth.passkeys WHERE id = $1 AND user_id = $2 RETURNING id");
    tx.query_opt(sql, &[&id, &ctx.actor.id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.passkey.delete", "auth.passkeys").await
}

/// Asks a browser for any passkey of somebody in an organization. Whether that exists is not told.
///
/// # Errors
/// Those of the database.
pub async fn ask_passkey(db: &Db, slug: &str, site: &RelyingParty) -> Result<Question> {
    let challenge = new_challenge()?;
    let token = match tenant(db, slug).await? {
        None => Token::new(Uuid::nil(), "slc_")?.1,
        Some(tenant) => {
            let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
            let detail = json!({"challenge": challenge});
            let token = challenge::pose(&mut tx, None, "passkey_sign_in", detail).await?;
            tx.finish_unrecorded().await?;
            token
        }
    };
    let options = json!({
        "challenge": challenge, "rpId": site.id, "userVerification": "required", "timeout": 300_000,
    });
    Ok(Question { token, options })
}

/// Signs in with a passkey.
///
/// # Errors
/// [`Error::Unauthenticated`] whatever is wrong. A passkey whose counter tells of a copy is suspended.
pub async fn sign_in_with_passkey(
    db: &Db,
    site: &RelyingParty,
    (token, credential): (&str, &str),
    source: Source<'_>,
) -> Result<Signed> {
    let from = Origin::from(source);
    let answer = Credential::read(credential).map_err(|_| Error::Unauthenticated)?;
    let tenant = Token::parse(token).filter(|t| !t.tenant.is_nil()).ok_or(Error::Unauthenticated)?.tenant;
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let asked = challenge::find(&mut tx, "passkey_sign_in", token).await?;
    challenge::spend(&mut tx, asked.id).await?;
    let sql = sql!(
        "SELECT p.id, p.user_id, p.public_key, p.sign_count FROM auth.passkeys p \
         JOIN auth.users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id AND u.status = 'active' \
         WHERE p.credential_id = $1::bytea AND p.suspended_at IS NULL FOR UPDATE OF p"
    );
    let credential_id = bytes(&answer.id).map_err(|_| Error::Unauthenticated)?;
    let held = tx.query_opt(sql, &[&credential_id]).await?;
    let rules = security(&mut tx).await?;
    let Some(held) = held else {
        history(&mut tx, &Whom::Unknown, ("refused", "passkey"), &from).await?;
        tx.commit("auth.login.attempt", "auth.login_history").await?;
        return Err(Error::Unauthenticated);
    };
    let (id, user): (Uuid, Uuid) = (held.get("id"), held.get("user_id"));
    let counter = u32::try_from(held.get::<_, i64>("sign_count")).map_err(Error::internal)?;
    let now = tx.ctx.env.now();
    match check(&answer, &asked.detail, site, (user, held.get("public_key"), counter)) {
        Ok(proved) => {
            let sql =
                sql!("UPDATE auth.passkeys SET sign_count = $2, is_backed_up = $3, last_used_at = $4 WHERE id = $1");
            tx.query(sql, &[&id, &i64::from(proved.sign_count), &proved.is_backed_up, &now]).await?;
            tx.finish_unrecorded().await?;
            may_come_from(&rules, &from.ip)?;
            begin_session(db, (tenant, user), Proof { by: "passkey", second: true }, &rules, &from).await
        }
        Err(why) => {
            let reason = if why == Refusal::Copied { "passkey_copied" } else { "passkey" };
            if why == Refusal::Copied {
                let sql = sql!("UPDATE auth.passkeys SET suspended_at = $2 WHERE id = $1");
                tx.query(sql, &[&id, &now]).await?;
            }
            history(&mut tx, &Whom::User(user), ("refused", reason), &from).await?;
            tx.on_row(id);
            tx.commit("auth.login.attempt", "auth.login_history").await?;
            Err(Error::Unauthenticated)
        }
    }
}

fn check(
    answer: &Credential,
    asked: &Value,
    site: &RelyingParty,
    (user, key, counter): (Uuid, &[u8], u32),
) -> Result<webauthn::Asserted, Refusal> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Malformed);
    let handle = decode(&answer.user_handle)?;
    if !handle.is_empty() && handle != user.as_bytes() {
        return Err(Refusal::Signature);
    }
    let (client, data, signature) =
        (decode(&answer.client_data_json)?, decode(&answer.authenticator_data)?, decode(&answer.signature)?);
    let answer = Answer { client_data_json: &client, authenticator_data: &data, signature: &signature };
    let key = PublicKey::parse(key).ok_or(Refusal::Algorithm)?;
    let challenge = decode(asked["challenge"].as_str().unwrap_or_default())?;
    webauthn::assert(answer, &challenge, site, (&key, counter), true)
}
