//! Admission of a student who lacks doses: provisionally while records are pending, or by a plan for the doses. How long it lasts
//! is what the requirements in force say on the day of the decision; that day is told to the family and kept, whatever the
//! requirement says later. Why a student was admitted is specially protected (C4): judging does not need it.

use super::evaluate;
use crate::{clock, row, school::days};
use salus_core::{ActorKind, Error, Result};
use salus_rules::school_entry::{Admission, AdmissionKind, ProvisionalReason};
use salus_store::{Call, Catalog, Method, Op, Reply, Resource, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

/// Admissions, read as any table and written by the actions below.
pub const ADMISSIONS: Resource = Resource {
    table: "school.immunization_admissions",
    path: "school/immunization-admissions",
    noun: "school.admission",
    read: "school.immunization.read",
    write: None,
    filters: &["student_id", "kind", "last_on"],
    locked: &[],
    list: &[],
};
/// Why a student is admitted, as a body names it.
const REASONS: [&str; 5] = ["HOMELESS", "FOSTER", "MILITARY", "TRANSFER", "PLAN"];

/// Admitting, and ending it.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(ADMISSIONS.table)?;
    let input = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "enum": REASONS, "description": "HOMELESS, FOSTER, MILITARY or TRANSFER: provisionally, while \
            records are pending; PLAN: by a plan for the doses that are missing. It is sealed"},
        "begins_on": {"type": "string", "format": "date", "description": "First day; today at the school when it is left out"}}});
    let why = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "description": "Why; it is sealed"}}});
    let op = |how, summary, input, run| {
        ADMISSIONS.action((table, "school.exemption.approve"), how, (summary, Some(input)), run)
    };
    let admit = op(
        (Method::Post, "", "admit"),
        "Admit a student without all doses, for as many days as the requirements in force give for the reason",
        input,
        run(|tx, call| Box::pin(admit(tx, call))),
    );
    let end = op(
        (Method::Post, "/{id}/end", "end"),
        "End an admission before its last day",
        why,
        run(|tx, call| Box::pin(end(tx, call))),
    );
    Ok(vec![
        Op { path: "/api/v1/students/{id}/immunizations/admissions".into(), target: "medical.patients", ..admit },
        end,
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Admit {
    reason: String,
    #[serde(default)]
    begins_on: Option<String>,
}

async fn admit(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let student = call.id()?;
    let asked: Admit = call.input()?;
    tx.get("medical.patients", student, &["id"]).await?;
    person(tx)?;
    let now = tx.ctx.env.now();
    let Some(today) = days::of_student(tx, student, now).await? else {
        return Err(Error::invalid("student_id", "not_enrolled", "Must name a student of a school"));
    };
    if !REASONS.contains(&asked.reason.as_str()) {
        return Err(Error::invalid("reason", "not_allowed", format!("Is one of {}", REASONS.join(", "))));
    }
    let reason: Option<ProvisionalReason> = match asked.reason.as_str() {
        "PLAN" => None,
        name => Some(serde_json::from_value(json!(name)).map_err(Error::internal)?),
    };
    let from = asked.begins_on.as_deref().map_or(Ok(today), |text| clock::day("begins_on", text))?;
    if from > today {
        return Err(Error::invalid("begins_on", "future_date", "Cannot lie ahead"));
    }
    let groups = evaluate::groups_that_admit(tx, student, today, |rule| rule.admits_until(reason, from)).await?;
    let Some(last) = groups.values().copied().max() else {
        let message =
            "No requirement in force for this student's grade gives days for it: its conditional_policy would say so";
        return Err(Error::invalid("reason", "no_policy", message));
    };
    if last < today {
        let message = format!("What is given from that day on ended on {last}");
        return Err(Error::invalid("begins_on", "over", message));
    }
    let kind = if reason.is_some() { "PROVISIONAL" } else { "PLAN" };
    refuse_second(tx, student, kind, today).await?;
    let groups: Vec<Value> =
        groups.iter().map(|(name, until)| json!({"vaccine_group": name, "until": until.to_string()})).collect();
    let values = row(json!({
        "student_id": student, "kind": kind, "reason": asked.reason, "begins_on": from.to_string(), "last_on": last.to_string(),
        "groups": groups, "decided_by": tx.ctx.actor.id,
    }));
    let id = tx.ctx.env.id();
    let made = tx.create(ADMISSIONS.table, NewRow { id, values }).await?;
    tx.on_row(student);
    evaluate::students_on(tx, &[student], today).await?;
    Ok(Reply::created(made))
}

/// Who may attend without doses is decided by somebody who answers for it.
fn person(tx: &Tx) -> Result<()> {
    if tx.ctx.actor.kind == ActorKind::User {
        return Ok(());
    }
    let detail = "A person who signed in decides who attends without the doses";
    Err(Error::Conflict { code: "person_required", detail: detail.into() })
}

/// One that runs is not prolonged by another.
async fn refuse_second(tx: &mut Tx, student: Uuid, kind: &str, today: Date) -> Result<()> {
    tx.alone("immunization_admissions", &student.to_string()).await?;
    let sql = sql!(
        "SELECT last_on FROM school.immunization_admissions WHERE student_id = $1 AND kind = $2::text AND ended_on IS NULL \
           AND last_on >= $3 ORDER BY last_on DESC LIMIT 1"
    );
    let Some(found) = tx.query_opt(sql, &[&student, &kind, &today]).await? else { return Ok(()) };
    let detail = format!("This student is admitted so until {}", found.get::<_, Date>(0));
    Err(Error::Conflict { code: "admitted_already", detail })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn end(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let why: Why = call.input()?;
    let id = call.id()?;
    let before = tx.get(ADMISSIONS.table, id, &["student_id", "ended_on"]).await?;
    person(tx)?;
    let reason = why.reason.trim();
    if reason.is_empty() || reason.chars().count() > 1000 {
        return Err(Error::invalid("reason", "required", "Say why in at most 1000 characters"));
    }
    if !before.text("ended_on").is_empty() {
        let detail = format!("This admission was ended on {}", before.text("ended_on"));
        return Err(Error::Conflict { code: "state_conflict", detail });
    }
    let student: Uuid = before.text("student_id").parse().map_err(Error::internal)?;
    let now = tx.ctx.env.now();
    let today = days::of_student(tx, student, now).await?.unwrap_or(now.date());
    let values = row(json!({"ended_on": today.to_string(), "end_reason": reason}));
    let made = tx.update(ADMISSIONS.table, id, call.if_match, values).await?;
    evaluate::students_on(tx, &[student], today).await?;
    Ok(Reply::row(made))
}

/// The admissions of students that were not ended, as judging takes them: one for each vaccine group.
pub(super) async fn of(tx: &mut Tx, students: &[Uuid]) -> Result<Vec<(Uuid, Admission)>> {
    let sql = sql!(
        "SELECT a.student_id, a.kind = 'PLAN' AS by_plan, a.begins_on, g.value ->> 'vaccine_group' AS name, (g.value ->> 'until')::date AS until \
         FROM school.immunization_admissions a CROSS JOIN LATERAL jsonb_array_elements(a.groups) AS g \
         WHERE a.student_id = ANY($1) AND a.ended_on IS NULL ORDER BY a.id"
    );
    let read = |found: &salus_store::Row| {
        let kind = if found.get("by_plan") { AdmissionKind::Plan } else { AdmissionKind::Provisional };
        let (from, until) = (found.get("begins_on"), found.get("until"));
        (found.get("student_id"), Admission { kind, group: found.get("name"), from, until })
    };
    Ok(tx.query(sql, &[&students]).await?.iter().map(read).collect())
}

/// The admissions of a student, newest first, without why.
pub(super) async fn of_student(tx: &mut Tx, student: Uuid) -> Result<Value> {
    let fields = ["kind", "begins_on", "last_on", "groups", "ended_on", "row_version"];
    let rows = tx
        .select(
            ADMISSIONS.table,
            &fields,
            "t.student_id = $1 ORDER BY t.begins_on DESC, t.id DESC LIMIT 20",
            &[&student],
        )
        .await?;
    Ok(json!(rows))
}
