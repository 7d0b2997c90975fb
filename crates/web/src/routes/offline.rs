//! Visits that were written down without a connection. The browser keeps the page that shows then; it holds nothing about
//! anybody. What was kept comes with today's clinic, one visit a request, and a visit that came before is answered as it is.

use super::{
    clinic::{reason, search},
    frame::{Form, Shown, Visit, html, stranger, words},
};
use crate::{
    App,
    pages::offline::{self, Keeping},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use salus_core::{Error, Result};
use salus_domains::school::{self, KeptVisit};
use salus_store::{Body, Call, Record};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// GET `/clinic/offline`.
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    html(&offline::render(&stranger(&app, &headers, &uri)))
}

/// What today's clinic gives a browser so that it can keep visits.
///
/// # Errors
/// Those of the database.
pub async fn keeping(visit: &Visit) -> Result<Keeping> {
    let lock = school::lock(&visit.app.db, &visit.ctx).await?;
    Ok(Keeping { key: lock.key, handle: lock.handle })
}

/// POST `/clinic/kept`: one visit that was kept. What is refused is told with what was written down, so that it can be entered by hand.
pub async fn send(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let (db, ctx) = (&visit.app.db, &visit.ctx);
    let client_ref: Uuid = get("client_ref").parse().unwrap_or_default();
    let kept = school::kept_visit(db, ctx, (get("handle"), get("sealed")), client_ref).await;
    let t = &visit.shell.t().offline;
    let Some(kept) = kept.map_err(|e| visit.error(e))? else {
        return Ok(told(422, t.foreign, None));
    };
    match record(&visit, &kept, client_ref).await {
        Ok(true) => Ok(Json(json!({"sent": true})).into_response()),
        Ok(false) => Ok(told(422, t.nobody, Some(&kept))),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::Forbidden(_))) => {
            Ok(told(e.status(), &words(visit.shell.locale, &e), Some(&kept)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

fn told(status: u16, why: &str, kept: Option<&KeptVisit>) -> Response {
    let mut said = json!({"said": why});
    if let Some(kept) = kept {
        said["student_number"] = json!(kept.student_number);
        said["came_at"] = json!(kept.came_at);
    }
    (StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), Json(said)).into_response()
}

/// Checks the student in, and out when they went; whether there is such a student.
async fn record(visit: &Visit, kept: &KeptVisit, client_ref: Uuid) -> Result<bool> {
    let found = search(visit, &kept.student_number, &kept.school).await?;
    let [student] = &found[..] else { return Ok(false) };
    let body = json!({
        "student_id": student.id, "school_id": kept.school, "client_ref": client_ref, "check_in_at": kept.came_at,
        "chief_complaint_code": reason(&kept.reason), "backdated_reason": visit.shell.t().offline.why_later,
    });
    let begun = row(visit.try_call("school.visit.check_in", Call { body, ..Call::default() }).await?)?;
    let Some(left) = kept.left_at.as_deref().filter(|_| begun.text("status") == "OPEN") else { return Ok(true) };
    let body = json!({"disposition": "RETURN_TO_CLASS", "check_out_at": left});
    let path = vec![("id".to_owned(), begun.text("id").to_owned())];
    let ended = visit.try_call("school.visit.check_out", Call { path, body, ..Call::default() }).await;
    if let Err(e) = ended {
        // Where the same was sent at the same time, the other has ended it.
        let now = visit.row("school.visit.get", begun.text("id"), "status").await?;
        if now.text("status") == "OPEN" {
            return Err(e);
        }
    }
    Ok(true)
}

fn row(body: Body) -> Result<Record> {
    match body {
        Body::Row(row) => Ok(row),
        _ => Err(Error::internal("a visit is no row")),
    }
}
