//! What happens to an alert while nobody looks: its chain goes on step by step, what was put off comes back, what is too old
//! expires, and what its definition says ends it. An acknowledgement stops the chain.

use super::{
    audience, raise,
    raise::Alert,
    severity::{Channel, Step},
    tell,
};
use salus_core::Result;
use salus_store::{Tx, jobs::Task, sql};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The job that carries the chain on at its time.
pub(super) const ESCALATE: &str = "alerts.escalate";
/// The event that a level was reached; its row is the alert.
pub const ESCALATED: &str = "alerts.alert.escalated";
/// The event that an alert ended.
pub const RESOLVED: &str = "alerts.alert.resolved";

fn steps(alert: &Alert) -> Vec<Step> {
    alert.definition.as_ref().map_or_else(|| alert.severity.chain(), |d| d.chain(alert.severity))
}

fn due(alert: &Alert, step: &Step) -> OffsetDateTime {
    alert.chain_from + Duration::seconds(step.after_s)
}

/// Says when the next step of the chain is due, and asks for the job that takes it.
pub(super) async fn plan(tx: &mut Tx, alert: &Alert, now: OffsetDateTime) -> Result<()> {
    let next = steps(alert).iter().map(|step| due(alert, step)).filter(|at| *at > now).min();
    let sql = sql!("UPDATE alerts.alert_instances SET next_escalation_at = $2 WHERE id = $1");
    tx.query(sql, &[&alert.id, &next]).await?;
    if let Some(at) = next {
        let key = format!("{}:{}", alert.id, at.unix_timestamp());
        tx.enqueue(ESCALATE, &key, json!({ "alert": alert.id }), Some(at)).await?;
    }
    Ok(())
}

/// Takes every step that is due; of several that were missed each in turn. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub(super) async fn escalate_due(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT id FROM alerts.alert_instances WHERE next_escalation_at <= $1 AND status IN ('ACTIVE', 'ESCALATED') \
         ORDER BY next_escalation_at LIMIT 200 FOR UPDATE SKIP LOCKED"
    );
    for found in tx.query(sql, &[&now]).await? {
        let mut alert = Alert::load(tx, found.get(0)).await?;
        let Some(from) = alert.next else { continue };
        for step in steps(&alert) {
            let at = due(&alert, &step);
            if at >= from && at <= now {
                take(tx, &mut alert, &step, now).await?;
            }
        }
        plan(tx, &alert, now).await?;
    }
    Ok(())
}

/// Takes one step. An alert that ended meanwhile stays so, and nobody is told.
async fn take(tx: &mut Tx, alert: &mut Alert, step: &Step, now: OffsetDateTime) -> Result<()> {
    let channels = Channel::all_named("channels", &step.channels)?;
    let users: BTreeSet<Uuid> = if step.again {
        let sql = sql!(
            "SELECT DISTINCT recipient_id FROM alerts.alert_delivery_log WHERE instance_id = $1 AND recipient_id IS NOT NULL"
        );
        let told = tx.query(sql, &[&alert.id]).await?.iter().map(|row| row.get(0)).collect();
        // Who has lost their reach since is told no more.
        audience::within(tx, told, alert.place, now).await?
    } else {
        let sql = sql!(
            "UPDATE alerts.alert_instances SET escalation_level = $2, status = 'ESCALATED', snoozed_until = NULL WHERE id = $1 \
               AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') RETURNING id"
        );
        if tx.query_opt(sql, &[&alert.id, &(alert.level + 1)]).await?.is_none() {
            return Ok(());
        }
        alert.level += 1;
        tx.emit(ESCALATED, alert.id, json!({ "level": alert.level }));
        audience::meant(tx, &step.targets, alert.place, now).await?
    };
    let reached = tell::tell(tx, &alert.word(), &users, (!channels.is_empty()).then_some(&channels[..])).await?;
    if step.again { Ok(()) } else { raise::unless_reached(tx, alert, reached).await }
}

/// Ends an alert, and with it those that were folded into it.
///
/// # Errors
/// Those of the database.
pub(super) async fn end(tx: &mut Tx, id: Uuid, (status, code): (&str, &str), by: Option<Uuid>) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE alerts.alert_instances SET status = $2::text, resolution_code = $3::text, resolved_by = $4, resolved_at = $5, \
           next_escalation_at = NULL, snoozed_until = NULL \
         WHERE (id = $1 OR parent_id = $1) AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') RETURNING id"
    );
    let ended = tx.query(sql, &[&id, &status, &code, &by, &now]).await?;
    for row in &ended {
        tx.emit(RESOLVED, row.get(0), json!({ "code": code }));
    }
    Ok(())
}

/// Brings back what was put off until now: it is told anew. What was folded into another comes back with that one.
///
/// # Errors
/// Those of the database.
pub(super) async fn wake(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE alerts.alert_instances SET status = 'ACTIVE', snoozed_until = NULL \
         WHERE status = 'SNOOZED' AND snoozed_until <= $1 AND parent_id IS NULL RETURNING id"
    );
    for row in tx.query(sql, &[&now]).await? {
        raise::begin(tx, row.get(0)).await?;
    }
    Ok(())
}

/// Ends what was not seen for so long that its definition lets it expire.
///
/// # Errors
/// Those of the database.
pub(super) async fn expire(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT i.id FROM alerts.alert_instances i \
         JOIN alerts.alert_definitions d ON d.tenant_id = i.tenant_id AND d.id = i.definition_id \
         WHERE i.status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED') AND (d.auto_resolve ->> 'after_s') IS NOT NULL \
           AND i.last_seen <= $1::timestamptz - (d.auto_resolve ->> 'after_s')::float8 * interval '1 second'"
    );
    for row in tx.query(sql, &[&now]).await? {
        end(tx, row.get(0), ("EXPIRED", "expired"), None).await?;
    }
    Ok(())
}

/// Ends the alerts about a row for which an event says that it is over.
///
/// # Errors
/// Those of the database.
pub(super) async fn end_by_event(tx: &mut Tx, event: &str, row: Uuid) -> Result<()> {
    let sql = sql!(
        "SELECT i.id FROM alerts.alert_instances i \
         JOIN alerts.alert_definitions d ON d.tenant_id = i.tenant_id AND d.id = i.definition_id \
         WHERE i.subject_ref = $1::text AND i.status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') \
           AND jsonb_exists(d.auto_resolve -> 'on', $2)"
    );
    for found in tx.query(sql, &[&row.to_string(), &event]).await? {
        end(tx, found.get(0), ("RESOLVED", "over"), None).await?;
    }
    Ok(())
}

/// Takes the next step of a chain now, because a person asked for it. One that has ended since has no next step.
///
/// # Errors
/// Those of the database.
pub(super) async fn hasten(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let Some(id) = task.row else { return Ok(()) };
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT id FROM alerts.alert_instances WHERE id = $1 AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') \
         FOR UPDATE"
    );
    if tx.query_opt(sql, &[&id]).await?.is_none() {
        return Ok(());
    }
    let mut alert = Alert::load(tx, id).await?;
    let mut next = steps(&alert).into_iter().filter(|step| !step.again && due(&alert, step) > alert.chain_from);
    // A level that was reached is not told again: the steps are the levels from the second on.
    let reached = usize::try_from(alert.level.max(1) - 1).unwrap_or(0);
    let Some(step) = next.nth(reached) else { return Ok(()) };
    take(tx, &mut alert, &step, now).await?;
    alert.chain_from = now - Duration::seconds(step.after_s);
    let sql = sql!("UPDATE alerts.alert_instances SET chain_from = $2 WHERE id = $1");
    tx.query(sql, &[&id, &alert.chain_from]).await?;
    plan(tx, &alert, now).await
}
