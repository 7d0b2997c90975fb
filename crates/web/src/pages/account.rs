//! A person's own account: where they are signed in and their API tokens, each of which they can end.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use salus_domains::auth;
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountView {
    /// Own sessions, the current one first.
    pub sessions: Vec<Session>,
    /// Own API tokens, latest first.
    pub tokens: Vec<Token>,
    /// The token just made: shown this once.
    pub created: Option<String>,
    /// Values of the form for a new token by field name (`name`, `scopes`, `expires_on`).
    pub form: TokenForm,
    /// What is wrong with that form.
    pub errors: Vec<FieldMessage>,
    /// Why no other token was made.
    pub refused: String,
    /// Whether the person may make tokens.
    pub may_create: bool,
}

/// One session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Id.
    pub id: String,
    /// Whether it is this one.
    pub current: bool,
    /// What the browser calls itself.
    pub device: String,
    /// Network address.
    pub address: String,
    /// ISO 8601.
    pub started_at: String,
    /// ISO 8601.
    pub last_seen_at: String,
}

/// One token, without its secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// Id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// First letters, to tell tokens apart.
    pub prefix: String,
    /// Permission patterns it is limited to.
    pub scopes: Vec<String>,
    /// Purposes of use it is limited to.
    pub purposes: Vec<String>,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601, empty if never.
    pub last_used_at: String,
    /// ISO 8601.
    pub expires_at: String,
    /// ISO 8601, empty while it works.
    pub revoked_at: String,
}

/// The form for a new token.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenForm {
    /// What to call it.
    pub name: String,
    /// Permission patterns, one a line.
    pub scopes: String,
    /// Last day it works, ISO 8601.
    pub expires_on: String,
    /// Networks it works from, one a line.
    pub networks: String,
    /// Purposes of use it is limited to.
    pub purposes: Vec<String>,
}

/// The page. Forms: POST `/account/sessions/{id}/revoke`, `/account/tokens`, `/account/tokens/{id}/revoke`.
#[must_use]
pub fn render(view: &AccountView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    layout::page(
        shell,
        &Head::new(t.account),
        &html! {
            header class="page-head" {
                div {
                    h1 { (t.account) }
                    @if let Some(p) = &shell.person { p class="lead" { (p.name) " · " (p.email) } }
                }
            }
            p { a class="button" href="/account/security" { (shell.t().security.title) } }
            (form::summary(shell, &view.refused, &[]))
            @if let Some(secret) = &view.created { (created(secret, shell)) }
            (parts::card("sessions", t.sessions, &html! {}, &sessions(view, shell)))
            (parts::card("tokens", t.tokens, &html! {}, &keys(&view.tokens, "/account/tokens", shell)))
            @if view.may_create { (parts::card("new-token", t.new_token, &html! {}, &key_form((&view.form, &view.errors), "/account/tokens", shell))) }
        },
    )
}

/// A key just made: shown this once.
pub(super) fn created(secret: &str, shell: &Shell) -> Markup {
    html! {
        div class="flash tone-good created" role="alert" {
            (Tone::Good.sign(shell))
            div { p { (shell.t().ui.token_created) } p { code class="secret" { (secret) } } }
        }
    }
}

fn sessions(view: &AccountView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    html! {
        table class="grid plain stack" {
            (parts::heads_then(&[t.device, t.address, t.started, t.last_seen], t.revoke))
            tbody {
                @for s in &view.sessions {
                    tr {
                        th scope="row" {
                            span title=(s.device) { (device(&s.device)) } @if s.current { " " (parts::badge(shell, Tone::Good, t.this_one)) }
                        }
                        td data-label=(t.address) { span class="id" { (s.address) } }
                        td data-label=(t.started) { (parts::moment(shell, &s.started_at)) }
                        td data-label=(t.last_seen) { (parts::moment(shell, &s.last_seen_at)) }
                        td class="end" {
                            @if !s.current { (revoke(shell, &format!("/account/sessions/{}/revoke", s.id), &device(&s.device))) }
                        }
                    }
                }
            }
        }
    }
}

/// Browser and system out of what a browser calls itself, which names those it once imitated as well; the text as it is
/// when neither is known.
#[must_use]
pub fn device(agent: &str) -> String {
    let known: Vec<&str> = auth::browser_and_system(agent).into_iter().flatten().collect();
    if known.is_empty() { agent.to_owned() } else { known.join(" · ") }
}

pub(super) fn revoke(shell: &Shell, action: &str, what: &str) -> Markup {
    let t = &shell.t().ui;
    let button =
        html! { button class="button quiet danger" type="submit" { (t.revoke) span class="unseen" { " " (what) } } };
    form::post(shell, action, "inline", &button)
}

/// Keys. Forms: POST `PATH/{id}/replace` and `PATH/{id}/revoke`.
pub(super) fn keys(keys: &[Token], path: &str, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    html! {
        @if keys.is_empty() { p class="none" { (t.no_tokens) } } @else {
            table class="grid plain stack" {
                (parts::heads_then(&[t.token, t.scopes, t.expires, t.last_used], t.revoke))
                tbody {
                    @for k in keys {
                        tr {
                            th scope="row" { (k.name) span class="sub id" { (k.prefix) "…" } }
                            td data-label=(t.scopes) {
                                span class="chips" {
                                    @for scope in &k.scopes { code class="chip" { (scope) } }
                                    @for code in &k.purposes { span class="chip" { (codes::label(shell.locale, code)) } }
                                }
                            }
                            td data-label=(t.expires) { (parts::day(shell, &k.expires_at)) }
                            td data-label=(t.last_used) {
                                @if k.last_used_at.is_empty() { (t.never) } @else {
                                    (parts::moment(shell, &k.last_used_at))
                                }
                            }
                            td class="end" {
                                @if k.revoked_at.is_empty() {
                                    (form::post(shell, &format!("{path}/{}/replace", k.id), "inline", &html! {
                                        button class="button quiet" type="submit" {
                                            (shell.t().security.rotate) span class="unseen" { " " (k.name) }
                                        }
                                    }))
                                    (revoke(shell, &format!("{path}/{}/revoke", k.id), &k.name))
                                }
                                @else { (parts::badge(shell, Tone::Neutral, t.revoked)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The form for a new key: POST `path` with `name`, `expires_on`, `scopes`, `networks` and `purpose.CODE`.
pub(super) fn key_form((given, errors): (&TokenForm, &[FieldMessage]), path: &str, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    let fields = [
        Field::new("name", t.token_name, Kind::Text, &given.name).required(),
        Field::new("expires_on", t.expires, Kind::Date, &given.expires_on).required().hint(t.expires_hint),
        Field::new("scopes", t.scopes, Kind::Long, &given.scopes).required().hint(t.scopes_hint),
        Field::new("networks", shell.t().security.networks, Kind::Long, &given.networks)
            .hint(shell.t().security.networks_hint),
    ]
    .map(|f| f.check(errors));
    let body = html! {
        @for f in &fields { (form::field(shell, f)) }
        @if shell.purposes.len() > 1 {
            fieldset class="ticks" {
                legend { (shell.t().access.purpose) }
                p class="hint" { (shell.t().accounts.key_purposes_hint) }
                @for code in &shell.purposes {
                    @let on = if given.purposes.contains(code) { "true" } else { "" };
                    (form::field(shell, &Field::new(&format!("purpose.{code}"), &codes::label(shell.locale, code), Kind::Flag, on)))
                }
            }
        }
        div class="form-actions" { button class="button primary" type="submit" { (t.create_token) } }
    };
    form::post(shell, path, "form two", &body)
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_is_named_in_words() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
        assert_eq!(device(chrome), "Chrome · Linux");
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0";
        assert_eq!(device(edge), "Edge · Windows");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1";
        assert_eq!(device(phone), "Safari · iPhone");
        assert_eq!(device("a program"), "a program");
    }
}
