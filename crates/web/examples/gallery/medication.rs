//! The medication round, a dose, the medication of a student, and the register of controlled drugs.

use super::from;
use salus_web::pages::{Shell, delegations, dose, medication, medication_errors, medication_month, orders, register};
use serde_json::{Value, json};

fn student(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "birth_date": "2016-09-14", "grade": "4", "homeroom": "Room 12"})
}

fn allergic() -> Value {
    let mut student = student("p1", "Quillfeather, Marisol");
    student["allergies"] = json!(["Penicillin"]);
    student["plans"] = json!(["ASTHMA"]);
    student
}

fn a_dose(id: &str, student: &Value, at: &str, state: &str) -> Value {
    json!({"id": id, "order_id": format!("o-{id}"), "student": student, "medication": "Methylphenidate 10 mg", "dose": "1",
           "unit": "tablet", "route": "ORAL", "scheduled_for": at, "state": state, "is_delegable": true, "client_ref": "c"})
}

fn day() -> Value {
    let mut late = a_dose("d1", &student("p2", "O'Dunmore-Teixeirão, Thaddeus"), "2026-11-20T16:00:00Z", "LATE");
    late["instructions"] = json!("With food; check that it was swallowed");
    late["is_controlled"] = json!(true);
    late["balance"] = json!("29");
    let mut allergy = a_dose("d2", &allergic(), "2026-11-20T17:00:00Z", "DUE");
    allergy["medication"] = json!("Amoxicillin 250 mg/5 mL");
    allergy["allergy"] = json!(true);
    let mut given = a_dose("d4", &student("p4", "Fairholt-Lane, Rosalind"), "2026-11-20T15:00:00Z", "GIVEN");
    given["administered_at"] = json!("2026-11-20T15:04:00Z");
    given["dose_given"] = json!("1");
    given["was_corrected"] = json!(true);
    let mut needed = a_dose("d5", &student("p5", "Vilarinhal, Caetano"), "", "GIVEN");
    needed["medication"] = json!("Ibuprofen 200 mg");
    needed["administered_at"] = json!("2026-11-20T15:40:00Z");
    json!({
        "school": "s1", "day": "2026-11-20", "is_nurse": true,
        "schools": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"]],
        "doses": [late, allergy, a_dose("d3", &student("p3", "Quillfeather, Ines"), "2026-11-20T20:00:00Z", "LATER"), given, needed],
    })
}

pub fn round(shell: &Shell) -> String {
    medication::render(&from(day()), shell).into_string()
}

pub fn refused(shell: &Shell) -> String {
    let mut view = day();
    view["refused"] = json!({"order_id": "o-d1", "scheduled_for": "2026-11-20T16:00:00Z",
        "message": "Say why it is given more than 30 minutes from its time"});
    medication::render(&from(view), shell).into_string()
}

pub fn scanned(shell: &Shell) -> String {
    let mut view = day();
    view["scan"] = json!({"handle": "h", "student": "p2", "orders": ["o-d1"]});
    medication::render(&from(view), shell).into_string()
}

pub fn wrong_package(shell: &Shell) -> String {
    let mut view = day();
    view["scan"] = json!({"handle": "h", "student": "p1",
        "error": "This package is of none of this student's orders: do not give it"});
    medication::render(&from(view), shell).into_string()
}

pub fn quiet(shell: &Shell) -> String {
    medication::render(&from(json!({"school": "s1", "day": "2026-11-20"})), shell).into_string()
}

pub fn one_dose(shell: &Shell) -> String {
    let said = json!({"medication": "Ibuprofen 200 mg", "administered_at": "2026-11-20T15:40:00Z", "outcome": "GIVEN",
        "dose_given": "1", "dose_unit": "tablet", "reason": "Still in pain"});
    let mut former = said.clone();
    former["administered_at"] = json!("2026-11-20T14:40:00Z");
    dose::render(
        &from(json!({"id": "d5", "student": allergic(), "said": said, "was_corrected": true, "asks_effect": true,
            "may_correct": true,
            "before": [{"at": "2026-11-20T15:45:00Z", "reason": "Wrong time", "said": former}],
            "errors": [{"field": "reason", "message": "Is required"}]})),
        shell,
    )
    .into_string()
}

fn an_order(id: &str, medication: &str, kind: &str, status: &str) -> Value {
    json!({"id": id, "row_version": 1, "medication": medication, "kind": kind, "status": status, "dose": "1", "unit": "tablet",
           "route": "ORAL", "valid_from": "2026-08-17", "valid_to": "2027-06-11", "is_ordered": true, "is_consented": true,
           "in_force": status == "ACTIVE", "today": 0})
}

pub fn of_student(shell: &Shell) -> String {
    let mut needed = an_order("o1", "Ibuprofen 200 mg", "PRN", "ACTIVE");
    for (name, value) in [
        ("min_interval_min", json!(240)),
        ("max_per_day", json!(3)),
        ("max_daily_dose", json!("3")),
        ("today", json!(1)),
        ("last_at", json!("2026-11-20T15:40:00Z")),
        ("next_at", json!("2026-11-20T19:40:00Z")),
        ("stops", json!(["MIN_INTERVAL", "MAX_DAILY_DOSE"])),
        ("instructions", json!("Against headache, after water and rest")),
    ] {
        needed[name] = value;
    }
    let mut noon = an_order("o2", "Methylphenidate 10 mg", "SCHEDULED", "ACTIVE");
    noon["times"] = json!(["08:30", "12:00"]);
    noon["is_controlled"] = json!(true);
    noon["inventory_id"] = json!("i1");
    noon["balance"] = json!("29");
    noon["supply_expires_on"] = json!("2026-12-04");
    noon["supply_ends_soon"] = json!(true);
    let mut waits = an_order("o3", "Amoxicillin 250 mg/5 mL", "SCHEDULED", "PENDING_CONSENT");
    waits["is_consented"] = json!(false);
    waits["allergies_unchecked"] = json!(true);
    let orders = json!([needed, an_order("o4", "Albuterol HFA 90 mcg", "EMERGENCY", "ACTIVE"), noon, waits]);
    let view = json!({"student": allergic(), "is_nurse": true, "orders": orders, "values": {"valid_from": "2026-11-20"},
        "errors": [{"field": "times", "message": "A scheduled order names its times, such as [\"12:00\"]"}]});
    orders::render(&from(view), shell).into_string()
}

fn a_supply(id: &str, order: &str) -> Value {
    json!({"id": id, "order_id": order, "student": student("p2", "O'Dunmore-Teixeirão, Thaddeus"),
           "medication": "Methylphenidate 10 mg", "unit": "tablet", "order_status": "ACTIVE", "balance": "29"})
}

pub fn register(shell: &Shell) -> String {
    let mut counted = a_supply("i1", "o1");
    counted["counted_at"] = json!("2026-11-20T15:00:00Z");
    let mut waits = a_supply("i2", "o2");
    waits["waits"] = json!(1);
    let mut left = a_supply("i3", "o3");
    left["order_status"] = json!("DISCONTINUED");
    let mut none = a_supply("", "o4");
    none["balance"] = json!("0");
    let view = json!({"school": "s1", "schools": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"]],
        "is_nurse": true, "supplies": [counted, waits, left, none]});
    register::render(&from(view), shell).into_string()
}

pub fn supply(shell: &Shell) -> String {
    let entry = |kind: &str, change: &str, after: &str, more: Value| {
        let mut entry = json!({"kind": kind, "change": change, "balance_after": after, "entry_at": "2026-11-20T15:00:00Z",
            "by": "Nora Invented"});
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
            entry.extend(more);
        }
        entry
    };
    let view = json!({"supply": a_supply("i1", "o1"), "is_nurse": true, "staff": [["u2", "Rosa Invented"]],
        "waiting": [{"id": "c1", "name": "Rosa Invented", "at": "2026-11-20T15:20:00Z"}, {"id": "c2", "name": "Nora Invented", "is_own": true}],
        "entries": [
            entry("COUNTED", "-1", "28", json!({"witness": "Rosa Invented"})),
            entry("WASTED", "-0.5", "29", json!({"witness": "Rosa Invented", "reason": "Dropped on the floor"})),
            entry("GIVEN", "-1", "29.5", json!({"administration_id": "d1"})),
            entry("RECEIVED", "30.5", "30.5", json!({})),
        ],
        "error": "The two of you found different numbers: count again together"});
    register::supply(&from(view), shell).into_string()
}

pub fn month(shell: &Shell) -> String {
    let slot = |day: &str, outcome: &str, more: Value| {
        let slot = json!({"day": day, "due": "12:00", "outcome": outcome});
        let members = [slot, more].into_iter().filter_map(|v| v.as_object().cloned()).flatten();
        Value::Object(members.collect())
    };
    let given = || json!({"given_at": "12:04", "dose_given": "1", "by": "Nora Invented"});
    let view = json!({
        "student": {"id": "p1", "family_name": "Quillfeather", "given_names": "Marisol"}, "school": "Sampleton Invented Elementary",
        "month": "2026-03",
        "orders": [{"id": "o1", "medication": "Methylphenidate 10 mg", "dose": "1", "unit": "tablet", "route": "ORAL", "slots": [
            slot("2026-03-02", "GIVEN", given()),
            slot("2026-03-03", "REFUSED", json!({"by": "Nora Invented", "reason": "Felt sick"})),
            slot("2026-03-04", "ABSENT", json!({})), slot("2026-03-05", "MISSED", json!({})), slot("2026-03-06", "NO_RECORD", json!({})),
            slot("2026-03-09", "GIVEN", json!({"given_at": "12:41", "dose_given": "1", "by": "Aiden Invented", "reason": "Fire drill", "was_corrected": true})),
            slot("2026-03-10", "OPEN", json!({})), slot("2026-03-11", "LATER", json!({}))]}],
        "as_needed": [{"day": "2026-03-02", "given_at": "10:05", "medication": "Albuterol", "outcome": "GIVEN", "dose_given": "2", "unit": "puff",
                       "effect": "RELIEVED", "by": "Nora Invented", "from_stock": true}],
    });
    medication_month::render(&from(view), shell).into_string()
}

pub fn empty_month(shell: &Shell) -> String {
    medication_month::render(
        &from(json!({"student": {"id": "p1", "pseudonym": "amber-heron"}, "month": "2026-02"})),
        shell,
    )
    .into_string()
}

pub fn mistakes(shell: &Shell) -> String {
    let view = json!({"may_close": true, "errors": [
        {"id": "e1", "student": "Quillfeather, Marisol", "student_id": "p1", "kind": "WRONG_DOSE", "severity": "D", "happened_at": "2026-03-02T20:05:00Z",
         "description": "Two tablets instead of one", "action_taken": "Watched for an hour", "guardian_told_at": "2026-03-02T20:30:00Z",
         "guardian_said": "Thanked us"},
        {"id": "e2", "student": "Vilarinhal, Caetano", "student_id": "p4", "kind": "WRONG_STUDENT", "severity": "E", "happened_at": "2026-02-20T20:05:00Z",
         "description": "Another child's inhaler", "guardian_told_at": "2026-02-20T20:30:00Z", "prescriber_told_at": "2026-02-20T20:40:00Z",
         "closed_at": "2026-02-25T20:00:00Z", "review": "Photos on the boxes"}]});
    medication_errors::render(&from(view), shell).into_string()
}

pub fn no_mistakes(shell: &Shell) -> String {
    medication_errors::render(&from(json!({})), shell).into_string()
}

pub fn delegations(shell: &Shell) -> String {
    let one = |id: &str, route: &str, until: &str, state: &str, reason: &str| {
        json!({"id": id, "row_version": 1, "name": "Abernathy, Odile", "route": route, "trained_on": "2026-08-17", "valid_until": until,
               "by": "Marchetti, Dana", "reason": reason, "state": state})
    };
    let view = json!({"school": "s1", "schools": [["s1", "Larkspur Elementary"], ["s2", "Manzanita Middle"]], "is_nurse": true,
        "delegations": [one("g1", "ORAL", "2027-06-11", "ACTIVE", ""), one("g2", "INHALED", "2026-12-01", "ENDS_SOON", ""),
                        one("g3", "SUBCUTANEOUS", "2027-06-11", "REVOKED", "Retrain")],
        "staff": [["u1", "Abernathy, Odile"], ["u2", "Fairholt, Bram"]], "values": {"trained_on": "2026-11-20"},
        "errors": [{"field": "valid_until", "message": "Is over already: the training must count today"}]});
    delegations::render(&from(view), shell).into_string()
}

pub fn no_delegations(shell: &Shell) -> String {
    delegations::render(&from(json!({"school": "s1"})), shell).into_string()
}
