//! Medication of the demonstration district: orders of which doses are due around the moment of loading, so that a nurse who
//! looks finds something to do, one as needed, and supplies of controlled drugs with their register.

use super::{
    district::offset,
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

/// Orders of a school's students, their doses of today, and the register.
pub(super) fn fill(rows: &mut Rows, school: Uuid, students: &[Uuid], now: OffsetDateTime) -> Result<()> {
    let local = now.to_offset(offset(now.date()));
    let today = local.date();
    let whole = local
        - Duration::minutes(i64::from(local.minute() % 5))
        - Duration::seconds(local.second().into())
        - Duration::nanoseconds(local.nanosecond().into());
    let text = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal);
    for (student, (minutes, medication, schedule, instructions)) in students.iter().skip(2).zip(BY_THE_CLOCK) {
        let slot = whole + Duration::minutes(minutes);
        if slot.date() != today {
            continue;
        }
        let more = json!({
            "medication": medication, "kind": "SCHEDULED", "times": [format!("{:02}:{:02}", slot.hour(), slot.minute())],
            "controlled_schedule": schedule, "instructions": instructions, "delegable": schedule == "0",
        });
        let order = order(rows, *student, today, more);
        let given = (minutes < -60).then(|| text(slot + Duration::minutes(4))).transpose()?;
        let mut dose = json!({
            "order_id": order, "student_id": student, "school_id": school, "medication": medication, "dose_unit": "tablet",
            "scheduled_for": text(slot)?,
        });
        if let Some(at) = &given {
            dose["administered_at"] = json!(at);
            dose["outcome"] = json!("GIVEN");
            dose["dose_given"] = json!("1");
        }
        let dose = rows.add("school.medication_administrations", dose);
        if schedule == "0" {
            continue;
        }
        let supply = json!({"order_id": order, "student_id": student, "school_id": school});
        let supply = rows.add("school.medication_inventory", supply);
        let received = text(now - Duration::days(3))?;
        let entry = |kind: &str, change: &str, at: &str, dose: Option<Uuid>| {
            json!({"inventory_id": supply, "student_id": student, "kind": kind, "change": change, "entry_at": at,
                   "administration_id": dose})
        };
        rows.add("school.medication_inventory_entries", entry("RECEIVED", "30", &received, None));
        if let Some(at) = &given {
            rows.add("school.medication_inventory_entries", entry("GIVEN", "-1", at, Some(dose)));
        }
    }
    let Some(student) = students.get(7) else { return Ok(()) };
    let more = json!({"medication": "Ibuprofen 200 mg", "kind": "PRN", "min_interval_min": 240, "max_per_day": 3,
        "prn_reason": "HEADACHE", "instructions": "After water and rest", "delegable": true});
    order(rows, *student, today, more);
    let Some(student) = students.get(8) else { return Ok(()) };
    order(
        rows,
        *student,
        today,
        json!({"medication": "Albuterol HFA 90 mcg", "kind": "EMERGENCY", "dose_qty": "2",
        "dose_unit": "puff", "route": "INHALED", "delegable": true}),
    );
    Ok(())
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
