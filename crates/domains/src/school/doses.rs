//! Doses: recorded once with the rights that were checked; [`super::due`] makes them due and marks those that nobody recorded.
//! Limits of an order stop an aide and ask a nurse for a reason; nothing stops the recording of rescue medicine.

use super::{
    care, enrollments, orders,
    stock::{self, Supply},
    supplies,
    visits::{given, id_of},
};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_rules::medication::{self, Limits, Stop};
use salus_store::{
    Body, Call, Catalog, Method, Op, Reply, Resource, Row, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Map, Value, json};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Doses, read as any table and written by the actions below.
pub const DOSES: Resource = Resource {
    table: "school.medication_administrations",
    path: "school/medication-administrations",
    noun: "school.administration",
    read: "school.med.administer",
    write: None,
    filters: &["student_id", "order_id", "school_id", "outcome", "scheduled_for", "administered_at"],
    locked: &["administered_by", "prn_effect", "effect_at", "error_flag", "override", "absence_id"],
    list: &[],
};

/// The rights that are checked before a dose.
pub const RIGHTS: [&str; 7] = ["student", "medicine", "dose", "time", "route", "reason", "documentation"];

/// Recording doses and what they did.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(DOSES.table)?;
    let op = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        DOSES.action((table, "school.med.administer"), how, (summary, Some(input)), run)
    };
    let mut dose = write_schema(table, DOSES.locked, false);
    dose["required"] = json!(["outcome"]);
    let effect = json!({"type": "object", "required": ["prn_effect"], "additionalProperties": false, "properties": {
        "prn_effect": {"type": "string", "enum": ["RELIEVED", "IMPROVED", "UNCHANGED", "WORSE"]},
        "effect_at": {"type": "string", "format": "date-time", "description": "When it was seen; now when left out"}}});
    let recording =
        "Record what came of a dose. A dose that is recorded already is answered as it is, when a client_ref is sent";
    Ok(vec![
        op((Method::Post, "", "record"), (recording, dose), run(|tx, call| Box::pin(record(tx, call)))),
        op(
            (Method::Post, "/{id}/effect", "effect"),
            ("Say once what a dose as needed did", effect),
            run(|tx, call| Box::pin(effect_seen(tx, call))),
        ),
    ])
}

/// What is known of an order when a dose of it is recorded.
struct Order {
    student: Uuid,
    school: Uuid,
    kind: String,
    medication: String,
    dose: String,
    unit: String,
    emergency: bool,
    /// The rest of what was found.
    found: Row,
    stops: Vec<Stop>,
    next: Option<OffsetDateTime>,
}

impl Order {
    fn is(&self, name: &str) -> bool {
        self.found.get(name)
    }
}

/// What was said of a dose.
struct Said {
    outcome: String,
    /// It went into the student.
    taken: bool,
    /// When it was taken, or should have been.
    at: OffsetDateTime,
    scheduled: Option<OffsetDateTime>,
    amount: Option<String>,
}

async fn record(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let mut values = writable(&DOSES, db.catalog().table(DOSES.table)?, call.body)?;
    let said = said(tx, &values)?;
    let order_id = held_order(tx, &values).await?;
    if let Some(dose) = same_client(tx, &values, order_id, said.scheduled).await? {
        return Ok(Reply::row(tx.get(DOSES.table, dose, &[]).await?));
    }
    let due = match (order_id, said.scheduled) {
        (Some(order), Some(slot)) => due(tx, order, slot).await?,
        _ => None,
    };
    if let Some(Due { id, by_person: true, .. }) = due {
        return twice(tx, &values, id).await;
    }
    let mut over = Map::new();
    let drawn = match order_id {
        Some(order) => by_order(tx, order, &said, &mut values, &mut over).await?,
        None => from_stock(tx, &said, &mut values, &mut over).await.map(|()| None)?,
    };
    if said.taken {
        values.insert("administered_at".into(), json!(clock::text(said.at)?));
    }
    if tx.ctx.actor.kind == ActorKind::User {
        values.insert("administered_by".into(), json!(tx.ctx.actor.id));
    }
    let was = due.as_ref().and_then(|due| due.outcome.clone());
    if let Some(was) = &was {
        over.insert("was".into(), json!(was));
    }
    if !over.is_empty() {
        values.insert("override".into(), Value::Object(over));
    }
    let witness = values.get("witness_id").cloned();
    let place = (id_of(&values, "student_id")?, id_of(&values, "school_id")?);
    let reply = if let Some(due) = due {
        for fixed in ["order_id", "student_id", "school_id", "medication", "scheduled_for"] {
            values.remove(fixed);
        }
        values.insert("absence_id".into(), Value::Null);
        let row = tx.update(DOSES.table, due.id, None, values).await?;
        if was.is_some() {
            tx.emit("school.dose.recorded_late", due.id, json!({ "school": place.1 }));
        }
        Reply::row(row)
    } else {
        let id = tx.ctx.env.id();
        Reply::created(tx.create(DOSES.table, NewRow { id, values }).await?)
    };
    if let (Some(drawn), Some(order), Body::Row(row)) = (drawn, order_id, &reply.body) {
        let id: Uuid = row.text("id").parse().map_err(Error::internal)?;
        let kind = if said.taken { "GIVEN" } else { "WASTED" };
        let (amount, emergency) = (drawn.amount.as_str(), drawn.emergency);
        let dose = stock::Dose { order, id, kind, amount, at: said.at, witness: witness.as_ref(), emergency };
        stock::take(tx, drawn.supply.as_ref(), dose).await?;
    }
    followed(tx, place, &said).await?;
    Ok(reply)
}

/// What follows from a dose that was taken: a visit during which it was names it, and a reliever that is needed often is told.
async fn followed(tx: &mut Tx, place: (Uuid, Uuid), said: &Said) -> Result<()> {
    if said.taken {
        care::join(tx, place, said.at).await?;
        supplies::tell_frequent(tx, place, said.at).await?;
    }
    Ok(())
}

/// The order that is named, if one is, held until the transaction ends.
async fn held_order(tx: &mut Tx, values: &Map<String, Value>) -> Result<Option<Uuid>> {
    if !given(values, "order_id") {
        return Ok(None);
    }
    let order = id_of(values, "order_id")?;
    let held = orders::lock(tx, order).await;
    held.map_err(|e| match e {
        Error::NotFound => Error::invalid("order_id", "no_such_record", "Must name an order you can see"),
        other => other,
    })?;
    Ok(Some(order))
}

/// What a dose takes from the supply of a controlled drug.
struct Drawn {
    supply: Option<Supply>,
    amount: String,
    emergency: bool,
}

/// What a dose takes from the register; refused when the register does not have it, unless nothing may hold up the drug.
async fn drawn(
    tx: &mut Tx,
    id: Uuid,
    order: &Order,
    said: &Said,
    values: &Map<String, Value>,
) -> Result<Option<Drawn>> {
    if !order.is("controlled") || !matches!(said.outcome.as_str(), "GIVEN" | "VOMITED" | "WASTED") {
        return Ok(None);
    }
    if said.outcome == "WASTED" {
        if said.amount.is_none() {
            return Err(Error::invalid("dose_given", "required", "Say how much was wasted"));
        }
        if !given(values, "witness_id") {
            return Err(Error::invalid("witness_id", "required", "A controlled drug is wasted before a witness"));
        }
        stock::witness(tx, values, id_of(values, "school_id")?).await?;
    }
    let amount = said.amount.clone().unwrap_or_else(|| order.dose.clone());
    let supply = stock::supply_of(tx, id).await?;
    if !order.emergency {
        stock::has(tx, supply.as_ref(), &amount).await?;
    }
    Ok(Some(Drawn { supply, amount, emergency: order.emergency }))
}

/// Reads what is said of a dose, and what can be told without its order.
fn said(tx: &Tx, values: &Map<String, Value>) -> Result<Said> {
    let outcome = values.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
    if outcome.is_empty() {
        return Err(Error::invalid("outcome", "required", "Say what came of the dose"));
    }
    if outcome == "MISSED" {
        return Err(Error::invalid("outcome", "not_allowed", "Is set by the server when nobody recorded the dose"));
    }
    let taken = TAKEN.contains(&outcome.as_str());
    let now = tx.ctx.env.now();
    let told = clock::instant(values, "administered_at")?;
    if told.is_some() && !taken {
        return Err(Error::invalid("administered_at", "not_allowed", "Is said of a dose that was taken"));
    }
    let at = told.unwrap_or(now);
    if at > now + Duration::minutes(5) {
        return Err(Error::invalid("administered_at", "time_order", "Cannot lie in the future"));
    }
    if at < now - Duration::hours(24) && !given(values, "reason") {
        return Err(Error::invalid("reason", "required", "Say why this is entered more than 24 hours later"));
    }
    let amount = match values.get("dose_given") {
        None | Some(Value::Null) => None,
        Some(Value::Number(n)) => Some(n.to_string()),
        Some(Value::String(s)) => Some(s.clone()),
        Some(_) => Some(String::new()),
    };
    let decimal = |s: &String| s.parse::<f64>().is_ok() && s.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if amount.as_ref().is_some_and(|a| !decimal(a)) {
        return Err(Error::invalid("dose_given", "wrong_type", "Is a decimal number such as 12.5"));
    }
    if matches!(outcome.as_str(), "HELD" | "REFUSED") && !given(values, "reason") {
        return Err(Error::invalid("reason", "required", "Say why the dose was held or refused"));
    }
    let scheduled = clock::instant(values, "scheduled_for")?;
    let at = if taken { at } else { scheduled.unwrap_or(at) };
    Ok(Said { outcome, taken, at, scheduled, amount })
}

/// Outcomes of a dose that went into the student.
pub(super) const TAKEN: [&str; 3] = ["GIVEN", "SELF_ADMINISTERED", "VOMITED"];

async fn by_order(
    tx: &mut Tx,
    id: Uuid,
    said: &Said,
    values: &mut Map<String, Value>,
    over: &mut Map<String, Value>,
) -> Result<Option<Drawn>> {
    let order = order(tx, id, said).await?;
    for (name, should) in [
        ("student_id", order.student.to_string()),
        ("medication", order.medication.clone()),
        ("dose_unit", order.unit.clone()),
    ] {
        if given(values, name) && values.get(name) != Some(&json!(should)) {
            return Err(Error::invalid(name, "mismatch", "Is not that of the order"));
        }
        values.insert(name.into(), json!(should));
    }
    fits(&order, said)?;
    if !given(values, "school_id") {
        values.insert("school_id".into(), json!(order.school));
    }
    if !order.emergency {
        at_school(tx, values, said).await?;
        held_back(tx, &order, said, values).await?;
    }
    if said.taken {
        if said.amount.is_none() {
            values.insert("dose_given".into(), json!(order.dose));
        }
        let allergy = orders::allergies(tx, id).await?.conflict;
        if allergy && !order.emergency {
            let message = "The student has an allergy to this drug: do not give it; suspend the order";
            return Err(Error::invalid("order_id", "allergy_conflict", message));
        }
        if allergy {
            over.insert("allergy".into(), json!(true));
        }
        if !order.emergency {
            if said.outcome != "SELF_ADMINISTERED" {
                rights(values)?;
            }
            if !given(values, "expires_on") {
                let expires: Option<Date> = order.found.get("supply_expires_on");
                values.extend(expires.map(|day| ("expires_on".to_owned(), json!(day.to_string()))));
            }
            unexpired(tx, values, said.at).await?;
        }
        if !order.stops.is_empty() {
            over.insert("stops".into(), json!(order.stops));
        }
    }
    if order.emergency && !order.is("in_force") {
        over.insert("order_not_in_force".into(), json!(true));
    }
    drawn(tx, id, &order, said, values).await
}

/// Whether a dose names a time as its order wants.
fn fits(order: &Order, said: &Said) -> Result<()> {
    match (order.kind == "SCHEDULED", said.scheduled) {
        (true, None) => Err(Error::invalid("scheduled_for", "required", "Say which dose of the order this is")),
        (true, Some(_)) if !order.is("is_slot") => {
            Err(Error::invalid("scheduled_for", "not_allowed", "Is none of the order's times at the school that day"))
        }
        (false, Some(_)) => Err(Error::invalid("scheduled_for", "not_allowed", "Only a scheduled order has times")),
        _ => Ok(()),
    }
}

/// Who may record this dose, and whether it may be given now.
async fn held_back(tx: &mut Tx, order: &Order, said: &Said, values: &Map<String, Value>) -> Result<()> {
    let nurse = tx.ctx.may("school.med.order");
    if !order.is("in_force") {
        let detail = "This order is not in force: no dose of it is recorded";
        return Err(Error::Conflict { code: "order_not_in_force", detail: detail.into() });
    }
    if !nurse && !order.is("delegable") {
        let detail = "This order is not delegated: a nurse gives it";
        return Err(Error::Refused { code: "not_delegated", detail: detail.into() });
    }
    if !nurse && !order.is("delegated") {
        let detail =
            "Your training for this way of giving does not count here today: a nurse gives it, or delegates it";
        return Err(Error::Refused { code: "competence_missing", detail: detail.into() });
    }
    if said.outcome == "SELF_ADMINISTERED" && !order.is("carries") {
        return Err(Error::invalid("outcome", "not_allowed", "This order does not let the student take it alone"));
    }
    if !said.taken {
        return Ok(());
    }
    let reason = given(values, "reason");
    let window = supplies::window(tx).await?;
    if said.scheduled.is_some_and(|slot| !medication::in_window(window, slot, said.at)) && !reason {
        let message = format!("Say why it is given more than {} minutes from its time", window.whole_minutes());
        return Err(Error::invalid("reason", "outside_window", message));
    }
    if order.stops.is_empty() || (nurse && reason) {
        return Ok(());
    }
    let why: Vec<&str> = order.stops.iter().map(|stop| stop.says()).collect();
    let mut why = why.join("; ");
    if let Some(next) = order.next.filter(|_| order.stops.contains(&Stop::MinInterval)) {
        why = format!("{why}; the next may be given at {}", clock::text(next)?);
    }
    if nurse {
        return Err(Error::invalid("reason", "stopped", format!("Say why it is given although {why}")));
    }
    Err(Error::invalid("administered_at", "stopped", format!("Cannot be given: {why}. A nurse may decide otherwise")))
}

/// Rescue medicine that belongs to the school, with no order on file: epinephrine, albuterol, naloxone.
async fn from_stock(
    tx: &mut Tx,
    said: &Said,
    values: &mut Map<String, Value>,
    over: &mut Map<String, Value>,
) -> Result<()> {
    let student = id_of(values, "student_id")?;
    let medication = values.get("medication").and_then(Value::as_str).unwrap_or_default();
    if !medication::is_stock(medication) {
        let message = format!(
            "Name the order; without one only what a school keeps in stock is recorded: {}",
            medication::STOCK.join(", ")
        );
        return Err(Error::invalid("order_id", "required", message));
    }
    if said.scheduled.is_some() {
        return Err(Error::invalid("scheduled_for", "not_allowed", "Only a scheduled order has times"));
    }
    if said.taken && said.amount.is_none() {
        return Err(Error::invalid("dose_given", "required", "Say how much was given"));
    }
    if !given(values, "school_id") {
        let school = orders::school_of(tx, student).await?;
        let school = school.ok_or_else(|| Error::invalid("school_id", "required", "Say at which school"))?;
        values.insert("school_id".into(), json!(school));
    }
    over.insert("no_order".into(), json!(true));
    Ok(())
}

async fn order(tx: &mut Tx, id: Uuid, said: &Said) -> Result<Order> {
    let amount = said.amount.clone();
    let sql = sql!(
        "SELECT o.student_id, p.school_id, o.kind::text AS kind, o.medication::text AS medication, l.day, \
           o.dose_qty::text AS dose, o.dose_unit::text AS unit, o.delegable, \
           o.supply_expires_on, school.is_delegated(o.id, $6, l.day) AS delegated, \
           (o.self_carry_approved OR o.kind = 'SELF_CARRY') AS carries, o.controlled_schedule <> '0' AS controlled, \
           o.min_interval_min, o.max_per_day, \
           ((o.status = 'ACTIVE' OR coalesce($2::timestamptz < o.stopped_at, false)) \
             AND l.day BETWEEN o.valid_from AND o.valid_to) AS in_force, \
           coalesce($4::text::numeric > o.dose_qty, false) AS more, \
           coalesce((SELECT coalesce(sum(a.dose_given), 0) FROM school.medication_administrations a \
             WHERE a.order_id = o.id AND a.outcome = ANY ($5) \
               AND (a.administered_at AT TIME ZONE s.timezone::text)::date = l.day) \
             + coalesce($4::text::numeric, o.dose_qty) > o.max_daily_dose, false) AS over, \
           EXISTS (SELECT FROM jsonb_array_elements_text(o.times) t \
             WHERE $3::timestamptz = (l.day + t::time) AT TIME ZONE s.timezone::text) AS is_slot, \
           (SELECT count(*) FROM school.medication_administrations a WHERE a.order_id = o.id AND a.outcome = ANY ($5) \
             AND (a.administered_at AT TIME ZONE s.timezone::text)::date = l.day) AS today \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS day) l WHERE o.id = $1"
    );
    let user = tx.ctx.actor.id;
    let found = tx.query_opt(sql, &[&id, &said.at, &said.scheduled, &amount, &TAKEN.as_slice(), &user]).await?;
    let found: Row = found.ok_or(Error::NotFound)?;
    let limits = Limits {
        interval: found.get::<_, Option<i32>>("min_interval_min").map(|m| Duration::minutes(m.into())),
        per_day: found.get::<_, Option<i32>>("max_per_day").map(i64::from),
    };
    let sql = sql!(
        "SELECT administered_at FROM school.medication_administrations WHERE order_id = $1 AND outcome = ANY ($3) \
           AND administered_at BETWEEN $2::timestamptz - interval '24 hours' AND $2::timestamptz + interval '24 hours'"
    );
    let near = tx.query(sql, &[&id, &said.at, &TAKEN.as_slice()]).await?;
    let near: Vec<OffsetDateTime> = near.iter().map(|row| row.get(0)).collect();
    let mut stops = medication::stops(limits, said.at, &near, found.get("today"));
    stops.extend(found.get::<_, bool>("over").then_some(Stop::MaxDailyDose));
    stops.extend(found.get::<_, bool>("more").then_some(Stop::Dose));
    Ok(Order {
        student: found.get("student_id"),
        school: found.get("school_id"),
        kind: found.get("kind"),
        medication: found.get("medication"),
        dose: found.get("dose"),
        unit: found.get("unit"),
        emergency: is_emergency(tx, id).await?,
        next: medication::next_by_interval(limits, &near),
        stops,
        found,
    })
}

/// Whether nothing may hold up a dose of an order: its kind says so, the catalogue of drugs does, or it is rescue medicine that
/// is neither a controlled drug nor given by the clock.
pub(super) async fn is_emergency(tx: &mut Tx, order: Uuid) -> Result<bool> {
    let sql = sql!(
        "SELECT o.medication::text, o.kind = 'EMERGENCY' OR (o.kind <> 'SCHEDULED' AND coalesce(d.is_emergency, false)), \
           o.kind <> 'SCHEDULED' AND o.controlled_schedule = '0' \
         FROM school.student_medication_orders o LEFT JOIN ref.drug_catalog d \
           ON d.id = o.drug_catalog_id OR (o.drug_catalog_id IS NULL AND d.rxcui = o.rxcui) WHERE o.id = $1"
    );
    let found = tx.query_opt(sql, &[&order]).await?.ok_or(Error::NotFound)?;
    Ok(found.get(1) || (found.get(2) && medication::is_rescue(&found.get::<_, String>(0))))
}

/// A dose of an order that is due at a time, and what came of it.
struct Due {
    id: Uuid,
    outcome: Option<String>,
    /// Somebody said so. What the server wrote because nobody did is no record of anything: MISSED, ABSENT by an absence, or HELD
    /// without a reason.
    by_person: bool,
}

async fn due(tx: &mut Tx, order: Uuid, slot: OffsetDateTime) -> Result<Option<Due>> {
    let sql = sql!(
        "SELECT id, outcome::text AS outcome, \
           coalesce(outcome <> 'MISSED' AND absence_id IS NULL AND (outcome <> 'HELD' OR reason IS NOT NULL), false) AS by_person \
         FROM school.medication_administrations WHERE order_id = $1 AND scheduled_for = $2 FOR NO KEY UPDATE"
    );
    let due =
        |found: Row| Due { id: found.get("id"), outcome: found.get("outcome"), by_person: found.get("by_person") };
    Ok(tx.query_opt(sql, &[&order, &slot]).await?.map(due))
}

/// The dose that the same device entered before.
async fn same_client(
    tx: &mut Tx,
    values: &Map<String, Value>,
    order: Option<Uuid>,
    slot: Option<OffsetDateTime>,
) -> Result<Option<Uuid>> {
    if !given(values, "client_ref") {
        return Ok(None);
    }
    let client = id_of(values, "client_ref")?;
    let student = if given(values, "student_id") { Some(id_of(values, "student_id")?) } else { None };
    let sql = sql!(
        "SELECT id, order_id IS NOT DISTINCT FROM $2 AND student_id = coalesce($3, student_id) \
           AND scheduled_for IS NOT DISTINCT FROM $4 AS same \
         FROM school.medication_administrations WHERE client_ref = $1"
    );
    let Some(found) = tx.query_opt(sql, &[&client, &order, &student, &slot]).await? else { return Ok(None) };
    if !found.get::<_, bool>("same") {
        let detail = "This client_ref was used for another dose: use a new one";
        return Err(Error::Conflict { code: "client_ref_used", detail: detail.into() });
    }
    Ok(Some(found.get("id")))
}

/// A dose that another device recorded: it stays as it is, and that a second one came is kept with what it said.
async fn twice(tx: &mut Tx, values: &Map<String, Value>, dose: Uuid) -> Result<Reply> {
    if !given(values, "client_ref") {
        let detail = "This dose was recorded already";
        return Err(Error::Conflict { code: "already_recorded", detail: detail.into() });
    }
    tx.note(json!({ "conflict": "recorded_twice", "second": values }));
    Ok(Reply::row(tx.get(DOSES.table, dose, &[]).await?))
}

/// The day of an instant at the school, where the student must be enrolled.
async fn at_school(tx: &mut Tx, values: &Map<String, Value>, said: &Said) -> Result<()> {
    let (student, school) = (id_of(values, "student_id")?, id_of(values, "school_id")?);
    let day = super::days::of(tx, school, said.scheduled.unwrap_or(said.at)).await;
    let day = day.map_err(|_| Error::invalid("school_id", "no_such_record", "Must name a school"))?;
    if enrollments::is_enrolled(tx, student, school, day).await? {
        return Ok(());
    }
    Err(Error::invalid("school_id", "not_enrolled", "This student is not enrolled at this school on that day"))
}

fn rights(values: &Map<String, Value>) -> Result<()> {
    let checked = values.get("rights").and_then(Value::as_object);
    let how = |name: &str| checked.and_then(|c| c.get(name)).and_then(Value::as_str);
    match RIGHTS.into_iter().find(|name| !matches!(how(name), Some("EYE" | "BARCODE"))) {
        None => Ok(()),
        Some(name) => {
            let message =
                format!("Say for {name} how it was checked, EYE or BARCODE; needed are {}", RIGHTS.join(", "));
            Err(Error::invalid("rights", "required", message))
        }
    }
}

async fn unexpired(tx: &mut Tx, values: &Map<String, Value>, at: OffsetDateTime) -> Result<()> {
    let Some(text) = values.get("expires_on").and_then(Value::as_str) else { return Ok(()) };
    let wrong = |_| Error::invalid("expires_on", "wrong_type", "Is a day such as 2026-03-02");
    let last = Date::parse(text, &time::format_description::well_known::Iso8601::DATE).map_err(wrong)?;
    if last < super::days::of(tx, id_of(values, "school_id")?, at).await? {
        return Err(Error::invalid("expires_on", "expired", "This lot has expired: do not give it"));
    }
    Ok(())
}

async fn effect_seen(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let body = orders::only(&call.body, &["prn_effect", "effect_at"])?;
    if !given(&body, "prn_effect") {
        return Err(Error::invalid("prn_effect", "required", "Say what the dose did"));
    }
    let now = tx.ctx.env.now();
    let at = clock::instant(&body, "effect_at")?.unwrap_or(now);
    if at > now + Duration::minutes(5) {
        return Err(Error::invalid("effect_at", "time_order", "Cannot lie in the future"));
    }
    let before = tx.get(DOSES.table, id, &["outcome", "prn_effect", "scheduled_for"]).await?;
    if !TAKEN.contains(&before.text("outcome")) || !before.text("scheduled_for").is_empty() {
        let detail = "Only a dose as needed that was taken has an effect to be told";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    if !before.text("prn_effect").is_empty() {
        let detail = "What this dose did was told already";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    let effect = body.get("prn_effect").cloned().unwrap_or(Value::Null);
    let values = row(json!({ "prn_effect": effect, "effect_at": clock::text(at)? }));
    Ok(Reply::row(tx.update(DOSES.table, id, call.if_match, values).await?))
}
