//! The alert centre: what is open by urgency, one alert with what may be done about it and whom it was told, and what
//! somebody wants to be told of. Urgency is a word and a sign besides a colour. Signs of tampering have a page of their own
//! ([`super::alerts`]), to which an alert about them leads.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::{codes, fill},
    immunizations::refused,
    layout::{self, Head},
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Severities, the most urgent first.
pub const SEVERITIES: [&str; 6] = ["EMERGENCY", "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"];
/// What may be listed.
pub const STATUSES: [&str; 8] =
    ["OPEN", "ACTIVE", "ESCALATED", "ACKNOWLEDGED", "SNOOZED", "RESOLVED", "EXPIRED", "SUPPRESSED"];
/// Minutes for which an alert may be put off, as far as its severity lets it.
const SNOOZES: [u64; 5] = [15, 60, 240, 1440, 10_080];
/// Codes with which an alert is resolved.
const RESOLUTIONS: [&str; 4] = ["DONE", "FALSE_ALARM", "DUPLICATE", "NOT_NEEDED"];

/// The list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CenterView {
    /// The alerts, the most urgent first.
    pub alerts: Vec<Alert>,
    /// How many are open of each severity.
    pub open: BTreeMap<String, u64>,
    /// What was asked for.
    pub status: String,
    /// One severity, or all.
    pub severity: String,
    /// One category, or all.
    pub category: String,
    /// The alert whose children these are.
    pub parent: String,
    /// Whether the person keeps definitions.
    pub may_define: bool,
}

/// One alert.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Alert {
    pub id: String,
    pub severity: String,
    pub category: String,
    pub status: String,
    pub title: String,
    pub body: Option<String>,
    pub patient_id: Option<String>,
    pub school_name: Option<String>,
    pub first_seen: String,
    pub last_seen: String,
    pub occurrences: u64,
    pub escalation_level: u64,
    pub next_escalation_at: Option<String>,
    pub snoozed_until: Option<String>,
    pub acknowledged_at: Option<String>,
    pub acknowledged_by: Option<String>,
    pub ack_note: Option<String>,
    pub assigned_to: Option<String>,
    pub resolved_at: Option<String>,
    pub resolution_code: Option<String>,
    pub subject_ref: Option<String>,
    pub context: serde_json::Value,
    pub children: u64,
    pub deliveries: Vec<Delivery>,
}

/// One entry of the delivery log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Delivery {
    pub recipient_id: Option<String>,
    /// Whose it is, as it is shown.
    pub recipient: String,
    pub channel: String,
    pub attempt: u64,
    pub level: u64,
    pub status: String,
    pub suppression_reason: Option<String>,
    pub due_at: Option<String>,
    pub at: String,
}

/// One alert's page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertView {
    /// The alert.
    pub alert: Alert,
    /// Who acknowledged it.
    pub acknowledged_by: String,
    /// Who sees to it.
    pub assigned_to: String,
    /// Whether the person may act.
    pub may_act: bool,
    /// Where what it is about is shown.
    pub subject_href: String,
    /// Why the last act was refused.
    pub error: String,
    /// What was typed as the note.
    pub note: String,
}

/// What the person wants to be told of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriptionView {
    /// Values by name of field.
    pub values: BTreeMap<String, String>,
    /// What is wrong with them.
    pub errors: Vec<FieldMessage>,
    /// What belongs to no field.
    pub error: String,
    /// Whether there is a number that was confirmed.
    pub has_number: bool,
    /// Whether there is a device that is told by push.
    pub has_device: bool,
}

impl Alert {
    /// Whether it has not ended.
    fn is_open(&self) -> bool {
        ["ACTIVE", "ACKNOWLEDGED", "ESCALATED", "SNOOZED"].contains(&self.status.as_str())
    }
}

/// How a severity looks.
fn tone(severity: &str) -> Tone {
    match severity {
        "EMERGENCY" | "CRITICAL" => Tone::Bad,
        "HIGH" | "MEDIUM" => Tone::Warn,
        "LOW" => Tone::Info,
        _ => Tone::Neutral,
    }
}

/// A severity by word and sign.
#[must_use]
pub fn severity(shell: &Shell, severity: &str) -> Markup {
    parts::badge(shell, tone(severity), &codes::label(shell.locale, severity))
}

/// The list.
#[must_use]
pub fn render(view: &CenterView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    layout::page(
        shell,
        &Head::new(t.title),
        &html! {
            header class="page-head" {
                div { h1 { (t.title) } p class="lead" { (t.lead) } }
                div class="form-actions" {
                    a class="button quiet" href="/alerts/subscription" { (t.subscription) }
                    @if view.may_define {
                        a class="button quiet" href="/alerts/on-call" { (shell.t().on_call.title) }
                        a class="button quiet" href="/alerts/definitions" { (t.definitions) }
                    }
                }
            }
            (filters(view, shell))
            // Whatever changes for the person's notifications loads it anew, and so does time.
            div id="alerts-live" class="column" hx-get=(address(view)) hx-trigger="salus:news from:body, every 30s" hx-select="#alerts-live" hx-swap="outerHTML" {
                p class="lead" role="status" { (summary(view, shell)) }
                @if view.alerts.is_empty() { (parts::empty(t.none, t.none_hint, None)) }
                @for name in SEVERITIES {
                    @let of: Vec<&Alert> = view.alerts.iter().filter(|a| a.severity == name).collect();
                    @if !of.is_empty() {
                        (parts::card(name, &codes::label(shell.locale, name), &html! { span class="count" { (of.len()) } }, &table(&of, shell)))
                    }
                }
            }
        },
    )
}

/// The page's own address.
fn address(view: &CenterView) -> String {
    let pairs = [
        ("status", &view.status),
        ("severity", &view.severity),
        ("category", &view.category),
        ("parent_id", &view.parent),
    ];
    let pairs: Vec<String> = pairs.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={v}")).collect();
    if pairs.is_empty() { "/alerts".into() } else { format!("/alerts?{}", pairs.join("&")) }
}

fn summary(view: &CenterView, shell: &Shell) -> String {
    let open = SEVERITIES.iter().filter_map(|name| {
        let n = view.open.get(*name).filter(|n| **n > 0)?;
        Some(format!("{}: {n}", codes::label(shell.locale, name)))
    });
    let open: Vec<String> = open.collect();
    let t = &shell.t().alert_center;
    if open.is_empty() { t.nothing_open.to_owned() } else { format!("{} {}", t.open_now, open.join(" · ")) }
}

fn filters(view: &CenterView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let fields = [
        Field::new("status", t.status, Kind::Choice, &view.status).codes(&STATUSES).required(),
        Field::new("severity", t.severity, Kind::Choice, &view.severity).codes(&SEVERITIES),
        Field::new("category", t.category, Kind::Choice, &view.category).codes(&salus_domains::alerts::CATEGORIES),
    ];
    html! {
        form class="filters" method="get" action="/alerts" {
            @for field in &fields { (form::field(shell, field)) }
            div class="filter-actions" { button class="button" type="submit" { (t.show) } }
        }
    }
}

/// Where an alert stands; one that nobody has in hand is nothing good.
fn standing(shell: &Shell, status: &str) -> Markup {
    let t = &shell.t().alert_center;
    match status {
        "ACTIVE" => parts::badge(shell, Tone::Warn, t.unattended),
        "ESCALATED" => parts::badge(shell, Tone::Bad, &codes::label(shell.locale, status)),
        "ACKNOWLEDGED" => parts::badge(shell, Tone::Info, t.attended),
        "RESOLVED" => parts::badge(shell, Tone::Good, &codes::label(shell.locale, status)),
        _ => parts::badge(shell, Tone::Neutral, &codes::label(shell.locale, status)),
    }
}

fn table(alerts: &[&Alert], shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    html! {
        table class="grid plain stack" data-keys {
            (parts::heads(&[t.what, t.category, t.status, t.school, t.since]))
            tbody {
                @for a in alerts {
                    tr {
                        th scope="row" {
                            a href={ "/alerts/" (a.id) } { (a.title) }
                            span class="sub" {
                                (severity(shell, &a.severity))
                                @if a.occurrences > 1 { " " (fill(t.times, &[("n", &a.occurrences.to_string())])) }
                            }
                        }
                        td data-label=(t.category) { (codes::label(shell.locale, &a.category)) }
                        td data-label=(t.status) {
                            (standing(shell, &a.status))
                            @if a.escalation_level > 1 { span class="sub" { (fill(t.level, &[("n", &a.escalation_level.to_string())])) } }
                        }
                        td data-label=(t.school) { (a.school_name.as_deref().unwrap_or("–")) }
                        td data-label=(t.since) { (parts::moment(shell, &a.first_seen)) }
                    }
                }
            }
        }
    }
}

/// One alert.
#[must_use]
pub fn one(view: &AlertView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let a = &view.alert;
    layout::page(
        shell,
        &Head::new(t.one).under(t.title, "/alerts"),
        &html! {
            header class="page-head" {
                div { h1 { (a.title) } p class="lead" { (severity(shell, &a.severity)) " " (standing(shell, &a.status)) } }
                @if !view.subject_href.is_empty() { a class="button quiet" href=(view.subject_href) { (t.subject) } }
            }
            (refused(&view.error, shell))
            (parts::card("facts", t.facts, &html! {}, &facts(view, shell)))
            @if view.may_act && a.is_open() { (parts::card("act", t.act, &html! {}, &act(view, shell))) }
            (parts::card("told", t.told, &html! { span class="count" { (a.deliveries.len()) } }, &told(a, shell)))
        },
    )
}

fn facts(view: &AlertView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let a = &view.alert;
    let moment = |at: &Option<String>| html! { @if let Some(at) = at { (parts::moment(shell, at)) } };
    let mut rows = vec![
        (t.category, html! { (codes::label(shell.locale, &a.category)) }),
        (t.since, parts::moment(shell, &a.first_seen)),
        (
            t.last,
            html! { (parts::moment(shell, &a.last_seen)) " " (fill(t.times, &[("n", &a.occurrences.to_string())])) },
        ),
    ];
    if let Some(body) = &a.body {
        rows.push((t.body, html! { (body) }));
    }
    if a.acknowledged_at.is_some() {
        rows.push((t.in_hand, html! { (view.acknowledged_by) " " (moment(&a.acknowledged_at)) }));
    }
    if let Some(note) = &a.ack_note {
        rows.push((t.note, html! { (note) }));
    }
    if a.assigned_to.is_some() {
        rows.push((t.assigned, html! { (view.assigned_to) }));
    }
    if a.snoozed_until.is_some() {
        rows.push((t.snoozed, moment(&a.snoozed_until)));
    }
    if a.next_escalation_at.is_some() {
        rows.push((t.next, moment(&a.next_escalation_at)));
    }
    if a.resolved_at.is_some() {
        let code = codes::label(shell.locale, a.resolution_code.as_deref().unwrap_or_default());
        rows.push((t.resolved, html! { (code) " " (moment(&a.resolved_at)) }));
    }
    html! {
        (parts::facts(&rows))
        @if a.children > 0 || a.context.get("flapping").is_some() || a.title.starts_with("More than") {
            p class="card-note" { a href={ "/alerts?parent_id=" (a.id) } { (t.children) } }
        }
    }
}

fn act(view: &AlertView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let id = &view.alert.id;
    let to = |verb: &str| format!("/alerts/{id}/{verb}");
    html! {
        @if view.alert.status != "ACKNOWLEDGED" {
            (form::post(shell, &to("acknowledge"), "form", &html! {
                (form::field(shell, &Field::new("note", t.note, Kind::Text, &view.note).hint(t.note_hint)))
                div class="form-actions" { button class="button primary" type="submit" { (t.acknowledge) } }
            }))
        }
        (form::post(shell, &to("resolve"), "form", &html! {
            (form::field(shell, &Field::new("resolution_code", t.how, Kind::Choice, "DONE").codes(&RESOLUTIONS).required()))
            div class="form-actions" { button class="button" type="submit" { (t.resolve) } }
        }))
        @if view.alert.severity != "EMERGENCY" {
            (form::post(shell, &to("snooze"), "form", &html! {
                (form::field(shell, &Field { choices: snoozes(view, shell), ..Field::new("minutes", t.snooze_for, Kind::Choice, "15").required() }))
                div class="form-actions" { button class="button" type="submit" { (t.snooze) } }
            }))
        }
        div class="form-actions" {
            (form::post(shell, &to("assign"), "inline", &html! { button class="button quiet" type="submit" { (t.take) } }))
            (form::post(shell, &to("escalate"), "inline", &html! { button class="button quiet" type="submit" { (t.escalate) } }))
        }
    }
}

/// For how long an alert of this severity may be put off.
fn snoozes(view: &AlertView, shell: &Shell) -> Vec<(String, String)> {
    let t = &shell.t().alert_center;
    let most = match view.alert.severity.as_str() {
        "CRITICAL" => 60,
        "HIGH" => 240,
        "MEDIUM" => 1440,
        _ => 10_080,
    };
    let words = |minutes: u64| match minutes {
        15 => t.minutes_15,
        60 => t.hour_1,
        240 => t.hours_4,
        1440 => t.day_1,
        _ => t.days_7,
    };
    SNOOZES.into_iter().filter(|m| *m <= most).map(|m| (m.to_string(), words(m).to_owned())).collect()
}

fn told(a: &Alert, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    html! {
        @if a.deliveries.is_empty() { p class="none" { (t.told_nobody) } } @else {
            table class="grid plain stack" {
                (parts::heads(&[t.whom, t.way, t.status, t.at]))
                tbody {
                    @for d in &a.deliveries {
                        tr {
                            th scope="row" {
                                (d.recipient)
                                span class="sub" { (fill(t.level, &[("n", &d.level.to_string())])) }
                            }
                            td data-label=(t.way) { (codes::label(shell.locale, &d.channel)) }
                            td data-label=(t.status) {
                                (parts::status(shell, &d.status))
                                @if let Some(why) = &d.suppression_reason { span class="sub" { (codes::label(shell.locale, &why.to_uppercase())) } }
                                @if d.attempt > 1 { span class="sub" { (fill(t.attempt, &[("n", &d.attempt.to_string())])) } }
                            }
                            td data-label=(t.at) {
                                @match (&d.due_at, d.status.as_str()) {
                                    (Some(due), "QUEUED") => { (t.held_until) " " (parts::moment(shell, due)) }
                                    _ => (parts::moment(shell, &d.at)),
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the person wants to be told of.
#[must_use]
pub fn subscription(view: &SubscriptionView, shell: &Shell) -> Markup {
    let t = &shell.t().alert_center;
    let value = |name: &str| view.values.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, value(name)).check(&view.errors);
    let mut sms = field("sms", t.by_sms, Kind::Flag);
    if !view.has_number {
        sms = sms.hint(t.no_number);
    }
    let mut push = field("push", t.by_push, Kind::Flag);
    if !view.has_device {
        push = push.hint(t.no_device);
    }
    let mut least = field("min_severity", t.least, Kind::Choice);
    least.choices = [("", t.all)].map(|(v, l)| (v.to_owned(), l.to_owned())).to_vec();
    least.choices.extend(["LOW", "MEDIUM", "HIGH", "CRITICAL"].map(|s| (s.to_owned(), String::new())));
    let fields = [
        field("email", t.by_email, Kind::Flag),
        sms,
        push,
        least.hint(t.least_hint),
        field("digest", t.digest, Kind::Choice).codes(&["IMMEDIATE", "HOURLY", "DAILY"]).hint(t.digest_hint),
        field("quiet_from", t.quiet_from, Kind::Text).hint(t.quiet_hint),
        field("quiet_to", t.quiet_to, Kind::Text),
        field("timezone", t.timezone, Kind::Text),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    layout::page(
        shell,
        &Head::new(t.subscription).under(t.title, "/alerts"),
        &html! {
            header class="page-head" { div { h1 { (t.subscription) } p class="lead" { (t.subscription_lead) } } }
            (form::summary(shell, &view.error, &all))
            (parts::card("subscription", t.how_told, &html! {}, &form::post(shell, "/alerts/subscription", "form", &html! {
                @for field in &fields { (form::field(shell, field)) }
                div class="form-actions" { button class="button primary" type="submit" { (t.save) } }
            })))
        },
    )
}
