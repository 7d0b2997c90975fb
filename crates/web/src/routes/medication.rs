//! The medication round, a recorded dose, and the medication of one student.

use super::{
    clinic::student,
    frame::{Form, PageError, Params, Shown, Visit, by_id, filled, html, messages, text, words},
    home::{items, json_of, with_query},
    letters::pdf,
    scan,
};
use crate::pages::{
    dose::{self, DoseView, EFFECTS, Said, Version},
    i18n::Zone,
    layout::Flash,
    medication::{self, Dose, Refused, RoundView, Scan},
    medication_month::{self, MonthView},
    orders::{self, Order, OrdersView},
    parts::Tone,
};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::Markup;
use salus_core::{Error, Result};
use salus_store::{Call, Record};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};

/// GET `/medications`.
pub async fn show(mut visit: Visit, Query(query): Params) -> Shown {
    if query.contains_key("done") {
        let text = visit.shell.t().medication.was_recorded.to_owned();
        visit.shell.flash.push(Flash { tone: Tone::Good, text });
    }
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let scan = scan::before(&visit, &get("scanned")).await?;
    let view = RoundView { scan, ..round(&visit, &get("school")).await? };
    Ok(html(&shown(visit, &view)))
}

/// The round with the times of its school, whatever the zone of the organization.
pub fn shown(mut visit: Visit, view: &RoundView) -> Markup {
    if !view.timezone.is_empty() {
        visit.shell.zone = Zone::named(&view.timezone);
    }
    medication::render(view, &visit.shell)
}

/// The doses of the day at a school.
pub async fn round(visit: &Visit, school: &str) -> Result<RoundView, PageError> {
    let call = with_query(Call::default(), &[("school", school)]);
    let reply = json_of(visit.call("school.medication_round.today", call).await?);
    let dose = |value: &Value| {
        let mut plain = value.clone();
        plain["student"] = json!(student(&value["student"], String::new()));
        plain["client_ref"] = json!(visit.app.db.env().id());
        visit.view::<Dose>(plain)
    };
    Ok(RoundView {
        school: text(&reply, "school"),
        day: text(&reply, "day"),
        timezone: text(&reply, "timezone"),
        schools: pairs(&reply, "schools"),
        doses: items(&reply, "doses").iter().map(dose).collect::<Result<_, _>>()?,
        is_nurse: visit.ctx.may("school.med.order"),
        ..RoundView::default()
    })
}

/// A time of day of today at a school, in its zone, as an instant.
fn today_at(now: OffsetDateTime, timezone: &str, clock: &str) -> Result<String> {
    let wrong = || Error::invalid("administered_at", "wrong_type", "Is a time of day such as 12:05");
    let zone = Zone::named(timezone);
    if zone.name() != timezone {
        return Err(Error::invalid(
            "administered_at",
            "wrong_type",
            "The zone of the school is unknown: load the page again",
        ));
    }
    let (hour, minute) = clock.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str| part.parse::<u8>().map_err(|_| wrong());
    let time = Time::from_hms(number(hour)?, number(minute)?, 0).map_err(|_| wrong())?;
    let at = zone.instant(PrimitiveDateTime::new(zone.local(now).date(), time));
    at.format(&Rfc3339).map_err(Error::internal)
}

/// POST `/medications/give`.
pub async fn give(Form { visit, fields }: Form) -> Shown {
    let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (dose, school) = (get("dose"), get("school"));
    let own = |name: &str| filled(&fields, &format!("{name}-{dose}"));
    let scan = scan::before(&visit, &get("scanned")).await?;
    let mut refused = Refused {
        order_id: get("order_id"),
        scheduled_for: get("scheduled_for"),
        reason: own("reason").or(own("other")).unwrap_or_default().to_owned(),
        given_at: own("given_at").unwrap_or_default().to_owned(),
        ..Refused::default()
    };
    let mut body = json!({
        "order_id": refused.order_id, "scheduled_for": refused.scheduled_for, "client_ref": get("client_ref"),
        "outcome": get("outcome"),
    });
    if !refused.reason.is_empty() {
        body["reason"] = json!(refused.reason);
    }
    // A dose of somebody else than whose badge was scanned is refused.
    if !scan.student.is_empty() {
        body["student_id"] = json!(scan.student);
    }
    let told = async {
        if body["outcome"] == json!("GIVEN") {
            body["rights"] = scan::rights(&scan, &refused.order_id);
            if !refused.given_at.is_empty() {
                body["administered_at"] =
                    json!(today_at(visit.app.db.env().now(), &get("timezone"), &refused.given_at)?);
            }
        }
        visit.try_call("school.administration.record", Call { body, ..Call::default() }).await
    };
    match told.await {
        Ok(_) => Ok(Redirect::to(&format!("{}&done=1", scan::address(&school, &scan.handle))).into_response()),
        Err(e) => {
            refused.message = sentence(&visit, e)?;
            let mut view = RoundView { refused, scan, ..round(&visit, &school).await? };
            view.tell_beside();
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&shown(visit, &view))).into_response())
        }
    }
}

/// What a person can do something about, in words; a page of its own for everything else.
pub fn sentence(visit: &Visit, e: Error) -> Result<String, PageError> {
    match e {
        Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::Stale => {
            Ok(words(visit.shell.locale, &e))
        }
        other => Err(visit.error(other)),
    }
}

/// GET `/medications/doses/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = read_dose(&visit, &id).await?;
    Ok(html(&dose::render(&view, &visit.shell)))
}

/// A dose as its page shows it.
pub async fn read_dose(visit: &Visit, id: &str) -> Result<DoseView, PageError> {
    let row = visit.row("school.administration.get", id, "").await.map_err(|e| visit.error(e))?;
    let person = person(visit, row.text("student_id")).await?;
    let query = [("administration_id", id), ("sort", "-created_at")];
    let before = visit.page("school.administration_version.list", &query).await.map_err(|e| visit.error(e))?;
    let version = |row: &Record| -> Result<Version, PageError> {
        let body = row.get("body").filter(|body| !body.is_null()).cloned().unwrap_or_else(|| json!({}));
        let (at, reason) = (row.text("created_at").to_owned(), row.text("reason").to_owned());
        Ok(Version { at, reason, said: visit.view(body)? })
    };
    let said: Said = visit.view(json!(row))?;
    let taken = matches!(said.outcome.as_str(), "GIVEN" | "SELF_ADMINISTERED" | "VOMITED");
    let own = row.text("administered_by") == visit.ctx.actor.id.to_string();
    Ok(DoseView {
        id: id.to_owned(),
        student: student(&person, String::new()),
        asks_effect: taken && said.scheduled_for.is_empty() && said.prn_effect.is_empty(),
        may_correct: !matches!(said.outcome.as_str(), "" | "MISSED")
            && row.text("absence_id").is_empty()
            && (own || visit.ctx.may("school.med.order")),
        was_corrected: row.get("error_flag") == Some(&json!(true)),
        said,
        before: before.rows.iter().map(version).collect::<Result<_, _>>()?,
        ..DoseView::default()
    })
}

async fn person(visit: &Visit, student: &str) -> Result<Value, PageError> {
    let reply = json_of(visit.call("school.medication_round.student", by_id(student)).await?);
    Ok(reply["student"].clone())
}

/// POST `/medications/doses/{id}/error`.
pub async fn error(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let body = json!({"reason": filled(&fields, "reason")});
    dose_act(&visit, &id, "school.administration.error", body).await
}

/// POST `/medications/doses/{id}/effect`.
pub async fn effect(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let effect = filled(&fields, "effect").filter(|code| EFFECTS.contains(code));
    dose_act(&visit, &id, "school.administration.effect", json!({"prn_effect": effect})).await
}

async fn dose_act(visit: &Visit, id: &str, op: &str, body: Value) -> Shown {
    match visit.try_call(op, Call { body, ..by_id(id) }).await {
        Ok(_) => Ok(Redirect::to(&format!("/medications/doses/{id}")).into_response()),
        Err(e) => {
            let (errors, _) = messages(visit.shell.locale, &e);
            let error = sentence(visit, e)?;
            let view = DoseView { errors, error, ..read_dose(visit, id).await? };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&dose::render(&view, &visit.shell))).into_response())
        }
    }
}

/// GET `/medications/students/{id}`.
pub async fn of_student(visit: Visit, Path(id): Path<String>) -> Shown {
    let view = read_orders(&visit, &id).await?;
    Ok(html(&orders::render(&view, &visit.shell)))
}

/// GET `/medications/students/{id}/month`: the report as page, or as PDF.
pub async fn month(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let as_pdf = query.get("format").is_some_and(|format| format == "pdf");
    let month = query.get("month").cloned().unwrap_or_default();
    let format = if as_pdf { "pdf" } else { "json" };
    let asked = [("month", month.as_str()), ("format", format), ("language", visit.shell.locale.tag())];
    let told = json_of(visit.call("school.medication_report.month", with_query(by_id(&id), &asked)).await?);
    if let (true, Some(encoded)) = (as_pdf, told["pdf"].as_str()) {
        return pdf(&visit, encoded, "medication.pdf");
    }
    Ok(html(&medication_month::render(&visit.view::<MonthView>(told)?, &visit.shell)))
}

async fn read_orders(visit: &Visit, id: &str) -> Result<OrdersView, PageError> {
    let reply = json_of(visit.call("school.medication_round.student", by_id(id)).await?);
    let order = |value: &Value| {
        let mut plain = value.clone();
        plain["client_ref"] = json!(visit.app.db.env().id());
        visit.view::<Order>(plain)
    };
    let values = BTreeMap::from([("valid_from".to_owned(), visit.shell.today.clone())]);
    Ok(OrdersView {
        student: student(&reply["student"], String::new()),
        orders: items(&reply, "orders").iter().map(order).collect::<Result<_, _>>()?,
        is_nurse: visit.ctx.may("school.med.order"),
        values,
        ..OrdersView::default()
    })
}

/// POST `/medications/students/{id}/give`.
pub async fn give_needed(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let order = fields.get("order_id").cloned().unwrap_or_default();
    let mut body = json!({"order_id": order, "outcome": "GIVEN", "client_ref": fields.get("client_ref"),
               "rights": scan::rights(&Scan::default(), &order)});
    if let Some(reason) = filled(&fields, &format!("over-{order}")) {
        body["reason"] = json!(reason);
    }
    let told = visit.try_call("school.administration.record", Call { body, ..Call::default() }).await;
    back(&visit, &id, told.map(|_| ())).await
}

/// Back to the student's page, with what was refused.
async fn back(visit: &Visit, student: &str, told: Result<()>) -> Shown {
    match told {
        Ok(()) => Ok(Redirect::to(&format!("/medications/students/{student}")).into_response()),
        Err(e) => {
            let error = sentence(visit, e)?;
            let view = OrdersView { error, ..read_orders(visit, student).await? };
            Ok(refused(&view, visit))
        }
    }
}

fn refused(view: &OrdersView, visit: &Visit) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, html(&orders::render(view, &visit.shell))).into_response()
}

/// What the form of an order says; what is empty is not said.
fn order_of(fields: &BTreeMap<String, String>) -> Value {
    let mut body = Map::new();
    for (name, value) in fields.iter().filter(|(name, value)| !name.starts_with('_') && !value.trim().is_empty()) {
        let value = value.trim();
        let said = match name.as_str() {
            "times" => json!(value.split([',', ' ', ';']).filter(|t| !t.is_empty()).collect::<Vec<_>>()),
            "delegable" => json!(true),
            "dose_qty" | "max_daily_dose" => json!(value.replace(',', ".")),
            "min_interval_min" | "max_per_day" => value.parse::<i64>().map_or(json!(value), |n| json!(n)),
            _ => json!(value),
        };
        body.insert(name.clone(), said);
    }
    Value::Object(body)
}

/// POST `/medications/students/{id}/orders`.
pub async fn draft(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let mut body = order_of(&fields);
    body["student_id"] = json!(id);
    match visit.try_call("school.medication_order.draft", Call { body, ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to(&format!("/medications/students/{id}")).into_response()),
        Err(e) => {
            let (errors, _) = messages(visit.shell.locale, &e);
            let error = sentence(&visit, e)?;
            let view = OrdersView { errors, error, values: fields, ..read_orders(&visit, &id).await? };
            Ok(refused(&view, &visit))
        }
    }
}

/// POST `/medications/students/{id}/orders/{order}/{verb}`.
pub async fn order(Path((id, order, verb)): Path<(String, String, String)>, Form { visit, fields }: Form) -> Shown {
    let own = |name: &str| filled(&fields, &format!("{name}-{order}"));
    let version = fields.get("row_version").and_then(|v| v.parse().ok());
    let told = match verb.as_str() {
        "documents" => on_file(&visit, &id, &order, (own("prescriber_order"), own("guardian_consent")), version).await,
        "activate" => {
            let body = json!({"allergies_reviewed": own("allergies_reviewed").is_some()});
            let call = Call { body, if_match: version, ..by_id(&order) };
            visit.try_call("school.medication_order.activate", call).await.map(|_| ())
        }
        "supply" => {
            let call = Call {
                body: json!({"supply_expires_on": own("supply_expires_on")}),
                if_match: version,
                ..by_id(&order)
            };
            visit.try_call("school.medication_order.supply", call).await.map(|_| ())
        }
        "stop" => {
            let body = json!({"reason": own("reason")});
            let op = match fields.get("verb").map(String::as_str) {
                Some("suspend") => "school.medication_order.suspend",
                Some("discontinue") => "school.medication_order.discontinue",
                _ => return Err(visit.error(Error::NotFound)),
            };
            visit.try_call(op, Call { body, if_match: version, ..by_id(&order) }).await.map(|_| ())
        }
        _ => Err(Error::NotFound),
    };
    back(&visit, &id, told).await
}

/// Notes the documents of an order that are kept on paper: where, as their titles.
async fn on_file(
    visit: &Visit,
    student: &str,
    order: &str,
    (ordered, consented): (Option<&str>, Option<&str>),
    version: Option<i32>,
) -> Result<()> {
    let mut body = Map::new();
    for (name, title, category) in
        [("prescriber_order_id", ordered, "PRESCRIPTION"), ("guardian_consent_id", consented, "CONSENT")]
    {
        let Some(title) = title else { continue };
        let document = json!({"patient_id": student, "title": title, "category": category, "status": "REFERENCED",
            "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL"});
        let made = visit.try_call("records.document.create", Call { body: document, ..Call::default() }).await?;
        body.insert(name.to_owned(), json!(text(&json_of(made), "id")));
    }
    if body.is_empty() {
        return Err(Error::invalid("", "empty", "Say where the document is kept"));
    }
    let call = Call { body: Value::Object(body), if_match: version, ..by_id(order) };
    visit.try_call("school.medication_order.change", call).await.map(|_| ())
}

/// Ids and names of a list, for a choice.
pub fn pairs(value: &Value, name: &str) -> Vec<(String, String)> {
    items(value, name).iter().map(|one| (text(one, "id"), text(one, "name"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_typed_time_is_on_the_clocks_of_the_school() {
        // On 8 March the clocks are put forward at two: what was at one has another offset than now.
        let now = datetime!(2026-03-08 20:00 UTC);
        let at = |zone, clock| today_at(now, zone, clock).unwrap();
        assert_eq!(at("America/Los_Angeles", "12:05"), "2026-03-08T12:05:00-07:00");
        assert_eq!(at("America/New_York", "12:05"), "2026-03-08T12:05:00-04:00");
        assert_eq!(at("America/Los_Angeles", "01:00"), "2026-03-08T01:00:00-08:00");
        for (zone, clock) in [("America/Los_Angeles", "25:00"), ("Mars/Olympus", "12:05"), ("", "12:05")] {
            assert!(today_at(now, zone, clock).is_err(), "{zone} {clock}");
        }
    }
}
