//! The pass of a visit, with the times of its school.

use super::{
    clinic::student,
    frame::{Shown, Visit, by_id, html, text},
    home::json_of,
};
use crate::pages::{
    i18n::Zone,
    pass::{self, PassView},
};
use axum::extract::Path;
use serde_json::json;

/// GET `/clinic/visits/{id}/pass`.
pub async fn show(mut visit: Visit, Path(id): Path<String>) -> Shown {
    let mut told = json_of(visit.call("school.visit.pass", by_id(&id)).await?);
    told["name"] = json!(student(&told["student"], String::new()).name);
    visit.shell.zone = Zone::named(&text(&told, "timezone"));
    let view: PassView = visit.view(told)?;
    Ok(html(&pass::render(&view, &visit.shell)))
}
