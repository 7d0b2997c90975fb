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
use crate::auth;
use salus_core::Result;
use salus_store::{
    Tx,
    jobs::{Job, Retry, Task, When, Work},
    sql,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
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
        "kernel.jobs_dead" => {
            sql!("SELECT count(*)::float8 FROM kernel.jobs WHERE state IN ('dead', 'quarantined')")
        }
        _ => return Ok(None),
    };
    Ok(tx.query_opt(sql, &[]).await?.and_then(|row| row.get(0)))
}
