//! The pass that a student takes along from the clinic: who, from when to when, and where to. It says nothing of why: neither what
//! the student came with nor what was done is read for it, and how the visit ended is told in words that say nothing of health.

use super::{
    days,
    reads::NAME,
    visits::{VISITS, given, id_of},
};
use crate::{auth, clock};
use salus_core::{ActorKind, Error, Result};
use salus_rules::class_time::missed;
use salus_store::{Call, Method, Op, Reply, Tx, run, sql};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

/// What is read of the visit.
const READ: [&str; 9] = [
    "student_id",
    "school_id",
    "visit_on",
    "check_in_at",
    "check_out_at",
    "disposition",
    "periods_missed",
    "attended_by",
    "status",
];

/// The pass of a visit.
pub(super) fn read() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/clinic/visits/{id}/pass".into(),
        name: "school.visit.pass".into(),
        permission: VISITS.read,
        summary:
            "What a pass says of a visit: the student, from when to when, where to and the lessons; nothing of why"
                .into(),
        target: VISITS.table,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(pass(tx, call))),
    }
}

/// Where a student goes, by how the visit ended; nothing of one that has not.
fn way(disposition: &str) -> Option<&'static str> {
    match disposition {
        "" => None,
        "RETURN_TO_CLASS" | "LEFT_WITHOUT_BEING_SEEN" => Some("CLASS"),
        "SENT_HOME" => Some("HOME"),
        "PARENT_PICKUP" => Some("PICKED_UP"),
        "REFERRED_COUNSELOR" | "STAYED_IN_CLINIC" | "TRANSFERRED_TO_NURSE" => Some("WITH_STAFF"),
        // To which kind of care somebody went is about health.
        _ => Some("EXCUSED"),
    }
}

async fn pass(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let visit = tx.get(VISITS.table, id, &READ).await?;
    if visit.text("status") == "VOIDED" {
        let detail = "This visit was taken back: there is no pass of it";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    let values = crate::row(json!(visit));
    let (student, school) = (id_of(&values, "student_id")?, id_of(&values, "school_id")?);
    let sql = sql!(
        "SELECT s.name::text AS school, s.timezone::text AS zone, g.name::text AS homeroom FROM school.schools s \
         LEFT JOIN school.student_profiles p ON p.patient_id = $2 LEFT JOIN school.class_groups g ON g.id = p.homeroom_id \
         WHERE s.id = $1"
    );
    let place = tx.query_opt(sql, &[&school, &student]).await?.ok_or(Error::NotFound)?;
    let homeroom: Option<String> = place.get("homeroom");
    let people = tx.select("medical.patients", &NAME[..4], "t.id = $1", &[&student]).await?;
    let person = people.first().ok_or(Error::NotFound)?;
    // The number is what a student says who they are by, so it stands on paper only where nothing else tells two of a name apart.
    let number = if homeroom.is_some() {
        Value::Null
    } else {
        let held = "t.patient_id = $1";
        let found = tx.select("school.student_profiles", &["student_number"], held, &[&student]).await?;
        found.first().and_then(|row| row.get("student_number").cloned()).unwrap_or_default()
    };
    let periods: Vec<Value> = if visit.text("status") == "OPEN" {
        let from = clock::instant(&values, "check_in_at")?.ok_or_else(|| Error::internal("a visit has a check-in"))?;
        let now = tx.ctx.env.now();
        let day = days::of(tx, school, from).await?;
        let class = missed(&days::bells(tx, school, day).await?, from, now, Duration::ZERO, false);
        class.periods.into_iter().map(|period| json!(period.name)).collect()
    } else {
        let lessons = values.get("periods_missed").and_then(Value::as_array);
        lessons.into_iter().flatten().map(|period| period["name"].clone()).collect()
    };
    let by = if given(&values, "attended_by") {
        Some(id_of(&values, "attended_by")?)
    } else {
        (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id)
    };
    let names = auth::display_names(tx, by.into_iter()).await?;
    tx.on_row(id);
    let told = |name: &str| visit.get(name).cloned().unwrap_or_default();
    let of = |name: &str| person.get(name).cloned().unwrap_or_default();
    Ok(Reply::json(json!({
        "id": id, "school": place.get::<_, String>("school"), "timezone": place.get::<_, String>("zone"),
        "day": told("visit_on"),
        "student": {"pseudonym": of("pseudonym"), "family_name": of("family_name"), "given_names": of("given_names"),
                    "preferred_name": of("preferred_name")},
        "homeroom": homeroom, "student_number": number, "arrived_at": told("check_in_at"), "left_at": told("check_out_at"),
        "way": way(visit.text("disposition")), "periods": periods, "by": by.and_then(|id: Uuid| names.get(&id)),
    })))
}
