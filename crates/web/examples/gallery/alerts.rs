//! The alert centre: what is open, one alert, how somebody is told, definitions with their figures, and who is on call.

use super::from;
use salus_web::pages::{Shell, alert_center, alert_rules, on_call};
use serde_json::{Value, json};

fn alert(severity: &str, status: &str, title: &str, more: Value) -> Value {
    let mut alert = json!({
        "id": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa", "severity": severity, "category": "MEDICATION", "status": status, "title": title,
        "school_name": "Larkspur Elementary", "first_seen": "2026-03-02T18:30:00Z", "last_seen": "2026-03-02T18:55:00Z",
        "occurrences": 1, "escalation_level": 1,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut alert, more) {
        all.extend(more);
    }
    alert
}

pub fn center(shell: &Shell) -> String {
    let view = json!({
        "status": "OPEN", "may_define": true, "open": {"EMERGENCY": 1, "HIGH": 1, "MEDIUM": 2, "INFO": 1},
        "alerts": [
            alert("EMERGENCY", "ESCALATED", "Evacuation of the gymnasium", json!({"category": "OPERATIONS", "escalation_level": 3, "occurrences": 2})),
            alert("HIGH", "ACKNOWLEDGED", "The count of a controlled drug differs from the register", json!({})),
            alert("MEDIUM", "ACTIVE", "A dose of medication was not recorded in time", json!({})),
            alert("MEDIUM", "SNOOZED", "A clinic visit has been open for two hours", json!({"category": "CLINICAL", "occurrences": 7})),
            alert("INFO", "ACTIVE", "The water is off on Thursday", json!({"category": "OPERATIONS", "school_name": null})),
        ],
    });
    alert_center::render(&from(view), shell).into_string()
}

pub fn none(shell: &Shell) -> String {
    alert_center::render(&from(json!({"status": "RESOLVED", "severity": "LOW"})), shell).into_string()
}

pub fn one(shell: &Shell) -> String {
    let told = |recipient: &str, channel: &str, status: &str, why: Value| {
        json!({
            "recipient": recipient, "channel": channel, "attempt": 2, "level": 1, "status": status, "suppression_reason": why,
            "at": "2026-03-02T18:30:01Z", "due_at": if status == "QUEUED" { json!("2026-03-03T14:00:00Z") } else { Value::Null },
        })
    };
    let more = json!({
        "next_escalation_at": "2026-03-02T19:30:00Z", "assigned_to": "x", "body": "Two tablets fewer than the register has.",
        "deliveries": [
            told("Ada Invented", "IN_APP", "DELIVERED", Value::Null), told("Ada Invented", "EMAIL", "SENT", Value::Null),
            told("Ben Invented", "EMAIL", "QUEUED", Value::Null), told("Ben Invented", "SMS", "SUPPRESSED", json!("contact_unverified")),
        ],
    });
    let view = json!({
        "alert": alert("HIGH", "ESCALATED", "The count of a controlled drug differs from the register", more),
        "assigned_to": "Ada Invented", "may_act": true, "subject_href": "/medications/register",
        "error": "HIGH is put off for at most 240 minutes",
    });
    alert_center::one(&from(view), shell).into_string()
}

pub fn closed(shell: &Shell) -> String {
    let more = json!({"acknowledged_at": "2026-03-02T18:40:00Z", "ack_note": "On my way", "resolved_at": "2026-03-02T18:50:00Z",
                      "resolution_code": "FALSE_ALARM"});
    let view = json!({"alert": alert("LOW", "RESOLVED", "The door of the clinic is open", more), "acknowledged_by": "Ada Invented"});
    alert_center::one(&from(view), shell).into_string()
}

pub fn subscription(shell: &Shell) -> String {
    let view = json!({
        "values": {"email": "true", "sms": "true", "min_severity": "MEDIUM", "digest": "HOURLY", "quiet_from": "nine", "quiet_to": "06:00",
                   "timezone": "America/Los_Angeles"},
        "errors": [{"field": "quiet_from", "message": "Is a time of day such as 21:00"}],
    });
    alert_center::subscription(&from(view), shell).into_string()
}

pub fn definitions(shell: &Shell) -> String {
    let definition = |code: &str, severity: &str, source: &str, enabled: bool| {
        json!({"code": code, "name": "What it is about", "version": 2, "category": "SYSTEM", "severity": severity, "source": source,
               "enabled": enabled})
    };
    let view = json!({
        "definitions": [definition("controlled_count", "HIGH", "MANUAL", true), definition("dose_missed", "MEDIUM", "EVENT", true),
                        definition("jobs_dead", "CRITICAL", "METRIC", false)],
        "figures": [{"code": "controlled_count", "alerts": 3, "median_ack_s": 340, "ignored_percent": 0},
                    {"code": "dose_missed", "alerts": 1204, "median_ack_s": null, "ignored_percent": 91}],
        "deliveries": [{"channel": "EMAIL", "status": "SENT", "why": "", "n": 410}, {"channel": "SMS", "status": "SUPPRESSED",
                        "why": "contact_unverified", "n": 12}],
        "values": {"code": "many_visits", "name": "Many visits", "category": "CLINICAL", "severity": "LOW", "source": "EVENT",
                   "condition": "{\"event\": \"no.such\"}", "enabled": "true"},
        "errors": [{"field": "condition/event", "message": "Is one of the events that are listed"}],
        "tested": "In the last seven days it would have raised 31 alerts, at most 9 on one day.",
    });
    alert_rules::render(&from(view), shell).into_string()
}

fn shifts() -> Value {
    let shift = |id: &str, name: &str, starts_at: &str, ends_at: &str| {
        json!({"id": id, "row_version": 1, "name": name, "starts_at": starts_at, "ends_at": ends_at,
               "is_over": ends_at < "2026-11-20T18:00:00Z", "is_running": starts_at < "2026-11-20T18:00:00Z" && ends_at > "2026-11-20T18:00:00Z"})
    };
    let gap = |from: &str, to: &str| json!({"from": from, "to": to, "fill": "list=backup"});
    let both = json!({"from": "2026-11-25T15:00:00Z", "to": "2026-11-25T17:00:00Z", "users": [{"name": "Ada Invented"}, {"name": "Ben Invented"}]});
    json!({
        "next_week": "2026-11-23T00:00:00Z",
        "people": [{"id": "u1", "name": "Ada Invented"}, {"id": "u2", "name": "Ben Invented"}],
        "lists": [
            {"list": "backup", "severities": ["HIGH", "CRITICAL", "EMERGENCY"], "definitions": ["evacuate"], "shifts": [
                shift("h1", "Ada Invented", "2026-11-16T08:00:00Z", "2026-11-18T08:00:00Z"),
                shift("h2", "Ben Invented", "2026-11-18T08:00:00Z", "2026-11-21T01:00:00Z"),
                shift("h3", "Ada Invented", "2026-11-23T15:00:00Z", "2026-11-25T17:00:00Z"),
                shift("h4", "Ben Invented", "2026-11-25T15:00:00Z", "2026-11-30T08:00:00Z"),
            ], "gaps": [gap("2026-11-21T01:00:00Z", "2026-11-23T15:00:00Z")], "overlaps": [both]},
            {"list": "district", "severities": ["CRITICAL"], "gaps": [gap("2026-11-20T18:00:00Z", "2026-11-30T00:00:00Z")]},
            {"list": "weekend", "shifts": [shift("h5", "Ada Invented", "2026-11-28T08:00:00Z", "2026-11-30T08:00:00Z")]},
        ],
    })
}

pub fn on_call(shell: &Shell) -> String {
    on_call::render(&from(shifts()), shell).into_string()
}

pub fn on_call_refused(shell: &Shell) -> String {
    let mut view = shifts();
    view["values"] =
        json!({"list": "backup", "user_id": "u1", "starts_at": "2026-11-24T08:00", "ends_at": "2026-11-23T08:00"});
    view["errors"] = json!([{"field": "ends_at", "message": "A shift ends after it begins"}]);
    view["error"] = json!("This shift is over: it stays, so that it can be told who was on call");
    on_call::render(&from(view), shell).into_string()
}
