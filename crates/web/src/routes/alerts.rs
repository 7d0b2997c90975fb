//! Signs of tampering, and what people decide about them.

use super::{
    frame::{Form, Params, Shown, Visit, by_id, encoded, html},
    home::{items, json_of, with_query},
};
use crate::pages::{
    alerts::{self, Alert, AlertsView, Refused},
    parts::Pager,
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::Call;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// GET `/audit/alerts`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    page(&visit, &query, Refused::default()).await
}

async fn page(visit: &Visit, query: &BTreeMap<String, String>, refused: Refused) -> Shown {
    let cursor = query.get("cursor").map_or("", String::as_str);
    let list = |states: &str, cursor: &str| {
        let given = [("state.in", states), ("sort", "-id"), ("limit", "50"), ("cursor", cursor)];
        with_query(Call::default(), &given)
    };
    let open = json_of(visit.call("audit.tamper_alert.list", list("OPEN,ACKNOWLEDGED", "")).await?);
    let closed = json_of(visit.call("audit.tamper_alert.list", list("CLOSED", cursor)).await?);
    let pager = Pager {
        first: (!cursor.is_empty()).then(|| "/audit/alerts".to_owned()),
        next: closed["next"].as_str().map(|at| format!("/audit/alerts?cursor={}", encoded(at))),
    };
    let read = |reply: &Value| -> Vec<Alert> { items(reply, "data").iter().map(alert).collect() };
    let may_decide = visit.ctx.may("audit.alert.decide");
    let view = AlertsView { open: read(&open), closed: read(&closed), pager, may_decide, refused };
    Ok(html(&alerts::render(&view, &visit.shell)))
}

fn alert(row: &Value) -> Alert {
    let get = |name: &str| super::frame::text(row, name);
    Alert {
        id: get("id"),
        created_at: get("created_at"),
        kind: get("kind"),
        what: get("what"),
        table_name: get("table_name"),
        row_id: get("row_id"),
        leaf_index: get("leaf_index"),
        event_id: get("event_id"),
        state: get("state"),
        decided_at: get("decided_at"),
        decided_by: get("decided_by"),
        reason: get("reason"),
    }
}

/// POST `/audit/alerts/{id}`.
pub async fn decide(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let reason = fields.get(&format!("reason-{id}")).map_or("", String::as_str).to_owned();
    let verb = if fields.get("decision").is_some_and(|d| d == "acknowledge") { "acknowledge" } else { "close" };
    let call = Call { body: json!({"reason": reason}), ..by_id(&id) };
    match visit.try_call(&format!("audit.tamper_alert.{verb}"), call).await {
        Ok(_) => Ok(Redirect::to("/audit/alerts").into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let message = super::frame::first_word(visit.shell.locale, &e);
            page(&visit, &BTreeMap::new(), Refused { id, reason, message }).await
        }
        Err(e) => Err(visit.error(e)),
    }
}
