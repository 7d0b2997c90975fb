//! Analytics of visits: a school with months, and what somebody sees who may not open records.

use super::from;
use salus_web::pages::{Shell, visit_analytics};
use serde_json::{Value, json};

fn lines(all: &[(&str, Option<u32>, f64)]) -> Value {
    all.iter()
        .map(|(value, n, rate)| json!({"value": value, "visits": n, "per_100_students": n.map(|_| rate)}))
        .collect()
}

fn seen() -> Value {
    let student = |id: &str, name: &str| json!({"id": id, "name": name, "grade": "4"});
    json!({
        "mine": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"]], "from": "2026-08-24", "to": "2026-11-20",
        "enrolled": 990, "visits": 1482, "visits_per_100_students": 149.7, "students": 512, "return_to_class_percent": 88.4,
        "median_minutes": 11.5, "p90_minutes": 38.0, "class_minutes_missed": 16240,
        "groups": {
            "month": lines(&[("2026-08", Some(121), 12.2), ("2026-09", Some(502), 50.7), ("2026-10", Some(548), 55.4), ("2026-11", Some(311), 31.4)]),
            "complaint": lines(&[("HEADACHE", Some(391), 39.5), ("STOMACH", Some(377), 38.1), ("INJURY", Some(244), 24.6), ("ASTHMA", Some(96), 9.7)]),
            "disposition": lines(&[("RETURN_TO_CLASS", Some(1310), 132.3), ("PARENT_PICKUP", Some(141), 14.2), ("EMERGENCY_SERVICES_911", Some(2), 0.2)]),
            "hour": lines(&[("09", Some(280), 28.3), ("10", Some(341), 34.4), ("11", Some(402), 40.6)]),
            "school": lines(&[("s1", Some(840), 175.0), ("s2", Some(642), 125.9)]),
            "grade": lines(&[("K", Some(151), 180.1), ("4", Some(88), 110.0)]),
        },
        "frequent_visitors": [{"student_id": "p1", "visits": 9, "why": ["THREE_IN_A_WEEK", "SIX_IN_A_MONTH", "ABOVE_THE_SCHOOL"]}],
        "most_class_missed": [{"student_id": "p1", "visits": 9, "minutes": 214}, {"student_id": "p2", "visits": 4, "minutes": 131}],
        "class_avoidance": [{"student_id": "p2", "period": "Period 3", "visits_in_it": 5, "visits": 6}],
        "people": {"p1": student("p1", "Quillfeather, Marisol"), "p2": student("p2", "O'Dunmore-Teixeirão, Thaddeus")},
    })
}

pub fn school(shell: &Shell) -> String {
    visit_analytics::render(&from(seen()), shell).into_string()
}

pub fn few(shell: &Shell) -> String {
    let view = json!({"from": "2026-11-01", "to": "2026-11-30", "enrolled": 120, "visits": 14, "small_counts_left_out": true,
                      "groups": {"complaint": lines(&[("HEADACHE", Some(9), 7.5), ("RASH", None, 0.0), ("STOMACH", None, 0.0)])}});
    visit_analytics::render(&from(view), shell).into_string()
}
