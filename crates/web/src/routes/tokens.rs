//! Tokens for API clients: signing in, the next pair, and the end of a session. JSON in and out, no cookie.

use super::frame::agent;
use crate::{api, app::App, http::Peer, problem::Problem};
use axum::{
    Extension, Json,
    body::Body as HttpBody,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use salus_core::{ActorKind, Channel, Error, Result};
use salus_domains::auth::{self, Credentials, Presented, Source, TokenPair};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    organization: String,
    email: String,
    password: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    password: String,
}

async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: HttpBody) -> Result<T> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Error::Unsupported("send Content-Type: application/json".into()));
    }
    // What was sent is not repeated: it holds secrets.
    let bytes = api::read_body(body).await?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let at = format!("line {}, column {}", e.line(), e.column());
        Error::Malformed(format!("the body is not the JSON that is taken here ({at}); see docs/API.md"))
    })
}

fn told(app: &App, result: Result<TokenPair>) -> Response {
    match result {
        Ok(pair) => Json(json!({
            "access_token": pair.access, "token_type": "Bearer", "expires_in": pair.expires_in,
            "refresh_token": pair.refresh,
        }))
        .into_response(),
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}

/// POST `/api/auth/token`.
pub async fn issue(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let ip = peer.0.to_string();
    let made = match read::<SignIn>(&headers, body).await {
        Ok(SignIn { organization, email, password, code }) => {
            let with = Credentials { organization: &organization, email: &email, password: &password, code: &code };
            auth::new_tokens(&app.db, with, Source { ip: &ip, agent: agent(&headers), device: "" }).await
        }
        Err(e) => Err(e),
    };
    told(&app, made)
}

/// POST `/api/auth/token/refresh`.
pub async fn refresh(State(app): State<Arc<App>>, headers: HeaderMap, body: HttpBody) -> Response {
    let made = match read::<Refresh>(&headers, body).await {
        Ok(Refresh { refresh_token }) => auth::refresh(&app.db, &refresh_token).await,
        Err(e) => Err(e),
    };
    told(&app, made)
}

/// POST `/api/auth/token/prove`: with the access token, and the password or a code of the authenticator.
pub async fn prove(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let ip = peer.0.to_string();
    let made = async {
        let Proof { password } = read(&headers, body).await?;
        let ctx = match api::presented(&headers) {
            Some(by @ Presented::Bearer(_)) => app.callers.caller_from(&app.db, &by, Channel::Api, &ip).await?,
            _ => return Err(Error::Unauthenticated),
        };
        if ctx.actor.kind != ActorKind::User {
            return Err(Error::Unauthenticated);
        }
        auth::prove_with_tokens(&app.db, &ctx, &password, &ip).await
    };
    let made = made.await;
    app.callers.forget();
    told(&app, made)
}

/// POST `/api/auth/token/revoke`.
pub async fn revoke(State(app): State<Arc<App>>, headers: HeaderMap, body: HttpBody) -> Response {
    let done = match read::<Refresh>(&headers, body).await {
        Ok(Refresh { refresh_token }) => auth::revoke_tokens(&app.db, &refresh_token).await,
        Err(e) => Err(e),
    };
    app.callers.forget();
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => Problem { error, request: app.db.env().id() }.into_response(),
    }
}
