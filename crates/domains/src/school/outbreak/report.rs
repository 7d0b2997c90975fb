//! The report to the health department: who is affected, since when and where, in counts, with a line list that names nobody, as
//! an answer or as a file ([`super::printed`]). Names go with it only on a legal basis that is written down, and then every person has a row among the disclosures (FERPA: 34 CFR
//! 99.32(a), 99.36; HIPAA: 45 CFR 164.512(b), 164.528).

use super::{
    board::{Ill, cases, clusters, curve},
    detect::{TABLE, date, noted},
    printed::{FORMATS, Printed},
    settings::Settings,
};
use crate::{
    clock,
    compliance::{Disclosure, Way, disclose},
    paper,
};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Tx, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

/// On what an identified list may rest: code, and what is written among the disclosures.
const BASES: [(&str, &str, &str); 3] = [
    ("FERPA_HEALTH_EMERGENCY", "34 CFR 99.36", "FERPA_EXCEPTION"),
    ("STATE_REPORTING_LAW", "State reporting law", "PUBLIC_HEALTH"),
    ("CONSENT", "34 CFR 99.30 consent", "FERPA_CONSENT"),
];
/// Columns of the line list, without and with names.
const COLUMNS: [&str; 7] = ["row", "age", "grade", "onset_on", "symptoms", "temperature", "case_class"];
const NAMES: [&str; 4] = ["family_name", "given_names", "birth_date", "homeroom"];

/// Building the report.
pub(super) fn action() -> Op {
    let text = |what: &str, most: usize| json!({"type": ["string", "null"], "maxLength": most, "description": what});
    let kinds: Vec<&str> = BASES.iter().map(|(kind, _, _)| *kind).collect();
    let basis = json!({"type": ["object", "null"], "required": ["kind", "text"], "additionalProperties": false, "properties": {
        "kind": {"type": "string", "enum": kinds, "description": "What it rests on"},
        "text": {"type": "string", "minLength": 1, "maxLength": 1000,
                 "description": "The threat to health, the law by its number, or whose consent; it is sealed"}},
        "description": "On what an identified list rests"});
    Op {
        method: Method::Post,
        path: "/api/v1/health/outbreaks/{id}/report".into(),
        name: "school.outbreak.report".into(),
        permission: "school.outbreak.report",
        summary: "Build the report to the health department; names only on a legal basis, each person a disclosure"
            .into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "additionalProperties": false, "properties": {
            "identified": {"type": "boolean", "description": "Whether the line list names the students"},
            "legal_basis": basis,
            "recipient": text("The health department; needed with names", 500),
            "format": {"type": ["string", "null"], "enum": [FORMATS[0], FORMATS[1], FORMATS[2], FORMATS[3], null],
                       "description": "JSON, the answer itself, when it is left out; of the others the answer holds the file. CSV is the line list"},
            "part": {"type": ["string", "null"], "enum": ["REPORT", "LINE_LIST", null],
                     "description": "Of a PDF or XLSX: all of it, or the line list alone"},
            "case_definition": text("What counts as a case; the syndrome's rule when it is left out", 1000),
            "measures": text("What was done", 2000)}})),
        output: json!({"type": "object", "properties": {
            "report": {"type": "object"}, "identified": {"type": "boolean"}, "disclosures": {"type": "integer"},
            "line_list": {"type": ["array", "null"]}, "line_list_csv": {"type": ["string", "null"]}, "file": paper::file_schema()}}),
        run: run(|tx, call| Box::pin(report(tx, call))),
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    identified: bool,
    legal_basis: Option<Basis>,
    recipient: Option<String>,
    case_definition: Option<String>,
    measures: Option<String>,
    format: Option<String>,
    part: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basis {
    kind: String,
    text: String,
}

async fn report(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let alert = tx.get(TABLE, id, &[]).await?;
    let wanted: Wanted = if call.body.is_null() { Wanted::default() } else { call.input()? };
    let settings = Settings::load(tx).await?;
    let open = tx.ctx.may("kernel.phi.read");
    let (format, only_list) = form(&wanted)?;
    // Lines are persons: who may not open records gets the counts only.
    if (wanted.identified || only_list || format == "CSV") && !open {
        return Err(Error::Forbidden("kernel.phi.read".into()));
    }
    let basis = if wanted.identified { Some(legal(&wanted)?) } else { None };
    let all = cases(tx, id).await?;
    let clusters = clusters(tx, id, &settings).await?;
    let cover = cover(tx, &alert, &settings).await?;
    let symptoms = frequency(tx, &settings, &all);
    let vaccinated = vaccinated(tx, &settings, &all).await?;
    let persons = people(tx, &all, wanted.identified).await?;
    let list: Vec<Value> = all.iter().zip(1..).map(|(case, n)| line(case, n, &persons, wanted.identified)).collect();
    let disclosed = match basis {
        Some(basis) => given_out(tx, &alert, &all, basis).await?,
        None => 0,
    };
    // Of a few cases the days of onset would be those of persons.
    let few = settings.told(tx, i64::try_from(all.len()).unwrap_or(i64::MAX)).is_none();
    let document = json!({
        "number": alert.get("number"), "syndrome": alert.get("syndrome"), "disease_code": alert.get("disease_code"),
        "state": alert.get("state"), "level": alert.get("level"), "first_signal_on": alert.get("first_signal_on"), "cases": settings.told(tx, i64::try_from(all.len()).unwrap_or(i64::MAX)),
        "name": alert.get("params").map(|p| &p["detection"]["name"]), "small_cell": settings.small_cell,
        "cover": cover, "case_definition": wanted.case_definition.unwrap_or_else(|| definition(alert.text("syndrome")).to_owned()),
        "measures": wanted.measures, "steps": steps(&alert), "curve": curve(tx, &settings, &all), "attack_rates": clusters,
        "symptoms": symptoms, "onset": if few { Value::Null } else { onset(&all) }, "immunization": vaccinated, "recipient": wanted.recipient,
        "built_at": clock::text(tx.ctx.env.now())?,
    });
    tx.note(json!({"format": format, "line_list_only": only_list, "identified": wanted.identified}));
    let foot = format!("{}\n{}", foot(tx, &alert, wanted.identified).await?, paper::mark(tx).await?);
    let columns: Vec<&'static str> =
        if wanted.identified { COLUMNS.into_iter().chain(NAMES).collect() } else { COLUMNS.to_vec() };
    let printed = Printed {
        report: &document,
        list: open.then_some(list.as_slice()),
        columns: &columns,
        identified: wanted.identified,
        only_list,
        foot: &foot,
        at: tx.ctx.env.now(),
    };
    if format != "JSON" {
        let file = printed.file(format)?;
        return Ok(Reply::json(json!({"identified": wanted.identified, "disclosures": disclosed, "file": file})));
    }
    let csv = if open { json!(printed.csv()?) } else { Value::Null };
    let list = if open { json!(list) } else { Value::Null };
    Ok(Reply::json(json!({"report": document, "identified": wanted.identified, "disclosures": disclosed,
                          "line_list": list, "line_list_csv": csv})))
}

/// Kind, law, purpose, words and recipient.
type Legal = (&'static str, &'static str, &'static str, String, String);

/// Writes down that the cases' names are given out: a disclosure for each, and a note at the alert. How many it were.
async fn given_out(
    tx: &mut Tx,
    alert: &Record,
    cases: &[Ill],
    (kind, law, purpose, words, recipient): Legal,
) -> Result<usize> {
    let ids: Vec<Uuid> = cases.iter().map(|c| c.student).collect();
    let description = format!("Line list of outbreak {}. {words}", alert.text("number"));
    let what = Disclosure {
        way: Way::Api,
        purpose,
        recipient_type: "PUBLIC_HEALTH_AUTHORITY",
        recipient: &recipient,
        information: &["NAME", "BIRTH_DATE", "SYMPTOMS", "ONSET"],
        description: &description,
        basis: law,
        regime: "FERPA",
    };
    disclose(tx, &what, &ids).await?;
    let entry = json!({"at": clock::text(tx.ctx.env.now())?, "by": tx.ctx.actor.id, "legal_basis": kind});
    noted(tx, alert.id().ok_or(Error::NotFound)?, "reports", entry).await?;
    Ok(ids.len())
}

/// The format, and whether the list alone is wanted.
fn form(wanted: &Wanted) -> Result<(&'static str, bool)> {
    let asked = wanted.format.as_deref().unwrap_or("JSON");
    let format = FORMATS.into_iter().find(|f| *f == asked);
    let format =
        format.ok_or_else(|| Error::invalid("format", "not_allowed", format!("Is one of {}", FORMATS.join(", "))))?;
    match wanted.part.as_deref() {
        None | Some("REPORT") => Ok((format, false)),
        Some("LINE_LIST") if format != "JSON" => Ok((format, true)),
        Some("LINE_LIST") => Err(Error::invalid("part", "not_allowed", "Is for a format of PDF, XLSX or CSV")),
        Some(_) => Err(Error::invalid("part", "not_allowed", "Is REPORT or LINE_LIST")),
    }
}

/// What stands at the foot of each page: whether names are in it, when it was made on the clocks of the school, and the request by
/// which the audit log knows it.
async fn foot(tx: &mut Tx, alert: &Record, identified: bool) -> Result<String> {
    let (school, now): (Option<Uuid>, _) = (alert.text("school_id").parse().ok(), tx.ctx.env.now());
    let sql = sql!(
        "SELECT to_char($2::timestamptz AT TIME ZONE s.timezone::text, 'YYYY-MM-DD HH24:MI') || ' ' || s.timezone::text \
         FROM school.schools s WHERE s.is_active AND ($1::uuid IS NULL OR s.id = $1) ORDER BY s.name, s.id LIMIT 1"
    );
    let at: Option<String> = tx.query_opt(sql, &[&school, &now]).await?.map(|row| row.get(0));
    let at = match at {
        Some(at) => at,
        None => clock::text(now)?,
    };
    let kind = if identified { "Confidential, names students" } else { "Without names" };
    Ok(format!("{kind}. Made by Salus, {at}. Request {}", tx.ctx.request))
}

/// What was decided when.
fn steps(alert: &Record) -> Value {
    let steps = alert.get("params").and_then(|p| p["workflow"]["steps"].as_array());
    steps.into_iter().flatten().map(|s| json!({"at": s["at"], "state": s["state"], "reason": s["reason"]})).collect()
}

/// On what an identified list rests, and to whom it goes.
fn legal(wanted: &Wanted) -> Result<Legal> {
    let missing = |message: &str| Error::invalid("legal_basis", "legal_basis_required", message);
    let basis = wanted.legal_basis.as_ref();
    let basis = basis.ok_or_else(|| missing("A list with names needs its legal basis: kind and text"))?;
    let found = BASES.iter().find(|(kind, _, _)| *kind == basis.kind);
    let (kind, law, purpose) = found.ok_or_else(|| {
        let kinds: Vec<&str> = BASES.iter().map(|(kind, _, _)| *kind).collect();
        Error::invalid("legal_basis/kind", "not_allowed", format!("Is one of {}", kinds.join(", ")))
    })?;
    let words = basis.text.trim();
    if words.is_empty() || words.chars().count() > 1000 {
        return Err(missing("Say in text what the threat is, which law asks for it, or who consented"));
    }
    let recipient = wanted.recipient.as_deref().map(str::trim).filter(|r| !r.is_empty());
    let recipient = recipient.ok_or_else(|| Error::invalid("recipient", "required", "Say to whom the names go"))?;
    Ok((kind, law, purpose, words.to_owned(), recipient.to_owned()))
}

/// The schools an alert is about, with their students by grade and their staff.
async fn cover(tx: &mut Tx, alert: &Record, settings: &Settings) -> Result<Value> {
    let school: Option<Uuid> = alert.text("school_id").parse().ok();
    let sql = sql!(
        "SELECT s.id, jsonb_build_object('name', s.name, 'nces_id', s.nces_id, 'contact', s.phone, \
           'staff', (SELECT count(DISTINCT t.user_id) FROM school.school_staff t WHERE t.school_id = s.id AND t.ended_on IS NULL)) \
         FROM school.schools s WHERE s.is_active AND ($1::uuid IS NULL OR s.id = $1) ORDER BY s.name, s.id"
    );
    let mut schools: Vec<(Uuid, Value)> =
        tx.query(sql, &[&school]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let sql = sql!(
        "SELECT school_id, grade::text, count(*) FROM school.student_profiles WHERE enrollment_status = 'ENROLLED' \
           AND ($1::uuid IS NULL OR school_id = $1) GROUP BY 1, 2 ORDER BY 1, 2"
    );
    let mut grades: BTreeMap<Uuid, Vec<(String, i64)>> = BTreeMap::new();
    for row in tx.query(sql, &[&school]).await? {
        grades.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    for (id, told) in &mut schools {
        let here = grades.remove(id).unwrap_or_default();
        let counts = settings.cells(tx, &here.iter().map(|(_, n)| *n).collect::<Vec<_>>());
        told["students_by_grade"] =
            here.into_iter().zip(counts).map(|((grade, _), n)| json!({"grade": grade, "students": n})).collect();
    }
    Ok(schools.into_iter().map(|(_, told)| told).collect())
}

/// How many cases had which sign.
fn frequency(tx: &Tx, settings: &Settings, cases: &[Ill]) -> Value {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for case in cases {
        for symptom in case.told["symptoms"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            *counts.entry(symptom).or_default() += 1;
        }
    }
    counts.into_iter().map(|(symptom, n)| json!({"symptom": symptom, "cases": settings.told(tx, n)})).collect()
}

/// How the cases stand with immunization, as it was last judged.
async fn vaccinated(tx: &mut Tx, settings: &Settings, cases: &[Ill]) -> Result<Value> {
    let ids: Vec<Uuid> = cases.iter().map(|c| c.student).collect();
    let sql = sql!(
        "SELECT status::text, count(*) FROM school.immunization_evaluations WHERE student_id = ANY($1) GROUP BY 1 ORDER BY 1"
    );
    let found: Vec<(String, i64)> = tx.query(sql, &[&ids]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let counts = settings.cells(tx, &found.iter().map(|(_, n)| *n).collect::<Vec<_>>());
    Ok(found.into_iter().zip(counts).map(|((status, _), n)| json!({"status": status, "cases": n})).collect())
}

/// First, quartiles and last day of onset.
fn onset(cases: &[Ill]) -> Value {
    let mut days: Vec<Date> = cases.iter().filter_map(|c| date(&c.told["onset_on"])).collect();
    days.sort_unstable();
    let at = |part: usize| days.get((days.len().saturating_sub(1) * part + 2) / 4).map(Date::to_string);
    json!({"first": days.first().map(Date::to_string), "lower_quartile": at(1), "median": at(2), "upper_quartile": at(3),
           "last": days.last().map(Date::to_string)})
}

/// Who the cases are, as far as the list tells it.
async fn people(tx: &mut Tx, cases: &[Ill], identified: bool) -> Result<BTreeMap<Uuid, Record>> {
    let ids: Vec<Uuid> = cases.iter().map(|c| c.student).collect();
    let all = ["id", "birth_month", "family_name", "given_names", "birth_date"];
    let fields = if identified { &all[..] } else { &all[..2] };
    let found = tx.select("medical.patients", fields, "t.id = ANY($1)", &[&ids]).await?;
    Ok(found.into_iter().filter_map(|p| Some((p.id()?, p))).collect())
}

/// One line. The age is in whole years by the month of birth.
fn line(case: &Ill, number: i32, persons: &BTreeMap<Uuid, Record>, identified: bool) -> Value {
    let person = persons.get(&case.student);
    let born = person.and_then(|p| date(p.get("birth_month")?));
    let age = born
        .zip(date(&case.told["onset_on"]))
        .map(|(born, on)| on.year() - born.year() - i32::from(u8::from(on.month()) < u8::from(born.month())));
    let mut line = json!({"row": number, "age": age, "grade": case.told["grade"], "onset_on": case.told["onset_on"],
                          "symptoms": case.told["symptoms"], "temperature": case.told["temperature"],
                          "case_class": case.told["case_class"]});
    if identified {
        for name in &NAMES[..3] {
            line[*name] = json!(person.map(|p| p.text(name)));
        }
        line["homeroom"] = case.told["homeroom"].clone();
    }
    line
}

/// What counts as a case of a syndrome, in words.
fn definition(syndrome: &str) -> &'static str {
    match syndrome {
        "ILI" => "Temperature of 37.8 degrees Celsius or more, or fever that was told, with cough or sore throat",
        "GI" => "Vomiting, or two loose stools or more in a day",
        "RASH_FEVER" => "Rash with fever",
        _ => "As the school nurse entered it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_days_on_which_somebody_fell_ill() {
        let ill = |day: u8| Ill { student: Uuid::nil(), told: json!({"onset_on": format!("2026-03-{day:02}")}) };
        let told = onset(&[ill(9), ill(1), ill(2), ill(3), ill(30)]);
        assert_eq!(
            told,
            json!({"first": "2026-03-01", "lower_quartile": "2026-03-02", "median": "2026-03-03",
                                "upper_quartile": "2026-03-09", "last": "2026-03-30"})
        );
        assert_eq!(onset(&[])["median"], Value::Null);
    }
}
