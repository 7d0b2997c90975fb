//! A user's notifications with their choices, and what was sent outside the pages.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    layout::{self, Head},
    parts::{self, Tone},
};
use crate::assets;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page of notifications.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NoticesView {
    /// The latest, newest first.
    pub items: Vec<Notice>,
    /// Whether e-mail is wanted.
    pub by_email: bool,
    /// Whether SMS is wanted.
    pub by_sms: bool,
    /// Whether push is wanted.
    pub by_push: bool,
    /// The telephone number.
    pub phone: String,
    /// What is wrong with the choices.
    pub errors: Vec<FieldMessage>,
    /// The person's devices.
    pub devices: Devices,
}

/// What is told by push.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Devices {
    /// Those that are on, oldest first.
    pub on: Vec<Device>,
    /// The key that browsers subscribe with.
    pub key: String,
    /// Whether messages are really sent.
    pub works: bool,
    /// Why one was not turned on.
    pub error: String,
}

/// A device that is told by push.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Id.
    pub id: String,
    /// Browser and system.
    pub label: String,
    /// SHA-256 of its address, in hex.
    pub hash: String,
    /// ISO 8601.
    pub since: String,
    /// ISO 8601; empty for never.
    pub told_at: String,
    /// Whether the last attempts failed.
    pub is_failing: bool,
}

/// One notification.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Notice {
    /// Id.
    pub id: String,
    /// The line it is shown by.
    pub title: String,
    /// Where it leads; empty for nowhere.
    pub href: String,
    /// ISO 8601.
    pub at: String,
    /// Whether it was read.
    pub is_read: bool,
}

/// The page. Forms: POST `/notifications/read` (`id`, or none for all), `/notifications/choices`, `/notifications/test`,
/// `/notifications/devices` (what the browser gave its script), `/notifications/devices/remove` (`id`).
#[must_use]
pub fn render(view: &NoticesView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let unread = view.items.iter().any(|n| !n.is_read);
    let all = html! { button class="button" type="submit" { (t.mark_all) } };
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (t.lead) } }
                @if unread { (form::post(shell, "/notifications/read", "inline", &all)) }
            }
            @if view.items.is_empty() { (parts::empty(t.none, "", None)) } @else { (list(view, shell)) }
            (parts::card("choices", t.choices, &html! {}, &choices(view, shell)))
            (parts::card("devices", t.devices, &html! {}, &devices(&view.devices, shell)))
            script src=(assets::url("salus-push.js")) type="module" {}
        },
    )
}

fn list(view: &NoticesView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    html! {
        div class="card" {
            table class="grid plain stack" {
                (parts::heads_then(&[t.title, t.when], t.state))
                tbody {
                    @for n in &view.items {
                        tr {
                            th scope="row" { @if n.href.is_empty() { (n.title) } @else { a href=(n.href) { (n.title) } } }
                            td data-label=(t.when) { (parts::moment(shell, &n.at)) }
                            td class="end" {
                                @if !n.is_read {
                                    (parts::badge(shell, Tone::Info, t.new))
                                    (form::post(shell, "/notifications/read", "inline", &html! {
                                        input type="hidden" name="id" value=(n.id);
                                        button class="button quiet" type="submit" { (t.mark) span class="unseen" { ": " (n.title) } }
                                    }))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn choices(view: &NoticesView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let flag = |on: bool| if on { "true" } else { "" };
    let fields = [
        Field::new("email", t.by_email, Kind::Flag, flag(view.by_email)),
        Field::new("sms", t.by_sms, Kind::Flag, flag(view.by_sms)),
        Field::new("push", t.by_push, Kind::Flag, flag(view.by_push)),
        Field::new("address", t.phone, Kind::Phone, &view.phone).hint(t.phone_hint).autocomplete("tel"),
    ]
    .map(|f| f.check(&view.errors));
    let body = html! {
        @for f in &fields { (form::field(shell, f)) }
        div class="form-actions" { button class="button primary" type="submit" { (shell.t().ui.save) } }
    };
    html! {
        p class="card-note" { (t.choices_note) }
        (form::post(shell, "/notifications/choices", "form two", &body))
        (form::post(shell, "/notifications/test", "form", &html! {
            div class="form-actions" { button class="button" type="submit" { (t.test) } }
        }))
    }
}

/// Devices that are told by push. The script shows the button where the browser knows push, and marks its own row.
fn devices(view: &Devices, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    html! {
        p class="card-note" { (t.devices_note) @if !view.works { " " (t.devices_nobody) } }
        @if view.on.is_empty() { p class="card-note" { (t.devices_none) } } @else {
            table class="grid plain stack" {
                (parts::heads_then(&[t.device, t.device_since, t.device_told], t.state))
                tbody { @for device in &view.on { (row(device, shell)) } }
            }
        }
        (form::post(shell, "/notifications/devices", "form", &html! {
            @for name in ["endpoint", "p256dh", "auth"] { input type="hidden" name=(name); }
            (form::summary(shell, &view.error, &[]))
            p class="error" role="alert" hidden data-push-words data-absent=(t.device_absent) data-denied=(t.device_denied) data-failed=(t.device_failed) {}
            noscript { p { (t.device_script) } }
            div class="form-actions" {
                button class="button" type="button" hidden data-push=(view.key) data-worker="/worker.js" { (t.device_on) }
            }
        }))
    }
}

fn row(device: &Device, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    html! {
        tr data-device=(device.hash) {
            th scope="row" { (device.label) span hidden data-own { " " (parts::badge(shell, Tone::Info, t.device_own)) } }
            td data-label=(t.device_since) { (parts::moment(shell, &device.since)) }
            td data-label=(t.device_told) {
                @if device.told_at.is_empty() { (t.never) } @else { (parts::moment(shell, &device.told_at)) }
                @if device.is_failing { " " (parts::badge(shell, Tone::Warn, t.device_failing)) }
            }
            td class="end" {
                (form::post(shell, "/notifications/devices/remove", "inline", &html! {
                    input type="hidden" name="id" value=(device.id);
                    button class="button quiet" type="submit" { (t.device_off) span class="unseen" { ": " (device.label) } }
                }))
            }
        }
    }
}

/// The page of what was sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutgoingView {
    /// Newest first.
    pub rows: Vec<Sent>,
    /// Neighbouring pages.
    pub pager: parts::Pager,
}

/// One message.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sent {
    /// Id.
    pub id: String,
    /// `email`, `sms` or `push`.
    pub medium: String,
    /// What became of it.
    pub state: String,
    /// ISO 8601.
    pub at: String,
    /// Whether the simulator kept the words.
    pub is_kept: bool,
}

/// The page.
#[must_use]
pub fn outgoing(view: &OutgoingView, shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    layout::page(
        shell,
        &Head::new(t.outgoing),
        &html! {
            header class="page-head" { div { h1 { (t.outgoing) } p class="lead" { (t.outgoing_lead) } } }
            @if view.rows.is_empty() { (parts::empty(t.no_outgoing, "", None)) } @else {
                div class="card" {
                    table class="grid plain stack" {
                        (parts::heads(&[t.when, t.medium, t.state, t.letter]))
                        tbody {
                            @for sent in &view.rows {
                                tr {
                                    th scope="row" { (parts::moment(shell, &sent.at)) }
                                    td data-label=(t.medium) { (medium(shell, &sent.medium)) }
                                    td data-label=(t.state) { (parts::status(shell, &sent.state)) }
                                    td data-label=(t.letter) class="letter" {
                                        @if sent.is_kept {
                                            (parts::masked(shell, &format!("/browse/auth/deliveries/{}/open/letter", sent.id), t.letter))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                (parts::pager(shell, &view.pager, view.rows.len()))
            }
        },
    )
}

fn medium<'a>(shell: &Shell, name: &'a str) -> &'a str {
    match name {
        "email" => shell.t().ui.email,
        "sms" => "SMS",
        "push" => "Push",
        other => other,
    }
}
