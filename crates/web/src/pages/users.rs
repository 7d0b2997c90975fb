//! Users: the list with a search and invitations, and one user with roles, sessions and what ends access.

use super::{
    Shell,
    account::{self, Session, device},
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Pager, Tab, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersView {
    /// Users.
    pub rows: Vec<User>,
    /// What was searched for.
    pub q: String,
    /// Whether the rows answer a search.
    pub searched: bool,
    /// Only those in this state.
    pub status: String,
    /// Neighbouring pages.
    pub pager: Pager,
    /// Whether the person may invite.
    pub may_manage: bool,
    /// Roles that can be given.
    pub roles: Vec<RoleChoice>,
    /// What was entered for a new user.
    pub form: Invite,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub general: String,
    /// The link just made: shown this once.
    pub link: String,
}

/// What is entered for a new user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Invite {
    pub email: String,
    pub display_name: String,
}

/// One user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct User {
    pub id: String,
    pub display_name: String,
    pub email: String,
    pub kind: String,
    pub status: String,
    /// Whether failed attempts lock it at this time.
    pub is_locked_out: bool,
    pub last_login_at: String,
    pub created_at: String,
    pub setup_expires_at: String,
    /// Names of the roles held.
    pub roles: Vec<String>,
}

/// A role that can be given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct RoleChoice {
    pub name: String,
    pub description: String,
    pub scope: String,
    /// Whether its box is ticked.
    pub ticked: bool,
}

/// One user's page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UserView {
    /// The user.
    pub user: User,
    /// Every role.
    pub roles: Vec<RoleChoice>,
    /// What the ticked roles would change.
    pub preview: Option<Preview>,
    /// Living sessions.
    pub sessions: Vec<Session>,
    /// Keys of a service account.
    pub keys: Vec<super::account::Token>,
    /// The form for a new key, as it was sent.
    pub key_form: super::account::TokenForm,
    /// What is wrong with it.
    pub key_errors: Vec<FieldMessage>,
    /// The key just made: shown this once.
    pub key: Option<String>,
    /// Latest attempts to sign in.
    pub history: Vec<super::security::SignedIn>,
    /// Whether it is the reader's own account.
    pub own: bool,
    /// Whether the reader may change it.
    pub may_manage: bool,
    /// Why something was not done.
    pub general: String,
    /// What was done.
    pub done: String,
    /// The link just made: shown this once.
    pub link: String,
}

/// What other roles would mean.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the operation")]
pub struct Preview {
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

/// The states by which the list is narrowed.
const STATES: [&str; 4] = ["invited", "active", "locked", "disabled"];

/// The list. Forms: POST `/users/search` with `q`; POST `/users` with `email`, `display_name` and `role.NAME`.
#[must_use]
pub fn render(view: &UsersView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" { div { h1 { (t.title) } p class="lead" { (t.lead) } } }
            (link(&view.link, shell))
            (search(view, shell))
            @if view.rows.is_empty() { (parts::empty(t.nobody, t.nobody_hint, None)) } @else {
                (parts::card("users", t.title, &html! {}, &list(&view.rows, shell)))
            }
            (parts::pager(shell, &view.pager, view.rows.len()))
            @if view.may_manage { (parts::card("invite", t.invite, &html! {}, &invite(view, shell))) }
        },
    )
}

/// The one-time link, to be handed over.
fn link(address: &str, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    html! {
        @if !address.is_empty() {
            div class="flash tone-good created" role="alert" {
                (Tone::Good.sign(shell))
                div { p { strong { (t.link_title) } } p { code class="secret" { (address) } } p { (t.link_hint) } }
            }
        }
    }
}

fn search(view: &UsersView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let q = Field::new("q", t.search, Kind::Text, &view.q).required().hint(t.search_hint);
    let tab = |state: &str| Tab {
        label: if state.is_empty() {
            t.any.to_owned()
        } else {
            codes::label(shell.locale, &format!("user_{state}")).into_owned()
        },
        href: if state.is_empty() { "/users".to_owned() } else { format!("/users?status={state}") },
        current: !view.searched && view.status == state,
        ..Tab::default()
    };
    let tabs: Vec<Tab> = std::iter::once("").chain(STATES).map(tab).collect();
    html! {
        (form::post(shell, "/users/search", "filters", &html! {
            (form::field(shell, &q))
            div class="filter-actions" { button class="button" type="submit" { (shell.t().ui.search) } }
        }))
        (parts::tabs(shell, t.status, &tabs))
    }
}

fn name(user: &User) -> &str {
    if user.display_name.is_empty() { &user.id } else { &user.display_name }
}

fn badge(status: &str, shell: &Shell) -> Markup {
    let tone = match status {
        "active" => Tone::Good,
        "locked" => Tone::Bad,
        "invited" => Tone::Info,
        _ => Tone::Neutral,
    };
    parts::badge(shell, tone, &codes::label(shell.locale, &format!("user_{status}")))
}

fn state(user: &User, shell: &Shell) -> Markup {
    html! {
        (badge(&user.status, shell))
        @if user.is_locked_out && user.status != "locked" { " " (badge("locked", shell)) }
    }
}

fn list(rows: &[User], shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[t.name, t.status, shell.t().access.roles, t.last_seen]))
            tbody {
                @for user in rows {
                    tr {
                        th scope="row" {
                            a href={ "/users/" (user.id) } { (name(user)) }
                            span class="sub" { @if user.email.is_empty() { (codes::label(shell.locale, &user.kind)) } @else { (user.email) } }
                        }
                        td data-label=(t.status) { (state(user, shell)) }
                        td data-label=(shell.t().access.roles) { (chips(&user.roles, t.no_role)) }
                        td data-label=(t.last_seen) {
                            @if user.last_login_at.is_empty() { (shell.t().ui.never) } @else { (parts::moment(shell, &user.last_login_at)) }
                        }
                    }
                }
            }
        }
    }
}

fn chips(names: &[String], none: &str) -> Markup {
    html! {
        @if names.is_empty() { span class="muted" { (none) } } @else {
            span class="chips" { @for n in names { span class="chip" { (n) } } }
        }
    }
}

fn ticks(roles: &[RoleChoice], shell: &Shell) -> Markup {
    html! {
        fieldset class="ticks" {
            legend { (shell.t().access.roles) }
            @for role in roles {
                @let label = format!("{} · {}", role.name, codes::label(shell.locale, &format!("reach_{}", role.scope)));
                (form::field(shell, &Field::new(&format!("role.{}", role.name), &label, Kind::Flag, if role.ticked { "true" } else { "" })
                    .hint(&role.description)))
            }
        }
    }
}

fn invite(view: &UsersView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let fields = [
        Field::new("email", t.email, Kind::Email, &view.form.email).required(),
        Field::new("display_name", t.name, Kind::Text, &view.form.display_name).required(),
    ]
    .map(|f| f.check(&view.errors));
    let body = html! {
        (form::summary(shell, &view.general, &fields.iter().collect::<Vec<_>>()))
        @for f in &fields { (form::field(shell, f)) }
        (ticks(&view.roles, shell))
        div class="form-actions" { button class="button primary" type="submit" { (t.send_invite) } }
    };
    form::post(shell, "/users", "form", &body)
}

/// One user. Forms: POST `/users/{id}/roles` with `role.NAME` and `do`; POST `/users/{id}/VERB`
/// without fields.
#[must_use]
pub fn one(view: &UserView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let user = &view.user;
    layout::page(
        shell,
        // The name of a person stands in no title.
        &Head::new(t.account).under(t.title, "/users"),
        &html! {
            header class="page-head" { div { h1 { (name(user)) } p class="lead" { (user.email) } } div { (state(user, shell)) } }
            @if !view.done.is_empty() { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (view.done) } }
            (form::summary(shell, &view.general, &[]))
            (link(&view.link, shell))
            @if let Some(secret) = &view.key { (account::created(secret, shell)) }
            (parts::card("account", t.account, &html! { a href={ "/users/" (user.id) "/reach" } { (shell.t().reach.go) } }, &facts(user, shell)))
            @if let Some(preview) = &view.preview { (parts::card("preview", shell.t().access.would, &html! {}, &would(preview, shell))) }
            @if view.may_manage { (parts::card("roles", shell.t().access.roles, &html! {}, &roles(view, shell))) }
            @if user.kind == "service" { (keys(view, shell)) }
            @else { (parts::card("sessions", t.sessions, &html! {}, &sessions(view, shell))) }
            @if view.may_manage { (parts::card("access", t.ends, &html! {}, &endings(view, shell))) }
            @if !view.history.is_empty() { (parts::card("history", t.history, &html! { a href={ "/sign-ins?user=" (user.id) } { (t.sign_ins) } }, &super::security::attempts(&view.history, shell))) }
        },
    )
}

/// Keys of a service account, and a form for another. Forms: POST `/users/{id}/keys`, `/users/{id}/keys/{key}/VERB`.
fn keys(view: &UserView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    let path = format!("/users/{}/keys", view.user.id);
    html! {
        (parts::card("keys", t.tokens, &html! {}, &account::keys(&view.keys, &path, shell)))
        @if view.may_manage && view.user.status != "disabled" {
            (parts::card("new-key", t.new_token, &html! {}, &account::key_form((&view.key_form, &view.key_errors), &path, shell)))
        }
    }
}

fn facts(user: &User, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let last = html! { @if user.last_login_at.is_empty() { (shell.t().ui.never) } @else { (parts::moment(shell, &user.last_login_at)) } };
    parts::facts(&[
        (t.kind, html! { (codes::label(shell.locale, &user.kind)) }),
        (shell.t().access.roles, chips(&user.roles, t.no_role)),
        (t.last_seen, last),
        (shell.t().people.since, parts::moment(shell, &user.created_at)),
    ])
}

fn would(preview: &Preview, shell: &Shell) -> Markup {
    let t = &shell.t().access;
    let chips = |names: &[String]| html! { @if names.is_empty() { "–" } @else { span class="chips" { @for n in names { code class="chip" { (n) } } } } };
    html! {
        @if preview.gains.is_empty() && preview.loses.is_empty() { p { (t.nothing_changes) } } @else {
            (parts::facts(&[(t.gains, chips(&preview.gains)), (t.loses, chips(&preview.loses))]))
        }
    }
}

fn roles(view: &UserView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let body = html! {
        p class="hint" { (t.roles_hint) }
        (ticks(&view.roles, shell))
        div class="form-actions" {
            button class="button" type="submit" name="do" value="preview" { (shell.t().access.preview) }
            @if view.preview.is_some() { button class="button primary" type="submit" name="do" value="apply" { (t.give) } }
        }
    };
    form::post(shell, &format!("/users/{}/roles", view.user.id), "form", &body)
}

fn sessions(view: &UserView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    html! {
        @if view.sessions.is_empty() { p class="none" { (shell.t().accounts.no_sessions) } } @else {
            table class="grid plain stack" {
                (parts::heads_then(&[t.device, t.address, t.started, t.last_seen], t.revoke))
                tbody {
                    @for s in &view.sessions {
                        tr {
                            th scope="row" { span title=(s.device) { (device(&s.device)) } }
                            td data-label=(t.address) { span class="id" { (s.address) } }
                            td data-label=(t.started) { (parts::moment(shell, &s.started_at)) }
                            td data-label=(t.last_seen) { (parts::moment(shell, &s.last_seen_at)) }
                            td class="end" {
                                @if view.may_manage {
                                    (account::revoke(shell, &format!("/users/{}/sessions/{}/revoke", view.user.id, s.id), &device(&s.device)))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What can be done to the account as it is, each with what it means.
fn endings(view: &UserView, shell: &Shell) -> Markup {
    let t = &shell.t().accounts;
    let user = &view.user;
    let person = user.kind != "service";
    let disabled = user.status == "disabled";
    let locked = user.status == "locked" || user.is_locked_out;
    let all = [
        (!disabled && user.status != "locked", "lock", t.lock, t.lock_hint, false),
        (!disabled && locked, "unlock", t.unlock, t.unlock_hint, false),
        (!disabled && person, "end-sessions", t.end_sessions, t.end_sessions_hint, false),
        (!disabled && person, "reset-factors", t.reset_factors, t.reset_factors_hint, true),
        (!disabled && person && user.status != "locked", "reinvite", t.reinvite, t.reinvite_hint, true),
        (!disabled, "disable", t.disable, t.disable_hint, true),
        (disabled && person, "enable", t.enable, t.enable_hint, false),
    ];
    html! {
        ul class="acts" {
            @for (_, verb, label, hint, danger) in all.iter().filter(|(on, ..)| *on) {
                li {
                    (form::post(shell, &format!("/users/{}/{verb}", user.id), "inline", &html! {
                        button class={ "button" @if *danger { " danger" } } type="submit" { (label) }
                    }))
                    span class="hint" { (hint) }
                }
            }
        }
    }
}
