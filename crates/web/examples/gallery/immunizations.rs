//! How schools stand with immunization, students by where they stand, and one student.

use super::from;
use salus_web::pages::{
    Shell, compliance_trend, exclusions as home, immunizations, letters as paper, reminders as page, vaccines,
};
use serde_json::{Value, json};

fn release() -> Value {
    json!({"authority": "ACIP_CDC", "version": "4.64"})
}

fn grades() -> Value {
    json!([
        {"grade": "K", "enrolled": 68, "not_evaluated": 2, "overdue": 9, "no_record": 3, "compliance_score": 88.1,
         "up_to_date_percent": 82.4, "in_compliance_percent": 85.3, "measles_at_risk": true},
        {"grade": "1", "enrolled": 70, "overdue": 2, "compliance_score": 98.0, "up_to_date_percent": 97.1,
         "in_compliance_percent": 97.1, "measles_at_risk": false},
    ])
}

fn groups() -> Value {
    json!([
        {"vaccine_group": "MMR", "checkpoint": "TK_K_ENTRY", "required_of": 412, "compliant": 396, "exempt": 4, "lacking": 12},
        {"vaccine_group": "Varicella", "checkpoint": "TK_K_ENTRY", "required_of": 412, "compliant": 401, "exempt": 4, "lacking": 7},
    ])
}

pub fn schools(shell: &Shell) -> String {
    let view = json!({
        "schedule": release(), "requirements_in_force": 6, "may_write": true, "may_approve": true,
        "schools": [
            {"id": "s1", "name": "Larkspur Elementary", "enrolled": 412, "compliant": 371, "overdue": 24, "conditional": 3, "provisional": 1, "excluded": 2, "exempt": 6,
             "no_record": 8, "compliance_score": 96.4, "in_compliance_percent": 92.2, "measles_at_risk": true, "evaluated_on": "2026-03-02",
             "up_to_date_percent": 90.0, "grades": grades(), "groups": groups()},
            {"id": "s2", "name": "Manzanita Middle", "enrolled": 318, "compliant": 310, "overdue": 4, "exempt": 4,
             "compliance_score": 99.1, "in_compliance_percent": 98.7, "measles_at_risk": false, "evaluated_on": "2026-03-02"},
            {"id": "s3", "name": "Ridgeline High", "enrolled": 240, "not_evaluated": 240},
        ],
        "trend": [weeks()],
        "waiting": [{"id": "r1", "state": "CA", "vaccine_group": "DTaP/Tdap/Td", "checkpoint": "GRADE_7_ADVANCE",
                     "rule": {"any": [{"doses": 1, "each_on_or_after": "7y", "antigen_counts": {"Pertussis": 1}}]},
                     "source_citation": "17 CCR 6025; a sample, to be compared with the text in force"}],
    });
    immunizations::schools(&from(view), shell).into_string()
}

pub fn nothing(shell: &Shell) -> String {
    let view = json!({"schools": [{"id": "s1", "name": "Larkspur Elementary", "enrolled": 412, "not_evaluated": 412}], "may_write": true,
                      "error": "A person who signed in approves what the law asks for"});
    immunizations::schools(&from(view), shell).into_string()
}

pub fn no_school(shell: &Shell) -> String {
    immunizations::schools(&from(json!({"schedule": release(), "requirements_in_force": 6})), shell).into_string()
}

fn required(status: &str, missing: &Value) -> Value {
    let home = (status == "NONCOMPLIANT").then_some("2026-03-20");
    json!({"excluded_from": home, "vaccine_group": "DTaP/Tdap/Td", "checkpoint": "TK_K_ENTRY", "status": status, "counted": 3, "required": 4, "missing": missing})
}

fn lacking() -> Value {
    json!([{"code": "DOSES", "count": 1}, {"code": "DOSE_ON_OR_AFTER", "on": "2020-09-14"},
           {"code": "ANTIGEN", "antigen": "Pertussis", "count": 1}])
}

pub fn students(shell: &Shell) -> String {
    let view = json!({
        "school": "s1", "school_name": "Larkspur Elementary", "kind": "overdue", "page": 2, "pages": 3, "total": 120,
        "data": [
            {"student_id": "p1", "family_name": "Quillfeather", "given_names": "Marisol", "grade": "4", "homeroom": "Room 12",
             "status": "NONCOMPLIANT", "overdue_since": "2023-10-14", "requirements": [required("NONCOMPLIANT", &lacking())]},
            {"student_id": "p2", "family_name": "O'Dunmore-Teixeirão", "given_names": "Thaddeus", "grade": "K", "status": "CONDITIONAL",
             "until": "2026-04-30", "next_due_on": "2026-03-31", "requirements": [required("CONDITIONAL", &lacking())]},
            {"student_id": "p3", "pseudonym": "P-7F3K", "grade": "2", "status": "EXEMPT_MEDICAL_PERM"},
            {"student_id": "p4", "family_name": "Vilarinhal", "given_names": "Caetano", "grade": "2"},
        ],
    });
    immunizations::students(&from(view), shell).into_string()
}

pub fn nobody(shell: &Shell) -> String {
    immunizations::students(&from(json!({"kind": "exempt"})), shell).into_string()
}

pub fn student(shell: &Shell) -> String {
    let verdict =
        |antigen: &str, status: &str, reasons: Value| json!({"antigen": antigen, "status": status, "reasons": reasons});
    let dose = |on: &str, vaccine: &str, cvx: &str, verdicts: Value| json!({"id": on, "given_on": on, "given_precision": "DAY", "vaccine": vaccine, "cvx": cvx, "verdicts": verdicts});
    let view = json!({
        "student_id": "p1", "name": "Quillfeather, Marisol", "on": "2026-03-02", "schedule": release(),
        "compliance": {"status": "NONCOMPLIANT", "score": 81.5, "unknown_groups": ["Wizardry"],
                       "requirements": [required("NONCOMPLIANT", &lacking()), required("COMPLIANT", &json!([]))]},
        "forecasts": [
            {"vaccine_group": "DTaP/Tdap/Td", "status": "NOT_COMPLETE", "is_due": true, "is_overdue": true, "next_dose": 4,
             "earliest_on": "2019-03-14", "recommended_on": "2019-06-14", "overdue_on": "2019-12-14"},
            {"vaccine_group": "HPV", "status": "NOT_COMPLETE", "next_dose": 1, "earliest_on": "2025-09-14", "recommended_on": "2027-09-14"},
            {"vaccine_group": "Polio", "status": "COMPLETE"}, {"vaccine_group": "Rotavirus", "status": "AGED_OUT"},
        ],
        "doses": [
            dose("2017-09-11", "MMR", "03", json!([verdict("Measles", "VALID", json!([{"code": "AGE_GRACE", "on": "2017-09-14"}])),
                verdict("Mumps", "VALID", json!([{"code": "AGE_GRACE", "on": "2017-09-14"}]))])),
            dose("2017-10-01", "Varicella", "21", json!([verdict("Varicella", "NOT_VALID", json!([{"code": "CONFLICT", "with_cvx": "03",
                "since": "2017-09-11", "until": "2017-10-09", "days": 20, "least_days": 28}]))])),
            dose("2017-10-20", "MMR", "03", json!([verdict("Measles", "NOT_VALID", json!([{"code": "TOO_SOON", "since": "2017-09-30",
                "until": "2017-10-24", "days": 20, "least_days": 24}]))])),
            {"id": "d4", "given_on": "2018-05-01", "given_precision": "MONTH", "vaccine": "DTaP", "cvx": "20", "problem": "DAY_NOT_KNOWN"},
        ],
        "conditions": [{"title": "Severe allergic reaction after previous dose of Hepatitis B"}],
        "exemptions": [
            {"id": "e1", "kind": "MEDICAL_TEMPORARY", "vaccine_groups": ["MMR", "Varicella"], "issuer": "Dr. Invented", "number": "XX-17",
             "valid_from": "2026-01-10", "valid_until": "2026-06-30", "status": "SUBMITTED"},
            {"id": "e2", "kind": "MEDICAL_PERMANENT", "issuer": "Dr. Invented", "valid_from": "2025-01-10", "status": "APPROVED"},
        ],
        "admissions": [
            {"id": "a1", "kind": "PROVISIONAL", "begins_on": "2026-02-10", "last_on": "2026-03-12",
             "groups": [{"vaccine_group": "DTaP/Tdap/Td", "until": "2026-03-12"}, {"vaccine_group": "MMR", "until": "2026-03-01"}]},
            {"id": "a2", "kind": "PLAN", "begins_on": "2025-09-01", "last_on": "2025-10-01", "ended_on": "2025-09-12"},
        ],
        "may_write": true, "may_approve": true, "errors": [{"field": "kind", "message": "No requirement that is in force accepts this kind of exemption"}],
    });
    vaccines::render(&from(view), shell).into_string()
}

pub fn unjudged(shell: &Shell) -> String {
    let view = json!({"student_id": "p1", "name": "Quillfeather, Marisol", "on": "2026-03-02", "problem": "NO_SCHEDULE",
                      "doses": [{"given_on": "2017-09-11", "given_precision": "DAY", "vaccine": "MMR", "cvx": "03"}]});
    vaccines::render(&from(view), shell).into_string()
}

pub fn undated(shell: &Shell) -> String {
    let view = json!({"student_id": "p1", "name": "Quillfeather, Marisol", "on": "2026-03-02", "problem": "NO_BIRTH_DATE", "schedule": release()});
    vaccines::render(&from(view), shell).into_string()
}

pub fn reminders(shell: &Shell) -> String {
    let became =
        |status: &str, why: &str, count: u64| json!({"status": status, "suppression_reason": why, "count": count});
    let view = json!({
        "school": "s1", "school_name": "Sampleton Invented Elementary", "families": 12, "messages": 21, "without_contact": 3,
        "already_waiting": 4, "not_needed": 381,
        "samples": [
            {"language": "en", "families": 8, "text": "Sampleton Invented Clinics: a health record notice waits for your family. …"},
            {"language": "es", "families": 4, "text": "Sampleton Invented Clinics: un aviso del registro de salud espera a su familia. …"},
        ],
        "became": [became("CANCELLED", "told_lately", 2), became("COMPLETED", "not_needed", 5), became("FAILED", "no_reachable_contact", 1),
                   became("PENDING", "", 9), became("SENT", "", 14)],
    });
    page::render(&from(view), shell).into_string()
}

pub fn unreachable(shell: &Shell) -> String {
    page::render(&from(json!({"school": "s1", "school_name": "Sampleton Invented Elementary", "error": "None of these families has a guardian with custody"})), shell)
        .into_string()
}

pub fn exclusions(shell: &Shell) -> String {
    let view = json!({
        "school": "s1", "school_name": "Sampleton Invented Elementary", "today": "2026-03-02", "ahead": 30, "total": 240, "may_write": true,
        "data": [
            {"student_id": "p1", "family_name": "Quillfeather", "given_names": "Marisol", "grade": "4", "homeroom": "Room 12",
             "status": "EXCLUDED", "excluded_from": "2026-02-20", "requirements": [required("EXCLUDED", &lacking())]},
            {"student_id": "p2", "family_name": "O'Dunmore-Teixeirão", "given_names": "Thaddeus", "grade": "K", "status": "PROVISIONAL",
             "until": "2026-03-12", "excluded_from": "2026-03-20", "requirements": [required("PROVISIONAL", &lacking())]},
        ],
    });
    home::render(&from(view), shell).into_string()
}

pub fn nobody_home(shell: &Shell) -> String {
    home::render(
        &from(
            json!({"school": "s1", "school_name": "Sampleton Invented Elementary", "today": "2026-03-02", "ahead": 30}),
        ),
        shell,
    )
    .into_string()
}

fn weeks() -> Value {
    let week = |on: &str, percent: f64| {
        json!({"kind": "WEEKLY", "period_on": on, "taken_on": on, "enrolled": 412, "exempt": 6, "excluded": 2, "compliance_score": 96.4,
               "up_to_date_percent": percent - 2.0, "in_compliance_percent": percent, "measles_protected_percent": percent})
    };
    let report = json!({"kind": "REPORT", "period_on": "2026-02-25", "taken_on": "2026-03-01", "enrolled": 412, "in_compliance_percent": 92.0});
    json!({"id": "s1", "name": "Larkspur Elementary", "points": [
        week("2026-02-02", 88.1), week("2026-02-09", 90.3), week("2026-02-16", 90.1), week("2026-02-23", 91.9), report, week("2026-03-02", 92.2)]})
}

pub fn trend(shell: &Shell) -> String {
    compliance_trend::render(&from(weeks()), shell).into_string()
}

pub fn no_trend(shell: &Shell) -> String {
    compliance_trend::render(&from(json!({"id": "s3", "name": "Ridgeline High"})), shell).into_string()
}

pub fn letters(shell: &Shell) -> String {
    let view = json!({
        "school": "s1", "school_name": "Sampleton Invented Elementary", "kind": "EXCLUSION", "letters": 7, "without_contact": 1,
        "written_lately": 2, "may_exclude": true, "languages": {"en": 4, "es": 2, "pt-BR": 1},
        "homerooms": [{"homeroom": "Room 12", "letters": 4}, {"homeroom": "Room 14", "letters": 2}, {"homeroom": "", "letters": 1}],
    });
    paper::render(&from(view), shell).into_string()
}

pub fn no_letters(shell: &Shell) -> String {
    paper::render(
        &from(json!({"school": "s1", "school_name": "Sampleton Invented Elementary", "kind": "REMINDER"})),
        shell,
    )
    .into_string()
}
