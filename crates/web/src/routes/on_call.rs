//! Who is on call: this week and the next, a shift added and one taken off. What is typed is a time on the clocks of the
//! organization's zone.

use super::{
    frame::{
        Form, PageError, Params, Shown, Visit, by_id, encoded, filled, first_word, html, is_told, messages, refused,
    },
    home::{json_of, with_query},
};
use crate::pages::{
    i18n::format::calendar,
    layout::Flash,
    on_call::{self as pages, OnCallView},
    parts::Tone,
};
use axum::{
    extract::{Path, Query},
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::Call;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};

/// The fields of the form.
const FIELDS: [&str; 5] = ["list", "new_list", "user_id", "starts_at", "ends_at"];

/// GET `/alerts/on-call`. What stands in the address fills the form: where a gap is, it says so.
pub async fn show(mut visit: Visit, Query(query): Params) -> Shown {
    let t = &visit.shell.t().on_call;
    for (name, text) in [("added", t.added), ("removed", t.removed)] {
        if query.contains_key(name) {
            visit.shell.flash.push(Flash { tone: Tone::Good, text: text.to_owned() });
        }
    }
    let mut view = load(&visit).await?;
    view.values = query.into_iter().filter(|(name, _)| FIELDS.contains(&name.as_str())).collect();
    Ok(html(&pages::render(&view, &visit.shell)))
}

async fn load(visit: &Visit) -> Result<OnCallView, PageError> {
    let zone = &visit.shell.zone;
    let today = zone.local(visit.app.db.env().now()).date();
    let monday = today - Duration::days(i64::from(today.weekday().number_days_from_monday()));
    let instant = |days: i64| text(zone.start_of(monday + Duration::days(days)));
    let [from, next, to] = [0, 7, 14].map(instant);
    let (from, next, to) = (in_time(visit, from)?, in_time(visit, next)?, in_time(visit, to)?);
    let asked = with_query(Call::default(), &[("from", &from), ("to", &to)]);
    let mut told = json_of(visit.call("alerts.on_call_shift.calendar", asked).await?);
    for list in told["lists"].as_array_mut().into_iter().flatten() {
        let name = list["list"].as_str().unwrap_or_default().to_owned();
        for gap in list["gaps"].as_array_mut().into_iter().flatten() {
            let local = |at: &Value| zone.shift(at.as_str().unwrap_or_default()).0.chars().take(16).collect::<String>();
            let (starts, ends) = (local(&gap["from"]), local(&gap["to"]));
            let pairs = [("list", &name), ("starts_at", &starts), ("ends_at", &ends)];
            gap["fill"] = json!(pairs.map(|(n, v)| format!("{n}={}", encoded(v))).join("&"));
        }
    }
    let mut view: OnCallView = visit.view(json!({"lists": told["lists"], "people": told["people"]}))?;
    view.next_week = next;
    Ok(view)
}

fn text(at: OffsetDateTime) -> Result<String> {
    at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal)
}

fn in_time(visit: &Visit, text: Result<String>) -> Result<String, PageError> {
    text.map_err(|e| visit.error(e))
}

/// A date and time of a form, such as 2026-03-02T08:00.
pub(super) fn local(name: &str, given: &str) -> Result<PrimitiveDateTime> {
    let wrong = || Error::invalid(name, "wrong_type", "Is a date and time such as 2026-03-02T08:00");
    let (day, clock) = given.split_once(['T', ' ']).ok_or_else(wrong)?;
    let number = |part: Option<&str>| part.and_then(|p| p.parse::<u8>().ok()).ok_or_else(wrong);
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next())?, number(parts.next())?);
    let time = Time::from_hms(hour, minute, 0).map_err(|_| wrong())?;
    let day = calendar(day).filter(|_| day.len() == 10).ok_or_else(wrong)?;
    Ok(PrimitiveDateTime::new(day, time))
}

/// The shift of the form. Every field that is wrong is told at once.
fn shift(visit: &Visit, fields: &BTreeMap<String, String>) -> Result<Value> {
    let mut wrong = Vec::new();
    let mut keep = |found: Result<Value>| match found {
        Ok(value) => value,
        Err(Error::Invalid(fields)) => {
            wrong.extend(fields);
            Value::Null
        }
        Err(_) => Value::Null,
    };
    let needed = |name: &str| {
        filled(fields, name).map(|v| json!(v)).ok_or_else(|| Error::invalid(name, "required", "Is required"))
    };
    let instant = |name: &str| {
        let given = filled(fields, name).ok_or_else(|| Error::invalid(name, "required", "Is required"))?;
        text(visit.shell.zone.instant(local(name, given)?)).map(|at| json!(at))
    };
    let list = filled(fields, "new_list").or_else(|| filled(fields, "list")).map(|v| json!(v));
    let body = json!({
        "list": keep(list.ok_or_else(|| Error::invalid("list", "required", "Is required"))),
        "user_id": keep(needed("user_id")),
        "starts_at": keep(instant("starts_at")),
        "ends_at": keep(instant("ends_at")),
    });
    if wrong.is_empty() { Ok(body) } else { Err(Error::Invalid(wrong)) }
}

/// POST `/alerts/on-call`.
pub async fn add(Form { visit, fields }: Form) -> Shown {
    visit.must("ops.alert.define")?;
    let body = shift(&visit, &fields);
    let is_whole = body.is_ok();
    let done = match body {
        Ok(body) => visit.try_call("alerts.on_call_shift.create", Call { body, ..Call::default() }).await,
        Err(e) => Err(e),
    };
    match done {
        Ok(_) => Ok(Redirect::to("/alerts/on-call?added=1").into_response()),
        Err(e) if is_told(&e) => {
            let mut view = load(&visit).await?;
            (view.errors, view.error) = messages(visit.shell.locale, &e);
            // A shift that ends before it begins is wrong in both fields: it is said where it is mended.
            if is_whole && view.errors.iter().any(|e| e.field == "ends_at") {
                view.errors.retain(|e| e.field != "starts_at");
            }
            view.values = fields;
            Ok(refused(&e, &pages::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// POST `/alerts/on-call/{id}/remove`.
pub async fn remove(Path(id): Path<String>, Form { visit, fields }: Form) -> Shown {
    let if_match = fields.get("row_version").and_then(|v| v.parse().ok());
    let call = Call { if_match, ..by_id(&id) };
    match visit.try_call("alerts.on_call_shift.remove", call).await {
        Ok(_) => Ok(Redirect::to("/alerts/on-call?removed=1").into_response()),
        Err(e) if is_told(&e) => {
            let mut view = load(&visit).await?;
            view.error = first_word(visit.shell.locale, &e);
            Ok(refused(&e, &pages::render(&view, &visit.shell)))
        }
        Err(e) => Err(visit.error(e)),
    }
}
