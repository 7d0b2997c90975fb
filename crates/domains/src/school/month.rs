//! The medication of a student in a month: every time of every order with what came of it, and what was given as needed. The same
//! as answer, page and PDF.
//!
//! A time of an order on a school day of which there is no record stands there as `NO_RECORD`: the order was not in force then, or
//! Salus did not run when the dose was to be made due. It is not left out, so that nobody takes the month for whole. Times count
//! from the first dose of the order that was made due; of an order that was suspended or ended, up to its last.

use super::month_texts;
use crate::{
    auth::{self, Language},
    clock, paper,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Row, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::{Date, Month, OffsetDateTime};
use uuid::Uuid;

/// The report.
pub(super) fn read() -> Op {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    Op {
        method: Method::Get,
        path: "/api/v1/students/{id}/medication-report".into(),
        name: "school.medication_report.month".into(),
        permission: "school.med.administer",
        summary: "A student's medication in a month: every time of every order with its outcome, and what was given as needed".into(),
        target: "medical.patients",
        params: vec![
            param("month", "Such as 2026-03; this month at the school when it is left out", json!({"type": "string", "pattern": "^\\d{4}-\\d{2}$"})),
            param("format", "pdf: the answer also holds the report as PDF in base64", json!({"type": "string", "enum": ["json", "pdf"]})),
            param("language", "Of the PDF", json!({"type": "string", "enum": ["en", "es", "pt-BR"]})),
        ],
        input: None,
        output: json!({"type": "object", "properties": {
            "pdf": {"type": ["string", "null"], "contentEncoding": "base64", "contentMediaType": "application/pdf"}}}),
        run: run(|tx, call| Box::pin(told(tx, call))),
    }
}

/// A month at a school.
struct Span {
    first: Date,
    last: Date,
    zone: String,
    school: String,
}

fn month_of(text: &str) -> Result<Date> {
    let wrong = || Error::invalid("month", "wrong_type", "Is a month such as 2026-03");
    let (year, month) = text.split_once('-').filter(|(y, m)| y.len() == 4 && m.len() == 2).ok_or_else(wrong)?;
    let (year, month): (i32, u8) = (year.parse().map_err(|_| wrong())?, month.parse().map_err(|_| wrong())?);
    let month = Month::try_from(month).map_err(|_| wrong())?;
    Date::from_calendar_date(year, month, 1)
        .ok()
        .filter(|first| (1990..=9998).contains(&first.year()))
        .ok_or_else(wrong)
}

async fn told(tx: &mut Tx, call: Call) -> Result<Reply> {
    let student = call.id()?;
    let given = |name: &str| call.query_value(name).filter(|v| !v.is_empty());
    let asked = given("month").map(month_of).transpose()?;
    let as_pdf = match given("format") {
        None | Some("json") => false,
        Some("pdf") => true,
        Some(_) => return Err(Error::invalid("format", "not_allowed", "Is json or pdf")),
    };
    let language = match given("language") {
        None => Language::English,
        Some(tag @ ("en" | "es" | "pt-BR")) => Language::of(tag),
        Some(_) => return Err(Error::invalid("language", "not_allowed", "Is en, es or pt-BR")),
    };
    let names = ["pseudonym", "family_name", "given_names", "birth_date"];
    let person = tx.get("medical.patients", student, &names).await?;
    tx.about(student);
    tx.on_row(student);
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT s.name::text AS school, s.timezone::text AS zone, ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS today \
         FROM school.student_profiles p JOIN school.schools s ON s.id = p.school_id WHERE p.patient_id = $1"
    );
    let found = tx.query_opt(sql, &[&student, &now]).await?;
    let found = found.ok_or_else(|| Error::invalid("id", "not_enrolled", "Must name a student of a school"))?;
    let first = asked.map_or_else(|| found.get::<_, Date>("today").replace_day(1).map_err(Error::internal), Ok)?;
    let last = first.replace_day(first.month().length(first.year())).map_err(Error::internal)?;
    let span = Span { first, last, zone: found.get("zone"), school: found.get("school") };
    let (orders, needed) = (scheduled(tx, student, &span, now).await?, as_needed(tx, student, &span).await?);
    let mut totals: BTreeMap<String, usize> = BTreeMap::new();
    for slot in orders.iter().flat_map(|order| order["slots"].as_array().into_iter().flatten()) {
        *totals.entry(slot["outcome"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut report = json!({
        "student": {"id": student, "pseudonym": person.text("pseudonym"), "family_name": person.text("family_name"),
                    "given_names": person.text("given_names"), "birth_date": person.text("birth_date")},
        "school": span.school, "month": format!("{:04}-{:02}", first.year(), u8::from(first.month())), "zone": span.zone,
        "built_at": clock::text(now)?, "orders": orders, "as_needed": needed, "totals": totals, "pdf": null,
    });
    if as_pdf {
        let document = month_texts::document(&report, language, now);
        document.refuse_unprintable()?;
        report["pdf"] = json!(STANDARD.encode(paper::print(tx, document).await?));
    }
    Ok(Reply::json(report))
}

/// Orders with times, each with every time of the month that is over or was recorded.
async fn scheduled(tx: &mut Tx, student: Uuid, span: &Span, now: OffsetDateTime) -> Result<Vec<Value>> {
    let sql = sql!(
        "WITH wanted AS ( \
           SELECT o.tenant_id, o.id, o.medication::text AS medication, o.dose_qty::text AS dose, o.dose_unit::text AS unit, o.route::text AS route, \
             o.status::text AS status, o.valid_from, o.valid_to, o.times, p.school_id, s.timezone::text AS zone, \
             (SELECT min(a.scheduled_for) FROM school.medication_administrations a WHERE a.order_id = o.id) AS begins, \
             (SELECT max(a.scheduled_for) FROM school.medication_administrations a WHERE a.order_id = o.id) AS ends \
           FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
           JOIN school.schools s ON s.id = p.school_id \
           WHERE o.student_id = $1 AND o.kind = 'SCHEDULED' AND o.status NOT IN ('DRAFT', 'PENDING_CONSENT') \
             AND o.valid_from <= $3 AND o.valid_to >= $2), \
         slots AS ( \
           SELECT w.id, (d.day::date + t::time) AT TIME ZONE w.zone AS slot FROM wanted w \
           CROSS JOIN LATERAL generate_series(greatest(w.valid_from, $2::date), least(w.valid_to, $3::date), interval '1 day') AS d (day) \
           CROSS JOIN LATERAL jsonb_array_elements_text(w.times) t \
           LEFT JOIN school.calendar_days c ON c.school_id = w.school_id AND c.day = d.day::date \
           WHERE coalesce(c.is_instructional, extract(isodow FROM d.day) < 6)), \
         expected AS ( \
           SELECT x.id, x.slot FROM slots x JOIN wanted w ON w.id = x.id \
           WHERE x.slot >= w.begins AND x.slot <= $4 AND (w.status IN ('ACTIVE', 'EXPIRED') OR x.slot <= w.ends)), \
         recorded AS ( \
           SELECT a.order_id AS id, a.scheduled_for AS slot FROM school.medication_administrations a JOIN wanted w ON w.id = a.order_id \
           WHERE (a.scheduled_for AT TIME ZONE w.zone)::date BETWEEN $2 AND $3) \
         SELECT w.id, w.medication, w.dose, w.unit, w.route, w.status, w.valid_from, w.valid_to, w.times, k.slot, \
           (k.slot AT TIME ZONE w.zone)::date AS day, to_char(k.slot AT TIME ZONE w.zone, 'HH24:MI') AS due, a.id AS dose_id, \
           a.outcome::text AS outcome, to_char(a.administered_at AT TIME ZONE w.zone, 'HH24:MI') AS given_at, \
           a.dose_given::text AS dose_given, a.administered_by, coalesce(a.error_flag, false) AS was_corrected, \
           a.reason IS NOT NULL AS has_reason \
         FROM (SELECT id, slot FROM expected UNION SELECT id, slot FROM recorded) k JOIN wanted w ON w.id = k.id \
         LEFT JOIN school.medication_administrations a ON a.tenant_id = w.tenant_id AND a.order_id = k.id AND a.scheduled_for = k.slot \
         ORDER BY w.medication, w.id, k.slot"
    );
    let rows = tx.query(sql, &[&student, &span.first, &span.last, &now]).await?;
    let names = people(tx, &rows).await?;
    let why = reasons(tx, &rows).await?;
    let mut all: Vec<Value> = Vec::new();
    for row in &rows {
        let id: Uuid = row.get("id");
        if all.last().is_none_or(|order| order["id"] != json!(id)) {
            let text = |name: &str| row.get::<_, Option<String>>(name);
            let date = |name: &str| row.get::<_, Date>(name).to_string();
            all.push(json!({
                "id": id, "medication": text("medication"), "dose": text("dose"), "unit": text("unit"), "route": text("route"),
                "status": text("status"), "valid_from": date("valid_from"), "valid_to": date("valid_to"),
                "times": row.get::<_, Value>("times"), "slots": [],
            }));
        }
        if let Some(slots) = all.last_mut().and_then(|order| order["slots"].as_array_mut()) {
            slots.push(slot(row, &names, &why, now));
        }
    }
    Ok(all)
}

fn slot(row: &Row, names: &HashMap<Uuid, String>, why: &HashMap<Uuid, String>, now: OffsetDateTime) -> Value {
    let recorded: Option<Uuid> = row.get("dose_id");
    let outcome = match (recorded, row.get::<_, Option<String>>("outcome")) {
        (_, Some(outcome)) => outcome,
        (None, None) => "NO_RECORD".to_owned(),
        // Still to be given.
        (Some(_), None) if row.get::<_, OffsetDateTime>("slot") > now => "LATER".to_owned(),
        (Some(_), None) => "OPEN".to_owned(),
    };
    let by = row.get::<_, Option<Uuid>>("administered_by").and_then(|id| names.get(&id));
    json!({
        "day": row.get::<_, Date>("day").to_string(), "due": row.get::<_, String>("due"), "outcome": outcome,
        "given_at": row.get::<_, Option<String>>("given_at"), "dose_given": row.get::<_, Option<String>>("dose_given"), "by": by,
        "reason": recorded.and_then(|id| why.get(&id)), "was_corrected": row.get::<_, bool>("was_corrected"),
    })
}

/// Doses as needed, by order and from stock.
async fn as_needed(tx: &mut Tx, student: Uuid, span: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT a.id AS dose_id, a.medication::text AS medication, a.outcome::text AS outcome, a.dose_given::text AS dose_given, \
           a.dose_unit::text AS unit, a.administered_by, a.prn_effect::text AS effect, a.error_flag, a.reason IS NOT NULL AS has_reason, \
           (coalesce(a.administered_at, a.created_at) AT TIME ZONE $4::text)::date AS day, \
           to_char(coalesce(a.administered_at, a.created_at) AT TIME ZONE $4::text, 'HH24:MI') AS given_at, a.order_id IS NULL AS from_stock \
         FROM school.medication_administrations a WHERE a.student_id = $1 AND a.scheduled_for IS NULL AND a.outcome IS NOT NULL \
           AND (coalesce(a.administered_at, a.created_at) AT TIME ZONE $4::text)::date BETWEEN $2 AND $3 \
         ORDER BY coalesce(a.administered_at, a.created_at), a.id"
    );
    let rows = tx.query(sql, &[&student, &span.first, &span.last, &span.zone]).await?;
    let (names, why) = (people(tx, &rows).await?, reasons(tx, &rows).await?);
    let told = |row: &Row| {
        let text = |name: &str| row.get::<_, Option<String>>(name);
        let by = row.get::<_, Option<Uuid>>("administered_by").and_then(|id| names.get(&id));
        json!({
            "day": row.get::<_, Date>("day").to_string(), "given_at": text("given_at"), "medication": text("medication"),
            "outcome": text("outcome"), "dose_given": text("dose_given"), "unit": text("unit"), "effect": text("effect"), "by": by,
            "reason": why.get(&row.get::<_, Uuid>("dose_id")), "was_corrected": row.get::<_, bool>("error_flag"),
            "from_stock": row.get::<_, bool>("from_stock"),
        })
    };
    Ok(rows.iter().map(told).collect())
}

async fn people(tx: &mut Tx, rows: &[Row]) -> Result<HashMap<Uuid, String>> {
    let ids: BTreeSet<Uuid> = rows.iter().filter_map(|row| row.get("administered_by")).collect();
    auth::display_names(tx, ids.into_iter()).await
}

/// Why a dose was given outside its time or not at all, where something is said; opened for these and no others.
async fn reasons(tx: &mut Tx, rows: &[Row]) -> Result<HashMap<Uuid, String>> {
    let said = rows.iter().filter(|row| row.get("has_reason"));
    let ids: Vec<Uuid> = said.filter_map(|row| row.get("dose_id")).collect();
    let opened = tx.select("school.medication_administrations", &["reason"], "t.id = ANY($1)", &[&ids]).await?;
    Ok(opened.into_iter().filter_map(|row| Some((row.id()?, row.text("reason").to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::month_of;

    #[test]
    fn a_month_is_a_year_and_two_digits() {
        assert_eq!(month_of("2026-02").unwrap().to_string(), "2026-02-01");
        for wrong in ["2026", "2026-13", "2026-2", "26-02", "0001-01", "9999-12", "2026-02-01"] {
            assert!(month_of(wrong).is_err(), "{wrong}");
        }
    }
}
