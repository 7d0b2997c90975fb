//! A visit to the clinic: check-in, check-out, amendment. A visit is about a student who is enrolled at the school that day;
//! the class it took follows from the bells of that day (`salus_rules::class_time`); signs of illness are counted for the
//! surveillance of outbreaks as they are written down.

use super::{care, days, symptoms};
use crate::{clock, row};
use salus_core::{Error, Result};
use salus_rules::class_time::missed;
use salus_store::{
    Call, Catalog, Method, Op, Record, Reply, Resource, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Map, Value, json};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Visits, read as any table and written by the actions below.
pub const VISITS: Resource = Resource {
    table: "school.clinic_visits",
    path: "clinic/visits",
    noun: "school.visit",
    read: "school.visit.read",
    write: None,
    filters: &["student_id", "school_id", "status", "disposition", "chief_complaint_code", "visit_on", "check_in_at"],
    locked: &[],
    list: &[
        "student_id",
        "school_id",
        "visit_number",
        "check_in_at",
        "check_out_at",
        "chief_complaint_code",
        "disposition",
        "class_minutes_missed",
        "status",
        "row_version",
    ],
};

/// What follows from the rest.
const DERIVED: [&str; 9] = [
    "medication_administration_ids",
    "vital_sign_ids",
    "visit_number",
    "visit_on",
    "status",
    "class_minutes_missed",
    "minutes_estimated",
    "periods_missed",
    "attended_by",
];
/// What is known when a visit ends.
const AT_THE_END: [&str; 8] = [
    "check_out_at",
    "disposition",
    "disposition_note",
    "emergency_called_at",
    "concussion_checklist",
    "guardian_contact",
    "injury_report_id",
    "cosigned_by",
];
/// What is said once, when it begins.
const AT_THE_BEGINNING: [&str; 6] =
    ["student_id", "school_id", "chief_complaint_code", "backdated_reason", "client_ref", "record_regime"];
/// The disposition when 911 was called.
const CALLED_911: &str = "EMERGENCY_SERVICES_911";
/// A visit that is longer is an error.
const LONGEST: Duration = Duration::hours(8);

/// Which columns a body may hold.
fn locked(groups: &[&[&'static str]]) -> Vec<&'static str> {
    groups.concat()
}

fn at_check_in() -> Vec<&'static str> {
    locked(&[&DERIVED, &AT_THE_END, &["amended_reason"]])
}

fn at_check_out() -> Vec<&'static str> {
    locked(&[&DERIVED, &AT_THE_BEGINNING, &["amended_reason"]])
}

fn at_amendment() -> Vec<&'static str> {
    let fixed = ["student_id", "school_id", "client_ref", "backdated_reason"];
    let derived: Vec<&str> = DERIVED.into_iter().filter(|name| *name != "status").collect();
    locked(&[&derived, &fixed])
}

/// Check-in, check-out and amendment.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(VISITS.table)?;
    let op = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        VISITS.action((table, "school.visit.write"), how, (summary, Some(input)), run)
    };
    let ending = |required: &str, locked: &[&str]| {
        let mut schema = care::describe(write_schema(table, locked, false));
        schema["required"] = json!([required]);
        schema
    };
    let beginning = care::describe(write_schema(table, &at_check_in(), true));
    Ok(vec![
        op(
            (Method::Post, "/check-in", "check_in"),
            ("Check a student in. With the client_ref of a visit that is there, that visit is answered", beginning),
            run(|tx, call| Box::pin(check_in(tx, call))),
        ),
        op(
            (Method::Post, "/{id}/check-out", "check_out"),
            ("End a visit with its disposition; answers the class it took", ending("disposition", &at_check_out())),
            run(|tx, call| Box::pin(check_out(tx, call))),
        ),
        op(
            (Method::Patch, "/{id}", "change"),
            (
                "Add to an open visit, or amend one that has ended; status VOIDED takes it back. What it said before is kept",
                care::describe(write_schema(table, &at_amendment(), false)),
            ),
            run(|tx, call| Box::pin(change(tx, call))),
        ),
    ])
}

pub(super) async fn check_in(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let measured = care::measured(&mut call.body)?;
    let resource = Resource { locked: &[], ..VISITS };
    let mut values = writable(&resource, db.catalog().table(VISITS.table)?, call.body)?;
    refuse(&values, &at_check_in())?;
    let (student, school) = (id_of(&values, "student_id")?, id_of(&values, "school_id")?);
    let now = tx.ctx.env.now();
    let at = clock::instant(&values, "check_in_at")?.unwrap_or(now);
    if at > now + Duration::minutes(5) {
        return Err(Error::invalid("check_in_at", "time_order", "Cannot lie in the future"));
    }
    if at < now - Duration::hours(24) && !given(&values, "backdated_reason") {
        return Err(Error::invalid("backdated_reason", "required", "Say why this is entered more than 24 hours later"));
    }
    let day = days::lock(tx, school, at).await?;
    if let Some(visit) = same_client(tx, &values).await? {
        return Ok(Reply::row(tx.get(VISITS.table, visit, &[]).await?));
    }
    if !super::enrollments::is_enrolled(tx, student, school, day).await? {
        let message = "This student is not enrolled at this school on that day";
        return Err(Error::invalid("student_id", "not_enrolled", message));
    }
    let sql = sql!("SELECT EXISTS (SELECT FROM school.clinic_visits WHERE student_id = $1 AND status = 'OPEN')");
    if tx.query_opt(sql, &[&student]).await?.is_some_and(|found| found.get(0)) {
        let detail = "This student is in the clinic already: check out the open visit first";
        return Err(Error::Conflict { code: "open_visit_exists", detail: detail.into() });
    }
    apart(tx, student, (at, None), None).await?;
    // Over all visits of the day, also those that are closed to the caller.
    let sql = sql!("SELECT school.last_visit_number($1, $2) + 1");
    let number: i32 = tx.query_opt(sql, &[&school, &day]).await?.map_or(1, |found| found.get(0));
    values.insert("check_in_at".into(), json!(clock::text(at)?));
    values.insert("visit_on".into(), json!(day.to_string()));
    values.insert("visit_number".into(), json!(number));
    attend(tx, &mut values);
    care::settle(tx, &mut values, None, measured).await?;
    let id = tx.ctx.env.id();
    let made = tx.create(VISITS.table, NewRow { id, values }).await?;
    symptoms::note(tx, &made).await?;
    tx.emit("school.visit.begun", id, json!({ "school": school }));
    Ok(Reply::created(made))
}

/// Who sees to a visit: the first person who records it. A tablet at which students arrive does not.
fn attend(tx: &Tx, values: &mut Map<String, Value>) {
    if tx.ctx.actor.kind == salus_core::ActorKind::User && tx.ctx.may("school.visit.write") {
        values.insert("attended_by".into(), json!(tx.ctx.actor.id));
    }
}

/// Refuses a visit at a time at which the student was at another: one that began within it, or in which it begins.
async fn apart(
    tx: &mut Tx,
    student: Uuid,
    (from, to): (OffsetDateTime, Option<OffsetDateTime>),
    own: Option<Uuid>,
) -> Result<()> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM school.clinic_visits WHERE student_id = $1 AND status <> 'VOIDED' AND id IS DISTINCT FROM $4 \
           AND CASE WHEN check_in_at < $2 THEN coalesce(check_out_at, 'infinity') > $2 ELSE check_in_at < coalesce($3, $2) END)"
    );
    if tx.query_opt(sql, &[&student, &from, &to, &own]).await?.is_some_and(|found| found.get(0)) {
        let detail = "This student was at another visit at that time: correct the times of one of them";
        return Err(Error::Conflict { code: "visits_overlap", detail: detail.into() });
    }
    Ok(())
}

/// The visit that the same device entered before.
async fn same_client(tx: &mut Tx, values: &Map<String, Value>) -> Result<Option<Uuid>> {
    if !given(values, "client_ref") {
        return Ok(None);
    }
    let client = id_of(values, "client_ref")?;
    let sql = sql!("SELECT id, student_id, school_id FROM school.clinic_visits WHERE client_ref = $1");
    let Some(found) = tx.query_opt(sql, &[&client]).await? else { return Ok(None) };
    let who = (id_of(values, "student_id")?, id_of(values, "school_id")?);
    if (found.get::<_, Uuid>("student_id"), found.get::<_, Uuid>("school_id")) != who {
        let detail = "This client_ref was used for a visit of another student or school: use a new one";
        return Err(Error::Conflict { code: "client_ref_used", detail: detail.into() });
    }
    Ok(Some(found.get("id")))
}

async fn check_out(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let (id, version) = (call.id()?, call.if_match);
    let measured = care::measured(&mut call.body)?;
    let mut values = writable(&VISITS, db.catalog().table(VISITS.table)?, call.body)?;
    refuse(&values, &at_check_out())?;
    let before = tx.get(VISITS.table, id, &[]).await?;
    if before.text("status") != "OPEN" {
        let detail = "This visit has ended already: amend it instead";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    let disposition = values.get("disposition").and_then(Value::as_str).unwrap_or_default().to_owned();
    if disposition.is_empty() {
        return Err(Error::invalid("disposition", "required", "Say how the visit ends"));
    }
    same_day(tx, &before, &values).await?;
    let now = tx.ctx.env.now();
    let out = clock::instant(&values, "check_out_at")?.unwrap_or(now);
    values.insert("check_out_at".into(), json!(clock::text(out)?));
    values.insert("status".into(), json!("CLOSED"));
    if before.text("attended_by").is_empty() {
        attend(tx, &mut values);
    }
    complete(tx, &before, &mut values).await?;
    care::settle(tx, &mut values, Some(&before), measured).await?;
    // Without If-Match what was just read must still stand, so that nobody's check-out is written over.
    let row = tx.update(VISITS.table, id, version.or(Some(version_of(&before)?)), values).await?;
    symptoms::note(tx, &row).await?;
    if disposition == CALLED_911 {
        // Ids only: who is told learns that 911 was called, not for what.
        tx.emit("school.visit.emergency", id, json!({ "school": before.text("school_id") }));
    }
    tx.emit("school.visit.ended", id, json!({ "school": before.text("school_id") }));
    Ok(Reply::row(row))
}

async fn change(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
    let measured = care::measured(&mut call.body)?;
    let mut values = writable(&VISITS, db.catalog().table(VISITS.table)?, call.body.take())?;
    refuse(&values, &at_amendment())?;
    let before = tx.get(VISITS.table, id, &[]).await?;
    let status = values.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !matches!(status.as_str(), "" | "VOIDED") {
        return Err(Error::invalid("status", "not_allowed", "Can only be set to VOIDED; check-out ends a visit"));
    }
    if before.text("status") == "VOIDED" {
        let detail = "This visit was taken back: enter it anew";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    same_day(tx, &before, &values).await?;
    if before.text("status") == "OPEN" && status.is_empty() {
        refuse(&values, &AT_THE_END)?;
        if let Some(from) = clock::instant(&values, "check_in_at")? {
            apart(tx, before.text("student_id").parse().map_err(Error::internal)?, (from, None), Some(id)).await?;
        }
        care::settle(tx, &mut values, Some(&before), measured).await?;
        let row = tx.update(VISITS.table, id, Some(version), values).await?;
        symptoms::note(tx, &row).await?;
        return Ok(Reply::row(row));
    }
    let reason = values.get("amended_reason").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if reason.is_empty() {
        return Err(Error::invalid("amended_reason", "required", "Say why it is changed"));
    }
    // A version is whole or it is none: who cannot open what the visit says cannot keep it.
    if !tx.ctx.may("kernel.phi.read") {
        return Err(Error::Forbidden("kernel.phi.read".into()));
    }
    keep_version(tx, &before, &reason).await?;
    if status.is_empty() {
        values.insert("status".into(), json!("AMENDED"));
        complete(tx, &before, &mut values).await?;
        care::settle(tx, &mut values, Some(&before), measured).await?;
    }
    let row = tx.update(VISITS.table, id, Some(version), values).await?;
    symptoms::note(tx, &row).await?;
    if row.text("disposition") == CALLED_911
        && before.text("disposition") != CALLED_911
        && row.text("status") != "VOIDED"
    {
        tx.emit("school.visit.emergency", id, json!({ "school": before.text("school_id") }));
    }
    tx.emit("school.visit.amended", id, json!({ "school": before.text("school_id") }));
    if before.text("status") == "OPEN" {
        // Taken back while it was open, it is over all the same.
        tx.emit("school.visit.ended", id, json!({ "school": before.text("school_id") }));
    }
    Ok(Reply::row(row))
}

/// Refuses to move a visit to another day, by which it is numbered and counted, or into the future.
async fn same_day(tx: &mut Tx, before: &Record, values: &Map<String, Value>) -> Result<()> {
    let Some(at) = clock::instant(values, "check_in_at")? else { return Ok(()) };
    let school: Uuid = before.text("school_id").parse().map_err(Error::internal)?;
    let day = days::of(tx, school, at).await?.to_string();
    if day != before.text("visit_on") || at > tx.ctx.env.now() + Duration::minutes(5) {
        let message = "Is on the day of the visit and not in the future: take this visit back and enter it anew";
        return Err(Error::invalid("check_in_at", "time_order", message));
    }
    Ok(())
}

/// The version of a row that was read.
pub(super) fn version_of(row: &Record) -> Result<i32> {
    let version = row.get("row_version").and_then(Value::as_i64).and_then(|v| i32::try_from(v).ok());
    version.ok_or_else(|| Error::internal("a row without its version"))
}

/// Keeps what a visit said.
async fn keep_version(tx: &mut Tx, before: &Record, reason: &str) -> Result<()> {
    let values = row(json!({
        "visit_id": before.id(), "student_id": before.text("student_id"), "version": before.get("row_version"),
        "body": before, "reason": reason,
    }));
    let id = tx.ctx.env.id();
    tx.insert("school.clinic_visit_versions", &[NewRow { id, values }]).await
}

/// What must be there when a visit has ended, and what follows from its times.
async fn complete(tx: &mut Tx, before: &Record, values: &mut Map<String, Value>) -> Result<()> {
    let now_or_before = |name: &str, values: &Map<String, Value>| match values.get(name) {
        Some(value) => value.clone(),
        None => before.get(name).cloned().unwrap_or(Value::Null),
    };
    let instant = |name: &str, values: &Map<String, Value>| clock::read(&now_or_before(name, values), name);
    let (from, to) = (instant("check_in_at", values)?, instant("check_out_at", values)?);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Error::invalid("check_out_at", "required", "A visit that has ended has both times"));
    };
    if to < from || to - from > LONGEST || to > tx.ctx.env.now() + Duration::minutes(5) {
        let message = "Is after check-in, within 8 hours, and not in the future";
        return Err(Error::invalid("check_out_at", "time_order", message));
    }
    let (visit, student): (_, Uuid) = (before.id(), before.text("student_id").parse().map_err(Error::internal)?);
    apart(tx, student, (from, Some(to)), visit).await?;
    if now_or_before("head_injury", values) == json!(true) {
        concussion_form(&now_or_before("concussion_checklist", values), &now_or_before("guardian_contact", values))?;
    }
    let disposition = now_or_before("disposition", values);
    let called = instant("emergency_called_at", values)?;
    if disposition == json!(CALLED_911) && called.is_none() {
        return Err(Error::invalid("emergency_called_at", "required", "Say when 911 was called"));
    }
    let now = tx.ctx.env.now();
    if called.is_some_and(|at| at < from - LONGEST || at > to + LONGEST || at > now + Duration::minutes(5)) {
        let message = "Is within 8 hours of the visit, and not in the future";
        return Err(Error::invalid("emergency_called_at", "time_order", message));
    }
    let went_home = ["SENT_HOME", "PARENT_PICKUP", CALLED_911].iter().any(|d| disposition == json!(d));
    let school: Uuid = before.text("school_id").parse().map_err(Error::internal)?;
    let day = days::of(tx, school, from).await?;
    let bells = days::bells(tx, school, day).await?;
    let class = missed(&bells, from, to, Duration::ZERO, went_home);
    values.insert("class_minutes_missed".into(), json!(class.minutes.min(480)));
    values.insert("minutes_estimated".into(), json!(class.estimated));
    values.insert("periods_missed".into(), json!(class.periods));
    values.insert("medication_administration_ids".into(), care::doses_within(tx, (student, school), (from, to)).await?);
    Ok(())
}

/// Refuses a head injury without the signs that were looked for, or without whom of the family was to be reached and whether.
fn concussion_form(checklist: &Value, contact: &Value) -> Result<()> {
    let missing = |name: &str, message: &str| Err(Error::invalid(name, "concussion_form_missing", message));
    let looked = |signs: &Map<String, Value>| !signs.is_empty() && signs.values().all(Value::is_boolean);
    if !checklist.as_object().is_some_and(looked) {
        return missing(
            "concussion_checklist",
            "A head injury needs the concussion checklist: each sign, true or false",
        );
    }
    let who = contact["who"].as_str().is_some_and(|who| !who.trim().is_empty());
    let when = clock::read(&contact["when"], "guardian_contact").is_ok_and(|when| when.is_some());
    if !who || !when || !contact["reached"].is_boolean() {
        return missing("guardian_contact", "A head injury needs contact with the family: who, when and reached");
    }
    Ok(())
}

fn refuse(values: &Map<String, Value>, locked: &[&str]) -> Result<()> {
    match values.keys().find(|name| locked.contains(&name.as_str())) {
        Some(name) => {
            Err(Error::invalid(name, "not_writable", "Is filled by the server or at another step of the visit"))
        }
        None => Ok(()),
    }
}

/// Whether a field says something.
pub(super) fn given(values: &Map<String, Value>, name: &str) -> bool {
    values.get(name).is_some_and(|v| !v.is_null() && v.as_str().is_none_or(|s| !s.trim().is_empty()))
}

/// The id in a field.
///
/// # Errors
/// [`Error::Invalid`] naming the field.
pub(super) fn id_of(values: &Map<String, Value>, name: &str) -> Result<Uuid> {
    let text = values.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| Error::invalid(name, "required", "Is required"))?;
    text.parse().map_err(|_| Error::invalid(name, "wrong_type", "Is a UUID"))
}

/// The day of a visit at its school, for those who close visits.
pub(super) async fn close_forgotten(tx: &mut Tx, visit: Uuid, at: OffsetDateTime, erased: bool) -> Result<()> {
    let before = tx.get(VISITS.table, visit, &[]).await?;
    let mut values = row(json!({
        "check_out_at": clock::text(at)?, "disposition": "STAYED_IN_CLINIC", "status": "CLOSED",
    }));
    // Nothing can be sealed for a person whose key was destroyed.
    if !erased {
        values.insert("disposition_note".into(), json!("auto-closed, verify"));
    }
    let (school, from): (Uuid, Option<OffsetDateTime>) = (
        before.text("school_id").parse().map_err(Error::internal)?,
        clock::read(before.get("check_in_at").unwrap_or(&Value::Null), "check_in_at")?,
    );
    let from = from.ok_or_else(|| Error::internal("a visit has a check-in"))?;
    let day: Date = days::of(tx, school, from).await?;
    let class = missed(&days::bells(tx, school, day).await?, from, at, Duration::ZERO, false);
    values.insert("class_minutes_missed".into(), json!(class.minutes.min(480)));
    values.insert("minutes_estimated".into(), json!(class.estimated));
    values.insert("periods_missed".into(), json!(class.periods));
    let student: Uuid = before.text("student_id").parse().map_err(Error::internal)?;
    let doses = care::doses_within(tx, (student, school), (from, at)).await?;
    values.insert("medication_administration_ids".into(), doses);
    tx.update(VISITS.table, visit, Some(version_of(&before)?), values).await?;
    tx.emit("school.visit.ended", visit, json!({ "school": school }));
    Ok(())
}
