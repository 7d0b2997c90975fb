//! The application: what every handler shares, the layers around them, and the routes that are not operations.

use crate::{
    api::{self, Routes},
    http::Peer,
    openapi,
    problem::Problem,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, map_response},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use salus_core::{Channel, Error, Result};
use salus_domains::auth::{Callers, CodeSimulator, Courier, Presented};
use salus_store::{
    Db, Op,
    audit::LATE,
    outbound::{Network, Outbound, Rules},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// What every handler shares.
pub struct App {
    /// The database.
    pub db: Db,
    /// Operations by name, without what only their description says.
    ops: HashMap<String, Arc<Op>>,
    /// The description of the API, once somebody has asked for it.
    openapi: OnceLock<Bytes>,
    /// Operations by path.
    pub routes: Routes,
    /// Callers of the last second.
    pub callers: Callers,
    /// Whether browsers reach us over https, so that cookies may demand it.
    pub secure: bool,
    /// Live connections of this node.
    pub live: Arc<crate::live::Hub>,
    /// Who listens for alerts on this node.
    pub listeners: Arc<crate::alert_watch::Listeners>,
    /// Who carries codes by e-mail and SMS; nobody, where none is set up.
    pub courier: Option<Arc<dyn Courier>>,
    /// The same when it is the simulator, whose texts a page shows.
    pub simulator: Option<Arc<CodeSimulator>>,
    /// The address by which browsers reach us, when it is set; else what they ask for tells it.
    pub public_url: Option<String>,
    /// What every page must say, such as that the database is older than it should be.
    pub notices: Vec<String>,
    /// Makes calls to identity providers.
    pub outbound: Outbound,
    /// Where proxies stand that say for whom they ask.
    proxies: Vec<Network>,
    /// When the tenancy rules of the catalogue were last checked: at start.
    pub(crate) rules_checked_at: String,
}

/// The session cookie. Over https the prefix `__Host-` is what browsers enforce; the name is the same otherwise.
pub const SESSION_COOKIE: &str = "salus_session";

/// The cookie of a browser that is known; named as the session's.
pub const DEVICE_COOKIE: &str = "salus_device";

/// What surrounds an application.
#[derive(Default)]
pub struct Options {
    /// Whether browsers reach us over https.
    pub secure: bool,
    /// What every page must say.
    pub notices: Vec<String>,
    /// The address by which browsers reach us.
    pub public_url: Option<String>,
    /// Who carries codes by e-mail and SMS.
    pub courier: Option<Arc<dyn Courier>>,
    /// Makes calls to identity providers; to the public internet alone when not given.
    pub outbound: Option<Outbound>,
    /// Networks of proxies that are believed for whom they ask (`X-Forwarded-For`).
    pub proxies: Vec<Network>,
    /// Keeps codes that would be sent, for demonstrations: nothing leaves the machine. It comes before the courier.
    pub simulator: Option<Arc<CodeSimulator>>,
}

impl App {
    /// The application over a database.
    ///
    /// # Errors
    /// [`Error::Internal`] when an operation names something that does not exist.
    pub fn new(db: Db, secure: bool, notices: Vec<String>) -> Result<Arc<Self>> {
        Self::with(db, Options { secure, notices, ..Options::default() })
    }

    /// The application over a database, with what surrounds it.
    ///
    /// # Errors
    /// As [`App::new`]; [`Error::Unavailable`] when there is no TLS.
    pub fn with(db: Db, options: Options) -> Result<Arc<Self>> {
        let Options { secure, notices, public_url, courier, outbound, proxies, simulator } = options;
        let outbound = outbound.map_or_else(|| Outbound::new(Rules::default()), Ok)?;
        let ops = salus_domains::served(db.catalog())?;
        let routes = Routes::new(&ops)?;
        let ops = ops.into_iter().map(|op| (op.name.clone(), op)).collect();
        let rules_checked_at =
            db.env().now().format(&time::format_description::well_known::Rfc3339).map_err(Error::internal)?;
        let courier = simulator.clone().map(|s| s as Arc<dyn Courier>).or(courier);
        Ok(Arc::new(Self {
            rules_checked_at,
            db,
            ops,
            openapi: OnceLock::new(),
            routes,
            callers: Callers::default(),
            live: Arc::default(),
            listeners: Arc::default(),
            secure,
            courier,
            simulator,
            public_url,
            notices,
            outbound,
            proxies,
        }))
    }

    /// The operation of this name.
    ///
    /// # Errors
    /// [`Error::Internal`]: names come from our own pages.
    pub fn op(&self, name: &str) -> Result<&Arc<Op>> {
        self.ops.get(name).ok_or_else(|| Error::internal(format!("no operation {name}")))
    }

    /// The description of the API, as JSON. Anybody may ask for it, and making it takes a twentieth of a second: it is made once,
    /// when the first one asks.
    ///
    /// # Errors
    /// As [`App::new`].
    pub fn openapi(&self) -> Result<Bytes> {
        if let Some(made) = self.openapi.get() {
            return Ok(made.clone());
        }
        let document = openapi::document(&salus_domains::operations(self.db.catalog())?);
        let text = serde_json::to_vec(&document).map_err(Error::internal)?;
        Ok(self.openapi.get_or_init(|| text.into()).clone())
    }

    /// All routes with their layers.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/api/v1/{*path}", any(api::handle))
            .route("/api/health", get(health))
            .route("/api/health/db", get(health_db))
            .route(
                "/openapi.json",
                get(|State(app): State<Arc<Self>>| async move {
                    let json = [(header::CONTENT_TYPE, "application/json")];
                    app.openapi()
                        .map(|text| (json, text))
                        .map_err(|error| Problem { error, request: app.db.env().id() })
                }),
            )
            .route("/ws", get(crate::live::open))
            .route("/ws/v1/alerts", get(crate::alert_socket::open))
            .route("/ws/ticket", axum::routing::post(crate::live::ticket))
            .merge(crate::routes::pages())
            .layer(axum::middleware::from_fn(bounded))
            .layer(axum::middleware::from_fn_with_state(self.clone(), behind_proxies))
            .layer(axum::middleware::from_fn_with_state(self.clone(), one_session))
            .layer(axum::middleware::from_fn_with_state(self.clone(), own_cookies))
            // Outermost, so that what another layer refuses has them as well.
            .layer(map_response({
                let secure = self.secure;
                move |response| std::future::ready(headers(response, secure))
            }))
            .with_state(self.clone())
    }
}

/// That the process answers, and whether something that should not wait does: the audit log is not sealed.
async fn health(State(app): State<Arc<App>>) -> Json<Value> {
    let late = matches!(app.db.unsealed_for().await, Ok(Some(waits)) if waits > LATE);
    Json(if late { json!({"status": "degraded", "audit_log": "not_sealed"}) } else { json!({"status": "ok"}) })
}

/// That the database answers, how busy the pool is, and how far each replica is behind.
async fn health_db(State(app): State<Arc<App>>) -> Response {
    let (used, open, most) = app.db.pool_status();
    let pool = json!({"in_use": used, "open": open, "most": most});
    if !app.db.has_room().await {
        let why = "the disk of the database is full: see docs/OPERATIONS.md, A full disk";
        let body = json!({"status": "unavailable", "why": why, "pool": pool});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    match app.db.tenant("platform").await {
        Ok(_) => {
            let replicas = app.db.replicas().await;
            Json(json!({"status": "ok", "pool": pool, "replicas": replicas})).into_response()
        }
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable", "pool": pool}))).into_response()
        }
    }
}

/// Who asks, where a proxy asks for them.
async fn behind_proxies(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if let Some(peer) = request.extensions().get::<Peer>().copied() {
        let asks = peer.behind(&app.proxies, request.headers());
        request.extensions_mut().insert(asks);
    }
    next.run(request).await
}

/// A browser that is given another session has the one it came with no more: whoever signs in anew, as the same person or
/// another, leaves none behind.
async fn one_session(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let before = cookie(request.headers(), SESSION_COOKIE);
    let response = next.run(request).await;
    let set = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
    let is_new = set.map(|v| v.trim_start_matches("__Host-")).any(|v| v.starts_with(SESSION_COOKIE));
    let Some(before) = before.filter(|_| is_new) else { return response };
    let presented = Presented::Cookie(before);
    // One that was renewed is not found by its former token, nor is one that was ended.
    if let Ok(ctx) = app.callers.caller_still(&app.db, &presented, Channel::Page, "").await {
        if let Err(error) = salus_domains::auth::sign_out(&app.db, &ctx).await {
            return Problem { error, request: ctx.request }.into_response();
        }
        app.callers.forget();
    }
    response
}

/// Behind https our secret cookies bear a prefix that no sibling domain and no plain page can set; one without it is not ours.
async fn own_cookies(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if !app.secure {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    keep_prefixed(&mut parts.headers);
    next.run(Request::from_parts(parts, body)).await
}

fn keep_prefixed(headers: &mut HeaderMap) {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let given: Vec<&str> = all.flat_map(|v| v.split(';')).collect();
    let kept: Vec<&str> = given.iter().map(|pair| pair.trim()).filter(|pair| !pair.starts_with("salus_")).collect();
    if kept.len() < given.len()
        && let Ok(kept) = HeaderValue::from_str(&kept.join("; "))
    {
        headers.insert(header::COOKIE, kept);
    }
}

/// Longest path with its query, in bytes (`spec` section 5).
const URI_BYTES: usize = 8 * 1024;

/// TRACE would echo cookies back to a script; an address longer than any of ours is not read.
async fn bounded(request: Request, next: Next) -> Response {
    if request.method() == axum::http::Method::TRACE {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if request.uri().path_and_query().is_some_and(|p| p.as_str().len() > URI_BYTES) {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    next.run(request).await
}

/// Security headers on every response (`spec` section 5). Over https browsers are told to use nothing else for a year.
fn headers(mut response: Response, secure: bool) -> Response {
    let set = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             font-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    let headers = response.headers_mut();
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    // What is cached on purpose says so itself; everything else may hold health data.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The value of a cookie.
#[must_use]
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let found = all.flat_map(|v| v.split(';')).find_map(|pair| {
        let (n, v) = pair.trim().split_once('=')?;
        (n == name || n.strip_prefix("__Host-") == Some(name)).then(|| v.to_owned())
    });
    found.filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_https_a_cookie_that_a_sibling_could_set_is_none() {
        let mut headers = HeaderMap::new();
        let sent = "salus_session=planted; lang=pt-BR; __Host-salus_session=own";
        headers.insert(header::COOKIE, HeaderValue::from_static(sent));
        assert_eq!(cookie(&headers, SESSION_COOKIE).as_deref(), Some("planted"));
        keep_prefixed(&mut headers);
        assert_eq!(cookie(&headers, SESSION_COOKIE).as_deref(), Some("own"));
        assert_eq!(cookie(&headers, "lang").as_deref(), Some("pt-BR"));
        headers.insert(header::COOKIE, HeaderValue::from_static("salus_session=planted"));
        keep_prefixed(&mut headers);
        assert_eq!(cookie(&headers, SESSION_COOKIE), None);
    }
}
