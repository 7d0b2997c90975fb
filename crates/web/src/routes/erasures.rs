//! Erasures: what waits, a new request, a decision, a certificate.

use super::{
    frame::{Form, Params, Shown, Visit, by_id, html, messages, words},
    home::json_of,
};
use crate::pages::erasures::{self, Certificate, ErasuresView, RequestForm};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::{Call, erase::REASONS};
use serde_json::json;

/// GET `/erasures`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let person = query.get("person").cloned().unwrap_or_default();
    let form = RequestForm { person_id: person, ..RequestForm::default() };
    page(&visit, ErasuresView { form, ..ErasuresView::default() }).await
}

async fn page(visit: &Visit, view: ErasuresView) -> Shown {
    let reply = json_of(visit.call("compliance.erasure_request.list", Call::default()).await?);
    let requests = serde_json::from_value(reply["data"].clone()).map_err(|e| visit.error(Error::internal(e)))?;
    let view = ErasuresView {
        requests,
        reasons: REASONS.map(str::to_owned).to_vec(),
        may_ask: visit.ctx.may("compliance.erasure.request"),
        may_confirm: visit.ctx.may("compliance.erasure.confirm"),
        ..view
    };
    Ok(html(&erasures::render(&view, &visit.shell)))
}

/// POST `/erasures`.
pub async fn ask(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let form = RequestForm { person_id: get("person_id"), reason: get("reason"), note: get("note") };
    let made = if form.person_id.parse::<uuid::Uuid>().is_err() {
        Err(Error::invalid(
            "person_id",
            "wrong_type",
            "Is the number of a patient's record, such as stands in its address",
        ))
    } else {
        let body = json!({"person_id": form.person_id, "reason": form.reason, "note": form.note});
        visit.try_call("compliance.erasure_request.ask", Call { body, ..Call::default() }).await
    };
    match made {
        Ok(_) => Ok(Redirect::to("/erasures").into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let (errors, general) = messages(visit.shell.locale, &e);
            page(&visit, ErasuresView { form, errors, general, ..ErasuresView::default() }).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/erasures/{id}/confirm`.
pub async fn confirm(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let typed = fields.get(&format!("confirm-{id}")).map(|v| v.trim().to_owned()).unwrap_or_default();
    let done = match typed.parse::<uuid::Uuid>() {
        Err(_) => Err(Error::invalid("confirm", "not_the_same", "Repeats the id of the person to be erased")),
        Ok(person) => {
            let call = Call { body: json!({"confirm": person}), ..by_id(&id) };
            visit.try_call("compliance.erasure_request.confirm", call).await
        }
    };
    decided(&visit, done.map(|_| ())).await
}

/// POST `/erasures/{id}/decline`.
pub async fn decline(Path(id): Path<String>, form: Form) -> Shown {
    let done = form.visit.try_call("compliance.erasure_request.decline", by_id(&id)).await;
    decided(&form.visit, done.map(|_| ())).await
}

async fn decided(visit: &Visit, done: Result<(), Error>) -> Shown {
    match done {
        Ok(()) => Ok(Redirect::to("/erasures").into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::Unavailable(_))) => {
            page(visit, ErasuresView { general: words(visit.shell.locale, &e), ..ErasuresView::default() }).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// GET `/erasures/{id}`.
pub async fn certificate(visit: Visit, Path(id): Path<String>) -> Shown {
    let reply = json_of(visit.call("compliance.erasure_request.certificate", by_id(&id)).await?);
    let view: Certificate = serde_json::from_value(reply).map_err(|e| visit.error(Error::internal(e)))?;
    Ok(html(&erasures::certificate(&view, &visit.shell)))
}
