//! Placing and releasing a legal hold over the interfaces. What a hold keeps is said in [`crate::audit::holds`].

use crate::audit::holds;
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Reply, Run, Tx, run};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const TABLE: &str = "audit.legal_holds";

/// The two operations.
#[must_use]
pub fn actions() -> Vec<Op> {
    let op = |tail: &str, verb: &str, summary: &str, input: Value, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/compliance/legal-holds{tail}"),
        name: format!("compliance.legal_hold.{verb}"),
        permission: "compliance.hold.manage",
        summary: summary.to_owned(),
        target: TABLE,
        params: Vec::new(),
        input: Some(input),
        output: json!({"type": "object"}),
        run,
    };
    let reason = json!({"type": "string", "minLength": 1, "maxLength": 2000, "description": "Why. It is not sealed: name nobody"});
    let mut placed = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {"reason": reason}});
    let released = placed.clone();
    placed["properties"]["subject_id"] = json!({"type": ["string", "null"], "format": "uuid", "description": "The person; without one every event of the organization"});
    vec![
        op(
            "",
            "place",
            "Keep events of the audit log whatever their age",
            placed,
            run(|tx, call| Box::pin(place(tx, call))),
        ),
        op("/{id}/release", "release", "Let a hold go", released, run(|tx, call| Box::pin(release(tx, call)))),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed {
    reason: String,
    #[serde(default)]
    subject_id: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Released {
    reason: String,
}

async fn place(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Placed { reason, subject_id } = call.input()?;
    let placed = holds::place(tx, subject_id, reason.trim()).await;
    let id = placed.map_err(|e| match e {
        Error::NotFound => Error::invalid("subject_id", "no_such_record", "Must name an existing record"),
        other => other,
    })?;
    Ok(Reply::created(tx.get(TABLE, id, &[]).await?))
}

async fn release(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Released { reason } = call.input()?;
    holds::let_go(tx, id, reason.trim()).await?;
    Ok(Reply::row(tx.get(TABLE, id, &[]).await?))
}
