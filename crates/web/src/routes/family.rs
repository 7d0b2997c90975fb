//! School health as a student and their family see it: one operation for each part that the person may see.

use super::{
    clinic::student,
    frame::{self, Form, PageError, Shown, Visit, by_id, filled_in, html, is_told, messages},
    home::{items, json_of},
};
use crate::pages::family::{self, FamilyView};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_store::Call;

/// GET `/students/{id}/family`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Shown {
    Ok(html(&family::render(&view(&visit, &id).await?, &visit.shell)))
}

async fn view(visit: &Visit, id: &str) -> Result<FamilyView, PageError> {
    let told = json_of(visit.call("school.dose.given", by_id(id)).await?);
    let mut view = FamilyView {
        student_id: id.to_owned(),
        name: student(&told["student"], String::new()).name,
        school: frame::text(&told["school"], "name"),
        days: told["days"].as_i64().unwrap_or_default(),
        doses: items(&told, "doses").into_iter().map(|dose| visit.view(dose)).collect::<Result<_, _>>()?,
        ..FamilyView::default()
    };
    if visit.ctx.may("school.exemption.submit") {
        let told = json_of(visit.call("school.exemption.asked", by_id(id)).await?);
        view.exemptions =
            Some(items(&told, "exemptions").into_iter().map(|one| visit.view(one)).collect::<Result<_, _>>()?);
    }
    Ok(view)
}

/// POST `/students/{id}/family/exemptions`.
pub async fn submit(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["kind", "issuer", "number", "valid_from", "valid_until"]);
    match visit.try_call("school.exemption.ask", Call { body, ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/family#exemptions")).into_response()),
        Err(e) if is_told(&e) => {
            let mut view = view(&visit, &id).await?;
            (view.errors, view.error) = messages(visit.shell.locale, &e);
            view.values = fields;
            Ok(frame::refused(&e, &family::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}
