//! Doses of a student as the school writes them down, from a card, a register or the family, or given here; corrected, or
//! marked as entered in error. They are facts of [`crate::records`] like any other, and the student is judged anew at once.

use super::{codes, evaluate, schedules};
use crate::{clock, row, school::days};
use salus_codec::fhir::partial_date;
use salus_core::{Error, Result};
use salus_store::{Call, Catalog, Method, Op, Record, Reply, Resource, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::Date;
use uuid::Uuid;

/// Doses as the school enters them.
const DOSES: Resource = Resource {
    table: "records.immunizations",
    path: "students/{id}/immunizations",
    noun: "school.immunization",
    read: "school.immunization.read",
    write: None,
    filters: &[],
    locked: &[],
    list: &[],
};
/// Where a dose is known from (CDC table NIP001): given here.
const GIVEN_HERE: &str = "00";
/// From elsewhere, and nothing more is known.
const FROM_ELSEWHERE: &str = "01";
/// Letters of a lot.
const LOT: usize = 30;

/// Adding and correcting.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(DOSES.table)?;
    let text = |what: &str| json!({"type": "string", "description": what});
    let source = json!({"type": "string", "enum": ["00", "01", "02", "03", "04", "05", "06", "07", "08"],
        "description": "Where it is known from (CDC NIP001): 00 given here, 01 from elsewhere, 02 another provider, 03 the family's \
            written record, 04 the family's memory, 05 another registry, 06 birth certificate, 07 school record, 08 public agency"});
    let fields = json!({
        "cvx": text("CVX code, such as 03"),
        "given_on": text("Day of the dose, such as 2024-09-14; a month or a year when no more is known"),
        "display": text("The vaccine in words"), "lot": text("Lot number, at most 30 letters; it is sealed"),
        "mvx": text("MVX code of the manufacturer"),
        "expires_on": {"type": "string", "format": "date", "description": "Last day of the lot"},
        "information_source": source,
    });
    let schema = |fields: Value, required: &[&str]| json!({"type": "object", "additionalProperties": false, "required": required, "properties": fields});
    let mut corrected = fields.clone();
    corrected["entered_in_error_reason"] = text("Why the dose should not have been entered; then nothing else is sent");
    let add = DOSES.action(
        (table, "school.immunization.write"),
        (Method::Post, "", "add"),
        ("Write down a dose of a student, given here or elsewhere", Some(schema(fields, &["cvx", "given_on"]))),
        run(|tx, call| Box::pin(add(tx, call))),
    );
    let correct = DOSES.action(
        (table, "school.immunization.write"),
        (Method::Patch, "/{dose}", "correct"),
        ("Correct a dose of a student, or mark it as entered in error", Some(schema(corrected, &[]))),
        run(|tx, call| Box::pin(correct(tx, call))),
    );
    Ok(vec![Op { target: "medical.patients", ..add }, Op { target: "medical.patients", ..correct }])
}

/// What a person enters. Of a correction each is a change.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    cvx: Option<String>,
    given_on: Option<String>,
    display: Option<String>,
    lot: Option<String>,
    mvx: Option<String>,
    expires_on: Option<String>,
    information_source: Option<String>,
    entered_in_error_reason: Option<String>,
}

/// A day, or as much of one as is known.
struct When {
    from: Date,
    /// The last day that it can have been.
    until: Date,
    precision: &'static str,
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        let known = partial_date(text)?;
        let from = clock::date(&known.on)?;
        let until = match known.precision {
            "YEAR" => from.replace_ordinal(time::util::days_in_year(from.year())).ok()?,
            "MONTH" => from.replace_day(from.month().length(from.year())).ok()?,
            _ => from,
        };
        Some(Self { from, until, precision: known.precision })
    }
}

/// The student whose dose it is.
struct Student {
    id: Uuid,
    birth: Option<Date>,
    today: Date,
}

impl Student {
    async fn of(tx: &mut Tx, id: Uuid) -> Result<Self> {
        let person = tx.get("medical.patients", id, &["birth_date"]).await?;
        tx.about(id);
        tx.on_row(id);
        let now = tx.ctx.env.now();
        let today = days::of_student(tx, id, now).await?;
        let today = today.ok_or_else(|| Error::invalid("id", "not_enrolled", "Must name a student of a school"))?;
        Ok(Self { id, birth: clock::date(person.text("birth_date")), today })
    }

    /// A day on which this student can have had a dose.
    fn day(&self, text: &str) -> Result<When> {
        let wrong = || Error::invalid("given_on", "wrong_type", "Is a day such as 2024-09-14, or 2024-09, or 2024");
        let when = When::parse(text.trim()).ok_or_else(wrong)?;
        if when.from > self.today {
            return Err(Error::invalid("given_on", "future_date", "Cannot lie ahead"));
        }
        if self.birth.is_some_and(|birth| when.until < birth) {
            return Err(Error::invalid("given_on", "before_birth", "Lies before the student was born"));
        }
        Ok(when)
    }
}

impl Entry {
    /// The columns that it says something about. `given_here` is what holds after it.
    fn columns(&self, student: &Student, given_here: bool) -> Result<Map<String, Value>> {
        let mut values = Map::new();
        if let Some(cvx) = &self.cvx {
            let cvx = format!("{:02}", codes::form(cvx)?);
            values.insert("code".into(), json!(cvx));
            values.insert("code_system".into(), json!("CVX"));
            values.insert("cvx".into(), json!(cvx));
        }
        if let Some(text) = &self.given_on {
            let when = student.day(text)?;
            if given_here && when.precision != "DAY" {
                let message = "A dose that was given here has its day, such as 2026-03-02";
                return Err(Error::invalid("given_on", "date_imprecise", message));
            }
            values.insert("given_on".into(), json!(when.from.to_string()));
            values.insert("given_precision".into(), json!(when.precision));
        }
        if let Some(lot) = self.lot.as_deref().map(str::trim) {
            if lot.chars().count() > LOT {
                return Err(Error::invalid("lot", "too_long", format!("Has at most {LOT} letters")));
            }
            values.insert("lot".into(), if lot.is_empty() { Value::Null } else { json!(lot) });
        }
        for (name, text) in [("display", &self.display), ("mvx", &self.mvx), ("expires_on", &self.expires_on)] {
            if let Some(text) = text.as_deref().map(str::trim) {
                values.insert(name.into(), if text.is_empty() { Value::Null } else { json!(text) });
            }
        }
        if let Some(source) = &self.information_source {
            values.insert("information_source".into(), json!(source));
        }
        Ok(values)
    }
}

async fn add(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let entry: Entry = call.input()?;
    if entry.entered_in_error_reason.is_some() {
        return Err(Error::invalid("entered_in_error_reason", "not_allowed", "Belongs to a dose that is there"));
    }
    for (field, text) in [("cvx", &entry.cvx), ("given_on", &entry.given_on)] {
        if text.is_none() {
            return Err(Error::invalid(field, "required", "Must be given"));
        }
    }
    let student = Student::of(tx, call.id()?).await?;
    let used = schedules::in_use(tx, None).await?;
    let source = entry.information_source.clone().unwrap_or_else(|| FROM_ELSEWHERE.to_owned());
    let mut values = entry.columns(&student, source == GIVEN_HERE)?;
    let cvx = codes::form(entry.cvx.as_deref().unwrap_or_default())?;
    codes::admitted(tx, cvx, used.as_ref().map(|u| &*u.schedule), source == GIVEN_HERE).await?;
    refuse_second(tx, student.id, &values, None).await?;
    values.extend(row(json!({
        "patient_id": student.id, "status": "COMPLETED", "source_kind": "MANUAL", "verification": "CLINICIAN_ENTERED",
        "information_source": source,
    })));
    let id = tx.ctx.env.id();
    let made = tx.create(DOSES.table, NewRow { id, values }).await?;
    tx.on_row(student.id);
    evaluate::students_on(tx, &[student.id], student.today).await?;
    Ok(Reply::created(made))
}

/// The same vaccine on the same day is one dose that was written down twice.
async fn refuse_second(tx: &mut Tx, student: Uuid, values: &Map<String, Value>, but: Option<Uuid>) -> Result<()> {
    let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(on) = clock::date(text("given_on")) else { return Ok(()) };
    let sql = sql!(
        "SELECT id FROM records.immunizations WHERE patient_id = $1 AND cvx = $2::text AND given_on = $3 \
           AND given_precision = $4::text AND status = 'COMPLETED' AND is_preferred AND id IS DISTINCT FROM $5 LIMIT 1"
    );
    let found = tx.query_opt(sql, &[&student, &text("cvx"), &on, &text("given_precision"), &but]).await?;
    match found.map(|row| row.get::<_, Uuid>(0)) {
        None => Ok(()),
        Some(id) => {
            let detail = format!("This vaccine is on record for {} already, as {id}", text("given_on"));
            Err(Error::Conflict { code: "duplicate_dose", detail })
        }
    }
}

async fn correct(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let entry: Entry = call.input()?;
    let student = Student::of(tx, call.id()?).await?;
    let dose: Uuid = call.path_value("dose").and_then(|text| text.parse().ok()).ok_or(Error::NotFound)?;
    let fields = ["patient_id", "status", "cvx", "given_on", "given_precision", "information_source"];
    let before = tx.get(DOSES.table, dose, &fields).await?;
    if before.text("patient_id") != student.id.to_string() {
        return Err(Error::NotFound);
    }
    if before.text("status") != "COMPLETED" {
        let detail = format!("This dose is {}: only one that was given is corrected", before.text("status"));
        return Err(Error::Conflict { code: "state_conflict", detail });
    }
    let values = match &entry.entered_in_error_reason {
        Some(reason) => in_error(&entry, reason)?,
        None => corrected(tx, &entry, &student, &before).await?,
    };
    let made = tx.update(DOSES.table, dose, call.if_match, values).await?;
    tx.on_row(student.id);
    evaluate::students_on(tx, &[student.id], student.today).await?;
    Ok(Reply::row(made))
}

fn in_error(entry: &Entry, reason: &str) -> Result<Map<String, Value>> {
    let others = [&entry.cvx, &entry.given_on, &entry.display, &entry.lot, &entry.mvx, &entry.expires_on];
    if others.iter().any(|field| field.is_some()) || entry.information_source.is_some() {
        let message = "A dose that is marked as entered in error stays as it was entered: send the reason alone";
        return Err(Error::invalid("entered_in_error_reason", "not_allowed", message));
    }
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 1000 {
        return Err(Error::invalid("entered_in_error_reason", "required", "Say why in at most 1000 characters"));
    }
    Ok(row(json!({"status": "ENTERED_IN_ERROR", "entered_in_error_reason": reason})))
}

async fn corrected(tx: &mut Tx, entry: &Entry, student: &Student, before: &Record) -> Result<Map<String, Value>> {
    let used = schedules::in_use(tx, None).await?;
    let source = entry.information_source.as_deref().unwrap_or_else(|| before.text("information_source"));
    let values = entry.columns(student, source == GIVEN_HERE)?;
    let after = |name: &str| values.get(name).cloned().unwrap_or_else(|| json!(before.text(name)));
    if source == GIVEN_HERE && after("given_precision") != "DAY" {
        let message = "A dose that was given here has its day: send given_on too";
        return Err(Error::invalid("given_on", "date_imprecise", message));
    }
    if entry.cvx.is_some() || entry.information_source.is_some() {
        let cvx = codes::form(after("cvx").as_str().unwrap_or_default())?;
        codes::admitted(tx, cvx, used.as_ref().map(|u| &*u.schedule), source == GIVEN_HERE).await?;
    }
    let names = ["cvx", "given_on", "given_precision"];
    let told = names.into_iter().map(|name| (name.to_owned(), after(name))).collect();
    refuse_second(tx, student.id, &told, before.id()).await?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::When;

    #[test]
    fn as_much_of_a_day_as_is_known() {
        let told = |text: &str| When::parse(text).map(|w| format!("{} {} {}", w.from, w.until, w.precision));
        assert_eq!(told("2024-02-29").unwrap(), "2024-02-29 2024-02-29 DAY");
        assert_eq!(told("2024-02").unwrap(), "2024-02-01 2024-02-29 MONTH");
        assert_eq!(told("2023-12").unwrap(), "2023-12-01 2023-12-31 MONTH");
        assert_eq!(told("2023").unwrap(), "2023-01-01 2023-12-31 YEAR");
        for wrong in ["", "23", "2023-13", "2023-1", "2023-02-30", "2023-02-", "13/03/2021", "20233"] {
            assert!(When::parse(wrong).is_none(), "{wrong}");
        }
    }
}
