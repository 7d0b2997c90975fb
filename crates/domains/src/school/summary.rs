//! A student at a glance, as the clinic knows them: what must be known first, the last visits, what class they took, and symptoms of
//! late. Orders, doses of vaccines, guardians and absences have reads of their own. The number of statements is the same for all.

use super::reads::briefs;
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Reply, Tx, run, sql};
use serde_json::{Value, json};

/// Visits that are shown.
const VISITS: i64 = 10;
/// Days over which visits and the class they took are counted.
const DAYS: i32 = 90;
/// Days for which a symptom is of late: the longest episode that a rule of outbreaks asks for, but one.
const SYMPTOM_DAYS: i32 = 21;

/// The read.
pub(super) fn read() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/clinic/students/{id}/summary".into(),
        name: "school.clinic.summary".into(),
        permission: "school.visit.read",
        summary: "A student at a glance: allergies and plans, the last visits, class missed in 90 days, symptoms of the last 21"
            .into(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(summary(tx, call))),
    }
}

async fn summary(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (student, now) = (call.id()?, tx.ctx.env.now());
    tx.on_row(student);
    tx.about(student);
    let people = briefs(tx, &[student]).await?;
    let Some(person) = people.get(&student.to_string()) else { return Err(Error::NotFound) };
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.check_in_at DESC), '[]') FROM ( \
           SELECT v.id, v.school_id, s.name AS school, v.check_in_at, v.check_out_at, v.chief_complaint_code, v.disposition, v.status, \
             v.class_minutes_missed, v.minutes_estimated \
           FROM school.clinic_visits v JOIN school.schools s ON s.id = v.school_id \
           WHERE v.student_id = $1 AND v.status <> 'VOIDED' ORDER BY v.check_in_at DESC, v.id LIMIT $2) v"
    );
    let visits = crate::told(tx, sql, &[&student, &VISITS]).await?;
    let sql = sql!(
        "SELECT jsonb_build_object('days', $3::int, 'visits', count(*), \
           'class_minutes_missed', coalesce(sum(v.class_minutes_missed), 0), \
           'estimated', coalesce(bool_or(v.minutes_estimated AND v.class_minutes_missed > 0), false)) \
         FROM school.clinic_visits v JOIN school.schools s ON s.id = v.school_id \
         WHERE v.student_id = $1 AND v.status <> 'VOIDED' \
           AND v.visit_on > ($2::timestamptz AT TIME ZONE s.timezone::text)::date - $3::int"
    );
    let counted = crate::told(tx, sql, &[&student, &now, &DAYS]).await?;
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(y) ORDER BY y.onset_on DESC), '[]') FROM ( \
           SELECT y.id, y.onset_on, y.syndrome, y.symptoms, y.case_class, y.disease_code, y.source, y.absent \
           FROM school.symptom_tracking y JOIN school.schools s ON s.id = y.school_id \
           WHERE y.student_id = $1 AND y.case_class <> 'RULED_OUT' \
             AND y.onset_on > ($2::timestamptz AT TIME ZONE s.timezone::text)::date - $3::int ORDER BY y.onset_on DESC, y.id LIMIT 20) y"
    );
    let symptoms = crate::told(tx, sql, &[&student, &now, &SYMPTOM_DAYS]).await?;
    let told: Value = json!({"student": person, "visits": visits, "counted": counted, "symptoms": symptoms,
                             "symptom_days": SYMPTOM_DAYS});
    Ok(Reply::json(told))
}
