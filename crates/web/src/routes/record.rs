//! The chart and trends.

use super::{
    frame::{PageError, Params, Shown, Visit, by_id, html, text},
    home::{items, json_of, with_query},
};
use crate::pages::{
    clinical::{
        Allergy, Capped, Document, Encounter, Immunization, Measured, Medication, Observation, Origin, Problem,
        Procedure, Reaction, Source,
    },
    parts::Pager,
    record::{self, AllergyBrief, ChartView, PatientHeader, Rights, Section},
    trend::{self, TrendView},
};
use axum::extract::{Path, Query};
use salus_core::Error;
use salus_store::Page;
use serde_json::{Value, json};

/// Rows of a section on the summary.
const SHORT: usize = 10;

/// GET `/patients/{id}`.
pub async fn chart(visit: Visit, Path(id): Path<String>, Query(query): Params) -> Shown {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let section = Section::from_slug(get("section"));
    // The head needs the allergies; a section on its own page opens nothing else.
    let sections = if section.is_some() { "allergies" } else { "" };
    let call = with_query(by_id(&id), &[("sections", sections)]);
    let reply = json_of(visit.call("records.fact.chart", call).await?);
    let mut patient = header(&reply["patient"]);
    allergy_line(&mut patient, &reply["sections"]);
    let mut view = ChartView {
        may: Rights {
            edit: visit.ctx.may("medical.patient.write"),
            access: visit.ctx.may("audit.subject.read"),
            family: visit.ctx.may("school.dose.read"),
        },
        section,
        closed: closed(&visit),
        patient,
        ..ChartView::default()
    };
    summary(&mut view, &reply, if section.is_none() { SHORT } else { 0 });
    if let Some(section) = section {
        let shown = whole(&visit, &mut view, section, (&id, get("cursor"))).await;
        shown.map_err(|e| visit.error(e))?;
    }
    Ok(html(&record::render(&view, &visit.shell)))
}

/// Sections that have a permission of their own, which the person does not have.
fn closed(visit: &Visit) -> Vec<Section> {
    if visit.ctx.may("records.document.read") { Vec::new() } else { vec![Section::Documents] }
}

/// Puts the newest of every section into the view, and how many there are.
fn summary(view: &mut ChartView, reply: &Value, short: usize) {
    let (facts, counts) = (&reply["sections"], &reply["counts"]);
    view.problems = capped(facts, counts, "problems", short, problem);
    view.medications = capped(facts, counts, "medications", short, medication);
    view.allergies = capped(facts, counts, "allergies", short, allergy);
    view.immunizations = capped(facts, counts, "immunizations", short, immunization);
    view.encounters = capped(facts, counts, "encounters", short, encounter);
    view.procedures = capped(facts, counts, "procedures", short, procedure);
    view.documents = capped(facts, counts, "documents", short, document);
    let lines = |name: &str, most: usize, make| {
        let mut rows = measured(&items(&reply["lines"], name), &items(facts, name), make);
        rows.truncate(most);
        rows
    };
    let total = |name: &str| counts[name].as_u64().unwrap_or(0);
    view.vitals =
        Capped { total: total("vital_sign_lines"), rows: lines("vital_signs", short, vital), pager: Pager::default() };
    view.results =
        Capped { total: total("result_lines"), rows: lines("results", short * 2, result), pager: Pager::default() };
    view.sources = items(reply, "sources").iter().map(source).collect();
}

/// Puts one page of one section into the view, from the list of its table.
async fn whole(visit: &Visit, view: &mut ChartView, section: Section, (id, cursor): (&str, &str)) -> Result<(), Error> {
    if matches!(section, Section::Vitals | Section::Results) {
        let name = if section == Section::Vitals { "vital_signs" } else { "results" };
        let call = with_query(by_id(id), &[("section", name), ("cursor", cursor)]);
        let reply = json_of(visit.try_call("records.fact.measured", call).await?);
        let make = if section == Section::Vitals { vital } else { result };
        let shown = if section == Section::Vitals { &mut view.vitals } else { &mut view.results };
        shown.rows = measured(&items(&reply, "lines"), &items(&reply, "rows"), make);
        shown.pager = pager(id, section, cursor, reply["next"].as_str());
        return Ok(());
    }
    let page = page(visit, section, (id, cursor)).await?;
    let pager = pager(id, section, cursor, page.next.as_deref());
    let rows: Vec<Value> = page.rows.iter().map(|row| json!(row)).collect();
    match section {
        Section::Problems => turn(&mut view.problems, &rows, pager, problem),
        Section::Medications => turn(&mut view.medications, &rows, pager, medication),
        Section::Allergies => turn(&mut view.allergies, &rows, pager, allergy),
        Section::Immunizations => turn(&mut view.immunizations, &rows, pager, immunization),
        Section::Encounters => turn(&mut view.encounters, &rows, pager, encounter),
        Section::Procedures => turn(&mut view.procedures, &rows, pager, procedure),
        Section::Documents => turn(&mut view.documents, &rows, pager, document),
        Section::Vitals | Section::Results => {}
    }
    Ok(())
}

fn turn<T>(shown: &mut Capped<T>, rows: &[Value], pager: Pager, make: fn(&Value) -> T) {
    shown.rows = rows.iter().map(make).collect();
    shown.pager = pager;
}

/// The list of a section's table, newest first, without what was entered in error.
async fn page(visit: &Visit, section: Section, (id, cursor): (&str, &str)) -> Result<Page, Error> {
    let (table, list, sort, fields) = section_list(section);
    let held = visit.app.db.catalog().table(table)?.column("status").map(|c| c.labels.as_slice()).unwrap_or_default();
    let held: Vec<&str> =
        held.iter().map(String::as_str).filter(|s| !matches!(*s, "ENTERED_IN_ERROR" | "VOIDED")).collect();
    let held = held.join(",");
    let mut query = vec![("patient_id", id), ("status.in", &held), ("sort", sort), ("fields", fields)];
    query.extend(Some(("cursor", cursor)).filter(|_| !cursor.is_empty()));
    visit.page(list, &query).await
}

/// Table, list, order and columns of a section of single facts: what its functions below read.
fn section_list(section: Section) -> (&'static str, &'static str, &'static str, &'static str) {
    match section {
        Section::Problems => (
            "records.diagnoses",
            "records.diagnosis.list",
            "-onset_on",
            "display,original_display,code,code_system,clinical_status,verification_status,severity_display,is_chronic,onset_on,onset_precision,abatement_on,abatement_precision,verification,source_kind",
        ),
        Section::Medications => (
            "records.medications",
            "records.medication.list",
            "-authored_on",
            "display,original_display,dose_value,dose_unit,route_display,frequency_text,as_needed,status,started_on,started_precision,authored_on,authored_precision,ended_on,ended_precision,prescriber,verification,source_kind",
        ),
        Section::Allergies => (
            "records.allergies",
            "records.allergy.list",
            "-onset_on",
            "kind,display,original_display,substance,category,criticality,clinical_status,verification_status,reactions,last_occurrence_on,last_occurrence_precision,verification,source_kind",
        ),
        Section::Immunizations => (
            "records.immunizations",
            "records.immunization.list",
            "-given_on",
            "display,original_display,cvx,given_on,given_precision,dose_number,lot,site_code,status,registry_state,verification,source_kind",
        ),
        Section::Procedures => (
            "records.procedures",
            "records.procedure.list",
            "-performed_on",
            "display,original_display,code,code_system,performed_on,performed_precision,performer_name,status,verification,source_kind",
        ),
        Section::Documents => (
            "records.documents",
            "records.document.list",
            "-service_on",
            "title,type_display,category,service_on,service_precision,page_count,byte_size,author,status",
        ),
        Section::Encounters | Section::Vitals | Section::Results => (
            "records.encounters",
            "records.encounter.list",
            "-started_on",
            "class,reason_display,display,started_at,started_on,started_precision,ended_at,service_provider,performer_name,status,verification,source_kind",
        ),
    }
}

fn pager(id: &str, section: Section, cursor: &str, next: Option<&str>) -> Pager {
    let base = format!("/patients/{id}?section={}", section.slug());
    Pager { next: next.map(|c| format!("{base}&cursor={c}")), first: (!cursor.is_empty()).then_some(base) }
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
    let active = |a: &&Value| {
        text(a, "kind") == "SUBSTANCE"
            && matches!(text(a, "clinical_status").as_str(), "ACTIVE" | "")
            && text(a, "verification_status") != "REFUTED"
    };
    patient.allergies = all
        .iter()
        .filter(active)
        .map(|a| AllergyBrief {
            substance: first(&[named(a), text(a, "substance")]),
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

const ALLERGY_FIELDS: &str =
    "kind,clinical_status,verification_status,display,original_display,substance,criticality,status";

fn capped<T>(facts: &Value, counts: &Value, name: &str, most: usize, make: fn(&Value) -> T) -> Capped<T> {
    let rows: Vec<T> = items(facts, name).iter().take(most).map(make).collect();
    Capped { rows, total: counts[name].as_u64().unwrap_or(0), pager: Pager::default() }
}

/// One line a test or sign, newest value first, with its series oldest first. An uncoded one is told by its name.
fn measured(lines: &[Value], facts: &[Value], make: fn(&Value) -> Observation) -> Vec<Measured> {
    let key = |f: &Value| (text(f, "code"), named(f));
    let known: Vec<(String, String)> = facts.iter().map(key).collect();
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        let (code, display) = key(line);
        let own = |(of, name): &(String, String)| *of == code && (!code.is_empty() || *name == display);
        let mut series: Vec<Observation> =
            facts.iter().zip(&known).filter(|(_, known)| own(known)).map(|(f, _)| make(f)).collect();
        let latest = series.first().cloned().unwrap_or_default();
        series.reverse();
        let count = line["values"].as_u64().unwrap_or(0);
        out.push(Measured { code, display, panel: String::new(), latest, series, count });
    }
    out
}

/// The first text that is not empty.
pub fn first(texts: &[String]) -> String {
    texts.iter().find(|t| !t.is_empty()).cloned().unwrap_or_default()
}

fn source(s: &Value) -> Source {
    Source {
        name: text(s, "name"),
        kind: text(s, "kind"),
        facts: s["facts"].as_u64().unwrap_or(0),
        last_at: text(s, "last_at"),
    }
}

/// What a fact is called: by its code, else in the words of its source.
fn named(f: &Value) -> String {
    first(&[text(f, "display"), text(f, "original_display")])
}

fn origin(f: &Value) -> Origin {
    Origin { label: text(f, "source_kind"), verification: text(f, "verification") }
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
        display: named(f),
        code: text(f, "code"),
        system: text(f, "code_system"),
        clinical_status: text(f, "clinical_status"),
        certainty: text(f, "verification_status"),
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
        display: named(f),
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
        substance: first(&[named(f), text(f, "substance"), text(f, "kind")]),
        category: text(f, "category"),
        criticality: text(f, "criticality"),
        clinical_status: text(f, "clinical_status"),
        certainty: text(f, "verification_status"),
        reactions: items(f, "reactions").iter().map(reaction).collect(),
        last_occurrence: dated(f, "last_occurrence"),
        origin: origin(f),
    }
}

fn immunization(f: &Value) -> Immunization {
    Immunization {
        id: text(f, "id"),
        display: named(f),
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
        display: named(f),
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
    // The unit of the newest value, when none is chosen: that of an old method must not hide it.
    let newest = values.iter().filter(|v| !v.unit.is_empty()).max_by(|a, b| a.at.cmp(&b.at)).map(|v| v.unit.clone());
    let unit = query.get("unit").cloned().filter(|u| units.contains(u)).or(newest).unwrap_or_default();
    let values = values.into_iter().filter(|v| v.unit == unit || v.unit.is_empty()).collect();
    let view = TrendView {
        patient: with_allergies(&visit, header(&reply["patient"])).await?,
        code: code.to_owned(),
        display,
        values,
        units,
        unit,
        more: reply["more"] == true,
    };
    Ok(html(&trend::render(&view, &visit.shell)))
}
