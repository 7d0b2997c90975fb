//! What a person decides about a case: how sure it is, and which disease. A suspicion is confirmed or ruled out and a mistake corrected
//! here; what the visit says later changes it no more.

use super::{asking, intake, rules};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Method, Op, Reply, Tx, run};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// How sure a case can be.
pub(super) const CLASSES: [&str; 4] = ["SUSPECT", "PROBABLE", "CONFIRMED", "RULED_OUT"];

/// Deciding.
pub(super) fn action() -> Op {
    Op {
        method: Method::Patch,
        path: "/api/v1/health/outbreaks/symptoms/{id}".into(),
        name: "school.symptom.decide".into(),
        permission: "school.visit.write",
        summary: "Confirm a case, rule it out or correct its disease, and say why; a person decides it".into(),
        target: intake::TABLE,
        params: Vec::new(),
        input: Some(
            json!({"type": "object", "required": ["case_class", "reason"], "additionalProperties": false, "properties": {
            "case_class": {"type": "string", "enum": CLASSES, "description": "How sure it is; RULED_OUT counts no more"},
            "disease_code": {"type": ["string", "null"], "enum": rules::codes(),
                             "description": "The disease; null for none, and as it was when it is left out"},
            "reason": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "Why, such as the laboratory's result; it is sealed"}}}),
        ),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(decide(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    case_class: String,
    #[serde(default)]
    disease_code: Option<String>,
    reason: String,
}

async fn decide(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let names_disease = call.body.get("disease_code").is_some();
    let decision: Decision = call.input()?;
    let before = tx.get(intake::TABLE, id, &["student_id", "disease_code", "syndrome"]).await?;
    // It is about one student, whose symptoms are in the answer.
    if !tx.ctx.may("kernel.phi.read") {
        return Err(Error::Forbidden("kernel.phi.read".into()));
    }
    if tx.ctx.actor.kind != ActorKind::User {
        let detail = "A person who signed in decides what a case is";
        return Err(Error::Conflict { code: "person_required", detail: detail.into() });
    }
    if !CLASSES.contains(&decision.case_class.as_str()) {
        return Err(Error::invalid("case_class", "not_allowed", format!("Is one of {}", CLASSES.join(", "))));
    }
    rules::known_disease("disease_code", decision.disease_code.as_deref())?;
    let reason = decision.reason.trim();
    if reason.is_empty() || reason.chars().count() > 1000 {
        return Err(Error::invalid("reason", "required", "Say why in at most 1000 characters"));
    }
    let now = tx.ctx.env.now();
    let mut values = row(json!({
        "case_class": decision.case_class, "decided_by": tx.ctx.actor.id, "decided_at": clock::text(now)?, "decision_reason": reason,
    }));
    if names_disease {
        values.insert("disease_code".into(), json!(decision.disease_code));
    }
    let made = tx.update(intake::TABLE, id, call.if_match, values).await?;
    let student: Uuid = before.text("student_id").parse().map_err(Error::internal)?;
    tx.about(student);
    if decision.case_class != "RULED_OUT" {
        let disease: Vec<String> =
            Some(made.text("disease_code").to_owned()).filter(|d| !d.is_empty()).into_iter().collect();
        asking::ask_if_one_is_enough(tx, (&disease, &[before.text("syndrome").to_owned()])).await?;
    }
    Ok(Reply::row(made))
}
