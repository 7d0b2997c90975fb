//! From one school year to the next: the students of a school move up a grade, to the next school where theirs does not teach it, or
//! graduate; memberships of groups of the old year end. Charts, orders and visits are not touched. Done again it finds nobody to move.

use super::{
    enrollments::{self, ENROLLMENTS},
    orders,
    visits::{given, id_of},
};
use crate::row;
use salus_core::{Error, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Tx, engine::NewRow, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::Date;
use uuid::Uuid;

/// Grades in their order; from kindergarten on each is followed by the next.
const GRADES: [&str; 13] = ["K", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];

/// Rolling a school over.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn action(catalog: &Catalog) -> Result<Op> {
    let id = |doc: &str| json!({"type": "string", "format": "uuid", "description": doc});
    let input = json!({"type": "object", "required": ["school_id", "school_year_id"], "additionalProperties": false, "properties": {
        "school_id": id("The school whose students move"), "school_year_id": id("The year that begins"),
        "next_school_id": id("Where those go whose next grade the school does not teach"),
        "retained": {"type": "array", "items": {"type": "string", "format": "uuid"}, "description": "Students who repeat their grade"},
        "dry_run": {"type": "boolean", "description": "Only count"},
    }});
    let summary = "Move the students of a school into a school year: up a grade, to the next school or out; memberships of the old year end";
    let op = ENROLLMENTS.action(
        (catalog.table(ENROLLMENTS.table)?, "school.student.write"),
        (Method::Post, "/roll-over", "roll_over"),
        (summary, Some(input)),
        run(|tx, call| Box::pin(roll_over(tx, call))),
    );
    Ok(Op { output: json!({"type": "object"}), ..op })
}

/// What follows a grade; none after the last. Before kindergarten comes kindergarten, and ungraded stays so.
fn next_grade(grade: &str) -> Option<&'static str> {
    match grade {
        "PK" | "TK" => Some("K"),
        "UG" => Some("UG"),
        grade => GRADES.iter().skip_while(|g| **g != grade).nth(1).copied(),
    }
}

/// A student and where they go.
struct Mover {
    student: Uuid,
    enrollment: Uuid,
    /// None: graduates.
    to: Option<(Uuid, String)>,
}

/// The school and the year, as they bear on it.
struct Frame {
    school: Uuid,
    teaches: Vec<String>,
    next: Option<(Uuid, Vec<String>)>,
    year: Uuid,
    begins: Date,
    /// The last day of the year before.
    ended: Date,
}

async fn frame(tx: &mut Tx, body: &serde_json::Map<String, Value>) -> Result<Frame> {
    let (school, year) = (id_of(body, "school_id")?, id_of(body, "school_year_id")?);
    let sql = sql!("SELECT grades FROM school.schools WHERE id = $1 FOR UPDATE");
    let grades = async |tx: &mut Tx, name: &str, id: Uuid| {
        let found = tx.query_opt(sql, &[&id]).await?;
        let found = found.ok_or_else(|| Error::invalid(name, "no_such_record", "Must name a school"))?;
        Ok::<Vec<String>, Error>(found.get(0))
    };
    let teaches = grades(tx, "school_id", school).await?;
    let next = if given(body, "next_school_id") {
        let next = id_of(body, "next_school_id")?;
        if next == school {
            return Err(Error::invalid("next_school_id", "not_allowed", "Is another school"));
        }
        Some((next, grades(tx, "next_school_id", next).await?))
    } else {
        None
    };
    let sql = sql!(
        "SELECT y.starts_on, coalesce((SELECT max(b.ends_on) FROM school.school_years b WHERE b.ends_on < y.starts_on), \
           y.starts_on - 1) FROM school.school_years y WHERE y.id = $1"
    );
    let found = tx.query_opt(sql, &[&year]).await?;
    let found = found.ok_or_else(|| Error::invalid("school_year_id", "no_such_record", "Must name a school year"))?;
    Ok(Frame { school, teaches, next, year, begins: found.get(0), ended: found.get(1) })
}

/// Who is still in the year before, and where each goes.
async fn movers(tx: &mut Tx, frame: &Frame, retained: &BTreeSet<Uuid>) -> Result<Vec<Mover>> {
    let sql = sql!(
        "SELECT p.patient_id, p.grade::text AS grade, e.id FROM school.student_profiles p \
         JOIN school.student_enrollments e ON e.patient_id = p.patient_id AND e.school_id = p.school_id \
           AND e.exited_on IS NULL AND e.enrolled_on < $2 \
         WHERE p.school_id = $1 AND p.enrollment_status = 'ENROLLED' ORDER BY p.patient_id FOR UPDATE OF p, e"
    );
    let (mut all, mut homeless) = (Vec::new(), BTreeMap::<String, i64>::new());
    for found in tx.query(sql, &[&frame.school, &frame.begins]).await? {
        let (student, grade): (Uuid, String) = (found.get(0), found.get(1));
        let next = if retained.contains(&student) { Some(grade) } else { next_grade(&grade).map(str::to_owned) };
        let fits = |teaches: &[String], grade: &String| teaches.is_empty() || teaches.contains(grade);
        let to = match (next, &frame.next) {
            (None, _) => None,
            (Some(grade), _) if fits(&frame.teaches, &grade) => Some((frame.school, grade)),
            (Some(grade), Some((school, teaches))) if fits(teaches, &grade) => Some((*school, grade)),
            (Some(grade), _) => {
                *homeless.entry(grade).or_default() += 1;
                continue;
            }
        };
        all.push(Mover { student, enrollment: found.get(2), to });
    }
    if homeless.is_empty() {
        return Ok(all);
    }
    let told: Vec<String> = homeless.iter().map(|(grade, n)| format!("{n} to grade {grade}")).collect();
    let message = format!("Must name a school that teaches what this one does not: {} go on", told.join(", "));
    Err(Error::invalid("next_school_id", "required", message))
}

async fn roll_over(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &["school_id", "school_year_id", "next_school_id", "retained", "dry_run"])?;
    let frame = frame(tx, &body).await?;
    let retained = body.get("retained").cloned().unwrap_or_else(|| json!([]));
    let retained: BTreeSet<Uuid> = serde_json::from_value(retained)
        .map_err(|_| Error::invalid("retained", "wrong_type", "Is a list of UUIDs of students"))?;
    let all = movers(tx, &frame, &retained).await?;
    let dry = body.get("dry_run") == Some(&json!(true));
    let closed = if dry { 0 } else { carry_out(tx, &frame, &all).await? };
    let count = |of: &dyn Fn(&Mover) -> bool| all.iter().filter(|mover| of(mover)).count();
    tx.count(all.len());
    Ok(Reply::json(json!({
        "dry_run": dry, "students": all.len(), "retained": count(&|m| retained.contains(&m.student)),
        "graduated": count(&|m| m.to.is_none()),
        "to_next_school": count(&|m| m.to.as_ref().is_some_and(|(school, _)| *school != frame.school)),
        "memberships_closed": closed,
    })))
}

/// Writes it; how many memberships ended.
async fn carry_out(tx: &mut Tx, frame: &Frame, all: &[Mover]) -> Result<usize> {
    let students: Vec<Uuid> = all.iter().map(|mover| mover.student).collect();
    let sql = sql!(
        "UPDATE school.class_memberships m SET left_on = greatest(m.joined_on, $2::date) FROM school.class_groups g \
         WHERE g.tenant_id = m.tenant_id AND g.id = m.class_group_id AND g.school_year_id <> $3 AND g.school_id = $4 \
           AND m.patient_id = ANY ($1) AND m.left_on IS NULL AND m.joined_on < $5 RETURNING m.id"
    );
    let closed = tx.query(sql, &[&students, &frame.ended, &frame.year, &frame.school, &frame.begins]).await?.len();
    let mut rows = Vec::new();
    let mut by_place: BTreeMap<Option<(Uuid, String)>, Vec<Uuid>> = BTreeMap::new();
    for mover in all {
        by_place.entry(mover.to.clone()).or_default().push(mover.student);
        if let Some((school, grade)) = &mover.to {
            let values = row(
                json!({"patient_id": mover.student, "school_id": school, "grade": grade, "enrolled_on": frame.begins.to_string()}),
            );
            rows.push(NewRow { id: tx.ctx.env.id(), values });
        }
    }
    // Whoever goes on is enrolled through the holidays; whoever graduates until the last day of the year.
    let enrollments = |goes_on: bool| -> Vec<Uuid> {
        all.iter().filter(|m| m.to.is_some() == goes_on).map(|m| m.enrollment).collect()
    };
    let sql =
        sql!("UPDATE school.student_enrollments SET exited_on = greatest(enrolled_on, $2::date) WHERE id = ANY ($1)");
    let before = frame.begins.previous_day().unwrap_or(frame.begins);
    tx.query(sql, &[&enrollments(true), &before]).await?;
    tx.query(sql, &[&enrollments(false), &frame.ended]).await?;
    tx.insert(ENROLLMENTS.table, &rows).await?;
    for (to, students) in &by_place {
        if let Some((school, grade)) = to {
            let sql = sql!(
                "UPDATE school.student_profiles SET school_id = $2, grade = $3::text, homeroom_id = NULL WHERE patient_id = ANY ($1)"
            );
            tx.query(sql, &[students, school, grade]).await?;
        } else {
            let sql = sql!(
                "UPDATE school.student_profiles SET enrollment_status = 'GRADUATED', homeroom_id = NULL WHERE patient_id = ANY ($1)"
            );
            tx.query(sql, &[students]).await?;
        }
    }
    // Who stays at the school stays within its reach.
    for mover in all.iter().filter(|m| m.to.as_ref().is_none_or(|(school, _)| *school != frame.school)) {
        enrollments::reach(tx, mover.enrollment).await?;
        if let Some((school, _)) = &mover.to {
            let sql = sql!(
                "SELECT id FROM school.student_enrollments WHERE patient_id = $1 AND school_id = $2 AND exited_on IS NULL"
            );
            if let Some(found) = tx.query_opt(sql, &[&mover.student, school]).await? {
                enrollments::reach(tx, found.get(0)).await?;
            }
        }
    }
    Ok(closed)
}

#[cfg(test)]
mod tests {
    use super::next_grade;

    #[test]
    fn each_grade_is_followed_by_the_next_and_the_twelfth_by_none() {
        for (grade, next) in [
            ("PK", Some("K")),
            ("TK", Some("K")),
            ("K", Some("1")),
            ("5", Some("6")),
            ("9", Some("10")),
            ("UG", Some("UG")),
        ] {
            assert_eq!(next_grade(grade), next, "{grade}");
        }
        assert_eq!(next_grade("12"), None);
    }
}
