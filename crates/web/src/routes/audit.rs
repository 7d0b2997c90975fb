//! The audit log.

use super::{
    frame::{Params, Shown, Visit, encoded, html, text},
    home::{items, json_of, with_query},
};
use crate::pages::{
    audit::{self, AuditView, Event, Filter},
    i18n::codes,
    parts::Pager,
};
use axum::extract::Query;
use salus_store::Call;
use serde_json::Value;

/// GET `/audit`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let filter = Filter { action: get("action").into(), actor: get("actor").into(), ..Filter::default() };
    let call =
        with_query(Call::default(), &[("before", get("before")), ("actor", get("actor")), ("action", get("action"))]);
    let reply = json_of(visit.call("audit.log.list", call).await?);
    let rows = items(&reply, "data").iter().map(|e| event(&visit, e)).collect();
    let kept = format!("actor={}&action={}", encoded(get("actor")), encoded(get("action")));
    let pager = Pager {
        first: (!get("before").is_empty()).then(|| format!("/audit?{kept}")),
        next: reply["next"].as_str().map(|at| format!("/audit?{kept}&before={}", encoded(at))),
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
        request: text(e, "request"),
    }
}
