//! A dose that was recorded in error: what it said is kept with the reason, and the dose counts as not recorded, so that what is
//! right is recorded as any other. A dose by the clock is due again; one as needed did not happen. Nothing is deleted.

use super::{
    doses::DOSES,
    orders, stock,
    visits::{given, version_of},
};
use crate::row;
use salus_core::{Error, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Tx, engine::NewRow, run};
use serde_json::{Value, json};
use uuid::Uuid;

/// Marking an error.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let why = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "description": "Why it was an error; sealed"}}});
    Ok(vec![DOSES.action(
        (catalog.table(DOSES.table)?, "school.med.administer"),
        (Method::Post, "/{id}/error", "error"),
        ("Mark what was recorded of a dose as an error; it is kept, and the dose is recorded anew", Some(why)),
        run(|tx, call| Box::pin(error(tx, call))),
    )])
}

/// What is said when a dose is recorded, and no more when that was an error. The reference of the device stays: what it sends
/// again is not entered again.
const RECORDED: [&str; 13] = [
    "administered_at",
    "outcome",
    "dose_given",
    "lot",
    "expires_on",
    "administered_by",
    "witness_id",
    "pre_check",
    "prn_effect",
    "effect_at",
    "note",
    "reason",
    "override",
];

async fn error(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let body = orders::only(&call.body, &["reason"])?;
    if !given(&body, "reason") {
        return Err(Error::invalid("reason", "required", "Say why it was an error"));
    }
    // A version is whole or it is none: who cannot open what the dose says cannot keep it.
    if !tx.ctx.may("kernel.phi.read") {
        return Err(Error::Forbidden("kernel.phi.read".into()));
    }
    let order = tx.get(DOSES.table, id, &["order_id"]).await?;
    if let Ok(order) = order.text("order_id").parse::<Uuid>() {
        orders::lock(tx, order).await?;
    }
    let before = tx.get(DOSES.table, id, &[]).await?;
    if matches!(before.text("outcome"), "" | "MISSED") || !before.text("absence_id").is_empty() {
        let detail = "Nobody recorded anything of this dose: record what came of it";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    if !tx.ctx.may("school.med.order") && before.text("administered_by") != tx.ctx.actor.id.to_string() {
        let detail = "Who recorded the dose can mark it as an error, or a nurse";
        return Err(Error::Refused { code: "not_own", detail: detail.into() });
    }
    let kept = row(json!({
        "administration_id": before.id(), "student_id": before.text("student_id"), "version": before.get("row_version"),
        "body": before, "reason": body.get("reason"),
    }));
    let version = tx.ctx.env.id();
    tx.insert("school.administration_versions", &[NewRow { id: version, values: kept }]).await?;
    let mut values = row(json!({"error_flag": true, "rights": {}}));
    values.extend(RECORDED.map(|name| (name.to_owned(), Value::Null)));
    let now = tx.update(DOSES.table, id, call.if_match.or(Some(version_of(&before)?)), values).await?;
    stock::put_back(tx, id).await?;
    Ok(Reply::row(now))
}
