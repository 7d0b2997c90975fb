//! Absence through illness as the attendance office counts it each day: of a school, of its grades and of its homerooms. There are
//! no students in it. Salus has no register of attendance; what has one sends its counts here.

use super::settings::Settings;
use crate::{clock, row, school::days};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// The table.
const TABLE: &str = "school.absence_counts";
const PATH: &str = "/api/v1/health/outbreaks/absences";
/// Counts of one call.
const MOST: usize = 300;
/// Counts of one answer, and the longest span of days.
const SHOWN: i64 = 1000;
const SPAN_DAYS: i64 = 100;
/// A count may be sent for so many days back.
const BACK: Duration = Duration::days(366);

/// Writing counts down.
pub(super) fn action() -> Op {
    let optional = |what: &str| json!({"type": ["string", "null"], "description": what});
    let count = json!({"type": "object", "required": ["absent"], "additionalProperties": false, "properties": {
        "grade": optional("The grade that is counted"),
        "homeroom_id": {"type": ["string", "null"], "format": "uuid", "description": "The homeroom that is counted; without both, the school is"},
        "enrolled": {"type": ["integer", "null"], "minimum": 1,
                     "description": "Students who should have been there; those who are enrolled when it is left out"},
        "absent": {"type": "integer", "minimum": 0, "description": "Of these, who stayed at home ill"}}});
    Op {
        method: Method::Post,
        path: PATH.into(),
        name: "school.absence.record".into(),
        permission: "school.visit.write",
        summary: "Write down how many stayed at home ill on a day, of a school, its grades and homerooms; a count that was sent before is replaced"
            .into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["school_id", "counts"], "additionalProperties": false, "properties": {
            "school_id": {"type": "string", "format": "uuid"},
            "day": {"type": ["string", "null"], "format": "date", "description": "A day of instruction of this school; its today when it is left out"},
            "counts": {"type": "array", "minItems": 1, "maxItems": MOST, "items": count, "description": "One a place"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(record(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    school_id: Uuid,
    day: Option<String>,
    counts: Vec<Count>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    grade: Option<String>,
    homeroom_id: Option<Uuid>,
    enrolled: Option<i64>,
    absent: i64,
}

async fn record(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Batch { school_id, day, counts } = call.input()?;
    if counts.is_empty() || counts.len() > MOST {
        return Err(Error::invalid("counts", "not_allowed", format!("Are 1 to {MOST}")));
    }
    // Whoever sends the same day at once waits here.
    let today = days::lock(tx, school_id, tx.ctx.env.now()).await?;
    let day = day.map_or(Ok(today), |day| clock::day("day", &day))?;
    if day > today || day < today - BACK {
        return Err(Error::invalid("day", "not_allowed", "Is today or a day of the last year"));
    }
    let sql = sql!("SELECT is_instructional FROM school.calendar_days WHERE school_id = $1 AND day = $2");
    if !tx.query_opt(sql, &[&school_id, &day]).await?.is_some_and(|row| row.get(0)) {
        return Err(Error::invalid("day", "no_school", "Is no day of instruction in the calendar of this school"));
    }
    let mut seen = BTreeSet::new();
    let (mut made, mut changed) = (Vec::new(), 0);
    for (at, count) in counts.iter().enumerate() {
        if !seen.insert((count.grade.clone(), count.homeroom_id)) {
            return Err(Error::invalid(&format!("counts/{at}"), "duplicate", "Is counted twice in this list"));
        }
        let enrolled = enrolled(tx, school_id, (at, count)).await?;
        if count.absent < 0 || count.absent > enrolled {
            let message = format!("Is 0 to {enrolled}, those who are enrolled");
            return Err(Error::invalid(&format!("counts/{at}/absent"), "out_of_range", message));
        }
        let sql = sql!(
            "SELECT id FROM school.absence_counts WHERE school_id = $1 AND day = $2 AND grade IS NOT DISTINCT FROM $3::text \
               AND homeroom_id IS NOT DISTINCT FROM $4::uuid"
        );
        let before = tx.query_opt(sql, &[&school_id, &day, &count.grade, &count.homeroom_id]).await?;
        if let Some(id) = before.map(|row| row.get::<_, Uuid>(0)) {
            tx.update(TABLE, id, None, row(json!({"enrolled": enrolled, "absent": count.absent}))).await?;
            changed += 1;
            continue;
        }
        let mut values = row(json!({"school_id": school_id, "day": day.to_string(), "grade": count.grade,
                                    "homeroom_id": count.homeroom_id, "enrolled": enrolled, "absent": count.absent}));
        values.retain(|_, value| !value.is_null());
        made.push(NewRow { id: tx.ctx.env.id(), values });
    }
    if !made.is_empty() {
        tx.insert(TABLE, &made).await?;
    }
    tx.count(made.len() + changed);
    Ok(Reply { status: 201, ..Reply::json(json!({"recorded": made.len(), "changed": changed})) })
}

/// How many should have been there: what was sent, or who is enrolled in the place, which must be of this school.
async fn enrolled(tx: &mut Tx, school: Uuid, (at, count): (usize, &Count)) -> Result<i64> {
    let field = |name: &str| format!("counts/{at}/{name}");
    if count.grade.is_some() && count.homeroom_id.is_some() {
        return Err(Error::invalid(&field("homeroom_id"), "not_allowed", "Is left out beside a grade"));
    }
    if let Some(homeroom) = count.homeroom_id {
        let sql = sql!("SELECT id FROM school.class_groups WHERE id = $1 AND school_id = $2 AND kind = 'HOMEROOM'");
        if tx.query_opt(sql, &[&homeroom, &school]).await?.is_none() {
            return Err(Error::invalid(&field("homeroom_id"), "no_such_record", "Must name a homeroom of this school"));
        }
    }
    if let Some(grade) = &count.grade {
        let sql = sql!("SELECT $2::text = ANY(grades) FROM school.schools WHERE id = $1");
        let taught = tx.query_opt(sql, &[&school, grade]).await?.and_then(|row| row.get::<_, Option<bool>>(0));
        if taught != Some(true) {
            return Err(Error::invalid(&field("grade"), "no_such_record", "Must be a grade that this school teaches"));
        }
    }
    let sent = if let Some(sent) = count.enrolled {
        sent
    } else {
        let sql = sql!(
            "SELECT count(*) FROM school.student_profiles WHERE school_id = $1 AND enrollment_status = 'ENROLLED' \
               AND ($2::text IS NULL OR grade::text = $2) AND ($3::uuid IS NULL OR homeroom_id = $3)"
        );
        tx.query_opt(sql, &[&school, &count.grade, &count.homeroom_id]).await?.map_or(0, |row| row.get(0))
    };
    match sent {
        1..=1_000_000 => Ok(sent),
        _ => Err(Error::invalid(
            &field("enrolled"),
            "out_of_range",
            "Is at least 1: nobody is known to be enrolled there",
        )),
    }
}

/// What was counted.
pub(super) fn read() -> Op {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let date = || json!({"type": "string", "format": "date"});
    Op {
        method: Method::Get,
        path: PATH.into(),
        name: "school.absence.counts".into(),
        permission: "school.outbreak.read",
        summary: "Absence through illness by day and place; small counts are for who may open records".into(),
        target: TABLE,
        params: vec![
            param(
                "school_id",
                "Only of this school; of all within reach when it is left out",
                json!({"type": "string", "format": "uuid"}),
            ),
            param("from", "First day; 28 days before the last when it is left out", date()),
            param("to", "Last day; today when it is left out", date()),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(counts(tx, call))),
    }
}

async fn counts(tx: &mut Tx, call: Call) -> Result<Reply> {
    let school = call.query_id("school_id")?;
    let (from, to) = days::span(tx, &call, school, (28, SPAN_DAYS)).await?;
    let settings = Settings::load(tx).await?;
    let sql = sql!(
        "SELECT a.school_id, a.day, a.grade::text AS grade, a.homeroom_id, g.name::text AS homeroom, a.enrolled, a.absent \
         FROM school.absence_counts a LEFT JOIN school.class_groups g ON g.id = a.homeroom_id \
         WHERE ($1::uuid IS NULL OR a.school_id = $1) AND a.day >= $2 AND a.day <= $3 \
         ORDER BY a.day DESC, a.school_id, a.grade NULLS FIRST, g.name NULLS FIRST LIMIT $4"
    );
    let rows = tx.query(sql, &[&school, &from, &to, &SHOWN]).await?;
    // The grades of a day add up to the school, and so do its homerooms.
    let mut sums: BTreeMap<(Uuid, Date, bool, bool), Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let (grade, room): (Option<String>, Option<Uuid>) = (row.get("grade"), row.get("homeroom_id"));
        let place = (row.get("school_id"), row.get("day"), grade.is_some(), room.is_some());
        sums.entry(place).or_default().push(at);
    }
    let mut shown = vec![None; rows.len()];
    for places in sums.into_values() {
        let counts: Vec<i64> = places.iter().map(|at| i64::from(rows[*at].get::<_, i32>("absent"))).collect();
        for (at, absent) in places.into_iter().zip(settings.cells(tx, &counts)) {
            shown[at] = absent;
        }
    }
    let told: Vec<Value> = rows
        .iter()
        .zip(shown)
        .map(|(row, absent)| {
            json!({"school_id": row.get::<_, Uuid>("school_id"), "day": row.get::<_, Date>("day").to_string(), "grade": row.get::<_, Option<String>>("grade"),
                   "homeroom_id": row.get::<_, Option<Uuid>>("homeroom_id"), "homeroom": row.get::<_, Option<String>>("homeroom"),
                   "enrolled": row.get::<_, i32>("enrolled"), "absent": absent})
        })
        .collect();
    tx.count(told.len());
    Ok(Reply::json(
        json!({"from": from.to_string(), "to": to.to_string(), "counts": told, "small_cell": settings.small_cell}),
    ))
}
