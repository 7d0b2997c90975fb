//! The tablet at the clinic's door. Who was found goes to the next step sealed; an answer with the first letter of a name leaves
//! the screen after ten seconds, also where no script runs.

use super::{
    frame::{Form, KIOSK, Shown, Visit, filled, html, text},
    home::json_of,
};
use crate::pages::kiosk::{self, KioskView, REASONS};
use axum::{
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use salus_store::Call;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a handle is for.
const PURPOSE: &str = "clinic.kiosk";

/// GET `/kiosk`.
pub async fn show(visit: Visit) -> Shown {
    visit.must(KIOSK)?;
    Ok(html(&kiosk::render(&KioskView::default(), &visit.shell)))
}

/// POST `/kiosk`: who somebody is, or who that was with the reason.
pub async fn arrive(Form { visit, fields }: Form) -> Shown {
    let who = filled(&fields, "who");
    let said = match who {
        None => Some(described(&fields)),
        Some(handle) => visit.unseal(PURPOSE, handle).await?.and_then(|said| serde_json::from_str(&said).ok()),
    };
    let Some(mut body) = said else { return Ok(told(&visit, &again(&Error::NotFound))) };
    if who.is_some() {
        body["reason"] = json!(filled(&fields, "reason").filter(|reason| REASONS.contains(reason)).unwrap_or("OTHER"));
        body["client_ref"] = json!(filled(&fields, "client_ref"));
    }
    let view = match visit.try_call("school.kiosk.arrive", Call { body: body.clone(), ..Call::default() }).await {
        Ok(reply) => {
            let reply = json_of(reply);
            match text(&reply, "status").as_str() {
                "FOUND" => KioskView {
                    who: visit.seal(PURPOSE, &body.to_string()).await?,
                    client_ref: visit.app.db.env().id().to_string(),
                    ..KioskView::default()
                },
                _ => KioskView {
                    status: text(&reply, "status"),
                    initial: text(&reply, "initial"),
                    ..KioskView::default()
                },
            }
        }
        Err(e @ (Error::NotFound | Error::TooMany(_) | Error::Invalid(_) | Error::Conflict { .. })) => again(&e),
        Err(e) => return Err(visit.error(e)),
    };
    Ok(told(&visit, &view))
}

/// What a form says of who somebody is.
fn described(fields: &BTreeMap<String, String>) -> Value {
    let day = |name: &str| format!("{:0>2}", filled(fields, name).unwrap_or_default());
    match filled(fields, "badge") {
        Some(badge) => json!({"badge": badge}),
        None => json!({"name": filled(fields, "name"), "birth_day": format!("{}-{}", day("month"), day("day"))}),
    }
}

/// The beginning, with what went wrong and no word of what was typed.
fn again(e: &Error) -> KioskView {
    let error = match e {
        Error::NotFound => "not_found",
        Error::TooMany(_) => "wait",
        _ => "broken",
    };
    KioskView { error: error.to_owned(), ..KioskView::default() }
}

fn told(visit: &Visit, view: &KioskView) -> Response {
    let status = match view.error.as_str() {
        "" => StatusCode::OK,
        "not_found" => StatusCode::NOT_FOUND,
        "wait" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut response = (status, html(&kiosk::render(view, &visit.shell))).into_response();
    if !view.status.is_empty() {
        response.headers_mut().insert("refresh", HeaderValue::from_static("10;url=/kiosk"));
    }
    response
}
