//! What a person decides about the log: a sign of tampering is looked at or explained, and the sealed detail of an event
//! goes. The sign stays as it was found, the event keeps its header and its leaf, and each decision is in the log.

use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Reply, Tx, catalog::row_schema, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const TABLE: &str = "audit.tamper_alerts";

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Acknowledge,
    Close,
}

impl Decision {
    fn state(self) -> &'static str {
        if self == Self::Acknowledge { "ACKNOWLEDGED" } else { "CLOSED" }
    }

    /// The states in which it can be decided.
    fn from(self) -> &'static [&'static str] {
        if self == Self::Acknowledge { &["OPEN"] } else { &["OPEN", "ACKNOWLEDGED"] }
    }
}

/// Acknowledging and closing an alert.
///
/// # Errors
/// [`Error::Internal`] when the table of alerts is not there.
pub fn actions(catalog: &salus_store::Catalog) -> Result<Vec<Op>> {
    let output = row_schema(catalog.table(TABLE)?);
    let op = |verb: &str, summary: &str, decision: Decision| Op {
        method: Method::Post,
        path: format!("/api/v1/audit/tamper-alerts/{{id}}/{verb}"),
        name: format!("audit.tamper_alert.{verb}"),
        permission: "audit.alert.decide",
        summary: summary.to_owned(),
        target: TABLE,
        params: Vec::new(),
        input: Some(input()),
        output: output.clone(),
        run: run(move |tx, call| Box::pin(decide(tx, call, decision))),
    };
    Ok(vec![
        op("acknowledge", "Say that somebody is looking at an alert", Decision::Acknowledge),
        op("close", "Close an alert that is explained", Decision::Close),
        Op {
            path: "/api/v1/audit/events/{id}/redact".into(),
            name: "audit.event.redact".into(),
            permission: "audit.event.redact",
            summary: "Remove the sealed detail of an event for good; its header, its leaf and all proofs stay".into(),
            target: "audit.activity_logs",
            output: json!({"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}, "redacted": {"type": "boolean"}}}),
            run: run(|tx, call| Box::pin(redact(tx, call))),
            ..op("redact", "", Decision::Close)
        },
    ])
}

fn input() -> Value {
    let reason = json!({"type": "string", "minLength": 1, "maxLength": 2000,
                        "description": "Why. It is not sealed: name nobody"});
    json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {"reason": reason}})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

/// The reason of a decision.
fn reason(call: &mut Call) -> Result<String> {
    let Why { reason } = call.input()?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 2000 {
        return Err(Error::invalid("reason", "required", "Says in 1 to 2000 characters why"));
    }
    Ok(reason.to_owned())
}

/// Raises an alert about a row of the tenant, in the transaction of what it is about.
///
/// # Errors
/// Those of the database.
pub async fn raise(tx: &mut Tx, kind: &str, what: &str, (table, id): (&str, Uuid)) -> Result<()> {
    let (alert, now) = (tx.ctx.env.id(), tx.ctx.env.now());
    let sql = sql!(
        "INSERT INTO audit.tamper_alerts (id, created_at, noted_on, kind, table_name, row_id, what) \
         VALUES ($1, $2, $3, $4::text, $5::text, $6, $7::text)"
    );
    tx.query(sql, &[&alert, &now, &now.date(), &kind, &table, &id, &what]).await?;
    Ok(())
}

async fn redact(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (id, basis) = (call.id()?, reason(&mut call)?);
    salus_store::audit::redact(tx, id, &basis).await?;
    Ok(Reply::json(json!({"id": id, "redacted": true})))
}

async fn decide(tx: &mut Tx, mut call: Call, decision: Decision) -> Result<Reply> {
    let (id, reason) = (call.id()?, reason(&mut call)?);
    let (now, by) = (tx.ctx.env.now(), tx.ctx.actor.id);
    let done = tx
        .query(
            sql!(
                "UPDATE audit.tamper_alerts SET state = $2::text, decided_at = $3, decided_by = $4, reason = $5::text \
                 WHERE id = $1 AND state::text = ANY($6) RETURNING id"
            ),
            &[&id, &decision.state(), &now, &by, &reason, &decision.from()],
        )
        .await?;
    let row = tx.get(TABLE, id, &[]).await?;
    if done.is_empty() {
        let detail = format!("This alert is {} already", row.text("state").to_lowercase());
        return Err(Error::Conflict { code: "already_decided", detail });
    }
    tx.on_row(id);
    Ok(Reply::row(row))
}
