//! Sign-in through an identity provider: there, and back. The question's token stays in a cookie meanwhile, so that only
//! the browser that left is taken when it comes back.

use super::{
    entry::{again, setup_form, signed_in},
    frame::{Form, Shown, Visit, agent, set_cookie, stranger, words},
    security::done,
};
use crate::{
    app::{App, DEVICE_COOKIE, cookie},
    http::Peer,
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::Error;
use salus_domains::auth::{self, Arrival, Departure, Return, Source};
use std::{collections::BTreeMap, sync::Arc};

/// The cookie that holds the question's token.
const STATE_COOKIE: &str = "salus_provider";
/// Where browsers come back to.
const BACK: &str = "/sign-in/provider/back";

/// Our address for browsers that come back: as it is set, or as it was asked for.
pub fn redirect(app: &App, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let scheme = if app.secure { "https" } else { "http" };
    let base = app.public_url.clone().unwrap_or_else(|| format!("{scheme}://{host}"));
    format!("{}{BACK}", base.trim_end_matches('/'))
}

fn leave(app: &App, departure: &Departure) -> Response {
    let mut response = Redirect::to(&departure.address).into_response();
    set_cookie(&mut response, app, STATE_COOKIE, &departure.state, 600);
    response
}

/// GET `/sign-in/provider/{organization}/{id}`.
pub async fn depart(
    State(app): State<Arc<App>>,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let departure = match id.parse() {
        Ok(id) => auth::depart(&app.db, &app.outbound, &slug, id, &redirect(&app, &headers)).await,
        Err(_) => Err(Error::NotFound),
    };
    match departure {
        Ok(departure) => leave(&app, &departure),
        Err(error) => again(&error, &slug, &app, &stranger(&app, &headers, &uri)),
    }
}

/// GET `/setup/{token}/provider/{id}`: to take up an invitation.
pub async fn accept(
    State(app): State<Arc<App>>,
    Path((token, id)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let departure = match id.parse() {
        Ok(id) => auth::depart_invited(&app.db, &app.outbound, &token, id, &redirect(&app, &headers)).await,
        Err(_) => Err(Error::NotFound),
    };
    match departure {
        Ok(departure) => leave(&app, &departure),
        Err(error) => {
            let said = words(stranger(&app, &headers, &uri).locale, &error);
            setup_form(&app, &token, &headers, &uri, said).await
        }
    }
}

/// GET `/account/security/accounts/{id}`: to link the account there.
pub async fn link(visit: Visit, Path(id): Path<String>, headers: HeaderMap) -> Shown {
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    match auth::depart_to_link(&visit.app.db, &visit.app.outbound, &visit.ctx, id, &redirect(&visit.app, &headers))
        .await
    {
        Ok(departure) => Ok(leave(&visit.app, &departure)),
        Err(e) => done(&visit, &headers, Err(e), &[]).await,
    }
}

/// POST `/account/security/accounts/{id}/remove`.
pub async fn unlink(headers: HeaderMap, Path(id): Path<String>, form: Form) -> Shown {
    let visit = form.visit;
    let id = id.parse().map_err(|_| visit.error(Error::NotFound))?;
    let removed = auth::unlink(&visit.app.db, &visit.ctx, id).await;
    done(&visit, &headers, removed, &[]).await
}

/// GET `/sign-in/provider/back`.
pub async fn arrive(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let shell = stranger(&app, &headers, &uri);
    let (ip, kept) = (peer.0.to_string(), cookie(&headers, STATE_COOKIE).unwrap_or_default());
    let device = cookie(&headers, DEVICE_COOKIE).unwrap_or_default();
    let redirect = redirect(&app, &headers);
    let back = Return { kept: &kept, state: get("state"), code: get("code"), issuer: get("iss"), redirect: &redirect };
    let source = Source { ip: &ip, agent: agent(&headers), device: &device };
    let mut response = match auth::arrive(&app.db, &app.outbound, back, source).await {
        Ok(Arrival::SignIn(slug, signed)) => signed_in(&app, signed, &slug, ("/", &shell)),
        Ok(Arrival::Linked) => Redirect::to("/account/security").into_response(),
        Err(error) => again(&error, &cookie(&headers, "organization").unwrap_or_default(), &app, &shell),
    };
    set_cookie(&mut response, &app, STATE_COOKIE, "", 0);
    response
}
