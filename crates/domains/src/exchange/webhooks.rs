//! Outgoing webhooks: another system is told of an event by a signed call with ids, never with health data; what it may
//! know it reads with its own API key.
//!
//! Invariants: a subscription is told of an event by one delivery, which is tried until the receiver takes it or its job is
//! given up; each call carries the event's number, because a call that was taken may be made again when the process dies
//! before that is written down. A secret is shown once. Calls go through [`Outbound`].

use super::SUBSCRIPTIONS as RESOURCE;
use crate::{alerts, auth, clock};
use salus_core::{Error, Result};
use salus_store::{
    At, Call, Catalog, Method, Op, Record, Reply, Run, Tx,
    catalog::row_schema,
    engine::{NewRow, writable},
    jobs::{Job, Retry, Running, Task, When, Work},
    outbound::{self, Message, Outbound, Rules},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// Events that other systems may be told of.
pub const PUBLISHED: &[&str] =
    &["medical.patient.created", "medical.patient.changed", alerts::RAISED, alerts::ESCALATED, alerts::RESOLVED];

const SUBSCRIPTIONS: &str = RESOURCE.table;
const SEND: &str = "exchange.send_webhook";
/// Days that deliveries are kept.
const KEPT_DAYS: f64 = 30.0;

/// The operations on subscriptions that change something.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let op = |path: &str, verb: &str, summary: &str, input: Value, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/{}{path}", RESOURCE.path),
        name: format!("{}.{verb}", RESOURCE.noun),
        permission: "exchange.webhook.manage",
        summary: summary.to_owned(),
        target: SUBSCRIPTIONS,
        params: Vec::new(),
        input: Some(input),
        output: json!({"type": "object"}),
        run,
    };
    let text = || json!({"type": "string"});
    let mut made = row_schema(catalog.table(SUBSCRIPTIONS)?);
    made["properties"]["secret"] =
        json!({"type": "string", "description": "By which calls are signed; shown this once"});
    Ok(vec![
        Op {
            output: made,
            ..op(
                "",
                "create",
                "Tell another system of events; the reply holds the secret by which calls are signed, once",
                json!({
                    "type": "object",
                    "properties": {
                        "name": text(), "url": {"type": "string", "description": "https, on the public internet"},
                        "events": {"type": "array", "items": {"type": "string", "enum": PUBLISHED}, "description": "None: all"},
                    },
                    "required": ["name", "url"],
                    "additionalProperties": false,
                }),
                run(|tx, call| Box::pin(create(tx, call))),
            )
        },
        op(
            "/{id}/set",
            "set",
            "Begin or cease to tell a system",
            json!({"type": "object", "properties": {"is_active": {"type": "boolean"}}, "additionalProperties": false}),
            run(|tx, call| Box::pin(set(tx, call))),
        ),
    ])
}

async fn create(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let mut values = writable(&RESOURCE, db.catalog().table(SUBSCRIPTIONS)?, call.body)?;
    // What is absent or no text the engine names, together with all else that is.
    if let Some(url) = values.get("url").and_then(Value::as_str) {
        Rules::default().check(url)?;
    }
    if let Some(events) = values.get("events") {
        check_events(events)?;
    }
    let secret = outbound::new_secret()?;
    values.insert("secret".into(), json!(secret));
    let id = tx.ctx.env.id();
    let made = tx.create(SUBSCRIPTIONS, NewRow { id, values }).await?;
    // No caller reads the column back; whoever made it is told what was just put there.
    let names = made.names.iter().cloned().chain(["secret".to_owned()]).collect();
    let values = made.values.into_iter().chain([json!(secret)]).collect();
    Ok(Reply::created(Record { table: made.table, names, values }))
}

fn check_events(events: &Value) -> Result<()> {
    let wrong = |message: String| Err(Error::invalid("events", "not_allowed", message));
    let known = PUBLISHED.join(", ");
    let Some(events) = events.as_array() else { return wrong(format!("Is a list of published events: {known}")) };
    match events.iter().find(|e| e.as_str().is_none_or(|e| !PUBLISHED.contains(&e))) {
        Some(unknown) => wrong(format!("{unknown} is no published event: {known}")),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    is_active: Option<bool>,
}

async fn set(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (id, wanted): (_, Set) = (call.id()?, call.input()?);
    let sql = sql!(
        "UPDATE exchange.webhook_subscriptions SET is_active = coalesce($2, is_active) WHERE id = $1 RETURNING is_active"
    );
    let row = tx.query_opt(sql, &[&id, &wanted.is_active]).await?.ok_or(Error::NotFound)?;
    Ok(Reply::json(json!({"id": id, "is_active": row.get::<_, bool>(0)})))
}

/// The jobs of this domain.
#[must_use]
pub fn jobs(outbound: &Outbound) -> Vec<Job> {
    let outbound = outbound.clone();
    vec![
        Job {
            name: "exchange.spread_webhooks",
            when: When::Wanted(PUBLISHED, |tx, events| Box::pin(wanted(tx, events))),
            retry: Retry::default(),
            work: Work::local(|tx, task| Box::pin(spread(tx, task))),
        },
        Job {
            name: SEND,
            when: When::Asked,
            // Eight attempts in about two hours.
            retry: Retry { rest: Duration::from_mins(1), limit: Duration::from_mins(1), ..Retry::default() },
            work: Work::outside(move |run| Box::pin(send(run, outbound.clone()))),
        },
        Job {
            name: "exchange.prune_webhooks",
            when: When::Cron("53 3 * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(prune(tx))),
        },
    ]
}

/// Events that an active subscription of the tenant is told; none where the organization does not work with this module.
async fn wanted(tx: &mut Tx, events: &[&str]) -> Result<Vec<String>> {
    if auth::closed_modules(tx).await?.contains(&"exchange") {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT e.name FROM unnest($1::text[]) AS e (name) WHERE EXISTS (SELECT FROM exchange.webhook_subscriptions s \
           WHERE s.is_active AND (jsonb_array_length(s.events) = 0 OR jsonb_exists(s.events, e.name)))"
    );
    Ok(tx.query(sql, &[&events]).await?.iter().map(|row| row.get(0)).collect())
}

async fn spread(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let event: Uuid = task.key.parse().map_err(Error::internal)?;
    let (name, now) = (task.event.clone().unwrap_or_default(), tx.ctx.env.now());
    let sql = sql!(
        "SELECT id FROM exchange.webhook_subscriptions \
         WHERE is_active AND (jsonb_array_length(events) = 0 OR jsonb_exists(events, $1)) ORDER BY id"
    );
    for found in tx.query(sql, &[&name]).await? {
        let (id, subscription): (Uuid, Uuid) = (tx.ctx.env.id(), found.get(0));
        let sql = sql!(
            "INSERT INTO exchange.webhook_deliveries (id, subscription_id, event_id, event, row_id, happened_at) \
             VALUES ($1, $2, $3, $4::text, $5, $6) ON CONFLICT (tenant_id, subscription_id, event_id) DO NOTHING RETURNING id"
        );
        if tx.query_opt(sql, &[&id, &subscription, &event, &name, &task.row, &now]).await?.is_some() {
            tx.enqueue(SEND, &id.to_string(), json!({ "delivery": id }), None).await?;
        }
    }
    Ok(())
}

/// A call, ready to be made.
struct Ready {
    url: String,
    secret: String,
    event_id: String,
    body: Vec<u8>,
    at: i64,
}

async fn send(run: Running, outbound: Outbound) -> Result<()> {
    let id: Uuid = serde_json::from_value(run.task.body["delivery"].clone()).map_err(Error::internal)?;
    let ready = run.step(move |tx, _| Box::pin(ready(tx, id))).await?;
    let Some(ready) = ready else {
        return run.finish(move |tx, _| Box::pin(settle(tx, id, ("unneeded", None, None)))).await;
    };
    let headers = vec![
        ("salus-event", ready.event_id),
        ("salus-signature", outbound::sign(&ready.secret, ready.at, &ready.body)),
    ];
    let message = Message { headers, credential: None, body: ready.body };
    let told = outbound.post(&ready.url, message).await;
    if let Ok(status @ 200..=299) = told {
        return run.finish(move |tx, _| Box::pin(settle(tx, id, ("delivered", Some(status), None)))).await;
    }
    let (status, code) = match &told {
        Ok(status) => (Some(*status), None),
        Err(e) => (None, Some(e.code())),
    };
    run.step(move |tx, _| Box::pin(settle(tx, id, ("failing", status, code)))).await?;
    told.and_then(|_| Err(Error::Conflict { code: "not_taken", detail: "The receiver did not take it".into() }))
}

async fn ready(tx: &mut Tx, id: Uuid) -> Result<Option<Ready>> {
    let sql = sql!(
        "SELECT d.event_id, d.event::text, d.row_id, d.happened_at, s.id AS subscription, s.url, s.secret \
         FROM exchange.webhook_deliveries d \
         JOIN exchange.webhook_subscriptions s ON s.tenant_id = d.tenant_id AND s.id = d.subscription_id AND s.is_active \
         WHERE d.id = $1 AND d.state <> 'delivered'"
    );
    let Some(found) = tx.query_opt(sql, &[&id]).await? else { return Ok(None) };
    let mut open = |column: &str| -> Result<String> {
        let at = At { table: SUBSCRIPTIONS, column, row: found.get("subscription") };
        Ok(tx.open_value(at, found.get(column))?.as_str().unwrap_or_default().to_owned())
    };
    let (url, secret) = (open("url")?, open("secret")?);
    let event_id = found.get::<_, Uuid>("event_id").to_string();
    let happened = clock::text(found.get::<_, OffsetDateTime>("happened_at"))?;
    let body = json!({
        "id": event_id, "event": found.get::<_, &str>("event"), "row": found.get::<_, Option<Uuid>>("row_id"),
        "tenant": tx.ctx.tenant, "at": happened,
    });
    let at = tx.ctx.env.now().unix_timestamp();
    Ok(Some(Ready { url, secret, event_id, body: body.to_string().into_bytes(), at }))
}

async fn settle(
    tx: &mut Tx,
    id: Uuid,
    (state, status, code): (&'static str, Option<u16>, Option<&'static str>),
) -> Result<()> {
    let (status, now) = (status.map(i32::from), tx.ctx.env.now());
    let (delivered, called) = ((state == "delivered").then_some(now), i32::from(state != "unneeded"));
    let sql = sql!(
        "UPDATE exchange.webhook_deliveries SET state = $2::text, attempts = attempts + $3, last_status = $4, \
           last_error = $5::text, delivered_at = $6 WHERE id = $1"
    );
    tx.query(sql, &[&id, &state, &called, &status, &code, &delivered]).await?;
    Ok(())
}

async fn prune(tx: &mut Tx) -> Result<()> {
    let sql = sql!(
        "DELETE FROM exchange.webhook_deliveries WHERE state IN ('delivered', 'unneeded') \
         AND created_at < clock_timestamp() - $1 * interval '1 day'"
    );
    tx.query(sql, &[&KEPT_DAYS]).await?;
    Ok(())
}
