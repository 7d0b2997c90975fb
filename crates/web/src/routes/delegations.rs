//! Who may give medication in a nurse's place.

use super::{
    frame::{Form, PageError, Params, Shown, Visit, by_id, filled, filled_in, html, messages, text},
    home::{items, json_of, with_query},
    medication::{pairs, sentence},
};
use crate::pages::delegations::{self, Delegation, DelegationsView};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use salus_core::Error;
use salus_store::Call;
use serde_json::json;
use std::collections::BTreeMap;

/// GET `/medications/delegations`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let view = read(&visit, query.get("school").map_or("", String::as_str)).await?;
    Ok(html(&delegations::render(&view, &visit.shell)))
}

async fn read(visit: &Visit, school: &str) -> Result<DelegationsView, PageError> {
    let call = with_query(Call::default(), &[("school", school)]);
    let reply = json_of(visit.call("school.delegation.of_school", call).await?);
    let rows = items(&reply, "delegations").into_iter();
    Ok(DelegationsView {
        school: text(&reply, "school"),
        schools: pairs(&reply, "schools"),
        delegations: rows.map(|one| visit.view::<Delegation>(one)).collect::<Result<_, _>>()?,
        staff: pairs(&reply, "staff"),
        is_nurse: visit.ctx.may("school.med.order"),
        values: BTreeMap::from([("trained_on".to_owned(), text(&reply, "today"))]),
        ..DelegationsView::default()
    })
}

/// POST `/medications/delegations`.
pub async fn delegate(Form { visit, fields }: Form) -> Shown {
    let school = fields.get("school").cloned().unwrap_or_default();
    let mut body = filled_in(&fields, &["user_id", "route", "trained_on", "valid_until"]);
    body["school_id"] = json!(school);
    let told = visit.try_call("school.delegation.create", Call { body, ..Call::default() }).await;
    done(&visit, &school, told.map(|_| ()), fields).await
}

/// POST `/medications/delegations/{id}/revoke`.
pub async fn revoke(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let school = fields.get("school").cloned().unwrap_or_default();
    let body = json!({"reason": filled(&fields, &format!("reason-{id}"))});
    let if_match = fields.get("row_version").and_then(|v| v.parse().ok());
    let told = visit.try_call("school.delegation.revoke", Call { body, if_match, ..by_id(&id) }).await;
    done(&visit, &school, told.map(|_| ()), BTreeMap::new()).await
}

async fn done(visit: &Visit, school: &str, told: Result<(), Error>, values: BTreeMap<String, String>) -> Shown {
    match told {
        Ok(()) => Ok(Redirect::to(&format!("/medications/delegations?school={school}")).into_response()),
        Err(e) => {
            let (errors, _) = messages(visit.shell.locale, &e);
            let read = read(visit, school).await?;
            let view = DelegationsView { errors, error: sentence(visit, e)?, values, ..read };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&delegations::render(&view, &visit.shell))).into_response())
        }
    }
}
