//! What an organization sets about medication, until when what a school holds of a medicine can be given, and relievers of asthma
//! that are needed too often. None of it changes what may be given: a nurse is told in time.

use super::{
    doses::TAKEN,
    orders::{self, ORDERS},
};
use crate::{clock, row};
use salus_core::{Error, Result};
use salus_rules::medication;
use salus_store::{Call, Catalog, Method, Op, Reply, Tx, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The setting.
const SETTING: &str = "school.medication";
/// Days before its last in which a supply is told.
pub(super) const TOLD_DAYS: i32 = 30;
/// Doses of a reliever in seven days from which on a plan is to be reviewed (section 5.2).
const OFTEN: usize = 3;

/// What a tenant may set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Minutes before and after its time in which a dose is on time: 5 to 60.
    window_minutes: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window_minutes: medication::WINDOW.whole_minutes() }
    }
}

/// How far from its time a dose may be given without a reason.
///
/// # Errors
/// [`Error::Conflict`] when the setting is not understood or beyond what is allowed.
pub(super) async fn window(tx: &mut Tx) -> Result<Duration> {
    let sql = sql!("SELECT value FROM kernel.settings WHERE name = $1::text");
    let Some(found) = tx.query_opt(sql, &[&SETTING]).await? else { return Ok(medication::WINDOW) };
    let wrong = |why: String| Error::Conflict {
        code: "setting_wrong",
        detail: format!("The setting {SETTING} {why}; it is such as {{\"window_minutes\":45}}"),
    };
    let set: Settings = serde_json::from_value(found.get(0)).map_err(|e| wrong(format!("is not understood: {e}")))?;
    if !(5..=medication::WIDEST.whole_minutes()).contains(&set.window_minutes) {
        return Err(wrong("needs window_minutes of 5 to 60".into()));
    }
    Ok(Duration::minutes(set.window_minutes))
}

/// Saying until when what the school holds for an order can be given.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn action(catalog: &Catalog) -> Result<Op> {
    let day = json!({"type": ["string", "null"], "format": "date", "description": "Its last day; null when nothing is held any more"});
    let input = json!({"type": "object", "required": ["supply_expires_on"], "additionalProperties": false,
        "properties": {"supply_expires_on": day}});
    let summary =
        "Say until when what the school holds for an order can be given; a dose takes it as the day of its lot";
    Ok(ORDERS.action(
        (catalog.table(ORDERS.table)?, "school.med.order"),
        (Method::Post, "/{id}/supply", "supply"),
        (summary, Some(input)),
        run(|tx, call| Box::pin(supplied(tx, call))),
    ))
}

async fn supplied(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, body) = (call.id()?, orders::only(&call.body, &["supply_expires_on"])?);
    let day = match body.get("supply_expires_on") {
        Some(Value::Null) => None,
        Some(Value::String(text)) => Some(clock::day("supply_expires_on", text)?.to_string()),
        _ => return Err(Error::invalid("supply_expires_on", "required", "Say the last day, or null")),
    };
    orders::lock(tx, id).await?;
    let changed = tx.update(ORDERS.table, id, call.if_match, row(json!({ "supply_expires_on": day }))).await?;
    let sql = sql!(
        "SELECT p.school_id, o.supply_expires_on IS NULL OR o.supply_expires_on > l.day + $3::int AS lasts \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS day) l WHERE o.id = $1"
    );
    if let Some(found) = tx.query_opt(sql, &[&id, &tx.ctx.env.now(), &TOLD_DAYS]).await?
        && found.get("lasts")
    {
        tx.emit("school.supply.replaced", id, json!({ "school": found.get::<_, Uuid>("school_id") }));
    }
    Ok(Reply::row(changed))
}

/// Supplies of orders in force that cannot be given for much longer, or any more. As long as one is not replaced it is said again:
/// the alert about it is one.
///
/// # Errors
/// Those of the database.
pub(super) async fn tell_expiring(tx: &mut Tx) -> Result<()> {
    let sql = sql!(
        "SELECT o.id, p.school_id FROM school.student_medication_orders o \
         JOIN school.student_profiles p ON p.patient_id = o.student_id JOIN school.schools s ON s.id = p.school_id \
         WHERE o.status IN ('ACTIVE', 'SUSPENDED') AND p.enrollment_status = 'ENROLLED' \
           AND o.supply_expires_on <= ($1::timestamptz AT TIME ZONE s.timezone::text)::date + $2::int ORDER BY o.id"
    );
    for order in tx.query(sql, &[&tx.ctx.env.now(), &TOLD_DAYS]).await? {
        tx.emit("school.supply.expiring", order.get(0), json!({ "school": order.get::<_, Uuid>(1) }));
    }
    Ok(())
}

/// Says that a student needed a reliever of asthma three times in the seven days before a dose: the plan is to be reviewed.
///
/// # Errors
/// Those of the database.
pub(super) async fn tell_frequent(tx: &mut Tx, (student, school): (Uuid, Uuid), at: OffsetDateTime) -> Result<()> {
    let sql = sql!(
        "SELECT medication::text, administered_at = $2 FROM school.medication_administrations WHERE student_id = $1 \
           AND administered_at > $2::timestamptz - interval '7 days' AND administered_at <= $2 AND outcome = ANY ($3)"
    );
    let found = tx.query(sql, &[&student, &at, &TAKEN.as_slice()]).await?;
    let relievers = found.iter().filter(|dose| medication::is_reliever(dose.get(0)));
    let (count, is_one) = relievers.fold((0, false), |(n, own), dose| (n + 1, own || dose.get(1)));
    if is_one && count >= OFTEN {
        tx.emit("school.inhaler.frequent", student, json!({ "school": school }));
    }
    Ok(())
}
