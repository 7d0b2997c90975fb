//! A student at a glance: much known, and nothing.

use super::from;
use salus_web::pages::{Shell, family, student};
use serde_json::{Value, json};

fn known() -> Value {
    let visit = |id: &str, at: &str, reason: &str, how: Option<&str>, minutes: i64, estimated: bool| {
        json!({"id": id, "school": "Larkspur Elementary", "check_in_at": at, "chief_complaint_code": reason, "disposition": how,
               "status": if how.is_some() { "CLOSED" } else { "OPEN" }, "class_minutes_missed": how.map(|_| minutes),
               "minutes_estimated": estimated})
    };
    json!({
        "student": {"id": "p1", "name": "Quillfeather, Marisol", "birth_date": "2016-05-04", "grade": "4", "homeroom": "Room 12",
                    "allergies": ["Peanut"], "plans": ["ANAPHYLAXIS", "ASTHMA"], "court_restriction": true, "open_visit": "v1"},
        "may_see_chart": true,
        "visits": [visit("v1", "2026-11-20T17:50:00Z", "ASTHMA", None, 0, false),
                   visit("v2", "2026-11-16T18:05:00Z", "ASTHMA", Some("RETURN_TO_CLASS"), 22, false),
                   visit("v3", "2026-11-04T19:40:00Z", "HEADACHE", Some("PARENT_PICKUP"), 75, true)],
        "counted": {"days": 90, "visits": 6, "class_minutes_missed": 184, "estimated": true},
        "symptom_days": 21,
        "symptoms": [{"onset_on": "2026-11-18", "syndrome": "ILI", "symptoms": ["FEVER", "COUGH"], "case_class": "SUSPECT"}],
        "guardians": [
            {"name": "Ines Quillfeather", "relationship": "MOTHER", "phone": "+1 555 0100", "legal_custody": true, "may_pick_up": true, "receives_health_info": true},
            {"name": "Abel Quillfeather", "relationship": "FATHER", "phone": "+1 555 0101", "restricted": true}],
        "orders": [
            {"medication": "Albuterol HFA 90 mcg", "kind": "PRN", "status": "ACTIVE", "in_force": true, "next_at": "2026-11-20T21:50:00Z", "valid_to": "2027-06-05"},
            {"medication": "Cetirizine 10 mg", "kind": "SCHEDULED", "status": "ACTIVE", "in_force": true, "times": ["12:00"], "valid_to": "2027-06-05"},
            {"medication": "Epinephrine 0.15 mg", "kind": "EMERGENCY", "status": "PENDING_CONSENT", "valid_to": "2027-06-05"}],
        "vaccines": {"status": "NONCOMPLIANT", "overdue_since": "2026-10-01", "next_due_on": "2026-11-25", "evaluated_on": "2026-11-20"},
        "absences": [{"day": "2026-11-18", "reason": "ILLNESS"}, {"day": "2026-11-10", "starts_at": "13:00", "reason": "APPOINTMENT"},
                     {"day": "2026-11-02", "ends_at": "10:30", "reason": "UNEXCUSED"}],
    })
}

pub fn at_a_glance(shell: &Shell) -> String {
    student::render(&from(known()), shell).into_string()
}

pub fn nothing_known(shell: &Shell) -> String {
    let view = json!({"student": {"id": "p2", "name": "Fairholt-Lane, Rosalind", "grade": "5"}, "counted": {"days": 90},
                      "symptom_days": 21, "guardians": [], "orders": [], "vaccines": {}, "absences": []});
    student::render(&from(view), shell).into_string()
}

/// School health as the family sees it, with a form that was refused.
pub fn family_of(shell: &Shell) -> String {
    let dose = |at: &str, outcome: &str, dose: Option<&str>| json!({"medication": "Methylphenidate 5 mg", "at": at, "outcome": outcome, "dose": dose, "unit": dose.map(|_| "tablet")});
    let mut corrected = dose("2026-02-26T20:02:00Z", "GIVEN", Some("1"));
    corrected["was_corrected"] = json!(true);
    let view = json!({
        "student_id": "p1", "name": "Quillfeather, Marisol", "school": "Larkspur Elementary", "days": 60,
        "doses": [dose("2026-03-02T20:04:00Z", "GIVEN", Some("1")), dose("2026-02-27T20:00:00Z", "ABSENT", None), corrected],
        "exemptions": [{"id": "e1", "kind": "MEDICAL_TEMPORARY", "vaccine_groups": ["MMR"], "issuer": "Dr. Invented",
            "valid_from": "2026-01-10", "valid_until": "2026-06-30", "status": "SUBMITTED"}],
        "values": {"kind": "MEDICAL_TEMPORARY", "issuer": "Dr. Invented", "valid_from": "2026-03-02"},
        "errors": [{"field": "valid_until", "message": "A temporary exemption has a last day"}],
    });
    family::render(&from(view), shell).into_string()
}

/// The same where nothing is on record.
pub fn family_of_nobody(shell: &Shell) -> String {
    family::render(&from(json!({"student_id": "p1", "name": "Quillfeather, Marisol", "days": 60})), shell).into_string()
}
