//! What a student and their family see and do of school health themselves: the doses that were given at school, and exemptions that
//! they submit for somebody of the school to decide about (decision 169). Notes, reasons and who gave a dose are the clinic's.

use super::immunization::exemptions::{self, EXEMPTIONS};
use crate::told;
use salus_core::{Error, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Tx, catalog::write_schema, run, sql};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

/// How far back doses are shown.
const BACK: Duration = Duration::days(60);
/// Most that are shown: ten a day.
const DOSES: i64 = 600;
/// What a family says of an exemption; what the school knows besides is the school's to add.
const SAID: [&str; 6] = ["kind", "vaccine_groups", "issuer", "number", "valid_from", "valid_until"];

/// The doses of a student.
pub(super) fn read() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/students/{id}/doses-given".into(),
        name: "school.dose.given".into(),
        permission: "school.dose.read",
        summary: "What came of a student's medication at school in the last 60 days, newest first, for the student and their family"
            .into(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(given(tx, call))),
    }
}

async fn given(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (student, now) = (call.id()?, tx.ctx.env.now());
    let person = tx.get("medical.patients", student, &["pseudonym", "family_name", "given_names"]).await?;
    tx.about(student);
    tx.on_row(student);
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(jsonb_build_object('medication', d.medication, 'outcome', d.outcome, 'dose', d.dose_given, \
             'unit', d.unit, 'at', d.at, 'was_corrected', d.error_flag) ORDER BY d.at DESC), '[]') FROM ( \
           SELECT a.medication::text AS medication, a.outcome::text AS outcome, a.dose_given::text AS dose_given, o.dose_unit::text AS unit, \
             coalesce(a.administered_at, a.scheduled_for) AS at, coalesce(a.error_flag, false) AS error_flag \
           FROM school.medication_administrations a \
           LEFT JOIN school.student_medication_orders o ON o.tenant_id = a.tenant_id AND o.id = a.order_id \
           WHERE a.student_id = $1 AND a.outcome IS NOT NULL AND coalesce(a.administered_at, a.scheduled_for) BETWEEN $2 AND $3 \
           ORDER BY at DESC LIMIT $4) d"
    );
    let doses = told(tx, sql, &[&student, &(now - BACK), &now, &DOSES]).await?;
    tx.count(doses.as_array().map_or(0, Vec::len));
    let sql = sql!(
        "SELECT coalesce((SELECT jsonb_build_object('name', s.name, 'timezone', s.timezone) FROM school.student_profiles p \
           JOIN school.schools s ON s.id = p.school_id WHERE p.patient_id = $1), 'null')"
    );
    let school = told(tx, sql, &[&student]).await?;
    let name = |part: &str| person.text(part).to_owned();
    Ok(Reply::json(json!({
        "student": {"id": student, "pseudonym": name("pseudonym"), "family_name": name("family_name"), "given_names": name("given_names")},
        "school": school, "days": BACK.whole_days(), "doses": doses,
    })))
}

/// Submitting an exemption, and seeing what became of it.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(EXEMPTIONS.table)?;
    let mut schema = write_schema(table, EXEMPTIONS.locked, true);
    if let Some(members) = schema["properties"].as_object_mut() {
        members.retain(|name, _| SAID.contains(&name.as_str()));
    }
    let path = "/api/v1/students/{id}/immunizations/exemption-requests";
    let ask = EXEMPTIONS.action(
        (table, "school.exemption.submit"),
        (Method::Post, "", "ask"),
        (
            "Submit an exemption as the student's family; it counts once the school approved it, and the nurse is told",
            Some(schema),
        ),
        run(|tx, call| Box::pin(ask(tx, call))),
    );
    let asked = Op {
        method: Method::Get,
        path: path.into(),
        name: "school.exemption.asked".into(),
        permission: "school.exemption.submit",
        summary: "The exemptions of a student and what became of them, for the student's family".into(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(asked(tx, call))),
    };
    // The row is the clinic's; the family is told how it stands by the other.
    let output = json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "status": {"type": "string", "enum": ["SUBMITTED"]}}});
    Ok(vec![Op { path: path.into(), target: "medical.patients", output, ..ask }, asked])
}

async fn ask(tx: &mut Tx, call: Call) -> Result<Reply> {
    if let Some(other) = call.body.as_object().and_then(|body| body.keys().find(|name| !SAID.contains(&name.as_str())))
    {
        return Err(Error::invalid(other, "not_allowed", format!("What a family says is {}", SAID.join(", "))));
    }
    let student = call.id()?;
    let made = exemptions::submit(tx, call).await?;
    let id: Uuid = made.text("id").parse().map_err(Error::internal)?;
    let sql = sql!("SELECT school_id FROM school.student_profiles WHERE patient_id = $1");
    let school: Option<Uuid> = tx.query_opt(sql, &[&student]).await?.map(|row| row.get(0));
    tx.emit("school.exemption.submitted", id, json!({ "school": school }));
    Ok(Reply { status: 201, ..Reply::json(json!({"id": id, "status": made.text("status")})) })
}

async fn asked(tx: &mut Tx, call: Call) -> Result<Reply> {
    let student = call.id()?;
    tx.get("medical.patients", student, &["id"]).await?;
    tx.about(student);
    tx.on_row(student);
    let told = exemptions::of_student(tx, student).await?;
    Ok(Reply::json(json!({ "exemptions": told })))
}
