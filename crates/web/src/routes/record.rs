//! The chart and trends.

use super::{
    frame::{PageError, Params, Shown, Visit, by_id, html, text},
    home::{items, json_of, with_query},
};
use crate::pages::{
    clinical::{
        Allergy, Capped, Document, Encounter, Immunization, Measured, Medication, Observation, Origin, Problem,
        Procedure, Reaction,
    },
    parts::Pager,
    record::{self, AllergyBrief, ChartView, PatientHeader, Rights, Section},
    trend::{self, TrendView},
};
use axum::extract::{Path, Query};
use salus_core::Error;
use serde_json::{Value, json};

/// Rows of a section on the summary.
const SHORT: usize = 10;

/// GET `/patients/{id}`.
pub async fn chart(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let reply = json_of(visit.call("records.fact.chart", by_id(&id)).await?);
    let section = query.get("section").cloned().unwrap_or_default();
    let section: Option<Section> = serde_json::from_value(Value::String(section)).ok();
    let (facts, counts) = (&reply["sections"], &reply["counts"]);
    let short = if section.is_none() { SHORT } else { usize::MAX };
    let mut patient = header(&reply["patient"]);
    allergy_line(&mut patient, facts);
    let view = ChartView {
        may: Rights { edit: visit.ctx.may("medical.patient.write"), access: visit.ctx.may("audit.subject.read") },
        section,
        problems: capped(facts, counts, "problems", short, problem),
        medications: capped(facts, counts, "medications", short, medication),
        allergies: capped(facts, counts, "allergies", short, allergy),
        immunizations: capped(facts, counts, "immunizations", short, immunization),
        encounters: capped(facts, counts, "encounters", short, encounter),
        procedures: capped(facts, counts, "procedures", short, procedure),
        documents: capped(facts, counts, "documents", short, document),
        results: measured(facts, counts, "results", short.saturating_mul(2), result),
        vitals: measured(facts, counts, "vital_signs", short, vital),
        sources: Vec::new(),
        patient,
    };
    Ok(html(&record::render(&view, &visit.shell)))
}

/// Who a page is about, from a patient's row.
pub fn header(p: &Value) -> PatientHeader {
    let named = !text(p, "family_name").is_empty() || !text(p, "given_names").is_empty();
    PatientHeader {
        id: text(p, "id"),
        family_name: text(p, "family_name"),
        given_names: text(p, "given_names"),
        preferred_name: text(p, "preferred_name"),
        pseudonym: if named { String::new() } else { text(p, "pseudonym") },
        birth_date: text(p, "birth_date"),
        deceased_on: text(p, "deceased_on"),
        sex: text(p, "sex"),
        mrn: text(p, "mrn"),
        regime: text(p, "record_regime"),
        status: text(p, "status"),
        merged_into: text(p, "merged_into"),
        ..PatientHeader::default()
    }
}

/// Active allergies in the header, or that none are known, or that nobody asked.
fn allergy_line(patient: &mut PatientHeader, facts: &Value) {
    let all = items(facts, "allergies");
    let active =
        |a: &&Value| text(a, "kind") == "SUBSTANCE" && matches!(text(a, "clinical_status").as_str(), "ACTIVE" | "");
    patient.allergies = all
        .iter()
        .filter(active)
        .map(|a| AllergyBrief {
            substance: first(&[text(a, "display"), text(a, "substance")]),
            criticality: text(a, "criticality"),
        })
        .collect();
    if patient.allergies.is_empty() && all.iter().any(|a| text(a, "kind") != "SUBSTANCE") {
        patient.allergy_state = "none_known".into();
    }
}

/// Reads the allergies for the head of a page that shows none itself. One who may not read them is told nothing about
/// them, least of all that there are none.
pub async fn with_allergies(visit: &Visit, mut patient: PatientHeader) -> Result<PatientHeader, PageError> {
    let query = [("patient_id", patient.id.as_str()), ("fields", ALLERGY_FIELDS), ("limit", "200")];
    match visit.page("records.allergy.list", &query).await {
        Ok(page) => {
            let live: Vec<_> = page.rows.iter().filter(|r| r.text("status") != "ENTERED_IN_ERROR").collect();
            allergy_line(&mut patient, &json!({ "allergies": live }));
        }
        Err(Error::Forbidden(_)) => patient.allergy_state = "not_shown".into(),
        Err(e) => return Err(visit.error(e)),
    }
    Ok(patient)
}

const ALLERGY_FIELDS: &str = "kind,clinical_status,display,substance,criticality,status";

fn capped<T>(facts: &Value, counts: &Value, name: &str, most: usize, make: fn(&Value) -> T) -> Capped<T> {
    let rows: Vec<T> = items(facts, name).iter().take(most).map(make).collect();
    Capped { rows, total: counts[name].as_u64().unwrap_or(0), pager: Pager::default() }
}

/// One line an analyte, newest value first, with its series oldest first.
fn measured(
    facts: &Value,
    counts: &Value,
    name: &str,
    most: usize,
    make: fn(&Value) -> Observation,
) -> Capped<Measured> {
    let mut rows: Vec<Measured> = Vec::new();
    for fact in items(facts, name) {
        let (code, display, seen) = (text(&fact, "code"), text(&fact, "display"), make(&fact));
        match rows.iter_mut().find(|m| m.code == code && m.display == display) {
            Some(line) => {
                line.series.insert(0, seen);
                line.count += 1;
            }
            None => rows.push(Measured {
                code,
                display,
                panel: String::new(),
                latest: seen.clone(),
                series: vec![seen],
                count: 1,
            }),
        }
    }
    let total = counts[name].as_u64().unwrap_or(0);
    rows.truncate(most);
    Capped { rows, total, pager: Pager::default() }
}

/// The first text that is not empty.
pub fn first(texts: &[String]) -> String {
    texts.iter().find(|t| !t.is_empty()).cloned().unwrap_or_default()
}

fn origin(f: &Value) -> Origin {
    Origin { label: text(f, "source_kind"), verification: text(f, "verification"), recorded_at: text(f, "recorded_at") }
}

/// A date cut to the precision that was known: 2020, 2020-03, 2020-03-14.
fn dated(f: &Value, name: &str) -> String {
    let date = text(f, &format!("{name}_on"));
    let keep = match text(f, &format!("{name}_precision")).as_str() {
        "YEAR" => 4,
        "MONTH" => 7,
        _ => 10,
    };
    date.get(..keep).unwrap_or(&date).to_owned()
}

fn problem(f: &Value) -> Problem {
    Problem {
        id: text(f, "id"),
        display: text(f, "display"),
        code: text(f, "code"),
        system: text(f, "code_system"),
        clinical_status: text(f, "clinical_status"),
        severity: text(f, "severity_display"),
        is_chronic: f["is_chronic"] == true,
        onset_date: dated(f, "onset"),
        abatement_date: dated(f, "abatement"),
        origin: origin(f),
    }
}

fn medication(f: &Value) -> Medication {
    Medication {
        id: text(f, "id"),
        display: text(f, "display"),
        dose_qty: text(f, "dose_value"),
        dose_unit: text(f, "dose_unit"),
        route: text(f, "route_display"),
        frequency: text(f, "frequency_text"),
        prn: f["as_needed"] == true,
        status: text(f, "status"),
        start: first(&[dated(f, "started"), dated(f, "authored")]),
        end: dated(f, "ended"),
        prescriber: text(f, "prescriber"),
        origin: origin(f),
        ..Medication::default()
    }
}

fn allergy(f: &Value) -> Allergy {
    let reaction =
        |r: &Value| Reaction { manifestation: text(&r["manifestation"], "display"), severity: text(r, "severity") };
    Allergy {
        id: text(f, "id"),
        substance: first(&[text(f, "display"), text(f, "substance"), text(f, "kind")]),
        category: text(f, "category"),
        criticality: text(f, "criticality"),
        clinical_status: text(f, "clinical_status"),
        reactions: items(f, "reactions").iter().map(reaction).collect(),
        last_occurrence: dated(f, "last_occurrence"),
        origin: origin(f),
    }
}

fn immunization(f: &Value) -> Immunization {
    Immunization {
        id: text(f, "id"),
        display: text(f, "display"),
        cvx: text(f, "cvx"),
        given_on: dated(f, "given"),
        dose: text(f, "dose_number"),
        lot: text(f, "lot"),
        site: text(f, "site_code"),
        status: text(f, "status"),
        registry_state: text(f, "registry_state"),
        origin: origin(f),
    }
}

fn encounter(f: &Value) -> Encounter {
    Encounter {
        id: text(f, "id"),
        class: text(f, "class"),
        reason: first(&[text(f, "reason_display"), text(f, "display")]),
        start: first(&[text(f, "started_at"), dated(f, "started")]),
        end: text(f, "ended_at"),
        place: text(f, "service_provider"),
        provider: text(f, "performer_name"),
        status: text(f, "status"),
        origin: origin(f),
    }
}

fn procedure(f: &Value) -> Procedure {
    Procedure {
        id: text(f, "id"),
        display: text(f, "display"),
        code: text(f, "code"),
        system: text(f, "code_system"),
        performed: dated(f, "performed"),
        performer: text(f, "performer_name"),
        status: text(f, "status"),
        origin: origin(f),
    }
}

fn document(f: &Value) -> Document {
    Document {
        id: text(f, "id"),
        title: first(&[text(f, "title"), text(f, "type_display")]),
        category: text(f, "category"),
        service_date: dated(f, "service"),
        page_count: f["page_count"].as_u64(),
        byte_size: f["byte_size"].as_u64(),
        author: text(f, "author"),
        status: text(f, "status"),
        href: String::new(),
    }
}

fn result(f: &Value) -> Observation {
    Observation {
        id: text(f, "id"),
        at: first(&[text(f, "collected_at"), text(f, "collected_on")]),
        value: first(&[text(f, "value_num"), text(f, "value_text"), text(f, "value_display")]),
        comparator: text(f, "comparator"),
        unit: first(&[text(f, "unit_ucum"), text(f, "unit_original")]),
        low: text(f, "ref_low"),
        high: text(f, "ref_high"),
        flag: text(f, "interpretation"),
        status: text(f, "status"),
        origin: origin(f),
    }
}

fn vital(f: &Value) -> Observation {
    let parts: Vec<String> =
        items(f, "components").iter().map(|c| text(c, "value")).filter(|v| !v.is_empty()).collect();
    let unit = items(f, "components").first().map(|c| text(c, "unit")).unwrap_or_default();
    Observation {
        id: text(f, "id"),
        at: first(&[text(f, "measured_at"), text(f, "measured_on")]),
        value: if parts.is_empty() { text(f, "value") } else { parts.join("/") },
        unit: first(&[text(f, "unit"), unit]),
        flag: text(f, "interpretation"),
        status: text(f, "status"),
        origin: origin(f),
        ..Observation::default()
    }
}

/// GET `/patients/{id}/trend`.
pub async fn trend(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let code = query.get("code").map_or("", String::as_str);
    let reply = json_of(visit.call("records.fact.trend", with_query(by_id(&id), &[("code", code)])).await?);
    let (vitals, results) = (items(&reply, "vital_signs"), items(&reply, "results"));
    let any = vitals.first().or(results.first()).ok_or_else(|| visit.error(Error::NotFound))?;
    let display = text(any, "display");
    let values: Vec<Observation> = vitals.iter().map(vital).chain(results.iter().map(result)).collect();
    let mut units: Vec<String> = values.iter().map(|v| v.unit.clone()).filter(|u| !u.is_empty()).collect();
    units.sort();
    units.dedup();
    let unit =
        query.get("unit").cloned().filter(|u| units.contains(u)).or_else(|| units.first().cloned()).unwrap_or_default();
    let values = values.into_iter().filter(|v| v.unit == unit || v.unit.is_empty()).collect();
    let view = TrendView {
        patient: with_allergies(&visit, header(&reply["patient"])).await?,
        code: code.to_owned(),
        display,
        values,
        units,
        unit,
        pager: Pager::default(),
    };
    Ok(html(&trend::render(&view, &visit.shell)))
}
