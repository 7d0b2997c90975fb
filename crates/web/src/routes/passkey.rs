//! Passkeys: questions as JSON for the script of the page, answers as forms.

use super::{
    entry::{again, begun, local},
    frame::{Form, Sent, Shown},
    security::{done, with_codes},
};
use crate::{app::App, problem::Problem};
use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use salus_domains::auth::{self, Question, webauthn::RelyingParty};
use serde_json::json;
use std::net::IpAddr;

/// This site as browsers know it; none at an address that is a number, where they know no passkeys. What is set as
/// public address comes before what the browser asked for.
pub fn site(app: &App, headers: &HeaderMap) -> Option<RelyingParty> {
    let origin = if let Some(url) = &app.public_url {
        url.trim_end_matches('/').to_owned()
    } else {
        let host = headers.get(header::HOST).and_then(|v| v.to_str().ok())?;
        format!("{}://{host}", if app.secure { "https" } else { "http" })
    };
    let uri: Uri = origin.parse().ok()?;
    let host = uri.host()?;
    let is_number = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    (!is_number).then(|| RelyingParty { id: host.to_owned(), origin })
}

fn nowhere() -> Error {
    Error::Conflict { code: "no_name", detail: "Passkeys work at an address with a name, such as localhost".into() }
}

fn asked(question: Question) -> Response {
    let Question { token, options } = question;
    Json(json!({"token": token, "options": options})).into_response()
}

/// POST `/account/security/passkeys/ask`.
pub async fn ask_new(headers: HeaderMap, Form { visit, .. }: Form) -> Response {
    let request = visit.ctx.request;
    let refused = |error: Error| Problem { error, request }.into_response();
    let Some(site) = site(&visit.app, &headers) else { return refused(nowhere()) };
    let person = visit.shell.person.clone().unwrap_or_default();
    let account = (person.name.as_str(), person.email.as_str());
    auth::ask_new_passkey(&visit.app.db, &visit.ctx, &site, account).await.map_or_else(refused, asked)
}

/// POST `/account/security/passkeys`.
pub async fn keep(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let site = site(&visit.app, &headers).ok_or_else(|| visit.error(nowhere()))?;
    let answer = (get("token"), get("credential"));
    let kept = auth::keep_passkey(&visit.app.db, &visit.ctx, &site, answer, get("name")).await;
    with_codes(&visit, &headers, kept, &[]).await
}

/// POST `/account/security/passkeys/{id}/remove`.
pub async fn remove(headers: HeaderMap, Path(id): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    let removed = auth::remove_passkey(&visit.app.db, &visit.ctx, id).await;
    done(&visit, &headers, removed, &[]).await
}

/// POST `/sign-in/passkey/ask`.
pub async fn ask(sent: Sent) -> Response {
    let refused = |error: Error| sent.problem(error).into_response();
    let Some(site) = site(&sent.app, &sent.headers) else { return refused(nowhere()) };
    auth::ask_passkey(&sent.app.db, sent.field("organization").trim(), &site).await.map_or_else(refused, asked)
}

/// POST `/sign-in/passkey`.
pub async fn sign_in(sent: Sent) -> Response {
    let field = |name: &str| sent.field(name);
    let app = &sent.app;
    let answer = (field("token"), field("credential"));
    let signed = match site(app, &sent.headers) {
        Some(site) => auth::sign_in_with_passkey(&app.db, &site, answer, sent.source()).await,
        None => Err(Error::Unauthenticated),
    };
    match signed {
        Ok(signed) => begun(app, &signed, field("organization"), &local(field("return_to"))),
        Err(error) => again(&error, field("organization"), app, &sent.shell()),
    }
}
