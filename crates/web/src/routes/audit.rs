//! The audit log.

use super::{
    access::days,
    frame::{Params, Shown, Visit, encoded, html, text},
    home::{items, json_of, texts, with_query},
};
use crate::pages::{
    audit::{self, AuditView, Event, Filter},
    i18n::{codes, faults},
    parts::Pager,
};
use axum::extract::Query;
use salus_store::Call;
use serde_json::Value;
use std::fmt::Write as _;

/// GET `/audit`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let filter = Filter {
        from: get("from").into(),
        to: get("to").into(),
        action: get("action").into(),
        target: get("target").into(),
        actor: get("actor").into(),
        outcome: get("outcome").into(),
    };
    let period = days(&visit, (&filter.from, &filter.to)).map_err(|e| visit.error(e))?;
    let wanted = [
        ("before", get("before")),
        ("from", &period.0),
        ("to", &period.1),
        ("actor", get("actor")),
        ("action", get("action").trim()),
        ("target", get("target").trim()),
        ("outcome", get("outcome")),
    ];
    let reply = json_of(visit.call("audit.log.list", with_query(Call::default(), &wanted)).await?);
    let rows = items(&reply, "data").iter().map(|e| event(&visit, e)).collect();
    let mut kept = String::new();
    for name in ["from", "to", "actor", "action", "target", "outcome"] {
        if !get(name).is_empty() {
            let _ = write!(kept, "{name}={}&", encoded(get(name)));
        }
    }
    let pager = Pager {
        first: (!get("before").is_empty()).then(|| format!("/audit?{kept}").trim_end_matches(['?', '&']).to_owned()),
        next: reply["next"].as_str().map(|at| format!("/audit?{kept}before={}", encoded(at))),
    };
    Ok(html(&audit::render(&AuditView { filter, rows, pager, seal: None }, &visit.shell)))
}

fn event(visit: &Visit, e: &Value) -> Event {
    let row = text(e, "row");
    let (named, kind) = (text(e, "actor_name"), text(e, "actor_kind"));
    let known = !named.is_empty();
    Event {
        id: text(e, "id"),
        recorded_at: text(e, "at"),
        actor_id: if known { text(e, "actor") } else { String::new() },
        actor: if known { named } else { codes::label(visit.shell.locale, &kind).into_owned() },
        action: text(e, "action"),
        target: text(e, "target"),
        rows: if row.is_empty() { Vec::new() } else { vec![row] },
        row_count: e["count"].as_u64().unwrap_or(0),
        purpose: text(e, "purpose"),
        channel: text(e, "channel"),
        outcome: text(e, "outcome"),
        why: texts(e, "why").iter().map(|said| faults::say(visit.shell.locale, "", said)).collect(),
        request: text(e, "request"),
    }
}
