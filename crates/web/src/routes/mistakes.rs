//! Errors with medication: reported from a dose, told, and closed.

use super::{
    frame::{self, Form, PageError, Shown, Visit, by_id, filled_in, first_word, html, is_told, messages},
    medication::read_dose,
};
use crate::pages::{
    dose,
    medication_errors::{self, ErrorsView, MedicationError},
    patients,
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::json;

/// Errors that are shown.
const SHOWN: &str = "50";

/// GET `/medications/errors`.
pub async fn show(visit: Visit) -> Shown {
    let view = read(&visit).await?;
    Ok(html(&medication_errors::render(&view, &visit.shell)))
}

async fn read(visit: &Visit) -> Result<ErrorsView, PageError> {
    let query = [("limit", SHOWN), ("sort", "-happened_at")];
    let listed = visit.page("school.medication_error.list", &query).await.map_err(|e| visit.error(e))?;
    let mut errors = Vec::new();
    for row in listed.rows {
        let mut error: MedicationError = visit.view(json!(row))?;
        let fields = "pseudonym,family_name,given_names,preferred_name";
        let person = visit.row("medical.patient.get", &error.student_id, fields).await.map_err(|e| visit.error(e))?;
        let name =
            patients::name(person.text("family_name"), person.text("given_names"), person.text("preferred_name"));
        error.student = if person.text("family_name").is_empty() { person.text("pseudonym").to_owned() } else { name };
        errors.push(error);
    }
    errors.sort_by_key(|error| error.closed_at.is_some());
    Ok(ErrorsView { errors, may_close: visit.ctx.may("school.med.order"), error: String::new() })
}

/// POST `/medications/doses/{id}/report`.
pub async fn report(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let mut body = filled_in(&fields, &["kind", "severity", "description", "action_taken"]);
    body["administration_id"] = json!(id);
    match visit.try_call("school.medication_error.submit", Call { body, ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to("/medications/errors").into_response()),
        Err(e) if is_told(&e) => {
            let mut view = read_dose(&visit, &id).await?;
            (view.errors, view.error) = messages(visit.shell.locale, &e);
            view.values = fields;
            Ok(frame::refused(&e, &dose::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/medications/errors/{id}/{verb}`.
pub async fn act(Path((id, verb)): Path<(String, String)>, Form { visit, fields }: Form) -> Shown {
    let (op, names): (&str, &[&str]) = match verb.as_str() {
        "notice" => ("school.medication_error.notice", &["who", "said"]),
        "close" => ("school.medication_error.close", &["review"]),
        _ => return Err(visit.error(Error::NotFound)),
    };
    match visit.try_call(op, Call { body: filled_in(&fields, names), ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/medications/errors#error-{id}")).into_response()),
        Err(e) if is_told(&e) => {
            let mut view = read(&visit).await?;
            view.error = first_word(visit.shell.locale, &e);
            Ok(frame::refused(&e, &medication_errors::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}
