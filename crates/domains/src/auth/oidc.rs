//! Sign-in through a service that says who somebody is (`OpenID` Connect Core 1.0): authorization code with PKCE (RFC 7636)
//! and nonce, against the providers that a tenant trusts.
//!
//! Holds: an account at a provider opens only the user it was linked to; the question is bound to the browser that asked
//! it, to one provider and to one answer; tokens of the provider are used for this and thrown away. The proof stands
//! for the password: who has a second factor here gives it as well.

use super::{
    challenge,
    configuration::security,
    factors, invited,
    jwt::{self, Expected, Key},
    notify,
    sign_in::{Origin, SignIn, Source, Whom, history, may_come_from, second_or_session, tenant},
    token::Token,
    users::invitation,
};
use crate::{clock, row};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, outbound::Outbound, sql};
use serde_json::{Map, Value, json};
use std::{net::Ipv4Addr, time::Duration};
use uuid::Uuid;

/// Most time for one call to a provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer of a provider, in bytes.
const LONGEST: usize = 256 * 1024;

/// A provider as the sign-in page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The row.
    pub id: Uuid,
    /// Words on its button.
    pub name: String,
    /// Whether the caller's account there is linked; on the sign-in page never.
    pub linked: bool,
}

/// Where the browser goes next.
#[derive(Debug)]
pub struct Departure {
    /// The provider's address, with the question.
    pub address: String,
    /// The token that the browser keeps in a cookie until it comes back.
    pub state: String,
}

/// How a browser came back.
#[derive(Debug, Clone, Copy)]
pub struct Return<'a> {
    /// The token of the cookie.
    pub kept: &'a str,
    /// The same token, as the provider handed it back.
    pub state: &'a str,
    /// What the provider gives for a token.
    pub code: &'a str,
    /// The issuer that the provider says it is (RFC 9207); empty when it does not.
    pub issuer: &'a str,
    /// Our address to which it came back.
    pub redirect: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub enum Arrival {
    /// A sign-in; with the tenant's name.
    SignIn(String, SignIn),
    /// The account is linked to who was signed in.
    Linked,
}

pub(super) struct Provider {
    id: Uuid,
    issuer: String,
    client: String,
    secret: Option<String>,
    links_by_email: bool,
}

/// The providers of an organization, for its sign-in page.
///
/// # Errors
/// Those of the database.
pub async fn providers(db: &Db, slug: &str) -> Result<Vec<Offered>> {
    let Some(tenant) = tenant(db, slug).await? else { return Ok(Vec::new()) };
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let offered = offered(&mut tx, None).await?;
    tx.finish_unrecorded().await?;
    Ok(offered)
}

/// The providers, and whether the caller's account there is linked.
///
/// # Errors
/// Those of the database.
pub async fn own_providers(db: &Db, ctx: &Ctx) -> Result<Vec<Offered>> {
    let mut tx = db.begin(Ctx::system(db.env(), ctx.tenant), true).await?;
    let offered = offered(&mut tx, Some(ctx.actor.id)).await?;
    tx.finish_unrecorded().await?;
    Ok(offered)
}

async fn offered(tx: &mut Tx, user: Option<Uuid>) -> Result<Vec<Offered>> {
    let sql = sql!(
        "SELECT p.id, p.name::text, EXISTS (SELECT FROM auth.oauth_accounts a WHERE a.issuer = p.issuer AND a.user_id = $1) AS linked \
         FROM auth.identity_providers p WHERE p.is_active ORDER BY p.name LIMIT 20"
    );
    let rows = tx.query(sql, &[&user]).await?;
    Ok(rows.iter().map(|r| Offered { id: r.get("id"), name: r.get("name"), linked: r.get("linked") }).collect())
}

async fn provider(tx: &mut Tx, id: Uuid) -> Result<Provider> {
    let sql = sql!(
        "SELECT issuer::text, client_id::text, client_secret, links_by_email FROM auth.identity_providers WHERE id = $1 AND is_active"
    );
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let at = At { table: "auth.identity_providers", column: "client_secret", row: id };
    let secret = found.get::<_, Option<&[u8]>>("client_secret").map(|s| tx.open_value(at, s)).transpose()?;
    Ok(Provider {
        id,
        issuer: found.get("issuer"),
        client: found.get("client_id"),
        secret: secret.and_then(|s| s.as_str().map(str::to_owned)),
        links_by_email: found.get("links_by_email"),
    })
}

/// Sends a browser to a provider to sign in.
///
/// # Errors
/// [`Error::NotFound`] for a provider that is none here, [`Error::Unavailable`] when it does not answer.
pub async fn depart(db: &Db, outbound: &Outbound, slug: &str, id: Uuid, redirect: &str) -> Result<Departure> {
    let tenant = tenant(db, slug).await?.ok_or(Error::NotFound)?;
    leave((db, outbound), tenant, (id, Errand::SignIn), redirect).await
}

/// Sends the browser of somebody who holds an invitation to a provider, to take it up without a password.
///
/// # Errors
/// As [`depart`]; [`Error::NotFound`] for an invitation that was used or has ended, and for a link by which a password is
/// replaced.
pub async fn depart_invited(db: &Db, outbound: &Outbound, token: &str, id: Uuid, redirect: &str) -> Result<Departure> {
    let invited = invitation(db, token).await?;
    let hash = Token::parse(token).filter(|_| !invited.replaces).ok_or(Error::NotFound)?.hash;
    leave((db, outbound), invited.tenant, (id, Errand::Invitation(hex::encode(hash))), redirect).await
}

/// Sends the browser of somebody who is signed in to a provider, to link the account there.
///
/// # Errors
/// As [`depart`], and [`Error::ProveAgain`].
pub async fn depart_to_link(db: &Db, outbound: &Outbound, ctx: &Ctx, id: Uuid, redirect: &str) -> Result<Departure> {
    factors::begin_own(db, ctx).await?.finish_unrecorded().await?;
    leave((db, outbound), ctx.tenant, (id, Errand::Link(ctx.actor.id)), redirect).await
}

/// What a browser is sent to a provider for.
enum Errand {
    SignIn,
    /// To link the account there to this user.
    Link(Uuid),
    /// To take up the invitation whose secret has this digest, in hexadecimal.
    Invitation(String),
}

async fn leave(
    (db, outbound): (&Db, &Outbound),
    tenant: Uuid,
    (id, errand): (Uuid, Errand),
    redirect: &str,
) -> Result<Departure> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let provider = provider(&mut tx, id).await?;
    tx.finish_unrecorded().await?;
    let found = discover(outbound, &provider.issuer).await?;
    let (nonce, verifier) = (random()?, random()?);
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let mut detail = json!({"provider": provider.id, "nonce": nonce, "verifier": verifier});
    let (purpose, user) = match errand {
        Errand::SignIn => ("provider_sign_in", None),
        Errand::Link(user) => ("provider_link", Some(user)),
        Errand::Invitation(hash) => {
            detail["invitation"] = json!(hash);
            ("provider_sign_in", None)
        }
    };
    let state = challenge::pose(&mut tx, user, purpose, detail).await?;
    tx.finish_unrecorded().await?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", &provider.client),
        ("redirect_uri", redirect),
        ("scope", "openid email profile"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let join = if found.authorize.contains('?') { '&' } else { '?' };
    Ok(Departure { address: format!("{}{join}{}", found.authorize, query.finish()), state })
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    salus_store::seal::fill_random(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Takes a browser that comes back from a provider.
///
/// # Errors
/// [`Error::Unauthenticated`] whatever is wrong with the answer, or for an account that is linked to nobody;
/// [`Error::Conflict`] for one that is linked to another user; [`Error::Unavailable`] when the provider does not answer.
pub async fn arrive(db: &Db, outbound: &Outbound, back: Return<'_>, source: Source<'_>) -> Result<Arrival> {
    let from = Origin::from(source);
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(back.kept.as_bytes(), back.state.as_bytes());
    let token = Token::parse(back.state).filter(|_| same.is_ok()).ok_or(Error::Unauthenticated)?;
    let unknown = |e: Error| if matches!(e, Error::NotFound) { Error::Unauthenticated } else { e };
    let mut tx = db.begin(Ctx::system(db.env(), token.tenant), false).await.map_err(unknown)?;
    let asked = match challenge::find(&mut tx, "provider_sign_in", back.state).await {
        Err(Error::Unauthenticated) => challenge::find(&mut tx, "provider_link", back.state).await?,
        other => other?,
    };
    challenge::spend(&mut tx, asked.id).await?;
    let text = |name: &str| asked.detail[name].as_str().unwrap_or_default();
    let id = text("provider").parse().map_err(|_| Error::Unauthenticated)?;
    let provider = provider(&mut tx, id).await.map_err(unknown)?;
    tx.finish_unrecorded().await?;
    if !back.issuer.is_empty() && back.issuer != provider.issuer {
        return Err(Error::Unauthenticated);
    }
    let claims = match identify((db, outbound), &provider, &back, text("verifier")).await {
        Ok(claims) if claims.get("nonce").and_then(Value::as_str) == Some(text("nonce")) => claims,
        Ok(_) => return Err(refuse(jwt::Refusal::Nonce)),
        Err(e) => return Err(e),
    };
    let subject = claims.get("sub").and_then(Value::as_str).filter(|s| (1..=255).contains(&s.len()));
    let subject = subject.ok_or(Error::Unauthenticated)?;
    match asked.user {
        Some(user) => link(db, token.tenant, (&provider, subject), user).await.map(|()| Arrival::Linked),
        None if asked.detail["invitation"].is_string() => {
            invited::take_up(db, token.tenant, (&provider, subject, &claims), (text("invitation"), &from)).await
        }
        None => enter(db, token.tenant, (&provider, subject, &claims), &from).await,
    }
}

/// The address that a provider vouches for.
pub(super) fn vouched(claims: &Map<String, Value>) -> Option<&str> {
    let vouched = claims.get("email_verified") == Some(&Value::Bool(true));
    claims.get("email").and_then(Value::as_str).filter(|_| vouched)
}

fn refuse(why: jwt::Refusal) -> Error {
    tracing::warn!(%why, "a token of an identity provider was refused");
    Error::Unauthenticated
}

async fn enter(
    db: &Db,
    tenant: Uuid,
    (provider, subject, claims): (&Provider, &str, &Map<String, Value>),
    from: &Origin,
) -> Result<Arrival> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), false).await?;
    let blind = tx.blind("auth.oauth_accounts", "subject", subject)?;
    let sql = sql!(
        "UPDATE auth.oauth_accounts a SET last_used_at = $3 FROM auth.users u \
         WHERE u.tenant_id = a.tenant_id AND u.id = a.user_id AND u.status = 'active' \
           AND a.issuer = $1::text AND a.subject_bidx = ANY($2::bytea[]) RETURNING a.user_id"
    );
    let now = tx.ctx.env.now();
    let mut user: Option<Uuid> = tx.query_opt(sql, &[&provider.issuer, &blind, &now]).await?.map(|r| r.get(0));
    if let (None, Some(email)) = (user, vouched(claims).filter(|_| provider.links_by_email)) {
        let blind = tx.blind("auth.users", "email", email)?;
        let sql = sql!(
            "SELECT id, status = 'invited' AS invited FROM auth.users WHERE email_bidx = ANY($1::bytea[]) \
               AND (status = 'active' OR (status = 'invited' AND setup_expires_at > $2))"
        );
        let found = tx.query_opt(sql, &[&blind, &now]).await?;
        user = found.as_ref().map(|r| r.get("id"));
        if let (Some(user), Some(true)) = (user, found.map(|r| r.get("invited"))) {
            invited::admit(&mut tx, user).await?;
        }
        if let Some(user) = user {
            keep(&mut tx, provider, subject, user).await?;
        }
    }
    let rules = security(&mut tx).await?;
    let slug = tx.query_opt(sql!("SELECT slug FROM kernel.tenants WHERE id = $1"), &[&tenant]).await?;
    let slug: String = slug.ok_or(Error::Unauthenticated)?.get(0);
    let Some(user) = user else {
        history(&mut tx, &Whom::Unknown, ("refused", "provider"), from).await?;
        tx.commit("auth.login.attempt", "auth.login_history").await?;
        return Err(Error::Unauthenticated);
    };
    tx.on_row(user);
    tx.commit("auth.oauth_account.use", "auth.oauth_accounts").await?;
    may_come_from(&rules, &from.ip)?;
    Ok(Arrival::SignIn(slug, second_or_session(db, (tenant, user), ("provider", false), &rules, from).await?))
}

async fn link(db: &Db, tenant: Uuid, (provider, subject): (&Provider, &str), user: Uuid) -> Result<()> {
    let mut tx = db.begin(super::sign_in::as_user(db.env(), tenant, user), false).await?;
    let sql = sql!("DELETE FROM auth.oauth_accounts WHERE user_id = $1 AND issuer = $2::text");
    tx.query(sql, &[&user, &provider.issuer]).await?;
    keep(&mut tx, provider, subject, user).await?;
    notify::tell_owner(&mut tx, user, "account.factor").await?;
    tx.commit("auth.oauth_account.create", "auth.oauth_accounts").await
}

pub(super) async fn keep(tx: &mut Tx, provider: &Provider, subject: &str, user: Uuid) -> Result<()> {
    let id = tx.ctx.env.id();
    let now = clock::text(tx.ctx.env.now())?;
    let values = row(json!({
        "user_id": user, "issuer": provider.issuer, "subject": subject, "linked_at": now, "last_used_at": now,
    }));
    tx.insert("auth.oauth_accounts", &[NewRow { id, values }]).await?;
    tx.on_row(id);
    Ok(())
}

/// Ends the link to the caller's account at a provider.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn unlink(db: &Db, ctx: &Ctx, id: Uuid) -> Result<()> {
    let mut tx = factors::begin_own(db, ctx).await?;
    let sql = sql!(
        "DELETE FROM auth.oauth_accounts a USING auth.identity_providers p \
         WHERE p.tenant_id = a.tenant_id AND p.id = $1 AND p.issuer = a.issuer AND a.user_id = $2 RETURNING a.id"
    );
    let gone = tx.query_opt(sql, &[&id, &ctx.actor.id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(gone.get(0));
    notify::tell_owner(&mut tx, ctx.actor.id, "account.factor").await?;
    tx.commit("auth.oauth_account.delete", "auth.oauth_accounts").await
}

// The provider's side ----------------------------------------------------------------------------------------------

struct Found {
    authorize: String,
    token: String,
    keys: String,
    /// Whether the secret goes into the body, because nothing else is taken.
    secret_in_body: bool,
}

fn unreachable(why: &str) -> Error {
    Error::Unavailable(format!("the identity provider {why}: try again, or sign in with your password"))
}

/// A request to a provider: by TLS to where calls may go, or to one on this machine where whoever runs it permits that: what a
/// tenant's administrator enters would else ask any port of the server. Which of them a tenant's provider may be is said by
/// [`is_safe`] and by the form of its issuer.
fn ask(outbound: &Outbound, method: Method, address: &str) -> Result<RequestBuilder> {
    if address.starts_with("https://") {
        return outbound.request(method, address).map_err(|_| unreachable("names an address that may not be called"));
    }
    if !outbound.rules().networks.iter().any(|network| network.holds(Ipv4Addr::LOCALHOST.into())) {
        return Err(unreachable("names an address that may not be called"));
    }
    let builder = reqwest::Client::builder().timeout(PATIENCE).no_proxy().redirect(Policy::none());
    let client = builder.build().map_err(|e| Error::Unavailable(format!("no client can be made: {e}")))?;
    Ok(client.request(method, address))
}

async fn answer(request: RequestBuilder) -> Result<Value> {
    let mut reply = request.send().await.map_err(|_| unreachable("cannot be reached"))?;
    if !reply.status().is_success() {
        return Err(unreachable("refuses"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await.map_err(|_| unreachable("broke off"))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(unreachable("answers too much"));
        }
    }
    serde_json::from_slice(&body).map_err(|_| unreachable("does not answer JSON"))
}

/// Whether secrets may be sent there: by TLS, or on this machine where the provider is there as well.
fn is_safe(address: &str, issuer: &str) -> bool {
    let local = |text: &str| {
        let host = text.strip_prefix("http://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let name = host.map(|h| match h.split_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) => "",
            None => h,
        });
        matches!(name, Some("localhost" | "127.0.0.1"))
    };
    address.starts_with("https://") || (local(address) && local(issuer))
}

async fn discover(outbound: &Outbound, issuer: &str) -> Result<Found> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let told = answer(ask(outbound, Method::GET, &address)?).await?;
    if told["issuer"].as_str() != Some(issuer) {
        return Err(unreachable("says it is another issuer than is set here"));
    }
    let endpoint = |name: &str| {
        let found = told[name].as_str().filter(|at| is_safe(at, issuer)).map(str::to_owned);
        found.ok_or_else(|| unreachable(&format!("has no {name} that is an https address")))
    };
    let methods = told["token_endpoint_auth_methods_supported"].as_array();
    let secret_in_body = methods.is_some_and(|all| !all.iter().any(|m| m == "client_secret_basic"));
    let (authorize, token, keys) =
        (endpoint("authorization_endpoint")?, endpoint("token_endpoint")?, endpoint("jwks_uri")?);
    Ok(Found { authorize, token, keys, secret_in_body })
}

/// The request for tokens: code and verifier, and the secret where there is one.
fn exchange(
    outbound: &Outbound,
    (found, provider): (&Found, &Provider),
    back: &Return<'_>,
    verifier: &str,
) -> Result<RequestBuilder> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", back.code),
        ("redirect_uri", back.redirect),
        ("client_id", &provider.client),
        ("code_verifier", verifier),
    ]);
    let mut request = ask(outbound, Method::POST, &found.token)?;
    if let Some(secret) = &provider.secret {
        if found.secret_in_body {
            form.append_pair("client_secret", secret);
        } else {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = STANDARD.encode(format!("{}:{}", encode(&provider.client), encode(secret)));
            request = request.header("authorization", format!("Basic {pair}"));
        }
    }
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").header("accept", "application/json");
    Ok(request.body(form.finish()))
}

/// Exchanges the code, and returns the claims of the identity token.
async fn identify(
    (db, outbound): (&Db, &Outbound),
    provider: &Provider,
    back: &Return<'_>,
    verifier: &str,
) -> Result<Map<String, Value>> {
    let found = discover(outbound, &provider.issuer).await?;
    let request = exchange(outbound, (&found, provider), back, verifier)?;
    let told = answer(request).await.map_err(|_| Error::Unauthenticated)?;
    let token = told["id_token"].as_str().ok_or(Error::Unauthenticated)?;
    let keys = Key::from_set(&answer(ask(outbound, Method::GET, &found.keys)?).await?);
    let expected = Expected {
        issuer: &provider.issuer,
        audience: &provider.client,
        types: &["", "JWT"],
        not_before: false,
        now: db.env().now(),
    };
    jwt::claims(token, &keys, expected).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn secrets_go_by_tls_or_stay_on_this_machine() {
        let (here, there) = ("http://127.0.0.1:8099", "https://id.example");
        for (address, issuer, safe) in [
            ("https://id.example/token", there, true),
            ("http://id.example/token", there, false),
            ("http://127.0.0.1:8099/token", here, true),
            ("http://localhost/token", here, true),
            ("http://127.0.0.1:8099/token", there, false),
            ("http://127.0.0.1.evil.example/token", here, false),
            ("http://localhost@evil.example/token", here, false),
            ("http://localhost:80@evil.example/token", here, false),
            ("file:///etc/passwd", here, false),
        ] {
            assert_eq!(is_safe(address, issuer), safe, "{address}");
        }
    }
}
