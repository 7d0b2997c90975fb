//! Exemptions from vaccination, as the clinic and the family see them: what was submitted and what became of it, the form, and deciding.

use super::{
    Shell,
    form::{self, Field, FieldMessage, Kind},
    i18n::codes,
    immunizations,
    parts::{self, Tone},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An exemption.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Exemption {
    pub id: String,
    pub kind: String,
    pub vaccine_groups: Vec<String>,
    pub issuer: Option<String>,
    pub number: Option<String>,
    pub document_id: Option<String>,
    pub valid_from: String,
    pub valid_until: Option<String>,
    pub status: String,
    pub row_version: i64,
}

/// Those of a student; in the last column what may be done with each.
#[must_use]
pub fn table(all: &[Exemption], shell: &Shell, act: impl Fn(&Exemption) -> Markup) -> Markup {
    let t = &shell.t().immunization;
    html! {
        @if all.is_empty() { p class="none" { (t.no_exemptions) } } @else {
            table class="grid plain stack" data-keys {
                (parts::heads_then(&[t.kind, t.covers, t.issuer, t.from, t.last_day, t.standing], t.act))
                tbody {
                    @for e in all {
                        tr {
                            th scope="row" { (codes::label(shell.locale, &e.kind)) }
                            td data-label=(t.covers) { (if e.vaccine_groups.is_empty() { t.all_groups.to_owned() } else { e.vaccine_groups.join(", ") }) }
                            td data-label=(t.issuer) { (e.issuer.as_deref().unwrap_or("–")) @if let Some(n) = &e.number { span class="sub" { (n) } } }
                            td data-label=(t.from) { (parts::date(shell, &e.valid_from)) }
                            td data-label=(t.last_day) { @if let Some(until) = &e.valid_until { (parts::date(shell, until)) } @else { "–" } }
                            td data-label=(t.standing) { (state(&e.status, shell)) }
                            td class="end" { (act(e)) }
                        }
                    }
                }
            }
        }
    }
}

fn state(status: &str, shell: &Shell) -> Markup {
    let tone = match status {
        "APPROVED" => Tone::Good,
        "SUBMITTED" => Tone::Warn,
        _ => Tone::Neutral,
    };
    parts::badge(shell, tone, &codes::label(shell.locale, status))
}

/// What may be done with one: approved or rejected while it waits, revoked afterwards.
#[must_use]
pub fn decide(e: &Exemption, student: &str, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let address = |verb: &str| format!("/students/{student}/exemptions/{}/{verb}", e.id);
    let with_reason = |verb: &str, label: &str| {
        let id = format!("why-{}", e.id);
        html! {
            details class="pick" {
                summary { (label) }
                (form::post(shell, &address(verb), "inline", &html! {
                    label for=(id) { (t.reason) }
                    input id=(id) name="reason" required maxlength="1000" autocomplete="off";
                    button class="button" type="submit" { (label) }
                }))
            }
        }
    };
    let number = format!("number-{}", e.id);
    html! {
        @match e.status.as_str() {
            "SUBMITTED" => {
                (form::post(shell, &address("approve"), "inline", &html! {
                    @if e.number.is_none() && e.document_id.is_none() {
                        label for=(number) { (t.number) }
                        input id=(number) name="number" required maxlength="100" autocomplete="off";
                    }
                    button class="button" type="submit" { (t.approve) }
                }))
                (with_reason("reject", t.reject))
            }
            "APPROVED" => (with_reason("revoke", t.revoke)),
            _ => {}
        }
    }
}

/// The form of a new one, with what was typed.
#[must_use]
pub fn form((values, errors): (&BTreeMap<String, String>, &[FieldMessage]), address: &str, shell: &Shell) -> Markup {
    let t = &shell.t().immunization;
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, &value(name)).check(errors);
    let fields = [
        immunizations::exemption_kind(t.kind, &value("kind")).check(errors),
        field("issuer", t.issuer, Kind::Text).required().hint(t.issuer_hint),
        field("number", t.number, Kind::Text).hint(t.number_hint),
        field("valid_from", t.from, Kind::Date).required(),
        field("valid_until", t.last_day, Kind::Date).hint(t.last_day_hint),
    ];
    let all: Vec<&Field> = fields.iter().collect();
    let body = html! {
        (form::summary(shell, "", &all))
        div class="form two" { @for f in &fields { (form::field(shell, f)) } }
        div class="actions" { button class="button primary" type="submit" { (t.submit) } }
    };
    parts::card("submit", t.submit, &html! {}, &parts::inside(&form::post(shell, address, "", &body)))
}
