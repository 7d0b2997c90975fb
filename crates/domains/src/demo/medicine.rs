//! Medication of the demonstration district: orders of which doses are due around the moment of loading, so that a nurse who
//! looks finds something to do, one as needed, and supplies of controlled drugs with their register; in the whole district 310 orders,
//! 12 of them for controlled drugs.

use super::{
    calendar::{at, is_school, offset},
    people::SEED,
    places::Pupil,
    random::Random,
    rows::{Rows, later},
};
use salus_core::{Error, Result};
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Minutes from now, medicine, schedule of the law, instructions.
const BY_THE_CLOCK: [(i64, &str, &str, Option<&str>); 5] = [
    (-95, "Methylphenidate 10 mg", "II", None),
    (-40, "Amoxicillin 250 mg", "0", Some("With food")),
    (-5, "Methylphenidate 5 mg", "II", Some("Check that it was swallowed")),
    (5, "Cetirizine 10 mg", "0", None),
    (90, "Levetiracetam 500 mg", "0", None),
];

/// One more in the whole district.
const THIRD_CONTROLLED: (i64, &str, &str, Option<&str>) = (25, "Dexmethylphenidate 5 mg", "II", None);
/// Orders of the whole district.
const ORDERS: usize = 310;
/// Orders of each school by the clock and for two more students: what a nurse finds at any size.
const OF_SCHOOL: usize = 7;

/// Orders of a school's students, their doses of today, and the register. `more` are the orders of the whole district: the place of
/// the school among so many.
pub(super) fn fill(
    rows: &mut Rows,
    (school, students): (Uuid, &[Pupil]),
    more: Option<(usize, usize)>,
    now: OffsetDateTime,
) -> Result<()> {
    let today = now.to_offset(offset(now.date())).date();
    for (student, due) in students.iter().skip(2).zip(BY_THE_CLOCK) {
        by_the_clock(rows, (school, student.id), due, now)?;
    }
    if let Some(student) = students.get(7) {
        let more = json!({"medication": "Ibuprofen 200 mg", "kind": "PRN", "min_interval_min": 240, "max_per_day": 3,
            "prn_reason": "HEADACHE", "instructions": "After water and rest", "delegable": true});
        order(rows, student.id, today, more);
    }
    if let Some(student) = students.get(8) {
        let more = json!({"medication": "Albuterol HFA 90 mcg", "kind": "EMERGENCY", "dose_qty": "2", "dose_unit": "puff",
            "route": "INHALED", "delegable": true});
        order(rows, student.id, today, more);
    }
    let Some((place, schools)) = more else { return Ok(()) };
    if let Some(student) = students.get(9) {
        by_the_clock(rows, (school, student.id), THIRD_CONTROLLED, now)?;
    }
    let rest = ORDERS * (place + 1) / schools - ORDERS * place / schools - OF_SCHOOL - 1;
    let mut random = Random::new(SEED, 6_000_000 + place as u64);
    let order_of = random.shuffled(students.len() - 10);
    for (n, at) in order_of.into_iter().take(rest).enumerate() {
        usual(rows, (school, students[10 + at].id), n, now)?;
    }
    Ok(())
}

/// An order whose dose is due so many minutes from now, with a supply and its register where the drug is controlled.
fn by_the_clock(
    rows: &mut Rows,
    (school, student): (Uuid, Uuid),
    (minutes, medication, schedule, instructions): (i64, &str, &str, Option<&str>),
    now: OffsetDateTime,
) -> Result<()> {
    let local = now.to_offset(offset(now.date()));
    let whole = local
        - Duration::minutes(i64::from(local.minute() % 5))
        - Duration::seconds(local.second().into())
        - Duration::nanoseconds(local.nanosecond().into());
    let slot = whole + Duration::minutes(minutes);
    let mut more = json!({
        "medication": medication, "kind": "SCHEDULED", "times": [format!("{:02}:{:02}", slot.hour(), slot.minute())],
        "controlled_schedule": schedule, "instructions": instructions, "delegable": schedule == "0",
    });
    if slot.date() > local.date() {
        more["valid_from"] = json!(slot.date().to_string());
    }
    let order = order(rows, student, local.date(), more);
    let given = (minutes < -60).then(|| text(slot + Duration::minutes(4))).transpose()?;
    let dose = (slot.date() == local.date())
        .then(|| dose(rows, (order, student, school), (medication, slot), given.as_deref()));
    let dose = dose.transpose()?;
    if schedule == "0" {
        return Ok(());
    }
    let supply = json!({"order_id": order, "student_id": student, "school_id": school});
    let supply = rows.add("school.medication_inventory", supply);
    let received = text(now - Duration::days(3))?;
    let entry = |kind: &str, change: &str, at: &str, dose: Option<Uuid>| {
        json!({"inventory_id": supply, "student_id": student, "kind": kind, "change": change, "entry_at": at,
               "administration_id": dose})
    };
    rows.add("school.medication_inventory_entries", entry("RECEIVED", "30", &received, None));
    if let (Some(at), Some(dose)) = (&given, dose) {
        rows.add("school.medication_inventory_entries", entry("GIVEN", "-1", at, Some(dose)));
    }
    Ok(())
}

/// What many take: medicine, kind, what it is for, and at what time of the day.
type Usual = (&'static str, &'static str, Option<&'static str>, Option<(u8, u8)>);

const USUAL: [Usual; 10] = [
    ("Albuterol HFA 90 mcg", "EMERGENCY", None, None),
    ("Epinephrine auto-injector 0.3 mg", "EMERGENCY", None, None),
    ("Ibuprofen 200 mg", "PRN", Some("HEADACHE"), None),
    ("Cetirizine 10 mg", "SCHEDULED", None, Some((8, 30))),
    ("Albuterol HFA 90 mcg", "EMERGENCY", None, None),
    ("Acetaminophen 325 mg", "PRN", Some("PAIN"), None),
    ("Guanfacine 1 mg", "SCHEDULED", None, Some((12, 0))),
    ("Albuterol HFA 90 mcg", "EMERGENCY", None, None),
    ("Levetiracetam 500 mg", "SCHEDULED", None, Some((11, 45))),
    ("Famotidine 10 mg", "PRN", Some("STOMACH"), None),
];

/// An order of the rest, and its dose of today when it is a day of school.
fn usual(rows: &mut Rows, (school, student): (Uuid, Uuid), n: usize, now: OffsetDateTime) -> Result<()> {
    let (medication, kind, reason, clock) = USUAL[n % USUAL.len()];
    let today = now.to_offset(offset(now.date())).date();
    let mut more = json!({"medication": medication, "kind": kind, "delegable": true});
    match kind {
        "PRN" => {
            more["prn_reason"] = json!(reason);
            (more["min_interval_min"], more["max_per_day"]) = (json!(240), json!(3));
        }
        "EMERGENCY" if medication.starts_with("Albuterol") => {
            (more["dose_qty"], more["dose_unit"], more["route"]) = (json!("2"), json!("puff"), json!("INHALED"));
        }
        "EMERGENCY" => {
            (more["dose_unit"], more["route"]) = (json!("injection"), json!("INTRAMUSCULAR"));
        }
        _ => {}
    }
    if let Some((hour, minute)) = clock {
        more["times"] = json!([format!("{hour:02}:{minute:02}")]);
    }
    let order = order(rows, student, today, more);
    if let Some((hour, minute)) = clock.filter(|_| is_school(today)) {
        let slot = at(today, hour, minute);
        let given = (now - slot > Duration::hours(1)).then(|| text(slot + Duration::minutes(6))).transpose()?;
        dose(rows, (order, student, school), (medication, slot), given.as_deref())?;
    }
    Ok(())
}

/// A dose of an order, given or still to be given.
fn dose(
    rows: &mut Rows,
    (order, student, school): (Uuid, Uuid, Uuid),
    (medication, slot): (&str, OffsetDateTime),
    given: Option<&str>,
) -> Result<Uuid> {
    let mut dose = json!({
        "order_id": order, "student_id": student, "school_id": school, "medication": medication, "dose_unit": "tablet",
        "scheduled_for": text(slot)?,
    });
    if let Some(at) = given {
        dose["administered_at"] = json!(at);
        dose["outcome"] = json!("GIVEN");
        dose["dose_given"] = json!("1");
    }
    Ok(rows.add("school.medication_administrations", dose))
}

fn text(at: OffsetDateTime) -> Result<String> {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal)
}

/// An order in force, with both documents.
fn order(rows: &mut Rows, student: Uuid, today: Date, more: Value) -> Uuid {
    let mut document = |category: &str| {
        let since = later(today, -30);
        rows.add(
            "records.documents",
            json!({"patient_id": student, "recorded_at": format!("{since}T18:00:00Z"), "verification": "CLINICIAN_ENTERED",
                   "source_kind": "MANUAL", "status": "REFERENCED", "category": category}),
        )
    };
    let (ordered, consented) = (document("PRESCRIPTION"), document("CONSENT"));
    let mut values = json!({
        "student_id": student, "dose_qty": "1", "dose_unit": "tablet", "route": "ORAL", "status": "ACTIVE",
        "valid_from": later(today, -30).to_string(), "valid_to": later(today, 150).to_string(),
        "prescriber_order_id": ordered, "guardian_consent_id": consented,
    });
    if let (Value::Object(values), Value::Object(more)) = (&mut values, more) {
        values.extend(more);
    }
    rows.add("school.student_medication_orders", values)
}
