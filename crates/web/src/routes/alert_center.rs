//! The alert centre: what is open, one alert with what is done about it, how the person is told, and definitions.

use super::{
    frame::{Form, PageError, Params, Shown, Visit, by_id, filled, first_word, html, is_told, messages, refused},
    home::{items, json_of, with_query},
};
use crate::pages::{
    alert_center::{self as pages, Alert, AlertView, CenterView, SEVERITIES, STATUSES, SubscriptionView},
    alert_rules::{self, RulesView},
    form::FieldMessage,
    i18n::fill,
    layout::Flash,
    parts::Tone,
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_domains::{alerts::CATEGORIES, auth};
use salus_store::Call;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// GET `/alerts`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str, known: &[&str]| {
        query.get(name).cloned().filter(|v| known.contains(&v.as_str())).unwrap_or_default()
    };
    let status = Some(get("status", &STATUSES)).filter(|s| !s.is_empty()).unwrap_or_else(|| "OPEN".into());
    let (severity, category) = (get("severity", &SEVERITIES), get("category", &CATEGORIES));
    let parent = query.get("parent_id").filter(|p| p.parse::<Uuid>().is_ok()).cloned().unwrap_or_default();
    let wanted = [("status", &*status), ("severity", &*severity), ("category", &*category), ("parent_id", &*parent)];
    let told = json_of(visit.call("alerts.alert.live", with_query(Call::default(), &wanted)).await?);
    let mut view = CenterView {
        alerts: read(&visit, items(&told, "alerts"))?,
        open: serde_json::from_value(told["open"].clone()).map_err(|e| visit.error(Error::internal(e)))?,
        severity,
        category,
        parent,
        may_define: visit.ctx.may("ops.alert.define"),
        ..CenterView::default()
    };
    view.status = status;
    Ok(html(&pages::render(&view, &visit.shell)))
}

fn read(visit: &Visit, rows: Vec<Value>) -> Result<Vec<Alert>, PageError> {
    rows.into_iter().map(|row| visit.view(row)).collect()
}

/// GET `/alerts/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = load(&visit, &id).await?;
    Ok(html(&pages::one(&view, &visit.shell)))
}

async fn load(visit: &Visit, id: &str) -> Result<AlertView, PageError> {
    let mut told = json_of(visit.call("alerts.alert.show", by_id(id)).await?);
    // A view leaves out what is null, also within a list.
    for delivery in told["deliveries"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        delivery.retain(|_, member| !member.is_null());
    }
    let mut view = AlertView { alert: visit.view(told)?, ..AlertView::default() };
    let named = |id: &Option<String>| id.as_ref().and_then(|id| id.parse::<Uuid>().ok());
    let alert = &mut view.alert;
    let ids = alert.deliveries.iter().filter_map(|d| named(&d.recipient_id));
    let ids: Vec<Uuid> = ids.chain(named(&alert.acknowledged_by)).chain(named(&alert.assigned_to)).collect();
    let people = names(visit, ids).await?;
    let name = |id: &Option<String>| {
        let found = named(id).and_then(|id| people.get(&id).cloned());
        found.unwrap_or_else(|| visit.shell.t().alert_center.somebody.to_owned())
    };
    for delivery in &mut alert.deliveries {
        delivery.recipient = name(&delivery.recipient_id);
    }
    view.acknowledged_by = name(&alert.acknowledged_by);
    view.assigned_to = name(&alert.assigned_to);
    view.may_act = visit.ctx.may("ops.alert.ack");
    view.subject_href = subject(visit, alert);
    Ok(view)
}

/// Names of colleagues; only for who may see them.
async fn names(visit: &Visit, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, String>, PageError> {
    let mut known = BTreeMap::new();
    if let Some(person) = visit.shell.person.as_ref().filter(|p| !p.name.is_empty()) {
        known.insert(visit.ctx.actor.id, person.name.clone());
    }
    if !visit.ctx.may("auth.user.read") || ids.is_empty() {
        return Ok(known);
    }
    let read = async {
        let mut tx = visit.app.db.begin(visit.ctx.clone(), true).await?;
        let names = auth::display_names(&mut tx, ids.into_iter()).await?;
        tx.commit("auth.user.read_names", "auth.users").await?;
        Ok::<_, Error>(names)
    };
    known.extend(read.await.map_err(|e| visit.error(e))?);
    Ok(known)
}

/// Where what an alert is about is shown.
fn subject(visit: &Visit, alert: &Alert) -> String {
    let id = alert.subject_ref.as_deref().filter(|id| id.parse::<Uuid>().is_ok());
    match (alert.context["event"].as_str(), alert.category.as_str(), id) {
        (Some("school.dose.missed"), _, Some(id)) => format!("/medications/doses/{id}"),
        (Some("school.visit.long" | "school.visit.emergency"), _, Some(id)) => format!("/clinic/visits/{id}"),
        (Some("school.inhaler.frequent"), _, Some(id)) => format!("/students/{id}"),
        (Some("school.medication_error.harm"), _, Some(id)) => format!("/medications/errors#error-{id}"),
        (_, "OUTBREAK", Some(id)) => format!("/outbreaks/{id}"),
        (_, "SECURITY", _) if visit.ctx.may("audit.log.read") => "/audit/alerts".into(),
        _ => String::new(),
    }
}

/// POST `/alerts/{id}/{verb}`.
pub async fn act(Path((id, verb)): Path<(String, String)>, Form { visit, fields }: Form) -> Shown {
    let text = |name: &str| filled(&fields, name);
    let (op, body) = match verb.as_str() {
        "acknowledge" => ("alerts.alert.acknowledge", json!({"note": text("note")})),
        "resolve" => ("alerts.alert.resolve", json!({"resolution_code": text("resolution_code")})),
        "snooze" => {
            let minutes = text("minutes").and_then(|m| m.parse::<i64>().ok());
            ("alerts.alert.resolve", json!({"action": "snooze", "minutes": minutes}))
        }
        "assign" => ("alerts.alert.resolve", json!({"action": "assign"})),
        "escalate" => ("alerts.alert.resolve", json!({"action": "escalate"})),
        _ => return Err(visit.error(Error::NotFound)),
    };
    match visit.try_call(op, Call { body, ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/alerts/{id}")).into_response()),
        Err(e) if is_told(&e) => {
            let mut view = load(&visit, &id).await?;
            view.error = first_word(visit.shell.locale, &e);
            view.note = fields.get("note").cloned().unwrap_or_default();
            Ok(refused(&e, &pages::one(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// GET `/alerts/subscription`.
pub async fn subscription(visit: Visit, Query(query): Params) -> Shown {
    let mut visit = visit;
    if query.contains_key("kept") {
        let text = visit.shell.t().alert_center.kept.to_owned();
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let told = json_of(visit.call("alerts.subscription.own", Call::default()).await?);
    let own = &told["own"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let has = |channel: &str| own["channels"].as_array().is_some_and(|all| all.iter().any(|c| c == channel));
    let mail = own.is_null() || has("EMAIL");
    let zone = text(&own["quiet_hours"]["timezone"]);
    let values = [
        ("email", mail.to_string()),
        ("sms", has("SMS").to_string()),
        ("push", has("PUSH").to_string()),
        ("min_severity", text(&own["filter"]["min_severity"])),
        ("digest", Some(text(&own["digest"])).filter(|d| !d.is_empty()).unwrap_or_else(|| "IMMEDIATE".into())),
        ("quiet_from", text(&own["quiet_hours"]["from"])),
        ("quiet_to", text(&own["quiet_hours"]["to"])),
        ("timezone", if zone.is_empty() { visit.shell.zone.name().to_owned() } else { zone }),
    ];
    let view = SubscriptionView {
        values: values.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        has_number: told["has_confirmed_number"] == json!(true),
        has_device: told["has_device"] == json!(true),
        ..SubscriptionView::default()
    };
    Ok(html(&pages::subscription(&view, &visit.shell)))
}

/// POST `/alerts/subscription`.
pub async fn subscribe(Form { visit, fields }: Form) -> Shown {
    let on = |name: &str| fields.get(name).is_some_and(|v| !matches!(v.as_str(), "" | "false"));
    let mut channels = vec!["IN_APP"];
    channels.extend(on("email").then_some("EMAIL"));
    channels.extend(on("sms").then_some("SMS"));
    channels.extend(on("push").then_some("PUSH"));
    let mut body = json!({"channels": channels, "filter": {}, "quiet_hours": null});
    if let Some(least) = filled(&fields, "min_severity") {
        body["filter"]["min_severity"] = json!(least);
    }
    if let Some(digest) = filled(&fields, "digest") {
        body["digest"] = json!(digest);
    }
    if filled(&fields, "quiet_from").is_some() || filled(&fields, "quiet_to").is_some() {
        let of = |name: &str| filled(&fields, name).unwrap_or_default();
        body["quiet_hours"] = json!({"from": of("quiet_from"), "to": of("quiet_to"), "timezone": of("timezone")});
    }
    match visit.try_call("alerts.subscription.keep", Call { body, ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to("/alerts/subscription?kept=1").into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let (errors, error) = messages(visit.shell.locale, &e);
            let told = json_of(visit.call("alerts.subscription.own", Call::default()).await?);
            let has_number = told["has_confirmed_number"] == json!(true);
            let has_device = told["has_device"] == json!(true);
            let place = |e: FieldMessage| {
                let field = match e.field.as_str() {
                    // Of two ways that cannot be used the number is asked for first.
                    "channels" if has_number || !on("sms") => "push".to_owned(),
                    "channels" => "sms".to_owned(),
                    "quiet_hours" => "quiet_from".to_owned(),
                    other => other.trim_start_matches("filter/").to_owned(),
                };
                FieldMessage { field, ..e }
            };
            let errors = errors.into_iter().map(place).collect();
            let view = SubscriptionView { values: fields, errors, error, has_number, has_device };
            Ok(refused(&e, &pages::subscription(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// GET `/alerts/definitions`.
pub async fn definitions(visit: Visit, Query(query): Params) -> Shown {
    let (mut view, all) = rules(&visit).await?;
    view.values.insert("enabled".into(), "true".into());
    if let Some(found) = query.get("code").and_then(|code| all.iter().find(|d| d["code"] == **code)) {
        for name in ["code", "name", "category", "severity", "source"] {
            view.values.insert(name.into(), found[name].as_str().unwrap_or_default().to_owned());
        }
        for name in ["condition", "audience", "escalation"] {
            let empty =
                found[name].as_object().is_some_and(Map::is_empty) || found[name].as_array().is_some_and(Vec::is_empty);
            if !empty && !found[name].is_null() {
                view.values.insert(name.into(), found[name].to_string());
            }
        }
        view.values.insert("enabled".into(), found["enabled"].to_string());
    }
    Ok(html(&alert_rules::render(&view, &visit.shell)))
}

async fn rules(visit: &Visit) -> Result<(RulesView, Vec<Value>), PageError> {
    let told = json_of(visit.call("alerts.definition.in_force", Call::default()).await?);
    let all = items(&told, "definitions");
    let figures = json_of(visit.call("alerts.alert.fatigue", Call::default()).await?);
    let view = RulesView {
        definitions: all.iter().map(|d| visit.view(d.clone())).collect::<Result<_, _>>()?,
        figures: items(&figures, "definitions").into_iter().map(|f| visit.view(f)).collect::<Result<_, _>>()?,
        deliveries: items(&figures, "deliveries").into_iter().map(|d| visit.view(d)).collect::<Result<_, _>>()?,
        ..RulesView::default()
    };
    Ok((view, all))
}

/// POST `/alerts/definitions`.
pub async fn define(Form { visit, fields }: Form) -> Shown {
    let test = fields.get("do").is_some_and(|v| v == "test");
    let done = match body(&visit, &fields).await {
        Ok(body) => {
            let query: &[(&str, &str)] = if test { &[("test", "true")] } else { &[] };
            visit.try_call("alerts.definition.save", with_query(Call { body, ..Call::default() }, query)).await
        }
        Err(e) => Err(e),
    };
    let (mut view, _) = match &done {
        Ok(_) if !test => return Ok(Redirect::to("/alerts/definitions").into_response()),
        Ok(_) | Err(Error::Invalid(_) | Error::Conflict { .. }) => rules(&visit).await?,
        Err(_) => (RulesView::default(), Vec::new()),
    };
    view.values = fields;
    let t = &visit.shell.t().alert_center;
    match done {
        Ok(told) => {
            let told = json_of(told);
            view.tested = if told["replayed"] == json!(true) {
                fill(t.tested, &[("n", &told["fired"].to_string()), ("most", &told["most_a_day"].to_string())])
            } else {
                t.untested.to_owned()
            };
            Ok(html(&alert_rules::render(&view, &visit.shell)))
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let (errors, error) = messages(visit.shell.locale, &e);
            let known =
                ["code", "name", "category", "severity", "source", "condition", "audience", "escalation", "confirm"];
            let other = errors.iter().find(|e| !known.contains(&e.field.split('/').next().unwrap_or_default()));
            view.error = other.map_or(error, |e| e.message.clone());
            view.errors = errors;
            Ok(refused(&e, &alert_rules::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// A definition out of the editor: on what the stored one has besides, which the editor does not show.
async fn body(visit: &Visit, fields: &BTreeMap<String, String>) -> Result<Value> {
    let told = json_of(visit.try_call("alerts.definition.in_force", Call::default()).await?);
    let code = filled(fields, "code").unwrap_or_default();
    let mut body = Map::new();
    if let Some(Value::Object(known)) = items(&told, "definitions").into_iter().find(|d| d["code"] == *code) {
        let kept = [
            "dedupe_key_template",
            "dedupe_window_s",
            "cooldown_s",
            "auto_resolve",
            "channels",
            "template_ids",
            "ack_required",
            "ack_sla_s",
            "owner",
        ];
        body.extend(known.into_iter().filter(|(name, value)| kept.contains(&name.as_str()) && !value.is_null()));
    }
    for name in ["code", "name", "category", "severity", "source"] {
        body.insert(name.into(), json!(filled(fields, name).unwrap_or_default()));
    }
    for name in ["condition", "audience", "escalation"] {
        if let Some(text) = filled(fields, name) {
            let value: Value = serde_json::from_str(text)
                .map_err(|_| Error::invalid(name, "wrong_shape", "Is JSON as the hint shows it"))?;
            body.insert(name.into(), value);
        }
    }
    for name in ["enabled", "confirm"] {
        let on = fields.get(name).is_some_and(|v| !matches!(v.as_str(), "" | "false"));
        body.insert(name.into(), json!(on));
    }
    Ok(Value::Object(body))
}
