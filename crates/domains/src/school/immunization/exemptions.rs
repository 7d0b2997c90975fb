//! Exemptions: submitted with who says so, and counted once somebody who may has approved them. What was decided stays;
//! an exemption that no longer holds is revoked.

use super::{evaluate, requirements, schedules};
use crate::{clock, row, school::days};
use salus_core::{Error, Result};
use salus_rules::school_entry::ExemptionKind;
use salus_store::{
    Call, Catalog, Method, Op, Record, Reply, Resource, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Exemptions, read as any table and written by the actions below.
pub const EXEMPTIONS: Resource = Resource {
    table: "school.immunization_exemptions",
    path: "school/immunization-exemptions",
    noun: "school.exemption",
    read: "school.immunization.read",
    write: None,
    filters: &["student_id", "status", "kind", "valid_until"],
    locked: &["student_id", "status", "decided_by", "decided_at", "decision_reason"],
    list: &[],
};

/// Submitting and deciding.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(EXEMPTIONS.table)?;
    let mut schema = write_schema(table, EXEMPTIONS.locked, true);
    schema["properties"]["action"] = json!({"type": "string", "enum": ACTIONS,
        "description": "submit when it is left out; approve and reject take exemption_id, and the permission school.exemption.approve"});
    schema["properties"]["exemption_id"] =
        json!({"type": "string", "format": "uuid", "description": "Which one of the student is approved or rejected"});
    schema["properties"]["reason"] = json!({"type": "string", "description": "Why it is rejected; it is sealed"});
    // What an exemption needs is not asked of who decides about one.
    if let Some(members) = schema.as_object_mut() {
        members.remove("required");
    }
    let submit = EXEMPTIONS.action(
        (table, "school.immunization.write"),
        (Method::Post, "", "submit"),
        ("Submit an exemption of a student, which counts once it is approved; or approve or reject one", Some(schema)),
        run(|tx, call| Box::pin(by_action(tx, call))),
    );
    let why = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "description": "Why; it is sealed"}}});
    let decide = |how: (&str, &str), (summary, input): (&str, Option<Value>), run| {
        let how = (Method::Post, how.0, how.1);
        EXEMPTIONS.action((table, "school.exemption.approve"), how, (summary, input), run)
    };
    Ok(vec![
        Op { path: "/api/v1/students/{id}/immunizations/exemptions".into(), target: "medical.patients", ..submit },
        decide(
            ("/{id}/approve", "approve"),
            (
                "Approve an exemption: its document or its number in the state's register must be there, or is given now",
                Some(json!({"type": "object", "additionalProperties": false, "properties": {
                    "number": {"type": "string", "description": "The number in the state's register; it is sealed"},
                    "document_id": {"type": "string", "format": "uuid", "description": "The form or letter, a document of the student"}}})),
            ),
            run(|tx, call| Box::pin(approve(tx, call))),
        ),
        decide(
            ("/{id}/reject", "reject"),
            ("Reject an exemption that was submitted", Some(why.clone())),
            run(|tx, call| Box::pin(refuse(tx, call, ("SUBMITTED", "REJECTED")))),
        ),
        decide(
            ("/{id}/revoke", "revoke"),
            ("End an exemption that was approved", Some(why)),
            run(|tx, call| Box::pin(refuse(tx, call, ("APPROVED", "REVOKED")))),
        ),
    ])
}

/// What may be done with an exemption of a student.
const ACTIONS: [&str; 3] = ["submit", "approve", "reject"];

async fn by_action(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let mut take = |name: &str| call.body.as_object_mut().and_then(|body| body.remove(name)).filter(|v| !v.is_null());
    let action = match take("action") {
        None => "submit",
        Some(said) => ACTIONS
            .into_iter()
            .find(|known| said == *known)
            .ok_or_else(|| Error::invalid("action", "not_allowed", format!("Is one of {}", ACTIONS.join(", "))))?,
    };
    if action == "submit" {
        return Ok(Reply::created(submit(tx, call).await?));
    }
    if !tx.ctx.may("school.exemption.approve") {
        return Err(Error::Forbidden("school.exemption.approve".into()));
    }
    let named =
        take("exemption_id").ok_or_else(|| Error::invalid("exemption_id", "required", "Say which exemption"))?;
    let wrong = || Error::invalid("exemption_id", "no_such_record", "Must name an exemption of this student");
    let exemption: Uuid = named.as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
    let of = tx.get(EXEMPTIONS.table, exemption, &["student_id"]).await.map_err(|e| match e {
        Error::NotFound => wrong(),
        other => other,
    })?;
    if of.text("student_id") != call.id()?.to_string() {
        return Err(wrong());
    }
    let decided = Call { path: vec![("id".into(), exemption.to_string())], ..call };
    let told = if action == "approve" {
        approve(tx, decided).await?
    } else {
        refuse(tx, decided, ("SUBMITTED", "REJECTED")).await?
    };
    // The operation has one status whatever the action.
    Ok(Reply { status: 201, ..told })
}

/// A new exemption of the student at hand, undecided.
pub(in crate::school) async fn submit(tx: &mut Tx, call: Call) -> Result<Record> {
    let student = call.id()?;
    tx.get("medical.patients", student, &["id"]).await?;
    let db = tx.db().clone();
    let mut values = writable(&EXEMPTIONS, db.catalog().table(EXEMPTIONS.table)?, call.body)?;
    let now = tx.ctx.env.now();
    let Some(today) = days::of_student(tx, student, now).await? else {
        return Err(Error::invalid("student_id", "not_enrolled", "Must name a student of a school"));
    };
    accepted(tx, &values, today).await?;
    groups(tx, &values).await?;
    values.insert("student_id".into(), json!(student));
    let id = tx.ctx.env.id();
    let made = tx.create(EXEMPTIONS.table, NewRow { id, values }).await?;
    tx.on_row(student);
    Ok(made)
}

/// A kind that no requirement accepts would never count.
async fn accepted(tx: &mut Tx, values: &Map<String, Value>, today: time::Date) -> Result<()> {
    let name = values.get("kind").and_then(Value::as_str).unwrap_or_default();
    // One that is no kind is refused by its column.
    let Ok(kind) = evaluate::kind(name) else { return Ok(()) };
    let asked = requirements::in_force(tx, today).await?;
    if !asked.is_empty() && !asked.iter().any(|a| a.rule.exemptions.contains(&kind)) {
        let message = "No requirement that is in force accepts this kind of exemption";
        return Err(Error::invalid("kind", "kind_not_allowed_in_state", message));
    }
    Ok(())
}

/// A vaccine group that the schedule does not have would never count.
async fn groups(tx: &mut Tx, values: &Map<String, Value>) -> Result<()> {
    let named = values.get("vaccine_groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if named.is_empty() {
        return Ok(());
    }
    let Some(used) = schedules::in_use(tx, None).await? else {
        let message = "Names of vaccine groups come from the schedule, and none is in use: import one, or leave this empty for all";
        return Err(Error::invalid("vaccine_groups", "no_schedule", message));
    };
    let known: Vec<&str> = used.schedule.groups.iter().map(|g| g.name.as_str()).collect();
    if named.iter().filter_map(Value::as_str).all(|name| known.contains(&name)) {
        return Ok(());
    }
    let message = format!("Are vaccine groups of the schedule: {}", known.join(", "));
    Err(Error::invalid("vaccine_groups", "not_allowed", message))
}

/// What the school knows of an exemption that was submitted without it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    number: Option<String>,
    document_id: Option<Uuid>,
}

async fn approve(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Form { number, document_id } = if call.body.is_null() { Form::default() } else { call.input()? };
    let number = number.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    let before = held(tx, call.id()?, "SUBMITTED").await?;
    let mut values = Map::new();
    for (name, value) in [("number", number.map(Value::from)), ("document_id", document_id.map(|id| json!(id)))] {
        let Some(value) = value else { continue };
        if !before.text(name).is_empty() && before.text(name) != value {
            let message = "Was submitted as something else: reject it, and submit what is right";
            return Err(Error::invalid(name, "not_allowed", message));
        }
        values.insert(name.into(), value);
    }
    let lacks = |name: &str| before.text(name).is_empty() && !values.contains_key(name);
    if lacks("document_id") && lacks("number") {
        let message = "Needs the form or letter, or its number in the register of the state";
        return Err(Error::invalid("document_id", "document_required", message));
    }
    if lacks("number") && of_register(tx, &before).await? {
        let message = "The state takes this exemption from its register alone: submit it with its number there";
        return Err(Error::invalid("number", "register_number_required", message));
    }
    decide(tx, &call, ("APPROVED", Value::Null), values).await
}

/// Whether a requirement for the student's grade takes a medical exemption of that day by its number in the state's register only.
async fn of_register(tx: &mut Tx, exemption: &Record) -> Result<bool> {
    let kind = evaluate::kind(exemption.text("kind"))?;
    if !matches!(kind, ExemptionKind::MedicalPermanent | ExemptionKind::MedicalTemporary) {
        return Ok(false);
    }
    let student: Uuid = exemption.text("student_id").parse().map_err(Error::internal)?;
    let now = tx.ctx.env.now();
    let today = days::of_student(tx, student, now).await?.unwrap_or(now.date());
    let from = clock::date(exemption.text("valid_from")).unwrap_or(today);
    let groups = exemption.get("vaccine_groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let asked = requirements::in_force(tx, today).await?;
    let laws = evaluate::laws(tx, &[student], today).await?;
    Ok(evaluate::law(&laws, student, &asked).asked.iter().any(|a| {
        let covers = groups.is_empty() || groups.iter().any(|g| *g == json!(a.rule.vaccine_group));
        covers && a.rule.exemptions.contains(&kind) && a.rule.register_since.is_some_and(|since| from >= since.0)
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn refuse(tx: &mut Tx, mut call: Call, (from, to): (&str, &str)) -> Result<Reply> {
    let why: Why = call.input()?;
    let reason = why.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 1000 {
        return Err(Error::invalid("reason", "required", "Say why in at most 1000 characters"));
    }
    held(tx, call.id()?, from).await?;
    decide(tx, &call, (to, json!(reason)), Map::new()).await
}

async fn held(tx: &mut Tx, id: Uuid, state: &str) -> Result<Record> {
    let before = tx
        .get(
            EXEMPTIONS.table,
            id,
            &["status", "document_id", "number", "student_id", "kind", "vaccine_groups", "valid_from"],
        )
        .await?;
    if before.text("status") == state {
        return Ok(before);
    }
    let detail = format!("This exemption is {}, not {state}", before.text("status"));
    Err(Error::Conflict { code: "state_conflict", detail })
}

async fn decide(
    tx: &mut Tx,
    call: &Call,
    (to, reason): (&str, Value),
    mut values: Map<String, Value>,
) -> Result<Reply> {
    let now = tx.ctx.env.now();
    values.extend(row(json!({"status": to, "decided_by": tx.ctx.actor.id, "decided_at": clock::text(now)?,
                             "decision_reason": reason})));
    let made = tx.update(EXEMPTIONS.table, call.id()?, call.if_match, values).await?;
    tx.emit("school.exemption.decided", call.id()?, json!({}));
    let student: Uuid = made.text("student_id").parse().map_err(Error::internal)?;
    if let Some(today) = days::of_student(tx, student, now).await? {
        evaluate::students_on(tx, &[student], today).await?;
    }
    Ok(Reply::row(made))
}

/// The exemptions of a student, newest first.
pub(in crate::school) async fn of_student(tx: &mut Tx, student: Uuid) -> Result<Value> {
    let sql = sql!(
        "SELECT id FROM school.immunization_exemptions WHERE student_id = $1 ORDER BY valid_from DESC, id DESC LIMIT 50"
    );
    let ids: Vec<Uuid> = tx.query(sql, &[&student]).await?.iter().map(|row| row.get(0)).collect();
    let fields = [
        "kind",
        "vaccine_groups",
        "issuer",
        "number",
        "document_id",
        "valid_from",
        "valid_until",
        "status",
        "row_version",
    ];
    let rows =
        tx.select(EXEMPTIONS.table, &fields, "t.id = ANY($1) ORDER BY t.valid_from DESC, t.id DESC", &[&ids]).await?;
    Ok(json!(rows))
}
