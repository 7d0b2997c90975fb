//! The register of controlled drugs.

use super::{
    clinic::student,
    frame::{Form, PageError, Params, Shown, Visit, by_id, filled, html, messages, text},
    home::{items, json_of, with_query},
    medication::{pairs, sentence},
};
use crate::pages::register::{self, Entry, RegisterView, Supply, SupplyView, Waiting};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// GET `/medications/register`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let view = read(&visit, query.get("school").map_or("", String::as_str)).await?;
    Ok(html(&register::render(&view, &visit.shell)))
}

async fn read(visit: &Visit, school: &str) -> Result<RegisterView, PageError> {
    let call = with_query(Call::default(), &[("school", school)]);
    let reply = json_of(visit.call("school.stock.of_school", call).await?);
    Ok(RegisterView {
        school: text(&reply, "school"),
        schools: pairs(&reply, "schools"),
        supplies: items(&reply, "supplies").iter().map(|one| supply(visit, one)).collect::<Result<_, _>>()?,
        is_nurse: visit.ctx.may("school.med.order"),
        error: String::new(),
    })
}

fn supply(visit: &Visit, value: &Value) -> Result<Supply, PageError> {
    let mut plain = value.clone();
    plain["student"] = json!(student(&value["student"], String::new()));
    visit.view(plain)
}

/// GET `/medications/register/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = read_one(&visit, &id).await?;
    Ok(html(&register::supply(&view, &visit.shell)))
}

async fn read_one(visit: &Visit, id: &str) -> Result<SupplyView, PageError> {
    let reply = json_of(visit.call("school.stock.register", by_id(id)).await?);
    let me = visit.ctx.actor.id.to_string();
    let waiting = |value: &Value| Waiting {
        id: text(value, "id"),
        name: text(value, "name"),
        at: text(value, "at"),
        is_own: text(value, "by") == me,
    };
    Ok(SupplyView {
        supply: supply(visit, &reply)?,
        entries: items(&reply, "entries").into_iter().map(|one| visit.view::<Entry>(one)).collect::<Result<_, _>>()?,
        waiting: items(&reply, "waiting").iter().map(waiting).collect(),
        staff: pairs(&reply, "staff"),
        is_nurse: visit.ctx.may("school.med.order"),
        ..SupplyView::default()
    })
}

/// A number as a person types it.
fn number(fields: &BTreeMap<String, String>, name: &str) -> Value {
    json!(fields.get(name).map(|v| v.trim().replace(',', ".")))
}

/// POST `/medications/register/receive`.
pub async fn receive(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let order = get("order_id");
    let body = json!({"order_id": order, "quantity": number(&fields, &format!("quantity-{order}"))});
    match visit.try_call("school.stock.receive", Call { body, ..Call::default() }).await {
        Ok(Body::Row(row)) => Ok(Redirect::to(&format!("/medications/register/{}", row.text("id"))).into_response()),
        Ok(_) => Ok(Redirect::to("/medications/register").into_response()),
        Err(e) => {
            let error = sentence(&visit, e)?;
            let view = RegisterView { error, ..read(&visit, &get("school")).await? };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&register::render(&view, &visit.shell))).into_response())
        }
    }
}

/// POST `/medications/register/{id}/{verb}`.
pub async fn act(Path((id, verb)): Path<(String, String)>, Form { visit, fields }: Form) -> Shown {
    let said = |name: &str| filled(&fields, name);
    let told = match verb.as_str() {
        "count" => {
            let body = json!({"inventory_id": id, "found": number(&fields, "found")});
            visit.try_call("school.stock_count.count", Call { body, ..Call::default() }).await
        }
        "confirm" => {
            let count = said("count").unwrap_or_default();
            let body = json!({"found": number(&fields, &format!("found-{count}"))});
            visit.try_call("school.stock_count.confirm", Call { body, ..by_id(count) }).await
        }
        "gone" => {
            let op = match said("verb") {
                Some("return") => "school.stock.return",
                Some("waste") => "school.stock.waste",
                _ => return Err(visit.error(Error::NotFound)),
            };
            let body = json!({"quantity": number(&fields, "quantity"), "witness_id": said("witness_id"), "reason": said("reason")});
            visit.try_call(op, Call { body, ..by_id(&id) }).await
        }
        _ => Err(Error::NotFound),
    };
    match told {
        Ok(_) => Ok(Redirect::to(&format!("/medications/register/{id}")).into_response()),
        Err(e) => {
            let (errors, _) = messages(visit.shell.locale, &e);
            let error = sentence(&visit, e)?;
            let view = SupplyView { errors, error, ..read_one(&visit, &id).await? };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&register::supply(&view, &visit.shell))).into_response())
        }
    }
}
