//! Sign-in, and the page of a one-time link where a person chooses a password.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::faults,
    layout,
};
use crate::assets;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The sign-in form.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInView {
    /// Short name of the organization, as typed.
    pub organization: String,
    /// Mail address, as typed.
    pub email: String,
    /// Why the last attempt failed; the same words whether the account exists or not.
    pub error: String,
    /// Path to open afterwards.
    pub return_to: String,
    /// Other ways in for this organization: words and address.
    pub providers: Vec<(String, String)>,
}

/// The form of the emergency recovery credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EmergencyView {
    /// Short name of the organization, as typed.
    pub organization: String,
    /// Why, as typed.
    pub reason: String,
    /// What is wrong with a field; shares are never shown again.
    pub errors: Vec<FieldMessage>,
    /// What is wrong as a whole.
    pub error: String,
}

/// The question for a second factor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecondView {
    /// Names the question.
    pub token: String,
    /// Short name of the organization.
    pub organization: String,
    /// Path to open afterwards.
    pub return_to: String,
    /// Ways by which a code can be sent: `email`, `sms`.
    pub channels: Vec<String>,
    /// Whether a passkey can be used instead.
    pub passkey: bool,
    /// Whether a code was just sent.
    pub sent: bool,
    /// What was wrong with the last try.
    pub error: String,
}

/// The page of a one-time link.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupView {
    /// The link's token.
    pub token: String,
    /// Whom it is for.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Name of the organization.
    pub organization: String,
    /// The rules a password must meet, each a sentence.
    pub rules: Vec<String>,
    /// What was wrong with the last try.
    pub error: String,
    /// Whether the link is spent or too old: then there is no form.
    pub expired: bool,
    /// Words and address of each provider by which the invitation can be taken up instead.
    pub providers: Vec<(String, String)>,
}

/// Sign-in: POST `/sign-in` with `organization`, `email`, `password`, `return_to`; a passkey by POST `/sign-in/passkey`.
#[must_use]
pub fn sign_in(view: &SignInView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    let organization = Field::new("organization", t.organization, Kind::Text, &view.organization)
        .required()
        .hint(t.organization_hint)
        .autocomplete("organization");
    let email = Field::new("email", t.email, Kind::Email, &view.email).required().autocomplete("username");
    let password = Field::new("password", t.password, Kind::Password, "").required().autocomplete("current-password");
    let body = html! {
        input type="hidden" name="return_to" value=(view.return_to);
        (form::field(shell, &organization))
        (form::field(shell, &email))
        (form::field(shell, &password))
        button class="button primary wide" type="submit" { (t.sign_in) }
    };
    layout::bare(
        shell,
        t.sign_in,
        &html! {
            section class="panel" {
                h1 { (t.sign_in) }
                (form::summary(shell, &view.error, &[]))
                (form::post(shell, "/sign-in", "form", &body))
                (passkey_button(shell, &view.organization, &view.return_to))
                @for (words, href) in &view.providers { a class="button wide" href=(href) { (words) } }
                p class="hint" { a href="/sign-in/emergency" { (shell.t().accounts.emergency) } }
            }
        },
    )
}

/// The emergency recovery credential: POST `/sign-in/emergency` with `organization`, `shares` (one a line) and `reason`.
#[must_use]
pub fn emergency(view: &EmergencyView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().accounts);
    let fields = [
        Field::new("organization", t.organization, Kind::Text, &view.organization)
            .required()
            .hint(t.organization_hint)
            .autocomplete("organization"),
        Field::new("shares", s.shares, Kind::Long, "").required().hint(s.shares_hint),
        Field::new("reason", s.emergency_reason, Kind::Long, &view.reason)
            .required()
            .hint(shell.t().access.reason_hint),
    ]
    .map(|f| f.check(&view.errors));
    let body = html! {
        @for f in &fields { (form::field(shell, f)) }
        button class="button danger wide" type="submit" { (s.emergency_open) }
    };
    layout::bare(
        shell,
        s.emergency,
        &html! {
            section class="panel" {
                h1 { (s.emergency) }
                p class="hint" { (s.emergency_lead) }
                (form::summary(shell, &view.error, &fields.iter().collect::<Vec<_>>()))
                (form::post(shell, "/sign-in/emergency", "form", &body))
                a class="button wide" href="/sign-in" { (t.sign_in) }
            }
        },
    )
}

/// A second factor: POST `/sign-in/code` with `token`, `organization`, `return_to`, and `code` or `send`.
#[must_use]
pub fn second(view: &SecondView, shell: &Shell) -> Markup {
    let (t, s) = (&shell.t().ui, &shell.t().security);
    let code = Field::new("code", t.code, Kind::Text, "").required().hint(t.code_hint).autocomplete("one-time-code");
    let hidden = html! {
        input type="hidden" name="token" value=(view.token);
        input type="hidden" name="organization" value=(view.organization);
        input type="hidden" name="return_to" value=(view.return_to);
    };
    let body = html! {
        (hidden)
        (form::field(shell, &code))
        button class="button primary wide" type="submit" { (t.sign_in) }
    };
    layout::bare(
        shell,
        s.second_title,
        &html! {
            section class="panel" {
                h1 { (s.second_title) }
                (form::summary(shell, &view.error, &[]))
                @if view.sent { p class="flash tone-good" role="status" { (s.code_sent) } }
                (form::post(shell, "/sign-in/code", "form", &body))
                @for channel in &view.channels {
                    @let words = if channel == "sms" { s.send_sms } else { s.send_email };
                    (form::post(shell, "/sign-in/code", "form", &html! {
                        (hidden)
                        input type="hidden" name="send" value=(channel);
                        button class="button wide" type="submit" { (words) }
                    }))
                }
                @if view.passkey { (passkey_button(shell, &view.organization, &view.return_to)) }
            }
        },
    )
}

/// Signs in with a passkey: the script asks for a challenge, has the browser answer it and sends the form.
fn passkey_button(shell: &Shell, organization: &str, return_to: &str) -> Markup {
    let s = &shell.t().security;
    let body = html! {
        input type="hidden" name="organization" value=(organization);
        input type="hidden" name="return_to" value=(return_to);
        input type="hidden" name="token" value="";
        input type="hidden" name="credential" value="";
        button class="button wide" type="button" data-passkey="get" data-failed=(s.passkey_failed) hidden {
            (s.use_passkey)
        }
        p class="error" role="alert" hidden {}
    };
    html! {
        (form::post(shell, "/sign-in/passkey", "form passkey", &body))
        script src=(assets::url("salus-passkey.js")) type="module" {}
    }
}

/// Choosing a password: POST `/setup/{token}` with `password` and `again`.
#[must_use]
pub fn setup(view: &SetupView, shell: &Shell) -> Markup {
    let t = &shell.t().ui;
    let password = Field::new("password", t.new_password, Kind::Password, "").required().autocomplete("new-password");
    let again = Field::new("again", t.again, Kind::Password, "").required().autocomplete("new-password");
    let body = html! {
        // A password store keeps the new password under this name.
        input class="unseen" type="text" name="username" value=(view.email) autocomplete="username" readonly
            tabindex="-1" aria-label=(t.email);
        (form::field(shell, &password))
        (form::field(shell, &again))
        @if !view.rules.is_empty() {
            div class="rules" { p { (t.rules) } ul { @for rule in &view.rules { li { (faults::say(shell.locale, "", rule)) } } } }
        }
        button class="button primary wide" type="submit" { (t.choose_password) }
    };
    layout::bare(
        shell,
        t.setup,
        &html! {
            section class="panel" {
                h1 { (t.setup) }
                @if view.expired {
                    p { (t.link_expired) }
                    a class="button" href="/sign-in" { (t.sign_in) }
                } @else {
                    p class="lead" { (view.name) " · " (view.email) br; (view.organization) }
                    (form::summary(shell, &view.error, &[]))
                    (form::post(shell, &format!("/setup/{}", view.token), "form", &body))
                    @if !view.providers.is_empty() {
                        p class="hint" { (t.setup_provider) }
                        @for (words, href) in &view.providers { a class="button wide" href=(href) { (words) } }
                    }
                }
            }
        },
    )
}
