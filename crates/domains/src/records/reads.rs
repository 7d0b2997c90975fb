//! The chart: what a clinician needs of one patient, in one call and a handful of statements that travel together; all
//! measurements page by page, and one of them over time.

use super::sections::{COUNTS, RESULTS, SECTIONS, SHOWN, SOURCES, Section, Series, VITAL_SIGNS};
use salus_core::{Error, Result, text};
use salus_store::{Call, Method, Op, Param, Record, Reply, Tx, run};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Values of one measurement that a trend shows: the newest ones.
const TREND: usize = 1000;
const VITAL_TREND: &str = "t.patient_id = $1 AND t.code = $2 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.measured_on DESC, t.measured_at DESC NULLS LAST, t.id DESC LIMIT 1001";
const RESULT_TREND: &str = "t.patient_id = $1 AND t.code = $2 AND t.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED') ORDER BY t.collected_on DESC NULLS LAST, t.collected_at DESC NULLS LAST, t.id DESC LIMIT 1001";

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str| Param { name: name.into(), doc: doc.into(), schema: json!({"type": "string"}) };
    vec![
        Op {
            params: vec![param(
                "sections",
                "Sections to read, joined by commas; all when absent. Patient and counts are always answered",
            )],
            ..read(
                "chart",
                "/api/v1/records/patients/{id}/chart",
                "What is known of one patient: the newest of every kind of fact, with counts",
                |tx, call| Box::pin(chart(tx, call)),
            )
        },
        Op {
            params: vec![
                param("section", "results, which it is when absent, or vital_signs"),
                param("cursor", "The value of next from the page before"),
            ],
            ..read(
                "measured",
                "/api/v1/records/patients/{id}/measurements",
                "Vital signs or results of one patient, 50 at a time by name, each with its 12 newest values",
                |tx, call| Box::pin(measurements(tx, call)),
            )
        },
        Op {
            params: vec![param("code", "Code of the vital sign or laboratory test")],
            ..read(
                "trend",
                "/api/v1/records/patients/{id}/trend",
                "The 1,000 newest values of one measurement of one patient, oldest first; more tells that there are older ones",
                |tx, call| Box::pin(trend(tx, call)),
            )
        },
    ]
}

fn read<F>(verb: &str, path: &str, summary: &str, work: F) -> Op
where
    F: for<'a> Fn(&'a mut Tx, Call) -> futures_util::future::BoxFuture<'a, Result<Reply>> + Send + Sync + 'static,
{
    Op {
        method: Method::Get,
        path: path.to_owned(),
        name: format!("records.fact.{verb}"),
        permission: "records.fact.read",
        summary: summary.to_owned(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(work),
    }
}

/// The sections a call asks for.
fn wanted(call: &Call) -> Result<Vec<&'static str>> {
    let single = SECTIONS.iter().map(|s| s.name);
    let all: Vec<&str> = single.chain([VITAL_SIGNS.name, RESULTS.name, "sources"]).collect();
    let Some(asked) = call.query_value("sections") else { return Ok(all) };
    let asked: Vec<&str> = asked.split(',').collect();
    match asked.iter().find(|name| !all.contains(name)) {
        Some(_) => Err(Error::invalid("sections", "unknown_section", format!("Names some of: {}", all.join(", ")))),
        None => Ok(all.into_iter().filter(|name| asked.contains(name)).collect()),
    }
}

async fn chart(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (patient, wanted) = (call.id()?, wanted(&call)?);
    let who = tx.get("medical.patients", patient, &[]).await?;
    let (mut sections, mut more, mut lines) = (Map::new(), Map::new(), Map::new());
    // Documents have a permission of their own; without it the section is not there, which is not the same as empty.
    let may = |s: &&Section| s.name != "documents" || tx.ctx.may("records.document.read");
    let open: Vec<&Section> = SECTIONS.iter().filter(|s| wanted.contains(&s.name)).filter(may).collect();
    for section in open {
        let mut rows = tx.select(section.table, section.fields, section.tail, &[&patient]).await?;
        more.insert(section.name.to_owned(), Value::Bool(rows.len() > SHOWN));
        rows.truncate(SHOWN);
        sections.insert(section.name.to_owned(), json!(rows));
    }
    for series in [VITAL_SIGNS, RESULTS].iter().filter(|s| wanted.contains(&s.name)) {
        let page = measured(tx, series, patient, None).await?;
        more.insert(series.name.to_owned(), Value::Bool(page.last.is_some()));
        lines.insert(series.name.to_owned(), page.lines.into());
        sections.insert(series.name.to_owned(), json!(page.rows));
    }
    let mut reply = json!({"patient": who, "sections": sections, "lines": lines, "more": more});
    if wanted.contains(&"sources") {
        reply["sources"] = sources(tx, patient).await?;
    }
    reply["counts"] = counts(tx, patient).await?;
    Ok(Reply::json(reply))
}

async fn counts(tx: &mut Tx, patient: Uuid) -> Result<Value> {
    let row = tx.query_opt(COUNTS, &[&patient]).await?.ok_or_else(|| Error::internal("no counts"))?;
    let shown = |name: &str| name != "documents" || tx.ctx.may("records.document.read");
    let counts = row.columns().iter().filter(|c| shown(c.name()));
    Ok(Value::Object(counts.map(|c| (c.name().to_owned(), json!(row.get::<_, i64>(c.name())))).collect()))
}

/// The sources of the record: a repository has a name, a kind of source only itself.
async fn sources(tx: &mut Tx, patient: Uuid) -> Result<Value> {
    let held = tx.query(SOURCES, &[&patient]).await?;
    let named = tx
        .select("medical.patient_repositories", &["name", "kind"], "t.patient_id = $1 ORDER BY t.id", &[&patient])
        .await?;
    let mut out = Vec::with_capacity(held.len());
    for row in held {
        let of = row.get::<_, Option<Uuid>>("repository_id");
        let repository = named.iter().find(|r| of.is_some() && r.id() == of);
        let last: OffsetDateTime = row.get("last_at");
        out.push(json!({
            "name": repository.map(|r| r.text("name")),
            "kind": repository.map(|r| r.text("kind")).or(row.get("kind")),
            "facts": row.get::<_, i64>("facts"),
            "last_at": last.format(&Rfc3339).map_err(Error::internal)?,
        }));
    }
    Ok(out.into())
}

/// Some lines of measurements and their newest values.
struct Measured {
    /// Code, name, and how many values there are.
    lines: Vec<Value>,
    /// Line by line, newest first.
    rows: Vec<Record>,
    /// The place of the last line, when others follow it.
    last: Option<String>,
}

/// What is known of a line before its values are read: its place in the order, key, name, values.
type Line = (String, String, String, i64);

/// The lines after a place. They are few for each patient, so that all are found and put into the order of people's
/// words here, which no index has.
async fn measured(tx: &mut Tx, series: &Series, patient: Uuid, after: Option<&str>) -> Result<Measured> {
    let of = |row: &salus_store::Row| -> Line {
        let (key, name): (String, String) = (row.get("key"), row.get("name"));
        (format!("{}\u{1}{key}\u{1}", text::fold(&name)), key, name, row.get("held"))
    };
    let mut lines: Vec<Line> = tx.query(series.lines, &[&patient]).await?.iter().map(of).collect();
    lines.sort();
    lines.retain(|(place, ..)| after.is_none_or(|after| place.as_str() > after));
    let last = lines.get(SHOWN).and(lines.get(SHOWN - 1)).map(|(place, ..)| place.clone());
    lines.truncate(SHOWN);
    let keys: Vec<&str> = lines.iter().map(|(_, key, ..)| key.as_str()).collect();
    let mut rows = tx.select(series.table, series.fields, series.tail, &[&patient, &keys]).await?;
    let line_of = |row: &Record| keys.iter().position(|key| *key == key_of(row));
    rows.sort_by_cached_key(line_of);
    let lines = lines.iter().map(|(_, key, name, held)| {
        let code = Some(key).filter(|key| !key.starts_with(' '));
        json!({"code": code, "display": name, "values": held})
    });
    Ok(Measured { lines: lines.collect(), rows, last })
}

/// The line a value belongs to, as the statements of [`Series`] say it.
fn key_of(row: &Record) -> String {
    match row.text("code") {
        "" if row.text("display").is_empty() => format!(" {}", row.text("original_display")),
        "" => format!(" {}", row.text("display")),
        code => code.to_owned(),
    }
}

async fn measurements(tx: &mut Tx, call: Call) -> Result<Reply> {
    let patient = call.id()?;
    let asked = call.query_value("section").unwrap_or(RESULTS.name);
    let known = [VITAL_SIGNS, RESULTS];
    let series = known
        .iter()
        .find(|s| s.name == asked)
        .ok_or_else(|| Error::invalid("section", "unknown_section", "Is vital_signs or results"))?;
    // A patient of another tenant is not there.
    tx.get("medical.patients", patient, &["id"]).await?;
    // A name may stand in the place, so it is sealed like the cursor of any list.
    let purpose = format!("records.measured {} {patient}", series.name);
    let after = match call.query_value("cursor") {
        None => None,
        Some(cursor) => Some(tx.open_handle(&purpose, cursor)?.ok_or_else(|| {
            Error::invalid("cursor", "not_a_cursor", "Is not a cursor of this list: start again without it")
        })?),
    };
    let page = measured(tx, series, patient, after.as_deref()).await?;
    let next = page.last.map(|place| tx.seal_handle(&purpose, &place)).transpose()?;
    Ok(Reply::json(json!({"lines": page.lines, "rows": page.rows, "next": next})))
}

async fn trend(tx: &mut Tx, call: Call) -> Result<Reply> {
    let patient = call.id()?;
    let code = call.query_value("code").unwrap_or_default().to_owned();
    if code.is_empty() {
        return Err(Error::invalid("code", "required", "Name the code of a vital sign or laboratory test"));
    }
    let who = tx
        .get("medical.patients", patient, &["family_name", "given_names", "birth_date", "sex", "mrn", "pseudonym"])
        .await?;
    let mut vitals = tx.select("records.vital_signs", VITAL_SIGNS.fields, VITAL_TREND, &[&patient, &code]).await?;
    let mut results = tx.select("records.lab_results", RESULTS.fields, RESULT_TREND, &[&patient, &code]).await?;
    let more = vitals.len() > TREND || results.len() > TREND;
    for values in [&mut vitals, &mut results] {
        values.truncate(TREND);
        values.reverse();
    }
    Ok(Reply::json(json!({"patient": who, "code": code, "vital_signs": vitals, "results": results, "more": more})))
}
