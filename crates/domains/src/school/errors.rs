//! Errors with medication: reported with how far they went (categories A to I of the NCC MERP index), told to family and prescriber, and
//! closed by a nurse with what was found. A report is not changed; it is no correction of a dose, which [`super::corrections`] is.

use super::orders;
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Catalog, Method, Op, Record, Reply, Resource, Tx, engine::NewRow, run};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Errors, read as any table and written by the actions below.
pub const ERRORS: Resource = Resource {
    table: "school.medication_errors",
    path: "school/medication-errors",
    noun: "school.medication_error",
    read: "school.med.administer",
    write: None,
    filters: &["student_id", "school_id", "severity", "kind", "closed_at", "happened_at", "administration_id"],
    locked: &[],
    list: &[],
};
/// An error did harm: by its definition in force the alert `medication_harm` tells the nurses of the school.
const HARM: &str = "school.medication_error.harm";
/// What was wrong.
pub const KINDS: [&str; 9] = [
    "WRONG_STUDENT",
    "WRONG_MEDICINE",
    "WRONG_DOSE",
    "WRONG_TIME",
    "WRONG_ROUTE",
    "OMITTED",
    "WITHOUT_ORDER",
    "DOCUMENTATION",
    "OTHER",
];
/// How far it went; from C on it reached the student, from E on it did harm.
const SEVERITIES: [&str; 9] = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
/// How far back an error can be reported.
const BACK: Duration = Duration::days(366);
/// Letters of a text.
const LETTERS: usize = 4000;

/// Reporting, telling and closing.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(ERRORS.table)?;
    let text = |what: &str| json!({"type": "string", "maxLength": LETTERS, "description": what});
    let at = |what: &str| json!({"type": "string", "format": "date-time", "description": what});
    let id = |what: &str| json!({"type": "string", "format": "uuid", "description": what});
    let object = |fields: Value, required: &[&str]| json!({"type": "object", "additionalProperties": false, "required": required, "properties": fields});
    let report = object(
        json!({
            "administration_id": id("The dose it is about; then the student is known"), "student_id": id("The student, when no dose is named"),
            "kind": {"type": "string", "enum": KINDS, "description": "What was wrong"},
            "severity": {"type": "string", "enum": SEVERITIES, "description": "How far it went (NCC MERP): A could have happened, B did not reach the \
                student, C reached without harm, D watched, E to H harm of rising weight, I death"},
            "happened_at": at("When; the time of the dose, or now, when it is left out"),
            "description": text("What happened; sealed"), "action_taken": text("What was done for the student; sealed"),
        }),
        &["kind", "severity", "description"],
    );
    let notice = object(
        json!({
            "who": {"type": "string", "enum": ["GUARDIAN", "PRESCRIBER"], "description": "Who was told"},
            "told_at": at("When; now when it is left out"), "said": text("What they said; sealed"),
        }),
        &["who"],
    );
    let close = object(
        json!({"review": text("What was found, and what is done so that it does not happen again; sealed")}),
        &["review"],
    );
    Ok(vec![
        ERRORS.action((table, "school.med.administer"), (Method::Post, "", "submit"), ("Report an error with medication", Some(report)),
            run(|tx, call| Box::pin(report_one(tx, call)))),
        ERRORS.action((table, "school.med.administer"), (Method::Post, "/{id}/notice", "notice"),
            ("Say that the family or the prescriber was told of an error", Some(notice)), run(|tx, call| Box::pin(told(tx, call)))),
        ERRORS.action((table, "school.med.order"), (Method::Post, "/{id}/close", "close"),
            ("Close an error with what was found; one that reached the student after family and prescriber were told", Some(close)),
            run(|tx, call| Box::pin(close_one(tx, call)))),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    #[serde(default)]
    administration_id: Option<Uuid>,
    #[serde(default)]
    student_id: Option<Uuid>,
    kind: String,
    severity: String,
    #[serde(default)]
    happened_at: Option<String>,
    description: String,
    #[serde(default)]
    action_taken: Option<String>,
}

/// A text that must say something.
fn said(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "required", "Must say something"));
    }
    if text.chars().count() > LETTERS {
        return Err(Error::invalid(field, "too_long", format!("Has at most {LETTERS} letters")));
    }
    Ok(text.to_owned())
}

/// An instant that is over.
fn over(tx: &Tx, field: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>> {
    let at = clock::read(&text.map_or(Value::Null, |text| json!(text)), field)?;
    let now = tx.ctx.env.now();
    match at {
        Some(at) if at > now + Duration::minutes(5) => Err(Error::invalid(field, "future_date", "Cannot lie ahead")),
        Some(at) if at < now - BACK => Err(Error::invalid(field, "too_old", "Lies more than a year back")),
        at => Ok(at),
    }
}

async fn report_one(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let report: Report = call.input()?;
    for (field, value, all) in [("kind", &report.kind, &KINDS), ("severity", &report.severity, &SEVERITIES)] {
        if !all.contains(&value.as_str()) {
            return Err(Error::invalid(field, "not_allowed", format!("Is one of {}", all.join(", "))));
        }
    }
    let description = said("description", &report.description)?;
    let action = report.action_taken.as_deref().filter(|text| !text.trim().is_empty());
    let action = action.map(|text| said("action_taken", text)).transpose()?;
    let asked = over(tx, "happened_at", report.happened_at.as_deref())?;
    let missing = |field: &str| Error::invalid(field, "no_such_record", "Must name one that you can see");
    let (student, school, at) = if let Some(dose) = report.administration_id {
        let fields = ["student_id", "school_id", "administered_at", "scheduled_for"];
        let found = tx.get("school.medication_administrations", dose, &fields).await.map_err(|e| match e {
            Error::NotFound => missing("administration_id"),
            other => other,
        })?;
        let id = |name: &str| found.text(name).parse::<Uuid>().map_err(Error::internal);
        let (student, school) = (id("student_id")?, id("school_id")?);
        if report.student_id.is_some_and(|named| named != student) {
            return Err(Error::invalid("student_id", "mismatch", "Is not that of the dose"));
        }
        let time = ["administered_at", "scheduled_for"].map(|name| found.get(name).cloned().unwrap_or(Value::Null));
        let of_dose = time.iter().find(|v| v.as_str().is_some_and(|t| !t.is_empty()));
        let of_dose = of_dose.map(|v| clock::read(v, "happened_at")).transpose()?.flatten();
        (student, school, of_dose.filter(|at| *at <= tx.ctx.env.now()))
    } else {
        let student = report
            .student_id
            .ok_or_else(|| Error::invalid("student_id", "required", "Name the student or the dose"))?;
        tx.get("medical.patients", student, &["id"]).await.map_err(|e| match e {
            Error::NotFound => missing("student_id"),
            other => other,
        })?;
        let school = orders::school_of(tx, student).await?;
        let school =
            school.ok_or_else(|| Error::invalid("student_id", "not_enrolled", "Must name a student of a school"))?;
        (student, school, None)
    };
    let at = asked.or(at).unwrap_or_else(|| tx.ctx.env.now());
    let by = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    let values = row(json!({
        "student_id": student, "school_id": school, "administration_id": report.administration_id, "kind": report.kind,
        "severity": report.severity, "happened_at": clock::text(at)?, "description": description, "action_taken": action, "reported_by": by,
    }));
    let id = tx.ctx.env.id();
    let made = tx.create(ERRORS.table, NewRow { id, values }).await?;
    if report.severity.as_str() >= "E" {
        tx.emit(HARM, id, json!({ "school": school }));
    }
    Ok(Reply::created(made))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Telling {
    who: String,
    #[serde(default)]
    told_at: Option<String>,
    #[serde(default)]
    said: Option<String>,
}

async fn open(tx: &mut Tx, id: Uuid) -> Result<Record> {
    let fields = ["severity", "happened_at", "guardian_told_at", "prescriber_told_at", "closed_at"];
    let before = tx.get(ERRORS.table, id, &fields).await?;
    if before.text("closed_at").is_empty() {
        return Ok(before);
    }
    Err(Error::Conflict { code: "state_conflict", detail: "This error was closed: nothing is added to it".into() })
}

async fn told(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let notice: Telling = call.input()?;
    let id = call.id()?;
    let before = open(tx, id).await?;
    let whom = match notice.who.as_str() {
        "GUARDIAN" => "guardian",
        "PRESCRIBER" => "prescriber",
        _ => return Err(Error::invalid("who", "not_allowed", "Is GUARDIAN or PRESCRIBER")),
    };
    if !before.text(&format!("{whom}_told_at")).is_empty() {
        let detail = format!("The {whom} was told at {}", before.text(&format!("{whom}_told_at")));
        return Err(Error::Conflict { code: "told_already", detail });
    }
    let at = over(tx, "told_at", notice.told_at.as_deref())?.unwrap_or_else(|| tx.ctx.env.now());
    let happened = clock::read(&json!(before.text("happened_at")), "happened_at")?;
    if happened.is_some_and(|happened| at < happened) {
        return Err(Error::invalid("told_at", "time_order", "Nobody is told before it happened"));
    }
    let words =
        notice.said.as_deref().filter(|text| !text.trim().is_empty()).map(|text| said("said", text)).transpose()?;
    let by = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    let mut values = row(json!({}));
    values.insert(format!("{whom}_told_at"), json!(clock::text(at)?));
    values.insert(format!("{whom}_told_by"), json!(by));
    values.insert(format!("{whom}_said"), json!(words));
    Ok(Reply::row(tx.update(ERRORS.table, id, call.if_match, values).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    review: String,
}

async fn close_one(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let close: Close = call.input()?;
    let id = call.id()?;
    let before = open(tx, id).await?;
    let review = said("review", &close.review)?;
    let waits = ["guardian", "prescriber"].into_iter().find(|whom| before.text(&format!("{whom}_told_at")).is_empty());
    if let Some(whom) = waits.filter(|_| before.text("severity") >= "C") {
        let detail = format!("This error reached the student: say first that the {whom} was told");
        return Err(Error::Conflict { code: "notice_missing", detail });
    }
    let by = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    let values = row(json!({"closed_at": clock::text(tx.ctx.env.now())?, "closed_by": by, "review": review}));
    Ok(Reply::row(tx.update(ERRORS.table, id, call.if_match, values).await?))
}
