//! The day of a school: which day it is there, and its bells as instants, so that a day on which the clocks change is as
//! long as it is.

use crate::clock;
use salus_core::{Error, Result};
use salus_rules::class_time::{Period, SchoolDay};
use salus_store::{Call, Tx, sql};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// The school's day of an instant, with the school held until the transaction ends: visits of a day are numbered one by one.
///
/// # Errors
/// [`Error::Invalid`] on `school_id` when there is no such school.
pub(super) async fn lock(tx: &mut Tx, school: Uuid, at: OffsetDateTime) -> Result<Date> {
    let sql = sql!("SELECT id FROM school.schools WHERE id = $1 AND is_active FOR NO KEY UPDATE");
    if tx.query_opt(sql, &[&school]).await?.is_none() {
        return Err(Error::invalid("school_id", "no_such_record", "Must name a school that is open"));
    }
    of(tx, school, at).await
}

/// The school's day of an instant.
///
/// # Errors
/// [`Error::NotFound`] when there is no such school.
pub(super) async fn of(tx: &mut Tx, school: Uuid, at: OffsetDateTime) -> Result<Date> {
    let sql = sql!("SELECT ($2::timestamptz AT TIME ZONE timezone::text)::date FROM school.schools WHERE id = $1");
    tx.query_opt(sql, &[&school, &at]).await?.map(|row| row.get(0)).ok_or(Error::NotFound)
}

/// The days that a call asks for by `from` and `to`: up to today at the school (in UTC for all schools) when it says no other, and
/// from `back` days before the last.
///
/// # Errors
/// [`Error::Invalid`] on a day that is none, or on `from` when it lies behind the last or more than `most` days before it;
/// [`Error::NotFound`] when there is no such school.
pub(super) async fn span(
    tx: &mut Tx,
    call: &Call,
    school: Option<Uuid>,
    (back, most): (i64, i64),
) -> Result<(Date, Date)> {
    let now = tx.ctx.env.now();
    let today = match school {
        Some(school) => of(tx, school, now).await?,
        None => now.date(),
    };
    let given = |name: &str| call.query_value(name).filter(|v| !v.is_empty()).map(|text| clock::day(name, text));
    let to = given("to").transpose()?.unwrap_or(today);
    let from = given("from").transpose()?.unwrap_or(to.saturating_sub(Duration::days(back)));
    if to < from || (to - from).whole_days() > most {
        let message = format!("Lies before the last day, at most {most} days");
        return Err(Error::invalid("from", "not_allowed", message));
    }
    Ok((from, to))
}

/// The day of an instant at a student's school; none for a patient who is no student.
///
/// # Errors
/// Those of the database.
pub(super) async fn of_student(tx: &mut Tx, student: Uuid, at: OffsetDateTime) -> Result<Option<Date>> {
    let sql = sql!(
        "SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date FROM school.student_profiles p \
         JOIN school.schools s ON s.id = p.school_id WHERE p.patient_id = $1"
    );
    Ok(tx.query_opt(sql, &[&student, &at]).await?.map(|row| row.get(0)))
}

/// What is known of a school's day.
///
/// # Errors
/// Those of the database.
pub(super) async fn bells(tx: &mut Tx, school: Uuid, day: Date) -> Result<SchoolDay> {
    let sql = sql!("SELECT is_instructional, schedule_id FROM school.calendar_days WHERE school_id = $1 AND day = $2");
    let Some(known) = tx.query_opt(sql, &[&school, &day]).await? else { return Ok(SchoolDay::Unknown) };
    if !known.get::<_, bool>(0) {
        return Ok(SchoolDay::NoSchool);
    }
    let Some(schedule) = known.get::<_, Option<Uuid>>(1) else { return Ok(SchoolDay::Unknown) };
    let sql = sql!(
        "SELECT p.name::text, ($3::date + p.starts_at::text::time) AT TIME ZONE s.timezone::text AS starts, \
           ($3::date + p.ends_at::text::time) AT TIME ZONE s.timezone::text AS ends, p.kind IN ('CLASS', 'HOMEROOM') AS is_class \
         FROM school.bell_periods p JOIN school.schools s ON s.id = $1 WHERE p.schedule_id = $2 ORDER BY p.starts_at"
    );
    let rows = tx.query(sql, &[&school, &schedule, &day]).await?;
    let period = |row: &salus_store::Row| Period {
        name: row.get("name"),
        starts: row.get("starts"),
        ends: row.get("ends"),
        is_class: row.get("is_class"),
    };
    Ok(SchoolDay::Bells(rows.iter().map(period).collect()))
}
