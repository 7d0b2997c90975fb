//! Outbreaks at school: the signals, one of them, what is decided about it, and the report that goes out.

use super::{
    download::download,
    frame::{
        self, Form, PageError, Params, Shown, Visit, by_id, filled, filled_in, first_word, html, is_told, messages,
    },
    home::{items, json_of, with_query},
};
use crate::pages::{
    layout::Flash,
    outbreak::{self, OutbreakView},
    outbreaks::{self as pages, OutbreaksView},
    parts::Tone,
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::json;
use std::collections::BTreeMap;

/// GET `/outbreaks`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let mut visit = visit;
    if query.contains_key("asked") {
        let text = visit.shell.t().outbreak.asked.to_owned();
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let view = all(&visit, query.get("state").is_some_and(|state| state == "all")).await?;
    Ok(html(&pages::render(&view, &visit.shell)))
}

async fn all(visit: &Visit, is_all: bool) -> Result<OutbreaksView, PageError> {
    let call = with_query(Call::default(), &[("state", if is_all { "" } else { "open" })]);
    let told = json_of(visit.call("school.outbreak.board", call).await?);
    let mut view: OutbreaksView = visit.view(json!({"data": told["data"], "small_cell": told["small_cell"]}))?;
    let past = json_of(visit.call("school.outbreak.false_alarms", Call::default()).await?);
    view.past = visit.view(past)?;
    let methods = json_of(visit.call("school.outbreak.methods", Call::default()).await?);
    view.methods = items(&methods, "methods").into_iter().map(|row| visit.view(row)).collect::<Result<_, _>>()?;
    view.week_of = methods["week_of"].as_str().map(str::to_owned);
    let rules = [("is_active", "true"), ("limit", "200"), ("sort", "code")];
    let listed = json_of(visit.call("school.outbreak_rule.list", with_query(Call::default(), &rules)).await?);
    view.rules = items(&listed, "data").into_iter().map(|row| visit.view(row)).collect::<Result<_, _>>()?;
    let counted = json_of(visit.call("school.absence.counts", Call::default()).await?);
    view.absences =
        items(&counted, "counts").into_iter().take(10).map(|row| visit.view(row)).collect::<Result<_, _>>()?;
    view.may_count = visit.ctx.may("school.visit.write");
    view.is_all = is_all;
    view.may_declare = visit.ctx.may("school.outbreak.declare");
    Ok(view)
}

/// The list again, saying why the last act was refused.
async fn again(visit: &Visit, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = all(visit, false).await?;
    view.error = first_word(visit.shell.locale, &e);
    Ok(frame::refused(&e, &pages::render(&view, &visit.shell)))
}

/// POST `/outbreaks/detect`.
pub async fn detect(Form { visit, .. }: Form) -> Shown {
    match visit.try_call("school.outbreak.detect", Call { body: json!({}), ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to("/outbreaks?asked=1").into_response()),
        Err(e) => again(&visit, e).await,
    }
}

/// POST `/outbreaks/absences`.
pub async fn absent(Form { visit, fields }: Form) -> Shown {
    let counted = async {
        let mut count = filled_in(&fields, &["grade"]);
        for name in ["absent", "enrolled"] {
            if let Some(text) = filled(&fields, name) {
                let number = text.parse::<u32>();
                count[name] = json!(number.map_err(|_| Error::invalid(name, "wrong_type", "Is a whole number"))?);
            }
        }
        if count["absent"].is_null() {
            return Err(Error::invalid("absent", "required", "Say how many"));
        }
        let mut body = filled_in(&fields, &["day"]);
        (body["school_id"], body["counts"]) = (json!(filled(&fields, "school").unwrap_or_default()), json!([count]));
        visit.try_call("school.absence.record", Call { body, ..Call::default() }).await
    };
    let e = match counted.await {
        Ok(_) => return Ok(Redirect::to("/outbreaks#absence").into_response()),
        Err(Error::Invalid(mut wrong)) => {
            for field in &mut wrong {
                field.pointer = field.pointer.replace("/counts/0/", "/").replace("/school_id", "/school");
            }
            Error::Invalid(wrong)
        }
        Err(e) => e,
    };
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = all(&visit, false).await?;
    let (errors, general) = messages(visit.shell.locale, &e);
    view.error = if errors.is_empty() { general } else { errors[0].message.clone() };
    (view.errors, view.values) = (errors, fields);
    Ok(frame::refused(&e, &pages::render(&view, &visit.shell)))
}

/// POST `/outbreaks/rules/{id}/confirm`.
pub async fn confirm(Path(id): Path<String>, Form { visit, .. }: Form) -> Shown {
    match visit.try_call("school.outbreak_rule.confirm", by_id(&id)).await {
        Ok(_) => Ok(Redirect::to("/outbreaks#rules").into_response()),
        Err(e) => again(&visit, e).await,
    }
}

/// GET `/outbreaks/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = view(&visit, &id).await?;
    Ok(html(&outbreak::render(&view, &visit.shell)))
}

async fn view(visit: &Visit, id: &str) -> Result<OutbreakView, PageError> {
    let told = json_of(visit.call("school.outbreak.show", by_id(id)).await?);
    let mut view: OutbreakView = visit.view(told)?;
    view.may_report = visit.ctx.may("school.outbreak.report");
    view.may_decide_cases = visit.ctx.may("school.visit.write") && view.line_list.is_some();
    view.may_see_vaccines = visit.ctx.may("school.immunization.read");
    Ok(view)
}

/// The alert again, with what was typed and what is wrong with it.
async fn refused(visit: &Visit, id: &str, fields: BTreeMap<String, String>, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = view(visit, id).await?;
    let (errors, general) = messages(visit.shell.locale, &e);
    let known =
        ["reason", "reported_to", "basis", "recipient", "copies", "case", "case_class", "disease_code", "decision"];
    let mine = |field: &str| known.contains(&field) || field.starts_with("illness_") || field.starts_with("message_");
    let other = errors.iter().find(|e| !mine(e.field.trim_start_matches('/'))).map(|e| e.message.clone());
    view.error = other.unwrap_or(general);
    view.errors = errors;
    view.values = fields;
    Ok(frame::refused(&e, &outbreak::render(&view, &visit.shell)))
}

/// POST `/outbreaks/{id}/state`.
pub async fn decide(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["state", "reason", "reported_to"]);
    let version = filled(&fields, "version").and_then(|text| text.parse().ok());
    let call = Call { body, if_match: version, ..by_id(&id) };
    match visit.try_call("school.outbreak.decide", call).await {
        Ok(_) => Ok(Redirect::to(&format!("/outbreaks/{id}#next")).into_response()),
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/outbreaks/{id}/case`.
pub async fn case(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let mut body = filled_in(&fields, &["case_class", "disease_code"]);
    body["reason"] = json!(filled(&fields, "decision").unwrap_or_default());
    if let Some(all) = body.as_object_mut() {
        // Left empty, the disease stays.
        all.retain(|_, value| !value.is_null());
    }
    let decided = match filled(&fields, "case") {
        Some(case) => visit.try_call("school.symptom.decide", Call { body, ..by_id(case) }).await.map(|_| ()),
        None => Err(Error::invalid("case", "required", "Say whose case it is")),
    };
    match decided {
        Ok(()) => Ok(Redirect::to(&format!("/outbreaks/{id}#cases")).into_response()),
        Err(Error::Invalid(mut wrong)) => {
            for field in wrong.iter_mut().filter(|field| field.pointer == "/reason") {
                field.pointer = "/decision".into();
            }
            refused(&visit, &id, fields, Error::Invalid(wrong)).await
        }
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/outbreaks/{id}/report`: a file.
pub async fn report(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let identified = fields.get("identified").is_some_and(|v| v == "true");
    let mut body = filled_in(&fields, &["recipient", "measures", "case_definition"]);
    body["identified"] = json!(identified);
    let (format, part) = match filled(&fields, "format").unwrap_or_default() {
        "xlsx" => ("XLSX", "REPORT"),
        "list_pdf" => ("PDF", "LINE_LIST"),
        "list_xlsx" => ("XLSX", "LINE_LIST"),
        "list_csv" => ("CSV", "LINE_LIST"),
        _ => ("PDF", "REPORT"),
    };
    (body["format"], body["part"]) = (json!(format), json!(part));
    if let Some(kind) = filled(&fields, "basis") {
        body["legal_basis"] = json!({"kind": kind, "text": fields.get("basis_text").cloned().unwrap_or_default()});
    }
    match visit.try_call("school.outbreak.report", Call { body, ..by_id(&id) }).await {
        Ok(done) => download(&json_of(done)["file"]).map_err(|e| visit.error(e)),
        Err(e) => refused(&visit, &id, fields, named(e)).await,
    }
}

/// POST `/outbreaks/{id}/letters`: a PDF.
pub async fn letters(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let mut body = filled_in(&fields, &["contact", "signed"]);
    body["copies"] = json!(fields.get("copies").is_some_and(|v| v == "true"));
    for what in ["illness", "message"] {
        let of = |tag: &str| filled(&fields, &format!("{what}_{tag}"));
        let texts = json!({"en": of("en"), "es": of("es"), "pt-BR": of("pt")});
        if texts.as_object().is_some_and(|all| all.values().any(|v| !v.is_null())) {
            body[what] = texts;
        }
    }
    match visit.try_call("school.outbreak.write_letters", Call { body, ..by_id(&id) }).await {
        Ok(done) => download(&json_of(done)["file"]).map_err(|e| visit.error(e)),
        Err(e) => refused(&visit, &id, fields, named(e)).await,
    }
}

/// The fields of the operation by the names that the form has.
fn named(e: Error) -> Error {
    match e {
        Error::Invalid(mut fields) => {
            for field in &mut fields {
                if field.pointer.starts_with("/legal_basis") {
                    field.pointer = "/basis".into();
                }
                for what in ["illness", "message"] {
                    if let Some(tag) = field.pointer.strip_prefix(&format!("/{what}/")) {
                        field.pointer = format!("/{what}_{}", tag.split('-').next().unwrap_or(tag));
                    }
                }
            }
            Error::Invalid(fields)
        }
        other => other,
    }
}
