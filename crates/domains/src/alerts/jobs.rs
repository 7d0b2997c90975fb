//! What is done about alerts without anybody asking: definitions are compared with events and, every minute, with what is
//! measured; chains go on at their time; what was held is sent; what became of a delivery is written down.

use super::{
    actions::{ACKNOWLEDGED, HASTENED},
    chain,
    condition::{Condition, EVENT_NAMES, Facts},
    definitions::{self, Definition},
    raise::{self, More, Raised},
    replay,
    severity::Target,
    tell,
};
use crate::{auth, clock};
use salus_core::Result;
use salus_store::{
    Row, Tx,
    jobs::{Cron, Job, Retry, Task, When, Work, Zone},
    sql,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// The jobs of this domain.
#[must_use]
pub fn jobs() -> Vec<Job> {
    let local = |name, when, work| Job { name, when, retry: Retry::default(), work };
    vec![
        local(
            "alerts.evaluate",
            When::Wanted(EVENT_NAMES, |tx, events| Box::pin(wanted(tx, events))),
            Work::local(|tx, task| Box::pin(evaluate(tx, task))),
        ),
        local("alerts.sweep", When::Cron("* * * * *"), Work::local(|tx, _| Box::pin(sweep(tx)))),
        local(chain::ESCALATE, When::Asked, Work::local(|tx, _| Box::pin(chain::escalate_due(tx)))),
        local("alerts.hasten", When::Events(&[HASTENED]), Work::local(|tx, task| Box::pin(chain::hasten(tx, task)))),
        local(
            "alerts.note_delivery",
            When::Events(&[auth::SETTLED]),
            Work::local(|tx, task| Box::pin(tell::note(tx, task))),
        ),
        local(
            "alerts.quieten",
            When::Events(&[ACKNOWLEDGED, chain::RESOLVED]),
            Work::local(|tx, task| Box::pin(tell::quieten(tx, task))),
        ),
    ]
}

/// What is due every minute. A chain is also carried on at its moment; what that misses is found here.
async fn sweep(tx: &mut Tx) -> Result<()> {
    definitions::prepare(tx).await?;
    measure(tx).await?;
    at_set_times(tx).await?;
    chain::wake(tx).await?;
    chain::expire(tx).await?;
    chain::escalate_due(tx).await?;
    tell::send_held(tx).await
}

/// Events that a definition in force names, to fire or to end an alert.
async fn wanted(tx: &mut Tx, events: &[&str]) -> Result<Vec<String>> {
    definitions::prepare(tx).await?;
    let all = definitions::in_force(tx).await?;
    let mut named = BTreeSet::new();
    for definition in &all {
        named.extend(definition.auto_resolve.on.iter().map(String::as_str));
        named.extend(definition.condition.iter().flat_map(Condition::named_events));
    }
    Ok(events.iter().filter(|event| named.contains(*event)).map(|event| (*event).to_owned()).collect())
}

/// Compares every definition in force with one event.
async fn evaluate(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let (Some(event), row) = (task.event.clone(), task.row) else { return Ok(()) };
    if let Some(row) = row {
        chain::end_by_event(tx, &event, row).await?;
    }
    let all = definitions::in_force(tx).await?;
    let mine = |d: &&Definition| d.condition.as_ref().is_some_and(|c| c.named_events().contains(event.as_str()));
    let mine: Vec<&Definition> = all.iter().filter(mine).collect();
    let conditions: Vec<&Condition> = mine.iter().filter_map(|d| d.condition.as_ref()).collect();
    let mut facts = facts(tx, &conditions).await?;
    facts.event = Some((event.clone(), task.body.clone()));
    for definition in mine {
        if definition.condition.as_ref().is_some_and(|c| c.holds(&facts)) {
            fire(tx, definition, &event, row, &task.body).await?;
        }
    }
    Ok(())
}

/// Raises the alert of a definition.
async fn fire(tx: &mut Tx, definition: &Definition, event: &str, row: Option<Uuid>, body: &Value) -> Result<Uuid> {
    let id = |name: &str| body.get(name).and_then(Value::as_str).and_then(|text| text.parse::<Uuid>().ok());
    let key = replay::key(&definition.key, event, row, body);
    let subject = row.map_or_else(|| definition.code.clone(), |row| row.to_string());
    let raised = Raised {
        key: &key,
        severity: definition.severity.name(),
        category: &definition.category,
        title: &definition.name,
        school: id("school"),
        subject: &subject,
    };
    let targets = id("user").map(Target::User).into_iter().collect();
    let more = More { targets, context: json!({ "event": event }), ..More::default() };
    raise::raise_with(tx, &raised, &more).await
}

/// Asks every definition that is measured, and ends the alerts of those that hold no more.
async fn measure(tx: &mut Tx) -> Result<()> {
    let all: Vec<Definition> = definitions::in_force(tx).await?.into_iter().filter(|d| d.source == "METRIC").collect();
    let conditions: Vec<&Condition> = all.iter().filter_map(|d| d.condition.as_ref()).collect();
    let facts = facts(tx, &conditions).await?;
    for definition in &all {
        let Some(condition) = &definition.condition else { continue };
        if condition.holds(&facts) {
            if !is_open(tx, definition).await? {
                fire(tx, definition, "", None, &Value::Null).await?;
            }
        } else if definition.auto_resolve.when_clear {
            let sql = sql!(
                "SELECT i.id FROM alerts.alert_instances i \
                 JOIN alerts.alert_definitions d ON d.tenant_id = i.tenant_id AND d.id = i.definition_id \
                 WHERE d.code = $1::text AND i.status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED')"
            );
            for row in tx.query(sql, &[&definition.code]).await? {
                chain::end(tx, row.get(0), ("RESOLVED", "over"), None).await?;
            }
        }
    }
    Ok(())
}

/// Fires the definitions whose set time has come. When each comes next stands in a row that is held meanwhile and moves on in the
/// transaction of the alert: a time is neither missed nor done twice. Times that were missed are made up for once.
async fn at_set_times(tx: &mut Tx) -> Result<()> {
    let all: Vec<Definition> =
        definitions::in_force(tx).await?.into_iter().filter(|d| d.source == "SCHEDULE").collect();
    let codes: Vec<&str> = all.iter().map(|d| d.code.as_str()).collect();
    // One that was switched off begins anew, and makes up for nothing, when it is switched on.
    tx.query(sql!("DELETE FROM alerts.alert_schedules WHERE code <> ALL($1::text[])"), &[&codes]).await?;
    if all.is_empty() {
        return Ok(());
    }
    let (now, name) = (tx.ctx.env.now(), auth::timezone(tx).await?);
    let zone = Zone::named(&name);
    for definition in &all {
        let Some(condition) = &definition.condition else { continue };
        let Some(text) = condition.schedules().into_iter().next() else { continue };
        let Ok(next) = Cron::parse(text).and_then(|cron| cron.next(&zone, now)) else {
            tracing::warn!(
                code = definition.code,
                "the set time of a definition never comes: save a new version of it"
            );
            continue;
        };
        let Some(due) = due(tx, definition, (text, &name), (now, next)).await? else { continue };
        let mut facts = facts(tx, &[condition]).await?;
        facts.due = Some(text.to_owned());
        if condition.holds(&facts) {
            fire(tx, definition, "", None, &json!({"due": clock::text(due)?})).await?;
        }
    }
    Ok(())
}

/// The set time of a definition that has come, after which the next one is waited for; none while none has.
async fn due(
    tx: &mut Tx,
    definition: &Definition,
    (cron, zone): (&str, &str),
    (now, next): (OffsetDateTime, OffsetDateTime),
) -> Result<Option<OffsetDateTime>> {
    let sql = sql!(
        "SELECT id, cron::text, timezone::text, next_due_at FROM alerts.alert_schedules WHERE code = $1::text FOR UPDATE"
    );
    let known = tx.query_opt(sql, &[&definition.code]).await?;
    let same = |row: &Row| row.get::<_, &str>("cron") == cron && row.get::<_, &str>("timezone") == zone;
    let Some(known) = known.filter(same) else {
        let sql = sql!(
            "INSERT INTO alerts.alert_schedules (id, code, cron, timezone, next_due_at) \
             VALUES ($1, $2::text, $3::text, $4::text, $5) ON CONFLICT ON CONSTRAINT alert_schedules_code_uq \
             DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone, next_due_at = excluded.next_due_at, last_due_at = NULL"
        );
        tx.query(sql, &[&tx.ctx.env.id(), &definition.code, &cron, &zone, &next]).await?;
        return Ok(None);
    };
    let (id, due): (Uuid, OffsetDateTime) = (known.get("id"), known.get("next_due_at"));
    if due > now {
        return Ok(None);
    }
    let sql = sql!("UPDATE alerts.alert_schedules SET last_due_at = $2, next_due_at = $3 WHERE id = $1");
    tx.query(sql, &[&id, &due, &next]).await?;
    Ok(Some(due))
}

/// A condition that goes on holding is not something that happens again every minute.
async fn is_open(tx: &mut Tx, definition: &Definition) -> Result<bool> {
    let key = replay::key(&definition.key, "", None, &Value::Null);
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM alerts.alert_instances WHERE dedupe_key = $1::text \
           AND status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED'))"
    );
    Ok(tx.query_opt(sql, &[&key]).await?.is_some_and(|row| row.get(0)))
}

/// What these conditions are compared with, besides the event.
async fn facts(tx: &mut Tx, conditions: &[&Condition]) -> Result<Facts> {
    let mut facts = Facts::default();
    let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
    for (event, window) in conditions.iter().flat_map(|c| c.counted()) {
        let known = counted.entry(event).or_insert(0);
        *known = window.max(*known);
    }
    let sql = sql!("SELECT extract(epoch FROM clock_timestamp())::bigint");
    facts.at = tx.query_opt(sql, &[]).await?.map_or(0, |row| row.get(0));
    for (event, window) in counted {
        #[allow(clippy::cast_precision_loss, reason = "seconds of a fortnight")]
        let back = window as f64;
        let sql = sql!(
            "SELECT extract(epoch FROM created_at)::bigint FROM kernel.outbox \
             WHERE event = $1::text AND created_at > clock_timestamp() - $2 * interval '1 second' ORDER BY created_at"
        );
        let times = tx.query(sql, &[&event, &back]).await?.iter().map(|row| row.get(0)).collect();
        facts.times.insert(event.to_owned(), times);
    }
    for name in conditions.iter().flat_map(|c| c.metrics()).collect::<BTreeSet<_>>() {
        if let Some(value) = metric(tx, name).await? {
            facts.metrics.insert(name.to_owned(), value);
        }
    }
    Ok(facts)
}

/// A number of the organization; none where there is nothing to measure.
async fn metric(tx: &mut Tx, name: &str) -> Result<Option<f64>> {
    let sql = match name {
        "audit.tamper_open" => sql!(
            "SELECT (audit.open_platform_alerts() + count(*))::float8 FROM audit.tamper_alerts WHERE state <> 'CLOSED'"
        ),
        "compliance.proofs_failed" => sql!(
            "SELECT count(*)::float8 FROM (SELECT DISTINCT ON (name) verdict::text AS verdict FROM compliance.proofs \
             ORDER BY name, proved_at DESC) p WHERE p.verdict = 'FAILS'"
        ),
        "kernel.backup_age_hours" => sql!(
            "SELECT (extract(epoch FROM clock_timestamp() - max(began_at)) / 3600)::float8 FROM kernel.backups WHERE gone_at IS NULL"
        ),
        // Since the first backup where none was ever done; nothing where other tools take the backups.
        "kernel.drill_age_days" => sql!(
            "SELECT (extract(epoch FROM clock_timestamp() - coalesce(i.drilled_at, (SELECT min(began_at) FROM kernel.backups))) / 86400)::float8 \
             FROM kernel.installation i"
        ),
        "kernel.drill_failed" => sql!(
            "SELECT CASE WHEN drill_well THEN 0 ELSE 1 END::float8 FROM kernel.installation WHERE drilled_at IS NOT NULL"
        ),
        // Since the installation began where none was ever tried.
        "kernel.escrow_age_days" => sql!(
            "SELECT (extract(epoch FROM clock_timestamp() - coalesce((SELECT (value ->> 'verified_at')::timestamptz FROM kernel.settings \
               WHERE name = 'keys.escrow'), i.created_at)) / 86400)::float8 FROM kernel.installation i"
        ),
        "kernel.jobs_dead" => {
            sql!("SELECT count(*)::float8 FROM kernel.jobs WHERE state IN ('dead', 'quarantined')")
        }
        _ => return Ok(None),
    };
    Ok(tx.query_opt(sql, &[]).await?.and_then(|row| row.get(0)))
}
