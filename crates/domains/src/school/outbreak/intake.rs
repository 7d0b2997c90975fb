//! Symptoms that are told by telephone, by a teacher or by a laboratory, and what is shown of all: counts by day, grade and symptom,
//! and the cases themselves to who may open records.

use super::{asking, rules, settings::Settings};
use crate::{
    clock, row,
    school::{days, symptoms},
};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use time::{Date, Duration, macros::date};
use uuid::Uuid;

/// The table.
pub(super) const TABLE: &str = "school.symptom_tracking";
/// Reports of one call.
const MOST: usize = 500;
/// Cases of one answer.
const CASES: i64 = 200;
/// Days of a block that is told to who may not open records.
const BLOCK: i64 = 28;
/// Longest span, in days.
const SPAN_DAYS: i64 = 400;

/// Writing reports down.
pub(super) fn action() -> Op {
    let text = |what: &str| json!({"type": ["string", "null"], "description": what});
    let report = json!({"type": "object", "required": ["student_id", "onset_on"], "additionalProperties": false, "properties": {
        "student_id": {"type": "string", "format": "uuid", "description": "A student who is enrolled"},
        "onset_on": {"type": "string", "format": "date", "description": "First day of illness"},
        "source": {"type": ["string", "null"], "enum": ["VISIT", "ABSENCE_CALL", "PORTAL", "STAFF", "LAB", null],
                   "description": "Where it was learned; STAFF when it is left out"},
        "symptoms": {"type": ["array", "null"], "items": {"type": "string", "enum": symptoms::SYMPTOMS}, "description": "Signs"},
        "syndrome": {"type": ["string", "null"],
                     "enum": ["ILI", "GI", "RESP", "RASH", "RASH_FEVER", "CONJUNCTIVITIS", "STREP", "NEURO", "HEAT", "OTHER", null],
                     "description": "What it counts for; that which follows from the signs when it is left out"},
        "temperature": {"type": ["number", "null"], "minimum": 30, "maximum": 45, "description": "Degrees Celsius"},
        "absent": {"type": ["boolean", "null"], "description": "Whether the student stays at home"},
        "disease_code": {"type": ["string", "null"], "enum": rules::codes(), "description": "The disease, when somebody says which"},
        "case_class": {"type": ["string", "null"], "enum": ["SUSPECT", "PROBABLE", "CONFIRMED", null], "description": "How sure it is"},
        "note": text("Anything else; it is sealed")}});
    Op {
        method: Method::Post,
        path: "/api/v1/health/outbreaks/symptoms".into(),
        name: "school.symptom.record".into(),
        permission: "school.visit.write",
        summary: "Write down symptoms of up to 500 students, as surveillance counts them".into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["reports"], "additionalProperties": false, "properties": {
            "reports": {"type": "array", "minItems": 1, "maxItems": MOST, "items": report, "description": "One a student"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(record(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    reports: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    student_id: Uuid,
    onset_on: String,
    source: Option<String>,
    symptoms: Option<Vec<String>>,
    syndrome: Option<String>,
    temperature: Option<f64>,
    absent: Option<bool>,
    disease_code: Option<String>,
    case_class: Option<String>,
    note: Option<String>,
}

/// What is known of a student who is reported.
struct Known {
    /// With its day.
    school: Option<(Uuid, Date)>,
    groups: Vec<String>,
}

/// The students of these reports, as far as they are within reach.
async fn students(tx: &mut Tx, reports: &[Report]) -> Result<HashMap<Uuid, Known>> {
    let (ids, now): (Vec<Uuid>, _) = (reports.iter().map(|r| r.student_id).collect(), tx.ctx.env.now());
    let sql = sql!(
        "SELECT p.id, s.id AS school, ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS today, \
           ARRAY(SELECT m.class_group_id::text FROM school.class_memberships m WHERE m.patient_id = p.id AND m.left_on IS NULL \
                 ORDER BY m.class_group_id) AS groups \
         FROM medical.patients p LEFT JOIN school.student_profiles e ON e.patient_id = p.id AND e.enrollment_status = 'ENROLLED' \
         LEFT JOIN school.schools s ON s.id = e.school_id WHERE p.id = ANY($1)"
    );
    let known = |row: &salus_store::Row| {
        let school = row.get::<_, Option<Uuid>>("school").zip(row.get("today"));
        (row.get("id"), Known { school, groups: row.get("groups") })
    };
    Ok(tx.query(sql, &[&ids, &now]).await?.iter().map(known).collect())
}

async fn record(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Batch { reports } = call.input()?;
    if reports.is_empty() || reports.len() > MOST {
        return Err(Error::invalid("reports", "not_allowed", format!("Are 1 to {MOST}")));
    }
    let now = tx.ctx.env.now();
    let students = students(tx, &reports).await?;
    let mut rows = Vec::new();
    for (at, report) in reports.iter().enumerate() {
        let field = |name: &str| format!("reports/{at}/{name}");
        // One who is out of reach is not there.
        let Some(known) = students.get(&report.student_id) else {
            return Err(Error::invalid(&field("student_id"), "no_such_record", "Must name an existing student"));
        };
        let Some((school, today)) = known.school else {
            return Err(Error::invalid(&field("student_id"), "not_enrolled", "Must name a student who is enrolled"));
        };
        rules::known_disease(&field("disease_code"), report.disease_code.as_deref())?;
        let onset = clock::day(&field("onset_on"), &report.onset_on)?;
        if onset > today {
            return Err(Error::invalid(&field("onset_on"), "onset_in_future", "Cannot lie in the future"));
        }
        let signs = report.symptoms.clone().unwrap_or_default();
        symptoms::known(&field("symptoms"), &signs)?;
        let codes = match &report.syndrome {
            Some(syndrome) => vec![syndrome.as_str()],
            None => symptoms::syndromes(&signs, report.temperature),
        };
        if codes.is_empty() {
            let message = "These signs make no syndrome: say which it counts for";
            return Err(Error::invalid(&field("syndrome"), "required", message));
        }
        for code in codes {
            let mut values = row(json!({
                "student_id": report.student_id, "school_id": school, "group_ids": known.groups, "onset_on": onset.to_string(),
                "reported_at": clock::text(now)?, "source": report.source.as_deref().unwrap_or("STAFF"), "symptoms": signs,
                "syndrome": code, "temperature": report.temperature, "absent": report.absent.unwrap_or(false),
                "disease_code": report.disease_code, "case_class": report.case_class.as_deref().unwrap_or("SUSPECT"),
                "note": report.note,
            }));
            values.retain(|_, value| !value.is_null());
            rows.push(NewRow { id: tx.ctx.env.id(), values });
        }
        tx.about(report.student_id);
    }
    tx.insert(TABLE, &rows).await?;
    let of = |name: &str| -> Vec<String> {
        rows.iter().filter_map(|row| row.values.get(name)?.as_str()).map(str::to_owned).collect()
    };
    asking::ask_if_one_is_enough(tx, (&of("disease_code"), &of("syndrome"))).await?;
    tx.count(rows.len());
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    Ok(Reply { status: 201, ..Reply::json(json!({"recorded": ids.len(), "ids": ids})) })
}

/// What is shown of symptoms.
pub(super) fn read() -> Op {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let day = || json!({"type": "string", "format": "date"});
    Op {
        method: Method::Get,
        path: "/api/v1/health/outbreaks/symptoms".into(),
        name: "school.symptom.counts".into(),
        permission: "school.outbreak.read",
        summary:
            "Reports of symptoms by syndrome and day, grade and sign; the cases themselves for who may open records"
                .into(),
        target: TABLE,
        params: vec![
            param(
                "school_id",
                "One school; all within reach when it is left out",
                json!({"type": "string", "format": "uuid"}),
            ),
            param("syndrome", "Only this syndrome", json!({"type": "string"})),
            param("from", "First day of onset; 28 days before the last when it is left out", day()),
            param(
                "to",
                "Last day of onset; today when it is left out. Who may not open records is told the block of 28 days in which it \
                 lies: counts of spans that overlap would give away the days between",
                day(),
            ),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(counts(tx, call))),
    }
}

async fn counts(tx: &mut Tx, call: Call) -> Result<Reply> {
    let school = call.query_id("school_id")?;
    let (from, to) = days::span(tx, &call, school, (28, SPAN_DAYS)).await?;
    let open = tx.ctx.may("kernel.phi.read");
    let (from, to) = if open { (from, to) } else { block(to) };
    let syndrome = call.query_value("syndrome").filter(|v| !v.is_empty());
    let settings = Settings::load(tx).await?;
    let sql = sql!(
        "SELECT g.by, t.syndrome::text AS syndrome, g.value, count(DISTINCT t.student_id) AS students \
         FROM school.symptom_tracking t LEFT JOIN school.student_profiles p ON p.patient_id = t.student_id \
         CROSS JOIN LATERAL (SELECT 'day' AS by, t.onset_on::text AS value UNION ALL SELECT 'grade', p.grade::text \
           UNION ALL SELECT 'symptom', s FROM unnest(t.symptoms) AS s) AS g \
         WHERE ($1::uuid IS NULL OR t.school_id = $1) AND ($2::text IS NULL OR t.syndrome::text = $2) AND t.onset_on >= $3 \
           AND t.onset_on <= $4 AND t.case_class <> 'RULED_OUT' AND g.value IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    );
    let rows = tx.query(sql, &[&school, &syndrome, &from, &to]).await?;
    let mut groups: BTreeMap<(String, String), Vec<(String, i64)>> = BTreeMap::new();
    for row in &rows {
        let key = (row.get("by"), row.get("syndrome"));
        groups.entry(key).or_default().push((row.get("value"), row.get("students")));
    }
    let mut told = json!({"day": [], "grade": [], "symptom": []});
    for ((by, syndrome), values) in groups {
        let shown = settings.cells(tx, &values.iter().map(|(_, n)| *n).collect::<Vec<_>>());
        let lines = values
            .into_iter()
            .zip(shown)
            .map(|((value, _), n)| json!({"syndrome": syndrome, "value": value, "students": n}));
        if let Some(all) = told[&by].as_array_mut() {
            all.extend(lines);
        }
    }
    let cases = if open { cases(tx, (school, syndrome), (from, to)).await? } else { Value::Null };
    Ok(Reply::json(json!({
        "from": from.to_string(), "to": to.to_string(), "counts": told, "cases": cases, "small_cell": settings.small_cell,
        "small_counts_left_out": !open,
    })))
}

/// The block of 28 days in which a day lies. Blocks begin on Mondays and do not overlap.
fn block(day: Date) -> (Date, Date) {
    let first = date!(2024 - 01 - 01);
    let from = first + Duration::days((day - first).whole_days().div_euclid(BLOCK) * BLOCK);
    (from, from + Duration::days(BLOCK - 1))
}

/// The latest cases of a span.
async fn cases(
    tx: &mut Tx,
    (school, syndrome): (Option<Uuid>, Option<&str>),
    (from, to): (Date, Date),
) -> Result<Value> {
    let sql = sql!(
        "SELECT t.student_id, jsonb_build_object('id', t.id, 'student_id', t.student_id, 'school_id', t.school_id, \
           'syndrome', t.syndrome, 'onset_on', t.onset_on, 'reported_at', t.reported_at, 'source', t.source, 'symptoms', t.symptoms, \
           'temperature', t.temperature, 'absent', t.absent, 'case_class', t.case_class, 'disease_code', t.disease_code) \
         FROM school.symptom_tracking t WHERE ($1::uuid IS NULL OR t.school_id = $1) \
           AND ($2::text IS NULL OR t.syndrome::text = $2) AND t.onset_on >= $3 AND t.onset_on <= $4 \
         ORDER BY t.onset_on DESC, t.id DESC LIMIT $5"
    );
    let rows = tx.query(sql, &[&school, &syndrome, &from, &to, &CASES]).await?;
    for row in &rows {
        tx.about(row.get(0));
    }
    tx.count(rows.len());
    Ok(rows.iter().map(|row| row.get::<_, Value>(1)).collect())
}
