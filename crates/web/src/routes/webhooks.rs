//! Webhooks: which systems are told of events, a new one, and a pause.

use super::{
    frame::{Form, Shown, Visit, by_id, html, messages},
    home::json_of,
};
use crate::pages::webhooks::{self, Delivery, Subscription, WebhooksView};
use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_domains::exchange::PUBLISHED;
use salus_store::{Call, Record};
use serde_json::{Value, json};

/// GET `/webhooks`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, WebhooksView::default()).await
}

async fn page(visit: &Visit, view: WebhooksView) -> Shown {
    let wrong = !view.errors.is_empty() || !view.general.is_empty();
    let read = async {
        let all = visit.page("exchange.webhook_subscription.list", &[("limit", "200")]).await?;
        let query = [("limit", "50"), ("sort", "-created_at")];
        Ok::<_, Error>((all, visit.page("exchange.webhook_delivery.list", &query).await?))
    };
    let (all, latest) = read.await.map_err(|e| visit.error(e))?;
    let rows: Vec<Subscription> = all.rows.iter().map(subscription).collect();
    let deliveries = latest.rows.iter().map(|r| delivery(r, &rows)).collect();
    let view = WebhooksView {
        rows,
        deliveries,
        published: PUBLISHED.iter().map(|e| (*e).to_owned()).collect(),
        may_manage: visit.ctx.may("exchange.webhook.manage"),
        ..view
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, html(&webhooks::render(&view, &visit.shell))).into_response())
}

fn subscription(r: &Record) -> Subscription {
    let of = |name: &str| r.text(name).to_owned();
    let events = r.get("events").and_then(Value::as_array).into_iter().flatten();
    Subscription {
        id: of("id"),
        name: of("name"),
        url: of("url"),
        events: events.filter_map(|e| e.as_str().map(str::to_owned)).collect(),
        is_active: r.get("is_active").and_then(Value::as_bool).unwrap_or(false),
    }
}

fn delivery(r: &Record, known: &[Subscription]) -> Delivery {
    let of = |name: &str| r.text(name).to_owned();
    let receiver = known.iter().find(|s| s.id == r.text("subscription_id"));
    let status = r.get("last_status").and_then(Value::as_i64).map(|s| s.to_string());
    Delivery {
        created_at: of("created_at"),
        receiver: receiver.map(|s| s.name.clone()).unwrap_or_default(),
        event: of("event"),
        state: of("state"),
        attempts: r.get("attempts").and_then(Value::as_u64).unwrap_or(0),
        answer: status.unwrap_or_else(|| of("last_error")),
    }
}

/// POST `/webhooks`.
pub async fn create(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let ticked = fields.iter().filter(|(_, value)| *value == "true");
    let events = ticked.filter_map(|(name, _)| name.strip_prefix("event.").map(str::to_owned)).collect();
    let form = Subscription { name: get("name"), url: get("url"), events, ..Subscription::default() };
    let body = json!({"name": form.name, "url": form.url, "events": form.events});
    let made = visit.try_call("exchange.webhook_subscription.create", Call { body, ..Call::default() }).await;
    let view = match made {
        Ok(body) => {
            let secret = json_of(body)["secret"].as_str().unwrap_or_default().to_owned();
            WebhooksView { secret, ..WebhooksView::default() }
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            let (errors, general) = messages(visit.shell.locale, &e);
            WebhooksView { form, errors, general, ..WebhooksView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    page(&visit, view).await
}

/// POST `/webhooks/{id}`.
pub async fn set(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let active = match fields.get("is_active").map(String::as_str) {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(visit.error(Error::invalid("is_active", "wrong_type", "Is true or false"))),
    };
    let call = Call { body: json!({"is_active": active}), ..by_id(&id) };
    visit.call("exchange.webhook_subscription.set", call).await?;
    Ok(Redirect::to("/webhooks").into_response())
}
