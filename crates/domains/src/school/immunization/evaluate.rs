//! Judging students and keeping what came of it, so that lists of whole schools open no record: a school when it is asked
//! for, every night and when the schedule or a requirement changes, one student when an exemption is decided, and within five
//! minutes who has other doses on record than when last judged.

use super::{
    admissions, facts,
    judge::{Law, Standing, judge},
    requirements::{self, Asked},
    schedules,
};
use crate::school::days;
use salus_core::{Error, Result};
use salus_rules::school_entry::{Admission, Exemption, ExemptionKind, Requirement, school_year};
use salus_store::{
    Call, Method, Op, Reply, Tx,
    jobs::{Job, Retry, Task, When, Work},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use time::{Date, Month};
use uuid::Uuid;

/// Students whose facts are in memory at a time.
const TOGETHER: usize = 200;
/// Students that one run judges because their doses changed.
const CHANGED: i64 = 1000;
/// The job that judges one school.
const JOB: &str = "school.evaluate_school";

/// Judging all students of a school.
pub(super) fn action() -> Op {
    let school = json!({"type": "string", "format": "uuid", "description": "The school"});
    Op {
        method: Method::Post,
        path: "/api/v1/immunizations/evaluations".into(),
        name: "school.immunization.evaluate".into(),
        permission: "school.immunization.write",
        summary: "Judge the doses of all students of a school anew, by the schedule in use and at the school's day"
            .into(),
        target: "school.immunization_evaluations",
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["school_id"], "additionalProperties": false,
                           "properties": {"school_id": school}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(asked(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    school_id: Uuid,
}

async fn asked(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Whom { school_id } = call.input()?;
    Ok(Reply::json(by_school(tx, school_id).await?))
}

/// Judges the students of a school who are enrolled and within the caller's reach.
///
/// # Errors
/// [`Error::NotFound`] when there is no such school.
pub(in crate::school) async fn by_school(tx: &mut Tx, school: Uuid) -> Result<Value> {
    let now = tx.ctx.env.now();
    let on = days::of(tx, school, now).await?;
    let sql = sql!(
        "SELECT p.patient_id FROM school.student_profiles p WHERE p.school_id = $1 AND p.enrollment_status = 'ENROLLED' \
           AND NOT EXISTS (SELECT FROM kernel.subject_keys k WHERE k.id = p.patient_id AND k.destroyed_at IS NOT NULL) \
         ORDER BY p.patient_id"
    );
    let students: Vec<Uuid> = tx.query(sql, &[&school]).await?.iter().map(|row| row.get(0)).collect();
    let mut done = students_on(tx, &students, on).await?;
    done["school_id"] = json!(school);
    done["evaluated_on"] = json!(on.to_string());
    Ok(done)
}

/// Judges students on a day and keeps what came of it.
pub(super) async fn students_on(tx: &mut Tx, students: &[Uuid], on: Date) -> Result<Value> {
    let Some(used) = schedules::in_use(tx, None).await? else {
        return Ok(json!({"evaluated": 0, "without_birth_date": 0, "problem": "NO_SCHEDULE"}));
    };
    let asked = requirements::in_force(tx, on).await?;
    let (mut evaluated, mut without) = (0, 0);
    for some in students.chunks(TOGETHER) {
        let laws = laws(tx, some, on).await?;
        let mut rows = Vec::new();
        for facts in facts::of(tx, &used.schedule, some).await? {
            let Some(patient) = &facts.patient else {
                without += 1;
                continue;
            };
            let law = law(&laws, facts.student, &asked);
            let judged = judge(&used.schedule, &facts, patient, law, on);
            rows.push((facts.student, judged.standing, judged.forecasts, judged.doses));
        }
        evaluated += rows.len();
        keep(tx, used.release.id, on, &rows).await?;
    }
    Ok(json!({"evaluated": evaluated, "without_birth_date": without, "schedule": used.release.told(), "problem": null}))
}

async fn keep(tx: &mut Tx, release: Uuid, on: Date, rows: &[(Uuid, Standing, Value, Value)]) -> Result<()> {
    let ids: Vec<Uuid> = rows.iter().map(|_| tx.ctx.env.id()).collect();
    let students: Vec<Uuid> = rows.iter().map(|r| r.0).collect();
    let statuses: Vec<&str> = rows.iter().map(|r| r.1.status).collect();
    let until: Vec<Option<Date>> = rows.iter().map(|r| r.1.until).collect();
    let scores: Vec<Option<f64>> = rows.iter().map(|r| r.1.score).collect();
    let measles: Vec<bool> = rows.iter().map(|r| r.1.is_measles_protected).collect();
    let due: Vec<Option<Date>> = rows.iter().map(|r| r.1.next_due_on).collect();
    let late: Vec<Option<Date>> = rows.iter().map(|r| r.1.overdue_since).collect();
    let home: Vec<Option<Date>> = rows.iter().map(|r| r.1.excluded_from).collect();
    let groups: Vec<&Value> = rows.iter().map(|r| &r.1.groups).collect();
    let forecasts: Vec<&Value> = rows.iter().map(|r| &r.2).collect();
    let doses: Vec<Value> = rows.iter().map(|r| verdicts(&r.3)).collect();
    let sql = sql!(
        "INSERT INTO school.immunization_evaluations AS e (id, student_id, release_id, evaluated_on, status, until_on, score, \
           is_measles_protected, next_due_on, overdue_since, excluded_from, groups, forecasts, doses) \
         SELECT r.id, r.student, $1, $2, r.status, r.until_on, r.score, r.measles, r.due, r.late, r.home, r.groups, r.forecasts, r.doses \
         FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::float8[], $8::bool[], $9::date[], $10::date[], \
           $11::date[], $12::jsonb[], $13::jsonb[], $14::jsonb[]) \
           AS r (id, student, status, until_on, score, measles, due, late, home, groups, forecasts, doses) \
         ON CONFLICT ON CONSTRAINT immunization_evaluations_student_uq DO UPDATE SET release_id = excluded.release_id, \
           evaluated_on = excluded.evaluated_on, status = excluded.status, until_on = excluded.until_on, score = excluded.score, \
           is_measles_protected = excluded.is_measles_protected, next_due_on = excluded.next_due_on, \
           overdue_since = excluded.overdue_since, excluded_from = excluded.excluded_from, groups = excluded.groups, forecasts = excluded.forecasts, doses = excluded.doses"
    );
    tx.query(
        sql,
        &[
            &release, &on, &ids, &students, &statuses, &until, &scores, &measles, &due, &late, &home, &groups,
            &forecasts, &doses,
        ],
    )
    .await?;
    for student in students {
        tx.about(student);
    }
    Ok(())
}

/// Of the doses what the engine said; what is written down stays where it is.
fn verdicts(doses: &Value) -> Value {
    let all = doses.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    all.map(|dose| {
        let of = |v: &Value| json!({"antigen": v["antigen"], "status": v["status"], "reasons": codes(&v["reasons"])});
        let told = dose["verdicts"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(of);
        json!({"id": dose["id"], "verdicts": told.collect::<Vec<_>>(), "problem": dose["problem"]})
    })
    .collect()
}

fn codes(reasons: &Value) -> Vec<Value> {
    reasons.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|r| r["code"].clone()).collect()
}

/// What the law knows of a student: the grade, approved exemptions, admissions, and since when the student attends.
#[derive(Default)]
pub(super) struct OfStudent {
    /// None for a patient who is no student: nothing is required.
    grade: Option<String>,
    exemptions: Vec<Exemption>,
    admissions: Vec<Admission>,
    attends_since: Option<Date>,
}

/// What the law knows of students on a day. Deadlines of a school year count from its first day, or from enrolment after it; a
/// year that nobody entered begins on 1 August.
pub(super) async fn laws(tx: &mut Tx, students: &[Uuid], on: Date) -> Result<HashMap<Uuid, OfStudent>> {
    let first = Date::from_calendar_date(school_year(on), Month::August, 1).map_err(Error::internal)?;
    let sql = sql!(
        "SELECT p.patient_id, p.grade::text AS grade, greatest( \
           (SELECT max(e.enrolled_on) FROM school.student_enrollments e WHERE e.tenant_id = p.tenant_id AND e.patient_id = p.patient_id \
             AND e.school_id = p.school_id AND e.exited_on IS NULL), \
           coalesce((SELECT max(y.starts_on) FROM school.school_years y WHERE $2::date BETWEEN y.starts_on AND y.ends_on), $3::date)) AS since \
         FROM school.student_profiles p WHERE p.patient_id = ANY($1)"
    );
    let mut all: HashMap<Uuid, OfStudent> = HashMap::new();
    for row in tx.query(sql, &[&students, &on, &first]).await? {
        let of = all.entry(row.get("patient_id")).or_default();
        of.grade = Some(row.get("grade"));
        of.attends_since = row.get("since");
    }
    let sql = sql!(
        "SELECT student_id, kind::text AS kind, vaccine_groups, valid_from, valid_until FROM school.immunization_exemptions \
         WHERE student_id = ANY($1) AND status = 'APPROVED' ORDER BY id"
    );
    for row in tx.query(sql, &[&students]).await? {
        let exemption = Exemption {
            kind: kind(row.get("kind"))?,
            groups: row.get("vaccine_groups"),
            from: row.get("valid_from"),
            until: row.get("valid_until"),
        };
        all.entry(row.get("student_id")).or_default().exemptions.push(exemption);
    }
    for (student, admission) in admissions::of(tx, students).await? {
        all.entry(student).or_default().admissions.push(admission);
    }
    Ok(all)
}

/// A kind of exemption by its name.
pub(super) fn kind(name: &str) -> Result<ExemptionKind> {
    serde_json::from_value(json!(name)).map_err(Error::internal)
}

/// What is required of a student, and why not.
pub(super) fn law<'a>(laws: &HashMap<Uuid, OfStudent>, student: Uuid, asked: &'a [Asked]) -> Law<'a> {
    let Some(of) = laws.get(&student) else { return Law::default() };
    let grade = of.grade.as_deref();
    let asked = asked.iter().filter(|a| grade.is_some_and(|grade| a.is_for(grade))).collect();
    let (exemptions, admissions) = (of.exemptions.clone(), of.admissions.clone());
    Law { asked, exemptions, admissions, attends_since: of.attends_since }
}

/// The vaccine groups whose requirement for a student's grade admits until a day, and until when; of several requirements for a
/// group the latest.
pub(super) async fn groups_that_admit(
    tx: &mut Tx,
    student: Uuid,
    on: Date,
    until: impl Fn(&Requirement) -> Option<Date>,
) -> Result<BTreeMap<String, Date>> {
    let asked = requirements::in_force(tx, on).await?;
    let laws = laws(tx, &[student], on).await?;
    let mut all: BTreeMap<String, Date> = BTreeMap::new();
    for asked in law(&laws, student, &asked).asked {
        if let Some(until) = until(&asked.rule) {
            let known = all.entry(asked.rule.vaccine_group.clone()).or_insert(until);
            *known = until.max(*known);
        }
    }
    Ok(all)
}

/// Judging without anybody asking.
pub(in crate::school) fn jobs() -> [Job; 4] {
    let job = |name, when, work| Job { name, when, retry: Retry::default(), work };
    [
        job(
            "school.evaluate_nightly",
            When::Cron("0 5 * * *"),
            Work::local(|tx, task| Box::pin(all_schools(tx, task))),
        ),
        job(
            "school.evaluate_anew",
            When::Events(&["school.schedule.activated", "school.requirement.approved"]),
            Work::local(|tx, task| Box::pin(all_schools(tx, task))),
        ),
        job("school.evaluate_changed", When::Cron("*/5 * * * *"), Work::local(|tx, _| Box::pin(changed(tx)))),
        job(JOB, When::Asked, Work::local(|tx, task| Box::pin(job_of_school(tx, task)))),
    ]
}

/// Has every school judged, each in a transaction of its own.
async fn all_schools(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let sql = sql!("SELECT id FROM school.schools WHERE is_active ORDER BY id");
    let schools: Vec<Uuid> = tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    for school in schools {
        tx.enqueue(JOB, &format!("{school} {}", task.id), json!({ "school": school }), None).await?;
    }
    Ok(())
}

/// Judges those whose doses were written down or changed by whatever way since they were judged: as a fact of the record, by an
/// import, by another program. Nothing tells of each, so that none can be forgotten; what a night has passed over is judged then.
async fn changed(tx: &mut Tx) -> Result<()> {
    let sql = sql!(
        "SELECT DISTINCT p.school_id, p.patient_id FROM records.immunizations i \
         JOIN school.student_profiles p ON p.patient_id = i.patient_id AND p.enrollment_status = 'ENROLLED' \
         LEFT JOIN school.immunization_evaluations e ON e.student_id = i.patient_id \
         WHERE i.updated_at > now() - interval '1 day' AND (e.id IS NULL OR i.updated_at > e.updated_at) \
           AND NOT EXISTS (SELECT FROM kernel.subject_keys k WHERE k.id = p.patient_id AND k.destroyed_at IS NOT NULL) \
         ORDER BY 1, 2 LIMIT $1"
    );
    let mut by_school: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in tx.query(sql, &[&CHANGED]).await? {
        by_school.entry(row.get(0)).or_default().push(row.get(1));
    }
    let now = tx.ctx.env.now();
    for (school, students) in by_school {
        let on = days::of(tx, school, now).await?;
        students_on(tx, &students, on).await?;
    }
    Ok(())
}

/// Judges the school that a task names.
async fn job_of_school(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let school = task.body["school"].as_str().and_then(|id| id.parse().ok());
    let school = school.ok_or_else(|| Error::internal("the task names no school"))?;
    by_school(tx, school).await.map(|_| ())
}
