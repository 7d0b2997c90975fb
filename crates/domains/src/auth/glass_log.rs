//! Emergency accesses as a reviewer reads them: who, whose record, why, how much was looked at, and what the review found.
//! The person is named by pseudonym: to judge an access, their name is not needed.

use super::display_names;
use crate::{audit, clock, medical};
use salus_core::{Error, Result};
use salus_store::{At, Call, Method, Op, Param, Reply, Row, Tx, run, sql};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Accesses in one answer.
const MOST: i64 = 200;

/// The log.
#[must_use]
pub fn reads() -> Vec<Op> {
    vec![Op {
        method: Method::Get,
        path: "/api/v1/auth/glass-log".to_owned(),
        name: "auth.glass.log".to_owned(),
        permission: "auth.glass.read",
        summary: "Emergency accesses with their reasons, uses and reviews; those to be reviewed first".to_owned(),
        target: "auth.glass_breaks",
        params: vec![
            Param {
                name: "open".into(),
                doc: "true: only those that wait for a review".into(),
                schema: json!({"type": "boolean"}),
            },
            Param {
                name: "limit".into(),
                doc: "How many, at most".into(),
                schema: json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST}),
            },
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(log(tx, call))),
    }]
}

async fn log(tx: &mut Tx, call: Call) -> Result<Reply> {
    let waiting = match call.query_value("open") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Error::invalid("open", "wrong_type", "Is true or false")),
    };
    let limit = match call.query_value("limit").map(str::parse) {
        None => MOST,
        Some(Ok(n)) if (1..=MOST).contains(&n) => n,
        Some(_) => return Err(Error::invalid("limit", "not_allowed", format!("Is a number from 1 to {MOST}"))),
    };
    let sql = sql!(
        "SELECT id, user_id, patient_id, reason, opened_at, ends_at, ended_at, to_char(review_due_on, 'YYYY-MM-DD') AS due, \
           reviewed_at, reviewed_by, review_outcome::text AS outcome, review_note \
         FROM auth.glass_breaks WHERE NOT $1 OR reviewed_at IS NULL \
         ORDER BY reviewed_at IS NOT NULL, opened_at DESC LIMIT $2"
    );
    let rows = tx.query(sql, &[&waiting, &limit]).await?;
    let people = rows.iter().flat_map(|r| [r.get::<_, Option<Uuid>>("user_id"), r.get("reviewed_by")]).flatten();
    let names = display_names(tx, people.collect::<Vec<_>>().into_iter()).await?;
    let patients: Vec<Uuid> = rows.iter().map(|r| r.get("patient_id")).collect();
    let pseudonyms = medical::pseudonyms(tx, &patients).await?;
    let mut data = Vec::with_capacity(rows.len());
    for row in &rows {
        let (user, patient): (Uuid, Uuid) = (row.get("user_id"), row.get("patient_id"));
        let until: OffsetDateTime = row.get::<_, Option<_>>("ended_at").unwrap_or_else(|| row.get("ends_at"));
        let accesses = audit::uses_through_glass(tx, (user, patient), (row.get("opened_at"), until)).await?;
        let name = |id: Uuid| names.get(&id).cloned().unwrap_or_default();
        data.push(json!({
            "id": row.get::<_, Uuid>("id"),
            "user_id": user,
            "user_name": name(user),
            "patient_id": patient,
            "pseudonym": pseudonyms.get(&patient),
            "reason": opened(tx, row, "reason")?,
            "opened_at": moment(Some(row.get("opened_at")))?,
            "ends_at": moment(Some(until))?,
            "uses": accesses,
            "review_due_on": row.get::<_, String>("due"),
            "reviewed_at": moment(row.get("reviewed_at"))?,
            "reviewer_name": row.get::<_, Option<Uuid>>("reviewed_by").map(name),
            "outcome": row.get::<_, Option<String>>("outcome"),
            "note": opened(tx, row, "review_note")?,
            "own": user == tx.ctx.actor.id,
        }));
        tx.about(patient);
    }
    tx.count(rows.len());
    Ok(Reply::json(json!({"data": data})))
}

fn opened(tx: &mut Tx, row: &Row, column: &'static str) -> Result<Value> {
    match row.get::<_, Option<&[u8]>>(column) {
        None => Ok(Value::Null),
        Some(sealed) => tx.open_value(At { table: "auth.glass_breaks", column, row: row.get("id") }, sealed),
    }
}

fn moment(at: Option<OffsetDateTime>) -> Result<Option<String>> {
    at.map(clock::text).transpose()
}
