//! Which students are not at school, as an attendance system or the office sends it: in lists, of which what is wrong is named and the
//! rest is kept. What was sent before is changed by sending it again. [`super::due`] reads it: whoever is away misses no dose.

use super::days;
use crate::{clock, row, shown};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Reply, Resource, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use time::{Date, Duration};
use uuid::Uuid;

/// Absences, written by the action below.
pub const ABSENCES: Resource = Resource {
    filters: &["student_id", "school_id", "day", "reason", "is_withdrawn"],
    ..shown("school.absences", "school/absences", "school.student_absence", "school.student.read")
};

/// Absences of one call.
const MOST: usize = 500;
/// An absence may be sent for so many days back, and so many ahead.
const BACK: Duration = Duration::days(366);
const AHEAD: Duration = Duration::days(60);
const SOURCES: [&str; 3] = ["SIS", "OFFICE", "FAMILY"];
const REASONS: [&str; 6] = ["ILLNESS", "APPOINTMENT", "ACTIVITY", "EXCUSED", "UNEXCUSED", "UNKNOWN"];

/// Writing absences down.
#[must_use]
pub fn action() -> Op {
    let time = |what: &str| json!({"type": ["string", "null"], "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "description": what});
    let absence = json!({"type": "object", "required": ["student_id", "day"], "properties": {
        "student_id": {"type": "string", "format": "uuid", "description": "A student who is enrolled at the school that day"},
        "day": {"type": "string", "format": "date", "description": "The day at the school"},
        "starts_at": time("When the student left, by the clock of the school; from the beginning of the day when it is left out"),
        "ends_at": time("When the student came; to the end of the day when it is left out"),
        "reason": {"type": ["string", "null"], "enum": REASONS.iter().map(|r| json!(r)).chain([Value::Null]).collect::<Vec<_>>(),
                   "description": "Class of the reason; UNKNOWN when it is left out"},
        "is_withdrawn": {"type": ["boolean", "null"], "description": "It was told in error: the student was there"}}});
    Op {
        method: Method::Post,
        path: "/api/v1/school/absences".into(),
        name: "school.student_absence.record".into(),
        permission: "school.student.write",
        summary: "Write down which students of a school are absent; what is wrong in the list is named and the rest kept, and one that \
                  begins as one before it on this day replaces that"
            .into(),
        target: ABSENCES.table,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["school_id", "source", "absences"], "additionalProperties": false, "properties": {
            "school_id": {"type": "string", "format": "uuid"},
            "source": {"type": "string", "enum": SOURCES, "description": "Who says so"},
            "absences": {"type": "array", "minItems": 1, "maxItems": MOST, "items": absence, "description": "One an absence"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(record(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    school_id: Uuid,
    source: String,
    absences: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    student_id: Uuid,
    day: String,
    starts_at: Option<String>,
    ends_at: Option<String>,
    reason: Option<String>,
    is_withdrawn: Option<bool>,
}

/// One that can be kept.
struct Absence {
    at: usize,
    student: Uuid,
    day: Date,
    starts: Option<String>,
    ends: Option<String>,
    reason: String,
    withdrawn: bool,
}

impl Absence {
    fn key(&self) -> (Uuid, Date, Option<String>) {
        (self.student, self.day, self.starts.clone())
    }
}

async fn record(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Batch { school_id, source, absences } = call.input()?;
    if absences.is_empty() || absences.len() > MOST {
        return Err(Error::invalid("absences", "not_allowed", format!("Are 1 to {MOST}")));
    }
    if !SOURCES.contains(&source.as_str()) {
        return Err(Error::invalid("source", "not_allowed", format!("Is one of {}", SOURCES.join(", "))));
    }
    // Whoever sends the same day at once waits here.
    let today = days::lock(tx, school_id, tx.ctx.env.now()).await?;
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (at, sent) in absences.into_iter().enumerate() {
        match understood(at, sent, today) {
            Ok(absence) => good.push(absence),
            Err(why) => refused.push((at, why)),
        }
    }
    let known = known(tx, school_id, &good).await?;
    let mut seen = HashSet::new();
    let (mut made, mut changed, mut same) = (Vec::new(), 0_usize, 0_usize);
    for absence in good {
        let Some(before) = known.get(&absence.at) else {
            let message = "Is not enrolled at this school on that day";
            refused.push((absence.at, Error::invalid(&field(absence.at, "student_id"), "not_enrolled", message)));
            continue;
        };
        if !seen.insert(absence.key()) {
            let message = "Stands in this list twice";
            refused.push((absence.at, Error::invalid(&field(absence.at, "starts_at"), "duplicate", message)));
            continue;
        }
        tx.about(absence.student);
        let said = json!({"ends_at": absence.ends, "source": source, "reason": absence.reason, "is_withdrawn": absence.withdrawn});
        match before {
            Some((_, kept)) if *kept == said => same += 1,
            Some((id, _)) => {
                tx.update(ABSENCES.table, *id, None, row(said)).await?;
                changed += 1;
            }
            None => {
                let mut values = row(said);
                values.extend(row(json!({"student_id": absence.student, "school_id": school_id,
                                         "day": absence.day.to_string(), "starts_at": absence.starts})));
                values.retain(|_, value| !value.is_null());
                made.push(NewRow { id: tx.ctx.env.id(), values });
            }
        }
    }
    if !made.is_empty() {
        tx.insert(ABSENCES.table, &made).await?;
    }
    tx.count(made.len() + changed);
    refused.sort_by_key(|(at, _)| *at);
    let refused: Vec<Value> = refused.iter().map(|(at, why)| named(*at, why)).collect();
    let told = json!({"recorded": made.len(), "changed": changed, "unchanged": same, "refused": refused});
    // As what was sent before is answered elsewhere: nothing is new.
    let status = if made.is_empty() && changed == 0 { 200 } else { 201 };
    Ok(Reply { status, ..Reply::json(told) })
}

fn field(at: usize, name: &str) -> String {
    format!("absences/{at}/{name}")
}

/// Where a list is wrong, and why.
fn named(at: usize, why: &Error) -> Value {
    let Error::Invalid(fields) = why else { return json!({"index": at, "code": why.to_string()}) };
    json!({"index": at, "errors": fields.iter()
        .map(|f| json!({"pointer": f.pointer, "code": f.code, "message": f.message})).collect::<Vec<_>>()})
}

/// What one of the list says, as far as that can be told from it alone.
fn understood(at: usize, sent: Value, today: Date) -> Result<Absence> {
    let sent: Sent = serde_json::from_value(sent)
        .map_err(|e| Error::invalid(&format!("absences/{at}"), "wrong_shape", e.to_string()))?;
    let day = clock::day(&field(at, "day"), &sent.day)?;
    if day < today - BACK || day > today + AHEAD {
        let message = "Is a day of the last year or of the next 60 days";
        return Err(Error::invalid(&field(at, "day"), "out_of_range", message));
    }
    for (name, told) in [("starts_at", &sent.starts_at), ("ends_at", &sent.ends_at)] {
        if told.as_ref().is_some_and(|text| !is_clock(text)) {
            return Err(Error::invalid(&field(at, name), "wrong_type", "Is a time of day such as 08:15"));
        }
    }
    if sent.starts_at.is_some() && sent.ends_at.is_some() && sent.ends_at <= sent.starts_at {
        return Err(Error::invalid(&field(at, "ends_at"), "time_order", "Ends after it begins"));
    }
    let reason = sent.reason.unwrap_or_else(|| "UNKNOWN".into());
    if !REASONS.contains(&reason.as_str()) {
        return Err(Error::invalid(&field(at, "reason"), "not_allowed", format!("Is one of {}", REASONS.join(", "))));
    }
    Ok(Absence {
        at,
        student: sent.student_id,
        day,
        starts: sent.starts_at,
        ends: sent.ends_at,
        reason,
        withdrawn: sent.is_withdrawn.unwrap_or(false),
    })
}

fn is_clock(text: &str) -> bool {
    text.len() == 5 && time::Time::parse(text, time::macros::format_description!("[hour]:[minute]")).is_ok()
}

/// By place in the list, of students who are enrolled at the school that day: what is kept of this absence, if one is.
type Known = HashMap<usize, Option<(Uuid, Value)>>;

async fn known(tx: &mut Tx, school: Uuid, absences: &[Absence]) -> Result<Known> {
    let at: Vec<i64> = absences.iter().map(|a| i64::try_from(a.at).unwrap_or(i64::MAX)).collect();
    let students: Vec<Uuid> = absences.iter().map(|a| a.student).collect();
    let days: Vec<Date> = absences.iter().map(|a| a.day).collect();
    let starts: Vec<Option<&str>> = absences.iter().map(|a| a.starts.as_deref()).collect();
    let sql = sql!(
        "SELECT x.at, b.id, jsonb_build_object('ends_at', b.ends_at, 'source', b.source, 'reason', b.reason, \
           'is_withdrawn', b.is_withdrawn) AS kept \
         FROM unnest($2::int8[], $3::uuid[], $4::date[], $5::text[]) AS x (at, student, day, starts) \
         LEFT JOIN school.absences b ON b.student_id = x.student AND b.school_id = $1 AND b.day = x.day \
           AND b.starts_at::text IS NOT DISTINCT FROM x.starts \
         WHERE EXISTS (SELECT FROM school.student_enrollments e WHERE e.patient_id = x.student AND e.school_id = $1 \
           AND e.enrolled_on <= x.day AND (e.exited_on IS NULL OR e.exited_on >= x.day))"
    );
    let rows = tx.query(sql, &[&school, &at, &students, &days, &starts]).await?;
    let one = |row: &salus_store::Row| {
        let at = usize::try_from(row.get::<_, i64>("at")).ok()?;
        Some((at, row.get::<_, Option<Uuid>>("id").map(|id| (id, row.get("kept")))))
    };
    Ok(rows.iter().filter_map(one).collect())
}
