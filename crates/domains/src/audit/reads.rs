//! The log by time, and by person.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Row, Tx, run, sql};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const LIMIT: i64 = 100;

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    let params = || {
        let param =
            |name: &str, doc: &str| Param { name: name.into(), doc: doc.into(), schema: json!({"type": "string"}) };
        vec![
            param("before", "Only events before this time (RFC 3339): the value of next from the page before"),
            param("actor", "Only events of this user"),
            param("action", "Only events of this operation"),
        ]
    };
    vec![
        Op {
            params: params(),
            run: run(|tx, call| Box::pin(log(tx, call))),
            ..op("list", "/api/v1/audit/events", "The audit log, newest first")
        },
        Op {
            params: params().into_iter().take(1).collect(),
            permission: "audit.subject.read",
            target: "medical.patients",
            run: run(|tx, call| Box::pin(accesses(tx, call))),
            ..op(
                "accesses",
                "/api/v1/audit/patients/{id}/accesses",
                "Who saw or changed one person's record, newest first",
            )
        },
    ]
}

fn op(verb: &str, path: &str, summary: &str) -> Op {
    Op {
        method: Method::Get,
        path: path.to_owned(),
        name: format!("audit.log.{verb}"),
        permission: "audit.log.read",
        summary: summary.to_owned(),
        target: "audit.activity_logs",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object", "properties": {"data": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}}),
        run: run(|_, _| Box::pin(async { Err(Error::NotFound) })),
    }
}

async fn log(tx: &mut Tx, call: Call) -> Result<Reply> {
    let before = before(tx, &call)?;
    let actor = match call.query_value("actor") {
        None => None,
        Some(text) => Some(text.parse::<uuid::Uuid>().map_err(|_| Error::invalid("actor", "wrong_type", "Is a UUID"))?),
    };
    let action = call.query_value("action").map(str::to_owned);
    let rows = tx
        .query(
            sql!(
                "SELECT l.recorded_at, l.header, l.outcome FROM audit.activity_logs l \
                 WHERE l.recorded_at < $1 AND ($2::uuid IS NULL OR l.actor_id = $2) AND ($3::text IS NULL OR l.action = $3) \
                 ORDER BY l.recorded_at DESC, l.id DESC LIMIT $4"
            ),
            &[&before, &actor, &action, &(LIMIT + 1)],
        )
        .await?;
    page(tx, &rows).await
}

async fn accesses(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (patient, before) = (call.id()?, before(tx, &call)?);
    tx.get("medical.patients", patient, &["pseudonym"]).await?;
    let rows = tx
        .query(
            sql!(
                "SELECT l.recorded_at, l.header, l.outcome FROM audit.event_subjects s \
                 JOIN audit.activity_logs l ON l.tenant_id = s.tenant_id AND l.recorded_at = s.recorded_at AND l.id = s.id \
                 WHERE s.subject_id = $1 AND s.recorded_at < $2 ORDER BY s.recorded_at DESC, s.id DESC LIMIT $3"
            ),
            &[&patient, &before, &(LIMIT + 1)],
        )
        .await?;
    page(tx, &rows).await
}

fn before(tx: &Tx, call: &Call) -> Result<OffsetDateTime> {
    match call.query_value("before") {
        None => Ok(tx.ctx.env.now() + time::Duration::days(1)),
        Some(text) => OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Error::invalid("before", "wrong_type", "Is a time such as 2026-11-21T10:00:00Z")),
    }
}

/// Headers as JSON with the names of the actors, and where to go on.
async fn page(tx: &mut Tx, rows: &[Row]) -> Result<Reply> {
    let limit = usize::try_from(LIMIT).unwrap_or(usize::MAX);
    let next =
        rows.get(limit).and_then(|_| rows[limit - 1].get::<_, OffsetDateTime>("recorded_at").format(&Rfc3339).ok());
    let mut events: Vec<Value> = Vec::with_capacity(rows.len().min(limit));
    for row in rows.iter().take(limit) {
        let mut header: Value = serde_json::from_slice(row.get("header")).map_err(Error::internal)?;
        let subjects = header.get("subjects").and_then(Value::as_str).unwrap_or_default();
        let people = URL_SAFE_NO_PAD.decode(subjects).map_or(0, |ids| ids.len() / 16);
        if let Some(members) = header.as_object_mut() {
            members.remove("subjects");
            members.insert("people".into(), json!(people));
        }
        events.push(header);
    }
    let names = crate::auth::display_names(tx, events.iter().filter_map(|e| e["actor"].as_str()?.parse().ok())).await?;
    for event in &mut events {
        let name = event["actor"].as_str().and_then(|id| id.parse().ok()).and_then(|id| names.get(&id)).cloned();
        event["actor_name"] = json!(name);
    }
    tx.count(events.len());
    Ok(Reply::json(json!({"data": events, "next": next})))
}
