//! One invented chart: many results over years, a bound, a value without unit, facts in doubt.

use super::from;
use salus_web::pages::{Shell, record, trend};
use serde_json::{Value, json};

pub fn header() -> Value {
    json!({
        "id": "p1", "family_name": "Inventada Fictícia", "given_names": "José Antônio", "preferred_name": "Zé",
        "birth_date": "2012-05-04", "sex": "M", "mrn": "SAM-000417", "regime": "FERPA_AND_STATE", "status": "ACTIVE",
        "allergies": [
            { "substance": "Penicillin", "criticality": "HIGH" }, { "substance": "Peanut", "criticality": "HIGH" },
            { "substance": "Latex", "criticality": "LOW" }
        ],
        "banners": ["Court order: no information to the contact marked “restricted”."]
    })
}

/// Values of one analyte, latest first, on a course that is the same in every run.
fn course(n: u32, base: f64, swing: f64, unit: &str, (low, high): (f64, f64)) -> Vec<Value> {
    let one = |i: u32| {
        let x = f64::from(i);
        let value = base + swing * (x * 0.9).sin() + swing * 0.5 * (x * 2.3 + 1.0).cos();
        let flag = if value < low {
            "L"
        } else if value > high {
            "H"
        } else {
            "N"
        };
        let (year, month) = (2026 - i / 4, 10 - (i % 4) * 3);
        json!({ "id": format!("o{i}"), "at": format!("{year}-{month:02}-14T08:05:00-03:00"), "value": format!("{value:.1}"),
                "unit": unit, "low": low, "high": high, "flag": flag, "status": "FINAL",
                "origin": { "label": "Invented Lab North", "verification": "IMPORTED" } })
    };
    (0..n).map(one).collect()
}

fn measured(code: &str, display: &str, panel: &str, values: &[Value]) -> Value {
    json!({ "code": code, "display": display, "panel": panel, "count": values.len() * 4, "latest": values[0], "series": values })
}

fn analytes() -> Value {
    let mut rows = vec![
        measured("4548-4", "Hemoglobin A1c", "Diabetes", &course(14, 6.4, 0.8, "%", (4.0, 5.6))),
        measured("2345-7", "Glucose", "Basic metabolic panel", &course(18, 98.0, 16.0, "mg/dL", (70.0, 99.0))),
        measured("2160-0", "Creatinine", "Basic metabolic panel", &course(18, 0.8, 0.1, "mg/dL", (0.5, 1.0))),
        measured("2823-3", "Potassium", "Basic metabolic panel", &course(18, 4.3, 0.5, "mmol/L", (3.5, 5.1))),
        measured("2951-2", "Sodium", "Basic metabolic panel", &course(18, 139.0, 2.0, "mmol/L", (136.0, 145.0))),
        measured("718-7", "Hemoglobin", "Complete blood count", &course(9, 12.9, 0.9, "g/dL", (12.0, 16.0))),
        measured("777-3", "Platelets", "Complete blood count", &course(9, 244.0, 40.0, "10*3/uL", (150.0, 400.0))),
        measured(
            "5778-6",
            "Color of urine",
            "Urinalysis",
            &[json!({ "at": "2026-09-01", "value": "Yellow", "status": "FINAL" })],
        ),
        measured(
            "1988-5",
            "C-reactive protein",
            "",
            &[
                json!({ "at": "2026-09-01", "value": "5", "comparator": "<", "unit": "mg/L", "high": 5, "status": "FINAL" }),
            ],
        ),
        measured("2276-4", "Ferritin", "", &[json!({ "at": "2026-09-01", "value": "31", "status": "PRELIMINARY" })]),
    ];
    rows[3]["latest"]["value"] = json!("6.4");
    rows[3]["latest"]["flag"] = json!("HH");
    Value::Array(rows)
}

fn vitals() -> Value {
    json!([
        measured(
            "85354-9",
            "Blood pressure",
            "",
            &[json!({ "at": "2026-11-20T10:00:00-03:00", "value": "118/76", "unit": "mm[Hg]", "flag": "N" })]
        ),
        measured("8867-4", "Heart rate", "", &course(12, 84.0, 12.0, "/min", (45.0, 120.0))),
        measured("8310-5", "Body temperature", "", &course(12, 36.8, 0.4, "Cel", (35.0, 40.5))),
        measured("29463-7", "Weight", "", &course(20, 48.0, 3.0, "kg", (0.2, 635.0))),
    ])
}

fn clinical() -> Value {
    let own = json!({ "label": "Nora Invented", "verification": "CLINICIAN_ENTERED" });
    let home = json!({ "label": "Family of the patient", "verification": "PATIENT_REPORTED" });
    let paper = json!({ "label": "Scanned letter", "verification": "DOCUMENT_EXTRACTED" });
    json!({
        "problems": { "total": 23, "rows": [
            { "display": "Type 1 diabetes mellitus without complications", "code": "E10.9", "clinical_status": "ACTIVE", "is_chronic": true, "onset_date": "2019-05", "origin": own },
            { "display": "Mild intermittent asthma", "code": "J45.20", "clinical_status": "ACTIVE", "is_chronic": true, "severity": "MILD", "onset_date": "2017", "origin": own },
            { "display": "Seasonal allergic rhinitis", "code": "J30.2", "clinical_status": "RECURRENCE", "onset_date": "2020-04-11", "origin": home },
            { "display": "Fracture of left radius", "code": "S52.502A", "clinical_status": "RESOLVED", "onset_date": "2023-02-09", "abatement_date": "2023-04-20", "origin": paper }
        ] },
        "medications": { "total": 4, "rows": [
            { "display": "Insulin glargine 100 units/mL", "dose_qty": 14, "dose_unit": "[iU]", "route": "subcutaneous", "frequency": "once daily at bedtime", "status": "ACTIVE", "start": "2024-01-15", "prescriber": "Dr. Invented", "origin": own },
            { "display": "Insulin lispro 100 units/mL", "dose_qty": "2.5", "dose_unit": "[iU]", "route": "subcutaneous", "frequency": "with meals", "status": "ACTIVE", "start": "2024-01-15", "origin": own },
            { "display": "Albuterol 90 mcg inhaler", "dose_qty": 2, "dose_unit": "{puff}", "route": "inhaled", "frequency": "every 4–6 h", "prn": true, "prn_reason": "wheezing", "status": "ACTIVE", "start": "2018", "origin": own },
            { "display": "Cetirizine 10 mg", "dose_qty": 10, "dose_unit": "mg", "route": "oral", "frequency": "once daily", "status": "ON_HOLD", "start": "2026-03-01", "origin": home }
        ] },
        "allergies": { "total": 3, "rows": [
            { "substance": "Penicillin", "category": "MEDICATION", "criticality": "HIGH", "clinical_status": "ACTIVE", "reactions": [{ "manifestation": "Anaphylaxis", "severity": "SEVERE" }], "origin": own },
            { "substance": "Peanut", "category": "FOOD", "criticality": "HIGH", "clinical_status": "ACTIVE", "reactions": [{ "manifestation": "Hives", "severity": "MODERATE" }, { "manifestation": "Vomiting" }], "origin": home },
            { "substance": "Latex", "category": "ENVIRONMENT", "criticality": "LOW", "clinical_status": "ACTIVE", "origin": own }
        ] },
        "immunizations": { "total": 31, "rows": [
            { "display": "Influenza, injectable, quadrivalent", "cvx": "158", "given_on": "2026-10-02", "dose": "1", "registry_state": "ACCEPTED", "origin": own },
            { "display": "HPV, 9-valent", "cvx": "165", "given_on": "2025-08-19", "dose": "2/2", "lot": "INV0001", "site": "Left deltoid", "registry_state": "REJECTED", "origin": own },
            { "display": "Tdap", "cvx": "115", "given_on": "2024-06-03", "registry_state": "NOT_SENT", "origin": paper }
        ] },
        "encounters": { "total": 212, "rows": [
            { "reason": "Diabetes follow-up", "class": "ambulatory", "place": "Sampleton North", "provider": "Dr. Invented", "start": "2026-11-20T10:00:00-03:00", "status": "FINISHED" },
            { "reason": "Low blood sugar during physical education", "class": "school_clinic", "place": "Invented Middle School", "provider": "P. Example RN", "start": "2026-11-04T13:20:00-03:00", "status": "FINISHED" }
        ] },
        "procedures": { "total": 1, "rows": [ { "display": "Closed reduction of forearm fracture", "code": "25505", "performed": "2023-02-09", "performer": "Dr. Musterperson", "status": "COMPLETED", "origin": paper } ] },
        "documents": { "total": 18, "rows": [
            { "title": "Discharge letter", "category": "DISCHARGE", "service_date": "2023-02-10", "page_count": 3, "byte_size": 482_113, "status": "VERIFIED", "href": "/browse/records/documents/d1" },
            { "title": "Immunization card, both sides", "category": "IMMUNIZATION_CARD", "service_date": "2024-06-03", "page_count": 2, "byte_size": 2_312_880, "status": "NEEDS_REVIEW" }
        ] },
        "sources": [
            { "name": "Sampleton Invented Clinics", "kind": "PRIMARY", "facts": 4120, "last_at": "2026-11-20T10:20:00-03:00" },
            { "name": "Invented General Hospital", "kind": "EHR_IMPORT", "facts": 830, "last_at": "2026-11-19T02:00:00-03:00" },
            { "name": "Uploaded by the family", "kind": "UPLOADS", "facts": 50, "last_at": "2026-06-03T00:00:00-03:00" }
        ]
    })
}

fn view() -> Value {
    let mut view = clinical();
    view["patient"] = header();
    view["may"] = json!({ "edit": true, "access": true });
    view["results"] = json!({ "total": 146, "rows": analytes() });
    view["vitals"] = json!({ "total": 9, "rows": vitals() });
    view
}

pub fn chart(shell: &Shell) -> String {
    record::render(&from(view()), shell).into_string()
}

pub fn empty(shell: &Shell) -> String {
    let view = json!({ "patient": { "id": "p2", "family_name": "Invento", "given_names": "Ana Sample", "birth_date": "1958-11-30",
        "deceased_on": "2026-03-01", "sex": "F", "mrn": "SAM-000022", "regime": "HIPAA", "status": "DECEASED" } });
    record::render(&from(view), shell).into_string()
}

fn section(name: &str, shell: &Shell) -> String {
    let mut view = view();
    view["section"] = json!(name);
    view[name]["pager"] = json!({ "next": format!("/patients/p1?section={name}&cursor=invented") });
    record::render(&from(view), shell).into_string()
}

pub fn results(shell: &Shell) -> String {
    section("results", shell)
}

pub fn problems(shell: &Shell) -> String {
    section("problems", shell)
}

pub fn trend(shell: &Shell) -> String {
    let mut values = course(26, 98.0, 16.0, "mg/dL", (70.0, 99.0));
    values[3]["comparator"] = json!("<");
    values[3]["flag"] = json!("");
    values[7]["unit"] = json!("");
    let view: trend::TrendView = from(json!({
        "patient": header(), "code": "2345-7", "display": "Glucose [Mass/volume] in Serum or Plasma", "values": values,
        "units": ["mg/dL", "mmol/L"], "unit": "mg/dL", "more": true
    }));
    trend::render(&view, shell).into_string()
}

pub fn trend_odd(shell: &Shell) -> String {
    let view: trend::TrendView = from(json!({
        "patient": header(), "code": "2276-4", "display": "Ferritin",
        "values": [{ "at": "2026-09-01", "value": "31", "status": "PRELIMINARY" }, { "at": "2025-09-01", "value": "1:40", "unit": "{titer}" }]
    }));
    trend::render(&view, shell).into_string()
}
