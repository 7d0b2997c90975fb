//! A nurse's start page: all of their schools, one of them, and nothing that waits.

use super::from;
use salus_web::pages::{Shell, nurse};
use serde_json::{Value, json};

fn student(id: &str, name: &str, grade: &str) -> Value {
    json!({"id": id, "name": name, "grade": grade, "homeroom": "Room 12"})
}

fn marisol() -> Value {
    let mut marisol = student("p1", "Quillfeather, Marisol", "4");
    marisol["allergies"] = json!(["Peanut"]);
    marisol["plans"] = json!(["ANAPHYLAXIS"]);
    marisol
}

fn here(id: &str, student: &Value, reason: &str, minutes: i64, school: &str) -> Value {
    json!({"school": school, "visit": {"id": id, "student": student, "check_in_at": "2026-11-20T16:20:00Z", "chief_complaint_code": reason, "minutes": minutes}})
}

fn dose(id: &str, at: &str, student: &Value, medication: &str, waits: &str) -> Value {
    json!({"id": id, "school_id": "s1", "student": student, "medication": medication, "scheduled_for": at, "administered_at": at, "waits": waits})
}

fn all() -> Value {
    let thaddeus = || student("p2", "O'Dunmore-Teixeirão, Thaddeus", "K");
    let rosalind = || student("p3", "Fairholt-Lane, Rosalind", "5");
    let alert = |severity: &str, title: &str| {
        json!({"id": "a1", "severity": severity, "title": title, "status": "ACTIVE",
        "school_name": "Larkspur Elementary", "first_seen": "2026-11-20T18:30:00Z"})
    };
    json!({
        "at": "2026-11-20T18:34:00Z",
        "mine": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"], ["s3", "Ridgeline High"]],
        "schools": [
            {"id": "s1", "name": "Larkspur Elementary", "open": 2, "missed": 1, "late": 1, "due": 2, "soon": 1, "effect": 1, "students": 480, "overdue": 23, "no_record": 4, "signals": 1},
            {"id": "s2", "name": "Manzanita Middle", "open": 1, "due": 1, "soon": 3, "students": 510, "overdue": 9},
            {"id": "s3", "name": "Ridgeline High", "students": 460, "not_evaluated": 460},
        ],
        "check_in": {"is_home": true, "may_write": true},
        "here": [
            here("v1", &marisol(), "ASTHMA", 134, "Larkspur Elementary"), here("v2", &thaddeus(), "STOMACH", 12, "Larkspur Elementary"),
            here("v3", &student("p4", "Vilarinhal, Caetano", "7"), "HEADACHE", 4, "Manzanita Middle"),
        ],
        "here_total": 3,
        "medication": {
            "doses": [
                dose("d1", "2026-11-20T17:00:00Z", &marisol(), "Amoxicillin 250 mg", "missed"),
                dose("d2", "2026-11-20T17:55:00Z", &thaddeus(), "Methylphenidate 5 mg", "late"),
                dose("d3", "2026-11-20T18:30:00Z", &rosalind(), "Cetirizine 10 mg", "due"),
                dose("d4", "2026-11-20T20:00:00Z", &rosalind(), "Levetiracetam 500 mg", "soon"),
            ],
            "effects": [dose("d9", "2026-11-20T17:50:00Z", &marisol(), "Albuterol HFA 90 mcg", "effect")],
            "orders": [{"student": thaddeus(), "medication": "Methylphenidate 5 mg", "until": "2026-11-27"}],
            "orders_total": 1,
        },
        "vaccines": {
            "exemptions": [{"student": rosalind(), "kind": "MEDICAL_TEMPORARY", "until": "2026-12-02"}], "exemptions_total": 1,
        },
        "signals": [{"id": "o1", "syndrome": "GI", "name": "Room 12", "school": "Larkspur Elementary", "state": "SIGNAL", "first_signal_on": "2026-11-19"}],
        "alerts": {"waiting": 2, "in_hand": 1, "unattended": [
            alert("HIGH", "The count of a controlled drug differs from the register"),
            alert("MEDIUM", "A dose of medication was not recorded in time"),
        ]},
    })
}

pub fn home(shell: &Shell) -> String {
    nurse::render(&from(all()), shell).into_string()
}

pub fn found(shell: &Shell) -> String {
    let mut view = all();
    let mut twice = marisol();
    (twice["school"], twice["school_name"]) = (json!("s2"), json!("Manzanita Middle"));
    let mut here = student("p5", "Quillfeather, Ines", "1");
    here["open_visit"] = json!("v9");
    view["check_in"] = json!({"is_home": true, "may_write": true, "searched": true, "found": [twice, here]});
    nurse::render(&from(view), shell).into_string()
}

pub fn quiet(shell: &Shell) -> String {
    let view = json!({
        "school": "s3", "at": "2026-11-20T18:34:00Z", "mine": [["s1", "Larkspur Elementary"], ["s3", "Ridgeline High"]],
        "schools": [{"id": "s3", "name": "Ridgeline High", "students": 460}], "medication": {}, "vaccines": {}, "signals": [], "alerts": {},
    });
    nurse::render(&from(view), shell).into_string()
}
