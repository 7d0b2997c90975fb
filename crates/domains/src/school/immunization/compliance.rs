//! How schools stand, and which students are why: out of what was kept of each student when it was last judged. Rates need
//! an approved requirement; without one nothing is said, rather than that all is well. Names are opened for the students that
//! are shown, no others.

use super::{schedules, snapshots};
use crate::school::reads::schools;
use salus_core::{Error, Result};
use salus_rules::school_entry::{Status, school_rates};
use salus_store::{Call, Method, Op, Param, Reply, Row, Run, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

/// Students of one answer.
const SHOWN: i64 = 50;

/// What a list may be narrowed to: a name and the statuses it stands for.
const KINDS: [(&str, &[&str]); 8] = [
    ("compliant", &["COMPLIANT"]),
    ("overdue", &["NONCOMPLIANT", "EXCLUDED"]),
    ("conditional", &["CONDITIONAL", "PROVISIONAL"]),
    ("exempt", &["EXEMPT_MEDICAL_PERM", "EXEMPT_MEDICAL_TEMP", "EXEMPT_RELIGIOUS", "EXEMPT_PERSONAL"]),
    ("no_record", &["NO_RECORD"]),
    ("not_applicable", &["NOT_APPLICABLE"]),
    // Those of the above who need something done soonest.
    ("provisional", &["PROVISIONAL"]),
    ("excluded", &["EXCLUDED"]),
];
/// Students of whom nothing was said yet.
const NOT_EVALUATED: &str = "not_evaluated";

/// The dashboard and the list.
pub(super) fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let school = || {
        param(
            "school_id",
            "One school; all that the caller reaches when it is left out",
            json!({"type": "string", "format": "uuid"}),
        )
    };
    let op = |path: &str, verb: &str, summary: &str, params: Vec<Param>, run: Run| Op {
        method: Method::Get,
        path: format!("/api/v1/immunizations/{path}"),
        name: format!("school.immunization.{verb}"),
        permission: "school.immunization.read",
        summary: summary.to_owned(),
        target: "school.immunization_evaluations",
        params,
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).chain([NOT_EVALUATED]).collect();
    vec![
        op(
            "dashboard",
            "dashboard",
            "How each school and grade stands: up to date, in compliance, score, protection against measles",
            vec![
                school(),
                param(
                    "on",
                    "As it was kept by this day, which the week of each snapshot says; as it is now when it is left out",
                    json!({"type": "string", "format": "date"}),
                ),
            ],
            run(|tx, call| Box::pin(dashboard(tx, call))),
        ),
        op(
            "compliance",
            "compliance",
            "Students of a school by where they stand, those who are late longest first, with what is missing",
            vec![
                school(),
                param("kind", "Only those who stand so", json!({"type": "string", "enum": kinds})),
                param("vaccine_group", "Only those who lack this vaccine group", json!({"type": "string"})),
                param(
                    "susceptible_to",
                    "Only those who are not known to be protected by this vaccine group: neither its requirement nor its series is \
                     fulfilled, whether it is asked for in their grade or not, and those who were not judged",
                    json!({"type": "string"}),
                ),
                param("page", "From 1; 50 students each", json!({"type": "integer", "minimum": 1})),
            ],
            run(|tx, call| Box::pin(list(tx, call))),
        ),
    ]
}

/// Students who stand alike.
struct Alike {
    school: Uuid,
    grade: String,
    /// None: not judged yet.
    status: Option<String>,
    measles: bool,
    count: usize,
    scores: f64,
    scored: i64,
    oldest: Option<Date>,
}

async fn dashboard(tx: &mut Tx, call: Call) -> Result<Reply> {
    let only = call.query_id("school_id")?;
    let all = schools(tx).await?;
    let schools: Vec<(Uuid, String)> = all.into_iter().filter(|(id, _)| only.is_none_or(|only| only == *id)).collect();
    if let Some(only) = only
        && schools.is_empty()
    {
        return Err(Error::invalid("school_id", "no_such_record", format!("{only} is no school within your reach")));
    }
    if let Some(on) = call.query_value("on").filter(|v| !v.is_empty()) {
        let on = crate::clock::day("on", on)?;
        return snapshots::as_of(tx, &schools, on).await;
    }
    let ids: Vec<Uuid> = schools.iter().map(|s| s.0).collect();
    let used = schedules::in_use(tx, None).await?;
    let sql = sql!(
        "SELECT count(*) FILTER (WHERE approved_at IS NOT NULL), count(*) FILTER (WHERE approved_at IS NULL) \
         FROM school.school_immunization_requirements"
    );
    let counted = tx.query_opt(sql, &[]).await?.ok_or_else(|| Error::internal("an aggregate has one row"))?;
    let (approved, waiting): (i64, i64) = (counted.get(0), counted.get(1));
    let alike = alike(tx, &ids).await?;
    let groups = if approved > 0 { by_group(tx, &ids).await? } else { BTreeMap::new() };
    let told: Vec<Value> = schools
        .iter()
        .map(|(id, name)| {
            let here: Vec<&Alike> = alike.iter().filter(|a| a.school == *id).collect();
            let mut school = figures(&here, approved > 0);
            school["id"] = json!(id);
            school["name"] = json!(name);
            school["groups"] = json!(groups.get(id).cloned().unwrap_or_default());
            let mut grades: Vec<&str> = here.iter().map(|a| a.grade.as_str()).collect();
            grades.sort_by_key(|g| place(g));
            grades.dedup();
            school["grades"] = grades
                .into_iter()
                .map(|grade| {
                    let of: Vec<&Alike> = here.iter().copied().filter(|a| a.grade == grade).collect();
                    let mut told = figures(&of, approved > 0);
                    told["grade"] = json!(grade);
                    told
                })
                .collect();
            school
        })
        .collect();
    tx.count(alike.iter().map(|a| a.count).sum());
    Ok(Reply::json(json!({"schedule": used.map(|u| u.release.told()), "requirements_in_force": approved,
                          "requirements_waiting": waiting, "schools": told})))
}

/// Grades in the order of their years.
fn place(grade: &str) -> i32 {
    match grade {
        "PK" => -3,
        "TK" => -2,
        "K" => -1,
        other => other.parse().unwrap_or(99),
    }
}

async fn alike(tx: &mut Tx, schools: &[Uuid]) -> Result<Vec<Alike>> {
    let now = tx.ctx.env.now();
    // A condition, admission or exemption that has ended since counts no more, even before the student is judged anew.
    let sql = sql!(
        "SELECT p.school_id, p.grade::text AS grade, CASE WHEN e.status IN ('CONDITIONAL', 'PROVISIONAL', 'EXEMPT_MEDICAL_TEMP') \
             AND e.until_on < ($2::timestamptz AT TIME ZONE s.timezone::text)::date THEN 'NONCOMPLIANT' ELSE e.status::text END AS status, coalesce(e.is_measles_protected, false) AS measles, \
           count(*) AS students, coalesce(sum(e.score), 0)::float8 AS scores, count(e.score) AS scored, min(e.evaluated_on) AS oldest \
         FROM school.student_profiles p JOIN school.schools s ON s.id = p.school_id \
         LEFT JOIN school.immunization_evaluations e ON e.student_id = p.patient_id \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    );
    let read = |row: &Row| Alike {
        school: row.get("school_id"),
        grade: row.get("grade"),
        status: row.get("status"),
        measles: row.get("measles"),
        count: usize::try_from(row.get::<_, i64>("students")).unwrap_or_default(),
        scores: row.get("scores"),
        scored: row.get("scored"),
        oldest: row.get("oldest"),
    };
    Ok(tx.query(sql, &[&schools, &now]).await?.iter().map(read).collect())
}

/// Counts and rates. Who was not judged counts as enrolled and as nothing else.
fn figures(alike: &[&Alike], required: bool) -> Value {
    let count = |of: &dyn Fn(&Alike) -> bool| alike.iter().filter(|a| of(a)).map(|a| a.count).sum::<usize>();
    let of = |kind: &str| {
        let statuses = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, all)| *all);
        count(&|a| a.status.as_deref().is_some_and(|s| statuses.contains(&s)))
    };
    let enrolled = count(&|_| true);
    let unjudged = count(&|a| a.status.is_none());
    let students: Vec<(Status, bool)> =
        alike.iter().flat_map(|a| std::iter::repeat_n((status(a.status.as_deref()), a.measles), a.count)).collect();
    let rates = school_rates(&students).filter(|_| required && unjudged < enrolled);
    let (sum, with_score) = alike.iter().fold((0.0, 0), |(sum, n), a| (sum + a.scores, n + a.scored));
    #[allow(clippy::cast_precision_loss, reason = "numbers of students")]
    let score = (required && with_score > 0).then(|| tenths(sum / with_score as f64));
    json!({
        "enrolled": enrolled, "not_evaluated": unjudged, "compliant": of("compliant"), "overdue": of("overdue"),
        "conditional": of("conditional"), "provisional": of("provisional"), "excluded": of("excluded"), "exempt": of("exempt"), "no_record": of("no_record"),
        "not_applicable": of("not_applicable"), "compliance_score": score,
        "up_to_date_percent": rates.map(|r| tenths(r.up_to_date)), "in_compliance_percent": rates.map(|r| tenths(r.in_compliance)),
        "measles_at_risk": rates.map(|r| r.herd_at_risk),
        "evaluated_on": alike.iter().filter_map(|a| a.oldest).min().map(|d| d.to_string()),
    })
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The kept status as far as rates need it; the days are not asked for.
fn status(name: Option<&str>) -> Status {
    match name {
        Some("COMPLIANT") => Status::Compliant,
        Some("CONDITIONAL") => Status::Conditional(Date::MAX),
        Some("PROVISIONAL") => Status::Provisional(Date::MAX),
        Some("EXEMPT_MEDICAL_PERM") => Status::ExemptMedicalPermanent,
        Some("EXEMPT_MEDICAL_TEMP") => Status::ExemptMedicalTemporary(Date::MAX),
        Some("EXEMPT_RELIGIOUS") => Status::ExemptReligious,
        Some("EXEMPT_PERSONAL") => Status::ExemptPersonal,
        Some("NOT_APPLICABLE") => Status::NotApplicable,
        Some("NONCOMPLIANT") => Status::Noncompliant,
        Some("EXCLUDED") => Status::Excluded,
        _ => Status::NoRecord,
    }
}

/// Students of each school by requirement and standing.
async fn by_group(tx: &mut Tx, schools: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Value>>> {
    let sql = sql!(
        "SELECT p.school_id, g.value ->> 'vaccine_group' AS name, g.value ->> 'checkpoint' AS checkpoint, count(*) AS asked, \
           count(*) FILTER (WHERE g.value ->> 'status' = 'COMPLIANT') AS compliant, \
           count(*) FILTER (WHERE g.value ->> 'status' LIKE 'EXEMPT%') AS exempt, \
           count(*) FILTER (WHERE g.value ->> 'status' IN ('NONCOMPLIANT', 'NO_RECORD', 'EXCLUDED')) AS lacking \
         FROM school.student_profiles p JOIN school.immunization_evaluations e ON e.student_id = p.patient_id \
         CROSS JOIN LATERAL jsonb_array_elements(e.groups) AS g \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    );
    let mut all: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
    for row in tx.query(sql, &[&schools]).await? {
        let n = |name: &str| row.get::<_, i64>(name);
        let told = json!({"vaccine_group": row.get::<_, String>("name"), "checkpoint": row.get::<_, String>("checkpoint"),
                          "required_of": n("asked"), "compliant": n("compliant"), "exempt": n("exempt"), "lacking": n("lacking")});
        all.entry(row.get("school_id")).or_default().push(told);
    }
    Ok(all)
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let school = call.query_id("school_id")?;
    let given = |name: &str| call.query_value(name).filter(|v| !v.is_empty());
    let (kind, group) = (given("kind"), given("vaccine_group"));
    let statuses: Option<Vec<&str>> = match kind {
        None | Some(NOT_EVALUATED) => None,
        Some(name) => {
            let known = KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, all)| all.to_vec());
            let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).chain([NOT_EVALUATED]).collect();
            Some(
                known
                    .ok_or_else(|| Error::invalid("kind", "not_allowed", format!("Is one of {}", names.join(", "))))?,
            )
        }
    };
    let unjudged = kind == Some(NOT_EVALUATED);
    let page: i64 = given("page").map_or(Ok(1), str::parse).unwrap_or(0);
    if !(1..=10_000).contains(&page) {
        return Err(Error::invalid("page", "wrong_type", "Is a number from 1 on"));
    }
    let sql = sql!(
        "SELECT p.patient_id, p.school_id, p.grade::text AS grade, h.name::text AS homeroom, n.status, e.until_on, \
           e.score, e.next_due_on, e.overdue_since, e.excluded_from, e.evaluated_on, e.groups, count(*) OVER () AS total \
         FROM school.student_profiles p JOIN school.schools s ON s.id = p.school_id \
         LEFT JOIN school.immunization_evaluations e ON e.student_id = p.patient_id \
         LEFT JOIN school.class_groups h ON h.id = p.homeroom_id \
         CROSS JOIN LATERAL (SELECT CASE WHEN e.status IN ('CONDITIONAL', 'PROVISIONAL', 'EXEMPT_MEDICAL_TEMP') \
             AND e.until_on < ($7::timestamptz AT TIME ZONE s.timezone::text)::date THEN 'NONCOMPLIANT' ELSE e.status::text END AS status) n \
         WHERE p.enrollment_status = 'ENROLLED' AND ($1::uuid IS NULL OR p.school_id = $1) \
           AND ($2::text[] IS NULL OR n.status = ANY($2::text[])) AND (NOT $3 OR e.id IS NULL) \
           AND ($4::text IS NULL OR EXISTS (SELECT FROM jsonb_array_elements(e.groups) AS g WHERE g.value ->> 'vaccine_group' = $4 \
             AND g.value ->> 'status' NOT IN ('COMPLIANT', 'NOT_APPLICABLE'))) \
           AND ($8::text IS NULL OR NOT coalesce( \
             EXISTS (SELECT FROM jsonb_array_elements(e.groups) AS g WHERE g.value ->> 'vaccine_group' = $8 AND g.value ->> 'status' = 'COMPLIANT') \
             OR EXISTS (SELECT FROM jsonb_array_elements(e.forecasts) AS f WHERE f.value ->> 'vaccine_group' = $8 \
               AND f.value ->> 'status' IN ('COMPLETE', 'IMMUNE')), false)) \
         ORDER BY e.overdue_since NULLS LAST, e.next_due_on NULLS LAST, p.patient_id LIMIT $5 OFFSET $6"
    );
    let (now, susceptible) = (tx.ctx.env.now(), given("susceptible_to"));
    let params: salus_store::Params<'_> =
        &[&school, &statuses, &unjudged, &group, &SHOWN, &((page - 1) * SHOWN), &now, &susceptible];
    let rows = tx.query(sql, params).await?;
    let data = people(tx, &rows).await?;
    let total = rows.first().map_or(0, |row| row.get::<_, i64>("total"));
    Ok(Reply::json(json!({"data": data, "total": total, "page": page, "pages": (total + SHOWN - 1) / SHOWN})))
}

/// Rows of students with their names, which are opened here.
pub(super) async fn people(tx: &mut Tx, rows: &[Row]) -> Result<Vec<Value>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get("patient_id")).collect();
    let names = ["pseudonym", "family_name", "given_names", "preferred_name"];
    let people = tx.select("medical.patients", &names, "t.id = ANY($1)", &[&ids]).await?;
    let told = rows
        .iter()
        .map(|row| {
            let id: Uuid = row.get("patient_id");
            let person = people.iter().find(|p| p.id() == Some(id));
            let name = |n: &str| person.map(|p| p.text(n).to_owned()).unwrap_or_default();
            let date = |n: &str| row.get::<_, Option<Date>>(n).map(|d| d.to_string());
            json!({
                "student_id": id, "school_id": row.get::<_, Uuid>("school_id"), "grade": row.get::<_, String>("grade"),
                "homeroom": row.get::<_, Option<String>>("homeroom"), "pseudonym": name("pseudonym"),
                "family_name": name("family_name"), "given_names": name("given_names"), "preferred_name": name("preferred_name"),
                "status": row.get::<_, Option<String>>("status"), "until": date("until_on"), "score": row.get::<_, Option<f64>>("score"),
                "next_due_on": date("next_due_on"), "overdue_since": date("overdue_since"), "evaluated_on": date("evaluated_on"),
                "excluded_from": date("excluded_from"),
                "requirements": row.get::<_, Option<Value>>("groups"),
            })
        })
        .collect();
    Ok(told)
}
