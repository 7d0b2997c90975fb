//! Invented people for the start page, the patient pages and "who saw this record".

use super::from;
use salus_web::pages::{Shell, access, home, patients};
use serde_json::{Value, json};

fn rows() -> Value {
    let row = |id: &str, family: &str, given: &str, birth: &str, sex: &str, mrn: &str, why: Value| {
        json!({ "id": id, "family_name": family, "given_names": given, "birth_date": birth, "sex": sex, "mrn": mrn,
                "status": "ACTIVE", "matched": why })
    };
    let mut rows = vec![
        row(
            "p1",
            "Inventada Fictícia",
            "José Antônio",
            "2012-05-04",
            "M",
            "SAM-000417",
            json!([{ "by": "prefix", "text": "Inven…" }]),
        ),
        row(
            "p2",
            "Invento",
            "Ana Sample",
            "1958-11-30",
            "F",
            "SAM-000022",
            json!([{ "by": "prefix", "text": "Inven…" }]),
        ),
        row(
            "p3",
            "Sampleton",
            "Maria",
            "2026-10-30",
            "F",
            "SAM-001930",
            json!([{ "by": "former_name", "text": "Invented" }, { "by": "phone", "text": "" }]),
        ),
        row(
            "p4",
            "Invented-Longsurname of the Very Long Example",
            "Bartholomew Maximilian",
            "1990-02-11",
            "X",
            "SAM-000881",
            json!([{ "by": "name", "text": "" }]),
        ),
        row("p5", "Inwented", "Ola", "2025-01-02", "UNK", "SAM-002001", json!([{ "by": "sound", "text": "" }])),
    ];
    rows[1]["status"] = json!("DECEASED");
    rows[1]["deceased_on"] = json!("2026-03-01");
    rows[3]["preferred_name"] = json!("Max");
    rows[4]["status"] = json!("MERGED");
    Value::Array(rows)
}

pub fn home(shell: &Shell) -> String {
    let view: home::HomeView = from(json!({
        "figures": [
            { "label": "Patients", "value": "1,450", "note": "12 new this week", "href": "/patients" },
            { "label": "Results to review", "value": "17", "note": "2 critical" },
            { "label": "Documents to verify", "value": "5" },
            { "label": "Accesses today", "value": "312", "note": "1 refused", "href": "/audit" }
        ],
        "tasks": [
            { "tone": "bad", "text": "Critical potassium result not acknowledged", "href": "/patients/p1", "due": "2026-11-21T10:30:00-03:00" },
            { "tone": "warn", "text": "Review a break-glass access", "href": "/audit", "due": "2026-11-23T18:00:00-03:00" },
            { "tone": "info", "text": "Five extracted facts wait to be confirmed", "href": "/patients/p2" }
        ],
        "recent": rows()
    }));
    home::render(&view, shell).into_string()
}

pub fn patients(shell: &Shell) -> String {
    let view: patients::PatientsView = from(json!({
        "search": { "q": "inven" }, "searched": true, "rows": rows(), "may_create": true,
        "pager": { "next": "/patients?cursor=invented" }
    }));
    patients::render(&view, shell).into_string()
}

pub fn nobody(shell: &Shell) -> String {
    let view: patients::PatientsView = from(json!({
        "search": { "birth_date": "2031-01-01" }, "searched": true, "may_create": true,
        "errors": [{ "pointer": "/birth_date", "message": "Lies in the future" }]
    }));
    patients::render(&view, shell).into_string()
}

pub fn pseudonymised(shell: &Shell) -> String {
    let row = |id: &str, pseudonym: &str, band: &str, sex: &str, code: &str| json!({ "id": id, "pseudonym": pseudonym, "age_band": band, "sex": sex, "postcode3": code, "status": "ACTIVE" });
    let view: patients::PatientsView = from(json!({
        "pseudonymised": true,
        "rows": [row("p1", "amber-heron-417", "10–14", "M", "668"), row("p2", "quiet-cedar-022", "65–69", "F", "013"), row("p3", "north-finch-930", "0–4", "F", "")]
    }));
    patients::render(&view, shell).into_string()
}

pub fn new_patient(shell: &Shell) -> String {
    let mut twin = rows()[0].clone();
    twin["matched"] = json!([{ "by": "birth_date" }, { "by": "sound" }]);
    let view: patients::PatientFormView = from(json!({
        "values": { "family_name": "Inventado", "given_names": "Jose", "birth_date": "2012-05-04" },
        "errors": [{ "field": "sex", "message": "Choose one" }, { "field": "postal_code", "message": "Has at least five letters or digits" }],
        "duplicates": [twin]
    }));
    patients::form(&view, shell).into_string()
}

pub fn edit_patient(shell: &Shell) -> String {
    let view: patients::PatientFormView = from(json!({
        "id": "p1", "row_version": 4, "values": {
            "family_name": "Inventada Fictícia", "given_names": "José Antônio", "birth_date": "2012-05-04", "sex": "M",
            "mrn": "SAM-000417", "record_regime": "FERPA", "interpreter_needed": "true", "status": "ACTIVE"
        }
    }));
    patients::form(&view, shell).into_string()
}

pub fn access(shell: &Shell) -> String {
    let row = |at: &str, who: &str, role: &str, action: &str, columns: Value, outcome: &str| {
        json!({ "at": at, "who": who, "role": role, "action": action, "columns": columns, "purpose": "TREATMENT",
                "channel": "page", "from": "192.0.2.17", "outcome": outcome, "request": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa" })
    };
    let names = json!(["family_name", "given_names", "birth_date"]);
    let mut rows = vec![
        row(
            "2026-11-21T09:12:44-03:00",
            "Nora Invented",
            "Clinician",
            "medical.patient.read",
            names.clone(),
            "success",
        ),
        row("2026-11-21T08:40:02-03:00", "Otto Musterperson", "Aide", "records.fact.read", json!([]), "refused"),
        row(
            "2026-11-20T17:01:10-03:00",
            "Night import",
            "Service",
            "records.lab_result.write",
            json!(["value_text", "note"]),
            "success",
        ),
        row("2026-11-20T11:33:00-03:00", "Pia Example", "Nurse", "medical.patient.read", names, "success"),
    ];
    rows[1]["reason"] = json!("The permission records.fact.read is missing");
    rows[2]["channel"] = json!("job");
    rows[2]["purpose"] = json!("OPERATIONS");
    let view: access::AccessView = from(json!({
        "patient": super::chart::header(),
        "filter": { "from": "2026-11-01", "to": "2026-11-21" },
        "people": [
            { "name": "Nora Invented", "role": "Clinician", "count": 14, "last_at": "2026-11-21T09:12:44-03:00" },
            { "name": "Pia Example", "role": "Nurse", "count": 6, "last_at": "2026-11-20T11:33:00-03:00" },
            { "name": "Night import", "role": "Service", "count": 1, "last_at": "2026-11-20T17:01:10-03:00" }
        ],
        "rows": rows, "pager": { "next": "/patients/p1/access?cursor=invented" },
        "proofs": "/patients/p1/access/proofs",
        "log": { "origin": "salus-0a1b2c3d/audit/e1", "size": 48211, "root": "qp0xFvB2w3y5mQ8u1tTn0sXkq7hE4cJdLr9oZiYbA6M=" }
    }));
    access::render(&view, shell).into_string()
}
