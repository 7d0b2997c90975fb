//! How often, why and how long students come to the clinic, and what class it takes: counted in the database, over a span of
//! days. Return to class is a share of the visits that have a disposition, as the NASN data set "Every Student Counts" has it.
//! Who may not open records is told no count below five.

use super::days;
use salus_core::{Error, Result};
use salus_rules::class_time::frequent;
use salus_store::{Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use time::{Date, Duration};
use uuid::Uuid;

/// Counts below this are not told to who may not open records.
const SMALL: i64 = 5;
/// Longest span, in days.
const SPAN_DAYS: i64 = 400;

/// The read.
#[must_use]
pub fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str, format: &str| Param {
        name: name.to_owned(),
        doc: doc.to_owned(),
        schema: json!({"type": "string", "format": format}),
    };
    vec![Op {
        method: Method::Get,
        path: "/api/v1/clinic/visits/analytics".into(),
        name: "school.visit.analytics".into(),
        permission: "school.visit.read",
        summary: "Frequency, dispositions, length, class missed and frequent visitors of a school or the district"
            .into(),
        target: "school.clinic_visits",
        params: vec![
            param("school_id", "One school; all that the caller reaches when it is left out", "uuid"),
            param("from", "First day; 90 days before the last when it is left out", "date"),
            param("to", "Last day; today when it is left out", "date"),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(analytics(tx, call))),
    }]
}

/// What is counted.
struct Span {
    school: Option<Uuid>,
    from: Date,
    to: Date,
}

async fn span(tx: &mut Tx, call: &Call) -> Result<Span> {
    let given = |name: &str| call.query_value(name).filter(|v| !v.is_empty());
    let day = |name: &str| {
        let form = time::macros::format_description!("[year]-[month]-[day]");
        let read = |text: &str| Date::parse(text, form);
        given(name)
            .map(read)
            .transpose()
            .map_err(|_| Error::invalid(name, "wrong_type", "Is a date such as 2026-03-02"))
    };
    let school = call.query_id("school_id")?;
    let now = tx.ctx.env.now();
    let today = match school {
        Some(school) => days::of(tx, school, now).await?,
        None => now.date(),
    };
    let to = day("to")?.unwrap_or(today);
    let from = day("from")?.unwrap_or_else(|| to.saturating_sub(Duration::days(90)));
    if to < from || (to - from).whole_days() > SPAN_DAYS {
        return Err(Error::invalid(
            "from",
            "not_allowed",
            format!("Lies before the last day, at most {SPAN_DAYS} days"),
        ));
    }
    Ok(Span { school, from, to })
}

async fn analytics(tx: &mut Tx, call: Call) -> Result<Reply> {
    let s = span(tx, &call).await?;
    let all = tx.ctx.may("kernel.phi.read");
    let sql = sql!(
        "SELECT count(*), count(disposition), count(*) FILTER (WHERE disposition = 'RETURN_TO_CLASS'), count(DISTINCT student_id), \
           coalesce(sum(class_minutes_missed), 0)::int8, \
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM check_out_at - check_in_at)::float8 / 60), \
           percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM check_out_at - check_in_at)::float8 / 60), \
           (SELECT count(DISTINCT patient_id) FROM school.student_enrollments \
             WHERE ($1::uuid IS NULL OR school_id = $1) AND enrolled_on <= $3 AND (exited_on IS NULL OR exited_on >= $2)) \
         FROM school.clinic_visits WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on >= $2 AND visit_on <= $3 AND status <> 'VOIDED'"
    );
    let rows = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let total = rows.first().ok_or_else(|| Error::internal("an aggregate has one row"))?;
    let (visits, ended, back): (i64, i64, i64) = (total.get(0), total.get(1), total.get(2));
    let enrolled: i64 = total.get(7);
    let groups = groups(tx, &s, enrolled, all).await?;
    let often = if all { often(tx, &s).await? } else { Vec::new() };
    let missed = if all { missed(tx, &s).await? } else { Vec::new() };
    let schools = schools(tx, &s).await?;
    let rounded = |at: usize| total.get::<_, Option<f64>>(at).map(|m| (m * 10.0).round() / 10.0);
    tx.count(usize::try_from(visits).unwrap_or(usize::MAX));
    Ok(Reply::json(json!({
        "schools": schools, "from": s.from.to_string(), "to": s.to.to_string(), "enrolled": told(enrolled, all), "visits": told(visits, all),
        "students": told(total.get(3), all), "return_to_class_percent": if ended >= SMALL || all { percent(back, ended) } else { None },
        "median_minutes": rounded(5), "p90_minutes": rounded(6), "class_minutes_missed": total.get::<_, i64>(4),
        "groups": groups, "frequent_visitors": often, "most_class_missed": missed, "small_counts_left_out": !all,
    })))
}

/// The schools that were counted.
async fn schools(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!("SELECT id, name::text FROM school.schools WHERE $1::uuid IS NULL OR id = $1 ORDER BY name, id");
    let rows = tx.query(sql, &[&s.school]).await?;
    Ok(rows.iter().map(|row| json!({"id": row.get::<_, Uuid>(0), "name": row.get::<_, String>(1)})).collect())
}

/// Visits by month, grade, complaint, hour and disposition.
async fn groups(tx: &mut Tx, s: &Span, enrolled: i64, all: bool) -> Result<Value> {
    let sql = sql!(
        "SELECT g.by, g.value, count(*) FROM school.clinic_visits v \
         JOIN school.schools s ON s.id = v.school_id LEFT JOIN school.student_profiles p ON p.patient_id = v.student_id \
         CROSS JOIN LATERAL (VALUES ('month', to_char(v.visit_on, 'YYYY-MM')), ('grade', p.grade::text), \
           ('complaint', v.chief_complaint_code::text), ('hour', to_char(v.check_in_at AT TIME ZONE s.timezone::text, 'HH24')), \
           ('disposition', v.disposition::text)) AS g (by, value) \
         WHERE ($1::uuid IS NULL OR v.school_id = $1) AND v.visit_on >= $2 AND v.visit_on <= $3 AND v.status <> 'VOIDED' \
           AND g.value IS NOT NULL GROUP BY g.by, g.value ORDER BY g.by, g.value"
    );
    let mut out = json!({"month": [], "grade": [], "complaint": [], "hour": [], "disposition": []});
    for row in tx.query(sql, &[&s.school, &s.from, &s.to]).await? {
        let (by, value, count): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        let shown = told(count, all);
        let mut line = json!({"value": value, "visits": shown});
        if by == "month" && !shown.is_null() {
            line["per_100_students"] = json!(percent(count, enrolled));
        }
        if let Some(lines) = out[&by].as_array_mut() {
            lines.push(line);
        }
    }
    Ok(out)
}

/// Frequent visitors of the last 30 days of the span.
async fn often(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT student_id, visit_on FROM school.clinic_visits \
         WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on > $2::date - 30 AND visit_on <= $2 AND status <> 'VOIDED'"
    );
    let visits: Vec<(Uuid, Date)> =
        tx.query(sql, &[&s.school, &s.to]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let found = frequent(&visits, s.to).into_iter();
    Ok(found.map(|f| json!({"student_id": f.person, "visits": f.visits, "why": f.why})).collect())
}

/// Who missed most class.
async fn missed(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT student_id, sum(class_minutes_missed)::int8 AS minutes, count(*) FROM school.clinic_visits \
         WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on >= $2 AND visit_on <= $3 AND status <> 'VOIDED' \
           AND class_minutes_missed > 0 GROUP BY student_id ORDER BY minutes DESC, student_id LIMIT 20"
    );
    let rows = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let line = |row: &salus_store::Row| json!({"student_id": row.get::<_, Uuid>(0), "minutes": row.get::<_, i64>(1), "visits": row.get::<_, i64>(2)});
    Ok(rows.iter().map(line).collect())
}

/// A count, or nothing when it is small and the caller may not open records.
fn told(count: i64, all: bool) -> Value {
    if all || count == 0 || count >= SMALL { json!(count) } else { Value::Null }
}

/// Tenths of a percent; nothing of nothing.
fn percent(part: i64, whole: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some((share * 1000.0).round() / 10.0)
}
