//! Account security: password, authenticator, passkeys, recovery codes, codes that are sent, known browsers, sign-ins.

use super::{
    Shell,
    account::device,
    form::{self, Field, FieldMessage, Kind},
    i18n::fill,
    layout::{self, Head},
    parts::{self, Tone},
    prove::{self, ProveView},
};
use crate::assets;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each says whether one thing of the account is so")]
pub struct SecurityView {
    /// Whether nothing else is open before a second factor is set up.
    pub must_enrol: bool,
    /// Whether the password is asked for before anything is changed.
    pub must_prove: bool,
    /// Whether an authenticator is in use.
    pub authenticator: bool,
    /// The new authenticator that waits for its first code.
    pub pending: Option<Pending>,
    /// Passkeys.
    pub passkeys: Vec<Passkey>,
    /// Whether passkeys work at the address by which this page was asked for.
    pub passkeys_work: bool,
    /// Recovery codes that are left.
    pub recovery_left: i64,
    /// Recovery codes just made: shown this once.
    pub recovery_codes: Vec<String>,
    /// Ways by which codes can be sent.
    pub channels: Vec<String>,
    /// Ways by which this person has codes sent.
    pub own_channels: Vec<String>,
    /// Names the address that waits for its code.
    pub address_token: String,
    /// Known browsers.
    pub devices: Vec<Device>,
    /// The latest sign-ins.
    pub history: Vec<SignedIn>,
    /// Accounts at identity providers: id, words, whether it is linked.
    pub accounts: Vec<(String, String, bool)>,
    /// The rules a password must meet, each a sentence.
    pub rules: Vec<String>,
    /// What is wrong with what was sent.
    pub errors: Vec<FieldMessage>,
    /// The same, of no field.
    pub error: String,
    /// What was done.
    pub done: String,
}

/// An authenticator that is being set up.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pending {
    /// To be typed.
    pub secret: String,
    /// Side of the QR code in modules, and which of them are dark, row by row.
    pub size: usize,
    /// See `size`.
    pub dark: Vec<bool>,
}

/// One passkey.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Passkey {
    pub id: String,
    pub name: String,
    pub created_at: String,
    pub last_used_at: String,
    pub suspended: bool,
}

/// One known browser.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Device {
    pub id: String,
    pub agent: String,
    pub last_used_at: String,
    pub expires_at: String,
}

/// One attempt to sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct SignedIn {
    pub at: String,
    pub outcome: String,
    pub reason: String,
    pub ip: String,
    pub agent: String,
}

/// The page. Forms: POST to addresses under `/account/security`. Who needs a second proof and has none sees only the
/// ways to one, the best that works here first.
#[must_use]
pub fn render(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    let (title, lead) = if view.must_enrol { (s.enrol_title, s.must_enrol) } else { (s.title, s.lead) };
    let head = if view.must_enrol { Head::new(title) } else { Head::new(title).under(t.account, "/account") };
    layout::page(
        shell,
        &head,
        &html! {
            header class="page-head" { div { h1 { (title) } p class="lead" { (lead) } } }
            @if !view.done.is_empty() { p class="flash tone-good" role="status" { (Tone::Good.sign(shell)) (view.done) } }
            (form::summary(shell, &view.error, &[]))
            @if !view.recovery_codes.is_empty() { (new_codes(view, shell)) }
            @if view.must_prove { (parts::card("prove", s.prove, &html! {}, &proof(shell))) }
            @if view.must_enrol { (ways(view, shell)) } @else { (everything(view, shell)) }
            script src=(assets::url("salus-passkey.js")) type="module" {}
        },
    )
}

/// What serves as a second proof: passkeys first where they work at this address.
fn ways(view: &SecurityView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    let best = parts::badge(shell, Tone::Good, s.recommended);
    let keys = |aside: &Markup| parts::card("passkeys", s.passkeys, aside, &passkeys(view, shell));
    let app = |aside: &Markup| {
        parts::card("authenticator", s.authenticator, aside, &parts::inside(&authenticator(view, shell)))
    };
    html! {
        @if view.passkeys_work { (keys(&best)) (app(&html! {})) } @else { (app(&best)) (keys(&html! {})) }
        @if !view.channels.is_empty() { (parts::card("codes", s.codes, &html! {}, &parts::inside(&codes(view, shell)))) }
    }
}

fn everything(view: &SecurityView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    html! {
        (parts::card("authenticator", s.authenticator, &html! {}, &parts::inside(&authenticator(view, shell))))
        (parts::card("passkeys", s.passkeys, &html! {}, &passkeys(view, shell)))
        (parts::card("recovery", s.recovery, &html! {}, &parts::inside(&recovery(view, shell))))
        (parts::card("codes", s.codes, &html! {}, &parts::inside(&codes(view, shell))))
        @if !view.accounts.is_empty() { (parts::card("accounts", s.accounts, &html! {}, &parts::inside(&accounts(view, shell)))) }
        (parts::card("password", s.change_password, &html! {}, &password(view, shell)))
        (parts::card("devices", s.devices, &html! {}, &devices(view, shell)))
        @if !view.history.is_empty() { (parts::card("history", s.history, &html! {}, &attempts(&view.history, shell))) }
    }
}

/// New recovery codes, and the way on for who came here to set up the first second proof.
fn new_codes(view: &SecurityView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    html! {
        div class="flash tone-good created" role="alert" {
            (Tone::Good.sign(shell))
            div {
                p { (s.recovery_shown) }
                ul class="codes" { @for code in &view.recovery_codes { li { code class="secret" { (code) } } } }
                p { a class="button primary" href="/" { (s.codes_kept) } }
            }
        }
    }
}

fn button(words: &str, class: &str) -> Markup {
    html! { button class={ "button " (class) } type="submit" { (words) } }
}

fn action(shell: &Shell, path: &str, words: &str, class: &str) -> Markup {
    form::post(shell, &format!("/account/security/{path}"), "inline", &button(words, class))
}

/// What changes how one signs in takes the proof that every use of power takes.
fn proof(shell: &Shell) -> Markup {
    let view = ProveView { back: "/account/security".into(), ..ProveView::default() };
    html! {
        p class="lead" { (shell.t().security.prove_lead) }
        (prove::form(&view, shell))
    }
}

fn authenticator(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    html! {
        @if view.authenticator {
            p { (parts::badge(shell, Tone::Good, s.authenticator_on)) }
            (action(shell, "authenticator/remove", s.remove, "danger"))
        } @else if let Some(pending) = &view.pending {
            p { (s.scan) }
            (qr(pending, s.qr))
            p { code class="secret" { (grouped(&pending.secret)) } }
            @let field = Field::new("code", t.code, Kind::Text, "").required().autocomplete("one-time-code");
            (form::post(shell, "/account/security/authenticator/confirm", "form", &html! {
                (form::field(shell, &field.check(&view.errors)))
                div class="form-actions" { (button(s.confirm, "primary")) }
            }))
        } @else {
            p { (s.authenticator_none) }
            (action(shell, "authenticator", s.set_up, "primary"))
        }
    }
}

/// A QR code as SVG: one path, so that it stays small.
fn qr(pending: &Pending, label: &str) -> Markup {
    let mut path = String::new();
    for (at, _) in pending.dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (x, y) = (at % pending.size.max(1) + 4, at / pending.size.max(1) + 4);
        let _ = write!(path, "M{x} {y}h1v1h-1z");
    }
    let side = pending.size + 8;
    html! {
        svg class="qr" viewBox={ "0 0 " (side) " " (side) } width="232" height="232" role="img" aria-label=(label)
            shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn passkeys(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    let name = Field::new("name", s.passkey_name, Kind::Text, "");
    html! {
        p class="card-note" { (s.passkeys_none) }
        @if !view.passkeys.is_empty() {
            table class="grid plain stack" {
                (parts::heads_then(&[t.token_name, s.added, t.last_used], s.remove))
                tbody {
                    @for k in &view.passkeys {
                        tr {
                            th scope="row" {
                                (k.name)
                                @if k.suspended { " " (parts::badge(shell, Tone::Bad, s.suspended)) }
                            }
                            td data-label=(s.added) { (parts::moment(shell, &k.created_at)) }
                            td data-label=(t.last_used) {
                                @if k.last_used_at.is_empty() { (t.never) } @else { (parts::moment(shell, &k.last_used_at)) }
                            }
                            td class="end" { (action(shell, &format!("passkeys/{}/remove", k.id), s.remove, "quiet danger")) }
                        }
                    }
                }
            }
        }
        @if view.passkeys_work {
            (form::post(shell, "/account/security/passkeys", "form passkey", &html! {
                (form::field(shell, &name))
                input type="hidden" name="token" value="";
                input type="hidden" name="credential" value="";
                div class="form-actions" {
                    button class="button primary" type="button" data-passkey="create" data-failed=(s.passkey_failed) hidden {
                        (s.add_passkey)
                    }
                }
                p class="error" role="alert" hidden {}
            }))
        } @else { p class="card-note" { (s.passkey_address) } }
    }
}

fn recovery(view: &SecurityView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    html! {
        p { (fill(s.recovery_left, &[("n", &view.recovery_left.to_string())])) }
        (action(shell, "recovery-codes", s.recovery_new, ""))
    }
}

fn codes(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    let words = |c: &str| if c == "sms" { "SMS" } else { t.email };
    if view.channels.is_empty() {
        return html! { p { (s.codes_nobody) } };
    }
    html! {
        p { (s.codes_none) }
        @for channel in &view.own_channels {
            div class="line" { (words(channel)) (action(shell, &format!("codes/{channel}/remove"), s.remove, "quiet danger")) }
        }
        @if view.address_token.is_empty() {
            @let choices = view.channels.iter().map(|c| (c.clone(), words(c).to_owned())).collect();
            @let channel = Field { choices, ..Field::new("channel", s.channel, Kind::Choice, "").required() };
            @let address = Field::new("address", s.to_address, Kind::Text, "").required().autocomplete("email");
            (form::post(shell, "/account/security/codes", "form two", &html! {
                (form::field(shell, &channel.check(&view.errors)))
                (form::field(shell, &address.check(&view.errors)))
                div class="form-actions" { (button(s.send_code, "")) }
            }))
        } @else {
            @let code = Field::new("sent_code", t.code, Kind::Text, "").required().autocomplete("one-time-code");
            p role="status" { (s.code_sent) }
            (form::post(shell, "/account/security/codes/confirm", "form", &html! {
                input type="hidden" name="token" value=(view.address_token);
                (form::field(shell, &code.check(&view.errors)))
                div class="form-actions" { (button(s.confirm, "primary")) }
            }))
        }
    }
}

fn accounts(view: &SecurityView, shell: &Shell) -> Markup {
    let s = &shell.t().security;
    html! {
        @for (id, words, linked) in &view.accounts {
            div class="line" {
                (words)
                @if *linked { (action(shell, &format!("accounts/{id}/remove"), s.remove, "quiet danger")) }
                @else { a class="button quiet" href={ "/account/security/accounts/" (id) } { (s.link) } }
            }
        }
    }
}

fn password(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    let field = |name: &str, label: &str, auto: &str| {
        Field::new(name, label, Kind::Password, "").required().autocomplete(auto).check(&view.errors)
    };
    let body = html! {
        (form::field(shell, &field("old", s.old_password, "current-password")))
        (form::field(shell, &field("password", t.new_password, "new-password")))
        (form::field(shell, &field("again", t.again, "new-password")))
        @if !view.rules.is_empty() {
            div class="rules" { p { (t.rules) } ul { @for rule in &view.rules { li { (super::i18n::faults::say(shell.locale, "", rule)) } } } }
        }
        div class="form-actions" { (button(s.change_password, "primary")) }
    };
    form::post(shell, "/account/security/password", "form", &body)
}

fn devices(view: &SecurityView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    html! {
        p class="card-note" { (s.devices_lead) }
        @if !view.devices.is_empty() {
            table class="grid plain stack" {
                (parts::heads_then(&[t.device, t.last_used, s.until], s.remove))
                tbody {
                    @for d in &view.devices {
                        tr {
                            th scope="row" { (device(&d.agent)) }
                            td data-label=(t.last_used) { (parts::moment(shell, &d.last_used_at)) }
                            td data-label=(s.until) { (parts::day(shell, &d.expires_at)) }
                            td class="end" { (action(shell, &format!("devices/{}/remove", d.id), s.remove, "quiet danger")) }
                        }
                    }
                }
            }
        }
    }
}

/// Attempts to sign in, latest first.
#[must_use]
pub fn attempts(all: &[SignedIn], shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    html! {
        table class="grid plain stack" {
            (parts::heads(&[s.when, s.outcome, s.by, t.address, t.device]))
            tbody {
                @for a in all {
                    tr {
                        th scope="row" { (parts::moment(shell, &a.at)) }
                        td data-label=(s.outcome) { (parts::status(shell, &a.outcome)) }
                        td data-label=(s.by) { (super::i18n::codes::label(shell.locale, &a.reason)) }
                        td data-label=(t.address) { span class="id" { (a.ip) } }
                        td data-label=(t.device) { (device(&a.agent)) }
                    }
                }
            }
        }
    }
}
