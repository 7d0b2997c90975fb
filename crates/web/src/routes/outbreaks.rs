//! Outbreaks at school: the signals, one of them, what is decided about it, and the report that goes out.

use super::{
    frame::{
        self, Form, PageError, Params, Shown, Visit, by_id, filled, filled_in, first_word, html, is_told, messages,
    },
    home::{items, json_of, with_query},
};
use crate::pages::{
    layout::Flash,
    outbreak::{self, OutbreakView},
    outbreaks::{self as pages, OutbreaksView},
    parts::Tone,
};
use axum::{
    extract::{Path, Query},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// GET `/outbreaks`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let mut visit = visit;
    if query.contains_key("asked") {
        let text = visit.shell.t().outbreak.asked.to_owned();
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let view = all(&visit, query.get("state").is_some_and(|state| state == "all")).await?;
    Ok(html(&pages::render(&view, &visit.shell)))
}

async fn all(visit: &Visit, is_all: bool) -> Result<OutbreaksView, PageError> {
    let call = with_query(Call::default(), &[("state", if is_all { "" } else { "open" })]);
    let told = json_of(visit.call("school.outbreak.board", call).await?);
    let mut view: OutbreaksView = visit.view(json!({"data": told["data"], "small_cell": told["small_cell"]}))?;
    let past = json_of(visit.call("school.outbreak.false_alarms", Call::default()).await?);
    view.past = visit.view(past)?;
    let rules = [("is_active", "true"), ("limit", "200"), ("sort", "code")];
    let listed = json_of(visit.call("school.outbreak_rule.list", with_query(Call::default(), &rules)).await?);
    view.rules = items(&listed, "data").into_iter().map(|row| visit.view(row)).collect::<Result<_, _>>()?;
    view.is_all = is_all;
    view.may_declare = visit.ctx.may("school.outbreak.declare");
    Ok(view)
}

/// The list again, saying why the last act was refused.
async fn again(visit: &Visit, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = all(visit, false).await?;
    view.error = first_word(visit.shell.locale, &e);
    Ok(frame::refused(&e, &pages::render(&view, &visit.shell)))
}

/// POST `/outbreaks/detect`.
pub async fn detect(Form { visit, .. }: Form) -> Shown {
    match visit.try_call("school.outbreak.detect", Call { body: json!({}), ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to("/outbreaks?asked=1").into_response()),
        Err(e) => again(&visit, e).await,
    }
}

/// POST `/outbreaks/rules/{id}/confirm`.
pub async fn confirm(Path(id): Path<String>, Form { visit, .. }: Form) -> Shown {
    match visit.try_call("school.outbreak_rule.confirm", by_id(&id)).await {
        Ok(_) => Ok(Redirect::to("/outbreaks#rules").into_response()),
        Err(e) => again(&visit, e).await,
    }
}

/// GET `/outbreaks/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = view(&visit, &id).await?;
    Ok(html(&outbreak::render(&view, &visit.shell)))
}

async fn view(visit: &Visit, id: &str) -> Result<OutbreakView, PageError> {
    let told = json_of(visit.call("school.outbreak.show", by_id(id)).await?);
    let mut view: OutbreakView = visit.view(told)?;
    view.may_report = visit.ctx.may("school.outbreak.report");
    view.may_see_vaccines = visit.ctx.may("school.immunization.read");
    Ok(view)
}

/// The alert again, with what was typed and what is wrong with it.
async fn refused(visit: &Visit, id: &str, fields: BTreeMap<String, String>, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = view(visit, id).await?;
    let (errors, general) = messages(visit.shell.locale, &e);
    let known = ["reason", "reported_to", "basis", "recipient"];
    let other = errors.iter().find(|e| !known.contains(&e.field.trim_start_matches('/'))).map(|e| e.message.clone());
    view.error = other.unwrap_or(general);
    view.errors = errors;
    view.values = fields;
    Ok(frame::refused(&e, &outbreak::render(&view, &visit.shell)))
}

/// POST `/outbreaks/{id}/state`.
pub async fn decide(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["state", "reason", "reported_to"]);
    let version = filled(&fields, "version").and_then(|text| text.parse().ok());
    let call = Call { body, if_match: version, ..by_id(&id) };
    match visit.try_call("school.outbreak.decide", call).await {
        Ok(_) => Ok(Redirect::to(&format!("/outbreaks/{id}#next")).into_response()),
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/outbreaks/{id}/report`: a file.
pub async fn report(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let identified = fields.get("identified").is_some_and(|v| v == "true");
    let mut body = filled_in(&fields, &["recipient", "measures"]);
    body["identified"] = json!(identified);
    if let Some(kind) = filled(&fields, "basis") {
        body["legal_basis"] = json!({"kind": kind, "text": fields.get("basis_text").cloned().unwrap_or_default()});
    }
    match visit.try_call("school.outbreak.report", Call { body, ..by_id(&id) }).await {
        Ok(done) => Ok(file(&json_of(done), fields.get("format").is_some_and(|f| f == "csv"))),
        Err(e) => refused(&visit, &id, fields, named(e)).await,
    }
}

/// The fields of the operation by the names that the form has.
fn named(e: Error) -> Error {
    match e {
        Error::Invalid(mut fields) => {
            for field in &mut fields {
                if field.pointer.starts_with("/legal_basis") {
                    field.pointer = "/basis".into();
                }
            }
            Error::Invalid(fields)
        }
        other => other,
    }
}

/// The report as a file that is not kept by the browser.
fn file(told: &Value, is_csv: bool) -> Response {
    let number = told["report"]["number"].as_str().unwrap_or("outbreak").to_owned();
    let (kind, ending, body) = if is_csv {
        ("text/csv; charset=utf-8", "csv", told["line_list_csv"].as_str().unwrap_or_default().to_owned())
    } else {
        let document =
            json!({"report": told["report"], "identified": told["identified"], "line_list": told["line_list"]});
        ("application/json", "json", format!("{document:#}"))
    };
    let name = format!("attachment; filename=\"{number}.{ending}\"");
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
