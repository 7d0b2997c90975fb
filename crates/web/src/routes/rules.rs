//! The tenant's rules for sign-in, and what the simulator of messages would have sent.

use super::{
    frame::{Form, PageError, Shown, Visit, html, messages},
    home::json_of,
};
use crate::pages::{
    layout::{self, Head},
    parts,
    rules::{self, Rule, RulesView},
};
use axum::{http::StatusCode, response::IntoResponse};
use maud::html as markup;
use salus_core::Error;
use salus_store::Call;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// GET `/security-configuration`.
pub async fn show(visit: Visit) -> Shown {
    let view = RulesView { rules: held(&visit).await?, ..RulesView::default() };
    Ok(html(&rules::render(&RulesView { may_change: visit.ctx.may("kernel.setting.write"), ..view }, &visit.shell)))
}

/// Every rule with what holds and what the offered sets have.
async fn held(visit: &Visit) -> Result<Vec<Rule>, PageError> {
    let told = json_of(visit.call("auth.security_configuration.get", Call::default()).await?);
    let members = told["configuration"].as_object().cloned().unwrap_or_default();
    let of = |set: &str, name: &str| said(&told["profiles"][set][name]);
    let rule = |(name, value): (&String, &Value)| Rule {
        name: name.clone(),
        kind: kind(value).to_owned(),
        value: said(value),
        current_standard: of("current-standard", name),
        system_003: of("system-003", name),
    };
    Ok(members.iter().map(rule).collect())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "flag",
        Value::Array(_) => "list",
        _ => "number",
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// POST `/security-configuration`.
pub async fn change(Form { visit, fields }: Form) -> Shown {
    let rules = held(&visit).await?;
    let body = match fields.get("profile") {
        Some(profile) => {
            let told = json_of(visit.call("auth.security_configuration.get", Call::default()).await?);
            let offered = told["profiles"][profile.as_str()].as_object().cloned();
            Value::Object(offered.ok_or_else(|| visit.error(Error::NotFound))?)
        }
        None => sent(&rules, &fields),
    };
    match visit.try_call("auth.security_configuration.change", Call { body, ..Call::default() }).await {
        Ok(_) => {
            let view =
                RulesView { rules: held(&visit).await?, may_change: true, changed: true, ..RulesView::default() };
            Ok(html(&rules::render(&view, &visit.shell)))
        }
        Err(e @ Error::Invalid(_)) => {
            let errors = messages(visit.shell.locale, &e).0;
            let typed = |rule: Rule| match fields.get(&rule.name) {
                Some(value) => Rule { value: value.clone(), ..rule },
                None => rule,
            };
            let rules = rules.into_iter().map(typed).collect();
            let view = RulesView { rules, may_change: true, errors, ..RulesView::default() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&rules::render(&view, &visit.shell))).into_response())
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// A form's fields as the rules they are; a number that is none stays a text and is refused by its name.
fn sent(rules: &[Rule], fields: &BTreeMap<String, String>) -> Value {
    let mut body = Map::new();
    for rule in rules {
        let text = fields.get(&rule.name).map(|v| v.trim()).unwrap_or_default();
        let value = match rule.kind.as_str() {
            "flag" => json!(text == "true"),
            "list" => text.lines().map(str::trim).filter(|l| !l.is_empty()).collect(),
            _ => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
        };
        body.insert(rule.name.clone(), value);
    }
    Value::Object(body)
}

/// GET `/simulator`: what would have been sent, for whoever manages users of a demonstration.
pub async fn simulator(visit: Visit) -> Shown {
    let Some(simulator) = visit.app.simulator.clone() else { return Err(visit.error(Error::NotFound)) };
    visit.must("auth.user.manage")?;
    let s = &visit.shell.t().security;
    let sent = simulator.sent();
    let body = markup! {
        header class="page-head" { div { h1 { (s.sent_title) } p class="lead" { (s.sent_lead) } } }
        @if sent.is_empty() { (parts::empty(s.nothing_sent, "", None)) }
        @for message in &sent { p { strong { (message.channel.name()) " · " (message.address) } br; (message.text) } }
    };
    Ok(html(&layout::page(&visit.shell, &Head::new(s.sent_title), &body)))
}
