//! Who saw a record: the accesses of a period, and the people behind all of them.

use super::{
    download::download,
    frame::{Params, Shown, Visit, by_id, encoded, html, text},
    home::{items, json_of, texts, with_query},
    record::{first, header, with_allergies},
};
use crate::pages::{
    access::{self, Access, AccessView, Filter, LogHead, Seer},
    i18n::codes,
    parts::Pager,
};
use axum::extract::{Path, Query};
use salus_core::{Error, Result};
use serde_json::Value;
use std::fmt::Write as _;
use time::format_description::well_known::Rfc3339;

/// GET `/patients/{id}/access`.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let fields = "family_name,given_names,preferred_name,pseudonym,birth_date,deceased_on,sex,mrn,record_regime,status";
    let who = visit.row("medical.patient.get", &id, fields).await.map_err(|e| visit.error(e))?;
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let filter = Filter { from: get("from").into(), to: get("to").into(), outcome: get("outcome").into() };
    let period = days(&visit, (&filter.from, &filter.to)).map_err(|e| visit.error(e))?;
    let wanted =
        [("before", get("before")), ("from", &period.0), ("to", &period.1), ("outcome", filter.outcome.as_str())];
    let reply = json_of(visit.call("audit.log.accesses", with_query(by_id(&id), &wanted)).await?);
    let rows = items(&reply, "data").iter().map(|e| seen(&visit, e)).collect();
    let people = items(&reply, "people").iter().map(|p| seer(&visit, p)).collect();
    let mut kept = String::new();
    for (n, v) in [("from", &filter.from), ("to", &filter.to), ("outcome", &filter.outcome)] {
        if !v.is_empty() {
            let _ = write!(kept, "{n}={}&", encoded(v));
        }
    }
    let base = format!("/patients/{id}/access");
    let pager = Pager {
        first: (!get("before").is_empty()).then(|| format!("{base}?{kept}").trim_end_matches(['?', '&']).to_owned()),
        next: reply["next"].as_str().map(|at| format!("{base}?{kept}before={}", encoded(at))),
    };
    let days = kept.trim_end_matches('&');
    let proofs =
        visit.ctx.may("audit.proof.read").then(|| format!("{base}/proofs?{days}").trim_end_matches('?').to_owned());
    let log = reply["log"].is_object().then(|| LogHead {
        origin: text(&reply["log"], "origin"),
        size: reply["log"]["size"].as_u64().unwrap_or(0),
        root: text(&reply["log"], "root"),
    });
    let patient = with_allergies(&visit, header(&serde_json::to_value(&who).unwrap_or_default())).await?;
    Ok(html(&access::render(&AccessView { patient, filter, people, rows, pager, proofs, log }, &visit.shell)))
}

/// GET `/patients/{id}/access/proofs`: a file.
pub async fn proofs(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let period = days(&visit, (get("from"), get("to"))).map_err(|e| visit.error(e))?;
    let wanted = [("from", period.0.as_str()), ("to", &period.1)];
    let told = json_of(visit.call("audit.log.proofs", with_query(by_id(&id), &wanted)).await?);
    download(&told["file"]).map_err(|e| visit.error(e))
}

/// The days of a filter as times: from the beginning of the first to the end of the last, in the tenant's zone.
pub fn days(visit: &Visit, (from, to): (&str, &str)) -> Result<(String, String)> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let start = |name: &str, day: &str, later: i64| {
        if day.is_empty() {
            return Ok(String::new());
        }
        let wrong = || Error::invalid(name, "wrong_type", "Is a date such as 2026-11-21");
        let date = time::Date::parse(day, form).map_err(|_| wrong())?;
        let date = date.checked_add(time::Duration::days(later)).ok_or_else(wrong)?;
        visit.shell.zone.start_of(date).format(&Rfc3339).map_err(|_| wrong())
    };
    Ok((start("from", from, 0)?, start("to", to, 1)?))
}

/// The name of a person or program; operator and kernel have none and are named by what they are.
fn name(visit: &Visit, of: &Value) -> String {
    let kind = codes::label(visit.shell.locale, &text(of, "actor_kind")).into_owned();
    first(&[text(of, "actor_name"), kind])
}

fn seer(visit: &Visit, p: &Value) -> Seer {
    Seer {
        name: name(visit, p),
        role: texts(p, "roles").join(", "),
        count: p["count"].as_u64().unwrap_or(0),
        last_at: text(p, "last_at"),
    }
}

fn seen(visit: &Visit, e: &Value) -> Access {
    Access {
        at: text(e, "at"),
        who: name(visit, e),
        role: texts(e, "roles").join(", "),
        action: text(e, "action"),
        columns: texts(e, "columns").iter().map(|c| c.rsplit('.').next().unwrap_or(c).to_owned()).collect(),
        purpose: text(e, "purpose"),
        channel: text(e, "channel"),
        outcome: text(e, "outcome"),
        reason: text(e, "code"),
        request: text(e, "request"),
        ..Access::default()
    }
}
