//! What the form of a visit says besides its outcome: when it was and from where, vital signs, and treatments in lines; and how a visit
//! shows them. Times are on the clocks of the organization, as everywhere on its pages.

use super::{
    frame::{Visit, filled, text},
    home::items,
    on_call::local,
};
use crate::pages::i18n::{codes, format};
use salus_core::{Error, Result};
use salus_domains::school::{BLOOD_PRESSURE, SIGNS};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Most lines of treatments in a form.
const LINES: usize = 40;

/// The instant of a date and time of a form.
pub fn instant(visit: &Visit, field: &str, given: &str) -> Result<String> {
    let at = visit.shell.zone.instant(local(field, given)?);
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal)
}

/// An instant as a field of date and time has it.
fn typed(visit: &Visit, iso: &str) -> String {
    let at = OffsetDateTime::parse(iso, &Rfc3339).map(|at| visit.shell.zone.local(at));
    at.map(|at| format!("{}T{:02}:{:02}", at.date(), at.hour(), at.minute())).unwrap_or_default()
}

/// The values of the fields as the visit stands.
pub fn values(visit: &Visit, held: &Value) -> BTreeMap<String, String> {
    let (from, to) = (typed(visit, &text(held, "check_in_at")), typed(visit, &text(held, "check_out_at")));
    let day = from.split('T').next().unwrap_or_default().to_owned();
    let mut values = BTreeMap::from([
        ("arrived_from".to_owned(), text(held, "arrived_from")),
        ("day".to_owned(), day),
        ("check_in_at".to_owned(), from.clone()),
        ("check_in_was".to_owned(), from),
        ("check_out_at".to_owned(), to.clone()),
        ("check_out_was".to_owned(), to),
    ]);
    for (n, one) in items(held, "treatments").iter().enumerate() {
        let at = text(one, "at");
        values.insert(format!("treatment-{n}"), text(one, "code"));
        values.insert(format!("treatment_at-{n}"), format::clock(&visit.shell.zone, &at));
        values.insert(format!("treatment_qty-{n}"), one["qty"].as_f64().map(|qty| qty.to_string()).unwrap_or_default());
        values.insert(format!("treatment_was-{n}"), at);
    }
    values
}

/// Adds to a body what the form says. Times that nobody touched are left as they are, to the second.
pub fn said(visit: &Visit, fields: &BTreeMap<String, String>, body: &mut Map<String, Value>, ends: bool) -> Result<()> {
    let given = |name: &str| filled(fields, name);
    body.insert("arrived_from".into(), json!(given("arrived_from")));
    for (name, was) in [("check_in_at", "check_in_was"), ("check_out_at", "check_out_was")] {
        let Some(at) = given(name).filter(|at| Some(*at) != given(was)) else { continue };
        if name == "check_in_at" || ends {
            body.insert(name.into(), json!(instant(visit, name, at)?));
        }
    }
    let signs: Map<String, Value> =
        SIGNS.iter().filter_map(|s| Some((s.name.to_owned(), json!(given(s.name)?.replace(',', "."))))).collect();
    if !signs.is_empty() {
        body.insert("vital_signs".into(), Value::Object(signs));
    }
    let mut done = Vec::new();
    for n in 0..LINES {
        let of = |name: &str| given(&format!("{name}-{n}"));
        let Some(code) = of("treatment") else { continue };
        let at = match (of("treatment_at"), of("treatment_was"), given("day")) {
            (Some(at), Some(was), _) if at == format::clock(&visit.shell.zone, was) => Some(was.to_owned()),
            (Some(at), _, Some(day)) => Some(instant(visit, "treatments", &format!("{day}T{at}"))?),
            _ => None,
        };
        done.push(json!({"code": code, "at": at, "qty": of("treatment_qty").map(|qty| qty.replace(',', "."))}));
    }
    body.insert("treatments".into(), json!(done));
    Ok(())
}

/// What was measured at a visit: name, value and when; nothing for who may not read facts.
pub async fn measured(visit: &Visit, held: &Value) -> Result<Vec<(String, String, String)>> {
    let ids = items(held, "vital_sign_ids");
    if ids.is_empty() || !visit.ctx.may("records.fact.read") {
        return Ok(Vec::new());
    }
    let (student, day) = (text(held, "student_id"), text(held, "visit_on"));
    let query = [("patient_id", student.as_str()), ("measured_on", day.as_str()), ("limit", "200")];
    let page = visit.page("records.vital_sign.list", &query).await?;
    let name = |code: &str| {
        let sign = SIGNS.iter().find(|s| s.code == code);
        sign.map_or_else(|| code.to_owned(), |s| codes::label(visit.shell.locale, s.name).into_owned())
    };
    let mut lines = Vec::new();
    for row in page.rows.iter().filter(|row| ids.contains(&json!(row.id())) && row.text("status") != "ENTERED_IN_ERROR")
    {
        let at = row.text("measured_at").to_owned();
        if row.text("code") == BLOOD_PRESSURE {
            let parts = row.get("components").and_then(Value::as_array).cloned().unwrap_or_default();
            lines.extend(parts.iter().map(|part| {
                (name(&text(part, "code")), part["value"].as_f64().unwrap_or_default().to_string(), at.clone())
            }));
        } else {
            lines.push((name(row.text("code")), row.text("value").to_owned(), at));
        }
    }
    Ok(lines)
}

/// Doses that the student took while the visit lasted: id, medicine, outcome and when.
pub async fn doses(visit: &Visit, held: &Value) -> Result<Vec<(String, String, String, String)>> {
    if !visit.ctx.may("school.med.administer") {
        return Ok(Vec::new());
    }
    let (student, school) = (text(held, "student_id"), text(held, "school_id"));
    let (from, to) = (text(held, "check_in_at"), text(held, "check_out_at"));
    let mut query = vec![
        ("student_id", student.as_str()),
        ("school_id", school.as_str()),
        ("administered_at.gte", from.as_str()),
        ("fields", "medication,outcome,administered_at"),
    ];
    if !to.is_empty() {
        query.push(("administered_at.lte", to.as_str()));
    }
    let page = visit.page("school.administration.list", &query).await?;
    let line = |row: &salus_store::Record| {
        ["id", "medication", "outcome", "administered_at"].map(|name| row.text(name).to_owned()).into()
    };
    Ok(page.rows.iter().map(line).collect())
}
