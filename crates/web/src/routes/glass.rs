//! Emergency access: opening, ending, reviewing.

use super::{
    frame::{Form, Shown, Visit, by_id, html, messages, set_cookie, text},
    home::{items, json_of},
};
use crate::pages::glass::{self, GlassView, OpenForm, Opened, Row};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Purpose};
use salus_store::Call;
use serde_json::json;

/// GET `/glass`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, GlassView::default()).await
}

async fn page(visit: &Visit, view: GlassView) -> Shown {
    let may_open = visit.ctx.may("auth.glass.open");
    let mut rows: Vec<Row> = Vec::new();
    if visit.ctx.may("auth.glass.read") {
        let log = json_of(visit.call("auth.glass.log", Call::default()).await?);
        for row in items(&log, "data") {
            rows.push(serde_json::from_value(row).map_err(|e| visit.error(Error::internal(e)))?);
        }
    } else {
        visit.must("auth.glass.open")?;
    }
    let view = GlassView { may_open, may_review: visit.ctx.may("auth.glass.review"), rows, ..view };
    Ok(html(&glass::render(&view, &visit.shell)))
}

/// POST `/glass`: from then on the browser's calls name the purpose `BTG`, until another is chosen.
pub async fn open(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let form = OpenForm { record_number: get("record_number"), reason: get("reason") };
    let body = json!({"record_number": form.record_number, "reason": form.reason});
    let mut view = GlassView { form, ..GlassView::default() };
    match visit.try_call("auth.glass.open", Call { body, ..Call::default() }).await {
        Ok(body) => {
            let made = json_of(body);
            view.form = OpenForm::default();
            view.opened = Some(Opened { patient_id: text(&made, "patient_id"), ends_at: text(&made, "ends_at") });
            let mut response = page(&visit, view).await?;
            set_cookie(&mut response, &visit.app, "purpose", Purpose::BreakGlass.code(), 3600);
            return Ok(response);
        }
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            (view.errors, view.general) = messages(visit.shell.locale, &e);
        }
        Err(e) => return Err(visit.error(e)),
    }
    page(&visit, view).await
}

/// POST `/glass/{id}/end`.
pub async fn end(Path(id): Path<String>, Form { visit, .. }: Form) -> Shown {
    visit.call("auth.glass.end", by_id(&id)).await?;
    let mut response = Redirect::to("/glass").into_response();
    set_cookie(&mut response, &visit.app, "purpose", "", 0);
    Ok(response)
}

/// POST `/glass/{id}/review`.
pub async fn review(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let body = json!({"outcome": get("outcome"), "note": get("note")});
    visit.call("auth.glass.review", Call { body, ..by_id(&id) }).await?;
    Ok(Redirect::to("/glass").into_response())
}
