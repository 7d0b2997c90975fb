//! What is done during a visit: treatments with their time and quantity, vital signs, which become facts of the chart, and the doses
//! that were given meanwhile.

use super::{days, doses::TAKEN, visits::VISITS};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Record, Tx, engine::NewRow, sql};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Treatments that a visit may name.
pub const TREATMENTS: [&str; 14] = [
    "REST",
    "ICE_PACK",
    "BANDAGE",
    "WOUND_CARE",
    "PRESSURE_TO_NOSE",
    "FLUIDS",
    "SNACK",
    "GLUCOSE_CARE",
    "INHALER_HELP",
    "WARM_COMPRESS",
    "EYE_RINSE",
    "PAD_GIVEN",
    "COUNSELED",
    "OTHER",
];
/// Most of them in one visit.
const MOST: usize = 40;
/// A clock that is read may be so far off.
const SLACK: Duration = Duration::minutes(5);

/// A vital sign: its name in a body, LOINC code and name, UCUM unit, and the least and most that is believed.
pub struct Sign {
    /// Name in a body and a form.
    pub name: &'static str,
    /// LOINC.
    pub code: &'static str,
    display: &'static str,
    unit: &'static str,
    least: f64,
    most: f64,
}

const fn sign(
    name: &'static str,
    (code, display): (&'static str, &'static str),
    unit: &'static str,
    (least, most): (f64, f64),
) -> Sign {
    Sign { name, code, display, unit, least, most }
}

/// What is measured at a visit besides the temperature. The two of blood pressure are parts of one fact.
pub const SIGNS: [Sign; 7] = [
    sign("heart_rate", ("8867-4", "Heart rate"), "/min", (20.0, 300.0)),
    sign("respiratory_rate", ("9279-1", "Respiratory rate"), "/min", (4.0, 120.0)),
    sign("oxygen_saturation", ("59408-5", "Oxygen saturation by pulse oximetry"), "%", (40.0, 100.0)),
    sign("systolic", ("8480-6", "Systolic blood pressure"), "mm[Hg]", (40.0, 260.0)),
    sign("diastolic", ("8462-4", "Diastolic blood pressure"), "mm[Hg]", (20.0, 200.0)),
    sign("peak_flow", ("19935-6", "Maximum expiratory flow"), "L/min", (20.0, 900.0)),
    sign("glucose", ("41653-7", "Glucose by glucometer"), "mg/dL", (10.0, 1000.0)),
];
/// The fact that holds both numbers of a blood pressure.
pub const BLOOD_PRESSURE: &str = "85354-9";

/// Adds what a visit takes besides its columns to the schema of a body.
pub(super) fn describe(mut schema: Value) -> Value {
    let mut signs: Map<String, Value> = SIGNS
        .iter()
        .map(|s| {
            let doc = format!("{}, {}, {} to {}", s.display, s.unit, s.least, s.most);
            (s.name.to_owned(), json!({"type": ["number", "string"], "description": doc}))
        })
        .collect();
    signs.insert(
        "at".into(),
        json!({"type": "string", "format": "date-time", "description": "When; now when left out"}),
    );
    schema["properties"]["vital_signs"] = json!({"type": "object", "additionalProperties": false, "properties": signs,
        "description": "Vital signs that were taken; they become facts of the chart, named by vital_sign_ids"});
    schema
}

/// What a body says of vital signs, taken out of it.
pub(super) struct Measured {
    at: Option<OffsetDateTime>,
    values: Vec<(&'static Sign, String)>,
}

/// Takes the vital signs out of a body.
///
/// # Errors
/// [`Error::Invalid`] for one that is unknown, no number, or not to be believed.
pub(super) fn measured(body: &mut Value) -> Result<Option<Measured>> {
    let Some(said) = body.as_object_mut().and_then(|body| body.remove("vital_signs")) else { return Ok(None) };
    if said.is_null() {
        return Ok(None);
    }
    let Value::Object(mut said) = said else {
        return Err(Error::invalid("vital_signs", "wrong_type", "Is an object such as {\"heart_rate\": 88}"));
    };
    let at = clock::read(&said.remove("at").unwrap_or(Value::Null), "vital_signs")?;
    let mut values = Vec::new();
    for (name, value) in said {
        let Some(sign) = SIGNS.iter().find(|s| s.name == name) else {
            let known: Vec<&str> = SIGNS.iter().map(|s| s.name).collect();
            return Err(Error::invalid(&name, "not_allowed", format!("Is none of: {}", known.join(", "))));
        };
        let text = match &value {
            Value::Null => continue,
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.len() <= 7;
        let Some(number) = text.parse::<f64>().ok().filter(|_| plain) else {
            return Err(Error::invalid(sign.name, "wrong_type", "Is a number such as 88"));
        };
        if number < sign.least || number > sign.most {
            let message = format!("Must be {} to {} {}: measure again", sign.least, sign.most, sign.unit);
            return Err(Error::invalid(sign.name, "not_plausible", message));
        }
        values.push((sign, text));
    }
    values.sort_by_key(|(sign, _)| SIGNS.iter().position(|s| s.name == sign.name));
    let value = |name: &str| values.iter().find(|(s, _)| s.name == name).and_then(|(_, text)| text.parse::<f64>().ok());
    match (value("systolic"), value("diastolic")) {
        (Some(_), None) => Err(Error::invalid("diastolic", "required", "A blood pressure has both numbers")),
        (None, Some(_)) => Err(Error::invalid("systolic", "required", "A blood pressure has both numbers")),
        (Some(high), Some(low)) if low >= high => {
            Err(Error::invalid("diastolic", "not_plausible", "Is lower than the systolic: measure again"))
        }
        _ => Ok((!values.is_empty()).then_some(Measured { at, values })),
    }
}

/// When a visit was, as far as is known.
struct Span {
    student: Uuid,
    school: Uuid,
    from: OffsetDateTime,
    /// Its end, or now.
    to: OffsetDateTime,
}

fn span(tx: &Tx, values: &Map<String, Value>, before: Option<&Record>) -> Result<Span> {
    let said = |name: &str| values.get(name).or_else(|| before?.get(name)).cloned().unwrap_or(Value::Null);
    let id = |name: &str| said(name).as_str().unwrap_or_default().parse::<Uuid>().map_err(Error::internal);
    let now = tx.ctx.env.now();
    let from = clock::read(&said("check_in_at"), "check_in_at")?.unwrap_or(now);
    let to = clock::read(&said("check_out_at"), "check_out_at")?.unwrap_or(now);
    Ok(Span { student: id("student_id")?, school: id("school_id")?, from, to })
}

impl Span {
    fn holds(&self, at: OffsetDateTime) -> bool {
        at >= self.from - SLACK && at <= self.to + SLACK
    }
}

/// Fills in and checks what a body says was done, and makes facts of what was measured.
///
/// # Errors
/// [`Error::Invalid`] naming what is wrong.
pub(super) async fn settle(
    tx: &mut Tx,
    values: &mut Map<String, Value>,
    before: Option<&Record>,
    measured: Option<Measured>,
) -> Result<()> {
    let span = span(tx, values, before)?;
    if let Some(said) = values.get("treatments").cloned() {
        let known = before.and_then(|b| b.get("treatments")).and_then(Value::as_array).cloned().unwrap_or_default();
        values.insert("treatments".into(), Value::Array(treatments(tx, &said, &known, &span)?));
    }
    if let Some(measured) = measured {
        let made = keep(tx, &span, measured).await?;
        let ids = before.and_then(|b| b.get("vital_sign_ids")).and_then(Value::as_array).cloned().unwrap_or_default();
        values.insert("vital_sign_ids".into(), ids.into_iter().chain(made).collect());
    }
    Ok(())
}

/// The treatments of a body: each with its code, when, by whom and how much. Who did one is whoever says it first.
fn treatments(tx: &Tx, said: &Value, known: &[Value], span: &Span) -> Result<Vec<Value>> {
    let wrong = |code: &'static str, message: String| Error::invalid("treatments", code, message);
    let list = said.as_array().ok_or_else(|| wrong("wrong_type", "Is a list of {code, at, qty}".into()))?;
    if list.len() > MOST {
        return Err(wrong("too_many", format!("Are at most {MOST} in a visit")));
    }
    let own = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    let mut all = Vec::with_capacity(list.len());
    for one in list {
        let object =
            one.as_object().ok_or_else(|| wrong("wrong_type", "Each is an object of code, at and qty".into()))?;
        if let Some(other) = object.keys().find(|name| !["code", "at", "by", "qty"].contains(&name.as_str())) {
            return Err(wrong("not_allowed", format!("{other} is none of code, at, qty")));
        }
        let code = one["code"].as_str().unwrap_or_default();
        if !TREATMENTS.contains(&code) {
            return Err(wrong("not_allowed", format!("The code of a treatment is one of: {}", TREATMENTS.join(", "))));
        }
        let at = clock::read(&one["at"], "treatments")?.unwrap_or(span.to);
        if !span.holds(at) {
            return Err(wrong("time_order", "A treatment was given during the visit: correct its time".into()));
        }
        let at = clock::text(at)?;
        let qty =
            quantity(&one["qty"]).ok_or_else(|| wrong("wrong_type", "A quantity is a number such as 2".into()))?;
        let same = known.iter().find(|k| k["code"] == json!(code) && k["at"] == json!(at));
        let by = same.map_or(json!(own), |known| known["by"].clone());
        if !one["by"].is_null() && one["by"] != by {
            return Err(wrong("not_writable", "Who gave a treatment is filled by the server: leave by out".into()));
        }
        all.push(json!({"code": code, "at": at, "by": by, "qty": qty}));
    }
    Ok(all)
}

/// A quantity as a number above nothing; null where none is said.
fn quantity(said: &Value) -> Option<Value> {
    let number = match said {
        Value::Null => return Some(Value::Null),
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number > 0.0 && number <= 10_000.0).then(|| json!(number))
}

/// Puts what was measured into the chart; the ids of the facts.
async fn keep(tx: &mut Tx, span: &Span, measured: Measured) -> Result<Vec<Value>> {
    let at = measured.at.unwrap_or(span.to);
    if !span.holds(at) {
        let message = "Vital signs were taken during the visit: correct their time";
        return Err(Error::invalid("vital_signs", "time_order", message));
    }
    let day = days::of(tx, span.school, at).await?.to_string();
    let instant = clock::text(at)?;
    let (pressure, single): (Vec<_>, Vec<_>) =
        measured.values.into_iter().partition(|(s, _)| matches!(s.name, "systolic" | "diastolic"));
    let mut facts: Vec<Map<String, Value>> = single
        .into_iter()
        .map(|(s, value)| row(json!({"code": s.code, "display": s.display, "unit": s.unit, "value": value})))
        .collect();
    if !pressure.is_empty() {
        let part = |(s, value): &(&Sign, String)| json!({"code": s.code, "display": s.display, "unit": s.unit, "value": value.parse::<f64>().unwrap_or_default()});
        let parts: Vec<Value> = pressure.iter().map(part).collect();
        facts.push(row(json!({"code": BLOOD_PRESSURE, "display": "Blood pressure", "components": parts})));
    }
    let mut rows = Vec::with_capacity(facts.len());
    for mut values in facts {
        values.extend(row(json!({
            "patient_id": span.student, "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL",
            "measured_on": day, "measured_precision": "MINUTE", "measured_at": instant,
        })));
        rows.push(NewRow { id: tx.ctx.env.id(), values });
    }
    let ids = rows.iter().map(|made| json!(made.id)).collect();
    tx.insert("records.vital_signs", &rows).await?;
    Ok(ids)
}

/// The doses that a student took at a school between two moments.
///
/// # Errors
/// Those of the database.
pub(super) async fn doses_within(
    tx: &mut Tx,
    (student, school): (Uuid, Uuid),
    (from, to): (OffsetDateTime, OffsetDateTime),
) -> Result<Value> {
    let sql = sql!(
        "SELECT id FROM school.medication_administrations WHERE student_id = $1 AND school_id = $2 \
           AND administered_at BETWEEN $3 AND $4 AND outcome = ANY ($5) ORDER BY administered_at, id"
    );
    let found = tx.query(sql, &[&student, &school, &from, &to, &TAKEN.as_slice()]).await?;
    Ok(found.iter().map(|dose| json!(dose.get::<_, Uuid>(0))).collect())
}

/// Names a dose in the visit that had ended when it was recorded, and during which it was taken. A visit that is open names its doses
/// when it ends.
///
/// # Errors
/// Those of the database.
pub(super) async fn join(tx: &mut Tx, (student, school): (Uuid, Uuid), at: OffsetDateTime) -> Result<()> {
    let sql = sql!(
        "SELECT id, check_in_at, check_out_at FROM school.clinic_visits WHERE student_id = $1 AND school_id = $2 \
           AND status IN ('CLOSED', 'AMENDED') AND check_in_at <= $3 AND check_out_at >= $3 FOR NO KEY UPDATE"
    );
    for visit in tx.query(sql, &[&student, &school, &at]).await? {
        let ids = doses_within(tx, (student, school), (visit.get(1), visit.get(2))).await?;
        tx.update(VISITS.table, visit.get(0), None, row(json!({ "medication_administration_ids": ids }))).await?;
    }
    Ok(())
}
