//! The list of patients, its search, and the form. What is searched for travels in the body of a POST, because it is
//! health data and addresses are logged; the page that answers has an address with a sealed handle (decision 10).

use super::frame::{Form, PageError, Params, Shown, Visit, by_id, html, messages};
use crate::pages::{
    i18n::{fill, format},
    layout::Flash,
    parts::{Pager, Tone},
    patients::{self, Match, PatientFormView, PatientRow, PatientsView, Search},
};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use salus_core::{
    Error, Result,
    text::{fold, is_ideographic},
};
use salus_store::{Body, Call, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Columns of the form, in the catalogue's names.
const FIELDS: &[&str] = &[
    "family_name",
    "given_names",
    "preferred_name",
    "suffix",
    "birth_date",
    "sex",
    "pronouns",
    "preferred_language",
    "interpreter_needed",
    "deceased_on",
    "mrn",
    "record_regime",
];
/// Matches on a page of what a search found.
const FOUND: &str = "100";
/// Most people of one identifier or telephone number that are looked at; whoever gets more should say more.
const OWNERS: usize = 200;

/// GET `/patients`.
pub async fn list(visit: Visit, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    match get("found") {
        "" => all(visit, get("cursor")).await,
        handle => found(visit, handle, get("cursor")).await,
    }
}

async fn all(visit: Visit, cursor: &str) -> Shown {
    let query: Vec<(&str, &str)> = if cursor.is_empty() { Vec::new() } else { vec![("cursor", cursor)] };
    let page = visit.page("medical.patient.list", &query).await.map_err(|e| visit.error(e))?;
    let pager = Pager {
        first: (!cursor.is_empty()).then(|| "/patients".to_owned()),
        next: page.next.map(|c| format!("/patients?cursor={c}")),
    };
    let rows = page.rows.iter().map(|r| row(r, &visit.shell.today)).collect();
    Ok(html(&patients::render(&PatientsView { rows, pager, ..base(&visit) }, &visit.shell)))
}

fn base(visit: &Visit) -> PatientsView {
    PatientsView {
        pseudonymised: !visit.ctx.may("kernel.phi.read"),
        may_create: visit.ctx.may("medical.patient.write"),
        ..PatientsView::default()
    }
}

/// POST `/patients`.
pub async fn search(Form { visit, fields }: Form) -> Shown {
    remember(&visit, &fields).await
}

/// What was searched for, as it is sealed into the handle.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// Unix time.
    at: i64,
    search: Search,
}

/// What a handle is for: nothing else can be opened as one.
const PURPOSE: &str = "patients.search";
/// How long an answer can be gone back to.
const REMEMBERED_SECONDS: i64 = 15 * 60;
/// Longest text of a field that is searched for.
const LONGEST: usize = 200;

/// Sends the browser to the answer, so that going back or reloading does not send the form again.
async fn remember(visit: &Visit, fields: &BTreeMap<String, String>) -> Shown {
    let get =
        |name: &str| fields.get(name).map(|v| v.trim().chars().take(LONGEST).collect::<String>()).unwrap_or_default();
    let search = Search {
        q: get("q"),
        name: get("name"),
        birth_date: get("birth_date"),
        identifier: get("identifier"),
        phone: get("phone"),
        sex: get("sex"),
        status: get("status"),
    };
    let asked = Asked { at: visit.app.db.env().now().unix_timestamp(), search };
    let text = serde_json::to_string(&asked).map_err(|e| visit.error(Error::internal(e)))?;
    let handle = visit.seal(PURPOSE, &text).await?;
    Ok(Redirect::to(&format!("/patients?found={handle}")).into_response())
}

async fn found(mut visit: Visit, handle: &str, cursor: &str) -> Shown {
    let text = visit.unseal(PURPOSE, handle).await?;
    let asked: Option<Asked> = text.and_then(|text| serde_json::from_str(&text).ok());
    let now = visit.app.db.env().now().unix_timestamp();
    let Some(asked) = asked.filter(|a| now - a.at < REMEMBERED_SECONDS) else {
        // Another person's address and one that is too old are answered alike.
        let text = visit.shell.t().people.search_over.to_owned();
        visit.shell.flash.push(Flash { tone: Tone::Info, text });
        return all(visit, "").await;
    };
    let mut view = PatientsView { searched: true, search: asked.search.clone(), ..base(&visit) };
    match matching(&visit, &asked.search, cursor).await {
        Ok(found) => {
            let base = format!("/patients?found={handle}");
            view.rows = found.rows;
            view.pager.next = found.next.map(|c| format!("{base}&cursor={c}"));
            view.pager.first = (!cursor.is_empty()).then_some(base);
            if found.cut {
                let text = fill(visit.shell.t().people.found_cut, &[("n", &OWNERS.to_string())]);
                visit.shell.flash.push(Flash { tone: Tone::Warn, text });
            }
        }
        Err(e @ Error::Invalid(_)) => view.errors = messages(visit.shell.locale, &e).0,
        Err(e) => return Err(visit.error(e)),
    }
    Ok(html(&patients::render(&view, &visit.shell)))
}

/// One page of what was found.
#[derive(Default)]
struct Found {
    rows: Vec<PatientRow>,
    next: Option<String>,
    /// Whether more people have the identifier or number than were looked at.
    cut: bool,
}

/// The patients that fit, each with why.
async fn matching(visit: &Visit, search: &Search, cursor: &str) -> Result<Found> {
    let mut wanted = search.clone();
    spread(&mut wanted);
    let mut query: Vec<(&str, &str)> = vec![("limit", FOUND)];
    let given =
        [("name", &wanted.name), ("birth_date", &wanted.birth_date), ("sex", &wanted.sex), ("status", &wanted.status)];
    query.extend(given.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (*n, v.as_str())));
    query.extend(Some(("cursor", cursor)).filter(|_| !cursor.is_empty()));
    let mut why: Vec<&str> = Vec::new();
    if !wanted.birth_date.is_empty() {
        why.push("birth_date");
    }
    let mut by_people: Vec<(&str, Vec<String>)> = Vec::new();
    if !wanted.identifier.is_empty() {
        by_people.push(("identifier", with_identifier(visit, &wanted.identifier).await?));
    }
    if !wanted.phone.is_empty() {
        by_people.push(("phone", owners(visit, "medical.patient_telecom.list", ("phone", &wanted.phone)).await?));
    }
    let cut = by_people.iter().any(|(_, people)| people.len() >= OWNERS);
    let mut ids: Option<Vec<String>> = None;
    for (reason, people) in &by_people {
        why.push(reason);
        ids = Some(match ids {
            None => people.clone(),
            Some(held) => held.into_iter().filter(|id| people.contains(id)).collect(),
        });
    }
    if ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Found { cut, ..Found::default() });
    }
    let joined = ids.unwrap_or_default().join(",");
    if !joined.is_empty() {
        query.push(("id.in", &joined));
    }
    let page = visit.page("medical.patient.list", &query).await?;
    let shown = |r: &Record| {
        let by_name = (!wanted.name.is_empty()).then(|| by_name(&wanted.name, r));
        let by = by_name.iter().chain(&why);
        let matched = by.map(|by| Match { by: (*by).to_owned(), text: String::new() }).collect();
        PatientRow { matched, ..row(r, &visit.shell.today) }
    };
    Ok(Found { rows: page.rows.iter().map(shown).collect(), next: page.next, cut })
}

/// Whether the name that was found is written as it was typed or only sounds like it.
fn by_name(typed: &str, record: &Record) -> &'static str {
    let held = ["family_name", "given_names", "preferred_name"].map(|column| fold(record.text(column))).join(" ");
    let begins = |word: &str| held.split(' ').any(|h| h.starts_with(word)) || word.chars().any(is_ideographic);
    if fold(typed).split(' ').all(begins) { "prefix" } else { "sound" }
}

/// Puts the one smart field where its form says it belongs.
fn spread(search: &mut Search) {
    let q = std::mem::take(&mut search.q);
    if q.is_empty() {
        return;
    }
    let digits = q.chars().filter(char::is_ascii_digit).count();
    if let Some(date) = written_date(&q) {
        search.birth_date = date;
    } else if q.starts_with('+')
        || (digits >= 7 && q.chars().all(|c| c.is_ascii_digit() || " ()-.".contains(c)) && q.contains([' ', '(', '-']))
    {
        search.phone = q;
    } else if let Some((name, date)) = name_and_date(&q) {
        (search.name, search.birth_date) = (name, date);
    } else if digits > 0 {
        search.identifier = q;
    } else {
        search.name = q;
    }
}

/// A name with the birth date behind or before it.
fn name_and_date(q: &str) -> Option<(String, String)> {
    let ends = [q.rsplit_once(' '), q.split_once(' ').map(|(first, rest)| (rest, first))];
    let (name, date) = ends.into_iter().flatten().find_map(|(name, date)| Some((name, written_date(date)?)))?;
    let name = name.trim().trim_end_matches(',');
    (!name.is_empty() && !name.contains(|c: char| c.is_ascii_digit())).then(|| (name.to_owned(), date))
}

/// A date as people write it: 1980-02-29, 29.02.1980; with slashes only when day and month cannot be confused.
fn written_date(q: &str) -> Option<String> {
    if format::calendar(q).is_some() && q.len() == 10 {
        return Some(q.to_owned());
    }
    let parts: Vec<u32> = q.split(['.', '/', '-']).map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    let [a, b, year] = parts[..] else { return None };
    let (day, month) = match (a, b) {
        _ if q.contains('.') => (a, b),
        (13..=31, 1..=12) => (a, b),
        (1..=12, 13..=31) => (b, a),
        (a, b) if a == b => (a, b),
        _ => return None,
    };
    ((1..=12).contains(&month) && (1..=31).contains(&day) && year >= 1000)
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Patients with this record number or any other identifier.
async fn with_identifier(visit: &Visit, value: &str) -> Result<Vec<String>> {
    let mut ids: Vec<String> = visit
        .page("medical.patient.list", &[("mrn", value), ("fields", "id")])
        .await?
        .rows
        .iter()
        .map(|r| r.text("id").to_owned())
        .collect();
    ids.extend(owners(visit, "medical.patient_identifier.list", ("value", value)).await?);
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if digits.len() >= 7 && digits.len() == value.len() {
        ids.extend(owners(visit, "medical.patient_telecom.list", ("phone", value)).await?);
    }
    ids.sort();
    ids.dedup();
    ids.truncate(OWNERS);
    Ok(ids)
}

async fn owners(visit: &Visit, op: &str, filter: (&str, &str)) -> Result<Vec<String>> {
    // As many as a page can have, which is as many as a list can be asked for.
    let page = visit.page(op, &[filter, ("fields", "patient_id"), ("limit", "200")]).await?;
    Ok(page.rows.iter().map(|r| r.text("patient_id").to_owned()).collect())
}

/// A row of the list; a caller without the right to names gets pseudonym and age band.
pub fn row(record: &Record, today: &str) -> PatientRow {
    let names = !record.text("family_name").is_empty() || !record.text("given_names").is_empty();
    let text = |name: &str| record.text(name).to_owned();
    let decade = record.text("birth_month").get(..4).and_then(|y| y.parse::<i32>().ok());
    let year = today.get(..4).and_then(|y| y.parse::<i32>().ok());
    let band = decade.zip(year).map(|(born, now)| (now - born).clamp(0, 90) / 10 * 10);
    PatientRow {
        id: text("id"),
        family_name: text("family_name"),
        given_names: text("given_names"),
        preferred_name: text("preferred_name"),
        birth_date: text("birth_date"),
        deceased_on: text("deceased_on"),
        sex: text("sex"),
        mrn: text("mrn"),
        status: text("status"),
        pseudonym: if names { String::new() } else { text("pseudonym") },
        age_band: band.map(|b| if b == 90 { "90+".into() } else { format!("{b}–{}", b + 9) }).unwrap_or_default(),
        ..PatientRow::default()
    }
}

/// GET `/patients/new`.
pub async fn new(visit: Visit) -> Shown {
    visit.must("medical.patient.write")?;
    let view = PatientFormView { offered: offered(), ..PatientFormView::default() };
    Ok(html(&patients::form(&view, &visit.shell)))
}

fn offered() -> Vec<String> {
    FIELDS.iter().map(|f| (*f).to_owned()).collect()
}

/// POST `/patients/new`.
pub async fn create(form: Form) -> Shown {
    save(form, None).await
}

/// GET `/patients/{id}/edit`.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Shown {
    visit.must("medical.patient.write")?;
    let held = visit.row("medical.patient.get", &id, "").await.map_err(|e| visit.error(e))?;
    let value = |name: &&str| match held.get(name) {
        Some(Value::Bool(true)) => Some(((*name).to_owned(), "true".to_owned())),
        Some(Value::String(s)) => Some(((*name).to_owned(), s.clone())),
        _ => None,
    };
    let view = PatientFormView {
        id: Some(id),
        row_version: held.get("row_version").and_then(Value::as_i64),
        values: FIELDS.iter().filter_map(value).collect(),
        offered: offered(),
        ..PatientFormView::default()
    };
    Ok(html(&patients::form(&view, &visit.shell)))
}

/// POST `/patients/{id}/edit`.
pub async fn change(Path(id): Path<String>, form: Form) -> Shown {
    save(form, Some(id)).await
}

async fn save(Form { visit, fields }: Form, id: Option<String>) -> Shown {
    let version: Option<i32> = fields.get("row_version").and_then(|v| v.parse().ok());
    let values = body(&fields, id.is_some());
    let saved = match &id {
        None => visit.try_call("medical.patient.create", Call { body: values, ..Call::default() }).await,
        Some(id) => {
            visit.try_call("medical.patient.change", Call { body: values, if_match: version, ..by_id(id) }).await
        }
    };
    match saved {
        Ok(Body::Row(row)) => Ok(Redirect::to(&format!("/patients/{}", row.text("id"))).into_response()),
        Ok(_) => Err(visit.error(Error::internal("a saved patient is a row"))),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Stale)) => {
            Ok(again(&visit, id, version, fields, &e))
        }
        Err(e) => Err(PageError::from((&visit, e))),
    }
}

/// The form's fields as a body: an empty field is left out of a new record and cleared in an old one.
fn body(fields: &BTreeMap<String, String>, changing: bool) -> Value {
    let mut values = Map::new();
    for name in FIELDS {
        let given = fields.get(*name).map(|v| v.trim()).unwrap_or_default();
        let value = match (*name, given) {
            ("interpreter_needed", given) => json!(matches!(given, "true" | "on" | "1")),
            ("sex" | "record_regime", "") => continue,
            (_, "") if changing => Value::Null,
            (_, "") => continue,
            (_, text) => json!(text),
        };
        values.insert((*name).to_owned(), value);
    }
    Value::Object(values)
}

fn again(
    visit: &Visit,
    id: Option<String>,
    version: Option<i32>,
    fields: BTreeMap<String, String>,
    error: &Error,
) -> Response {
    let (errors, error_text) = messages(visit.shell.locale, error);
    let view = PatientFormView {
        id,
        row_version: version.map(i64::from),
        values: fields,
        offered: offered(),
        errors,
        error: error_text,
        duplicates: Vec::new(),
    };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    (status, html(&patients::form(&view, &visit.shell))).into_response()
}

impl From<(&Visit, Error)> for PageError {
    fn from((visit, error): (&Visit, Error)) -> Self {
        visit.error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smart_field_goes_where_it_belongs() {
        let spread = |q: &str| {
            let mut s = Search { q: q.to_owned(), ..Search::default() };
            super::spread(&mut s);
            s
        };
        assert_eq!(spread("maria silva").name, "maria silva");
        assert_eq!(spread("1980-02-29").birth_date, "1980-02-29");
        assert_eq!(spread("29.02.1980").birth_date, "1980-02-29");
        assert_eq!(spread("2/29/1980").birth_date, "1980-02-29");
        for q in ["maria silva 29.02.1980", "1980-02-29 maria silva", "maria silva, 2/29/1980"] {
            let s = spread(q);
            assert_eq!((s.name.as_str(), s.birth_date.as_str()), ("maria silva", "1980-02-29"), "{q}");
        }
        assert_eq!(spread("ward 3 29.02.1980").identifier, "ward 3 29.02.1980");
        assert_eq!(spread("A-1002").identifier, "A-1002");
        assert_eq!(spread("+55 11 98765-4321").phone, "+55 11 98765-4321");
        assert_eq!(spread("(555) 010-1234").phone, "(555) 010-1234");
        assert_eq!(written_date("03/04/2021"), None, "day and month could be either");
    }
}
