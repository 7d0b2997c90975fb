//! What a nurse looks at: the board of today's clinic, and students with what must be known before anything is typed.
//! Names are opened for the rows that are shown, no others, and each opening is recorded.

use super::days;
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Record, Reply, Tx, run, sql};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Most students in one answer.
const MOST: usize = 50;
/// What is shown of a person.
pub(super) const NAME: [&str; 6] =
    ["pseudonym", "family_name", "given_names", "preferred_name", "birth_date", "birth_month"];

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    let op = |path: &str, verb: &str, summary: &str, param: Param| Op {
        method: Method::Get,
        path: format!("/api/v1/clinic/{path}"),
        name: format!("school.clinic.{verb}"),
        permission: "school.visit.read",
        summary: summary.to_owned(),
        target: "school.clinic_visits",
        params: vec![param],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(board(tx, call))),
    };
    let school = of_school("school_id");
    let ids = Param {
        name: "ids".into(),
        doc: format!(
            "Ids of at most {MOST} patients, joined by commas; those who are in a clinic now when it is left out"
        ),
        schema: json!({"type": "string"}),
    };
    vec![
        op("board", "board", "Today at a school's clinic: who waits, who was there", school),
        Op {
            run: run(|tx, call| Box::pin(students(tx, call))),
            ..op(
                "students",
                "students",
                "Those of the given patients who are enrolled, with grade, allergies and plans; and the schools of the caller",
                ids,
            )
        },
    ]
}

/// The schools the caller works at; all of them for who reaches the whole district.
///
/// # Errors
/// Those of the database.
pub(super) async fn schools(tx: &mut Tx) -> Result<Vec<(Uuid, String)>> {
    let sql = sql!(
        "SELECT s.id, s.name::text FROM school.schools s WHERE s.is_active AND (kernel.is_whole_tenant() OR EXISTS ( \
           SELECT FROM auth.user_units u WHERE u.user_id = kernel.actor() AND u.organization_id = s.organization_id \
             AND u.valid_from <= current_date AND (u.valid_to IS NULL OR u.valid_to >= current_date))) ORDER BY s.name, s.id"
    );
    Ok(tx.query(sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The parameter that names a school.
pub(super) fn of_school(name: &str) -> Param {
    Param {
        name: name.into(),
        doc: "The school; where the caller works when it is left out".into(),
        schema: json!({"type": "string", "format": "uuid"}),
    }
}

/// The school that a call names or else where the caller works, and those to choose among.
///
/// # Errors
/// [`Error::Invalid`] on the parameter when it is no id.
pub(super) async fn chosen(tx: &mut Tx, call: &Call, param: &str) -> Result<(Option<Uuid>, Vec<Value>)> {
    let mine = schools(tx).await?;
    let school = call.query_id(param)?.or_else(|| mine.first().map(|s| s.0));
    Ok((school, mine.iter().map(|(id, name)| json!({"id": id, "name": name})).collect()))
}

async fn board(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (school, all) = chosen(tx, &call, "school_id").await?;
    let Some(school) = school else {
        return Ok(Reply::json(json!({"school": null, "schools": all, "open": [], "ended": []})));
    };
    let now = tx.ctx.env.now();
    let day: Date = days::of(tx, school, now).await?;
    let fields = [
        "student_id",
        "visit_number",
        "check_in_at",
        "check_out_at",
        "chief_complaint_code",
        "disposition",
        "class_minutes_missed",
        "minutes_estimated",
        "head_injury",
        "status",
        "row_version",
    ];
    let visits = tx
        .select(
            "school.clinic_visits",
            &fields,
            "t.school_id = $1 AND t.visit_on = $2 AND t.status <> 'VOIDED' ORDER BY t.check_in_at, t.id",
            &[&school, &day],
        )
        .await?;
    let people: Vec<Uuid> = visits.iter().filter_map(|v| v.text("student_id").parse().ok()).collect();
    let known = briefs(tx, &people).await?;
    let (mut open, mut ended) = (Vec::new(), Vec::new());
    for visit in &visits {
        let mut shown = json!(visit);
        shown["student"] = known.get(visit.text("student_id")).cloned().unwrap_or(Value::Null);
        if visit.text("status") == "OPEN" {
            shown["minutes"] = json!(waited(visit.text("check_in_at"), now));
            open.push(shown);
        } else {
            ended.push(shown);
        }
    }
    ended.reverse();
    Ok(Reply::json(json!({"school": school, "day": day.to_string(), "schools": all, "open": open, "ended": ended})))
}

/// Whole minutes since an instant.
pub(super) fn waited(since: &str, now: OffsetDateTime) -> i64 {
    OffsetDateTime::parse(since, &Rfc3339).map_or(0, |at| (now - at).whole_minutes().max(0))
}

async fn students(tx: &mut Tx, call: Call) -> Result<Reply> {
    let given = call.query_value("ids").unwrap_or_default();
    let mut ids: Vec<Uuid> = given
        .split(',')
        .filter(|id| !id.is_empty())
        .map(|id| id.parse().map_err(|_| Error::invalid("ids", "wrong_type", "Are UUIDs, joined by commas")))
        .collect::<Result<_>>()?;
    if ids.len() > MOST {
        return Err(Error::invalid("ids", "not_allowed", format!("Names at most {MOST} patients")));
    }
    if ids.is_empty() {
        let sql =
            sql!("SELECT student_id FROM school.clinic_visits WHERE status = 'OPEN' ORDER BY check_in_at, id LIMIT 50");
        ids = tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    }
    let known = briefs(tx, &ids).await?;
    let shown: Vec<&Value> = ids.iter().filter_map(|id| known.get(&id.to_string())).collect();
    let mine = schools(tx).await?;
    let mine: Vec<Value> = mine.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    Ok(Reply::json(json!({"data": shown, "schools": mine})))
}

/// What is known of students before anything is typed: name, grade, schools, allergies, plans, whether a court says who may
/// know, and the open visit.
pub(super) async fn briefs(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<String, Value>> {
    let sql = sql!(
        "SELECT p.patient_id, p.grade::text, g.name::text AS homeroom, \
           (SELECT coalesce(jsonb_agg(DISTINCT e.school_id), '[]') FROM school.student_enrollments e \
             JOIN school.schools s ON s.id = e.school_id WHERE e.patient_id = p.patient_id AND (e.exited_on IS NULL \
               OR e.exited_on >= ($2::timestamptz AT TIME ZONE s.timezone::text)::date)) AS schools, \
           (SELECT coalesce(jsonb_agg(DISTINCT h.kind), '[]') FROM school.student_health_plans h \
             WHERE h.student_id = p.patient_id AND h.is_active) AS plans, \
           EXISTS (SELECT FROM medical.patient_contacts c WHERE c.patient_id = p.patient_id AND c.court_restriction IS NOT NULL) AS court, \
           (SELECT v.id FROM school.clinic_visits v WHERE v.student_id = p.patient_id AND v.status = 'OPEN') AS visit \
         FROM school.student_profiles p LEFT JOIN school.class_groups g ON g.id = p.homeroom_id WHERE p.patient_id = ANY($1)"
    );
    let rows = tx.query(sql, &[&ids, &tx.ctx.env.now()]).await?;
    let people = tx.select("medical.patients", &NAME, "t.id = ANY($1)", &[&ids]).await?;
    let names: HashMap<String, &Record> = people.iter().map(|r| (r.text("id").to_owned(), r)).collect();
    let mut allergies = must_not_get(tx, ids).await?;
    let mut out = HashMap::new();
    for row in rows {
        let id = row.get::<_, Uuid>("patient_id").to_string();
        let Some(person) = names.get(&id) else { continue };
        let mut shown: Map<String, Value> =
            NAME.iter().map(|n| ((*n).to_owned(), person.get(n).cloned().unwrap_or(Value::Null))).collect();
        shown.insert("id".into(), json!(id));
        for name in ["grade", "homeroom"] {
            shown.insert(name.into(), json!(row.get::<_, Option<String>>(name)));
        }
        shown.insert("allergies".into(), json!(allergies.remove(&id).unwrap_or_default()));
        for name in ["schools", "plans"] {
            shown.insert(name.into(), row.get(name));
        }
        let court = (!tx.masks("medical.patient_contacts", "court_restriction")).then(|| row.get::<_, bool>("court"));
        shown.insert("court_restriction".into(), json!(court));
        shown.insert("open_visit".into(), json!(row.get::<_, Option<Uuid>>("visit")));
        out.insert(id, Value::Object(shown));
    }
    Ok(out)
}

/// The fields of an allergy that name its substance.
pub(super) const SUBSTANCE: [&str; 4] = ["display", "substance", "original_display", "code"];

/// The allergies that students have by their charts, with the words there are: most are written by hand and sealed.
pub(super) async fn allergies(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Record>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let fields = ["patient_id", "display", "substance", "original_display", "code", "code_system", "class_code"];
    let active = "t.patient_id = ANY($1) AND t.kind = 'SUBSTANCE' AND t.status <> 'ENTERED_IN_ERROR' \
                  AND coalesce(t.clinical_status, 'ACTIVE') = 'ACTIVE' AND t.verification_status IS DISTINCT FROM 'REFUTED' ORDER BY t.id";
    tx.select("records.allergies", &fields, active, &[&ids]).await
}

/// What students must not get, in words.
async fn must_not_get(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<String, Vec<String>>> {
    let mut out: HashMap<String, Vec<String>> = HashMap::new();
    for row in allergies(tx, ids).await? {
        // A substance that may not be opened is an allergy all the same.
        let words = SUBSTANCE.iter().map(|f| row.text(f)).find(|w| !w.is_empty()).unwrap_or("?");
        let known = out.entry(row.text("patient_id").to_owned()).or_default();
        if !known.iter().any(|w| w == words) {
            known.push(words.to_owned());
        }
    }
    Ok(out)
}
