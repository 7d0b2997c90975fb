//! Webhooks: which systems are told of events, and what became of the latest calls.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::format,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// The page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhooksView {
    /// Subscriptions.
    pub rows: Vec<Subscription>,
    /// Latest calls, newest first.
    pub deliveries: Vec<Delivery>,
    /// Events there are.
    pub published: Vec<String>,
    /// Whether the person may change them.
    pub may_manage: bool,
    /// What was entered for a new one.
    pub form: Subscription,
    /// What is wrong with it.
    pub errors: Vec<FieldMessage>,
    /// The same as a whole.
    pub general: String,
    /// The secret just made: shown this once.
    pub secret: String,
}

/// One system that is told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Subscription {
    pub id: String,
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub is_active: bool,
}

/// One call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Delivery {
    pub created_at: String,
    pub receiver: String,
    pub event: String,
    pub state: String,
    pub attempts: u64,
    /// HTTP status of the last answer, or why there was none.
    pub answer: String,
}

/// The page. Forms: POST `/webhooks` with `name`, `url` and `event.NAME`; POST `/webhooks/{id}` with `is_active`.
#[must_use]
pub fn render(view: &WebhooksView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    layout::page(
        shell,
        &Head::new(t.webhooks),
        &html! {
            header class="page-head" { div { h1 { (t.webhooks) } p class="lead" { (t.webhooks_lead) } } }
            @if !view.secret.is_empty() {
                div class="flash tone-good created" role="alert" {
                    (Tone::Good.sign(shell))
                    div { p { strong { (t.signing) } } p { code class="secret" { (view.secret) } } p { (t.signing_hint) } }
                }
            }
            @if view.rows.is_empty() { (parts::empty(t.no_webhook, "", None)) } @else {
                (parts::card("webhooks", t.webhooks, &html! {}, &list(view, shell)))
            }
            @if !view.deliveries.is_empty() { (parts::card("deliveries", t.deliveries, &html! {}, &deliveries(view, shell))) }
            @if view.may_manage { (parts::card("add", t.add_webhook, &html! {}, &add(view, shell))) }
        },
    )
}

fn list(view: &WebhooksView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    html! {
        table class="grid plain stack" {
            (parts::heads_then(&[t.name, t.url, t.events], t.active))
            tbody {
                @for s in &view.rows {
                    tr {
                        th scope="row" { (s.name) }
                        td data-label=(t.url) { span class="id" { (s.url) } }
                        td data-label=(t.events) {
                            @if s.events.is_empty() { span class="muted" { (t.all_events) } } @else {
                                span class="chips" { @for e in &s.events { code class="chip" { (e) } } }
                            }
                        }
                        td class="end" {
                            @if s.is_active { (parts::badge(shell, Tone::Good, t.active)) } @else { (parts::badge(shell, Tone::Neutral, t.unused)) }
                            @if view.may_manage {
                                (form::post(shell, &format!("/webhooks/{}", s.id), "inline", &html! {
                                    input type="hidden" name="is_active" value=(!s.is_active);
                                    button class="button quiet" type="submit" {
                                        (if s.is_active { t.cease } else { t.begin }) span class="unseen" { " " (s.name) }
                                    }
                                }))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn deliveries(view: &WebhooksView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    let n = &shell.t().notices;
    html! {
        table class="grid plain stack" {
            (parts::heads(&[n.when, t.receiver, t.events, n.state, t.attempts, t.answer]))
            tbody {
                @for d in &view.deliveries {
                    tr {
                        th scope="row" { (parts::moment(shell, &d.created_at)) }
                        td data-label=(t.receiver) { (d.receiver) }
                        td data-label=(t.events) { code { (d.event) } }
                        td data-label=(n.state) { (parts::status(shell, &d.state)) }
                        td data-label=(t.attempts) class="num" { (format::count(shell.locale, d.attempts)) }
                        td data-label=(t.answer) { @if d.answer.is_empty() { "–" } @else { code { (d.answer) } } }
                    }
                }
            }
        }
    }
}

fn add(view: &WebhooksView, shell: &Shell) -> Markup {
    let t = &shell.t().connections;
    let fields = [
        Field::new("name", t.name, Kind::Text, &view.form.name).required(),
        Field::new("url", t.url, Kind::Text, &view.form.url).required().hint(t.url_hint),
    ]
    .map(|f| f.check(&view.errors));
    let body = html! {
        (form::summary(shell, &view.general, &fields.iter().collect::<Vec<_>>()))
        @for f in &fields { (form::field(shell, f)) }
        fieldset class="ticks" {
            legend { (t.events) }
            p class="hint" { (t.events_hint) }
            @for event in &view.published {
                @let on = if view.form.events.contains(event) { "true" } else { "" };
                (form::field(shell, &Field::new(&format!("event.{event}"), event, Kind::Flag, on)))
            }
        }
        div class="form-actions" { button class="button primary" type="submit" { (t.add_webhook) } }
    };
    form::post(shell, "/webhooks", "form", &body)
}
