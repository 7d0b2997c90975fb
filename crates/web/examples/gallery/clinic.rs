//! Today's clinic and a visit.

use super::from;
use salus_web::pages::{Shell, clinic, kiosk, offline, pass, visit};
use serde_json::{Value, json};

fn student(name: &str, grade: &str) -> Value {
    json!({"id": "p1", "name": name, "birth_date": "2016-09-14", "grade": grade, "homeroom": "Room 12"})
}

fn marisol() -> Value {
    let mut marisol = student("Quillfeather, Marisol", "4");
    marisol["allergies"] = json!(["Peanut", "Bee venom"]);
    marisol["plans"] = json!(["ANAPHYLAXIS"]);
    marisol["court_restriction"] = json!(true);
    marisol
}

fn board() -> Value {
    json!({
        "school": "s1", "day": "2026-11-20", "may_write": true,
        "schools": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"]],
        "open": [
            {"id": "v1", "student": marisol(), "check_in_at": "2026-11-20T16:20:00Z", "chief_complaint_code": "ASTHMA", "minutes": 134, "row_version": 1},
            {"id": "v2", "student": student("O'Dunmore-Teixeirão, Thaddeus", "K"), "check_in_at": "2026-11-20T18:22:00Z", "chief_complaint_code": "STOMACH", "minutes": 12, "row_version": 1},
        ],
        "ended": [
            {"id": "v3", "student": student("Vilarinhal, Caetano", "2"), "check_in_at": "2026-11-20T17:50:00Z", "check_out_at": "2026-11-20T18:25:00Z",
             "chief_complaint_code": "HEADACHE", "disposition": "RETURN_TO_CLASS", "class_minutes_missed": 30},
            {"id": "v4", "student": student("Fairholt-Lane, Rosalind", "5"), "check_in_at": "2026-11-20T16:40:00Z", "check_out_at": "2026-11-20T17:02:00Z",
             "chief_complaint_code": "FEVER", "disposition": "SENT_HOME", "class_minutes_missed": 271, "minutes_estimated": true},
        ],
    })
}

pub fn clinic(shell: &Shell) -> String {
    clinic::render(&from(board()), shell).into_string()
}

pub fn found(shell: &Shell) -> String {
    let mut view = board();
    let mut here = student("Quillfeather, Ines", "1");
    here["open_visit"] = json!("v9");
    view["searched"] = json!(true);
    view["found"] = json!([marisol(), here]);
    view["error"] = json!("This student is not enrolled at this school on that day");
    clinic::render(&from(view), shell).into_string()
}

pub fn quiet(shell: &Shell) -> String {
    clinic::render(&from(json!({"school": "s1", "day": "2026-11-20", "may_write": true, "searched": true})), shell)
        .into_string()
}

pub fn no_school(shell: &Shell) -> String {
    clinic::render(&from(json!({})), shell).into_string()
}

fn a_visit(status: &str) -> Value {
    json!({
        "id": "v1", "row_version": 2, "visit_number": 7, "student": marisol(), "check_in_at": "2026-11-20T17:50:00Z",
        "chief_complaint_code": "INJURY", "status": status, "record_regime": "FERPA", "may_write": true, "may_see_vaccines": true,
        "symptoms": ["FEVER", "COUGH", "SORE_THROAT", "RUNNY_NOSE", "HEADACHE", "VOMITING", "DIARRHEA", "DIARRHEA_REPEATED",
                     "NAUSEA", "STOMACH_ACHE", "RASH", "ITCHING", "SHORT_OF_BREATH", "DIZZINESS"],
        "values": {"head_injury": "true", "symptom-HEADACHE": "true", "arrived_from": "RECESS", "check_in_at": "2026-11-20T09:50",
                   "check_in_was": "2026-11-20T09:50", "day": "2026-11-20", "treatment-0": "ICE_PACK", "treatment_at-0": "09:55",
                   "treatment_qty-0": "1", "treatment_was-0": "2026-11-20T17:55:00Z"},
        "may_give": true,
        "measured": [["Pulse, per minute", "88", "2026-11-20T17:55:00Z"], ["Oxygen saturation, %", "98", "2026-11-20T17:55:00Z"]],
        "doses": [["d5", "Ibuprofen 200 mg", "GIVEN", "2026-11-20T18:00:00Z"]],
    })
}

pub fn open(shell: &Shell) -> String {
    let mut view = a_visit("OPEN");
    view["errors"] = json!([{"field": "checklist_done", "message": "A head injury needs the concussion checklist"}]);
    visit::render(&from(view), shell).into_string()
}

pub fn ended(shell: &Shell) -> String {
    let mut view = a_visit("AMENDED");
    view["disposition"] = json!("RETURN_TO_CLASS");
    view["check_out_at"] = json!("2026-11-20T18:25:00Z");
    view["class_minutes_missed"] = json!(30);
    view["periods"] = json!([["1", 5], ["2", 25]]);
    view["values"]["disposition"] = json!("RETURN_TO_CLASS");
    visit::render(&from(view), shell).into_string()
}

/// What the browser shows without a connection.
pub fn without_connection(shell: &Shell) -> String {
    offline::render(shell).into_string()
}

fn a_pass() -> Value {
    json!({"id": "v3", "school": "Larkspur Elementary", "day": "2026-11-20", "name": "Vilarinhal, Caetano", "homeroom": "Room 12",
           "arrived_at": "2026-11-20T17:50:00Z", "periods": ["1", "2"], "by": "Nora Invented"})
}

pub fn pass_of_one_who_left(shell: &Shell) -> String {
    let mut view = a_pass();
    view["left_at"] = json!("2026-11-20T18:25:00Z");
    view["way"] = json!("CLASS");
    pass::render(&from(view), shell).into_string()
}

pub fn pass_of_one_who_is_here(shell: &Shell) -> String {
    let mut view = a_pass();
    view["homeroom"] = json!("");
    view["student_number"] = json!("200008");
    pass::render(&from(view), shell).into_string()
}

pub fn kiosk(shell: &Shell) -> String {
    kiosk::render(&from(json!({})), shell).into_string()
}

pub fn kiosk_nobody(shell: &Shell) -> String {
    kiosk::render(&from(json!({"error": "not_found"})), shell).into_string()
}

pub fn kiosk_reasons(shell: &Shell) -> String {
    kiosk::render(&from(json!({"who": "h", "client_ref": "c"})), shell).into_string()
}

pub fn kiosk_listed(shell: &Shell) -> String {
    kiosk::render(&from(json!({"status": "WAITING", "initial": "M"})), shell).into_string()
}
