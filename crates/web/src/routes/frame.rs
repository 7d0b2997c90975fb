//! What every page handler needs: the caller with a shell, errors as pages, forms with their token.

use crate::{
    api,
    app::{App, DEVICE_COOKIE, SESSION_COOKIE, cookie},
    http::Peer,
    pages::{
        self, Shell,
        form::FieldMessage,
        i18n::{Locale, Zone, faults, fill},
        layout::{Module, Person, Theme},
    },
    problem::Problem,
};
use axum::{
    body::Body as HttpBody,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::Markup;
use salus_core::{Channel, Ctx, Error, Purpose, Result};
use salus_domains::auth::{Renewed, Source};
use salus_store::{Body, Call, Page, Record, decide::Notice, dispatch};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// What a tablet at the clinic's door may do.
pub const KIOSK: &str = "school.visit.kiosk";

/// A request for a page by somebody who is signed in. As an argument of a handler it turns everybody else away.
pub struct Visit {
    /// The application.
    pub app: Arc<App>,
    /// The caller.
    pub ctx: Ctx,
    /// The frame of the page.
    pub shell: Shell,
    /// The page of ours that the request was sent from; empty when it tells none.
    from: String,
}

/// A form sent by somebody who is signed in, from a page of theirs.
pub struct Form {
    /// Who sent it.
    pub visit: Visit,
    /// Its fields; empty ones are kept.
    pub fields: BTreeMap<String, String>,
}

/// A form sent by somebody of whom nothing is known yet, from a page of ours. As an argument of a handler it turns away what
/// another site sent.
pub struct Sent {
    /// The application.
    pub app: Arc<App>,
    /// The headers.
    pub headers: HeaderMap,
    /// The address.
    pub uri: Uri,
    /// Its fields; empty ones are kept.
    pub fields: BTreeMap<String, String>,
    ip: String,
    device: String,
}

impl Sent {
    /// A field; empty for one that was not sent.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Where it came from.
    pub fn source(&self) -> Source<'_> {
        Source { ip: &self.ip, agent: agent(&self.headers), device: &self.device }
    }

    /// The frame of a page for them.
    pub fn shell(&self) -> Shell {
        stranger(&self.app, &self.headers, &self.uri)
    }

    /// A failure that no page shows.
    pub fn problem(&self, error: Error) -> Problem {
        Problem { error, request: self.app.db.env().id() }
    }
}

impl FromRequest<Arc<App>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (Parts { headers, uri, extensions, .. }, body) = request.into_parts();
        let refused = |error: Error| Problem { error, request: app.db.env().id() }.into_response();
        let peer = extensions.get::<Peer>().ok_or_else(|| refused(Error::internal("a request without its peer")))?;
        let fields = read_form(&headers, body).await.map_err(refused)?;
        let ip = peer.0.to_string();
        let device = cookie(&headers, DEVICE_COOKIE).unwrap_or_default();
        Ok(Self { app: app.clone(), headers, uri, fields, ip, device })
    }
}

/// The query of an address.
pub type Params = axum::extract::Query<BTreeMap<String, String>>;

/// A page that cannot be shown.
pub struct PageError {
    error: Error,
    shell: Box<Shell>,
    from: String,
}

pub type Shown = Result<Response, PageError>;

impl Visit {
    /// Refuses a page that takes a permission before anything is read for it.
    ///
    /// # Errors
    /// The page of [`Error::Forbidden`].
    pub fn must(&self, permission: &str) -> Result<(), PageError> {
        if self.ctx.may(permission) { Ok(()) } else { Err(self.error(Error::Forbidden(permission.into()))) }
    }

    /// The caller of this request, or the sign-in page.
    async fn of(app: &Arc<App>, headers: &HeaderMap, uri: &Uri) -> Result<Self, Response> {
        let ctx = match api::caller(app, headers, Channel::Page, "").await {
            Ok(ctx) => chosen(ctx, headers),
            Err(Error::Unauthenticated) => return Err(to_sign_in(headers, uri)),
            Err(error) => {
                let shell = Box::new(stranger(app, headers, uri));
                return Err(PageError { error, shell, from: String::new() }.into_response());
            }
        };
        let mut shell = stranger(app, headers, uri);
        shell.request_id = ctx.request.to_string();
        shell.may_search = !ctx.restricted && ctx.may("medical.patient.read");
        shell.person = Some(Person { roles: ctx.actor.roles.to_vec(), ..Person::default() });
        ctx.purpose.code().clone_into(&mut shell.purpose);
        shell.purposes = offered(&ctx).map(|p| p.code().to_owned()).collect();
        shell.nav = modules(&ctx).into_iter().map(|m| m.item(shell.locale)).collect();
        // Without the second factor that the roles need, only the page where one is set up is open.
        let own = ["/account/security", "/sign-out", "/preferences"].iter().any(|p| uri.path().starts_with(p));
        if ctx.restricted && !own {
            return Err(Redirect::to("/account/security").into_response());
        }
        // A tablet at a door is that and nothing else, whatever address is typed.
        let is_kiosk = ctx.may(KIOSK) && !ctx.may("school.visit.read");
        if is_kiosk && !ctx.restricted && !["/kiosk", "/sign-out", "/preferences"].contains(&uri.path()) {
            return Err(Redirect::to("/kiosk").into_response());
        }
        let visit = Self { app: app.clone(), ctx, shell, from: sent_from(headers).unwrap_or_default() };
        // A form can be sent in another's name only where the browser sends the session by itself.
        visit.named(cookie(headers, SESSION_COOKIE).is_some()).await
    }

    /// Fills in the names of tenant and person, the tenant's zone, and what their forms bear.
    async fn named(mut self, by_cookie: bool) -> Result<Self, Response> {
        match salus_domains::auth::who(&self.app.db, &self.ctx).await {
            Ok(who) => {
                self.shell.csrf = if by_cookie { who.form } else { String::new() };
                self.shell.tenant = who.organization;
                self.shell.zone = Zone::named(&who.timezone);
                let now = self.shell.zone.local(self.app.db.env().now());
                self.shell.today = now.date().to_string();
                self.shell.minute = format!("{} {:02}:{:02} {}", now.date(), now.hour(), now.minute(), who.timezone);
                self.shell.unread = who.unread.unsigned_abs();
                self.shell.live = self.ctx.actor.kind == salus_core::ActorKind::User;
                let roles = self.ctx.actor.roles.to_vec();
                self.shell.person = Some(Person { name: who.name, email: who.email, roles });
                Ok(self)
            }
            Err(error) => Err(self.error(error).into_response()),
        }
    }

    /// Runs an operation as this caller.
    ///
    /// # Errors
    /// Those of the operation, as a page.
    pub async fn call(&self, op: &str, call: Call) -> Result<Body, PageError> {
        self.try_call(op, call).await.map_err(|e| self.error(e))
    }

    /// Runs an operation as this caller; the error is the handler's to show.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn try_call(&self, op: &str, call: Call) -> Result<Body> {
        let op = self.app.op(op)?;
        let reply = dispatch(&self.app.db, op, self.ctx.clone(), call).await?;
        if reply.notices.contains(&Notice::Part2) {
            self.shell.part2.told();
        }
        Ok(reply.body)
    }

    /// What an operation told as a view, whose fields have the same names; what is null there is left out.
    ///
    /// # Errors
    /// [`Error::Internal`] as a page when they do not: an empty view would be taken for what is so.
    pub fn view<T: DeserializeOwned>(&self, mut told: Value) -> Result<T, PageError> {
        if let Value::Object(members) = &mut told {
            members.retain(|_, member| !member.is_null());
        }
        serde_json::from_value(told).map_err(|e| self.error(Error::internal(e)))
    }

    /// Rows of a list operation.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn page(&self, op: &str, query: &[(&str, &str)]) -> Result<Page> {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        match self.try_call(op, Call { query, ..Call::default() }).await? {
            Body::Page(page) => Ok(page),
            _ => Err(Error::internal(format!("{op} is no list"))),
        }
    }

    /// One row by id.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn row(&self, op: &str, id: &str, fields: &str) -> Result<Record> {
        let query = if fields.is_empty() { Vec::new() } else { vec![("fields".to_owned(), fields.to_owned())] };
        match self.try_call(op, Call { query, ..by_id(id) }).await? {
            Body::Row(row) => Ok(row),
            _ => Err(Error::internal(format!("{op} is no row"))),
        }
    }

    /// A text sealed for an address: only this caller can open it, for the same purpose.
    ///
    /// # Errors
    /// Those of the database and the cipher.
    pub async fn seal(&self, purpose: &str, text: &str) -> Result<String, PageError> {
        let sealed = async {
            let tx = self.app.db.begin(self.ctx.clone(), true).await?;
            let handle = tx.seal_handle(purpose, text)?;
            tx.finish_unrecorded().await?;
            Ok(handle)
        };
        sealed.await.map_err(|e| self.error(e))
    }

    /// The text that was sealed for this caller; none for any other address.
    ///
    /// # Errors
    /// Those of the database and the cipher.
    pub async fn unseal(&self, purpose: &str, handle: &str) -> Result<Option<String>, PageError> {
        let opened = async {
            let tx = self.app.db.begin(self.ctx.clone(), true).await?;
            let text = tx.open_handle(purpose, handle)?;
            tx.finish_unrecorded().await?;
            Ok(text)
        };
        opened.await.map_err(|e| self.error(e))
    }

    /// An error of this request as a page.
    pub fn error(&self, error: Error) -> PageError {
        PageError { error, shell: Box::new(self.shell.clone()), from: self.from.clone() }
    }

    /// The fields of a POST form, after checking that it is ours: 403 for a form without the session's token.
    async fn form(&self, headers: &HeaderMap, body: HttpBody) -> Result<BTreeMap<String, String>, PageError> {
        let fields = read_form(headers, body).await.map_err(|e| self.error(e))?;
        if self.shell.csrf.is_empty() || fields.get("_csrf") != Some(&self.shell.csrf) {
            return Err(self.error(Error::Forbidden("a form of this page".into())));
        }
        Ok(fields)
    }
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        Self::of(app, &parts.headers, &parts.uri).await
    }
}

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visit = Visit::of(app, &parts.headers, &parts.uri).await?;
        let fields = visit.form(&parts.headers, body).await.map_err(IntoResponse::into_response)?;
        Ok(Self { visit, fields })
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let Self { error, shell, from } = self;
        if matches!(error, Error::ProveAgain) && !shell.fragment {
            let view = pages::prove::ProveView { back: from, ..Default::default() };
            return refused(&error, &pages::prove::render(&view, &shell));
        }
        let request = shell.request_id.parse().unwrap_or_default();
        let problem = Problem { error, request };
        if let Error::Internal(why) = &problem.error {
            tracing::error!(%request, %why, "internal error");
        }
        let permission = if let Error::Forbidden(name) = &problem.error { name.clone() } else { String::new() };
        let unknown = matches!(problem.error, Error::UnknownOutcome);
        // The words for programs speak of keys that a form has none of.
        let detail =
            if unknown { String::new() } else { faults::say(shell.locale, problem.error.code(), &problem.detail()) };
        let view = pages::error::ErrorView { status: problem.error.status(), detail, permission, unknown };
        let status = StatusCode::from_u16(problem.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let page = if shell.fragment { pages::error::fragment } else { pages::error::render };
        (status, Html(page(&view, &shell).into_string())).into_response()
    }
}

/// Sends somebody without a session to the sign-in page, from where they come back to where they were. A part of a
/// page that htmx asks for is no place to sign in: the whole browser is sent.
fn to_sign_in(headers: &HeaderMap, uri: &Uri) -> Response {
    let part = is_htmx(headers);
    // A form's own address may take no GET: its page is where it was sent from.
    let here = if part || headers.contains_key(header::CONTENT_TYPE) {
        sent_from(headers).unwrap_or_default()
    } else {
        uri.path_and_query().map(ToString::to_string).unwrap_or_default()
    };
    let back = if matches!(&*here, "" | "/") { String::new() } else { format!("?return_to={}", encoded(&here)) };
    let door = format!("/sign-in{back}");
    if part {
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", door)]).into_response();
    }
    Redirect::to(&door).into_response()
}

/// The page of this server that a request was sent from.
fn sent_from(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let from = if is_htmx(headers) { text("hx-current-url") } else { text("referer") };
    own_path(from?, text("host").unwrap_or_default())
}

/// Path and query of an address of this server.
fn own_path(address: &str, host: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    (uri.authority()?.as_str() == host).then(|| uri.path_and_query().map(ToString::to_string))?
}

fn is_htmx(headers: &HeaderMap) -> bool {
    headers.get("hx-request").is_some_and(|v| v == "true")
}

/// A call about one row.
pub fn by_id(id: &str) -> Call {
    Call { path: vec![("id".into(), id.to_owned())], ..Call::default() }
}

/// A page.
pub fn html(markup: &Markup) -> Response {
    Html(markup.0.clone()).into_response()
}

/// The shell for somebody who is not signed in.
pub fn stranger(app: &App, headers: &HeaderMap, uri: &Uri) -> Shell {
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let theme = match cookie(headers, "theme").as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::Auto,
    };
    let now = app.db.env().now();
    Shell {
        locale: Locale::negotiate(cookie(headers, "lang").as_deref(), accept),
        theme,
        path: uri.path().to_owned(),
        notice: (!app.notices.is_empty()).then(|| app.notices.join(" ")),
        request_id: app.db.env().id().to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        rules_checked_at: app.rules_checked_at.clone(),
        fragment: is_htmx(headers),
        today: now.date().to_string(),
        ..Shell::default()
    }
}

/// The purposes a person may choose from.
fn offered(ctx: &Ctx) -> impl Iterator<Item = Purpose> {
    let glass = ctx.grants.iter().any(|g| g.names(Purpose::BreakGlass)).then_some(Purpose::BreakGlass);
    ctx.purposes().chain(glass)
}

/// The caller for the purpose chosen in the user menu, as long as a role serves it.
fn chosen(ctx: Ctx, headers: &HeaderMap) -> Ctx {
    let wanted = cookie(headers, "purpose").and_then(|code| Purpose::from_code(&code));
    match wanted.filter(|p| *p != ctx.purpose && offered(&ctx).any(|o| o == *p)) {
        Some(purpose) => ctx.for_purpose(purpose),
        None => ctx,
    }
}

/// The modules the caller may open. Without the second factor that the roles need, that is where one is set up.
fn modules(ctx: &Ctx) -> Vec<Module> {
    if ctx.restricted {
        return vec![Module::Security];
    }
    Module::ALL.into_iter().filter(|module| may_open(*module, ctx)).collect()
}

fn may_open(module: Module, ctx: &Ctx) -> bool {
    match module {
        Module::Home | Module::Browse | Module::Docs | Module::Account | Module::Security => true,
        Module::Alerts => ctx.may("ops.alert.read"),
        Module::Patients => ctx.may("medical.patient.read"),
        Module::Clinic => ctx.may("school.visit.read"),
        Module::Immunizations => ctx.may("school.immunization.read"),
        Module::Outbreaks => ctx.may("school.outbreak.read"),
        Module::Medication => ctx.may("school.med.administer"),
        Module::Glass => {
            ctx.may("auth.glass.read") || ctx.grants.iter().any(|g| g.permissions.allow("auth.glass.open"))
        }
        Module::Users => ctx.may("auth.user.read"),
        Module::Roles => ctx.may("auth.role.read"),
        Module::Why => ctx.may("auth.access.explain"),
        Module::Rules | Module::Modules => ctx.may("kernel.setting.read"),
        Module::Audit => ctx.may("audit.log.read"),
        Module::Compliance => ctx.may("compliance.proof.read"),
        Module::Encryption => ctx.may("kernel.key.read"),
        Module::Erasures => ctx.may("compliance.erasure.read"),
        Module::Jobs => ctx.may("kernel.job.read"),
        Module::Outgoing | Module::SignIns | Module::ApiKeys => ctx.may("auth.session.read"),
        Module::Providers => ctx.may("auth.identity_provider.read"),
        Module::Webhooks => ctx.may("exchange.webhook.read"),
    }
}

/// The fields of a form; empty ones are kept.
///
/// # Errors
/// [`Error::TooLarge`], or [`Error::Forbidden`] for a form another site sent.
async fn read_form(headers: &HeaderMap, body: HttpBody) -> Result<BTreeMap<String, String>> {
    api::same_site(headers, true)?;
    let bytes = api::read_body(body).await?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

/// What calls itself by which name.
pub fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// A text percent-encoded for a query.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The refused fields of an error for showing beside a form, and what belongs to no field, in the language of the page.
pub fn messages(locale: Locale, error: &Error) -> (Vec<FieldMessage>, String) {
    match error {
        Error::Invalid(fields) => {
            let message = |f: &salus_core::FieldError| FieldMessage {
                field: f.pointer.trim_start_matches('/').to_owned(),
                message: faults::say(locale, &f.code, &f.message),
            };
            (fields.iter().map(message).collect(), String::new())
        }
        other => (Vec::new(), faults::say(locale, other.code(), &other.to_string())),
    }
}

/// The same as one sentence.
pub fn words(locale: Locale, error: &Error) -> String {
    let (fields, general) = messages(locale, error);
    if fields.is_empty() { general } else { fields.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; ") }
}

/// That somebody has to wait after too many failures, in minutes.
pub fn locked(locale: Locale, seconds: u32) -> String {
    fill(locale.texts().ui.locked, &[("n", &seconds.div_ceil(60).to_string())])
}

/// The first thing that is wrong, for a page that has one place to say so.
pub fn first_word(locale: Locale, error: &Error) -> String {
    let (fields, general) = messages(locale, error);
    fields.into_iter().next().map_or(general, |f| f.message)
}

/// Whether the page is shown again for such a refusal, rather than one of its own.
pub fn is_told(error: &Error) -> bool {
    matches!(error, Error::Invalid(_) | Error::Conflict { .. } | Error::Stale)
}

/// The page again, with the status of what was refused.
pub fn refused(error: &Error, page: &Markup) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    (status, html(page)).into_response()
}

/// What was filled in of these fields, as the body of a call.
pub fn filled_in(fields: &BTreeMap<String, String>, names: &[&str]) -> Value {
    let filled = names.iter().filter_map(|name| Some(((*name).to_owned(), json!(filled(fields, name)?))));
    Value::Object(filled.collect())
}

/// What a field of a form says; none when it is not there or blank.
pub fn filled<'a>(fields: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    fields.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
}

/// A text of a JSON object; empty when it is not there.
pub fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(s)) => s.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Gives the browser the token by which its session is known from now on; nobody is believed any more by the one before.
pub fn keep_session(response: &mut Response, app: &App, renewed: &Renewed) {
    app.callers.forget();
    let left = (renewed.expires_at - app.db.env().now()).whole_seconds();
    set_cookie(response, app, SESSION_COOKIE, &renewed.token, left);
}

/// Sets a cookie that scripts cannot read.
pub fn set_cookie(response: &mut Response, app: &App, name: &str, value: &str, max_age_seconds: i64) {
    let secret = name.starts_with("salus_");
    let (prefix, secure) = if app.secure && secret { ("__Host-", "; Secure") } else { ("", "") };
    let text = format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
    if let Ok(text) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, text);
    }
}
