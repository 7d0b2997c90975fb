//! REST: method and path to an operation, headers to a call, a reply to bytes.

use crate::{alert_stream, app::App, http::Peer, problem::Problem};
use axum::{
    body::{Body as HttpBody, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method as HttpMethod, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt as _, Limited};
use salus_core::{Channel, Ctx, Error, Purpose, Result};
use salus_domains::auth::Presented;
use salus_store::{ANY_VERSION, Body, Call, Method, Op, Reply, decide::Notice, dispatch, fault_point};
use serde_json::{Value, json};
use std::sync::Arc;

/// Largest body of a request.
const BODY_BYTES: usize = 2 * 1024 * 1024;

/// Operations by path, then method.
pub struct Routes {
    paths: matchit::Router<Vec<Arc<Op>>>,
}

impl Routes {
    /// The routes of these operations.
    ///
    /// # Errors
    /// [`Error::Internal`] when two operations claim one path.
    pub fn new(ops: &[Arc<Op>]) -> Result<Self> {
        let mut by_path: std::collections::BTreeMap<&str, Vec<Arc<Op>>> = std::collections::BTreeMap::new();
        for op in ops {
            by_path.entry(&op.path).or_default().push(op.clone());
        }
        let mut paths = matchit::Router::new();
        for (path, ops) in by_path {
            paths.insert(path, ops).map_err(Error::internal)?;
        }
        Ok(Self { paths })
    }

    fn find(&self, method: &HttpMethod, path: &str) -> Result<Found, Option<String>> {
        let found = self.paths.at(path).map_err(|_| None)?;
        let wanted = found.value.iter().find(|op| op.method.as_str() == method.as_str());
        let allowed = || found.value.iter().map(|op| op.method.as_str()).collect::<Vec<_>>().join(", ");
        let op = wanted.ok_or_else(|| Some(allowed()))?;
        let params = found.params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Ok((op.clone(), params))
    }
}

/// An operation with the parameters in its path.
type Found = (Arc<Op>, Vec<(String, String)>);

/// Answers a request below `/api/v1`.
pub async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    if alert_stream::is_asked(&request) {
        return alert_stream::open(app, request).await;
    }
    let ip = request.extensions().get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    let ctx = match caller(&app, request.headers(), Channel::Api, &ip).await {
        Ok(ctx) => ctx,
        Err(error) => return Problem { error, request: app.db.env().id() }.into_response(),
    };
    let id = ctx.request;
    match answer(&app, ctx, request).await {
        Ok(response) => response,
        Err(error) => Problem { error, request: id }.into_response(),
    }
}

async fn answer(app: &App, ctx: Ctx, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let (op, path) = match app.routes.find(&parts.method, parts.uri.path()) {
        Ok(found) => found,
        Err(None) => return Err(Error::NotFound),
        Err(Some(allowed)) => {
            return not_allowed(&parts.method, &allowed, ctx.request);
        }
    };
    if op.method != Method::Get {
        same_site(&parts.headers, matches!(presented(&parts.headers), Some(Presented::Cookie(_))))?;
    }
    let call = Call {
        path,
        query: query(parts.uri.query().unwrap_or_default()),
        body: json_body(&parts.headers, body, &op).await?,
        if_match: if_match(&parts.headers)?,
        idempotency_key: idempotency_key(&parts.headers)?,
    };
    let request = ctx.request;
    let part = op.method == Method::Get && call.query_value("fields").is_some();
    let reply = dispatch(&app.db, &op, ctx, call).await?;
    fault_point!("web.before_answer");
    debug_assert!(op.may_answer(reply.status), "{} answers {}, undocumented", op.name, reply.status);
    respond(&reply, request, part)
}

/// 405 with the methods that this path has.
fn not_allowed(method: &HttpMethod, allowed: &str, request: uuid::Uuid) -> Result<Response> {
    let detail = format!("This path does not take {method}. It takes: {allowed}");
    let body = json!({
        "type": "urn:salus:problem:method_not_allowed", "title": "Method Not Allowed", "status": 405,
        "code": "method_not_allowed", "detail": detail, "instance": format!("urn:uuid:{request}"), "errors": [],
    });
    let mut response = (StatusCode::METHOD_NOT_ALLOWED, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::ALLOW, HeaderValue::from_str(allowed).map_err(Error::internal)?);
    headers.insert("x-request-id", HeaderValue::from_str(&request.to_string()).map_err(Error::internal)?);
    Ok(response)
}

/// A reply as bytes with its headers. A part of a record has no `ETag`: it is not what the record's stands for.
fn respond(reply: &Reply, request: uuid::Uuid, part: bool) -> Result<Response> {
    let status = StatusCode::from_u16(reply.status).map_err(Error::internal)?;
    let mut response = if matches!(reply.body, Body::Empty) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (status, serde_json::to_vec(&reply.body).map_err(Error::internal)?).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-request-id", HeaderValue::from_str(&request.to_string()).map_err(Error::internal)?);
    if let Some(told) = told(&reply.notices)? {
        headers.insert(NOTICE, told);
    }
    if let Some(version) = reply.version().filter(|_| !part) {
        headers.insert(header::ETAG, HeaderValue::from_str(&format!("\"{version}\"")).map_err(Error::internal)?);
    }
    Ok(response)
}

/// Header by which a reply says what its receiver has to be told.
pub const NOTICE: &str = "x-salus-notice";

/// The notices as a list of RFC 8941, each with its text: a disclosure under 42 CFR 2.32 goes with the words.
fn told(notices: &[Notice]) -> Result<Option<HeaderValue>> {
    let words: Vec<_> = notices.iter().map(|n| format!("{};text=\"{}\"", n.code(), n.text())).collect();
    (!words.is_empty()).then(|| HeaderValue::from_str(&words.join(", ")).map_err(Error::internal)).transpose()
}

/// Header by which a call names its purpose of use.
const PURPOSE: &str = "x-purpose-of-use";

/// Who calls: an API key or access token in `Authorization`, or the session cookie; and for what, when the call says so.
/// A key that is tied to networks opens only from an address in them.
///
/// # Errors
/// [`Error::Unauthenticated`], [`Error::Invalid`] for a purpose that is none.
pub async fn caller(app: &App, headers: &HeaderMap, channel: Channel, ip: &str) -> Result<Ctx> {
    let presented = presented(headers).ok_or(Error::Unauthenticated)?;
    for_purpose(app.callers.caller_from(&app.db, &presented, channel, ip).await?, headers)
}

/// The same, looked up anew: for a connection that stays open and must end with what lets its caller in.
///
/// # Errors
/// [`Error::Unauthenticated`].
pub async fn caller_still(app: &App, headers: &HeaderMap, ip: &str) -> Result<Ctx> {
    let presented = presented(headers).ok_or(Error::Unauthenticated)?;
    for_purpose(app.callers.caller_still(&app.db, &presented, Channel::Api, ip).await?, headers)
}

/// The caller for what the request names as its purpose.
fn for_purpose(ctx: Ctx, headers: &HeaderMap) -> Result<Ctx> {
    match headers.get(PURPOSE) {
        None => Ok(ctx),
        Some(code) => {
            let purpose = Purpose::parse("X-Purpose-Of-Use", code.to_str().unwrap_or_default())?;
            Ok(if purpose == ctx.purpose { ctx } else { ctx.for_purpose(purpose) })
        }
    }
}

/// What the request presents; a key comes before a cookie.
pub fn presented(headers: &HeaderMap) -> Option<Presented> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()) {
        return value.strip_prefix("Bearer ").map(|t| Presented::Bearer(t.to_owned()));
    }
    crate::app::cookie(headers, crate::app::SESSION_COOKIE).map(Presented::Cookie)
}

/// Refuses a change that another site's page sends with our cookie.
///
/// # Errors
/// [`Error::Forbidden`].
pub fn same_site(headers: &HeaderMap, by_cookie: bool) -> Result<()> {
    if !by_cookie {
        return Ok(());
    }
    let refused = || Error::Forbidden("same-site request".into());
    match text(headers, "sec-fetch-site").as_deref() {
        Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(refused()),
        // A client that is no browser, or an old one, which then sends Origin.
        None => match (text(headers, "origin"), text(headers, "host")) {
            (None, _) => Ok(()),
            (Some(origin), Some(host)) if origin.split_once("://").is_some_and(|(_, o)| o == host) => Ok(()),
            _ => Err(refused()),
        },
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Query parameters, percent-decoded.
#[must_use]
pub fn query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// A key that cannot be read is refused: taken for none, a second sending would do the work twice.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let wrong = |_| Error::invalid("Idempotency-Key", "wrong_form", "Is visible ASCII characters");
    value.to_str().map(|key| Some(key.to_owned())).map_err(wrong)
}

fn if_match(headers: &HeaderMap) -> Result<Option<i32>> {
    let Some(value) = text(headers, "if-match") else { return Ok(None) };
    if value.trim() == "*" {
        return Ok(Some(ANY_VERSION));
    }
    let version = value.trim().trim_start_matches("W/").trim_matches('"').parse();
    version.ok().filter(|v| *v != ANY_VERSION).map(Some).ok_or(Error::Stale)
}

/// The whole body, if it is not too large.
///
/// # Errors
/// [`Error::Malformed`] when it is, or breaks off.
pub async fn read_body(body: HttpBody) -> Result<Bytes> {
    let too_large = || Error::TooLarge(BODY_BYTES / 1024 / 1024);
    Ok(Limited::new(body, BODY_BYTES).collect().await.map_err(|_| too_large())?.to_bytes())
}

async fn json_body(headers: &HeaderMap, body: HttpBody, op: &Op) -> Result<Value> {
    let bytes = read_body(body).await?;
    if op.input.is_none() || bytes.is_empty() {
        return if op.input.is_some() { Err(Error::Malformed("send a JSON body".into())) } else { Ok(Value::Null) };
    }
    let kind = text(headers, "content-type").unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Error::Unsupported("send Content-Type: application/json".into()));
    }
    match salus_codec::json::parse(&bytes, salus_codec::json::Limits::default()) {
        Ok(value) => Ok(value.to_value()),
        Err(e) => Err(Error::Malformed(format!("the body is not acceptable JSON at byte {}: {}", e.offset, e.message))),
    }
}
