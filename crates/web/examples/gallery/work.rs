//! Background work, notifications and outgoing messages.

use super::from;
use salus_web::pages::{Shell, jobs, notices};
use serde_json::json;

pub fn jobs(shell: &Shell) -> String {
    let view = from(json!({
        "shown": "given_up", "may_manage": true,
        "jobs": [
            {"id": "j1", "job": "exchange.send_webhook", "state": "dead", "attempts": 8, "error_class": "unavailable", "due_at": "2026-11-21T05:10:00Z"},
            {"id": "j2", "job": "auth.deliver_notification", "state": "quarantined", "attempts": 2, "error_class": "worker_died", "due_at": "2026-11-20T22:00:00Z"},
        ],
        "schedules": [
            {"id": "s1", "job": "kernel.prune_queues", "next_run_at": "2026-11-22T03:17:00Z", "last_run_at": "2026-11-21T03:17:00Z"},
            {"id": "s2", "job": "auth.prune_notifications", "cron": "30 4 * * SUN", "is_paused": true, "next_run_at": "2026-11-22T04:30:00Z"},
        ],
        "pager": {"next": "/jobs?show=given_up&cursor=x"},
    }));
    jobs::render(&view, shell).into_string()
}

pub fn no_jobs(shell: &Shell) -> String {
    jobs::render(&from(json!({"shown": "given_up"})), shell).into_string()
}

pub fn outgoing(shell: &Shell) -> String {
    let view = from(json!({"rows": [
        {"id": "d1", "medium": "email", "state": "simulated", "at": "2026-11-21T05:10:00Z", "is_kept": true},
        {"id": "d2", "medium": "sms", "state": "sent", "at": "2026-11-21T05:09:00Z"},
        {"id": "d4", "medium": "push", "state": "sent", "at": "2026-11-21T05:08:30Z"},
        {"id": "d3", "medium": "sms", "state": "undeliverable", "at": "2026-11-21T05:08:00Z"},
    ]}));
    notices::outgoing(&view, shell).into_string()
}

pub fn notifications(shell: &Shell) -> String {
    let view = from(json!({
        "items": [
            {"id": "n1", "title": "Background work was given up and needs a look", "href": "/browse/kernel/jobs/j1", "at": "2026-11-21T05:10:00Z"},
            {"id": "n2", "title": "Something waits for you", "at": "2026-11-20T05:10:00Z", "is_read": true},
        ],
        "by_email": true, "by_sms": true, "phone": "5550100",
        "errors": [{"field": "address", "message": "Is a telephone number with its country, such as +15550100"}],
        "by_push": true,
        "devices": {"works": true, "key": "B".repeat(87), "on": [
            {"id": "p1", "label": "Firefox, Android", "hash": "00", "since": "2026-10-02T05:10:00Z", "told_at": "2026-11-21T05:10:00Z"},
            {"id": "p2", "label": "Chrome, Windows", "hash": "01", "since": "2026-11-20T05:10:00Z", "is_failing": true},
        ]},
    }));
    notices::render(&view, shell).into_string()
}

pub fn nothing(shell: &Shell) -> String {
    notices::render(&from(json!({"by_email": true})), shell).into_string()
}
