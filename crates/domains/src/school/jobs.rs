//! What is done about visits and doses without anybody asking: one that is open for two hours is pointed out, one that nobody ended is
//! ended half an hour after the last bell and marked to be verified. Doses are made due, and missed when nobody recorded them. A
//! supply of a controlled drug that differs is told. Immunizations are judged anew every night, school by school, and a student's when
//! doses changed; once a week it is kept how each school stands. Outbreaks are looked for at six and at one on school days, and at once
//! when one case is enough.

use super::{due, immunization, orders, outbreak, stock, supplies, visits};
use crate::auth::Carriers;
use salus_core::Result;
use salus_store::{
    Tx,
    jobs::{Job, Retry, When, Work},
    sql,
};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// The jobs of this domain.
#[must_use]
pub fn jobs(carriers: &Arc<Carriers>) -> Vec<Job> {
    let mut all = immunization::reminder_jobs(carriers);
    all.extend(immunization::evaluation_jobs());
    all.extend(immunization::snapshot_jobs());
    all.extend(outbreak::jobs());
    all.extend([
        Job {
            name: "school.watch_visits",
            when: When::Cron("*/10 * * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(watch(tx))),
        },
        Job {
            name: "school.make_doses_due",
            when: When::Cron("*/10 * * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(make_due(tx))),
        },
        Job {
            name: "school.mark_missed_doses",
            when: When::Cron("* * * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(due::mark_missed(tx))),
        },
        Job {
            name: "school.tell_expiring_supplies",
            when: When::Cron("0 6 * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(supplies::tell_expiring(tx))),
        },
        Job {
            name: "school.tell_stock_mismatch",
            when: When::Events(&[stock::MISMATCH]),
            retry: Retry::default(),
            work: Work::local(|tx, task| Box::pin(stock::tell_mismatch(tx, task))),
        },
    ]);
    all
}

/// Ends the orders whose last day is over, then makes the doses of the others due.
async fn make_due(tx: &mut Tx) -> Result<()> {
    orders::expire(tx).await?;
    due::make_due(tx, None).await
}

async fn watch(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT v.id, greatest(v.check_in_at, least(v.check_in_at + interval '8 hours', e.ends)) AS ends, \
           EXISTS (SELECT FROM kernel.subject_keys k WHERE k.id = v.student_id AND k.destroyed_at IS NOT NULL) AS erased \
         FROM school.clinic_visits v JOIN school.schools s ON s.id = v.school_id \
         CROSS JOIN LATERAL (SELECT coalesce( \
           (SELECT max((v.visit_on + p.ends_at::text::time) AT TIME ZONE s.timezone::text) \
              FROM school.calendar_days d JOIN school.bell_periods p ON p.schedule_id = d.schedule_id \
             WHERE d.school_id = v.school_id AND d.day = v.visit_on), \
           (v.visit_on + time '16:00') AT TIME ZONE s.timezone::text) AS ends) e \
         WHERE v.status = 'OPEN' AND v.check_in_at <= $1 AND $1 >= \
           CASE WHEN v.check_in_at < e.ends THEN e.ends + interval '30 minutes' ELSE v.check_in_at + interval '8 hours' END \
         ORDER BY v.check_in_at"
    );
    for forgotten in tx.query(sql, &[&now]).await? {
        visits::close_forgotten(tx, forgotten.get("id"), forgotten.get("ends"), forgotten.get("erased")).await?;
    }
    // As long as it is open it is said again: the alert about it is one, and ends with the visit.
    let sql = sql!(
        "SELECT id, school_id, attended_by FROM school.clinic_visits \
         WHERE status = 'OPEN' AND check_in_at <= $1::timestamptz - interval '120 minutes'"
    );
    for long in tx.query(sql, &[&now]).await? {
        let (visit, school, user): (Uuid, Uuid, Option<Uuid>) = (long.get(0), long.get(1), long.get(2));
        tx.emit("school.visit.long", visit, json!({ "school": school, "user": user }));
    }
    Ok(())
}
