//! Whom a school keeps home for lack of doses, and whom it will if nothing changes: the list that is worked through with
//! families. It is what was kept of each student when last judged; a dose, an exemption or an admission takes a student off at once.

use super::compliance;
use crate::school::{days, reads};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::json;
use time::Duration;

/// Students of one answer.
const MOST: i64 = 200;
/// Days ahead that are shown when none are asked for, and at most.
const AHEAD: (i64, i64) = (30, 120);

/// The list.
pub(super) fn worklist() -> Op {
    let ahead = Param {
        name: "ahead".into(),
        doc: format!("Also who will be kept home within so many days; {} when left out", AHEAD.0),
        schema: json!({"type": "integer", "minimum": 0, "maximum": AHEAD.1}),
    };
    Op {
        method: Method::Get,
        path: "/api/v1/immunizations/exclusions".into(),
        name: "school.immunization.exclusions".into(),
        permission: "school.immunization.read",
        summary: format!(
            "Students of a school who are kept home for lack of doses, and those who will be, by day, at most {MOST}"
        ),
        target: "school.immunization_evaluations",
        params: vec![reads::of_school("school_id"), ahead],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(list(tx, call))),
    }
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let ahead = match call.query_value("ahead").filter(|v| !v.is_empty()) {
        None => AHEAD.0,
        Some(text) => {
            let days: Option<i64> = text.parse().ok().filter(|days| (0..=AHEAD.1).contains(days));
            days.ok_or_else(|| {
                Error::invalid("ahead", "wrong_type", format!("Is a number of days from 0 to {}", AHEAD.1))
            })?
        }
    };
    let (school, all) = reads::chosen(tx, &call, "school_id").await?;
    let Some(school) = school else {
        return Ok(Reply::json(json!({"school": null, "schools": all, "today": null, "data": [], "total": 0})));
    };
    let now = tx.ctx.env.now();
    let today = days::of(tx, school, now).await.map_err(|e| match e {
        Error::NotFound => Error::invalid("school_id", "no_such_record", "Must name a school within your reach"),
        other => other,
    })?;
    let sql = sql!(
        "SELECT p.patient_id, p.school_id, p.grade::text AS grade, h.name::text AS homeroom, e.status::text AS status, e.until_on, \
           e.score, e.next_due_on, e.overdue_since, e.excluded_from, e.evaluated_on, e.groups, count(*) OVER () AS total \
         FROM school.student_profiles p JOIN school.immunization_evaluations e ON e.student_id = p.patient_id \
         LEFT JOIN school.class_groups h ON h.id = p.homeroom_id \
         WHERE p.enrollment_status = 'ENROLLED' AND p.school_id = $1 AND e.excluded_from <= $2 \
         ORDER BY e.excluded_from, h.name, p.patient_id LIMIT $3"
    );
    let rows = tx.query(sql, &[&school, &(today + Duration::days(ahead)), &MOST]).await?;
    let total = rows.first().map_or(0, |row| row.get::<_, i64>("total"));
    let data = compliance::people(tx, &rows).await?;
    Ok(Reply::json(json!({"school": school, "schools": all, "today": today.to_string(), "data": data, "total": total})))
}
