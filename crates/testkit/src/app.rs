//! The whole server over a database of one test, reached through a real socket, with a client for each kind of
//! caller.

use crate::TestDb;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::HeaderMap};
use hyper_util::{client::legacy::Client as Hyper, rt::TokioExecutor};
use salus_core::{Channel, Ctx, Env, Permissions};
use salus_domains::{
    auth::{self, NewUser},
    demo,
};
use salus_store::{
    Db, Options,
    engine::NewRow,
    outbound::{Network, Outbound, Rules},
    runtime,
    seal::RootKey,
};
use salus_web::{
    App,
    http::{Limits, serve},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};
use uuid::Uuid;

/// A running server with the small demonstration clinic as the tenant `valley` and another tenant, `austa`.
pub struct TestApp {
    /// The database behind it.
    pub database: TestDb,
    /// The same database as the server has it.
    pub db: Db,
    /// The tenant `valley`.
    pub valley: Uuid,
    /// The tenant `austa`.
    pub austa: Uuid,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

/// Somebody who calls: with an API key, a session, or nothing.
#[derive(Clone)]
pub struct Caller {
    address: SocketAddr,
    http: Hyper<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>,
    /// `Authorization` or `Cookie`, and its value.
    credential: Option<(&'static str, String)>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// A password that meets the rules of both demonstration tenants.
pub const PASSWORD: &str = "Correct-Horse-7-Battery";

impl TestApp {
    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    pub async fn new() -> Self {
        Self::with_limits(Limits { drain: Duration::from_secs(2), ..Limits::default() }).await
    }

    /// Starts a server with other limits.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with_limits(limits: Limits) -> Self {
        Self::with(limits, Env::default()).await
    }

    /// Starts a server whose time and ids come from here.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with(limits: Limits, env: Env) -> Self {
        let database = TestDb::new().await;
        let options = Options {
            address: database.config("salus_app").into(),
            connections: 8,
            root: RootKey::ephemeral().expect("a random key"),
            env,
            allow_old_postgres: true,
        };
        let db = Db::open(options).await.expect("the test database opens");
        let valley = demo::load_sized(&db, "valley", demo::Size::Small).await.expect("valley loads").id;
        let austa = demo::load_sized(&db, "austa", demo::Size::Small).await.expect("austa loads").id;
        // Who calls stands behind a proxy on this machine when it says so.
        let proxies = vec![Network::parse("127.0.0.1").expect("a network")];
        // An identity provider of a test is on this machine too.
        let networks = vec![Network::parse("127.0.0.0/8").expect("a network")];
        let outbound = Outbound::new(Rules { networks, ..Rules::default() }).expect("calls outside");
        let options = salus_web::Options { proxies, outbound: Some(outbound), ..salus_web::Options::default() };
        let app = App::with(db.clone(), options).expect("the application starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        runtime::spawn(serve(listener, app.router(), limits, async move {
            stopped.await.ok();
        }));
        Self { database, db, valley, austa, address, stop: Some(stop) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nobody.
    #[must_use]
    pub fn stranger(&self) -> Caller {
        Caller { address: self.address, http: Hyper::builder(TokioExecutor::new()).build_http(), credential: None }
    }

    /// A new service account of a tenant with this role, calling with an API key.
    ///
    /// # Panics
    /// When there is no such role.
    pub async fn key(&self, tenant: Uuid, role: &str) -> Caller {
        let ctx = Ctx::operator(self.db.env(), tenant);
        let mut tx = self.db.begin(ctx.clone(), false).await.expect("begins");
        let user =
            auth::create_service(&mut tx, &format!("A {role}"), &[role.to_owned()]).await.expect("the role exists");
        tx.commit("auth.user.create_service", "auth.users").await.expect("commits");
        let key = auth::create_api_key(
            &self.db,
            &ctx,
            user,
            &auth::NewApiKey { name: "test", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() },
        )
        .await
        .expect("a key");
        Caller { credential: Some(("authorization", format!("Bearer {}", key.text))), ..self.stranger() }
    }

    /// A role of the tenant that may do everything, to be made once.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn role_of_everything(&self, tenant: Uuid) -> &'static str {
        let name = "Everything";
        let [role, permission, grant] = [(); 3].map(|()| self.db.env().id());
        let mut tx = self.db.begin(Ctx::operator(self.db.env(), tenant), false).await.expect("begins");
        for (table, id, values) in [
            ("auth.permissions", permission, json!({"name": "EVERYTHING", "patterns": ["*.*.*"]})),
            ("auth.roles", role, json!({"name": name, "scope": "tenant"})),
            ("auth.role_permissions", grant, json!({"role_id": role, "permission_id": permission})),
        ] {
            let Value::Object(values) = values else { unreachable!("an object") };
            tx.insert(table, &[NewRow { id, values }]).await.expect("a row");
        }
        tx.commit("auth.role.create", "auth.roles").await.expect("commits");
        name
    }

    /// A new user of a tenant with this role, signed in with a browser's cookie.
    ///
    /// # Panics
    /// When the sign-in fails.
    pub async fn session(&self, slug: &str, tenant: Uuid, role: &str) -> Caller {
        let email = format!("{}@session.example", self.db.env().id().simple());
        let (_, link) = self.user(tenant, role, &email).await;
        auth::accept_invitation(&self.db, &link, PASSWORD).await.expect("the password is accepted");
        let signed = auth::sign_in(&self.db, slug, &email, PASSWORD, ("127.0.0.1", "test")).await.expect("signs in");
        let auth::SignIn::Session(signed) = signed else { panic!("a password of the tests is taken") };
        if signed.restricted {
            second_factor(&self.db, &signed.token).await;
            // What is said of that was read.
            let admin = self.database.connect("salus_admin").await;
            let read = "UPDATE auth.notifications SET read_at = now() WHERE read_at IS NULL";
            admin.batch_execute(read).await.expect("an update");
        }
        Caller { credential: Some(("cookie", format!("salus_session={}", signed.token))), ..self.stranger() }
    }

    /// Makes a user; returns it and its one-time link.
    async fn user(&self, tenant: Uuid, role: &str, email: &str) -> (Uuid, String) {
        let mut tx = self.db.begin(Ctx::operator(self.db.env(), tenant), false).await.expect("begins");
        let new = NewUser { email: email.to_owned(), display_name: format!("A {role}"), roles: vec![role.to_owned()] };
        let made = auth::invite(&mut tx, &new).await.expect("is invited");
        tx.commit("auth.user.invite", "auth.users").await.expect("commits");
        (made.user, made.token)
    }
}

/// Sets up an authenticator in a session that can do nothing without.
///
/// # Panics
/// When its code is not taken.
pub async fn second_factor(db: &Db, session: &str) {
    let presented = auth::Presented::Cookie(session.to_owned());
    let ctx = auth::Callers::default().caller(db, &presented, Channel::Page).await.expect("a session");
    let made = auth::new_authenticator(db, &ctx, "test", "test").await.expect("an authenticator");
    auth::confirm_authenticator(db, &ctx, &code_at(&made.secret, db.env().now())).await.expect("the code is taken");
}

/// What an authenticator with this secret shows at a time.
///
/// # Panics
/// For a secret that is none.
#[must_use]
pub fn code_at(secret: &str, at: time::OffsetDateTime) -> String {
    let secret = auth::totp::from_base32(secret).expect("a secret");
    let step = u64::try_from(auth::totp::step(at.unix_timestamp())).expect("after 1970");
    auth::totp::hotp(&secret, step, auth::totp::Hash::Sha1, auth::totp::DIGITS)
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }
}

impl Caller {
    /// `authorization` or `cookie` and its value, for requests that are written by hand.
    #[must_use]
    pub fn credential(&self) -> Option<&(&'static str, String)> {
        self.credential.as_ref()
    }

    /// The same with a cookie, as `name=value`.
    #[must_use]
    pub fn with_cookie(&self, cookie: &str) -> Self {
        Self { credential: Some(("cookie", cookie.to_owned())), ..self.clone() }
    }

    /// The same with an API key or access token.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { credential: Some(("authorization", format!("Bearer {key}"))), ..self.clone() }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], Some(body.to_string())).await
    }

    /// PATCH of JSON to the version that was read.
    pub async fn patch(&self, path: &str, version: i32, body: &Value) -> Answer {
        let version = format!("\"{version}\"");
        let headers = [("content-type", "application/json"), ("if-match", version.as_str())];
        self.send(Method::PATCH, path, &headers, Some(body.to_string())).await
    }

    /// Any request.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Any request whose answer may go on: its body is read by who asks.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some((name, value)) = &self.credential {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.unwrap_or_default())).expect("a request");
        self.http.request(request).await.expect("an answer")
    }

    /// POST of a form, as the page sends it.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, &headers, Some(body.join("&"))).await
    }
}

fn encode(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(json!(null))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}
