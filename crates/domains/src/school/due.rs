//! Doses that are to be given: made due each morning from the orders in force, of students who are enrolled, and missed when nobody
//! recorded them. What is recorded is in [`super::doses`].

use super::{doses::DOSES, supplies};
use crate::{clock, row};
use salus_core::Result;
use salus_rules::medication;
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::json;
use uuid::Uuid;

/// Makes the doses of today due: of one order, or from five in the morning of all. What can still be given in its window, and what
/// was to be given while the order was in force and the server did not run. Whoever is enrolled nowhere that day gets none.
///
/// # Errors
/// Those of the database.
pub(super) async fn make_due(tx: &mut Tx, order: Option<Uuid>) -> Result<()> {
    let earliest = tx.ctx.env.now() - supplies::window(tx).await?;
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT o.id, o.student_id, p.school_id, o.medication::text AS medication, o.dose_unit::text AS unit, x.slot \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT $1::timestamptz AT TIME ZONE s.timezone::text AS clock) l \
         CROSS JOIN LATERAL (SELECT (l.clock::date + t::time) AT TIME ZONE s.timezone::text AS slot \
           FROM jsonb_array_elements_text(o.times) t) x \
         LEFT JOIN school.calendar_days c ON c.school_id = p.school_id AND c.day = l.clock::date \
         WHERE o.status = 'ACTIVE' AND o.kind = 'SCHEDULED' AND l.clock::date BETWEEN o.valid_from AND o.valid_to \
           AND coalesce(c.is_instructional, extract(isodow FROM l.clock) < 6) \
           AND (x.slot >= $2 OR x.slot >= o.activated_at) \
           AND EXISTS (SELECT FROM school.student_enrollments e WHERE e.patient_id = o.student_id AND e.school_id = p.school_id \
             AND e.enrolled_on <= l.clock::date AND (e.exited_on IS NULL OR e.exited_on >= l.clock::date)) \
           AND (o.id = $3 OR ($3::uuid IS NULL AND l.clock::time >= time '05:00')) \
           AND NOT EXISTS (SELECT FROM school.medication_administrations a \
             WHERE a.order_id = o.id AND a.scheduled_for = x.slot) \
         ORDER BY x.slot, o.id FOR NO KEY UPDATE OF o"
    );
    let mut rows = Vec::new();
    for due in tx.query(sql, &[&now, &earliest, &order]).await? {
        let values = row(json!({
            "order_id": due.get::<_, Uuid>("id"), "student_id": due.get::<_, Uuid>("student_id"),
            "school_id": due.get::<_, Uuid>("school_id"), "medication": due.get::<_, String>("medication"),
            "dose_unit": due.get::<_, String>("unit"), "scheduled_for": clock::text(due.get("slot"))?,
        }));
        rows.push(NewRow { id: tx.ctx.env.id(), values });
    }
    if rows.is_empty() { Ok(()) } else { tx.insert(DOSES.table, &rows).await }
}

/// Doses that nobody recorded in time: absent, when the student was away from its time to the end of its window; else missed, and the
/// nurses are told; held, when the order was not in force at its time. A dose whose record was marked as an error waits as long for the
/// one that is right, and so does one of a student who was there after all.
///
/// # Errors
/// Those of the database.
pub(super) async fn mark_missed(tx: &mut Tx) -> Result<()> {
    follow_absences(tx).await?;
    let now = tx.ctx.env.now();
    let window = supplies::window(tx).await?;
    let latest = now - window - medication::GRACE;
    let window = window.whole_minutes();
    let sql = sql!(
        "SELECT a.id, a.school_id, o.status = 'ACTIVE' OR coalesce(a.scheduled_for < o.stopped_at, false), \
           school.absence_at(a.student_id, a.school_id, a.scheduled_for, a.scheduled_for + $2::int8 * interval '1 minute') \
         FROM school.medication_administrations a \
         JOIN school.student_medication_orders o ON o.id = a.order_id \
         WHERE a.outcome IS NULL AND a.scheduled_for <= $1 \
           AND NOT (a.row_version > 1 AND a.updated_at > clock_timestamp() - interval '15 minutes') ORDER BY a.scheduled_for FOR NO KEY UPDATE OF a SKIP LOCKED"
    );
    for dose in tx.query(sql, &[&latest, &window]).await? {
        let (id, school): (Uuid, Uuid) = (dose.get(0), dose.get(1));
        let (in_force, absence): (bool, Option<Uuid>) = (dose.get(2), dose.get(3));
        let outcome = match absence {
            _ if !in_force => json!({ "outcome": "HELD" }),
            Some(absence) => json!({ "outcome": "ABSENT", "absence_id": absence }),
            None => json!({ "outcome": "MISSED" }),
        };
        let missed = in_force && absence.is_none();
        tx.update(DOSES.table, id, None, row(outcome)).await?;
        if missed {
            tx.emit("school.dose.missed", id, json!({ "school": school }));
        }
    }
    Ok(())
}

/// What absences that were told or changed in the last day make of doses on which the server decided before: open again where the
/// student was there, absent instead of missed where not. What a person recorded stays.
async fn follow_absences(tx: &mut Tx) -> Result<()> {
    let window = supplies::window(tx).await?.whole_minutes();
    let sql = sql!(
        "SELECT a.id FROM school.absences b JOIN school.medication_administrations a ON a.absence_id = b.id \
         WHERE b.updated_at > clock_timestamp() - interval '1 day' \
           AND school.absence_at(a.student_id, a.school_id, a.scheduled_for, a.scheduled_for + $1::int8 * interval '1 minute') IS NULL \
         FOR NO KEY UPDATE OF a SKIP LOCKED"
    );
    for dose in tx.query(sql, &[&window]).await? {
        tx.update(DOSES.table, dose.get(0), None, row(json!({ "outcome": null, "absence_id": null }))).await?;
    }
    let sql = sql!(
        "SELECT a.id, a.school_id, b.id FROM school.absences b \
         JOIN school.medication_administrations a ON a.student_id = b.student_id AND a.school_id = b.school_id \
         WHERE b.updated_at > clock_timestamp() - interval '1 day' AND a.outcome = 'MISSED' \
           AND school.absence_at(a.student_id, a.school_id, a.scheduled_for, a.scheduled_for + $1::int8 * interval '1 minute') = b.id \
         FOR NO KEY UPDATE OF a SKIP LOCKED"
    );
    for dose in tx.query(sql, &[&window]).await? {
        let (id, school, absence): (Uuid, Uuid, Uuid) = (dose.get(0), dose.get(1), dose.get(2));
        tx.update(DOSES.table, id, None, row(json!({ "outcome": "ABSENT", "absence_id": absence }))).await?;
        tx.emit("school.dose.recorded_late", id, json!({ "school": school }));
    }
    Ok(())
}
