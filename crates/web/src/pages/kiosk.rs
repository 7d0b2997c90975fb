//! A page for a tablet at the clinic's door: a student says who they are, then why they came. It shows nothing of anybody but the first
//! letter of a name, for ten seconds, and goes back to its beginning when nobody touches it.

use super::{
    Shell,
    i18n::{Locale, codes},
    layout,
    parts::Tone,
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The reasons that are offered at the door. What one would rather say to a nurse is something else.
pub const REASONS: [&str; 11] = [
    "STOMACH",
    "HEADACHE",
    "INJURY",
    "FEVER",
    "MEDICATION",
    "ASTHMA",
    "DIABETES_CARE",
    "NOSEBLEED",
    "RASH",
    "DENTAL",
    "OTHER",
];

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KioskView {
    /// Who was found, sealed: they choose a reason now.
    pub who: String,
    /// Makes sending it twice one visit.
    pub client_ref: String,
    /// `WAITING` or `ALREADY_HERE`, once they are on the list.
    pub status: String,
    /// The first letter of their name.
    pub initial: String,
    /// `not_found`, `wait` or `broken`.
    pub error: String,
}

/// The page.
#[must_use]
pub fn render(view: &KioskView, shell: &Shell) -> Markup {
    let t = &shell.t().kiosk;
    let begun = !view.status.is_empty() || !view.who.is_empty() || !view.error.is_empty();
    layout::alone(
        shell,
        t.title,
        &html! {
            main id="main" class="kiosk" data-idle="/kiosk" data-begun[begun] {
                (languages(shell))
                @if !view.status.is_empty() { (done(view, shell)) }
                @else if !view.who.is_empty() { (reasons(view, shell)) }
                @else { (identity(view, shell)) }
            }
        },
    )
}

fn languages(shell: &Shell) -> Markup {
    html! {
        form class="languages" method="post" action="/preferences" aria-label=(shell.t().ui.language) {
            (layout::csrf(shell))
            input type="hidden" name="return_to" value="/kiosk";
            @for locale in Locale::ALL {
                button class="button" type="submit" name="language" value=(locale.tag()) lang=(locale.tag())
                    aria-pressed=(if locale == shell.locale { "true" } else { "false" }) { (locale.name()) }
            }
        }
    }
}

fn identity(view: &KioskView, shell: &Shell) -> Markup {
    let t = &shell.t().kiosk;
    let error = match view.error.as_str() {
        "" => "",
        "not_found" => t.not_found,
        "wait" => t.wait,
        _ => t.broken,
    };
    html! {
        h1 { (t.who) }
        @if !error.is_empty() { div class="flash tone-bad" role="alert" { (Tone::Bad.sign(shell)) div { (error) } } }
        form method="post" action="/kiosk" autocomplete="off" {
            (layout::csrf(shell))
            label for="badge" { (t.badge) }
            input id="badge" name="badge" type="text" inputmode="numeric" maxlength="40" autocomplete="off" autofocus data-scan;
            p class="or" { (t.or) }
            label for="name" { (t.name) }
            input id="name" name="name" type="text" maxlength="100" autocomplete="off" spellcheck="false";
            div class="birthday" {
                @for (id, label) in [("month", t.month), ("day", t.day)] {
                    div {
                        label for=(id) { (label) }
                        input id=(id) name=(id) type="text" inputmode="numeric" pattern="[0-9]{1,2}" maxlength="2" autocomplete="off";
                    }
                }
            }
            button class="button primary" type="submit" { (t.next) }
        }
    }
}

fn reasons(view: &KioskView, shell: &Shell) -> Markup {
    let t = &shell.t().kiosk;
    html! {
        h1 { (t.why) }
        form class="choices" method="post" action="/kiosk" {
            (layout::csrf(shell))
            input type="hidden" name="who" value=(view.who);
            input type="hidden" name="client_ref" value=(view.client_ref);
            @for reason in REASONS {
                button class="button" type="submit" name="reason" value=(reason) { (codes::label(shell.locale, reason)) }
            }
        }
        a class="button quiet" href="/kiosk" { (t.back) }
    }
}

fn done(view: &KioskView, shell: &Shell) -> Markup {
    let t = &shell.t().kiosk;
    html! {
        div class="done" role="status" {
            @if !view.initial.is_empty() { p class="initial" { (view.initial) "." } }
            h1 { (if view.status == "WAITING" { t.listed } else { t.already }) }
            p { (t.sit) }
        }
        a class="button primary" href="/kiosk" { (t.another) }
    }
}
