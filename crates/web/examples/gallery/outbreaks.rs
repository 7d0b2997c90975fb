//! Signals of outbreaks, and one.

use super::from;
use salus_web::pages::{Shell, outbreak, outbreaks};
use serde_json::{Value, json};

pub fn list(shell: &Shell) -> String {
    let view = json!({
        "small_cell": 5, "may_declare": true, "past": {"school_days": 174, "alerts": 2, "per_100_school_days": 1.1,
                                                          "schools": [{"id": "s1", "name": "Larkspur Elementary"}]},
        "may_count": true, "absences": [
            {"school_id": "s1", "day": "2026-03-02", "grade": null, "enrolled": 412, "absent": 47},
            {"school_id": "s1", "day": "2026-03-02", "grade": "2", "enrolled": 68, "absent": null},
        ],
        "week_of": "2026-02-23", "methods": [
            {"method": "C2", "unit": "days", "needs": 9, "has": 84},
            {"method": "SPACETIME", "unit": "days", "needs": 55, "has": 84, "schools": {"needs": 2, "has": 1}},
            {"method": "RKI1", "unit": "weeks", "needs": 6, "has": 61, "alarms": [
                {"syndrome": "ILI", "level": "SCHOOL", "name": "Manzanita Middle", "observed": 24, "upper": 11.177},
                {"syndrome": "ILI", "level": "DISTRICT", "name": "", "observed": null, "upper": null},
            ]},
            {"method": "RKI2", "unit": "weeks", "needs": 58, "has": 61},
            {"method": "NOUFAILY", "unit": "weeks", "needs": 211, "has": 61},
        ],
        "data": [
            {"id": "a1", "number": "OB-2026-0002", "syndrome": "GI", "level": "CLASS", "name": "Room 12", "school": "Larkspur Elementary",
             "method": "RULE", "cases": 7, "first_signal_on": "2026-02-25", "state": "SIGNAL", "review_due_on": "2026-03-03",
             "rule": {"confirmed": false, "action": "Clean the room"}},
            {"id": "a2", "number": "OB-2026-0001", "syndrome": "ILI", "level": "GRADE", "name": "6", "school": "Manzanita Middle",
             "method": "C3", "cases": 31, "expected": 4.3, "q_value": 0.0002, "first_signal_on": "2026-02-11", "state": "REPORTED"},
            {"id": "a3", "number": "OB-2026-0003", "syndrome": "RASH_FEVER", "disease_code": "MEASLES", "level": "SCHOOL",
             "school": "Ridgeline High", "method": "SCAN", "cases": null, "small_cell": true, "q_value": 0.034,
             "first_signal_on": "2026-03-01", "state": "UNDER_REVIEW"},
        ],
        "rules": [
            {"id": "r1", "syndrome": "GI", "case_count": 3, "window_days": 3, "scope": "CLASS",
             "action": "Clean the room, keep the ill at home until 48 hours after the last sign, and tell the health department",
             "citation": "Default of Salus: three students of one class within 72 hours. Not verified: confirm with your health department"},
            {"id": "r2", "disease_code": "COVID19", "case_count": 3, "share_percent": 10, "window_days": 14, "scope": "GROUP",
             "action": "Ask the health department whether the group is to be tested", "citation": "Invented County, school guidance of 2026",
             "confirmed_at": "2026-01-12T18:00:00Z"},
        ],
    });
    outbreaks::render(&from(view), shell).into_string()
}

pub fn none(shell: &Shell) -> String {
    outbreaks::render(&from(json!({"small_cell": 5, "error": "This rule was confirmed already"})), shell).into_string()
}

fn alert() -> Value {
    let days: Vec<String> = (2..28).filter(|d| (d - 1) % 7 < 5).map(|d| format!("2026-02-{d:02}")).collect();
    let counts: Vec<u32> = (0..days.len()).map(|n| if n > 16 { 5 } else { (n % 3 == 1).into() }).collect();
    let upper: Vec<Option<f64>> = days.iter().enumerate().map(|(n, _)| (n > 8).then_some(2.1)).collect();
    let mut view = json!({
        "id": "a1", "row_version": 3, "number": "OB-2026-0002", "syndrome": "RASH_FEVER", "disease_code": "MEASLES", "level": "CLASS",
        "name": "Room 12", "school": "Larkspur Elementary", "school_id": "s1", "method": "C2", "statistic": 6.2, "threshold": 3.0,
        "observed": 7, "expected": 0.9, "p_value": 0.000_04, "q_value": 0.0021, "cases": 7, "population": 24,
        "first_signal_on": "2026-02-25", "review_due_on": "2026-03-03", "state": "UNDER_REVIEW", "next": ["CLUSTER", "DISMISSED"],
        "reasons": ["DUPLICATE", "ONE_HOUSEHOLD", "RECORDING_ARTEFACT", "KNOWN_EVENT"], "least": 5, "may_report": true, "may_see_vaccines": true,
        "rule": {"confirmed": false, "action": "Call the health department at once; list who is exempt or susceptible"},
    });
    view["curve"] =
        json!([{"on": "2026-02-23", "cases": 1}, {"on": "2026-02-24", "cases": 2}, {"on": "2026-02-25", "cases": 4}]);
    view["series"] = json!({"days": days, "counts": counts, "upper": upper});
    view["steps"] = json!([{"state": "UNDER_REVIEW", "at": "2026-03-02T19:00:00Z"}]);
    view["has_letter"] = json!(true);
    view["letters"] = json!([{"at": "2026-03-02T19:00:00Z", "classes": 3, "languages": ["en", "es"]}]);
    view["clusters"] = json!([
        {"kind": "HOMEROOM", "name": "Room 12", "cases": 7, "population": 24, "attack_rate": 0.2917, "relative_risk": 6.68},
        {"kind": "GRADE", "name": "2", "cases": 7, "population": 68, "attack_rate": 0.103, "relative_risk": null},
        {"kind": "HOUSEHOLD", "cases": 2, "population": 2, "attack_rate": 1.0},
    ]);
    view["may_decide_cases"] = json!(true);
    view["case_classes"] = json!(["SUSPECT", "PROBABLE", "CONFIRMED", "RULED_OUT"]);
    view["diseases"] = json!(["MEASLES", "RUBELLA", "VARICELLA"]);
    view["line_list"] = json!([
        {"id": "c1", "student_id": "p1", "family_name": "Quillfeather", "given_names": "Invented", "grade": "2", "homeroom": "Room 12",
         "onset_on": "2026-02-23", "symptoms": ["FEVER", "RASH"], "case_class": "CONFIRMED"},
        {"id": "c2", "student_id": "p2", "pseudonym": "P-7KQ2M9XD", "grade": "2", "homeroom": "Room 12", "onset_on": "2026-02-24",
         "symptoms": ["FEVER", "RASH", "COUGH"], "case_class": "SUSPECT"},
    ]);
    view
}

pub fn one(shell: &Shell) -> String {
    outbreak::render(&from(alert()), shell).into_string()
}

/// What somebody sees who may not open records.
pub fn blind(shell: &Shell) -> String {
    let mut view = alert();
    for name in ["series", "line_list", "observed", "cases", "expected"] {
        view[name] = Value::Null;
    }
    view["small_cell"] = json!(true);
    view["may_report"] = json!(false);
    view["next"] = json!([]);
    view["curve"] = json!([{"on": "2026-02-24", "cases": null}, {"on": "2026-02-25", "cases": null}]);
    view["clusters"] = json!([{"kind": "HOMEROOM", "name": "Room 12", "cases": null, "population": 24}]);
    outbreak::render(&from(view), shell).into_string()
}
