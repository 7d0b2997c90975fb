//! Students put themselves on the waiting list of the clinic, at a tablet by its door. They say who they are by the number of their
//! badge, or by name and birth day; the tablet learns the first letter of a name and nothing else of anybody, whatever was said.

use super::{days, enrollments, orders, reads, visits, visits::VISITS};
use crate::medical::PATIENTS;
use salus_core::{Ctx, Error, Permissions, Result};
use salus_store::{Call, Method, Op, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::sync::Arc;
use time::{Date, Duration, format_description::well_known::Iso8601};
use uuid::Uuid;

/// Who was not found this often lately waits.
const MOST: i64 = 20;
/// How long it is counted.
const LATELY: Duration = Duration::minutes(10);
/// What a body holds.
const SAID: [&str; 6] = ["school_id", "badge", "name", "birth_day", "reason", "client_ref"];

/// The operation.
pub(super) fn action() -> Op {
    let text = |doc: &str| json!({"type": ["string", "null"], "maxLength": 200, "description": doc});
    let id = |doc: &str| json!({"type": ["string", "null"], "format": "uuid", "description": doc});
    Op {
        method: Method::Post,
        path: "/api/v1/clinic/kiosk".into(),
        name: "school.kiosk.arrive".into(),
        permission: "school.visit.kiosk",
        summary: "A student comes to the clinic and says who they are and why; answers the first letter of the name, or that nobody was found".into(),
        target: VISITS.table,
        params: Vec::new(),
        input: Some(json!({"type": "object", "additionalProperties": false, "properties": {
            "school_id": id("The school; where the caller works when it is left out"),
            "badge": text("The student's number"),
            "name": text("Or the name, with the birth day"),
            "birth_day": {"type": ["string", "null"], "description": "Month and day, such as 09-14"},
            "reason": {"type": ["string", "null"],
                "description": "chief_complaint_code of the visit; without one it is only told whether the student was found"},
            "client_ref": id("Makes sending it twice one visit")}})),
        output: json!({"type": "object", "properties": {
            "initial": {"type": ["string", "null"]}, "status": {"type": "string", "enum": ["FOUND", "WAITING", "ALREADY_HERE"]}}}),
        run: run(|tx, call| Box::pin(arrive(tx, call))),
    }
}

async fn arrive(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &SAID)?;
    let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    wait(tx).await?;
    let mine = reads::schools(tx).await?;
    let named = if visits::given(&body, "school_id") { Some(visits::id_of(&body, "school_id")?) } else { None };
    let school = mine.iter().map(|(id, _)| *id).find(|id| named.is_none_or(|named| named == *id));
    let school = school.ok_or_else(|| Error::invalid("school_id", "no_such_record", "Must name a school of yours"))?;
    let now = tx.ctx.env.now();
    let day = days::of(tx, school, now).await?;
    // What the clinic opens to know a student by is lent for the time of looking, and none of it is told.
    let own = std::mem::replace(&mut tx.ctx.permissions, Arc::new(Permissions::new(["kernel.phi.read"])));
    let found = student(tx, (&said("badge"), &said("name"), &said("birth_day")), (school, day)).await;
    tx.ctx.permissions = own;
    let (student, initial) = found?.ok_or(Error::NotFound)?;
    tx.about(student);
    let sql = sql!("SELECT EXISTS (SELECT FROM school.clinic_visits WHERE student_id = $1 AND status = 'OPEN')");
    let here: bool = tx.query_opt(sql, &[&student]).await?.is_some_and(|found| found.get(0));
    if said("reason").is_empty() && !here {
        return Ok(Reply::json(json!({"initial": null, "status": "FOUND"})));
    }
    let visit = json!({"student_id": student, "school_id": school, "chief_complaint_code": said("reason"),
                       "client_ref": body.get("client_ref")});
    let status = if here {
        "ALREADY_HERE"
    } else {
        match visits::check_in(tx, Call { body: visit, ..Call::default() }).await {
            Ok(_) => "WAITING",
            // Somebody was quicker.
            Err(Error::Conflict { code: "open_visit_exists", .. }) => "ALREADY_HERE",
            Err(other) => return Err(other),
        }
    };
    Ok(Reply::json(json!({"initial": initial, "status": status})))
}

/// Refuses a tablet at which somebody tries names or numbers. What was not found is in the audit log.
async fn wait(tx: &mut Tx) -> Result<()> {
    let (actor, since) = (tx.ctx.actor.id, tx.ctx.env.now() - LATELY);
    let mut apart = tx.db().begin(Ctx::system(&tx.ctx.env, tx.ctx.tenant), true).await?;
    let sql = sql!(
        "SELECT count(*) FROM audit.activity_logs WHERE recorded_at > $1 AND actor_id = $2 AND action = 'school.kiosk.arrive' \
           AND outcome = 'failed' AND convert_from(header, 'UTF8')::jsonb ->> 'code' = 'not_found'"
    );
    let failed: i64 = apart.query_opt(sql, &[&since, &actor]).await?.map_or(0, |row| row.get(0));
    apart.finish_unrecorded().await?;
    if failed >= MOST { Err(Error::TooMany(60)) } else { Ok(()) }
}

/// The one student of a school whom this describes, with the first letter of the first name.
async fn student(
    tx: &mut Tx,
    (badge, name, birth_day): (&str, &str, &str),
    (school, day): (Uuid, Date),
) -> Result<Option<(Uuid, String)>> {
    let fields = ["given_names", "preferred_name", "birth_date"];
    let people = if !badge.is_empty() {
        let blind = tx.blind("school.student_profiles", "student_number", badge)?;
        let held = "t.id IN (SELECT p.patient_id FROM school.student_profiles p WHERE p.student_number_bidx = ANY($1::bytea[]))";
        tx.select(PATIENTS.table, &fields, held, &[&blind]).await?
    } else if name.chars().filter(|c| c.is_alphabetic()).count() >= 2 && is_day(birth_day) {
        let query = [("name", name), ("fields", "given_names,preferred_name,birth_date"), ("limit", "200")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let mut found = tx.list(&PATIENTS, &Call { query, ..Call::default() }).await?.rows;
        found.retain(|person| person.text("birth_date").get(5..) == Some(birth_day));
        found
    } else {
        Vec::new()
    };
    let mut here = Vec::new();
    for person in people {
        let id = person.id().ok_or_else(|| Error::internal("a row without id"))?;
        if enrollments::is_enrolled(tx, id, school, day).await? {
            let first = [person.text("preferred_name"), person.text("given_names")].concat();
            here.push((id, first.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default()));
        }
    }
    // Two whom this describes are told apart at the desk.
    Ok(if here.len() == 1 { here.pop() } else { None })
}

/// Whether this is a month and day, such as 09-14.
fn is_day(text: &str) -> bool {
    text.len() == 5 && Date::parse(&format!("2000-{text}"), &Iso8601::DATE).is_ok()
}
