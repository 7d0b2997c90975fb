//! Immunization at school: how schools stand, students by where they stand, and one student with the reason of each verdict.

use super::{
    frame::{
        self, Form, PageError, Params, Shown, Visit, by_id, filled_in, first_word, html, is_told, messages, text, words,
    },
    home::{items, json_of, with_query},
};
use crate::pages::{
    compliance_trend,
    exclusions::{self, ExclusionsView},
    i18n::fill,
    immunizations::{self as pages, KINDS, SchoolsView, StudentsView},
    layout::Flash,
    parts::Tone,
    patients,
    reminders::{self, Became, RemindersView},
    vaccines::{self, VaccinesView},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::json;
use std::collections::BTreeMap;

/// GET `/immunizations`.
pub async fn schools(visit: Visit, Query(query): Params) -> Shown {
    let mut visit = visit;
    if let Some(n) = query.get("judged").filter(|n| n.len() <= 6 && n.chars().all(|c| c.is_ascii_digit())) {
        let text = fill(visit.shell.t().immunization.judged, &[("n", n)]);
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let view = all(&visit).await?;
    Ok(html(&pages::schools(&view, &visit.shell)))
}

async fn all(visit: &Visit) -> Result<SchoolsView, PageError> {
    let told = json_of(visit.call("school.immunization.dashboard", Call::default()).await?);
    let waiting = told["requirements_waiting"].as_u64().unwrap_or(0);
    let mut view: SchoolsView = visit.view(told)?;
    if waiting > 0 {
        let listed = visit.page("school.requirement.list", &[("limit", "200")]).await.map_err(|e| visit.error(e))?;
        let rows = listed.rows.iter().filter(|row| row.text("approved_at").is_empty());
        view.waiting = rows.map(|row| visit.view(json!(row))).collect::<Result<_, _>>()?;
    }
    let trend = json_of(visit.call("school.immunization.trend", Call::default()).await?);
    view.trend = visit.view(trend["schools"].clone())?;
    view.may_write = visit.ctx.may("school.immunization.write");
    view.may_approve = visit.ctx.may("school.exemption.approve");
    Ok(view)
}

/// GET `/immunizations/trend`.
pub async fn trend(visit: Visit, Query(query): Params) -> Shown {
    let school = query.get("school").cloned().unwrap_or_default();
    let call = with_query(Call::default(), &[("school_id", &school)]);
    let told = json_of(visit.call("school.immunization.trend", call).await?);
    let first = items(&told, "schools").into_iter().next().ok_or_else(|| visit.error(Error::NotFound))?;
    Ok(html(&compliance_trend::render(&visit.view(first)?, &visit.shell)))
}

/// The page again, saying why the last act was refused.
async fn again(visit: &Visit, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = all(visit).await?;
    view.error = first_word(visit.shell.locale, &e);
    Ok(frame::refused(&e, &pages::schools(&view, &visit.shell)))
}

/// POST `/immunizations/evaluate`.
pub async fn evaluate(Form { visit, fields }: Form) -> Shown {
    let body = json!({"school_id": fields.get("school")});
    match visit.try_call("school.immunization.evaluate", Call { body, ..Call::default() }).await {
        Ok(done) => {
            let n = json_of(done)["evaluated"].as_u64().unwrap_or(0);
            Ok(Redirect::to(&format!("/immunizations?judged={n}")).into_response())
        }
        Err(e) => again(&visit, e).await,
    }
}

/// POST `/immunizations/requirements/{id}/approve`.
pub async fn approve_requirement(Path(id): Path<String>, Form { visit, .. }: Form) -> Shown {
    match visit.try_call("school.requirement.approve", by_id(&id)).await {
        Ok(_) => Ok(Redirect::to("/immunizations").into_response()),
        Err(e) => again(&visit, e).await,
    }
}

/// GET `/immunizations/students`.
pub async fn students(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (school, page) = (get("school"), get("page"));
    let kind = Some(get("kind")).filter(|kind| KINDS.contains(&kind.as_str())).unwrap_or_default();
    let plain = |group: &String| group.len() <= 40 && group.chars().all(|c| c.is_ascii_alphanumeric());
    let group = Some(get("group")).filter(plain).unwrap_or_default();
    let susceptible = Some(get("susceptible")).filter(plain).unwrap_or_default();
    let narrowed = [
        ("school_id", &*school),
        ("kind", &*kind),
        ("page", &*page),
        ("vaccine_group", &*group),
        ("susceptible_to", &*susceptible),
    ];
    let call = with_query(Call::default(), &narrowed);
    let told = json_of(visit.call("school.immunization.compliance", call).await?);
    let mut view: StudentsView = visit.view(told)?;
    if !school.is_empty() {
        let call = with_query(Call::default(), &[("school_id", &school)]);
        let here = json_of(visit.call("school.immunization.dashboard", call).await?);
        view.school_name = items(&here, "schools").first().map(|s| text(s, "name")).unwrap_or_default();
    }
    view.school = school;
    view.kind = kind;
    view.may_write = visit.ctx.may("school.immunization.write");
    (view.group, view.susceptible) = (group, susceptible);
    Ok(html(&pages::students(&view, &visit.shell)))
}

/// Days ahead that the list of exclusions shows.
const AHEAD: u64 = 30;

/// GET `/immunizations/exclusions`.
pub async fn excluded(visit: Visit, Query(query): Params) -> Shown {
    let school = query.get("school").cloned().unwrap_or_default();
    let call = with_query(Call::default(), &[("school_id", &school), ("ahead", &AHEAD.to_string())]);
    let told = json_of(visit.call("school.immunization.exclusions", call).await?);
    let named = items(&told, "schools").iter().find(|s| s["id"] == told["school"]).map(|s| text(s, "name"));
    let mut view =
        ExclusionsView { ahead: AHEAD, ..visit.view(json!({"data": told["data"], "total": told["total"]}))? };
    (view.school, view.today) = (text(&told, "school"), text(&told, "today"));
    view.school_name = named.unwrap_or_default();
    view.may_write = visit.ctx.may("school.exemption.approve");
    Ok(html(&exclusions::render(&view, &visit.shell)))
}

/// POST `/students/{id}/admissions`.
pub async fn admit(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["reason", "begins_on"]);
    match visit.try_call("school.admission.admit", Call { body, ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#admissions")).into_response()),
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/students/{id}/admissions/{admission}/end`.
pub async fn end_admission(Path((id, admission)): Path<(String, String)>, Form { visit, fields }: Form) -> Shown {
    let body = json!({"reason": fields.get("reason")});
    match visit.try_call("school.admission.end", Call { body, ..by_id(&admission) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#admissions")).into_response()),
        Err(e) => refused(&visit, &id, BTreeMap::new(), e).await,
    }
}

/// GET `/immunizations/reminders`.
pub async fn reminders(visit: Visit, Query(query): Params) -> Shown {
    let view = arranged(&visit, query.get("school").cloned().unwrap_or_default()).await?;
    Ok(html(&reminders::render(&view, &visit.shell)))
}

/// POST `/immunizations/reminders`.
pub async fn remind(Form { visit, fields }: Form) -> Shown {
    let school = fields.get("school").cloned().unwrap_or_default();
    let body = json!({"action": fields.get("action"), "school_id": school});
    match visit.try_call("school.reminder.arrange", Call { body, ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to(&format!("/immunizations/reminders?school={school}#became")).into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let mut view = arranged(&visit, school).await?;
            view.error = words(visit.shell.locale, &e);
            Ok(frame::refused(&e, &reminders::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// What would be sent now, and what became of what was.
async fn arranged(visit: &Visit, school: String) -> Result<RemindersView, PageError> {
    let body = json!({"action": "create", "school_id": school, "dry_run": true});
    let mut view = match visit.try_call("school.reminder.arrange", Call { body, ..Call::default() }).await {
        Ok(told) => visit.view::<RemindersView>(json_of(told))?,
        // That nobody can be reached is something to be told, not a page that fails.
        Err(Error::Invalid(fields)) if fields.iter().any(|f| f.code == "no_reachable_contact") => {
            RemindersView { error: words(visit.shell.locale, &Error::Invalid(fields)), ..RemindersView::default() }
        }
        Err(e) => return Err(visit.error(e)),
    };
    let call = with_query(Call::default(), &[("school_id", &school)]);
    let here = json_of(visit.call("school.immunization.dashboard", call).await?);
    view.school_name = items(&here, "schools").first().map(|s| text(s, "name")).unwrap_or_default();
    let query = [("limit", "200"), ("sort", "-created_at"), ("fields", "status,suppression_reason")];
    let listed = visit.page("school.reminder.list", &query).await.map_err(|e| visit.error(e))?;
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in listed.rows {
        *counted.entry((row.text("status").to_owned(), row.text("suppression_reason").to_owned())).or_default() += 1;
    }
    let became = |((status, suppression_reason), count)| Became { status, suppression_reason, count };
    view.became = counted.into_iter().map(became).collect();
    view.school = school;
    Ok(view)
}

/// GET `/students/{id}/immunizations`.
pub async fn student(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = one(&visit, &id).await?;
    Ok(html(&vaccines::render(&view, &visit.shell)))
}

async fn one(visit: &Visit, id: &str) -> Result<VaccinesView, PageError> {
    let told = json_of(visit.call("school.immunization.show", by_id(id)).await?);
    let mut view: VaccinesView = visit.view(told)?;
    let fields = "pseudonym,family_name,given_names,preferred_name";
    let person = visit.row("medical.patient.get", id, fields).await.map_err(|e| visit.error(e))?;
    let name = patients::name(person.text("family_name"), person.text("given_names"), person.text("preferred_name"));
    view.name = if person.text("family_name").is_empty() { person.text("pseudonym").to_owned() } else { name };
    view.may_write = visit.ctx.may("school.immunization.write");
    view.may_approve = visit.ctx.may("school.exemption.approve");
    Ok(view)
}

/// POST `/students/{id}/exemptions`.
pub async fn submit(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["kind", "issuer", "number", "valid_from", "valid_until"]);
    match visit.try_call("school.exemption.submit", Call { body, ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#exemptions")).into_response()),
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/students/{id}/exemptions/{exemption}/{verb}`.
pub async fn decide(
    Path((id, exemption, verb)): Path<(String, String, String)>,
    Form { visit, fields }: Form,
) -> Shown {
    let (op, body) = match verb.as_str() {
        "approve" => ("school.exemption.approve", filled_in(&fields, &["number"])),
        "reject" => ("school.exemption.reject", json!({"reason": fields.get("reason")})),
        "revoke" => ("school.exemption.revoke", json!({"reason": fields.get("reason")})),
        _ => return Err(visit.error(Error::NotFound)),
    };
    match visit.try_call(op, Call { body, ..by_id(&exemption) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#exemptions")).into_response()),
        Err(e) => refused(&visit, &id, BTreeMap::new(), e).await,
    }
}

/// POST `/students/{id}/immunizations`.
pub async fn add(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = filled_in(&fields, &["cvx", "given_on", "information_source", "lot"]);
    match visit.try_call("school.immunization.add", Call { body, ..by_id(&id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#doses")).into_response()),
        Err(e) => refused(&visit, &id, fields, e).await,
    }
}

/// POST `/students/{id}/immunizations/{dose}/{verb}`.
pub async fn mend(Path((id, dose, verb)): Path<(String, String, String)>, Form { visit, fields }: Form) -> Shown {
    let names: &[&str] = match verb.as_str() {
        "correct" => &["cvx", "given_on"],
        "error" => &["entered_in_error_reason"],
        _ => return Err(visit.error(Error::NotFound)),
    };
    let mut call = Call { body: filled_in(&fields, names), ..by_id(&id) };
    call.path.push(("dose".to_owned(), dose));
    match visit.try_call("school.immunization.correct", call).await {
        Ok(_) => Ok(Redirect::to(&format!("/students/{id}/immunizations#doses")).into_response()),
        // What was typed belongs to the dose, not to the form of a new one.
        Err(e) => refused(&visit, &id, BTreeMap::new(), e).await,
    }
}

async fn refused(visit: &Visit, id: &str, fields: BTreeMap<String, String>, e: Error) -> Shown {
    if !is_told(&e) {
        return Err(visit.error(e));
    }
    let mut view = one(visit, id).await?;
    let (errors, general) = messages(visit.shell.locale, &e);
    // What is said of no field of the forms is said above.
    let known = [
        "kind",
        "issuer",
        "number",
        "valid_from",
        "valid_until",
        "cvx",
        "given_on",
        "information_source",
        "lot",
        "reason",
        "begins_on",
    ];
    let shown = |field: &str| !fields.is_empty() && known.contains(&field);
    let other = errors.iter().find(|e| !shown(&e.field)).map(|e| e.message.clone());
    view.error = other.unwrap_or(general);
    view.errors = errors;
    view.values = fields;
    Ok(frame::refused(&e, &vaccines::render(&view, &visit.shell)))
}
