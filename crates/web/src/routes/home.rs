//! The start page, the API page, and what is not there.

use super::frame::{Params, Shown, Visit, html, stranger};
use crate::{
    app::App,
    pages::{
        docs::{self, DocsView},
        error::{self, ErrorView},
        home::{self, Figure, HomeView},
        nurse,
    },
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use salus_store::{Body, Call};
use serde_json::{Value, json};
use std::sync::Arc;

/// GET `/`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let shell = &visit.shell;
    let school = query.get("school").map(String::as_str).unwrap_or_default();
    if let Some(view) = super::nurse::load(&visit, school, query.get("found").map(String::as_str)).await? {
        return Ok(html(&nurse::render(&view, shell)));
    }
    let mut view = HomeView::default();
    if visit.ctx.may("medical.patient.read") {
        let query = [("limit", "8"), ("total", "true")];
        let page = visit.page("medical.patient.list", &query).await.map_err(|e| visit.error(e))?;
        view.recent = page.rows.iter().map(|r| super::patients::row(r, &visit.shell.today)).collect();
        let value = crate::pages::i18n::format::count(shell.locale, page.total.unwrap_or(0).unsigned_abs());
        view.figures.push(Figure {
            label: shell.t().people.patients.into(),
            value,
            note: String::new(),
            href: "/patients".into(),
        });
    }
    Ok(html(&home::render(&view, shell)))
}

/// GET `/docs`.
pub async fn docs(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let text = visit.app.openapi().map_err(|e| visit.error(e))?;
    let openapi = serde_json::from_slice(&text).map_err(|e| visit.error(Error::internal(e)))?;
    let view = DocsView { openapi, domain: get("domain"), operation: get("operation") };
    Ok(html(&docs::render(&view, &visit.shell)))
}

/// Any other address.
pub async fn missing(
    State(app): State<Arc<App>>,
    visit: Result<Visit, Response>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let shell = visit.map_or_else(|_| stranger(&app, &headers, &uri), |visit| visit.shell);
    let view = ErrorView { status: 404, ..ErrorView::default() };
    let page = if shell.fragment { error::fragment } else { error::render };
    (StatusCode::NOT_FOUND, html(&page(&view, &shell))).into_response()
}

/// A JSON reply of an operation; null for anything else.
pub fn json_of(body: Body) -> Value {
    match body {
        Body::Json(value) => value,
        other => json!(other),
    }
}

/// A call with query parameters.
pub fn with_query(mut call: Call, query: &[(&str, &str)]) -> Call {
    call.query.extend(query.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    call
}

/// Items of a JSON list.
pub fn items(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Texts of a JSON list.
pub fn texts(value: &Value, name: &str) -> Vec<String> {
    items(value, name).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}
