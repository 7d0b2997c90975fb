//! Letters to families: what would be made, and the file.

use super::{
    frame::{self, Form, PageError, Params, Shown, Visit, html, is_told, text, words},
    home::{items, json_of, with_query},
};
use crate::pages::letters::{self, KINDS, LettersView};
use axum::{
    extract::Query,
    http::header,
    response::{IntoResponse, Redirect},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::json;

/// GET `/immunizations/letters`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let view = counted(&visit, get("school"), &get("kind")).await?;
    Ok(html(&letters::render(&view, &visit.shell)))
}

async fn counted(visit: &Visit, school: String, kind: &str) -> Result<LettersView, PageError> {
    let may_exclude = visit.ctx.may("school.exemption.approve");
    let first = if may_exclude { KINDS[0] } else { KINDS[1] };
    let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or(first);
    let body = json!({"school_id": school, "kind": kind, "dry_run": true});
    let mut view: LettersView =
        visit.view(json_of(visit.call("school.letter.write", Call { body, ..Call::default() }).await?))?;
    let call = with_query(Call::default(), &[("school_id", &school)]);
    let here = json_of(visit.call("school.immunization.dashboard", call).await?);
    view.school_name = items(&here, "schools").first().map(|s| text(s, "name")).unwrap_or_default();
    (view.school, view.may_exclude) = (school, may_exclude);
    Ok(view)
}

/// POST `/immunizations/letters`: the file.
pub async fn make(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (school, kind) = (get("school"), get("kind"));
    let body = json!({"school_id": school, "kind": kind, "again": get("again") == "true"});
    let told = match visit.try_call("school.letter.write", Call { body, ..Call::default() }).await {
        Ok(told) => json_of(told),
        Err(e) if is_told(&e) => {
            let mut view = counted(&visit, school, &kind).await?;
            view.error = words(visit.shell.locale, &e);
            return Ok(frame::refused(&e, &letters::render(&view, &visit.shell)));
        }
        Err(e) => return Err(visit.error(e)),
    };
    match told["pdf"].as_str() {
        Some(encoded) => pdf(&visit, encoded, "letters.pdf"),
        None => Ok(Redirect::to(&format!("/immunizations/letters?school={school}&kind={kind}")).into_response()),
    }
}

/// A PDF that an operation answered, to be kept by the browser; its name tells nothing of anybody.
pub fn pdf(visit: &Visit, encoded: &str, name: &str) -> Shown {
    let bytes = STANDARD.decode(encoded).map_err(|e| visit.error(Error::internal(e)))?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
