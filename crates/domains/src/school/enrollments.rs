//! Where a student is enrolled. Enrolling also makes the student belong to the school's unit, by which those who work there
//! reach the record; leaving ends it.

use crate::auth;
use salus_core::{Error, Result};
use salus_store::{
    Call, Catalog, Method, Op, Reply, Resource, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

/// Enrolments; begun and ended by the actions below.
pub const ENROLLMENTS: Resource = Resource {
    table: "school.student_enrollments",
    path: "school/enrollments",
    noun: "school.enrollment",
    read: "school.student.read",
    write: None,
    filters: &["patient_id", "school_id", "enrolled_on"],
    locked: &["exited_on", "exit_code"],
    list: &[],
};

/// Enrolling and leaving.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(ENROLLMENTS.table)?;
    let day = json!({"type": "string", "format": "date", "description": "Last day"});
    let code = json!({"type": "string", "description": "Why, as the state codes it"});
    let op = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        ENROLLMENTS.action((table, "school.student.write"), how, (summary, Some(input)), run)
    };
    let ending = json!({"type": "object", "required": ["exited_on"], "additionalProperties": false,
        "properties": {"exited_on": day, "exit_code": code}});
    Ok(vec![
        op(
            (Method::Post, "", "create"),
            ("Enrol a student at a school", write_schema(table, ENROLLMENTS.locked, true)),
            run(|tx, call| Box::pin(enroll(tx, call))),
        ),
        op((Method::Post, "/{id}/end", "end"), ("End an enrolment", ending), run(|tx, call| Box::pin(leave(tx, call)))),
    ])
}

async fn enroll(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let values = writable(&ENROLLMENTS, db.catalog().table(ENROLLMENTS.table)?, call.body)?;
    let id = tx.ctx.env.id();
    let made = tx.create(ENROLLMENTS.table, NewRow { id, values }).await?;
    reach(tx, id).await?;
    Ok(Reply::created(made))
}

async fn leave(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let db = tx.db().clone();
    let open = Resource { locked: &["patient_id", "school_id", "grade", "enrolled_on"], ..ENROLLMENTS };
    let values = writable(&open, db.catalog().table(ENROLLMENTS.table)?, call.body)?;
    if !values.contains_key("exited_on") {
        return Err(Error::invalid("exited_on", "required", "Say the last day"));
    }
    let row = tx.update(ENROLLMENTS.table, id, call.if_match, values).await?;
    reach(tx, id).await?;
    Ok(Reply::row(row))
}

/// The student belongs to the school's unit on the days of all enrolments there, as this one now stands.
pub(super) async fn reach(tx: &mut Tx, enrollment: Uuid) -> Result<()> {
    let sql = sql!(
        "SELECT e.patient_id, s.organization_id FROM school.student_enrollments e \
         JOIN school.schools s ON s.id = e.school_id WHERE e.id = $1"
    );
    let Some(found) = tx.query_opt(sql, &[&enrollment]).await? else { return Ok(()) };
    let (student, unit): (Uuid, Uuid) = (found.get(0), found.get(1));
    let sql = sql!(
        "SELECT e.enrolled_on, e.exited_on FROM school.student_enrollments e \
         JOIN school.schools s ON s.id = e.school_id AND s.organization_id = $2 WHERE e.patient_id = $1"
    );
    let spans: Vec<_> = tx.query(sql, &[&student, &unit]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    auth::belongs(tx, student, unit, &spans).await
}

/// Whether a student is enrolled at a school on a day.
///
/// # Errors
/// Those of the database.
pub(super) async fn is_enrolled(tx: &mut Tx, student: Uuid, school: Uuid, day: Date) -> Result<bool> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM school.student_enrollments WHERE patient_id = $1 AND school_id = $2 \
           AND enrolled_on <= $3 AND (exited_on IS NULL OR exited_on >= $3))"
    );
    Ok(tx.query_opt(sql, &[&student, &school, &day]).await?.is_some_and(|found| found.get(0)))
}
