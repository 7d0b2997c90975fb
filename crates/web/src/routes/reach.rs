//! Whom a user reaches: links to persons, assignments and units, made with a last day and ended.

use super::frame::{Form, PageError, Shown, Visit, by_id, filled, filled_in, html, messages, words};
use crate::pages::{
    form::{Field, FieldMessage, Kind},
    i18n::codes,
    reach::{self, Entry, ReachView, Section},
};
use axum::{
    extract::Path,
    response::{IntoResponse, Redirect},
};
use salus_core::{Error, Result};
use salus_store::{Call, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Date, format_description::well_known::Rfc3339, macros::format_description};

/// Rows shown of each kind.
const SHOWN: &str = "100";
const RELATIONS: [&str; 6] = ["self", "parent", "guardian", "caregiver", "legal_rep", "proxy"];
const PROOFS: [&str; 6] =
    ["ID_DOCUMENT", "BIRTH_CERTIFICATE", "COURT_ORDER", "POWER_OF_ATTORNEY", "SIGNED_AUTHORIZATION", "ATTESTED"];
const ASSIGNMENTS: [&str; 3] = ["care_team", "case", "roster"];

/// One way of reaching persons, as the operations know it.
struct Way {
    kind: &'static str,
    noun: &'static str,
    read: &'static str,
    write: &'static str,
    columns: &'static str,
    /// Fields of the form that are columns.
    taken: &'static [&'static str],
}

const WAYS: [Way; 3] = [
    Way {
        kind: "links",
        noun: "auth.user_person_link",
        read: "auth.user.read",
        write: "auth.user.manage",
        columns: "patient_id,relation,proof,valid_from,valid_to,revoked_at,row_version",
        taken: &["relation", "proof", "proof_note", "contact_id", "valid_from", "valid_to"],
    },
    Way {
        kind: "cases",
        noun: "auth.caseload_assignment",
        read: "auth.assignment.read",
        write: "auth.assignment.write",
        columns: "patient_id,kind,valid_from,valid_to,revoked_at,row_version",
        taken: &["kind", "valid_from", "valid_to"],
    },
    Way {
        kind: "units",
        noun: "auth.user_unit",
        read: "auth.assignment.read",
        write: "auth.assignment.write",
        columns: "organization_id,valid_from,valid_to,row_version",
        taken: &["organization_id", "valid_from", "valid_to"],
    },
];

/// What was sent and refused.
#[derive(Default)]
struct Refused {
    kind: &'static str,
    fields: BTreeMap<String, String>,
    errors: Vec<FieldMessage>,
    general: String,
    /// Contacts of the person, to choose from.
    contacts: Vec<(String, String)>,
}

/// GET `/users/{id}/reach`.
pub async fn show(Path(id): Path<String>, visit: Visit) -> Shown {
    page(&visit, &id, &Refused::default(), String::new()).await
}

async fn page(visit: &Visit, id: &str, refused: &Refused, general: String) -> Shown {
    let user = visit.row("auth.user.get", id, "display_name").await.map_err(|e| visit.error(e))?;
    let mut sections = Vec::new();
    for way in WAYS.iter().filter(|way| visit.ctx.may(way.read)) {
        sections.push(section(visit, way, id, refused).await.map_err(|e| visit.error(e))?);
    }
    let view = ReachView { id: id.to_owned(), name: user.text("display_name").to_owned(), sections, general };
    Ok(html(&reach::render(&view, &visit.shell)))
}

async fn section(visit: &Visit, way: &Way, id: &str, refused: &Refused) -> Result<Section> {
    let query = [("user_id", id), ("limit", SHOWN), ("sort", "-created_at"), ("fields", way.columns)];
    let rows = visit.page(&format!("{}.list", way.noun), &query).await?.rows;
    let units = if way.kind == "units" { units(visit).await? } else { Vec::new() };
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        entries.push(entry(visit, way, row, &units).await?);
    }
    let here = refused.kind == way.kind;
    let nothing = Refused::default();
    let sent = if here { refused } else { &nothing };
    let fields = if visit.ctx.may(way.write) { fields(visit, way, sent, &units) } else { Vec::new() };
    Ok(Section { kind: way.kind.into(), entries, fields, general: sent.general.clone() })
}

async fn entry(visit: &Visit, way: &Way, row: &Record, units: &[(String, String)]) -> Result<Entry> {
    let of = |name: &str| row.text(name).to_owned();
    let label = |prefix: &str, code: &str| codes::label(visit.shell.locale, &format!("{prefix}_{code}")).into_owned();
    let (mut what, mut href) = (of("patient_id"), String::new());
    let how = match way.kind {
        "links" if of("proof").is_empty() => label("link", row.text("relation")),
        "links" => format!("{} · {}", label("link", row.text("relation")), label("proof", row.text("proof"))),
        "cases" => label("assign", row.text("kind")),
        _ => String::new(),
    };
    if way.kind == "units" {
        let unit = of("organization_id");
        what = units.iter().find(|(id, _)| *id == unit).map_or(unit, |(_, name)| name.clone());
    } else if visit.ctx.may("medical.patient.read") {
        // Who does not reach the person sees the id, as who may see no patient does.
        match visit.row("medical.patient.get", &what, "pseudonym").await {
            Ok(person) => {
                href = format!("/patients/{what}");
                person.text("pseudonym").clone_into(&mut what);
            }
            Err(Error::NotFound) => {}
            Err(e) => return Err(e),
        }
    }
    let today = visit.shell.today.as_str();
    let until = row.text("valid_to");
    let holds = row.text("revoked_at").is_empty() && (until.is_empty() || until >= today);
    let version = row.get("row_version").and_then(Value::as_i64).unwrap_or_default();
    Ok(Entry { id: of("id"), version, what, href, how, from: of("valid_from"), until: of("valid_to"), holds })
}

/// The units of the tenant, for who may see them.
async fn units(visit: &Visit) -> Result<Vec<(String, String)>> {
    if !visit.ctx.may("auth.organization.read") {
        return Ok(Vec::new());
    }
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut query = vec![("limit", "200"), ("fields", "name")];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = visit.page("auth.organization.list", &query).await?;
        all.extend(page.rows.iter().map(|r| (r.text("id").to_owned(), r.text("name").to_owned())));
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    all.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(all)
}

fn fields(visit: &Visit, way: &Way, sent: &Refused, units: &[(String, String)]) -> Vec<Field> {
    let (t, locale) = (&visit.shell.t().reach, visit.shell.locale);
    let typed = |name: &str| sent.fields.get(name).map_or("", String::as_str);
    let field = |name: &str, label: &str, kind: Kind| Field::new(name, label, kind, typed(name));
    let labelled = |prefix: &str, all: &[&str]| -> Vec<(String, String)> {
        let of = |code: &&str| codes::label(locale, &format!("{prefix}_{code}")).into_owned();
        all.iter().map(|code| ((*code).to_owned(), of(code))).collect()
    };
    let person = || field("person", t.person, Kind::Text).required().hint(t.person_hint);
    let mut all = match way.kind {
        "links" => {
            let choices = labelled("link", &RELATIONS);
            let relation = Field { choices, ..field("relation", t.relation, Kind::Choice).required() };
            let choices = labelled("proof", &PROOFS);
            let proof = Field { choices, ..field("proof", t.proof, Kind::Choice).hint(t.proof_hint) };
            let kind = if sent.contacts.is_empty() { Kind::Text } else { Kind::Choice };
            let contact =
                Field { choices: sent.contacts.clone(), ..field("contact_id", t.contact, kind).hint(t.contact_hint) };
            vec![person(), relation, proof, field("proof_note", t.proof_note, Kind::Text), contact]
        }
        "cases" => {
            let choices = labelled("assign", &ASSIGNMENTS);
            vec![person(), Field { choices, ..field("kind", t.how, Kind::Choice).required() }]
        }
        _ => {
            let kind = if units.is_empty() { Kind::Text } else { Kind::Choice };
            vec![Field { choices: units.to_vec(), ..field("organization_id", t.unit, kind).required() }]
        }
    };
    let until = field("valid_to", t.until, Kind::Date);
    all.push(field("valid_from", t.from, Kind::Date).hint(t.from_hint));
    all.push(if way.kind == "links" { until.hint(t.until_hint) } else { until });
    // What belongs to the person stands under another name in the form.
    let errors: Vec<FieldMessage> = sent
        .errors
        .iter()
        .map(|e| if e.field == "patient_id" { FieldMessage { field: "person".into(), ..e.clone() } } else { e.clone() })
        .collect();
    // Three forms stand on the page, and a field is known by its name.
    let named = |f: Field| Field { name: format!("{}.{}", way.kind, f.name), ..f };
    all.into_iter().map(|f| named(f.check(&errors))).collect()
}

fn way(visit: &Visit, kind: &str) -> Result<&'static Way, PageError> {
    WAYS.iter().find(|way| way.kind == kind).ok_or_else(|| visit.error(Error::NotFound))
}

/// POST `/users/{id}/reach/{kind}`.
pub async fn make(Path((id, kind)): Path<(String, String)>, Form { visit, fields }: Form) -> Shown {
    let way = way(&visit, &kind)?;
    visit.must(way.write)?;
    let bare = |name: &str| name.strip_prefix(way.kind).and_then(|n| n.strip_prefix('.')).unwrap_or(name).to_owned();
    let fields: BTreeMap<String, String> = fields.into_iter().map(|(name, value)| (bare(&name), value)).collect();
    let mut body = filled_in(&fields, way.taken);
    body["user_id"] = json!(id);
    if way.kind != "units" {
        let person = person(&visit, filled(&fields, "person").unwrap_or_default()).await.map_err(|e| visit.error(e))?;
        body["patient_id"] = json!(person);
    }
    let person = body["patient_id"].as_str().map(str::to_owned);
    match visit.try_call(&format!("{}.create", way.noun), Call { body, ..Call::default() }).await {
        Ok(_) => Ok(Redirect::to(&format!("/users/{id}/reach")).into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. })) => {
            let (errors, general) = messages(visit.shell.locale, &e);
            let contacts = contacts(&visit, person.as_deref()).await.map_err(|e| visit.error(e))?;
            page(&visit, &id, &Refused { kind: way.kind, fields, errors, general, contacts }, String::new()).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// The person of a record number, a pseudonym or an id, for who may see patients; what is none of these stays as it is,
/// and the operation refuses it.
async fn person(visit: &Visit, typed: &str) -> Result<String> {
    if typed.parse::<uuid::Uuid>().is_err() && visit.ctx.may("medical.patient.read") {
        for by in ["mrn", "pseudonym"] {
            let found = visit.page("medical.patient.list", &[(by, typed), ("limit", "1"), ("fields", "id")]).await;
            match found {
                Ok(page) => {
                    if let Some(row) = page.rows.first() {
                        return Ok(row.text("id").to_owned());
                    }
                }
                // A role that is not answered a column cannot look for it either.
                Err(Error::Invalid(_) | Error::Forbidden(_)) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(typed.to_owned())
}

/// The contacts of a person, for who may see them.
async fn contacts(visit: &Visit, person: Option<&str>) -> Result<Vec<(String, String)>> {
    let Some(person) = person.filter(|id| visit.ctx.may("medical.patient.read") && id.parse::<uuid::Uuid>().is_ok())
    else {
        return Ok(Vec::new());
    };
    let query = [("patient_id", person), ("limit", "50"), ("fields", "relationship,name,priority")];
    let rows = visit.page("medical.patient_contact.list", &query).await?.rows;
    let words = |r: &Record| format!("{} {}", r.text("relationship"), r.text("name")).trim().to_owned();
    Ok(rows.iter().map(|r| (r.text("id").to_owned(), words(r))).collect())
}

/// POST `/users/{id}/reach/{kind}/{entry}/end`.
pub async fn end(Path((id, kind, entry)): Path<(String, String, String)>, Form { visit, fields }: Form) -> Shown {
    let way = way(&visit, &kind)?;
    let version = filled(&fields, "version").and_then(|v| v.parse().ok());
    let body = if way.kind == "units" {
        let row = visit.row("auth.user_unit.get", &entry, "valid_from").await.map_err(|e| visit.error(e))?;
        json!({"valid_to": last_day(&visit.shell.today, row.text("valid_from"))})
    } else {
        let now = visit.app.db.env().now().format(&Rfc3339).map_err(|e| visit.error(Error::internal(e)))?;
        json!({"revoked_at": now})
    };
    let call = Call { body, if_match: version, ..by_id(&entry) };
    match visit.try_call(&format!("{}.change", way.noun), call).await {
        Ok(_) => Ok(Redirect::to(&format!("/users/{id}/reach")).into_response()),
        Err(e @ (Error::Invalid(_) | Error::Conflict { .. } | Error::Refused { .. } | Error::Stale)) => {
            let general = words(visit.shell.locale, &e);
            page(&visit, &id, &Refused::default(), general).await
        }
        Err(e) => Err(visit.error(e)),
    }
}

/// The day before today, or the first day for what began today: it cannot end before it began.
fn last_day(today: &str, first: &str) -> String {
    let before = Date::parse(today, format_description!("[year]-[month]-[day]")).ok().and_then(Date::previous_day);
    let before = before.map_or_else(|| today.to_owned(), |day| day.to_string());
    if before.as_str() < first { first.to_owned() } else { before }
}

#[cfg(test)]
mod tests {
    use super::last_day;

    #[test]
    fn a_unit_ends_yesterday_or_on_its_first_day() {
        assert_eq!(last_day("2026-03-01", "2020-01-01"), "2026-02-28");
        assert_eq!(last_day("2026-03-01", "2026-03-01"), "2026-03-01");
    }
}
