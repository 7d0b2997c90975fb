//! How schools stood, kept: once a week, and on each day of the state's report that the setting `school.immunization` names. A
//! snapshot counts students by grade, after they were judged anew, and is never changed. The job runs each morning and takes
//! what is not there yet, so a week in which Salus did not run on Monday has its snapshot too, which says when it was taken.

use super::{evaluate, requirements, schedules};
use crate::school::{days, reads};
use salus_core::{Error, Result};
use salus_rules::school_entry::YearDay;
use salus_store::{
    Call, Method, Op, Param, Reply, Tx,
    jobs::{Job, Retry, Task, When, Work},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use time::{Date, Duration};
use uuid::Uuid;

const TABLE: &str = "school.compliance_snapshots";
/// The job that takes what is due of one school.
const JOB: &str = "school.snapshot_school";
/// The setting.
const SETTING: &str = "school.immunization";
/// Days after a day of report on which its snapshot is still taken.
const LATE: i64 = 13;
/// Snapshots of a school in one answer.
const MOST: i64 = 120;

/// What a tenant may set.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Days of the year on which the state wants a report, such as `11-01`.
    report_dates: Vec<YearDay>,
}

impl Settings {
    async fn load(tx: &mut Tx) -> Result<Self> {
        let sql = sql!("SELECT value FROM kernel.settings WHERE name = $1::text");
        let Some(found) = tx.query_opt(sql, &[&SETTING]).await? else { return Ok(Self::default()) };
        let wrong = |e| Error::Conflict {
            code: "setting_wrong",
            detail: format!(
                "The setting {SETTING} is not understood: {e}; it is such as {{\"report_dates\":[\"11-01\"]}}"
            ),
        };
        serde_json::from_value(found.get(0)).map_err(wrong)
    }
}

/// Every morning, school by school.
pub(in crate::school) fn jobs() -> [Job; 2] {
    [
        Job {
            name: "school.snapshot_compliance",
            when: When::Cron("30 5 * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, task| Box::pin(every_school(tx, task))),
        },
        Job {
            name: JOB,
            when: When::Asked,
            retry: Retry::default(),
            work: Work::local(|tx, task| Box::pin(of_task(tx, task))),
        },
    ]
}

async fn every_school(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let sql = sql!("SELECT id FROM school.schools WHERE is_active ORDER BY id");
    let schools: Vec<Uuid> = tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    for school in schools {
        tx.enqueue(JOB, &format!("{school} {}", task.id), json!({ "school": school }), None).await?;
    }
    Ok(())
}

async fn of_task(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let school = task.body["school"].as_str().and_then(|id| id.parse().ok());
    take_due(tx, school.ok_or_else(|| Error::internal("the task names no school"))?).await
}

/// Takes the snapshots of a school that are due and not there. Without a schedule or an approved requirement nothing can be
/// said of anybody, and nothing is taken.
async fn take_due(tx: &mut Tx, school: Uuid) -> Result<()> {
    let now = tx.ctx.env.now();
    let today = days::of(tx, school, now).await?;
    tx.alone(TABLE, &school.to_string()).await?;
    let monday = today - Duration::days(i64::from(today.weekday().number_days_from_monday()));
    let mut due = vec![("WEEKLY", monday)];
    let reports = Settings::load(tx).await?.report_dates.into_iter().map(|day| day.in_school_year_of(today));
    due.extend(reports.filter(|on| *on <= today && today - *on <= Duration::days(LATE)).map(|on| ("REPORT", on)));
    let (kinds, periods): (Vec<&str>, Vec<Date>) = due.into_iter().unzip();
    let sql = sql!(
        "SELECT DISTINCT d.kind, d.period FROM unnest($2::text[], $3::date[]) AS d (kind, period) \
         WHERE NOT EXISTS (SELECT FROM school.compliance_snapshots s WHERE s.school_id = $1 AND s.kind = d.kind AND s.period_on = d.period) \
         ORDER BY d.kind, d.period"
    );
    let missing = tx.query(sql, &[&school, &kinds, &periods]).await?;
    if missing.is_empty() || requirements::in_force(tx, today).await?.is_empty() {
        return Ok(());
    }
    let Some(used) = schedules::in_use(tx, None).await? else { return Ok(()) };
    evaluate::by_school(tx, school).await?;
    for snapshot in missing {
        let (kind, period): (String, Date) = (snapshot.get(0), snapshot.get(1));
        take(tx, school, (&kind, period, today), used.release.id).await?;
    }
    Ok(())
}

async fn take(tx: &mut Tx, school: Uuid, (kind, period, today): (&str, Date, Date), release: Uuid) -> Result<()> {
    let sql = sql!(
        "SELECT DISTINCT p.grade::text FROM school.student_profiles p WHERE p.school_id = $1 AND p.enrollment_status = 'ENROLLED' ORDER BY 1"
    );
    let grades: Vec<String> = tx.query(sql, &[&school]).await?.iter().map(|row| row.get(0)).collect();
    let ids: Vec<Uuid> = grades.iter().map(|_| tx.ctx.env.id()).collect();
    let sql = sql!(
        "INSERT INTO school.compliance_snapshots (id, school_id, grade, kind, period_on, taken_on, release_id, compliant, conditional, \
           provisional, exempt, noncompliant, excluded, no_record, not_applicable, not_evaluated, measles_protected, scored, score_total) \
         SELECT g.id, $1, g.grade, $2::text, $3, $4, $5, count(*) FILTER (WHERE e.status = 'COMPLIANT'), \
           count(*) FILTER (WHERE e.status = 'CONDITIONAL'), count(*) FILTER (WHERE e.status = 'PROVISIONAL'), \
           count(*) FILTER (WHERE e.status LIKE 'EXEMPT%'), count(*) FILTER (WHERE e.status = 'NONCOMPLIANT'), \
           count(*) FILTER (WHERE e.status = 'EXCLUDED'), count(*) FILTER (WHERE e.status = 'NO_RECORD'), \
           count(*) FILTER (WHERE e.status = 'NOT_APPLICABLE'), count(*) FILTER (WHERE e.status IS NULL), \
           count(*) FILTER (WHERE e.is_measles_protected), count(e.score), coalesce(sum(e.score), 0) \
         FROM unnest($6::uuid[], $7::text[]) AS g (id, grade) \
         JOIN school.student_profiles p ON p.school_id = $1 AND p.grade = g.grade AND p.enrollment_status = 'ENROLLED' \
         LEFT JOIN school.immunization_evaluations e ON e.student_id = p.patient_id GROUP BY g.id, g.grade \
         ON CONFLICT ON CONSTRAINT compliance_snapshots_period_uq DO NOTHING"
    );
    tx.query(sql, &[&school, &kind, &period, &today, &release, &ids, &grades]).await?;
    tx.count(grades.len());
    Ok(())
}

/// How schools stood over time.
pub(super) fn trend() -> Op {
    let grade = Param {
        name: "grade".into(),
        doc: "Only this grade, such as K or 7".into(),
        schema: json!({"type": "string"}),
    };
    Op {
        method: Method::Get,
        path: "/api/v1/immunizations/trend".into(),
        name: "school.immunization.trend".into(),
        permission: "school.immunization.read",
        summary: "How each school stood each week and on each day of the state's report, oldest first".into(),
        target: TABLE,
        params: vec![
            Param {
                name: "school_id".into(),
                doc: "One school; all that the caller reaches when it is left out".into(),
                schema: json!({"type": "string", "format": "uuid"}),
            },
            grade,
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(told(tx, call))),
    }
}

async fn told(tx: &mut Tx, call: Call) -> Result<Reply> {
    let only = call.query_id("school_id")?;
    let grade = call.query_value("grade").filter(|v| !v.is_empty()).map(ToOwned::to_owned);
    let all = reads::schools(tx).await?;
    let schools: Vec<(Uuid, String)> = all.into_iter().filter(|(id, _)| only.is_none_or(|only| only == *id)).collect();
    if let Some(only) = only
        && schools.is_empty()
    {
        return Err(Error::invalid("school_id", "no_such_record", format!("{only} is no school within your reach")));
    }
    let ids: Vec<Uuid> = schools.iter().map(|s| s.0).collect();
    let sql = sql!(
        "SELECT * FROM (SELECT s.school_id, s.kind::text AS kind, s.period_on, max(s.taken_on) AS taken_on, \
             sum(s.compliant + s.conditional + s.provisional + s.exempt + s.noncompliant + s.excluded + s.no_record + s.not_applicable \
               + s.not_evaluated)::int8 AS enrolled, \
             sum(s.compliant)::int8 AS compliant, sum(s.compliant + s.conditional + s.provisional + s.exempt)::int8 AS attends, \
             sum(s.exempt)::int8 AS exempt, sum(s.excluded)::int8 AS excluded, sum(s.measles_protected)::int8 AS measles, \
             sum(s.scored)::int8 AS scored, sum(s.score_total)::float8 AS total, \
             row_number() OVER (PARTITION BY s.school_id ORDER BY s.period_on DESC, s.kind) AS newest \
           FROM school.compliance_snapshots s WHERE s.school_id = ANY($1) AND ($2::text IS NULL OR s.grade = $2::text) \
           GROUP BY s.school_id, s.kind, s.period_on) t WHERE t.newest <= $3 ORDER BY t.school_id, t.period_on, t.kind"
    );
    let mut points: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
    let rows = tx.query(sql, &[&ids, &grade, &MOST]).await?;
    tx.count(rows.len());
    for row in rows {
        let n = |name: &str| row.get::<_, i64>(name);
        let date = |name: &str| row.get::<_, Date>(name).to_string();
        let mean = mean(row.get("total"), n("scored"));
        let point = json!({
            "kind": row.get::<_, String>("kind"), "period_on": date("period_on"), "taken_on": date("taken_on"), "enrolled": n("enrolled"),
            "exempt": n("exempt"), "excluded": n("excluded"), "compliance_score": mean,
            "up_to_date_percent": percent(n("compliant"), n("enrolled")), "in_compliance_percent": percent(n("attends"), n("enrolled")),
            "measles_protected_percent": percent(n("measles"), n("enrolled")),
        });
        points.entry(row.get("school_id")).or_default().push(point);
    }
    let told: Vec<Value> = schools
        .iter()
        .map(|(id, name)| json!({"id": id, "name": name, "points": points.remove(id).unwrap_or_default()}))
        .collect();
    Ok(Reply::json(json!({"grade": grade, "schools": told})))
}

/// How schools stood, by the newest snapshot of each that was taken by a day.
///
/// # Errors
/// [`Error::Invalid`] on `on` when none was taken by then.
pub(super) async fn as_of(tx: &mut Tx, schools: &[(Uuid, String)], on: Date) -> Result<Reply> {
    let ids: Vec<Uuid> = schools.iter().map(|s| s.0).collect();
    let sql = sql!(
        "SELECT s.school_id, s.grade::text AS grade, s.taken_on, r.id AS release_id, r.authority::text AS authority, r.version::text AS version, \
           sum(s.compliant + s.conditional + s.provisional + s.exempt + s.noncompliant + s.excluded + s.no_record + s.not_applicable \
             + s.not_evaluated)::int8 AS enrolled, \
           sum(s.not_evaluated)::int8 AS not_evaluated, sum(s.compliant)::int8 AS compliant, sum(s.noncompliant + s.excluded)::int8 AS overdue, \
           sum(s.conditional + s.provisional)::int8 AS conditional, sum(s.provisional)::int8 AS provisional, sum(s.excluded)::int8 AS excluded, \
           sum(s.exempt)::int8 AS exempt, sum(s.no_record)::int8 AS no_record, sum(s.not_applicable)::int8 AS not_applicable, \
           sum(s.measles_protected)::int8 AS measles, sum(s.scored)::int8 AS scored, sum(s.score_total)::float8 AS total \
         FROM school.compliance_snapshots s JOIN school.schedule_releases r ON r.id = s.release_id \
         WHERE s.school_id = ANY($1) AND (s.kind, s.period_on) = (SELECT n.kind, n.period_on FROM school.compliance_snapshots n \
           WHERE n.school_id = s.school_id AND n.taken_on <= $2 ORDER BY n.taken_on DESC, n.period_on DESC, n.kind LIMIT 1) \
         GROUP BY GROUPING SETS ((s.school_id, s.taken_on, r.id, r.authority, r.version), \
           (s.school_id, s.taken_on, r.id, r.authority, r.version, s.grade)) \
         ORDER BY s.school_id, s.grade NULLS FIRST"
    );
    let rows = tx.query(sql, &[&ids, &on]).await?;
    if rows.is_empty() {
        let message = format!("No snapshot was taken by {on}: how schools stood then was not kept");
        return Err(Error::invalid("on", "no_snapshot", message));
    }
    tx.count(rows.len());
    let mut told = Vec::new();
    for (id, name) in schools {
        let mut here = rows.iter().filter(|row| row.get::<_, Uuid>("school_id") == *id);
        // The first is that of all grades. A school of which none was kept says so.
        let mut school = here.next().map_or_else(|| json!({"taken_on": null}), standing);
        school["id"] = json!(id);
        school["name"] = json!(name);
        school["grades"] = here.map(standing).collect();
        told.push(school);
    }
    Ok(Reply::json(json!({"on": on.to_string(), "schools": told})))
}

/// What a snapshot says, as the dashboard does of today.
fn standing(row: &salus_store::Row) -> Value {
    let n = |name: &str| row.get::<_, i64>(name);
    let attends = n("compliant") + n("conditional") + n("exempt");
    let protected = percent(n("measles"), n("enrolled"));
    json!({
        "grade": row.get::<_, Option<String>>("grade"), "taken_on": row.get::<_, Date>("taken_on").to_string(),
        "schedule": {"id": row.get::<_, Uuid>("release_id"), "authority": row.get::<_, String>("authority"), "version": row.get::<_, String>("version")},
        "enrolled": n("enrolled"), "not_evaluated": n("not_evaluated"), "compliant": n("compliant"), "overdue": n("overdue"),
        "conditional": n("conditional"), "provisional": n("provisional"), "excluded": n("excluded"), "exempt": n("exempt"),
        "no_record": n("no_record"), "not_applicable": n("not_applicable"), "compliance_score": mean(row.get("total"), n("scored")),
        "up_to_date_percent": percent(n("compliant"), n("enrolled")), "in_compliance_percent": percent(attends, n("enrolled")),
        "measles_protected_percent": protected,
    })
}

#[allow(clippy::cast_precision_loss, reason = "numbers of students")]
fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (1000.0 * part as f64 / whole as f64).round() / 10.0)
}

#[allow(clippy::cast_precision_loss, reason = "numbers of students")]
fn mean(total: f64, count: i64) -> Option<f64> {
    (count > 0).then(|| (10.0 * total / count as f64).round() / 10.0)
}
