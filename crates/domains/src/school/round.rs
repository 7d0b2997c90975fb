//! What is to be given: the round of a school's day, and the orders of one student with what may be given now. The number of
//! statements does not depend on how many doses or orders there are.

use super::{
    days,
    doses::TAKEN,
    orders,
    reads::{self, briefs},
    supplies,
};
use crate::clock;
use salus_core::{Error, Result};
use salus_rules::medication::{self, Limits, Stop};
use salus_store::{Call, Method, Op, Record, Reply, Row, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// The reads.
#[must_use]
pub fn reads() -> Vec<Op> {
    let op = |path: &str, name: &str, summary: &str, target: &'static str| Op {
        method: Method::Get,
        path: format!("/api/v1/{path}"),
        name: name.to_owned(),
        permission: "school.med.administer",
        summary: summary.to_owned(),
        target,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(today(tx, call))),
    };
    vec![
        Op {
            params: vec![reads::of_school("school")],
            ..op(
                "medications/today",
                "school.medication_round.today",
                "The doses of a school's day by time: who gets what, and what came of each",
                "school.medication_administrations",
            )
        },
        Op {
            run: run(|tx, call| Box::pin(of_student(tx, call))),
            ..op(
                "students/{id}/medication-orders",
                "school.medication_round.student",
                "The orders of a student: what may be given now, or when the next may",
                "medical.patients",
            )
        },
    ]
}

async fn today(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (school, all) = reads::chosen(tx, &call, "school").await?;
    let Some(school) = school else {
        return Ok(Reply::json(json!({"school": null, "schools": all, "doses": []})));
    };
    let now = tx.ctx.env.now();
    let day: Date = days::of(tx, school, now).await?;
    let sql = sql!("SELECT timezone::text FROM school.schools WHERE id = $1");
    let zone: Option<String> = tx.query_opt(sql, &[&school]).await?.map(|row| row.get(0));
    let window = supplies::window(tx).await?;
    let mut found = doses(tx, school, day, window).await?;
    // Whoever is no nurse sees what is delegated to them, and what they gave.
    if !tx.ctx.may("school.med.order") {
        let own = Some(tx.ctx.actor.id);
        found.retain(|row| row.get("delegable") || row.get::<_, Option<Uuid>>("administered_by") == own);
    }
    let distinct = |name: &str| {
        let ids: BTreeSet<Uuid> = found.iter().filter_map(|row| row.get::<_, Option<Uuid>>(name)).collect();
        ids.into_iter().collect::<Vec<_>>()
    };
    let orders = distinct("order_id");
    let people = briefs(tx, &distinct("student_id")).await?;
    let allergies = orders::allergies_of(tx, &orders).await?;
    let told = instructions(tx, &orders).await?;
    let mut shown = Vec::with_capacity(found.len());
    for row in &found {
        let order: Option<Uuid> = row.get("order_id");
        let mut dose = dose(row, now, window)?;
        dose["student"] = people.get(&row.get::<_, Uuid>("student_id").to_string()).cloned().unwrap_or(Value::Null);
        dose["allergy"] = json!(order.and_then(|id| allergies.get(&id)).is_some_and(|a| a.conflict));
        dose["instructions"] = order.and_then(|id| told.get(&id.to_string())).cloned().unwrap_or(Value::Null);
        shown.push(dose);
    }
    Ok(Reply::json(json!({"school": school, "day": day.to_string(), "timezone": zone, "schools": all, "doses": shown})))
}

/// The doses of a day by time: those that were to be given, and those given as needed.
async fn doses(tx: &mut Tx, school: Uuid, day: Date, window: Duration) -> Result<Vec<Row>> {
    let sql = sql!(
        "SELECT a.id, a.row_version, a.order_id, a.student_id, a.medication::text AS medication, a.scheduled_for, \
           a.administered_at, a.outcome::text AS outcome, a.dose_given::text AS dose_given, a.error_flag, \
           a.prn_effect::text AS effect, coalesce(o.dose_unit, a.dose_unit)::text AS unit, o.dose_qty::text AS dose, \
           o.route::text AS route, coalesce(o.controlled_schedule::text, '0') AS controlled, \
           a.administered_by, \
           coalesce(CASE WHEN $4 THEN o.delegable ELSE school.is_delegated(o.id, $5, $2::date) END, false) AS delegable, \
           coalesce(o.status = 'ACTIVE' OR a.scheduled_for < o.stopped_at, false) AS in_force, \
           i.balance::text AS balance, \
           a.absence_id IS NOT NULL OR (a.outcome IS NULL AND school.absence_at(a.student_id, a.school_id, a.scheduled_for, \
             a.scheduled_for + $3::int8 * interval '1 minute') IS NOT NULL) AS is_absent \
         FROM school.medication_administrations a JOIN school.schools s ON s.id = a.school_id \
         CROSS JOIN LATERAL (SELECT $2::date::timestamp AT TIME ZONE s.timezone::text AS begins, \
           ($2::date + 1)::timestamp AT TIME ZONE s.timezone::text AS ends) d \
         LEFT JOIN school.student_medication_orders o ON o.id = a.order_id \
         LEFT JOIN school.medication_inventory i ON i.order_id = a.order_id \
         WHERE a.school_id = $1 AND ((a.scheduled_for >= d.begins AND a.scheduled_for < d.ends) \
           OR (a.scheduled_for IS NULL AND a.administered_at >= d.begins AND a.administered_at < d.ends)) \
         ORDER BY coalesce(a.scheduled_for, a.administered_at), a.medication, a.id"
    );
    let (nurse, user) = (tx.ctx.may("school.med.order"), tx.ctx.actor.id);
    tx.query(sql, &[&school, &day, &window.whole_minutes(), &nurse, &user]).await
}

/// One dose as it is shown.
fn dose(row: &Row, now: OffsetDateTime, window: Duration) -> Result<Value> {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let slot: Option<OffsetDateTime> = row.get("scheduled_for");
    let given: Option<OffsetDateTime> = row.get("administered_at");
    let instant = |at: Option<OffsetDateTime>| at.map(clock::text).transpose();
    let state = match (text("outcome"), slot) {
        (Some(outcome), _) => json!(outcome),
        (None, Some(_)) if row.get("is_absent") && row.get("in_force") => json!("ABSENT"),
        (None, Some(slot)) if row.get("in_force") => json!(medication::standing(window, slot, now)),
        (None, _) => json!("STOPPED"),
    };
    Ok(json!({
        "id": row.get::<_, Uuid>("id"), "row_version": row.get::<_, i32>("row_version"),
        "order_id": row.get::<_, Option<Uuid>>("order_id"), "student_id": row.get::<_, Uuid>("student_id"),
        "medication": text("medication"), "dose": text("dose"), "unit": text("unit"), "route": text("route"),
        "scheduled_for": instant(slot)?, "administered_at": instant(given)?, "dose_given": text("dose_given"),
        "effect": text("effect"), "state": state, "was_corrected": row.get::<_, bool>("error_flag"),
        "is_controlled": text("controlled").as_deref() != Some("0"), "balance": text("balance"),
        "is_delegable": row.get::<_, bool>("delegable"), "is_absent": row.get::<_, bool>("is_absent"),
    }))
}

/// How the orders are to be given, by order, where something is said.
async fn instructions(tx: &mut Tx, orders: &[Uuid]) -> Result<HashMap<String, Value>> {
    let rows: Vec<Record> = tx
        .select(
            "school.student_medication_orders",
            &["instructions"],
            "t.id = ANY($1) AND t.instructions IS NOT NULL",
            &[&orders],
        )
        .await?;
    let said = |row: &Record| Some((row.text("id").to_owned(), row.get("instructions")?.clone()));
    Ok(rows.iter().filter_map(said).collect())
}

async fn of_student(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (student, now) = (call.id()?, tx.ctx.env.now());
    tx.on_row(student);
    tx.about(student);
    let people = briefs(tx, &[student]).await?;
    let Some(person) = people.get(&student.to_string()) else { return Err(Error::NotFound) };
    let sql = sql!(
        "SELECT o.id, o.row_version, o.medication::text AS medication, o.kind::text AS kind, o.status::text AS status, \
           o.status_reason::text AS status_reason, o.dose_qty::text AS dose, o.dose_unit::text AS unit, o.route::text AS route, \
           o.times, o.prn_reason::text AS prn_reason, o.min_interval_min, o.max_per_day, o.max_daily_dose::text AS max_daily_dose, \
           o.valid_from::text AS valid_from, o.valid_to::text AS valid_to, o.controlled_schedule::text AS controlled, \
           CASE WHEN $4 THEN o.delegable ELSE school.is_delegated(o.id, $5, l.day) END AS delegable, \
           o.kind = 'EMERGENCY' OR (o.kind <> 'SCHEDULED' AND EXISTS (SELECT FROM ref.drug_catalog d WHERE d.is_emergency \
             AND (d.id = o.drug_catalog_id OR (o.drug_catalog_id IS NULL AND d.rxcui = o.rxcui)))) AS rescue, \
           o.supply_expires_on::text AS supply_expires_on, o.supply_expires_on < l.day AS supply_is_over, \
           o.supply_expires_on <= l.day + $6::int AS supply_ends_soon, \
           o.prescriber_order_id IS NOT NULL AS is_ordered, o.guardian_consent_id IS NOT NULL AS is_consented, \
           i.id AS inventory_id, i.balance::text AS balance, \
           (o.status = 'ACTIVE' AND l.day BETWEEN o.valid_from AND o.valid_to) AS in_force, o.valid_to < l.day AS is_over, \
           count(a.id) FILTER (WHERE a.day = l.day) AS today, \
           coalesce(coalesce(sum(a.dose_given) FILTER (WHERE a.day = l.day), 0) + o.dose_qty > o.max_daily_dose, false) AS over, \
           coalesce(array_agg(a.administered_at) FILTER (WHERE a.id IS NOT NULL), '{}') AS near \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS day) l \
         LEFT JOIN LATERAL (SELECT d.id, d.dose_given, d.administered_at, \
             (d.administered_at AT TIME ZONE s.timezone::text)::date AS day \
           FROM school.medication_administrations d WHERE d.order_id = o.id AND d.outcome = ANY ($3) \
             AND d.administered_at > $2::timestamptz - interval '36 hours') a ON true \
         LEFT JOIN school.medication_inventory i ON i.order_id = o.id \
         WHERE o.student_id = $1 GROUP BY o.tenant_id, o.id, l.day, i.tenant_id, i.id \
         ORDER BY o.status <> 'ACTIVE', o.medication, o.id"
    );
    let (nurse, user) = (tx.ctx.may("school.med.order"), tx.ctx.actor.id);
    let mut found = tx.query(sql, &[&student, &now, &TAKEN.as_slice(), &nurse, &user, &supplies::TOLD_DAYS]).await?;
    found.retain(|row| nurse || row.get("delegable") || is_rescue(row));
    let ids: Vec<Uuid> = found.iter().map(|row| row.get("id")).collect();
    let allergies = orders::allergies_of(tx, &ids).await?;
    let told = instructions(tx, &ids).await?;
    let mut shown = Vec::with_capacity(found.len());
    for row in &found {
        let id: Uuid = row.get("id");
        let mut order = order(row, now)?;
        order["allergy"] = json!(allergies.get(&id).is_some_and(|a| a.conflict));
        order["allergies_unchecked"] = json!(allergies.get(&id).is_some_and(|a| a.unchecked));
        order["instructions"] = told.get(&id.to_string()).cloned().unwrap_or(Value::Null);
        shown.push(order);
    }
    Ok(Reply::json(json!({"student": person, "orders": shown})))
}

/// Whether nothing may hold up a dose of an order, as [`super::doses::is_emergency`] has it: anybody may give it.
pub(super) fn is_rescue(row: &Row) -> bool {
    let free = row.get::<_, String>("kind") != "SCHEDULED" && row.get::<_, String>("controlled") == "0";
    row.get("rescue") || (free && medication::is_rescue(&row.get::<_, String>("medication")))
}

/// One order as it is shown, with what stops the next dose.
fn order(row: &Row, now: OffsetDateTime) -> Result<Value> {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let near: Vec<OffsetDateTime> = row.get("near");
    let limits = Limits {
        interval: row.get::<_, Option<i32>>("min_interval_min").map(|m| Duration::minutes(m.into())),
        per_day: row.get::<_, Option<i32>>("max_per_day").map(i64::from),
    };
    let mut stops = medication::stops(limits, now, &near, row.get("today"));
    stops.extend(row.get::<_, bool>("over").then_some(Stop::MaxDailyDose));
    let next = medication::next_by_interval(limits, &near).filter(|next| *next > now);
    let last = near.iter().max().copied();
    let instant = |at: Option<OffsetDateTime>| at.map(clock::text).transpose();
    Ok(json!({
        "id": row.get::<_, Uuid>("id"), "row_version": row.get::<_, i32>("row_version"), "medication": text("medication"),
        "kind": text("kind"), "status": text("status"), "status_reason": text("status_reason"), "dose": text("dose"),
        "unit": text("unit"), "route": text("route"), "times": row.get::<_, Value>("times"),
        "prn_reason": text("prn_reason"), "min_interval_min": row.get::<_, Option<i32>>("min_interval_min"),
        "max_per_day": row.get::<_, Option<i32>>("max_per_day"), "max_daily_dose": text("max_daily_dose"),
        "valid_from": text("valid_from"), "valid_to": text("valid_to"), "is_delegable": row.get::<_, bool>("delegable") || is_rescue(row),
        "supply_expires_on": text("supply_expires_on"), "supply_is_over": row.get::<_, Option<bool>>("supply_is_over"),
        "supply_ends_soon": row.get::<_, Option<bool>>("supply_ends_soon"),
        "is_controlled": text("controlled").as_deref() != Some("0"), "is_ordered": row.get::<_, bool>("is_ordered"),
        "is_consented": row.get::<_, bool>("is_consented"), "in_force": row.get::<_, bool>("in_force"),
        "is_over": row.get::<_, bool>("is_over"), "inventory_id": row.get::<_, Option<Uuid>>("inventory_id"),
        "balance": text("balance"), "today": row.get::<_, i64>("today"), "last_at": instant(last)?, "next_at": instant(next)?,
        "stops": stops,
    }))
}
