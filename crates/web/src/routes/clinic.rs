//! Today's clinic and its visits. Who is searched for travels in the body of a POST, as everywhere (decision 10).

use super::{
    frame::{Form, Params, Shown, Visit, by_id, encoded, filled, first_word, html, messages, refused, text},
    home::{items, json_of, texts, with_query},
    offline, visit_form,
};
use crate::pages::{
    clinic::{self, ClinicView, REASONS, Student, VisitRow},
    layout::{self, Flash},
    offline::Keeping,
    parts::Tone,
    patients,
    visit::{self, CONCUSSION, VisitView},
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_domains::school::SYMPTOMS;
use salus_store::{Body, Call};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// What a handle is for.
pub const PURPOSE: &str = "clinic.search";
/// Most students that are offered.
const OFFERED: usize = 12;

/// GET `/clinic`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let mut visit = visit;
    if let Some(minutes) = query.get("missed").filter(|m| m.chars().all(|c| c.is_ascii_digit()) && m.len() <= 3) {
        let text = crate::pages::i18n::fill(visit.shell.t().clinic.ended_with, &[("n", minutes)]);
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let mut view = board(&visit, &get("school")).await?;
    if let Some(asked) = query.get("found")
        && let Some(q) = visit.unseal(PURPOSE, asked).await?
    {
        view.searched = true;
        view.found = search(&visit, &q, &view.school).await.map_err(|e| visit.error(e))?;
    }
    Ok(html(&clinic::render(&view, &visit.shell)))
}

async fn board(visit: &Visit, school: &str) -> Result<ClinicView, super::frame::PageError> {
    let call = with_query(Call::default(), &[("school_id", school)]);
    let reply = json_of(visit.call("school.clinic.board", call).await?);
    let rows = |name: &str| items(&reply, name).iter().map(row).collect();
    let may_write = visit.ctx.may("school.visit.write");
    let keeping =
        if may_write { offline::keeping(visit).await.map_err(|e| visit.error(e))? } else { Keeping::default() };
    Ok(ClinicView {
        school: text(&reply, "school"),
        day: text(&reply, "day"),
        schools: items(&reply, "schools").iter().map(|s| (text(s, "id"), text(s, "name"))).collect(),
        open: rows("open"),
        ended: rows("ended"),
        may_write,
        keeping,
        ..ClinicView::default()
    })
}

fn row(value: &Value) -> VisitRow {
    VisitRow {
        id: text(value, "id"),
        student: student(&value["student"], String::new()),
        check_in_at: text(value, "check_in_at"),
        check_out_at: text(value, "check_out_at"),
        chief_complaint_code: text(value, "chief_complaint_code"),
        disposition: text(value, "disposition"),
        class_minutes_missed: value["class_minutes_missed"].as_i64(),
        minutes_estimated: value["minutes_estimated"] == json!(true),
        row_version: value["row_version"].as_i64().unwrap_or(0),
        minutes: value["minutes"].as_i64().unwrap_or(0),
    }
}

/// A student of an answer.
pub fn student(value: &Value, client_ref: String) -> Student {
    let name = patients::name(&text(value, "family_name"), &text(value, "given_names"), &text(value, "preferred_name"));
    Student {
        id: text(value, "id"),
        name: if text(value, "family_name").is_empty() { text(value, "pseudonym") } else { name },
        birth_date: text(value, "birth_date"),
        grade: text(value, "grade"),
        homeroom: text(value, "homeroom"),
        allergies: texts(value, "allergies"),
        plans: texts(value, "plans"),
        court_restriction: value["court_restriction"] == json!(true),
        open_visit: text(value, "open_visit"),
        client_ref,
        ..Student::default()
    }
}

/// POST `/clinic/find`: while somebody types, the part of the page; else the page, by an address that says nothing.
pub async fn find(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).map(|v| v.trim().chars().take(200).collect::<String>()).unwrap_or_default();
    let (q, school) = (get("q"), get("school"));
    if visit.shell.fragment {
        let found = search(&visit, &q, &school).await.map_err(|e| visit.error(e))?;
        let may_write = visit.ctx.may("school.visit.write");
        let view = ClinicView { school, found, searched: true, may_write, ..ClinicView::default() };
        return Ok(html(&if q.is_empty() {
            maud::html! {}
        } else {
            maud::html! { (layout::part2(&visit.shell)) (clinic::found(&view, &visit.shell)) }
        }));
    }
    let handle = visit.seal(PURPOSE, &q).await?;
    let page = if fields.contains_key("home") { "/" } else { "/clinic" };
    Ok(Redirect::to(&format!("{page}?school={}&found={handle}", encoded(&school))).into_response())
}

/// Students of a school, or of all schools of the person, whose name begins so, or who have this number or birth date.
pub async fn search(visit: &Visit, q: &str, school: &str) -> Result<Vec<Student>> {
    if q.is_empty() {
        return Ok(Vec::new());
    }
    let digits = q.chars().any(|c| c.is_ascii_digit());
    let date = crate::pages::i18n::format::calendar(q).is_some() && q.len() == 10;
    let ids: Vec<String> = if digits && !date {
        let found = visit.page("school.student.list", &[("student_number", q), ("fields", "patient_id")]).await?;
        found.rows.iter().map(|r| r.text("patient_id").to_owned()).collect()
    } else {
        let by = if date { "birth_date" } else { "name" };
        let found = visit.page("medical.patient.list", &[(by, q), ("limit", "50"), ("fields", "id")]).await?;
        found.rows.iter().map(|r| r.text("id").to_owned()).collect()
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let call = with_query(Call::default(), &[("ids", &ids.join(","))]);
    let reply = json_of(visit.try_call("school.clinic.students", call).await?);
    let mine = super::medication::pairs(&reply, "schools");
    let mut found = Vec::new();
    for known in items(&reply, "data") {
        let enrolled = texts(&known, "schools");
        let new = || student(&known, visit.app.db.env().id().to_string());
        if enrolled.iter().any(|id| id == school) {
            found.push(new());
        } else if school.is_empty() {
            // Where the student goes to two of the schools, the person says at which they are.
            for (id, name) in mine.iter().filter(|(id, _)| enrolled.contains(id)) {
                found.push(Student { school: id.clone(), school_name: name.clone(), ..new() });
            }
        }
    }
    found.truncate(OFFERED);
    Ok(found)
}

/// A reason of the list, or that it is none of them.
pub fn reason(code: &str) -> &str {
    if REASONS.contains(&code) { code } else { "OTHER" }
}

/// POST `/clinic/check-in`.
pub async fn check_in(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let school = get("school");
    let mut body = json!({
        "student_id": get("student_id"), "school_id": school, "client_ref": get("client_ref"),
        "chief_complaint_code": reason(&get("reason")),
    });
    if let Some(why) = filled(&fields, "backdated_reason") {
        body["backdated_reason"] = json!(why);
    }
    let was_earlier = filled(&fields, "at").is_some();
    let told = async {
        if let Some(at) = filled(&fields, "at") {
            body["check_in_at"] = json!(visit_form::instant(&visit, "check_in_at", at)?);
        }
        visit.try_call("school.visit.check_in", Call { body, ..Call::default() }).await
    };
    match told.await {
        // What is written down afterwards has its end as well.
        Ok(Body::Row(row)) if was_earlier => {
            Ok(Redirect::to(&format!("/clinic/visits/{}", row.text("id"))).into_response())
        }
        Ok(_) => Ok(Redirect::to(&format!("/clinic?school={school}")).into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let mut view = board(&visit, &school).await?;
            view.error = first_word(visit.shell.locale, &e);
            Ok(refused(&e, &clinic::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// GET `/clinic/visits/{id}`.
pub async fn visit(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = read(&visit, &id).await?;
    Ok(html(&visit::render(&view, &visit.shell)))
}

async fn read(visit: &Visit, id: &str) -> Result<VisitView, super::frame::PageError> {
    let held = visit.row("school.visit.get", id, "").await.map_err(|e| visit.error(e))?;
    let call = with_query(Call::default(), &[("ids", held.text("student_id"))]);
    let people = json_of(visit.call("school.clinic.students", call).await?);
    let value = json!(held);
    let mut values = BTreeMap::new();
    for name in ["disposition", "disposition_note", "temperature", "complaint_note", "assessment"] {
        values.insert(name.to_owned(), text(&value, name));
    }
    for symptom in texts(&value, "symptoms") {
        values.insert(format!("symptom-{symptom}"), "true".into());
    }
    if let Some(signs) = value["concussion_checklist"].as_object() {
        values.insert("checklist_done".into(), "true".into());
        let seen = signs.iter().filter(|(_, seen)| **seen == json!(true));
        values.extend(seen.map(|(sign, _)| (format!("sign-{sign}"), "true".into())));
    }
    if value["head_injury"] == json!(true) {
        values.insert("head_injury".into(), "true".into());
    }
    let contact = &value["guardian_contact"];
    for name in ["guardian", "guardian_was"] {
        values.insert(name.into(), text(contact, "who"));
    }
    if contact["reached"] == json!(true) {
        values.extend(["guardian_reached", "guardian_was_reached"].map(|name| (name.to_owned(), "true".to_owned())));
    }
    values.extend(visit_form::values(visit, &value));
    let periods = items(&value, "periods_missed");
    Ok(VisitView {
        id: id.to_owned(),
        row_version: value["row_version"].as_i64().unwrap_or(0),
        visit_number: value["visit_number"].as_i64().unwrap_or(0),
        student: student(&people["data"][0], String::new()),
        check_in_at: text(&value, "check_in_at"),
        check_out_at: text(&value, "check_out_at"),
        chief_complaint_code: text(&value, "chief_complaint_code"),
        disposition: text(&value, "disposition"),
        status: text(&value, "status"),
        record_regime: text(&value, "record_regime"),
        class_minutes_missed: value["class_minutes_missed"].as_i64(),
        minutes_estimated: value["minutes_estimated"] == json!(true),
        measured: visit_form::measured(visit, &value).await.map_err(|e| visit.error(e))?,
        doses: visit_form::doses(visit, &value).await.map_err(|e| visit.error(e))?,
        may_give: visit.ctx.may("school.med.administer"),
        periods: periods.iter().map(|p| (text(p, "name"), p["minutes"].as_i64().unwrap_or(0))).collect(),
        values,
        symptoms: SYMPTOMS.iter().map(|s| (*s).to_owned()).collect(),
        may_write: visit.ctx.may("school.visit.write"),
        may_see_vaccines: visit.ctx.may("school.immunization.read"),
        ..VisitView::default()
    })
}

/// POST `/clinic/visits/{id}/check-out`.
pub async fn check_out(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let quick = fields.contains_key("quick");
    let told = async {
        let body = if quick { json!({"disposition": fields.get("disposition")}) } else { seen(&visit, &fields, true)? };
        let call = Call { body, if_match: version(&fields), ..by_id(&id) };
        visit.try_call("school.visit.check_out", call).await
    };
    match told.await {
        Ok(Body::Row(row)) => {
            let missed = row.get("class_minutes_missed").and_then(Value::as_i64).unwrap_or(0);
            let school = row.text("school_id");
            Ok(Redirect::to(&format!("/clinic?school={school}&missed={missed}")).into_response())
        }
        Ok(_) => Err(visit.error(Error::internal("a visit is a row"))),
        Err(e) => again(&visit, &id, fields, e).await,
    }
}

/// POST `/clinic/visits/{id}`.
pub async fn change(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let amends = fields.contains_key("amended_reason");
    let told = async {
        let mut body = seen(&visit, &fields, amends)?;
        if amends {
            body["amended_reason"] = json!(fields.get("amended_reason"));
        }
        if fields.contains_key("void") {
            body = json!({"status": "VOIDED", "amended_reason": fields.get("amended_reason")});
        }
        let call = Call { body, if_match: version(&fields), ..by_id(&id) };
        visit.try_call("school.visit.change", call).await
    };
    match told.await {
        Ok(_) => Ok(Redirect::to(&format!("/clinic/visits/{id}")).into_response()),
        Err(e) => again(&visit, &id, fields, e).await,
    }
}

fn version(fields: &BTreeMap<String, String>) -> Option<i32> {
    fields.get("row_version").and_then(|v| v.parse().ok())
}

/// What a form says of a visit; `ends` with how it ends.
fn seen(visit: &Visit, fields: &BTreeMap<String, String>, ends: bool) -> Result<Value> {
    let given = |name: &str| filled(fields, name);
    let ticked = |prefix: &str, code: &str| fields.contains_key(&format!("{prefix}-{code}"));
    let mut body = Map::new();
    let symptoms: Vec<&str> = SYMPTOMS.into_iter().filter(|s| ticked("symptom", s)).collect();
    body.insert("symptoms".into(), json!(symptoms));
    body.insert("head_injury".into(), json!(fields.contains_key("head_injury")));
    for name in ["temperature", "complaint_note", "assessment"] {
        body.insert(name.into(), given(name).map_or(Value::Null, |v| json!(v.replace(',', "."))));
    }
    body.insert("complaint_note".into(), json!(given("complaint_note")));
    body.insert("assessment".into(), json!(given("assessment")));
    visit_form::said(visit, fields, &mut body, ends)?;
    if !ends {
        return Ok(Value::Object(body));
    }
    body.insert("disposition".into(), json!(given("disposition")));
    body.insert("disposition_note".into(), json!(given("disposition_note")));
    if fields.contains_key("checklist_done") {
        let signs: Map<String, Value> =
            CONCUSSION.iter().map(|c| ((*c).to_owned(), json!(ticked("sign", c)))).collect();
        body.insert("concussion_checklist".into(), Value::Object(signs));
    }
    let now = visit.app.db.env().now();
    if let Some(contact) = family(fields, now) {
        body.insert("guardian_contact".into(), contact);
    }
    if given("disposition") == Some("EMERGENCY_SERVICES_911")
        && let Some(ago) = given("called_ago").and_then(|m| m.parse::<i64>().ok()).filter(|m| (0..=480).contains(m))
    {
        let at = (now - Duration::minutes(ago)).format(&Rfc3339).unwrap_or_default();
        body.insert("emergency_called_at".into(), json!(at));
    }
    Ok(Value::Object(body))
}

/// Whom of the family was to be reached, when, and whether; none when the form says what the visit said before, which keeps its time.
fn family(fields: &BTreeMap<String, String>, now: OffsetDateTime) -> Option<Value> {
    let of =
        |who: &str, reached: &str| (filled(fields, who).map(str::to_owned), filled(fields, reached) == Some("true"));
    let (now_said, before) = (of("guardian", "guardian_reached"), of("guardian_was", "guardian_was_reached"));
    let (Some(who), reached) = &now_said else { return None };
    let when = now.format(&Rfc3339).unwrap_or_default();
    (now_said != before).then(|| json!({"who": who, "when": when, "reached": reached}))
}

/// The form again, with what is wrong beside its fields.
async fn again(visit: &Visit, id: &str, fields: BTreeMap<String, String>, e: Error) -> Shown {
    if !matches!(e, Error::Invalid(_) | Error::Conflict { .. } | Error::Stale) {
        return Err(visit.error(e));
    }
    let mut view = read(visit, id).await?;
    let (mut errors, mut general) = messages(visit.shell.locale, &e);
    for error in &mut errors {
        let shown = match error.field.as_str() {
            "emergency_called_at" => "called_ago",
            "concussion_checklist" => "checklist_done",
            "guardian_contact" => "guardian",
            other => other,
        };
        error.field = shown.to_owned();
    }
    let signs = salus_domains::school::SIGNS.map(|s| s.name);
    let known = [
        "arrived_from",
        "check_in_at",
        "check_out_at",
        "disposition",
        "disposition_note",
        "called_ago",
        "checklist_done",
        "guardian",
        "temperature",
        "amended_reason",
    ];
    if let Some(other) = errors.iter().find(|e| !known.iter().chain(&signs).any(|name| *name == e.field)) {
        general.clone_from(&other.message);
    }
    if fields.contains_key("disposition") && !fields.contains_key("quick") {
        view.values = fields;
    }
    view.errors = errors;
    view.error = general;
    Ok(refused(&e, &visit::render(&view, &visit.shell)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn when_the_family_was_reached_changes_with_whom_and_whether_alone() {
        let said = |fields: &[(&str, &str)]| {
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            family(&fields, datetime!(2026-03-02 19:00 UTC))
        };
        let before = [("guardian_was", "Aunt"), ("guardian_was_reached", "true")];
        let with = |more: &[(&'static str, &'static str)]| said(&[&before[..], more].concat());
        assert_eq!(
            with(&[("guardian", "Aunt"), ("guardian_reached", "true")]),
            None,
            "the visit was amended otherwise"
        );
        let changed = with(&[("guardian", "Aunt")]).unwrap();
        assert_eq!(changed, json!({"who": "Aunt", "when": "2026-03-02T19:00:00Z", "reached": false}));
        assert_eq!(with(&[("guardian", "Uncle"), ("guardian_reached", "true")]).unwrap()["who"], json!("Uncle"));
        assert_eq!(said(&[("guardian", "Aunt")]).unwrap()["reached"], json!(false), "the first time");
        assert_eq!(said(&[]), None);
    }
}
