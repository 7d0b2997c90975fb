//! Users: the list with its search, invitations, and one user with roles and what ends access.
//!
//! What is searched for travels in a POST and comes back as a sealed handle, because names stand in no address.

use super::{
    account,
    frame::{Form, PageError, Params, Shown, Visit, by_id, html, messages, words},
    home::json_of,
};
use crate::{
    app::App,
    pages::{
        account::{Session, Token},
        form::FieldMessage,
        parts::Pager,
        security::SignedIn,
        users::{self, Invite, RoleChoice, User, UserView, UsersView},
    },
};
use axum::{
    extract::{Path, Query},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::{Body, Call, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What a handle is for.
const PURPOSE: &str = "users.search";
/// Users on a page.
const SHOWN: &str = "25";
/// Longest text that is searched for.
const LONGEST: usize = 200;
const FIELDS: &str =
    "kind,email,display_name,status,locked_until,failed_attempts,last_login_at,created_at,setup_expires_at";

/// GET `/users`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    page(&visit, &query, UsersView::default()).await
}

async fn page(visit: &Visit, query: &BTreeMap<String, String>, view: UsersView) -> Shown {
    visit.must("auth.user.read")?;
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let q = match get("found") {
        "" => String::new(),
        handle => visit.unseal(PURPOSE, handle).await?.unwrap_or_default(),
    };
    let status = get("status");
    let mut asked = vec![("limit", SHOWN), ("fields", FIELDS), ("sort", "-created_at")];
    let by = if q.contains('@') { "email" } else { "name" };
    let given = [(by, q.as_str()), ("status", status), ("cursor", get("cursor"))];
    asked.extend(given.into_iter().filter(|(_, v)| !v.is_empty()));
    if !q.is_empty() {
        asked.retain(|(name, _)| *name != "sort");
    }
    let found = match visit.page("auth.user.list", &asked).await {
        Ok(found) => found,
        // What cannot be a name or an address finds nobody.
        Err(Error::Invalid(_)) if !q.is_empty() => salus_store::Page { rows: Vec::new(), next: None, total: None },
        Err(e) => return Err(visit.error(e)),
    };
    let roles = all_roles(visit).await?;
    let mut rows: Vec<User> = found.rows.iter().map(|r| user_of(visit, r)).collect();
    give_roles(visit, &mut rows, &roles).await.map_err(|e| visit.error(e))?;
    let kept = if status.is_empty() { String::new() } else { format!("status={status}&") };
    let pager = Pager {
        first: (!get("cursor").is_empty()).then(|| format!("/users?{kept}").trim_end_matches(['?', '&']).to_owned()),
        next: found.next.filter(|_| q.is_empty()).map(|c| format!("/users?{kept}cursor={c}")),
    };
    let roles = if view.roles.is_empty() { roles.into_iter().map(|(_, role)| role).collect() } else { view.roles };
    let may_manage = visit.ctx.may("auth.user.manage");
    let view = UsersView { rows, searched: !q.is_empty(), q, status: status.into(), pager, may_manage, roles, ..view };
    Ok(html(&users::render(&view, &visit.shell)))
}

/// POST `/users/search`.
pub async fn search(Form { visit, fields }: Form) -> Shown {
    let q: String = fields.get("q").map(|q| q.trim().chars().take(LONGEST).collect()).unwrap_or_default();
    if q.is_empty() {
        return Ok(Redirect::to("/users").into_response());
    }
    let handle = visit.seal(PURPOSE, &q).await?;
    Ok(Redirect::to(&format!("/users?found={handle}")).into_response())
}

/// POST `/users`: invites.
pub async fn invite(headers: HeaderMap, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let form = Invite { email: get("email"), display_name: get("display_name") };
    let wanted = ticked(&fields);
    let body = json!({"email": form.email, "display_name": form.display_name, "roles": wanted});
    let view = match visit.try_call("auth.user.invite", Call { body, ..Call::default() }).await {
        Ok(body) => UsersView { link: address(&visit.app, &headers, &json_of(body)), ..UsersView::default() },
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            let (errors, general) = messages(visit.shell.locale, &e);
            let general = about_roles(&errors).unwrap_or(general);
            let roles = tick(all_roles(&visit).await?, &wanted);
            UsersView { roles, form, errors, general, ..UsersView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    page(&visit, &BTreeMap::new(), view).await
}

/// The message about the roles as a whole: they have no field of their own.
fn about_roles(errors: &[FieldMessage]) -> Option<String> {
    errors.iter().find(|e| e.field.starts_with("roles")).map(|e| e.message.clone())
}

/// The one-time link as a browser reaches it.
fn address(app: &App, headers: &HeaderMap, reply: &Value) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let scheme = if app.secure { "https" } else { "http" };
    let base = app.public_url.clone().unwrap_or_else(|| format!("{scheme}://{host}"));
    format!("{}{}", base.trim_end_matches('/'), reply["setup_path"].as_str().unwrap_or_default())
}

fn ticked(fields: &BTreeMap<String, String>) -> Vec<String> {
    let on = fields.iter().filter(|(_, value)| *value == "true");
    on.filter_map(|(name, _)| name.strip_prefix("role.").map(str::to_owned)).collect()
}

fn tick(roles: Vec<(String, RoleChoice)>, wanted: &[String]) -> Vec<RoleChoice> {
    roles.into_iter().map(|(_, role)| RoleChoice { ticked: wanted.contains(&role.name), ..role }).collect()
}

/// Every role that can be given, with its id.
async fn all_roles(visit: &Visit) -> Result<Vec<(String, RoleChoice)>, PageError> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("limit", "200"), ("fields", "name,description,scope,retired_at")];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = visit.page("auth.role.list", &query).await.map_err(|e| visit.error(e))?;
        let of = |r: &Record, name: &str| r.text(name).to_owned();
        all.extend(page.rows.iter().filter(|r| r.text("retired_at").is_empty()).map(|r| {
            let role = RoleChoice {
                name: of(r, "name"),
                description: of(r, "description"),
                scope: of(r, "scope"),
                ticked: false,
            };
            (of(r, "id"), role)
        }));
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    all.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    Ok(all)
}

fn user_of(visit: &Visit, r: &Record) -> User {
    let of = |name: &str| r.text(name).to_owned();
    let until = OffsetDateTime::parse(r.text("locked_until"), &Rfc3339).ok();
    User {
        id: of("id"),
        display_name: of("display_name"),
        email: of("email"),
        kind: of("kind"),
        status: of("status"),
        is_locked_out: until.is_some_and(|at| at > visit.app.db.env().now()),
        last_login_at: of("last_login_at"),
        created_at: of("created_at"),
        setup_expires_at: of("setup_expires_at"),
        roles: Vec::new(),
    }
}

/// Fills in the roles that users hold today.
async fn give_roles(visit: &Visit, users: &mut [User], roles: &[(String, RoleChoice)]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let ids = users.iter().map(|u| u.id.as_str()).collect::<Vec<_>>().join(",");
    let now = visit.app.db.env().now();
    let mut cursor = String::new();
    loop {
        let mut query =
            vec![("limit", "200"), ("fields", "user_id,role_id,valid_from,valid_to"), ("user_id.in", ids.as_str())];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = visit.page("auth.user_role.list", &query).await?;
        for held in &page.rows {
            let at = |name: &str| OffsetDateTime::parse(held.text(name), &Rfc3339).ok();
            let holds = at("valid_from").is_none_or(|from| from <= now) && at("valid_to").is_none_or(|to| to > now);
            let role = roles.iter().find(|(id, _)| id == held.text("role_id"));
            let user = users.iter_mut().find(|u| u.id == held.text("user_id"));
            if let (true, Some((_, role)), Some(user)) = (holds, role, user) {
                user.roles.push(role.name.clone());
            }
        }
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    for user in users {
        user.roles.sort();
    }
    Ok(())
}

/// GET `/users/{id}`.
pub async fn one(Path(id): Path<String>, visit: Visit) -> Shown {
    shown(&visit, &id, UserView::default()).await
}

async fn shown(visit: &Visit, id: &str, view: UserView) -> Shown {
    let row = visit.row("auth.user.get", id, FIELDS).await.map_err(|e| visit.error(e))?;
    let known = all_roles(visit).await?;
    let mut found = [user_of(visit, &row)];
    give_roles(visit, &mut found, &known).await.map_err(|e| visit.error(e))?;
    let [user] = found;
    let roles = if view.roles.is_empty() { tick(known, &user.roles) } else { view.roles };
    let (sessions, history) = if visit.ctx.may("auth.session.read") {
        ways_in(visit, id).await.map_err(|e| visit.error(e))?
    } else {
        (Vec::new(), Vec::new())
    };
    let keys = if user.kind == "service" && visit.ctx.may("auth.session.read") {
        keys(visit, id).await.map_err(|e| visit.error(e))?
    } else {
        Vec::new()
    };
    let own = visit.ctx.actor.id.to_string() == user.id;
    let may_manage = visit.ctx.may("auth.user.manage");
    let view = UserView { user, roles, sessions, keys, history, own, may_manage, ..view };
    Ok(html(&users::one(&view, &visit.shell)))
}

/// Living sessions, and the latest attempts to sign in.
async fn ways_in(visit: &Visit, id: &str) -> Result<(Vec<Session>, Vec<SignedIn>)> {
    let fields = "user_agent,ip,created_at,last_seen_at,revoked_at,expires_at,idle_expires_at";
    let query = [("user_id", id), ("limit", "100"), ("sort", "-created_at"), ("fields", fields)];
    let now = visit.app.db.env().now();
    let lives = |r: &&Record| {
        let later = |name: &str| OffsetDateTime::parse(r.text(name), &Rfc3339).is_ok_and(|at: OffsetDateTime| at > now);
        r.text("revoked_at").is_empty() && later("expires_at") && later("idle_expires_at")
    };
    let of = |r: &Record, name: &str| r.text(name).to_owned();
    let sessions = visit.page("auth.session.list", &query).await?;
    let sessions = sessions.rows.iter().filter(lives).map(|r| Session {
        id: of(r, "id"),
        current: false,
        device: of(r, "user_agent"),
        address: of(r, "ip"),
        started_at: of(r, "created_at"),
        last_seen_at: of(r, "last_seen_at"),
    });
    let query = [("user_id", id), ("limit", "20"), ("sort", "-created_at")];
    let attempts = visit.page("auth.login.list", &query).await?;
    let attempts = attempts.rows.iter().map(|r| SignedIn {
        at: of(r, "created_at"),
        outcome: of(r, "outcome"),
        reason: of(r, "reason"),
        ip: of(r, "ip"),
        agent: of(r, "user_agent"),
    });
    Ok((sessions.collect(), attempts.collect()))
}

async fn keys(visit: &Visit, id: &str) -> Result<Vec<Token>> {
    let query = [("user_id", id), ("limit", "100"), ("sort", "-created_at")];
    Ok(visit.page("auth.api_key.list", &query).await?.rows.iter().map(|r| key_of(r).0).collect())
}

/// A key, and the networks that it works from.
pub fn key_of(r: &Record) -> (Token, Vec<String>) {
    let of = |name: &str| r.text(name).to_owned();
    let list = |name: &str| -> Vec<String> {
        let all = r.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let token = Token {
        id: of("id"),
        name: of("name"),
        prefix: of("prefix"),
        scopes: list("scopes"),
        purposes: list("purposes"),
        created_at: of("created_at"),
        last_used_at: of("last_used_at"),
        expires_at: of("expires_at"),
        revoked_at: of("revoked_at"),
    };
    (token, list("networks"))
}

/// POST `/users/{id}/sessions/{session}/revoke`.
pub async fn end_session(Path((id, session)): Path<(String, String)>, form: Form) -> Shown {
    let visit = form.visit;
    let view = match visit.try_call("auth.session.revoke", by_id(&session)).await {
        Ok(_) => {
            visit.app.callers.forget();
            UserView { done: visit.shell.t().accounts.done.to_owned(), ..UserView::default() }
        }
        Err(e) => refused(&visit, e, UserView::default())?,
    };
    shown(&visit, &id, view).await
}

/// POST `/users/{id}/keys`: a key for a service account.
pub async fn make_key(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let form = account::key_form(&fields);
    let list = |text: &str| account::parts(text).map(str::to_owned).collect::<Vec<_>>();
    let made = match account::days(&visit, &form.expires_on) {
        Err(e) => Err(e),
        Ok(days) => {
            let body = json!({"name": form.name, "days": days, "scopes": list(&form.scopes), "networks": list(&form.networks),
                "purposes": form.purposes});
            visit.try_call("auth.api_key.issue", Call { body, ..by_id(&id) }).await
        }
    };
    let view = match made {
        Ok(body) => UserView { key: text_of(body), ..UserView::default() },
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            UserView { key_errors: account::key_errors(&visit, &e), key_form: form, ..UserView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    shown(&visit, &id, view).await
}

/// POST `/users/{id}/keys/{key}/{verb}`: another key in its place, or its end.
pub async fn act_on_key(Path((id, key, verb)): Path<(String, String, String)>, form: Form) -> Shown {
    let visit = form.visit;
    let (op, body) = match verb.as_str() {
        "replace" => ("auth.api_key.replace", json!({})),
        "revoke" => ("auth.api_key.revoke", Value::Null),
        _ => return Err(visit.error(Error::NotFound)),
    };
    let view = match visit.try_call(op, Call { body, ..by_id(&key) }).await {
        Ok(body) => {
            visit.app.callers.forget();
            UserView { key: text_of(body), ..UserView::default() }
        }
        Err(e) => refused(&visit, e, UserView::default())?,
    };
    shown(&visit, &id, view).await
}

/// The key that was made, if one was.
fn text_of(body: Body) -> Option<String> {
    json_of(body)["key"].as_str().map(str::to_owned)
}

/// POST `/users/{id}/roles`: shows what would change, or changes it.
pub async fn roles(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let wanted = ticked(&fields);
    let apply = fields.get("do").is_some_and(|what| what == "apply");
    let op = if apply { "auth.user.set_roles" } else { "auth.user.preview_roles" };
    let told = visit.try_call(op, Call { body: json!({"roles": wanted}), ..by_id(&id) }).await;
    if apply && told.is_ok() {
        visit.app.callers.forget();
        let done = visit.shell.t().accounts.roles_changed.to_owned();
        return shown(&visit, &id, UserView { done, ..UserView::default() }).await;
    }
    let mut view = UserView { roles: tick(all_roles(&visit).await?, &wanted), ..UserView::default() };
    match told {
        Ok(body) => view.preview = Some(read(&visit, json_of(body))?),
        Err(e) => view = refused(&visit, e, view)?,
    }
    shown(&visit, &id, view).await
}

fn read<T: serde::de::DeserializeOwned>(visit: &Visit, value: Value) -> Result<T, PageError> {
    serde_json::from_value(value).map_err(|e| visit.error(Error::internal(e)))
}

/// The page with why something was not done; other errors are a page of their own.
fn refused(visit: &Visit, error: Error, view: UserView) -> Result<UserView, PageError> {
    match error {
        e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. }) => {
            Ok(UserView { general: words(visit.shell.locale, &e), ..view })
        }
        e => Err(visit.error(e)),
    }
}

/// POST `/users/{id}/{verb}`: what ends or restores access.
pub async fn act(Path((id, verb)): Path<(String, String)>, headers: HeaderMap, form: Form) -> Shown {
    let visit = form.visit;
    let op = match verb.as_str() {
        "lock" => "auth.user.lock",
        "unlock" => "auth.user.unlock",
        "disable" => "auth.user.disable",
        "enable" => "auth.user.enable",
        "end-sessions" => "auth.user.end_sessions",
        "reset-factors" => "auth.user.reset_factors",
        "reinvite" => "auth.user.reinvite",
        _ => return Err(visit.error(Error::NotFound)),
    };
    let view = match visit.try_call(op, by_id(&id)).await {
        Ok(Body::Json(reply)) => {
            visit.app.callers.forget();
            let made = reply["setup_path"].is_string();
            let link = if made { address(&visit.app, &headers, &reply) } else { String::new() };
            UserView { done: visit.shell.t().accounts.done.to_owned(), link, ..UserView::default() }
        }
        Ok(_) => return Err(visit.error(Error::internal(format!("{op} answers JSON")))),
        Err(e) => refused(&visit, e, UserView::default())?,
    };
    // Whoever ended their own access is nobody any more.
    if visit.ctx.actor.id.to_string() == id && !view.done.is_empty() {
        return Ok(Redirect::to(&format!("/users/{id}")).into_response());
    }
    shown(&visit, &id, view).await
}
