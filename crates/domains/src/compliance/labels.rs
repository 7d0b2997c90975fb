//! Labels that close a person's whole record, or one row of it. What they close and what opens them is decided by the
//! database (`kernel.closed` in `db/replaceable/reach.sql`); here they are put on and taken away.

use crate::row;
use salus_core::{Error, Result};
use salus_store::{
    Call, Catalog, Method, Op, Reply, Resource, Run, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lift {
    lift_reason: String,
}

/// Labels; put on and taken away by the actions below.
pub const LABELS: Resource = Resource {
    table: "compliance.sensitivity_labels",
    path: "compliance/sensitivity-labels",
    noun: "compliance.sensitivity_label",
    read: "compliance.sensitivity.read",
    write: None,
    filters: &["patient_id", "label", "row_id"],
    locked: &["lifted_at", "lift_reason"],
    list: &[],
};

/// Whether any record of the tenant bears a label. Those who sign in are asked about labels only then.
///
/// # Errors
/// Those of the database.
pub async fn is_labelled(tx: &mut Tx) -> Result<bool> {
    let sql = sql!("SELECT EXISTS (SELECT FROM compliance.sensitivity_labels WHERE lifted_at IS NULL)");
    Ok(tx.query_opt(sql, &[]).await?.is_some_and(|found| found.get(0)))
}

/// Putting a label on and taking it away.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(LABELS.table)?;
    let op = |path: &str, verb: &str, summary: &str, input: Value, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/compliance/sensitivity-labels{path}"),
        name: format!("compliance.sensitivity_label.{verb}"),
        permission: if verb == "lift" { "compliance.sensitivity.lift" } else { "compliance.sensitivity.write" },
        summary: summary.to_owned(),
        target: "compliance.sensitivity_labels",
        params: Vec::new(),
        input: Some(input),
        output: json!({"type": "object"}),
        run,
    };
    Ok(vec![
        op(
            "",
            "create",
            "Close a person's whole record, or one row of it, to those without consent",
            write_schema(table, LABELS.locked, true),
            run(|tx, call| Box::pin(create(tx, call))),
        ),
        op(
            "/{id}/lift",
            "lift",
            "Take a label away, with the reason",
            json!({
                "type": "object",
                "properties": {"lift_reason": {"type": "string"}},
                "required": ["lift_reason"],
                "additionalProperties": false,
            }),
            run(|tx, call| Box::pin(lift(tx, call))),
        ),
    ])
}

async fn create(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let values = writable(&LABELS, db.catalog().table(LABELS.table)?, call.body)?;
    let id_of = |name: &str| values.get(name).and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
    if let (Some(Value::String(name)), Some(row)) = (values.get("table_name"), id_of("row_id")) {
        let table = db.catalog().tables().find(|t| t.name == *name && t.subject.is_some());
        let subject = table.and_then(|table| table.subject.clone());
        let subject = subject
            .ok_or_else(|| Error::invalid("table_name", "not_allowed", "Is a table whose rows are about a person"))?;
        let found = tx.get(name, row, &[&subject]).await;
        let found = found
            .map_err(|_| Error::invalid("row_id", "no_such_record", "Must name an existing record of that table"))?;
        // Consents are asked of the person whom the label names: another one's would open the row.
        if found.text(&subject).parse().ok() != id_of("patient_id") {
            return Err(Error::invalid("row_id", "other_person", "Must name a record of the person of the label"));
        }
    }
    let (id, patient) = (tx.ctx.env.id(), id_of("patient_id"));
    let made = tx.create(LABELS.table, NewRow { id, values }).await?;
    if let Some(patient) = patient {
        tx.about(patient);
    }
    Ok(Reply::created(made))
}

async fn lift(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Lift { lift_reason } = call.input()?;
    let now = tx.ctx.env.now();
    let sql =
        sql!("SELECT patient_id, lifted_at IS NOT NULL AS lifted FROM compliance.sensitivity_labels WHERE id = $1");
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    if found.get("lifted") {
        return Err(Error::Conflict { code: "already_lifted", detail: "This label was taken away before".into() });
    }
    let at = now.format(&time::format_description::well_known::Rfc3339).map_err(Error::internal)?;
    let values = row(json!({"lifted_at": at, "lift_reason": lift_reason}));
    let changed = tx.update("compliance.sensitivity_labels", id, None, values).await?;
    tx.about(found.get("patient_id"));
    Ok(Reply::row(changed))
}
